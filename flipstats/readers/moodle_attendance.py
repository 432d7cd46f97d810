"""Moodle attendance plugin: who was present, late, excused or absent at each session it lists.

A session is known by its start and, where it was for one group, that group; its end is not in the export. A
session that was not taken says nothing about anybody, and neither does a cell left blank for another group.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import parse_times
from flipstats.readers.moodle_people import who, why_nobody
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal, open_text
from flipstats.readers.workbook import is_workbook, sheets, trimmed
from flipstats.readers.zones import Instants, to_utc, zone_of
from flipstats.schema import TIME

FORMAT = "moodle_attendance"
_SIGN = signature(FORMAT)
_SESSION = re.compile(
    r"(?P<day>\d{1,4}(?P<m>[./ -])(?:\d{1,2}|[^\W\d_]{3,9}\.?)(?P=m)\d{1,4}),? +"
    r"(?P<hour>\d{1,2})[.:h](?P<minute>\d{2})(?P<second>:\d{2})? ?(?P<half>[ap]\.?m\.?)?(?: +(?P<rest>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_CELL = re.compile(r"(?P<acronym>[^\s()←?]{1,4})(?: *\([\d.,]+ */ *[\d.,]+\))?")
_REPEATED = "←"
_ATTENDANCE = {"record": pl.Int64, "person": pl.String, "meeting": pl.String, "status": pl.String}
_LEARNERS = {"record": pl.Int64, "person": pl.String}
_MEETINGS = {
    "meeting": pl.String,
    "title": pl.String,
    "starts_at": TIME,
    "ends_at": TIME,
    "joint": pl.Boolean,  # several cohorts may have met, each in a session of its own
}


@dataclass(frozen=True, slots=True)
class _Sheet:
    header: list[str]
    match: Match
    rows: list[list[str]]
    cut: bool  # the last row may not be whole
    warnings: list[Notice]


def read(file: Path, context: Context) -> Reading:
    """Read the export of an attendance activity, text or workbook, French or English.

    Gives ``learners`` (``record``, ``person``), ``attendance`` (``record``, ``person``, ``meeting``,
    ``status``) and ``meetings`` (``meeting``, ``title``, ``starts_at``; ``ends_at`` is null). A record is one
    learner. Cells of sessions that were not taken, of deleted statuses and of times outside an enrolment give
    no row and are noted.

    Raises
    ------
    InputError
        Not such an export, dates that cannot be settled, or no zone.
    """
    sheet = _sheet(file)
    account, identities, rows = Account(), [], []
    for record, cells in enumerate(sheet.rows, 1):
        account.read += 1
        reason = _irregular(cells, sheet, last=record == len(sheet.rows))
        one = None if reason else who(sheet.match, cells, record=record)
        if reason or one is None:
            account.set_aside(record, reason or why_nobody(sheet.match, cells))
            continue
        identities += one.identities
        rows.append((record, one.person, cells))
    account.kept = len(rows)
    places = sheet.match.columns["session"]
    zone = zone_of(context, file.name)
    meetings, keys = _meetings(sheet.header, places, zone, context, file.name)
    attendance = _attendance(rows, keys, _statuses(sheet.header, sheet.match), account)
    warnings = list(sheet.warnings)
    if attendance.is_empty():
        warnings.append(Notice("readers_moodle_more.no_meetings_taken", file=file.name))
    learners = pl.DataFrame([row[:2] for row in rows], schema=_LEARNERS, orient="row")
    tables = {"learners": learners, "attendance": attendance, "meetings": meetings}
    return Reading(
        FORMAT,
        {name: table for name, table in tables.items() if table.height},
        account,
        people(identities),
        language=sheet.match.language,
        timezone=zone,
        warnings=warnings,
    )


def _sheet(file: Path) -> _Sheet:
    """Return the table below the lines that name the course and the group."""
    cut, warnings = False, []
    if is_workbook(file):
        tables = [[trimmed(row) for row in sheet.rows if any(row)] for sheet in sheets(file)]
    else:
        text = open_text(file)
        content, warnings = text.content(), list(text.warnings)
        cut = not content.endswith("\n")
        lines = [line for line in content.split("\n") if line.strip()]
        tables = [_split(lines)]
    for rows in tables:
        for start in range(min(_SIGN.header_within, len(rows))):
            match = _SIGN.match(rows[start])
            if match.fits:
                return _Sheet(rows[start], match, rows[start + 1 :], cut, warnings)
    for rows in tables:
        names = next((r for r in rows[: _SIGN.header_within] if "last_name" in _SIGN.match(r).columns), None)
        if names:
            raise InputError(t("readers_moodle_more.no_sessions", file=file.name))
    _SIGN.require([], file.name)
    raise InputError(t("readers_moodle_more.no_sessions", file=file.name))


def _split(lines: Sequence[str]) -> list[list[str]]:
    """Split lines by the tab, which the export never quotes; else, where someone saved it again, as CSV."""
    if any("\t" in line for line in lines[: _SIGN.header_within]):
        return [line.split("\t") for line in lines]
    mark = max(",;", key="".join(lines[: _SIGN.header_within]).count)
    try:
        return [row for row in csv.reader([line + "\n" for line in lines], delimiter=mark) if row]
    except csv.Error:
        return []


def _irregular(cells: list[str], sheet: _Sheet, *, last: bool) -> str | None:
    """Say why a row cannot be read; rows of a workbook lack the blank cells at their end."""
    wanted, given = len(sheet.header), len(cells)
    if given > wanted and any(cell.strip() for cell in cells[wanted:]):
        return "too_many_cells"
    if given < wanted:
        if last and sheet.cut:
            return "cut_record"
        if given <= max(sheet.match.columns["session"]) and sheet.match.at("taken") is not None:
            return "too_few_cells"
        cells += [""] * (wanted - given)
    return None


def _meetings(
    header: Sequence[str], places: Sequence[int], zone: str, context: Context, file: str
) -> tuple[pl.DataFrame, dict[int, str]]:
    """Return the sessions, and the key of each column's session."""
    parts = [(at, found) for at in places if (found := _SESSION.fullmatch(" ".join(header[at].split())))]
    written = pl.Series([_moment(found) for _, found in parts], dtype=pl.String)
    dotted = all(found["m"] == "." for _, found in parts)
    order = context.date_order or ("day_first" if dotted else None)
    times = parse_times(written, file=file, column=t("readers_moodle_more.session_column"), order=order)
    instants: Instants = to_utc(times.values, zone)
    rows, keys = {}, {}
    for (at, found), starts in zip(parts, instants.values, strict=True):
        if starts is None:
            continue
        title = (found["rest"] or "").strip()
        key = f"attendance:{starts:%Y-%m-%dT%H:%M:%SZ}:{normal(title)}"
        keys[at] = key if key not in rows else f"{key}#{at}"
        rows[keys[at]] = (keys[at], title or None, starts, None, True)
    return pl.DataFrame(list(rows.values()), schema=_MEETINGS, orient="row"), keys


