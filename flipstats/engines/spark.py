"""Spark: a session as stage one needs it, and frames to and from it."""

from __future__ import annotations

import os
import warnings
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
    from pyspark.sql import DataFrame, SparkSession

_LOOPBACK = ("local", "spark://127.0.0.1", "spark://localhost")
_UNSIGNED = {pl.UInt8: pl.Int16, pl.UInt16: pl.Int32, pl.UInt32: pl.Int64}  # Spark knows signed numbers only


@contextmanager
def session(master: str | None = None, partitions: int | None = None) -> Iterator[SparkSession]:
    """Give a Spark session, and stop it after unless it ran before.

    Parameters
    ----------
    master : str, optional
        Where the work is done: ``local[2]``, ``spark://host:7077``, ``yarn``, ``k8s://…``. Without it what
        Spark's own configuration says, and all cores of this machine where it says nothing.
    partitions : int, optional
        Pieces of a shuffle; Spark's own number without it.
    """
    sql = needed("pyspark.sql", "spark")
    running = sql.SparkSession.getActiveSession()
    builder = sql.SparkSession.builder.appName("flipstats")
    for name, value in _settings(master, partitions).items():
        builder = builder.config(name, value)
    with warnings.catch_warnings(), refusals("engines.spark_not_started"):
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        started = builder.getOrCreate()
    try:
        yield started
    finally:
        if running is None:
            started.stop()


def _settings(master: str | None, partitions: int | None) -> dict[str, str]:
    asked = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.maxResultSize": "0",
    }
    if master is not None or "SPARK_HOME" not in os.environ:
        asked["spark.master"] = master or "local[*]"
    if asked.get("spark.master", "").startswith(_LOOPBACK):
        asked |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if partitions is not None:
        asked["spark.sql.shuffle.partitions"] = str(partitions)
    return asked


@contextmanager
def refusals(key: str, **values: str) -> Iterator[None]:
    """Say in one line what Spark or its Java says in a hundred."""
    errors, gateway = needed("pyspark.errors", "spark"), needed("py4j.protocol", "spark")
    try:
        yield
    except (errors.PySparkException, gateway.Py4JError) as problem:
        raise InputError(t(key, problem=first_line(problem), **values)) from None


class Spark:
    """Spark, one session."""

    name = "spark"

    def __init__(self, started: SparkSession) -> None:
        self._session = started

    def open(self, table: str, where: str) -> DataFrame:
        """Open Parquet files, by path or address, a CSV file, or a table of the catalogue."""
        if where.lower().endswith(".csv"):
            return give(self._session, csv(table, where).collect(engine="streaming"))
        with refusals("engines.not_found", table=table):
            return self._session.read.parquet(where) if is_file(where) else self._session.table(where)

    def scan(self, files: list[Path]) -> DataFrame:
        """Open Parquet files as one frame; every worker must see them."""
        return self._session.read.parquet(*map(str, files))

    def give(self, frame: pl.DataFrame) -> DataFrame:
        """Hand a local frame over."""
        return give(self._session, frame)

    def instants(self, frame: DataFrame, columns: list[str]) -> DataFrame:
        """Turn timestamps into microseconds."""
        functions = needed("pyspark.sql.functions", "spark")
        return frame.withColumns({column: functions.unix_micros(column) for column in columns})

    def local(self, frame: DataFrame) -> pl.DataFrame:
        """Fetch."""
        with refusals("engines.spark_failed"):
            return taken(frame)

    def made(self, tables: dict[str, DataFrame], thresholds: Thresholds) -> Iterable[pl.DataFrame]:
        """Run stage one on the cluster, and fetch it."""
        yield self.local(facts(**tables, thresholds=thresholds))


def give(session: SparkSession, frame: pl.DataFrame) -> DataFrame:
    """Hand a local frame over to Spark."""
    signed = frame.with_columns(
        pl.col(name).cast(_UNSIGNED[dtype]) for name, dtype in frame.schema.items() if dtype in _UNSIGNED
    )
    return session.createDataFrame(signed.to_arrow(compat_level=pl.CompatLevel.oldest()))


def taken(frame: DataFrame) -> pl.DataFrame:
    """Bring a Spark frame here."""
    return pl.from_arrow(frame.toArrow())
