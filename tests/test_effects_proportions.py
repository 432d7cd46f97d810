"""Proportions compared, raw and adjusted: against R, shared values and themselves."""

from __future__ import annotations

import numpy as np
import pytest
from effects_cases import CLOSE, R, learners, same
from effects_reference import expected, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects import sizes
from flipstats.effects.linear import logistic
from flipstats.effects.proportions import gcomp, newcombe, newcombe_difference, wilson
from flipstats.effects.results import Count


@pytest.mark.parametrize("case", [case for case in R if case.startswith("newcombe_")])
def test_newcombe_equal_to_wilson_limits_of_r_combined(case):
    a, n, b, m = (int(x) for x in case.split("_")[1:])
    same(newcombe_difference(Count(a, n), Count(b, m)), case, ("value", "low", "high"))


def test_proportions_equal_to_r():
    _, arm, X, passed = learners("learners")
    same(gcomp(passed, arm, covariates=X), "learners_gcomp")
    found, r = gcomp(passed, arm, covariates=X).aside, R["learners_gcomp"]
    for name in ("risk_ratio", "risk_ratio_low", "risk_ratio_high", "odds_ratio", "share_treated"):
        assert found[name] == pytest.approx(r[name], **CLOSE)
    assert newcombe(passed, arm).p == pytest.approx(R["learners_newcombe"]["p"], **CLOSE)
    same(sizes.cox_index(Count(41, 50), Count(30, 48)), "cox_41_50_30_48", ("value", "se"))


def test_shared_proportions():
    d = shared_data("lalonde")
    columns = expected("smd_unadjusted")["vars"]
    X = np.column_stack([d[c] for c in columns])
    v, found = expected("logit_gcomp"), gcomp(d["emp78"], d["treat"], covariates=X)
    assert [found.value, found.se, found.low, found.high] == pytest.approx(
        [v[k] for k in ("rd", "se_rd", "lo", "hi")], rel=1e-7
    )
    more = {"risk_ratio": "rr", "se_log_risk_ratio": "se_logrr", "se_robust": "se_rd_hc0", "odds_ratio": "or"}
    for name, theirs in {
        **more,
        "risk_difference_treated": "rd_att",
        "se_log_odds_ratio": "se_logor",
    }.items():
        assert found.aside[name] == pytest.approx(v[theirs], rel=1e-7), name
    v, found = expected("prop_wilson"), wilson(Count(140, 185))
    assert (found.low, found.high) == pytest.approx((v["wilson_lo"], v["wilson_hi"]), **CLOSE)


@given(a=st.integers(0, 30), b=st.integers(0, 30), n=st.integers(30, 40), m=st.integers(30, 40))
@settings(max_examples=50, deadline=None)
def test_newcombe_stays_within_one_and_swaps(a, b, n, m):
    found, swapped = (
        newcombe_difference(Count(a, n), Count(b, m)),
        newcombe_difference(Count(b, m), Count(a, n)),
    )
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (-swapped.high, -swapped.low) == pytest.approx((found.low, found.high), abs=1e-12)


def test_logistic_of_covariates_of_any_size():
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    y = (random.random(400) < 1 / (1 + np.exp(-0.5 - x))).astype(float)
    ones = np.ones(400)
    plain, large = (logistic(np.column_stack([ones, k * x]), y) for k in (1.0, 1e6))
    assert large.coefficients[1] * 1e6 == pytest.approx(plain.coefficients[1], rel=1e-8)
    assert np.sqrt(large.covariance[1, 1]) * 1e6 == pytest.approx(np.sqrt(plain.covariance[1, 1]), rel=1e-8)
