"""Moodle web services, answers saved as JSON: who is enrolled, what is completed, and the grades of items.

Times are UTC. An error comes as an answer like any other; it is refused with its code.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers import json_text
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.json_text import epoch, number, string
from flipstats.readers.moodle_webservice_course import modules, quiz_attempts
from flipstats.readers.signatures import content
from flipstats.readers.text import Text, normal, open_text
from flipstats.schema import TIME

FORMAT = "moodle_webservice"
_TOTALS = ("course", "category")
_VERBS = {1: "completed", 2: "passed", 3: "failed"}
_WHOSE = re.compile(r"user(?:id)?[-_ ]?(\d{1,18})(?!\d)", re.IGNORECASE)
_CODE = re.compile(r"[\w/.-]{1,60}")
_SCHEMAS = {
    "learners": {"record": pl.Int64, "person": pl.String},
    "events": {
        "record": pl.Int64,
        "person": pl.String,
        "resource": pl.String,
        "at": TIME,
        "verb": pl.String,
        "state": pl.String,
    },
    "resources": {
        "resource": pl.String,
        "cmid": pl.String,
        "title": pl.String,
        "kind": pl.String,
        "record": pl.Int64,
    },
    "attempts": {
        "record": pl.Int64,
        "person": pl.String,
        "assessment": pl.String,
        "item_id": pl.String,
        "attempt": pl.Int64,
        "score": pl.Float64,
        "raw_score": pl.Float64,
        "maximum": pl.Float64,
        "missing_reason": pl.String,
        "started_at": TIME,
        "submitted_at": TIME,
    },
}


@dataclass(slots=True)
class _Found:
    account: Account = field(default_factory=Account)
    rows: dict[str, list[tuple]] = field(default_factory=lambda: defaultdict(list))
    identities: list[tuple[str, str, str]] = field(default_factory=list)

    def next(self) -> int:
        self.account.read += 1
        return self.account.read


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001
    """Read an answer of one of five functions, or several answers, one a line.

    ``core_enrol_get_enrolled_users`` gives ``learners`` (those without a teaching role) and identities; a
    record is a user. ``core_completion_get_activities_completion_status`` gives ``events`` and ``resources``;
    a record is an activity. ``gradereport_user_get_grade_items`` gives ``attempts``, with ``title:`` and the
    item's name as ``assessment``; a record is an item of a learner, totals are set aside.
    ``core_course_get_contents`` gives ``resources``, ``mod_quiz_get_user_attempts`` gives ``attempts``.

    Raises
    ------
    InputError
        Not JSON, an error of the web service, another function's answer, or states of nobody known.
    """
    text = open_text(file)
    found = _Found()
    answers = list(_answers(text, found))
    for answer in answers:
        _refuse_error(answer, file.name)
    listed = [each for answer in answers if isinstance(answer, list) for each in answer]
    sections = [each for each in listed if isinstance(each, dict) and isinstance(each.get("modules"), list)]
    users = [each for each in listed if each not in sections] if sections else listed
    one = [answer for answer in answers if isinstance(answer, dict)]
    users += [answer for answer in one if "fullname" in answer]
    states = [answer for answer in one if isinstance(answer.get("statuses"), list)]
    grades = [answer for answer in one if isinstance(answer.get("usergrades"), list)]
    tries = [answer for answer in one if isinstance(answer.get("attempts"), list)]
    if not any((users, states, grades, sections, tries)):
        raise InputError(t("readers_moodle_more.webservice_not", file=file.name))
    _enrolled(users, found)
    for answer in states:
        _completion(answer, _whose(answer, file.name), found)
    _grades([each for answer in grades for each in answer["usergrades"]], found)
    account = found.account
    found.rows["resources"] += modules(sections, found.next, account)
    attempts = quiz_attempts([each for answer in tries for each in answer["attempts"]], found.next, account)
    found.rows["attempts"] += attempts
    found.identities += [(row[1], "id", row[1].removeprefix("moodle:")) for row in attempts]
    account.kept = account.read - account.count("set_aside") - account.count("merged")
    tables = {
        name: pl.DataFrame(rows, schema=_SCHEMAS[name], orient="row")
        for name, rows in found.rows.items()
        if rows
    }
    return Reading(
        FORMAT,
        tables,
        account,
        people(found.identities),
        timezone="UTC",
        covers_to=tables["events"]["at"].max() if "events" in tables else None,
        warnings=list(text.warnings),
    )


def _answers(text: Text, found: _Found) -> Iterator[Any]:
    if json_text.kind(text) != "lines":
        yield json_text.document(text)
        return
    for _, value, reason in json_text.records(text):
        if reason is None:
            yield value
        else:
            found.account.set_aside(found.next(), reason)


def _refuse_error(answer: Any, file: str) -> None:
    if isinstance(answer, dict) and "exception" in answer and "errorcode" in answer:
        code = string(answer["errorcode"])
        shown = code if _CODE.fullmatch(code) else "?"
        raise InputError(t("readers_moodle_more.webservice_error", file=file, code=shown))


def _whose(answer: dict[str, Any], file: str) -> str:
    """Return whose states an answer holds: the answer does not say, the file's name may."""
    given = string(answer.get("userid")) or next(iter(_WHOSE.findall(file)), "")
    if not given:
        raise InputError(t("readers_moodle_more.webservice_whose", file=file))
    return "moodle:" + given


