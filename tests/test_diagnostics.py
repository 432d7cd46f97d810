"""Findings: the numbers against classes made to measure, grades against exact binomial tails."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import polars as pl
import pytest
from diagnosis_study import again, class_study
from hypothesis import given, settings
from hypothesis import strategies as st
from page_study import page_study
from scipy import stats
from studies import small, study

from flipstats import display as show
from flipstats import i18n, metrics
from flipstats.conventions import DEFAULTS
from flipstats.diagnostics import COLUMNS, KINDS, Target, diagnose
from flipstats.diagnostics.evidence import lower_bound, severity, sharpened, told_size
from flipstats.diagnostics.one import Look
from flipstats.diagnostics.ranking import graded
from flipstats.diagnostics.target import bounded
from flipstats.errors import ParameterError
from flipstats.indicators.definition import COLUMNS as ROW_COLUMNS
from flipstats.intervals import wilson

# ------------------------------------------------------------------------------------------- the arithmetic


@settings(max_examples=200, deadline=None)
@given(n=st.integers(1, 3000), share=st.floats(0, 1), level=st.sampled_from([0.8, 0.95, 0.999]))
def test_the_size_behind_an_interval_is_found_back(n, share, level):
    hits = round(n * share)
    low, high = wilson(hits, n, level)
    assert float(told_size(hits / n, low, high, level)) == pytest.approx(n, rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(n=st.integers(1, 200), hits=st.integers(0, 200), error=st.sampled_from([0.05, 0.01, 1e-4, 1e-6]))
def test_the_bound_is_where_the_binomial_tail_is_the_error(n, hits, error):
    hits = min(hits, n)
    bound = float(lower_bound(hits / n, n, error))
    if hits == 0:
        assert bound == 0
    else:
        assert stats.binom.sf(hits - 1, n, bound) == pytest.approx(error, rel=1e-6)


def test_fewer_clusters_tell_less_in_the_tail():
    assert float(sharpened(30.0, 1e9, 0.95, 0.001)) == pytest.approx(30, rel=1e-6)
    sizes = [float(sharpened(30.0, g, 0.95, 0.001)) for g in (3, 10, 40)]
    assert sizes == sorted(sizes)
    assert sizes[-1] < 30
    assert float(sharpened(30.0, 10, 0.95, 0.025)) == pytest.approx(30)  # the same tail: nothing changes


def test_severity_runs_from_the_threshold_to_everybody():
    assert [float(severity(v, 0.4)) for v in (0.4, 1.0, 0.7, 0.1)] == pytest.approx([0, 1, 0.5, -0.5])


# ---------------------------------------------------------------------------------------- kinds, one by one

CASES = {  # kind: the argument that makes so many of 40 fail, the target, how many could fail
    "unopened": ("unopened", "resource", 40),
    "unprepared": ("unprepared", "cohort", 40),
    "too_early": ("early", "cohort", 40),
    "last_minute": ("last_minute", "cohort", 40),
    "after_start": ("after_start", "cohort", 40),
    "blocking": ("failed", "item", 40),
    "off_hours": ("off_hours", "cohort", 40),
    "too_long": ("stopped", "resource", 40),
    "abandoned": ("stopped", "resource", 40),
    "access": ("locked_out", "iteration", 40),
    "absent": ("absent", "cohort", 40),
}


def made(kind: str, failing: int, n: int = 40, **more):
    arguments = {CASES[kind][0]: failing}
    if kind == "after_start":
        arguments["unprepared"] = failing
    if kind == "abandoned":
        arguments["length"] = 9.0
    return class_study(n, **arguments, **more)


def finding_of(found, kind: str, target: str):
    every = [*found.findings, *found.watch]
    return next((f for f in every if f.kind == kind and f.target.kind == target), None)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("failing", [40, 27])
def test_each_kind_counts_who_fails(kind, failing):
    found = finding_of(diagnose(made(kind, failing), kinds=[kind]), kind, CASES[kind][1])
    assert found.value == pytest.approx(failing / 40)
    assert found.n == 40
    assert found.threshold == getattr(DEFAULTS, KINDS[kind].threshold)


@pytest.mark.parametrize("n", [7, 8, 40, 150])
@pytest.mark.parametrize("kind", KINDS)
def test_grades_are_those_of_exact_binomial_tails(kind, n):
    """Whatever the number that fails; one share alone, which all of the error is for."""
    threshold = getattr(DEFAULTS, KINDS[kind].threshold)
    for failing in range(n + 1):
        low, high = wilson(failing, n)
        numbers = {"value": failing / n, "low": float(low), "high": float(high), "level": 0.95, "n": n,
                   "coverage": 1.0, "interval": "wilson"}  # fmt: skip
        look = Look(KINDS[kind], Target(KINDS[kind].targets[0], "one"), numbers)
        (found,) = graded([look], DEFAULTS)
        tail = stats.binom.sf(failing - 1, n, threshold)
        if n < 8 or stats.binom.sf(n - 1, n, threshold) > 0.025:
            grade = "too_small"
        elif failing / n <= threshold:
            grade = "below"
        else:
            grade = "alarm" if tail < DEFAULTS.diagnosis_error else "watch"
            grade = grade if tail >= 0.025 or grade == "alarm" else "sign"
        assert found.grade == grade, (failing, tail)


def alarms_from(kind: str) -> int:
    """How many of 40 must fail for an alarm: the error is shared among sorts of targets, then among looks."""
    families = sum(target != "step" for target in KINDS[kind].targets)
    each = DEFAULTS.diagnosis_error / families / {"unopened": 2, "blocking": 2}.get(kind, 1)
    tails = stats.binom.sf(np.arange(41) - 1, 40, getattr(DEFAULTS, KINDS[kind].threshold))
    return int(np.argmax(tails < each))


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind not in ("absent", "off_hours")])
def test_an_alarm_is_raised_from_its_share_of_the_error_on(kind):
    least = alarms_from(kind)
    for failing, expected in ((least - 1, ("watch", "sign")), (least, ("alarm",))):
        found = finding_of(diagnose(made(kind, failing), kinds=[kind]), kind, CASES[kind][1])
        assert found.grade in expected, failing


@pytest.mark.parametrize("kind", ["absent", "off_hours"])
def test_minutes_are_graded_by_their_clusters(kind):
    """No binomial of learners: only that as many as the threshold are not told, and one more is."""
    most = int(40 * getattr(DEFAULTS, KINDS[kind].threshold))
    for failing, seen in ((most, False), (most + 1, True), (40, True)):
        found = finding_of(diagnose(made(kind, failing), kinds=[kind]), kind, CASES[kind][1])
        assert (found is not None) is seen, failing


@pytest.mark.parametrize("kind", CASES)
def test_a_threshold_is_passed_only_above_it(kind):
    name = KINDS[kind].threshold
    study = made(kind, 20)
    for limit, seen in ((0.5 - 1e-9, True), (0.5, False), (0.5 + 1e-9, False)):
        study = study.with_thresholds(**{name: limit})
        got = finding_of(diagnose(study, kinds=[kind]), kind, CASES[kind][1])
        assert (got is not None) is seen, limit


@pytest.mark.parametrize(
    ("length", "kind"), [(10 - 1e-9, "abandoned"), (10.0, "abandoned"), (10 + 1e-9, "too_long")]
)
def test_what_is_left_unfinished_is_too_long_only_above_the_limit(length, kind):
    found = diagnose(class_study(40, stopped=30, length=length), kinds=["too_long", "abandoned"])
    assert [f.kind for f in found.findings] == [kind]


def test_the_number_of_learners_below_which_nothing_is_ranked():
    for learners, ranked in ((7, False), (8, True), (9, True)):
        found = diagnose(made("blocking", learners, learners), kinds=["blocking"])
        assert bool(found.findings) is ranked
        assert (not found.findings) is bool(found.too_small)


def test_a_group_that_could_not_tell_even_if_all_failed_is_too_small():
    study = made("blocking", 8, 8, thresholds={"blocking_share": 0.7})
    assert stats.binom.sf(7, 8, 0.7) > 0.025  # 8 of 8 is no evidence for more than 0.7
    found = diagnose(study, kinds=["blocking"])
    assert not found.findings
    assert [f.grade for f in found.too_small] == ["too_small"] * 2


def test_where_too_little_is_known_an_alarm_is_but_a_sign():
    study = made("unopened", 40)
    tables = {name: study.table(name).collect() for name in ("learners",)}
    unknown = pl.col("learner_id").is_in([f"A{i:03d}" for i in range(10)])
    hidden = tables["learners"].with_columns(
        pl.when(unknown).then(pl.lit("withdrawn")).otherwise("tracking").alias("tracking")
    )
    part = again(study, learners=hidden)
    found = finding_of(diagnose(part, kinds=["unopened"]), "unopened", "resource")
    assert (found.value, found.n, found.numbers["coverage"], found.grade) == (1.0, 30, 0.75, "sign")
    assert finding_of(diagnose(study, kinds=["unopened"]), "unopened", "resource").grade == "alarm"


# ------------------------------------------------------------------------------- the numbers, the indicators'


@pytest.fixture(scope="module")
def page():
    """The study of the pages, and all that is found in it."""
    study = page_study()
    return study, diagnose(study)


def test_numbers_are_those_of_the_indicators(page):
    study, found = page
    answers = cache(lambda metric, by, depth: metrics.compute(study, metric, by, depth=depth))
    every = [*found.findings, *found.watch, *found.too_small]
    assert {f.kind for f in every} >= {"unprepared", "absent"}
    for one in every:
        by = {"cohort": ("cohort_id",), "session": ("session_id",), "resource": ("resource_id",),
              "step": ("arm", "iteration", "sequence")}[one.target.kind]  # fmt: skip
        rows = answers(one.numbers["metric"], by, one.numbers["depth"])
        rows = rows.filter(pl.col("statistic") == one.numbers["statistic"])
        wanted = {"cohort_id": one.target.cohort_id, "session_id": one.target.id,
                  "resource_id": one.target.id, "arm": one.target.arm, "iteration": one.target.iteration,
                  "sequence": one.target.sequence}  # fmt: skip
        row = rows.filter(*(pl.col(name) == wanted[name] for name in by)).row(0, named=True)
        failing = KINDS[one.kind].failing
        assert one.value == (row["value"] if failing else 1 - row["value"])
        assert one.numbers["low"] == (row["low"] if failing else 1 - row["high"])
        assert one.n == row["n"]
        assert one.numbers["denominator"] == row["denominator"]
        assert one.numbers["numerator"] == (
            row["numerator"] if failing else row["denominator"] - row["numerator"]
        )


def test_a_question_of_several_groups_is_taken_together():
    study = class_study(12, failed=9, cohorts=("A", "B", "C"))
    found = finding_of(diagnose(study, kinds=["blocking"]), "blocking", "item")
    assert (found.numbers["numerator"], found.numbers["denominator"], found.n) == (27, 36, 36)
    low, high = wilson(27, 36)
    assert (found.numbers["low"], found.numbers["high"]) == pytest.approx((float(low), float(high)))
    assert found.target.id == "1·pre_quiz·1·Quiz·1"


# ---------------------------------------------------------------------------------------------- properties


def test_order_of_rows_and_names_of_learners_change_nothing():
    study = class_study(20, unopened=15, failed=13, absent=9, cohorts=("A", "B"))
    renamed = {}
    for name in ("learners", "enrolments", "events", "attempts", "attendance"):
        frame = study.table(name).collect().sample(fraction=1, shuffle=True, seed=3)
        renamed[name] = frame.with_columns(("z" + pl.col("learner_id").str.reverse()).alias("learner_id"))
    assert diagnose(again(study, **renamed)).to_frame().equals(diagnose(study).to_frame())


def test_what_a_cohort_says_its_session_does_not_say_again():
    found = diagnose(class_study(40, unprepared=36), kinds=["unprepared"])
    assert [f.target.kind for f in found.findings] == ["cohort"]
    assert [t.kind for t in found.findings[0].also] == ["session"]
    assert "Found too in its part Séance 1, A." in found.findings[0].sentence


def test_more_cohorts_alike_are_more_looks_and_more_evidence_together():
    one = diagnose(class_study(20, failed=14, cohorts=("A",)), kinds=["blocking"])
    two = diagnose(class_study(20, failed=14, cohorts=("A", "B")), kinds=["blocking"])
    assert one.findings[0].value == two.findings[0].value
    assert one.findings[0].evidence < two.findings[0].evidence


def test_ranks_follow_the_evidence():
    found = diagnose(class_study(40, unopened=38, failed=26, absent=30, early=5))
    assert [f.rank for f in found.findings] == list(range(1, len(found.findings) + 1))
    alarms = [f.evidence for f in found.alarms]
    assert alarms == sorted(alarms, reverse=True)
    assert [f.grade for f in found.findings] == sorted(f.grade for f in found.findings)  # alarm before sign
    assert all((f.evidence > 0) is (f.sure > f.threshold) for f in found.findings)


# ----------------------------------------------------------------------------------------------- for people


def test_the_frame_has_its_columns_and_no_learner(page):
    study, found = page
    frame = found.to_frame()
    assert dict(frame.schema) == COLUMNS
    assert "learner_id" not in frame.columns
    ids = study.table("learners").collect()["learner_id"].to_list()
    text = str(frame.to_dicts())
    assert not [who for who in ids if who in text]
    assert diagnose(class_study(4)).to_frame().columns == list(COLUMNS)


def test_small_groups_are_hidden_outside_research(page):
    study, told = page
    seen = diagnose(study, role="manager")
    assert "F4" in {f.target.cohort_id for f in told.too_small}
    assert "F4" not in {f.target.cohort_id for f in (*seen.findings, *seen.watch, *seen.too_small)}
    assert seen.hidden > 0
    assert told.hidden == 0


def test_titles_are_hostile_text():
    title = "<script>alert(1)</script>\u202e\x00 & " + "é" * 500
    found = diagnose(class_study(40, unopened=40, title=title), kinds=["unopened"])
    html = found._repr_html_() + show.steps(found.findings)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; éé" in html
    assert not re.search("[\u202e\x00]", html + str(found))
    assert len(bounded(title)) == 90


def test_it_speaks_both_languages():
    found = diagnose(class_study(40, unprepared=36, failed=30))
    with i18n.in_language("fr"):
        said = str(found)
    assert said.splitlines()[1] == (
        "1. Rien de préparé (alerte) — A\xa0: 90\xa0% des apprenants sont venus sans avoir rien préparé "
        "(intervalle à 95\xa0%\xa0: 77\xa0% à 96\xa0%), sur 40. "
        "Constaté aussi dans sa partie Séance 1, A."
    )
    assert str(found).splitlines()[1] == (
        "1. Nothing prepared (alarm) — A: 90% of learners came with nothing prepared "
        "(95% interval: 77% to 96%), of 40. Found too in its part Séance 1, A."
    )


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_words(kind, lang):
    for part in ("name", "says", "advice", "source", "caution"):
        assert i18n.t(f"diagnostics.{kind}_{part}", lang, **dict.fromkeys(
            ("title", "share", "interval", "n", "threshold", "at", "length", "low", "level"), "–"))  # fmt: skip


def test_an_unknown_kind_is_refused():
    with pytest.raises(ParameterError) as refused:
        diagnose(class_study(4), kinds=["blockin"])
    assert str(refused.value) == (
        "no kind of problem is called 'blockin'; did you mean 'blocking'? Known are " + ", ".join(KINDS)
    )


def test_what_cannot_be_told_is_said_and_never_a_zero():
    study = again(class_study(20), attempts=pl.DataFrame(
        {"learner_id": ["A000"], "assessment_id": ["Q-A"], "attempt": [1], "score": [1.0]}))  # fmt: skip
    found = diagnose(study)
    assert found.reasons["blocking"] == "no_items"
    assert "Blocking question: not computable" in str(found)
    assert set(ROW_COLUMNS) >= {"reason"}


def test_excused_absence_is_not_in_the_share_of_absence_as_its_caution_says():
    rows = small(
        attendance=[
            {"learner_id": "a", "session_id": "S1", "status": "present"},
            {"learner_id": "b", "session_id": "S1", "status": "excused"},
            {"learner_id": "c", "session_id": "S1", "status": "excused"},
        ]
    )
    assert metrics.absenteeism(study(rows)).row(0, named=True)["value"] == 0
    assert i18n.t("diagnostics.absent_caution", "en").startswith("Excused absence stands apart and is not in")
