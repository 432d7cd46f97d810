"""What every reader gives: canonical tables and an account of every record.

A reader is a module with ``FORMAT`` (its name) and ``read(file, context) -> Reading``. It never decides who
is a learner, which resource a title means or which session a meeting was: it gives *references* (`people`,
titles, course-module ids, times), and `build.py` resolves them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flipstats.i18n import Notice

PEOPLE = {"person": pl.String, "kind": pl.String, "value": pl.String}
PIECE = 500_000  # rows that are worked on at a time
IDENTITY_KINDS = ("email", "id", "idnumber", "username", "name", "group", "role", "lms_id", "mbox_sha1")


@dataclass(frozen=True, slots=True)
class Context:
    """What a file cannot say itself, from the study file or the command line."""

    timezone: str | None = None
    cohort: str | None = None
    mapping: Path | None = None
    language: str | None = None
    date_order: str | None = None  # day_first or month_first, where the file fits both
    day: dt.date | None = None  # where the file holds times of day only
    spool: Path | None = None  # a folder for tables that may be larger than memory


@dataclass(slots=True)
class Account:
    """Every record of one file: read = kept + merged + set aside.

    ``lines`` has one entry for each record that was merged or set aside, and for each note on a kept one:
    (record, outcome, reason), with `reason` a key of the catalogue area ``reasons``; ``blocks`` holds the
    same for many records at once. Both together: `frame`. Where a folder is read as one export, ``files``
    has the name and number of records of each of its files, in the order in which records are numbered.
    """

    read: int = 0
    kept: int = 0
    lines: list[tuple[int, str, str]] = field(default_factory=list)
    blocks: list[tuple[pl.Series, str, str]] = field(default_factory=list)
    files: list[tuple[str, int]] = field(default_factory=list)

    def set_aside(self, record: int, reason: str) -> None:
        """Count one record as set aside."""
        self.lines.append((record, "set_aside", reason))

    def merge(self, record: int, reason: str) -> None:
        """Count one record as merged into another."""
        self.lines.append((record, "merged", reason))

    def note(self, record: int, reason: str) -> None:
        """Say something about a record that is kept (a cell left out, a time that was ambiguous)."""
        self.lines.append((record, "note", reason))

    def add_many(self, records: pl.Series, outcome: str, reason: str) -> None:
        """Say the same of many records at once (``set_aside``, ``merged`` or ``note``), as one column."""
        if len(records):
            self.blocks.append((records.cast(pl.Int64), outcome, reason))

    def count(self, outcome: str) -> int:
        """Return how many records had `outcome` (``merged``, ``set_aside`` or ``note``)."""
        return self.reasons(outcome).total()

    def reasons(self, outcome: str = "set_aside") -> Counter[str]:
        """Return how many records had `outcome`, by reason."""
        found = Counter(reason for _, which, reason in self.lines if which == outcome)
        for records, which, reason in self.blocks:
            if which == outcome:
                found[reason] += len(records)
        return found

    def frame(self) -> pl.DataFrame:
        """Return every line, single or of many, as ``record, outcome, reason``, by record."""
        schema = {"record": pl.Int64, "outcome": pl.String, "reason": pl.String}
        parts = [pl.DataFrame(self.lines, schema=schema, orient="row")]
        for records, outcome, reason in self.blocks:
            columns = [pl.lit(outcome).alias("outcome"), pl.lit(reason).alias("reason")]
            parts.append(records.alias("record").to_frame().with_columns(columns))
        return pl.concat(parts).sort("record", maintain_order=True)

    def place(self, record: int) -> tuple[str | None, int]:
        """Return the file and the record in it: records of a folder are numbered on, file after file.

        Examples
        --------
        >>> Account(files=[("courses.csv", 22), ("vle.csv", 6364)]).place(25)
        ('vle.csv', 3)
        """
        for file, length in self.files:
            if record <= length:
                return file, record
            record -= length
        return None, record

    @property
    def balanced(self) -> bool:
        """Whether read = kept + merged + set aside."""
        return self.read == self.kept + self.count("merged") + self.count("set_aside")


@dataclass(frozen=True, slots=True)
class Pieces:
    """A table that may be larger than memory: Parquet files, to be read one after the other."""

    files: tuple[Path, ...]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the rows, file by file."""
        for file in self.files:
            yield pl.read_parquet(file)

    def lazy(self) -> pl.LazyFrame:
        """Return the whole table, to be read when it is needed."""
        return pl.scan_parquet(list(self.files))


@dataclass(slots=True)
class Reading:
    """One export, read.

    Attributes
    ----------
    tables : dict of str to DataFrame
        Canonical columns (see `schema.py`) plus reference columns, all with ``record``:
        ``person`` instead of ``learner_id``; in ``events`` and ``resources`` ``resource`` (a key of
        this file: ``"cm:301"`` or ``"title:<normalised title>"``) instead of ``resource_id``; in ``attempts``
        ``assessment`` (a key of this file) instead of ``assessment_id``; in ``attendance`` ``meeting`` (a key
        of this file) instead of ``session_id``; in ``feedback`` too, where answers were given in a meeting.
        ``meetings`` has ``meeting, title, starts_at, ends_at``, and ``whole_day`` where only a day is known;
        ``absences`` (``person, starts_at, ends_at``) are justified ones.
        Times are UTC. Only tables with rows are present.
    pieces : dict of str to Pieces
        Tables that were written to ``Context.spool`` instead; no table is in both.
    people : DataFrame
        ``person, kind, value``: every identity this file gives for a person key of this file. Held in
        memory only; names and addresses leave the program here.
    levels, kinds : tuple of str
        Levels of consultation this source can tell, where the export itself or its mapping says so, and of
        which kinds of resource (empty: of all).
    covers_to : datetime or None
        Up to when this export speaks, and ``basis``: ``file_name``, ``last_event`` or ``declared``.
    """

    format: str
    tables: dict[str, pl.DataFrame]
    account: Account
    people: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PEOPLE))
    confidence: float = 1.0
    language: str | None = None
    timezone: str | None = None
    covers_from: object | None = None
    covers_to: object | None = None
    basis: str = "last_event"
    levels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    warnings: list[Notice] = field(default_factory=list)
    pieces: dict[str, Pieces] = field(default_factory=dict)

    def parts(self, table: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a table, a bounded number at a time; nothing where there is no such table."""
        if table in self.tables:
            yield from self.tables[table].iter_slices(PIECE)
        elif table in self.pieces:
            yield from self.pieces[table]


def people(rows: Iterable[tuple[str, str, str | None]]) -> pl.DataFrame:
    """Make the people frame from (person, kind, value) rows, leaving out empty values and repeats."""
    seen = {row: None for row in rows if row[2]}
    return pl.DataFrame(list(seen), schema=PEOPLE, orient="row")
