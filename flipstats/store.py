"""How a study lies on disk: immutable snapshots of Parquet files behind one pointer file.

Ids are coded to 32-bit integers through code books, verbs to their position in `schema.VERBS`, times are
Int64 microseconds since 1970 UTC, and events lie in learner buckets, sorted by learner and time: stage one
then reads integers only, bucket by bucket. A snapshot is written whole beside the others and becomes current
when the pointer is replaced; killed before that, the previous study is intact.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from flipstats import schema, store_migrations
from flipstats.errors import StudyError
from flipstats.i18n import t

FORMAT_VERSION = 2  # raised with every change of layout, the columns of stored facts included
BUCKETS = 16  # at least
_BUCKET_ROWS = 2_000_000  # about; of more events more buckets are made
_PIECE = 250_000  # events that are coded at a time
POINTER = "CURRENT"
SNAPSHOTS = "snapshots"
KEPT_SNAPSHOTS = 2
_DRAFT = ".draft-"
_STALE_SECONDS = 86_400
_BOOKS = {
    column.refers_to.split(".")[1] if column.refers_to else column.name
    for spec in schema.TABLES.values()
    for column in spec.columns
    if column.kind == "id"
}

_VERB = pl.Enum(schema.VERBS)  # a verb lies as its position there: new ones go to the end
_PASS_BYTES = 16_000_000  # of buckets that are read in one go: to begin costs more than to read a small one
_ORDER = ("learner_id", "at", "source_id", "record")  # one order, whatever the engine did in parallel


def _book(column: schema.Column) -> str:
    return column.refers_to.split(".")[1] if column.refers_to else column.name


# ---------------------------------------------------------------------------------------------- writing


def write_snapshot(
    folder: Path,
    tables: Mapping[str, pl.LazyFrame],
    definition: dict,
    facts: Callable[[Store], Iterable[pl.DataFrame]] | None = None,
) -> Path:
    """Write checked tables as a new snapshot of `folder`, and make it the current one.

    Parameters
    ----------
    folder : Path
        The study folder; made where absent.
    tables : mapping of str to LazyFrame
        All tables of the schema, logical, as `schema.validate` gives them; ``facts`` may be among them.
    definition : dict
        The public study file and provenance, JSON-able; names nobody.
    facts : callable, optional
        Makes stage one from the snapshot as it lies, with coded ids and times, in parts of whole buckets.

    Returns
    -------
    Path
        The snapshot's folder.
    """
    home = folder / SNAPSHOTS
    home.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.name[:6]) for p in home.iterdir() if p.name[:6].isdigit()), default=0)
    name = f"{number:06d}-{secrets.token_hex(4)}"
    draft = home / f"{_DRAFT}{name}"
    try:
        buckets = _write_tables(draft, tables)
        manifest = {"format_version": FORMAT_VERSION, "definition": definition}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=1, default=str), encoding="utf-8")
        if facts is not None:
            _write_facts(draft, facts(Store(folder, draft)), buckets)
        for file in draft.rglob("*"):
            if file.is_file():
                _flush(file)
        draft.rename(home / name)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    _point(folder, name)
    _prune(home, name)
    return home / name


@contextmanager
def spool_beside(folder: Path) -> Iterator[Path]:
    """Give a folder for what is written on the way to a snapshot of `folder`; it is gone after.

    What a killed run left is removed too, once it is a day old: another run may be at work.
    """
    home = folder / SNAPSHOTS
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{_DRAFT}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    spool = Path(tempfile.mkdtemp(prefix=f"{_DRAFT}spool-", dir=home))
    try:
        yield spool
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def _write_tables(draft: Path, tables: Mapping[str, pl.LazyFrame]) -> int:
    """Write the tables; returns in how many buckets the events lie."""
    n = tables["events"].select(pl.len()).collect(engine="streaming").item()
    buckets = max(BUCKETS, -(-n // _BUCKET_ROWS))
    (draft / "codes").mkdir(parents=True)
    books = {name: _code_book(name, tables) for name in sorted(_BOOKS)}
    for name, book in books.items():
        book.write_parquet(draft / "codes" / f"{name}.parquet")
    for name, frame in tables.items():
        coded = code(frame, books, _columns(name))
        if name == "events":
            _write_buckets(draft / "events", coded, buckets)
        elif name == "facts":
            _write_facts(draft, [coded.collect(engine="streaming")], buckets)
        else:
            coded.sink_parquet(draft / f"{name}.parquet", maintain_order=True)
    return buckets


def _write_facts(draft: Path, parts: Iterable[pl.DataFrame], buckets: int) -> None:
    """Write facts a part at a time: in one order, however many buckets there are in a part."""
    folder = draft / ".facts"
    folder.mkdir()
    for position, part in enumerate(parts):
        part.sort(_bucket(buckets), *FACTS_ORDER).write_parquet(folder / f"{position:06d}.parquet")
    pl.scan_parquet(folder).sink_parquet(draft / "facts.parquet", maintain_order=True)
    shutil.rmtree(folder)


def _bucket(buckets: int) -> pl.Expr:
    return pl.col("learner_id").fill_null(0) % buckets


def _write_buckets(folder: Path, events: pl.LazyFrame, buckets: int) -> None:
    """Spread coded events over the buckets, a piece at a time, then sort each bucket."""
    bucket = _bucket(buckets).alias("·bucket")
    pieces = events.collect_batches(chunk_size=_PIECE, maintain_order=True)
    parts = folder / ".parts"
    for number in range(buckets):
        (parts / f"{number}").mkdir(parents=True)
        events.clear().collect().write_parquet(parts / f"{number}" / "empty.parquet")
    for position, piece in enumerate(pieces):
        split = piece.with_columns(bucket).partition_by("·bucket", as_dict=True, include_key=False)
        for (number,), rows in split.items():
            rows.write_parquet(parts / f"{number}" / f"{position:06d}.parquet", compression="lz4")
    for number in range(buckets):
        rows = pl.read_parquet(parts / f"{number}" / "*.parquet").sort(*_ORDER, maintain_order=True)
        rows.write_parquet(folder / f"bucket-{number:04d}.parquet")
    shutil.rmtree(parts)


def _code_book(name: str, tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Number every id of a kind; of columns that refer to a table only what is not in it is gathered."""
    columns = [
        (column.refers_to is not None, tables[table].select(pl.col(column.name).alias(name)).drop_nulls())
        for table in tables
        for column in _columns(table)
        if column.kind == "id" and _book(column) == name
    ]
    own = pl.concat([ids for refers, ids in columns if not refers]).unique().collect(engine="streaming")
    others = [
        ids.join(own.lazy(), on=name, how="anti").unique().collect(engine="streaming")
        for refers, ids in columns
        if refers
    ]
    values = pl.concat([own, *others]).unique().sort(name)
    return values.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias("code"))


