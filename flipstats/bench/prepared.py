"""Who has prepared each session by now: as far as the sources reach, and never further."""

from __future__ import annotations

import polars as pl

from flipstats import facts
from flipstats.indicators.cells import covering, is_known, known_from, reached, requirements, rostered
from flipstats.study import Study

_PAIR = ["session_id", "resource_id"]
_CELL = ["learner_id", "session_id"]


def pairs(study: Study, depth: str) -> pl.DataFrame:
    """Return what each learner on the roster of a session owes it, and what is known of it by now.

    An indicator speaks of a window that is over; before a session starts there is none. Here a resource is
    known as far as its sources reach: up to the session, or up to the export made before it.

    Parameters
    ----------
    study : Study
    depth : {"opened", "substantial", "completed"}
        How far a learner must have gone for a resource to count as done.

    Returns
    -------
    DataFrame
        ``learner_id, session_id, resource_id, told`` (µs, up to when the sources speak; null: of nothing),
        ``known``, ``done`` (among the known).

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> found = pairs(study(), "opened")
    >>> cleo = found.filter(learner_id="cleo", session_id="S1").sort("resource_id")
    >>> cleo.select("resource_id", "done").rows()
    [('T1', True), ('V1', False)]
    """
    needed = _as_told(study, depth)
    windows = known_from(study, depth, needed=needed.drop("told")).select(*_PAIR, "length_min", "known_from")
    windows = windows.join(needed.select(*_PAIR, "told"), on=_PAIR)
    seen = (
        facts.of_study(study)
        .join(windows.select(*_PAIR, "length_min"), on=_PAIR)
        .select(
            "learner_id",
            *_PAIR,
            reached(depth, study.thresholds).alias("done"),
            ((pl.col("n") > 0) & (pl.col("n") == pl.col("downloads"))).alias("offline"),
        )
    )
    here = pl.col("told").is_not_null() & (pl.col("enrolled") <= pl.col("told"))
    known = (is_known() & here & ~pl.col("offline").fill_null(value=False)).fill_null(value=False)
    return (
        rostered(study)
        .join(windows, on="session_id")
        .join(seen, on=["learner_id", *_PAIR], how="left")
        .with_columns(known.alias("known"))
        .with_columns((pl.col("known") & pl.col("done").fill_null(value=False)).alias("done"))
        .select(*_CELL, "resource_id", "told", "known", "done")
        .collect()
    )


def _as_told(study: Study, depth: str) -> pl.LazyFrame:
    """Return what every session requires, its window ending where the sources do if that is earlier."""
    needed = requirements(study)
    until = (
        covering(needed, study, depth)
        .filter(pl.col("from") < pl.col("starts"))
        .group_by(_PAIR)
        .agg(pl.col("until").max())
    )
    told = pl.when(pl.col("until") > pl.col("released")).then(pl.min_horizontal("until", "starts"))
    return (
        needed.join(until, on=_PAIR, how="left")
        .with_columns(told.alias("told"))
        .with_columns(pl.coalesce("told", "starts").alias("starts"))
        .drop("until")
    )


def states(found: pl.DataFrame) -> pl.DataFrame:
    """Return the state of each learner before each session, from `pairs`.

    Returns
    -------
    DataFrame
        ``learner_id, session_id, owed, whole`` (all that is owed is known), ``state, missing`` (resources
        known not to be done): *prepared* where all that is owed is done; *part* and *none* where something
        known is not; else *unknown*.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> states(pairs(study(), "opened")).filter(session_id="S1").sort("learner_id")["state"].to_list()
    ['prepared', 'prepared', 'part', 'part']
    """
    left_undone = pl.col("known") & ~pl.col("done")
    counted = found.group_by(_CELL).agg(
        pl.len().alias("owed"),
        pl.col("done").sum(),
        pl.col("known").all().alias("whole"),
        pl.col("resource_id").filter(left_undone).sort().alias("missing"),
    )
    lacks = pl.col("missing").list.len() > 0
    state = (
        pl.when(pl.col("done") == pl.col("owed"))
        .then(pl.lit("prepared"))
        .when(lacks & (pl.col("done") > 0))
        .then(pl.lit("part"))
        .when(lacks)
        .then(pl.lit("none"))
        .otherwise(pl.lit("unknown"))
    )
    return counted.select(*_CELL, "owed", "whole", state.alias("state"), "missing")
