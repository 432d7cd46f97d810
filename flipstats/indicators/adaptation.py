"""Whether those whose positioning test called for it got something else: indicator 33."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.during import ends_of_cohorts
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.question import ALL, Question, ask, sessions
from flipstats.indicators.reasons import ENROLMENTS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_MEMBER = ["learner_id", "cohort_id"]


def adaptation_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of enrolments whose positioning test called for an adaptation that got one.

    Called for: a score below the pass mark in the first attempt at the positioning test before the cohort's
    first session (of several tests, their mean). Got one: an adaptation recorded for the learner, or for the
    whole cohort, from that attempt on to the end of the cohort.

    Parameters
    ----------
    study, by, role, level
        As in `completion_rate`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `completion_rate`; ``statistic`` is "rate", and its bounds where less than 80 % are known.
        Unknown: who took the test and is not graded in all of it, or at a time nobody knows. Who did not take
        it, or not before the first session, is in neither part.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "Un test de positionnement pour adapter la suite"; Edusign (2026), "individualisation of
    learning paths".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> adaptation_rate(study()).select("value", "reason").row(0)
    (None, 'no_positioning_test')
    """
    question = ask(study, ADAPTATION_RATE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _cells(question)
    missing = _missing(question)
    recorded = pl.lit(study.has("adaptations"))
    of = recorded & (pl.col("score") < study.thresholds.pass_mark).fill_null(value=False)
    unknown, yes = pl.col("waiting"), of & pl.col("adapted")
    rate = shares(question, found, "rate", None, yes=yes, of=of, unknown=unknown)
    waiting = pl.when(pl.col("unknown") > 0).then(pl.lit("not_graded"))
    parts = [replace(rate, otherwise=waiting.otherwise(pl.lit("nobody_called_for")))]
    if missing is None:
        parts += bounds(question, found, rate, low=yes, high=yes | unknown, total=of | unknown)
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, None)})


def _missing(question: Question) -> str | None:
    tests = question.study.table("assessments").filter(pl.col("role") == "positioning")
    missing = first_missing(question, ENROLMENTS)
    if missing is None and tests.head(1).collect().height == 0:
        missing = "no_positioning_test"
    return missing or first_missing(question, (("adaptations", "no_adaptations"),))


def _cells(question: Question) -> pl.DataFrame:
    """Return one row an enrolment: the ``score`` known, or ``waiting`` for it; ``adapted`` or not."""
    study = question.study
    found = (
        enrolled(question)
        .join(_tested(study), on=_MEMBER, how="left")
        .join(ends_of_cohorts(study), on="cohort_id", how="left")
        .with_columns(pl.col("waiting").fill_null(value=False))
        .collect()
    )
    lines = study.table("adaptations").select("learner_id", "cohort_id", "at").collect()
    named, whole = lines.drop_nulls("learner_id"), lines.filter(pl.col("learner_id").is_null())
    places = found.select(*_MEMBER, "tested_at", "until").unique()
    in_cohort = (pl.col("cohort_id_of") == pl.col("cohort_id")).fill_null(value=True)
    got = pl.concat(
        [
            places.join(named.rename({"cohort_id": "cohort_id_of"}), on="learner_id").filter(in_cohort),
            places.join(whole.drop("learner_id"), on="cohort_id"),
        ],
        how="diagonal",
    ).filter(
        pl.col("tested_at").is_null() | (pl.col("at") >= pl.col("tested_at")),
        pl.col("until").is_null() | (pl.col("at") <= pl.col("until")),
    )
    adapted = got.select(*_MEMBER, pl.lit(value=True).alias("adapted")).unique()
    found = found.join(adapted, on=_MEMBER, how="left").with_columns(pl.col("adapted").fill_null(value=False))
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _tested(study: Study) -> pl.LazyFrame:
    """Return the enrolments with a positioning test in time: ``score``, ``waiting``, ``tested_at``."""
    first = sessions(study).group_by("cohort_id").agg(pl.col("starts_at").min().alias("first"))
    dates = (
        study.table("cohorts")
        .join(first, on="cohort_id", how="left")
        .select("cohort_id", pl.coalesce("first", "starts_at").alias("date"))
    )
    of_session = study.table("sessions").select("session_id", pl.col("cohort_id").alias("of_cohort"))
    tests = (
        study.table("assessments")
        .filter(pl.col("role") == "positioning")
        .join(of_session, on="session_id", how="left")
        .select("assessment_id", "of_cohort")
    )
    when = pl.coalesce("submitted_at", "started_at")
    taken = pl.col("missing_reason").is_null() | (pl.col("missing_reason") == "not_graded")
    firsts = (
        study.table("attempts")
        .filter(pl.col("item_id").is_null(), taken)
        .join(tests, on="assessment_id", how="inner")
        .join(study.table("enrolments").select(_MEMBER), on="learner_id", how="inner")
        .filter(pl.col("of_cohort").is_null() | (pl.col("of_cohort") == pl.col("cohort_id")))
        .join(dates, on="cohort_id", how="left")
        .with_columns(when.alias("when"))
        .filter(pl.col("when").is_null() | (pl.col("when") < pl.col("date")))
        .sort("attempt", "when", "score", nulls_last=True)
        .group_by(*_MEMBER, "assessment_id", maintain_order=True)
        .agg(pl.col("score", "when").first())
    )
    known = pl.col("score").is_not_null() & pl.col("when").is_not_null()
    return firsts.group_by(_MEMBER).agg(
        pl.when(known.all()).then(pl.col("score").mean()).alias("score"),
        (~known).any().alias("waiting"),
        pl.col("when").min().alias("tested_at"),
    )


ADAPTATION_RATE = Definition(
    key="adaptation_rate",
    version=1,
    unit="share",
    direction="more",
    needs=("enrolments", "assessments", "attempts", "adaptations"),
    thresholds=("pass_mark", *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=adaptation_rate,
    number="33",
    source="PAIRENNE (2025); Edusign (2026)",
    family="indicators_support",
)
