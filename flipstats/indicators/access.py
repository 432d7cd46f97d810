"""Whether learners get in, and what becomes of those who do not: indicator 20."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.effects.two_sides import ratio_interval
from flipstats.facts import CONSULTING_VERBS, local_days
from flipstats.indicators import failures
from flipstats.indicators.answer import Part, answer
from flipstats.indicators.completion import completed
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.during import is_member, memberships
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.reasons import ENROLMENTS, SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.indicators.windows import covered_windows
from flipstats.study import Study

_MEMBER = ["learner_id", "cohort_id"]


def access_failure_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of enrolments in which the learner could not get in: a failed login, no success within 30 min.

    A mistyped password, followed by a login or any other trace of the learner on the platform within 30 min,
    is no such failure.

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
        Unknown: tracking withdrawn, and an enrolment of which the sources of failed logins (Moodle: the log
        of the site, not of a course) do not speak from beginning to end. Wilson's interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Bianchi, Learning by Doing, "trouvaient des difficultés à se connecter à la plateforme et abandonnaient la
    formation"; Edusign (2026), "stable internet connection".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> access_failure_rate(study()).select("value", "reason").row(0)
    (None, 'no_failure_source')
    """
    question = ask(study, ACCESS_FAILURE_RATE, by, depth=depth, role=role, level=level)
    groups = groups_of_enrolments(question)
    found = enrolled(question).join(failures.enrolments(study), on=_MEMBER, how="left").collect()
    found = found if question.by else found.with_columns(pl.lit(0).alias(ALL))
    missing = first_missing(question, ENROLMENTS) or failures.reason_without(study)
    known, met = pl.col("traced") & pl.col("told") & (missing is None), pl.col("traced") & pl.col("exposed")
    rate = shares(question, found, "rate", None, yes=known & met, of=known, unknown=~known)
    parts = [replace(rate, otherwise=pl.lit("failures_not_covered"))]
    if missing is None:
        parts += bounds(question, found, rate, low=met, high=met | ~known, total=known | ~known)
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, None)})


