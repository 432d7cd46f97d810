"""Indicators about quizzes and presence in plain loops, from their definitions; slow and obviously right."""

from __future__ import annotations

from collections import defaultdict

from brute_force import Tally, by_id, key_of, present_on_roster


def on_rosters(rows):
    """Yield one cell a learner and session, with the columns it can be grouped by."""
    cohorts = by_id(rows, "cohorts", "cohort_id")
    learners = by_id(rows, "learners", "learner_id")
    for session in rows.get("sessions", []):
        if session["kind"] == "session":
            for enrolment in present_on_roster(rows, session):
                who = learners[enrolment["learner_id"]]
                yield {**who, **cohorts[session["cohort_id"]], **session}, enrolment


def quizzes(rows, by):
    """Return by group a tally of quizzes handed in, the first scores, and how many wait for one."""
    out = defaultdict(lambda: {"rate": Tally(), "scores": [], "waiting": 0})
    for cell, enrolment in on_rosters(rows):
        group = out[key_of(cell, by)]
        for test in rows.get("assessments", []):
            if test["role"] != "pre_quiz" or test["session_id"] != cell["session_id"]:
                continue
            every = [a for a in rows["attempts"] if a["assessment_id"] == test["assessment_id"]]
            mine = [
                a
                for a in every
                if a["learner_id"] == cell["learner_id"] and a["missing_reason"] in (None, "not_graded")
            ]
            since = enrolment.get("enrolled_at")
            in_time = [
                a
                for a in mine
                if a["submitted_at"] is not None
                and a["submitted_at"] < cell["starts_at"]
                and (since is None or a["submitted_at"] >= since)
            ]
            untimed = any(a["submitted_at"] is None for a in mine)
            tries = [a for a in every if a["missing_reason"] in (None, "not_graded")]
            blind = not every or (tries and all(a["submitted_at"] is None for a in tries))
            if blind or cell["tracking"] != "traced" or (untimed and not in_time):
                group["rate"].unknown += 1
                continue
            group["rate"].of += 1
            group["rate"].yes += bool(in_time)
            if in_time:
                score = min(in_time, key=lambda a: a["attempt"])["score"]
                if score is None:
                    group["waiting"] += 1
                else:
                    group["scores"].append(score)
    return out


def absences(rows, by):
    """Return by group the minutes owed, missed and unknown, and who was excused of how many known."""
    out = defaultdict(
        lambda: dict.fromkeys(("owed", "missed", "unknown", "excused", "told", "untold", "conflict"), 0)
    )
    for cell, _ in on_rosters(rows):
        group = out[key_of(cell, by)]
        planned = (cell["ends_at"] - cell["starts_at"]).total_seconds() / 60
        lines = [
            a
            for a in rows.get("attendance", [])
            if (a["learner_id"], a["session_id"]) == (cell["learner_id"], cell["session_id"])
            and a["status"] != "not_taken"
        ]
        seen = {a["status"] for a in lines}
        group["told" if lines else "untold"] += 1
        group["conflict"] += len(seen) > 1
        if "excused" in seen and not seen & {"present", "late"}:
            group["excused"] += 1
            continue
        missed = missed_minutes(lines, seen, planned)
        if missed is None:
            group["unknown"] += planned
        else:
            group["owed"] += planned
            group["missed"] += missed
    return out


def missed_minutes(lines, seen, planned):
    there = [a for a in lines if a["status"] in ("present", "late")]
    minutes = [a["minutes"] for a in there if a.get("minutes") is not None]
    delays = [a["late_minutes"] for a in there if a.get("late_minutes") is not None]
    if not lines:
        return None
    if minutes:
        return planned - min(max(minutes), planned)
    if there and delays:
        return min(min(delays), planned)
    if "present" in seen:
        return 0
    return None if "late" in seen else planned
