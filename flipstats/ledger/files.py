"""The ledger as a file: CSV, workbook or PDF. No cell is a formula, whatever an export had in it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from flipstats.errors import InputError, ParameterError
from flipstats.i18n import t
from flipstats.ledger.lines import COLUMNS, Ledger, totals

KINDS = (".csv", ".xlsx", ".pdf", ".html")
SHEET = "ledger"
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n")
_IDENTITY = ("name", "email")
_MINUTES = [name for name in COLUMNS if name.endswith("_min")]


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> harmless("=1+1"), harmless("Séance 1")
    ("'=1+1", 'Séance 1')
    """
    return "'" + text if text.lstrip(" \u00a0").startswith(_ACTIVE) or text.startswith(_ACTIVE) else text


def cells(made: Ledger, people: dict[str, tuple[str, str]] | None = None) -> list[list[object]]:
    """Return the ledger as rows of cells, the header first; with `people`, names beside pseudonyms."""
    names = [*COLUMNS]
    if people is not None:
        names[1:1] = _IDENTITY
    out: list[list[object]] = [names]
    for row in made.rows.iter_rows(named=True):
        if people is not None:
            row["name"], row["email"] = people.get(row["learner_id"], ("", ""))
        out.append([_cell(row[name]) for name in names])
    return out


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return value
    return harmless(value if isinstance(value, str) else value.strftime("%Y-%m-%dT%H:%M:%SZ"))


def write(made: Ledger, path: Path, people: dict[str, tuple[str, str]] | None = None) -> None:
    """Write a ledger; the file's ending says how.

    Raises
    ------
    ParameterError
        The ending is not one of `KINDS`.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ParameterError(t("ledger.unknown_kind", file=path.name, known=", ".join(KINDS)))
    if kind == ".csv":
        content = io.StringIO(newline="")
        lines = csv.writer(content, lineterminator="\r\n")
        lines.writerows([_plain(cell) for cell in row] for row in cells(made, people))
        path.write_bytes(b"\xef\xbb\xbf" + content.getvalue().encode())
    elif kind == ".xlsx":
        _workbook(made, path, people)
    elif kind == ".pdf":
        from flipstats.ledger.pdf import write_pdf

        write_pdf(made, path, people)
    else:
        from flipstats.ledger.page import page

        path.write_text(page(made, people), encoding="utf-8", newline="\n")


def _plain(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def _workbook(made: Ledger, path: Path, people: dict[str, tuple[str, str]] | None) -> None:
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        bold, two = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})
        summed = made.totals()
        of_rule = [[name, str(value)] for name, value in made.rule.model_dump(mode="json").items()]
        sources = made.study.table("sources").select("source_id", "file", "sha256", "format").collect()
        sheets = {
            SHEET: cells(made, people),
            "totals": [summed.columns, *summed.rows()],
            "rule": [["parameter", "value"], *of_rule],
            "sources": [sources.columns, *sources.rows()],
        }
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, max(len(rows[0]) - 1, 0), 18)
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if isinstance(value, float):
                        sheet.write_number(r, c, value, two)
                    else:
                        sheet.write_string(r, c, harmless(str(value or "")), bold if r == 0 else None)


def read_totals(path: Path) -> tuple[int, pl.DataFrame] | None:
    """Return how many lines a written ledger has and their totals by learner, from the file itself.

    None for a PDF or a page: there only the whole file can be checked.

    Raises
    ------
    InputError
        The file is not a ledger any more.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        return None
    try:
        if kind == ".csv":
            rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
        else:
            rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(SHEET).to_python()
        header, *lines = rows
        at = {name: header.index(name) for name in ("learner_id", *_MINUTES)}
        frame = pl.DataFrame(
            {
                "learner_id": [str(line[at["learner_id"]]) for line in lines],
                **{name: [_number(line[at[name]]) for line in lines] for name in _MINUTES},
            },
            schema={"learner_id": pl.String, **dict.fromkeys(_MINUTES, pl.Float64)},
        )
    except (ValueError, IndexError, UnicodeDecodeError, csv.Error, CalamineError, OSError) as error:
        raise InputError(t("ledger.no_ledger", file=path.name)) from error
    return frame.height, totals(frame)


def _number(cell: object) -> float | None:
    return None if cell in ("", None) else float(cell)
