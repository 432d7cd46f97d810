"""Taking part in the session and going on after it: indicators 12 and 26."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.facts import CONSULTING_VERBS, local_days
from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.feedback import answers
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask, roster, sessions
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.indicators.windows import covered_windows
from flipstats.study import Study

# What somebody does who takes part; a look, a video played or a completion by a look is not among them.
INTERACTING_VERBS = ("started", "submitted", "passed", "failed")
_CELL, _PAIR = ["learner_id", "session_id"], ["session_id", "resource_id"]


def participation_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners present who did at least one thing with a tool of the session, during it.

    An interaction is an attempt or an answer at a resource that the plan uses in the session, or a poll
    answered there: a line of feedback of phase ``in``. A look is none. Sessions without such a tool are not
    applicable.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions, those late included among the present.
        Unknown: whose attendance is not known; where resources are used, learners not traced, and everybody
        if the session is not covered; and everybody in a session with nameless answers, as only who took part
        would be known. Bounds where less than 80 % are known. Wilson's interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "Participation and satisfaction rates generally improve".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> participation_rate(study()).select("value", "reason").row(0)
    (None, 'not_applicable')
    """
    question = ask(study, PARTICIPATION_RATE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _in_session(question)
    there, known = pl.col("due") & ~pl.col("away"), pl.col("present") & pl.col("known")
    sure = there & known
    yes, unknown = sure & pl.col("did"), there & ~known
    rate = shares(question, found, "rate", None, yes=yes, of=sure, unknown=unknown)
    nobody = pl.when(pl.col("unknown") > 0).then(pl.lit("no_session_traces"))
    rate = replace(rate, otherwise=nobody.otherwise(pl.lit("nobody_present")))
    parts, missing = [rate], first_missing(question, (*SESSIONS, ("attendance", "no_attendance")))
    if missing is None:
        least = there & pl.col("present") & pl.col("did")
        parts += bounds(question, found, rate, low=least, high=yes | unknown, total=there)
    return answer(
        question, groups, parts, {None: reasons_of(question, groups, found, missing, pl.col("due"))}
    )


def consolidation_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners on the roster who went on with the session's resources after it.

    At least one consultation of a resource that the plan gives for after the session, mandatory or not, from
    the end of the session, excluded, to the same time 14 local days later, included.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here: one look counts.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions; ``statistic`` is "rate", and its bounds where
        less than 80 % are known. Unknown is a learner with a resource that is: not traced, not covered to the
        end of the window, only downloaded, or consent withdrawn. Wilson's interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "Supplementary resources and consolidation exercises".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> consolidation_rate(study()).select("value", "reason").row(0)
    (None, 'not_applicable')
    """
    question = ask(study, CONSOLIDATION_RATE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _after_session(question)
    due, done = pl.col("owed") > 0, pl.col("done") > 0
    sure = due & (pl.col("known") == pl.col("owed"))
    yes, unknown = sure & done, due & ~sure
    rate = shares(question, found, "rate", None, yes=yes, of=sure, unknown=unknown)
    rate = replace(rate, otherwise=pl.lit("no_coverage_after"))
    parts, missing = [rate], first_missing(question, (*SESSIONS, ("plan", "no_plan")))
    if missing is None:
        parts += bounds(question, found, rate, low=due & done, high=yes | unknown, total=due)
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, due)})


def _planned(study: Study, phase: str) -> pl.LazyFrame:
    """Return ``session_id, resource_id, cohort_id, starts_at, ends_at, traced`` of what a phase uses."""
    return (
        study.table("plan")
        .filter(pl.col("phase") == phase)
        .select(_PAIR)
        .join(
            sessions(study).select("session_id", "cohort_id", "starts_at", "ends_at"),
            on="session_id",
            how="inner",
        )
        .join(study.table("resources").select("resource_id", "traced"), on="resource_id", how="left")
    )


def _with_all(question: Question, found: pl.LazyFrame) -> pl.DataFrame:
    cells = found.collect(engine="streaming")
    return cells if question.by else cells.with_columns(pl.lit(0).alias(ALL))


def _in_session(question: Question) -> pl.DataFrame:
    """Return one row for each learner in L(s): ``due, present, away, known, did``."""
    study = question.study
    tools = _planned(study, "in").filter("traced").rename({"starts_at": "opens", "ends_at": "closes"})
    told = tools.join(covered_windows(study, tools, "opened"), on=_PAIR, how="left")
    of_session = told.group_by("session_id").agg(
        pl.lit(value=True).first().alias("tool"), pl.col("covered").is_not_null().all().alias("covered")
    )
    polls = answers(study).filter(pl.col("phase") == "in")
    polled = polls.group_by("session_id").agg(
        pl.lit(value=True).first().alias("poll"), pl.col("nameless").any()
    )
    acts = (
        study.table("events")
        .filter(pl.col("verb").is_in(INTERACTING_VERBS))
        .select("learner_id", "resource_id", "at")
        .join(tools.select(*_PAIR, "opens", "closes"), on="resource_id", how="inner")
        .filter(pl.col("at") >= pl.col("opens"), pl.col("at") < pl.col("closes"))
        .select(_CELL)
    )
    acted = acts.unique().with_columns(pl.lit(value=True).alias("acted"))
    spoke = polls.filter(~pl.col("nameless")).select(*_CELL, pl.lit(value=True).alias("spoke")).unique()
    marks = ("tool", "covered", "poll", "nameless", "acted", "spoke", "present", "away")
    traced = pl.col("covered") & (pl.col("tracking") == "traced")
    seen = (pl.col("acted") & traced) | pl.col("spoke")
    found = (
        roster(study)
        .join(of_session, on="session_id", how="left")
        .join(polled, on="session_id", how="left")
        .join(_attended(study), on=_CELL, how="left")
        .join(acted, on=_CELL, how="left")
        .join(spoke, on=_CELL, how="left")
        .with_columns(pl.col(*marks).fill_null(value=False))
        .with_columns(
            (pl.col("tool") | pl.col("poll")).alias("due"),
            (pl.col("away") & ~pl.col("present")).alias("away"),
            ((traced | ~pl.col("tool")) & ~pl.col("nameless")).alias("known"),
            seen.alias("did"),
        )
    )
    return _with_all(question, found)


def _attended(study: Study) -> pl.LazyFrame:
    status = pl.col("status")
    return (
        study.table("attendance")
        .group_by(_CELL)
        .agg(
            status.is_in(["present", "late"]).any().alias("present"),
            status.is_in(["absent", "excused"]).any().alias("away"),
        )
    )


def _after_session(question: Question) -> pl.DataFrame:
    """Return one row for each learner in L(s): resources ``owed``, ``known`` and, of these, ``done``."""
    study = question.study
    until = local_days(pl.col("ends_at"), study.thresholds.consolidation_days, study.programme.timezone)
    windows = _planned(study, "post").with_columns(pl.col("ends_at").alias("opens"), until.alias("closes"))
    told = windows.join(covered_windows(study, windows, "opened"), on=_PAIR, how="left")
    of_session = told.group_by("session_id").agg(
        pl.len().cast(pl.Int64).alias("owed"),
        pl.col("covered").is_not_null().sum().cast(pl.Int64).alias("knowable"),
    )
    copied = pl.col("verb") == "downloaded"
    seen = (
        study.table("events")
        .filter(pl.col("verb").is_in(CONSULTING_VERBS))
        .select("learner_id", "resource_id", "at", "verb")
        .join(told.filter("covered"), on="resource_id", how="inner")
        .filter(pl.col("at") > pl.col("opens"), pl.col("at") <= pl.col("closes"))
        .group_by(*_CELL, "resource_id")
        .agg(copied.all().alias("offline"))
        .group_by(_CELL)
        .agg(
            pl.col("offline").sum().cast(pl.Int64),
            (~pl.col("offline")).sum().cast(pl.Int64).alias("done"),
        )
    )
    traced = pl.col("tracking") == "traced"
    found = (
        roster(study)
        .join(of_session, on="session_id", how="left")
        .join(seen, on=_CELL, how="left")
        .with_columns(pl.col("owed", "knowable", "offline", "done").fill_null(0))
        .with_columns(
            pl.when(traced).then(pl.col("knowable") - pl.col("offline")).otherwise(0).alias("known"),
            pl.when(traced).then(pl.col("done")).otherwise(0).alias("done"),
        )
    )
    return _with_all(question, found)


_GROUPS = (*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS)
PARTICIPATION_RATE = Definition(
    key="participation_rate",
    version=2,
    unit="share",
    direction="more",
    needs=("enrolments", "sessions", "plan", "events", "coverage", "attendance"),
    thresholds=ROW_THRESHOLDS,
    statistics=("rate",),
    groups=_GROUPS,
    depths=(),
    function=participation_rate,
    number="12",
    source="Edusign (2026)",
    of_events=True,
    family="indicators_support",
)
CONSOLIDATION_RATE = Definition(
    key="consolidation_rate",
    version=1,
    unit="share",
    direction="more",
    needs=("enrolments", "sessions", "plan", "events", "coverage"),
    thresholds=("consolidation_days", *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=_GROUPS,
    depths=(),
    function=consolidation_rate,
    number="26",
    source="Edusign (2026)",
    of_events=True,
    family="indicators_support",
)
