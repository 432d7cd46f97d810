"""Missing outcomes: pooling and imputations against mice, bounds, properties, hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from effects_reference import reference, reference_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects.cr2 import cr2
from flipstats.effects.imputation import fill_gaps
from flipstats.effects.means import ancova_hc3, mannwhitney, welch
from flipstats.effects.missing import (
    complete_case,
    missing_outcomes,
    missing_rates,
    multiple_imputation,
    pool,
    worst_case,
)
from flipstats.effects.mixed import reml_kr
from flipstats.effects.results import t_estimate
from flipstats.errors import EmptyArmError, EstimationError, ParameterError

R = reference("missing")


def adjusted(y, treated, covariates, clusters):
    return ancova_hc3(y, treated, covariates=covariates)


def plain(y, treated, covariates, clusters):
    return welch(y, treated)


def grouped(y, treated, covariates, clusters):
    return cr2(y, treated, clusters, covariates=covariates)


@pytest.mark.parametrize(("case", "df"), [("pool", 57), ("pool_infinite", np.inf)])
def test_pooling_equal_to_mice(case, df):
    values, variances = (2.10, 2.35, 1.98, 2.22, 2.41), (0.21, 0.19, 0.23, 0.20, 0.22)
    parts = [
        t_estimate(q, np.sqrt(u), 57, level=0.95, method="m", variant="raw", n_treated=30, n_control=30)
        for q, u in zip(values, variances, strict=True)
    ]
    found, r = pool(parts, df_complete=df), R[case]
    assert (found.value, found.se**2, found.df) == pytest.approx((r["value"], r["total"], r["df"]), rel=1e-10)
    assert found.aside["fmi"] == pytest.approx(r["fmi"], rel=1e-10)


@pytest.mark.parametrize("case", ["outcome_only", "both"])
def test_imputations_equal_to_mice_up_to_chance(case):
    data, r = reference_data("missing", case), R[case]
    draws = 200
    found = multiple_imputation(
        data["outcome"],
        data["treated"],
        covariates=np.column_stack([data["prior"], data["age"]]),
        estimator=adjusted,
        imputations=draws,
        seed=4,
    )
    chance = r["between"] * np.sqrt(1 / draws + 1 / 300)
    assert found.value == pytest.approx(r["value"], abs=4 * chance)
    assert found.se == pytest.approx(r["se"], rel=0.05)
    assert found.aside["fmi"] == pytest.approx(r["fmi"], abs=0.08)


def test_imputation_restores_what_selective_loss_takes():
    """Lost by prior score, differently in the arms: complete means are wrong, imputed ones right."""
    rng = np.random.default_rng(5)
    gaps = {"complete": [], "imputed": []}
    covered = 0
    for seed in range(60):
        x = rng.normal(size=300)
        treated = np.arange(300) % 2
        y = 2 * x + treated + rng.normal(size=300)
        lost = rng.random(300) < 1 / (1 + np.exp(1 + 2 * x * (2 * treated - 1)))
        y = np.where(lost, np.nan, y)
        complete = complete_case(y, treated, estimator=plain)
        imputed = multiple_imputation(y, treated, covariates=x, estimator=plain, imputations=10, seed=seed)
        gaps["complete"].append(complete.value - 1)
        gaps["imputed"].append(imputed.value - 1)
        covered += imputed.low < 1 < imputed.high
    assert np.mean(gaps["complete"]) > 0.8
    assert abs(np.mean(gaps["imputed"])) < 0.1
    assert covered >= 53


def test_groups_keep_their_levels():
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(12), 30)
    level = 5 * rng.normal(size=12)
    y = level[group] + rng.normal(size=360)
    gaps = rng.random(360) < 0.4
    M = np.where(gaps, np.nan, y)[:, None]
    means = np.mean([fill_gaps(M, group, np.random.default_rng(s))[:, 0] for s in range(30)], axis=0)
    filled = np.array([means[gaps & (group == g)].mean() for g in range(12)])
    assert filled == pytest.approx(level, abs=0.9)
    assert np.corrcoef(filled, level)[0, 1] > 0.99


def test_a_group_with_nothing_observed_is_drawn_from_its_arm():
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(10), 12)
    treated = group % 2
    y = 50 + 10 * treated + rng.normal(size=10)[group] + rng.normal(size=120)
    y[group == 3] = np.nan
    found = multiple_imputation(y, treated, clusters=group, estimator=grouped, seed=2)
    assert found.clusters_treated == 5
    assert found.value == pytest.approx(10, abs=2)
    kr = multiple_imputation(
        y, treated, clusters=group, estimator=lambda y, t, x, g: reml_kr(y, t, g), seed=2
    )
    assert kr.value == pytest.approx(found.value, abs=0.5)


def test_worst_cases_hold_every_way_of_filling_in():
    rng = np.random.default_rng(8)
    y = rng.random(60)
    treated = np.arange(60) % 2
    gaps = rng.random(60) < 0.3
    low, high = worst_case(np.where(gaps, np.nan, y), treated, estimator=plain, minimum=0, maximum=1)
    assert (low.method, high.method) == ("worst_case_low", "worst_case_high")
    for _ in range(50):
        value = plain(np.where(gaps, rng.random(60), y), treated, None, None).value
        assert low.value <= value <= high.value
    n = [60 // 2, 60 // 2]
    share = gaps[treated == 1].sum() / n[0] + gaps[treated == 0].sum() / n[1]
    assert high.value - low.value == pytest.approx(share)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2))
def test_properties(seed, shift, scale):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(8), 10)
    treated = group % 2
    x = rng.normal(size=(80, 2))
    y = np.where(rng.random(80) < 0.2, np.nan, x[:, 0] + treated + rng.normal(size=80))
    x[rng.random(80) < 0.1, 1] = np.nan
    for estimator, clusters in ((adjusted, None), (grouped, group)):
        options = {"estimator": estimator, "clusters": clusters, "imputations": 4, "seed": seed}
        base = multiple_imputation(y, treated, covariates=x, **options)
        moved = multiple_imputation(y * scale + shift, treated, covariates=x * [3, 0.1] - 2, **options)
        assert (moved.value, moved.se) == pytest.approx(
            (base.value * scale, base.se * scale), rel=1e-4, abs=1e-6
        )
        again = multiple_imputation(y, treated, covariates=x, **options)
        assert (again.value, again.df) == (base.value, base.df)


def test_nothing_missing_changes_nothing():
    rng = np.random.default_rng(9)
    y, treated = rng.random(40), np.arange(40) % 2
    direct = welch(y, treated)
    found = missing_outcomes(y, treated, estimator=plain, minimum=0, maximum=1)
    for one in (found.complete, found.imputed, found.worst_low, found.worst_high):
        assert (one.value, one.se, one.df) == (direct.value, direct.se, direct.df)
    assert found.rates == missing_rates(y, treated)
    assert found.rates.overall == 0


def test_worst_cases_need_ends_and_whole_covariates():
    y, treated = [1.0, 2, np.nan, 2, 1, 2, 3, 1, 2, 3], [1] * 5 + [0] * 5
    assert missing_outcomes(y, treated, estimator=plain).worst_low is None
    x = [1.0, 2, 1, np.nan, 1, 3, 2, 1, 2, 4]
    assert (
        missing_outcomes(y, treated, estimator=plain, covariates=x, minimum=0, maximum=3).worst_high is None
    )


Y = np.where(np.arange(40) % 5 == 0, np.nan, np.arange(40.0) % 7)
TREATED = np.arange(40) % 2
NOBODY = np.where(TREATED == 1, np.nan, Y)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: multiple_imputation(Y, TREATED, estimator=plain, imputations=1), ParameterError, "got 1"),
        (lambda: multiple_imputation(NOBODY, TREATED, estimator=plain), EstimationError, "too few observed"),
        (lambda: complete_case(NOBODY, TREATED, estimator=plain), EmptyArmError, "nobody"),
        (lambda: missing_rates(Y, np.ones(40)), EmptyArmError, "nobody"),
        (lambda: missing_rates(np.full(40, np.inf), TREATED), ParameterError, "infinite"),
        (
            lambda: worst_case(Y, TREATED, estimator=plain, minimum=0, maximum=5),
            ParameterError,
            "minimum 0 must lie below maximum 5",
        ),
        (
            lambda: worst_case(
                Y, TREATED, estimator=adjusted, covariates=np.where(Y > 3, np.nan, 1.0), minimum=0, maximum=9
            ),
            ParameterError,
            "covariates has",
        ),
        (
            lambda: multiple_imputation(Y, TREATED, estimator=lambda y, t, x, g: mannwhitney(y, t)),
            EstimationError,
            "no standard error",
        ),
        (
            lambda: multiple_imputation(np.where(np.isnan(Y), Y, 1), TREATED, estimator=plain),
            EstimationError,
            "for everyone",
        ),
        (lambda: pool([]), ParameterError, "got 0"),
    ],
)
def test_hostile(call, error, words):
    with pytest.raises(error, match=words):
        call()
