"""Means of learners, compared: against R, against shared values, against themselves."""

from __future__ import annotations

import numpy as np
import pytest
from effects_cases import CLOSE, LEARNERS, R, anorexia, drawn, learners, same
from effects_reference import expected, shared_data

from flipstats.effects import means


@pytest.mark.parametrize("name", LEARNERS)
def test_means_equal_to_r(name):
    y, arm, X, _ = learners(name)
    same(means.welch(y, arm), f"{name}_welch")
    same(means.ancova_hc2(y, arm, covariates=X), f"{name}_ancova_hc2")
    same(means.ancova_hc3(y, arm, covariates=X), f"{name}_ancova_hc3")
    same(means.lin_hc2(y, arm, covariates=X), f"{name}_lin")


@pytest.mark.parametrize("name", LEARNERS)
def test_mannwhitney_equal_to_r(name):
    y, arm, *_ = learners(name)
    found = means.mannwhitney(y, arm)
    same(found, f"{name}_mannwhitney", ("value", "p"))
    assert found.aside["U"] == R[f"{name}_mannwhitney"]["U"]
    # R looks for its asymptotic limits with a tolerance of 1e-4
    same(found, f"{name}_mannwhitney", ("low", "high"), abs=2e-4)


def test_shared_individual_cases():
    y, arm, pre = anorexia()
    welch, v = means.welch(y, arm), expected("welch_t")
    assert [welch.value, welch.se, welch.df, welch.p, welch.low, welch.high] == pytest.approx(
        [v[k] for k in ("diff", "se", "df", "p", "lo", "hi")], **CLOSE
    )
    found, v = means.mannwhitney(y, arm), expected("mannwhitney")
    assert found.aside["U"] == v["U"]
    assert found.p == pytest.approx(v["p_cc"], rel=1e-7)
    assert found.aside["cliffs_delta"] == pytest.approx(v["cliffs_delta"], rel=1e-7)
    assert found.value == pytest.approx(expected("hodges_lehmann_exact")["hl"], **CLOSE)
    v = expected("ancova")
    hc3, hc2 = means.ancova_hc3(y, arm, covariates=pre), means.ancova_hc2(y, arm, covariates=pre)
    assert [hc3.value, hc3.se, hc3.low, hc3.high, hc2.se] == pytest.approx(
        [v[k] for k in ("b", "se_hc3", "lo_hc3", "hi_hc3", "se_hc2")], **CLOSE
    )
    v = expected("ancova_emmeans")
    assert (hc3.aside["adjusted_treated"], hc3.aside["adjusted_control"]) == pytest.approx((v["m1"], v["m0"]))
    lin, v = means.lin_hc2(y, arm, covariates=pre), expected("lm_lin")
    assert [lin.value, lin.se, lin.df, lin.p, lin.low, lin.high] == pytest.approx(
        [v[k] for k in ("b", "se", "df", "p", "lo", "hi")], **CLOSE
    )


def test_shared_paired_case():
    d, v = shared_data("anorexia"), expected("paired_t")
    treated = d["treat"] == 1
    found = means.paired_t(d["pre"][treated], d["post"][treated])
    assert [found.value, found.df, found.p, found.low, found.high] == pytest.approx(
        [v[k] for k in ("mean_diff", "df", "p", "lo", "hi")], **CLOSE
    )
    assert [found.aside[k] for k in ("dz", "dav", "r")] == pytest.approx([v[k] for k in ("dz", "dav", "r")])


def test_shared_least_squares():
    d = shared_data("lalonde")
    columns = expected("smd_unadjusted")["vars"]
    X = np.column_stack([d[c] for c in columns])
    hc3, v = means.ancova_hc3(d["re78"], d["treat"], covariates=X), expected("ols_lalonde")
    assert (hc3.value, hc3.se) == pytest.approx((v["b"], v["se_hc3"]), **CLOSE)


def test_the_pairwise_differences_of_many_learners_are_counted_right(monkeypatch):
    y, arm, *_ = drawn(np.random.default_rng(1), groups=10, size=30)
    listed = means.mannwhitney(y, arm)
    monkeypatch.setattr("flipstats.effects.means._PAIRS_AT_ONCE", 10)
    counted = means.mannwhitney(y, arm)
    assert (counted.value, counted.low, counted.high) == pytest.approx(
        (listed.value, listed.low, listed.high)
    )
