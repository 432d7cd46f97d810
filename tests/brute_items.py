"""First attempts at items in plain loops, from the definition; slow and obviously right."""

from __future__ import annotations

from collections import defaultdict

from brute_force import Tally, by_id, key_of, present_on_roster


def first_attempts(rows):
    """Yield (learner, test, item, row) for the first attempt that shows each item to each learner."""
    shown = [
        a
        for a in rows.get("attempts", [])
        if a.get("item_id") is not None and a["missing_reason"] in (None, "not_graded", "no_attempt")
    ]
    for who, test, item in sorted({(a["learner_id"], a["assessment_id"], a["item_id"]) for a in shown}):
        mine = [a for a in shown if (a["learner_id"], a["assessment_id"], a["item_id"]) == (who, test, item)]
        yield who, test, item, min(mine, key=lambda a: a["attempt"])


def places(rows, who, session_id):
    """Yield the cohort (and session) in which a learner met an assessment."""
    cohorts, sessions = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "sessions", "session_id")
    session = sessions.get(session_id)
    if session is not None and session["kind"] == "session":
        for enrolment in present_on_roster(rows, session):
            if enrolment["learner_id"] == who:
                yield {**cohorts[session["cohort_id"]], **session}
        return
    for enrolment in rows.get("enrolments", []):
        if enrolment["learner_id"] == who:
            yield {**cohorts[enrolment["cohort_id"]], "session_id": None}


def blocking(rows, by) -> dict[tuple, tuple[Tally, dict]]:
    """Return by group the tally of first attempts that failed, and the same for each item in it."""
    tests, learners = by_id(rows, "assessments", "assessment_id"), by_id(rows, "learners", "learner_id")
    out, counted, within = defaultdict(lambda: (Tally(), defaultdict(Tally))), set(), defaultdict(set)
    for who, test, item, attempt in first_attempts(rows):
        for place in sorted(places(rows, who, tests[test]["session_id"]), key=lambda p: p["cohort_id"]):
            cell = {**learners[who], **place, "assessment_id": test, "item_id": item}
            if place["session_id"] is None and set(by) & {"session_id", "sequence", "format", "modality"}:
                continue
            key = key_of(cell, by)
            within[item, *(cell[c] for c in ("session_id",) if c in by)].add(test)
            if (key, who, test, item) in counted:
                continue
            counted.add((key, who, test, item))
            withdrawn = tests[test]["role"] == "pre_quiz" and cell["tracking"] != "traced"
            for tally in (out[key][0], out[key][1][test, item]):
                if attempt["missing_reason"] == "no_attempt":
                    tally.add(cell, 0, 0)
                elif withdrawn or attempt["score"] is None:
                    tally.add(cell, 0, 0, 1)
                else:
                    tally.add(cell, int(attempt["score"] < 0.5), 1)
    if "item_id" in by and "assessment_id" not in by:
        for key in [key for key in out if len(within[_scope(key, by)]) > 1]:
            out[key] = (Tally(), {})
    return out


def _scope(key, by):
    return key[by.index("item_id")], *(key[by.index(c)] for c in ("session_id",) if c in by)
