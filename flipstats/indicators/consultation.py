"""Was the preparation done: indicators 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.cells import DEPTHS, cells
from flipstats.indicators.definition import (
    COHORT_GROUPS,
    LEARNER_GROUPS,
    RESOURCE_GROUPS,
    SESSION_GROUPS,
    Definition,
)
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.rows import bounds, quantiles, shares
from flipstats.schema import LEVELS
from flipstats.study import Study

NEEDS = ("enrolments", "sessions", "plan", "coverage")
LEVEL_THRESHOLDS = ("substantial_share", "completed_share", "dwell_s")
ROW_THRESHOLDS = ("confidence_level", "min_groups_for_clustering", "coverage_bounds_below", "smallest_cell")


def consultation_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of mandatory preparation that was consulted before its session.

    (Learner, mandatory resource) pairs consulted in W(s) = [max(release, enrolment), start of s), over
    |L(s)|·|R(s)| less the unknown pairs; L(s) are the learners enrolled when s starts. *opened*: at least one
    event; *substantial*: half of the content seen, or completion (content without a length: 30 s);
    *completed*: completion recorded, or 95 % seen.

    Parameters
    ----------
    study : Study
    by : sequence of str
        Grouping columns, in the order the answer shall have: ``arm, iteration, cohort_id, trainer_id, site,
        session_id, sequence, format, modality, resource_id, learner_id`` and covariates ``x_…``.
    depth : {"opened", "substantial", "completed", "declared"}, optional
        One level; all three without it. ``declared`` is what learners ticked themselves.
    role : {"research", "manager", "trainer"}
        Outside research, cells of few learners are suppressed.
    level : float, optional
        Confidence level; the study's own without it.

    Returns
    -------
    DataFrame
        The grouping columns, then ``metric, statistic, depth, value, low, high, level, n, numerator,
        denominator, unknown, coverage, unit, version, interval, reason``: one row a group and depth with
        ``statistic`` "rate" (a share; n counts learners, numerator to unknown count pairs), and where less
        than 80 % of pairs are known also "bound_low" and "bound_high" (every unknown pair taken as no, as
        yes). Wilson's interval, by learner, from 10 cohorts on by cohort. ``value`` is null where ``reason``
        says why.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    Edusign (2026), "the rate of pre-session resource consultation"; PAIRENNE (2025), "Risque de
    non-consultation des contenus en amont"; French ministry note "Classe inversée, classes inversées" (2020).

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = consultation_rate(study(), ["session_id"], depth="opened").filter(statistic="rate")
    >>> rows.select("session_id", "value", "numerator", "denominator", "unknown").rows()
    [('S1', 0.75, 6, 8, 0), ('S2', 0.5, 3, 6, 2)]
    """
    question = ask(study, CONSULTATION_RATE, by, depth=depth, role=role, level=level, default_depths=LEVELS)
    groups, parts, reasons = groups_of_sessions(question), [], {}
    for one in question.depths:
        found = cells_now(question, one)
        done, known, unknown = pl.col("done"), pl.col("known"), pl.col("owed") - pl.col("known")
        rate = shares(question, found, "rate", one, yes=done, of=known, unknown=unknown)
        parts.append(rate)
        if told(study, one):
            parts += bounds(question, found, rate, low=done, high=done + unknown, total=pl.col("owed"))
        reasons[one] = reasons_of_preparation(question, groups, found, one)
    return answer(question, groups, parts, reasons)


