"""The hours ledger in plain loops, second by second, from its definition."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

NOT_THE_LEARNER = {"graded", "enrolled", "unenrolled", "completion_updated", "login_failed"}
ENDS_SOMETHING = {"paused", "completed", "passed", "failed", "submitted"}


def seconds_between(start, end) -> set[int]:
    """Every second from one instant to another, as a number since 1970."""
    return set(range(int(start.timestamp()), int(end.timestamp())))


def attended(row: dict, session: dict) -> float | None:
    """Seconds that one line of a sheet tells; None where it does not say."""
    planned = (session["ends_at"] - session["starts_at"]).total_seconds()
    if row["status"] in ("absent", "excused"):
        return 0
    if row.get("minutes") is not None:
        told = row["minutes"] * 60
    elif row.get("late_minutes") is not None:
        told = planned - row["late_minutes"] * 60
    elif row["status"] == "present":
        told = planned
    else:
        return None
    return max(0, min(told, planned))


def sessions(rows: dict) -> dict[tuple[str, str], tuple]:
    """(learner, session) to announced, measured (None: unknown), credited seconds and reason."""
    out, taken = {}, {}
    for session in sorted(rows["sessions"], key=lambda s: (s["starts_at"], s["ends_at"], s["session_id"])):
        planned = (session["ends_at"] - session["starts_at"]).total_seconds()
        for enrolled in rows["enrolments"]:
            if enrolled["cohort_id"] != session["cohort_id"]:
                continue
            key = (enrolled["learner_id"], session["session_id"])
            sheet = [
                row
                for row in rows["attendance"]
                if (row["learner_id"], row["session_id"]) == key and row["status"] != "not_taken"
            ]
            told = [attended(row, session) for row in sheet]
            known = [x for x in told if x is not None]
            if not sheet:
                out[key] = (planned, None, 0, "sheet_missing")
            elif not known:
                out[key] = (planned, None, 0, "late_unknown")
            else:
                low = min(known)
                if low != max(known):
                    reason = "conflict"
                elif low == 0:
                    reason = "excused" if any(row["status"] == "excused" for row in sheet) else "absent"
                else:
                    reason = "attended" if low == planned else "attended_in_part"
                mine = seconds_between(session["starts_at"], session["ends_at"])
                free = len(mine - taken.setdefault(key[0], set()))
                taken[key[0]] |= mine if low > 0 else set()
                out[key] = (planned, low, min(low, free), "counted_elsewhere" if low > 0 == free else reason)
    return out


def resources(rows: dict, rule, zone: ZoneInfo) -> dict[tuple[str, str], tuple]:
    """(learner, resource) to measured, counted once and credited seconds, of what a learner worked on."""
    lengths = {row["resource_id"]: row.get("length_min") for row in rows["resources"]}
    planned = {row["resource_id"] for row in rows["plan"]}
    sat = sessions(rows)
    out = {}
    for learner in rows["learners"]:
        who = learner["learner_id"]
        if learner.get("tracking", "traced") != "traced":
            continue
        busy: set[int] = set()
        for session in rows["sessions"]:
            if (sat.get((who, session["session_id"])) or (0, 0))[1]:
                busy |= seconds_between(session["starts_at"], session["ends_at"])
        mine = sorted(
            (e for e in rows["events"] if e["learner_id"] == who and e["verb"] not in NOT_THE_LEARNER),
            key=lambda e: (e["at"], e["record"]),
        )
        spells = []
        for i, event in enumerate(mine):
            if event["resource_id"] is None:
                continue
            day = event["at"].astimezone(zone).date()
            later = mine[i + 1] if i + 1 < len(mine) else None
            if event.get("seconds"):
                length, ends = timedelta(seconds=event["seconds"]), event["verb"] in ENDS_SOMETHING
                start, end = (
                    (event["at"] - length, event["at"]) if ends else (event["at"], event["at"] + length)
                )
            elif later is None or later["at"].astimezone(zone).date() != day:
                start, end = event["at"], event["at"] + timedelta(minutes=rule.last_click_min)
            else:
                idle = event["at"] + timedelta(minutes=rule.idle_gap_min)
                start, end = event["at"], min(later["at"], idle)
            spells.append((start, end, event["resource_id"], day))
        for resource in {spell[2] for spell in spells}:
            union: set[int] = set()
            for start, end, what, _ in spells:
                if what == resource:
                    union |= seconds_between(start, end)
            out[who, resource] = [len(union), 0, 0]
        taken = set(busy)
        free = dict.fromkeys(lengths, 0)

        def begin(spell: tuple, busy: set[int] = busy) -> tuple:
            left = sorted(seconds_between(spell[0], spell[1]) - busy)
            return (left[0] if left else 0, left[-1] if left else 0, spell[2])

        for start, end, resource, day in sorted(spells, key=begin):
            fresh = seconds_between(start, end) - taken
            taken |= fresh
            out[who, resource][1] += len(fresh)
            if rule.credited_days == "working" and day.isoweekday() > 5:
                free[resource] += len(fresh)
        for resource in lengths:
            if (who, resource) in out and lengths[resource] is not None and resource in planned:
                found = out[who, resource]
                found[2] = min(found[1] - free[resource], lengths[resource] * 60)
    return {key: tuple(found) for key, found in out.items()}
