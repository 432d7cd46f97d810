"""Why a group has no value, where all sessions, or all enrolments, are asked alike."""

from __future__ import annotations

import polars as pl

from flipstats.indicators.question import Question

SESSIONS = (("sessions", "no_sessions"), ("enrolments", "no_roster"))
ENROLMENTS = (("enrolments", "no_roster"),)


def first_missing(question: Question, needed: tuple[tuple[str, str], ...]) -> str | None:
    """Return the reason of the first of some tables, each with its reason, that the study does not have."""
    return next((reason for table, reason in needed if not question.study.has(table)), None)


def reasons_of(
    question: Question, groups: pl.DataFrame, found: pl.DataFrame, missing: str | None, due: pl.Expr | None
) -> pl.DataFrame:
    """Return the keys and ``reason``: what the study lacks, nobody there, or nothing to be done there.

    Parameters
    ----------
    found : DataFrame
        The cells.
    missing : str or None
        Why nothing at all is computable.
    due : Expr or None
        Whether a cell had anything to be done; None where every one has.
    """
    keys = question.keys
    asked = pl.lit(value=True) if due is None else due.any()
    counts = found.group_by(keys).agg(pl.len().alias("·cells"), asked.alias("·due"))
    return groups.join(counts, on=keys, how="left", nulls_equal=True).select(
        *keys,
        pl.when(pl.lit(missing is not None))
        .then(pl.lit(missing, pl.String))
        .when(pl.col("·cells").is_null())
        .then(pl.lit("no_learners"))
        .when(~pl.col("·due"))
        .then(pl.lit("not_applicable"))
        .alias("reason"),
    )
