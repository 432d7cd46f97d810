"""Looks at resources from release or enrolment on: when, how far, and whether on another occasion."""

from __future__ import annotations

import polars as pl

from flipstats.facts import CONSULTING_VERBS
from flipstats.indicators.activity import span
from flipstats.indicators.cells import is_known, known_from, rostered
from flipstats.schema import COMPLETING_VERBS
from flipstats.study import Study

LEARNER = ["learner_id", "cohort_id"]
PAIR = [*LEARNER, "resource_id"]


def windows(study: Study, needed: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Return what each learner meets for each session, until the end of lateness, and what is known of it.

    Parameters
    ----------
    needed : LazyFrame, optional
        Pairs of session and resource with the columns of `cells.requirements`; these without it.

    Returns
    -------
    LazyFrame
        ``learner_id, cohort_id, resource_id, late_until, length_min``; ``since`` (µs, release or enrolment);
        ``opened``: whether a look would be known; ``timeable``: whether how far it went would be.
    """
    key = ["session_id", "resource_id"]
    deeper = known_from(study, "substantial", late=True, needed=needed)
    deeper = deeper.select(*key, pl.col("known_from").alias("deeper"))
    found = known_from(study, "opened", late=True, needed=needed).join(deeper, on=key, how="left")
    return (
        rostered(study)
        .select(*LEARNER, "session_id", "enrolled", "learner_traced")
        .join(found.drop("cohort_id"), on="session_id", how="inner")
        .select(
            *PAIR,
            "late_until",
            "length_min",
            pl.max_horizontal("enrolled", "released").alias("since"),
            is_known().alias("opened"),
            is_known("deeper").alias("timeable"),
        )
    )


def visits(study: Study, within: pl.LazyFrame) -> pl.LazyFrame:
    """Return each pair's ``first`` look, if it came ``again``, was ``offline`` or ``measured``; ``seen``.

    Only looks in a window of `within` count. An occasion ends where nothing was traced for longer than
    ``idle_gap_min``; *offline*: downloaded and nothing else; *measured*: some look has a duration; *seen*:
    the largest share of any look. Events are read a part at a time: what is in memory grows with learners
    and resources, not with events.

    Parameters
    ----------
    within : LazyFrame
        As `windows` returns it.
    """
    within = within.select(*PAIR, "since", "late_until").collect(engine="streaming").lazy()
    of = [_visits(study, _looks(part, within)).collect(engine="streaming") for part in study.event_parts()]
    return pl.concat(of).lazy()


def _looks(events: pl.LazyFrame, within: pl.LazyFrame) -> pl.LazyFrame:
    """Return every consulting event in a window of its learner, once for each such window.

    Returns
    -------
    LazyFrame
        ``learner_id, cohort_id, resource_id, at, start, end`` (µs), whether a ``download``; ``seen``, the
        share of the content it tells, null where it tells none.
    """
    at, progress, (start, end) = pl.col("at").dt.epoch("us"), pl.col("progress"), span()
    return (
        events.filter(pl.col("verb").is_in(CONSULTING_VERBS))
        .select(
            "learner_id",
            "resource_id",
            at.alias("at"),
            start.alias("start"),
            end.alias("end"),
            (pl.col("verb") == "downloaded").alias("download"),
            pl.when(pl.col("verb").is_in(COMPLETING_VERBS))
            .then(1.0)
            .when(progress.is_between(0, 1))
            .then(progress)
            .alias("seen"),
        )
        .join(within, on=["learner_id", "resource_id"], how="inner")
        .filter(pl.col("at") >= pl.col("since"), pl.col("at") <= pl.col("late_until"))
        .select(*PAIR, "at", "start", "end", "download", "seen")
    )


def _visits(study: Study, of: pl.LazyFrame) -> pl.LazyFrame:
    gap = study.thresholds.idle_gap_min * 60_000_000
    reached = pl.col("end").cum_max().shift(1).over(PAIR)
    return (
        of.sort(*PAIR, "start", "end")
        .with_columns((pl.col("start") - reached > gap).alias("new"))
        .group_by(PAIR)
        .agg(
            pl.col("at").min().alias("first"),
            pl.col("new").any().alias("again"),
            pl.col("download").all().alias("offline"),
            (pl.col("end") > pl.col("start")).any().alias("measured"),
            pl.col("seen").max(),
        )
    )
