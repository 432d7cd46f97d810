"""Prepared without being reminded: indicator 29."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats import facts
from flipstats.indicators.answer import answer
from flipstats.indicators.cells import best_depth, reached, requirements
from flipstats.indicators.consultation import (
    LEVEL_THRESHOLDS,
    NEEDS,
    ROW_THRESHOLDS,
    cells_now,
    learner_known,
    learner_unknown,
    reasons_of_preparation,
    told,
)
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.once import once
from flipstats.indicators.question import ask, roster
from flipstats.indicators.rows import bounds, shares
from flipstats.schema import LEVELS
from flipstats.study import Study

_CELL = ["learner_id", "session_id"]


def autonomy(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners who had prepared everything before anybody reminded them.

    A reminder counts for the next session, in each cohort of the learner, that starts after it. Prepared:
    all mandatory resources at `depth`, by what happened before the first of these reminders.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : {"opened", "substantial", "completed"}, optional
        Without it the best level the sources can carry; the answer names it.

    Returns
    -------
    DataFrame
        As in `prepared_rate`; ``statistic`` is "rate", with "bound_low" and "bound_high" where less than 80 %
        are known. Not computable in a study without a record of contacts: no reminder would then mean that
        nobody wrote it down.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    Edusign (2026), "less comfortable with autonomy"; Bianchi, Learning by Doing, "Penser que tous les
    apprenants sont réellement autonomes".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> autonomy(study(), ["session_id"]).select("session_id", "reason").row(0)
    ('S1', 'no_contacts')
    """
    default = (best_depth(study) or "opened",) if depth is None else ()
    question = ask(study, AUTONOMY, by, depth=depth, role=role, level=level, default_depths=default)
    (one,) = question.depths
    groups = groups_of_sessions(question)
    found = cells_now(question, one).join(_reminded(study, one), on=_CELL, how="left")
    alone = pl.col("reminded").is_null() | (pl.col("done_before") == pl.col("owed")).fill_null(value=False)
    recorded, due = pl.lit(study.has("contacts")), pl.col("owed") > 0
    known, unknown = recorded & learner_known(), learner_unknown() | (due & ~recorded)
    yes = known & (pl.col("done") == pl.col("owed")) & alone
    rate = shares(question, found, "rate", one, yes=yes, of=known, unknown=unknown)
    parts, reasons = [rate], reasons_of_preparation(question, groups, found, one)
    if not study.has("contacts"):
        reasons = reasons.with_columns(pl.col("reason").fill_null("no_contacts"))
    elif told(study, one):
        parts += bounds(question, found, rate, low=yes, high=yes | unknown, total=due)
    return answer(question, groups, parts, {one: reasons})


def _reminded(study: Study, depth: str) -> pl.DataFrame:
    """Return ``learner_id, session_id, reminded, done_before``: who was reminded, and done until then."""
    first = once(study, "reminders", lambda: _first_reminders(study)).collect()
    before = once(study, "until reminded", lambda: _facts_until(study, first))
    needed = requirements(study).select("session_id", "resource_id", "length_min")
    offline = (pl.col("n") > 0) & (pl.col("n") == pl.col("downloads"))
    done = (
        before.join(needed, on=["session_id", "resource_id"], how="inner")
        .filter(reached(depth, study.thresholds), ~offline)
        .group_by(_CELL)
        .agg(pl.len().cast(pl.Int64).alias("done_before"))
    )
    return (
        first.lazy()
        .join(done, on=_CELL, how="left")
        .with_columns(pl.col("done_before").fill_null(0))
        .collect()
    )


def _first_reminders(study: Study) -> pl.LazyFrame:
    """Return ``learner_id, session_id, enrolled_at, reminded``: the first reminder that counts for each."""
    reminders = (
        study.table("contacts").filter(pl.col("kind") == "reminder").select("learner_id", "at").unique()
    )
    here = roster(study).select(*_CELL, "cohort_id", "starts_at", "enrolled_at")
    return (
        reminders.join(here, on="learner_id", how="inner")
        .filter(pl.col("at") < pl.col("starts_at"))
        .filter(pl.col("starts_at") == pl.col("starts_at").min().over("learner_id", "cohort_id", "at"))
        .group_by(_CELL)
        .agg(pl.col("at").min().alias("reminded"), pl.col("enrolled_at").first())
    )


def _facts_until(study: Study, first: pl.DataFrame) -> pl.LazyFrame:
    """Return the facts of the reminded as they stood at their reminder: `facts`, each session ending there.

    Every pair of learner and session becomes a cohort of one with a session of its own, so that stage one
    itself says what was done, and there is no second definition of it.
    """
    pairs = first.with_row_index("pair").with_columns(
        pl.col("pair").cast(pl.Int64), pl.col("enrolled_at", "reminded").dt.epoch("us")
    )
    cut = pl.col("reminded").alias("starts_at"), pl.col("reminded").alias("ends_at")
    sessions = pairs.select(
        pl.col("pair").alias("session_id"),
        pl.col("pair").alias("cohort_id"),
        *cut,
        pl.col("reminded").alias("late_until"),
    )
    enrolments = pairs.select("learner_id", pl.col("pair").alias("cohort_id"), "enrolled_at")
    plan = (
        study.table("plan")
        .with_columns(pl.col("released_at").dt.epoch("us"))
        .join(pairs.lazy().select("session_id", "pair"), on="session_id", how="inner")
        .select(pl.col("pair").alias("session_id"), "resource_id", "phase", "released_at")
    )
    events = (
        study.table("events")
        .join(pairs.lazy().select("learner_id").unique(), on="learner_id", how="semi")
        .with_columns(pl.col("at").dt.epoch("us"))
    )
    found = facts.facts(events, enrolments.lazy(), sessions.lazy(), plan, study.thresholds)
    named = pairs.select(pl.col("pair").alias("session_id"), pl.col("session_id").alias("of"))
    return (
        facts.collect(found)
        .join(named, on="session_id", how="inner")
        .drop("session_id")
        .rename({"of": "session_id"})
        .lazy()
    )


AUTONOMY = Definition(
    key="autonomy",
    version=1,
    unit="share",
    direction="more",
    needs=(*NEEDS, "contacts"),
    thresholds=(*LEVEL_THRESHOLDS, *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=LEVELS,
    function=autonomy,
    number="29",
    source="Edusign (2026); Bianchi, Learning by Doing",
    of_events=True,
    family="indicators_preparation",
)
