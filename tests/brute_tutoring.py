"""Contacts between tutors and learners in plain loops, from the definitions; slow and obviously right."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

from brute_force import Tally, by_id, cells, key_of

BY_TUTOR = {"reminder", "tutoring"}


def enrolments(rows):
    """Yield one cell an enrolment, with the columns it can be grouped by."""
    cohorts, learners = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "learners", "learner_id")
    for enrolment in rows.get("enrolments", []):
        yield {**learners[enrolment["learner_id"]], **cohorts[enrolment["cohort_id"]]}, enrolment


def during(rows, enrolment, when) -> bool:
    """Whether somebody was in the cohort at an instant."""
    cohort = by_id(rows, "cohorts", "cohort_id")[enrolment["cohort_id"]]
    last = [s["ends_at"] for s in rows.get("sessions", []) if s["cohort_id"] == enrolment["cohort_id"]]
    end = cohort.get("ends_at") or max(last, default=None)
    since, left = enrolment.get("enrolled_at"), enrolment.get("withdrawn_at")
    return (since is None or since <= when) and (left is None or when < left) and (end is None or when <= end)


def reached(rows, by) -> dict[tuple, Tally]:
    out = defaultdict(Tally)
    for cell, enrolment in enrolments(rows):
        found = [
            c
            for c in rows["contacts"]
            if c["learner_id"] == cell["learner_id"]
            and c["kind"] in BY_TUTOR
            and during(rows, enrolment, c["at"])
        ]
        out[key_of(cell, by)].add(cell, int(bool(found)), 1)
    return out


def waits(rows, by, as_of) -> dict[tuple, list]:
    """Return by group the questions: hours waited, answered or not, who asked."""
    out = defaultdict(dict)
    for cell, enrolment in enrolments(rows):
        for number, contact in enumerate(rows["contacts"]):
            if contact["kind"] != "question" or contact["learner_id"] != cell["learner_id"]:
                continue
            if not during(rows, enrolment, contact["at"]):
                continue
            asked, answered = contact["at"], contact["answered_at"]
            if answered is None:
                line = (max(as_of - asked, timedelta(0)), False)
            elif answered < asked:
                line = (timedelta(0), False)
            else:
                line = (answered - asked, True)
            out[key_of(cell, by)][number] = (*line, cell["learner_id"])
    return {key: list(found.values()) for key, found in out.items()}


def median_wait(lines) -> timedelta | None:
    """Return the first time by which at least half are answered, with shares as exact fractions."""
    left = Fraction(1)
    for time in sorted({wait for wait, answered, _ in lines if answered}):
        at_risk = sum(wait >= time for wait, _, _ in lines)
        left *= 1 - Fraction(sum(wait == time and answered for wait, answered, _ in lines), at_risk)
        if left <= Fraction(1, 2):
            return time
    return None


def followed_up(rows, by, level, limits) -> dict[tuple, Tally]:
    """Return by group how many of those unprepared twice running a tutor contacted before the next session."""
    out, everything = defaultdict(Tally), list(cells(rows, level, limits))
    for cell in everything:
        mine = [
            c
            for c in everything
            if (c["learner_id"], c["cohort_id"]) == (cell["learner_id"], cell["cohort_id"])
        ]
        asking = sorted((c for c in mine if c["pairs"]), key=lambda c: (c["starts_at"], c["session_id"]))
        later = [c["starts_at"] for c in mine if c["starts_at"] > cell["starts_at"]]
        place = next((i for i, c in enumerate(asking) if c["session_id"] == cell["session_id"]), 0)
        tally = out[key_of(cell, by)]
        if place == 0 or not later:
            tally.add(cell, 0, 0)
            continue
        two = [ready(asking[place - 1]), ready(cell)]
        if True in two:
            tally.add(cell, 0, 0)
        elif None in two:
            tally.add(cell, 0, 0, 1)
        else:
            contacted = any(
                c["learner_id"] == cell["learner_id"]
                and c["kind"] in BY_TUTOR
                and cell["starts_at"] <= c["at"] < min(later)
                for c in rows["contacts"]
            )
            tally.add(cell, int(contacted), 1)
    return out


def ready(cell) -> bool | None:
    states = [state for state, _ in cell["pairs"].values()]
    return None if None in states else all(states)


# ----------------------------------------------------------------------------------------------- adaptation


def positioned(rows, enrolment, test, sessions):
    """Return the first attempt at a positioning test in time for a cohort; None: none."""
    cohort = by_id(rows, "cohorts", "cohort_id")[enrolment["cohort_id"]]
    if test["session_id"] is not None and sessions[test["session_id"]]["cohort_id"] != cohort["cohort_id"]:
        return None
    starts = [
        s["starts_at"]
        for s in rows["sessions"]
        if s["cohort_id"] == cohort["cohort_id"] and s["kind"] == "session"
    ]
    date, found = min(starts, default=cohort.get("starts_at")), []
    for attempt in rows["attempts"]:
        if (attempt["learner_id"], attempt["assessment_id"]) != (
            enrolment["learner_id"],
            test["assessment_id"],
        ):
            continue
        when = attempt["submitted_at"] or attempt["started_at"]
        in_time = when is None or (date is not None and when < date)
        if attempt["missing_reason"] in (None, "not_graded") and in_time:
            found.append({**attempt, "when": when})
    return min(found, key=lambda a: a["attempt"], default=None)


def adaptations(rows, by, limits) -> dict[tuple, Tally]:
    out, sessions = defaultdict(Tally), by_id(rows, "sessions", "session_id")
    for cell, enrolment in enrolments(rows):
        tests = [a for a in rows["assessments"] if a["role"] == "positioning"]
        taken = [f for test in tests if (f := positioned(rows, enrolment, test, sessions)) is not None]
        tally = out[key_of(cell, by)]
        if not taken:
            tally.add(cell, 0, 0)
        elif any(f["score"] is None or f["when"] is None for f in taken):
            tally.add(cell, 0, 0, 1)
        elif sum(f["score"] for f in taken) / len(taken) >= limits["pass_mark"]:
            tally.add(cell, 0, 0)
        else:
            since = min(f["when"] for f in taken)
            tally.add(cell, int(any(_meant(a, rows, enrolment, since) for a in rows["adaptations"])), 1)
    return out


def _meant(line, rows, enrolment, since) -> bool:
    member, cohort = enrolment["learner_id"], enrolment["cohort_id"]
    named = line["learner_id"] == member and line["cohort_id"] in (None, cohort)
    whole = line["learner_id"] is None and line["cohort_id"] == cohort
    always = {**enrolment, "enrolled_at": None, "withdrawn_at": None}
    return (named or whole) and line["at"] >= since and during(rows, always, line["at"])
