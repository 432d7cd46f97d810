"""Stage one on each engine, from the same tables: polars frames in, a polars frame out.

Spark is started once a session, on two cores. Where pyspark or Java is missing its tests skip with the
reason, and fail where FLIPSTATS_REQUIRE_SPARK is set.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator

import duckdb
import polars as pl
import pytest

from flipstats import facts, schema
from flipstats.engines import spark

Tables = dict[str, pl.DataFrame]
KEYS = list(facts.KEYS)
TABLES = ("events", "enrolments", "sessions", "plan")


def physical(found, *, coded: bool) -> dict[str, pl.DataFrame]:
    """The four tables as `facts.facts` takes them, keys as strings or as numbers."""
    tables = {
        name: found.table(name).with_columns(pl.col(pl.Datetime).dt.epoch("us")).collect() for name in TABLES
    }
    if coded:
        verbs = {verb: code for code, verb in enumerate(schema.VERBS)}
        for name, frame in tables.items():
            keys = [c for c in (*KEYS, "cohort_id") if c in frame.columns]
            numbers = [
                pl.col(c).replace_strict(_codes(tables, c), default=None, return_dtype=pl.UInt32)
                for c in keys
            ]
            tables[name] = frame.with_columns(numbers)
        tables["events"] = tables["events"].with_columns(
            pl.col("verb").replace_strict(verbs, return_dtype=pl.Int8)
        )
    return tables


def _codes(tables: dict[str, pl.DataFrame], column: str) -> dict[str, int]:
    values = {
        value
        for frame in tables.values()
        if column in frame.columns and frame[column].dtype == pl.String
        for value in frame[column].drop_nulls()
    }
    return {value: code for code, value in enumerate(sorted(values))}


def on_polars(tables: Tables) -> pl.DataFrame:
    return facts.collect(facts.facts(**{name: frame.lazy() for name, frame in tables.items()}))


def on_pandas(tables: Tables, **kinds) -> pl.DataFrame:
    frames = {name: frame.to_pandas(**kinds) for name, frame in tables.items()}
    for name, frame in frames.items():
        for column in frame.columns:
            if frame[column].dtype == object and tables[name][column].dtype != pl.String:
                frames[name] = frame = frame.astype({column: "float64"})
    return pl.from_pandas(facts.facts(**frames))


def on_arrow_pandas(tables: Tables) -> pl.DataFrame:
    return on_pandas(tables, use_pyarrow_extension_array=True)


def on_duckdb(tables: Tables) -> pl.DataFrame:
    with duckdb.connect() as connection:
        connection.execute("SET disabled_optimizers = 'join_order'")
        relations = {}
        for name, frame in tables.items():
            connection.register(name, frame)
            relations[name] = connection.table(name)
        return facts.facts(**relations).pl()


def on_spark(session: object, tables: Tables) -> pl.DataFrame:
    frames = {name: spark.give(session, frame) for name, frame in tables.items()}
    return spark.taken(facts.facts(**frames))


LOCAL = {"polars": on_polars, "pandas": on_pandas, "pandas-pyarrow": on_arrow_pandas, "duckdb": on_duckdb}


def missing_spark() -> str | None:
    """Return why Spark cannot be tried here, None where it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (extra spark)"
    return None if shutil.which("java") else "Java is not installed"


@pytest.fixture(scope="session")
def spark_here() -> None:
    """Skip where Spark is missing, fail where it is required."""
    if reason := missing_spark():
        if os.environ.get("FLIPSTATS_REQUIRE_SPARK"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def spark_session(spark_here: None) -> Iterator[object]:
    """A Spark of two cores, for the whole session."""
    with spark.session("local[2]", partitions=2) as started:
        yield started


@pytest.fixture(params=[*LOCAL, "spark"])
def engine(request: pytest.FixtureRequest) -> Callable[[Tables], pl.DataFrame]:
    """Each engine in turn."""
    if request.param != "spark":
        return LOCAL[request.param]
    session = request.getfixturevalue("spark_session")
    return lambda tables: on_spark(session, tables)


def alike(frame: pl.DataFrame, like: pl.DataFrame) -> list[tuple]:
    """Rows in order of their keys, of the same types: an empty result has no types of its own on pandas."""
    frame = frame.select(like.columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    return frame.cast(dict(like.schema)).sort(KEYS).rows()
