"""Zoom participants reports: who was in the meeting, and for how many minutes.

Four forms: one line a connection, below the meeting's own two lines or not; the same with the meeting
repeated on each line; one line a participant with its total minutes ("Show unique users"), which says how
long but not when. Times are of the host's account, whose zone the file does not state; Zoom rounds minutes
up, so they are worked out again from the times. Lines of the waiting room are set aside.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import polars as pl

from flipstats.i18n import Notice, t
from flipstats.readers import presence
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.presence import Body, Stay
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal
from flipstats.readers.zones import zone_of

FORMAT = "zoom"
_SIGN = signature("zoom")
_RENAMED = re.compile(r"(.+?)\s*\((.+)\)\s*")


@dataclass(slots=True)
class _Meeting:
    title: str | None = None
    number: str = ""
    host: str = ""
    starts_text: str = ""
    ends_text: str = ""
    starts: dt.datetime | None = None
    ends: dt.datetime | None = None


@dataclass(slots=True)
class _Line:
    stay: Stay
    meeting: _Meeting
    joined_text: str
    left_text: str
    minutes: float | None = None


@dataclass(slots=True)
class _Report:
    lines: list[_Line] = field(default_factory=list)
    meetings: dict[tuple[str, ...], _Meeting] = field(default_factory=dict)
    account: Account = field(default_factory=Account)
    warnings: list[Notice] = field(default_factory=list)


def read(file: Path, context: Context) -> Reading:
    """Read one participants report.

    Returns
    -------
    Reading
        Tables ``attendance`` (one row a person and meeting, ``minutes`` of presence) and ``meetings``.
        Without a time in the file, a meeting is known by its day at most, and has ``whole_day``. The host has
        the role ``staff``.

    Raises
    ------
    InputError
        The file is no such report, the zone is unknown, or its dates can be read in two ways.
    """
    body = presence.below(file, _SIGN)
    zone = zone_of(context, file.name)
    report = _report(body)
    report.warnings += body.warnings
    if body.match.language == "fr":
        report.warnings.append(Notice("readers_meetings.zoom_french", file=file.name))
    _set_times(report, file, zone, context)
    stays = [line.stay for line in report.lines]
    presence.name_persons(stays)
    meetings = _key_meetings(report, file, zone, context)
    rows = presence.attendance(stays, report.account)
    tables = {"attendance": rows, "meetings": meetings}
    return Reading(
        FORMAT,
        tables if rows.height else {},
        report.account,
        people(presence.identities(stays)),
        language=body.match.language,
        timezone=zone,
        warnings=report.warnings,
    )


# ------------------------------------------------------------------------------------------- from lines


def _report(body: Body) -> _Report:
    """Take the lines of participants, each with its meeting: the one above, or the one on the line."""
    report, at = _Report(), body.match.at("name")
    own, ahead = _SIGN.match(body.table.header[at:]), _SIGN.match(body.table.header[:at])
    above = _above(body.before)
    table = body.table
    report.account.read = table.read
    for record, reason in table.irregular:
        report.account.set_aside(record, reason)
    for record, cells in table.rows:
        found = above if above is not None else _meeting(ahead, cells[:at])
        key = (found.number, found.title or "", found.starts_text)
        meeting = report.meetings.setdefault(key, found)
        line = _line(own, cells[at:], record, meeting)
        waited = normal(presence.cell(own, cells[at:], "waiting")) in _SIGN.words["yes"]
        problem = "waiting_room" if waited else None
        if problem is None and not (line.stay.email or line.stay.names):
            problem = "no_person"
        if problem:
            report.account.set_aside(record, problem)
        else:
            report.lines.append(line)
    return report


def _above(before: Sequence[list[str]]) -> _Meeting | None:
    for header, cells in pairwise(before):
        match = _SIGN.match(header)
        if match.at("topic") is not None or match.at("starts") is not None:
            return _meeting(match, cells)
    return None


def _meeting(match: Match, cells: Sequence[str]) -> _Meeting:
    return _Meeting(
        presence.cell(match, cells, "topic") or None,
        re.sub(r"\D", "", presence.cell(match, cells, "meeting_id")),
        presence.cell(match, cells, "host_email") or presence.cell(match, cells, "email"),
        presence.cell(match, cells, "starts"),
        presence.cell(match, cells, "ends"),
    )


def _line(own: Match, cells: Sequence[str], record: int, meeting: _Meeting) -> _Line:
    shown, email = presence.cell(own, cells, "name"), presence.cell(own, cells, "email")
    renamed = _RENAMED.fullmatch(shown)
    names = tuple(name.strip() for name in (renamed.groups() if renamed else (shown,)) if name.strip())
    email = email if "@" in email else ""
    staff = bool(email) and email.casefold() == meeting.host.casefold()
    length = presence.cell(own, cells, "total") or presence.cell(own, cells, "duration")
    minutes = float(length) if re.fullmatch(r"\d{1,6}", length) else None
    stay = Stay(record, "", names, email, staff=staff)
    return _Line(
        stay, meeting, presence.cell(own, cells, "joined"), presence.cell(own, cells, "left"), minutes
    )


# ------------------------------------------------------------------------------------------------ times


def _set_times(report: _Report, file: Path, zone: str, context: Context) -> None:
    """Read all times of the report in one format; what has none that makes sense is set aside."""
    met = list(report.meetings.values())
    texts = [m.starts_text for m in met] + [m.ends_text for m in met]
    texts += [line.joined_text for line in report.lines] + [line.left_text for line in report.lines]
    column = t("readers_meetings.times")
    day = context.day or presence.day_in_name(file)
    instants = presence.moments(texts, zone, file=file, column=column, order=context.date_order, day=day)
    values, n = instants.values.to_list(), len(met)
    for i, meeting in enumerate(met):
        meeting.starts, meeting.ends = values[i], values[n + i]
    kept, lines = [], len(report.lines)
    for i, line in enumerate(report.lines, 2 * n):
        line.stay.joined, line.stay.left = values[i], values[i + lines]
        if instants.missing[i] or instants.missing[i + lines]:
            report.account.set_aside(line.stay.record, "no_such_time")
            continue
        _complete(line, report.account)
        if reason := presence.why_not(line.stay):
            report.account.set_aside(line.stay.record, reason)
            continue
        if instants.assumed[i] or instants.assumed[i + lines]:
            report.account.note(line.stay.record, "repeated_hour")
        kept.append(line)
    report.lines = kept


def _complete(line: _Line, account: Account) -> None:
    """Fill a leave that is missing; a line that has no times, as of unique users, counts its minutes."""
    stay = line.stay
    length = None if line.minutes is None else dt.timedelta(minutes=line.minutes)
    if stay.joined is not None and stay.left is None:
        stay.left = stay.joined + length if length is not None else line.meeting.ends
        account.note(stay.record, "leave_unknown")
    elif not (line.joined_text or line.left_text) and line.minutes is not None:
        stay.seconds = line.minutes * 60


def _key_meetings(report: _Report, file: Path, zone: str, context: Context) -> pl.DataFrame:
    rows, whole = [], []
    for meeting in report.meetings.values():
        own = [line.stay for line in report.lines if line.meeting is meeting]
        if not own:
            continue
        first, last = presence.bounds(own)
        starts, ends = meeting.starts or first, meeting.ends or last
        dated = starts is not None
        if not dated:
            starts, ends = presence.whole_day(context.day or presence.day_in_name(file), zone)
            key = "readers_meetings.whole_day" if starts else "readers_meetings.undated"
            report.warnings.append(Notice(key, file=file.name))
        key = f"zoom:{meeting.number}:" + (f"{starts:%Y-%m-%dT%H:%M:%SZ}" if starts else "")
        for stay in own:
            stay.meeting = key
        rows.append((key, meeting.title, starts, ends))
        whole.append(not dated)
    frame = presence.meetings(rows)
    return frame.with_columns(whole_day=pl.Series(whole, dtype=pl.Boolean)) if any(whole) else frame
