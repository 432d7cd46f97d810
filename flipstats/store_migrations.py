"""Snapshots of older layouts, read as the present one; what lies on disk is not touched.

A study folder may be read-only or shared, so nothing is rewritten behind anybody's back: each new layout has
a step here that brings a table to it, as it is read. The next build or save writes the present one.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flipstats.schema import TABLES, VERBS

OLDEST = 1  # the first layout that is still read


def read(snapshot: Path, table: str, layout: int, present: int) -> pl.LazyFrame:
    """Return a table of a snapshot as the present layout has it: ids and verbs as numbers, times in µs.

    Parameters
    ----------
    layout, present : int
        The layout of the snapshot, at least `OLDEST`, and that of this program.
    """
    files = snapshot / "events" / "bucket-*.parquet" if table == "events" else snapshot / f"{table}.parquet"
    if layout == present:
        return pl.scan_parquet(files)
    if table != "events" and not files.exists():
        return _complete(pl.LazyFrame(), table)
    return upgraded(pl.scan_parquet(files), table, layout, present)


def upgraded(frame: pl.LazyFrame, table: str, layout: int, present: int) -> pl.LazyFrame:
    """Bring a table, or a part of it, from an older layout to the present one, step by step."""
    for step in range(layout, present):
        frame = _STEPS[step](frame, table)
    return _complete(frame, table) if layout < present else frame


def _verbs_as_numbers(frame: pl.LazyFrame, table: str) -> pl.LazyFrame:
    """From layout 1, where verbs are text, to 2, where they are their position in `VERBS`."""
    if table != "events":
        return frame
    return frame.with_columns(pl.col("verb").cast(pl.Enum(VERBS)).to_physical())


_STEPS = {1: _verbs_as_numbers}


def _complete(frame: pl.LazyFrame, table: str) -> pl.LazyFrame:
    """Add the columns that a table has been given since, empty."""
    if table not in TABLES:
        return frame
    names = frame.collect_schema().names()
    types = {"id": pl.UInt32, "time": pl.Int64}
    absent = [column for column in TABLES[table].columns if column.name not in names]
    empty = [pl.lit(None, types.get(c.kind, c.dtype)).alias(c.name) for c in absent]
    if not names:
        return pl.LazyFrame(schema={c.name: types.get(c.kind, c.dtype) for c in absent})
    return frame.with_columns(empty)
