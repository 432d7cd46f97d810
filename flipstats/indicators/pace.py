"""How long preparation takes, and whether it is gone back to: indicator 18."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.activity import disjoint, has_durations, measured
from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import NEEDS, ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.looks import LEARNER, PAIR, visits, windows
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, quantiles, shares
from flipstats.study import Study


def pace(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Minutes learners spend on the preparation against those announced, and what they go back to.

    Of each learner the measured minutes on mandatory preparation with a length, over the sum of these
    lengths; and of the mandatory resources consulted, those consulted on two occasions or more, an occasion
    ending with 10 min without a trace. Both from release or enrolment to 7 days after the session.

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
        As in `consultation_rate`; ``statistic`` is

        - "median", "q25", "q75": minutes over announced minutes (1: as announced), over learners × cohorts,
          bootstrap intervals; who never looked has 0, who looked where nothing is measured is unknown;
        - "share_again": of the pairs (learner, resource) consulted, Wilson's interval by learner; its bounds
          where less than 80 % are known.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "Revenir sur une vidéo, faire pause, relire un passage"; E. Ballini, Escapade, "spend
    more or less time on these courses".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> pace(study()).filter(statistic="share_again").select("value", "numerator", "denominator").row(0)
    (0.0, 0, 9)
    """
    question = ask(study, PACE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _cells(question)
    due = pl.col("announced") > 0
    known = due & pl.col("timed") & pl.lit(has_durations(study))
    ratio = pl.when(known).then(pl.col("spent") / pl.col("announced"))
    parts = quantiles(question, found, None, value=ratio, known=known, unknown=due & ~known)
    why = "no_coverage" if has_durations(study) else "no_durations"
    untimed = pl.when(pl.col("unknown") > 0).then(pl.lit(why)).otherwise(pl.lit("no_lengths"))
    parts = [replace(part, otherwise=untimed) for part in parts]
    told, looked = pl.col("told"), pl.col("looked")
    again = shares(
        question,
        found,
        "share_again",
        None,
        yes=pl.col("again"),
        of=looked,
        unknown=pl.col("owed") - told,
        known=told,
    )
    nobody = pl.when(pl.col("coverage") > 0).then(pl.lit("nobody_prepared")).otherwise(pl.lit("no_coverage"))
    back, open_ = pl.col("again"), pl.col("owed") - told
    ends = bounds(question, found, again, low=back, high=back + open_, total=looked + open_)
    parts += [replace(again, otherwise=nobody), *ends]
    missing = first_missing(question, (*SESSIONS, ("plan", "no_plan")))
    reasons = reasons_of(question, groups, found, missing, pl.col("owed") > 0)
    return answer(question, groups, parts, {None: reasons})


def _cells(question: Question) -> pl.DataFrame:
    """Return each enrolment's minutes ``announced`` and ``spent``, pairs ``owed``, ``told``, ``looked``."""
    study = question.study
    within = windows(study)
    pairs = (
        within.group_by(PAIR)
        .agg(pl.col("length_min").first(), pl.col("opened", "timeable").all())
        .join(visits(study, within), on=PAIR, how="left")
        .with_columns(pl.col("again", "offline", "measured").fill_null(value=False))
    )
    has_length, looked = pl.col("length_min") > 0, pl.col("first").is_not_null()
    told = pl.col("opened") & ~pl.col("offline")
    timed = pl.col("timeable") & ~pl.col("offline") & (pl.col("measured") | ~looked)
    learners = pairs.group_by(LEARNER).agg(
        pl.len().alias("owed"),
        told.sum().alias("told"),
        (told & looked).sum().alias("looked"),
        (told & pl.col("again")).sum().alias("again"),
        pl.col("length_min").filter(has_length).sum().alias("announced"),
        timed.filter(has_length).all().alias("timed"),
    )
    counts = ("owed", "told", "looked", "again")
    found = (
        enrolled(question)
        .join(learners, on=LEARNER, how="left")
        .join(_spent(study, within), on=LEARNER, how="left")
        .with_columns(
            pl.col(counts).fill_null(0).cast(pl.Int64),
            pl.col("announced", "spent").fill_null(0.0),
            pl.col("timed").fill_null(value=False),
        )
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _spent(study: Study, within: pl.LazyFrame) -> pl.LazyFrame:
    """Return ``learner_id, cohort_id, spent``: measured minutes on what has a length."""
    spells = (
        measured(study)
        .join(within.filter(pl.col("length_min") > 0), on=["learner_id", "resource_id"], how="inner")
        .filter(pl.col("at") >= pl.col("since"), pl.col("at") <= pl.col("late_until"))
        .select(*LEARNER, "start", "end")
    )
    spent = (pl.col("end") - pl.col("start")).sum() / 60_000_000
    return disjoint(spells, LEARNER).group_by(LEARNER).agg(spent.alias("spent"))


PACE = Definition(
    key="pace",
    version=2,
    unit="ratio",
    direction="neither",
    needs=(*NEEDS, "events"),
    thresholds=("late_days", "idle_gap_min", *ROW_THRESHOLDS, "bootstrap_draws"),
    statistics=("median", "q25", "q75", "share_again"),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=pace,
    number="18",
    source="PAIRENNE (2025); Ballini, project Escapade",
    of_events=True,
    family="indicators_activity",
    units={"share_again": "share"},
)
