"""What reports of video meetings share: stays, whose they are, and the minutes they make together.

A stay is one record that says when, or for how long, somebody was in a meeting. Minutes are those of the
union of a person's stays, never their sum; a length that the system states counts where there are no times.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import Notice, listing, t
from flipstats.readers.base import Account, Reading
from flipstats.readers.columns import parse_times
from flipstats.readers.date_shapes import ORDERS
from flipstats.readers.records import DELIMITERS, Grid, grid
from flipstats.readers.signatures import Match, Signature
from flipstats.readers.teams import union_seconds
from flipstats.readers.text import normal, open_text
from flipstats.readers.workbook import Sheet, is_workbook, sheet_grid, sheets, trimmed
from flipstats.readers.zones import Instants, to_utc
from flipstats.schema import TIME

HEADER_WITHIN = 15  # records before a header, at most
_MEETINGS = {"meeting": pl.String, "title": pl.String, "starts_at": TIME, "ends_at": TIME}
_ATTENDANCE = {"person": pl.String, "meeting": pl.String, "minutes": pl.Float64, "record": pl.Int64}
_DAY_IN_NAME = re.compile(r"(?<!\d)(20\d\d)([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(slots=True)
class Stay:
    """One record that says that somebody was there.

    Attributes
    ----------
    names : tuple of str
        As shown, then the name it was changed from, where the system tells it.
    seconds : float or None
        The length that the system states.
    person : str
        The person's key, where the reader knows it; else `name_persons` gives it.
    """

    record: int
    meeting: str
    names: tuple[str, ...] = ()
    email: str = ""
    joined: dt.datetime | None = None
    left: dt.datetime | None = None
    seconds: float | None = None
    staff: bool = False
    person: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A table below other lines: what stands before it, how its header fits, and its records."""

    before: list[list[str]]
    match: Match
    table: Grid
    warnings: list[Notice]


def below(file: Path, sign: Signature) -> Body:
    """Find the table of a signature in a text or a workbook, below a preamble or not.

    Raises
    ------
    InputError
        None of the first lines is its header.
    """
    warnings: list[Notice] = []
    if is_workbook(file):
        found = [_in_sheet(sheet, sign) for sheet in sheets(file)]
    else:
        text = open_text(file)
        content, warnings = text.content(), list(text.warnings)
        found = [_in_text(content, delimiter, sign) for delimiter in DELIMITERS]
    best = max((each for each in found if each), key=lambda each: each[1].known, default=None)
    if best is None:
        shown = [f"“{label.shown}”" for label in sign.labels if label.need == "required"]
        title = t("readers.format_" + sign.format)
        raise InputError(
            t("readers.columns_missing", file=file.name, format=title, columns=listing(shown), n=len(shown))
        )
    before, match, table = best
    return Body(before, match, table(), warnings)


_Found = tuple[list[list[str]], Match, Callable[[], Grid]]


def _in_text(content: str, delimiter: str, sign: Signature) -> _Found | None:
    before: list[list[str]] = []
    reader = csv.reader(io.StringIO(content), delimiter=delimiter)
    for start, cells in islice(_numbered(reader), HEADER_WITHIN):
        match = sign.match(cells)
        if match.fits and len(cells) > 1:
            rest = content.split("\n", start)[start] if start else content
            return before, match, partial(grid, rest, delimiter)
        before.append(cells)
    return None


def _in_sheet(sheet: Sheet, sign: Signature) -> _Found | None:
    before: list[list[str]] = []
    for at, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        match = sign.match(trimmed(row))
        if match.fits:
            return before, match, partial(sheet_grid, sheet, at)
        before.append(trimmed(row))
    return None


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield (lines before it, cells) of each record that is not blank."""
    start = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num
    except csv.Error:
        return


def cell(match: Match, cells: Sequence[str], column: str) -> str:
    """Return a record's cell of a column, blanks tidied; empty where the header does not have it."""
    at = match.at(column)
    return " ".join(cells[at].split()) if at is not None and at < len(cells) else ""


