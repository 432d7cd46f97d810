"""Offline copies and work before any reminder, in plain loops, from the definitions."""

from __future__ import annotations

from collections import defaultdict

from brute_force import (
    COMPLETING,
    OPENING,
    Tally,
    by_id,
    cells,
    covered,
    done,
    key_of,
    required,
    window_start,
)


def _events(rows, learner, resource, start, end):
    return [
        e
        for e in rows.get("events", [])
        if (e["learner_id"], e["resource_id"]) == (learner, resource)
        and e["verb"] in OPENING | COMPLETING
        and start <= e["at"] < end
    ]


def _enrolment(rows, cell):
    (one,) = (
        e
        for e in rows["enrolments"]
        if (e["learner_id"], e["cohort_id"]) == (cell["learner_id"], cell["cohort_id"])
    )
    return one


def offline(rows, by, limits) -> dict[tuple, Tally]:
    """Learners with a mandatory resource they only downloaded, of those whose windows are all covered."""
    out, resources = defaultdict(Tally), by_id(rows, "resources", "resource_id")
    for cell in cells(rows, "opened", limits):
        enrolment, copies, seen = _enrolment(rows, cell), [], []
        for planned in required(rows, cell):
            name, start = planned["resource_id"], window_start(_enrolment(rows, cell), planned)
            seen.append(
                resources[name]["traced"]
                and cell["tracking"] == "traced"
                and covered(rows, cell["cohort_id"], name, "opened", start, cell["starts_at"])
            )
            found = _events(rows, enrolment["learner_id"], name, start, cell["starts_at"])
            copies.append(bool(found) and all(e["verb"] == "downloaded" for e in found))
        tally = out[key_of(cell, by)]
        if not seen:
            tally.add(cell, 0, 0)
        elif all(seen):
            tally.add(cell, int(any(copies)), 1)
        else:
            tally.add(cell, 0, 0, 1)
    return out


def first_reminder(rows, cell):
    """The first reminder to the learner for which this is the next session of the cohort."""
    mine = []
    for contact in rows.get("contacts", []):
        if contact["kind"] != "reminder" or contact["learner_id"] != cell["learner_id"]:
            continue
        later = [
            s["starts_at"]
            for s in rows["sessions"]
            if s["kind"] == "session"
            and s["cohort_id"] == cell["cohort_id"]
            and s["starts_at"] > contact["at"]
            if _on_roster(rows, s, cell["learner_id"])
        ]
        if later and min(later) == cell["starts_at"]:
            mine.append(contact["at"])
    return min(mine, default=None)


def _on_roster(rows, session, learner):
    from brute_force import present_on_roster

    return any(e["learner_id"] == learner for e in present_on_roster(rows, session))


def autonomous(rows, by, level, limits) -> dict[tuple, Tally]:
    """Learners who had done everything before they were reminded of it."""
    out, resources = defaultdict(Tally), by_id(rows, "resources", "resource_id")
    for cell in cells(rows, level, limits):
        tally, states = out[key_of(cell, by)], [s for s, _ in cell["pairs"].values()]
        reminded = first_reminder(rows, cell)
        before = []
        for planned in required(rows, cell):
            end = cell["starts_at"] if reminded is None else reminded
            start = window_start(_enrolment(rows, cell), planned)
            found = _events(rows, cell["learner_id"], planned["resource_id"], start, end)
            copy = bool(found) and all(e["verb"] == "downloaded" for e in found)
            before.append(not copy and done(found, resources[planned["resource_id"]], level, limits))
        if None in states:
            tally.add(cell, 0, 0, 1)
        elif states:
            tally.add(cell, int(all(states) and all(before)), 1)
        else:
            tally.add(cell, 0, 0)
    return out
