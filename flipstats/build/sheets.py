"""The small sheets a person corrects beside `study.toml`: the four that `init` writes, and the journals.

They are CSV files headed in French or English, with a comma, a semicolon or a tab between cells, in UTF-8 or
in the Windows encoding that Excel writes.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from flipstats.errors import StudyFileError, did_you_mean
from flipstats.i18n import t

SHEETS = ("cohorts", "sessions", "resources", "assessments")
_BLANK = ("", "-", "–")
_FORMULA_MARKS = tuple("=+-@\t\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sheet: cells by English column name, and where it stands, for messages."""

    cells: Mapping[str, str]
    sheet: str
    line: int

    def text(self, column: str) -> str | None:
        """Return a cell, None where it is blank."""
        value = self.cells.get(column, "").strip()
        if value[:1] == "'" and value[1:2] in _FORMULA_MARKS:
            value = value[1:]
        return None if value in _BLANK else value

    def need(self, column: str) -> str:
        """Return a cell that must be filled."""
        value = self.text(column)
        if value is None:
            raise self._wrong(column, t("sheets.blank"))
        return value

    def choice(self, column: str, default: str | None = None) -> str | None:
        """Return the schema's code for a cell written in French or English."""
        value = self.text(column)
        if value is None:
            return default
        words = vocabulary()["values"].get(column, {})
        for code, spoken in words.items():
            if normal(value) in (normal(code), *map(normal, spoken)):
                return code
        near = did_you_mean(normal(value), [normal(w) for code in words for w in (code, *words[code])])
        raise self._wrong(column, t("sheets.not_a_choice", found=value, known=near or ", ".join(words)))

    def yes(self, column: str, default: bool) -> bool:
        """Return a yes/no cell."""
        value = self.choice(column)
        return default if value is None else value == "yes"

    def whole(self, column: str) -> int | None:
        """Return a whole number."""
        value = self.text(column)
        try:
            return None if value is None else int(value)
        except ValueError:
            raise self._wrong(column, t("sheets.not_a_number", found=value)) from None

    def decimal(self, column: str) -> float | None:
        """Return a number written with a dot or a comma."""
        value = self.text(column)
        try:
            return None if value is None else float(value.replace(",", "."))
        except ValueError:
            raise self._wrong(column, t("sheets.not_a_number", found=value)) from None

    def moment(self, column: str, zone: ZoneInfo) -> dt.datetime | None:
        """Return a local day or time as an instant."""
        value = self.text(column)
        if value is None:
            return None
        for pattern in (
            "%Y-%m-%d %H:%M",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d",
            "%d/%m/%Y %H:%M",
            "%d/%m/%Y",
        ):
            try:
                return dt.datetime.strptime(value, pattern).replace(tzinfo=zone)
            except ValueError:
                continue
        raise self._wrong(column, t("sheets.not_a_time", found=value))

    def names(self, column: str) -> list[str] | None:
        """Return a list of names between ``|``, None where the cell is blank."""
        value = self.text(column)
        return None if value is None else [part.strip() for part in value.split("|") if part.strip()]

    def _wrong(self, column: str, problem: str) -> StudyFileError:
        return StudyFileError(
            t("sheets.wrong_cell", file=f"{self.sheet}.csv", line=self.line, column=column, problem=problem)
        )


@cache
def vocabulary() -> dict:
    """Return the words of the sheets: columns and values, French and English."""
    return tomllib.loads((files("flipstats.build") / "sheets.toml").read_text(encoding="utf-8"))


def normal(text: str) -> str:
    """Fold case, accents, apostrophes, underscores and blanks, so that spelling variants compare equal."""
    folded = unicodedata.normalize("NFKD", text).casefold().replace("’", "'").replace("_", " ")
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


def read_sheet(folder: Path, sheet: str) -> list[Row]:
    """Read one sheet; an absent one has no rows.

    Raises
    ------
    StudyFileError
        The sheet is not a CSV text, lacks a required column, or has one that is unknown (with a suggestion).
    """
    path = folder / f"{sheet}.csv"
    if not path.exists():
        return []
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    if "\0" in text:
        raise StudyFileError(t("sheets.not_csv", file=path.name))
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [_column(sheet, cell) for cell in next(reader, [])]
    required = vocabulary()["required"][sheet]
    if missing := [name for name in required if name not in header]:
        raise StudyFileError(
            t(
                "sheets.missing_column",
                file=path.name,
                column=missing[0],
                found=", ".join(filter(None, header)),
            )
        )
    rows = []
    for cells in reader:
        if any(cell.strip() for cell in cells):
            if len(cells) > len(header) and any(c.strip() for c in cells[len(header) :]):
                raise StudyFileError(
                    t("sheets.too_many_cells", file=path.name, line=reader.line_num, n=len(header))
                )
            filled = dict(zip(header, cells, strict=False))
            filled.pop(None, None)
            rows.append(Row(filled, sheet, reader.line_num))
    return rows


def _column(sheet: str, heading: str) -> str | None:
    known = vocabulary()["columns"][sheet]
    if not heading.strip():
        return None
    for name, spoken in known.items():
        if normal(heading) in (normal(name), normal(spoken)):
            return name
    near = did_you_mean(normal(heading), [normal(word) for pair in known.items() for word in pair])
    raise StudyFileError(
        t("sheets.unknown_column", file=f"{sheet}.csv", column=heading.strip(), near=near or ", ".join(known))
    )


def write_sheet(folder: Path, sheet: str, rows: Sequence[Mapping[str, object]], lang: str) -> Path:
    """Write one sheet, headed in `lang`, as Excel opens it; returns its path.

    Cells that a spreadsheet would run as a formula are written with an apostrophe before them.
    """
    columns = vocabulary()["columns"][sheet]
    path = folder / f"{sheet}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";" if lang == "fr" else ",")
        writer.writerow(columns.values() if lang == "fr" else columns.keys())
        for row in rows:
            writer.writerow([_cell(column, row.get(column), lang) for column in columns])
    return path


def _cell(column: str, value: object, lang: str) -> str:
    if value is None:
        return ""
    spoken = vocabulary()["values"].get(column, {}).get(str(value))
    if spoken and lang == "fr":
        return spoken[0]
    text = str(value)
    return "'" + text if text[:1] in _FORMULA_MARKS and text not in _BLANK else text
