"""All tables of an indicator taken together: which cells are hidden so that no small one can be worked out.

A cell is the set of atoms it adds up (cohorts, their sessions, the resources of these). What is shown may be
added and subtracted at will: no small cell may come out, and no difference of two shown cells may be small.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import combinations

import numpy as np

Atom = tuple  # begins with the cohort
Cell = frozenset
_SOLVED = 1e-7
_MOST_SMALL_TOGETHER = 10  # cohorts whose unions are protected too


def hidden_cells(sizes: Mapping[Cell, int], smallest: int) -> frozenset[Cell]:
    """Return the cells to hide.

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
    shown = sorted(
        (c for c in filled if filled[c] >= smallest), key=lambda c: (filled[c], sorted(map(str, c)))
    )
    atoms = sorted({atom for cell in filled for atom in cell}, key=str)
    place = {atom: i for i, atom in enumerate(atoms)}
    known = _by_cohort(filled)
    secret = {cell for cell in filled if filled[cell] < smallest} | _unions(known, place, smallest)
    removed = []
    while (used := _betraying(secret | _remainders(shown, known, smallest), shown, place)) is not None:
        shown.remove(used)
        removed.append(used)
    for cell in sorted(removed, key=lambda c: (-filled[c], sorted(map(str, c)))):
        more = [*shown, cell]
        if _betraying(secret | _remainders(more, known, smallest), more, place) is None:
            shown = more
    hidden = set(filled) - set(shown)
    return frozenset(cell for cell, n in items if n > 0 and cell - empty in hidden)


def _by_cohort(filled: Mapping[Cell, int]) -> dict[object, list[tuple[Cell, int]]]:
    """Return the cells that lie within one cohort, by cohort."""
    out: dict[object, list[tuple[Cell, int]]] = {}
    for cell, n in filled.items():
        cohorts = {atom[0] for atom in cell}
        if len(cohorts) == 1:
            out.setdefault(cohorts.pop(), []).append((cell, n))
    return out


def _learners(atoms: Cell, known: Mapping[object, list[tuple[Cell, int]]]) -> int:
    """Return how many different learners stand at least behind some atoms, by the cells within them."""
    return sum(
        max((n for cell, n in known.get(cohort, ()) if cell <= atoms), default=0)
        for cohort in {atom[0] for atom in atoms}
    )


def _unions(
    known: Mapping[object, list[tuple[Cell, int]]], place: Mapping[Atom, int], smallest: int
) -> set[Cell]:
    """Return the unions of whole small cohorts that are small together, whether or not a table names them."""
    whole = {
        cohort: Cell(atom for atom in place if atom[0] == cohort)
        for cohort, cells in known.items()
        if max(n for _, n in cells) < smallest
    }
    few = sorted(whole, key=str)[:_MOST_SMALL_TOGETHER]
    chosen = (combo for size in range(1, len(few) + 1) for combo in combinations(few, size))
    unions = (Cell().union(*(whole[c] for c in combo)) for combo in chosen)
    return {union for union in unions if _learners(union, known) < smallest}


def _remainders(
    shown: list[Cell], known: Mapping[object, list[tuple[Cell, int]]], smallest: int
) -> set[Cell]:
    """Return what is left of one shown cell without another, where few learners stand behind it."""
    left = {b - a for a in shown for b in shown if a < b}
    return {rest for rest in left if 0 < _learners(rest, known) < smallest}


def _betraying(secret: set[Cell], shown: list[Cell], place: Mapping[Atom, int]) -> Cell | None:
    """Return the least of the shown cells that add up to a secret one; None when none do."""
    if not (secret and shown):
        return None
    system = _vectors(shown, place).T
    targets = _vectors(sorted(secret, key=lambda c: sorted(map(str, c))), place).T
    weights, *_ = np.linalg.lstsq(system, targets, rcond=None)
    solved = np.flatnonzero(np.abs(system @ weights - targets).max(axis=0) < _SOLVED)
    if not solved.size:
        return None
    return shown[int(np.flatnonzero(np.abs(weights[:, solved[0]]) > _SOLVED)[0])]


def _vectors(cells: list[Cell], place: Mapping[Atom, int]) -> np.ndarray:
    out = np.zeros((len(cells), len(place)))
    for row, cell in enumerate(cells):
        out[row, [place[atom] for atom in cell]] = 1.0
    return out
