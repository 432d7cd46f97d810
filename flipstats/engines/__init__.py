"""Stage one on an engine of one's choice, on a study folder or on tables that lie elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats import facts
from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.engines import duck, local, spark
from flipstats.engines.tables import COLUMNS, Engine, check_ids, opened, with_local_lateness
from flipstats.errors import ParameterError, StudyError, did_you_mean
from flipstats.i18n import number, t
from flipstats.store import FACTS
from flipstats.study import Study

NAMES = ("polars", "pandas", "duckdb", "spark")


@dataclass(frozen=True, slots=True)
class Made:
    """What a run of stage one gave.

    Attributes
    ----------
    engine : str
    rows : int
        Facts: one a learner, session and resource.
    learners : int
        Learners with any fact.
    events, late : int
        Consulting events before their session, and after its start.
    seconds : float
        Wall time, without the start of the engine.
    file : Path or None
        Where they were written.
    """

    engine: str
    rows: int
    learners: int
    events: int
    late: int
    seconds: float
    file: Path | None

    def __str__(self) -> str:
        counts = {name: number(getattr(self, name), 0) for name in ("learners", "events", "late")}
        said = t("engines.made", n=self.rows, rows=number(self.rows, 0), engine=self.engine, **counts)
        return said + "\n" + (t("engines.written", file=self.file) if self.file else t("engines.not_written"))

    def to_dict(self) -> dict:
        """Return what ``flipstats facts --json`` prints."""
        counts = {name: getattr(self, name) for name in ("engine", "rows", "learners", "events", "late")}
        return {**counts, "seconds": round(self.seconds, 3), "facts": self.file and str(self.file)}


def make(
    engine: str = "polars",
    *,
    study: Study | None = None,
    places: dict[str, str] | None = None,
    out: Path | None = None,
    timezone: str | None = None,
    master: str | None = None,
    database: str | None = None,
) -> Made:
    """Run stage one.

    Parameters
    ----------
    engine : {"polars", "pandas", "duckdb", "spark"}
    study : Study, optional
        As `flipstats.open_study` opens it; its tables are used where `places` names no other.
    places : dict, optional
        Table name (events, enrolments, sessions, plan) to a Parquet or CSV path, or to a name in the
        engine's catalogue.
    out : Path, optional
        Parquet file to write: the columns of `flipstats.facts.facts`, ids of the tables, UTC times.
    timezone : str, optional
        IANA zone by whose days lateness ends, where there is no study; days of 24 h without it.
    master : str, optional
        Of Spark.
    database : str, optional
        A DuckDB file.

    Raises
    ------
    ParameterError, InputError, SchemaError, StudyError

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> make(study=study()).rows
    11
    """
    places = places or {}
    if engine not in NAMES:
        near = did_you_mean(engine, NAMES) or ", ".join(NAMES)
        raise ParameterError(t("engines.unknown", found=engine, known=near))
    if study is not None and study.role != "research":
        raise StudyError(t("engines.of_export", role=study.role))
    if study is None and (missing := [name for name in COLUMNS if name not in places]):
        raise ParameterError(t("engines.table_missing", table=missing[0]))
    with _session(engine, master, database) as running:
        begun = time.perf_counter()
        thresholds = study.thresholds if study is not None else DEFAULTS
        if study is not None and study.store is not None and not places:
            chunks = _of_store(running, study)
        else:
            chunks = map(
                _with_times, running.made(_tables(running, study, places, timezone, thresholds), thresholds)
            )
        return _written(chunks, engine, out, begun)


@contextmanager
def _session(engine: str, master: str | None, database: str | None) -> Iterator[Engine]:
    if master is not None and engine != "spark":
        raise ParameterError(t("engines.only_for", option="--master", engine="spark"))
    if database is not None and engine != "duckdb":
        raise ParameterError(t("engines.only_for", option="--database", engine="duckdb"))
    if engine == "spark":
        with spark.session(master) as started:
            yield spark.Spark(started)
    elif engine == "duckdb":
        with duck.session(database) as running:
            yield running
    else:
        yield local.Polars() if engine == "polars" else local.Pandas()


def _tables(
    engine: Engine, study: Study | None, places: dict[str, str], zone: str | None, thresholds: Thresholds
) -> dict[str, object]:
    """Return the four tables as stage one takes them, those that are named and those of the study."""
    found = opened(engine, places)
    for name, columns in COLUMNS.items():
        if name not in found:
            times = [column for column, kind in columns.items() if kind == "time"]
            mine = study.table(name).select(*columns).with_columns(pl.col(times).dt.epoch("us"))
            found[name] = engine.give(mine.collect(engine="streaming"))
    check_ids(found)
    zone = study.programme.timezone if study is not None else zone
    if zone is not None:
        found["sessions"] = with_local_lateness(engine, found["sessions"], zone, thresholds)
    return {name: found[name] for name in COLUMNS}


def _of_store(engine: Engine, study: Study) -> Iterator[pl.DataFrame]:
    """Make facts of the stored integers, bucket by bucket where the engine holds all in memory."""
    small = {name: frame.collect() for name, frame in facts.coded(study).items()}
    files = study.store.event_files()
    parts = [[file] for file in files] if engine.name in ("polars", "pandas") else [files]
    for part in parts:
        tables = {"events": engine.scan(part)} | {name: engine.give(frame) for name, frame in small.items()}
        for chunk in engine.made(tables, study.thresholds):
            physical = chunk.lazy().with_columns(pl.col(facts.KEYS).cast(pl.UInt32))
            yield study.store.decode(physical, FACTS).collect()


def _with_times(chunk: pl.DataFrame) -> pl.DataFrame:
    return facts.with_instants(chunk.lazy()).collect()


def _written(chunks: Iterable[pl.DataFrame], engine: str, out: Path | None, begun: float) -> Made:
    """Write facts as they come; a file that is there is replaced when the last is written."""
    rows = events = late = 0
    who, draft = [], out and out.with_name(f".{out.name}.draft")
    try:
        with _file(draft) as write:
            for chunk in chunks:
                rows, events = rows + chunk.height, events + (chunk["n"].sum() or 0)
                late += chunk["late_n"].sum() or 0
                who.append(chunk["learner_id"].unique())
                write(chunk)
        if out is not None:
            os.replace(draft, out)
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    learners = pl.concat(who).n_unique() if who else 0
    return Made(engine, rows, learners, int(events), int(late), time.perf_counter() - begun, out)


@contextmanager
def _file(path: Path | None) -> Iterator:
    if path is None:
        yield list  # nothing is kept
        return
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None

    def write(chunk: pl.DataFrame) -> None:
        nonlocal writer
        whole = chunk.select(facts.COLUMNS).with_columns(pl.col(pl.Float64).fill_nan(None)).cast(facts.TYPES)
        table = whole.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
