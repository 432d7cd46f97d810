"""Who completed the programme: indicator 31."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.during import ends_of_cohorts
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.question import ALL, ask
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_ENROLMENT = ["learner_id", "cohort_id"]


def completion_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of enrolments that ended in completion, by the one rule the study declares.

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
        As in `consultation_rate`, counting enrolments; ``statistic`` is "rate", and its bounds where less
        than 80 % are known. See `completed` for the rule and for who is unknown. Wilson's interval, from 10
        cohorts on by cohort.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "completion rates".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = completion_rate(study(), ["arm"])
    >>> rows.select("arm", "value", "numerator", "denominator", "interval").row(0)
    ('flipped', 0.6, 3, 5, 'wilson')
    """
    question = ask(study, COMPLETION_RATE, by, depth=depth, role=role, level=level)
    groups = groups_of_enrolments(question)
    found = enrolled(question).join(completed(study).lazy(), on=_ENROLMENT, how="left").collect()
    if not question.by:
        found = found.with_columns(pl.lit(0).alias(ALL))
    yes, known, unknown = (
        pl.col("completed"),
        pl.col("completed").is_not_null(),
        pl.col("completed").is_null(),
    )
    rate = shares(question, found, "rate", None, yes=yes.fill_null(value=False), of=known, unknown=unknown)
    rate = replace(rate, otherwise=pl.lit("no_learners"))
    done = yes.fill_null(value=False)
    parts = [rate, *bounds(question, found, rate, low=done, high=done | unknown, total=known | unknown)]
    why = found.filter(unknown).group_by(question.keys).agg(pl.col("reason").mode().sort().first())
    reasons = groups.select(question.keys).join(why, on=question.keys, how="left", nulls_equal=True)
    if not study.has("enrolments"):
        reasons = reasons.with_columns(pl.lit("no_roster").alias("reason"))
    return answer(question, groups, parts, {None: reasons})


def completed(study: Study) -> pl.DataFrame:
    """Decide for every enrolment whether the programme was completed.

    The rule is the study's ``design.completion_rule``: *recorded*, the enrolment carries a completion, not
    later than a withdrawal; *summative_passed*, the best score of every summative assessment owed reaches
    ``pass_mark``; *summative_taken*, every one was taken. A summative assessment without session is owed by
    all cohorts, in both arms alike. Who withdrew without meeting the rule has not completed.

    A cohort is unknown as a whole, whoever withdrew or completed in it, while it runs (its end, else its last
    session's, lies after `as_of`), and where it has no record the rule could be met on.

    Parameters
    ----------
    study : Study

    Returns
    -------
    DataFrame
        ``learner_id, cohort_id, completed`` (null: unknown) and ``reason``, a key of the catalogue area
        ``metrics``: why not, or why unknown; null for who completed. In the order of learner and cohort.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> completed(study()).select("learner_id", "completed", "reason").rows()[2:]
    [('cleo', False, 'not_passed'), ('dan', True, None), ('eve', False, 'withdrawn')]
    """
    rule = study.design.completion_rule
    met = _recorded(study) if rule == "recorded" else _summative(study, passed=rule == "summative_passed")
    yes, withdrew = pl.col("met").fill_null(value=False), pl.col("withdrawn_at").is_not_null()
    unknown = (
        pl.when(pl.col("running"))
        .then(pl.lit("running"))
        .when(pl.col("lacking").is_not_null())
        .then(pl.col("lacking"))
        .when(pl.col("met").is_null() & ~withdrew)
        .then(pl.col("why"))
    )
    not_met = pl.when(withdrew).then(pl.lit("withdrawn")).otherwise(pl.col("why"))
    return (
        study.table("enrolments")
        .join(met, on=_ENROLMENT, how="left")
        .join(_running(study), on="cohort_id", how="left")
        .with_columns(unknown.alias("unknown"))
        .select(
            *_ENROLMENT,
            pl.when(pl.col("unknown").is_null()).then(yes).alias("completed"),
            pl.coalesce("unknown", pl.when(~yes).then(not_met)).alias("reason"),
        )
        .sort(_ENROLMENT)
        .collect()
    )


def _running(study: Study) -> pl.LazyFrame:
    """Return whether each cohort still ran when the study was made: ``cohort_id, running``."""
    running = pl.col("until") > pl.lit(speaks_until(study))
    return ends_of_cohorts(study).select("cohort_id", running.fill_null(value=False).alias("running"))


