"""Random-intercept models against lme4, lmerTest and pbkrtest, against themselves, and on hostile data."""

from __future__ import annotations

import time

import numpy as np
import pytest
from effects_reference import expected, reference, reference_data, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects.arrays import arms
from flipstats.effects.mixed import icc, reml_kr, reml_satterthwaite
from flipstats.effects.reml import deviances, fit_random_intercept
from flipstats.errors import EmptyArmError, EstimationError, ParameterError

R = reference("mixed")
COVARIATES = {
    "unbalanced": ["prior", "site"],
    "zero_adjusted": ["prior"],
    "strong": ["prior"],
    "blocked": ["prior"],
}


def case(name):
    data = reference_data("mixed", name)
    columns = COVARIATES.get(name)
    covariates = np.column_stack([data[c] for c in columns]) if columns else None
    return data["outcome"], data["treated"], data["group"], covariates


@pytest.mark.parametrize("name", list(R))
def test_equal_to_lmer(name):
    y, treated, group, covariates = case(name)
    r = R[name]
    satterthwaite = reml_satterthwaite(y, treated, group, covariates=covariates)
    assert satterthwaite.value == pytest.approx(r["b"], rel=1e-6)
    assert satterthwaite.se == pytest.approx(r["se"], rel=1e-6)
    assert satterthwaite.df == pytest.approx(r["df_satterthwaite"], rel=1e-3)
    assert satterthwaite.p == pytest.approx(r["p_satterthwaite"], rel=1e-4)
    assert satterthwaite.low == pytest.approx(r["low_satterthwaite"], rel=1e-5)
    assert satterthwaite.high == pytest.approx(r["high_satterthwaite"], rel=1e-5)
    assert satterthwaite.aside["between"] == pytest.approx(r["between"], rel=1e-4, abs=1e-9)
    assert satterthwaite.aside["within"] == pytest.approx(r["within"], rel=1e-6)
    kr = reml_kr(y, treated, group, covariates=covariates)
    assert kr.value == satterthwaite.value
    assert kr.se == pytest.approx(r["se_kr"], rel=1e-6)
    assert kr.df == pytest.approx(r["df_kr"], rel=1e-3)
    assert (kr.low, kr.high) == pytest.approx((r["low_kr"], r["high_kr"]), rel=1e-5)
    assert kr.p == pytest.approx(r["p_kr"], rel=1e-4)


@pytest.mark.parametrize("name", list(R))
def test_icc_equal_to_lmer_and_aov(name):
    y, _, group, _ = case(name)
    found = icc(y, group)
    assert found.value == pytest.approx(R[name]["icc"], rel=1e-4, abs=1e-9)
    ratio = R[name]["msb"] / R[name]["msw"]
    assert found.anova == pytest.approx((ratio - 1) / (ratio + found.mean_size - 1), rel=1e-8)


def test_the_shared_cases():
    data = shared_data("exam")
    values = expected("exam_ri")
    covariates = np.column_stack([data["standLRT"], data["girl"]])
    found = reml_satterthwaite(data["normexam"], data["single"], data["school"], covariates=covariates)
    assert found.value == pytest.approx(values["b_single"], rel=1e-6)
    assert found.se == pytest.approx(values["se"], rel=1e-5)
    assert found.df == pytest.approx(values["df"], rel=1e-5)
    assert found.p == pytest.approx(values["p"], rel=1e-4)
    assert found.aside["between"] == pytest.approx(values["tau2"], rel=1e-5)
    assert found.aside["within"] == pytest.approx(values["sigma2"], rel=1e-6)
    values = expected("icc_exam")
    share = icc(data["normexam"], data["school"])
    assert share.value == pytest.approx(values["icc_lmer"], rel=1e-6)
    assert share.anova == pytest.approx(values["icc_anova"], rel=1e-8)
    assert (share.low, share.high) == pytest.approx((values["lo"], values["hi"]), rel=1e-6)
    assert share.mean_size == pytest.approx(values["n0"], rel=1e-8)


def simulate(seed, sizes, between, effect=1.0):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    treated = group % 2
    y = effect * treated + between * rng.normal(size=len(sizes))[group] + rng.normal(size=len(group))
    return y, treated, group


def test_sixty_trials_without_variance_between_groups():
    """The published tool's fault: an effect of exactly zero, said to have converged."""
    boundary = 0
    for seed in range(60):
        y, treated, group = simulate(seed, [20] * 12, 0.0)
        found = reml_kr(y, treated, group)
        difference = y[treated == 1].mean() - y[treated == 0].mean()
        assert found.value == pytest.approx(difference, rel=1e-9)  # balanced: exactly the difference of means
        assert found.df == pytest.approx(10, rel=1e-6)
        boundary += found.aside["boundary"]
    assert 20 <= boundary <= 45


