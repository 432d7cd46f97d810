"""Dropout, formats, activity in sessions and trainers' hours in plain loops, from the definitions."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from brute_force import Tally, by_id, covered, key_of, present_on_roster
from brute_tutoring import enrolments

NOT_THE_LEARNER = {
    "graded", "enrolled", "unenrolled", "completion_updated", "course_completed", "login_failed",
}  # fmt: skip


def span(rows, cohort, as_of, share):
    """Return begin, begin of the last part, end so far, and whether it runs; None: no dates, or not begun."""
    line = by_id(rows, "cohorts", "cohort_id")[cohort]
    mine = [s for s in rows["sessions"] if s["cohort_id"] == cohort]
    begins = line.get("starts_at") or min((s["starts_at"] for s in mine), default=None)
    ends = line.get("ends_at") or max((s["ends_at"] for s in mine), default=None)
    if begins is None or ends is None or min(ends, as_of) <= begins:
        return None
    so_far = min(ends, as_of)
    return begins, begins + (so_far - begins) * (1 - share), so_far, ends > as_of


def in_cohort(enrolment, when) -> bool:
    since, left = enrolment.get("enrolled_at"), enrolment.get("withdrawn_at")
    return (since is None or since <= when) and (left is None or when < left)


def traces(rows, enrolment):
    """Return when somebody did something in a cohort, presence apart."""
    who, cohort = enrolment["learner_id"], enrolment["cohort_id"]
    sessions = by_id(rows, "sessions", "session_id")
    planned = defaultdict(set)
    for line in rows["plan"]:
        planned[line["resource_id"]].add(sessions[line["session_id"]]["cohort_id"])
    out = [
        e["at"]
        for e in rows["events"]
        if e["learner_id"] == who
        and e["verb"] not in NOT_THE_LEARNER
        and cohort in (planned.get(e["resource_id"]) or {cohort})
    ]
    tests = by_id(rows, "assessments", "assessment_id")
    for attempt in rows["attempts"]:
        of = tests[attempt["assessment_id"]]["session_id"]
        when = attempt.get("submitted_at") or attempt.get("started_at")
        if attempt["learner_id"] == who and when and (of is None or sessions[of]["cohort_id"] == cohort):
            out.append(when)
    return [at for at in out if in_cohort(enrolment, at)]


def presences(rows, enrolment):
    sessions = by_id(rows, "sessions", "session_id")
    return [
        sessions[a["session_id"]]
        for a in rows["attendance"]
        if a["learner_id"] == enrolment["learner_id"]
        and sessions[a["session_id"]]["cohort_id"] == enrolment["cohort_id"]
        and a["status"] in ("present", "late")
    ]


def owes(rows, cohort, low, high) -> bool:
    """Whether a cohort owed anything between two instants."""
    sessions = by_id(rows, "sessions", "session_id")
    mine = [s for s in rows["sessions"] if s["cohort_id"] == cohort and s["kind"] == "session"]
    held = any(s["ends_at"] > low and s["starts_at"] < high for s in mine)
    prepared = any(
        p["phase"] == "pre"
        and p["mandatory"]
        and p["session_id"] == s["session_id"]
        and s["starts_at"] > low
        and (p.get("released_at") is None or p["released_at"] < high)
        for p in rows["plan"]
        for s in mine
    )
    due = any(
        a.get("due_at") is not None
        and low <= a["due_at"] <= high
        and (a["session_id"] is None or sessions[a["session_id"]]["cohort_id"] == cohort)
        for a in rows["assessments"]
    )
    return held or prepared or due


def known(rows, cell, enrolment, low, high) -> bool:
    """Whether everything is known of somebody between two instants."""
    cohort, sessions = cell["cohort_id"], by_id(rows, "sessions", "session_id")
    resources = by_id(rows, "resources", "resource_id")
    traced = {
        p["resource_id"]
        for p in rows["plan"]
        if sessions[p["session_id"]]["cohort_id"] == cohort and resources[p["resource_id"]]["traced"]
    }
    seen = bool(traced) and all(covered(rows, cohort, name, "opened", low, high) for name in traced)
    for session in rows["sessions"]:
        if session["kind"] != "session" or session["ends_at"] <= low or session["starts_at"] >= high:
            continue
        if enrolment not in present_on_roster(rows, session):
            continue
        sheet = [
            a
            for a in rows["attendance"]
            if a["session_id"] == session["session_id"] and a["status"] != "not_taken"
        ]
        if sheet and cell["learner_id"] not in {a["learner_id"] for a in sheet}:
            return False
    return seen and cell["tracking"] == "traced"


def gone(rows, by, as_of, share, done) -> dict[tuple, dict]:
    """Return by group the tally, and for each known one how long it was watched and whether it left then."""
    out = defaultdict(lambda: {"tally": Tally(), "watched": []})
    for cell, enrolment in enrolments(rows):
        group, dates = out[key_of(cell, by)], span(rows, cell["cohort_id"], as_of, share)
        if dates is None or not owes(rows, cell["cohort_id"], dates[1], dates[2]):
            group["tally"].add(cell, 0, 0)
            continue
        begins, low, high, running = dates
        finished = done[cell["learner_id"], cell["cohort_id"]]
        if running:
            finished = enrolment.get("completed_at") is not None
        if finished is None or not known(rows, cell, enrolment, low, high):
            group["tally"].add(cell, 0, 0, 1)
            continue
        there = presences(rows, enrolment)
        ended = [s["ends_at"] for s in there if in_cohort(enrolment, s["ends_at"])]
        did = [at for at in traces(rows, enrolment) + ended if at <= high]
        recent = any(at >= low for at in did) or any(
            s["ends_at"] > low and s["starts_at"] < high for s in there
        )
        left = not recent and not finished
        group["tally"].add(cell, int(left), 1)
        last = max([*did, begins]) if left else high
        group["watched"].append((last - begins, left and not running))
    return out


def remaining(watched) -> Fraction:
    """Return the share still there at the end by Kaplan and Meier, in exact fractions."""
    left = Fraction(1)
    for time in sorted({time for time, happened in watched if happened}):
        at_risk = sum(other >= time for other, _ in watched)
        left *= 1 - Fraction(sum(other == time and happened for other, happened in watched), at_risk)
    return left


# ---------------------------------------------------------------------------------- sessions and trainers


def taught(rows, by) -> dict[tuple, list[dict]]:
    """Return by group the sessions, with planned minutes and the learners on their rosters."""
    out, cohorts = defaultdict(list), by_id(rows, "cohorts", "cohort_id")
    for session in rows["sessions"]:
        if session["kind"] == "session":
            minutes = (session["ends_at"] - session["starts_at"]).total_seconds() / 60
            who = {e["learner_id"] for e in present_on_roster(rows, session)}
            cell = {**cohorts[session["cohort_id"]], **session}
            out[key_of(cell, by)].append({**cell, "minutes": minutes, "who": who})
    return out


def loads(rows, by) -> dict[tuple, dict]:
    """Return by group hours prepared and taught, how many declarations say too little, and by cohort."""
    out = defaultdict(lambda: {"prepared": 0.0, "taught": 0.0, "unknown": 0, "cohorts": set()})
    for cohort in rows["cohorts"]:
        out_of = [w for w in rows["workload"] if w["cohort_id"] == cohort["cohort_id"]]
        if not out_of:
            out[key_of(cohort, by)]
        for line in out_of:
            group = out[key_of({**cohort, "trainer_id": line["trainer_id"] or cohort.get("trainer_id")}, by)]
            if line["preparation_h"] is None or not line["taught_h"]:
                group["unknown"] += 1
                continue
            group["prepared"] += line["preparation_h"]
            group["taught"] += line["taught_h"]
            group["cohorts"].add(cohort["cohort_id"])
    return out
