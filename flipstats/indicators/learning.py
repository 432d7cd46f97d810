"""Tests and deliverables of the whole programme: indicators 10, 27 and 28."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.facts import local_days
from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.reasons import ENROLMENTS, first_missing, reasons_of
from flipstats.indicators.results import with_results
from flipstats.indicators.rows import bounds, means, shares
from flipstats.study import Study

_ENROLMENT = ["learner_id", "cohort_id"]
_TEST = ["learner_id", "assessment_id"]


def baseline_score(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Score of the positioning test before the first session, and how many of those enrolled took it.

    One date a cohort, the same rule in every arm: the start of its first session (without sessions, of the
    cohort). The first attempt before it counts; what came later never changes it.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``arm, iteration, cohort_id, trainer_id, site, learner_id`` and covariates ``x_…``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting enrolments. ``statistic`` is "mean" (0–1, t interval; unknown: not
        graded, taken nobody knows when, or in a cohort without a date) and "response_rate" (Wilson's
        interval; unknown also a cohort with no result of the test, or none with a time).

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "Un test de positionnement pour adapter la suite".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> baseline_score(study()).select("value", "reason").row(0)
    (None, 'no_positioning')
    """
    question = ask(study, BASELINE_SCORE, by, depth=depth, role=role, level=level)
    found = _collected(question, _baselines(study))
    scored, vague = pl.col("score").is_not_null(), pl.col("untimed") & ~pl.col("taken")
    waiting = pl.col("taken") & ~scored | vague
    mean = means(question, found, "mean", None, total=pl.col("score"), of=scored, unknown=waiting)
    open_ = vague | (pl.col("absent") & ~pl.col("taken"))
    known, unknown = pl.col("owes") & ~open_, pl.col("owes") & open_
    took = known & pl.col("taken")
    rate = shares(question, found, "response_rate", None, yes=took, of=known, unknown=unknown)
    parts = [
        replace(mean, otherwise=_waiting_or("no_scores")),
        replace(rate, otherwise=pl.lit("no_test_results")),
        *bounds(question, found, rate, low=took, high=took | unknown, total=known | unknown),
    ]
    return _answered(question, found, parts, "positioning", "no_positioning")


