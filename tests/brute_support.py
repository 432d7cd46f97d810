"""Feedback, participation, consolidation, tutoring and adaptation in plain loops, from the definitions."""

from __future__ import annotations

from collections import defaultdict

from brute_force import Tally, by_id, key_of
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
            if not lines:
                tally.add(cell, 0, 0, 1)
            elif named:
                tally.add(cell, 1, 1)
            elif set(by) & set(OF_LEARNERS):
                tally.add(cell, 0, *((0, 1) if nameless else (1, 0)))
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
