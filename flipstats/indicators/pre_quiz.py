"""Quizzes of the preparation, taken or not and how well: indicator 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask, roster
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.results import with_results
from flipstats.indicators.rows import bounds, means, shares
from flipstats.study import Study

_QUIZ = ["learner_id", "session_id", "assessment_id"]


def pre_quiz_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of the pre-quizzes owed by learners on the roster that were handed in before the session.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × quizzes. Handed in: an attempt submitted from the
        enrolment, included, to the start of the session, excluded, graded or not. Unknown: a learner whose
        tracking is withdrawn, an attempt without a time; everybody where the study has no line of a quiz, or
        no time of any attempt at it, or the session starts after what the study speaks of (`Study.as_of`).

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "Mandatory comprehension quizzes before each session"; PAIRENNE (2025).

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> pre_quiz_rate(study()).select("value", "reason").row(0)
    (None, 'no_pre_quiz')
    """
    question = ask(study, PRE_QUIZ_RATE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _cells(question)
    known = pl.col("known") & _over(study)
    unknown = pl.col("due") & ~known
    taken = known & pl.col("taken")
    rate = shares(question, found, "rate", None, yes=taken, of=known, unknown=unknown)
    rate = replace(rate, otherwise=pl.lit("no_quiz_results"))
    parts = [rate, *bounds(question, found, rate, low=taken, high=taken | unknown, total=pl.col("due"))]
    return answer(question, groups, parts, {None: _reasons(question, groups, found)})


def pre_quiz_score(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Mean score, 0 to 1, of the first attempts at pre-quizzes handed in before the session.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `pre_quiz_rate`, of those who handed in only; attempts not graded yet are unknown. t interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "Mandatory comprehension quizzes before each session"; PAIRENNE (2025).

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> pre_quiz_score(study()).select("statistic", "value").row(0)
    ('mean', None)
    """
    question = ask(study, PRE_QUIZ_SCORE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _cells(question)
    taken = pl.col("known") & pl.col("taken")
    scored = taken & pl.col("score").is_not_null()
    score = pl.when(scored).then(pl.col("score"))
    mean = means(question, found, "mean", None, total=score, of=scored, unknown=taken & ~scored)
    otherwise = pl.when(pl.col("unknown") > 0).then(pl.lit("not_graded")).otherwise(pl.lit("no_scores"))
    parts = [replace(mean, otherwise=otherwise)]
    return answer(question, groups, parts, {None: _reasons(question, groups, found)})


def _cells(question: Question) -> pl.DataFrame:
    """Return one row for each learner in L(s) and pre-quiz of s; one, not due, where s has none."""
    study = question.study
    quizzes = (
        study.table("assessments").filter(pl.col("role") == "pre_quiz").select("assessment_id", "session_id")
    )
    held = with_results(study.table("attempts"), "assessment_id", times=("submitted_at",))
    marks = ("taken", "untimed", "held")
    found = (
        roster(study)
        .join(quizzes.drop_nulls("session_id"), on="session_id", how="left")
        .join(_attempts(study, quizzes), on=_QUIZ, how="left")
        .join(held, on="assessment_id", how="left")
        .with_columns(
            pl.col(*marks).fill_null(value=False), pl.col("assessment_id").is_not_null().alias("due")
        )
        .with_columns(
            (
                pl.col("due")
                & pl.col("held")
                & (pl.col("tracking") == "traced")
                & (pl.col("taken") | ~pl.col("untimed"))
            ).alias("known")
        )
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _over(study: Study) -> pl.Expr:
    """Return whether the study speaks of the start of the session: until then a quiz may still come."""
    if study.as_of is None:
        return pl.lit(value=True)
    return pl.col("starts_at") <= pl.lit(study.as_of)


def _attempts(study: Study, quizzes: pl.LazyFrame) -> pl.LazyFrame:
    """Return by learner and quiz: handed in in time, with which first score; or at a time nobody knows."""
    window = roster(study).select("learner_id", "session_id", "enrolled_at", "starts_at")
    at = pl.col("submitted_at")
    since = pl.col("enrolled_at").is_null() | (at >= pl.col("enrolled_at"))
    in_time = (since & (at < pl.col("starts_at"))).fill_null(value=False)
    return (
        study.table("attempts")
        .filter(
            pl.col("item_id").is_null(),
            pl.col("missing_reason").is_null() | (pl.col("missing_reason") == "not_graded"),
        )
        .join(quizzes, on="assessment_id", how="inner")
        .join(window, on=["learner_id", "session_id"], how="inner")
        .with_columns(in_time.alias("in_time"))
        .sort("attempt", "submitted_at", "score", nulls_last=True)
        .group_by(_QUIZ, maintain_order=True)
        .agg(
            pl.col("in_time").any().alias("taken"),
            at.is_null().any().alias("untimed"),
            pl.col("score").filter("in_time").first().alias("score"),
        )
    )


def _reasons(question: Question, groups: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    missing = first_missing(question, SESSIONS)
    quizzes = question.study.table("assessments").filter(pl.col("role") == "pre_quiz")
    if missing is None and quizzes.head(1).collect().height == 0:
        missing = "no_pre_quiz"
    return reasons_of(question, groups, found, missing, pl.col("due"))


_NEEDS = ("enrolments", "sessions", "assessments", "attempts")
PRE_QUIZ_RATE = Definition(
    key="pre_quiz_rate",
    version=2,
    unit="share",
    direction="more",
    needs=_NEEDS,
    thresholds=ROW_THRESHOLDS,
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=pre_quiz_rate,
    number="7",
    source="Edusign (2026); PAIRENNE (2025)",
    family="indicators_readiness",
)
PRE_QUIZ_SCORE = Definition(
    key="pre_quiz_score",
    version=1,
    unit="score",
    direction="more",
    needs=_NEEDS,
    thresholds=ROW_THRESHOLDS,
    statistics=("mean",),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=pre_quiz_score,
    number="7",
    source="Edusign (2026); PAIRENNE (2025)",
    family="indicators_readiness",
)