def abandonment_after_failure(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Whether learners who could not get in give up more often than those of the same week who could.

    Exposed: each enrolment at its first failure (see `access_failure_rate`). Unexposed: those of the same
    cohort, in it at the first failure of a week (Monday to Sunday), without one up to the end of that week;
    each once a week. Abandoned: no trace on the cohort's preparation in the 14 local days after that failure,
    and the programme not completed.

    Parameters
    ----------
    study, by, role, level
        As in `completion_rate`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `completion_rate`; ``statistic`` is "exposed" and "unexposed", the share who abandoned (Wilson's
        interval by learner, from 10 cohorts on by cohort; bounds where less than 80 % are known), and
        "risk_ratio", the first over the second (interval recovered from theirs, as of different learners;
        ``n`` is that of the smaller side). Unknown: tracking withdrawn, preparation not covered for the 14
        days or not traced, completion not known, and of the unexposed a week that the sources of failed
        logins do not cover.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    As `access_failure_rate`.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> abandonment_after_failure(study())["reason"].unique().to_list()
    ['no_failure_source']
    """
    question = ask(study, ABANDONMENT_AFTER_FAILURE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _cells(question)
    sides, ends = {}, []
    for side, here in (("exposed", pl.col("exposed")), ("unexposed", ~pl.col("exposed"))):
        known = (here & pl.col("known")).fill_null(value=False)
        unknown = (here & ~pl.col("known")).fill_null(value=False)
        made = shares(question, found, side, None, yes=known & pl.col("gone"), of=known, unknown=unknown)
        nobody = pl.when(pl.col("unknown") > 0).then(pl.lit("abandonment_not_known"))
        sides[side] = replace(made, otherwise=nobody.otherwise(pl.lit(f"nobody_{side}")))
        gone = known & pl.col("gone")
        ends += bounds(question, found, made, low=gone, high=gone | unknown, total=known | unknown)
    missing = first_missing(question, (*SESSIONS, ("plan", "no_plan"))) or failures.reason_without(study)
    reasons = reasons_of(question, groups, found, missing, pl.col("due"))
    parts = [*sides.values(), _ratio(question, **sides), *ends]
    return answer(question, groups, parts, {None: reasons})


def _ratio(question: Question, exposed: Part, unexposed: Part) -> Part:
    """Return the risk ratio: the share of the exposed who abandoned over that of the others."""
    keys = question.keys
    both = exposed.frame.join(unexposed.frame, on=keys, how="inner", nulls_equal=True, suffix="_un")
    sides = [tuple(both[name + end].to_numpy() for name in ("value", "low", "high")) for end in ("", "_un")]
    low, high = ratio_interval(*sides)
    value = pl.when(pl.col("value_un") > 0).then(pl.col("value") / pl.col("value_un"))
    known, unknown = (
        pl.col("denominator") + pl.col("denominator_un"),
        pl.col("unknown") + pl.col("unknown_un"),
    )
    frame = both.with_columns(
        value.alias("value"),
        pl.Series("low", low, pl.Float64).fill_nan(None),
        pl.Series("high", high, pl.Float64).fill_nan(None),
        pl.min_horizontal("n", "n_un").alias("n"),
        pl.lit(None, pl.Int64).alias("numerator"),
        pl.lit(None, pl.Int64).alias("denominator"),
        unknown.alias("unknown"),
        pl.when(known + unknown > 0).then(known / (known + unknown)).alias("coverage"),
    )
    bounded = pl.col("value").is_not_null() & pl.col("low").is_not_null()
    frame = frame.with_columns(
        *(pl.when(bounded).then(pl.col(end)).alias(end) for end in ("low", "high")),
        pl.when(bounded).then(pl.lit("ratio_of_shares")).alias("interval"),
    )
    why = (
        pl.when(pl.col("n") > 0)
        .then(pl.lit("no_unexposed_abandoned"))
        .when(pl.col("unknown") > 0)
        .then(pl.lit("abandonment_not_known"))
        .otherwise(pl.lit("one_side_empty"))
    )
    return Part("risk_ratio", None, frame.select(*keys, *Part.COLUMNS), share=False, otherwise=why)


def _cells(question: Question) -> pl.DataFrame:
    """Return every enrolment (``due``), then each judged: ``exposed``, whether ``known`` and ``gone``."""
    study = question.study
    days = study.thresholds.abandonment_days
    zone = study.programme.timezone
    met = failures.exposures(study).collect().lazy()
    cases = met.sort("at").group_by(_MEMBER).agg(pl.col("at").first())
    cases = cases.with_columns(pl.lit(value=True).alias("exposed"), pl.lit(value=True).alias("told"))
    judged = pl.concat([cases, _unexposed(study, cases)], how="diagonal").with_columns(
        local_days(pl.col("at"), days, zone).alias("closes")
    )
    prepared = _preparation(study)
    worked = (
        study.table("events")
        .filter(pl.col("verb").is_in(CONSULTING_VERBS))
        .select("learner_id", "resource_id", pl.col("at").alias("when"))
        .join(judged, on="learner_id", how="inner")
        .filter(pl.col("when") > pl.col("at"), pl.col("when") <= pl.col("closes"))
        .join(prepared, on=["cohort_id", "resource_id"], how="semi")
        .select(*_MEMBER, "at", pl.lit(value=True).alias("worked"))
        .unique()
    )
    traced = study.table("learners").select("learner_id", (pl.col("tracking") == "traced").alias("traced"))
    done = completed(study).lazy().select(*_MEMBER, "completed")
    seen = pl.col("traced") & pl.col("told") & pl.col("covered").fill_null(value=False)
    facts = (
        judged.join(worked, on=[*_MEMBER, "at"], how="left")
        .join(done, on=_MEMBER, how="left")
        .join(traced, on="learner_id", how="left")
        .join(_covered(study, judged, prepared), on=["cohort_id", "at"], how="left")
        .select(
            *_MEMBER,
            "exposed",
            (seen & pl.col("completed").is_not_null()).alias("known"),
            (pl.col("worked").is_null() & ~pl.col("completed")).fill_null(value=False).alias("gone"),
        )
    )
    due = prepared.select("cohort_id", pl.lit(value=True).alias("due")).unique()
    everybody = (
        enrolled(question)
        .join(due, on="cohort_id", how="left")
        .with_columns(pl.col("due").fill_null(value=False))
    )
    found = pl.concat(
        [everybody, everybody.filter("due").join(facts, on=_MEMBER, how="inner")], how="diagonal"
    ).collect()
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _unexposed(study: Study, cases: pl.LazyFrame) -> pl.LazyFrame:
    """Return whom to compare with in each cohort and week: ``learner_id, cohort_id, at, exposed, told``."""
    monday = pl.col("at").dt.convert_time_zone(study.programme.timezone).dt.truncate("1w")
    weeks = (
        cases.with_columns(monday.alias("monday"))
        .group_by("cohort_id", "monday")
        .agg(pl.col("at").min())
        .with_columns(
            pl.col("monday").dt.convert_time_zone("UTC").alias("opens"),
            pl.col("monday").dt.offset_by("1w").dt.convert_time_zone("UTC").alias("closes"),
        )
        .drop("monday")
    )
    first = cases.select(*_MEMBER, pl.col("at").alias("first"))
    ends = pl.min_horizontal("closes", "withdrawn_at", "until")
    rows = (
        memberships(study)
        .join(weeks, on="cohort_id", how="inner")
        .filter(is_member(pl.col("at")))
        .join(first, on=_MEMBER, how="left")
        .filter(pl.col("first").is_null() | (pl.col("first") >= pl.col("closes")))
        .with_columns(ends.alias("·ends"))
    )
    told = failures.told(study, rows, pl.max_horizontal("opens", "enrolled_at"), pl.col("·ends"))
    return told.select(*_MEMBER, "at", pl.lit(value=False).alias("exposed"), "told")


def _preparation(study: Study) -> pl.LazyFrame:
    """Return what each cohort has to prepare, mandatory or not: ``cohort_id, resource_id``."""
    sessions = study.table("sessions").filter(pl.col("kind") == "session").select("session_id", "cohort_id")
    plan = study.table("plan").filter(pl.col("phase") == "pre").select("session_id", "resource_id")
    return plan.join(sessions, on="session_id", how="inner").select("cohort_id", "resource_id").unique()


def _covered(study: Study, judged: pl.LazyFrame, prepared: pl.LazyFrame) -> pl.LazyFrame:
    """Return the spells of a cohort in which all its preparation is traced and covered: ``cohort_id, at``."""
    traced = study.table("resources").select("resource_id", "traced")
    spells = judged.select("cohort_id", "at", "closes").unique()
    pairs = (
        spells.join(prepared, on="cohort_id", how="inner")
        .join(traced, on="resource_id", how="left")
        .with_columns(
            pl.concat_str("cohort_id", pl.col("at").dt.epoch("us"), separator="·").alias("session_id"),
            pl.col("at").alias("opens"),
        )
    )
    told = covered_windows(study, pairs, "opened")
    return (
        pairs.join(told, on=["session_id", "resource_id"], how="left")
        .group_by("cohort_id", "at")
        .agg(pl.col("covered").fill_null(value=False).all())
    )


_SOURCE = "Bianchi, Learning by Doing; Edusign (2026)"
ACCESS_FAILURE_RATE = Definition(
    key="access_failure_rate",
    version=1,
    unit="share",
    direction="less",
    needs=("enrolments", "events"),
    thresholds=("access_retry_min", *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=access_failure_rate,
    number="20",
    source=_SOURCE,
    of_events=True,
    family="indicators_access",
)
ABANDONMENT_AFTER_FAILURE = Definition(
    key="abandonment_after_failure",
    version=1,
    unit="share",
    direction="less",
    needs=("enrolments", "sessions", "plan", "coverage", "events"),
    thresholds=("access_retry_min", "abandonment_days", "pass_mark", *ROW_THRESHOLDS),
    statistics=("exposed", "unexposed", "risk_ratio"),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=abandonment_after_failure,
    number="20",
    source=_SOURCE,
    of_events=True,
    family="indicators_access",
    units={"risk_ratio": "ratio"},
    together=("exposed", "unexposed", "risk_ratio"),
)
