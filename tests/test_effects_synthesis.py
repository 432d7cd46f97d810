"""Random effects over cohorts against metafor, against themselves, and on hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from effects_reference import reference, reference_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects.synthesis import random_effects
from flipstats.errors import EstimationError, ParameterError

R = reference("synthesis")


@pytest.mark.parametrize("name", list(R))
def test_equal_to_metafor(name):
    data, r = reference_data("synthesis", name), R[name]
    found = random_effects(data["value"], data["se"])
    for field, value in r.items():
        near = 1e-6 if field in ("tau2", "i2") else 1e-7
        assert getattr(found, field) == pytest.approx(value, rel=near, abs=1e-15), field
    assert found.k == len(data["value"])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-50, 50), scale=st.floats(1e-3, 1e3))
def test_properties(seed, shift, scale):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 15))
    se = rng.uniform(0.05, 0.4, k)
    y = 0.2 + rng.choice([0, 0.1, 1]) * rng.normal(size=k) + se * rng.normal(size=k)
    base = random_effects(y, se)
    order = rng.permutation(k)
    moved = random_effects((y * scale + shift)[order], (se * scale)[order])
    assert moved.value == pytest.approx(base.value * scale + shift, rel=1e-6, abs=1e-6 * scale)
    assert moved.se == pytest.approx(base.se * scale, rel=1e-4)
    assert moved.tau2 == pytest.approx(base.tau2 * scale**2, rel=1e-4, abs=1e-10 * scale**2)
    assert base.prediction_low <= base.low <= base.value <= base.high <= base.prediction_high
    turned = random_effects(-y, se)
    assert (turned.low, turned.tau2) == pytest.approx((-base.high, base.tau2), rel=1e-8)


@pytest.mark.parametrize(
    ("values", "errors", "error", "words"),
    [
        ([0.2], [0.1], EstimationError, "1 cohort is not several"),
        ([], [], EstimationError, "0 cohorts are not several"),
        ([0.2, 0.2], [0.1, 0.2], EstimationError, "equal to the last digit"),
        ([0.2, np.nan], [0.1, 0.2], ParameterError, "above 0"),
        ([0.2, 0.3], [0.1, 0.0], ParameterError, "above 0"),
        ([0.2, 0.3], [0.1], ParameterError, "errors has 1 values"),
    ],
)
def test_hostile(values, errors, error, words):
    with pytest.raises(error, match=words):
        random_effects(values, errors)
