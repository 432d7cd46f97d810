"""How a column of dates is written, and its values once that is known.

Words of dates (months, weekdays) come from `signatures/time_words.toml`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import polars as pl

from flipstats.readers.signatures import content

ORDERS = ("day_first", "month_first")
_TIME_WORDS = content("time_words")
_WORDS = {word: month for month, words in _TIME_WORDS["months"].items() for word in words}
_WEEKDAYS = {word: "" for words in _TIME_WORDS["weekdays"].values() for word in words}
_MARKS = {"\u00a0": " ", "\u202f": " ", ",": " ", " à ": " ", "1er ": "1 ", "a.m.": "am", "p.m.": "pm"}
_REPLACED = dict(sorted((_WORDS | _MARKS | _WEEKDAYS).items(), key=lambda pair: -len(pair[0])))
_ACCENTED = {word.upper(): number for word, number in _WORDS.items() if not word.isascii()}
_WORD = re.compile("|".join(re.escape(w) for w in sorted(_WORDS, key=len, reverse=True)), re.IGNORECASE)
_CLOCK = r"(?P<clock>[T ]+\d{1,2}:\d{2}(?P<s>:\d{2}(?P<f>\.\d+)?)?)? *(?P<p>[ap]m)?(?P<z>Z|[+-]\d{2}:?\d{2})?"
_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<m>[/.\- ]) *(?P<b>\d{1,2})(?P=m) *(?P<c>\d{1,4})" + _CLOCK, re.IGNORECASE
)
_NO_YEAR = re.compile(r"\d{1,2}[/.\- ] *\d{1,2}" + _CLOCK, re.IGNORECASE)
_NO_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2})?( ?[ap]m)?", re.IGNORECASE)
SAMPLE = 400  # cells that show how a column is written
_YEARS = (1990, 2100)


@dataclass(frozen=True, slots=True)
class Shape:
    """How dates are written, but for whether the day or the month comes first."""

    first: str  # "year", "month" (in words) or "any"
    mark: str
    year: str
    clock: str

    def format(self, order: str) -> str:
        """Return the format of the dates, for one order of day and month."""
        m, month_first = self.mark, "month" in (self.first, order.removesuffix("_first"))
        if self.first == "year":
            return f"%Y{m}%m{m}%d{self.clock}"
        return (f"%m{m}%d{m}" if month_first else f"%d{m}%m{m}") + self.year + self.clock

    @property
    def orders(self) -> tuple[str, ...]:
        """The orders of day and month that can be meant."""
        return ORDERS if self.first == "any" else ORDERS[:1]


def shape_of(original: str, text: str) -> Shape | str:
    """Say how one date is written: as in the file, and in plain form; else what is wrong with it.

    Examples
    --------
    >>> shape_of("18 mars 24, 08:00", "18 03 24  08:00").format("day_first"), shape_of("18 Mar", "18 03")
    ('%d %m %y %H:%M', 'no_year')
    """
    match = _DATE.fullmatch(text)
    if match is None or (match["p"] and not match["clock"]):
        if _NO_YEAR.fullmatch(text):
            return "no_year"
        return "no_day" if _NO_DAY.fullmatch(text) else "unreadable"
    word = _WORD.search(original)
    first = "year" if len(match["a"]) == 4 else "any"
    if word:
        before = original[: word.start()].strip("\u00a0\u202f ,").removesuffix("er")
        first = "day" if before[-1:].isdigit() else "month"
    clock = ""
    if match["clock"]:
        hour = "%I:%M" if match["p"] else "%H:%M"
        clock = ("T" if "T" in match["clock"] else " ") + hour + (":%S" if match["s"] else "")
        clock += ("%.f" if match["f"] else "") + (" %p" if match["p"] else "")
        clock += "%z" if match["z"] else ""
    return Shape(first, match["m"], "%Y" if len(match["c"]) == 4 else "%y", clock)


def with_years(values: pl.Series, last: dt.date) -> pl.Series | None:
    """Give dates without a year, their months in words, the last year in which none is after a day.

    None where the dates of a column are written otherwise. A column over more than a year is read wrongly:
    nothing in it tells the years apart.

    Examples
    --------
    >>> with_years(pl.Series(["18 Mar, 08:00", "5 Dec, 09:00"]), dt.date(2012, 3, 20)).to_list()
    ['18 03 2012 08:00', '5 12 2011 09:00']
    """
    written = values.drop_nulls().filter(~values.drop_nulls().str.strip_chars().is_in(["", "-"]))
    sample = written.gather_every(max(1, len(written) // SAMPLE))
    words = [_WORD.search(text) for text in sample]
    if not all(words) or not all(_NO_YEAR.fullmatch(text) for text in plain(sample)):
        return None
    day_first = all(
        text[: word.start()].strip()[-1:].isdigit() for text, word in zip(sample, words, strict=True)
    )
    parts = plain(values).str.extract_groups(r"^(\d{1,2})[/.\- ]+(\d{1,2})\s+(.*)$").struct.unnest()
    day, month = ("1", "2") if day_first else ("2", "1")
    later = pl.col(month).cast(pl.Int32) * 100 + pl.col(day).cast(pl.Int32) > last.month * 100 + last.day
    year = pl.when(later).then(last.year - 1).otherwise(last.year)
    dated = pl.format("{} {} {} {}", pl.col(day), pl.col(month), year, pl.col("3"))
    return parts.select(pl.coalesce(dated, pl.lit(values))).to_series()


def each_cell(values: pl.Series, expression: pl.Expr) -> pl.Series:
    """Evaluate an expression of column ``x`` cell by cell, on all cores."""
    return values.rename("x").to_frame().lazy().select(expression).collect(engine="streaming").to_series()


def plain(values: pl.Series) -> pl.Series:
    """Bring month names, blanks and marks to one form; cells stay as many."""
    x = pl.col("x")
    if not each_cell(
        values, x.str.contains(r"[^\d/., :-]").any()
    ).item():  # no words: only a comma to take out
        return each_cell(values, x.str.replace(",", " ", literal=True).str.strip_chars())
    table = _REPLACED | _ACCENTED
    words, numbers = list(table), list(table.values())
    return each_cell(
        values,
        x.str.strip_chars()
        .str.replace_many(words, numbers, ascii_case_insensitive=True, leftmost=True)
        .str.strip_chars(),
    )


def parse(texts: pl.Series, pattern: str) -> pl.Series:
    """Parse cells in plain form; what does not fit, or is out of all sight, is null."""
    x = pl.col("x").str
    if "%H" in pattern or "%I" in pattern:
        read = x.to_datetime(pattern, strict=False, exact=True, time_unit="us")
        if "%z" in pattern:
            read = read.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    else:
        read = x.to_date(pattern, strict=False, exact=True).cast(pl.Datetime("us"))
    values = each_cell(texts, read)
    low, high = (dt.datetime(year, 1, 1) for year in _YEARS)
    if values.is_between(low, high).all():  # compared where they lie: Python has no year 12024
        return values
    return each_cell(values, pl.when(pl.col("x").is_between(low, high)).then("x"))


def by_day(values: pl.Series, pattern: str, clock: str, blanks: int) -> pl.Series | None:
    """Parse a long column by its few distinct days and its ``HH:MM[:SS]``; None where a cell is otherwise."""
    length = {" %H:%M": 5, " %H:%M:%S": 8}.get(clock)
    if length is None or len(values) < SAMPLE:
        return None
    x, end = pl.col("x").str, pl.col("clock").str
    frame = values.rename("x").to_frame().lazy().select(day=x.head(-length), clock=x.tail(length))
    units = [(at, unit) for at, unit in ((0, 3600), (3, 60), (6, 1)) if at < length]
    parts = [end.slice(at, 2).str.to_integer(strict=False, dtype=pl.Int64) for at, _ in units]
    marks = [end.slice(at, 1) == ":" for at in (2, 5) if at < length]
    sane = pl.all_horizontal(*marks, parts[0].is_between(0, 23), *(part.is_between(0, 59) for part in parts))
    seconds = pl.sum_horizontal(part * unit for part, (_, unit) in zip(parts, units, strict=True))
    frame = frame.select("day", seconds=pl.when(sane).then(seconds)).collect(engine="streaming")
    days = frame["day"].unique().drop_nulls()
    if len(days) > len(values) // 4:
        return None
    read = parse(plain(days), pattern.removesuffix(clock))
    at = pl.col("day").replace_strict(days, read, default=None, return_dtype=pl.Datetime("us"))
    moments = frame.select(at + pl.duration(seconds="seconds")).to_series()
    return moments if moments.null_count() == blanks else None
