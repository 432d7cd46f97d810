"""How far resources reach, in plain loops, from the definition."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from brute_activity import occasions, spell
from brute_force import ALWAYS, COMPLETING, OPENING, ZONE, by_id, covered, key_of, present_on_roster
from brute_late import late_until


def after(session, limits):
    """The same time on the local clock, as long after the end as going on counts."""
    local = session["ends_at"].astimezone(ZONE) + timedelta(days=limits["consolidation_days"])
    return local.astimezone(session["ends_at"].tzinfo)


def meant_for(rows, limits):
    """Yield cell, resource, and the windows in which the learner meets it, one a session."""
    cohorts, learners = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "learners", "learner_id")
    for enrolment in rows.get("enrolments", []):
        cell, windows = (
            {**learners[enrolment["learner_id"]], **cohorts[enrolment["cohort_id"]]},
            defaultdict(list),
        )
        for session in rows.get("sessions", []):
            if session["kind"] != "session" or enrolment not in present_on_roster(rows, session):
                continue
            lines = defaultdict(list)
            for line in rows.get("plan", []):
                if line["session_id"] == session["session_id"]:
                    lines[line["resource_id"]].append(line)
            for resource, found in lines.items():
                released = min(line.get("released_at") or ALWAYS for line in found)
                ends = [
                    after(session, limits) if line["phase"] == "post" else late_until(session, limits)
                    for line in found
                ]
                windows[resource].append((max(enrolment.get("enrolled_at") or ALWAYS, released), max(ends)))
        for resource, spans in windows.items():
            yield cell, by_id(rows, "resources", "resource_id")[resource], spans


def reach(rows, by, limits) -> dict[tuple, list[dict]]:
    """Return by group one line a learner, cohort and resource: what is known, what was seen."""
    out = defaultdict(list)
    told = {e["resource_id"] for e in rows.get("events", []) if e.get("progress") is not None}
    for cell, resource, spans in meant_for(rows, limits):
        name = resource["resource_id"]
        events = [
            e
            for e in rows.get("events", [])
            if (e["learner_id"], e["resource_id"]) == (cell["learner_id"], name)
            and e["verb"] in OPENING | COMPLETING
            and any(since <= e["at"] <= until for since, until in spans)
        ]
        levels = {
            level: resource["traced"]
            and cell["tracking"] == "traced"
            and all(covered(rows, cell["cohort_id"], name, level, since, until) for since, until in spans)
            for level in ("opened", "substantial")
        }
        copy = bool(events) and all(e["verb"] == "downloaded" for e in events)
        known = levels["opened"] and not copy
        looked = known and bool(events)
        looks = sorted((*spell(e), e["verb"]) for e in events)
        far = looked and levels["substantial"] and name in told
        line = {
            "learner_id": cell["learner_id"], "cohort_id": cell["cohort_id"], "resource": name,
            "length": resource.get("length_min"), "known": known, "looked": looked, "far": far,
            "again": looked and occasions(looks, limits["idle_gap_min"]) > 1,
            "seen": max((1.0 if e["verb"] in COMPLETING else e.get("progress") or 0.0 for e in events),
                        default=0.0),
        }  # fmt: skip
        out[key_of({**cell, "resource_id": name}, by)].append(line)
    return out
