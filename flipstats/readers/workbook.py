"""Workbooks (.xlsx) to rows of text: bounded, and nothing in them is computed.

A workbook is a zip of XML. Its parts are measured before anything is laid out as a grid: a zip that swells, a
cell far from the others, or one long text that many cells share costs an error, not the memory. Cells give
the value the workbook holds, as text; formulas are not evaluated.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.parsers import expat

from flipstats.errors import InputError
from flipstats.i18n import Notice, number, t
from flipstats.readers.records import Grid, best_delimiter, grid
from flipstats.readers.signatures import Match, Signature
from flipstats.readers.text import open_text

MAX_BYTES = 200 << 20  # of all parts together, uncompressed
MAX_RATIO = 200
MAX_CELLS = 5_000_000
MAX_TEXT = 200 << 20  # characters of all cells together
_SMALL = 16 << 20  # bytes; below, any ratio is harmless
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_PARTS = re.compile(r"(\[Content_Types\]\.xml|_rels/[^/]*\.rels|xl/.+\.(xml|rels))", re.IGNORECASE)
_PLACE = re.compile(r"([A-Za-z]{1,3})(\d{1,7})")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: every cell as text, from the first row and column on; rows are equally long."""

    name: str
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A table whose header fits a signature, from a text file or a sheet of a workbook."""

    grid: Grid
    match: Match
    warnings: list[Notice]
    sheet: str | None = None


def is_workbook(file: Path) -> bool:
    """Return whether a file is a zip that holds a workbook, as its directory says.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with open(file, "rb") as stream:
            if stream.read(4) not in _MAGIC:
                return False
        with zipfile.ZipFile(file) as archive:
            return any(name.casefold() == "xl/workbook.xml" for name in archive.namelist())
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def sheets(file: Path) -> list[Sheet]:
    """Read every sheet of a workbook.

    Numbers are written with a dot and without decimals where they have none, times as ``2024-03-21
    09:00:00``, truth as ``TRUE``, empty cells as ``""``.

    Raises
    ------
    InputError
        Not a workbook, damaged, encrypted, or larger than any export (`MAX_BYTES`, `MAX_RATIO`,
        `MAX_CELLS`, `MAX_TEXT`).
    """
    try:
        facts = file.stat()
    except OSError as problem:
        raise InputError(t("readers.unreadable", file=file.name, problem=problem.strerror)) from problem
    return list(_sheets(file, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=4)  # a file is looked at to detect it, and again to read it
def _sheets(file: Path, size: int, changed: int) -> tuple[Sheet, ...]:  # noqa: ARG001
    import python_calamine

    parts = _parts(file)
    _measure(parts, file.name)
    clean = io.BytesIO()
    with zipfile.ZipFile(clean, "w") as archive:  # what was measured, and nothing else of the zip
        for name, data in parts.items():
            archive.writestr(name, data)
    clean.seek(0)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(clean)
        found = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
        return tuple(
            Sheet(name, [[cell_text(c) for c in row] for row in sheet.to_python(skip_empty_area=False)])
            for name, sheet in found
        )
    except (python_calamine.CalamineError, ValueError, OverflowError) as problem:
        raise InputError(t("readers_workbook.damaged", file=file.name)) from problem


def sheet_grid(sheet: Sheet, header: int = 0) -> Grid:
    """Return the table below row `header` (from 0) of a sheet; blank rows are not records.

    Examples
    --------
    >>> sheet_grid(Sheet("Notes", [["Nom", "Note"], ["", ""], ["A", "8.5"]])).rows
    [(1, ['A', '8.5'])]
    """
    table = Grid(trimmed(sheet.rows[header]) if header < len(sheet.rows) else [])
    width, number = len(table.header), 0
    for row in sheet.rows[header + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        number += 1
        if any(cell.strip() for cell in row[width:]):
            table.irregular.append((number, "too_many_cells"))
        else:
            table.rows.append((number, row[:width] + [""] * (width - len(row))))
    return table


def trimmed(row: list[str]) -> list[str]:
    """Return a row without the blank cells at its end.

    Examples
    --------
    >>> trimmed(["Nom", "", "Note", "", ""])
    ['Nom', '', 'Note']
    """
    width = len(row)
    while width and not row[width - 1].strip():
        width -= 1
    return row[:width]


def open_table(file: Path, sign: Signature, *, quoted: bool = True) -> Opened:
    """Open the table of a format whose header is its first row, as text or as the sheet that fits best.

    Raises
    ------
    InputError
        The file is neither text nor a workbook, or no header fits; the message names the missing columns.
    """
    if not is_workbook(file):
        text = open_text(file)
        delimiter, _ = best_delimiter(text.head(), sign.score, sign.more_delimiters)
        table = grid(text, delimiter, quoted=quoted)
        return Opened(table, sign.require(table.header, file.name), list(text.warnings))
    book = [sheet for sheet in sheets(file) if sheet.rows]
    if not book:
        raise InputError(t("readers.empty", file=file.name))
    best = max(book, key=lambda sheet: sign.score(sheet.rows[0]))
    table = sheet_grid(best)
    return Opened(table, sign.require(table.header, file.name), [], best.name)


def cell_text(value: object) -> str:
    """Return a cell as text.

    Examples
    --------
    >>> cell_text(8.0), cell_text(8.5), cell_text(True), cell_text(dt.date(2024, 3, 21))
    ('8', '8.5', 'TRUE', '2024-03-21')
    """
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return f"{value:.15f}".rstrip("0") if abs(value) < 1e-4 else repr(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return str(value)
    return "" if value is None else str(value)


def _parts(file: Path) -> dict[str, bytes]:
    """Return the XML parts of the zip, each read no further than its directory and the limits say."""
    out: dict[str, bytes] = {}
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            packed = max(1, file.stat().st_size)
            for entry in archive.infolist():
                if not _PARTS.fullmatch(entry.filename) or ".." in entry.filename or entry.filename in out:
                    continue
                if entry.flag_bits & 1:
                    raise InputError(t("readers_workbook.encrypted", file=file.name))
                total += entry.file_size
                if total > MAX_BYTES or (total > _SMALL and total > MAX_RATIO * packed):
                    raise InputError(
                        t("readers_workbook.too_large", file=file.name, megabytes=MAX_BYTES >> 20)
                    )
                out[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError) as problem:
        raise InputError(t("readers_workbook.damaged", file=file.name)) from problem
    except OSError as problem:
        raise InputError(t("readers_workbook.damaged", file=file.name)) from problem
    return out


class _Measure:
    """How large the grid and the texts of one XML part are, seen element by element."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths = lengths  # of the texts that cells share
        self.rows = self.columns = self.cells = self.characters = 0
        self._row = self._column = 0
        self._shared = self._value = False
        self._index = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "row":
            given = attributes.get("r", "")
            self._row = int(given) if given.isdecimal() and len(given) < 9 else self._row + 1
            self._column = 0
        elif name == "c":
            place = _PLACE.fullmatch(attributes.get("r", ""))
            self._column = _column(place[1]) if place else self._column + 1
            self._row = int(place[2]) if place else self._row
            self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)
            self.cells += 1
            self._shared = attributes.get("t") == "s"
        elif name == "si":
            self.lengths.append(0)
        self._value, self._index = name == "v", ""

    def end(self, _: str) -> None:
        if self._value and self._shared and self._index.strip().isdecimal() and len(self._index) < 9:
            at = int(self._index)
            self.characters += self.lengths[at] if at < len(self.lengths) else 0
        self._value = False

    def data(self, text: str) -> None:
        if self._value:
            self._index += text[:9]
        self.characters += len(text)

    def shared(self, text: str) -> None:
        if self.lengths:
            self.lengths[-1] += len(text)


def _measure(parts: dict[str, bytes], file: str) -> None:
    lengths: list[int] = []
    cells = characters = 0
    for name, data in _shared_first(parts):
        seen = _Measure(lengths)
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = seen.start
        parser.EndElementHandler = seen.end
        parser.CharacterDataHandler = seen.shared if "sharedstrings" in name.casefold() else seen.data
        parser.EntityDeclHandler = _no_entities
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError) as problem:
            raise InputError(t("readers_workbook.damaged", file=file)) from problem
        cells, characters = cells + seen.rows * seen.columns, characters + seen.characters
        if cells > MAX_CELLS or characters > MAX_TEXT:
            raise InputError(t("readers_workbook.too_many_cells", file=file, n=number(MAX_CELLS, 0)))


def _shared_first(parts: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for shared in (True, False):
        for name, data in parts.items():
            if name.casefold().endswith(".xml") and ("sharedstrings" in name.casefold()) is shared:
                yield name, data


def _no_entities(*_: object) -> None:
    raise ValueError("an XML part of a workbook declares entities")


def _column(letters: str) -> int:
    at = 0
    for letter in letters.upper():
        at = at * 26 + ord(letter) - 64
    return at
