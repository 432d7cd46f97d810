"""Small cells: a number that stands for fewer learners than the study allows is taken out.

So is a second one wherever the first could be got by subtracting what is left from a total. Totals are
those of every subset of the columns of the table, and of what these columns imply (a cohort's arm, trainer
and site). Groups made of whole cohorts are decided for all such tables at once (`hidden_unions`), so that a
table by site and one by arm do not betray together what neither shows; a finer table is protected against
its own totals and against those of whole cohorts.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import polars as pl

_MOST_COLUMNS_A_TOTAL = 4
_SOLVED = 1e-9


def suppress(
    rows: pl.DataFrame,
    *,
    margins: list[str],
    apart: list[str],
    cell: list[str],
    slices: list[str],
    blank: list[str],
    smallest: int,
    also: str | None = None,
) -> pl.DataFrame:
    """Blank the rows of small cells and of those that would give them away.

    Parameters
    ----------
    rows : DataFrame
        Any rows with ``n`` (learners behind a row), ``value`` and ``reason``.
    margins : list of str
        The columns whose totals somebody may know.
    apart : list of str
        Those of them that part learners (cohort, arm, covariate): rows alike in these may stand for the same
        learners, so their counts do not add up.
    cell : list of str
        The columns that name a cell within a slice.
    slices : list of str
        The columns that tell tables apart; each is protected by itself.
    blank : list of str
        The columns to set to null in a suppressed row; its ``reason`` becomes ``suppressed``.
    smallest : int
        Learners; a cell with 1 to ``smallest - 1`` of them is small.
    also : str, optional
        A boolean column: rows that must not be shown whatever their size.

    Examples
    --------
    >>> rows = pl.DataFrame(
    ...     {"cohort_id": ["A", "B", "C"], "statistic": "rate", "n": [3, 20, 8], "value": [0.5, 0.6, 0.7],
    ...      "reason": None},
    ...     schema_overrides={"reason": pl.String},
    ... )
    >>> suppress(rows, margins=["cohort_id"], apart=["cohort_id"], cell=["cohort_id"], slices=["statistic"],
    ...          blank=["value", "n"], smallest=5)["value"].to_list()
    [None, 0.6, None]
    """
    counts = rows.group_by(*slices, *cell, maintain_order=True).agg(
        pl.col("n").filter(pl.col("value").is_not_null()).min().fill_null(0),
        (pl.col(also).any() if also else pl.lit(value=False)).alias("·already"),
        *(pl.col(c).first() for c in dict.fromkeys([*margins, *apart]) if c not in cell),
    )
    hidden = [
        _hidden(part, margins, apart, smallest)
        for part in counts.partition_by(slices, maintain_order=True, include_key=True)
    ]
    chosen = pl.concat(hidden).select(*slices, *cell, pl.lit(value=True).alias("·hide"))
    hide = pl.col("·hide").fill_null(value=False)
    return (
        rows.join(chosen, on=[*slices, *cell], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            *(pl.when(~hide).then(pl.col(c)).alias(c) for c in blank),
            pl.when(hide).then(pl.lit("suppressed")).otherwise(pl.col("reason")).alias("reason"),
        )
        .drop("·hide", *([also] if also else []))
    )


def _hidden(table: pl.DataFrame, margins: list[str], apart: list[str], smallest: int) -> pl.DataFrame:
    n, already = table["n"].to_numpy(), table["·already"].to_numpy() & (table["n"].to_numpy() > 0)
    small = (n > 0) & (n < smallest)
    if small.any():
        who = table.select(pl.struct(apart).rank("dense")).to_series() if apart else [0] * len(n)
        return table.filter(
            pl.Series(protect(n, small, lines(table, margins), np.asarray(who), smallest, already))
        )
    return table.filter(pl.Series(already))


def lines(table: pl.DataFrame, margins: list[str]) -> list[list[int]]:
    """Return the sets of rows that add up to a total: one for each value of each set of columns.

    Examples
    --------
    >>> lines(pl.DataFrame({"arm": ["a", "a", "b"], "cohort_id": ["A", "B", "C"]}), ["arm", "cohort_id"])
    [[0, 1], [0, 1, 2]]
    """
    indexed = table.with_row_index("·row")
    found = {tuple(range(table.height))}
    for size in range(1, min(len(margins), _MOST_COLUMNS_A_TOTAL) + 1):
        for columns in combinations(margins, size):
            for rows in indexed.group_by(columns).agg("·row")["·row"]:
                found.add(tuple(sorted(rows.to_list())))
    return [list(line) for line in sorted(found) if len(line) > 1]


def protect(
    n: np.ndarray,
    small: np.ndarray,
    totals: list[list[int]],
    who: np.ndarray,
    smallest: int,
    already: np.ndarray | None = None,
) -> np.ndarray:
    """Add cells to the small ones until none of these, nor a handful together, follows from the totals.

    Parameters
    ----------
    n : ndarray of int, shape (cells,)
        Learners behind each cell.
    small : ndarray of bool, shape (cells,)
        The cells that must not be known.
    totals : list of list of int
        The cells of each known total.
    who : ndarray of int, shape (cells,)
        Cells with the same number may hold the same learners.
    smallest : int
        Fewer learners than this must not be singled out together either.
    already : ndarray of bool, shape (cells,), optional
        Cells taken out for another reason.

    Returns
    -------
    ndarray of bool, shape (cells,)
        All cells to take out.

    Examples
    --------
    >>> n, small = np.array([3, 20, 8]), np.array([True, False, False])
    >>> protect(n, small, [[0, 1, 2]], np.arange(3), 5).tolist()
    [True, False, True]
    """
    hidden = small.copy() if already is None else small | already
    while (line := _open_line(n, hidden, small, totals, who, smallest)) is not None:
        candidates = [i for i in line if not hidden[i] and n[i] > 0]
        hidden[min(candidates, key=lambda i: (n[i], i))] = True
    return hidden


def _open_line(
    n: np.ndarray,
    hidden: np.ndarray,
    small: np.ndarray,
    totals: list[list[int]],
    who: np.ndarray,
    smallest: int,
) -> list[int] | None:
    """Return a total that gives a small cell away and still has a cell to hide; None when all are safe."""
    usable = [line for line in totals if any(not hidden[i] and n[i] > 0 for i in line)]
    for line in usable:
        if 0 < _learners(n, who, [i for i in line if hidden[i]]) < smallest:
            return line
    given_away = _solved(hidden, totals, n)
    for line in usable:
        if any(small[i] and given_away[i] for i in line):
            return line
    return None


def _learners(n: np.ndarray, who: np.ndarray, line: list[int]) -> int:
    """Count at least so many different learners in some cells."""
    largest: dict[int, int] = {}
    for i in line:
        largest[who[i]] = max(largest.get(who[i], 0), int(n[i]))
    return sum(largest.values())


def hidden_unions(
    n: Mapping[str, int], attributes: Mapping[str, tuple], smallest: int
) -> frozenset[frozenset[str]]:
    """Decide which groups of whole cohorts are not shown, in whatever table by cohort attributes they stand.

    Parameters
    ----------
    n : mapping of str to int
        Learners behind each cohort.
    attributes : mapping of str to tuple
        What each cohort can be grouped by, itself included.
    smallest : int
        A group of 1 to ``smallest - 1`` learners is small.

    Returns
    -------
    frozenset of frozenset of str
        The sets of cohorts, without those that have no learner, whose number is taken out: the small ones,
        and as many of the least others as it takes that no small one is a sum or difference of those shown.

    Examples
    --------
    >>> found = hidden_unions({"A": 3, "B": 8, "C": 20}, {c: (c, "north") for c in "ABC"}, 5)
    >>> sorted(sorted(union) for union in found)
    [['A'], ['B']]
    """
    cohorts = sorted(c for c in n if n[c] > 0)
    unions = {frozenset(cohorts)} - {frozenset()}
    for size in range(1, 1 + max((len(attributes[c]) for c in cohorts), default=0)):
        for chosen in combinations(range(len(attributes[cohorts[0]])), size):
            groups: dict[tuple, set[str]] = {}
            for c in cohorts:
                groups.setdefault(tuple(attributes[c][i] for i in chosen), set()).add(c)
            unions |= {frozenset(group) for group in groups.values()}
    total = {union: sum(n[c] for c in union) for union in unions}
    small = [u for u in unions if total[u] < smallest]
    shown = sorted((u for u in unions if total[u] >= smallest), key=lambda u: (total[u], sorted(u)))
    while (used := _betraying(small, shown, cohorts)) is not None:
        shown.remove(used)
    for union in sorted(unions - set(shown) - set(small), key=lambda u: (-total[u], sorted(u))):
        if _betraying(small, [*shown, union], cohorts) is None:
            shown.append(union)
    return frozenset(unions - set(shown))


def _betraying(
    small: list[frozenset[str]], shown: list[frozenset[str]], cohorts: list[str]
) -> frozenset[str] | None:
    """Return the least of the shown groups that add up to a small one; None when none do."""
    if not (small and shown):
        return None
    system = np.array([[float(c in union) for c in cohorts] for union in shown]).T
    for union in sorted(small, key=sorted):
        target = np.array([float(c in union) for c in cohorts])
        weights, *_ = np.linalg.lstsq(system, target, rcond=None)
        if np.abs(system @ weights - target).max() < _SOLVED:
            return shown[int(np.flatnonzero(np.abs(weights) > _SOLVED)[0])]
    return None


def _solved(hidden: np.ndarray, totals: list[list[int]], n: np.ndarray) -> np.ndarray:
    """Whether each hidden cell follows from the totals by adding and subtracting: no freedom left in it."""
    unknown = np.flatnonzero(hidden)
    place = {cell: column for column, cell in enumerate(unknown)}
    rows = {tuple(place[i] for i in line if hidden[i]) for line in totals}
    rows.discard(())
    out = np.zeros(len(n), dtype=bool)
    if not rows:
        return out
    system = np.zeros((len(rows), len(unknown)))
    for r, columns in enumerate(sorted(rows)):
        system[r, list(columns)] = 1
    _, values, vectors = np.linalg.svd(system, full_matrices=True)
    rank = int((values > _SOLVED * max(1.0, values.max())).sum())
    free = np.abs(vectors[rank:]).max(axis=0, initial=0.0)
    out[unknown] = free < _SOLVED
    return out
