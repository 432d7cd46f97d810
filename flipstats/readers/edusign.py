"""Edusign's answers as JSON: courses with their signatures, students, and justified absences.

Times are UTC. A course is a session with planned times; each of its students is one record: signed, late by
``delay`` minutes, excluded from a moment on, absent, or excused (an absence that is justified). Who is
present counts for the planned length, less the delay, until excluded, as on a signed sheet. ``proof`` is
``email`` where the signature came by a link sent afterwards. Reasons and documents of absences are not taken:
they can be about health.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from flipstats import schema
from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers import json_text, presence
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.json_text import at_path, instant, number, string
from flipstats.readers.text import Text, open_text

FORMAT = "edusign"
PAGE = 40  # courses, students or absences of a full page
_ATTENDANCE = {
    "person": pl.String, "meeting": pl.String, "status": pl.String, "minutes": pl.Float64,
    "late_minutes": pl.Float64, "signed_at": schema.TIME, "proof": pl.String, "record": pl.Int64,
}  # fmt: skip
_LEARNERS = {"person": pl.String, "record": pl.Int64}
_ABSENCES = {"person": pl.String, "starts_at": schema.TIME, "ends_at": schema.TIME, "record": pl.Int64}


@dataclass(slots=True)
class _Taken:
    account: Account = field(default_factory=Account)
    people: list[tuple[str, str, str | None]] = field(default_factory=list)
    attendance: dict[tuple[str, str], tuple] = field(default_factory=dict)
    meetings: dict[str, tuple] = field(default_factory=dict)
    absences: list[tuple] = field(default_factory=list)
    students: dict[str, int] = field(default_factory=dict)


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - times are UTC
    """Read saved pages of courses, of students or of justified absences.

    Returns
    -------
    Reading
        ``attendance`` and ``meetings`` of courses; ``learners`` of students; ``absences`` (``person``,
        ``starts_at``, ``ends_at``) of justified absences. A course that is not closed yet is ``not_taken``
        where nobody signed.

    Raises
    ------
    InputError
        The file is not whole JSON, is a refusal of Edusign, or none of these exports.
    """
    text = open_text(file)
    listed, largest = _entries(text)
    take = _kind_of(listed)
    if take is None:
        raise InputError(t("readers_meetings.edusign_not", file=file.name))
    taken = _Taken()
    for entry in listed:
        take(entry, taken)
    account = taken.account
    tables = {
        "attendance": pl.DataFrame(list(taken.attendance.values()), schema=_ATTENDANCE, orient="row"),
        "meetings": presence.meetings(taken.meetings.values()),
        "learners": pl.DataFrame(list(taken.students.items()), schema=_LEARNERS, orient="row"),
        "absences": pl.DataFrame(taken.absences, schema=_ABSENCES, orient="row"),
    }
    account.kept = account.read - account.count("merged") - account.count("set_aside")
    warnings = [*text.warnings]
    if largest == PAGE and take is _course:
        warnings.append(Notice("readers_meetings.edusign_page", file=file.name, n=largest))
    return Reading(
        FORMAT,
        presence.filled(tables),
        account,
        people(taken.people),
        timezone="UTC",
        warnings=warnings,
    )


def _entries(text: Text) -> tuple[list[Any], int]:
    """Return what a file lists, and the length of its longest page; there may be one page a line."""
    pages = json_text.values(text)
    found, largest = [], 0
    for page in pages:
        if isinstance(page, dict) and page.get("status") == "error":
            raise InputError(t("readers_meetings.edusign_error", file=text.name))
        result = page.get("result", page) if isinstance(page, dict) else page
        inner = result if isinstance(result, list) else [result]
        found += inner
        largest = max(largest, len(inner))
    return found, largest


def _kind_of(listed: list[Any]) -> Callable[[Any, _Taken], None] | None:
    """Return how the entries are to be taken, from the names that most of them have."""
    kinds = (
        (_course, ("STUDENTS", "START")),
        (_student, ("FIRSTNAME", "LASTNAME")),
        (_absence, ("STUDENT_ID",)),
    )
    for take, names in kinds:
        having = [each for each in listed if isinstance(each, dict) and all(name in each for name in names)]
        if having and 2 * len(having) >= len(listed):
            return take
    return None


# ------------------------------------------------------------------------------------------------ courses


@dataclass(frozen=True, slots=True)
class _Course:
    key: str
    title: str | None
    starts: dt.datetime
    ends: dt.datetime
    still_open: bool


def _course(entry: Any, taken: _Taken) -> None:
    students = at_path(entry, "STUDENTS.[]")
    course = _planned(entry, students)
    for each in students or [None]:  # a course without students is one record
        taken.account.read += 1
        reason = course if isinstance(course, str) else _attend(each, course, taken)
        if reason == "duplicate_record":
            taken.account.merge(taken.account.read, reason)
        elif reason:
            taken.account.set_aside(taken.account.read, reason)


def _planned(entry: Any, students: list[Any]) -> _Course | str:
    """Return the course, or why it is none."""
    if not isinstance(entry, dict):
        return "object_unreadable"
    starts, ends = instant(entry.get("START")), instant(entry.get("END"))
    if not students or starts is None or ends is None or ends < starts:
        ordered = starts is not None and ends is not None
        return "no_person" if not students else "ends_before_start" if ordered else "no_time"
    signed = any(isinstance(each, dict) and each.get("state") is True for each in students)
    return _Course(
        f"edusign:{string(entry.get('ID')) or f'{starts:%Y-%m-%dT%H:%M:%SZ}'}",
        " ".join(string(entry.get("NAME")).split()) or None,
        starts,
        ends,
        entry.get("LOCKED") in (0, False) and not signed,
    )


def _attend(entry: Any, course: _Course, taken: _Taken) -> str | None:
    """Take one student of a course; return why not, where that is so."""
    if not isinstance(entry, dict):
        return "object_unreadable"
    student = string(entry.get("studentId"))
    if not student:
        return "no_person"
    person, record = f"edusign:{student}", taken.account.read
    row = (person, course.key, *_presence(entry, course))
    known = taken.attendance.get((course.key, person))
    if known is not None:
        return "duplicate_record" if known[:-1] == row else "repeated_key"
    if row[2] == "not_taken":
        taken.account.note(record, "not_signed_yet")
    elif entry.get("excluded"):
        taken.account.note(record, "excluded_from_session")
    taken.people.append((person, "id", student))
    taken.attendance[course.key, person] = (*row, record)
    taken.meetings.setdefault(course.key, (course.key, course.title, course.starts, course.ends))
    return None


def _presence(
    entry: dict[str, Any], course: _Course
) -> tuple[str, float | None, float | None, dt.datetime | None, str]:
    """Return status, minutes, minutes late, when it was signed, and what proves it."""
    if entry.get("state") is not True:
        if entry.get("absenceId"):
            return "excused", None, None, None, "import"
        return ("not_taken", None, None, None, "import") if course.still_open else _ABSENT
    delay = number(entry.get("delay"))
    late = delay if delay is not None and delay > 0 else None
    left = instant(entry.get("excluded")) or course.ends
    planned = (min(max(left, course.starts), course.ends) - course.starts).total_seconds() / 60
    mailed = entry.get("signatureEmail")
    by_mail = isinstance(mailed, dict) and bool(mailed) and mailed.get("nbSent") != 0
    proof = "email" if by_mail else "signature" if entry.get("signature") else "import"
    status = "late" if late else "present"
    return status, max(0.0, planned - (late or 0.0)), late, instant(entry.get("timestamp")), proof


_ABSENT = ("absent", 0.0, None, None, "import")


# ------------------------------------------------------------------------------------- students, absences


def _student(entry: Any, taken: _Taken) -> None:
    account = taken.account
    account.read += 1
    student = string(entry.get("ID")) if isinstance(entry, dict) else ""
    if not student:
        account.set_aside(account.read, "no_person" if isinstance(entry, dict) else "object_unreadable")
        return
    person = f"edusign:{student}"
    if taken.students.setdefault(person, account.read) != account.read:
        account.merge(account.read, "same_person")
    name = " ".join(f"{string(entry.get('FIRSTNAME'))} {string(entry.get('LASTNAME'))}".split())
    taken.people += [
        (person, "id", student),
        (person, "email", string(entry.get("EMAIL")).casefold()),
        (person, "name", name),
        (person, "idnumber", string(entry.get("API_ID"))),
    ]


def _absence(entry: Any, taken: _Taken) -> None:
    account = taken.account
    account.read += 1
    record = account.read
    if not isinstance(entry, dict):
        account.set_aside(record, "object_unreadable")
        return
    student = string(entry.get("STUDENT_ID"))
    starts, ends = instant(entry.get("START")), instant(entry.get("END"))
    reason = None
    if not student:
        reason = "no_person"
    elif starts is None or ends is None:
        reason = "no_time"
    elif ends < starts:
        reason = "ends_before_start"
    if reason:
        account.set_aside(record, reason)
        return
    person = f"edusign:{student}"
    taken.people.append((person, "id", student))
    taken.absences.append((person, starts, ends, record))
