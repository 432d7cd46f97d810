"""The groups an answer has a row for: all of them, also those where nothing happened."""

from __future__ import annotations

import polars as pl

from flipstats.indicators.cells import requirements
from flipstats.indicators.definition import COHORT_GROUPS, SESSION_GROUPS
from flipstats.indicators.question import ALL, Question, covariates, roster, sessions

IMPLIED = "·of·"  # prefix of what a grouping column implies: a session's cohort, a cohort's arm


def groups_of_sessions(question: Question) -> pl.DataFrame:
    """Return the groups of an indicator about sessions, in the order of the answer.

    Returns
    -------
    DataFrame
        The grouping columns, and, prefixed, the columns these imply (needed to protect small cells). One row
        of nulls where the study has no such group, so that the reason can still be given.
    """
    if not question.by:
        return pl.DataFrame({ALL: [0]})
    study = question.study
    if question.of_learners:
        base = roster(study)
    elif set(question.by) <= set(COHORT_GROUPS):
        base = study.table("cohorts")
    else:
        base = sessions(study)
    if question.of_resources:
        pairs = requirements(study).select("session_id", "resource_id")
        base = base.join(pairs, on="session_id", how="inner")
    return _ordered(question, base)


def groups_of_enrolments(question: Question) -> pl.DataFrame:
    """Return the groups of an indicator about enrolments; see `groups_of_sessions`."""
    if not question.by:
        return pl.DataFrame({ALL: [0]})
    base = question.study.table("cohorts").select(*COHORT_GROUPS)
    if question.of_learners:
        base = enrolled(question)
    return _ordered(question, base)


def groups_among(question: Question, base: pl.LazyFrame) -> pl.DataFrame:
    """Return the groups that `base` has, for an indicator that names its own; see `groups_of_sessions`."""
    if not question.by:
        return pl.DataFrame({ALL: [0]})
    return _ordered(question, base)


def enrolled(question: Question) -> pl.LazyFrame:
    """Return every enrolment with its cohort's and its learner's columns."""
    study = question.study
    learners = study.table("learners").select("learner_id", *covariates(study))
    return (
        study.table("enrolments")
        .select("learner_id", "cohort_id")
        .join(study.table("cohorts").select(*COHORT_GROUPS), on="cohort_id", how="left")
        .join(learners, on="learner_id", how="left")
    )


def _ordered(question: Question, base: pl.LazyFrame) -> pl.DataFrame:
    implied: tuple[str, ...] = ()
    if "session_id" in question.by:
        implied = (*SESSION_GROUPS, *COHORT_GROUPS)
    elif "cohort_id" in question.by:
        implied = COHORT_GROUPS
    hidden = [pl.col(c).alias(IMPLIED + c) for c in implied if c not in question.by]
    found = base.select(*question.by, *hidden).unique()
    if "session_id" in question.by:
        found = found.join(
            sessions(question.study).select("session_id", "starts_at"), on="session_id", how="left"
        )
    keys = [key for c in question.by for key in (("starts_at", c) if c == "session_id" else (c,))]
    frame = found.sort(keys, nulls_last=True).drop("starts_at", strict=False).collect()
    if frame.height == 0:
        return pl.DataFrame([dict.fromkeys(frame.columns)], schema=frame.schema)
    return frame
