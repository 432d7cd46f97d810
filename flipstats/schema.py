"""Checks that hold a study to its declared tables (`tables.py`): columns, types, values, keys, references."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from flipstats.errors import SchemaError, did_you_mean
from flipstats.tables import (
    COMPLETING_VERBS,
    ENDING_VERBS,
    LEVELS,
    OPENING_VERBS,
    TABLES,
    TIME,
    VERBS,
    Column,
    Table,
)

__all__ = [
    "COMPLETING_VERBS",
    "ENDING_VERBS",
    "LEVELS",
    "OPENING_VERBS",
    "TABLES",
    "TIME",
    "VERBS",
    "Column",
    "Table",
    "conform",
    "table",
    "validate",
]


def table(name: str) -> Table:
    """Return the table called `name`.

    Raises
    ------
    SchemaError
        There is no such table; the nearest name is suggested.
    """
    if name not in TABLES:
        near = did_you_mean(name, TABLES)
        hint = f"; did you mean {near!r}?" if near else f"; the tables are {', '.join(TABLES)}"
        raise SchemaError(f"there is no table {name!r}{hint}")
    return TABLES[name]


def conform(name: str, frame: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """Bring a frame to a table's columns, order and types, without looking at its values.

    Missing optional columns are added as null; text times must already be typed; naive times are refused.

    Raises
    ------
    SchemaError
        A required column is missing, a column is unknown, or a time has no zone.

    Examples
    --------
    >>> conform("cohorts", pl.DataFrame({"cohort_id": ["A"]})).collect().columns[:3]
    ['cohort_id', 'title', 'arm']
    """
    target, lazy = table(name), frame.lazy()
    given = lazy.collect_schema()
    extras = [column for column in given.names() if column not in target.by_name]
    refused = [column for column in extras if not (target.extra and column.startswith("x_"))]
    if refused:
        near = did_you_mean(refused[0], target.by_name)
        raise SchemaError(
            f"table {name}: unknown column {refused[0]!r}" + (f"; did you mean {near!r}?" if near else "")
        )
    expressions = []
    for column in target.columns:
        if column.name not in given:
            if column.required:
                raise SchemaError(f"table {name}: the required column {column.name!r} is missing")
            expressions.append(pl.lit(None, column.dtype).alias(column.name))
            continue
        dtype = given[column.name]
        if column.kind == "time" and isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
            raise SchemaError(
                f"table {name}: times in {column.name!r} have no zone; give UTC times, e.g. with "
                "dt.replace_time_zone"
            )
        expressions.append(_cast(column, dtype))
    return lazy.select(*expressions, *extras)


def _cast(column: Column, dtype: pl.DataType) -> pl.Expr:
    if column.kind == "time" and isinstance(dtype, pl.Datetime):
        return pl.col(column.name).dt.convert_time_zone("UTC").cast(TIME)
    return pl.col(column.name).cast(column.dtype)


def validate(tables: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """Check every rule of the schema on the values, and return all tables, the absent ones empty.

    Returns
    -------
    dict of str to LazyFrame
        One conformed frame for each of `TABLES`.

    Raises
    ------
    SchemaError
        The first rule broken, with the table, the column, how many rows break it and up to three values.
        Values of learner-bearing columns are pseudonyms by then.
    """
    for name in tables:
        table(name)
    out = {
        name: conform(name, tables[name]) if name in tables else spec.empty().lazy()
        for name, spec in TABLES.items()
    }
    for name in tables:
        _check_values(TABLES[name], out[name])
    for name in tables:
        _check_references(TABLES[name], out)
    return out


def _broken(column: Column) -> list[tuple[str, pl.Expr]]:
    value = pl.col(column.name)
    rules = []
    if column.required:
        rules.append(("must not be empty", value.is_null()))
    if column.allowed:
        rules.append((f"must be one of {', '.join(column.allowed)}", ~value.is_in(column.allowed)))
    if column.kind == "float":
        rules.append(("must be a finite number", value.is_nan() | value.is_infinite()))
    if column.low is not None:
        rules.append((f"must be at least {column.low:g}", value < column.low))
    if column.high is not None:
        rules.append((f"must be at most {column.high:g}", value > column.high))
    return rules


def _check_values(spec: Table, frame: pl.LazyFrame) -> None:
    rules = [(column.name, text, broken) for column in spec.columns for text, broken in _broken(column)]
    counts = frame.select(broken.sum().alias(str(i)) for i, (_, _, broken) in enumerate(rules)).collect(
        engine="streaming"
    )
    for i, (column, text, broken) in enumerate(rules):
        if n := counts[str(i)][0]:
            shown = frame.filter(broken).select(pl.col(column).cast(pl.String)).head(3).collect()[column]
            found = ", ".join("(empty)" if v is None else repr(v) for v in shown)
            raise SchemaError(
                f"table {spec.name}, column {column}: {text}; {n} rows break this, e.g. {found}"
            )
    if spec.key:
        repeated = frame.group_by(spec.key).len().filter(pl.col("len") > 1).head(3).collect()
        if repeated.height:
            found = ", ".join(" / ".join(str(v) for v in row[:-1]) for row in repeated.rows())
            raise SchemaError(f"table {spec.name}: the key ({', '.join(spec.key)}) repeats, e.g. {found}")


def _check_references(spec: Table, tables: Mapping[str, pl.LazyFrame]) -> None:
    for column in spec.columns:
        if column.refers_to is None:
            continue
        other, key = column.refers_to.split(".")
        unknown = (  # joined first: the distinct values of a large table are many, the unknown ones few
            tables[spec.name]
            .select(pl.col(column.name).alias(key))
            .drop_nulls()
            .join(tables[other].select(key), on=key, how="anti")
            .unique(maintain_order=True)
            .head(3)
            .collect(engine="streaming")
        )
        if unknown.height:
            found = ", ".join(repr(v) for v in unknown[key])
            raise SchemaError(f"table {spec.name}, column {column.name}: {found} is not in table {other}")
