"""What a comparison says of itself: figures, the paragraph on methods, JSON, balance once weighted."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import polars as pl
import pytest
from comparison_study import study, table

from flipstats import cohorts, i18n
from flipstats.comparison.methods import METHODS
from flipstats.comparison.references import REFERENCES
from flipstats.display.compared import compared
from flipstats.errors import NotComputableError, ParameterError


def asked(frame, **more):
    options = {
        "outcome": "y",
        "arm": "arm",
        "treated": "f",
        "control": "c",
        "assignment": "random_individual",
    }
    return cohorts.compare_table(frame, **{**options, **more})


def drawn(seed=1, groups=6, **more):
    return table(np.random.default_rng(seed), groups, **more)


def test_weights_balance_what_they_were_made_for():
    result = asked(drawn(), pre="x", adjust=["site"], methods=["ipw_ate", "overlap", "aipw", "nn_match"])
    for row in result.balance:
        assert abs(row["after"]["overlap"]) < 1e-6  # exact for overlap weights, Li et al. (2018), theorem 3
        assert abs(row["after"]["ipw_ate"]) < max(abs(row["g"]), 0.05)
        assert row["after"]["aipw"] == row["after"]["ipw_ate"]
        assert row["variance_ratio"] > 0
    told = result.sensitivity["overlap"]
    assert len(told["treated"]) == 7
    assert 0 < told["low"] < told["high"] < 1
    assert told["outside_treated"] >= 0
    for weights in result.sensitivity["weights"].values():
        assert 0 < weights["largest_weight"] < 1


def test_arms_told_apart_have_no_overlap():
    frame = drawn(groups=3)
    frame = frame.with_columns(z=(frame["arm"] == "f").cast(float) * 5 + frame["x"] * 1e-3)
    assert asked(frame, adjust=["z"]).sensitivity["overlap"] is None


def test_every_kind_of_figure():
    result = asked(drawn(), pre="x", adjust=["site"], methods=["overlap"])
    picture = result.picture("love")
    assert len(picture.figure.data) == 2
    assert picture.table.height == 2
    assert picture.table.columns == ["Measured before", "as they are", "under overlap"]
    assert [s.x1 for s in picture.figure.layout.shapes[:2]] == [0.25, 0.05]
    grouped = cohorts.compare(study())
    assert len(grouped.figure("love").data) == 1
    groups = grouped.picture("groups")
    assert groups.table.height == 2 + 8
    assert result.figure().to_dict() == result.figure("forest").to_dict()
    with pytest.raises(ParameterError) as raised:
        result.figure("lvoe")
    assert str(raised.value) == "there is no figure 'lvoe'; did you mean love?"
    with pytest.raises(NotComputableError) as raised:
        asked(drawn()).figure("love")
    assert str(raised.value) == "nothing was measured before the start: there is no balance to draw"


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_paragraph_on_methods_tells_the_numbers(lang):
    result = cohorts.compare(study(secondary=["completion"]))
    with i18n.in_language(lang):
        text = result.methods_text()
        assert i18n.number(100 * result.primary.value, 1, signed=True) in text
        assert i18n.number(result.g.low, 2, signed=True) in text
    for part in ("cluster_means", "reml_kr", "cr2", "flipstats", "numpy", result.design["plan_sha256"],
                 "Kenward", "Benjamini", "Handbook"):  # fmt: skip
        assert part in text
    assert "{" not in text
    assert not re.search(r"\bnan\b|None", text)


def test_the_paragraph_of_a_refusal_and_of_shares():
    refused = cohorts.compare(study(groups=2)).methods_text()
    assert "No effect was estimated: that takes at least 3 groups in every arm taught in groups." in refused
    shares = asked(drawn(), outcome="passed", binary=True, pre="x").methods_text()
    assert "ratio of shares" in shares
    assert "Newcombe R. G." in shares


def test_every_method_has_a_model_in_words_and_a_reference():
    for name in METHODS:
        assert REFERENCES[name]
        assert i18n.has(f"compare.model_{name}")


def test_json_is_the_dictionary():
    result = cohorts.compare(study())
    assert json.loads(result.to_json()) == result.to_dict()


def test_power_equivalence_what_is_excluded_and_how_many_tests():
    result = cohorts.compare(study(secondary=["completion", "attendance"]))
    told = result.to_dict()["sensitivity"]
    assert told["mdes_g"] > 0
    assert set(told["equivalence"]) == {"bound", "p", "low", "high", "level", "equivalent"}
    assert (told["excludes"]["below"], told["excludes"]["above"]) == (result.g.low, result.g.high)
    assert told["excludes"]["words"].startswith("The 95% interval excludes effects below ")
    assert list(told["multiplicity"]["family"]) == ["completion", "attendance"]
    assert told["multiplicity"]["method"] == "benjamini_hochberg"
    said = f"{told['tests_run']} tests were run."
    assert said in result.methods_text()
    assert said in result._repr_html_()
    assert str(result) == f"{result.verdict.sentence} {said}"
    assert "Main caution: " in str(result)
    assert cohorts.compare(study(groups=2)).to_dict()["sensitivity"]["excludes"] is None


def test_html_shows_balance_methods_and_tests():
    result = cohorts.compare(study(), methods=["overlap"])
    shown = result._repr_html_()
    for said in ("starting level", "under overlap", "Methods, in a paragraph", "We estimated the difference"):
        assert said in shown
    blocks = str(compared(result))
    assert blocks.count("<figure") == 3
    for said in ("were run.", "Methods, in a paragraph", "Cloud: how learners", "under overlap"):
        assert said in blocks


def test_a_raincloud_counts_every_learner_once_and_no_page_for_managers_has_it():
    result = cohorts.compare(study(groups=4, size=20))
    spread = result.spread
    for arm, n in zip(
        ("flipped", "conventional"), (result.primary.n_treated, result.primary.n_control), strict=True
    ):
        assert spread.filter(pl.col("arm") == arm)["count"].sum() == n
    drawn = result.figure("groups")
    drops = [trace for trace in drawn.data if trace.mode == "markers" and trace.marker.size == 4]
    assert sum(len(trace.x) for trace in drops) == result.primary.n_treated + result.primary.n_control
    group_marks = [trace for trace in drawn.data if trace.marker.opacity == 0.45]
    assert sorted(x for trace in group_marks for x in trace.x) == sorted(result.groups()["value"])
    assert "Cloud: how learners" in str(compared(result))
    assert "Cloud: how learners" not in str(compared(result, role="manager"))
    assert "spread" not in result.to_dict()


def test_a_yes_or_no_outcome_has_no_cloud():
    result = cohorts.compare(study(), outcome="completion")
    assert result.spread.is_empty()
    assert len(result.figure("groups").data) > 0


def test_the_estimand_says_when_and_of_whom():
    frame = drawn().with_columns(passed=pl.when(pl.int_range(pl.len()) % 9 > 0).then("passed"))
    of_table = asked(frame, outcome="passed", binary=True)
    assert "whose outcome and covariates are known" in of_table.methods_text()
    assert "only those who took it are compared" in of_table.verdict.threats[0]
    completion = cohorts.compare(study(), outcome="completion")
    assert "those who withdrew count as not having completed" in completion.methods_text()
    assert "once, after the programme" in completion.methods_text()
    assert (
        "over the sessions of the programme" in cohorts.compare(study(), outcome="attendance").methods_text()
    )


def test_a_yes_or_no_outcome_is_imputed_within_its_worst_cases():
    frame = drawn().with_columns(passed=pl.when(pl.int_range(pl.len()) % 9 > 0).then("passed"))
    missing = asked(frame, outcome="passed", binary=True, pre="x").sensitivity["missing"]
    low, middle, high = (
        missing[n]["value"] for n in ("worst_case_low", "multiple_imputation", "worst_case_high")
    )
    assert low < middle < high
    assert missing["worst_case_ends"] == {"minimum": 0.0, "maximum": 1.0, "observed": False}


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("gap", [0.0, 8.0])
def test_for_whom_is_said_and_a_difference_only_where_the_one_test_shows_it(lang, gap):
    frame = drawn(groups=10, sizes=(30, 30)).with_row_index()
    frame = frame.with_columns(
        band=pl.when(pl.col("index") % 2 == 0).then(pl.lit("A")).otherwise(pl.lit("B"))
    )
    helped = (pl.col("band") == "B") & (pl.col("arm") == "f")
    frame = frame.with_columns(y=pl.col("y") + gap * helped.cast(pl.Float64))
    result = asked(frame, band="band", contrast={"A": 1, "B": -1})
    with i18n.in_language(lang):
        said = {True: i18n.t("compare.whom_differs", p=""), False: i18n.t("compare.whom_alike", p="")}
        known = {key: text.split("(")[0] for key, text in said.items()}
        text = str(result)
        differs = result.sensitivity["moderator"]["interaction"]["p"] < 0.05
        assert differs == (gap > 0)
        assert known[differs] in text
        assert known[not differs] not in text
        for effect in result.effects:
            if effect.role == "band":
                assert f"{i18n.number(effect.value, 2, signed=True)} (" in text
        assert all(sentence in html.unescape(result._repr_html_()) for sentence in result.for_whom)
        assert all(sentence in html.unescape(compared(result)) for sentence in result.for_whom)
