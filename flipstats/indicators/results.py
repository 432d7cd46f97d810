"""What a study can tell of the results of assessments."""

from __future__ import annotations

import polars as pl


def with_results(attempts: pl.LazyFrame, *of: str, times: tuple[str, ...]) -> pl.LazyFrame:
    """Return, by assessment (and cohort), whether the study can tell who handed in when: ``held``.

    It can where, of the attempts there are, one has a time, and where every line says that there was none.
    Where no attempt has a time, all who handed in are unknown, and the others alone would make the rate 0.

    Parameters
    ----------
    attempts : LazyFrame
        Lines of the table, with the columns `of`.
    times : tuple of str
        The columns that tell when.
    """
    attempt = pl.col("missing_reason").is_null() | (pl.col("missing_reason") == "not_graded")
    timed = pl.any_horizontal(pl.col(*times).is_not_null())
    return attempts.group_by(of).agg(((attempt & timed).any() | ~attempt.any()).alias("held"))
