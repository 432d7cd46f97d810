"""Propensity weights and the doubly robust estimate against R, delicatessen and statsmodels."""

from __future__ import annotations

import time

import numpy as np
import pytest
from effects_reference import expected, reference, reference_data, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects.propensity import propensity, propensity_overlap
from flipstats.effects.weights import aipw, ipw_ate, ipw_att, overlap, weighting
from flipstats.errors import EmptyArmError, EstimationError, ParameterError

R = reference("weights")
DATA = reference_data("weights")
X = np.column_stack([DATA["prior"], DATA["age"], DATA["remote"]])
TREATED = DATA["treated"]
METHODS = {"ipw_ate": ipw_ate, "ipw_att": ipw_att, "overlap": overlap}
LALONDE = ["age", "educ", "black", "hispan", "married", "nodegree", "re74", "re75"]


@pytest.mark.parametrize("outcome", ["outcome", "passed"])
@pytest.mark.parametrize("name", list(METHODS))
def test_weights_equal_to_stacked_equations_in_r(name, outcome):
    r = R[f"{name}_{outcome}"]
    found = METHODS[name](DATA[outcome], TREATED, X)
    assert found.value == pytest.approx(r["est"], rel=1e-9)
    assert (found.se, found.low, found.high) == pytest.approx((r["se"], r["low"], r["high"]), rel=1e-8)
    assert (found.aside["ess_treated"], found.aside["ess_control"]) == pytest.approx((r["ess1"], r["ess0"]))
    assert found.aside["largest_weight"] == pytest.approx(r["largest"])
    grouped = METHODS[name](DATA[outcome], TREATED, X, clusters=DATA["group"])
    assert (grouped.se, grouped.low, grouped.high) == pytest.approx(
        (r["se_group"], r["low_group"], r["high_group"]), rel=1e-8
    )
    assert grouped.df == 18


@pytest.mark.parametrize("name", list(METHODS))
def test_the_closed_form_is_delicatessen_s_exact_sandwich(name):
    from delicatessen import MEstimator
    from delicatessen.estimating_equations import ee_regression
    from delicatessen.utilities import inverse_logit

    y, t = DATA["outcome"], TREATED
    W = np.column_stack([np.ones(len(y)), X - X.mean(axis=0)])
    weights = {
        "ipw_ate": lambda e: t / e + (1 - t) / (1 - e),
        "ipw_att": lambda e: t + (1 - t) * e / (1 - e),
        "overlap": lambda e: t * (1 - e) + (1 - t) * e,
    }[name]

    def equations(theta):
        w = weights(inverse_logit(np.dot(W, theta[3:])))
        return np.vstack(
            [
                np.ones(len(y)) * (theta[1] - theta[2] - theta[0]),
                t * w * (y - theta[1]),
                (1 - t) * w * (y - theta[2]),
                ee_regression(theta[3:], X=W, y=t, model="logistic"),
            ]
        )

    stacked = MEstimator(equations, init=[0, y.mean(), y.mean(), 0, 0, 0, 0])
    stacked.estimate(deriv_method="exact", solver="lm")
    found = METHODS[name](y, t, X)
    assert found.value == pytest.approx(stacked.theta[0], rel=1e-7)
    assert found.se == pytest.approx(np.sqrt(stacked.variance[0, 0]), rel=1e-7)


@pytest.mark.parametrize("outcome", ["outcome", "passed"])
def test_aipw_equal_to_r(outcome):
    r, found = R[f"aipw_{outcome}"], aipw(DATA[outcome], TREATED, X)
    assert (found.value, found.se) == pytest.approx((r["est"], r["se"]), rel=1e-8)


@pytest.mark.parametrize("name", ["ipw_ate", "ipw_att"])
def test_the_shared_cases(name):
    data, r = shared_data("lalonde"), expected(name)
    covariates = np.column_stack([data[c] for c in LALONDE])
    found = METHODS[name](data["re78"], data["treat"], covariates)
    assert (found.value, found.se) == pytest.approx((r["est"], r["se_stacked"]), rel=1e-8)
    assert (found.aside["ess_treated"], found.aside["ess_control"]) == pytest.approx((r["ess1"], r["ess0"]))
    model = propensity(data["treat"], covariates)
    weights, one = weighting(model, name).weights, model.treated
    pooled = np.sqrt((covariates[one].var(axis=0, ddof=1) + covariates[~one].var(axis=0, ddof=1)) / 2)
    gap = [np.average(covariates[arm], axis=0, weights=weights[arm]) for arm in (one, ~one)]
    assert (gap[0] - gap[1]) / pooled == pytest.approx(r["smd_pooledsd"], rel=1e-6)


