"""How often it is right: coverage of the primary interval, false claims on programmes without any effect."""

from __future__ import annotations

import numpy as np
import pytest
from comparison_study import table
from scipy.stats import norm

from flipstats import cohorts
from flipstats.effects.clusters import cluster_means
from flipstats.effects.means import ancova_hc3, welch
from flipstats.effects.mixed import reml_kr
from flipstats.effects.proportions import newcombe
from flipstats.errors import EstimationError

NOMINAL, LOWEST, HIGHEST = 0.95, 0.94, 0.985
SIZES = {"balanced": (12, 12), "unbalanced": (4, 30)}
EFFECT = 0.3


def coverage(groups, icc, sizes, draws, method, seed):
    """Share of drawn programmes whose 95 % interval holds the true effect."""
    random = np.random.default_rng([seed, groups, int(100 * icc), sizes[0]])
    hit = 0
    for _ in range(draws):
        d = table(random, groups, icc=icc, effect=EFFECT, sizes=sizes)
        y, arm, g = d["y"].to_numpy(), (d["arm"] == "f").to_numpy(), d["g"].to_numpy()
        found = method(y, arm, g)
        hit += found.low <= EFFECT <= found.high
    return hit / draws


def lowest(draws):
    """The rule: 94 % less 3.5 Monte-Carlo standard errors."""
    return LOWEST - 3.5 * np.sqrt(LOWEST * (1 - LOWEST) / draws)


def highest(draws):
    return HIGHEST + 3.5 * np.sqrt(HIGHEST * (1 - HIGHEST) / draws)


def primary(groups):
    return cluster_means if groups < 10 else reml_kr


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("icc", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("groups", [3, 6])
def test_the_primary_interval_covers_with_few_groups(groups, icc, sizes):
    share = coverage(groups, icc, SIZES[sizes], 250, primary(groups), 1)
    assert lowest(250) <= share <= highest(250)


@pytest.mark.parametrize("icc", [0.0, 0.3])
def test_the_primary_interval_covers_with_twelve_groups(icc):
    share = coverage(12, icc, SIZES["unbalanced"], 80, primary(12), 1)
    assert lowest(80) <= share <= highest(80)


@pytest.mark.parametrize("icc", [0.1, 0.3])
def test_a_test_of_learners_fails_where_groups_were_assigned(icc):
    share = coverage(6, icc, SIZES["unbalanced"], 250, lambda y, arm, g: welch(y, arm), 1)
    assert share < lowest(250)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("icc", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("groups", [3, 6, 12, 30])
def test_the_primary_interval_covers_in_full(groups, icc, sizes):
    draws = 10_000
    share = coverage(groups, icc, SIZES[sizes], draws, primary(groups), 2)
    assert lowest(draws) <= share <= highest(draws)


SIDES = {"small": (12, 12), "unequal": (15, 60), "large": (150, 150)}


def coverage_of_learners(method, sides, draws, seed):
    """Share of trials of learners, drawn one by one, whose interval holds the true effect."""
    random, hit = np.random.default_rng([seed, *sides]), 0
    arm = np.repeat([1, 0], sides)
    for _ in range(draws):
        x = random.normal(size=len(arm))
        if method == "newcombe":
            y, truth = (random.random(len(arm)) < np.where(arm == 1, 0.75, 0.6)).astype(float), 0.15
            found = newcombe(y, arm)
        else:
            noise = np.where(arm == 1, 1.0, 1.4) * random.normal(size=len(arm))
            y, truth = 0.5 * x + EFFECT * arm + noise, EFFECT
            found = welch(y, arm) if method == "welch" else ancova_hc3(y, arm, covariates=x)
        hit += found.low <= truth <= found.high
    return hit / draws


def coverage_of_completion(groups, icc, sizes, draws, seed):
    """Share of programmes whose interval of group proportions holds the true difference of shares.

    A draw in which all groups of an arm have the same share is refused; hardly any is.
    """
    random = np.random.default_rng([seed, groups, int(100 * icc), sizes[0]])
    truth, hit, refused = float(norm.cdf(0.6) - norm.cdf(0.2)), 0, 0
    for _ in range(draws):
        size = random.integers(sizes[0], sizes[1] + 1, 2 * groups)
        g = np.repeat(np.arange(2 * groups), size)
        shift = np.sqrt(icc) * random.normal(size=2 * groups)[g] + np.where(g % 2 == 1, 0.6, 0.2)
        passed = (shift + np.sqrt(1 - icc) * random.normal(size=len(g)) > 0).astype(float)
        try:
            found = cluster_means(passed, g % 2, g)
            hit += found.low <= truth <= found.high
        except EstimationError:
            refused += 1
    assert refused <= 0.01 * draws
    return hit / (draws - refused)


@pytest.mark.parametrize("method", ["welch", "ancova_hc3", "newcombe"])
def test_the_interval_of_learners_covers(method):
    assert lowest(250) <= coverage_of_learners(method, SIDES["unequal"], 250, 5) <= highest(250)


@pytest.mark.slow
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("method", ["welch", "ancova_hc3", "newcombe"])
def test_the_interval_of_learners_covers_in_full(method, sides):
    draws = 10_000
    assert lowest(draws) <= coverage_of_learners(method, SIDES[sides], draws, 6) <= highest(draws)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("icc", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("groups", [3, 6, 12, 30])
def test_the_interval_of_completion_in_groups_covers_in_full(groups, icc, sizes):
    draws = 10_000
    share = coverage_of_completion(groups, icc, SIZES[sizes], draws, 7)
    assert lowest(draws) <= share <= highest(draws)


def verdicts(programmes, seed):
    """Verdicts on programmes whose true effect is 0, of every size, clustering and way to assign."""
    random = np.random.default_rng(seed)
    counts = {}
    for k in range(programmes):
        groups = (3, 4, 6, 8, 12)[k % 5]
        frame = table(random, groups, icc=(0.0, 0.1, 0.3)[k % 3], sizes=tuple(SIZES.values())[k % 2])
        found = cohorts.compare_table(
            frame, outcome="y", arm="arm", treated="f", control="c", cluster="g",
            pre="x" if k % 4 else None, assignment=("random_cluster", "nonrandom")[k % 7 == 0], seed=k,
        )  # fmt: skip
        counts[found.verdict.code] = counts.get(found.verdict.code, 0) + 1
    return counts


def test_hardly_ever_works_where_nothing_works():
    counts = verdicts(60, 3)
    assert counts.get("works", 0) <= 5  # 2.5 % and 3.5 standard errors


@pytest.mark.slow
def test_works_is_said_of_at_most_one_null_programme_in_forty():
    counts = verdicts(2_000, 4)
    assert counts.get("works", 0) <= 50
    assert counts.get("harm", 0) <= 70
