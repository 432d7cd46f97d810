"""Hidden bias: against R, published values and causes that are really put in; and on hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from effects_reference import expected, reference, reference_data, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from test_effects_weights import DATA, LALONDE, TREATED, X

from flipstats.effects.rosenbaum import rosenbaum_gamma
from flipstats.effects.sensitivity import (
    benchmark,
    evalue_g,
    evalue_risk_ratio,
    robustness,
    robustness_values,
)
from flipstats.errors import EstimationError, ParameterError

R = reference("sensitivity")
PAIRS = reference_data("sensitivity")
Y = DATA["outcome"]


def pairs(case):
    return PAIRS["difference"][PAIRS["case"] == case]


def test_robustness_values_equal_to_r():
    found, r = robustness(Y, TREATED, X), R["robustness"]
    assert (found.partial_r2, found.rv_q, found.rv_qa) == pytest.approx(
        (r["partial_r2"], r["rv_q"], r["rv_qa"]), rel=1e-9
    )
    assert robustness(Y, TREATED, X, q=0.5).rv_q == pytest.approx(r["rv_half"], rel=1e-9)


def test_robustness_values_as_published_for_darfur():
    found = robustness_values(4.18445, 783)
    assert round(found.rv_q, 3) == 0.139
    assert round(found.rv_qa, 3) == 0.076


@pytest.mark.parametrize(("times", "covariate"), [(1, 0), (3, 1)])
def test_benchmark_equal_to_r(times, covariate):
    found, r = benchmark(Y, TREATED, X, covariate=covariate, times=times), R[f"benchmark_{times}"]
    for name, value in r.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-8), name


def residual(A, y):
    return y - A @ np.linalg.lstsq(A, y, rcond=None)[0]


@pytest.mark.parametrize(("r2_arm", "r2_outcome"), [(0.1, 0.3), (0.4, 0.05)])
def test_a_cause_that_is_put_in_moves_the_effect_as_said(r2_arm, r2_outcome):
    """Z with exactly these shares of arm and outcome: adding it must give value and error of the formula."""
    rng = np.random.default_rng(3)
    n = len(Y)
    A = np.column_stack([np.ones(n), X])
    d = residual(A, TREATED.astype(float))
    y = residual(np.column_stack([A, TREATED]), Y)
    noise = residual(np.column_stack([A, TREATED, Y]), rng.normal(size=n))
    unit = [v / np.linalg.norm(v) for v in (d, y, noise)]
    # z = a·d + b·y + c·noise, of length 1: a² is the arm's share, b²/(1 − a²) the outcome's.
    a, b = np.sqrt(r2_arm), np.sqrt(r2_outcome * (1 - r2_arm))
    z = a * unit[0] + b * unit[1] + np.sqrt(1 - a**2 - b**2) * unit[2]
    full = np.column_stack([A, TREATED, z])
    left = residual(full, Y)
    df = n - full.shape[1]
    bread = np.linalg.inv(full.T @ full)
    value = np.linalg.lstsq(full, Y, rcond=None)[0][-2]
    se = np.sqrt(left @ left / df * bread[-2, -2])
    base = robustness(Y, TREATED, X)
    plain = np.linalg.lstsq(np.column_stack([A, TREATED]), Y, rcond=None)[0][-1]
    plain_se = abs(plain) / np.sqrt(base.partial_r2 / (1 - base.partial_r2) * base.df)
    bias = plain_se * np.sqrt(base.df * r2_outcome * r2_arm / (1 - r2_arm))
    assert value == pytest.approx(plain - bias, rel=1e-9)
    assert se == pytest.approx(
        plain_se * np.sqrt((1 - r2_outcome) / (1 - r2_arm) * base.df / (base.df - 1)), rel=1e-9
    )


def test_a_cause_of_the_robustness_value_takes_the_effect_away():
    base = robustness(Y, TREATED, X)
    rv = base.rv_q
    assert np.sqrt(rv * rv / (1 - rv)) == pytest.approx(
        np.sqrt(base.partial_r2 / (1 - base.partial_r2)), rel=1e-10
    )


def test_robustness_is_zero_where_the_effect_is_not_significant():
    assert robustness_values(1.9, 1000).rv_qa == 0
    assert robustness_values(0, 10).rv_q == 0


def test_few_degrees_of_freedom_use_the_strict_form():
    found = robustness_values(30, 3)
    f, critical = 30 / np.sqrt(3), 4.302652729911275 / np.sqrt(2)
    assert found.rv_qa == pytest.approx((f**2 - critical**2) / (1 + f**2), rel=1e-9)


def test_rosenbaum_equal_to_r():
    found, r = rosenbaum_gamma(pairs("exact")), R["exact"]
    assert found.exact
    assert found.pairs == 11
    assert (found.p_without_bias, found.gamma) == pytest.approx((r["p"], r["gamma"]), rel=1e-9)
    found, r = rosenbaum_gamma(pairs("normal")), R["normal"]
    assert not found.exact
    assert (found.p_without_bias, found.gamma) == pytest.approx((r["p"], r["gamma"]), rel=1e-9)
    assert rosenbaum_gamma(pairs("wilcox")).p_without_bias == pytest.approx(R["wilcox"]["p"], rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-20, 20).filter(bool), min_size=1, max_size=30), st.floats(0.1, 10))
def test_rosenbaum_properties(differences, scale):
    found = rosenbaum_gamma(differences)
    assert found.gamma >= 1
    assert rosenbaum_gamma([-d * scale for d in reversed(differences)]).gamma == pytest.approx(found.gamma)
    assert (found.gamma > 1) == (found.p_without_bias < found.alpha)


def test_the_shared_cases():
    r, data = expected("sensemakr"), shared_data("lalonde")
    found = robustness(data["re78"], data["treat"], np.column_stack([data[c] for c in LALONDE]))
    assert (found.partial_r2, found.rv_q, found.rv_qa) == pytest.approx(
        (r["partial_r2"], r["rv_q1"], r["rv_q1_a05"]), rel=1e-8
    )
    r, g = expected("evalue"), expected("wwc_g")
    assert evalue_risk_ratio(2).point == pytest.approx(r["rr2"], rel=1e-10)
    found = evalue_g(g["g"], se=g["se_h_form"])
    assert (found.point, found.limit) == pytest.approx((r["e_d"], r["e_ci"]), rel=1e-8)
    assert evalue_risk_ratio(expected("logit_gcomp")["rr"]).point == pytest.approx(r["e_rr_gcomp"], rel=1e-8)


@given(st.floats(-3, 3), st.floats(0.01, 2))
def test_evalues_do_not_depend_on_the_direction(g, se):
    one, two = evalue_g(g, se=se), evalue_g(-g, se=se)
    assert (one.point, one.limit) == pytest.approx((two.point, two.limit), rel=1e-9)
    assert 1 <= one.limit <= one.point


def test_an_interval_that_holds_none_leaves_no_evalue():
    assert evalue_g(0.3, low=-0.01, high=0.6).limit == 1
    assert evalue_risk_ratio(0.8, low=0.6, high=1.0).limit == 1
    assert np.isnan(evalue_risk_ratio(0.8).limit)
    assert evalue_risk_ratio(0.5, low=0.3, high=0.8).limit == evalue_risk_ratio(1 / 0.8).point
    assert evalue_g(0.3, low=0.1, high=0.5).limit == evalue_g(0.1).point


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: evalue_risk_ratio(0), ParameterError, "above 0"),
        (lambda: evalue_risk_ratio(2, low=3), ParameterError, "in the order"),
        (lambda: evalue_g(0.3, se=0.1, low=0.1), ParameterError, "not both"),
        (lambda: robustness_values(2, 1), ParameterError, "df above 1"),
        (lambda: robustness_values(float("nan"), 10), ParameterError, "finite"),
        (lambda: robustness(np.ones(304), TREATED, X), EstimationError, "constant"),
        (lambda: benchmark(Y, TREATED, X, covariate=3), ParameterError, "of 3 covariates"),
        (lambda: benchmark(Y, TREATED, X, covariate=0, times=50), EstimationError, "50 times as strong"),
        (lambda: rosenbaum_gamma([0, 0]), EstimationError, "no pair differs"),
        (lambda: rosenbaum_gamma([1, np.nan]), ParameterError, "one a pair"),
        (lambda: rosenbaum_gamma([1, 2], alpha=0.5), ParameterError, "alpha"),
    ],
)
def test_hostile(call, error, words):
    with pytest.raises(error, match=words):
        call()
