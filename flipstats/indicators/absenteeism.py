"""Minutes missed of those owed: indicator 15."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask, roster
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study


def absenteeism(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of the planned minutes that learners on the roster missed.

    Attended are the minutes recorded, not more than planned; present without minutes: all that was planned;
    late: planned less the delay; late without a known delay: unknown. Excused learners stand apart. A session
    whose sheet was not taken says nothing about anybody.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`. ``statistic`` is "rate", counting minutes: missed over owed, unknown
        minutes beside them, and bounds where less than 80 % are known; "excused" and "in_conflict" (sources
        say different things; which goes first is declared in the dictionary), counting learners × sessions
        with a known status. Wilson's intervals by learner, from 10 cohorts on by cohort. Asked by session
        and learner, the sessions without a sheet and the learners in conflict are listed.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    French ministry note (2020), "un absentéisme réduit parfois très rapidement".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> absenteeism(study(), ["session_id"]).select("session_id", "value", "denominator", "reason").row(0)
    ('S1', 0.0, 540, None)
    """
    question = ask(study, ABSENTEEISM, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _cells(question)
    zero, owed, missed = pl.lit(0.0), pl.col("planned"), pl.col("missed")
    counted = ~pl.col("excused")
    known = counted & missed.is_not_null()
    of = pl.when(known).then(owed).otherwise(zero)
    unknown = pl.when(counted & missed.is_null()).then(owed).otherwise(zero)
    lost = pl.when(known).then(missed).otherwise(zero)
    rate = shares(question, found, "rate", None, yes=lost, of=of, unknown=unknown)
    rate = replace(rate, otherwise=pl.lit("no_attendance"))
    told = pl.col("told")
    excused = shares(question, found, "excused", None, yes=told & pl.col("excused"), of=told, unknown=~told)
    parts = [rate, *bounds(question, found, rate, low=lost, high=lost + unknown, total=of + unknown)]
    differ = told & pl.col("conflict")
    conflict = shares(question, found, "in_conflict", None, yes=differ, of=told, unknown=~told)
    parts += [replace(part, otherwise=pl.lit("no_attendance")) for part in (excused, conflict)]
    missing = first_missing(question, (*SESSIONS, ("attendance", "no_attendance")))
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, None)})


def _cells(question: Question) -> pl.DataFrame:
    """Return one row for each learner in L(s): planned minutes, missed (null: unknown), excused or not."""
    study, cell = question.study, ["learner_id", "session_id"]
    status = pl.col("status")
    sheet = (
        study.table("attendance")
        .filter(status != "not_taken")
        .group_by(cell)
        .agg(
            (status == "present").any().alias("present"),
            (status == "late").any().alias("late"),
            (status == "excused").any().alias("excused"),
            pl.col("minutes").filter(status.is_in(["present", "late"])).max(),
            pl.col("late_minutes").filter(status.is_in(["present", "late"])).min(),
            (status.n_unique() > 1).alias("conflict"),
            pl.lit(value=True).first().alias("told"),
        )
    )
    marks = ("present", "late", "excused", "conflict", "told")
    found = (
        roster(study)
        .with_columns(((pl.col("ends_at") - pl.col("starts_at")).dt.total_seconds() / 60).alias("planned"))
        .join(sheet, on=cell, how="left")
        .with_columns(pl.col(*marks).fill_null(value=False))
        .with_columns(
            _attended().alias("attended"),
            (pl.col("excused") & ~pl.col("present") & ~pl.col("late")).alias("excused"),
        )
        .with_columns((pl.col("planned") - pl.col("attended")).alias("missed"))
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _attended() -> pl.Expr:
    """Return the minutes attended, within the planned ones; null where they are not known."""
    planned, delay = pl.col("planned"), pl.col("late_minutes")
    minutes = (
        pl.when(pl.col("minutes").is_not_null())
        .then(pl.col("minutes"))
        .when((pl.col("present") | pl.col("late")) & delay.is_not_null())
        .then(planned - delay)
        .when(pl.col("present"))
        .then(planned)
        .when(pl.col("told") & ~pl.col("late"))
        .then(0.0)
    )
    return pl.when(minutes.is_not_null()).then(minutes.clip(0, planned))


ABSENTEEISM = Definition(
    key="absenteeism",
    version=1,
    unit="share",
    direction="less",
    needs=("enrolments", "sessions", "attendance"),
    thresholds=ROW_THRESHOLDS,
    statistics=("rate", "excused", "in_conflict"),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=absenteeism,
    number="15",
    source="French ministry note (2020)",
    family="indicators_presence",
)
