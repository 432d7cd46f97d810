"""polars and pandas: Parquet and CSV files of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from flipstats.conventions import Thresholds
from flipstats.engines.tables import COLUMNS
from flipstats.errors import InputError, SchemaError
from flipstats.facts import collect, facts
from flipstats.i18n import t

_ZONED = r"(?i)(z|[+-]\d{2}:?\d{2})\s*$"


class Polars:
    """The default engine."""

    name = "polars"

    def open(self, table: str, where: str) -> pl.LazyFrame:
        """Open a Parquet file, a folder or pattern of them, or a CSV file."""
        if not is_file(where):
            raise InputError(t("engines.no_file", table=table, found=where))
        if where.lower().endswith(".csv"):
            return csv(table, where)
        return pl.scan_parquet(where)

    def scan(self, files: list[Path]) -> pl.LazyFrame:
        """Open Parquet files as one frame."""
        return pl.scan_parquet(files)

    def give(self, frame: pl.DataFrame) -> pl.LazyFrame:
        """Return the frame, lazy."""
        return frame.lazy()

    def instants(self, frame: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
        """Turn timestamps into microseconds."""
        return frame.with_columns(pl.col(columns).dt.epoch("us")) if columns else frame

    def local(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Collect."""
        return frame.lazy().collect(engine="streaming")

    def made(self, tables: dict[str, pl.LazyFrame], thresholds: Thresholds) -> Iterable[pl.DataFrame]:
        """Run stage one, streaming."""
        yield collect(facts(**tables, thresholds=thresholds))


class Pandas(Polars):
    """pandas, on columns of Arrow: files are opened and checked by polars."""

    name = "pandas"

    def made(self, tables: dict[str, pl.LazyFrame], thresholds: Thresholds) -> Iterable[pl.DataFrame]:
        """Run stage one in memory."""
        frames = {
            name: frame.collect(engine="streaming").to_pandas(use_pyarrow_extension_array=True)
            for name, frame in tables.items()
        }
        yield pl.from_pandas(facts(**frames, thresholds=thresholds))


def is_file(where: str) -> bool:
    """Return whether a place is a path rather than a name in a catalogue.

    Examples
    --------
    >>> is_file("log.parquet"), is_file("lms.events")
    (True, False)
    """
    return where.lower().endswith((".parquet", ".csv")) or "/" in where or Path(where).exists()


def csv(table: str, where: str) -> pl.LazyFrame:
    """Open a CSV: ids stay texts (001 is not 1), times are ISO 8601 with a zone, or microseconds."""
    found = pl.scan_csv(where, infer_schema=False)
    held = found.collect_schema().names()
    kinds = {column: kind for column, kind in COLUMNS[table].items() if column in held}
    numbers = pl.col([c for c, kind in kinds.items() if kind == "float"])
    texts = pl.col([c for c, kind in kinds.items() if kind == "text"]).str.to_lowercase()
    times = [_csv_times(found, table, column) for column, kind in kinds.items() if kind == "time"]
    return found.with_columns(numbers.cast(pl.Float64), texts, *times)


def _csv_times(found: pl.LazyFrame, table: str, column: str) -> pl.Expr:
    value = pl.col(column).str.strip_chars()
    counts = found.select(
        value.is_not_null().sum().alias("all"),
        value.str.contains(r"^-?\d+$").sum().alias("whole"),
        value.str.contains(_ZONED).sum().alias("zoned"),
    )
    n, whole, zoned = counts.collect(engine="streaming").row(0)
    if whole == n:
        return value.cast(pl.Int64).alias(column)
    if zoned < n:
        raise SchemaError(t("engines.naive_time", table=table, column=column))
    text = value.str.replace(r"(?i)\s*z$", "+00:00").str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    text = text.str.replace(r"([+-]\d{2}):?(\d{2})$", "${1}:${2}")
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC").alias(column)
