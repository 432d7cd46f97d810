"""Windows of time other than that of preparation: which of them the sources cover."""

from __future__ import annotations

import polars as pl

from flipstats.indicators.cells import covering
from flipstats.study import Study

_PAIR = ["session_id", "resource_id"]


def covered_windows(study: Study, windows: pl.LazyFrame, depth: str) -> pl.LazyFrame:
    """Return the windows that sources which tell `depth` cover from end to end.

    Parameters
    ----------
    windows : LazyFrame
        ``session_id, resource_id, cohort_id, traced``, and ``opens, closes`` (UTC), one row a session and
        resource. A resource that is not traced is covered by nothing.

    Returns
    -------
    LazyFrame
        ``session_id, resource_id, covered`` (true), of the covered ones only.
    """
    opens, closes = pl.col("opens").dt.epoch("us"), pl.col("closes").dt.epoch("us")
    pairs = windows.with_columns(opens.alias("starts"), closes.alias("late_until"))
    pieces = covering(pairs, study, depth)
    order = {"order_by": ["from", "until"]}
    reached = pl.col("until").cum_max().shift(1).over(_PAIR, **order)
    block = (pl.col("from") > reached).fill_null(value=False).cum_sum().over(_PAIR, **order)
    return (
        pieces.with_columns(block.alias("block"))
        .group_by(*_PAIR, "block")
        .agg(pl.col("from").min(), pl.col("until").max(), pl.col("starts", "late_until").first())
        .filter(pl.col("from") <= pl.col("starts"), pl.col("late_until") <= pl.col("until"))
        .select(*_PAIR, pl.lit(value=True).alias("covered"))
        .unique()
    )
