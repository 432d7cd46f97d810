"""A CSV file as people save it: any usual mark between cells, any usual encoding, decimals with a comma."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from flipstats.errors import InputError, SchemaError
from flipstats.i18n import t

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECIMAL = r"^[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}([.,]\d{3})+$"  # 1.200 may be a thousand and more, or little more than one


def read_table(file: Path, needed: Sequence[str] = ()) -> pl.DataFrame:
    """Read a CSV with a header, separated by commas, semicolons or tabs; ``NA`` and empty are missing.

    UTF-8, UTF-16 with its mark, or what Windows calls ANSI. Where commas do not separate cells, they may mark
    decimals.

    Parameters
    ----------
    file : Path
    needed : sequence of str
        Columns that must not be there twice.

    Raises
    ------
    InputError
        It is absent or not a CSV.
    SchemaError
        Two columns have a name that is needed.
    """
    try:
        text = _decoded(file.read_bytes())
        head = text.partition("\n")[0]
        mark = max(",;\t", key=head.count)
        frame = pl.read_csv(
            io.BytesIO(text.encode()), separator=mark, infer_schema_length=None,
            null_values=["", "NA", "NaN"], decimal_comma=mark == ";",
        )  # fmt: skip
    except FileNotFoundError:
        raise InputError(t("compare.no_such_table", file=file.name)) from None
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError):
        raise InputError(t("compare.not_a_csv", file=file.name)) from None
    header = next(csv.reader([head.rstrip("\r")], delimiter=mark), [])
    for name in needed:
        if header.count(name) > 1:
            raise SchemaError(t("compare.column_twice", name=name, n=header.count(name)))
    return frame if mark == "," else frame.with_columns(_either_mark(column) for column in frame)


def _decoded(raw: bytes) -> str:
    if raw.startswith(_UTF16):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def _either_mark(column: pl.Series) -> pl.Series:
    """Read a column of text as numbers where every cell is one, its decimals marked by a comma or a point."""
    if column.dtype != pl.String or column.null_count() == len(column):
        return column
    cells = column.str.strip_chars().drop_nulls()
    if not cells.str.contains(_DECIMAL).all() or cells.str.contains(_THOUSANDS).all():
        return column
    return column.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64)
