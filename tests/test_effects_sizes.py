"""Effect sizes: against R and shared values; they do not know the unit."""

from __future__ import annotations

import numpy as np
import pytest
from effects_cases import CLOSE, LEARNERS, TRIAL, R, anorexia, drawn, learners, same
from effects_reference import expected
from hypothesis import given, settings

from flipstats.effects import means, sizes
from flipstats.effects.arrays import arms


@pytest.mark.parametrize("name", LEARNERS)
def test_effect_sizes_equal_to_r(name):
    y, arm, *_ = learners(name)
    hedges = sizes.hedges_g(y, arm)
    same(hedges, f"{name}_hedges", rel=1e-7)
    assert hedges.aside["J"] == pytest.approx(R[f"{name}_hedges"]["J"], **CLOSE)
    same(sizes.wwc_g(y, arm), f"{name}_wwc")
    same(sizes.glass_delta(y, arm), f"{name}_glass")


@pytest.mark.parametrize(("nt", "nc", "n", "icc"), [(60, 75, 15, 0.2), (40, 40, 8, 0)])
def test_terms_of_grouped_effect_sizes(nt, nc, n, icc):
    r = R[f"terms_{nt}_{nc}_{n}_{icc}"]
    for kind, made in (("both", sizes.both_arms_grouped), ("one", sizes.treated_arm_grouped)):
        found = made(nt, nc, n, icc)
        for name in ("gamma", "eta", "h"):
            assert getattr(found, name) == pytest.approx(r[f"{kind}_{name}"], **CLOSE)


def test_shared_effect_sizes():
    y, arm, _ = anorexia()
    v, g = expected("cohens_d_nct_ci"), sizes.hedges_g(y, arm)
    assert [g.aside["d"], g.aside["d_low"], g.aside["d_high"], g.low, g.high] == pytest.approx(
        [v[k] for k in ("d", "lo", "hi", "g_lo", "g_hi")], rel=1e-7
    )
    assert g.value == pytest.approx(expected("hedges_g_exactJ")["g"], abs=1e-10)
    assert g.se**2 == pytest.approx(expected("escalc_smd")["v"], **CLOSE)
    v, g = expected("wwc_g"), sizes.wwc_g(y, arm)
    assert [g.value, g.se] == pytest.approx([v["g"], v["se_h_form"]], **CLOSE)
    assert sizes.improvement_index(g.value) == pytest.approx(v["improvement_index"], **CLOSE)
    assert sizes.glass_delta(y, arm).value == pytest.approx(expected("glass_delta")["delta"], **CLOSE)
    coefficient = means.ancova_hc3(y, arm, covariates=anorexia()[2])
    adjusted = sizes.g_from_coefficient(
        coefficient, sizes.pooled_sd(arms(y, arm)), sizes.individual(29, 26), covariates=1
    )
    assert adjusted.value == pytest.approx(expected("ancova")["g_adj"], **CLOSE)


@given(random=TRIAL)
@settings(max_examples=20, deadline=None)
def test_effect_sizes_do_not_know_the_unit(random):
    y, arm, *_ = drawn(random)
    for size in (sizes.hedges_g, sizes.wwc_g, sizes.glass_delta):
        one, other = size(y, arm), size(7 * y - 3, arm)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-6)


def test_total_variance_and_unmodelled_g():
    coefficient = means.welch([5.0, 7, 9, 4, 6, 5], [1, 1, 1, 0, 0, 0])
    g = sizes.total_variance_g(coefficient, 1.5, 2.5)
    assert g.value == pytest.approx(coefficient.value / 2)
    assert g.variant == "eef_total"
    plain = sizes.g_unmodelled(2.0, 4.0, sizes.both_arms_grouped(60, 60, 20, 0.2), n_treated=60, n_control=60)
    terms = sizes.both_arms_grouped(60, 60, 20, 0.2)
    assert plain.value == pytest.approx((1 - 3 / (4 * terms.h - 1)) * np.sqrt(terms.gamma) * 0.5)
    assert plain.se**2 == pytest.approx(2 / 60 * terms.eta + plain.value**2 / (2 * terms.h))
