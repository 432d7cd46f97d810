"""Columns of text to times and numbers: one strict format for each column, over all of its values.

A cell is never parsed on its own: the column decides whether days or months come first and which mark is the
decimal one; where two readings fit every value, flipstats asks and does not choose.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from flipstats.errors import DateOrderError, InputError
from flipstats.i18n import t
from flipstats.readers.date_shapes import ORDERS, SAMPLE, Shape, by_day, parse, plain, shape_of
from flipstats.readers.signatures import content
from flipstats.readers.text import normal

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
    blank = values.is_null() | values.str.strip_chars().is_in(["", "-"])
    written = values.filter(~blank)
    if written.is_empty():
        nothing = pl.Series(values.name, [None] * len(values), dtype=pl.Datetime("us"))
        return Times(nothing, pl.Series([False] * len(values), dtype=pl.Boolean))
    raw = written.gather_every(max(1, len(written) // SAMPLE))
    sample = plain(raw)
    shape = _shape(raw, sample, file, column)
    readings = _readings(values, sample, shape, len(values) - len(written))
    if order is None and bare_day and len(shape.orders) > 1:
        order = _bare_day(sample)
    chosen = _choose(readings, blank, order, latest, sorted_by_time)
    if chosen is None:
        raise DateOrderError(t("readers.dates_ambiguous", file=file, column=column, example=sample[0]))
    result = readings[chosen]
    unreadable = result.is_null() & ~blank
    _refuse_unreadable(readings, chosen, unreadable, written, file, column)
    clock = shape.clock
    return Times(result.rename(values.name), unreadable, bool(clock), "%S" in clock, "%z" in clock)


def _shape(raw: pl.Series, sample: pl.Series, file: str, column: str) -> Shape:
    found: Counter[Shape | str] = Counter()
    for original, text in zip(raw, sample, strict=True):
        found[shape_of(original, text)] += 1
    shape = found.most_common(1)[0][0]
    if isinstance(shape, Shape):
        return shape
    raise InputError(t(f"readers.dates_{shape}", file=file, column=column, example=masked(raw[0])))


def _readings(values: pl.Series, sample: pl.Series, shape: Shape, blanks: int) -> dict[str, pl.Series]:
    """Parse the column in each order that can be meant; a sample that refutes an order saves the work."""
    readings: dict[str, pl.Series] = {}
    texts = None
    for order in shape.orders:
        pattern = shape.format(order)
        settled = any(read.null_count() == blanks for read in readings.values())
        if settled and parse(sample, pattern).null_count():
            continue
        read = by_day(values, pattern, shape.clock, blanks)
        if read is None:
            texts = plain(values) if texts is None else texts
            read = parse(texts, pattern)
        readings[order] = read
    return readings


def _bare_day(sample: pl.Series) -> str | None:
    """Say which number of a date is the day, from the leading zero that only the month keeps."""
    first, second = (sample.str.contains(pattern).any() for pattern in (r"^\d\D\d\d\D", r"^\d\d\D\d\D"))
    if first == second:
        return None
    return "day_first" if first else "month_first"


def _choose(
    readings: dict[str, pl.Series],
    blank: pl.Series,
    order: str | None,
    latest: dt.datetime | None,
    sorted_by_time: bool,
) -> str | None:
    """Return the order of day and month that the values and what is known of the file leave, or None."""
    failures = {each: (read.is_null() & ~blank).sum() for each, read in readings.items()}
    fewest = min(failures.values())
    left = [each for each, n in failures.items() if n == fewest]
    if len(left) == 1:
        return left[0]
    if order in left:
        return order
    day_first, month_first = (readings[each].drop_nulls() for each in ORDERS)
    if day_first.equals(month_first):
        return left[0]
    if latest is not None:
        left = [each for each in left if readings[each].max() <= latest] or left
    if sorted_by_time and len(left) > 1:
        left = [each for each in left if time_order(readings[each])] or left
    return left[0] if len(left) == 1 else None


def _refuse_unreadable(
    readings: dict[str, pl.Series],
    chosen: str,
    unreadable: pl.Series,
    written: pl.Series,
    file: str,
    column: str,
) -> None:
    failed = int(unreadable.sum())
    if not failed:
        return
    for other, read in readings.items():
        if other != chosen and read.filter(unreadable).drop_nulls().len():
            raise InputError(t("readers.dates_mixed", file=file, column=column))
    if failed > len(written) // 2:
        raise InputError(t("readers.dates_unreadable", file=file, column=column, example=masked(written[0])))


def masked(text: str) -> str:
    """Show how a cell is written without what it says: letters become x, digits 9.

    Examples
    --------
    >>> masked("Zoë 21h05")
    'xxx 99x99'
    """
    return re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", text))[:40]


def time_order(local: pl.Series) -> str | None:
    """Return ``"newest_first"`` or ``"oldest_first"`` where all times of a file go one way, else None."""
    steps = local.drop_nulls().diff().drop_nulls()
    zero, hour = dt.timedelta(0), dt.timedelta(hours=1)
    back, forth = steps.filter(steps < zero), steps.filter(steps > zero)
    # the one step of less than an hour the other way is the repeated hour of an autumn night
    if len(back) > len(forth) and len(forth) <= _AUTUMNS and (forth < hour).all():
        return "newest_first"
    if len(forth) > len(back) and len(back) <= _AUTUMNS and (back > -hour).all():
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