def _columns(table: str) -> tuple[schema.Column, ...]:
    if table == "answers":  # no ids of learners, no times
        return ()
    return FACTS if table == "facts" else schema.TABLES[table].columns


def code(
    frame: pl.LazyFrame, books: Mapping[str, pl.DataFrame], columns: tuple[schema.Column, ...]
) -> pl.LazyFrame:
    """Turn a logical frame into a physical one: ids to codes, times to Int64 microseconds."""
    names = frame.collect_schema().names()
    for column in columns:
        if column.kind == "id" and column.name in names:
            book = (
                books[_book(column)]
                .lazy()
                .select(pl.nth(0).alias(column.name), pl.col("code").alias("·code"))
            )
            frame = (
                frame.join(book, on=column.name, how="left", maintain_order="left")
                .with_columns(pl.col("·code").alias(column.name))
                .drop("·code")
            )
        elif column.kind == "time" and column.name in names:
            frame = frame.with_columns(pl.col(column.name).dt.epoch("us"))
        elif column.name == "verb" and column.name in names:
            frame = frame.with_columns(pl.col("verb").cast(_VERB).to_physical())
    return frame.select(names)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(folder: Path, name: str) -> None:
    draft = folder / f".{POINTER}-{name}"
    draft.write_text(name + "\n", encoding="ascii")
    _flush(draft)
    os.replace(draft, folder / POINTER)
    _flush(folder)


def _prune(home: Path, current: str) -> None:
    finished = sorted(p for p in home.iterdir() if p.name[:6].isdigit() and p.name <= current)
    for old in finished[:-KEPT_SNAPSHOTS]:
        shutil.rmtree(old, ignore_errors=True)


# ---------------------------------------------------------------------------------------------- reading


