"""Answers of Moodle web services about a course itself: what its activities are called, attempts at quizzes.

``core_course_get_contents`` names what logs and completion states know by number only; attempts of
``mod_quiz_get_user_attempts`` have points without their maximum, which `assessments.csv` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flipstats.readers.base import Account
from flipstats.readers.json_text import epoch, number, string
from flipstats.readers.signatures import content

_STATES = {
    "inprogress": "in_progress",
    "overdue": "overdue",
    "abandoned": "never_submitted",
    "finished": None,
}


def modules(sections: Iterable[dict[str, Any]], record: Callable[[], int], account: Account) -> list[tuple]:
    """Return ``resource, cmid, title, kind, record`` of each activity of a course; a record is one."""
    kinds, rows = content("moodle_log")["modules"], {}
    for section in sections:
        for module in section["modules"]:
            n = record()
            cmid = string(module.get("id")) if isinstance(module, dict) else ""
            if not cmid:
                account.set_aside(n, "object_unreadable")
            elif module.get("modname") == "label":
                account.set_aside(n, "nothing_to_open")
            elif cmid in rows:
                account.merge(n, "duplicate_record")
            else:
                title = " ".join(string(module.get("name")).split()) or None
                rows[cmid] = (f"cm:{cmid}", cmid, title, kinds.get(string(module.get("modname")), "other"), n)
    return list(rows.values())


def quiz_attempts(attempts: Iterable[Any], record: Callable[[], int], account: Account) -> list[tuple]:
    """Return rows of ``attempts``; a record is an attempt, those of teachers looking first are set aside."""
    rows = []
    for one in attempts:
        n = record()
        user, quiz = (string(one.get(k)) if isinstance(one, dict) else "" for k in ("userid", "quiz"))
        state = string(one.get("state")) if user and quiz else ""
        if state not in _STATES:
            account.set_aside(n, "unknown_attempt_state" if user and quiz else "object_unreadable")
        elif one.get("preview") in (1, True):
            account.set_aside(n, "preview")
        else:
            raw = number(one.get("sumgrades")) if state == "finished" else None
            missing = _STATES[state] or ("not_graded" if raw is None else None)
            order = number(one.get("attempt"))
            begun, done = epoch(one.get("timestart")), epoch(one.get("timefinish"))
            rows.append((n, f"moodle:{user}", f"quiz:{quiz}", None, order and int(order), None, raw, None,
                         missing, begun, done))  # fmt: skip
    return rows
