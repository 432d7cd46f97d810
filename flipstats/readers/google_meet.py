"""Google Meet attendance: the Workspace report, and the list that a browser extension saves.

The Workspace report has one line a person with its length and clock times without a date, so the day must be
given, or stand in the file's name. The extension has one line for each join, with its date, below lines that
begin with ``*``. Minutes are the stated ones, never more than the times around them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers import presence
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import duration_seconds
from flipstats.readers.presence import Body, Stay
from flipstats.readers.signatures import signature
from flipstats.readers.zones import Instants, zone_of

FORMAT = "google_meet"
_SIGN = signature("google_meet")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?\s*([AaPp]\.?[Mm]\.?)?")
_ABOUT = re.compile(r"(meeting code|created on|ended on):?\s+(\S.*)", re.IGNORECASE)


def read(file: Path, context: Context) -> Reading:
    """Read one attendance report or list.

    Returns
    -------
    Reading
        ``attendance`` (one row a person, ``minutes`` of presence) and ``meetings`` (one).

    Raises
    ------
    InputError
        The file is neither, holds times without a day that is known, the zone is unknown, or
        its dates can be read in two ways.
    """
    body = presence.below(file, _SIGN)
    zone = zone_of(context, file.name)
    about, account = _about(body.before), Account()
    stays, written = _stays(body, account)
    edges = [about.get("created on", ""), about.get("ended on", "")]
    clocks = any(map(_CLOCK.fullmatch, written))
    day = context.day or presence.day_in_name(file) or _day_of(edges[0])
    if day is None and clocks:
        raise InputError(t("readers_meetings.meet_no_day", file=file.name))
    read_as = {"file": file, "column": t("readers_meetings.times"), "order": context.date_order, "day": day}
    starts, ends = presence.moments(edges, zone, **read_as).values
    texts = [f"{day} {each}" if _CLOCK.fullmatch(each) else each for each in written]
    kept = _timed(stays, presence.moments(texts, zone, **read_as), account, clocks=clocks)
    if not kept:
        return presence.nobody(FORMAT, file, account, zone, body.warnings, body.match.language)
    presence.name_persons(kept)
    first, last = presence.bounds(kept)
    starts, ends = starts or first, ends or last
    meeting = presence.key_of("meet", starts, kept)
    held = presence.meetings([(meeting, about.get("meeting code"), starts, ends)])
    return Reading(
        FORMAT,
        {"attendance": presence.attendance(kept, account), "meetings": held},
        account,
        people(presence.identities(kept)),
        language=body.match.language,
        timezone=zone,
        warnings=body.warnings,
    )


def _about(before: Sequence[list[str]]) -> dict[str, str]:
    """Return what the lines above the table say of the meeting."""
    found = {}
    for cells in before:
        match = _ABOUT.search(" ".join(cell.strip() for cell in cells))
        if match:
            found[match[1].lower()] = match[2].strip()
    return found


def _day_of(moment: str) -> dt.date | None:
    return presence.day_in_name(Path(moment[:10])) if moment else None


def _stays(body: Body, account: Account) -> tuple[list[Stay], list[str]]:
    """Return a stay for each record that names somebody, and the texts of its joins, then of its leaves."""
    match, table = body.match, body.table
    account.read = table.read
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    stays, joined, left = [], [], []
    for record, cells in table.rows:
        cell = partial(presence.cell, match, cells)
        name = cell("name") or f"{cell('first_name')} {cell('last_name')}".strip()
        email = cell("email") if "@" in cell("email") else ""
        if not (name or email):
            account.set_aside(record, "no_person")
            continue
        seconds = duration_seconds(cell("duration"))
        stays.append(Stay(record, "", (name,) if name else (), email, seconds=seconds))
        joined.append(cell("joined"))
        left.append(cell("left"))
    return stays, [*joined, *left]


def _timed(stays: list[Stay], instants: Instants, account: Account, *, clocks: bool) -> list[Stay]:
    """Give each stay its times; one without a leave lasts as long as is stated.

    Clock times of one day that go back are those of a meeting past midnight.
    """
    kept, n = [], len(stays)
    for i, stay in enumerate(stays):
        stay.joined, stay.left = instants.values[i], instants.values[n + i]
        if stay.joined is not None and stay.left is None and stay.seconds is not None:
            stay.left = presence.later(stay.joined, stay.seconds)
        elif clocks and stay.joined is not None and stay.left is not None and stay.left < stay.joined:
            stay.left += dt.timedelta(days=1)
        reason = "no_such_time" if instants.missing[i] or instants.missing[n + i] else presence.why_not(stay)
        if reason is None and (stay.joined is None or stay.left is None):
            reason = "no_time"
        if reason:
            account.set_aside(stay.record, reason)
            continue
        if instants.assumed[i] or instants.assumed[n + i]:
            account.note(stay.record, "repeated_hour")
        kept.append(stay)
    return kept
