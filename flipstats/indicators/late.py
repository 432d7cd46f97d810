"""Prepared too late: indicator 4."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats import facts
from flipstats.indicators.answer import answer
from flipstats.indicators.cells import knowable, known_from, rostered
from flipstats.indicators.consultation import (
    NEEDS,
    ROW_THRESHOLDS,
    learner_known,
    learner_unknown,
    reasons_of_preparation,
    told,
)
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_DEPTH = "opened"  # a first look is one event; how far it went is not asked
_CELL = ["learner_id", "session_id"]


def late_preparation_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners whose first look at the preparation came once the session had started.

    The first consultation of any mandatory resource of s falls in [start, end + 7 d], over L(s) less the
    unknown. Learners who never looked are not late; the sources must cover the window up to its late end.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : {"opened"}, optional
        A first look has no other depth.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions; ``statistic`` is "rate", "during" (in
        [start, end]) and "after" (in (end, end + 7 d], days of the local calendar), which sum to it, and the
        bounds of each where less than 80 % are known. Wilson's interval.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    PAIRENNE (2025), "une dynamique de classe hétérogène, avec des retards difficiles à rattraper".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = late_preparation_rate(study(), ["session_id"]).filter(statistic="rate")
    >>> rows.select("session_id", "value", "denominator", "unknown").rows()
    [('S1', 0.0, 4, 0), ('S2', 0.0, 3, 1)]
    """
    question = ask(
        study, LATE_PREPARATION_RATE, by, depth=depth, role=role, level=level, default_depths=(_DEPTH,)
    )
    groups, found = groups_of_sessions(question), _cells(question)
    known, unknown, due = learner_known(), learner_unknown(), pl.col("owed") > 0
    late = known & ~pl.col("before") & pl.col("first_late").is_not_null()
    during = late & (pl.col("first_late") <= pl.col("ends_at")).fill_null(value=False)
    parts = []
    for statistic, yes in (("rate", late), ("during", during), ("after", late & ~during)):
        part = shares(question, found, statistic, _DEPTH, yes=yes, of=known, unknown=unknown)
        parts.append(part)
        if told(study, _DEPTH):
            parts += bounds(question, found, part, low=yes, high=yes | unknown, total=due)
    return answer(question, groups, parts, {_DEPTH: reasons_of_preparation(question, groups, found, _DEPTH)})


def _cells(question: Question) -> pl.DataFrame:
    """Return L(s) with what was ``owed`` and ``known``, looked at ``before``, and ``first_late``."""
    study = question.study
    needed, present = known_from(study, _DEPTH, late=True), rostered(study)
    owed = needed.group_by("session_id").agg(pl.len().cast(pl.Int64).alias("owed"))
    looked = pl.col("n") > 0
    seen = (
        facts.of_study(study)
        .join(needed.select("session_id", "resource_id"), on=["session_id", "resource_id"], how="inner")
        .group_by(_CELL)
        .agg(
            looked.any().alias("before"),
            (looked & (pl.col("n") == pl.col("downloads"))).cast(pl.Int64).sum().alias("offline"),
            pl.col("late_first_at").min().alias("first_late"),
        )
    )
    found = (
        present.join(owed, on="session_id", how="left")
        .join(knowable(present, needed), on=_CELL, how="left")
        .join(seen, on=_CELL, how="left")
        .with_columns(
            pl.col("owed", "knowable", "offline").fill_null(0), pl.col("before").fill_null(value=False)
        )
        .with_columns((pl.col("knowable") - pl.col("offline")).alias("known"))
        .collect(engine="streaming")
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


LATE_PREPARATION_RATE = Definition(
    key="late_preparation_rate",
    version=1,
    unit="share",
    direction="less",
    needs=NEEDS,
    thresholds=("late_days", *ROW_THRESHOLDS),
    statistics=("rate", "during", "after"),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=(_DEPTH,),
    function=late_preparation_rate,
    number="4",
    source="PAIRENNE (2025)",
    family="indicators_preparation",
)
