"""Comparisons: who is compared, by which method, what is said, and how often it is wrongly said."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from comparison_study import START, study, table
from effects_reference import SHARED, expected, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats import cohorts, i18n
from flipstats.comparison.methods import METHODS
from flipstats.comparison.question import Question, Roster
from flipstats.comparison.tier import tier_of
from flipstats.comparison.verdict import Judged, decide
from flipstats.effects.results import Estimate
from flipstats.errors import (
    DesignError,
    EmptyArmError,
    EstimationError,
    FlipstatsError,
    InputError,
    NotComputableError,
    ParameterError,
    SchemaError,
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


# -------------------------------------------------------------------------------- the method follows the design


@pytest.mark.parametrize(
    ("groups", "more", "primary", "beside"),
    [
        (3, {}, "cluster_means", ["cluster_permutation", "reml_kr", "cr2"]),
        (9, {}, "cluster_means", ["cluster_permutation", "reml_kr", "cr2"]),
        (10, {}, "reml_kr", ["cluster_means", "cluster_permutation", "cr2"]),
        (12, {"outcome": "passed", "binary": True}, "cluster_means", ["cluster_permutation", "reml_kr", "cr2"]),
        (6, {"assignment": "random_individual"}, "welch", ["mannwhitney"]),
        (6, {"assignment": "random_individual", "pre": "x"}, "ancova_hc3", ["lin_hc2", "overlap"]),
        (6, {"assignment": "random_individual", "outcome": "passed", "binary": True}, "newcombe", []),
        (6, {"assignment": "random_individual", "outcome": "passed", "binary": True, "pre": "x"}, "newcombe", ["gcomp"]),
        (6, {"assignment": "nonrandom", "cluster": None, "outcome": "passed", "binary": True, "pre": "x"}, "gcomp", ["overlap"]),
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
        ("cluster_means", "primary"), ("cluster_means", "primary"), ("cr2", "robustness"), ("welch", "robustness"),
    ]  # fmt: skip
    assert [str(w) for w in result.warnings] == [
        "welch treats learners as independent although groups were assigned: its interval and p are too optimistic."
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
        f"The covariate {name} was left out: among those analysed it is constant or a combination of the others."
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
        assert counts["assigned"] == arm.height
        assert counts["tested"] == arm["y"].count()
        assert counts["analysed"] == arm.filter(pl.col("y").is_not_null(), pl.col("x").is_not_nan()).height
        assert counts["assigned"] == counts["analysed"] + sum(counts["lost"].values())
        assert counts["groups_analysed"] == 3
        groups = [g for g in result.flow["groups"] if g["arm"] == name]
        assert sum(g["analysed"] for g in groups) == counts["analysed"]
    assert result.flow["left_out"] == [{"reason": "other_arm", "n": 4}, {"reason": "no_group", "n": 3}]
    lost = 1 - sum(result.flow[s]["analysed"] for s in ("treated", "control")) / frame.height
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


# ------------------------------------------------------------------------------------- tier, verdict, words


def question(assignment):
    return Question("y", "score", False, "f", "c", assignment, grouped=False)


@pytest.mark.parametrize(
    ("assignment", "low", "gap", "adjusted", "tier"),
    [
        ("random_cluster", True, None, False, "rct_low_attrition"),
        ("random_individual", True, 0.2, False, "rct_low_attrition"),
        ("random_individual", False, 0.05, False, "equivalent_at_baseline"),
        ("random_individual", False, 0.2, True, "adjusted_gap"),
        ("random_individual", False, None, True, "no_causal_claim"),
        ("nonrandom", True, 0.05, False, "equivalent_at_baseline"),
        ("nonrandom", True, 0.0501, True, "adjusted_gap"),
        ("nonrandom", True, 0.25, True, "adjusted_gap"),
        ("nonrandom", True, 0.25, False, "no_causal_claim"),
        ("nonrandom", True, 0.2501, True, "no_causal_claim"),
        ("nonrandom", True, None, True, "no_causal_claim"),
        ("nonrandom", True, math.inf, True, "no_causal_claim"),
        ("historical", True, 0.0, True, "historical"),
        ("none", True, 0.0, True, "no_causal_claim"),
    ],
)
def test_tiers(assignment, low, gap, adjusted, tier):
    found = tier_of(
        question(assignment), Roster(pl.DataFrame()), low_attrition=low, gap=gap, adjusted=adjusted
    )
    assert found == tier


def test_random_arms_in_different_iterations_are_historical():
    apart = Roster(pl.DataFrame(), separate_times=True)
    assert (
        tier_of(question("random_cluster"), apart, low_attrition=True, gap=0, adjusted=True) == "historical"
    )


S = 0.2


@pytest.mark.parametrize(
    ("effect", "tier", "capped", "agree", "code"),
    [
        ((0.5, 0.2, 0.8), "rct_low_attrition", False, True, "works"),
        ((0.5, 0.2, 0.8), "equivalent_at_baseline", False, True, "works"),
        ((S, 0.01, 0.39), "rct_low_attrition", False, True, "works"),
        ((0.199, 0.01, 0.39), "rct_low_attrition", False, True, "likely_works"),
        ((0.5, 0.2, 0.8), "rct_low_attrition", False, False, "likely_works"),
        ((0.5, 0.2, 0.8), "adjusted_gap", False, True, "likely_works"),
        ((0.5, 0.2, 0.8), "historical", False, True, "likely_works"),
        ((0.5, 0.2, 0.8), "no_causal_claim", False, True, "not_established"),
        ((0.5, 0.2, 0.8), "rct_low_attrition", True, True, "not_established"),
        ((-0.5, -0.8, -0.01), "historical", False, True, "harm"),
        ((-0.5, -0.8, -0.01), "rct_low_attrition", True, True, "not_established"),
        ((0.0, -0.2, 0.2), "rct_low_attrition", False, True, "no_difference"),
        ((0.0, -0.2001, 0.2), "rct_low_attrition", False, True, "unclear"),
        ((0.3, 0.0, 0.6), "rct_low_attrition", False, True, "unclear"),
        ((-0.3, -0.6, 0.0), "rct_low_attrition", False, True, "unclear"),
        ((math.nan, math.nan, math.nan), "rct_low_attrition", False, True, "not_established"),
    ],
)
def test_decision_table(effect, tier, capped, agree, code):
    assert decide(Judged(*effect, S, agree), tier=tier, capped=capped) == code


def test_no_effect_no_claim():
    assert decide(None, tier="rct_low_attrition", capped=False) == "not_established"


def test_two_groups_against_two_are_refused_in_both_languages():
    frame = pl.DataFrame(
        {
            "score": [12.0, 14, 13, 15, 11, 13, 9, 11, 10, 12, 8, 10],
            "arm": ["flipped"] * 6 + ["conventional"] * 6,
            "group": list("aaabbbcccddd"),
        }
    )
    result = cohorts.compare_table(
        frame, outcome="score", arm="arm", treated="flipped", control="conventional", cluster="group",
        assignment="random_cluster",
    )  # fmt: skip
    assert result.primary is None
    assert result.effects == ()
    assert result.verdict.code == "not_established"
    assert str(result) == (
        "Not established: on score, 2 groups of flipped (means 13.00 and 13.00) against 2 of conventional (means "
        "10.00 and 10.00) cannot tell the format from the groups; with about 3 learners a group, 158 groups per "
        "arm would be enough to see 0.20 standard deviations. Evidence: randomised, few losses. Main caution: only "
        "2 treated and 2 control groups, at least 3 in each arm are needed."
    )
    with i18n.in_language("fr"):
        assert str(result) == (
            "Non établi\xa0: pour score, 2 groupes en classe inversée (moyennes 13,00 et 13,00) face à 2 en format "
            "classique (moyennes 10,00 et 10,00) ne permettent pas de distinguer le dispositif des groupes\xa0; avec "
            "environ 3 apprenants par groupe, 158 groupes par bras suffiraient pour voir 0,20 écart type. Niveau "
            "de preuve\xa0: tirage au sort, peu de pertes. Principale réserve\xa0: seulement 2 groupes traités et "
            "2 groupes témoins, il en faut au moins 3 par bras."
        )
    assert result.groups().rows() == [
        ("flipped", "a", 13.0, 3), ("flipped", "b", 13.0, 3),
        ("conventional", "c", 10.0, 3), ("conventional", "d", 10.0, 3),
    ]  # fmt: skip
    assert result.arms()["low"].to_list() == [None, None]


def test_methods_asked_for_are_shown_even_where_the_primary_one_is_refused():
    result = asked(table(random(), 2), methods=["cr2"])
    assert result.primary is None
    assert [(e.method, e.role) for e in result.effects] == [("cr2", "robustness")]
    assert result.verdict.code == "not_established"


def test_three_against_three_says_that_the_exact_test_cannot_go_below_a_tenth():
    result = asked(table(random(), 3))
    permutation = next(e for e in result.effects if e.method == "cluster_permutation")
    assert permutation.aside["p_smallest"] == pytest.approx(0.1)
    assert (permutation.low, permutation.high) == (-math.inf, math.inf)
    assert "with 3 against 3 groups the exact test cannot go below p = 0.10" in result.verdict.threats
    effects = result.to_dict()["effects"]
    assert next(e for e in effects if e["method"] == "cluster_permutation")["low"] is None


def test_a_sentence_tells_effect_interval_tier_and_main_caution():
    result = asked(table(random(4), 8, effect=0.8), pre="x", assignment="nonrandom")
    e, g = result.primary, result.g
    number = i18n.number
    assert str(result) == (
        f"{result.verdict.words.capitalize()}: on y, f against c: {number(e.value, signed=True)} points, each group "
        f"counting the same (95% interval {number(e.low, signed=True)} to {number(e.high, signed=True)}; g "
        f"{number(g.value, signed=True)}, {number(g.low, signed=True)} to {number(g.high, signed=True)}). "
        f"Evidence: adjusted for a gap before the start. Main caution: the arms were not drawn at random, so what "
        f"was not measured may explain the difference."
    )
    assert result.verdict.code == "likely_works"


def test_the_literature_stands_apart_with_its_caveat():
    result = asked(table(random(), 4))
    assert "+0.24" in result.literature
    assert result.literature.endswith("it is not a target.")
    assert result.literature not in str(result)


def test_what_was_not_declared_is_said():
    frame = table(random(), 5)
    silent = cohorts.compare_table(frame, outcome="y", arm="arm", treated="f", control="c", cluster="g")
    assert str(silent.warnings[0]) == "How learners were assigned was not declared: treated as not random."
    assert silent.verdict.code == "not_established"
    assert "nothing shows that the arms were alike before the start" in silent.verdict.threats


def test_a_wide_baseline_gap_caps_the_verdict():
    frame = table(random(), 8, effect=2).with_columns(x=pl.col("x") + 0.5 * (pl.col("arm") == "f"))
    result = asked(frame, pre="x")
    assert result.verdict.code == "not_established"
    assert result.verdict.threats[0].startswith("the arms differed before the start by 0.")
    assert result.verdict.threats[0].endswith(
        "standard deviations, more than the 0.25 that adjusting can mend"
    )


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


# ------------------------------------------------------------------------------------------- shared data, CSV


def test_shared_tables_through_the_front_door():
    shared_data("anorexia")
    folder = SHARED / "data"
    result = cohorts.compare_csv(
        folder / "anorexia.csv", outcome="post", arm="treat", treated="1", control="0", pre="pre",
        assignment="random_individual", methods=["welch", "lin_hc2"],
    )  # fmt: skip
    by_method = {e.method: e for e in reversed(result.effects)}
    assert by_method["ancova_hc3"].se == pytest.approx(expected("ancova")["se_hc3"], rel=1e-8)
    assert by_method["welch"].low == pytest.approx(expected("welch_t")["lo"], rel=1e-8)
    assert by_method["lin_hc2"].p == pytest.approx(expected("lm_lin")["p"], rel=1e-8)
    adjust = expected("smd_unadjusted")["vars"]
    names = ["gcomp", "ipw_ate", "ipw_att"]
    result = cohorts.compare_csv(
        folder / "lalonde.csv", outcome="re78", arm="treat", treated="1", control="0", adjust=adjust,
        methods=names[1:],
    )  # fmt: skip
    by_method = {e.method: e for e in result.effects}
    for name in names[1:]:
        assert by_method[name].value == pytest.approx(expected(name)["est"], rel=1e-7)
        assert by_method[name].se == pytest.approx(expected(name)["se_stacked"], rel=1e-7)
    result = cohorts.compare_csv(
        folder / "lalonde.csv",
        outcome="emp78",
        arm="treat",
        treated="1",
        control="0",
        adjust=adjust,
        binary=True,
    )
    effects = {e.variant: e for e in result.effects}
    assert effects["risk_difference"].low == pytest.approx(expected("logit_gcomp")["lo"], rel=1e-7)
    assert effects["risk_ratio"].value == pytest.approx(expected("logit_gcomp")["rr"], rel=1e-7)
    result = cohorts.compare_csv(
        folder / "exam.csv", outcome="normexam", arm="single", treated="1", control="0", adjust=["standLRT"],
        cluster="school", methods=["reml_satterthwaite", "cr2"],
    )  # fmt: skip
    assert [e.method for e in result.effects] == ["reml_kr", "reml_kr", "reml_satterthwaite", "cr2"]


def test_csv_of_any_separator(tmp_path):
    file = tmp_path / "notes.csv"
    file.write_text("\ufeffnote;bras\n12,5;a\n13,5;a\nNA;a\n9,0;b\n10,5;b\n", encoding="utf-8")
    result = cohorts.compare_csv(
        file, outcome="note", arm="bras", treated="a", control="b", assignment="random_individual"
    )
    assert result.primary.value == pytest.approx(13 - 9.75)
    assert result.flow["treated"]["lost"]["no_outcome"] == 1


def test_what_is_not_a_csv_is_said(tmp_path):
    binary = tmp_path / "picture.csv"
    binary.write_bytes(bytes(range(256)) * 20)
    for file in (binary, tmp_path / "absent.csv"):
        with pytest.raises(FlipstatsError):
            cohorts.compare_csv(file, outcome="y", arm="a", treated="1", control="0")
    with pytest.raises(InputError) as raised:
        cohorts.compare_csv(tmp_path / "absent.csv", outcome="y", arm="a", treated="1", control="0")
    assert str(raised.value) == "absent.csv is not a CSV file with a header that can be read"
    good = tmp_path / "good.csv"
    good.write_text("y,arm\n1,f\n2,c\n", encoding="utf-8")
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_csv(good, outcome="y", arm=None, treated="f", control="c")
    assert str(raised.value) == "a table needs --arm"
    with pytest.raises(SchemaError) as raised:
        cohorts.compare_csv(good, outcome="y", arm="amr", treated="f", control="c")
    assert str(raised.value) == "the table has no column 'amr'; did you mean 'arm'?"
    with pytest.raises(EmptyArmError) as raised:
        cohorts.compare_csv(good, outcome="y", arm="arm", treated="flipped", control="c")
    assert (
        str(raised.value)
        == "nobody is in the treated arm: the value 'flipped' does not occur in column 'arm'"
    )


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


# --------------------------------------------------------------------------------------------------- a study


def test_a_study_compares_its_arms():
    result = cohorts.compare(study())
    assert result.primary.outcome == "summative"
    assert result.primary.method == "cluster_means"
    assert result.tier in ("adjusted_gap", "equivalent_at_baseline")
    assert result.flow["treated"]["assigned"] == 48
    assert result.flow["treated"]["lost"] == {"no_outcome": 1, "no_covariate": 0}
    assert result.flow["treated"]["started"] == 48
    assert result.primary.low < 0.10 < result.primary.high
    assert "points out of 100" in str(result)
    assert result.balance[0]["covariate"] == "baseline"
    assert any("stands in for it" in str(w) for w in result.warnings)


def test_the_first_attempt_counts_not_the_best():
    drawn = study()
    first = (
        drawn.table("attempts").filter(pl.col("attempt") == 1, pl.col("assessment_id") == "EXAM").collect()
    )
    means = cohorts.compare(drawn).groups()
    assert means["value"].mean() == pytest.approx(
        first.join(drawn.table("enrolments").collect(), on="learner_id")
        .group_by("cohort_id")
        .agg(pl.col("score").mean())["score"]
        .mean()
    )


def test_those_who_withdrew_have_not_completed():
    result = cohorts.compare(study(), outcome="completion")
    assert result.flow["treated"]["tested"] == 48
    assert result.primary.n_treated == 48
    assert result.question.kind == "binary"
    assert "percentage points" in str(result)
    assert {e.variant for e in result.effects if e.role == "primary"} == {"adjusted", "risk_ratio"}
    recorded = cohorts.compare(_with_completions(), outcome="completion")
    assert any("may ask for preparation" in threat for threat in recorded.verdict.threats)


def _with_completions():
    drawn = study(rule="recorded")
    enrolments = drawn.table("enrolments").with_columns(
        completed_at=pl.when(pl.col("learner_id").hash(1) % 3 > 0).then(pl.lit(START))
    )
    drawn._tables["enrolments"] = enrolments
    return drawn


def test_attendance_is_a_share_of_sessions():
    result = cohorts.compare(study(), outcome="attendance")
    assert 0.5 < result.groups()["value"].mean() < 1


def test_who_is_in_both_arms_is_left_out_and_who_is_twice_in_one_counts_once():
    result = cohorts.compare(study(moved=[("L000", "C1"), ("L001", "C2")]))
    assert result.flow["left_out"] == [{"reason": "both_arms", "n": 1}]
    assert result.flow["control"]["assigned"] == 47
    first = next(g for g in result.flow["groups"] if g["group"] == "C0")
    assert first["assigned"] == 11


@pytest.mark.parametrize(
    ("trainers", "capped"),
    [
        (["A", "B", "C", "D", "E", "F", "G", "H"], False),
        (["A", "B", "A", "D", "A", "F", "A", "H"], True),
        (["A", "A", "A", "A", "A", "A", "A", "A"], False),
        (["A", "B", "A", "B", "A", "B", "A", "B"], True),
        (["A", None, "A", "B", "A", "B", "A", "B"], False),
    ],
)
def test_an_arm_of_one_trainer_caps_the_verdict(trainers, capped):
    result = cohorts.compare(study(trainers=trainers, effect=0.3))
    caution = "an arm has a single trainer, so its effect cannot be told from the format's"
    assert (caution in result.verdict.threats) == capped
    if capped:
        assert result.verdict.code == "not_established"


def test_arms_of_different_iterations_are_historical():
    result = cohorts.compare(study(iterations=[1, 2] * 4, assignment="random_cluster", effect=0.3))
    assert result.tier == "historical"
    assert result.verdict.code == "likely_works"
    between = cohorts.compare(
        study(iterations=[1, 1, 2, 2, 1, 1, 2, 2]), arm="iteration", treated=2, control=1
    )
    assert between.tier == "historical"
    assert between.question.treated == "2"


def test_different_tests_are_a_threat():
    result = cohorts.compare(study(tests="own"))
    assert "the two arms did not take the same assessment" in result.verdict.threats


def test_a_positioning_score_got_too_late_is_no_baseline():
    drawn = study()
    late = pl.when(pl.col("assessment_id") == "POS", pl.col("learner_id") < "L010").then(
        pl.lit(START).dt.offset_by("30d")
    )
    drawn._tables["attempts"] = drawn.table("attempts").with_columns(
        submitted_at=late.otherwise("submitted_at")
    )
    result = cohorts.compare(drawn)
    assert "9 positioning scores came after the first session and were not used as a baseline." in [
        str(w) for w in result.warnings
    ]


def test_covariates_and_moderators_of_learners():
    result = cohorts.compare(study(groups=6), adjust=["age", "x_job"], band="x_job")
    assert result.design["adjust"] == ["baseline", "age", "x_job=driver"]
    assert [e.variant for e in result.effects if e.role == "band"] == ["clerk", "driver"]
    assert [e.variant for e in cohorts.compare(study(size=40), band="baseline").effects if e.role == "band"] == [
        "00-15%", "15-40%", "40-75%", "75-100%",
    ]  # fmt: skip


def test_secondary_outcomes_are_one_family():
    result = cohorts.compare(study(secondary=["completion", "attendance"]))
    assert [e.outcome for e in result.effects if e.role == "secondary"] == ["completion", "attendance"]
    family = result.sensitivity["multiplicity"]["family"]
    assert all(row["p_adjusted"] >= row["p"] for row in family.values())
    assert result.verdict.code == cohorts.compare(study(), outcome="summative").verdict.code


def test_undeclared_assignment_is_not_established():
    result = cohorts.compare(study(assignment="none", effect=0.3))
    assert result.verdict.code == "not_established"
    assert result.verdict.threats[0] == "how learners came into the arms was not declared"


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"outcome": "sumative"}, ParameterError,
         "there is no outcome 'sumative'; outcomes of a study are summative, completion, attendance, start_score "
         "did you mean 'summative'?"),
        ({"outcome": "start_score"}, NotComputableError,
         "the outcome the score at the start of sessions cannot be computed: nobody in the two arms has it"),
        ({"adjust": ["wage"]}, ParameterError,
         "the covariate 'wage' is neither baseline nor a column of the table learners; there are baseline, x_age, "
         "x_job"),
        ({"treated": "inverted"}, EmptyArmError,
         "no cohort has the arm 'inverted' ([design] treated); the arms are conventional, flipped"),
        ({"cluster": "room"}, ParameterError,
         "the study cannot group learners by 'room'; use one of cohort_id, trainer_id, site"),
    ],
)  # fmt: skip
def test_wrong_questions_to_a_study(more, error, message):
    with pytest.raises(error) as raised:
        cohorts.compare(study(), **more)
    assert str(raised.value) == message


def test_a_study_without_arms_or_baseline():
    drawn = study(positioning=False)
    assert cohorts.compare(drawn).tier == "no_causal_claim"
    with pytest.raises(NotComputableError) as raised:
        cohorts.compare(drawn, adjust=["baseline"])
    assert str(raised.value) == "'baseline' needs a positioning score in both arms, and the study has none"
    from flipstats.study import Study

    with pytest.raises(DesignError) as raised:
        cohorts.compare(Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]})))
    assert (
        str(raised.value)
        == "say which arm is compared with which: [design] treated and control in study.toml"
    )


def test_options_of_the_command_line():
    drawn = study()
    result = cohorts.compare_study_options(drawn, outcome="summative", methods=["cr2"], adjust=["age"])
    assert [e.method for e in result.effects] == ["cluster_means", "cluster_means", "cr2"]
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_study_options(drawn, binary=True)
    assert str(raised.value) == (
        "the option --binary is for tables, not for studies: a study declares it in study.toml"
    )
