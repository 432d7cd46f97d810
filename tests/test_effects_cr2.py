"""CR2 against clubSandwich, against a direct computation, against itself, and on hostile data."""

from __future__ import annotations

import time

import numpy as np
import pytest
from effects_reference import reference, reference_data
from hypothesis import given, settings
from hypothesis import strategies as st
from test_effects_mixed import COVARIATES, GROUP, HOSTILE, TREATED, Y, case, simulate

from flipstats.effects.cr2 import cr2, fit_cluster_robust
from flipstats.errors import EstimationError

R = reference("cr2")


@pytest.mark.parametrize("name", [name for name in R if not name.startswith("bands")])
def test_equal_to_club_sandwich(name):
    y, treated, group, covariates = case(name)
    found, r = cr2(y, treated, group, covariates=covariates), R[name]
    assert found.value == pytest.approx(r["b"], rel=1e-10)
    assert found.se == pytest.approx(r["se"], rel=1e-10)
    assert found.df == pytest.approx(r["df"], rel=1e-10)
    assert found.p == pytest.approx(r["p"], rel=1e-10)
    assert (found.low, found.high) == pytest.approx((r["low"], r["high"]), rel=1e-10)
    assert found.variant == ("adjusted" if name in COVARIATES else "raw")


def directly(X, y, group, k):
    """The definition, with the n × n hat matrix."""
    M = np.linalg.inv(X.T @ X)
    H = X @ M @ X.T
    e = y - H @ y
    P = []
    for g in np.unique(group):
        rows = group == g
        values, vectors = np.linalg.eigh(np.eye(rows.sum()) - H[np.ix_(rows, rows)])
        root = (vectors / np.sqrt(values)) @ vectors.T
        P.append((np.eye(len(y)) - H)[rows].T @ root @ X[rows] @ M[k])
    P = np.array(P).T
    # Each column p gives one term (p'y)², and p'e = p'y since p lies in the space of residuals.
    cross = P.T @ P
    return np.sqrt(((P.T @ e) ** 2).sum()), np.trace(cross) ** 2 / (cross**2).sum()


def test_equal_to_the_definition():
    data = reference_data("mixed", "zero_adjusted")
    X = np.column_stack([np.ones(len(data["prior"])), data["treated"], data["prior"]])
    group = np.unique(data["group"], return_inverse=True)[1]
    _, se, df = fit_cluster_robust(X, data["outcome"], group).contrast(np.eye(3)[1])
    assert (se, df) == pytest.approx(directly(X, data["outcome"], group, 1), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e4, 1e4), scale=st.floats(1e-3, 1e3))
def test_properties(seed, shift, scale):
    y, treated, group = simulate(seed, np.random.default_rng(seed).integers(1, 15, 8), 0.5)
    x = np.random.default_rng(seed + 1).normal(size=len(y))
    base = cr2(y, treated, group, covariates=x)
    moved = cr2(y * scale + shift, treated, group, covariates=5 * x - 3)
    assert (moved.value, moved.se) == pytest.approx((base.value * scale, base.se * scale), abs=1e-9, rel=1e-7)
    assert moved.df == pytest.approx(base.df, rel=1e-8)
    swapped = cr2(y, 1 - treated, group, covariates=x)
    assert (swapped.value, swapped.low) == pytest.approx((-base.value, -base.high), rel=1e-8, abs=1e-10)
    order = np.random.default_rng(seed + 2).permutation(len(y))
    names = np.array([f"z{(7 * g) % 8}" for g in group])
    mixed = cr2(y[order], treated[order], names[order], covariates=x[order])
    assert (mixed.value, mixed.se, mixed.df) == pytest.approx((base.value, base.se, base.df), rel=1e-8)


def test_big_groups_and_many_groups():
    start = time.process_time()
    for sizes in ([20_000] * 10, [5] * 40_000):
        y, treated, group = simulate(3, sizes, 0.3)
        found = cr2(y, treated, group, covariates=np.random.default_rng(1).normal(size=(len(y), 3)))
        assert found.low < 1 < found.high
    assert time.process_time() - start < 10


@pytest.mark.parametrize("name", [n for n in HOSTILE if "group" not in n])
def test_hostile(name):
    y, treated, group, covariates, error, words = HOSTILE[name]
    with pytest.raises(error, match=words):
        cr2(y, treated, group, covariates=covariates)


@pytest.mark.parametrize("group", [TREATED, np.where(TREATED == 1, 99, GROUP)])
def test_an_arm_of_one_group_is_refused(group):
    with pytest.raises(EstimationError, match="one single group"):
        cr2(Y, TREATED, group)


def test_an_effect_decided_inside_one_group_is_refused():
    """Every group has its own level, and the arm changes in one group only."""
    treated = np.where(GROUP == 0, np.arange(40) % 2, 0)
    dummies = (GROUP[:, None] == np.arange(1, 6)).astype(float)
    treated[39] = 1  # a second treated group, wholly explained by nothing but its own learner
    own = np.column_stack([dummies, np.arange(40) == 39])
    X = np.column_stack([np.ones(40), treated, own])
    with pytest.raises(EstimationError, match="one single group"):
        fit_cluster_robust(X, Y, GROUP).contrast(np.eye(X.shape[1])[1])
