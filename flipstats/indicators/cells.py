"""Cells of preparation: for each learner and session, what was owed, what is known of it, what was done.

A pair (learner, mandatory resource) is unknown at a level unless a source that can tell this level covers the
whole window of that learner. Pairs are counted per learner and session without being written out one by one,
unless resources are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats import facts
from flipstats.conventions import Thresholds
from flipstats.facts import BEFORE_ALL
from flipstats.indicators.once import is_small, once
from flipstats.indicators.question import Question, roster, sessions
from flipstats.schema import LEVELS
from flipstats.study import Study

DECLARED = "declared"  # ticked by the learner: told apart, never one of the three levels
DEPTHS = (*LEVELS, DECLARED)
_PAIR = ["session_id", "resource_id"]
_CELL = "·cell"


def requirements(study: Study) -> pl.LazyFrame:
    """Return R(s) for every session: its mandatory preparation, one row a session and resource.

    Returns
    -------
    LazyFrame
        ``session_id, resource_id, cohort_id, starts, late_until, released`` (µs), ``traced, length_min``.
    """
    limits, zone = study.thresholds, study.programme.timezone
    return (
        study.table("plan")
        .filter(pl.col("phase") == "pre", pl.col("mandatory"))
        .select(*_PAIR, pl.col("released_at").dt.epoch("us").fill_null(BEFORE_ALL).alias("released"))
        .join(
            facts.with_late_until(sessions(study), zone, limits).select(
                "session_id", "cohort_id", "late_until", pl.col("starts_at").alias("starts")
            ),
            on="session_id",
            how="inner",
        )
        .join(
            study.table("resources").select("resource_id", "traced", "length_min"),
            on="resource_id",
            how="left",
        )
    )


def known_from(
    study: Study, depth: str, *, late: bool = False, needed: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Return R(s) with the enrolment instant from which on a learner's pair is known at `depth`.

    With `late` the window goes on to the end of lateness, otherwise to the start of the session. Other pairs
    than those of `requirements` may be given, of its columns.

    The union of the coverage intervals that tell this level of this resource in this cohort must contain the
    learner's whole window. Of that union only the piece that holds the start of the session can; it begins at
    some instant, and whoever enrolled, or found the resource released, from then on is known.

    Returns
    -------
    LazyFrame
        `requirements` and ``known_from`` (µs): `BEFORE_ALL` where every traced learner is known, null where
        none is.
    """
    needed = requirements(study) if needed is None else needed
    end = pl.max_horizontal("starts", "late_until") if late else pl.col("starts")
    holding = (
        _joined_up(covering(needed, study, depth))
        .filter(pl.col("from") <= pl.col("starts"), end <= pl.col("until"))
        .select(*_PAIR, pl.col("from").alias("covered"))
    )
    earliest = pl.when(pl.col("released") >= pl.col("covered")).then(BEFORE_ALL).otherwise(pl.col("covered"))
    return needed.join(holding, on=_PAIR, how="left").select(
        pl.exclude("covered"), pl.when(pl.col("covered").is_not_null()).then(earliest).alias("known_from")
    )


def _joined_up(pieces: pl.LazyFrame) -> pl.LazyFrame:
    """Return the intervals of `covering` with those of one pair that meet made one."""
    ordered = {"order_by": ["from", "until"]}
    reached = pl.col("until").cum_max().shift(1).over(_PAIR, **ordered)
    block = (pl.col("from") > reached).fill_null(value=False).cum_sum().over(_PAIR, **ordered)
    kept = (pl.col("from").min(), pl.col("until").max(), pl.col("starts", "late_until").first())
    first = pieces.group_by(_PAIR).agg(*kept, pl.len().alias("·n")).collect(engine="streaming")
    alone, several = (first.lazy().filter(rule).drop("·n") for rule in (pl.col("·n") == 1, pl.col("·n") > 1))
    # Most pairs have one interval: to put in order those of the others only is several times faster.
    met = pieces.join(several.select(_PAIR), on=_PAIR, how="semi").with_columns(block.alias("block"))
    return pl.concat([alone, met.group_by(*_PAIR, "block").agg(*kept).drop("block")])


