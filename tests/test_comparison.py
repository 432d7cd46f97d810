"""Comparisons: who is compared, by which method, what is said, and how often it is wrongly said."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import polars as pl
import pytest
from comparison_study import table
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats import cohorts
from flipstats.comparison.methods import METHODS
from flipstats.effects.results import Estimate
from flipstats.errors import (
    DesignError,
    EmptyArmError,
    EstimationError,
    FlipstatsError,
    ParameterError,
)

JSON_KEYS = ["design", "tier", "verdict", "flow", "balance", "effects", "sensitivity", "warnings"]
EFFECT_KEYS = [
    "outcome", "estimand", "method", "role", "variant", "value", "se", "df", "low", "high", "level", "p",
    "n_treated", "n_control", "clusters_treated", "clusters_control",
]  # fmt: skip


def asked(frame, **more):
    options = {"outcome": "y", "arm": "arm", "treated": "f", "control": "c", "assignment": "random_cluster"}
    if more.get("assignment", "random_cluster") != "random_individual":
        options["cluster"] = "g"
    return cohorts.compare_table(frame, **{**options, **more})


def random(seed=1):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------------------ the method follows the design


PERMUTATION = ["cluster_permutation", "reml_kr", "cr2"]
PASSED = {"outcome": "passed", "binary": True}
ALONE = {"assignment": "random_individual"}


@pytest.mark.parametrize(
    ("groups", "more", "primary", "beside"),
    [
        (3, {}, "cluster_means", PERMUTATION),
        (9, {}, "cluster_means", PERMUTATION),
        (10, {}, "reml_kr", ["cluster_means", "cluster_permutation", "cr2"]),
        (12, PASSED, "cluster_means", PERMUTATION),
        (6, ALONE, "welch", ["mannwhitney"]),
        (6, ALONE | {"pre": "x"}, "ancova_hc3", ["lin_hc2", "overlap"]),
        (6, ALONE | PASSED, "newcombe", []),
        (6, ALONE | PASSED | {"pre": "x"}, "newcombe", ["gcomp"]),
        (6, PASSED | {"assignment": "nonrandom", "cluster": None, "pre": "x"}, "gcomp", ["overlap"]),
    ],
)  # fmt: skip
def test_primary_method_by_rule(groups, more, primary, beside):
    result = asked(table(random(), groups), **more)
    assert result.primary.method == primary
    assert [e.method for e in result.effects if e.role == "robustness"] == beside
    assert result.design["primary_method"] == primary


def test_methods_asked_for_stand_beside_the_primary_one():
    result = asked(table(random()), methods=["cr2", "welch", "cluster_means"])
    assert [(e.method, e.role) for e in result.effects] == [
        ("cluster_means", "primary"), ("cluster_means", "primary"),
        ("cluster_permutation", "robustness"), ("reml_kr", "robustness"), ("cr2", "robustness"),
        ("welch", "robustness"),
    ]  # fmt: skip
    assert [str(w) for w in result.warnings] == [
        "welch treats learners as independent although groups were assigned: its interval and p are too "
        "optimistic."
    ]


def test_all_methods_that_apply():
    grouped = asked(table(random(), 6), pre="x", methods="all")
    assert {e.method for e in grouped.effects} == {n for n, m in METHODS.items() if m.design != "individual"}
    alone = asked(table(random(), 6), pre="x", methods="all", assignment="random_individual")
    assert {e.method for e in alone.effects} == {
        n for n, m in METHODS.items() if m.design != "groups" and "score" in m.kinds
    }
    assert not grouped.warnings
    assert not alone.warnings


def test_every_method_is_reachable_by_name():
    frame = table(random(), 6, effect=0.3)
    for name, method in METHODS.items():
        kind = {"outcome": "passed", "binary": True} if method.kinds == ("binary",) else {}
        result = asked(frame, pre="x", methods=[name], **kind)
        assert name in [e.method for e in result.effects]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"methods": ["wlech"]}, "there is no method 'wlech'; did you mean welch?"),
        ({"methods": ["newcombe"]}, "the method newcombe is not for score outcomes"),
        ({"methods": ["aipw"]}, "the method aipw needs covariates (adjust)"),
        ({"methods": ["did"], "adjust": ["x"]}, "the method did needs the outcome measured before (pre)"),
        (
            {"assignment": "randomcluster"},
            "there is no assignment 'randomcluster'; did you mean random_cluster?",
        ),
        ({"level": 95}, "level must lie strictly between 0 and 1, got 95"),
        ({"treated": "c"}, "treated and control are both 'c'"),
        ({"adjust": ["y"]}, "'y' cannot be the outcome and a covariate at once"),
        ({"binary": True}, "the outcome 'y' was declared binary but has other values than 0 and 1"),
    ],
)
def test_wrong_questions(more, message):
    with pytest.raises(ParameterError) as raised:
        asked(table(random()), **more)
    assert str(raised.value) == message


def test_a_covariate_that_repeats_another_is_left_out_and_said():
    frame = table(random()).with_columns(twice=2 * pl.col("x"), same=pl.lit(3.0))
    result = asked(frame, adjust=["x", "twice", "same"])
    assert result.design["adjust"] == ["x"]
    assert [str(w) for w in result.warnings] == [
        f"The covariate {name} was left out: among those analysed it is constant or a combination of the "
        "others."
        for name in ("twice", "same")
    ]


def test_group_means_carry_only_what_their_df_allow():
    frame = table(random(), 3).with_columns(z=pl.col("x") ** 2)
    result = asked(frame, pre="x", adjust=["z"])
    assert result.primary.df == 3
    assert result.design["adjust"] == ["x"]
    assert str(result.warnings[0]) == (
        "Group means cannot carry more covariates with so few groups; not adjusted for: z."
    )


def test_text_covariates_become_one_column_a_category():
    result = asked(table(random()), adjust=["site"])
    assert len(result.design["adjust"]) == 1
    assert result.design["adjust"][0] in ("site=north", "site=south")
    assert result.balance[0]["kind"] == "binary"


# ------------------------------------------------------------------------------------------------ flow


def test_flow_counts_everyone_and_reconciles():
    frame = table(random(), 3).with_columns(
        y=pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise("y"),
        x=pl.when(pl.int_range(pl.len()) % 5 == 0).then(float("nan")).otherwise("x"),
    )
    other = pl.concat(
        [frame, frame.head(4).with_columns(arm=pl.lit("other")), frame.head(3).with_columns(g=None)]
    )
    result = asked(other, pre="x")
    for side, name in (("treated", "f"), ("control", "c")):
        arm = frame.filter(pl.col("arm") == name)
        counts = result.flow[side]
        without = 3 * (frame["arm"][0] == name)
        assert counts["assigned"] == arm.height + without
        assert counts["lost"].get("no_group", 0) == without
        assert counts["tested"] == arm["y"].count()
        assert counts["analysed"] == arm.filter(pl.col("y").is_not_null(), pl.col("x").is_not_nan()).height
        assert counts["assigned"] == counts["analysed"] + sum(counts["lost"].values())
        assert counts["groups_analysed"] == 3
        groups = [g for g in result.flow["groups"] if g["arm"] == name]
        assert sum(g["analysed"] for g in groups) == counts["analysed"]
    assert result.flow["left_out"] == [{"reason": "other_arm", "n": 4}]
    assert "3 of the" in "".join(map(str, result.warnings))
    lost = 1 - sum(result.flow[s]["analysed"] for s in ("treated", "control")) / (frame.height + 3)
    assert result.flow["attrition"]["overall"] == pytest.approx(lost)
    assert result.primary.n_treated == result.flow["treated"]["analysed"]


def test_missing_is_never_zero():
    frame = table(random(), 6)
    gaps = frame.with_columns(y=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("y"))
    whole = asked(gaps.drop_nulls("y"))
    assert asked(gaps).primary.value == pytest.approx(whole.primary.value, abs=1e-12)
    assert asked(gaps).sensitivity["missing"]["treated"]["missing"] > 0
    assert asked(gaps).tier == "rct_low_attrition" or not asked(gaps).flow["attrition"]["low"]


def test_worst_cases_of_a_missing_yes_or_no():
    frame = pl.DataFrame({"y": [1, 1, None, 0, 1, 0, None, 0], "arm": list("ffffcccc")})
    result = asked(frame, assignment="random_individual", binary=True)
    missing = result.sensitivity["missing"]
    assert (missing["low"], missing["high"]) == (2 / 4 - 2 / 4, 3 / 4 - 1 / 4)
    assert missing["treated"] == {"missing": 1, "assigned": 4}


# --------------------------------------------------------------------------------------------- what it gives


def test_json_is_that_of_the_design_and_is_json():
    told = asked(table(random(), 4), pre="x", band="x", methods="all").to_dict()
    assert list(told) == JSON_KEYS
    assert list(told["verdict"]) == ["words", "sentence", "threats"]
    assert all(list(e) == EFFECT_KEYS for e in told["effects"])
    assert {e["role"] for e in told["effects"]} <= {"primary", "robustness", "band", "secondary"}
    assert "NaN" not in json.dumps(told, allow_nan=False)


def test_frame_has_fixed_columns_whatever_was_asked():
    for groups in (2, 4):
        assert asked(table(random(), groups)).to_frame().columns == EFFECT_KEYS


def test_html_escapes_what_a_user_wrote():
    frame = table(random(), 4).rename({"y": "<b>y</b>"})
    shown = asked(frame, outcome="<b>y</b>")._repr_html_()
    assert "<b>y" not in shown
    assert "&lt;b&gt;y" in shown


def test_effect_size_of_groups_by_its_formula():
    frame = table(random(), 6, effect=0.5)
    result = asked(frame)
    y, arm = frame["y"].to_numpy(), (frame["arm"] == "f").to_numpy()
    nt, nc = int(arm.sum()), int((~arm).sum())
    S = math.sqrt(((nt - 1) * y[arm].var(ddof=1) + (nc - 1) * y[~arm].var(ddof=1)) / (nt + nc - 2))
    N, n, r = nt + nc, (nt + nc) / 12, result.sensitivity["icc"]
    gamma = 1 - 2 * (n - 1) * r / (N - 2)
    h = ((N - 2) - 2 * (n - 1) * r) ** 2 / (
        (N - 2) * (1 - r) ** 2 + n * (N - 2 * n) * r**2 + 2 * (N - 2 * n) * r * (1 - r)
    )
    g = (1 - 3 / (4 * h - 1)) * result.primary.value / S * math.sqrt(gamma)
    assert result.g.value == pytest.approx(g)
    assert result.g.variant == "wwc_cluster"
    se = math.sqrt((result.primary.se / S) ** 2 * gamma + g**2 / (2 * h))
    assert result.g.se == pytest.approx(se)


def test_bands_come_from_one_model_with_one_test():
    frame = table(random(), 8, sizes=(20, 30))
    result = asked(frame, pre="x", band="x")
    bands = [e for e in result.effects if e.role == "band"]
    assert [e.variant for e in bands] == ["00-15%", "15-40%", "40-75%", "75-100%"]
    assert 0 < result.sensitivity["moderator"]["interaction"]["p"] < 1
    assert len(result.sensitivity["moderator"]["drift"]) == 4
    named = asked(frame, band="site")
    assert [e.variant for e in named.effects if e.role == "band"] == ["north", "south"]


def test_small_bands_are_not_shown():
    frame = table(random(), 4, sizes=(14, 16))
    result = asked(frame, band="x")
    assert "00-15%" not in [e.variant for e in result.effects]
    assert any(str(w).startswith("Bands with fewer than 10 learners") for w in result.warnings)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None)
def test_order_names_and_sides_change_nothing(seed):
    random_ = random(seed)
    frame = table(random_, 4, effect=0.3)
    base = asked(frame, pre="x")
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3).with_columns(
        g=pl.col("g").str.reverse() + "z"
    )
    swapped = asked(frame, pre="x", treated="c", control="f")
    other = asked(shuffled, pre="x")
    for a, b, c in zip(base.effects, other.effects, swapped.effects, strict=True):
        close = pytest.approx((a.value, a.low, a.high, a.p), rel=1e-6, abs=1e-8)
        assert (b.value, b.low, b.high, b.p) == close
        assert (-c.value, -c.high, -c.low, c.p) == close
    assert str(other) == str(base)


@pytest.mark.parametrize(
    "change",
    [
        {"y": pl.lit(1.0)},
        {"y": pl.lit(None, pl.Float64)},
        {"y": pl.when(pl.col("arm") == "f").then("y")},
        {"arm": pl.lit("f")},
        {"g": pl.lit("g0")},
        {"g": pl.col("arm")},
        {"x": pl.lit(None, pl.Float64)},
        {"y": pl.when(pl.col("arm") == "f").then(1.0).otherwise(0.0)},
        {"y": pl.col("y") * 1e200},
        {"g": pl.int_range(pl.len()).cast(pl.String)},
    ],
)
@pytest.mark.parametrize("assignment", ["random_cluster", "random_individual", "nonrandom"])
@pytest.mark.parametrize("binary", [False, True])
def test_hostile_tables_give_an_answer_or_a_clear_refusal(change, assignment, binary):
    frame = table(random(), 3).with_columns(**change)
    frame = frame.with_columns(passed=pl.col("y") > 0)
    try:
        result = asked(
            frame,
            assignment=assignment,
            pre="x",
            methods="all",
            outcome="passed" if binary else "y",
            binary=binary,
        )
    except FlipstatsError:
        return
    assert result.verdict.code in (
        "not_established",
        "unclear",
        "harm",
        "likely_works",
        "works",
        "no_difference",
    )
    json.dumps(result.to_dict(), allow_nan=False)
    for e in result.effects:
        assert isinstance(e.estimate, Estimate)
        assert not e.low > e.value


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_hardly_anyone(rows):
    frame = table(random(), 3).sort("g").gather_every(9).head(rows)
    with pytest.raises((EmptyArmError, EstimationError, DesignError)):
        asked(frame, assignment="random_individual")


def test_figure_holds_every_method_on_one_scale():
    result = asked(table(random(), 6, effect=0.3), pre="x", methods="all", band="site")
    shown = [e for e in result.effects if e.variant not in ("wwc_cluster", "did_g")]
    drawn = result.figure()
    values = [x for trace in drawn.data if trace.x is not None for x in trace.x]
    factor = result.g.aside["factor"]
    assert {round(factor * e.value, 9) for e in shown} <= {round(float(x), 9) for x in values}
    with pytest.raises(FlipstatsError) as raised:
        asked(table(random(), 2)).figure()
    assert str(raised.value) == "the design carries no effect to draw"


def test_pandas_arms_of_yes_and_no_and_pickles():
    frame = table(random(), 4)
    base = asked(frame)
    assert asked(frame.to_pandas()).primary.row() == base.primary.row()
    flags = frame.with_columns(arm=pl.col("arm") == "f")
    assert asked(flags, treated=True, control=False).primary.estimate == base.primary.estimate
    assert repr(pickle.loads(pickle.dumps(base.effects))) == repr(base.effects)


def test_weights_tell_their_effective_sizes():
    result = asked(table(random(), 6), pre="x", methods=["overlap"])
    assert set(result.sensitivity["weights"]["overlap"]) >= {"ess_treated", "ess_control", "largest_weight"}
