"""Every answer a manager may have, taken together before any of them is given."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from flipstats import metrics, schema
from flipstats.diagnostics.items import SAME, pooled_items
from flipstats.export.atoms import Atoms, cells
from flipstats.export.joint import Cell, hidden_cells
from flipstats.indicators.definition import COLUMNS, Definition
from flipstats.served import ABOUT, GROUPS
from flipstats.study import Study

LATTICE = (
    (), ("arm",), ("iteration",), ("arm", "iteration"), ("trainer_id",), ("site",), ("format",),
    ("cohort_id",), ("sequence",), ("arm", "sequence"), ("iteration", "sequence"),
    ("arm", "iteration", "sequence"), ("cohort_id", "sequence"), ("session_id",), ("resource_id",),
    ("iteration", "resource_id"), ("cohort_id", "resource_id"),
    ("assessment_id",), ("assessment_id", "item_id"),
)  # fmt: skip
BLOCKING = "blocking_points"
BLANK = ("value", "low", "high", "n", "numerator", "denominator", "unknown", "coverage", "interval")
_BOUNDS = ("_bound_low", "_bound_high")


def answers(study: Study, smallest: int) -> tuple[pl.DataFrame, list[dict]]:
    """Return the answers of every indicator for a manager: no learner is in them, nor any covariate.

    Parameters
    ----------
    study : Study
        The whole study.
    smallest : int
        Learners; cells of fewer are hidden, and others so that none follows.

    Returns
    -------
    DataFrame
        ``asked, grouping``, the groups and the columns of every answer.
    list of dict
        The questions of `diagnostics.items.pooled_items` that are not hidden, one row each.
    """
    atoms = Atoms(study)
    made = []
    for key in metrics.METRICS:
        spec = metrics.definition(key)
        asked = [by for by in LATTICE if set(by) <= set(spec.groups)]
        parts = [part for by in asked for part in _asked(study, key, by, spec.depths)]
        if key == BLOCKING:
            parts.append(_placed(pooled_items(study, role="research", level=None), SAME, None))
        made.append(_taken_together(spec, parts, atoms.of(spec.groups), smallest))
    rows = pl.concat(made, how="diagonal")
    pooled = pl.col("grouping") == ",".join(SAME)
    told = rows.filter(pooled, pl.col("value").is_not_null())
    questions = told.select(*SAME, *COLUMNS).to_dicts() if told.height else []
    return rows.filter(~pooled).select(*ABOUT, *GROUPS, *COLUMNS), questions


def _taken_together(
    spec: Definition, parts: list[pl.DataFrame], atoms: pl.DataFrame, smallest: int
) -> pl.DataFrame:
    """Return the rows of an indicator with the numbers of hidden cells taken out, in whatever table."""
    alike = pl.col("·of").replace({name: spec.hidden_with(name) for name in spec.together})
    rows = pl.concat(parts, how="diagonal").with_columns(alike).with_row_index("·row")
    of = cells(rows, atoms)
    hidden = [
        row
        for _, piece in rows.group_by("depth", "·of", maintain_order=True)
        for row in _hidden_rows(piece, of, smallest)
    ]
    hide, empty = pl.col("·row").is_in(hidden), pl.col("value").is_null()
    return rows.with_columns(
        *(pl.when(~(hide | empty)).then(pl.col(name)).alias(name) for name in BLANK),
        pl.when(hide).then(pl.lit("suppressed")).otherwise("reason").alias("reason"),
    )


def _asked(study: Study, key: str, by: tuple[str, ...], depths: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    """Yield the answers to one grouping: without a depth, then at each depth."""
    usual = metrics.compute(study, key, by)
    yield _placed(usual, by, None)
    for depth in depths:
        told = usual.filter(pl.col("depth") == depth)
        yield _placed(told if told.height else metrics.compute(study, key, by, depth=depth), by, depth)


def _placed(rows: pl.DataFrame, by: tuple[str, ...], asked: str | None) -> pl.DataFrame:
    if "item_id" in by:  # they come ranked, and the place of what is hidden would tell of it
        rows = rows.sort(by, maintain_order=True)
    absent = [pl.lit(None, _dtype(name)).alias(name) for name in GROUPS if name not in by]
    own = [name for name in by if name not in GROUPS]
    of = pl.col("statistic")
    for bound in _BOUNDS:
        of = of.str.strip_suffix(bound)
    said = {"asked": pl.lit(asked, pl.String), "grouping": pl.lit(",".join(by)), "·of": of}
    return rows.with_columns(*absent, **said).select(*ABOUT, *GROUPS, *own, *COLUMNS, "·of")


def _dtype(name: str) -> pl.DataType:
    tables = ("cohorts", "sessions", "resources", "assessments", "attempts")
    return next(schema.table(t).by_name[name].dtype for t in tables if name in schema.table(t).by_name)


def _hidden_rows(piece: pl.DataFrame, of: list[Cell], smallest: int) -> list[int]:
    """Return which rows of one statistic at one depth, in whatever table they stand, are not shown."""
    sizes: dict[Cell, int] = {}
    for row in piece.filter(pl.col("value").is_null())["·row"]:
        sizes[of[row]] = 0
    shown = piece.filter(pl.col("value").is_not_null()).select("·row", "n").rows()
    for row, n in shown:
        sizes[of[row]] = min(sizes.get(of[row]) or n, n)
    hidden = hidden_cells(sizes, smallest)
    unplaced = {row for row, _ in shown if not of[row]}  # what they add up is not known
    return [row for row in piece["·row"] if of[row] in hidden or row in unplaced]