def test_the_propensity_model_is_statsmodels_logit():
    import statsmodels.api as sm

    fit = sm.Logit(TREATED, sm.add_constant(X)).fit(disp=0, tol=1e-12)
    assert propensity(TREATED, X).score == pytest.approx(fit.predict(), rel=1e-8)
    assert propensity(TREATED, X).score[0] == pytest.approx(R["propensity"]["first"], rel=1e-10)


def test_overlap_weights_balance_exactly():
    """The known property of overlap weights with a logistic score: covariate means are equal."""
    model = propensity(TREATED, X)
    weights = weighting(model, "overlap").weights
    means = [np.average(X[arm], axis=0, weights=weights[arm]) for arm in (model.treated, ~model.treated)]
    assert means[0] == pytest.approx(means[1], rel=1e-10)


def test_overlap_summary():
    found = propensity_overlap(propensity(TREATED, X))
    score = propensity(TREATED, X).score
    inside = (score >= found.low) & (score <= found.high)
    assert found.outside_treated + found.outside_control == (~inside).sum()
    assert found.treated[3] == pytest.approx(np.median(score[TREATED == 1]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2))
def test_properties(seed, shift, scale):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 2))
    treated = rng.random(120) < 1 / (1 + np.exp(-x[:, 0]))
    y = x.sum(axis=1) + treated + rng.normal(size=120)
    order = rng.permutation(120)
    for method in (ipw_ate, ipw_att, overlap, aipw):
        base = method(y, treated, x)
        moved = method((y * scale + shift)[order], treated[order], (x * [3, -2] + 5)[order])
        assert (moved.value, moved.se) == pytest.approx(
            (base.value * scale, base.se * scale), rel=1e-6, abs=1e-8
        )
        if method is not ipw_att:
            swapped = method(y, ~treated, x)
            assert (swapped.value, swapped.low) == pytest.approx((-base.value, -base.high), rel=1e-7)


def test_randomised_arms_weighting_comes_near_the_difference():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 1))
    treated = np.arange(4000) % 2
    y = treated + x[:, 0] + rng.normal(size=4000)
    for method in (ipw_ate, ipw_att, overlap, aipw):
        found = method(y, treated, x)
        assert found.low < 1 < found.high
        assert found.se == pytest.approx(
            2 / np.sqrt(4000), rel=0.05
        )  # that of adjusting for x, not of ignoring it


def test_two_hundred_thousand_learners_take_seconds():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200_000, 4))
    treated = rng.random(200_000) < 0.4
    start = time.process_time()
    found = ipw_att(x[:, 0] + treated + rng.normal(size=200_000), treated, x)
    assert time.process_time() - start < 5
    assert found.low < 1 < found.high


Y = DATA["outcome"]
HOSTILE = {
    "separated": (Y, np.median(Y) < Y, np.column_stack([Y]), EstimationError, "nobody can be compared"),
    "nearly separated": (
        Y,
        TREATED,
        np.where(TREATED == 1, 1, DATA["remote"]),
        EstimationError,
        "nobody can",
    ),
    "constant outcome": (np.full(len(Y), 0.1), TREATED, X, EstimationError, "nothing varies"),
    "no covariates": (Y, TREATED, None, ParameterError, "at least one"),
    "constant covariate": (Y, TREATED, np.ones(len(Y)), EstimationError, "covariate 1 is the same"),
    "twice the same": (Y, TREATED, np.column_stack([X, X[:, 1] * 2]), EstimationError, "covariate 4 is told"),
    "missing covariate": (Y, TREATED, np.where(X > 70, np.nan, X), ParameterError, "covariates has"),
    "missing outcome": (np.where(Y > 60, np.nan, Y), TREATED, X, ParameterError, "outcome has"),
    "empty arm": (Y, np.zeros(len(Y)), X, EmptyArmError, "nobody"),
}


@pytest.mark.parametrize("method", [ipw_ate, ipw_att, overlap, aipw])
@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile(method, name):
    y, treated, covariates, error, words = HOSTILE[name]
    with pytest.raises(error, match=words):
        method(y, treated, covariates)


@pytest.mark.parametrize("method", [ipw_ate, aipw])
def test_one_group_an_arm_is_refused(method):
    with pytest.raises(EstimationError, match="one single group"):
        method(Y, TREATED, X, clusters=TREATED)


def test_an_unknown_weighting_is_refused():
    with pytest.raises(ParameterError, match="ipw_ate, ipw_att, overlap; got atx"):
        weighting(propensity(TREATED, X), "atx")
