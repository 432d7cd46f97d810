"""Active time in plain loops, from the definitions: what lasts, what overlaps, what is work."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from brute_force import (
    ALWAYS,
    COMPLETING,
    OPENING,
    Tally,
    by_id,
    covered,
    key_of,
    present_on_roster,
    required,
    window_start,
)
from brute_late import late_until

# As the calendars of these countries have them, for the weeks that generated studies lie in.
HOLIDAYS = {
    "FR": {date(2024, 4, 1), date(2024, 5, 1), date(2024, 11, 1), date(2024, 11, 11)},
    "DE": {date(2024, 3, 29), date(2024, 4, 1), date(2024, 5, 1), date(2024, 10, 3)},
}


def measured(rows, learner):
    """Yield what a learner did and for how long was measured: resource, when noted, from, to."""
    (who,) = (one for one in rows["learners"] if one["learner_id"] == learner)
    for event in rows.get("events", []):
        timed = event["verb"] in OPENING | COMPLETING and event.get("seconds")
        if event["learner_id"] == learner and who["tracking"] == "traced" and timed:
            yield event["resource_id"], event["at"], *spell(event)


def union(stretches):
    """Return stretches without overlaps that hold the same instants."""
    out = []
    for start, end in sorted(stretches):
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def minutes(stretches) -> float:
    return sum((end - start) / timedelta(minutes=1) for start, end in stretches)


def within(stretches, low, high):
    """Return the parts of stretches between two instants."""
    parts = ((max(start, low), min(end, high)) for start, end in stretches)
    return [(start, end) for start, end in parts if start < end]


def working_minutes(stretches, calendar, zone) -> float:
    """Minutes of stretches inside working days and hours, day by day on the local clock."""
    local = ZoneInfo(calendar.get("timezone") or zone)
    opens, closes = (time.fromisoformat(hour) for hour in calendar["working_hours"])
    total = 0.0
    for start, end in stretches:
        day = start.astimezone(local).date() - timedelta(days=2)
        while day <= end.astimezone(local).date() + timedelta(days=2):
            if day.isoweekday() in calendar["working_days"] and day not in HOLIDAYS[calendar["country"]]:
                until = day if closes > opens else day + timedelta(days=1)
                low = datetime.combine(day, opens, local).astimezone(UTC)
                high = datetime.combine(until, closes, local).astimezone(UTC)
                total += minutes(within([(start, end)], low, high))
            day += timedelta(days=1)
    return total


def off_hours(rows, by, own, named) -> dict[tuple, dict]:
    """Return by group the minutes active and outside working time, and those of no known calendar."""
    out = defaultdict(lambda: {"active": 0.0, "outside": 0.0, "unknown": 0.0, "learners": set()})
    cohorts, learners = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "learners", "learner_id")
    sessions = by_id(rows, "sessions", "session_id")
    for enrolment in rows.get("enrolments", []):
        who, cohort = learners[enrolment["learner_id"]], enrolment["cohort_id"]
        planned = {
            p["resource_id"] for p in rows.get("plan", []) if sessions[p["session_id"]]["cohort_id"] == cohort
        }
        began, left = enrolment.get("enrolled_at") or ALWAYS, enrolment.get("withdrawn_at")
        spent = union(
            (start, end)
            for resource, at, start, end in measured(rows, who["learner_id"])
            if resource in planned and at >= began and (left is None or at < left)
        )
        group = out[key_of({**who, **cohorts[cohort]}, by)]
        calendar = own if who.get("calendar") is None else named.get(who["calendar"], {})
        if calendar.get("country") is None:
            group["unknown"] += minutes(spent)
        else:
            group["active"] += minutes(spent)
            group["outside"] += minutes(spent) - working_minutes(spent, calendar, "Europe/Paris")
            if spent:
                group["learners"].add(who["learner_id"])
    return out


def _known(rows, enrolment, cohort, planned, level, start, end) -> bool:
    resource = by_id(rows, "resources", "resource_id")[planned["resource_id"]]
    learner = by_id(rows, "learners", "learner_id")[enrolment["learner_id"]]
    return (
        resource["traced"]
        and learner["tracking"] == "traced"
        and covered(rows, cohort, planned["resource_id"], level, start, end)
    )


def slots(rows, by) -> dict[tuple, dict]:
    """Return by group who used slots of those known, the unknown, and minutes measured of those planned."""
    out = defaultdict(lambda: {"rate": Tally(), "spent": 0.0, "slot": 0.0})
    cohorts, learners = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "learners", "learner_id")
    for enrolment in rows.get("enrolments", []):
        who, cohort = learners[enrolment["learner_id"]], cohorts[enrolment["cohort_id"]]
        out[key_of({**who, **cohort}, by)]
    for slot in (s for s in rows.get("sessions", []) if s["kind"] == "self_study_slot"):
        low, high, mates = slot["starts_at"], slot["ends_at"], slot["cohort_id"]
        later = [
            s
            for s in rows["sessions"]
            if s["kind"] == "session" and s["cohort_id"] == mates and s["starts_at"] >= high
        ]
        owed = [p for s in later for p in required(rows, s) if (p.get("released_at") or ALWAYS) < high]
        for enrolment in present_on_roster(rows, slot):
            cell = {**learners[enrolment["learner_id"]], **cohorts[mates]}
            group = out[key_of(cell, by)]
            if not owed:
                continue
            known, used, stretches = True, False, []
            for planned in owed:
                since = max(low, planned.get("released_at") or ALWAYS)
                known = known and _known(rows, enrolment, mates, planned, "opened", since, high)
                used = used or any(
                    e["learner_id"] == cell["learner_id"]
                    and e["resource_id"] == planned["resource_id"]
                    and e["verb"] in OPENING | COMPLETING
                    and since <= e["at"] < high
                    for e in rows["events"]
                )
                mine = [
                    (start, end)
                    for resource, _, start, end in measured(rows, cell["learner_id"])
                    if resource == planned["resource_id"]
                ]
                stretches += within(mine, since, high)
            if not known:
                group["rate"].add(cell, 0, 0, 1)
                continue
            group["rate"].add(cell, int(used), 1)
            group["spent"] += minutes(union(stretches))
            group["slot"] += (high - low) / timedelta(minutes=1)
    return out


def paces(rows, by, limits) -> dict[tuple, dict]:
    """Return by group minutes over announced minutes, and of resources consulted those gone back to."""
    out = defaultdict(lambda: {"ratios": [], "untimed": 0, "again": Tally(), "told": 0})
    cohorts, learners = by_id(rows, "cohorts", "cohort_id"), by_id(rows, "learners", "learner_id")
    for enrolment in rows.get("enrolments", []):
        cell = {**learners[enrolment["learner_id"]], **cohorts[enrolment["cohort_id"]]}
        group, windows = out[key_of(cell, by)], defaultdict(list)
        for session in rows.get("sessions", []):
            if session["kind"] != "session" or enrolment not in present_on_roster(rows, session):
                continue
            for planned in required(rows, session):
                start, end = window_start(enrolment, planned), late_until(session, limits)
                asked = min(start, session["starts_at"])
                known = [
                    _known(rows, enrolment, cell["cohort_id"], planned, level, asked, end)
                    for level in ("opened", "substantial")
                ]
                windows[planned["resource_id"]].append((start, end, *known))
        announced, spent, timed = 0.0, [], True
        for resource, spans in windows.items():
            looks = sorted(
                (*spell(e), e["verb"])
                for e in rows.get("events", [])
                if (e["learner_id"], e["resource_id"]) == (cell["learner_id"], resource)
                and e["verb"] in OPENING | COMPLETING
                and any(start <= e["at"] <= end for start, end, _, _ in spans)
            )
            copy = bool(looks) and all(verb == "downloaded" for _, _, verb in looks)
            if copy or not all(span[2] for span in spans):
                group["again"].unknown += 1
            else:
                group["told"] += 1
                if looks:
                    group["again"].add(cell, int(occasions(looks, limits["idle_gap_min"]) > 1), 1)
            length = by_id(rows, "resources", "resource_id")[resource].get("length_min") or 0
            if length > 0:
                announced += length
                lasting = [(start, end) for start, end, _ in looks if end > start]
                spent += lasting
                timed = timed and not copy and all(s[3] for s in spans) and (bool(lasting) or not looks)
        if announced > 0 and timed:
            group["ratios"].append(minutes(union(spent)) / announced)
        elif announced > 0:
            group["untimed"] += 1
    return out


def spell(event) -> tuple[datetime, datetime]:
    """From when to when an event stands for: what ends something tells of the time before it."""
    length = timedelta(microseconds=round((event.get("seconds") or 0) * 1_000_000))
    if event["verb"] in {"paused", "completed", "passed", "failed", "submitted"}:
        return event["at"] - length, event["at"]
    return event["at"], event["at"] + length


def occasions(looks, gap) -> int:
    """How many times somebody came: longer than the gap without a trace is another time."""
    count, reached = 0, None
    for start, end, _ in looks:
        if reached is None or start - reached > timedelta(minutes=gap):
            count += 1
        reached = end if reached is None else max(reached, end)
    return count