def prepared_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners who came prepared: all, or at least one, of the mandatory resources done.

    Over the learners of L(s) whose whole preparation is known: whoever has one unknown resource is unknown,
    whatever else was seen. Sessions without mandatory preparation are not applicable. Over several sessions
    a learner counts once for each.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : {"opened", "substantial", "completed", "declared"}, optional
        ``substantial`` without it, which is the definition.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, numerator to unknown counting learners × sessions; ``statistic`` is "all"
        and "any", and "all_bound_low" … "any_bound_high" where less than 80 % are known. Within the bounds a
        learner known not to have done one resource is known not to have done all. Wilson's interval, plain
        for one session.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    Edusign (2026), "Learner engagement before the session".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = prepared_rate(study(), ["session_id"], depth="opened")
    >>> rows.filter(statistic="all").select("session_id", "value", "n", "unknown").rows()
    [('S1', 0.5, 4, 0), ('S2', 0.3333333333333333, 3, 1)]
    """
    question = ask(study, PREPARED_RATE, by, depth=depth, role=role, level=level, default_depths=LEVELS[1:2])
    groups, parts, reasons = groups_of_sessions(question), [], {}
    for one in question.depths:
        found = cells_now(question, one)
        known, unknown = learner_known(), learner_unknown()
        owed, done, open_ = pl.col("owed"), pl.col("done"), pl.col("owed") - pl.col("known")
        due = owed > 0
        for statistic, enough, at_least, at_most in (
            ("all", done == owed, done == owed, done + open_ == owed),
            ("any", done > 0, done > 0, done + open_ > 0),
        ):
            yes = known & enough
            part = shares(question, found, statistic, one, yes=yes, of=known, unknown=unknown)
            parts.append(part)
            if told(study, one):
                low, high = due & at_least, due & at_most
                parts += bounds(question, found, part, low=low, high=high, total=due)
        reasons[one] = reasons_of_preparation(question, groups, found, one)
    return answer(question, groups, parts, reasons)


def preparation_spread(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """How unequally learners are prepared: the spread of the share each has done, and how many did nothing.

    A learner's share is mandatory resources done over mandatory resources of the session; learners with an
    unknown resource are unknown. Ask by ``session_id``: without it the spread is over learners × sessions.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : {"opened", "substantial", "completed", "declared"}, optional
        ``substantial`` without it.

    Returns
    -------
    DataFrame
        As in `consultation_rate`; ``statistic`` is "median", "q25", "q75", "iqr" (shares 0–1, linear between
        order statistics, bootstrap intervals by learner or cohort) and "share_at_0" (learners who did
        nothing, Wilson's interval; its bounds where less than 80 % are known).

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
    >>> rows = preparation_spread(study(), ["session_id"], depth="opened")
    >>> dict(rows.filter(session_id="S1").select("statistic", "value").rows())
    {'median': 0.75, 'q25': 0.5, 'q75': 1.0, 'iqr': 0.5, 'share_at_0': 0.0}
    """
    question = ask(
        study, PREPARATION_SPREAD, by, depth=depth, role=role, level=level, default_depths=LEVELS[1:2]
    )
    groups, parts, reasons = groups_of_sessions(question), [], {}
    for one in question.depths:
        found = cells_now(question, one)
        known, unknown = learner_known(), learner_unknown()
        share = pl.when(known).then(pl.col("done") / pl.col("owed"))
        parts += quantiles(question, found, one, value=share, known=known, unknown=unknown, with_iqr=True)
        nothing = known & (pl.col("done") == 0)
        zero = shares(question, found, "share_at_0", one, yes=nothing, of=known, unknown=unknown)
        parts.append(zero)
        if told(study, one):
            due, none = pl.col("owed") > 0, pl.col("done") == 0
            low = due & none & (pl.col("known") == pl.col("owed"))
            parts += bounds(question, found, zero, low=low, high=due & none, total=due)
        reasons[one] = reasons_of_preparation(question, groups, found, one)
    return answer(question, groups, parts, reasons)


# --------------------------------------------------------------------------------- shared with lead_time


def cells_now(question: Question, depth: str) -> pl.DataFrame:
    """Return the cells of a question, collected, with its keys."""
    found = cells(question, depth).collect(engine="streaming")
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def learner_known() -> pl.Expr:
    """Return whether all that the learner owed for the session is known (false where nothing was owed)."""
    return (pl.col("owed") > 0) & (pl.col("known") == pl.col("owed"))


def learner_unknown() -> pl.Expr:
    """Return whether something the learner owed for the session is unknown."""
    return pl.col("known") < pl.col("owed")


def told(study: Study, depth: str) -> bool:
    """Return whether any source can tell this depth."""
    return depth in study.table("coverage").select(pl.col("level").unique()).collect()["level"].to_list()


def reasons_of_preparation(
    question: Question, groups: pl.DataFrame, found: pl.DataFrame, depth: str
) -> pl.DataFrame:
    """Return for each group why its preparation is not computable at a depth, null where it is."""
    study, keys = question.study, question.keys
    missing = next((reason for table, reason in _MISSING if not study.has(table)), None)
    untold = None
    if not study.has("coverage"):
        untold = "no_coverage"
    elif not told(study, depth):
        untold = "level_not_traced"
    counts = found.group_by(keys).agg(pl.len().alias("·learners"), pl.col("owed").sum().alias("·owed"))
    return groups.join(counts, on=keys, how="left", nulls_equal=True).select(
        *keys,
        pl.when(pl.lit(missing is not None))
        .then(pl.lit(missing, pl.String))
        .when(pl.col("·learners").is_null())
        .then(pl.lit("no_learners"))
        .when(pl.col("·owed") == 0)
        .then(pl.lit("not_applicable"))
        .otherwise(pl.lit(untold, pl.String))
        .alias("reason"),
    )


_MISSING = (("sessions", "no_sessions"), ("enrolments", "no_roster"), ("plan", "no_plan"))
_OF_LEARNERS = (*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS)
CONSULTATION_RATE = Definition(
    key="consultation_rate",
    version=1,
    unit="share",
    direction="more",
    needs=NEEDS,
    thresholds=(*LEVEL_THRESHOLDS, *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *RESOURCE_GROUPS, *LEARNER_GROUPS),
    depths=DEPTHS,
    function=consultation_rate,
    number="1",
    source="Edusign (2026); PAIRENNE (2025); French ministry note (2020)",
    family="indicators_preparation",
)
PREPARED_RATE = Definition(
    key="prepared_rate",
    version=1,
    unit="share",
    direction="more",
    needs=NEEDS,
    thresholds=(*LEVEL_THRESHOLDS, *ROW_THRESHOLDS),
    statistics=("all", "any"),
    groups=_OF_LEARNERS,
    depths=DEPTHS,
    function=prepared_rate,
    number="2",
    source="Edusign (2026)",
    family="indicators_preparation",
)
PREPARATION_SPREAD = Definition(
    key="preparation_spread",
    version=1,
    unit="share",
    direction="less",
    needs=NEEDS,
    thresholds=(*LEVEL_THRESHOLDS, *ROW_THRESHOLDS, "bootstrap_draws"),
    statistics=("median", "q25", "q75", "iqr", "share_at_0"),
    groups=_OF_LEARNERS,
    depths=DEPTHS,
    function=preparation_spread,
    number="3",
    source="PAIRENNE (2025)",
    family="indicators_preparation",
)
