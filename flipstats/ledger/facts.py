"""What an auditor asks beside the minutes: assistance, announced mean durations, assessments (D.6313-3-1)."""

from __future__ import annotations

import polars as pl

from flipstats.ledger.lines import Ledger


def durations(made: Ledger) -> pl.DataFrame:
    """Return each announced activity with its announced and mean measured minutes, and how many learners.

    Returns
    -------
    DataFrame
        ``kind, title, modality, announced_min, mean_min`` (of those with a measure), ``learners, measured``.
    """
    return (
        made.rows.filter(pl.col("announced_min").is_not_null())
        .with_columns(pl.coalesce("title", "activity_id").alias("title"))
        .group_by("kind", "title", "modality", "announced_min")
        .agg(
            pl.col("measured_min").mean().alias("mean_min"),
            pl.len().alias("learners"),
            (pl.col("measured_min") > 0).sum().alias("measured"),
        )
        .sort("kind", "title", "modality", "announced_min")
    )


def assessments(made: Ledger) -> pl.DataFrame:
    """Return the assessments along the way: ``title, role, learners, passed``, by the rule's pass mark."""
    study = made.study
    best = (
        study.table("attempts")
        .filter(pl.col("item_id").is_null(), pl.col("score").is_not_null())
        .group_by("learner_id", "assessment_id")
        .agg(pl.col("score").max())
    )
    return (
        study.table("assessments")
        .join(best, on="assessment_id", how="left")
        .with_columns(pl.coalesce("title", "assessment_id").alias("title"))
        .group_by("title", "role")
        .agg(
            pl.col("learner_id").n_unique() - pl.col("learner_id").is_null().any().cast(pl.UInt32),
            (pl.col("score") >= made.rule.pass_mark).sum().alias("passed"),
        )
        .rename({"learner_id": "learners"})
        .sort("role", "title")
        .collect()
    )


def assistance(made: Ledger) -> pl.DataFrame:
    """Return the contacts with learners: ``kind, contacts, learners, answered, median_h`` to an answer."""
    waited = (pl.col("answered_at") - pl.col("at")).dt.total_seconds() / 3600
    return (
        made.study.table("contacts")
        .group_by("kind")
        .agg(
            pl.len().alias("contacts"),
            pl.col("learner_id").n_unique().alias("learners"),
            pl.col("answered_at").count().alias("answered"),
            waited.median().alias("median_h"),
        )
        .sort("kind")
        .collect()
    )


def by_reason(made: Ledger) -> pl.DataFrame:
    """Return ``reason, lines, announced_min, credited_min``: what became of what was announced."""
    return (
        made.rows.group_by("reason")
        .agg(pl.len().alias("lines"), pl.col("announced_min").sum(), pl.col("credited_min").sum())
        .sort("reason")
    )
