"""Microsoft Teams attendance reports: who was in the meeting, and for how many minutes.

Read by structure, because labels change with the language: numbered sections of tab-separated lines, first a
summary of pairs, then one line for each participant, then one for each stay in the meeting. Minutes are those
of the union of a person's stays; where a person has none, those the participants section states. The report
of 2020 (``Full Name, User Action, Timestamp``) gives stays too.

The English layout is known from published exports; the French labels are not confirmed by one, so a report
with other than English labels is read with a warning.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import duration_seconds, parse_times
from flipstats.readers.text import normal, open_text
from flipstats.readers.zones import to_utc, zone_of
from flipstats.schema import TIME

FORMAT = "teams_attendance"
SECTION = re.compile(r"^\s*(\d)\.\s+\S")
_LABELS = {
    "name": ("name", "nom"),
    "joined": ("first join", "join time", "premiere participation", "heure de participation"),
    "left": ("last leave", "leave time", "dernier depart", "heure de depart"),
    "duration": ("in-meeting duration", "duration", "duree de la reunion", "duree"),
    "email": ("email", "e-mail"),
    "upn": ("participant id (upn)", "id du participant (upn)"),
    "role": ("role",),
}
_MEETING = {"meeting": pl.String, "title": pl.String, "starts_at": TIME, "ends_at": TIME}
_FRENCH = ("nom", "heure de participation", "premiere participation")
_PARTICIPANTS = ("name", "joined", "left", "duration", "email", "upn", "role")
_ACTIVITIES = ("name", "joined", "left", "duration", "email", "role")
_ORGANISERS = ("organizer", "organiser", "co-organizer", "co-organiser", "organisateur", "organisatrice",
               "co-organisateur", "co-organisatrice")  # fmt: skip
_LEAVING = ("left", "a quitte", "est parti", "parti", "depart")
_JOINING = ("joined", "joined before", "a rejoint", "rejoint", "rejoint avant", "a rejoint avant")
_MARK = re.compile(
    r"\s*\((guest|external|unverified|invité|invitée|externe|non vérifié|non vérifiée)\)\s*$", re.IGNORECASE
)
_MOMENT = re.compile(r"\d+[./-]\d+[./-]\d+\D.*\d:\d\d")
_HIDDEN = re.compile(r"(participant|anonymous user|utilisateur anonyme)\s*\d*", re.IGNORECASE)


@dataclass(slots=True)
class _Entry:
    """One line that says when somebody was there."""

    record: int
    name: str
    email: str
    role: str
    joined_text: str
    left_text: str
    seconds: float | None = None
    stated: bool = False  # from the participants section: one line for all stays
    joined: dt.datetime | None = None
    left: dt.datetime | None = None
    person: str = ""


@dataclass(slots=True)
class _Report:
    title: str | None = None
    bounds: list[str] = field(default_factory=list)  # texts of the meeting's start and end
    entries: list[_Entry] = field(default_factory=list)
    account: Account = field(default_factory=Account)
    language: str | None = None
    by_position: bool = False
    stays: bool = False


def read(file: Path, context: Context) -> Reading:
    """Read one attendance report.

    Returns
    -------
    Reading
        Tables ``attendance`` (one row a person, ``minutes`` of presence) and ``meetings`` (``meeting``,
        ``title``, ``starts_at``, ``ends_at``). A record is one line of the participants section, then one of
        the stays, counted on; the organiser has the role ``staff``.

    Raises
    ------
    InputError
        The file has no such structure, the zone is unknown, or its dates can be read in two ways.
    """
    zone = zone_of(context, file.name)
    text = open_text(file)
    content = text.content()
    lines = [_cells(line) for line in content.split("\n")]
    cut = bool(content) and not content.endswith("\n")
    report = _old_report(lines) or _sections(lines, file.name, cut)
    _set_times(report, file.name, zone, context)
    rows, bounds = _attendance(report), _bounds(report)
    if not rows or bounds is None:
        said = [*text.warnings, Notice("readers_meetings.nobody", file=file.name)]
        return Reading(FORMAT, {}, report.account, language=report.language, timezone=zone, warnings=said)
    starts, ends = bounds
    meeting = f"teams:{starts:%Y-%m-%dT%H:%M:%SZ}"
    return Reading(
        format=FORMAT,
        tables={
            "attendance": _attendance_frame(rows, meeting),
            "meetings": pl.DataFrame([(meeting, report.title, starts, ends)], schema=_MEETING, orient="row"),
        },
        account=report.account,
        people=people(_people(report.entries)),
        confidence=1.0 if report.language == "en" else 0.7,
        language=report.language,
        timezone=zone,
        warnings=[*text.warnings, *_warnings(report, file.name)],
    )


def _cells(line: str) -> list[str]:
    if '"' in line and line.count('"') % 2 == 0:
        return [cell.strip() for cell in next(csv.reader([line], delimiter="\t"), [])]
    return [cell.strip() for cell in line.split("\t")]


def _warnings(report: _Report, name: str) -> list[str]:
    found = []
    if report.language == "fr":
        found.append(Notice("readers_more.teams_french", file=name))
    elif report.by_position:
        found.append(Notice("readers_more.teams_by_position", file=name))
    if not report.stays:
        found.append(Notice("readers_more.teams_no_stays", file=name))
    return found


# ------------------------------------------------------------------------------------- from lines to entries


def _sections(lines: list[list[str]], name: str, cut: bool) -> _Report:
    report, sections = _Report(), []
    for number, cells in enumerate(lines):
        if SECTION.match(cells[0]) and not any(cells[1:]):
            sections.append([])
        elif sections and any(cells):
            sections[-1].append((cells, cut and number == len(lines) - 1))
    if len(sections) < 2:
        raise InputError(t("readers_more.teams_no_sections", file=name))
    pairs = [cells for cells, _ in sections[0] if len(cells) > 1]
    report.title = pairs[0][1] if pairs else None
    report.bounds = [pair[1] for pair in pairs[1:] if _MOMENT.match(pair[1])]
    for section in sections[1:]:
        header = section[0][0] if section else []
        layout = _ACTIVITIES if len([c for c in header if c]) == len(_ACTIVITIES) else _PARTICIPANTS
        if len(header) >= len(_ACTIVITIES):
            _table(report, section, layout)
    if not any(section and len(section[0][0]) >= len(_ACTIVITIES) for section in sections[1:]):
        raise InputError(t("readers_more.teams_no_sections", file=name))
    return report


def _table(report: _Report, section: list[tuple[list[str], bool]], layout: tuple[str, ...]) -> None:
    header = [normal(cell) for cell in section[0][0]]
    where = {
        column: next((i for i, label in enumerate(header) if label in labels), None)
        for column, labels in _LABELS.items()
    }
    missing = [column for column in layout if where[column] is None]
    if missing:
        report.by_position = True
        where = {column: layout.index(column) if column in layout else None for column in _LABELS}
    elif report.language is None:
        report.language = "fr" if any(label in _FRENCH for label in header) else "en"
    stated = layout == _PARTICIPANTS
    report.stays = report.stays or not stated
    for cells, last in section[1:]:
        report.account.read += 1
        record = report.account.read
        if len(cells) <= max(where["joined"], where["left"]) or (last and len(cells) < len(header)):
            report.account.set_aside(record, "cut_record" if last else "too_few_cells")
            continue
        value = {column: cells[i] if i is not None and i < len(cells) else "" for column, i in where.items()}
        seconds = duration_seconds(value["duration"])
        report.entries.append(
            _Entry(
                record,
                value["name"],
                value["email"] or _address(value["upn"]),
                value["role"],
                value["joined"],
                value["left"],
                seconds,
                stated,
            )
        )


def _address(text: str) -> str:
    return text if "@" in text else ""


def _old_report(lines: list[list[str]]) -> _Report | None:
    """Read the report of 2020: a line each time somebody joins or leaves."""
    rows = [(cells, number) for number, cells in enumerate(lines) if any(cells)]
    if not rows or len(rows[0][0]) != 3 or SECTION.match(rows[0][0][0]):
        return None
    header = [normal(cell) for cell in rows[0][0]]
    actions = {normal(cells[1]) for cells, _ in rows[1:] if len(cells) == 3}
    if not actions & {*_LEAVING, *_JOINING}:
        return None
    report = _Report(stays=True, language="en" if header[0] == "full name" else "fr")
    open_stay: dict[str, _Entry] = {}
    for cells, _ in rows[1:]:
        report.account.read += 1
        record = report.account.read
        if len(cells) != 3:
            report.account.set_aside(record, "too_few_cells" if len(cells) < 3 else "too_many_cells")
            continue
        name, action, moment = cells[0], normal(cells[1]), cells[2]
        if action in _JOINING and name not in open_stay:
            open_stay[name] = _Entry(record, name, "", "", moment, "")
            report.entries.append(open_stay[name])
        elif action in _LEAVING and name in open_stay:
            open_stay.pop(name).left_text = moment
            report.account.merge(record, "end_of_stay")
        else:
            known = action in _JOINING or action in _LEAVING
            report.account.set_aside(record, "no_matching_action" if known else "unknown_action")
    return report


# ------------------------------------------------------------------------------------------------ times


def _set_times(report: _Report, file: str, zone: str, context: Context) -> None:
    """Read all times of the report in one format; an entry without times that make sense is set aside."""
    entries = report.entries
    texts = [*report.bounds, *(e.joined_text for e in entries), *(e.left_text for e in entries)]
    column = t("readers_more.teams_times")
    cells = pl.Series(texts, dtype=pl.String)
    local = parse_times(cells, file=file, column=column, order=context.date_order)
    instants = to_utc(local.values, "UTC" if local.zoned else zone)
    values = instants.values.to_list()
    skip, n = len(report.bounds), len(entries)
    report.bounds = [value for value in values[:skip] if value]
    last = max((value for value in values if value), default=None)
    kept = []
    for i, entry in enumerate(entries):
        join, leave = skip + i, skip + n + i
        entry.joined = values[join]
        entry.left = values[leave] if entry.left_text else last
        if reason := _why_not(entry, bool(instants.missing[join] or instants.missing[leave])):
            report.account.set_aside(entry.record, reason)
            continue
        if instants.assumed[join] or instants.assumed[leave]:
            report.account.note(entry.record, "repeated_hour")
        if not entry.left_text:
            report.account.note(entry.record, "leave_unknown")
        kept.append(entry)
    report.entries = kept


def _why_not(entry: _Entry, skipped_hour: bool) -> str | None:
    entry.name = _MARK.sub("", _MARK.sub("", entry.name))
    if not entry.email and _HIDDEN.fullmatch(entry.name):
        return "anonymous"
    if not (entry.email or entry.name):
        return "no_person"
    if skipped_hour:
        return "no_such_time"
    if entry.joined is None or entry.left is None:
        return "no_time"
    return "ends_before_start" if entry.left < entry.joined else None


def _bounds(report: _Report) -> tuple[dt.datetime, dt.datetime] | None:
    """Return when the meeting ran: as stated, else from the first join to the last leave."""
    if len(report.bounds) >= 2 and report.bounds[0] <= report.bounds[1]:
        return report.bounds[0], report.bounds[1]
    if not report.entries:
        return None
    return min(e.joined for e in report.entries), max(e.left for e in report.entries)


# ---------------------------------------------------------------------------------------------- people


def _attendance(report: _Report) -> list[tuple[str, float, int]]:
    """Return (person, minutes, record), one row a person; its other records are merged into it."""
    _name_persons(report.entries)
    of: dict[str, list[_Entry]] = {}
    for entry in report.entries:
        of.setdefault(entry.person, []).append(entry)
    rows = []
    for person, entries in of.items():
        stays = [e for e in entries if not e.stated]
        kept = min(stays or entries, key=lambda e: e.record)
        if stays:
            seconds = union_seconds([(e.joined, e.left) for e in stays])
        else:
            stated = [e.seconds for e in entries if e.seconds is not None]
            seconds = max(stated) if stated else union_seconds([(e.joined, e.left) for e in entries])
        rows.append((person, seconds / 60, kept.record))
        for entry in entries:
            if entry is not kept:
                report.account.merge(
                    entry.record, "told_by_stays" if entry.stated and stays else "same_meeting"
                )
    report.account.kept = len(rows)
    return rows


def union_seconds(intervals: list[tuple[dt.datetime, dt.datetime]]) -> float:
    """Return the seconds covered by intervals that may overlap (two devices) or leave gaps (a dropped line).

    Examples
    --------
    >>> at = [dt.datetime(2024, 3, 21, 9, minute) for minute in (0, 10, 20, 30)]
    >>> union_seconds([(at[2], at[3]), (at[0], at[1]), (at[0], at[1])])
    1200.0
    """
    total, end = dt.timedelta(0), None
    for start, stop in sorted(intervals):
        if end is None or start > end:
            total, end = total + (stop - start), stop
        elif stop > end:
            total, end = total + (stop - end), stop
    return total.total_seconds()


def _name_persons(entries: list[_Entry]) -> None:
    """Key each entry by address; a line without one takes the address of the only bearer of its name."""
    addresses: dict[str, set[str]] = {}
    for entry in entries:
        if entry.email:
            addresses.setdefault(normal(entry.name), set()).add(entry.email.casefold())
    for entry in entries:
        known = {entry.email.casefold()} if entry.email else addresses.get(normal(entry.name), set())
        entry.person = f"mail:{next(iter(known))}" if len(known) == 1 else f"name:{normal(entry.name)}"


def _people(entries: list[_Entry]) -> list[tuple[str, str, str | None]]:
    rows: list[tuple[str, str, str | None]] = []
    for entry in entries:
        rows.append((entry.person, "email", entry.email.casefold()))
        rows.append((entry.person, "name", entry.name))
        if normal(entry.role) in _ORGANISERS:
            rows.append((entry.person, "role", "staff"))
    return rows


def _attendance_frame(rows: list[tuple[str, float, int]], meeting: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows, schema={"person": pl.String, "minutes": pl.Float64, "record": pl.Int64}, orient="row"
    )
    return frame.select(
        "person",
        pl.lit(meeting).alias("meeting"),
        pl.lit("present").alias("status"),
        "minutes",
        pl.lit("live").alias("proof"),
        "record",
    )
