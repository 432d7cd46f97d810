"""A question put to an indicator, checked: by what, at which depth, for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t
from flipstats.indicators.definition import (
    COHORT_GROUPS,
    FEEDBACK_GROUPS,
    ITEM_GROUPS,
    LEARNER_GROUPS,
    RESOURCE_GROUPS,
    ROLES,
    SESSION_GROUPS,
    Definition,
)
from flipstats.study import Study

EVERY_GROUP = (
    *COHORT_GROUPS,
    *SESSION_GROUPS,
    *RESOURCE_GROUPS,
    *ITEM_GROUPS,
    *FEEDBACK_GROUPS,
    *LEARNER_GROUPS,
)
ALL = "·all"  # the one group of a question without grouping


@dataclass(frozen=True, slots=True)
class Question:
    """A checked question.

    Attributes
    ----------
    by : tuple of str
        The grouping columns, in the order asked.
    depths : tuple of str or None
        The depths to answer at; ``(None,)`` where depth has no meaning.
    level : float
        Confidence level.
    """

    study: Study
    definition: Definition
    by: tuple[str, ...]
    depths: tuple[str | None, ...]
    role: str
    level: float

    @property
    def keys(self) -> list[str]:
        """The grouping columns, never empty: one constant column stands for no grouping."""
        return list(self.by) or [ALL]

    @property
    def of_learners(self) -> list[str]:
        """The grouping columns that belong to learners."""
        return [name for name in self.by if name in LEARNER_GROUPS or name.startswith("x_")]

    @property
    def of_resources(self) -> bool:
        """Whether resources are told apart."""
        return "resource_id" in self.by


def ask(
    study: Study,
    definition: Definition,
    by: Sequence[str],
    *,
    depth: str | None,
    role: str,
    level: float | None,
    default_depths: tuple[str | None, ...] = (None,),
) -> Question:
    """Check a question.

    Raises
    ------
    ParameterError
        A grouping, depth, role or confidence level that this indicator does not know; the nearest name is
        suggested.
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    for name in by:
        _check_group(study, definition, name, by, role)
    if role not in ROLES:
        raise ParameterError(t("metrics.role_unknown", role=repr(role), known=", ".join(ROLES)))
    if depth is not None and not definition.depths:
        raise ParameterError(t("metrics.depth_meaningless", metric=definition.key, depth=repr(depth)))
    if depth is not None and depth not in definition.depths:
        known = ", ".join(definition.depths)
        raise ParameterError(
            t("metrics.depth_unknown", metric=definition.key, depth=repr(depth), known=known)
        )
    level = study.thresholds.confidence_level if level is None else level
    if not 0 < level < 1:
        raise ParameterError(t("metrics.level_range", level=repr(level)))
    return Question(study, definition, by, default_depths if depth is None else (depth,), role, level)


def covariates(study: Study) -> list[str]:
    """Return the names of the learners' covariates."""
    return [name for name in study.table("learners").collect_schema().names() if name.startswith("x_")]


def _check_group(study: Study, definition: Definition, name: str, by: tuple[str, ...], role: str) -> None:
    of_learners = set(LEARNER_GROUPS) <= set(definition.groups)
    known = [*definition.groups, *(covariates(study) if of_learners else [])]
    if name not in known:
        if name in EVERY_GROUP:
            allowed = ", ".join(definition.groups)
            raise ParameterError(t("metrics.by_not_here", metric=definition.key, name=name, known=allowed))
        near = did_you_mean(name, known)
        text = "metrics.by_unknown_near" if near else "metrics.by_unknown"
        listed = ", ".join(known)
        raise ParameterError(t(text, metric=definition.key, name=repr(name), near=repr(near), known=listed))
    if by.count(name) > 1:
        raise ParameterError(t("metrics.by_repeated", metric=definition.key, name=name))
    if name in LEARNER_GROUPS and role != "research":
        raise ParameterError(t("metrics.by_learner_role", metric=definition.key, role=repr(role)))


# ------------------------------------------------------------------------------------------- who and when


def sessions(study: Study, kind: str = "session") -> pl.LazyFrame:
    """Return the sessions that learners prepare for, or the self-study slots, with their cohort's columns."""
    cohorts = study.table("cohorts").select(*COHORT_GROUPS)
    return (
        study.table("sessions")
        .filter(pl.col("kind") == kind)
        .select("cohort_id", *SESSION_GROUPS, "starts_at", "ends_at")
        .join(cohorts, on="cohort_id", how="left")
    )


def roster(study: Study, kind: str = "session") -> pl.LazyFrame:
    """Return L(s): one row for each learner enrolled in the session's cohort when the session starts.

    Returns
    -------
    LazyFrame
        The columns of `sessions`, ``learner_id, tracking``, the covariates, ``enrolled_at``.
    """
    starts = pl.col("starts_at")
    return (
        study.table("enrolments")
        .select("learner_id", "cohort_id", "enrolled_at", "withdrawn_at")
        .join(sessions(study, kind), on="cohort_id", how="inner")
        .filter(
            pl.col("enrolled_at").is_null() | (pl.col("enrolled_at") <= starts),
            pl.col("withdrawn_at").is_null() | (pl.col("withdrawn_at") > starts),
        )
        .drop("withdrawn_at")
        .join(
            study.table("learners").select("learner_id", "tracking", *covariates(study)),
            on="learner_id",
            how="left",
        )
    )
