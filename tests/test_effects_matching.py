"""Matched pairs against MatchIt and sandwich, against a plain greedy search, and on hostile data."""

from __future__ import annotations

import time

import numpy as np
import pytest
from effects_reference import reference, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from test_effects_weights import DATA, HOSTILE, LALONDE, TREATED, X

from flipstats.effects.matching import nn_match
from flipstats.effects.propensity import propensity
from flipstats.errors import EstimationError, ParameterError

R = reference("weights")


@pytest.mark.parametrize("outcome", ["outcome", "passed"])
@pytest.mark.parametrize(("caliper", "name"), [(None, "plain"), (0.002, "caliper")])
def test_equal_to_matchit(outcome, caliper, name):
    r = R[f"nn_match_{outcome}_{name}"]
    found = nn_match(DATA[outcome], TREATED, X, caliper=caliper)
    assert len(found.pairs) == r["pairs"]
    assert (found.pairs + 1).sum(axis=0).tolist() == [r["rows"], r["controls"]]
    assert (found.estimate.value, found.estimate.se) == pytest.approx((r["est"], r["se"]), rel=1e-10)
    assert found.unmatched == TREATED.sum() - r["pairs"]
    assert found.estimate.variant == ("att" if caliper is None else "att_matched")
    assert found.order_low <= found.estimate.value <= found.order_high


def test_more_treated_than_controls_is_another_estimand_and_says_so():
    r, found = R["nn_match_swapped"], nn_match(DATA["outcome"], 1 - TREATED, X)
    assert (found.estimate.value, found.estimate.se) == pytest.approx((r["est"], r["se"]), rel=1e-10)
    assert found.estimate.variant == "att_matched"
    assert found.unmatched == len(TREATED) - 2 * TREATED.sum()


def test_ties_follow_the_rule():
    data = shared_data("lalonde")
    covariates = np.column_stack([data[c] for c in LALONDE])
    found = nn_match(data["re78"], data["treat"], covariates)
    assert found.estimate.value == pytest.approx(894.36748027027, rel=1e-10)
    assert found.order_low < found.estimate.value < found.order_high
    assert found.pairs.tolist() == plain_greedy(propensity(data["treat"], covariates).score, data["treat"])


def plain_greedy(score, treated):
    free = list(np.flatnonzero(treated == 0))
    pairs = []
    for row in sorted(np.flatnonzero(treated == 1), key=lambda i: (-score[i], i)):
        if free:
            distances = np.abs(score[free] - score[row])
            best = free[int(np.flatnonzero(distances <= distances.min() + 1e-12)[0])]
            free.remove(best)
            pairs.append([int(row), int(best)])
    return pairs


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.sampled_from([3, 8, 1000]))
def test_equal_to_a_plain_greedy_search(seed, steps):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=80) * steps) / steps
    treated = (rng.random(80) < 1 / (1 + np.exp(1 - x))).astype(int)
    if not 4 <= treated.sum() <= 76:
        return
    found = nn_match(rng.normal(size=80), treated, x, orders=0)
    assert found.pairs.tolist() == plain_greedy(propensity(treated, x).score, treated)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2))
def test_properties(seed, shift, scale):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(100, 2))
    treated = (np.arange(100) < 30).astype(int)
    y = rng.normal(size=100) + x[:, 0]
    base = nn_match(y, treated, x, orders=2)
    order = rng.permutation(100)
    moved = nn_match((y * scale + shift)[order], treated[order], (x * [2, -3] + 1)[order], orders=2)
    assert moved.estimate.value == pytest.approx(base.estimate.value * scale, rel=1e-7, abs=1e-9)
    assert moved.estimate.se == pytest.approx(base.estimate.se * scale, rel=1e-7)
    assert len({row for pair in base.pairs.tolist() for row in pair}) == 60


@pytest.mark.slow
def test_two_hundred_thousand_learners_take_seconds():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200_000, 2))
    treated = rng.random(200_000) < 0.3
    start = time.process_time()
    found = nn_match(x[:, 0] + treated + rng.normal(size=200_000), treated, x, orders=1)
    assert time.process_time() - start < 10
    assert found.estimate.value == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile(name):
    y, treated, covariates, error, words = HOSTILE[name]
    with pytest.raises(error, match=words):
        nn_match(y, treated, covariates)


def test_refusals():
    with pytest.raises(ParameterError, match="caliper"):
        nn_match(DATA["outcome"], TREATED, X, caliper=0)
    with pytest.raises(EstimationError, match="only 0 pairs"):
        nn_match(DATA["outcome"], TREATED, X, caliper=1e-9)
    with pytest.raises(EstimationError, match="only 1 pair could"):
        nn_match([1.0, 2, 3, 4, 5, 2], [1, 0, 0, 0, 0, 0], [1.0, 2, 0, 1, 2, 1])
