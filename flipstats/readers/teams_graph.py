"""Teams attendance from Microsoft Graph: records of people with their intervals, in UTC.

Either a list of attendance records, or one or more reports with theirs expanded, which then also say when the
meeting ran. A record is one attendance record, counted on over the reports.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers import json_text, presence
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.json_text import at_path, instant, number, string
from flipstats.readers.presence import Stay
from flipstats.readers.text import Text, open_text

FORMAT = "teams_graph"
_ORGANISERS = ("organizer", "coorganizer")


@dataclass(slots=True)
class _Report:
    records: list[Any]
    starts: dt.datetime | None = None
    ends: dt.datetime | None = None
    stays: list[Stay] = field(default_factory=list)


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - times are UTC
    """Read the attendance records of one meeting, or of several.

    Returns
    -------
    Reading
        ``attendance`` (one row a person and meeting, ``minutes`` of presence) and ``meetings``; the organiser
        has the role ``staff``.

    Raises
    ------
    InputError
        The file is not whole JSON, or holds no attendance records.
    """
    text = open_text(file)
    reports, account = _reports(text), Account()
    identities: list[tuple[str, str, str | None]] = []
    rows: dict[str, tuple[str, str | None, dt.datetime, dt.datetime]] = {}
    for report in reports:
        for entry in report.records:
            account.read += 1
            report.stays += _stays(entry, account)
        presence.name_persons(report.stays)
        identities += [row for stay in report.stays for row in presence.identities([stay])]
        first, last = presence.bounds(report.stays)
        starts, ends = report.starts or first, report.ends or last
        meeting = f"teams:{starts:%Y-%m-%dT%H:%M:%SZ}" if starts else "teams:"
        for stay in report.stays:
            stay.meeting = meeting
        if report.stays:
            rows[meeting] = (meeting, None, starts, ends)
    if not account.read:
        raise InputError(t("readers_meetings.graph_not", file=file.name))
    frame = presence.attendance((stay for report in reports for stay in report.stays), account)
    tables = {"attendance": frame, "meetings": presence.meetings(rows.values())}
    return Reading(
        FORMAT,
        presence.filled(tables),
        account,
        people(identities),
        timezone="UTC",
        warnings=list(text.warnings),
    )


def _reports(text: Text) -> list[_Report]:
    """Return the reports of a file; records that stand alone are one report."""
    listed = json_text.values(text)
    listed += [each for page in listed for each in at_path(page, "value.[]")]
    reports = [
        _Report(
            entry["attendanceRecords"],
            instant(entry.get("meetingStartDateTime")),
            instant(entry.get("meetingEndDateTime")),
        )
        for entry in listed
        if isinstance(entry, dict) and isinstance(entry.get("attendanceRecords"), list)
    ]
    alone = [each for each in listed if not isinstance(each, dict) or "attendanceIntervals" in each]
    return reports or [_Report(alone)]


def _stays(entry: Any, account: Account) -> Iterator[Stay]:
    """Yield a record's intervals; without one that makes sense, the seconds it states."""
    record = account.read
    if not isinstance(entry, dict):
        account.set_aside(record, "object_unreadable")
        return
    identity = entry.get("identity") if isinstance(entry.get("identity"), dict) else {}
    email, name = string(entry.get("emailAddress")), " ".join(string(identity.get("displayName")).split())
    who = {
        "names": (name,) if name else (),
        "email": email if "@" in email else "",
        "staff": string(entry.get("role")).casefold() in _ORGANISERS,
    }
    if not (who["names"] or who["email"]):
        account.set_aside(record, "no_person")
        return
    found = []
    for each in at_path(entry, "attendanceIntervals.[]"):
        times = (instant(each.get(f"{edge}DateTime")) if isinstance(each, dict) else None for edge in _EDGES)
        stay = Stay(record, "", who["names"], who["email"], *times, staff=who["staff"])
        reason = presence.why_not(stay)
        if reason:
            account.note(record, reason)
        else:
            found.append(stay)
    total = number(entry.get("totalAttendanceInSeconds"))
    if not found and total is not None and total >= 0:
        found = [Stay(record, "", who["names"], who["email"], seconds=total, staff=who["staff"])]
    if not found:
        account.set_aside(record, "no_time")
    yield from found


_EDGES = ("join", "leave")
