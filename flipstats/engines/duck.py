"""DuckDB: files, or the tables and views of a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flipstats.conventions import Thresholds
from flipstats.engines.local import csv, is_file
from flipstats.engines.needed import first_line, needed
from flipstats.errors import InputError
from flipstats.facts import facts
from flipstats.i18n import t

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation


@contextmanager
def session(database: str | None = None) -> Iterator[DuckDB]:
    """Give DuckDB in memory, or on a database file opened for reading."""
    duckdb = needed("duckdb", "duckdb")
    if database is not None and not Path(database).is_file():
        raise InputError(t("engines.no_database", file=database))
    try:
        connection = duckdb.connect(database or ":memory:", read_only=database is not None)
    except duckdb.Error as problem:
        raise InputError(t("engines.bad_database", file=database, problem=first_line(problem))) from None
    with connection:
        # Enrolments met with the plan first would be learners × sessions × resources rows.
        connection.execute("SET disabled_optimizers = 'join_order'")
        connection.execute("SET TimeZone = 'UTC'")
        yield DuckDB(connection)


class DuckDB:
    """DuckDB, one connection."""

    name = "duckdb"

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._given = 0

    def open(self, table: str, where: str) -> DuckDBPyRelation:
        """Open Parquet or CSV files, or a table or view of the database."""
        duckdb = needed("duckdb", "duckdb")
        try:
            if not is_file(where):
                return self._connection.table(where)
            if where.lower().endswith(".csv"):
                return self.give(csv(table, where).collect(engine="streaming"))
            place = Path(where)
            return self._connection.read_parquet(str(place / "*.parquet") if place.is_dir() else where)
        except (duckdb.CatalogException, duckdb.IOException) as problem:
            raise InputError(t("engines.not_found", table=table, problem=first_line(problem))) from None

    def scan(self, files: list[Path]) -> DuckDBPyRelation:
        """Open Parquet files as one frame."""
        return self._connection.read_parquet([str(file) for file in files])

    def give(self, frame: pl.DataFrame) -> DuckDBPyRelation:
        """Register a local frame under a name of its own."""
        self._given += 1
        self._connection.register(f"given_{self._given}", frame)
        return self._connection.table(f"given_{self._given}")

    def instants(self, frame: DuckDBPyRelation, columns: list[str]) -> DuckDBPyRelation:
        """Turn timestamps into microseconds."""
        numbers = ", ".join(f'epoch_us("{column}") AS "{column}"' for column in columns)
        return frame.project(f"* REPLACE ({numbers})") if columns else frame

    def local(self, frame: DuckDBPyRelation) -> pl.DataFrame:
        """Fetch."""
        return frame.pl()

    def made(self, tables: dict[str, DuckDBPyRelation], thresholds: Thresholds) -> Iterable[pl.DataFrame]:
        """Run stage one, and fetch it piece by piece."""
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_stream(facts(**tables, thresholds=thresholds))
        yield pl.from_arrow(reader.schema.empty_table())
        for batch in reader:
            yield pl.from_arrow(batch)
