"""Active time in plain loops, from the definitions: what lasts, what overlaps, what is work."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from brute_force import ALWAYS, COMPLETING, OPENING, by_id, key_of

# As the calendars of these countries have them, for the weeks that generated studies lie in.
HOLIDAYS = {
    "FR": {date(2024, 4, 1), date(2024, 5, 1), date(2024, 11, 1), date(2024, 11, 11)},
    "DE": {date(2024, 3, 29), date(2024, 4, 1), date(2024, 5, 1), date(2024, 10, 3)},
}


def measured(rows, learner):
    """Yield what a learner did and for how long was measured: resource, from, to."""
    (who,) = (one for one in rows["learners"] if one["learner_id"] == learner)
    for event in rows.get("events", []):
        timed = event["verb"] in OPENING | COMPLETING and event.get("seconds")
        if event["learner_id"] == learner and who["tracking"] == "traced" and timed:
            length = timedelta(microseconds=round(event["seconds"] * 1_000_000))
            yield event["resource_id"], event["at"], event["at"] + length


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
            for resource, start, end in measured(rows, who["learner_id"])
            if resource in planned and start >= began and (left is None or start < left)
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
