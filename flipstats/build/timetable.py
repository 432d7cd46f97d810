"""Planned times that the sheet leaves blank, from a calendar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from flipstats import schema
from flipstats.build.sheets import normal

if TYPE_CHECKING:
    from flipstats.build import SourceReading


def calendar_times(sources: list[SourceReading], sessions: pl.DataFrame) -> pl.DataFrame:
    """Find planned times in calendars: an entry names its cohort, and its rank in time is its number."""
    found = []
    for source in sources:
        entries = source.reading.tables.get("sessions")
        if entries is None or "cohort_id" in entries.columns:
            continue
        words = pl.concat_str(
            [
                pl.col(c).fill_null("")
                for c in entries.columns
                if entries[c].dtype == pl.String and c != "uid"  # whose letters mean nothing
            ],
            separator=" ",
        )
        texts = entries.with_columns(words.map_elements(normal, return_dtype=pl.String).alias("·text"))
        for cohort in sessions["cohort_id"].unique(maintain_order=True):
            # As a word: "G1" is not in "G10".
            named = pl.col("·text").str.contains(rf"(?:^|\W){re.escape(normal(cohort))}(?:\W|$)")
            mine = texts.filter(named).sort("starts_at")
            found += [
                (cohort, rank, start, end)
                for rank, (start, end) in enumerate(mine.select("starts_at", "ends_at").iter_rows(), start=1)
            ]
    times = pl.DataFrame(
        found,
        schema={"cohort_id": pl.String, "sequence": pl.Int64, "·starts": schema.TIME, "·ends": schema.TIME},
        orient="row",
    ).unique(["cohort_id", "sequence"], keep="first")
    return (
        sessions.select("session_id", "cohort_id", "sequence")
        .join(times, on=["cohort_id", "sequence"], how="left")
        .select("session_id", "·starts", "·ends")
    )
