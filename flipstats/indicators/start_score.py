"""How ready learners are when the session starts: indicator 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import Part, answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask, roster
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, means, shares
from flipstats.study import Study

_ATTENDED = ("present", "late")
_AWAY = ("absent", "excused")


def start_score(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Score of the test at the start of the session, and how many of those present took it.

    First attempt of an assessment with role ``start`` of the session. Where an attempt carries a time (its
    start, else its submission), it counts only from 10 min before to 30 min after the session starts. Several
    start assessments of one session are averaged by learner.

    The change is against the quizzes of the preparation, of learners scored in both only: the first attempt
    handed in between enrolment and the start of the session.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions. ``statistic`` is "mean" (0–1, of the attempts
        that are scored, by learners not known to be away; unknown counts attempts not graded yet; t interval)
        and "response_rate" (first attempts over learners present, those late included; unknown counts
        learners whose attendance is not known, and everybody not away where the study has no result of the
        test at all; Wilson's interval; its bounds where less than 80 % are known),
        then "paired_change" (-1 to 1: start score less score of the pre-quiz; unknown counts learners who
        took both and wait for a grade; t interval).

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "scores on formative assessments at the start of the session".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = start_score(study(), ["session_id"])
    >>> rows.select("session_id", "statistic", "value", "denominator", "reason").rows()[:2]
    [('S1', 'mean', 0.6, 3, None), ('S1', 'response_rate', 0.75, 4, None)]
    """
    question = ask(study, START_SCORE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _cells(question)
    scored = pl.col("score").is_not_null() & ~pl.col("away")
    waiting = pl.col("attempted") & pl.col("score").is_null() & ~pl.col("away")
    no_score = pl.when(pl.col("unknown") > 0).then(pl.lit("not_graded")).otherwise(pl.lit("no_scores"))
    score = pl.when(scored).then(pl.col("score"))
    mean = means(question, found, "mean", None, total=score, of=scored, unknown=waiting)
    unclear = pl.col("due") & ~pl.col("present") & ~pl.col("away")
    answered = pl.col("present") & pl.col("attempted")
    response = shares(
        question, found, "response_rate", None, yes=answered, of=pl.col("present"), unknown=unclear,
        known=pl.col("due") & ~unclear,
    )  # fmt: skip
    no_sheet = (
        pl.when(pl.col("unknown") > 0).then(pl.lit("no_attendance")).otherwise(pl.lit("nobody_present"))
    )
    parts = [replace(mean, otherwise=no_score), replace(response, otherwise=no_sheet)]
    if study.has("attendance"):
        total = pl.col("present") | unclear
        parts += bounds(question, found, response, low=answered, high=answered | unclear, total=total)
    parts.append(_change(question, found))
    return answer(question, groups, parts, {None: _reasons(question, groups, found)})


def _change(question: Question, found: pl.DataFrame) -> Part:
    """Start score less score of the pre-quiz, of learners who have both; the mean of -1 to 1 as of 0 to 1."""
    both = pl.col("score").is_not_null() & pl.col("quiz_score").is_not_null() & ~pl.col("away")
    took = pl.col("attempted") & pl.col("quiz_taken") & ~pl.col("away")
    change = pl.col("score") - pl.col("quiz_score")
    total = pl.when(both).then((change + 1) / 2)
    part = means(question, found, "paired_change", None, total=total, of=both, unknown=took & ~both)
    whole = part.frame.with_columns(pl.col("value", "low", "high") * 2 - 1)
    return replace(part, frame=whole, otherwise=pl.lit("no_pairs"))


def _cells(question: Question) -> pl.DataFrame:
    """Return one row for each learner in L(s): test due or not, there or not, taken or not, the score."""
    study, cell = question.study, ["learner_id", "session_id"]
    tests = (
        study.table("assessments")
        .filter(pl.col("role") == "start", pl.col("session_id").is_not_null())
        .select("assessment_id", "session_id")
    )
    status = (
        study.table("attendance")
        .group_by(cell)
        .agg(
            pl.col("status").is_in(_ATTENDED).any().alias("present"),
            pl.col("status").is_in(_AWAY).any().alias("away"),
        )
    )
    taken = (
        _first_attempts(study, tests)
        .group_by(cell)
        .agg(pl.lit(value=True).first().alias("attempted"), pl.col("score").mean())
    )
    marks = ("present", "away", "attempted", "due", "held", "quiz_taken")
    lines = study.table("attempts").select("assessment_id", pl.lit(value=True).alias("held")).unique()
    due = (
        tests.join(lines, on="assessment_id", how="left")
        .group_by("session_id")
        .agg(pl.lit(value=True).first().alias("due"), pl.col("held").any())
    )
    found = (
        roster(study)
        .join(due, on="session_id", how="left")
        .join(status, on=cell, how="left")
        .join(taken, on=cell, how="left")
        .join(_quizzes(study), on=cell, how="left")
        .with_columns(pl.col(*marks).fill_null(value=False))
        .with_columns(
            (pl.col("present") & pl.col("due") & pl.col("held")).alias("present"),
            (pl.col("away") & ~pl.col("present")).alias("away"),
        )
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _first_attempts(study: Study, tests: pl.LazyFrame) -> pl.LazyFrame:
    limits = study.thresholds
    when = pl.coalesce("started_at", "submitted_at")
    starts = study.table("sessions").select("session_id", "starts_at")
    in_time = when.is_between(
        pl.col("starts_at") - pl.duration(minutes=limits.start_before_min),
        pl.col("starts_at") + pl.duration(minutes=limits.start_after_min),
    )
    return (
        _whole_attempts(study)
        .join(tests, on="assessment_id", how="inner")
        .join(starts, on="session_id", how="left")
        .filter(when.is_null() | in_time)
        .sort("attempt", when, "score", nulls_last=True)
        .group_by("learner_id", "session_id", "assessment_id", maintain_order=True)
        .agg(pl.col("score").first())
    )


def _quizzes(study: Study) -> pl.LazyFrame:
    """Return by learner and session the mean of the first attempts at its pre-quizzes handed in in time."""
    quizzes = study.table("assessments").filter(pl.col("role") == "pre_quiz")
    window = roster(study).select("learner_id", "session_id", "enrolled_at", "starts_at")
    since = pl.col("enrolled_at").is_null() | (pl.col("submitted_at") >= pl.col("enrolled_at"))
    return (
        _whole_attempts(study)
        .join(quizzes.select("assessment_id", "session_id"), on="assessment_id", how="inner")
        .join(window, on=["learner_id", "session_id"], how="inner")
        .filter(since, pl.col("submitted_at") < pl.col("starts_at"))
        .sort("attempt", "submitted_at", "score", nulls_last=True)
        .group_by("learner_id", "session_id", "assessment_id", maintain_order=True)
        .agg(pl.col("score").first())
        .group_by("learner_id", "session_id")
        .agg(pl.lit(value=True).first().alias("quiz_taken"), pl.col("score").mean().alias("quiz_score"))
    )


def _whole_attempts(study: Study) -> pl.LazyFrame:
    return study.table("attempts").filter(
        pl.col("item_id").is_null(),
        pl.col("missing_reason").is_null() | (pl.col("missing_reason") == "not_graded"),
    )


def _reasons(question: Question, groups: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    missing = first_missing(question, SESSIONS)
    tests = question.study.table("assessments").filter(pl.col("role") == "start")
    if missing is None and tests.head(1).collect().height == 0:
        missing = "no_start_assessment"
    held = found.group_by(question.keys).agg(pl.col("held").any())
    reasons = reasons_of(question, groups, found, missing, pl.col("due"))
    unseen = pl.when(~pl.col("held")).then(pl.lit("no_test_results"))
    return reasons.join(held, on=question.keys, how="left", nulls_equal=True).select(
        *question.keys, pl.coalesce("reason", unseen).alias("reason")
    )


START_SCORE = Definition(
    key="start_score",
    version=2,
    unit="share",
    direction="more",
    needs=("enrolments", "sessions", "assessments", "attempts", "attendance"),
    thresholds=("start_before_min", "start_after_min", *ROW_THRESHOLDS),
    statistics=("mean", "response_rate", "paired_change"),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=start_score,
    number="9",
    source="Edusign (2026)",
    family="indicators_readiness",
    units={"mean": "score", "paired_change": "points"},
)
