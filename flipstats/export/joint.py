"""All tables of an indicator taken together: which cells are hidden so that no small one can be worked out.

A cell is the set of atoms it adds up (cohorts, their sessions, the resources or questions of these). What
is shown may be added and subtracted at will: no small cell may come out, and no difference of two shown cells
may be small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations, islice

import numpy as np

from flipstats.export.span import Span

Atom = tuple  # begins with the cohort
Cell = frozenset
_MOST_UNIONS = 2000  # of whole small cohorts, the fewest together first


def hidden_cells(sizes: Mapping[Cell, int], smallest: int) -> frozenset[Cell]:
    """Return the cells to hide.

    The others are taken up from the largest down, and one that would give something away beside those taken
    up already is hidden: of what is hidden, nothing could be shown as well.

    Parameters
    ----------
    sizes : mapping of frozenset of atoms to int
        Learners behind each cell; 0: it has no value.
    smallest : int
        A cell of 1 to ``smallest - 1`` learners is small.

    Returns
    -------
    frozenset of cells
        The small ones, and as many others as it takes.

    Examples
    --------
    >>> a, b, c = ("A",), ("B",), ("C",)
    >>> sizes = {Cell([a]): 3, Cell([b]): 8, Cell([c]): 20, Cell([a, b, c]): 31, Cell([b, c]): 28}
    >>> sorted(sorted(cell) for cell in hidden_cells(sizes, 5))
    [[('A',)], [('B',)], [('B',), ('C',)]]
    """
    return _hidden(frozenset(sizes.items()), smallest)


@lru_cache(maxsize=256)
def _hidden(items: frozenset, smallest: int) -> frozenset[Cell]:
    empty = frozenset().union(*(cell for cell, n in items if n == 0))  # adds nothing, as anybody can see
    filled: dict[Cell, int] = {}
    for cell, n in items:
        if n > 0 and cell - empty:
            filled[cell - empty] = min(filled.get(cell - empty, n), n)
    small = {cell for cell in filled if filled[cell] < smallest}
    offered = sorted(filled.keys() - small, key=lambda c: (-filled[c], -len(c), _name(c)))
    known = _by_cohort(filled)
    secret = sorted(small | _unions(known, smallest), key=_name)
    shown = _shown(offered, secret, known, smallest)
    few = {cell for cell, n in items if 0 < n < smallest}
    return frozenset(few | {cell for cell, n in items if n > 0 and cell - empty in filled.keys() - shown})


def _name(cell: Cell) -> list[str]:
    return sorted(map(str, cell))


def _shown(
    offered: Sequence[Cell], secret: Sequence[Cell], known: Mapping[object, Mapping[Cell, int]], smallest: int
) -> set[Cell]:
    """Return which cells are shown, taken up in the order they are offered in."""
    within = [cell for cells in known.values() for cell in cells]
    rows = _rows([*offered, *secret, *within])
    first, second = len(offered), len(offered) + len(secret)
    counts = [np.array(list(cells.values())) for cells in known.values()]
    apart = _apart(rows[:first], rows[second:], counts, smallest)
    span, taken = Span(rows[first:second]), np.zeros(first, dtype=bool)
    for i in range(first):
        taken[i] = not (apart[i] & taken).any() and span.take(rows[i])
    return {cell for cell, is_taken in zip(offered, taken, strict=True) if is_taken}


def _rows(cells: Sequence[Cell]) -> np.ndarray:
    """Return each cell as a row of 0 and 1; atoms that no cell tells apart are one column."""
    place = {atom: i for i, atom in enumerate(sorted({a for cell in cells for a in cell}, key=str))}
    out = np.zeros((len(cells), len(place)), np.int64)
    for row, cell in enumerate(cells):
        out[row, [place[atom] for atom in cell]] = 1
    return np.unique(out, axis=1) if out.size else out


def _by_cohort(filled: Mapping[Cell, int]) -> dict[object, dict[Cell, int]]:
    """Return the cells that lie within one cohort, by cohort."""
    out: dict[object, dict[Cell, int]] = {}
    for cell, n in filled.items():
        cohorts = {atom[0] for atom in cell}
        if len(cohorts) == 1:
            out.setdefault(cohorts.pop(), {})[cell] = n
    return out


def _unions(known: Mapping[object, Mapping[Cell, int]], smallest: int) -> set[Cell]:
    """Return the unions of whole small cohorts that are small together, whether or not a table names them."""
    sizes = {cohort: max(cells.values()) for cohort, cells in known.items()}
    few = sorted((c for c in sizes if sizes[c] < smallest), key=lambda c: (sizes[c], str(c)))
    whole = {cohort: frozenset().union(*known[cohort]) for cohort in few}
    chosen = (
        combo
        for size in range(1, smallest)
        if sum(sizes[c] for c in few[:size]) < smallest
        for combo in combinations(few, size)
        if sum(sizes[c] for c in combo) < smallest
    )
    return {Cell().union(*(whole[c] for c in combo)) for combo in islice(chosen, _MOST_UNIONS)}


def _apart(
    offered: np.ndarray, within: np.ndarray, counts: Sequence[np.ndarray], smallest: int
) -> np.ndarray:
    """Return which two cells are not shown side by side: of the larger one the other leaves few learners.

    Parameters
    ----------
    offered : ndarray of 0 and 1, shape (cells, atoms)
    within : ndarray of 0 and 1, shape (known, atoms)
        Cells within one cohort, cohort by cohort.
    counts : sequence of ndarray of int
        Learners behind each of these, one array a cohort: behind all of what is left of a cohort stand at
        least those of the largest known cell in it.

    Returns
    -------
    ndarray of bool, shape (cells, cells)
    """
    offered, within = offered.astype(np.float32), within.astype(np.float32)  # whole, and fast to multiply
    out = np.zeros((len(offered), len(offered)), dtype=bool)
    size, all_of = offered.sum(axis=1), within.sum(axis=1)
    common, known = offered @ offered.T, offered @ within.T
    starts = np.cumsum([0, *map(len, counts)])
    for i in range(len(offered)):
        parts = np.flatnonzero((common[i] == size) & (size < size[i]))
        full = known[i] - known[parts] == all_of  # what the part leaves of the whole has all of it
        learners = np.zeros(len(parts), np.int64)
        for n, start in zip(counts, starts, strict=False):
            learners += np.where(full[:, start : start + len(n)], n, 0).max(axis=1, initial=0)
        few = parts[(learners > 0) & (learners < smallest)]
        out[i, few] = out[few, i] = True
    return out
