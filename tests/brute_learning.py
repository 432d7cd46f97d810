"""Positioning tests, delayed tests and deliverables in plain loops, from their definitions."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from brute_force import ZONE, by_id, key_of

NEVER = datetime.max.replace(tzinfo=UTC)


def enrolled(rows):
    """Yield every enrolment with the columns it can be grouped by."""
    cohorts, learners = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "learners", "learner_id")
    for enrolment in rows.get("enrolments", []):
        yield {**learners[enrolment["learner_id"]], **cohorts[enrolment["cohort_id"]], **enrolment}


def tests_of(rows, cell, role):
    """Return the tests of a role that an enrolment has: its cohort's, and those of no session."""
    sessions = by_id(rows, "sessions", "session_id")
    out = []
    for test in rows.get("assessments", []):
        session = sessions.get(test.get("session_id"))
        if test["role"] == role and (session is None or session["cohort_id"] == cell["cohort_id"]):
            out.append({**test, "session_at": session and session["starts_at"]})
    return out


def attempts_at(rows, cell, test):
    """Return a learner's attempts at a test as a whole, the first one first."""
    found = [
        a
        for a in rows.get("attempts", [])
        if (a["learner_id"], a["assessment_id"]) == (cell["learner_id"], test["assessment_id"])
        and a.get("item_id") is None
        and a.get("missing_reason") in (None, "not_graded")
    ]

    def order(a):
        number, score = a.get("attempt"), a.get("score")
        return (
            number is None, number or 0, a.get("submitted_at") or NEVER, score is None, score or 0,
        )  # fmt: skip

    return sorted(found, key=order)


def who_is_told(rows, test, learners, *times) -> bool:
    """Whether lines of some learners tell who took a test when: no attempt at all, or one with a time."""
    lines = [
        a
        for a in rows["attempts"]
        if a["assessment_id"] == test["assessment_id"] and a["learner_id"] in learners
    ]
    tries = [a for a in lines if a.get("missing_reason") in (None, "not_graded")]
    return bool(lines) and (
        not tries or any(a.get(name) is not None for a in tries for name in ("submitted_at", *times))
    )


def baselines(rows, by):
    """Return by group: scores, who took the test of how many, who waits for a score, who is unknown."""
    out = defaultdict(lambda: {"scores": [], "waiting": 0, "took": 0, "of": 0, "unknown": 0})
    for cell in enrolled(rows):
        group, tests = out[key_of(cell, by)], tests_of(rows, cell, "positioning")
        if not tests:
            continue
        starts = [
            s["starts_at"]
            for s in rows.get("sessions", [])
            if s["cohort_id"] == cell["cohort_id"] and s["kind"] == "session"
        ]
        date = min(starts, default=cell.get("starts_at"))
        scores, taken, vague = [], False, False
        for test in tests:
            early = []
            for attempt in attempts_at(rows, cell, test):
                when = attempt.get("submitted_at") or attempt.get("started_at")
                if when is None or date is None:
                    vague = True
                elif when < date:
                    early.append(attempt)
            taken = taken or bool(early)
            if early and early[0]["score"] is not None:
                scores.append(early[0]["score"])
        mates = {e["learner_id"] for e in rows["enrolments"] if e["cohort_id"] == cell["cohort_id"]}
        unseen = date is None or any(not who_is_told(rows, test, mates, "started_at") for test in tests)
        if (vague or unseen) and not taken:
            group["unknown"] += 1
        else:
            group["of"] += 1
            group["took"] += taken
        if scores:
            group["scores"].append(sum(scores) / len(scores))
        elif taken or vague:
            group["waiting"] += 1
    return out


def retained(rows, by, days):
    """Return by group the changes of who took both tests far enough apart, and how many are unknown."""
    out = defaultdict(lambda: {"changes": [], "unknown": 0})
    for cell in enrolled(rows):
        group = out[key_of(cell, by)]
        ends, lates = (
            [a[0] for test in tests_of(rows, cell, role) if (a := attempts_at(rows, cell, test))]
            for role in ("summative", "delayed")
        )
        if not ends or not lates:
            continue
        times = [[a.get("submitted_at") for a in part] for part in (ends, lates)]
        timed = None not in times[0] + times[1]
        if timed and min(times[1]) < after_days(max(times[0]), days):
            continue
        scores = [[a["score"] for a in part] for part in (ends, lates)]
        if not timed or None in scores[0] + scores[1]:
            group["unknown"] += 1
        else:
            group["changes"].append(sum(scores[1]) / len(scores[1]) - sum(scores[0]) / len(scores[0]))
    return out


def after_days(when, days):
    """Return the same time on the local clock some days later."""
    return (when.astimezone(ZONE) + timedelta(days=days)).astimezone(UTC)


def delivered(rows, by, pass_mark, as_of):
    """Return by group how many deliverables were validated in time, of how many known, and the unknown."""
    out = defaultdict(lambda: {"met": 0, "of": 0, "unknown": 0})
    for cell in enrolled(rows):
        group = out[key_of(cell, by)]
        for test in tests_of(rows, cell, "deliverable"):
            due = test.get("due_at")
            instant = test["session_at"] or due
            came, left = cell.get("enrolled_at"), cell.get("withdrawn_at")
            if came is not None and instant is not None and came > instant:
                continue
            if left is not None and (instant is None or left <= instant):
                continue
            state = state_of(attempts_at(rows, cell, test), due, pass_mark)
            if due is not None and as_of is not None and due > as_of:
                state = None  # whoever was early
            everybody = {a["learner_id"] for a in rows["attempts"]}
            listed = any(a["assessment_id"] == test["assessment_id"] for a in rows["attempts"])
            if not listed or (due is not None and not who_is_told(rows, test, everybody)):
                state = None
            group["unknown"] += state is None
            group["of"] += state is not None
            group["met"] += state is True
    return out


def state_of(attempts, due, pass_mark):
    """Whether a deliverable was validated in time; None where it may have been."""
    state = False
    for attempt in attempts:
        when, score = attempt.get("submitted_at"), attempt["score"]
        in_time = None if due is not None and when is None else due is None or when <= due
        good = None if score is None else score >= pass_mark
        if in_time is True and good is True:
            return True
        if in_time is not False and good is not False:
            state = None
    return state
