"""Every answer a manager may have, taken together before any of them is given."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from flipstats import metrics, schema
from flipstats.export.joint import Atom, Cell, hidden_cells
from flipstats.indicators.definition import COHORT_GROUPS, COLUMNS, LEARNER_GROUPS
from flipstats.served import ABOUT, GROUPS, OF_COHORT
from flipstats.study import Study

LATTICE = (
    (), ("arm",), ("iteration",), ("arm", "iteration"), ("trainer_id",), ("site",), ("format",),
    ("cohort_id",), ("sequence",), ("arm", "sequence"), ("iteration", "sequence"),
    ("arm", "iteration", "sequence"), ("cohort_id", "sequence"), ("session_id",), ("resource_id",),
    ("iteration", "resource_id"), ("cohort_id", "resource_id"),
)  # fmt: skip
# Who opened one resource in one cohort are few: hardly a cell could be shown, and hiding takes minutes.
TOO_FINE = {"resource_reach": {("cohort_id", "resource_id")}}
BLANK = ("value", "low", "high", "n", "numerator", "denominator", "unknown", "coverage", "interval")
_BOUNDS = ("_bound_low", "_bound_high")


def answers(study: Study, smallest: int) -> pl.DataFrame:
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
    """
    atoms = _atoms(study)
    made = [_of_indicator(study, key, atoms, smallest) for key in metrics.METRICS]
    return pl.concat(made, how="vertical")


def _of_indicator(study: Study, key: str, atoms: pl.DataFrame, smallest: int) -> pl.DataFrame:
    spec = metrics.definition(key)
    asked = [by for by in LATTICE if set(by) <= set(spec.groups) and by not in TOO_FINE.get(key, ())]
    parts = [part for by in asked for part in _asked(study, key, by, spec.depths)]
    alike = pl.col("·of").replace({name: spec.hidden_with(name) for name in spec.together})
    rows = pl.concat(parts, how="vertical").with_columns(alike).with_row_index("·row")
    atoms = atoms.unique(_parted_by(spec.groups), maintain_order=True)
    hidden = [
        row
        for _, piece in rows.group_by("depth", "·of", maintain_order=True)
        for row in _hidden_rows(piece, atoms, smallest)
    ]
    hide, empty = pl.col("·row").is_in(hidden), pl.col("value").is_null()
    return rows.with_columns(
        *(pl.when(~(hide | empty)).then(pl.col(name)).alias(name) for name in BLANK),
        pl.when(hide).then(pl.lit("suppressed")).otherwise("reason").alias("reason"),
    ).select(*ABOUT, *GROUPS, *COLUMNS)


def _parted_by(groups: tuple[str, ...]) -> list[str]:
    """Return what an atom is, for an indicator that may be grouped so."""
    parts = ["cohort_id"] if set(groups) <= {*COHORT_GROUPS, *LEARNER_GROUPS} else ["cohort_id", "session_id"]
    return [*parts, "resource_id"] if "resource_id" in groups else parts


def _asked(study: Study, key: str, by: tuple[str, ...], depths: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    """Yield the answers to one grouping: without a depth, then at each depth."""
    usual = metrics.compute(study, key, by)
    yield _placed(usual, by, None)
    for depth in depths:
        told = usual.filter(pl.col("depth") == depth)
        yield _placed(told if told.height else metrics.compute(study, key, by, depth=depth), by, depth)


def _placed(rows: pl.DataFrame, by: tuple[str, ...], asked: str | None) -> pl.DataFrame:
    absent = [pl.lit(None, _dtype(name)).alias(name) for name in GROUPS if name not in by]
    of = pl.col("statistic")
    for bound in _BOUNDS:
        of = of.str.strip_suffix(bound)
    said = {"asked": pl.lit(asked, pl.String), "grouping": pl.lit(",".join(by)), "·of": of}
    return rows.with_columns(*absent, **said).select(*ABOUT, *GROUPS, *COLUMNS, "·of")


def _dtype(name: str) -> pl.DataType:
    tables = ("cohorts", "sessions", "resources")
    return next(schema.table(t).by_name[name].dtype for t in tables if name in schema.table(t).by_name)


def _atoms(study: Study) -> pl.DataFrame:
    """Return every cohort with each session and each resource planned for it, one row each."""
    cohorts = study.table("cohorts").select("cohort_id", *OF_COHORT)
    sessions = study.table("sessions").filter(kind="session")
    plan = study.table("plan").select("session_id", "resource_id").unique()
    names = ("cohort_id", "session_id", "sequence", "format", "modality")
    return (
        cohorts.join(sessions.select(names), on="cohort_id", how="left")
        .join(plan, on="session_id", how="left")
        .sort("cohort_id", "session_id", "resource_id")
        .collect()
    )


def _hidden_rows(piece: pl.DataFrame, atoms: pl.DataFrame, smallest: int) -> list[int]:
    """Return which rows of one statistic at one depth, in whatever table they stand, are not shown."""
    cells: dict[int, Cell] = {}
    for (grouping,), rows in piece.group_by("grouping", maintain_order=True):
        by = grouping.split(",") if grouping else []
        members: dict[tuple, set[Atom]] = {}
        for atom in atoms.iter_rows(named=True):
            group = tuple(atom[name] for name in by)
            members.setdefault(group, set()).add((atom["cohort_id"], atom["session_id"], atom["resource_id"]))
        for row, *group in rows.select("·row", *by).iter_rows():
            cells[row] = Cell(members.get(tuple(group), ()))
    sizes: dict[Cell, int] = {}
    for row in piece.filter(pl.col("value").is_null())["·row"]:
        sizes[cells[row]] = 0
    for row, n in piece.filter(pl.col("value").is_not_null()).select("·row", "n").iter_rows():
        sizes[cells[row]] = min(sizes.get(cells[row]) or n, n)
    hidden = hidden_cells(sizes, smallest)
    return [row for row, cell in cells.items() if cell in hidden]
