"""Use of timetabled time to prepare: indicator 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats import facts
from flipstats.indicators.activity import disjoint, has_durations, measured
from flipstats.indicators.answer import answer
from flipstats.indicators.cells import knowable, known_from, requirements, rostered
from flipstats.indicators.consultation import NEEDS, ROW_THRESHOLDS, learner_known, learner_unknown
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_SLOT = "self_study_slot"
_CELL = ["learner_id", "session_id"]


def study_slot_use(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners who prepared in the time that the timetable sets aside for it.

    At least one preparation event inside the self-study slot, on a mandatory resource of a session still to
    come, over the learners enrolled when the slot starts; beside it, measured minutes over the slot's.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``arm, iteration, cohort_id, trainer_id, site``, covariates ``x_…``, ``learner_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`; ``statistic`` is "rate", counting learners × slots, with its bounds where
        less than 80 % are known, and "minutes": numerator and denominator in minutes, unknown in learners ×
        slots. Minutes are those that sources measured, and so at least the real ones. A cohort without a slot
        is not applicable. Wilson's interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    E. Ballini, Escapade, "The Flipped Classroom", "it is always necessary to schedule a session within a
    module"; "use the free sessions to do other things".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> study_slot_use(study()).select("statistic", "value", "reason").row(0)
    ('rate', None, 'not_applicable')
    """
    question = ask(study, STUDY_SLOT_USE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _cells(question)
    known, unknown = learner_known(), learner_unknown()
    used = known & pl.col("used")
    rate = shares(question, found, "rate", None, yes=used, of=known, unknown=unknown)
    parts = [rate, *bounds(question, found, rate, low=used, high=used | unknown, total=pl.col("owed") > 0)]
    timed = known & pl.lit(has_durations(study))
    spent, slot = (pl.when(timed).then(pl.col(name)).otherwise(0.0) for name in ("spent", "minutes"))
    of_time = shares(question, found, "minutes", None, yes=spent, of=slot, unknown=unknown, known=known)
    why = pl.when(pl.col("coverage") > 0).then(pl.lit("no_durations")).otherwise(pl.lit("no_coverage"))
    parts.append(replace(of_time, otherwise=why))
    missing = first_missing(question, (*SESSIONS, ("plan", "no_plan")))
    due = pl.col("owed") > 0
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, due)})


def _needed(study: Study) -> pl.LazyFrame:
    """Return what each slot can be used for: the preparation of what starts after it; as `requirements`."""
    slots = (
        study.table("sessions")
        .filter(pl.col("kind") == _SLOT)
        .select(
            "cohort_id",
            pl.col("session_id").alias("slot"),
            pl.col("starts_at").dt.epoch("us").alias("from"),
            pl.col("ends_at").dt.epoch("us").alias("until"),
        )
    )
    return (
        requirements(study)
        .join(slots, on="cohort_id", how="inner")
        .filter(pl.col("starts") >= pl.col("until"))
        .with_columns(pl.max_horizontal("released", "from").alias("released"))
        .filter(pl.col("released") < pl.col("until"))
        .group_by("slot", "resource_id")
        .agg(
            pl.col("cohort_id", "traced", "length_min").first(),
            pl.col("released").min(),
            pl.col("until").first().alias("starts"),
            pl.col("until").first().alias("late_until"),
        )
        .rename({"slot": "session_id"})
    )


def _cells(question: Question) -> pl.DataFrame:
    """Return one row an enrolment and slot: what is known, whether it was ``used``, minutes ``spent``."""
    study = question.study
    needed = known_from(study, "opened", needed=_needed(study))
    present = rostered(study, _SLOT)
    owed = needed.group_by("session_id").agg(pl.len().cast(pl.Int64).alias("owed"))
    length = (pl.col("ends_at") - pl.col("starts_at")).dt.total_microseconds() / 60_000_000
    slots = (
        present.select(*_CELL, "cohort_id", length.alias("minutes"))
        .join(owed, on="session_id", how="left")
        .join(knowable(present, needed), on=_CELL, how="left")
        .join(_used(study, needed), on=_CELL, how="left")
        .join(_spent(study, needed, present), on=_CELL, how="left")
    )
    found = (
        enrolled(question)
        .join(slots, on=["learner_id", "cohort_id"], how="left")
        .with_columns(
            pl.col("owed", "knowable").fill_null(0),
            pl.col("used").fill_null(value=False),
            pl.col("spent", "minutes").fill_null(0.0),
        )
        .with_columns(pl.col("knowable").alias("known"))
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _used(study: Study, needed: pl.LazyFrame) -> pl.LazyFrame:
    """Return the learners with an event in a slot: stage one, with slots for sessions."""
    pairs = needed.collect()
    end = pl.col("starts")
    sessions = pairs.select("session_id", "cohort_id", end.alias("starts_at"), end.alias("ends_at")).unique()
    plan = pairs.select(
        "session_id", "resource_id", pl.lit("pre").alias("phase"), pl.col("released").alias("released_at")
    )
    events = study.table("events").with_columns(pl.col("at").dt.epoch("us"))
    enrolments = study.table("enrolments").with_columns(pl.col("enrolled_at").dt.epoch("us"))
    found = facts.collect(
        facts.facts(
            events.join(pairs.lazy().select("resource_id").unique(), on="resource_id", how="semi"),
            enrolments,
            sessions.with_columns(pl.col("ends_at").alias("late_until")).lazy(),
            plan.lazy(),
            study.thresholds,
        )
    )
    return found.lazy().group_by(_CELL).agg((pl.col("n") > 0).any().alias("used"))


def _spent(study: Study, needed: pl.LazyFrame, present: pl.LazyFrame) -> pl.LazyFrame:
    """Return ``learner_id, session_id, spent``: measured minutes of preparation inside the slot."""
    inside = (
        measured(study)
        .join(needed.select("session_id", "resource_id", "released", "starts"), on="resource_id", how="inner")
        .join(present.select(_CELL), on=_CELL, how="semi")
        .with_columns(
            pl.max_horizontal("start", "released").alias("start"),
            pl.min_horizontal("end", "starts").alias("end"),
        )
        .filter(pl.col("end") > pl.col("start"))
        .select(*_CELL, "start", "end")
    )
    spent = (pl.col("end") - pl.col("start")).sum() / 60_000_000
    return disjoint(inside, _CELL).group_by(_CELL).agg(spent.alias("spent"))


STUDY_SLOT_USE = Definition(
    key="study_slot_use",
    version=2,
    unit="share",
    direction="more",
    needs=(*NEEDS, "events"),
    thresholds=ROW_THRESHOLDS,
    statistics=("rate", "minutes"),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=study_slot_use,
    number="6",
    source="Ballini, project Escapade",
    of_events=True,
    family="indicators_activity",
)
