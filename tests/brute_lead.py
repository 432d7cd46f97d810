"""What the unknown could make of the lead time, by trying everything out, from the definition."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations_with_replacement, product

from brute_force import band, cells, key_of

EARLIEST_FIRST = ("early", "fortnight", "week", "few_days", "last_day", "last_hour")
NOT_PREPARED = None


def outcomes(cell, limits) -> set[tuple[str, bool] | None]:
    """Return what a cell can be once all of it is known: bands with "near" or not, or not prepared."""
    states = list(cell["pairs"].values())
    last = max((when for state, when in states if state), default=None)
    if all(state is not None for state, _ in states):
        return {NOT_PREPARED if last is None else band(cell, last, limits)}
    if last is None:
        anything = {(name, near) for name in EARLIEST_FIRST for near in (True, False)}
        return anything | {NOT_PREPARED}
    here, near = band(cell, last, limits)
    later = EARLIEST_FIRST[
        EARLIEST_FIRST.index(here) :
    ]  # another look can only come after the last one known
    return {(name, far) for name in later for far in ({True} if near else {True, False})}


def is_in(name, here, near) -> bool:
    return near if name == "near" else here == name


def extremes(rows, by, level, limits, name) -> dict[tuple, tuple[float, float]]:
    """Return by group the least and the largest share of the prepared in a band, over all outcomes."""
    groups = defaultdict(Counter)
    for cell in cells(rows, level, limits):
        if cell["pairs"]:
            kinds = {None if one is NOT_PREPARED else is_in(name, *one) for one in outcomes(cell, limits)}
            groups[key_of(cell, by)][frozenset(kinds)] += 1
    found = {}
    for key, kinds in groups.items():
        found_here = set()
        for drawn in product(*(combinations_with_replacement(kind, n) for kind, n in kinds.items())):
            chosen = [one for part in drawn for one in part]
            prepared = [one for one in chosen if one is not NOT_PREPARED]
            if prepared:
                found_here.add(sum(prepared) / len(prepared))
        if found_here:
            found[key] = min(found_here), max(found_here)
    return found
