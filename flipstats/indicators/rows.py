"""From cells to rows: shares, means and quantiles by group, each with an interval that respects the groups.

A *cell* is what one learner did in one session (or cohort). Cells of one learner are never taken as
independent; where enough cohorts stand behind a row, neither are learners of one cohort.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flipstats.indicators.answer import Part
from flipstats.indicators.question import Question
from flipstats.intervals import (
    ClusterSums,
    bootstrap_quantiles,
    percentile_interval,
    single_quantiles,
    t_clustered,
    wilson,
    wilson_clustered,
)

QUANTILES = {"median": 0.5, "q25": 0.25, "q75": 0.75}
_DRAWS_AT_ONCE = 500_000  # of all groups that are drawn together
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
    statistics = (*QUANTILES, "iqr") if with_iqr else tuple(QUANTILES)
    found = _quantiles(question, joined, statistics)
    parts = []
    for statistic in statistics:
        frame = _with(clustered, *found[statistic])
        frame = frame.with_columns(
            _label("bootstrap_learner", "bootstrap_learner", "bootstrap_cohort"),
            pl.lit(None, pl.Int64).alias("numerator"),
        )
        parts.append(Part(statistic, depth, _counted(question, cells, frame, known, unknown), share=False))
    return parts


def _quantiles(question: Question, grouped: pl.DataFrame, statistics: tuple[str, ...]) -> dict[str, NDArray]:
    """Return for each statistic its points, lows and highs, one a group, of groups with their values.

    Groups of one size in which no two values share a cluster are drawn together: thousands of groups then
    take seconds, not minutes.
    """
    out = {name: np.full((3, grouped.height), np.nan) for name in statistics}
    draws, alike = question.study.thresholds.bootstrap_draws, {}
    for place, row in enumerate(grouped.iter_rows(named=True)):
        values = np.asarray(row["·value"], float)
        if row["clusters"] == len(values):
            alike.setdefault(len(values), []).append((place, np.sort(values)))
            continue
        some = None
        if row["clusters"] > 1:
            clusters = row["·cohort"] if row["by_cohort"] else row["·learner"]
            some = bootstrap_quantiles(values, clusters, tuple(QUANTILES.values()), draws)[None]
        _put(out, [place], values[None], some, question.level)
    for size, members in alike.items():
        at_once = max(1, _DRAWS_AT_ONCE // draws)
        for start in range(0, len(members), at_once):
            places, values = zip(*members[start : start + at_once], strict=True)
            together = np.stack(values)
            some = single_quantiles(together, tuple(QUANTILES.values()), draws) if size > 1 else None
            _put(out, list(places), together, some, question.level)
    return out


def _put(
    out: dict[str, NDArray], places: list[int], values: NDArray, draws: NDArray | None, level: float
) -> None:
    """Put the quantiles of groups (rows of `values`) and their intervals, from `draws`, in their places."""
    points = np.quantile(values, list(QUANTILES.values()), axis=1).T
    for name in out:
        out[name][0, places] = _statistic(points, name)
        if draws is not None:
            out[name][1:, places] = percentile_interval(_statistic(draws, name).T, level)


def _statistic(quantiles: NDArray, name: str) -> NDArray:
    """Return one statistic from the quantiles along the last axis."""
    at = dict(zip(QUANTILES, np.moveaxis(quantiles, -1, 0), strict=True))
    return at["q75"] - at["q25"] if name == "iqr" else at[name]


def _summed(
    question: Question, cells: pl.DataFrame, y: pl.Expr, m: pl.Expr
) -> tuple[ClusterSums, pl.DataFrame]:
    """Sum by cluster: by cohort where enough of them stand behind a row, else by learner."""
    keys = question.keys
    plain = cells.lazy().select(
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
    ).collect()
    return ClusterSums(*(chosen[name].to_numpy().astype(float) for name in _SUMS)), chosen


def _whole(count: pl.Expr) -> pl.Expr:
    """Return a count, or whole minutes: sums of parts of minutes miss whole ones by the last digit."""
    return count.cast(pl.Float64).round(6).cast(pl.Int64)


def _cluster_sums(plain: pl.LazyFrame, keys: list[str], cluster: str) -> pl.LazyFrame:
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


def _with(frame: pl.DataFrame, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> pl.LazyFrame:
    columns = {"value": value, "low": low, "high": high}
    return frame.lazy().with_columns(
        pl.lit(pl.Series(np.asarray(column, float))).fill_nan(None).alias(name)
        for name, column in columns.items()
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
    frame: pl.LazyFrame,
    known: pl.Expr,
    unknown: pl.Expr,
) -> pl.DataFrame:
    """Add what coverage counts, for every group that has cells."""
    counts = (
        cells.lazy()
        .group_by(question.keys)
        .agg(known.sum().cast(pl.Float64).alias("known"), unknown.sum().cast(pl.Float64).alias("unknown"))
    )
    share = pl.col("known") / (pl.col("known") + pl.col("unknown"))
    return (
        counts.join(frame, on=question.keys, how="left", nulls_equal=True)
        .with_columns(
            pl.when(pl.col("known") + pl.col("unknown") > 0).then(share).alias("coverage"),
            _whole(pl.col("unknown")).alias("unknown"),
        )
        .select(*question.keys, *Part.COLUMNS)
        .collect()
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
