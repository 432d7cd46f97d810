"""Active time: what learners' measured activity adds up to, nothing counted twice.

A measured activity lasts as long as its source says: from its event on, or up to it where the event ends
something (a pause, a completion, an answer). What overlaps (two windows, two sources) is one stretch of time.
An event without a duration, a click in a log, is an instant and adds
nothing: a single click on a long reading is neither 0 minutes nor all of them, it is not measured.
"""

from __future__ import annotations

import polars as pl

from flipstats.facts import CONSULTING_VERBS
from flipstats.schema import ENDING_VERBS
from flipstats.study import Study

_LIMIT_S = 31 * 86_400  # no sitting is a month long: such durations are faults of their source


def measured(study: Study) -> pl.LazyFrame:
    """Return every measured activity of traced learners: ``learner_id, resource_id, at, start, end`` (µs)."""
    traced = study.table("learners").filter(pl.col("tracking") == "traced").select("learner_id")
    at, (start, end) = pl.col("at").dt.epoch("us"), span()
    return (
        study.table("events")
        .filter(pl.col("verb").is_in(CONSULTING_VERBS), duration() > 0)
        .select("learner_id", "resource_id", at.alias("at"), start.alias("start"), end.alias("end"))
        .join(traced, on="learner_id", how="semi")
    )


def span() -> tuple[pl.Expr, pl.Expr]:
    """Return when what an event measures began and ended (µs); both its instant where it measures nothing."""
    at, ends = pl.col("at").dt.epoch("us"), pl.col("verb").is_in(ENDING_VERBS)
    return at - pl.when(ends).then(duration()).otherwise(0), at + pl.when(ends).then(0).otherwise(duration())


def duration() -> pl.Expr:
    """Return how long an event was measured to last (µs); 0 where it was not."""
    seconds = pl.col("seconds")
    return (
        pl.when((seconds > 0) & (seconds < _LIMIT_S)).then((seconds * 1_000_000).round()).otherwise(0)
    ).cast(pl.Int64)


def has_durations(study: Study) -> bool:
    """Return whether any activity of the study was measured."""
    return measured(study).head(1).collect().height > 0


def disjoint(spells: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    """Cut spells so that, within the keys, every instant is in one of them.

    Examples
    --------
    >>> spells = pl.LazyFrame({"who": ["a", "a", "a"], "start": [0, 5, 30], "end": [10, 20, 31]})
    >>> disjoint(spells, ["who"]).select("start", "end").collect().rows()
    [(0, 10), (10, 20), (30, 31)]
    """
    reached = pl.col("end").cum_max().shift(1).over(keys)
    return (
        spells.sort(*keys, "start", "end")
        .with_columns(pl.max_horizontal("start", reached).alias("start"))
        .filter(pl.col("end") > pl.col("start"))
    )


def of_cohorts(study: Study) -> pl.LazyFrame:
    """Return the measured time of every enrolment, on its cohort's resources, while it lasted.

    Returns
    -------
    LazyFrame
        ``learner_id, cohort_id, start, end`` (µs), disjoint within learner and cohort.
    """
    planned = (
        study.table("plan")
        .join(study.table("sessions").select("session_id", "cohort_id"), on="session_id", how="inner")
        .select("cohort_id", "resource_id")
        .unique()
    )
    began = pl.col("enrolled_at").dt.epoch("us")
    left = pl.col("withdrawn_at").dt.epoch("us")
    enrolments = study.table("enrolments").select(
        "learner_id", "cohort_id", began.alias("began"), left.alias("left")
    )
    spells = (
        measured(study)
        .join(enrolments, on="learner_id", how="inner")
        .filter(
            pl.col("began").is_null() | (pl.col("at") >= pl.col("began")),
            pl.col("left").is_null() | (pl.col("at") < pl.col("left")),
        )
        .join(planned, on=["cohort_id", "resource_id"], how="semi")
        .select("learner_id", "cohort_id", "start", "end")
    )
    return disjoint(spells, ["learner_id", "cohort_id"])
