"""Intervals: against R and statsmodels, by hand at the edges, by simulation of their coverage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from flipstats.intervals import (
    ClusterSums,
    bootstrap_quantiles,
    effective_size,
    percentile_interval,
    single_quantiles,
    t_clustered,
    wilson,
    wilson_clustered,
)

REFERENCE = Path(__file__).parent / "reference"


def sums_of(cells: pl.DataFrame, column: str) -> ClusterSums:
    clusters = cells.group_by("cluster", maintain_order=True).agg(pl.col(column).sum(), pl.len())
    return ClusterSums.of(clusters[column], clusters["len"])


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 7), (7, 7), (3, 11), (499, 1000)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_equals_statsmodels(successes, trials, level):
    expected = proportion_confint(successes, trials, 1 - level, "wilson")
    assert [float(b) for b in wilson(successes, trials, level)] == pytest.approx(list(expected), abs=1e-12)


def test_wilson_of_nothing_is_nan_and_level_is_checked():
    assert np.isnan(wilson(0, 0)).all()
    with pytest.raises(ValueError) as caught:
        wilson(1, 2, 95)
    assert str(caught.value) == "level must lie between 0 and 1, got 95"


@pytest.mark.parametrize(
    "row", pl.read_csv(REFERENCE / "intervals.csv").to_dicts(), ids=lambda r: str(r["what"])
)
def test_intervals_equal_r(row):
    cells = pl.read_csv(REFERENCE / "intervals_cells.csv").filter(pl.col("design") == row["design"])
    if row["what"] in ("single", "wilson"):
        cells = cells.unique("cluster", keep="first", maintain_order=True)
    sums = sums_of(cells, "score" if row["what"] in ("mean", "single") else "yes")
    level = row["level"]
    assert float(sums.y / sums.m) == pytest.approx(row["value"], abs=1e-12)
    if row["what"] == "beta":
        size, p = float(effective_size(sums, level)), row["value"]
        tails = (1 - level) / 2, (1 + level) / 2
        low = stats.beta.ppf(tails[0], size * p, size * (1 - p) + 1)
        high = stats.beta.ppf(tails[1], size * p + 1, size * (1 - p))
    else:
        low, high = (t_clustered if row["what"] in ("mean", "single") else wilson_clustered)(sums, level)
    assert (float(low), float(high)) == pytest.approx((row["low"], row["high"]), abs=1e-9)
    if row["what"] in ("share", "mean"):
        assert float(sums.variance()) ** 0.5 == pytest.approx(row["se"], abs=1e-12)


def test_share_of_none_or_all_counts_clusters():
    none, everyone = ClusterSums.of([0] * 6, [10] * 6), ClusterSums.of([10] * 6, [10] * 6)
    assert wilson_clustered(none)[1] == pytest.approx(float(wilson(0, 6)[1]))
    assert wilson_clustered(everyone)[0] == pytest.approx(float(wilson(6, 6)[0]))
    assert wilson_clustered(none)[0] == 0
    assert wilson_clustered(everyone)[1] == 1


def test_one_cluster_counts_as_one_learner():
    low, high = wilson_clustered(ClusterSums.of([3], [4]))
    assert (float(low), float(high)) == pytest.approx([float(b) for b in wilson(0.75, 1)])
    assert np.isnan(t_clustered(ClusterSums.of([3], [4]))).all()


def test_one_cell_a_cluster_is_plain_wilson():
    sums = ClusterSums.of([1, 0, 1, 1, 0], [1] * 5)
    assert wilson_clustered(sums) == wilson(3, 5)


def test_an_effective_size_never_exceeds_the_cells():
    alternating = ClusterSums.of([1] * 40, [2] * 40)  # each cluster exactly half: no variance between them
    assert float(effective_size(alternating)) == 80


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_single_draws_have_the_distribution_of_a_plain_bootstrap(share):
    values = np.random.default_rng(5).gamma(2, size=25)
    ours = bootstrap_quantiles(values, np.arange(25), (share,), draws=20_000)[:, 0]
    rng = np.random.default_rng(6)
    plain = np.quantile(rng.choice(values, size=(20_000, 25)), share, axis=1)
    assert stats.ks_2samp(ours, plain).statistic < 0.02


def test_cluster_draws_have_the_distribution_of_resampled_clusters():
    rng = np.random.default_rng(7)
    groups = [rng.normal(rng.normal(), 1, size=size) for size in rng.integers(1, 9, size=12)]
    values, clusters = np.concatenate(groups), np.repeat(np.arange(12), [len(g) for g in groups])
    ours = bootstrap_quantiles(values, clusters, (0.25, 0.5), draws=4000)
    plain = [
        np.quantile(np.concatenate([groups[i] for i in rng.integers(0, 12, 12)]), (0.25, 0.5))
        for _ in range(4000)
    ]
    for j in range(2):
        assert stats.ks_2samp(ours[:, j], np.array(plain)[:, j]).statistic < 0.045


def test_draws_do_not_depend_on_order_or_names_but_on_the_seed():
    rng = np.random.default_rng(8)
    values, clusters = rng.normal(size=60), rng.integers(0, 15, size=60)
    shuffled = rng.permutation(60)
    names = np.array([f"learner {97 * c % 101}" for c in clusters])
    one = bootstrap_quantiles(values, clusters, (0.5,), draws=50)
    two = bootstrap_quantiles(values[shuffled], names[shuffled], (0.5,), draws=50)
    assert (one == two).all()
    assert (one != bootstrap_quantiles(values, clusters, (0.5,), draws=50, seed=1)).any()


def test_large_groups_are_drawn_fewer_times_never_fewer_than_200():
    values = np.zeros(600_000)
    assert bootstrap_quantiles(values, np.arange(600_000) // 2000, (0.5,), draws=2000).shape == (200, 1)


@pytest.mark.parametrize("n", [1, 2])
def test_tiny_samples(n):
    draws = bootstrap_quantiles([3.0] * n, range(n), (0.0, 0.5, 1.0), draws=10)
    assert (draws == 3).all()
    assert [float(b) for b in percentile_interval(draws[:, 1])] == [3, 3]


def _clustered_draws(rng, share, groups, size, icc, runs):
    """Beta-binomial clusters of unequal size, as `runs` studies at once."""
    m = rng.integers(1, 2 * size, size=(runs, groups))
    lean = rng.beta(share * (1 - icc) / icc, (1 - share) * (1 - icc) / icc, size=m.shape) if icc else share
    y = rng.binomial(m, lean)
    return ClusterSums(
        np.full(runs, groups), y.sum(1), m.sum(1), (y * y).sum(1), (y * m).sum(1), (m * m).sum(1)
    )


@pytest.mark.slow
@pytest.mark.parametrize("groups", [10, 30, 200])
@pytest.mark.parametrize(("size", "icc"), [(4, 0.0), (4, 0.3), (20, 0.1)])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_coverage_of_clustered_wilson(groups, size, icc, share):
    sums = _clustered_draws(
        np.random.default_rng([groups, size, int(100 * share)]), share, groups, size, icc, 10_000
    )
    low, high = wilson_clustered(sums)
    covered = ((low <= share) & (share <= high)).mean()
    assert 0.93 <= covered <= 0.985
    naive = wilson(sums.y, sums.m)
    if icc:
        assert ((naive[0] <= share) & (share <= naive[1])).mean() < covered


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.95])
def test_coverage_near_the_ends_is_weaker_and_known(share):
    sums = _clustered_draws(np.random.default_rng(3), share, 20, 20, 0.3, 10_000)
    low, high = wilson_clustered(sums)
    assert 0.86 <= ((low <= share) & (share <= high)).mean() <= 0.95


@pytest.mark.slow
def test_coverage_of_t_and_bootstrap_by_cluster():
    rng = np.random.default_rng(9)
    mean, median, runs = 0, 0, 1500
    for _ in range(runs):
        sizes = rng.integers(1, 6, size=40)
        values = np.repeat(rng.normal(0, 0.7, 40), sizes) + rng.normal(0, 1, sizes.sum())
        clusters = np.repeat(np.arange(40), sizes)
        low, high = t_clustered(ClusterSums.of(np.bincount(clusters, values), sizes))
        mean += bool(low <= 0 <= high)
        low, high = percentile_interval(bootstrap_quantiles(values, clusters, (0.5,), draws=400)[:, 0])
        median += bool(low <= 0 <= high)
    assert 0.93 <= mean / runs <= 0.97
    assert 0.92 <= median / runs <= 0.97


def test_groups_drawn_together_are_drawn_as_each_alone():
    groups = np.sort(np.random.default_rng(5).exponential(size=(7, 12)), axis=1)
    together = single_quantiles(groups, (0.25, 0.5, 0.9), draws=300)
    assert together.shape == (7, 300, 3)
    for values, drawn in zip(groups, together, strict=True):
        alone = bootstrap_quantiles(values[::-1], range(12), (0.25, 0.5, 0.9), draws=300)
        assert np.array_equal(alone, drawn)
        assert values[0] <= drawn.min()
        assert drawn.max() <= values[-1]


def test_of_equal_values_too_the_order_of_rows_changes_no_draw():
    rng = np.random.default_rng(6)
    values, clusters = rng.integers(0, 4, 80) / 4, rng.integers(0, 12, 80)
    one = bootstrap_quantiles(values, clusters, (0.25, 0.5), draws=200)
    for _ in range(20):
        mixed = rng.permutation(80)
        assert np.array_equal(
            one, bootstrap_quantiles(values[mixed], clusters[mixed], (0.25, 0.5), draws=200)
        )
