"""Columns of text to times and numbers: one strict format for each column, over all of its values.

A cell is never parsed on its own: the column decides whether days or months come first and which mark is the
decimal one; where two readings fit every value, flipstats asks and does not choose.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from flipstats.errors import DateOrderError, InputError
from flipstats.i18n import t
from flipstats.readers.date_shapes import SAMPLE, Shape, by_day, parse, plain, shape_of
from flipstats.readers.signatures import content
from flipstats.readers.text import normal

_LEAST = 20  # cells of a piece that show how the column is written
_KEPT = 4_000_000  # cells whose times are kept between settling a column and reading it
_AUTUMNS = 3  # clocks go back once a year, and a log rarely spans more


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times, read.

    Attributes
    ----------
    values : Series of Datetime
        Local times without a zone (UTC where `zoned`); null where the cell is blank or unreadable.
    unreadable : Series of Boolean
        Cells that are not blank and do not fit the format of the column.
    has_clock, has_seconds, zoned : bool
        Whether the values say a time of day, its seconds, and their own distance from UTC.
    """

    values: pl.Series
    unreadable: pl.Series
    has_clock: bool = True
    has_seconds: bool = False
    zoned: bool = False


def parse_times(
    values: pl.Series,
    *,
    file: str,
    column: str,
    order: str | None = None,
    latest: dt.datetime | None = None,
    sorted_by_time: bool = False,
    bare_day: bool = False,
) -> Times:
    """Read a column of dates or times in the one format that all its values have.

    Parameters
    ----------
    values : Series of String
        The cells; blank and ``-`` are "no time".
    file, column : str
        For messages.
    order : {"day_first", "month_first"}, optional
        What the user says where both fit.
    latest : datetime, optional
        No value is later (the export's own local time): an order that needs later ones is refused.
    sorted_by_time : bool
        The file lists its records by time: an order under which they would not be is refused.
    bare_day : bool
        The system writes days without a leading zero and months with one, as Moodle does: 8/03/24.

    Raises
    ------
    DateOrderError
        Both orders of day and month fit, and are not the same.
    InputError
        No year, no day, both orders are needed, or the column does not hold dates.

    Examples
    --------
    >>> read = parse_times(pl.Series(["18 mars 24, 08:00:05", "-"]), file="f.csv", column="Heure")
    >>> read.values.to_list()
    [datetime.datetime(2024, 3, 18, 8, 0, 5), None]
    """
    told = {"order": order, "latest": latest, "sorted_by_time": sorted_by_time, "bare_day": bare_day}
    return TimeColumn([values], file=file, column=column, **told).read(values)


