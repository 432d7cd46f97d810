"""BigBlueButton's learning dashboard as JSON: intervals, polls and their answers, with the LMS's user ids.

The best BigBlueButton export: times are UTC, every interval is there, and ``extId`` is the id under which
the LMS sent the person. Older servers put the times straight into ``intIds``, or into the user. A poll with a
right option gives scores, another one opinions; anonymous answers are nobody's. Records are users, then
polls.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers import json_text, presence
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.bigbluebutton_polls import Poll, Voter, attempts, feedback
from flipstats.readers.json_text import epoch, string
from flipstats.readers.presence import Stay
from flipstats.readers.text import open_text

FORMAT = "bigbluebutton_json"
MILLISECOND = 0.001  # seconds
# How LMS plugins write the id of a person: the number alone, or after the LMS's name.
_LMS_ID = re.compile(r"(?:[A-Za-z][A-Za-z_.]*[-_:])?(\d{1,18})")


@dataclass(slots=True)
class _User(Voter):
    name: str = ""
    external: str = ""
    staff: bool = False


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - times are UTC
    """Read the data of one meeting's dashboard.

    Returns
    -------
    Reading
        ``attendance`` and ``meetings``; ``attempts`` (a row for each person who answered a quiz, then one for
        each quiz poll); ``feedback`` (answers to other polls, and anonymous ones, with ``meeting``). The
        people kind ``lms_id`` is the id in the LMS that opened the meeting; moderators have the role
        ``staff``.

    Raises
    ------
    InputError
        The file is not a whole JSON document, or holds no users.
    """
    text = open_text(file)
    data = json_text.document(text)
    listed = _pairs(data.get("users")) if isinstance(data, dict) else []
    if not listed:
        raise InputError(t("readers_meetings.bbb_not", file=file.name))
    asked = _pairs(data.get("polls"))
    account = Account(read=len(listed) + len(asked))
    users = _users([entry for _, entry in listed], account)
    polls = _polls(asked, len(listed), account)
    starts, ends = _close(data, users, account)
    _unanswered(users, polls, account)
    meeting, tables = _met(data, users, starts, ends)
    tables["attempts"] = attempts(users, polls, file.stem)
    tables["feedback"] = feedback(users, polls, meeting)
    account.kept = account.read - account.count("set_aside") - account.count("merged")
    return Reading(
        FORMAT,
        presence.filled(tables),
        account,
        people(_identities(users)),
        timezone="UTC",
        covers_to=ends,
        warnings=list(text.warnings),
    )


def _met(
    data: dict[str, Any], users: list[_User], starts: dt.datetime | None, ends: dt.datetime | None
) -> tuple[str, dict[str, pl.DataFrame]]:
    """Return the key of the meeting, and who was in it."""
    meeting = f"bbb:{string(data.get('intId')) or (starts and f'{starts:%Y-%m-%dT%H:%M:%SZ}') or ''}"
    stays = [stay for user in users for stay in user.stays]
    for stay in stays:
        stay.meeting = meeting
    row = (meeting, string(data.get("name")) or None, starts, ends)
    rows = presence.attendance(stays, Account())
    return meeting, {"attendance": rows, "meetings": presence.meetings([row] if stays else [])}


def _pairs(given: Any) -> list[tuple[str, Any]]:
    if isinstance(given, dict):
        return list(given.items())
    return [(str(i), each) for i, each in enumerate(given)] if isinstance(given, list) else []


def _users(listed: list[Any], account: Account) -> list[_User]:
    users: dict[str, _User] = {}
    for record, entry in enumerate(listed, 1):
        if not isinstance(entry, dict):
            account.set_aside(record, "object_unreadable")
            continue
        name, external = " ".join(string(entry.get("name")).split()), string(entry.get("extId"))
        if not (name or external):
            account.set_aside(record, "no_person")
            continue
        # Where somebody has no id from outside, two entries of one name are two people.
        person = f"bbb:{external}" if external else f"record:{record}"
        user = users.setdefault(person, _User(record, person, name=name, external=external))
        user.staff = user.staff or entry.get("isModerator") is True
        user.answers |= _answers(entry.get("answers"))
        for joined, left in _intervals(entry):
            user.stays.append(Stay(user.record, "", joined=joined, left=left, person=person))
        if user.record != record:
            account.merge(record, "same_meeting")
    return list(users.values())


def _answers(given: Any) -> dict[str, list[str]]:
    """Return the options chosen in each poll; older servers have one text where newer ones have a list."""
    found = {}
    for poll, chosen in _pairs(given):
        options = [string(each) for each in (chosen if isinstance(chosen, list) else [chosen])]
        if any(options):
            found[poll] = [option for option in options if option]
    return found


def _intervals(entry: dict[str, Any]) -> Iterator[tuple[dt.datetime, dt.datetime | None]]:
    """Yield when a user was in; None for the end of an interval that has none yet."""
    places = [each for _, each in _pairs(entry.get("intIds"))] or [entry]
    for place in places:
        inner = [each for _, each in _pairs(place.get("sessions"))] if isinstance(place, dict) else []
        for interval in inner or [place]:
            if isinstance(interval, dict):
                joined = epoch(interval.get("registeredOn"), MILLISECOND)
                if joined is not None:
                    yield joined, epoch(interval.get("leftOn"), MILLISECOND)


def _polls(asked: list[tuple[str, Any]], before: int, account: Account) -> dict[str, Poll]:
    polls = {}
    for position, (key, entry) in enumerate(asked, 1):
        if not isinstance(entry, dict):
            account.set_aside(before + position, "object_unreadable")
            continue
        right = string(entry.get("correctOption"))
        polls[key] = Poll(
            before + position,
            position,
            " ".join(string(entry.get("question")).split()) or f"#{position}",
            epoch(entry.get("createdOn"), MILLISECOND),
            right if entry.get("quiz") is True and right else None,
            tuple(option for _, each in _pairs(entry.get("anonymousAnswers")) if (option := string(each))),
        )
    return polls


def _unanswered(users: list[_User], polls: dict[str, Poll], account: Account) -> None:
    answered = {key for user in users for key in user.answers}
    for key, poll in polls.items():
        if key not in answered and not poll.anonymous:
            account.set_aside(poll.record, "poll_unanswered")


def _close(
    data: dict[str, Any], users: list[_User], account: Account
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Say when the meeting ran, and end the intervals of those still in with it."""
    starts, ends = (epoch(data.get(name), MILLISECOND) for name in ("createdOn", "endedOn"))
    first, last = presence.bounds(stay for user in users for stay in user.stays)
    latest = [stay.joined for user in users for stay in user.stays if stay.joined is not None]
    starts, ends = starts or first, ends or max([*latest, *([last] if last else [])], default=None)
    for user in users:
        for stay in user.stays:
            if stay.left is None:
                stay.left = max(ends, stay.joined)
                account.note(stay.record, "leave_unknown")
        good = [stay for stay in user.stays if presence.why_not(stay) is None]
        if len(good) < len(user.stays):
            account.note(user.record, "ends_before_start")
        user.stays = good
        if not good and not user.answers:
            account.set_aside(user.record, "no_time")
    return starts, ends


def _identities(users: list[_User]) -> Iterator[tuple[str, str, str | None]]:
    for user in users:
        known = _LMS_ID.fullmatch(user.external)
        yield user.person, "name", user.name
        yield user.person, "id", user.external
        yield user.person, "lms_id", known[1] if known else None
        yield user.person, "role", "staff" if user.staff else None
