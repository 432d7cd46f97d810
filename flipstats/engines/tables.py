"""Foreign tables: what a data warehouse holds becomes what stage one takes.

Names, columns, types and keys are checked where the table lies. A time without a zone is refused: DuckDB and
Spark would compare it with instants and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import narwhals as nw
import polars as pl

from flipstats.conventions import Thresholds
from flipstats.errors import SchemaError, did_you_mean
from flipstats.facts import with_late_until
from flipstats.i18n import t
from flipstats.schema import VERBS

_ID, _TIME, _TEXT, _FLOAT = "id", "time", "text", "float"
COLUMNS = {
    "events": {
        "learner_id": _ID, "resource_id": _ID, "at": _TIME,
        "verb": _TEXT, "seconds": _FLOAT, "progress": _FLOAT,
    },
    "enrolments": {"learner_id": _ID, "cohort_id": _ID, "enrolled_at": _TIME},
    "sessions": {"session_id": _ID, "cohort_id": _ID, "starts_at": _TIME, "ends_at": _TIME},
    "plan": {"session_id": _ID, "resource_id": _ID, "phase": _TEXT, "released_at": _TIME},
}  # fmt: skip
KEYS = {
    "enrolments": ("learner_id", "cohort_id"),
    "sessions": ("session_id",),
    "plan": ("session_id", "resource_id", "phase"),
}
# What may be absent, and what stands in its place.
_ABSENT = {"seconds": None, "progress": None, "enrolled_at": None, "released_at": None, "phase": "pre"}
_TYPES = {_FLOAT: nw.Float64, _TIME: nw.Int64, _TEXT: nw.String}


class Engine(Protocol):
    """What an engine must be able to do, besides stage one itself."""

    name: str

    def open(self, table: str, where: str) -> object:
        """Return the frame of a table, lazy where the engine is."""

    def scan(self, files: list[Path]) -> object:
        """Open Parquet files as one frame."""

    def give(self, frame: pl.DataFrame) -> object:
        """Hand a local frame over."""

    def instants(self, frame: object, columns: list[str]) -> object:
        """Turn timestamps with a zone into Int64 microseconds since 1970 UTC."""

    def local(self, frame: object) -> pl.DataFrame:
        """Bring a frame here."""

    def made(self, tables: dict[str, object], thresholds: Thresholds) -> Iterable[pl.DataFrame]:
        """Run stage one and yield its rows."""


def opened(engine: Engine, places: dict[str, str]) -> dict[str, object]:
    """Open foreign tables and check them.

    Parameters
    ----------
    engine : Engine
    places : dict
        Table name to a path, an address or a name in the engine's catalogue.

    Raises
    ------
    SchemaError
        A column is missing or of a wrong type, a time has no zone, a key repeats, a verb is unknown.
    """
    found = {name: _shaped(engine, name, engine.open(name, where)) for name, where in places.items()}
    for name, frame in found.items():
        _check_key(engine, name, frame)
    if "events" in found:
        _check_events(engine, found["events"])
    return found


def _shaped(engine: Engine, name: str, native: object) -> object:
    """Bring a table to its columns, in their types."""
    frame = nw.from_native(native).lazy() if isinstance(native, pl.DataFrame) else nw.from_native(native)
    types = dict(frame.collect_schema())
    wanted, timed = [], []
    for column, kind in COLUMNS[name].items():
        if column not in types:
            wanted.append(_absent(name, column, kind, types))
        elif kind == _TIME:
            timed += [column] if _is_time(name, column, types[column]) else []
            wanted.append(nw.col(column))
        elif kind == _FLOAT:
            wanted.append(nw.col(column).cast(nw.Float64))
        else:
            wanted.append(nw.col(column))
    return engine.instants(frame.select(*wanted).to_native(), timed)


def _absent(name: str, column: str, kind: str, types: dict) -> nw.Expr:
    if column not in _ABSENT:
        near = did_you_mean(column, types)
        known = ", ".join(types)
        raise SchemaError(
            t("engines.column_near", table=name, column=column, near=near)
            if near
            else t("engines.column_missing", table=name, column=column, known=known)
        )
    return nw.lit(_ABSENT[column], _TYPES[kind]).alias(column)


def _is_time(name: str, column: str, dtype: nw.dtypes.DType) -> bool:
    """Return whether a column holds instants to be turned into numbers; whole numbers are left alone."""
    if isinstance(dtype, nw.Datetime):
        if dtype.time_zone is None:
            raise SchemaError(t("engines.naive_time", table=name, column=column))
        return True
    if not dtype.is_integer():
        raise SchemaError(t("engines.no_time", table=name, column=column, found=dtype))
    return False


def _check_key(engine: Engine, name: str, native: object) -> None:
    if name not in KEYS:
        return
    twice = (
        nw.from_native(native).group_by(*KEYS[name]).agg(nw.len().alias("n")).filter(nw.col("n") > 1).head(3)
    )
    found = engine.local(twice.to_native())
    if found.height:
        shown = ", ".join(" / ".join(map(str, row[:-1])) for row in found.rows())
        raise SchemaError(t("engines.key_repeats", table=name, key=", ".join(KEYS[name]), found=shown))


def _check_events(engine: Engine, native: object) -> None:
    """One pass over the events: words that are no verbs would else count as nothing, without a word."""
    frame = nw.from_native(native)
    untimed = nw.when(nw.col("at").is_null()).then(nw.lit(1)).otherwise(nw.lit(0)).sum().alias("untimed")
    said = engine.local(frame.group_by("verb").agg(nw.len().alias("n"), untimed).to_native())
    if n := int(said["untimed"].sum() or 0):
        raise SchemaError(t("engines.untimed", n=n))
    known = range(len(VERBS)) if frame.collect_schema()["verb"].is_integer() else VERBS
    for verb, n in said.select("verb", "n").sort("verb", nulls_last=True).iter_rows():
        if verb not in known:
            near = did_you_mean(str(verb), VERBS)
            shown = t("engines.empty") if verb is None else verb
            raise SchemaError(
                t("engines.verb_near", verb=shown, n=n, near=near)
                if near
                else t("engines.verb_unknown", verb=shown, n=n, known=", ".join(VERBS))
            )


def check_ids(tables: dict[str, object]) -> None:
    """Refuse ids that are numbers in one table and texts in another: they would never meet.

    Raises
    ------
    SchemaError
    """
    seen: dict[str, tuple[str, bool]] = {}
    for name, native in tables.items():
        types = nw.from_native(native).collect_schema()
        for column in (c for c, kind in COLUMNS[name].items() if kind == _ID):
            other, numeric = seen.setdefault(column, (name, types[column].is_integer()))
            if numeric != types[column].is_integer():
                raise SchemaError(t("engines.ids_differ", column=column, one=other, other=name))


def with_local_lateness(engine: Engine, sessions: object, zone: str, thresholds: Thresholds) -> object:
    """Let lateness end by the local calendar: the sessions are few, and zones are worked out here."""
    here = engine.local(sessions)
    utc = pl.from_epoch(pl.col("starts_at", "ends_at"), "us").dt.replace_time_zone("UTC")
    return engine.give(with_late_until(here.lazy().with_columns(utc), zone, thresholds).collect())