def covering(needed: pl.LazyFrame, study: Study, depth: str) -> pl.LazyFrame:
    """Return traced pairs with every coverage interval that holds for them: ``from, until``."""
    coverage = (
        study.table("coverage")
        .filter(pl.col("level") == depth)
        .select(
            "cohort_id",
            "resource_id",
            pl.col("covers_from").dt.epoch("us").fill_null(BEFORE_ALL).alias("from"),
            pl.col("covers_to").dt.epoch("us").alias("until"),
        )
        .filter(pl.col("from") <= pl.col("until"))
    )
    pairs = needed.filter("traced").select(*_PAIR, "cohort_id", "starts", "late_until")
    return pl.concat(
        pairs.join(_naming(coverage, named), how="inner" if named else "cross", on=named or None)
        for named in ([], ["cohort_id"], ["resource_id"], ["cohort_id", "resource_id"])
    )


def _naming(coverage: pl.LazyFrame, named: list[str]) -> pl.LazyFrame:
    """Return the coverage rows that name exactly `named`; a column they leave empty stands for all."""
    columns = ("cohort_id", "resource_id")
    rules = [pl.col(c).is_not_null() if c in named else pl.col(c).is_null() for c in columns]
    return coverage.filter(*rules).select(*named, "from", "until")


def best_depth(study: Study) -> str | None:
    """Return the deepest level that every mandatory resource can be told at, by the sources there are.

    Pairs of session and resource that no source tells anything about are left aside. Where no level is common
    to all the others, it is the one told of most pairs, the shallower of two; None where there is none.
    """
    needed = requirements(study)
    told = {
        level: set(covering(needed, study, level).select(_PAIR).unique().collect().iter_rows())
        for level in LEVELS
    }
    every = set().union(*told.values())
    if not every:
        return None
    common = [level for level in LEVELS if told[level] == every]
    return common[-1] if common else max(LEVELS, key=lambda level: len(told[level]))


def prepared_depth(study: Study) -> str | None:
    """Return the level at which "came prepared" is told: substantial, or as deep as the sources reach."""
    depth = best_depth(study)
    return "substantial" if depth == "completed" else depth


def reached(depth: str, thresholds: Thresholds) -> pl.Expr:
    """Return whether a fact, with its resource's ``length_min``, reaches a depth; see INDICATORS 1."""
    if depth == DECLARED:
        return pl.col("declared")
    if depth == "opened":
        return pl.col("n") > 0
    completed = pl.col("completed") | (pl.col("progress") >= thresholds.completed_share).fill_null(
        value=False
    )
    if depth == "completed":
        return completed
    length_ms = pl.col("length_min") * 60_000
    dwelt = (
        pl.when(length_ms > 0)
        .then(pl.col("milliseconds") >= thresholds.substantial_share * length_ms)
        .otherwise(pl.col("milliseconds") >= thresholds.dwell_s * 1000)
    )
    seen = pl.col("progress") >= thresholds.substantial_share
    return completed | dwelt.fill_null(value=False) | seen.fill_null(value=False)


def cells(question: Question, depth: str) -> pl.LazyFrame:
    """Return one row for each learner in L(s) and session (and resource, where they are told apart).

    Of a study that is not large they are made once for all questions, as long as the study lives.

    Returns
    -------
    LazyFrame
        The question's grouping columns, ``learner_id, cohort_id, session_id, starts_at``; ``owed`` (mandatory
        resources), ``known`` and, among these, ``done`` at `depth`; ``last_at`` of what was done. Where
        resources are not told apart also ``knowable``, resources whose window is covered, and, of these,
        ``offline``, downloaded and nothing else.
    """
    added = ("owed", "known", "done", "last_at", *(() if question.of_resources else ("knowable", "offline")))
    own = dict.fromkeys((*question.by, "learner_id", "cohort_id", "session_id", "starts_at"))
    count = _one_by_one if question.of_resources else _counted
    study, present = question.study, rostered(question.study)
    if is_small(study):
        asked = ("cells", depth, question.of_resources)
        every = once(study, asked, lambda: count(study, present, known_from(study, depth), depth))
        return every.select(*own, *added)
    kept = [name for name in present.collect_schema().names() if name in own]
    found = count(study, present.select(*kept, "enrolled", "learner_traced"), known_from(study, depth), depth)
    return found.select(*own, *added)


