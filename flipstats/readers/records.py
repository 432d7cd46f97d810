"""Text to records: the header, the delimiter, and every record with its number, whole or set aside.

A record is one line of the table, from 1, the header not counted; a quoted cell may hold line breaks. Blank
lines are not records.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import polars as pl

from flipstats.readers.text import Text
from flipstats.readers.whole_line import is_whole

DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 100_000
_ALONE = ("cell_too_large", "open_quote", "stray_return")  # costs its line; what follows is read again


@dataclass(slots=True)
class Grid:
    """A small table in memory: `rows` and `irregular` together are all its records.

    Attributes
    ----------
    rows : list of (int, list of str)
        Record number and its cells, exactly as many as the header has.
    irregular : list of (int, str)
        Record number and why it cannot be read: ``cut_record``, ``too_few_cells``, ``too_many_cells``,
        ``empty_record``, ``open_quote``, ``stray_return`` or ``cell_too_large``.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    irregular: list[tuple[int, str]] = field(default_factory=list)

    @property
    def read(self) -> int:
        """How many records there are."""
        return len(self.rows) + len(self.irregular)


def first_records(text: str, delimiter: str, count: int) -> list[list[str]]:
    """Return the cells of the first `count` records of a text, blank lines left out, as they are."""
    try:
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
        return list(islice((row for row in rows if row), count))
    except csv.Error:
        return []


def best_delimiter(
    text: str, score: Callable[[list[str]], float], more: Sequence[str] = ()
) -> tuple[str, float]:
    """Return the delimiter under which the header scores best, and that score.

    Parameters
    ----------
    text : str
        The beginning of the file, from its header on.
    score : callable
        How well the cells of a header fit what is looked for; the higher the better.
    more : sequence of str, optional
        Delimiters to try besides those of every table.

    Examples
    --------
    >>> best_delimiter("Nom;Email\\nA;b@c.d\\n", lambda cells: "Email" in cells)
    (';', True)
    """
    scored = []
    for rank, delimiter in enumerate((*DELIMITERS, *more)):
        rows = first_records(text, delimiter, 1)
        if rows:
            scored.append((score(rows[0]), len(rows[0]), -rank, delimiter))
    best = max(scored, default=(0.0, 0, 0, ","))
    return best[3], best[0]


