"""Comparing from a file and from a study: what the front door takes, refuses and says."""

from __future__ import annotations

import polars as pl
import pytest
from comparison_study import START, study
from effects_reference import SHARED, expected, shared_data

from flipstats import cohorts
from flipstats.comparison.indicator_outcome import of_learners
from flipstats.errors import (
    DesignError,
    EmptyArmError,
    FlipstatsError,
    InputError,
    NotComputableError,
    ParameterError,
    SchemaError,
)

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
    assert [e.method for e in result.effects] == [
            "reml_kr", "reml_kr", "cluster_means", "cluster_permutation", "cr2", "reml_satterthwaite",
        ]  # fmt: skip


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
    assert str(raised.value) == "there is no file absent.csv"
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
    cut = cohorts.compare(study(size=40), band="baseline")
    assert [e.variant for e in cut.effects if e.role == "band"] == [
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


ASKED = list(dict.fromkeys(["summative", "completion", "attendance", "start_score", *of_learners()]))


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"outcome": "sumative"}, ParameterError,
         "there is no outcome 'sumative'; outcomes of a study are " + ", ".join(ASKED)
         + "; did you mean 'summative'?"),
        ({"outcome": "start_score"}, NotComputableError,
         "the outcome the score at the start of sessions cannot be computed: nobody in the two arms has it"),
        ({"adjust": ["wage"]}, ParameterError,
         "the covariate 'wage' is neither baseline nor a column of the table learners; there are baseline, "
         "x_age, x_job"),
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
    result = cohorts.compare_study_options(drawn, outcome="summative", methods=["aipw"], adjust=["age"])
    assert [e.method for e in result.effects] == [
        "cluster_means", "cluster_means", "cluster_permutation", "reml_kr", "cr2", "aipw",
    ]  # fmt: skip
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_study_options(drawn, binary=True)
    assert str(raised.value) == (
        "the option --binary is for tables, not for studies: a study declares it in study.toml"
    )


def test_few_trainers_and_groups_without_one():
    few = cohorts.compare(study(trainers=["A", "B", "C", "D"] * 2))
    assert "an arm has only 2 trainers, whose own effects weigh on the difference" in few.verdict.threats
    trainers = ["A", "B", "C", "D", "E", "F", None, "H"]
    result = cohorts.compare(study(trainers=trainers), cluster="trainer_id")
    lost = [result.flow[side]["lost"].get("no_group", 0) for side in ("treated", "control")]
    assert (result.flow["left_out"], lost) == ([], [0, 12])
    assert result.design["groups_control"] == 3
