"""Canonical tables: a folder with one CSV or Parquet file for each table of the schema, under its name.

The files hold the schema's columns with their ids; ``learner_id`` is whatever the organisation uses and
becomes a pseudonym like any other identity. What breaks the schema is an error, not a record set aside: these
files are made by a program, which is what must be corrected. ``record`` and ``source_id`` are given anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from flipstats import schema
from flipstats.errors import SchemaError, did_you_mean
from flipstats.i18n import listing, number, t
from flipstats.readers.base import PEOPLE, Account, Context, Reading
from flipstats.readers.records import best_delimiter, chunks, first_records
from flipstats.readers.text import open_text
from flipstats.readers.zones import to_utc

FORMAT = "canonical"
SUFFIXES = (".csv", ".parquet")
_GIVEN_ANEW = ("record", "source_id")
_LINEAGE = ("sources", "account")  # they speak of the files of another study
_ISO = (
    r"^(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<clock>\d{2}:\d{2})(?<s>:\d{2})?(?<f>\.\d+)?)?"
    r"\s*(?<zone>Z|[+-]\d{2}:?\d{2})?$"
)
_TRUE, _FALSE = ("true", "1", "yes", "oui"), ("false", "0", "no", "non")


def looks_like(folder: Path) -> bool:
    """Return whether every table file of `folder` is named after a table, and there is one."""
    stems = [f.stem for f in folder.iterdir() if f.suffix.lower() in SUFFIXES] if folder.is_dir() else []
    return bool(stems) and all(stem in schema.TABLES for stem in stems)


def read(file: Path, context: Context) -> Reading:
    """Read the folder `file`.

    Returns
    -------
    Reading
        The tables of the folder with their ids, ``person`` in the place of ``learner_id``. Records are
        numbered on through the files, in the order of the schema's tables; `Account.place` finds them again.

    Raises
    ------
    SchemaError
        A file breaks the schema; the message names the file, the column, the rule and the first record.
    InputError
        A file cannot be read.
    """
    account, tables, starts = Account(), {}, {}
    for name in schema.TABLES:
        for path in (p for suffix in SUFFIXES if (p := file / f"{name}{suffix}").is_file()):
            if name in tables:
                raise SchemaError(t("readers_more.canonical_twice", table=name, folder=file.name))
            starts[name] = (path.name, account.read)
            tables[name] = _table(name, path, context, account)
    if not tables:
        raise SchemaError(
            t("readers_more.canonical_none", folder=file.name, known=listing(list(schema.TABLES)))
        )
    for name in _LINEAGE:
        if name in tables:
            account.add_many(tables.pop(name)["record"], "set_aside", "lineage_of_another_study")
    _check_references(tables, starts)
    account.kept = sum(frame.height for frame in tables.values())
    out = {n: f.rename({"learner_id": "person"}, strict=False) for n, f in tables.items() if f.height}
    return Reading(format=FORMAT, tables=out, account=account, people=_people(out), timezone=context.timezone)


def _people(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    parts = [frame["person"] for frame in tables.values() if "person" in frame.columns]
    persons = pl.concat(parts).drop_nulls().unique().sort() if parts else pl.Series([], dtype=pl.String)
    return (
        pl.DataFrame({"person": persons, "value": persons})
        .select("person", pl.lit("id").alias("kind"), "value")
        .cast(PEOPLE)
    )


# ------------------------------------------------------------------------------------------------ one file


def _table(name: str, path: Path, context: Context, account: Account) -> pl.DataFrame:
    spec, first = schema.TABLES[name], account.read
    raw, irregular = _parquet(path) if path.suffix == ".parquet" else _csv(spec, path)
    account.read += raw.height + len(irregular)
    account.files.append((path.name, raw.height + len(irregular)))
    for record, reason in irregular:
        account.set_aside(first + record, reason)
    _check_header(spec, path.name, raw.columns)
    given = [c for c in raw.columns if c not in _GIVEN_ANEW]
    records = raw["record"].cast(pl.Int64)
    typed = {"record": first + records}
    for label in given:
        column = spec.by_name.get(label)
        if column is None:
            typed[label] = _covariate(raw[label])
            continue
        values, bad, assumed = _typed(raw[label], column, path.name, context)
        _refuse(path.name, label, t(f"readers_more.canonical_rule_{column.kind}"), bad, records)
        account.add_many((first + records).filter(assumed), "note", "repeated_hour")
        typed[label] = values
    frame = pl.DataFrame(typed)
    for column in spec.columns:
        if column.name in given:
            for rule, broken in _rules(column, frame[column.name]):
                _refuse(path.name, column.name, rule, broken, records)
    _check_key(spec, path.name, frame, records)
    return frame


def _csv(spec: schema.Table, path: Path) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    text = open_text(path)
    head = text.head()
    delimiter, _ = best_delimiter(head, lambda cells: len({c.strip() for c in cells} & set(spec.by_name)))
    rows = first_records(head, delimiter, 1)
    header = [cell.strip() for cell in rows[0]] if rows else []
    parts = list(chunks(text, delimiter, len(header), range(len(header))))
    frame = pl.concat(part.frame.with_columns(pl.col("record").cast(pl.UInt32)) for part in parts)
    names = {f"c{i}": label for i, label in enumerate(header)}
    repeated = [label for label in header if header.count(label) > 1]
    if repeated:
        raise SchemaError(t("readers_more.canonical_column_twice", file=path.name, column=repeated[0]))
    frame = frame.rename({"record": "·record", **names})
    cells = pl.col(header).str.strip_chars().str.replace(r"^'([=+\-@\t\r])", "${1}")  # see tables_out.guarded
    frame = frame.with_columns(pl.when(cells != "").then(cells).name.keep())
    frame = frame.drop("record", strict=False).rename({"·record": "record"})
    return frame, [line for part in parts for line in part.irregular]


def _parquet(path: Path) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SchemaError(t("readers_more.canonical_unreadable", file=path.name)) from error
    return frame.drop("record", strict=False).with_row_index("record", 1), []


def _check_header(spec: schema.Table, file: str, columns: list[str]) -> None:
    for label in columns:
        if label in spec.by_name or label in _GIVEN_ANEW or (spec.extra and label.startswith("x_")):
            continue
        near = did_you_mean(label, spec.by_name)
        hint = t("readers_more.mapping_near", near=near) if near else _known(spec)
        raise SchemaError(t("readers_more.canonical_column", file=file, column=label, hint=hint))
    for column in spec.columns:
        if column.required and column.name not in columns and column.name not in _GIVEN_ANEW:
            raise SchemaError(t("readers_more.canonical_missing", file=file, column=column.name))


def _known(spec: schema.Table) -> str:
    return t("readers_more.mapping_known", known=", ".join(c for c in spec.by_name if c not in _GIVEN_ANEW))


# ------------------------------------------------------------------------------------------------- values


def _typed(
    values: pl.Series, column: schema.Column, file: str, context: Context
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return values of the column's type, which cells cannot be, and which times were ambiguous."""
    never = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(values))
    if column.kind == "time":
        return _times(values, column.name, file, context)
    if column.kind == "bool" and values.dtype == pl.String:
        word = values.str.to_lowercase()
        flags = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
        typed = word.replace_strict(flags, default=None, return_dtype=pl.Boolean)
    elif column.kind == "int" and values.dtype != pl.Int64:
        decimal = values.cast(pl.Float64, strict=False)
        frame = pl.DataFrame({"x": decimal.cast(pl.Int64, strict=False), "d": decimal})
        typed = frame.select(pl.when(pl.col("d") == pl.col("x")).then("x")).to_series()
    else:
        typed = values.cast(column.dtype, strict=False)
    return typed.rename(column.name), typed.is_null() & values.is_not_null(), never