def rostered(study: Study, kind: str = "session") -> pl.LazyFrame:
    """Return L(s) with what decides if traces are known: ``enrolled`` (µs), ``learner_traced``."""
    return roster(study, kind).with_columns(
        pl.col("enrolled_at").dt.epoch("us").fill_null(BEFORE_ALL).alias("enrolled"),
        (pl.col("tracking") == "traced").alias("learner_traced"),
    )


def knowable(
    present: pl.LazyFrame, needed: pl.LazyFrame, cell: Sequence[str] = ("learner_id", "session_id")
) -> pl.LazyFrame:
    """Return by learner and session how many resources are ``knowable``, of those of `known_from`."""
    alike = needed.group_by("session_id", "known_from").agg(pl.len().cast(pl.Int64).alias("resources"))
    return (
        present.select(*dict.fromkeys((*cell, "session_id", "enrolled", "learner_traced")))
        .join(alike, on="session_id", how="inner")
        .filter(is_known())
        .group_by(cell)
        .agg(pl.col("resources").sum().alias("knowable"))
    )


def is_known(known_from: str = "known_from") -> pl.Expr:
    """Return whether a learner of `rostered` is known on a pair of `known_from`."""
    return (pl.col("learner_traced") & (pl.col("enrolled") >= pl.col(known_from))).fill_null(value=False)


def _evidence(study: Study, needed: pl.LazyFrame, depth: str) -> pl.LazyFrame:
    """Facts on mandatory preparation: done at `depth`, or only taken away (downloaded and nothing else)."""
    return (
        facts.of_study(study)
        .join(needed.select(*_PAIR, "length_min", "known_from"), on=_PAIR, how="inner")
        .select(
            "learner_id",
            *_PAIR,
            "known_from",
            "last_at",
            reached(depth, study.thresholds).alias("done"),
            ((pl.col("n") > 0) & (pl.col("n") == pl.col("downloads"))).alias("offline"),
        )
    )


def _one_by_one(study: Study, present: pl.LazyFrame, needed: pl.LazyFrame, depth: str) -> pl.LazyFrame:
    evidence = _evidence(study, needed, depth).drop("known_from")
    known = is_known() & ~pl.col("offline").fill_null(value=False)
    done = known & pl.col("done").fill_null(value=False)
    return (
        present.join(needed.select(*_PAIR, "known_from"), on="session_id", how="inner")
        .join(evidence, on=["learner_id", *_PAIR], how="left")
        .with_columns(
            pl.lit(1, pl.Int64).alias("owed"),
            known.cast(pl.Int64).alias("known"),
            done.cast(pl.Int64).alias("done"),
            pl.when(done).then(pl.col("last_at")).alias("last_at"),
        )
    )


def _counted(study: Study, present: pl.LazyFrame, needed: pl.LazyFrame, depth: str) -> pl.LazyFrame:
    # Numbered once, cells are gathered and joined by one small integer in place of learner and session.
    cells = present.collect(engine="streaming").with_row_index(_CELL).lazy()
    owed = needed.group_by("session_id").agg(pl.len().cast(pl.Int64).alias("owed"))
    shown = pl.col("done") & ~pl.col("offline")
    seen = (
        _evidence(study, needed, depth)
        .join(
            cells.select(_CELL, "learner_id", "session_id", "enrolled", "learner_traced"),
            on=["learner_id", "session_id"],
            how="inner",
        )
        .filter(is_known())
        .group_by(_CELL)
        .agg(
            pl.col("offline").cast(pl.Int64).sum(),
            shown.cast(pl.Int64).sum().alias("done"),
            pl.col("last_at").filter(shown).max(),
        )
    )
    return (
        cells.join(owed, on="session_id", how="left")
        .join(knowable(cells, needed, [_CELL]), on=_CELL, how="left")
        .join(seen, on=_CELL, how="left")
        .with_columns(pl.col("owed", "knowable", "offline", "done").fill_null(0))
        .with_columns((pl.col("knowable") - pl.col("offline")).alias("known"))
    )
