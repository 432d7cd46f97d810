"""The indicators: ask one, get rows of one shape.

``metrics.consultation_rate(study, by=["arm", "session_id"])`` and its siblings are the functions of
`METRICS`; each says in its docstring what it means, and every answer has the same columns. What cannot be
computed is a row without value and with a reason, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import wraps
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t
from flipstats.indicators.absenteeism import ABSENTEEISM, absenteeism
from flipstats.indicators.access import (
    ABANDONMENT_AFTER_FAILURE,
    ACCESS_FAILURE_RATE,
    abandonment_after_failure,
    access_failure_rate,
)
from flipstats.indicators.activities import (
    CONSOLIDATION_RATE,
    PARTICIPATION_RATE,
    consolidation_rate,
    participation_rate,
)
from flipstats.indicators.adaptation import ADAPTATION_RATE, adaptation_rate
from flipstats.indicators.autonomy import AUTONOMY, autonomy
from flipstats.indicators.blocking import BLOCKING_POINTS, blocking_points
from flipstats.indicators.cells import best_depth, prepared_depth
from flipstats.indicators.completion import COMPLETION_RATE, completed, completion_rate
from flipstats.indicators.consultation import (
    CONSULTATION_RATE,
    PREPARATION_SPREAD,
    PREPARED_RATE,
    consultation_rate,
    preparation_spread,
    prepared_rate,
)
from flipstats.indicators.definition import COLUMNS, ROLES, Definition
from flipstats.indicators.dropout import DROPOUT, dropout
from flipstats.indicators.feedback import (
    FEEDBACK_RATING,
    FEEDBACK_RESPONSE_RATE,
    feedback_rating,
    feedback_response_rate,
)
from flipstats.indicators.feedback_selection import FEEDBACK_SELECTION, feedback_selection
from flipstats.indicators.late import LATE_PREPARATION_RATE, late_preparation_rate
from flipstats.indicators.lead_time import LEAD_TIME, lead_time
from flipstats.indicators.learning import (
    BASELINE_SCORE,
    RETENTION,
    TRANSFER,
    baseline_score,
    retention,
    transfer,
)
from flipstats.indicators.off_hours import OFF_HOURS_SHARE, off_hours_share
from flipstats.indicators.offline import OFFLINE_SHARE, offline_share
from flipstats.indicators.pace import PACE, pace
from flipstats.indicators.pre_quiz import PRE_QUIZ_RATE, PRE_QUIZ_SCORE, pre_quiz_rate, pre_quiz_score
from flipstats.indicators.reach import RESOURCE_REACH, resource_reach
from flipstats.indicators.regularity import PREPARATION_REGULARITY, preparation_regularity
from flipstats.indicators.start_score import START_SCORE, start_score
from flipstats.indicators.study_slot import STUDY_SLOT_USE, study_slot_use
from flipstats.indicators.taught import (
    ACTIVE_SESSION_SHARE,
    FLIPPED_SHARE,
    active_session_share,
    flipped_share,
)
from flipstats.indicators.tutoring import (
    TUTORING_CONTACT_RATE,
    TUTORING_FOLLOWUP_RATE,
    TUTORING_REPLY_TIME,
    tutoring_contact_rate,
    tutoring_followup_rate,
    tutoring_reply_time,
)
from flipstats.indicators.words import reason_text, say, statistic_title, title
from flipstats.indicators.workload import TRAINER_LOAD, trainer_load
from flipstats.schema import LEVELS
from flipstats.study import Study

__all__ = [
    "COLUMNS",
    "METRICS",
    "ROLES",
    "Computable",
    "Definition",
    "abandonment_after_failure",
    "absenteeism",
    "access_failure_rate",
    "active_session_share",
    "adaptation_rate",
    "autonomy",
    "baseline_score",
    "best_depth",
    "blocking_points",
    "completed",
    "completion_rate",
    "computable",
    "compute",
    "consolidation_rate",
    "consultation_rate",
    "definition",
    "dictionary_text",
    "dropout",
    "feedback_rating",
    "feedback_response_rate",
    "feedback_selection",
    "flipped_share",
    "late_preparation_rate",
    "lead_time",
    "off_hours_share",
    "offline_share",
    "pace",
    "participation_rate",
    "pre_quiz_rate",
    "pre_quiz_score",
    "preparation_regularity",
    "preparation_spread",
    "prepared_depth",
    "prepared_rate",
    "reason_text",
    "resource_reach",
    "retention",
    "say",
    "start_score",
    "statistic_title",
    "study_slot_use",
    "title",
    "trainer_load",
    "transfer",
    "tutoring_contact_rate",
    "tutoring_followup_rate",
    "tutoring_reply_time",
]


def _public(found: Definition) -> Definition:
    """Return a definition whose function gives no more than the study was exported for."""

    @wraps(found.function)
    def ask(
        study: Study,
        by: Sequence[str] = (),
        *,
        depth: str | None = None,
        role: str = "research",
        level: float | None = None,
    ) -> pl.DataFrame:
        if study.served is None:
            role = role if study.role == "research" else study.role
            rows = found.function(study.coded, by, depth=depth, role=role, level=level)
            return rows.with_columns(cs.enum().cast(pl.String))
        if level not in (None, study.thresholds.confidence_level):
            raise ParameterError(t("export.level", level=study.thresholds.confidence_level))
        cohorts = study.table("cohorts").collect()
        sessions = study.table("sessions").with_columns(pl.col("starts_at").alias("·starts")).collect()
        names = [by] if isinstance(by, str) else list(by)
        return study.served.answer(found.key, names, depth, cohorts, sessions)

    return replace(found, function=ask)


METRICS: dict[str, Definition] = {
    found.key: _public(found)
    for found in (
        CONSULTATION_RATE,
        PREPARED_RATE,
        PREPARATION_SPREAD,
        LATE_PREPARATION_RATE,
        LEAD_TIME,
        STUDY_SLOT_USE,
        RESOURCE_REACH,
        PACE,
        OFF_HOURS_SHARE,
        OFFLINE_SHARE,
        ACCESS_FAILURE_RATE,
        ABANDONMENT_AFTER_FAILURE,
        AUTONOMY,
        PREPARATION_REGULARITY,
        PRE_QUIZ_RATE,
        PRE_QUIZ_SCORE,
        BLOCKING_POINTS,
        START_SCORE,
        FEEDBACK_RESPONSE_RATE,
        FEEDBACK_RATING,
        FEEDBACK_SELECTION,
        PARTICIPATION_RATE,
        CONSOLIDATION_RATE,
        TUTORING_CONTACT_RATE,
        TUTORING_REPLY_TIME,
        TUTORING_FOLLOWUP_RATE,
        ADAPTATION_RATE,
        BASELINE_SCORE,
        ABSENTEEISM,
        RETENTION,
        TRANSFER,
        DROPOUT,
        COMPLETION_RATE,
        FLIPPED_SHARE,
        ACTIVE_SESSION_SHARE,
        TRAINER_LOAD,
    )
}


def __dir__() -> list[str]:
    return sorted(__all__)  # what can be asked, not what it is made of


# Whoever asks an indicator by name asks as `compute` does: of an export, its answers.
globals().update({key: spec.function for key, spec in METRICS.items()})


class Computable(NamedTuple):
    """Whether a study can answer one indicator at one depth.

    ``status`` is "computable", "partly" (less than all is known) or "not_computable" (``reason`` says why).
    """

    key: str
    depth: str | None
    status: str
    reason: str | None


def definition(key: str) -> Definition:
    """Return the definition of an indicator.

    Raises
    ------
    ParameterError
        There is no such indicator; the nearest name is suggested.

    Examples
    --------
    >>> definition("lead_time").unit_of("median")
    'h'
    """
    if key not in METRICS:
        near = did_you_mean(key, METRICS)
        text = "metrics.key_unknown_near" if near else "metrics.key_unknown"
        raise ParameterError(t(text, key=repr(key), near=repr(near), known=", ".join(METRICS)))
    return METRICS[key]


def compute(
    study: Study,
    key: str,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Ask an indicator by its name; see the function of that name.

    Raises
    ------
    ParameterError
        There is no such indicator, grouping, depth, role or level.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> compute(study(), "completion_rate").select("metric", "value").row(0)
    ('completion_rate', 0.6)
    """
    return definition(key).function(study, by, depth=depth, role=role, level=level)


