"""Canonical tables: a folder with one CSV or Parquet file for each table of the schema, under its name.

The files hold the schema's columns with their ids; ``learner_id`` is whatever the organisation uses and
becomes a pseudonym like any other identity. What breaks the schema is an error, not a record set aside: these
files are made by a program, which is what must be corrected. ``record`` and ``source_id`` are given anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import polars as pl

from flipstats import schema
from flipstats.errors import SchemaError, did_you_mean
from flipstats.i18n import listing, number, t
from flipstats.readers.base import PEOPLE, PIECE, Account, Context, Reading
from flipstats.readers.records import best_delimiter, chunks, first_records
from flipstats.readers.spool import Spool
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
_LARGE = ("events",)
_Raw = tuple[pl.DataFrame, list[tuple[int, str]]]  # rows as they lie, numbered, and the irregular records
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
        for piece in tables.pop(name, ()):
            account.add_many(piece["record"], "set_aside", "lineage_of_another_study")
    _check_references(tables, starts)
    account.kept = sum(spool.height for spool in tables.values())
    people = _people(tables)
    held, lying = {}, {}
    for spool in tables.values():
        whole, pieces = spool.given()
        held |= whole
        lying |= pieces
    return Reading(FORMAT, held, account, people=people, timezone=context.timezone, pieces=lying)


def _people(tables: Mapping[str, Spool]) -> pl.DataFrame:
    persons: set[str] = set()
    for spool in tables.values():
        for piece in spool:
            if "person" in piece.columns:
                persons.update(piece["person"].unique().drop_nulls())
    column = pl.Series("person", sorted(persons), dtype=pl.String)
    return (
        pl.DataFrame({"person": column, "value": column})
        .select("person", pl.lit("id").alias("kind"), "value")
        .cast(PEOPLE)
    )


# ------------------------------------------------------------------------------------------------ one file


def _table(name: str, path: Path, context: Context, account: Account) -> Spool:
    """Read one file: events a piece at a time, any other table at once."""
    spec, first = schema.TABLES[name], account.read
    large = name in _LARGE
    out, broken = Spool(context.spool if large else None, name), _Broken(path.name)
    pieces = _parquet(path) if path.suffix == ".parquet" else _csv(spec, path)
    n = 0
    for raw, irregular in pieces if large else [_joined(pieces)]:
        if not n:
            _check_header(spec, path.name, raw.columns)
        for record, reason in irregular:
            account.set_aside(first + record, reason)
        out.add(
            _piece(spec, raw, first, broken, context, account).rename({"learner_id": "person"}, strict=False)
        )
        n += raw.height + len(irregular)
    broken.refuse()
    account.read += n
    account.files.append((path.name, n))
    return out


def _piece(
    spec: schema.Table, raw: pl.DataFrame, first: int, broken: _Broken, context: Context, account: Account
) -> pl.DataFrame:
    """Bring some rows to the types of a table, and note what breaks its rules."""
    given = [c for c in raw.columns if c not in _GIVEN_ANEW]
    records = raw["record"].cast(pl.Int64)
    typed = {"record": first + records}
    for label in given:
        column = spec.by_name.get(label)
        if column is None:
            typed[label] = _covariate(raw[label])
            continue
        values, bad, assumed = _typed(raw[label], column, broken.file, context)
        broken.note(label, t(f"readers_more.canonical_rule_{column.kind}"), bad, records)
        account.add_many((first + records).filter(assumed), "note", "repeated_hour")
        typed[label] = values
    frame = pl.DataFrame(typed)
    for column in spec.columns:
        if column.name in given:
            for rule, where in _rules(column, frame[column.name]):
                broken.note(column.name, rule, where, records)
    key = [column for column in spec.key if column in frame.columns]
    if key and spec.name not in _LINEAGE:
        repeated = ~frame.select(pl.struct(key).is_first_distinct()).to_series()
        broken.note(", ".join(key), t("readers_more.canonical_key"), repeated, records)
    return frame


def _joined(pieces: Iterator[_Raw]) -> _Raw:
    frames, irregular = zip(*pieces, strict=True)
    return pl.concat(frames), [line for lines in irregular for line in lines]


def _csv(spec: schema.Table, path: Path) -> Iterator[_Raw]:
    text = open_text(path)
    head = text.head()
    delimiter, _ = best_delimiter(head, lambda cells: len({c.strip() for c in cells} & set(spec.by_name)))
    rows = first_records(head, delimiter, 1)
    header = [cell.strip() for cell in rows[0]] if rows else []
    repeated = [label for label in header if header.count(label) > 1]
    if repeated:
        raise SchemaError(t("readers_more.canonical_column_twice", file=path.name, column=repeated[0]))
    names = {f"c{i}": label for i, label in enumerate(header)}
    cells = pl.col(header).str.strip_chars().str.replace(r"^'([=+\-@\t\r])", "${1}")  # see tables_out.guarded
    for part in chunks(text, delimiter, len(header), range(len(header))):
        numbered = part.frame.with_columns(pl.col("record").cast(pl.UInt32))
        frame = numbered.rename({"record": "·record", **names})
        frame = frame.with_columns(pl.when(cells != "").then(cells).name.keep())
        yield frame.drop("record", strict=False).rename({"·record": "record"}), part.irregular


def _parquet(path: Path) -> Iterator[_Raw]:
    """Yield the rows of a Parquet file, at least one piece of them, which may be empty."""
    try:
        scan, n = pl.scan_parquet(path), 0
        pieces = scan.collect_batches(chunk_size=PIECE, maintain_order=True)
        for piece in chain(pieces, [scan.clear().collect()]):
            if piece.height or not n:
                yield piece.drop("record", strict=False).with_row_index("record", n + 1), []
            n += piece.height
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SchemaError(t("readers_more.canonical_unreadable", file=path.name)) from error


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


class _Broken:
    """Which rules the rows of a file break: how many rows, and the first of them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def note(self, column: str, rule: str, where: pl.Series, records: pl.Series) -> None:
        """Count the rows that break a rule, which is in the order of the first call."""
        where = where.fill_null(False)
        before, first = self._found.setdefault((column, rule), (0, 0))
        if n := int(where.sum()):
            self._found[column, rule] = (before + n, first or records.filter(where)[0])

    def refuse(self) -> None:
        """Raise for the first rule broken, in the order in which they are looked at."""
        for (column, rule), (n, record) in self._found.items():
            if n:
                said = {
                    "file": self.file,
                    "column": column,
                    "rule": rule,
                    "n": n,
                    "record": number(record, 0),
                }
                raise SchemaError(t("readers_more.canonical_broken", **said))


def _check_references(tables: Mapping[str, Spool], starts: Mapping[str, tuple[str, int]]) -> None:
    """Check what refers to a table that is in the folder; other tables may come from other sources."""
    for name, spool in tables.items():
        file, first = starts[name]
        broken = _Broken(file)
        for column in schema.TABLES[name].columns:
            if column.refers_to is None:
                continue
            other, key = column.refers_to.split(".")
            known = _ids(tables[other], key) if other in tables else None
            if known is None:
                continue
            rule = t("readers_more.canonical_reference", table=other)
            for piece in spool:
                label = "person" if column.name == "learner_id" else column.name
                if label in piece.columns:
                    values = piece[label]
                    unknown = values.is_not_null() & ~values.is_in(known)
                    broken.note(column.name, rule, unknown, piece["record"] - first)
        broken.refuse()


def _ids(spool: Spool, key: str) -> pl.Series | None:
    """Return the ids a table declares; None where it has not the column."""
    label = "person" if key == "learner_id" else key
    pieces = [piece[label] for piece in spool if label in piece.columns]
    return pl.concat(pieces).unique().implode() if pieces else None
