"""What became of every record: read = kept + merged + set aside, source by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flipstats import schema
from flipstats.build.events import Events, conformed
from flipstats.readers.base import Pieces

if TYPE_CHECKING:
    from flipstats.build import SourceReading

_NO_RECORDS = pl.DataFrame(schema={"record": pl.Int64})


class Accounts:
    """The accounts of the sources, settled one after the other and written to a folder.

    Parameters
    ----------
    dropped : mapping of str to list of DataFrame
        By source, ``record, reason`` of the rows the build could not take; ``merged:`` before a reason says
        that another row has what they say.
    kept : sequence of DataFrame
        The tables whose rows come from records, without the events.
    """

    def __init__(
        self,
        spool: Path,
        dropped: Mapping[str, list[pl.DataFrame]],
        kept: Sequence[pl.DataFrame],
        events: Events,
    ) -> None:
        self._folder = spool / "account"
        self._folder.mkdir()
        self._files: list[Path] = []
        self._dropped, self._events = dropped, events
        records = pl.concat([table.select("source_id", "record") for table in kept]).unique()
        self._kept = records.partition_by("source_id", as_dict=True, include_key=False)

    def settle(self, source: SourceReading) -> pl.DataFrame:
        """Write down the fate of every record of a source; return its row of the table of sources."""
        account = source.reading.account
        lines = account.frame().unique(maintain_order=True)
        lines = pl.concat([lines, self._set_aside(source.source_id, lines)])
        lines = lines.sort("record", maintain_order=True)
        n = {o: lines.filter(pl.col("outcome") == o)["record"].n_unique() for o in ("merged", "set_aside")}
        row = {
            "source_id": source.source_id,
            "file": source.path.name,
            "sha256": source.sha256,
            "format": source.reading.format,
            "language": source.reading.language,
            "timezone": source.reading.timezone,
            "cohort_id": source.source.cohort,
            "covers_to": source.reading.covers_to,
            "rows_read": account.read,
            "rows_kept": account.read - n["merged"] - n["set_aside"],
            "rows_merged": n["merged"],
            "rows_set_aside": n["set_aside"],
        }
        if lines.height:
            self._files.append(self._folder / f"{len(self._files):06d}.parquet")
            conformed("account", lines, source).write_parquet(self._files[-1], compression="lz4")
        spec = schema.TABLES["sources"].by_name
        return pl.DataFrame([row], schema={column: spec[column].dtype for column in row})

    def _set_aside(self, source_id: str, lines: pl.DataFrame) -> pl.DataFrame:
        """Return the fate of records none of whose rows is in the study, for the first reason met."""
        parts = self._dropped.get(source_id)
        if not parts:
            return lines.clear()
        dropped = pl.concat(parts).unique("record", keep="first", maintain_order=True)
        kept = pl.concat(
            [self._kept.get((source_id,), _NO_RECORDS), self._events.records(source_id, dropped)]
        )
        settled = lines.filter(pl.col("outcome") != "note")
        merged = pl.col("reason").str.starts_with("merged:")
        return (
            dropped.join(kept, on="record", how="anti", maintain_order="left")
            .join(settled, on="record", how="anti", maintain_order="left")
            .select(
                "record",
                pl.when(merged).then(pl.lit("merged")).otherwise(pl.lit("set_aside")).alias("outcome"),
                pl.col("reason").str.strip_prefix("merged:"),
            )
            .cast(lines.schema)
        )

    def table(self) -> pl.LazyFrame | None:
        """Return every line, to be scanned; None where there is none."""
        return Pieces(tuple(self._files)).lazy() if self._files else None
