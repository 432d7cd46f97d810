"""What sessions are: how they are run, and how much of them is activity: indicators 25 and 32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import Part, answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask, roster, sessions
from flipstats.indicators.reasons import first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_WAYS = ("flipped_actor", "flipped_author", "flipped_designer")
_NEEDED = (("sessions", "no_sessions"),)


def active_session_share(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of the time of sessions that was declared as activity of learners, and as remediation.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``arm, iteration, cohort_id, trainer_id, site, session_id, sequence, format, modality``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`; ``statistic`` is "active" and "remediation"; numerator, denominator and
        unknown are minutes, unknown those of sessions where nothing was declared; ``n`` counts the learners
        of the sessions that count. Bounds where less than 80 % are known. Wilson's interval with sessions as
        units, from 10 cohorts on by cohort: for sessions like these.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "every collective hour translates into high-value learning"; E. Ballini, Escapade, "should
    not be used to give them a lecture"; French ministry note (2020), "temps consacré à la remédiation".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> active_session_share(study()).select("statistic", "value", "unknown", "reason").row(0)
    ('active', None, 360, 'nothing_declared')
    """
    question = ask(study, ACTIVE_SESSION_SHARE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _cells(question)
    parts = []
    for statistic in ("active", "remediation"):
        declared = pl.col(f"{statistic}_min")
        yes, known = pl.min_horizontal(declared.fill_null(0.0), "planned"), declared.is_not_null()
        parts += _of_sessions(question, found, statistic, yes=yes, known=known, weight=pl.col("planned"))
    return answer(question, groups, parts, {None: _reasons(question, groups, found)})


def flipped_share(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of sessions that are flipped, in which of three ways, and of their minutes.

    Parameters
    ----------
    study, by, role, level
        As in `active_session_share`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting sessions; ``statistic`` is "flipped" (the learner as actor, author
        or designer), "actor", "author", "designer" (of which each) and "flipped_minutes" (of minutes instead
        of sessions). Unknown: sessions without a declared format. ``n`` counts learners of the sessions that
        count. Bounds where less than 80 % are known. Wilson's interval with sessions as units, from 10
        cohorts on by cohort.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "à quelques séances seulement ou à l'ensemble d'un programme"; French ministry note
    (2020), "mise en œuvre ponctuellement", three types of flipped classrooms.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> flipped_share(study()).select("statistic", "value", "unknown", "reason").row(0)
    ('flipped', None, 2, 'nothing_declared')
    """
    question = ask(study, FLIPPED_SHARE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _cells(question)
    way, known = pl.col("·format"), pl.col("·format").is_not_null()
    counted = {
        "flipped": way.is_in(_WAYS),
        **{one.removeprefix("flipped_"): way == one for one in _WAYS},
    }
    parts, one, planned = [], pl.lit(1), pl.col("planned")
    for name, is_so in counted.items():
        yes = is_so.fill_null(value=False)
        parts += _of_sessions(question, found, name, yes=yes, known=known, weight=one)
    minutes = pl.when(way.is_in(_WAYS)).then(planned).otherwise(0.0)
    parts += _of_sessions(question, found, "flipped_minutes", yes=minutes, known=known, weight=planned)
    return answer(question, groups, parts, {None: _reasons(question, groups, found)})


def _cells(question: Question) -> pl.DataFrame:
    """Return every session with its minutes ``planned`` and what was declared of it."""
    study = question.study
    declared = study.table("sessions").select(
        "session_id", "active_min", "remediation_min", pl.col("format").alias("·format")
    )
    minutes = (pl.col("ends_at") - pl.col("starts_at")).dt.total_microseconds() / 60_000_000
    found = (
        sessions(study)
        .join(declared, on="session_id", how="left")
        .with_columns(minutes.alias("planned"), pl.col("session_id").alias("learner_id"))
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _of_sessions(
    question: Question, found: pl.DataFrame, statistic: str, *, yes: pl.Expr, known: pl.Expr, weight: pl.Expr
) -> list[Part]:
    """Return a share with sessions as units, and its bounds; ``n`` is the learners behind it."""
    done = found.with_columns(
        pl.when(known).then(yes).otherwise(0).cast(pl.Float64).alias("·yes"),
        pl.when(known).then(weight).otherwise(0).cast(pl.Float64).alias("·of"),
        pl.when(known).then(0).otherwise(weight).cast(pl.Float64).alias("·unknown"),
    )
    part, of, unknown = pl.col("·yes"), pl.col("·of"), pl.col("·unknown")
    share = shares(question, done, statistic, None, yes=part, of=of, unknown=unknown)
    ends = bounds(question, done, share, low=part, high=part + unknown, total=of + unknown)
    unit = pl.col("interval").replace("wilson_clustered_learner", "wilson_clustered_session")
    frame = _behind(question, share.frame.with_columns(unit), done.filter(of > 0))
    return [
        replace(share, frame=frame, otherwise=pl.lit("nothing_declared")),
        *(replace(end, frame=_behind(question, end.frame, done)) for end in ends),
    ]


def _behind(question: Question, frame: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
    """Put the learners on the rosters of some sessions in ``n``, so that small cells stay hidden."""
    counted = of.select(list(dict.fromkeys([*question.keys, "session_id"]))).lazy()
    learners = (
        roster(question.study)
        .select("learner_id", "session_id")
        .join(counted, on="session_id", how="inner")
        .group_by(question.keys)
        .agg(pl.col("learner_id").n_unique().cast(pl.Int64).alias("n"))
        .collect()
    )
    return (
        frame.drop("n")
        .join(learners, on=question.keys, how="left", nulls_equal=True)
        .with_columns(pl.col("n").fill_null(0))
        .select(*question.keys, *Part.COLUMNS)
    )


def _reasons(question: Question, groups: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    reasons = reasons_of(question, groups, found, first_missing(question, _NEEDED), None)
    return reasons.with_columns(pl.col("reason").replace("no_learners", "no_session_here"))


_GROUPS = (*COHORT_GROUPS, *SESSION_GROUPS)
ACTIVE_SESSION_SHARE = Definition(
    key="active_session_share",
    version=1,
    unit="share",
    direction="more",
    needs=("sessions",),
    thresholds=ROW_THRESHOLDS,
    statistics=("active", "remediation"),
    groups=_GROUPS,
    depths=(),
    function=active_session_share,
    number="25",
    source="Edusign (2026); Ballini, project Escapade; French ministry note (2020)",
    family="indicators_course",
)
FLIPPED_SHARE = Definition(
    key="flipped_share",
    version=1,
    unit="share",
    direction="neither",
    needs=("sessions",),
    thresholds=ROW_THRESHOLDS,
    statistics=("flipped", "actor", "author", "designer", "flipped_minutes"),
    groups=_GROUPS,
    depths=(),
    function=flipped_share,
    number="32",
    source="PAIRENNE (2025); French ministry note (2020)",
    family="indicators_course",
)
