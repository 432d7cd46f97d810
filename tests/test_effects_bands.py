"""Effects by band against R, regression to the mean, and their refusals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from effects_reference import expected, reference, reference_data, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects.bands import band_contrast, band_effects, cut_bands
from flipstats.effects.drift import expected_drift, regression_to_mean
from flipstats.effects.means import ancova_hc3
from flipstats.errors import EmptyArmError, EstimationError, ParameterError

R = reference("cr2")


@pytest.fixture
def banded():
    data = reference_data("mixed", "unbalanced")
    band = np.array(["a", "b", "c"])[np.searchsorted([45, 52], data["prior"])]
    return data, band


def test_bands_in_groups_equal_to_club_sandwich(banded):
    data, band = banded
    found = band_effects(
        data["outcome"], data["treated"], band, covariates=data["site"], clusters=data["group"]
    )
    r = R["bands_cr2"]
    for i, effect in enumerate(found.effects, start=1):
        estimate = effect.estimate
        assert estimate.value == pytest.approx(r[f"b{i}"], rel=1e-9)
        assert (estimate.se, estimate.df) == pytest.approx((r[f"se{i}"], r[f"df{i}"]), rel=1e-9)
        assert estimate.method == "cr2"
    test = found.interaction
    assert (test.statistic, test.df_num, test.df_den, test.p) == pytest.approx(
        (r["F"], r["df_num"], r["df_den"], r["p"]), rel=1e-8
    )


def test_bands_of_learners_equal_to_sandwich(banded):
    data, band = banded
    found = band_effects(data["outcome"], data["treated"], band, covariates=data["site"])
    r = R["bands_hc3"]
    for i, effect in enumerate(found.effects, start=1):
        assert effect.estimate.value == pytest.approx(r[f"b{i}"], rel=1e-9)
        assert effect.estimate.se == pytest.approx(r[f"se{i}"], rel=1e-9)
    test = found.interaction
    assert (test.statistic, test.df_den, test.p) == pytest.approx((r["F"], r["df_den"], r["p"]), rel=1e-8)
    contrast = band_contrast(
        data["outcome"], data["treated"], band, {"a": 1, "b": -0.5, "c": -0.5}, covariates=data["site"]
    )
    assert (contrast.value, contrast.se) == pytest.approx((r["contrast"], r["contrast_se"]), rel=1e-9)


def test_one_band_is_the_plain_comparison(banded):
    data, _ = banded
    found = band_effects(
        data["outcome"], data["treated"], np.zeros(len(data["prior"])), covariates=data["prior"]
    )
    plain = ancova_hc3(data["outcome"], data["treated"], covariates=data["prior"])
    estimate = found.effects[0].estimate
    assert found.interaction is None
    assert (estimate.value, estimate.se, estimate.df) == pytest.approx((plain.value, plain.se, plain.df))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2))
def test_properties(seed, shift, scale):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(8), 15)
    treated, band = group % 2, np.arange(120) % 3
    y = rng.normal(size=120) + treated * band
    for clusters in (None, group):
        base = band_effects(y, treated, band, clusters=clusters, min_per_arm=3)
        order = rng.permutation(120)
        moved = band_effects(
            (y * scale + shift)[order],
            treated[order],
            band[order],
            clusters=None if clusters is None else clusters[order],
            min_per_arm=3,
        )
        for one, two in zip(base.effects, moved.effects, strict=True):
            assert two.estimate.value == pytest.approx(one.estimate.value * scale, rel=1e-7, abs=1e-9)
        assert moved.interaction.p == pytest.approx(base.interaction.p, rel=1e-6)
        swapped = band_effects(y, 1 - treated, band, clusters=clusters, min_per_arm=3)
        assert swapped.interaction.p == pytest.approx(base.interaction.p, rel=1e-6)
        assert swapped.effects[1].estimate.value == pytest.approx(-base.effects[1].estimate.value)


@pytest.mark.parametrize(("control", "shown"), [(9, False), (10, True), (11, True)])
def test_a_band_is_shown_from_ten_an_arm(control, shown):
    rng = np.random.default_rng(1)
    band = np.repeat([0, 1], [40, 10 + control])
    treated = np.concatenate([np.arange(40) % 2, np.arange(10 + control) < 10])
    found = band_effects(rng.normal(size=len(band)), treated, band)
    assert (found.effects[1].estimate is not None) == shown
    assert found.left_out == (() if shown else (1,))
    assert (found.effects[1].n_treated, found.effects[1].n_control) == (10, control)
    assert (found.interaction is not None) == shown


def test_a_band_of_one_group_in_an_arm_is_left_out():
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(8), 20)
    band = np.where((group == 0) | (group % 2 == 1), np.arange(160) % 2, 0)
    found = band_effects(rng.normal(size=160), group % 2, band, clusters=group)
    assert found.left_out == (1,)
    with pytest.raises(EstimationError, match="band 1 has fewer"):
        band_contrast(rng.normal(size=160), group % 2, band, {0: 1, 1: -1}, clusters=group)


def test_refusals():
    y, treated = np.arange(40.0) % 7, np.arange(40) % 2
    with pytest.raises(EstimationError, match="no band has 10 learners"):
        band_effects(y, treated, np.arange(40))
    with pytest.raises(EstimationError, match="constant"):
        band_effects(np.ones(40), treated, np.arange(40) // 20)
    with pytest.raises(ParameterError, match="band has 1 missing"):
        band_effects(y, treated, [float("nan")] + [1.0] * 39)
    with pytest.raises(ParameterError, match="band has 39 values"):
        band_effects(y, treated, np.ones(39))
    with pytest.raises(EmptyArmError):
        band_effects(y, np.ones(40), np.ones(40))
    with pytest.raises(ParameterError, match="existing bands"):
        band_contrast(y, treated, np.ones(40), {"strong": 1})


def test_cuts():
    assert np.bincount(cut_bands(np.arange(1, 101))).tolist() == [15, 25, 35, 25]
    assert np.bincount(cut_bands(np.ones(10))).tolist() == [10]
    for cuts in ([], [0, 50], [50, 40], [50, 100]):
        with pytest.raises(ParameterError, match="percentiles"):
            cut_bands(np.arange(10), cuts=cuts)
    with pytest.raises(ParameterError, match="missing"):
        cut_bands([1.0, np.nan])


def test_drift_of_the_shared_case():
    data, r = shared_data("anorexia"), expected("rtm_expected")
    control = data["treat"] == 0
    found = regression_to_mean(data["pre"][control], data["post"][control], upper=r["cut"])
    assert found.expected == pytest.approx(r["expected_gain"], rel=1e-8)
    assert found.observed == pytest.approx(r["observed_gain_low"], rel=1e-8)
    assert (found.correlation, found.spread, found.upper) == pytest.approx(
        (r["r"], r["sd"], r["z"]), rel=1e-8
    )


def test_drifts_of_all_bands_cancel_and_match_simulation():
    edges = [-np.inf, -1.0, -0.2, 0.7, np.inf]
    from scipy.stats import norm

    drifts = [expected_drift(0.6, 12, lower=a, upper=b) for a, b in pairwise(edges)]
    weights = np.diff(norm.cdf(edges))
    assert weights @ drifts == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(4)
    x = rng.normal(size=400_000)
    y = 0.6 * x + 0.8 * rng.normal(size=400_000)
    for (a, b), drift in zip(pairwise(edges), drifts, strict=True):
        inside = (x > a) & (x <= b)
        assert 12 * (y - x)[inside].mean() == pytest.approx(drift, abs=0.12)
    assert drifts[0] > 0 > drifts[-1]


def test_drift_far_in_the_upper_tail_keeps_its_digits():
    assert expected_drift(0.5, 1, lower=8) == pytest.approx(-expected_drift(0.5, 1, upper=-8), rel=1e-10)
    assert expected_drift(0.5, 1, lower=8, upper=9) == pytest.approx(
        -expected_drift(0.5, 1, lower=-9, upper=-8)
    )


def test_drift_refusals():
    for bad in ({"lower": 1, "upper": 1}, {"lower": 2, "upper": 1}):
        with pytest.raises(ParameterError):
            expected_drift(0.5, 1, **bad)
    with pytest.raises(ParameterError):
        expected_drift(1.5, 1)
    with pytest.raises(EstimationError):
        regression_to_mean([1, 1, 1], [1, 2, 3])
    with pytest.raises(ParameterError):
        regression_to_mean([1, 2, 3], [1, 2, 3], upper=0)
    with pytest.raises(ParameterError):
        regression_to_mean([1, 2, np.nan], [1, 2, 3])
    with pytest.raises(ParameterError):
        regression_to_mean([1, 2], [1, 2, 3])