def _moment(found: re.Match[str]) -> str:
    half = (found["half"] or "").replace(".", "").lower()
    clock = f"{int(found['hour']):02d}:{found['minute']}{found['second'] or ''}"
    return f"{found['day']} {clock}" + (f" {half}" if half else "")


def _statuses(header: Sequence[str], match: Match) -> dict[str, str | None]:
    """Return what each acronym of the sheet's own legend means; None where flipstats does not know it."""
    known = _SIGN.words["status"]
    after = max(match.columns["session"])
    legend = [header[at].strip() for at in match.columns.get("acronym", ()) if at > after]
    if not legend:  # the counts were not exported: the default statuses
        return dict(known)
    return {normal(acronym): known.get(normal(acronym)) for acronym in legend}


def _attendance(
    rows: Sequence[tuple[int, str, list[str]]],
    keys: dict[int, str],
    statuses: dict[str, str | None],
    account: Account,
) -> pl.DataFrame:
    out = []
    for record, person, cells in rows:
        for at, meeting in keys.items():
            status, reason = _status(cells[at].strip(), statuses)
            if status is not None:
                out.append((record, person, meeting, status))
            elif reason is not None:
                account.note(record, reason)
    frame = pl.DataFrame(out, schema=_ATTENDANCE, orient="row")
    return frame.with_columns(
        pl.lit(None, pl.Float64).alias("minutes"), pl.lit("import").alias("proof")
    ).unique(("person", "meeting"), keep="first", maintain_order=True)


def _status(cell: str, statuses: dict[str, str | None]) -> tuple[str | None, str | None]:
    """Return (status, None), or (None, why the cell gives none); (None, None) for another group's session."""
    if not cell:
        return None, None
    if cell == "?":
        return None, "session_not_taken"
    if cell == _REPEATED or (len(cell) > 5 and "(" not in cell):
        return None, "not_enrolled_then"
    if cell.startswith("-") and len(cell) <= 5:
        return None, "deleted_status"
    found = _CELL.fullmatch(cell)
    status = statuses.get(normal(found["acronym"])) if found else None
    return status, None if status else "unknown_status"