class TimeColumn:
    """A column of dates or times that may come in pieces: settled over all of them, then read one by one.

    Parameters
    ----------
    pieces : iterable of Series
        The whole column; gone through twice or three times.
    n : int
        How many pieces there are.

    The others are those of `parse_times`, and so are its errors.

    Examples
    --------
    >>> pieces = [pl.Series(["01/02/2024", "02/02/2024"]), pl.Series(["28/02/2024"])]
    >>> column = TimeColumn(pieces, n=2, file="f.csv", column="Date")
    >>> [value.day for n, piece in enumerate(pieces) for value in column.read(piece, n).values]
    [1, 2, 28]
    """

    def __init__(
        self,
        pieces: Iterable[pl.Series],
        n: int = 1,
        *,
        file: str,
        column: str,
        order: str | None = None,
        latest: dt.datetime | None = None,
        sorted_by_time: bool = False,
        bare_day: bool = False,
    ) -> None:
        self._said = {"file": file, "column": column}
        self._kept: list[dict[str, pl.Series]] = []
        self._shape: Shape | None = None
        self._written, raw = 0, []
        for values in pieces:
            written = values.filter(~_blank(values))
            self._written += len(written)
            raw.append(written.gather_every(max(1, len(written) // max(_LEAST, SAMPLE // n))))
        raw = pl.concat(raw)
        if raw.is_empty():
            return
        sample = plain(raw)
        self._shape = _shape(raw, sample, **self._said)
        if order is None and bare_day and len(self._shape.orders) > 1:
            order = _bare_day(sample)
        tallies = self._tally(pieces, sample)
        chosen = _choose(tallies, order, latest, sorted_by_time)
        if chosen is None:
            raise DateOrderError(t("readers.dates_ambiguous", **self._said, example=sample[0]))
        self._refuse_unreadable(tallies[chosen], raw[0])
        self._order = chosen

    def read(self, values: pl.Series, piece: int = 0) -> Times:
        """Read a piece of the column."""
        never = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(values))
        if self._shape is None:
            nothing = pl.Series(values.name, [None], dtype=pl.Datetime("us"))
            return Times(nothing.new_from_index(0, len(values)), never)
        if self._kept:
            result = self._kept[piece][self._order]
        else:
            result = self._parsed(values, (self._order,), _blank(values))[self._order]
        clock = self._shape.clock
        unreadable = result.is_null() & ~_blank(values) if result.null_count() else never
        return Times(result.rename(values.name), unreadable, bool(clock), "%S" in clock, "%z" in clock)

    def _tally(self, pieces: Iterable[pl.Series], sample: pl.Series) -> dict[str, _Tally]:
        """Parse the column in each order that can be meant; a sample that refutes an order saves the work."""
        first, *others = self._shape.orders
        tallies = self._tallied(pieces, (first,))
        if tallies[first].failures == 0:
            others = [o for o in others if not parse(sample, self._shape.format(o)).null_count()]
        return self._tallied(pieces, (first, *others)) if others else tallies

    def _tallied(self, pieces: Iterable[pl.Series], orders: tuple[str, ...]) -> dict[str, _Tally]:
        tallies, self._kept = {order: _Tally() for order in orders}, []
        for values in pieces:
            blank = _blank(values)
            read = self._parsed(values, orders, blank)
            for order, tally in tallies.items():
                tally.add(read[order], [read[o] for o in orders if o != order], blank)
            if self._written <= _KEPT:
                self._kept.append(read)
        return tallies

    def _parsed(self, values: pl.Series, orders: tuple[str, ...], blank: pl.Series) -> dict[str, pl.Series]:
        readings, texts, blanks = {}, None, int(blank.sum())
        for order in orders:
            pattern = self._shape.format(order)
            read = by_day(values, pattern, self._shape.clock, blanks)
            if read is None:
                texts = plain(values) if texts is None else texts
                read = parse(texts, pattern)
            readings[order] = read
        return readings

    def _refuse_unreadable(self, tally: _Tally, example: str) -> None:
        if tally.failures and tally.others_read:
            raise InputError(t("readers.dates_mixed", **self._said))
        if tally.failures > self._written // 2:
            raise InputError(t("readers.dates_unreadable", **self._said, example=masked(example)))


@dataclass(slots=True)
class _Tally:
    """How well one order of day and month fits a column."""

    failures: int = 0
    others_read: bool = False  # a cell this order cannot read and another can
    alike: bool = True  # every order gives the same times
    last: dt.datetime | None = None
    steps: Steps = field(default_factory=lambda: Steps())

    def add(self, read: pl.Series, others: Sequence[pl.Series], blank: pl.Series) -> None:
        failed = read.is_null() & ~blank
        n = int(failed.sum())
        self.failures += n
        if n:
            self.others_read |= any(other.filter(failed).drop_nulls().len() > 0 for other in others)
        values = read.drop_nulls()
        if others:  # what only a choice needs
            self.alike &= all(values.equals(other.drop_nulls()) for other in others)
            self.steps.add(values)
            self.last = max((at for at in (self.last, values.max()) if at is not None), default=None)


def _blank(values: pl.Series) -> pl.Series:
    return values.is_null() | values.str.strip_chars().is_in(["", "-"])


def _shape(raw: pl.Series, sample: pl.Series, file: str, column: str) -> Shape:
    found: Counter[Shape | str] = Counter()
    for original, text in zip(raw, sample, strict=True):
        found[shape_of(original, text)] += 1
    shape = found.most_common(1)[0][0]
    if isinstance(shape, Shape):
        return shape
    raise InputError(t(f"readers.dates_{shape}", file=file, column=column, example=masked(raw[0])))


def _bare_day(sample: pl.Series) -> str | None:
    """Say which number of a date is the day, from the leading zero that only the month keeps."""
    first, second = (sample.str.contains(pattern).any() for pattern in (r"^\d\D\d\d\D", r"^\d\d\D\d\D"))
    if first == second:
        return None
    return "day_first" if first else "month_first"


def _choose(
    tallies: dict[str, _Tally], order: str | None, latest: dt.datetime | None, sorted_by_time: bool
) -> str | None:
    """Return the order of day and month that the values and what is known of the file leave, or None."""
    fewest = min(tally.failures for tally in tallies.values())
    left = [each for each, tally in tallies.items() if tally.failures == fewest]
    if len(left) == 1:
        return left[0]
    if order in left:
        return order
    if tallies[left[0]].alike:
        return left[0]
    if latest is not None:
        left = [each for each in left if tallies[each].last <= latest] or left
    if sorted_by_time and len(left) > 1:
        left = [each for each in left if tallies[each].steps.order] or left
    return left[0] if len(left) == 1 else None


def masked(text: str) -> str:
    """Show how a cell is written without what it says: letters become x, digits 9.

    Examples
    --------
    >>> masked("Zoë 21h05")
    'xxx 99x99'
    """
    return re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", text))[:40]


class Steps:
    """Which way the times of a file go, which may come in pieces."""

    def __init__(self) -> None:
        self._last: dt.datetime | None = None
        self._back = self._forth = 0
        self._short = {"back": True, "forth": True}  # every such step is of less than an hour

    def add(self, local: pl.Series) -> None:
        """Take in the next times of the file."""
        values = local.drop_nulls()
        if values.is_empty():
            return
        steps = values.diff().drop_nulls()
        if self._last is not None:
            steps = steps.extend_constant(values[0] - self._last, 1)
        zero, hour = dt.timedelta(0), dt.timedelta(hours=1)
        back, forth = steps.filter(steps < zero), steps.filter(steps > zero)
        self._back, self._forth = self._back + len(back), self._forth + len(forth)
        self._short["back"] &= bool((back > -hour).all())
        self._short["forth"] &= bool((forth < hour).all())
        self._last = values[-1]

    @property
    def order(self) -> str | None:
        """``"newest_first"`` or ``"oldest_first"`` where all times go one way, else None."""
        # the one step of less than an hour the other way is the repeated hour of an autumn night
        if self._back > self._forth and self._forth <= _AUTUMNS and self._short["forth"]:
            return "newest_first"
        if self._forth > self._back and self._back <= _AUTUMNS and self._short["back"]:
            return "oldest_first"
        return None


def numbers(
    values: pl.Series, *, file: str, column: str, mark: str | None = None
) -> tuple[pl.Series, pl.Series]:
    """Read a column of numbers with the one decimal mark that all its values have.

    Parameters
    ----------
    values : Series of String
        The cells; blank and ``-`` are "no number".
    file, column : str
        For messages.
    mark : {".", ","}, optional
        The decimal mark, where another part of the file shows it.

    Returns
    -------
    (Series of Float64, Series of Boolean)
        The numbers, and which cells are neither blank nor a number.

    Raises
    ------
    InputError
        Both marks are used for decimals, or the values fit thousands as well as decimals.

    Examples
    --------
    >>> numbers(pl.Series(["8,50", "-", "n/a"]), file="f.csv", column="Note")[0].to_list()
    [8.5, None, None]
    """
    texts = values.fill_null("").str.replace_all(r"[\s\u00a0\u202f%]+", "").str.replace("\u2212", "-")
    blank = texts.is_in(["", "-"])
    mark = mark or _decimal_mark(texts.filter(~blank), file, column)
    other = "," if mark == "." else "."
    pattern = rf"^[+-]?(\d+|\d{{1,3}}(\{other}\d{{3}})+)(\{mark}\d+)?$"
    fits = texts.str.contains(pattern)
    clean = texts.str.replace_all(other, "", literal=True).str.replace(mark, ".", literal=True)
    read = clean.to_frame("x").select(pl.when(fits).then(pl.col("x"))).to_series()
    read = read.cast(pl.Float64, strict=False).rename(values.name)
    infinite = read.is_infinite().fill_null(False)
    read = read.to_frame("x").select(pl.when(~infinite).then(pl.col("x"))).to_series().rename(values.name)
    return read, read.is_null() & ~blank


def _decimal_mark(texts: pl.Series, file: str, column: str) -> str:
    """Return the decimal mark that fits the values; the dot where none of them needs one."""
    decimals = dict.fromkeys(".,", 0)
    thousands = dict.fromkeys(".,", 0)
    for m in ".,":
        other = "," if m == "." else "."
        grouped = rf"[\d{other}]+\{other}\d{{3}}\{m}\d+"
        sure = rf"^[+-]?(\d*\{m}(\d{{1,2}}|\d{{4,}})|0\{m}\d+|{grouped}|\d{{4,}}\{m}\d+)$"
        decimals[m] = texts.str.contains(sure).sum()
        thousands[m] = texts.str.contains(rf"^[+-]?[1-9]\d{{0,2}}(\{m}\d{{3}})+$").sum()
    if decimals["."] and decimals[","]:
        raise InputError(t("readers.decimals_mixed", file=file, column=column))
    for m in ".,":
        other = "," if m == "." else "."
        if decimals[m]:
            return m
        if thousands[m] and not decimals[other]:
            single = texts.filter(texts.str.contains(rf"^[+-]?[1-9]\d{{0,2}}\{m}\d{{3}}$"))
            if len(single):
                raise InputError(t("readers.decimals_ambiguous", file=file, column=column, example=single[0]))
    return "."


_SECONDS = {word: int(seconds) for seconds, words in content("time_words")["units"].items() for word in words}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([^\W\d_]+)\.?\s*")


def duration_seconds(text: str) -> float | None:
    """Return the seconds of a duration in words (French, English) or of ``h:mm:ss``; else None.

    Examples
    --------
    >>> duration_seconds("11 mins 23 secs"), duration_seconds("1 jour 2 heures"), duration_seconds("2h 59m")
    (683.0, 93600.0, 10740.0)
    """
    text = normal(text)
    if clock := re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{2})", text):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    total, at = 0.0, 0
    for part in _PART.finditer(text):
        unit = _SECONDS.get(part[2])
        if part.start() != at or unit is None:
            return None
        total, at = total + float(part[1].replace(",", ".")) * unit, part.end()
    return total if at and at == len(text) else None
