"""Rows to a terminal, CSV, JSON or Parquet, with nothing a spreadsheet would run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl

from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t

FORMATS = ("table", "csv", "json", "parquet")


def write_rows(rows: pl.DataFrame, form: str, out: Path | None = None) -> None:
    """Print rows, or write them to a file.

    Raises
    ------
    ParameterError
        The format is unknown, or Parquet is asked without a file.
    """
    if form not in FORMATS:
        near = did_you_mean(form, FORMATS)
        raise ParameterError(t("tables.unknown_format", found=form, known=near or ", ".join(FORMATS)))
    if form == "parquet":
        if out is None:
            raise ParameterError(t("tables.parquet_needs_out"))
        rows.write_parquet(out)
        return
    text = {"table": _table, "csv": lambda r: guarded(r).write_csv(), "json": to_json}[form](rows)
    if out is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        out.write_text(text, encoding="utf-8")


def to_json(rows: pl.DataFrame) -> str:
    """Return rows as a JSON list of objects: times in ISO 8601, no NaN."""
    return json.dumps(rows.to_dicts(), ensure_ascii=False, indent=1, default=_plain, allow_nan=False)


def _plain(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def guarded(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose texts no spreadsheet takes for a formula: an apostrophe goes before such a cell."""
    risky = pl.col(pl.String).str.contains(r"^[=+\-@\t\r]")
    return rows.with_columns(
        pl.when(risky).then("'" + pl.col(pl.String)).otherwise(pl.col(pl.String)).name.keep()
    )


def _table(rows: pl.DataFrame) -> str:
    shown = rows.select(
        column for column in rows.columns if not rows[column].is_null().all() or column == "value"
    )
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=200,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        float_precision=3,
        fmt_str_lengths=60,
    ):
        return str(shown)
