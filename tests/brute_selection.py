"""Who gives feedback, and how regularly learners prepare, in plain loops, from the definitions."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from brute_force import cells, key_of, lead_hours
from brute_support import said


def selection(rows, by, level, limits) -> dict[tuple, dict]:
    """Return by group the shares done by respondents and by the others, and how many are unknown."""
    out = defaultdict(
        lambda: {"respondents": [], "others": [], "open": 0, "open_respondents": 0, "open_others": 0}
    )
    for cell in cells(rows, level, limits):
        group, states = out[key_of(cell, by)], [state for state, _ in cell["pairs"].values()]
        if not states:
            continue
        lines = said(rows, cell["session_id"])
        told = bool(lines) and all(line["learner_id"] is not None for line in lines)
        answered = cell["learner_id"] in {line["learner_id"] for line in lines}
        if told and None not in states:
            side = "respondents" if answered else "others"
            group[side].append((states.count(True) / len(states), cell["learner_id"]))
            continue
        group["open"] += 1
        group["open_respondents"] += answered or not told
        group["open_others"] += not answered or not told
    return out


def regularity(rows, by, level, limits) -> dict[tuple, dict]:
    """Return by group the range of each learner's lead times, and how many learners are unknown."""
    out = defaultdict(lambda: {"ranges": [], "unknown": 0})
    learners = defaultdict(list)
    for cell in cells(rows, level, limits):
        out[key_of(cell, by)]
        learners[key_of(cell, by), cell["learner_id"], cell["cohort_id"]].append(cell)
    for (group, _, _), mine in learners.items():
        owing = [list(cell["pairs"].values()) for cell in mine if cell["pairs"]]
        if any(state is None for pairs in owing for state, _ in pairs):
            out[group]["unknown"] += 1
            continue
        leads = [
            lead_hours(cell, max(when for state, when in cell["pairs"].values() if state))
            for cell in mine
            if any(state for state, _ in cell["pairs"].values())
        ]
        if len(leads) >= limits["regularity_sessions"]:
            low, high = np.quantile(leads, [0.25, 0.75])
            out[group]["ranges"].append(high - low)
    return out
