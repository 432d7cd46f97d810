"""First looks that came too late, in plain loops, from the definition."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, timedelta

from brute_force import (
    COMPLETING,
    OPENING,
    ZONE,
    Tally,
    by_id,
    covered,
    key_of,
    required,
    window_start,
)
from brute_outcomes import on_rosters


def late_until(session, limits):
    """The same time on the local clock, some days after the end."""
    return (session["ends_at"].astimezone(ZONE) + timedelta(days=limits["late_days"])).astimezone(UTC)


def late(rows, by, limits) -> dict[str, dict[tuple, Tally]]:
    """Return tallies of all who were late, and of those during and after the session."""
    out = {name: defaultdict(Tally) for name in ("rate", "during", "after")}
    resources = by_id(rows, "resources", "resource_id")
    for cell, enrolment in on_rosters(rows):
        end, looks, known, owed = late_until(cell, limits), [], True, required(rows, cell)
        for planned in owed:
            start = window_start(enrolment, planned)
            seen = [
                e
                for e in rows.get("events", [])
                if (e["learner_id"], e["resource_id"]) == (cell["learner_id"], planned["resource_id"])
                and e["verb"] in OPENING | COMPLETING
                and start <= e["at"] <= end
            ]
            looks += [e["at"] for e in seen]
            early = [e for e in seen if e["at"] < cell["starts_at"]]
            only_taken_away = bool(early) and all(e["verb"] == "downloaded" for e in early)
            since = min(start, cell["starts_at"])
            known = (
                known
                and resources[planned["resource_id"]]["traced"]
                and cell["tracking"] == "traced"
                and covered(rows, cell["cohort_id"], planned["resource_id"], "opened", since, end)
                and not only_taken_away
            )
        first = min(looks, default=None)
        is_late = first is not None and first >= cell["starts_at"]
        during = is_late and first <= cell["ends_at"]
        for name, yes in (("rate", is_late), ("during", during), ("after", is_late and not during)):
            tally = out[name][key_of(cell, by)]
            if not owed:
                tally.add(cell, 0, 0)
            elif known:
                tally.add(cell, int(yes), 1)
            else:
                tally.add(cell, 0, 0, 1)
    return out
