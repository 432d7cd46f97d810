"""Hours of groups, from the ledger: announced, measured and credited for each learner, and why."""

from __future__ import annotations

import numpy as np
import polars as pl

from flipstats.export.joint import Cell, hidden_cells
from flipstats.intervals import ClusterSums, t_clustered
from flipstats.ledger.lines import ledger
from flipstats.ledger.rule import read_rule
from flipstats.study import Study

KINDS = ("announced", "measured", "credited")
OTHER = "other"  # stands for the reasons that too few learners have
COLUMNS = {
    "cohort_id": pl.String, "iteration": pl.Int64, "reason": pl.String, "learners": pl.Int64,
    "announced": pl.Float64, "measured": pl.Float64, "credited": pl.Float64,
    "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip
_NUMBERS = ("learners", *KINDS, "low", "high")


def hours(study: Study, *, hide: bool) -> pl.DataFrame:
    """Return hours a learner, of each cohort, each iteration and all; and of these by reason.

    Parameters
    ----------
    study : Study
    hide : bool
        Take out groups of too few learners, and as many others as it takes that none follows; give reasons
        of whole iterations only, and those of too few learners together.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``cohort_id`` and ``iteration`` are null in sums over them, ``reason`` in the sum of all
        reasons; ``low`` and ``high`` are the t interval of the credited hours, at the study's level.
    """
    lines, level = _of_learners(study), study.thresholds.confidence_level
    wholes = pl.concat([_summed(lines, by, level) for by in ([], ["iteration"], ["cohort_id"])])
    if not hide:
        split = [_summed(lines, [*by, "reason"], level) for by in ([], ["iteration"], ["cohort_id"])]
        return pl.concat([wholes, *split])
    smallest = study.thresholds.smallest_cell
    shown = _shown(wholes, lines, smallest)
    told = shown.filter(pl.col("cohort_id").is_null())
    if told["learners"].null_count():  # what others leave of the whole would be the iteration that is hidden
        return shown
    split = [_summed(_merged(lines, smallest), [*by, "reason"], level) for by in ([], ["iteration"])]
    return pl.concat([shown, *split])


def _of_learners(study: Study) -> pl.DataFrame:
    """Return ``learner_id, of, cohort_id, iteration, reason`` and hours of each kind.

    What is in the plan of two of a learner's cohorts stands once in the ledger, under both (``of``); here it
    has a line for each.
    """
    made = ledger(study, read_rule(None, study.calendar.country)).rows
    cohorts = study.table("cohorts").select("cohort_id", "iteration").collect()
    sums = [(pl.col(f"{kind}_min").sum() / 60).alias(kind) for kind in KINDS]
    alone = pl.col("of").is_in(cohorts["cohort_id"].implode())
    each = pl.when(alone).then(pl.concat_list("of")).otherwise(pl.col("of").str.split(", "))
    return (
        made.filter(pl.col("cohort_id").is_not_null())  # what is in nobody's plan is not announced
        .group_by("learner_id", "reason", of="cohort_id")
        .agg(sums)
        .with_columns(each.alias("cohort_id"))
        .explode("cohort_id")
        .join(cohorts, on="cohort_id")
        .sort("cohort_id", "learner_id", "reason")
    )


def _summed(lines: pl.DataFrame, by: list[str], level: float) -> pl.DataFrame:
    lines = lines.unique(["learner_id", "of", "reason", *by], keep="first", maintain_order=True)
    learners = lines.group_by(*by, "learner_id", maintain_order=True).agg(pl.col(KINDS).sum())
    if "iteration" in by:
        learners = learners.filter(pl.col("iteration").is_not_null())
    rows = []
    for names, part in learners.group_by(by, maintain_order=True) if by else [((), learners)]:
        if part.height:
            low, high = _between(part["credited"].to_numpy(), level)
            row = dict(zip(by, names, strict=True)) | {kind: part[kind].mean() for kind in KINDS}
            rows.append({**row, "learners": part.height, "low": low, "high": high})
    return pl.DataFrame([{name: row.get(name) for name in COLUMNS} for row in rows], schema=COLUMNS)


def _between(values: np.ndarray, level: float) -> tuple[float | None, float | None]:
    if values.size < 2:
        return None, None
    low, high = t_clustered(ClusterSums.of(values, np.ones(values.size)), level)
    return max(float(low), 0.0), float(high)


def _shown(wholes: pl.DataFrame, lines: pl.DataFrame, smallest: int) -> pl.DataFrame:
    """Take out the groups of whole cohorts that are small, and those that would give them away."""
    cohorts = lines.select("cohort_id", "iteration").unique(maintain_order=True)
    sizes: dict[Cell, int] = {}
    cells = [_cell(row, cohorts) for row in wholes.iter_rows(named=True)]
    for cell, n in zip(cells, wholes["learners"], strict=True):
        sizes[cell] = min(sizes.get(cell, n), n)
    secret = hidden_cells(sizes, smallest)
    kept = pl.Series([cell not in secret for cell in cells], dtype=pl.Boolean)
    return wholes.with_columns(pl.when(kept).then(pl.col(name)).alias(name) for name in _NUMBERS)


def _cell(row: dict, cohorts: pl.DataFrame) -> Cell:
    names = [name for name in ("cohort_id", "iteration") if row[name] is not None]
    return Cell(
        cohorts.filter(*(pl.col(name) == row[name] for name in names)).select("cohort_id").iter_rows()
    )


def _merged(lines: pl.DataFrame, smallest: int) -> pl.DataFrame:
    """Put reasons together, the same in all iterations, until each is nobody's or enough learners' in each.

    Else the hours of a few would be what one iteration leaves of a reason's whole.
    """
    while True:
        counts = lines.group_by("iteration", "reason").agg(pl.col("learner_id").n_unique().alias("n"))
        few = counts.filter(pl.col("n") < smallest)
        sizes = counts.group_by("reason").agg(pl.col("n").sum()).sort("n", "reason")
        if not few.height or sizes.height == 1:
            return lines
        least = sizes.filter(pl.col("reason") != OTHER)["reason"][0]
        gone = few["reason"].unique().to_list() if set(few["reason"]) - {OTHER} else [least]
        lines = lines.with_columns(pl.col("reason").replace(dict.fromkeys(gone, OTHER)))