class Store:
    """One snapshot, read lazily.

    Attributes
    ----------
    path : Path
        The snapshot's folder.
    definition : dict
        The public study file and provenance it was built with.

    Notes
    -----
    With `coded`, ids of logical tables are of a polars Enum, one for each kind of id, in place of text: they
    look and sort alike, and are looked up and compared as the integers that lie in the files.
    """

    def __init__(self, folder: Path, path: Path | None = None, *, coded: bool = False) -> None:
        """Open the current snapshot of a study folder, or the one at `path`."""
        self.path = path or folder / SNAPSHOTS / _current(folder)
        self._coded = coded
        self._kinds: dict[str, pl.Enum] = {}
        try:
            manifest = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            raise StudyError(t("study.damaged", folder=folder)) from error
        self.layout: int = manifest["format_version"]
        if not store_migrations.OLDEST <= self.layout <= FORMAT_VERSION:
            raise StudyError(t("study.other_version", found=self.layout, expected=FORMAT_VERSION))
        self.definition: dict = manifest["definition"]

    def physical(self, table: str) -> pl.LazyFrame:
        """Return a table as it lies: ids are UInt32 codes, times Int64 microseconds."""
        return store_migrations.read(self.path, table, self.layout, FORMAT_VERSION)

    def has(self, table: str) -> bool:
        """Return whether the snapshot holds a table."""
        return (self.path / f"{table}.parquet").exists()

    def event_files(self) -> list[Path]:
        """Return the files of the buckets; a learner's events are all in one."""
        return sorted((self.path / "events").glob("bucket-*.parquet"))

    def event_parts(self) -> Iterator[pl.LazyFrame]:
        """Yield the events as the schema states them, bucket by bucket."""
        return (self.decode(part, _columns("events")) for part in self.buckets())

    def buckets(self) -> Iterator[pl.LazyFrame]:
        """Yield the events bucket by bucket, small buckets together."""
        together, size = [], 0
        for file in self.event_files():
            bytes_here = file.stat().st_size
            if together and size + bytes_here > _PASS_BYTES:
                yield self._bucket(together)
                together, size = [], 0
            together.append(file)
            size += bytes_here
        if together:
            yield self._bucket(together)

    def _bucket(self, files: list[Path]) -> pl.LazyFrame:
        return store_migrations.upgraded(pl.scan_parquet(files), "events", self.layout, FORMAT_VERSION)

    def book(self, name: str) -> pl.LazyFrame:
        """Return a code book: the id and its ``code``."""
        return pl.scan_parquet(self.path / "codes" / f"{name}.parquet")

    def as_coded(self) -> Store:
        """Return the same snapshot with ids of an Enum in its logical tables."""
        return self if self._coded else Store(self.path.parents[1], self.path, coded=True)

    def _kind(self, name: str) -> pl.Enum:
        if name not in self._kinds:
            self._kinds[name] = pl.Enum(self.book(name).select(pl.nth(0)).collect().to_series())
        return self._kinds[name]

    def encode(self, frame: pl.LazyFrame, table: str) -> pl.LazyFrame:
        """Turn a logical frame of this snapshot into codes and microseconds; times that are numbers stay."""
        types = frame.collect_schema()
        enums = [c.name for c in _columns(table) if c.kind == "id" and types.get(c.name) == pl.Enum]
        columns = tuple(
            c
            for c in _columns(table)
            if c.name not in enums and (c.kind == "id" or types.get(c.name) == schema.TIME)
        )
        books = {_book(c): self.book(_book(c)).collect() for c in columns if c.kind == "id"}
        numbered = frame.with_columns(pl.col(enums).to_physical().cast(pl.UInt32) + 1)
        return code(numbered, books, columns)

    def logical(self, table: str) -> pl.LazyFrame:
        """Return a table as the schema states it: string ids, UTC times."""
        return self.decode(self.physical(table), _columns(table))

    def decode(self, frame: pl.LazyFrame, columns: tuple[schema.Column, ...]) -> pl.LazyFrame:
        """Turn a physical frame into a logical one."""
        names = frame.collect_schema().names()
        for column in columns:
            if column.kind == "id" and column.name in names and self._coded:
                frame = frame.with_columns((pl.col(column.name) - 1).cat.to(self._kind(_book(column))))
            elif column.kind == "id" and column.name in names:
                book = self.book(_book(column)).select(
                    pl.nth(0).alias("·id"), pl.col("code").alias(column.name)
                )
                frame = (
                    frame.join(book, on=column.name, how="left", maintain_order="left")
                    .with_columns(pl.col("·id").alias(column.name))
                    .drop("·id")
                )
            elif column.kind == "time" and column.name in names:
                frame = frame.with_columns(pl.from_epoch(column.name, "us").dt.replace_time_zone("UTC"))
            elif column.name == "verb" and column.name in names:
                verb = pl.col("verb").cast(pl.UInt8).cat.to(_VERB)
                frame = frame.with_columns(verb if self._coded else verb.cast(pl.String))
        return frame.select(names)


def _current(folder: Path) -> str:
    try:
        return (folder / POINTER).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise StudyError(t("study.not_built", folder=folder)) from None


FACTS_ORDER = ("learner_id", "session_id", "resource_id")
FACTS = (
    schema.Column("learner_id", "id", refers_to="learners.learner_id"),
    schema.Column("session_id", "id", refers_to="sessions.session_id"),
    schema.Column("resource_id", "id", refers_to="resources.resource_id"),
    schema.Column("first_at", "time"),
    schema.Column("last_at", "time"),
    schema.Column("late_first_at", "time"),
)