def retention(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Score of the delayed test less score of the test at the end, of learners who took both.

    Parameters
    ----------
    study, by, depth, role, level
        As in `baseline_score`.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting enrolments; ``statistic`` is "mean" (-1 to 1), of first attempts
        at least 14 days apart on the local clock. Who took the delayed test sooner is left out; both taken
        and one not graded, or without a time, is unknown. t interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "Better knowledge retention"; PAIRENNE (2025), "mémoire à long terme".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> retention(study()).select("value", "reason").row(0)
    (None, 'no_delayed')
    """
    question = ask(study, RETENTION, by, depth=depth, role=role, level=level)
    found = _collected(question, _both_tests(study))
    scored = (pl.col("apart") & pl.col("change").is_not_null()).fill_null(value=False)
    unknown = (pl.col("both") & ~scored & pl.col("apart").fill_null(value=True)).fill_null(value=False)
    total = pl.when(scored).then((pl.col("change") + 1) / 2)
    part = means(question, found, "mean", None, total=total, of=scored, unknown=unknown)
    whole = part.frame.with_columns(pl.col("value", "low", "high") * 2 - 1)
    parts = [replace(part, frame=whole, otherwise=_waiting_or("no_common_tests"))]
    return _answered(question, found, parts, "delayed", "no_delayed")


def transfer(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of the deliverables owed that were handed in in time and validated.

    Parameters
    ----------
    study, by, depth, role, level
        As in `baseline_score`.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × deliverables; ``statistic`` is "rate". Owed by who is
        enrolled at the start of the deliverable's session, else when it is due. Validated: a score of at
        least the pass mark. Unknown: not graded, handed in nobody knows when; and everybody where it is not
        due yet (whoever was early), or the study has no results, or, with a due time, no time of any.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Bianchi, Learning by Doing, "transfert à la réalité du travail", "livrables opérationnels".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> transfer(study()).select("value", "reason").row(0)
    (None, 'no_deliverable')
    """
    question = ask(study, TRANSFER, by, depth=depth, role=role, level=level)
    found = _collected(question, _deliverables(study))
    met, open_ = pl.col("owes") & pl.col("met"), pl.col("owes") & ~pl.col("met") & pl.col("open")
    known = pl.col("owes") & ~open_
    rate = shares(question, found, "rate", None, yes=met, of=known, unknown=open_)
    rate = replace(rate, otherwise=_waiting_or("not_applicable"))
    parts = [rate, *bounds(question, found, rate, low=met, high=met | open_, total=pl.col("owes"))]
    return _answered(question, found, parts, "deliverable", "no_deliverable")


# ------------------------------------------------------------------------------------------- who did what


def _attempts(study: Study) -> pl.LazyFrame:
    """Return attempts at whole assessments, graded or waiting to be, in their order."""
    counts = pl.col("missing_reason").is_null() | (pl.col("missing_reason") == "not_graded")
    return (
        study.table("attempts")
        .filter(pl.col("item_id").is_null(), counts)
        .sort("attempt", "submitted_at", "score", nulls_last=True)
    )


def _owed(study: Study, role: str) -> pl.LazyFrame:
    """Return every enrolment with each assessment of a role: of its cohort's sessions, or of none."""
    tests = study.table("assessments").filter(pl.col("role") == role)
    sessions = study.table("sessions").select(
        "session_id", "cohort_id", pl.col("starts_at").alias("session_at")
    )
    bound = tests.join(sessions, on="session_id", how="inner")
    free = tests.filter(pl.col("session_id").is_null()).join(
        study.table("cohorts").select("cohort_id"), how="cross"
    )
    kept = ["assessment_id", "cohort_id", "due_at"]
    every = pl.concat(
        [
            bound.select(*kept, "session_at"),
            free.select(*kept, pl.lit(None, pl.Datetime("us", "UTC")).alias("session_at")),
        ]
    )
    return study.table("enrolments").join(every, on="cohort_id", how="inner")


def _baselines(study: Study) -> pl.LazyFrame:
    first = (
        study.table("sessions")
        .filter(pl.col("kind") == "session")
        .group_by("cohort_id")
        .agg(pl.col("starts_at").min().alias("first"))
    )
    date = (
        study.table("cohorts")
        .join(first, on="cohort_id", how="left")
        .select("cohort_id", pl.coalesce("first", "starts_at").alias("date"))
    )
    when = pl.coalesce("submitted_at", "started_at")
    before = (when < pl.col("date")).fill_null(value=False)
    of_cohorts = study.table("attempts").join(
        study.table("enrolments").select(_ENROLMENT), on="learner_id", how="inner"
    )
    held = with_results(of_cohorts, "assessment_id", "cohort_id", times=("submitted_at", "started_at"))
    return (
        _owed(study, "positioning")
        .select(*_ENROLMENT, "assessment_id")
        .join(date, on="cohort_id", how="left")
        .join(held, on=["assessment_id", "cohort_id"], how="left")
        .join(_attempts(study), on=_TEST, how="left", maintain_order="left_right")
        .with_columns(
            before.alias("before"),
            ((when.is_null() | pl.col("date").is_null()) & pl.col("attempt").is_not_null()).alias("vague"),
        )
        .group_by(*_ENROLMENT, "assessment_id", maintain_order=True)
        .agg(
            pl.col("before").any(),
            pl.col("vague").any(),
            (pl.col("held").fill_null(value=False) & pl.col("date").is_not_null())
            .not_()
            .all()
            .alias("absent"),
            pl.col("score").filter("before").first(),
        )
        .group_by(_ENROLMENT)
        .agg(
            pl.lit(value=True).first().alias("owes"),
            pl.col("before").any().alias("taken"),
            pl.col("vague").any().alias("untimed"),
            pl.col("absent").any(),
            pl.col("score").mean(),
        )
    )


def _both_tests(study: Study) -> pl.LazyFrame:
    def firsts(role: str, at: pl.Expr) -> pl.LazyFrame:
        taken = _attempts(study).group_by(_TEST, maintain_order=True).first()
        return (
            _owed(study, role)
            .select(*_ENROLMENT, "assessment_id")
            .join(taken, on=_TEST, how="inner")
            .group_by(_ENROLMENT)
            .agg(
                pl.when(pl.col("score").is_not_null().all()).then(pl.col("score").mean()).alias(role),
                pl.when(pl.col("submitted_at").is_not_null().all()).then(at).alias(role + "_at"),
            )
        )

    at, days = pl.col("submitted_at"), study.thresholds.delayed_days
    ready = local_days(pl.col("summative_at"), days, study.programme.timezone)
    owes = _owed(study, "delayed").select(*_ENROLMENT, pl.lit(value=True).alias("owes")).unique()
    return (
        firsts("summative", at.max())
        .join(firsts("delayed", at.min()), on=_ENROLMENT, how="inner")
        .with_columns(pl.lit(value=True).alias("both"), (pl.col("delayed_at") >= ready).alias("apart"))
        .join(owes, on=_ENROLMENT, how="full", coalesce=True)
        .select(
            *_ENROLMENT, "owes", "both", "apart", (pl.col("delayed") - pl.col("summative")).alias("change")
        )
    )


def _deliverables(study: Study) -> pl.LazyFrame:
    instant = pl.coalesce("session_at", "due_at")
    here = (pl.col("enrolled_at").is_null() | instant.is_null() | (pl.col("enrolled_at") <= instant)) & (
        pl.col("withdrawn_at").is_null() | (instant.is_not_null() & (pl.col("withdrawn_at") > instant))
    )
    held = with_results(study.table("attempts"), "assessment_id", times=("submitted_at",)).with_columns(
        pl.lit(value=True).alias("listed"), pl.col("held").alias("timed")
    )
    at, due = pl.col("submitted_at"), pl.col("due_at")
    in_time, vague = due.is_null() | (at <= due), due.is_not_null() & at.is_null()
    good = pl.col("score") >= study.thresholds.pass_mark
    could_be = (in_time | vague) & (good | pl.col("score").is_null()) & pl.col("attempt").is_not_null()
    not_yet = pl.lit(value=False)
    if study.as_of is not None:
        not_yet = (due > pl.lit(study.as_of)).fill_null(value=False)
    blind = pl.col("listed").is_null() | (due.is_not_null() & ~pl.col("timed"))
    return (
        _owed(study, "deliverable")
        .filter(here)
        .select(*_ENROLMENT, "assessment_id", "due_at")
        .join(held, on="assessment_id", how="left")
        .join(_attempts(study), on=_TEST, how="left")
        .group_by(*_ENROLMENT, "assessment_id")
        .agg(
            pl.lit(value=True).first().alias("owes"),
            ((in_time & good).fill_null(value=False) & ~not_yet).any().alias("met"),
            (could_be.fill_null(value=False) | not_yet | blind).any().alias("open"),
        )
    )


def _collected(question: Question, done: pl.LazyFrame) -> pl.DataFrame:
    """Return every enrolment with what was found of it; what was not found is no."""
    found = enrolled(question).join(done, on=_ENROLMENT, how="left").collect()
    flags = [c for c in ("owes", "taken", "untimed", "absent", "both", "met", "open") if c in found.columns]
    found = found.with_columns(pl.col(*flags).fill_null(value=False))
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _waiting_or(reason: str) -> pl.Expr:
    return pl.when(pl.col("unknown") > 0).then(pl.lit("not_graded")).otherwise(pl.lit(reason))


def _answered(question: Question, found: pl.DataFrame, parts: list, role: str, absent: str) -> pl.DataFrame:
    groups, missing = groups_of_enrolments(question), first_missing(question, ENROLMENTS)
    tests = question.study.table("assessments").filter(pl.col("role") == role)
    if missing is None and tests.head(1).collect().height == 0:
        missing = absent
    reasons = reasons_of(question, groups, found, missing, pl.col("owes"))
    return answer(question, groups, parts, {None: reasons})


def _defined(key: str, function, number: str, source: str, **more: object) -> Definition:
    return Definition(
        key=key,
        direction="more",
        needs=("enrolments", "assessments", "attempts"),
        groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
        depths=(),
        function=function,
        number=number,
        source=source,
        family="indicators_learning",
        **more,
    )


BASELINE_SCORE = _defined(
    "baseline_score",
    baseline_score,
    "10",
    "PAIRENNE (2025)",
    version=2,
    unit="share",
    units={"mean": "score"},
    thresholds=ROW_THRESHOLDS,
    statistics=("mean", "response_rate"),
)
RETENTION = _defined(
    "retention",
    retention,
    "27",
    "Edusign (2026); PAIRENNE (2025)",
    version=1,
    unit="points",
    thresholds=("delayed_days", *ROW_THRESHOLDS),
    statistics=("mean",),
)
TRANSFER = _defined(
    "transfer",
    transfer,
    "28",
    "Bianchi, Learning by Doing",
    version=2,
    unit="share",
    thresholds=("pass_mark", *ROW_THRESHOLDS),
    statistics=("rate",),
)
