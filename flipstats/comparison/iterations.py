"""What moved from one iteration to the next, indicator by indicator: a description, not an effect."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from flipstats import metrics
from flipstats.comparison.outcomes import first_scores
from flipstats.effects.clusters import cluster_means
from flipstats.effects.results import Estimate
from flipstats.errors import EstimationError
from flipstats.schema import LEVELS

if TYPE_CHECKING:
    from flipstats.study import Study

COLUMNS: dict[str, pl.DataType] = {
    "metric": pl.String,
    "statistic": pl.String,
    "depth": pl.String,
    "arm": pl.String,
    "iteration_from": pl.Int64,
    "iteration_to": pl.Int64,
    "value_from": pl.Float64,
    "value_to": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "adjusted": pl.Float64,
    "adjusted_low": pl.Float64,
    "adjusted_high": pl.Float64,
    "level": pl.Float64,
    "groups_from": pl.Int64,
    "groups_to": pl.Int64,
    "unit": pl.String,
    "version": pl.Int64,
    "interval": pl.String,
    "reason": pl.String,
}
_INTERVAL = "t_cohort"


def iteration_change(
    study: Study,
    keys: Sequence[str] | None = None,
    *,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Compare each indicator in one iteration with the next, arm by arm: a description, not an effect.

    Each group (cohort) counts alike: the difference is that of the unweighted means of the groups' values,
    with a t interval on groups − 2 degrees of freedom; *adjusted* also holds the groups' mean positioning
    score fixed, where every group has one. Who came, who taught and what else happened differ between
    iterations too: nothing here is attributable to what was changed.

    Parameters
    ----------
    study : Study
        Cohorts with ``iteration``; those of an arm are followed by themselves.
    keys : sequence of str, optional
        Indicators, by default all that can be grouped by cohort.
    role : {"research", "manager", "trainer"}
        Outside research a mean that holds a group too small to be shown is not shown either.
    level : float, optional
        Confidence level, by default the study's.

    Returns
    -------
    DataFrame
        `COLUMNS`; one row for each indicator, arm and pair of iterations that follow each other in it, first
        statistic, deepest level told in all of them. ``reason`` says why a difference (or, where there is
        one, its interval) is absent. Values have the unit of the indicator.

    Raises
    ------
    ParameterError
        There is no such indicator or role.

    References
    ----------
    PAIRENNE (2025), "La pédagogie inversée se construit par itérations successives". A. Donner, N. Klar
    (2000), Design and Analysis of Cluster Randomization Trials, ch. 6.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> iteration_change(study()).height  # one iteration only
    0
    """
    asked = [metrics.definition(key) for key in (keys if keys is not None else metrics.METRICS)]
    level = study.thresholds.confidence_level if level is None else level
    depth = metrics.best_depth(study)
    baselines = _baselines(study)
    rows = []
    for spec in asked:
        if not {"arm", "iteration", "cohort_id"} <= set(spec.groups):
            continue
        at = None if not spec.depths else (depth if depth in spec.depths else LEVELS[0])
        found = spec.function(study, ["arm", "iteration", "cohort_id"], depth=at, role=role, level=level)
        found = found.filter(pl.col("statistic") == spec.statistics[0], pl.col("iteration").is_not_null())
        rows += _changes(study, found.join(baselines, on="cohort_id", how="left"), level)
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _baselines(study: Study) -> pl.DataFrame:
    """Return each cohort's mean positioning score."""
    return (
        first_scores(study, "positioning")
        .join(study.table("enrolments").select("learner_id", "cohort_id").collect(), on="learner_id")
        .group_by("cohort_id")
        .agg(pl.col("score").mean().alias("baseline"))
    )


def _changes(study: Study, found: pl.DataFrame, level: float) -> list[dict]:
    out = []
    for (arm,), of_arm in found.group_by(["arm"], maintain_order=True):
        iterations = of_arm["iteration"].unique().sort().to_list()
        for before, after in pairwise(iterations):
            pair = of_arm.filter(pl.col("iteration").is_in([before, after]))
            first = pair.row(0, named=True)
            said = {name: first[name] for name in ("metric", "statistic", "depth", "unit", "version")}
            out.append(
                dict.fromkeys(COLUMNS)
                | {**said, "arm": arm, "iteration_from": before, "iteration_to": after, "level": level}
                | _change(pair, before, after, level, study.thresholds.min_groups_per_arm)
            )
    return out


def _change(pair: pl.DataFrame, before: int, after: int, level: float, fewest: int) -> dict:
    """Return the numbers of one line; a group without value for a good reason stands aside."""
    if (pair["reason"] == "suppressed").any():
        return {"reason": "suppressed"}
    told = pair.filter(pl.col("value").is_not_null())
    sides = {side: told.filter(pl.col("iteration") == i) for side, i in (("from", before), ("to", after))}
    out = {f"groups_{side}": rows.height for side, rows in sides.items()}
    out |= {f"value_{side}": rows["value"].mean() for side, rows in sides.items()}
    if not all(rows.height for rows in sides.values()):
        silent = pair.filter(pl.col("value").is_null())["reason"].drop_nulls()
        return out | {"reason": silent[0] if len(silent) else "no_coverage"}
    out["difference"] = out["value_to"] - out["value_from"]
    if min(out["groups_from"], out["groups_to"]) < fewest:
        return out | {"reason": "too_few_groups"}
    later = (told["iteration"] == after).to_numpy()
    raw = _estimate(told, later, None, level)
    if raw is None:
        return out | {"reason": "no_variation"}
    out |= {"low": raw.low, "high": raw.high, "interval": _INTERVAL}
    adjusted = None
    if not told["baseline"].is_null().any() and told["baseline"].n_unique() > 1:
        adjusted = _estimate(told, later, told["baseline"].to_numpy().reshape(-1, 1), level)
    if adjusted is not None:
        out |= {"adjusted": adjusted.value, "adjusted_low": adjusted.low, "adjusted_high": adjusted.high}
    return out


def _estimate(
    told: pl.DataFrame, later: np.ndarray, covariates: np.ndarray | None, level: float
) -> Estimate | None:
    """Return the difference between groups; None where the groups do not vary, or too few are left."""
    values, groups = told["value"].to_numpy(), told["cohort_id"].to_numpy()
    try:
        return cluster_means(values, later, groups, covariates=covariates, level=level)
    except EstimationError:
        return None