def _times(
    values: pl.Series, column: str, file: str, context: Context
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Read ISO 8601 texts or Parquet times; what has no zone is in the zone given for the folder."""
    if values.dtype == pl.String:
        parts = values.str.extract_groups(_ISO).struct.unnest()
        clock = pl.col("clock").fill_null("00:00") + pl.col("s").fill_null(":00") + pl.col("f").fill_null("")
        local = parts.select(
            (pl.col("day") + " " + clock).str.to_datetime(
                "%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"
            )
        ).to_series()
        offset = parts.select(_offset(pl.col("zone"))).to_series()
    elif isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None:
        local = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(pl.Datetime("us"))
        offset = pl.Series([0], dtype=pl.Int64).new_from_index(0, len(values))
    else:
        local = values.cast(pl.Datetime("us"), strict=False)
        offset = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(values))
    bad = local.is_null() & values.is_not_null()
    floating = local.is_not_null() & offset.is_null()
    utc = (local - pl.select(pl.duration(minutes=offset)).to_series()).dt.replace_time_zone("UTC")
    never = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(values))
    if not floating.any():
        return utc.cast(schema.TIME), bad, never
    if context.timezone is None:
        raise SchemaError(t("readers_more.canonical_zone", file=file, column=column))
    instants = to_utc(local, context.timezone)
    frame = pl.DataFrame({"f": floating, "l": instants.values, "u": utc})
    chosen = frame.select(pl.when("f").then("l").otherwise("u")).to_series()
    return chosen.cast(schema.TIME), bad | (instants.missing & floating), instants.assumed & floating


def _offset(zone: pl.Expr) -> pl.Expr:
    """Return minutes from UTC of ``Z``, ``+0200`` or ``-05:30``."""
    digits = zone.str.replace(":", "")
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False)
    return pl.when(zone == "Z").then(0).otherwise(sign * (60 * hours + minutes)).cast(pl.Int64)


def _covariate(values: pl.Series) -> pl.Series:
    """Return a covariate as numbers where all its texts are numbers."""
    if values.dtype != pl.String:
        return values
    numbers = values.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == values.null_count() else values


# -------------------------------------------------------------------------------------------------- rules


def _rules(column: schema.Column, values: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    if column.required:
        yield t("readers_more.canonical_required"), values.is_null()
    if column.allowed:
        allowed = t("readers_more.canonical_allowed", allowed=", ".join(column.allowed))
        yield allowed, ~values.is_in(column.allowed)
    if column.kind == "float":
        yield t("readers_more.canonical_finite"), ~values.is_finite()
    if column.low is not None:
        yield t("readers_more.canonical_low", low=f"{column.low:g}"), values < column.low
    if column.high is not None:
        yield t("readers_more.canonical_high", high=f"{column.high:g}"), values > column.high


def _refuse(file: str, column: str, rule: str, broken: pl.Series, records: pl.Series) -> None:
    broken = broken.fill_null(False)
    if n := int(broken.sum()):
        record = records.filter(broken)[0]
        raise SchemaError(
            t(
                "readers_more.canonical_broken",
                file=file,
                column=column,
                rule=rule,
                n=n,
                record=number(record, 0),
            )
        )


def _check_key(spec: schema.Table, file: str, frame: pl.DataFrame, records: pl.Series) -> None:
    key = [column for column in spec.key if column in frame.columns]
    if key and spec.name not in _LINEAGE:
        repeated = ~frame.select(pl.struct(key).is_first_distinct()).to_series()
        _refuse(file, ", ".join(key), t("readers_more.canonical_key"), repeated, records)


def _check_references(tables: dict[str, pl.DataFrame], starts: dict[str, tuple[str, int]]) -> None:
    """Check what refers to a table that is in the folder; other tables may come from other sources."""
    for name, frame in tables.items():
        file, first = starts[name]
        for column in schema.TABLES[name].columns:
            if column.refers_to is None or column.name not in frame.columns:
                continue
            other, key = column.refers_to.split(".")
            if other not in tables or key not in tables[other].columns:
                continue
            values = frame[column.name]
            unknown = values.is_not_null() & ~values.is_in(tables[other][key].unique().implode())
            rule = t("readers_more.canonical_reference", table=other)
            _refuse(file, column.name, rule, unknown, frame["record"] - first)
