"""Measured time: from what a learner did on the platform to minutes by activity, each minute counted once."""

from __future__ import annotations

import polars as pl

from flipstats.indicators.activity import disjoint
from flipstats.ledger.rule import Rule
from flipstats.schema import ENDING_VERBS
from flipstats.study import Study

# What the platform or staff did, not the learner.
_NOT_THE_LEARNER = ("graded", "enrolled", "unenrolled", "completion_updated", "login_failed")
_LONGEST_S = 86_400  # a longer duration is a clock gone wrong, and no evidence
_WHO = ["learner_id", "resource_id"]


def activity_intervals(study: Study, rule: Rule) -> pl.LazyFrame:
    """Return when each learner was at work on each resource.

    An event with a duration stands for the time from it on, one that ends something (a pause, a completion,
    an answer) for the time up to it. One without counts until the learner's next event of that local day,
    whatever that is on, and no longer than the idle gap; the last of a day counts what the rule says. Only
    learners who agree to be traced have intervals.

    Returns
    -------
    LazyFrame
        ``learner_id, resource_id, start, end`` (UTC), ``day`` (local), ``source_id, record``.
    """
    traced = study.table("learners").filter(tracking="traced")
    day = pl.col("at").dt.convert_time_zone(study.programme.timezone).dt.date()
    events = (
        study.table("events")
        .filter(~pl.col("verb").is_in(_NOT_THE_LEARNER), pl.col("learner_id").is_not_null())
        .join(traced, on="learner_id", how="semi")
        .with_columns(day.alias("day"))
        .sort("learner_id", "at", "record", maintain_order=True)
        .with_columns(pl.col("at").shift(-1).over("learner_id", "day").alias("next"))
    )
    idle, last = (pl.duration(seconds=60 * minutes) for minutes in (rule.idle_gap_min, rule.last_click_min))
    until = pl.min_horizontal(pl.col("next"), pl.col("at") + idle).fill_null(pl.col("at") + last)
    until = pl.when(pl.col("next").is_null()).then(pl.col("at") + last).otherwise(until)
    timed = (pl.col("seconds") > 0) & (pl.col("seconds") <= _LONGEST_S)
    spent = pl.duration(milliseconds=(pl.col("seconds") * 1000).round(0).cast(pl.Int64))
    ends = pl.col("verb").is_in(ENDING_VERBS)
    return events.filter(pl.col("resource_id").is_not_null()).select(
        *_WHO,
        pl.when(timed & ends).then(pl.col("at") - spent).otherwise("at").alias("start"),
        pl.when(timed & ends).then("at").when(timed).then(pl.col("at") + spent).otherwise(until).alias("end"),
        "day",
        "source_id",
        "record",
    )


def measured(study: Study, rule: Rule, busy: pl.DataFrame) -> pl.DataFrame:
    """Return what was measured of each learner on each resource.

    Parameters
    ----------
    busy : DataFrame
        ``learner_id, from, to``: when the learner sat in a session, whose minutes are counted there.

    Returns
    -------
    DataFrame
        ``learner_id, resource_id``; ``measured_s``: seconds of the union of the activity's intervals;
        ``once_s``: of these, what neither a session nor an activity begun earlier holds already, so that they
        add up to the time at work; ``off_s``: of these, on days on which the rule credits nothing;
        ``events, first_at, last_at``; ``source_rows``: see `cited`.
    """
    intervals = activity_intervals(study, rule).collect()
    if not intervals.height:
        return _nothing()
    off = rule.off_days(intervals["day"].min(), intervals["day"].max())
    order = ["start", "end", "resource_id"]
    outside = _outside(intervals, busy)
    own = _fresh(intervals.sort(*_WHO, "start", "end"), _WHO)
    once = _fresh(outside.sort("learner_id", *order), ["learner_id"])
    seconds = pl.col("fresh").dt.total_milliseconds().sum() / 1000
    of_own = own.group_by(_WHO, maintain_order=True).agg(
        seconds.alias("measured_s"),
        pl.len().alias("events"),
        pl.col("start").min().alias("first_at"),
        pl.col("end").max().alias("last_at"),
    )
    free = pl.col("day").is_in(off)
    of_once = once.group_by(_WHO).agg(
        seconds.alias("once_s"),
        (pl.col("fresh").filter(free).dt.total_milliseconds().sum() / 1000).alias("off_s"),
    )
    both = of_own.join(of_once, on=_WHO, how="left", maintain_order="left")
    return both.join(cited(intervals, _WHO), on=_WHO, how="left", maintain_order="left")


def cited(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the records that rows come from, by `keys`, runs of numbers shortened.

    Examples
    --------
    >>> rows = pl.DataFrame({"who": "ada", "source_id": ["log", "log", "log", "s"], "record": [3, 4, 9, 1]})
    >>> cited(rows, ["who"])["source_rows"].item()
    'log:3-4,9; s:1'
    """
    of = [*keys, "source_id"]
    known = rows.select(*of, "record").drop_nulls(["source_id", "record"]).unique().sort(*of, "record")
    first = pl.col("record").min().cast(pl.String)
    run = pl.when(pl.len() == 1).then(first).otherwise(first + "-" + pl.col("record").max().cast(pl.String))
    numbers = (
        known.with_columns((pl.col("record") - pl.int_range(pl.len()).over(of)).alias("run"))
        .group_by(*of, "run", maintain_order=True)
        .agg(run.alias("said"))
        .group_by(of, maintain_order=True)
        .agg(pl.col("said").str.join(","))
    )
    told = pl.concat_str("source_id", "said", separator=":").str.join("; ").alias("source_rows")
    return numbers.group_by(keys, maintain_order=True).agg(told)


def _outside(intervals: pl.DataFrame, busy: pl.DataFrame) -> pl.DataFrame:
    """Return the intervals without what lies in a session: before, between, after: a row a piece."""
    if not busy.height:
        return intervals
    sat = disjoint(busy.lazy().rename({"from": "start", "to": "end"}), ["learner_id"]).collect()
    held = sat.sort("start").rename({"start": "from", "end": "to"})
    key = {"by": "learner_id", "check_sortedness": False}  # sorted here
    found = intervals.sort("start").join_asof(held, left_on="start", right_on="from", **key)
    left = found.with_columns(pl.max_horizontal("start", "to").alias("start")).drop("from", "to")
    pieces = []
    while left.height:  # once for each session that one interval spans
        found = left.sort("start").join_asof(
            held, left_on="start", right_on="from", strategy="forward", **key
        )
        pieces.append(found.with_columns(pl.min_horizontal("end", "from").alias("end")))
        left = found.filter(pl.col("end") > pl.col("to")).with_columns(start="to").drop("from", "to")
    return pl.concat(pieces).drop("from", "to").filter(pl.col("end") > pl.col("start"))


def _fresh(sorted_intervals: pl.DataFrame, of: list[str]) -> pl.DataFrame:
    """Add ``fresh``: how much of each interval, in order of their starts, no earlier one holds already."""
    reached = pl.col("end").cum_max().shift(1).over(of)
    begins = pl.max_horizontal("start", reached)
    return sorted_intervals.with_columns(
        pl.max_horizontal(pl.col("end") - begins, pl.duration(seconds=0)).alias("fresh")
    )


def _nothing() -> pl.DataFrame:
    time = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        schema={
            "learner_id": pl.String, "resource_id": pl.String, "measured_s": pl.Float64, "events": pl.UInt32,
            "first_at": time, "last_at": time, "source_rows": pl.String,
            "once_s": pl.Float64, "off_s": pl.Float64,
        }
    )  # fmt: skip
