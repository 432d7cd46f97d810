"""What an export hides, held against the definition: exact Gauss in fractions over every shown cell."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_study import page_study

from flipstats import metrics
from flipstats.export import answers, for_manager
from flipstats.export.joint import Cell, hidden_cells
from flipstats.export.span import Span

SMALLEST = 5


class Sums:
    """The sums of multiples of some sets, in fractions: each row has 1 at its pivot, which no other row has."""

    def __init__(self, cells: list[frozenset] = ()) -> None:
        self.rows: dict[object, dict[object, Fraction]] = {}
        for cell in cells:
            self.add(cell)

    def left(self, cell: frozenset) -> dict[object, Fraction]:
        rest = {atom: Fraction(1) for atom in cell}
        for pivot, row in self.rows.items():
            if (times := rest.get(pivot, 0)) != 0:
                for atom, x in row.items():
                    rest[atom] = rest.get(atom, 0) - times * x
        return {atom: x for atom, x in rest.items() if x != 0}

    def add(self, cell: frozenset) -> None:
        rest = self.left(cell)
        if not rest:
            return
        pivot, at = next(iter(rest.items()))
        new = {atom: x / at for atom, x in rest.items()}
        for name, row in self.rows.items():
            if (times := row.get(pivot, 0)) != 0:
                changed = {a: row.get(a, 0) - times * new.get(a, 0) for a in row.keys() | new.keys()}
                self.rows[name] = {a: x for a, x in changed.items() if x != 0}
        self.rows[pivot] = new

    def holds(self, cell: frozenset) -> bool:
        return not self.left(cell)


def at_least(atoms: frozenset, filled: dict[frozenset, int]) -> int:
    """Learners behind some atoms: of each cohort, the largest known number within."""
    found: dict[object, int] = {}
    for cell, n in filled.items():
        cohorts = {atom[0] for atom in cell}
        if len(cohorts) == 1 and cell <= atoms:
            (cohort,) = cohorts
            found[cohort] = max(found.get(cohort, 0), n)
    return sum(found.values())


def faults(sizes: dict[frozenset, int], hidden: frozenset) -> list[tuple]:
    """Every way in which what is shown tells of few, by the words of the module."""
    empty = frozenset().union(*(cell for cell, n in sizes.items() if n == 0))
    filled: dict[frozenset, int] = {}
    for cell, n in sizes.items():
        if n and cell - empty:
            filled[cell - empty] = min(n, filled.get(cell - empty, n))
    shown = sorted(
        {cell - empty for cell, n in sizes.items() if n and cell not in hidden and cell - empty}, key=str
    )
    sums = Sums(shown)
    found = [("small", cell) for cell, n in sizes.items() if 0 < n < SMALLEST and cell not in hidden]
    found += [("follows", cell) for cell, n in filled.items() if n < SMALLEST and sums.holds(cell)]
    for one, other in combinations(shown, 2):
        less, more = sorted((one, other), key=len)
        if less < more and 0 < at_least(more - less, filled) < SMALLEST:
            found.append(("left", less, more))
    cohorts = {atom[0] for cell in filled for atom in cell}
    whole = {c: frozenset(a for cell in filled for a in cell if a[0] == c) for c in cohorts}
    known = {c: at_least(whole[c], filled) for c in cohorts}
    few = [c for c in sorted(cohorts) if 0 < known[c] < SMALLEST]
    for size in range(1, SMALLEST):
        for chosen in combinations(few, size):
            union = frozenset().union(*(whole[c] for c in chosen))
            if sum(known[c] for c in chosen) < SMALLEST and sums.holds(union):
                found.append(("union", chosen))
    return found


PROGRAMMES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.lists(st.integers(0, 9), min_size=3, max_size=3)),
    min_size=1,
    max_size=5,
)


def tables(
    programme: list[tuple[int, int, list[int]]], asked: list[tuple[bool, ...]]
) -> dict[frozenset, int]:
    """The cells of tables by any of cohort, arm, iteration and part: learners of a cohort are in its parts."""
    atoms = {(i, part): n for i, (*_, parts) in enumerate(programme) for part, n in enumerate(parts)}
    sizes: dict[frozenset, int] = {}
    for by in asked:
        groups: dict[tuple, set] = {}
        for i, part in atoms:
            values = (i, *programme[i][:2], part)
            groups.setdefault(tuple(v for v, on in zip(values, by, strict=True) if on), set()).add((i, part))
        for cell in groups.values():
            of: dict[int, int] = {}
            for i, part in cell:
                of[i] = max(of.get(i, 0), atoms[i, part])
            sizes[Cell(cell)] = sum(of.values())
    return sizes


@settings(deadline=None, max_examples=150)
@given(PROGRAMMES, st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=16))
def test_nothing_small_follows_and_nothing_more_could_be_shown(programme, asked) -> None:
    sizes = tables(programme, asked)
    hidden = hidden_cells(sizes, SMALLEST)
    assert not faults(sizes, hidden)
    for cell in hidden:
        if sizes[cell] >= SMALLEST:
            empty = frozenset().union(*(c for c, n in sizes.items() if n == 0))
            same = {other for other in hidden if other - empty == cell - empty}
            assert faults(sizes, hidden - same), cell


@settings(deadline=None, max_examples=150)
@given(st.lists(st.frozensets(st.integers(0, 6), min_size=1), min_size=1, max_size=9), st.integers(1, 8))
def test_a_span_takes_what_keeps_its_secrets(cells: list[frozenset], few: int) -> None:
    secrets, offered = cells[:few], cells[few:]

    def row(cell: frozenset) -> np.ndarray:
        return np.array([int(atom in cell) for atom in range(7)])

    span, sums = Span(np.array([row(cell) for cell in secrets])), Sums()
    for cell in offered:
        more = Sums([])
        more.rows = {pivot: dict(values) for pivot, values in sums.rows.items()}
        more.add(cell)
        safe = not any(more.holds(secret) for secret in secrets)
        assert span.take(row(cell)) is safe
        sums = more if safe else sums


def test_a_cell_of_few_is_hidden_though_all_in_it_seems_empty() -> None:
    both, one = Cell([("A",), ("B",)]), Cell([("A",)])
    assert hidden_cells({both: 4, one: 0, Cell([("B",)]): 0}, SMALLEST) == {both}


def test_a_number_of_which_nobody_knows_what_it_adds_up_is_hidden() -> None:
    piece = pl.DataFrame({"·row": [0, 1], "value": [0.5, 0.6], "n": [30, 20]})
    assert answers._hidden_rows(piece, [Cell([("A",)]), Cell()], SMALLEST) == [1]


def test_small_cohorts_are_not_told_together_however_many_there_are() -> None:
    """Thirty cohorts of two learners: no two of them are shown together, and many together are."""
    names = [(f"{i:02d}",) for i in range(30)]
    pairs = [Cell(names[i : i + 2]) for i in range(0, 30, 2)]
    sizes = {Cell([name]): 2 for name in names} | dict.fromkeys(pairs, 4) | {Cell(names): 60}
    hidden = hidden_cells(sizes, SMALLEST)
    assert Cell(names) not in hidden
    assert len(hidden) == 45


def test_the_tables_of_a_study_are_taken_together_as_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every decision that an export asks for, held against the definition."""
    asked, keys = [], ("prepared_rate", "start_score", "resource_reach", "consultation_rate")

    def recorded(sizes, smallest):
        asked.append((dict(sizes), hidden_cells(sizes, smallest)))
        return asked[-1][1]

    monkeypatch.setattr(answers, "hidden_cells", recorded)
    monkeypatch.setattr(metrics, "METRICS", {key: metrics.METRICS[key] for key in keys})
    for_manager(page_study())
    different = {(frozenset(sizes.items()), hidden) for sizes, hidden in asked}
    assert len(different) > 5
    assert sum(len(hidden) for _, hidden in different) > 20
    for sizes, hidden in different:
        assert not faults(dict(sizes), hidden)
