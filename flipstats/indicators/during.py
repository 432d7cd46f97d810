"""What happened to learners while they were in a cohort: from enrolment to withdrawal, or to its end."""

from __future__ import annotations

import polars as pl

from flipstats.study import Study

_MEMBER = ["learner_id", "cohort_id"]


def memberships(study: Study) -> pl.LazyFrame:
    """Return every enrolment with when it began and ended.

    Returns
    -------
    LazyFrame
        ``learner_id, cohort_id, enrolled_at, withdrawn_at`` and ``until``: the end of the cohort, else of its
        last session; null where nobody knows.
    """
    return (
        study.table("enrolments")
        .select(*_MEMBER, "enrolled_at", "withdrawn_at")
        .join(ends_of_cohorts(study), on="cohort_id", how="left")
    )


def ends_of_cohorts(study: Study) -> pl.LazyFrame:
    """Return when each cohort ends, else its last session: ``cohort_id, until``."""
    last = study.table("sessions").group_by("cohort_id").agg(pl.col("ends_at").max().alias("last"))
    return (
        study.table("cohorts")
        .join(last, on="cohort_id", how="left")
        .select("cohort_id", pl.coalesce("ends_at", "last").alias("until"))
    )


def within(study: Study, happened: pl.LazyFrame) -> pl.LazyFrame:
    """Return what happened to learners (``learner_id, at``) with every cohort they were in at the time."""
    return happened.join(memberships(study), on="learner_id", how="inner").filter(is_member(pl.col("at")))


def is_member(at: pl.Expr) -> pl.Expr:
    """Return whether an instant lies in a membership: until withdrawal, excluded, or the end, included."""
    enrolled, withdrawn, until = pl.col("enrolled_at"), pl.col("withdrawn_at"), pl.col("until")
    return (
        (enrolled.is_null() | (at >= enrolled))
        & (withdrawn.is_null() | (at < withdrawn))
        & (until.is_null() | (at <= until))
    )
