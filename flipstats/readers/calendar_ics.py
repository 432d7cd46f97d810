"""Calendars (.ics): planned sessions with their times, rooms and groups.

Only what has a start and an end at a time of day is a session. Repeated events are written out where their
rule ends; changed and cancelled occurrences are taken into account.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers.base import Account, Context, Reading
from flipstats.readers.text import open_text
from flipstats.readers.zones import zone_of
from flipstats.schema import TIME

if TYPE_CHECKING:
    from icalendar import Component

FORMAT = "ics"
MAX_OCCURRENCES = 1000  # of one repeated event; more is a mistake, not a course
_COLUMNS = {
    "uid": pl.String, "title": pl.String, "starts_at": TIME, "ends_at": TIME, "location": pl.String,
    "category": pl.String, "description": pl.String, "record": pl.Int64,
}  # fmt: skip
_EVENT = re.compile(r"^BEGIN:VEVENT\s*?$.*?^END:VEVENT\s*?$\n?", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_ZONES = re.compile(
    r"^BEGIN:VTIMEZONE\s*?$.*?^END:VTIMEZONE\s*?$\n?", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_BEGIN = re.compile(r"^BEGIN:VEVENT\s*?$", re.MULTILINE | re.IGNORECASE)


@dataclass(slots=True)
class _Event:
    """One VEVENT whose times could be read; ``at`` is the occurrence it replaces, where it replaces one."""

    record: int
    component: Component
    uid: str
    starts: dt.datetime
    ends: dt.datetime
    at: dt.datetime | None = None
    cancelled: bool = False
    sequence: int = 0


@dataclass(slots=True)
class _Reader:
    file: str
    context: Context
    account: Account = field(default_factory=Account)

    def local(self, value: dt.datetime, component: Component, name: str) -> dt.datetime:
        """Give a time without zone the zone of the file; a zone that nobody knows counts as none."""
        if value.tzinfo is not None:
            return value
        if "TZID" in component[name].params:
            self.account.note(self.account.read, "zone_unknown")
        return value.replace(tzinfo=ZoneInfo(zone_of(self.context, self.file)))


def read(file: Path, context: Context) -> Reading:
    """Read one calendar.

    Returns
    -------
    Reading
        Table ``sessions``: ``uid``, ``title``, ``starts_at``, ``ends_at``, ``location``, ``category`` and
        ``description``, one row an occurrence; a record is one event of the file. To which cohort a session
        belongs, and its number, is not decided here.

    Raises
    ------
    InputError
        The file is not a calendar, or has times without a zone and none is given.
    """
    text = open_text(file)
    content = text.content()
    if "BEGIN:VCALENDAR" not in content[:2000].upper():
        raise InputError(t("readers_more.ics_not_calendar", file=file.name))
    reader = _Reader(file.name, context)
    events = [event for event in _components(content, reader) if event is not None]
    rows = list(_sessions(events, reader.account))
    reader.account.kept = len({row[-1] for row in rows})
    sessions = pl.DataFrame(rows, schema=_COLUMNS, orient="row").sort("starts_at", "record")
    return Reading(
        format=FORMAT,
        tables={"sessions": sessions} if rows else {},
        account=reader.account,
        timezone=context.timezone,
        warnings=list(text.warnings),
    )


def _components(content: str, reader: _Reader) -> Iterator[_Event | None]:
    """Parse each event alone, so that a broken one costs itself and not the calendar."""
    zones = "".join(_ZONES.findall(content))
    ends = 0
    for block in _EVENT.finditer(content):
        ends = block.end()
        reader.account.read += 1
        yield _event(zones + block.group(), reader)
    if _BEGIN.search(content, ends):
        reader.account.read += 1
        reader.account.set_aside(reader.account.read, "cut_record")


def _event(block: str, reader: _Reader) -> _Event | None:
    from icalendar import Calendar

    record, account = reader.account.read, reader.account
    wrapped = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//flipstats//EN\n{block}\nEND:VCALENDAR\n"
    try:
        component = Calendar.from_ical(wrapped.replace("\n", "\r\n")).walk("VEVENT")[0]
    except (ValueError, IndexError, KeyError):
        account.set_aside(record, "event_unreadable")
        return None
    starts = _time(component, "DTSTART")
    if starts is None:
        account.set_aside(record, "no_time")
        return None
    if not isinstance(starts, dt.datetime):
        account.set_aside(record, "all_day")
        return None
    starts = reader.local(starts, component, "DTSTART")
    ends = _end(component, starts, reader)
    if ends is None:
        account.set_aside(record, "no_end")
        return None
    if ends.astimezone(dt.UTC) < starts.astimezone(dt.UTC):
        account.set_aside(record, "ends_before_start")
        return None
    at = _time(component, "RECURRENCE-ID")
    if isinstance(at, dt.datetime):
        at = reader.local(at, component, "RECURRENCE-ID").astimezone(dt.UTC)
    return _Event(
        record,
        component,
        str(component.get("UID") or f"record-{record}"),
        starts,
        ends,
        at if isinstance(at, dt.datetime) else None,
        str(component.get("STATUS", "")).upper() == "CANCELLED",
        _whole(component.get("SEQUENCE")),
    )


def _time(component: Component, name: str) -> dt.datetime | dt.date | dt.timedelta | None:
    from icalendar import vDDDTypes

    value = component.get(name)
    return value.dt if isinstance(value, vDDDTypes) else None


def _end(component: Component, starts: dt.datetime, reader: _Reader) -> dt.datetime | None:
    ends, duration = _time(component, "DTEND"), _time(component, "DURATION")
    if isinstance(ends, dt.datetime):
        return reader.local(ends, component, "DTEND")
    if isinstance(duration, dt.timedelta):
        return (starts.astimezone(dt.UTC) + duration).astimezone(starts.tzinfo)
    return None


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int) else 0


def _sessions(events: list[_Event], account: Account) -> Iterator[tuple]:
    """Yield one row for each occurrence that takes place."""
    newest: dict[tuple[str, dt.datetime | None], _Event] = {}
    for event in sorted(events, key=lambda e: (e.sequence, e.record)):
        key = (event.uid, event.at)
        if key in newest:
            account.merge(newest[key].record, "superseded")
        newest[key] = event
    changed: dict[str, set[dt.datetime]] = {}
    for uid, at in newest:
        if at is not None:
            changed.setdefault(uid, set()).add(at)
    for event in sorted(newest.values(), key=lambda e: e.record):
        if event.cancelled:
            account.set_aside(event.record, "cancelled")
            continue
        starts = _starts(event, changed.get(event.uid, set()) if event.at is None else set())
        if isinstance(starts, str):
            account.set_aside(event.record, starts)
            continue
        length = event.ends.astimezone(dt.UTC) - event.starts.astimezone(dt.UTC)
        for start in starts:
            yield _row(event, start, start + length)


def _row(event: _Event, starts: dt.datetime, ends: dt.datetime) -> tuple:
    component = event.component
    categories = component.get("CATEGORIES")
    lists = categories if isinstance(categories, list) else [categories] if categories else []
    category = ", ".join(str(word) for each in lists for word in getattr(each, "cats", [each]))
    texts = (str(component.get(name) or "") or None for name in ("SUMMARY", "LOCATION", "DESCRIPTION"))
    title, location, description = texts
    return event.uid, title, starts, ends, location, category or None, description, event.record


def _starts(event: _Event, changed: set[dt.datetime]) -> list[dt.datetime] | str:
    """Return the UTC starts of an event's occurrences but for those `changed`, or why there are none."""
    from icalendar import vRecur

    first = event.starts.astimezone(dt.UTC)
    rule = event.component.get("RRULE")
    if rule is None:
        occurrences = {first}
    elif not isinstance(rule, vRecur):
        return "recurrence_unreadable"
    elif not ("COUNT" in rule or "UNTIL" in rule):
        return "recurs_without_end"
    else:
        found = _expand(rule, event.starts)
        if isinstance(found, str):
            return found
        occurrences = {first, *found}
    occurrences |= _dates(event, "RDATE")
    occurrences -= _dates(event, "EXDATE") | changed
    return sorted(occurrences) or "no_occurrence"