def speaks_until(study: Study):
    """Return up to when the study speaks: as declared, else the latest instant it records an outcome of."""
    if study.programme.as_of is not None:
        return study.as_of
    seen = (
        study.table(name).select(pl.col(column).max()).collect().item()
        for name, column in (
            ("sources", "covers_to"),
            ("coverage", "covers_to"),
            ("enrolments", "completed_at"),
            ("attempts", "submitted_at"),
        )
    )
    return max((when for when in seen if when is not None), default=None)


def _recorded(study: Study) -> pl.LazyFrame:
    met = pl.col("completed_at").is_not_null() & (
        pl.col("withdrawn_at").is_null() | (pl.col("completed_at") <= pl.col("withdrawn_at"))
    )
    settled = pl.col("completed_at").is_not_null().any() | pl.col("withdrawn_at").is_not_null().all()
    return study.table("enrolments").select(
        *_ENROLMENT,
        met.alias("met"),
        pl.lit("not_completed").alias("why"),
        pl.when(~settled.over("cohort_id")).then(pl.lit("no_completion_record")).alias("lacking"),
    )


def _summative(study: Study, *, passed: bool) -> pl.LazyFrame:
    """Return ``met`` (null: not graded), ``why`` and ``lacking`` for every enrolment."""
    owed = _owed(study)
    score = pl.col("score").max()
    waiting = (
        pl.col("score").is_null() & pl.col("missing_reason").fill_null("not_graded").eq("not_graded")
    ).any()
    results = (
        study.table("attempts")
        .filter(
            pl.col("item_id").is_null(),
            ~pl.col("missing_reason").fill_null("").is_in(["other_group", "not_taken"]),
        )
        .group_by("learner_id", "assessment_id")
        .agg(score.alias("best"), waiting.alias("waiting"), pl.lit(value=True).first().alias("listed"))
    )
    mark = study.thresholds.pass_mark
    took = pl.col("best").is_not_null() | pl.col("waiting")
    met = took
    if passed:
        good = (pl.col("best") >= mark).fill_null(value=False)
        met = pl.when(good).then(pl.lit(value=True)).when(~pl.col("waiting")).then(pl.lit(value=False))
    return (
        owed.join(results, on=["learner_id", "assessment_id"], how="left")
        .with_columns(pl.col("waiting", "listed").fill_null(value=False))
        .with_columns(
            pl.col("listed").any().over("cohort_id", "assessment_id").alias("held"), met.alias("met")
        )
        .group_by(_ENROLMENT)
        .agg(
            pl.when((~pl.col("met")).any())
            .then(pl.lit(value=False))
            .when(pl.col("met").is_not_null().all())
            .then(pl.lit(value=True))
            .alias("met"),
            pl.when(took.not_().any())
            .then(pl.lit("not_taken"))
            .when((~pl.col("met")).any())
            .then(pl.lit("not_passed"))
            .otherwise(pl.lit("not_graded"))
            .alias("why"),
            pl.when(pl.col("assessment_id").is_null().any())
            .then(pl.lit("no_summative"))
            .when(~pl.col("held").all())
            .then(pl.lit("no_results"))
            .alias("lacking"),
        )
    )


def _owed(study: Study) -> pl.LazyFrame:
    """Return each enrolment with each summative assessment it owes; null where its cohort has none."""
    tests = study.table("assessments").filter(pl.col("role") == "summative")
    of_session = tests.join(study.table("sessions"), on="session_id", how="inner").select(
        "assessment_id", "cohort_id"
    )
    of_all = (
        tests.filter(pl.col("session_id").is_null())
        .select("assessment_id")
        .join(study.table("cohorts").select("cohort_id"), how="cross")
    )
    return (
        study.table("enrolments")
        .select(_ENROLMENT)
        .join(pl.concat([of_session, of_all]), on="cohort_id", how="left")
    )


COMPLETION_RATE = Definition(
    key="completion_rate",
    version=1,
    unit="share",
    direction="more",
    needs=("enrolments", "cohorts"),
    thresholds=("pass_mark", *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=completion_rate,
    number="31",
    source="Edusign (2026)",
    family="indicators_completion",
)
