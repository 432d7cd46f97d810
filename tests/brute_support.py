"""Feedback, participation, consolidation, tutoring and adaptation in plain loops, from the definitions."""

from __future__ import annotations

from collections import defaultdict

from brute_force import COMPLETING, OPENING, Tally, by_id, covered, days_before, key_of
from brute_outcomes import on_rosters

OF_LEARNERS = ("learner_id", "x_prior")


# ------------------------------------------------------------------------------------------------- feedback


def said(rows, session):
    """Return the lines of feedback on a session that say anything."""
    return [
        f
        for f in rows.get("feedback", [])
        if f["session_id"] == session and (f["rating"] is not None or (f["comment"] or "").strip())
    ]


def sheets(lines) -> dict[int, tuple]:
    """Return for the place of each nameless line the sheet it stands on."""
    out = {}
    for source in {f["source_id"] for f in lines}:
        mine = [(i, f) for i, f in enumerate(lines) if f["source_id"] == source and f["learner_id"] is None]
        items = defaultdict(set)
        for _, f in mine:
            items[f["record"]].add(f["item"])
        real = any(len(names) > 1 for names in items.values())
        seen = defaultdict(int)
        for i, f in mine:
            if real and f["record"] is not None:
                out[i] = (source, "record", f["record"])
            else:
                out[i] = (source, "place", seen[f["item"]])
            seen[f["item"]] += 1
    return out


def responses(rows, by) -> dict[tuple, Tally]:
    out = defaultdict(Tally)
    cells = [cell for cell, _ in on_rosters(rows)]
    for session in {cell["session_id"] for cell in cells}:
        lines, here = said(rows, session), [c for c in cells if c["session_id"] == session]
        names, found = {f["learner_id"] for f in lines}, defaultdict(set)
        for sheet in sheets(lines).values():
            found[sheet[0]].add(sheet)
        nameless = max((len(of) for of in found.values()), default=0)
        for cell in sorted(here, key=lambda c: c["learner_id"]):
            tally, named = out[key_of(cell, by)], cell["learner_id"] in names
            if not lines or (nameless and set(by) & set(OF_LEARNERS)):
                tally.add(cell, 0, 0, 1)
            elif named or set(by) & set(OF_LEARNERS):
                tally.add(cell, int(named), 1)
            else:
                others = [c["learner_id"] for c in here if c["learner_id"] not in names]
                tally.add(cell, int(sorted(others).index(cell["learner_id"]) < nameless), 1)
    return out


def ratings(rows, by) -> dict[tuple, dict]:
    """Return by group the scores, the best two, and who gave them."""
    out = defaultdict(lambda: {"scores": [], "boxes": [], "unknown": 0, "who": set()})
    cohorts = by_id(rows, "cohorts", "cohort_id")
    cells = [cell for cell, _ in on_rosters(rows)]
    for session in rows.get("sessions", []):
        if session["kind"] != "session":
            continue
        lines = said(rows, session["session_id"])
        stands = sheets(lines)
        for i, line in enumerate(lines):
            if line["rating"] is None:
                continue
            if line["learner_id"] is None:
                if set(by) & set(OF_LEARNERS):
                    continue
                cell, who = {**cohorts[session["cohort_id"]], **session}, (session["session_id"], stands[i])
            else:
                mine = [
                    c
                    for c in cells
                    if (c["learner_id"], c["session_id"]) == (line["learner_id"], session["session_id"])
                ]
                if not mine:
                    continue
                cell, who = mine[0], line["learner_id"]
            group = out[key_of(cell | {"item": line["item"]}, by)]
            best, rating = line["scale_max"], line["rating"]
            if not best or not 0 <= rating <= best:
                group["unknown"] += 1
                continue
            group["scores"].append(rating / best)
            group["who"].add(who)
            if 3 <= best <= 11:
                group["boxes"].append(rating >= best - 1)
    return out


# ------------------------------------------------------------------------------- in the session and after it


def planned(rows, session, phase) -> list[dict]:
    resources = by_id(rows, "resources", "resource_id")
    return [
        resources[p["resource_id"]]
        for p in rows.get("plan", [])
        if p["session_id"] == session and p["phase"] == phase
    ]


def attended(rows, cell) -> bool | None:
    seen = {
        a["status"]
        for a in rows.get("attendance", [])
        if (a["learner_id"], a["session_id"]) == (cell["learner_id"], cell["session_id"])
    }
    if seen & {"present", "late"}:
        return True
    return False if seen & {"absent", "excused"} else None


def participations(rows, by) -> dict[tuple, Tally]:
    out = defaultdict(Tally)
    for cell, _ in on_rosters(rows):
        tally, here = out[key_of(cell, by)], attended(rows, cell)
        start, end = cell["starts_at"], cell["ends_at"]
        tools = [r for r in planned(rows, cell["session_id"], "in") if r["traced"]]
        polls = [f for f in said(rows, cell["session_id"]) if f["phase"] == "in"]
        if here is False or not (tools or polls):
            tally.add(cell, 0, 0)
            continue
        told = cell["tracking"] == "traced" and all(
            covered(rows, cell["cohort_id"], r["resource_id"], "opened", start, end) for r in tools
        )
        acted = any(
            e["learner_id"] == cell["learner_id"]
            and e["resource_id"] == tool["resource_id"]
            and e["verb"] in {"started", "submitted", "passed", "failed"}
            and start <= e["at"] < end
            for e in rows.get("events", [])
            for tool in tools
        )
        spoke = any(f["learner_id"] == cell["learner_id"] for f in polls)
        nameless = any(f["learner_id"] is None for f in polls)
        did = acted or spoke
        if here is None or (tools and not told) or nameless:
            tally.add(cell, 0, 0, 1)
        else:
            tally.add(cell, int(did), 1)
    return out


def consolidations(rows, by) -> dict[tuple, tuple[Tally, list]]:
    """Return by group the tally, and what the bounds add up: at least, at most, in all."""
    out = defaultdict(lambda: (Tally(), [0, 0, 0]))
    for cell, _ in on_rosters(rows):
        (tally, ends), states = out[key_of(cell, by)], []
        start = cell["ends_at"]
        end = days_before(start, -14)
        for resource in planned(rows, cell["session_id"], "post"):
            name = resource["resource_id"]
            told = covered(rows, cell["cohort_id"], name, "opened", start, end)
            events = [
                e["verb"]
                for e in rows.get("events", [])
                if (e["learner_id"], e["resource_id"]) == (cell["learner_id"], name)
                and e["verb"] in OPENING | COMPLETING
                and start < e["at"] <= end
            ]
            copied = bool(events) and set(events) == {"downloaded"}
            known = resource["traced"] and cell["tracking"] == "traced" and told and not copied
            states.append(bool(events) if known else None)
        ends[2] += bool(states)
        ends[0] += True in states
        ends[1] += True in states or None in states
        if None in states:
            tally.add(cell, 0, 0, 1)
        else:
            tally.add(cell, int(True in states), int(bool(states)))
    return out
