"""Cases and helpers that the tests of several estimators share."""

from __future__ import annotations

import numpy as np
import pytest
from effects_reference import reference, reference_data, shared_data
from hypothesis import strategies as st

from flipstats.effects.results import Estimate

R = reference("basics")
LEARNERS = ("learners", "small")
GROUPS = ("five_five", "three_three", "two_six")
CLOSE = {"rel": 1e-8, "abs": 1e-10}
TRIAL = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def same(found: Estimate, case: str, names=("value", "se", "df", "p", "low", "high"), **tolerance) -> None:
    for name in names:
        if name in R[case]:
            assert getattr(found, name) == pytest.approx(R[case][name], **(tolerance or CLOSE)), (case, name)


def learners(name):
    d = reference_data("basics", name)
    return d["score"], d["treated"], np.column_stack([d["prior"], d["age"]]), d["passed"]


def anorexia():
    d = shared_data("anorexia")
    return d["post"], d["treat"], d["pre"]


def drawn(random, groups=6, size=5):
    group = np.repeat(np.arange(groups), size)
    arm = (group % 2).astype(float)
    x = random.normal(size=group.size)
    y = 0.5 * x + 0.4 * arm + random.normal(size=groups)[group] * 0.4 + random.normal(size=group.size)
    return y, arm, group, x