class Records:
    """The records of a text, one by one: number, cells, and why they cannot be used (else None).

    Iterating gives ``(number, cells, reason)``; the first record is taken by `header`, before, and is not
    counted. A quote that is never closed costs its own line, not the rest of the file.
    """

    def __init__(
        self, lines: Iterable[str], delimiter: str, *, cut: bool = False, quoted: bool = True
    ) -> None:
        self._feed = _Feed(iter(lines))
        self._options = {"delimiter": delimiter, "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE}
        self._reader = csv.reader(self._feed, **self._options)
        self._cut = cut
        self._number = 0
        self._width: int | None = None

    def header(self) -> list[str]:
        """Take the first record that is not blank; an empty list where there is none."""
        for cells, _ in self._raw():
            self._width = len(cells)
            return cells
        return []

    def go_on(self, number: int, width: int) -> None:
        """Count on from record `number`, in a table of `width` columns."""
        self._number, self._width = number, width

    def __iter__(self) -> Iterator[tuple[int, list[str], str | None]]:
        """Yield every record below the header."""
        for cells, reason in self._raw():
            self._number += 1
            cells, reason = self._fit(cells, reason)
            yield self._number, cells, reason

    def _raw(self) -> Iterator[tuple[list[str], str | None]]:
        while True:
            self._feed.taken.clear()
            try:
                cells, reason = next(self._reader), None
            except StopIteration:
                return
            except csv.Error as problem:
                cells, reason = [], "cell_too_large" if "limit" in str(problem) else "stray_return"
            if reason is None and self._feed.ran_out:
                cells, reason = [], self._open_quote()
            if reason in _ALONE:
                self._feed.give_back()
                self._reader = csv.reader(self._feed, **self._options)
            if reason or cells:
                yield cells, reason

    def _open_quote(self) -> str:
        """Decide what a quote left open at the end of the file is: a cut, or a line of its own to give up."""
        after = islice(self._feed.taken, 1, 50)
        return "open_quote" if any(self._cells(line) == self._width for line in after) else "cut_record"

    def _cells(self, line: str) -> int:
        """Return how many cells a line has on its own."""
        try:
            return len(next(csv.reader([line], **self._options), []))
        except csv.Error:
            return 0

    def _fit(self, cells: list[str], reason: str | None) -> tuple[list[str], str | None]:
        last = reason is None and self._feed.taken and not self._feed.taken[-1].endswith("\n")
        if reason or self._width is None:
            return cells, reason
        if last and (self._cut or len(cells) < self._width):
            return cells, "cut_record"
        if not any(cell.strip() for cell in cells):
            return cells, "empty_record"
        if len(cells) > self._width and not any(cell.strip() for cell in cells[self._width :]):
            return cells[: self._width], None
        if len(cells) != self._width:
            return cells, "too_few_cells" if len(cells) < self._width else "too_many_cells"
        return cells, None


class _Feed:
    """Lines for a csv reader, which remembers those of the record at hand and can take them back."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.ended = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._source, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line

    @property
    def ran_out(self) -> bool:
        """Whether the source ended while a record was being read, that is, inside a quoted cell."""
        return self.ended and bool(self.taken)

    def give_back(self) -> None:
        """Return all lines of the record but its first."""
        self._returned.extendleft(reversed(self.taken[1:]))
        self.ended = False


def lines_of(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text given in pieces, each with its line end."""
    rest = ""
    for block in blocks:
        pieces = (rest + block).split("\n")
        rest = pieces.pop()
        for piece in pieces:
            yield piece + "\n"
    if rest:
        yield rest


def grid(text: Text | str, delimiter: str, *, quoted: bool = True) -> Grid:
    """Read a whole table whose first record is its header.

    Parameters
    ----------
    text : Text or str
        A text file, or what is left of one below a preamble.
    quoted : bool
        Whether ``"`` quotes cells; some exports never quote.

    Examples
    --------
    >>> table = grid('Name,Score\\n"A, B",1\\nC,2\\nD', ",")
    >>> table.rows, table.irregular
    ([(1, ['A, B', '1']), (2, ['C', '2'])], [(3, 'cut_record')])
    """
    blocks, cut = ([text], False) if isinstance(text, str) else (text.blocks(), text.cut_character)
    source = Records(lines_of(blocks), delimiter, cut=cut, quoted=quoted)
    table = Grid(source.header())
    for number, cells, reason in source:
        if reason is None:
            table.rows.append((number, cells))
        else:
            table.irregular.append((number, reason))
    return table


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records of a large table: ``record`` and text columns ``c0, c1, …``, and the irregular ones."""

    frame: pl.DataFrame
    irregular: list[tuple[int, str]]


def chunks(text: Text, delimiter: str, width: int, wanted: Sequence[int] | None = None) -> Iterator[Chunk]:
    """Read a large table below its header piece by piece; at least one, which may be empty.

    From the first piece whose lines are not its records (a line break in a cell, a record of another length)
    the rest is read record by record.

    Parameters
    ----------
    width : int
        How many cells the header has.
    wanted : sequence of int, optional
        The columns to keep; all of them where it is not given.
    """
    columns = sorted(set(range(width) if wanted is None else wanted))
    pieces = _pieces(text, delimiter, width, columns)
    yield next(pieces, Chunk(_empty(columns), []))
    yield from pieces


def _pieces(text: Text, delimiter: str, width: int, columns: Sequence[int]) -> Iterator[Chunk]:
    number, first = 0, True
    blocks = text.utf8_blocks()
    for block in blocks:
        at = block.rfind(b"\n") + 1
        body, tail = block[:at], block[at:]
        piece = _parse(body, delimiter, width, columns, number, skip=first)
        if piece is None:
            left = (part.decode() for part in chain([block], blocks))
            yield from _careful(left, text, delimiter, width, number, columns, header=first)
            return
        yield piece
        number, first = number + piece.frame.height + len(piece.irregular), False
        if tail:
            yield from _careful(iter([tail.decode()]), text, delimiter, width, number, columns, header=False)


def _options(delimiter: str, width: int) -> dict:
    return {
        "has_header": False,
        "separator": delimiter,
        "schema": {f"c{i}": pl.String for i in range(width)},
        "empty_string_is_null": False,
        "row_index_name": "record",
    }


def _parse(
    body: bytes, delimiter: str, width: int, columns: Sequence[int], number: int, *, skip: bool
) -> Chunk | None:
    """Parse whole lines with polars; None where a line is not exactly one record of `width` cells."""
    lines = body.count(b"\n") - skip
    if lines < 0 or b"\r" in body:
        return None
    if lines == 0:
        return Chunk(_empty(columns), [])
    try:
        frame = pl.read_csv(
            body, skip_lines=int(skip), row_index_offset=number + 1, **_options(delimiter, width)
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.height != lines:
        return None
    short = (pl.col(f"c{width - 1}") == "").alias("short")
    frame = frame.select("record", *(f"c{i}" for i in columns), short)
    return _checked(frame, delimiter, width, body, skip=skip)


def _checked(frame: pl.DataFrame, delimiter: str, width: int, body: bytes, *, skip: bool) -> Chunk | None:
    """Look again at records whose last cell is empty: polars fills up records that are too short.

    None where one of them is a blank line, which is no record.
    """
    irregular: list[tuple[int, str]] = []
    first, suspects = frame["record"][0], frame["short"]
    lines = islice(io.BytesIO(body), int(skip), None) if suspects.any() else ()
    for number, (suspect, raw) in enumerate(zip(suspects, lines, strict=False), first):
        if suspect and not is_whole(line := raw.decode(), delimiter, width):
            if not line.strip("\r\n"):
                return None
            source = Records([line], delimiter)
            source.go_on(number - 1, width)
            irregular += [(record, reason) for record, _, reason in source if reason is not None]
    kept = frame.drop("short")
    if irregular:
        kept = kept.filter(~pl.col("record").is_in([record for record, _ in irregular]))
    return Chunk(kept, irregular)


def _empty(columns: Sequence[int]) -> pl.DataFrame:
    return pl.DataFrame(schema={"record": pl.UInt32, **{f"c{i}": pl.String for i in columns}})


def _careful(
    blocks: Iterator[str],
    text: Text,
    delimiter: str,
    width: int,
    number: int,
    columns: Sequence[int],
    *,
    header: bool,
) -> Iterator[Chunk]:
    source = Records(lines_of(blocks), delimiter, cut=text.cut_character)
    if header:
        source.header()
    source.go_on(number, width)
    records = iter(source)
    while batch := list(islice(records, _CHUNK)):
        rows = [(record, *(cells[i] for i in columns)) for record, cells, reason in batch if reason is None]
        irregular = [(record, reason) for record, _, reason in batch if reason is not None]
        yield Chunk(pl.DataFrame(rows, schema=_empty(columns).schema, orient="row"), irregular)