def _enrolled(users: Iterable[Any], found: _Found) -> None:
    seen = set()
    for user in users:
        record = found.next()
        given = string(user.get("id")) if isinstance(user, dict) else ""
        if not given:
            found.account.set_aside(record, "object_unreadable")
            continue
        person = "moodle:" + given
        if person in seen:
            found.account.merge(record, "same_person")
            continue
        seen.add(person)
        found.identities += _identities(person, given, user)
        roles = {normal(name) for name in _each(user.get("roles"), "shortname")}
        if roles & set(content(FORMAT)["roles"]["staff"]):
            found.identities.append((person, "role", "staff"))
        else:
            found.rows["learners"].append((record, person))


def _identities(person: str, given: str, user: dict[str, Any]) -> list[tuple[str, str, str]]:
    name = string(user.get("fullname")) or f"{string(user.get('firstname'))} {string(user.get('lastname'))}"
    pairs = [
        ("id", given),
        ("email", string(user.get("email")).casefold()),
        ("idnumber", string(user.get("idnumber"))),
        ("username", string(user.get("username"))),
        ("name", " ".join(name.split())),
    ]
    pairs += [("group", " ".join(group.split())) for group in _each(user.get("groups"), "name")]
    return [(person, kind, value) for kind, value in pairs if value]


def _each(objects: Any, key: str) -> list[str]:
    values = objects if isinstance(objects, list) else []
    return [string(value.get(key)) for value in values if isinstance(value, dict)]


def _completion(answer: dict[str, Any], person: str, found: _Found) -> None:
    kinds = content("moodle_log")["modules"]
    found.identities.append((person, "id", person.removeprefix("moodle:")))
    for status in answer["statuses"]:
        record = found.next()
        cmid = string(status.get("cmid")) if isinstance(status, dict) else ""
        state = number(status.get("state")) if cmid else None
        if state is None or state not in (0, *_VERBS):
            found.account.set_aside(record, "unknown_state" if cmid else "object_unreadable")
            continue
        kind = kinds.get(string(status.get("modname")), "other")
        resource = f"cm:{cmid}"
        if all(row[0] != resource for row in found.rows["resources"]):
            found.rows["resources"].append((resource, cmid, None, kind, record))
        if state == 0:
            continue
        at = epoch(status.get("timecompleted"))
        if status.get("overrideby") not in (None, 0, "", "0"):
            found.account.set_aside(record, "override")
        elif at is None:
            found.account.set_aside(record, "no_moment")
        else:
            verb = _VERBS[int(state)]
            found.rows["events"].append((record, person, resource, at, verb, verb))


def _grades(users: Iterable[Any], found: _Found) -> None:
    users = [user for user in users if isinstance(user, dict)]
    keys = _keys(users)
    for user in users:
        given = string(user.get("userid"))
        person = "moodle:" + given
        if given:
            pairs = [("id", given), ("idnumber", string(user.get("useridnumber")))]
            pairs.append(("name", " ".join(string(user.get("userfullname")).split())))
            found.identities += [(person, kind, value) for kind, value in pairs if value]
        for item in _items(user):
            record = found.next()
            reason = None if given else "no_person"
            if not isinstance(item, dict):
                reason = "object_unreadable"
            elif item.get("itemtype") in _TOTALS:
                reason = "aggregate"
            elif not string(item.get("itemname")):
                reason = "no_assessment"
            if reason:
                found.account.set_aside(record, reason)
            else:
                found.rows["attempts"].append((record, person, keys[_item(item)], *_grade(item)))


def _items(user: dict[str, Any]) -> list[Any]:
    items = user.get("gradeitems")
    return items if isinstance(items, list) else []


def _item(item: dict[str, Any]) -> tuple[str, str]:
    return " ".join(string(item.get("itemname")).split()), string(item.get("id"))


def _keys(users: Iterable[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the key of each grade item: its title, with its order where several have that title."""
    ids: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for user in users:
        for item in _items(user):
            if isinstance(item, dict) and string(item.get("itemname")):
                ids[normal(_item(item)[0])][_item(item)] = None
    return {
        item: f"title:{item[0]}" + (f" #{n}" if len(items) > 1 else "")
        for items in ids.values()
        for n, item in enumerate(items, 1)
    }


def _grade(item: dict[str, Any]) -> tuple:
    """Return item, attempt, score, points, maximum, why it is missing, and when it was handed in."""
    raw, low, high = (number(item.get(name)) for name in ("graderaw", "grademin", "grademax"))
    low = low or 0.0
    submitted = epoch(item.get("gradedatesubmitted"))
    score = min(1.0, max(0.0, (raw - low) / (high - low))) if raw is not None and (high or 0) > low else None
    reason = None
    if raw is None:
        never = submitted is None and item.get("itemtype") == "mod" and "gradedatesubmitted" in item
        reason = "no_attempt" if never else "not_graded"
    return None, None, score, raw, high, reason, None, submitted
