"""The programme of each cohort so far, and what learners did in it themselves."""

from __future__ import annotations

import polars as pl

from flipstats.indicators.completion import speaks_until
from flipstats.indicators.during import memberships
from flipstats.study import Study

# What happens to a learner, not what the learner does.
_NOT_THE_LEARNER = (
    "graded",
    "enrolled",
    "unenrolled",
    "completion_updated",
    "course_completed",
    "login_failed",
)
_MEMBER = ["learner_id", "cohort_id"]


def elapsed(study: Study) -> pl.LazyFrame:
    """Return how much of each cohort's programme has passed.

    Returns
    -------
    LazyFrame
        ``cohort_id, begins, ends`` (so far), ``last_part`` (from when its last part runs), ``running``;
        instants are null where the cohort has no dates or has not begun.
    """
    sessions = (
        study.table("sessions")
        .group_by("cohort_id")
        .agg(pl.col("starts_at").min().alias("first"), pl.col("ends_at").max().alias("last"))
    )
    until = pl.lit(speaks_until(study), pl.Datetime("us", "UTC"))
    whole = pl.coalesce("ends_at", "last")
    share = 1 - study.thresholds.dropout_last_share
    rows = (
        study.table("cohorts")
        .join(sessions, on="cohort_id", how="left")
        .select(
            "cohort_id",
            pl.coalesce("starts_at", "first").alias("begins"),
            pl.min_horizontal(whole, until).alias("ends"),
            (whole > until).fill_null(value=False).alias("running"),
            whole.is_not_null().alias("dated"),
        )
    )
    length = (pl.col("ends") - pl.col("begins")).dt.total_microseconds()
    part = pl.col("begins") + pl.duration(microseconds=(length * share).round().cast(pl.Int64))
    begun = pl.col("dated") & (pl.col("ends") > pl.col("begins")).fill_null(value=False)
    return rows.select(
        "cohort_id",
        "running",
        *(pl.when(begun).then(pl.col(name)).alias(name) for name in ("begins", "ends")),
        pl.when(begun).then(part).alias("last_part"),
    )


def activity(study: Study) -> pl.LazyFrame:
    """Return when learners did something in a cohort while in it: ``learner_id, cohort_id, at``.

    Traces on the platform, but for those on what is planned for other cohorts only; assessments handed in;
    presence, until the end of its session.
    """
    planned = study.table("plan").join(
        study.table("sessions").select("session_id", "cohort_id"), on="session_id", how="inner"
    )
    mine = planned.select("cohort_id", "resource_id").unique()
    shared = planned.select("resource_id", pl.lit(value=True).alias("planned")).unique()
    traces = (
        study.table("events")
        .filter(~pl.col("verb").is_in(_NOT_THE_LEARNER), pl.col("learner_id").is_not_null())
        .select("learner_id", "resource_id", "at")
        .join(study.table("enrolments").select(_MEMBER), on="learner_id", how="inner")
        .join(shared, on="resource_id", how="left")
        .join(
            mine.with_columns(pl.lit(value=True).alias("mine")), on=["cohort_id", "resource_id"], how="left"
        )
        .filter(pl.col("planned").is_null() | pl.col("mine"))
        .select(*_MEMBER, "at")
    )
    done = pl.concat(
        [traces, _handed_in(study), presence(study).select(*_MEMBER, pl.col("ends_at").alias("at"))]
    )
    return (
        done.join(memberships(study).drop("until"), on=_MEMBER, how="inner")
        .filter(
            pl.col("enrolled_at").is_null() | (pl.col("at") >= pl.col("enrolled_at")),
            pl.col("withdrawn_at").is_null() | (pl.col("at") < pl.col("withdrawn_at")),
        )
        .select(*_MEMBER, "at")
    )


def presence(study: Study) -> pl.LazyFrame:
    """Return who was present, late or not: ``learner_id, session_id, cohort_id, starts_at, ends_at``."""
    sessions = study.table("sessions").select("session_id", "cohort_id", "starts_at", "ends_at")
    return (
        study.table("attendance")
        .filter(pl.col("status").is_in(["present", "late"]))
        .select("learner_id", "session_id")
        .unique()
        .join(sessions, on="session_id", how="inner")
    )


def _handed_in(study: Study) -> pl.LazyFrame:
    """Return when learners began or handed in assessments of their cohorts: ``learner_id, cohort_id, at``."""
    of = study.table("sessions").select("session_id", "cohort_id")
    tests = (
        study.table("assessments")
        .select("assessment_id", "session_id")
        .join(of, on="session_id", how="left")
        .select("assessment_id", pl.col("cohort_id").alias("of_cohort"))
    )
    return (
        study.table("attempts")
        .select("learner_id", "assessment_id", pl.coalesce("submitted_at", "started_at").alias("at"))
        .drop_nulls("at")
        .join(tests, on="assessment_id", how="inner")
        .join(study.table("enrolments").select(_MEMBER), on="learner_id", how="inner")
        .filter(pl.col("of_cohort").is_null() | (pl.col("of_cohort") == pl.col("cohort_id")))
        .select(*_MEMBER, "at")
    )


def owed(study: Study, spans: pl.LazyFrame) -> pl.LazyFrame:
    """Return the cohorts that owe something within a span: ``cohort_id``.

    Parameters
    ----------
    spans : LazyFrame
        ``cohort_id, last_part, ends``: a session that overlaps it, mandatory preparation of a session that
        starts after its begin, released before its end, or an assessment due in it.
    """
    low, high = pl.col("last_part"), pl.col("ends")
    sessions = (
        study.table("sessions")
        .filter(pl.col("kind") == "session")
        .select("session_id", "cohort_id", "starts_at", "ends_at")
        .join(spans, on="cohort_id", how="inner")
    )
    held = sessions.filter(pl.col("ends_at") > low, pl.col("starts_at") < high).select("cohort_id")
    prepared = (
        study.table("plan")
        .filter(pl.col("phase") == "pre", pl.col("mandatory"))
        .select("session_id", "released_at")
        .join(sessions, on="session_id", how="inner")
        .filter(pl.col("starts_at") > low, pl.col("released_at").is_null() | (pl.col("released_at") < high))
        .select("cohort_id")
    )
    of = study.table("sessions").select("session_id", pl.col("cohort_id").alias("of_cohort"))
    due = (
        study.table("assessments")
        .filter(pl.col("due_at").is_not_null())
        .select("session_id", "due_at")
        .join(of, on="session_id", how="left")
        .join(spans, how="cross")
        .filter(
            pl.col("of_cohort").is_null() | (pl.col("of_cohort") == pl.col("cohort_id")),
            pl.col("due_at") >= low,
            pl.col("due_at") <= high,
        )
        .select("cohort_id")
    )
    return pl.concat([held, prepared, due]).unique()
