"""From cells to rows: shares, means and quantiles by group, each with an interval that respects the groups.

A *cell* is what one learner did in one session (or cohort). Cells of one learner are never taken as
independent; where enough cohorts stand behind a row, neither are learners of one cohort.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from flipstats.indicators.answer import Part
from flipstats.indicators.question import Question
from flipstats.intervals import (
    ClusterSums,
    bootstrap_quantiles,
    percentile_interval,
    t_clustered,
    wilson,
    wilson_clustered,
)

QUANTILES = {"median": 0.5, "q25": 0.25, "q75": 0.75}
_SUMS = ("clusters", "y", "m", "yy", "ym", "mm")


def shares(
    question: Question,
    cells: pl.DataFrame,
    statistic: str,
    depth: str | None,
    *,
    yes: pl.Expr,
    of: pl.Expr,
    unknown: pl.Expr,
    known: pl.Expr | None = None,
) -> Part:
    """Return one row a group: the share Σ yes / Σ of, with Wilson's interval.

    Parameters
    ----------
    cells : DataFrame
        The question's keys, ``learner_id``, ``cohort_id``, and what the expressions use.
    yes, of, unknown : Expr
        Counts of a cell: of which how many, and how many are unknown.
    known : Expr, optional
        What coverage counts as known, where that is more than `of`.
    """
    sums, clustered = _summed(question, cells, yes, of)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = sums.y / sums.m
    low, high = wilson_clustered(sums, question.level)
    frame = _with(clustered, value, low, high).with_columns(
        _label("wilson", "wilson_clustered_learner", "wilson_clustered_cohort"),
        _whole(pl.col("y")).alias("numerator"),
    )
    return Part(statistic, depth, _counted(question, cells, frame, of if known is None else known, unknown))


def means(
    question: Question,
    cells: pl.DataFrame,
    statistic: str,
    depth: str | None,
    *,
    total: pl.Expr,
    of: pl.Expr,
    unknown: pl.Expr,
) -> Part:
    """Return one row a group: the mean Σ total / Σ of of values in 0–1, with a t interval kept in 0–1.

    Where all values are equal the variance says nothing and Wilson's interval on the clusters is given.
    """
    sums, clustered = _summed(question, cells, total, of)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = sums.y / sums.m
    low, high = t_clustered(sums, question.level)
    size = sums.effective_clusters
    same_low, same_high = wilson(np.where(sums.m > 0, value, 0) * size, size, question.level)
    flat = ~(sums.variance() > 1e-15) & (sums.clusters > 1)
    frame = _with(
        clustered,
        value,
        np.where(flat, same_low, np.clip(low, 0, 1)),
        np.where(flat, same_high, np.clip(high, 0, 1)),
    ).with_columns(
        pl.when(pl.Series(flat))
        .then(pl.lit("wilson"))
        .otherwise(_label("t", "t_learner", "t_cohort"))
        .alias("interval"),
        pl.lit(None, pl.Int64).alias("numerator"),
    )
    return Part(statistic, depth, _counted(question, cells, frame, of, unknown), share=False)


def quantiles(
    question: Question,
    cells: pl.DataFrame,
    depth: str | None,
    *,
    value: pl.Expr,
    known: pl.Expr,
    unknown: pl.Expr,
    with_iqr: bool = False,
) -> list[Part]:
    """Return the rows of median, q25, q75 (and iqr), with bootstrap intervals.

    Parameters
    ----------
    value : Expr
        The value of a cell; null where it has none and so stands outside the distribution.
    known, unknown : Expr
        0 or 1 a cell, for coverage.
    """
    here = cells.with_columns(
        value.cast(pl.Float64).alias("·value"),
        pl.col("learner_id").rank("dense").alias("·learner"),
        pl.col("cohort_id").rank("dense").alias("·cohort"),
    ).drop_nulls("·value")
    _, clustered = _summed(question, here, pl.col("·value"), pl.lit(1))
    grouped = here.group_by(question.keys).agg("·value", "·learner", "·cohort")
    joined = clustered.join(grouped, on=question.keys, how="left", nulls_equal=True)
    found = [_quantiles_of(question, row) for row in joined.iter_rows(named=True)]
    statistics = [*QUANTILES, *(["iqr"] if with_iqr else [])]
    parts = []
    for statistic in statistics:
        points, lows, highs = zip(*(f[statistic] for f in found), strict=True) if found else ((), (), ())
        frame = _with(clustered, np.array(points, float), np.array(lows, float), np.array(highs, float))
        frame = frame.with_columns(
            _label("bootstrap_learner", "bootstrap_learner", "bootstrap_cohort"),
            pl.lit(None, pl.Int64).alias("numerator"),
        )
        parts.append(Part(statistic, depth, _counted(question, cells, frame, known, unknown), share=False))
    return parts


def _quantiles_of(question: Question, row: dict) -> dict[str, tuple[float, float, float]]:
    values = np.asarray(row["·value"], float)
    shares_ = tuple(QUANTILES.values())
    points = dict(zip(QUANTILES, np.quantile(values, shares_), strict=True))
    points["iqr"] = points["q75"] - points["q25"]
    bounds = dict.fromkeys(points, (np.nan, np.nan))
    if row["clusters"] > 1:
        clusters = row["·cohort"] if row["by_cohort"] else row["·learner"]
        draws = bootstrap_quantiles(values, clusters, shares_, question.study.thresholds.bootstrap_draws)
        columns = {**dict(zip(QUANTILES, draws.T, strict=True)), "iqr": draws[:, 2] - draws[:, 1]}
        bounds = {name: percentile_interval(column, question.level) for name, column in columns.items()}
    return {name: (points[name], *bounds[name]) for name in points}


def _summed(
    question: Question, cells: pl.DataFrame, y: pl.Expr, m: pl.Expr
) -> tuple[ClusterSums, pl.DataFrame]:
    """Sum by cluster: by cohort where enough of them stand behind a row, else by learner."""
    keys = question.keys
    plain = cells.select(
        *keys,
        pl.col("learner_id").alias("·learner"),
        pl.col("cohort_id").alias("·cohort"),
        y.cast(pl.Float64).alias("y"),
        m.cast(pl.Float64).alias("m"),
    )
    learners = _cluster_sums(plain, keys, "·learner")
    cohorts = _cluster_sums(plain, keys, "·cohort")
    both = learners.join(cohorts, on=keys, how="left", suffix="_c", nulls_equal=True)
    enough = pl.col("clusters_c") >= question.study.thresholds.min_groups_for_clustering
    chosen = both.select(
        *keys,
        *(pl.when(enough).then(pl.col(name + "_c")).otherwise(pl.col(name)).alias(name) for name in _SUMS),
        enough.alias("by_cohort"),
        pl.col("clusters").cast(pl.Int64).alias("n"),
        _whole(pl.col("m")).alias("denominator"),
    )
    return ClusterSums(*(chosen[name].to_numpy().astype(float) for name in _SUMS)), chosen


def _whole(count: pl.Expr) -> pl.Expr:
    """Return a count, or whole minutes: sums of parts of minutes miss whole ones by the last digit."""
    return count.cast(pl.Float64).round(6).cast(pl.Int64)


def _cluster_sums(plain: pl.DataFrame, keys: list[str], cluster: str) -> pl.DataFrame:
    y, m = pl.col("y"), pl.col("m")
    return (
        plain.group_by(*keys, cluster)
        .agg(y.sum(), m.sum())
        .group_by(keys)
        .agg(
            (m > 0).sum().alias("clusters"),
            y.sum(),
            m.sum(),
            (y * y).sum().alias("yy"),
            (y * m).sum().alias("ym"),
            (m * m).sum().alias("mm"),
        )
    )


def _with(frame: pl.DataFrame, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> pl.DataFrame:
    columns = {"value": value, "low": low, "high": high}
    return frame.with_columns(
        pl.Series(name, np.asarray(column, float)).fill_nan(None) for name, column in columns.items()
    )


def _label(plain: str, by_learner: str, by_cohort: str) -> pl.Expr:
    single = (pl.col("mm") == pl.col("m")) & (pl.col("m") == pl.col("clusters"))
    label = (
        pl.when(pl.col("by_cohort"))
        .then(pl.lit(by_cohort))
        .when(single)
        .then(pl.lit(plain))
        .otherwise(pl.lit(by_learner))
    )
    return pl.when(pl.col("low").is_not_null()).then(label).alias("interval")


def _counted(
    question: Question,
    cells: pl.DataFrame,
    frame: pl.DataFrame,
    known: pl.Expr,
    unknown: pl.Expr,
) -> pl.DataFrame:
    """Add what coverage counts, for every group that has cells."""
    counts = cells.group_by(question.keys).agg(
        known.sum().cast(pl.Float64).alias("known"), unknown.sum().cast(pl.Float64).alias("unknown")
    )
    share = pl.col("known") / (pl.col("known") + pl.col("unknown"))
    return (
        counts.join(frame, on=question.keys, how="left", nulls_equal=True)
        .with_columns(
            pl.when(pl.col("known") + pl.col("unknown") > 0).then(share).alias("coverage"),
            _whole(pl.col("unknown")).alias("unknown"),
        )
        .select(*question.keys, *Part.COLUMNS)
    )


def bounds(
    question: Question, cells: pl.DataFrame, of: Part, *, low: pl.Expr, high: pl.Expr, total: pl.Expr
) -> list[Part]:
    """Return the rows that bound a share where coverage is low: every unknown taken as no, then as yes.

    Parameters
    ----------
    of : Part
        The rows of `shares` that are bounded.
    low, high, total : Expr
        Counts of a cell with its unknown taken as no, as yes, and in all.
    """
    weak = of.frame.filter(pl.col("coverage") < question.study.thresholds.coverage_bounds_below)
    counts = cells.group_by(question.keys).agg(
        low.sum().alias("·low"),
        high.sum().alias("·high"),
        total.sum().alias("·total"),
        pl.col("learner_id").filter(total.cast(pl.Float64) > 0).n_unique().cast(pl.Int64).alias("n"),
    )
    kept = weak.select(*question.keys, "unknown", "coverage")
    joined = kept.join(counts, on=question.keys, how="inner", nulls_equal=True)
    prefix = "" if of.statistic == "rate" else of.statistic + "_"
    empty = [pl.lit(None, pl.Float64).alias(c) for c in ("low", "high")]
    return [
        Part(
            f"{prefix}bound_{end}",
            of.depth,
            joined.with_columns(
                (pl.col("·" + end) / pl.col("·total")).alias("value"),
                _whole(pl.col("·" + end)).alias("numerator"),
                _whole(pl.col("·total")).alias("denominator"),
                *empty,
                pl.lit(None, pl.String).alias("interval"),
            ).select(*question.keys, *Part.COLUMNS),
            bounds=of.statistic,
        )
        for end in ("low", "high")
    ]