def computable(study: Study, keys: Sequence[str] | None = None) -> list[Computable]:
    """Return for every indicator (or those of `keys`) and depth whether a study can answer it, and why not.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> tuple(computable(study())[0]), tuple(computable(study())[1])[2:]
    (('consultation_rate', 'opened', 'partly', None), ('not_computable', 'level_not_traced'))
    """
    found = []
    for key, spec in METRICS.items() if keys is None else ((key, definition(key)) for key in keys):
        for depth in [one for one in LEVELS if one in spec.depths] or [None]:
            rows = spec.function(study, depth=depth)
            row = rows.filter(statistic=spec.statistics[0]).row(0, named=True)
            if row["value"] is None:
                found.append(Computable(key, depth, "not_computable", row["reason"]))
            else:
                found.append(Computable(key, depth, "computable" if row["coverage"] == 1 else "partly", None))
    return found


def dictionary_text(key: str, part: str, thresholds: Thresholds = DEFAULTS, lang: str | None = None) -> str:
    """Return what the dictionary says of an indicator, with the thresholds that bound it.

    Parameters
    ----------
    part : {"question", "formula", "window", "edges", "reading", "misleading"}

    Examples
    --------
    >>> dictionary_text("prepared_rate", "question")
    'How many learners come to the session prepared?'
    """
    limits = {name: f"{value:g}" for name, value in asdict(thresholds).items()}
    return t(f"{definition(key).family}.{key}_{part}", lang, **limits)