def _expand(rule: dict, starts: dt.datetime) -> list[dt.datetime] | str:
    """Write out a rule on the wall clock, so that 09:00 stays 09:00 when clocks change."""
    from dateutil.rrule import rrulestr
    from icalendar import vRecur

    zone = starts.tzinfo
    parts = {name: value for name, value in rule.items() if name != "UNTIL"}
    try:
        repeat = rrulestr(vRecur(parts).to_ical().decode(), dtstart=starts.replace(tzinfo=None))
        if until := rule.get("UNTIL"):
            repeat = repeat.replace(until=_wall(until[0], zone))
        occurrences = repeat.xafter(starts.replace(tzinfo=None), count=MAX_OCCURRENCES + 1, inc=True)
        found = [each.replace(tzinfo=zone).astimezone(dt.UTC) for each in occurrences]
    except (ValueError, TypeError, OverflowError):
        return "recurrence_unreadable"
    return found if len(found) <= MAX_OCCURRENCES else "recurs_too_often"


def _wall(until: dt.datetime | dt.date, zone: dt.tzinfo | None) -> dt.datetime:
    if not isinstance(until, dt.datetime):
        return dt.datetime.combine(until, dt.time.max)
    return until.astimezone(zone).replace(tzinfo=None) if until.tzinfo else until


def _dates(event: _Event, name: str) -> set[dt.datetime]:
    from icalendar import vDDDLists

    value = event.component.get(name)
    lists = value if isinstance(value, list) else [value]
    days = [each.dt for one in lists if isinstance(one, vDDDLists) for each in one.dts]
    zone = event.starts.tzinfo
    return {
        (day if day.tzinfo else day.replace(tzinfo=zone)).astimezone(dt.UTC)
        if isinstance(day, dt.datetime)
        else dt.datetime.combine(day, event.starts.timetz()).astimezone(dt.UTC)
        for day in days
        if isinstance(day, dt.date)
    }
