"""The events of a build: written piece by piece as they are resolved, never all in memory.

What the rest of the build asks of them (who and what was seen, enrolments in a log, until when) is gathered
on the way.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flipstats import schema
from flipstats.readers.base import Pieces

if TYPE_CHECKING:
    from flipstats.build import SourceReading

_DATED = ("enrolled", "unenrolled")
_TOLD = {"resource_id": pl.String, "in_part": pl.Boolean, "whole": pl.Boolean}
_ENROLMENTS = {"learner_id": pl.String, "at": schema.TIME, "verb": pl.String, "source_id": pl.String}


def conformed(name: str, frame: pl.DataFrame, source: SourceReading | None) -> pl.DataFrame:
    """Bring rows to a table of the schema, without the columns it does not know."""
    spec = schema.TABLES[name]
    if source is not None and "source_id" in spec.by_name:
        frame = frame.with_columns(source_id=pl.lit(source.source_id))
    known = [c for c in frame.columns if c in spec.by_name or (spec.extra and c.startswith("x_"))]
    return schema.conform(name, frame.select(known)).collect()


class Seen:
    """What the events of one source show, besides themselves.

    Attributes
    ----------
    n : int
        How many there are.
    last : datetime or None
        When the last one was.
    learners : set of str
        Who opened or completed anything.
    told : DataFrame
        ``resource_id, in_part, whole``: what was opened or completed, in the order of first appearance, and
        whether anything says how much of it, and whether all of it.
    """

    def __init__(self) -> None:
        self.n = 0
        self.last = None
        self.learners: set[str] = set()
        self.told = pl.DataFrame(schema=_TOLD)

    @property
    def any_consulted(self) -> bool:
        """Whether anything was opened or completed, by anybody."""
        return self._consulted > 0

    _consulted = 0

    def add(self, events: pl.DataFrame) -> None:
        """Take in some more events, with the columns of the schema."""
        self.n += events.height
        last = events["at"].max()
        self.last = last if self.last is None else max(self.last, last)
        seen = events.filter(pl.col("verb").is_in([*schema.OPENING_VERBS, *schema.COMPLETING_VERBS]))
        self._consulted += seen.height
        self.learners.update(seen["learner_id"].unique().drop_nulls())
        measured = pl.any_horizontal(pl.col("seconds", "progress").is_not_null())
        done = pl.col("verb").is_in(schema.COMPLETING_VERBS) | pl.col("progress").is_not_null()
        told = seen.drop_nulls("resource_id").select("resource_id", in_part=measured | done, whole=done)
        self.told = (
            pl.concat([self.told, told])
            .group_by("resource_id", maintain_order=True)
            .agg(pl.col("in_part", "whole").any())
        )


class Events:
    """The events taken so far, in files of a folder beside others of the build.

    Attributes
    ----------
    seen : dict of str to Seen
        By source.
    resources : set of str
        Every resource an event is about.
    """

    def __init__(self, spool: Path) -> None:
        self._folder = spool / "events"
        self._folder.mkdir()
        self._files: dict[str, list[Path]] = defaultdict(list)
        self._n = 0
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self.resources: set[str] = set()
        self._enrolments = [pl.DataFrame(schema=_ENROLMENTS)]

    def add(self, source_id: str, events: pl.DataFrame) -> None:
        """Write down some events of a source, with the columns of the schema."""
        if events.is_empty():
            return
        file = self._folder / f"{self._n:06d}.parquet"
        events.write_parquet(file, compression="lz4")
        self._n += 1
        self._files[source_id].append(file)
        self.seen[source_id].add(events)
        self.resources.update(events["resource_id"].unique().drop_nulls())
        self._enrolments.append(events.filter(pl.col("verb").is_in(_DATED)).select(*_ENROLMENTS))

    def enrolments(self) -> pl.DataFrame:
        """Return who was enrolled or taken off the course, when, and which source says so."""
        return pl.concat(self._enrolments)

    def records(self, source_id: str, among: pl.DataFrame) -> pl.DataFrame:
        """Return which of some records of a source have an event."""
        found = [pl.DataFrame(schema={"record": pl.Int64})]
        for piece in self._files.get(source_id, ()):
            found.append(
                pl.scan_parquet(piece).select("record").join(among.lazy(), on="record", how="semi").collect()
            )
        return pl.concat(found).unique()

    def table(self) -> pl.LazyFrame | None:
        """Return all of them, source by source; None where there are none."""
        files = [file for files in self._files.values() for file in files]
        return Pieces(tuple(files)).lazy() if files else None
