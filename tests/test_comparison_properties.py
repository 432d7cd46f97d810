"""What must not change a number, or change it in one known way: every method, in every design, at once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from comparison_study import table
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats import cohorts
from flipstats.comparison.methods import METHODS

DESIGNS = {
    "groups": {"outcome": "y", "cluster": "g", "assignment": "random_cluster"},
    "one_arm": {"outcome": "y", "cluster": "lone", "assignment": "random_individual"},
    "learners": {"outcome": "y", "assignment": "random_individual"},
    "completion": {"outcome": "passed", "binary": True, "assignment": "random_individual"},
    "completion_in_groups": {"outcome": "passed", "binary": True, "cluster": "g", "assignment": "nonrandom"},
}
OF_THE_TREATED = ("ipw_att", "nn_match")  # what they ask changes with the sides
SEEDS = given(seed=st.integers(0, 2**32 - 1))
FEW = settings(max_examples=2, deadline=None)


def drawn(seed):
    frame = table(np.random.default_rng(seed), 4, effect=0.3, sizes=(10, 18))
    return frame.with_columns(lone=pl.when(pl.col("arm") == "f").then("g"))


def asked(frame, design, **more):
    names = {"arm": "arm", "treated": "f", "control": "c", "pre": "x", "methods": "all", "band": "site"}
    return cohorts.compare_table(frame, **{**names, **DESIGNS[design], **more})


def numbers(result, *, without=()):
    return {
        (e.method, e.role, e.variant): (e.value, e.low, e.high, e.p)
        for e in result.effects
        if e.method not in without
    }


def same(found, expected, change=lambda value, low, high: (value, low, high)):
    assert set(found) == set(expected)
    for key, (*limits, p) in expected.items():
        close = pytest.approx((*change(*limits), p), rel=1e-5, abs=1e-7, nan_ok=True)
        assert found[key] == close, key


def test_the_designs_reach_every_method():
    reached = {e.method for design in DESIGNS for e in asked(drawn(3), design).effects}
    assert reached == set(METHODS)


@pytest.mark.parametrize("design", DESIGNS)
@SEEDS
@FEW
def test_order_of_rows_and_names_of_groups_and_arms_change_nothing(design, seed):
    frame = drawn(seed)
    base = asked(frame, design)
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=seed % 1000).with_columns(
        g="é" + pl.col("g").str.reverse(), lone="z" + pl.col("lone").str.reverse(),
        arm=pl.when(pl.col("arm") == "f").then(pl.lit("2")).otherwise(pl.lit("1")),
    )  # fmt: skip
    other = asked(mixed, design, treated=2, control="1")
    same(numbers(other), numbers(base))
    assert (other.tier, other.verdict.code) == (base.tier, base.verdict.code)


@pytest.mark.parametrize("design", DESIGNS)
@SEEDS
@FEW
def test_swapped_arms_change_the_sign_only(design, seed):
    frame = drawn(seed)
    base, other = asked(frame, design), asked(frame, design, treated="c", control="f")
    ratio = {key: value for key, value in numbers(base).items() if key[2] == "risk_ratio"}
    turned = {key: value for key, value in numbers(base, without=OF_THE_TREATED).items() if key not in ratio}
    found = numbers(other, without=OF_THE_TREATED)
    same({k: v for k, v in found.items() if k in turned}, turned, lambda v, low, high: (-v, -high, -low))
    same(
        {k: v for k, v in found.items() if k in ratio}, ratio, lambda v, low, high: (1 / v, 1 / high, 1 / low)
    )


@pytest.mark.parametrize("design", ["groups", "one_arm", "learners"])
@pytest.mark.parametrize("factor", [1e-3, 250.0])
@SEEDS
@FEW
def test_the_unit_scales_points_and_leaves_standardised_effects(design, factor, seed):
    frame = drawn(seed)
    scaled = frame.with_columns(pl.col("y", "x") * factor + 7 * factor)
    base, other = numbers(asked(frame, design)), numbers(asked(scaled, design))
    fixed = {k for k in base if k[2] in ("wwc", "wwc_cluster", "did_g")}
    same({k: other[k] for k in fixed}, {k: base[k] for k in fixed})
    rest = set(base) - fixed
    same(
        {k: tuple(x / factor for x in other[k][:3]) + other[k][3:] for k in rest}, {k: base[k] for k in rest}
    )


@pytest.mark.parametrize("design", DESIGNS)
def test_a_table_twice_has_the_same_middle_and_a_narrower_interval(design):
    frame = drawn(11)
    twice = pl.concat([frame, frame.with_columns(g=pl.col("g") + "b", lone=pl.col("lone") + "b")])
    once, double = asked(frame, design).primary, asked(twice, design).primary
    assert double.value == pytest.approx(once.value, rel=1e-6)
    assert double.high - double.low < once.high - once.low
