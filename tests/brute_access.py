"""Who could not get in, and who gave up afterwards, in plain loops, from the definitions."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, timedelta

from brute_force import ALWAYS, COMPLETING, OPENING, ZONE, Tally, by_id, covered, days_before, key_of
from brute_tutoring import during, enrolments

INSIDE = OPENING | COMPLETING | {"logged_in", "course_viewed", "declared"}


def until(rows, enrolment):
    """When the cohort of an enrolment ended; None: nobody knows."""
    cohort = by_id(rows, "cohorts", "cohort_id")[enrolment["cohort_id"]]
    last = [s["ends_at"] for s in rows["sessions"] if s["cohort_id"] == enrolment["cohort_id"]]
    return cohort.get("ends_at") or max(last, default=None)


def tells_failures(rows, source) -> bool:
    mine = {e["verb"] for e in rows["events"] if e.get("source_id") == source}
    form = {s["source_id"]: s["format"] for s in rows["sources"]}.get(source)
    return "login_failed" in mine or ("logged_in" in mine and form in ("moodle_log", "moodle_logstore"))


def periods(rows, cohort):
    """Return when the sources of failures speak of a cohort, as lines of coverage of one level."""
    out, sources = [], by_id(rows, "sources", "source_id")
    for source in {e.get("source_id") for e in rows["events"]}:
        if not tells_failures(rows, source):
            continue
        said = [c for c in rows["coverage"] if c["source_id"] == source]
        for line in said:
            if line.get("cohort_id") in (None, cohort):
                out.append({"covers_from": line.get("covers_from"), "covers_to": line["covers_to"]})
        if not said:
            times = [e["at"] for e in rows["events"] if e.get("source_id") == source]
            named = sources.get(source, {})
            if named.get("cohort_id") in (None, cohort):
                end = max([*times, *([named["covers_to"]] if named.get("covers_to") else [])])
                out.append({"covers_from": min(times), "covers_to": end})
    return out


def told(rows, cohort, start, end) -> bool:
    lines = [line | {"level": "any"} for line in periods(rows, cohort)]
    return covered({"coverage": lines}, cohort, None, "any", start, end)


def failures(rows, cell, enrolment, limits) -> list:
    """Return when somebody was kept out while in a cohort, in order."""
    mine = [e for e in rows["events"] if e["learner_id"] == cell["learner_id"]]
    patience = timedelta(minutes=limits["access_retry_min"])
    out = []
    for at in sorted({e["at"] for e in mine if e["verb"] == "login_failed"}):
        got_in = any(e["verb"] in INSIDE and at <= e["at"] <= at + patience for e in mine)
        if (
            cell["tracking"] == "traced"
            and not got_in
            and during(rows, enrolment, at)
            and told(rows, cell["cohort_id"], at, at + patience)
        ):
            out.append(at)
    return out


def kept_out(rows, by, limits) -> dict[tuple, tuple[Tally, list]]:
    """Return by group who was kept out, and what the bounds add up: at least, at most, in all."""
    out = defaultdict(lambda: (Tally(), [0, 0, 0]))
    for cell, enrolment in enrolments(rows):
        tally, ends = out[key_of(cell, by)]
        met, end = bool(failures(rows, cell, enrolment, limits)), until(rows, enrolment)
        left = enrolment.get("withdrawn_at")
        since = enrolment.get("enrolled_at") or ALWAYS
        whole = end is not None and told(rows, cell["cohort_id"], since, min(end, left or end))
        known = whole and cell["tracking"] == "traced"
        tally.add(cell, int(known and met), int(known), int(not known))
        ends[0] += met
        ends[1] += met or not known
        ends[2] += 1
    return out


def monday(at):
    """The instants at which the local week of an instant begins and ends."""
    day = at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = day - timedelta(days=day.weekday())
    return begins.astimezone(UTC), (begins + timedelta(days=7)).astimezone(UTC)


def gave_up(rows, by, limits, done) -> dict[tuple, dict[str, Tally]]:
    """Return by group those kept out and those of the same week, and of them who gave up."""
    out = defaultdict(lambda: {"exposed": Tally(), "unexposed": Tally()})
    sessions = by_id(rows, "sessions", "session_id")
    members = list(enrolments(rows))
    first = {}
    for cell, enrolment in members:
        out[key_of(cell, by)]
        met = failures(rows, cell, enrolment, limits)
        if met:
            first[cell["learner_id"], cell["cohort_id"]] = met[0]
    judged = []
    for cell, enrolment in members:
        cohort, mine = cell["cohort_id"], first.get((cell["learner_id"], cell["cohort_id"]))
        if mine is not None:
            judged.append((cell, "exposed", mine, True))
        weeks = defaultdict(list)
        for (_, where), at in first.items():
            if where == cohort:
                weeks[monday(at)].append(at)
        for (begins, ends), cases in weeks.items():
            at = min(cases)
            if not during(rows, enrolment, at) or (mine is not None and mine < ends):
                continue
            stop = min(w for w in (ends, enrolment.get("withdrawn_at"), until(rows, enrolment)) if w)
            known = told(rows, cohort, max(begins, enrolment.get("enrolled_at") or ALWAYS), stop)
            judged.append((cell, "unexposed", at, known))
    for cell, side, at, known in judged:
        cohort = cell["cohort_id"]
        prepared = {
            p["resource_id"]
            for p in rows["plan"]
            if p["phase"] == "pre"
            and sessions[p["session_id"]]["cohort_id"] == cohort
            and sessions[p["session_id"]]["kind"] == "session"
        }
        if not prepared:
            continue
        end = days_before(at, -limits["abandonment_days"])
        resources = by_id(rows, "resources", "resource_id")
        seen = all(
            resources[name]["traced"] and covered(rows, cohort, name, "opened", at, end) for name in prepared
        )
        worked = any(
            e["learner_id"] == cell["learner_id"]
            and e.get("resource_id") in prepared
            and e["verb"] in OPENING | COMPLETING
            and at < e["at"] <= end
            for e in rows["events"]
        )
        completed = done[cell["learner_id"], cohort]
        tally = out[key_of(cell, by)][side]
        if known and seen and cell["tracking"] == "traced" and completed is not None:
            tally.add(cell, int(not worked and not completed), 1)
        else:
            tally.add(cell, 0, 0, 1)
    return out
