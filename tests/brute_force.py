"""The indicators again, in plain loops over rows, written from their definitions, with nothing of flipstats.

Slow and obvious on purpose. Rows are lists of dictionaries, as in `studies`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Paris")
ALWAYS = datetime.min.replace(tzinfo=UTC)
OPENING = {"viewed", "downloaded", "launched", "played", "started", "submitted", "failed", "paused"}
COMPLETING = {"completed", "passed"}


def by_id(rows, table, column):
    return {row[column]: row for row in rows.get(table, [])}


# ------------------------------------------------------------------------------------------------ who, what


def present_on_roster(rows, session) -> Iterator[dict]:
    """Yield the enrolments of L(s)."""
    for enrolment in rows.get("enrolments", []):
        if enrolment["cohort_id"] != session["cohort_id"]:
            continue
        enrolled, withdrawn = enrolment.get("enrolled_at"), enrolment.get("withdrawn_at")
        if enrolled is not None and enrolled > session["starts_at"]:
            continue
        if withdrawn is not None and withdrawn <= session["starts_at"]:
            continue
        yield enrolment


def required(rows, session) -> list[dict]:
    """Return R(s)."""
    return [
        p
        for p in rows.get("plan", [])
        if p["session_id"] == session["session_id"] and p["phase"] == "pre" and p["mandatory"]
    ]


def window_start(enrolment, planned) -> datetime:
    return max(enrolment.get("enrolled_at") or ALWAYS, planned.get("released_at") or ALWAYS)


def covered(rows, cohort, resource, level, start, end) -> bool:
    """Whether coverage intervals of the level, put together, hold everything from start to end."""
    start = min(start, end)
    intervals = [
        (c.get("covers_from") or ALWAYS, c["covers_to"])
        for c in rows.get("coverage", [])
        if c["level"] == level
        and c.get("cohort_id") in (None, cohort)
        and c.get("resource_id") in (None, resource)
    ]
    reached = start
    if not any(low <= start <= high for low, high in intervals):
        return False
    while reached < end:
        further = max((high for low, high in intervals if low <= reached <= high), default=reached)
        if further == reached:
            return False
        reached = further
    return True


def pair(rows, enrolment, session, planned, level, limits) -> tuple[bool | None, datetime | None]:
    """Return whether a pair was done (None: unknown) and its last consultation before the session."""
    resource = by_id(rows, "resources", "resource_id")[planned["resource_id"]]
    learner = by_id(rows, "learners", "learner_id")[enrolment["learner_id"]]
    start, end = window_start(enrolment, planned), session["starts_at"]
    if not resource["traced"] or learner["tracking"] != "traced":
        return None, None
    if not covered(rows, session["cohort_id"], planned["resource_id"], level, start, end):
        return None, None
    events = [
        e
        for e in rows.get("events", [])
        if e["learner_id"] == enrolment["learner_id"]
        and e["resource_id"] == planned["resource_id"]
        and e["verb"] in OPENING | COMPLETING
        and start <= e["at"] < end
    ]
    if events and all(e["verb"] == "downloaded" for e in events):
        return None, None
    return done(events, resource, level, limits), max((e["at"] for e in events), default=None)


def done(events, resource, level, limits) -> bool:
    if level == "opened":
        return bool(events)
    progress = max((e.get("progress") or 0 for e in events), default=0)
    completed = any(e["verb"] in COMPLETING for e in events) or progress >= limits["completed_share"]
    if level == "completed":
        return completed
    # Durations are kept to the millisecond.
    seconds = sum(int((e.get("seconds") or 0) * 1000 + 0.5) for e in events) / 1000
    length = resource.get("length_min") or 0
    enough = limits["substantial_share"] * length * 60 if length > 0 else limits["dwell_s"]
    timed = any(e.get("seconds") is not None for e in events)
    return completed or progress >= limits["substantial_share"] or (timed and seconds >= enough)


def cells(rows, level, limits) -> Iterator[dict]:
    """Yield one cell a learner and session: its group columns and the state of every pair owed."""
    cohorts = by_id(rows, "cohorts", "cohort_id")
    learners = by_id(rows, "learners", "learner_id")
    for session in rows.get("sessions", []):
        if session["kind"] != "session":
            continue
        for enrolment in present_on_roster(rows, session):
            pairs = {
                p["resource_id"]: pair(rows, enrolment, session, p, level, limits)
                for p in required(rows, session)
            }
            yield {
                **learners[enrolment["learner_id"]],
                **cohorts[session["cohort_id"]],
                **session,
                "pairs": pairs,
            }


def key_of(cell, by):
    return tuple(cell.get(name) for name in by)


class Tally:
    """Counts of one group."""

    def __init__(self) -> None:
        self.yes = self.of = self.unknown = 0
        self.learners: set = set()
        self.by_learner = defaultdict(lambda: [0.0, 0.0])
        self.by_cohort = defaultdict(lambda: [0.0, 0.0])

    def add(self, cell, yes, of, unknown=0):
        self.yes, self.of, self.unknown = self.yes + yes, self.of + of, self.unknown + unknown
        if of:
            self.learners.add(cell["learner_id"])
        for sums, name in ((self.by_learner, "learner_id"), (self.by_cohort, "cohort_id")):
            sums[cell[name]][0] += yes
            sums[cell[name]][1] += of


# ----------------------------------------------------------------------------------------------- indicators


def consultation_rate(rows, by, level, limits) -> dict[tuple, Tally]:
    out = defaultdict(Tally)
    for cell in cells(rows, level, limits):
        tell_apart = [{"resource_id": r} for r in cell["pairs"]] if "resource_id" in by else [{}]
        for part in tell_apart:
            states = [s for r, (s, _) in cell["pairs"].items() if part.get("resource_id") in (None, r)]
            out[key_of(cell | part, by)].add(
                cell, states.count(True), len(states) - states.count(None), states.count(None)
            )
    return out


def prepared_rate(rows, by, level, limits, *, all_of_them: bool) -> dict[tuple, Tally]:
    out = defaultdict(Tally)
    for cell in cells(rows, level, limits):
        states = [s for s, _ in cell["pairs"].values()]
        tally = out[key_of(cell, by)]
        if None in states:
            tally.add(cell, 0, 0, 1)
        elif states:
            tally.add(cell, int(all(states) if all_of_them else any(states)), 1)
        else:
            tally.add(cell, 0, 0)
    return out


def shares_prepared(rows, by, level, limits) -> dict[tuple, list[float]]:
    out = defaultdict(list)
    for cell in cells(rows, level, limits):
        states = [s for s, _ in cell["pairs"].values()]
        values = out[key_of(cell, by)]
        if states and None not in states:
            values.append(states.count(True) / len(states))
    return out


def lead_times(rows, by, level, limits) -> dict[tuple, list]:
    """Return for every known learner and session the hours and band, None for who prepared nothing."""
    out = defaultdict(list)
    for cell in cells(rows, level, limits):
        states = list(cell["pairs"].values())
        values = out[key_of(cell, by)]
        if not states or any(s is None for s, _ in states):
            continue
        last = max((when for s, when in states if s), default=None)
        values.append(None if last is None else (lead_hours(cell, last), band(cell, last, limits)))
    return out


def lead_hours(cell, last) -> float:
    return (cell["starts_at"] - last) / timedelta(hours=1)


def days_before(when: datetime, days: float) -> datetime:
    """Return the same time on the local clock some days before."""
    return (when.astimezone(ZONE) - timedelta(days=days)).astimezone(UTC)


def band(cell, last, limits) -> tuple[str, bool]:
    start = cell["starts_at"]
    near = last >= days_before(start, limits["near_days"])
    if start - last < timedelta(hours=limits["lead_hour_h"]):
        return "last_hour", near
    if start - last < timedelta(hours=limits["lead_day_h"]):
        return "last_day", near
    if last > days_before(start, limits["lead_days"]):
        return "few_days", near
    if last > days_before(start, limits["lead_week_days"]):
        return "week", near
    return ("fortnight" if last >= days_before(start, limits["early_days"]) else "early"), near


def start_scores(rows, by, limits) -> dict[tuple, dict]:
    """Return by group the scores, and of those present how many answered; see INDICATORS 9."""
    out = defaultdict(
        lambda: {
            "scores": [],
            "waiting": 0,
            "answered": 0,
            "present": 0,
            "unclear": 0,
            "changes": [],
            "half": 0,
        }
    )
    for cell in cells(rows, "opened", limits):
        tests = [
            a["assessment_id"]
            for a in rows.get("assessments", [])
            if a["role"] == "start" and a["session_id"] == cell["session_id"]
        ]
        group = out[key_of(cell, by)]
        if not tests:
            continue
        seen = {
            a["status"]
            for a in rows.get("attendance", [])
            if (a["learner_id"], a["session_id"]) == (cell["learner_id"], cell["session_id"])
        }
        there = bool(seen & {"present", "late"})
        away = not there and bool(seen & {"absent", "excused"})
        here = there and any(a["assessment_id"] in tests for a in rows.get("attempts", []))
        firsts = [f for test in tests if (f := first_attempt(rows, cell, test, limits)) is not None]
        scores = [f["score"] for f in firsts if f["score"] is not None]
        group["present"] += here
        group["unclear"] += not here and not away
        group["answered"] += here and bool(firsts)
        if scores and not away:
            group["scores"].append(sum(scores) / len(scores))
        elif firsts and not away:
            group["waiting"] += 1
        quizzes = [
            a["assessment_id"]
            for a in rows.get("assessments", [])
            if a["role"] == "pre_quiz" and a["session_id"] == cell["session_id"]
        ]
        before = [f for quiz in quizzes if (f := first_before(rows, cell, quiz)) is not None]
        graded = [f["score"] for f in before if f["score"] is not None]
        if firsts and before and not away:
            if scores and graded:
                group["changes"].append(sum(scores) / len(scores) - sum(graded) / len(graded))
            else:
                group["half"] += 1
    return out


def first_before(rows, cell, quiz):
    (enrolled,) = [
        e.get("enrolled_at")
        for e in rows["enrolments"]
        if (e["learner_id"], e["cohort_id"]) == (cell["learner_id"], cell["cohort_id"])
    ]
    found = [
        a
        for a in rows.get("attempts", [])
        if (a["learner_id"], a["assessment_id"]) == (cell["learner_id"], quiz)
        and a.get("missing_reason") in (None, "not_graded")
        and a.get("submitted_at") is not None
        and (enrolled is None or enrolled <= a["submitted_at"])
        and a["submitted_at"] < cell["starts_at"]
    ]
    return min(found, key=lambda a: a["attempt"], default=None)


def first_attempt(rows, cell, test, limits):
    found = []
    for attempt in rows.get("attempts", []):
        if (attempt["learner_id"], attempt["assessment_id"]) != (cell["learner_id"], test):
            continue
        if attempt.get("missing_reason") not in (None, "not_graded"):
            continue
        when = attempt.get("started_at") or attempt.get("submitted_at")
        if when is not None:
            minutes = (when - cell["starts_at"]) / timedelta(minutes=1)
            if not -limits["start_before_min"] <= minutes <= limits["start_after_min"]:
                continue
        found.append(attempt)
    return min(found, key=lambda a: a["attempt"], default=None)


def completions(rows, rule, limits, as_of) -> dict[tuple[str, str], bool | None]:
    """Return for every enrolment whether it was completed; None: unknown."""
    out = {}
    for enrolment in rows.get("enrolments", []):
        cohort = by_id(rows, "cohorts", "cohort_id")[enrolment["cohort_id"]]
        mates = [e for e in rows["enrolments"] if e["cohort_id"] == enrolment["cohort_id"]]
        sessions = [
            s["ends_at"] for s in rows.get("sessions", []) if s["cohort_id"] == enrolment["cohort_id"]
        ]
        ends = cohort.get("ends_at") or max(sessions, default=None)
        if ends is not None and as_of is not None and ends > as_of:
            met = None
        elif rule == "recorded":
            met = recorded(enrolment, mates)
        else:
            met = summative(rows, enrolment, mates, limits, passed=rule == "summative_passed")
        out[enrolment["learner_id"], enrolment["cohort_id"]] = met
    return out


def recorded(enrolment, mates) -> bool | None:
    everyone_left = all(e.get("withdrawn_at") for e in mates)
    if not everyone_left and not any(e.get("completed_at") for e in mates):
        return None
    finished, left = enrolment.get("completed_at"), enrolment.get("withdrawn_at")
    return finished is not None and (left is None or finished <= left)


def summative(rows, enrolment, mates, limits, *, passed) -> bool | None:
    sessions = by_id(rows, "sessions", "session_id")
    owed = [
        a["assessment_id"]
        for a in rows.get("assessments", [])
        if a["role"] == "summative"
        and (a["session_id"] is None or sessions[a["session_id"]]["cohort_id"] == enrolment["cohort_id"])
    ]
    if not owed:
        return None
    verdicts = []
    for test in owed:
        listed = [
            a
            for a in rows.get("attempts", [])
            if a["assessment_id"] == test and a.get("missing_reason") not in ("other_group", "not_taken")
        ]
        if not {a["learner_id"] for a in listed} & {e["learner_id"] for e in mates}:
            return None
        mine = [a for a in listed if a["learner_id"] == enrolment["learner_id"]]
        scores = [a["score"] for a in mine if a.get("score") is not None]
        waiting = any(
            a.get("score") is None and a.get("missing_reason") in (None, "not_graded") for a in mine
        )
        if passed:
            good = any(score >= limits["pass_mark"] for score in scores)
            verdicts.append(True if good else None if waiting else False)
        else:
            verdicts.append(bool(scores) or waiting)
    met = False if False in verdicts else None if None in verdicts else True
    return False if met is None and enrolment.get("withdrawn_at") else met
