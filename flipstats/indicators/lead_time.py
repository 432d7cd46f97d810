"""How long before the session: indicator 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.facts import local_days
from flipstats.indicators.answer import answer
from flipstats.indicators.cells import best_depth
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
from flipstats.indicators.question import ask
from flipstats.indicators.rows import bounds, quantiles, shares
from flipstats.schema import LEVELS
from flipstats.study import Study

BANDS = ("last_hour", "last_day", "few_days", "week", "fortnight", "early")


def lead_time(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """How long before the session learners last worked on its preparation.

    Start of the session less the last consultation in W(s), of the mandatory resources that reached `depth`.
    Who prepared nothing stands apart and is never given a time; who has an unknown resource is unknown.
    Spacing and freshness pull apart, so the distribution is given and no direction is better.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : {"opened", "substantial", "completed"}, optional
        Without it the best level the sources can carry (`best_depth`); the answer names it.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions. ``statistic`` is

        - "median", "q25", "q75": hours, of those who prepared, bootstrap intervals;
        - "share_last_hour" (< 1 h), "share_last_day" (1–24 h), "share_few_days" (to 3 d), "share_week"
          (3–7 d), "share_fortnight" (7–14 d), "share_early" (more than 14 d): of those who prepared, sum 1;
        - "share_near": within 5 days, of those who prepared;
        - "share_not_prepared": of all who are known.

        Each share has its bounds where less than 80 % are known: of who is unknown, the last look that is
        known stays, and a later one may be missing.

        Days are counted on the programme's local clock, hours as they pass. All limits are thresholds.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    E. Ballini, Escapade, "The Flipped Classroom", "if possible only a few days"; PAIRENNE (2025),
    "L'espacement des apprentissages".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = lead_time(study(), ["session_id"])
    >>> rows.filter(session_id="S2").select("statistic", "value", "n").head(2).rows()
    [('median', 19.5, 2), ('q25', 10.0, 2)]
    >>> rows.filter(statistic="share_not_prepared").select("session_id", "value", "n").rows()
    [('S1', 0.0, 4), ('S2', 0.3333333333333333, 3)]
    """
    default = (best_depth(study) or "opened",) if depth is None else ()
    question = ask(study, LEAD_TIME, by, depth=depth, role=role, level=level, default_depths=default)
    (one,) = question.depths
    found = _with_bands(cells_now(question, one), study)
    known, unknown, prepared = learner_known(), learner_unknown(), pl.col("prepared")
    hours = (pl.col("starts_at") - pl.col("last_at")).dt.total_microseconds() / 3_600_000_000
    value = pl.when(prepared).then(hours)
    parts = quantiles(question, found, one, value=value, known=known, unknown=unknown)
    for name, (within, sure, possible) in _ways().items():
        yes, statistic = prepared & within, f"share_{name}"
        part = shares(question, found, statistic, one, yes=yes, of=prepared, unknown=unknown, known=known)
        parts.append(part)
        if told(study, one):
            low, high, total = yes | (unknown & sure), yes | (unknown & possible), prepared | unknown
            parts += bounds(question, found, part, low=low, high=high, total=total)
    nobody = pl.when(pl.col("coverage") > 0).then(pl.lit("nobody_prepared")).otherwise(pl.lit("no_coverage"))
    parts = [replace(part, otherwise=nobody) for part in parts]
    none = known & ~prepared
    not_prepared = shares(question, found, "share_not_prepared", one, yes=none, of=known, unknown=unknown)
    parts.append(not_prepared)
    if told(study, one):
        due, nothing = pl.col("owed") > 0, pl.col("done") == 0
        parts += bounds(question, found, not_prepared, low=none, high=due & nothing, total=due)
    groups = groups_of_sessions(question)
    reasons = {one: reasons_of_preparation(question, groups, found, one)}
    return answer(question, groups, parts, reasons)


def _ways() -> dict[str, tuple[pl.Expr, pl.Expr, pl.Expr]]:
    """Return each share of those who prepared: who is within, and of the unknown who surely is, who can be.

    What is not known of somebody can only bring the last look nearer to the session.
    """
    band, near, seen = pl.col("band"), pl.col("near"), pl.col("done") > 0
    never, always = pl.lit(value=False), pl.lit(value=True)
    ways = {
        name: (band == i, seen & (band == 0) if i == 0 else never, ~seen | (band >= i))
        for i, name in enumerate(BANDS)
    }
    return ways | {"near": (near, seen & near, always)}


def _with_bands(found: pl.DataFrame, study: Study) -> pl.DataFrame:
    limits, zone = study.thresholds, study.programme.timezone
    start, last = pl.col("starts_at"), pl.col("last_at")

    def days(count: float) -> pl.Expr:
        return local_days(start, -count, zone)

    hours_before = (start - last).dt.total_microseconds() / 3_600_000_000
    band = (
        pl.when(hours_before < limits.lead_hour_h)
        .then(0)
        .when(hours_before < limits.lead_day_h)
        .then(1)
        .when(last > days(limits.lead_days))
        .then(2)
        .when(last > days(limits.lead_week_days))
        .then(3)
        .when(last >= days(limits.early_days))
        .then(4)
        .otherwise(5)
    )
    return found.with_columns(
        (learner_known() & (pl.col("done") > 0)).alias("prepared"),
        band.alias("band"),
        (last >= days(limits.near_days)).fill_null(value=False).alias("near"),
    )


LEAD_TIME = Definition(
    key="lead_time",
    version=1,
    unit="share",
    direction="neither",
    needs=NEEDS,
    thresholds=(
        *LEVEL_THRESHOLDS,
        "lead_hour_h",
        "lead_day_h",
        "lead_days",
        "lead_week_days",
        "early_days",
        "near_days",
        *ROW_THRESHOLDS,
        "bootstrap_draws",
    ),
    statistics=(
        "median",
        "q25",
        "q75",
        *(f"share_{band}" for band in BANDS),
        "share_near",
        "share_not_prepared",
    ),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=LEVELS,
    function=lead_time,
    number="5",
    source="Ballini, project Escapade; PAIRENNE (2025)",
    family="indicators_preparation",
    units={"median": "h", "q25": "h", "q75": "h"},
)
