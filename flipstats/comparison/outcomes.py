"""Outcomes and covariates of a study's learners: one row a learner."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from flipstats.comparison.indicator_outcome import indicator_of, is_indicator, of_learners
from flipstats.comparison.note import Note, note
from flipstats.comparison.question import Measure
from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t
from flipstats.study import Study

OUTCOMES = ("summative", "completion", "attendance", "start_score")
BASELINE_NAMES = ("baseline", "positioning", "baseline_score")
_PRESENT = ("present", "late")


def outcome_of(
    study: Study, name: str, members: pl.DataFrame
) -> tuple[pl.DataFrame, list[Note], list[Note], Measure]:
    """Return ``learner_id, outcome`` of the members who have it, threats, warnings, and how it is measured.

    Parameters
    ----------
    name : str
        One of `OUTCOMES`, or an indicator: ``KEY`` or ``KEY.STATISTIC``.
    members : DataFrame
        ``learner_id, cohort_id, treated``.

    Raises
    ------
    ParameterError
        There is no such outcome.
    """
    score = Measure("score", shares=True)
    if name == "summative":
        return *_scores(study, "summative", members), replace(score, time="after")
    if name == "start_score":
        return *_scores(study, "start", members), score
    if name in ("completion", "completion_rate"):
        return *_completion(study, members), Measure("binary", shares=True, time="after")
    if name == "attendance":
        return _attendance(study, members), [], [], score
    if is_indicator(name):
        return indicator_of(study, name, members)
    known = [*OUTCOMES, *(key for key in of_learners() if key not in OUTCOMES)]
    near = did_you_mean(name, known)
    raise ParameterError(
        t("compare.unknown_outcome", given=name, known=", ".join(known))
        + ("; " + t("compare.did_you_mean", near=near) if near else "")
    )


def first_scores(study: Study, role: str) -> pl.DataFrame:
    """Return the first finished attempt at each assessment of a role.

    The first is taken, not the best: how often a learner tries again is itself changed by the format.

    Returns
    -------
    DataFrame
        ``learner_id, assessment_id, score`` in 0-1, ``submitted_at``.
    """
    return (
        study.table("attempts")
        .join(study.table("assessments").filter(pl.col("role") == role), on="assessment_id", how="semi")
        .filter(pl.col("item_id").is_null() & pl.col("score").is_not_null())
        .sort("attempt", "submitted_at", "score", nulls_last=True)
        .group_by("learner_id", "assessment_id", maintain_order=True)
        .agg(pl.col("score", "submitted_at").first())
        .collect()
    )


def baseline_of(study: Study, members: pl.DataFrame) -> tuple[pl.DataFrame | None, list[Note]]:
    """Return ``learner_id, baseline``, the positioning score; None where the study has none for both arms.

    A score got after the end of the cohort's first session is no baseline: the programme had begun.
    """
    scores = first_scores(study, "positioning").join(members, on="learner_id")
    if scores["treated"].n_unique() < 2:
        return None, []
    first_end = (
        study.table("sessions")
        .sort("starts_at", "session_id")
        .group_by("cohort_id", maintain_order=True)
        .agg(pl.col("ends_at").first().alias("begun"))
        .collect()
    )
    scores = scores.join(first_end, on="cohort_id", how="left")
    late = (pl.col("submitted_at") >= pl.col("begun")).fill_null(value=False)
    n_late = scores.filter(late).height
    baseline = scores.filter(~late).group_by("learner_id").agg(pl.col("score").mean().alias("baseline"))
    return baseline, [note("late_baseline", {"n": n_late})] if n_late else []


def covariate_of(study: Study, name: str) -> pl.DataFrame:
    """Return ``learner_id`` and a column of the table `learners`, with or without its ``x_``.

    Raises
    ------
    ParameterError
        The study has no such column.
    """
    learners = study.table("learners").collect()
    known = [c for c in learners.columns if c.startswith("x_")]
    column = name if name in known else f"x_{name}"
    if column not in known:
        listed = ", ".join(["baseline", *known])
        raise ParameterError(t("compare.unknown_covariate", name=name, known=listed))
    return learners.select("learner_id", pl.col(column).alias(name))


def started(study: Study) -> pl.Series:
    """Return the learners who did anything at all: an event, a session attended, an attempt."""
    elsewhere = study.stored_facts if study.facts_from is not None else None  # then the events are not here
    seen = [study.table("events"), *([] if elsewhere is None else [elsewhere])]
    parts = [
        *(rows.select("learner_id") for rows in seen),
        study.table("attendance").filter(pl.col("status").is_in(_PRESENT)).select("learner_id"),
        study.table("attempts").filter(pl.col("score").is_not_null()).select("learner_id"),
    ]
    return pl.concat(parts).drop_nulls().unique().collect()["learner_id"]


def _scores(study: Study, role: str, members: pl.DataFrame) -> tuple[pl.DataFrame, list[Note], list[Note]]:
    """Mean over a learner's assessments that both arms took; where none is common, over all, flagged."""
    scores = first_scores(study, role).join(members, on="learner_id")
    if role == "start":  # a session's own quiz: arms have sessions, not quizzes, in common
        return scores.group_by("learner_id").agg(pl.col("score").mean().alias("outcome")), [], []
    arms = scores.group_by("assessment_id").agg(pl.col("treated").n_unique())
    common = arms.filter(pl.col("treated") == 2)["assessment_id"]
    threats, warnings = [], []
    if common.is_empty():
        threats = [note("threat_tests_differ")] if scores.height else []
    else:
        scores = scores.filter(pl.col("assessment_id").is_in(common.implode()))
        if len(common) < arms.height:
            warnings = [note("partial_assessments", {"n": len(common), "total": arms.height})]
    return scores.group_by("learner_id").agg(pl.col("score").mean().alias("outcome")), threats, warnings


def _completion(study: Study, members: pl.DataFrame) -> tuple[pl.DataFrame, list[Note], list[Note]]:
    from flipstats.indicators.completion import completed

    found = completed(study).join(members, on=["learner_id", "cohort_id"])
    unknown = found["completed"].null_count()
    # What the platform records may ask for preparation, which one arm only owes.
    threats = [note("threat_recorded")] if study.design.completion_rule == "recorded" else []
    warnings = [note("running", {"n": unknown})] if unknown else []
    return (
        found.select("learner_id", pl.col("completed").cast(pl.Float64).alias("outcome")).drop_nulls(),
        threats,
        warnings,
    )


def _attendance(study: Study, members: pl.DataFrame) -> pl.DataFrame:
    """Share of a learner's sessions attended; excused sessions and sheets not taken do not count."""
    sessions = study.table("sessions").filter(pl.col("kind") == "session").select("session_id")
    return (
        study.table("attendance")
        .join(sessions, on="session_id", how="semi")
        .filter(pl.col("status").is_in([*_PRESENT, "absent"]))
        .group_by("learner_id")
        .agg(pl.col("status").is_in(_PRESENT).mean().alias("outcome"))
        .collect()
        .join(members.select("learner_id"), on="learner_id")
    )
