"""Questions of quizzes that several cohorts answered: the same question, taken together."""

from __future__ import annotations

import numpy as np
import polars as pl

from flipstats import metrics
from flipstats.indicators.definition import COLUMNS
from flipstats.intervals import ClusterSums, wilson, wilson_clustered
from flipstats.study import Study

ROLES = ("pre_quiz", "start")  # what a positioning test or an exam asks is no obstacle of the preparation
SAME = ["iteration", "role", "sequence", "assessment", "item_id"]


def pooled_items(study: Study, *, role: str, level: float | None) -> pl.DataFrame:
    """Return the rates of `metrics.blocking_points`, each question once an iteration.

    A quiz given to several cohorts is one assessment in each; questions of the same title, role, place in the
    programme and number are one question. Wilson's interval, by cohort from as many cohorts on as the study
    asks. Outside research only cohorts whose own rate may be shown are in the sum.

    Returns
    -------
    DataFrame
        `SAME` and the columns of `looks.NUMBERS`, with ``reason``.
    """
    if study.served is not None:
        return _served(study)
    rates = metrics.blocking_points(study, ["assessment_id", "item_id"], role=role, level=level)
    rates = rates.filter(pl.col("statistic") == "rate")
    numbers = [name for name in rates.columns if name not in ("assessment_id", "item_id")]
    told = rates.filter(pl.col("value").is_not_null(), pl.col("item_id").is_not_null())
    if not told.height:
        empty = [pl.lit(None, _dtype(name)).alias(name) for name in SAME]
        return rates.select(*empty, *numbers).unique(["reason"], maintain_order=True)
    asked = told.join(_places(study), on="assessment_id", how="inner")
    several = study.thresholds.min_groups_for_clustering
    groups = asked.group_by(SAME, maintain_order=True)
    return pl.DataFrame(
        [{**dict(zip(SAME, key, strict=True)), **_pooled(rows, several)} for key, rows in groups],
        schema={**{name: _dtype(name) for name in SAME}, **{name: rates.schema[name] for name in numbers}},
    )


def _served(study: Study) -> pl.DataFrame:
    """Return the questions an export holds; they are of the whole programme, not of a selection."""
    schema = {**{name: _dtype(name) for name in SAME}, **COLUMNS}
    held = study.served.aside.get("items")
    if held is None or study.served.fixed:
        return pl.DataFrame([{"reason": "not_in_export"}], schema=schema)
    return pl.DataFrame(held, schema=schema)


def _dtype(name: str) -> pl.DataType:
    return pl.Int64 if name in ("iteration", "sequence") else pl.String


def _places(study: Study) -> pl.DataFrame:
    """Return where each assessment that goes with the preparation stands in the programme."""
    sessions = study.table("sessions").select("session_id", "cohort_id", "sequence")
    cohorts = study.table("cohorts").select("cohort_id", "iteration")
    title = pl.coalesce("title", "assessment_id").alias("assessment")
    return (
        study.table("assessments")
        .filter(pl.col("role").is_in(ROLES))
        .select("assessment_id", "session_id", "role", title)
        .join(sessions, on="session_id", how="left")
        .join(cohorts, on="cohort_id", how="left")
        .collect()
    )


def _pooled(rows: pl.DataFrame, several: int) -> dict[str, object]:
    """Add up the rows of one question."""
    y, m = rows["numerator"].to_numpy(), rows["denominator"].to_numpy()
    level = rows["level"][0]
    by_cohort = rows.height >= several
    bounds = wilson_clustered(ClusterSums.of(y, m), level) if by_cohort else wilson(y.sum(), m.sum(), level)
    low, high = (float(np.asarray(bound)) for bound in bounds)
    known, unknown = int(m.sum()), int(rows["unknown"].sum())
    first = rows.row(0, named=True)
    kept = {name: first[name] for name in ("metric", "statistic", "depth", "level", "unit", "version")}
    return {
        **kept,
        "value": float(y.sum() / m.sum()),
        "low": low,
        "high": high,
        "n": int(rows["n"].sum()),
        "numerator": int(y.sum()),
        "denominator": known,
        "unknown": unknown,
        "coverage": known / (known + unknown),
        "interval": "wilson_clustered_cohort" if by_cohort else "wilson",
        "reason": None,
    }
