"""What preparing costs trainers: indicator 30."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from flipstats.indicators.answer import Part, answer
from flipstats.indicators.definition import COHORT_GROUPS, Definition
from flipstats.indicators.groups import groups_among
from flipstats.indicators.question import ALL, Question, ask
from flipstats.intervals import ClusterSums, t_clustered
from flipstats.study import Study

_FLAT = 1e-12


def trainer_load(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Hours of preparation that trainers declared, for each hour taught.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``arm, iteration, cohort_id, trainer_id, site``; the trainer is the one who declared.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`; ``statistic`` is "ratio". Numerator and denominator are minutes prepared
        and taught; ``unknown`` counts declarations that lack one of the two; ``n`` counts the learners of
        the cohorts that count. t interval with cohorts as units; none for a single cohort, or where all
        declare the same.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "more demanding in preparation time for the trainer".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> trainer_load(study()).select("value", "reason").row(0)
    (None, 'no_workload')
    """
    question = ask(study, TRAINER_LOAD, by, depth=depth, role=role, level=level)
    declared = _declared(question)
    groups = groups_among(question, declared.lazy())
    part = Part("ratio", None, _ratios(question, declared), otherwise=pl.lit("no_hours"))
    missing = None if study.has("workload") else "no_workload"
    reasons = groups.select(*question.keys, pl.lit(missing, pl.String).alias("reason"))
    return answer(question, groups, [part], {None: reasons})


def _declared(question: Question) -> pl.DataFrame:
    """Return every declaration with its cohort's columns, and every cohort without one."""
    study = question.study
    lines = study.table("workload").rename({"trainer_id": "·who"})
    found = (
        study.table("cohorts")
        .select(*COHORT_GROUPS)
        .join(lines.with_columns(pl.lit(value=True).alias("·said")), on="cohort_id", how="left")
        .with_columns(pl.coalesce("·who", "trainer_id").alias("trainer_id"))
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _ratios(question: Question, declared: pl.DataFrame) -> pl.DataFrame:
    """Return the ratio of sums in each group, with the interval of a ratio of sums by cohort."""
    keys = question.keys
    known = (pl.col("preparation_h").is_not_null() & (pl.col("taught_h") > 0)).fill_null(value=False)
    marked = declared.with_columns(known.alias("known"), pl.col("·said").fill_null(value=False))
    y, m = pl.col("preparation_h"), pl.col("taught_h")
    cohorts = marked.filter("known").group_by(list(dict.fromkeys([*keys, "cohort_id"]))).agg(y.sum(), m.sum())
    sums = cohorts.group_by(keys).agg(
        pl.len().alias("clusters"), y.sum().alias("y"), m.sum().alias("m"),
        (y * y).sum().alias("yy"), (y * m).sum().alias("ym"), (m * m).sum().alias("mm"),
    )  # fmt: skip
    arrays = ClusterSums(
        *(sums[c].to_numpy().astype(float) for c in ("clusters", "y", "m", "yy", "ym", "mm"))
    )
    low, high = t_clustered(arrays, question.level)
    flat = ~(arrays.variance() > _FLAT)
    bounds = {"low": np.where(flat, np.nan, np.maximum(low, 0)), "high": np.where(flat, np.nan, high)}
    counts = marked.group_by(keys).agg(
        pl.col("known").sum().cast(pl.Int64).alias("·lines"),
        (pl.col("·said") & ~pl.col("known")).sum().cast(pl.Int64).alias("unknown"),
    )
    enrolled = question.study.table("enrolments").select("learner_id", "cohort_id").collect()
    learners = (
        cohorts.join(enrolled, on="cohort_id", how="left")
        .group_by(keys)
        .agg(pl.col("learner_id").drop_nulls().n_unique().cast(pl.Int64).alias("n"))
    )
    lines = pl.col("·lines") + pl.col("unknown")
    return (
        counts.join(sums.with_columns(pl.Series(k, v, pl.Float64).fill_nan(None) for k, v in bounds.items()),
                    on=keys, how="left", nulls_equal=True)
        .join(learners, on=keys, how="left", nulls_equal=True)
        .with_columns(
            (pl.col("y") / pl.col("m")).alias("value"),
            (pl.col("y") * 60).round().cast(pl.Int64).alias("numerator"),
            (pl.col("m") * 60).round().cast(pl.Int64).alias("denominator"),
            pl.when(lines > 0).then(pl.col("·lines") / lines).alias("coverage"),
            pl.when(pl.col("low").is_not_null()).then(pl.lit("t_cohort")).alias("interval"),
        )
        .select(*keys, *Part.COLUMNS)
    )  # fmt: skip


TRAINER_LOAD = Definition(
    key="trainer_load",
    version=1,
    unit="ratio",
    direction="less",
    needs=("cohorts", "workload"),
    thresholds=("confidence_level", "smallest_cell"),
    statistics=("ratio",),
    groups=COHORT_GROUPS,
    depths=(),
    function=trainer_load,
    number="30",
    source="Edusign (2026)",
    family="indicators_course",
)
