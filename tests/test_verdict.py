"""Tier, decision table and words of a comparison."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from comparison_study import table

from flipstats import cohorts, i18n
from flipstats.comparison.question import Question, Roster
from flipstats.comparison.tier import tier_of
from flipstats.comparison.verdict import Judged, decide


def asked(frame, **more):
    options = {"outcome": "y", "arm": "arm", "treated": "f", "control": "c", "assignment": "random_cluster"}
    if more.get("assignment", "random_cluster") != "random_individual":
        options["cluster"] = "g"
    return cohorts.compare_table(frame, **{**options, **more})


def random(seed=1):
    return np.random.default_rng(seed)


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
        ((0.3 - 0.1, 0.01, 0.39), "rct_low_attrition", False, True, "works"),  # 0.19999999999999998
        ((0.1999, 0.01, 0.39), "rct_low_attrition", False, True, "likely_works"),
        ((0.0, -0.3 + 0.1, 0.1 + 0.1), "rct_low_attrition", False, True, "no_difference"),
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
    assert result.verdict.sentence == (
        "Not established: on score, 2 groups of flipped (means 13.00 and 13.00) against 2 groups of "
        "conventional "
        "(means 10.00 and 10.00) cannot tell the format from the groups; with about 3 learners a group, 158 "
        "groups per arm would be enough to see 0.20 standard deviations. Evidence: randomised, few losses. "
        "Main caution: only 2 treated and 2 control groups, at least 3 in each arm are needed."
    )
    with i18n.in_language("fr"):
        assert result.verdict.sentence == (
            "Non établi\xa0: pour score, 2 groupes en classe inversée (moyennes 13,00 et 13,00) face à 2 groupes "
            "en "
            "format classique (moyennes 10,00 et 10,00) ne permettent pas de distinguer le dispositif des "
            "groupes\xa0; avec environ 3 apprenants par groupe, 158 groupes par bras suffiraient pour voir "
            "0,20 écart type. Niveau de preuve\xa0: tirage au sort, peu de pertes. Principale réserve\xa0: "
            "seulement 2 groupes traités et 2 groupes témoins, il en faut au moins 3 par bras."
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
    v, low, high, gv, glow, ghigh = (
        i18n.number(x, signed=True) for x in (e.value, e.low, e.high, g.value, g.low, g.high)
    )
    assert result.verdict.sentence == (
        f"{result.verdict.words.capitalize()}: on y, f against c: {v} points, each group counting the same "
        f"(95% interval {low} to {high}; g {gv}, {glow} to {ghigh}). "
        f"Evidence: adjusted for a gap before the start. Main caution: the arms were not drawn at random, so "
        f"what was not measured may explain the difference."
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