def day_in_name(file: Path) -> dt.date | None:
    """Return the day a file's name states, year first, where it states exactly one.

    Examples
    --------
    >>> day_in_name(Path("Attendance_2024-03-21.csv")), day_in_name(Path("report 21-03-2024.csv"))
    (datetime.date(2024, 3, 21), None)
    """
    days = set()
    for year, _, month, day in _DAY_IN_NAME.findall(file.stem):
        try:
            days.add(dt.date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return days.pop() if len(days) == 1 else None


def moments(
    texts: Sequence[str], zone: str, *, file: Path, column: str, order: str | None, day: dt.date | None = None
) -> Instants:
    """Bring times, all written alike, to UTC.

    Parameters
    ----------
    order : {"day_first", "month_first"}, optional
        What counts where both fit.
    day : date, optional
        A day that some of the times must be of, where both fit and no order is given.
    """
    values = pl.Series(texts, dtype=pl.String)
    if order is None and day is not None:
        order = _order_of(values, file.name, column, day)
    times = parse_times(values, file=file.name, column=column, order=order)
    return to_utc(times.values, "UTC" if times.zoned else zone)


def _order_of(values: pl.Series, file: str, column: str, day: dt.date) -> str | None:
    fitting = [
        order
        for order in ORDERS
        if day in parse_times(values, file=file, column=column, order=order).values.dt.date()
    ]
    return fitting[0] if len(fitting) == 1 else None


# ------------------------------------------------------------------------------------------------- people


def name_persons(stays: Iterable[Stay]) -> None:
    """Key each stay by address; one without takes that of the only bearer of its name.

    A name alone is that of a renamed person (`JB (Jean-Baptiste Le Goff)`) where only one of those fits.
    """
    stays = [stay for stay in stays if not stay.person]
    addresses: dict[str, set[str]] = {}
    renamed: dict[str, set[tuple[str, ...]]] = {}
    for stay in stays:
        names = tuple(map(normal, stay.names))
        for name in names:
            if stay.email:
                addresses.setdefault(name, set()).add(stay.email.casefold())
            elif len(names) > 1:
                renamed.setdefault(name, set()).add(names)
    for stay in stays:
        names = tuple(map(normal, stay.names))
        if stay.email:
            stay.person = f"mail:{stay.email.casefold()}"
            continue
        known = set().union(*(addresses.get(name, ()) for name in names))
        whole = renamed.get(names[0], set()) if len(names) == 1 else set()
        if len(whole) == 1:
            (names,) = whole
            known |= set().union(*(addresses.get(name, ()) for name in names))
        stay.person = f"mail:{next(iter(known))}" if len(known) == 1 else "name:" + " | ".join(names)


def identities(stays: Iterable[Stay]) -> list[tuple[str, str, str | None]]:
    """Return the rows of the people frame."""
    rows: list[tuple[str, str, str | None]] = []
    for stay in stays:
        rows.append((stay.person, "email", stay.email.casefold()))
        rows += [(stay.person, "name", name) for name in stay.names]
        if stay.staff:
            rows.append((stay.person, "role", "staff"))
    return rows


# ------------------------------------------------------------------------------------------------ minutes


def why_not(stay: Stay) -> str | None:
    """Return why a stay cannot count, None where it can."""
    if not (stay.person or stay.email or any(stay.names)):
        return "no_person"
    if (stay.joined is None or stay.left is None) and stay.seconds is None:
        return "no_time"
    if stay.joined is not None and stay.left is not None and stay.left < stay.joined:
        return "ends_before_start"
    return None


def attendance(stays: Iterable[Stay], account: Account) -> pl.DataFrame:
    """Return one row a person and meeting; its other records are merged into its first."""
    of: dict[tuple[str, str], list[Stay]] = {}
    for stay in stays:
        of.setdefault((stay.meeting, stay.person), []).append(stay)
    rows = []
    for (meeting, person), own in of.items():
        kept = min(own, key=lambda stay: stay.record)
        rows.append((person, meeting, _seconds(own) / 60, kept.record))
        for record in sorted({stay.record for stay in own} - {kept.record}):
            account.merge(record, "same_meeting")
    account.kept = len(rows)
    return pl.DataFrame(rows, schema=_ATTENDANCE, orient="row").select(
        "person",
        "meeting",
        pl.lit("present").alias("status"),
        "minutes",
        pl.lit("live").alias("proof"),
        "record",
    )


def _seconds(stays: list[Stay]) -> float:
    """Return how long somebody was there; a stated length is shortened to the times around it."""
    timed = [(s.joined, s.left) for s in stays if s.joined is not None and s.left is not None]
    union = union_seconds(timed)
    stated = [s.seconds for s in stays if s.seconds is not None]
    if len(timed) < len(stays):
        return max([*stated, union])  # two devices or two stays: nobody can tell, so the longest
    return min(sum(stated), union) if len(stated) == len(stays) else union


def nobody(
    form: str, file: Path, account: Account, zone: str, warnings: Sequence[Notice], language: str | None
) -> Reading:
    """Return the reading of a report that names nobody who was there: a meeting without participants."""
    said = [*warnings, Notice("readers_meetings.nobody", file=file.name)]
    account.kept = 0
    return Reading(form, {}, account, language=language, timezone=zone, warnings=said)


def key_of(system: str, starts: dt.datetime, stays: Iterable[Stay]) -> str:
    """Return the key of the meeting that began at a time, and put it on its stays."""
    key = f"{system}:{starts:%Y-%m-%dT%H:%M:%SZ}"
    for stay in stays:
        stay.meeting = key
    return key


def filled(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables that have rows."""
    return {name: frame for name, frame in tables.items() if frame.height}


def meetings(rows: Iterable[tuple[str, str | None, dt.datetime | None, dt.datetime | None]]) -> pl.DataFrame:
    """Return the meetings table: ``meeting, title, starts_at, ends_at``."""
    return pl.DataFrame(list(rows), schema=_MEETINGS, orient="row")


def whole_day(day: dt.date | None, zone: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return when a local day begins and ends, in UTC; nothing where the day is not known."""
    if day is None:
        return None, None
    local = zoneinfo.ZoneInfo(zone)
    starts, ends = (dt.datetime.combine(each, dt.time(), local) for each in (day, day + dt.timedelta(days=1)))
    return starts.astimezone(dt.UTC), ends.astimezone(dt.UTC)


def bounds(stays: Iterable[Stay]) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return the first join and the last leave."""
    stays = list(stays)
    joined = [stay.joined for stay in stays if stay.joined is not None]
    left = [stay.left for stay in stays if stay.left is not None]
    return min(joined, default=None), max(left, default=None)


def later(moment: dt.datetime, seconds: float) -> dt.datetime:
    """Return a time some seconds later, a day at most: no meeting lasts longer."""
    return moment + dt.timedelta(seconds=min(max(seconds, 0.0), 86_400.0))