def test_on_the_boundary_the_likelihood_indeed_falls():
    y, treated, group, _ = case("zero_between")
    fit = fit_random_intercept(arms(y, treated, clusters=group))
    assert fit.boundary
    found = deviances(fit.sums, np.array([0, 1e-6, 1e-4, 1e-2, 1, 100]))
    assert (found[1:] > found[0]).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    between=st.sampled_from([0.0, 0.3, 2.0]),
    shift=st.floats(-1e4, 1e4),
    scale=st.floats(1e-3, 1e3),
)
def test_properties(seed, between, shift, scale):
    sizes = np.random.default_rng(seed).integers(2, 15, 8)
    y, treated, group = simulate(seed, sizes, between)
    x = np.random.default_rng(seed + 1).normal(size=len(y))
    for method in (reml_kr, reml_satterthwaite):
        base = method(y, treated, group, covariates=x)
        near = {"rel": 1e-6, "abs": 1e-9}
        moved = method(y * scale + shift, treated, group, covariates=5 * x - 3)
        assert moved.value == pytest.approx(base.value * scale, rel=1e-6, abs=1e-9 * scale)
        assert (moved.se, moved.df) == pytest.approx((base.se * scale, base.df), rel=1e-5)
        swapped = method(y, 1 - treated, group, covariates=x)
        assert (swapped.value, swapped.low) == pytest.approx((-base.value, -base.high), **near)
        order = np.random.default_rng(seed + 2).permutation(len(y))
        names = np.array([f"z{(7 * g) % 8}" for g in group])
        mixed = method(y[order], treated[order], names[order], covariates=x[order])
        assert (mixed.value, mixed.se, mixed.df) == pytest.approx((base.value, base.se, base.df), rel=1e-6)


def test_two_hundred_thousand_learners_take_seconds():
    sizes = [25] * 8000
    y, treated, group = simulate(3, sizes, 0.3)
    start = time.process_time()
    found = reml_kr(y, treated, group, covariates=np.random.default_rng(1).normal(size=(len(y), 3)))
    assert time.process_time() - start < 10
    assert found.low < 1 < found.high


def test_far_from_zero_and_tiny_outcomes_lose_nothing():
    y, treated, group = simulate(5, [9] * 10, 0.5)
    base = reml_kr(y, treated, group)
    assert reml_kr(y + 1e7, treated, group).df == pytest.approx(base.df, rel=1e-4)
    assert reml_kr(y * 1e-9, treated, group).value == pytest.approx(base.value * 1e-9, rel=1e-9)


Y, TREATED, GROUP = simulate(1, [5, 8, 6, 9, 7, 5], 0.4)
HOSTILE = {
    "constant outcome": (np.ones(40), TREATED, GROUP, None, EstimationError, "constant"),
    "one group an arm": (Y, TREATED, TREATED, None, EstimationError, "2 groups are too few"),
    "groups of one": (Y, TREATED, np.arange(40), None, EstimationError, "too few learners"),
    "outcome told by group": (GROUP * 1.0, TREATED, GROUP, None, EstimationError, "within the groups"),
    "outcome told by arm": (TREATED * 1.0, TREATED, GROUP, None, EstimationError, "constant"),
    "constant covariate": (Y, TREATED, GROUP, np.ones(40), EstimationError, "covariate 1 is the same"),
    "arm as covariate": (Y, TREATED, GROUP, TREATED * 2.0, EstimationError, "covariate 1 is told exactly"),
    "missing outcome": (np.where(GROUP == 0, np.nan, Y), TREATED, GROUP, None, ParameterError, "5 missing"),
    "learners without a group": (
        Y,
        TREATED,
        np.where(GROUP == 2, np.nan, GROUP),
        None,
        ParameterError,
        "clusters has 6 missing",
    ),
    "empty arm": (Y, np.ones(40), GROUP, None, EmptyArmError, "nobody"),
    "one learner": (Y[:1], TREATED[:1], GROUP[:1], None, EmptyArmError, "nobody"),
    "outcome told by covariate": (
        2 * np.arange(40.0),
        TREATED,
        GROUP,
        np.arange(40),
        EstimationError,
        "constant",
    ),
}


@pytest.mark.parametrize("method", [reml_kr, reml_satterthwaite])
@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile(method, name):
    y, treated, group, covariates, error, words = HOSTILE[name]
    with pytest.raises(error, match=words):
        method(y, treated, group, covariates=covariates)


def test_two_learners_a_group_is_enough():
    y, treated, group = simulate(8, [2] * 6, 0.2)
    assert reml_kr(y, treated, group).df == pytest.approx(4)


@pytest.mark.parametrize(
    ("labels", "words"),
    [([0, 0, 0, 0], "1 group is too few"), ([0, 1, 2, 3], "too few learners"), ([0], "too few")],
)
def test_icc_refuses_one_group_and_groups_of_one(labels, words):
    with pytest.raises(EstimationError, match=words):
        icc([1.0, 2.0, 3.0, 5.0][: len(labels)], labels)
