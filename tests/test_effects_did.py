"""Difference in differences against R, by simulation, and on hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from effects_reference import expected, reference, reference_data, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects.did import did
from flipstats.errors import EmptyArmError, EstimationError, ParameterError

R = reference("did")
DATA = reference_data("mixed", "unbalanced")
PRE, POST, TREATED, GROUP = DATA["prior"], DATA["outcome"], DATA["treated"], DATA["group"]


@pytest.mark.parametrize("scale", ["raw", "gain", "g"])
def test_equal_to_r(scale):
    r, found = R[scale], did(PRE, POST, TREATED, scale=scale)
    assert (found.value, found.se, found.df) == pytest.approx((r["b"], r["se"], r["df"]), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((r["low"], r["high"]), rel=1e-8)
    assert (found.method, found.variant) == ("did", f"did_{scale}")
    grouped, r = did(PRE, POST, TREATED, clusters=GROUP, scale=scale), R[f"{scale}_groups"]
    assert (grouped.value, grouped.se, grouped.df) == pytest.approx((r["b"], r["se"], r["df"]), rel=1e-9)
    assert (grouped.clusters_treated, grouped.clusters_control) == (12, 12)


def test_what_the_two_measures_share():
    found = did(PRE, POST, TREATED, scale="g")
    assert found.aside["baseline"] == pytest.approx(R["g"]["baseline"], rel=1e-9)
    assert found.aside["correlation"] == pytest.approx(R["g"]["correlation"], rel=1e-9)


def test_the_error_of_g_is_what_simulation_shows():
    rng = np.random.default_rng(6)
    treated = np.repeat([1, 0], [60, 45])
    errors = []
    for _ in range(60):
        before = rng.normal(size=105) + 0.2 * treated
        after = 0.6 * before + 0.8 * rng.normal(size=105) + 0.5 * treated
        errors.append(did(before, after, treated, scale="g").se)
    assert np.mean(errors) == pytest.approx(R["simulated"]["sd"], rel=0.03)


def test_the_shared_cases():
    data, r = shared_data("anorexia"), expected("gain")
    raw = did(data["pre"], data["post"], data["treat"])
    assert (raw.value, raw.se) == pytest.approx((r["b"], r["se_hc2"]), rel=1e-8)
    assert raw.value == pytest.approx(expected("did_cluster_id")["b"], rel=1e-8)
    g = did(data["pre"], data["post"], data["treat"], scale="g")
    assert g.value == pytest.approx(expected("wwc_g")["g"] - r["baseline_g"], rel=1e-8)
    gain = did(data["pre"], data["post"], data["treat"], scale="gain")
    assert gain.value == pytest.approx(r["g_did_wwc"], rel=1e-8)  # named so there; it is another number
    assert g.aside["baseline"] == pytest.approx(r["baseline_g"], rel=1e-8)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2))
def test_properties(seed, shift, scale):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(8), 6)
    treated = group % 2
    before = rng.normal(size=48)
    after = before + treated + rng.normal(size=48)
    for clusters in (None, group):
        raw = did(before, after, treated, clusters=clusters)
        moved = did(before * scale - shift, after * scale + shift, treated, clusters=clusters)
        assert (moved.value, moved.se) == pytest.approx(
            (raw.value * scale, raw.se * scale), rel=1e-6, abs=1e-9
        )
        g = did(before, after, treated, clusters=clusters, scale="g")
        order = rng.permutation(48)
        moved = did(
            (before * 3 + 7)[order],
            (after * scale + shift)[order],
            treated[order],
            clusters=None if clusters is None else clusters[order],
            scale="g",
        )
        assert (moved.value, moved.se) == pytest.approx((g.value, g.se), rel=1e-6)
        swapped = did(before, after, 1 - treated, clusters=clusters, scale="g")
        assert (swapped.value, swapped.low) == pytest.approx((-g.value, -g.high), rel=1e-8)


def test_hostile():
    ones = np.ones(len(PRE))
    cases = [
        ((ones, POST, TREATED), {}, EstimationError, "nothing varies"),
        ((PRE, PRE + TREATED, TREATED), {}, EstimationError, "nothing varies"),
        ((PRE, POST, ones), {}, EmptyArmError, "nobody"),
        ((np.where(PRE > 60, np.nan, PRE), POST, TREATED), {}, ParameterError, "missing"),
        ((PRE[1:], POST, TREATED), {}, ParameterError, "expected|outcome has"),
        ((PRE, POST, TREATED), {"scale": "post_sd"}, ParameterError, "raw, gain or g; got post_sd"),
        ((PRE, POST, TREATED), {"clusters": TREATED}, EstimationError, "one single group"),
        (([1.0, 2, 3], [2.0, 4, 3], [1, 0, 0]), {}, EstimationError, "one learner|too few"),
    ]
    for arrays, options, error, words in cases:
        with pytest.raises(error, match=words):
            did(*arrays, **options)
