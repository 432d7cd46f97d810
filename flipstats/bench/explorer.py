"""Cohorts explored: timelines of learners. Rows only, for the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from flipstats.errors import ParameterError
from flipstats.facts import CONSULTING_VERBS
from flipstats.i18n import t
from flipstats.study import Study

MOST_LEARNERS = 16  # of one timeline: more do not fit a figure, nor a reader
LEARNERS = 12
_AROUND_DAYS = 30  # what lies further from the sessions of the group is not drawn
_FAILURES = ("login_failed", "launch_failed")


@dataclass(frozen=True, slots=True)
class Timeline:
    """What some learners of one cohort did along its sessions.

    Attributes
    ----------
    cohort : str
        Its name.
    days : DataFrame
        ``learner, day, kind, n``: see `flipstats.figures.learner_timeline`.
    sessions : DataFrame
        ``sequence, day``.
    presence : DataFrame
        ``learner, day, came``.
    shown, enrolled : int
        Learners drawn, out of those enrolled.
    """

    cohort: str
    days: pl.DataFrame
    sessions: pl.DataFrame
    presence: pl.DataFrame
    shown: int
    enrolled: int


def sees_learners(study: Study, role: str) -> bool:
    """Return whether a reader may see single learners, by pseudonym.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> sees_learners(study(), "trainer"), sees_learners(study(), "manager")
    (True, False)
    """
    return (role if study.role == "research" else study.role) in ("research", "trainer")


# ------------------------------------------------------------------------------------------- timelines


def timeline(
    study: Study,
    cohort: str | None = None,
    *,
    learners: int = LEARNERS,
    role: str = "research",
    sessions: Sequence[int] = (),
    resources: Sequence[str] = (),
) -> Timeline | None:
    """Return the days of work of some learners of one cohort, from those with fewest to those with most.

    Parameters
    ----------
    cohort : str, optional
        Its id; by default the first one, treated arm first, that has sessions.
    learners : int
        How many at most, evenly spread over the cohort; never more than `MOST_LEARNERS`.
    role : {"research", "trainer"}
    sessions : sequence of int, optional
        Only these session numbers, and the days around them.
    resources : sequence of str, optional
        Only work on these, by their id.

    Returns
    -------
    Timeline or None
        None where no cohort has sessions and learners.

    Raises
    ------
    ParameterError
        A reader who may not see single learners, or no such cohort.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> found = timeline(study())
    >>> found.days.filter(learner="bo").select("kind", "n").rows()
    [('before', 1), ('before', 1), ('before', 1)]
    """
    if not sees_learners(study, role):
        raise ParameterError(t("explorer.not_for", role=role if study.role == "research" else study.role))
    chosen = cohort or _first_cohort(study)
    if chosen is None:
        return None
    part = study.select(cohorts=[chosen])
    held = part.table("sessions").filter(pl.col("kind") == "session").sort("starts_at").collect()
    if sessions:
        held = held.filter(pl.col("sequence").is_in(list(sessions)))
    enrolled = part.table("enrolments").select("learner_id").unique().sort("learner_id").collect()
    if not held.height or not enrolled.height:
        return None
    zone = study.programme.timezone
    days = _days(part, held, enrolled, resources)
    names = _spread(days, min(learners, MOST_LEARNERS))
    return Timeline(
        cohort=part.table("cohorts").collect()["title"][0] or chosen,
        days=names.join(days, on="learner", maintain_order="left").select("learner", "day", "kind", "n"),
        sessions=held.select("sequence", day=_local(pl.col("starts_at"), zone)),
        presence=_presence(part, held, zone).join(names, on="learner", how="semi"),
        shown=names.height,
        enrolled=enrolled.height,
    )


def _first_cohort(study: Study) -> str | None:
    held = study.table("sessions").filter(pl.col("kind") == "session")
    first = (pl.col("arm") != (study.design.treated or "")).fill_null(value=True)
    cohorts = (
        study.table("cohorts").join(held, on="cohort_id", how="semi")
        .join(study.table("enrolments"), on="cohort_id", how="semi")
        .sort(first, pl.col("iteration"), "title", "cohort_id", descending=[False, True, False, False])
        .collect()
    )  # fmt: skip
    return cohorts["cohort_id"][0] if cohorts.height else None


def _local(instant: pl.Expr, zone: str) -> pl.Expr:
    return instant.dt.convert_time_zone(zone).dt.date()


def _days(
    part: Study, sessions: pl.DataFrame, enrolled: pl.DataFrame, resources: Sequence[str]
) -> pl.DataFrame:
    """Return each learner's local days with a trace, and of which kind; idle learners have a null day."""
    prepares = (
        part.table("plan")
        .filter(pl.col("phase") == "pre")
        .join(part.table("sessions").select("session_id", "starts_at"), on="session_id")
        .group_by("resource_id")
        .agg(pl.col("starts_at").max().alias("due"))
    )
    around = pl.duration(days=_AROUND_DAYS)
    first, last = sessions["starts_at"].min(), sessions["starts_at"].max()
    kind = (
        pl.when(pl.col("due").is_null() | ~pl.col("verb").is_in(CONSULTING_VERBS))
        .then(pl.lit("other"))
        .when(pl.col("at") < pl.col("due"))
        .then(pl.lit("before"))
        .otherwise(pl.lit("late"))
    )
    worked = (
        part.table("events")
        .filter(
            pl.col("at").is_between(pl.lit(first) - around, pl.lit(last) + around),
            ~pl.col("verb").is_in(_FAILURES),
            pl.col("resource_id").is_in(list(resources)) if resources else pl.lit(value=True),
        )
        .join(prepares, on="resource_id", how="left")
        .with_columns(kind.alias("kind"), _local(pl.col("at"), part.programme.timezone).alias("day"))
        .group_by("learner_id", "day", "kind")
        .agg(pl.len().cast(pl.Int64).alias("n"))
        .collect()
    )
    return (
        enrolled.join(worked, on="learner_id", how="left")
        .rename({"learner_id": "learner"})
        .sort("learner", "day", "kind", nulls_last=True)
    )


def _spread(days: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return learners from those with fewest days of preparation to those with most, evenly thinned out."""
    before = (pl.col("kind") == "before") & pl.col("day").is_not_null()
    ranked = (
        days.group_by("learner")
        .agg(before.sum().alias("before"), pl.col("day").count().alias("all"))
        .sort("before", "all", "learner")
        .select("learner")
    )
    if ranked.height <= most:
        return ranked
    step = (ranked.height - 1) / max(most - 1, 1)
    return ranked[[round(i * step) for i in range(most)]]


def _presence(part: Study, sessions: pl.DataFrame, zone: str) -> pl.DataFrame:
    came = pl.col("status").is_in(["present", "late"])
    return (
        part.table("attendance")
        .filter(pl.col("status") != "not_taken")
        .join(sessions.lazy().select("session_id", "starts_at"), on="session_id")
        .group_by("learner_id", "starts_at")
        .agg(came.any().alias("came"))
        .sort("learner_id", "starts_at")
        .select(learner="learner_id", day=_local(pl.col("starts_at"), zone), came="came")
        .collect()
    )
