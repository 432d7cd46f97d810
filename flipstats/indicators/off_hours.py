"""Learning outside working time: indicator 19."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.activity import has_durations, of_cohorts
from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.reasons import ENROLMENTS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.indicators.working import with_working_time
from flipstats.study import Study

_MINUTE = 60_000_000  # µs


def off_hours_share(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of measured activity that lies outside the learners' working time.

    Active minutes on the resources of the cohort's plan, while enrolled, outside the learner's working
    calendar (days, hours, public holidays, in its zone), over active minutes with a known calendar. What
    overlaps counts once; an event without a duration has no minutes.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        Columns of cohorts (``arm, iteration, cohort_id, trainer_id, site``), covariates ``x_…``, and, for the
        research role only, ``learner_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`; ``statistic`` is "rate"; numerator, denominator and unknown are minutes,
        unknown those of learners whose calendar, or its holidays, are not known; bounds where these are more
        than 20 %. Wilson's interval, by learner, from 10 cohorts on by cohort.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Bianchi, Learning by Doing, "se connecter aux modules e-learning en dehors du temps de travail".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> off_hours_share(study()).select("value", "reason").row(0)
    (None, 'no_durations')
    """
    question = ask(study, OFF_HOURS_SHARE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _cells(question)
    active, outside, unknown = pl.col("active"), pl.col("outside"), pl.col("unknown")
    rate = shares(question, found, "rate", None, yes=outside, of=active, unknown=unknown)
    nothing = pl.when(pl.col("unknown") > 0).then(pl.lit("no_calendar")).otherwise(pl.lit("no_activity"))
    rate = replace(rate, otherwise=nothing)
    total = active + unknown
    parts = [rate, *bounds(question, found, rate, low=outside, high=outside + unknown, total=total)]
    missing = first_missing(question, (*ENROLMENTS, ("plan", "no_plan")))
    if missing is None and not has_durations(study):
        missing = "no_durations"
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, None)})


def _cells(question: Question) -> pl.DataFrame:
    """Return one row an enrolment: minutes ``active``, ``outside``, and of ``unknown`` calendar."""
    study, cell = question.study, ["learner_id", "cohort_id"]
    calendars = study.table("learners").select("learner_id", "calendar")
    spells = of_cohorts(study).join(calendars, on="learner_id", how="left").collect()
    length, known = pl.col("end") - pl.col("start"), pl.col("working").is_not_null()
    minutes = (
        with_working_time(study, spells)
        .group_by(cell)
        .agg(
            length.filter(known).sum().alias("active"),
            (length - pl.col("working")).filter(known).sum().alias("outside"),
            length.filter(~known).sum().alias("unknown"),
        )
        .with_columns(pl.col("active", "outside", "unknown") / _MINUTE)
    )
    found = (
        enrolled(question)
        .join(minutes.lazy(), on=cell, how="left")
        .with_columns(pl.col("active", "outside", "unknown").fill_null(0.0))
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


OFF_HOURS_SHARE = Definition(
    key="off_hours_share",
    version=2,
    unit="share",
    direction="neither",
    needs=("enrolments", "plan", "events"),
    thresholds=ROW_THRESHOLDS,
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=off_hours_share,
    number="19",
    source="Bianchi, Learning by Doing",
    of_events=True,
    family="indicators_activity",
)
