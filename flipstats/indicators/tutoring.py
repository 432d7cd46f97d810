"""Whom tutors reach, how fast they answer, and whom they follow up: indicator 22."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from flipstats.effects.survival import median_time, median_time_interval
from flipstats.indicators.answer import Part, answer
from flipstats.indicators.cells import best_depth
from flipstats.indicators.consultation import (
    LEVEL_THRESHOLDS,
    NEEDS,
    ROW_THRESHOLDS,
    cells_now,
    learner_known,
    reasons_of_preparation,
    told,
)
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.during import within
from flipstats.indicators.groups import enrolled, groups_of_enrolments, groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask
from flipstats.indicators.reasons import ENROLMENTS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.schema import LEVELS
from flipstats.study import Study

_BY_TUTOR = ("reminder", "tutoring")
_NEEDED = (*ENROLMENTS, ("contacts", "no_contacts"))
_MEMBER = ["learner_id", "cohort_id"]


def tutoring_contact_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of enrolments in which a tutor got in touch with the learner at least once.

    A reminder or a tutoring contact, from the enrolment to the withdrawal, or to the end of the cohort. A
    question is the learner's step, not the tutor's.

    Parameters
    ----------
    study, by, role, level
        As in `completion_rate`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `completion_rate`; ``statistic`` is "rate". Nothing is unknown where contacts are recorded.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Bianchi, Learning by Doing, "l'absence de tutorat à distance"; French ministry note (2020).

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> tutoring_contact_rate(study()).select("value", "reason").row(0)
    (None, 'no_contacts')
    """
    question = ask(study, TUTORING_CONTACT_RATE, by, depth=depth, role=role, level=level)
    groups, everybody = groups_of_enrolments(question), enrolled(question)
    reached = within(study, _contacts(study, *_BY_TUTOR)).select(_MEMBER).unique()
    found = _keyed(
        question,
        everybody.join(reached.with_columns(pl.lit(value=True).alias("yes")), on=_MEMBER, how="left"),
    )
    recorded = pl.lit(study.has("contacts"))
    of = pl.col("learner_id").is_not_null() & recorded
    yes = of & pl.col("yes").fill_null(value=False)
    rate = shares(question, found, "rate", None, yes=yes, of=of, unknown=~of)
    missing = first_missing(question, _NEEDED)
    return answer(question, groups, [rate], {None: reasons_of(question, groups, found, missing, None)})


def tutoring_reply_time(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Time by which half of the questions of learners are answered, open ones included as still waiting.

    Kaplan and Meier's estimate: a question without an answer has waited until the study was made, and counts
    as waiting until then. Questions asked from the enrolment to the withdrawal, or to the end of the cohort.

    Parameters
    ----------
    study, by, role, level
        As in `completion_rate`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `completion_rate`; ``statistic`` is "median", in hours passed; ``denominator`` counts questions,
        ``numerator`` those answered, ``unknown`` those open, ``n`` learners who asked. Bootstrap interval by
        learner, from 10 cohorts on by cohort; none where its upper end is not known yet.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    As `tutoring_contact_rate`.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> tutoring_reply_time(study()).select("value", "reason").row(0)
    (None, 'no_contacts')
    """
    question = ask(study, TUTORING_REPLY_TIME, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _questions(question)
    rows = [
        {**dict(zip(question.keys, key, strict=True)), **_waiting(question, part)}
        for key, part in found.group_by(question.keys, maintain_order=True)
    ]
    types = {**found.select(question.keys).schema, **_TYPES}
    frame = pl.DataFrame(rows, schema=types).select(*question.keys, *Part.COLUMNS)
    otherwise = pl.when(pl.col("denominator") > 0).then(pl.lit("too_few_answers"))
    part = Part("median", None, frame, share=True, otherwise=otherwise.otherwise(pl.lit("no_questions")))
    missing = pl.lit(first_missing(question, _NEEDED), pl.String).alias("reason")
    answered = answer(question, groups, [part], {None: groups.select(*question.keys, missing)})
    return answered if question.role == "research" else _without_few(question, answered)


def tutoring_followup_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners unprepared twice running whom a tutor contacted before the next session.

    Unprepared: not all mandatory resources at `depth`, in two sessions running of those that ask for
    preparation. Contacted: a reminder or a tutoring contact from the start of the second, included, to the
    start of the learner's next session, excluded; where no session follows, there is nobody to judge.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``. The session is the second of the two.
    depth : {"opened", "substantial", "completed"}, optional
        Without it the best level the sources can carry; the answer names it.

    Returns
    -------
    DataFrame
        As in `prepared_rate`, counting learners × pairs of sessions; ``statistic`` is "rate", and its bounds
        where less than 80 % are known. Unknown: preparation unknown in one of the two, or both, and not
        known to be complete in the other.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    As `tutoring_contact_rate`.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> tutoring_followup_rate(study()).select("depth", "value", "reason").row(0)
    ('opened', None, 'no_contacts')
    """
    default = (best_depth(study) or "opened",) if depth is None else ()
    question = ask(
        study, TUTORING_FOLLOWUP_RATE, by, depth=depth, role=role, level=level, default_depths=default
    )
    (one,) = question.depths
    groups, found = groups_of_sessions(question), _twice(question, one)
    recorded = pl.lit(study.has("contacts"))
    sure, unknown = recorded & pl.col("due") & pl.col("sure"), pl.col("due") & ~(pl.col("sure") & recorded)
    yes = sure & pl.col("contacted")
    rate = shares(question, found, "rate", one, yes=yes, of=sure, unknown=unknown)
    nobody = pl.when(pl.col("unknown") > 0).then(pl.lit("no_coverage"))
    parts = [replace(rate, otherwise=nobody.otherwise(pl.lit("nobody_unprepared_twice")))]
    reasons = reasons_of_preparation(question, groups, found, one)
    if not study.has("contacts"):
        reasons = reasons.with_columns(pl.col("reason").fill_null("no_contacts"))
    elif told(study, one):
        parts += bounds(question, found, rate, low=yes, high=yes | unknown, total=pl.col("due"))
    return answer(question, groups, parts, {one: reasons})


def _contacts(study: Study, *kinds: str) -> pl.LazyFrame:
    return study.table("contacts").filter(pl.col("kind").is_in(kinds)).with_row_index("·contact")


def _keyed(question: Question, found: pl.LazyFrame) -> pl.DataFrame:
    cells = found.collect()
    return cells if question.by else cells.with_columns(pl.lit(0).alias(ALL))


def _questions(question: Question) -> pl.DataFrame:
    """Return the questions of learners, each once in a group: hours waited, answered or not."""
    study = question.study
    until = pl.lit(_seen_until(study), pl.Datetime("us", "UTC"))
    faulty = pl.col("answered_at") < pl.col("at")  # an answer before its question tells nothing of the wait
    answered = pl.col("answered_at").is_not_null() & ~faulty
    end = pl.when(answered).then(pl.col("answered_at")).when(faulty).then(pl.col("at")).otherwise(until)
    asked = within(study, _contacts(study, "question")).with_columns(
        ((end - pl.col("at")).dt.total_microseconds() / 3.6e9).clip(0).alias("hours"),
        answered.fill_null(value=False).alias("answered"),
    )
    found = _keyed(question, asked.join(enrolled(question), on=_MEMBER, how="inner"))
    return found.sort("cohort_id", "·contact").unique(
        [*question.keys, "·contact"], keep="first", maintain_order=True
    )


def _seen_until(study: Study) -> datetime | None:
    """Return up to when the study speaks: as declared, else the latest instant any contact tells."""
    if study.programme.as_of is not None:
        return study.as_of
    times = study.table("contacts").select(pl.max_horizontal(pl.col("at").max(), pl.col("answered_at").max()))
    return times.collect().item()


_TYPES = {
    **dict.fromkeys(("value", "low", "high", "coverage"), pl.Float64),
    **dict.fromkeys(("n", "numerator", "denominator", "unknown"), pl.Int64),
    "interval": pl.String,
}


def _waiting(question: Question, part: pl.DataFrame) -> dict[str, object]:
    """Return the row of one group of questions."""
    hours, answered = part["hours"].to_numpy(), part["answered"].to_numpy()
    limits, cohorts = question.study.thresholds, part["cohort_id"].n_unique()
    by_cohort = cohorts >= limits.min_groups_for_clustering
    whose = part["cohort_id" if by_cohort else "learner_id"].to_numpy()
    value = median_time(hours, answered)
    low, high = np.nan, np.nan
    if not np.isnan(value):
        low, high = median_time_interval(hours, answered, whose, question.level, limits.bootstrap_draws)
    known = {"value": value, "low": low, "high": high}
    label = "bootstrap_cohort" if by_cohort else "bootstrap_learner"
    return {
        **{name: None if np.isnan(number) else float(number) for name, number in known.items()},
        "n": part["learner_id"].n_unique(),
        "numerator": int(answered.sum()),
        "denominator": len(hours),
        "unknown": int((~answered).sum()),
        "coverage": float(answered.mean()),
        "interval": None if np.isnan(low) else label,
    }


def _without_few(question: Question, rows: pl.DataFrame) -> pl.DataFrame:
    """Blank the rows without a median too, where few learners asked: that most still wait is told of them."""
    few = (
        pl.col("value").is_null()
        & (pl.col("n") > 0)
        & (pl.col("n") < question.study.thresholds.smallest_cell)
    )
    blank = [pl.when(~few).then(pl.col(name)).alias(name) for name in Part.COLUMNS]
    return rows.with_columns(
        *blank, pl.when(few).then(pl.lit("suppressed")).otherwise(pl.col("reason")).alias("reason")
    )


def _twice(question: Question, depth: str) -> pl.DataFrame:
    """Return the cells of preparation with ``due, sure, contacted``: see `tutoring_followup_rate`."""
    found = cells_now(question, depth)
    starts = found.select(*_MEMBER, "starts_at").unique().sort(*_MEMBER, "starts_at")
    following = starts.with_columns(pl.col("starts_at").shift(-1).over(_MEMBER).alias("next_at"))
    ready = learner_known() & (pl.col("done") == pl.col("owed"))
    asking = (
        found.filter(pl.col("owed") > 0)
        .join(following, on=[*_MEMBER, "starts_at"], how="left")
        .with_columns(ready.alias("ready"), learner_known().alias("sure"))
        .sort(*_MEMBER, "starts_at", "session_id")
        .with_columns(pl.col("ready", "sure").shift(1).over(_MEMBER).name.prefix("before_"))
    )
    cell = [*_MEMBER, "session_id"]
    contacted = (
        asking.select(*cell, "starts_at", "next_at")
        .join(_contacts(question.study, *_BY_TUTOR).collect(), on="learner_id", how="inner")
        .filter(pl.col("at") >= pl.col("starts_at"), pl.col("at") < pl.col("next_at"))
        .select(*cell, pl.lit(value=True).alias("contacted"))
        .unique()
    )
    due = pl.col("next_at").is_not_null() & ~pl.col("ready") & ~pl.col("before_ready")
    marked = asking.select(
        *cell, due.fill_null(value=False).alias("due"), (pl.col("sure") & pl.col("before_sure")).alias("sure")
    )
    return (
        found.join(marked, on=cell, how="left")
        .join(contacted, on=cell, how="left")
        .with_columns(pl.col("due", "sure", "contacted").fill_null(value=False))
    )


_SOURCE = "Bianchi, Learning by Doing; French ministry note (2020)"
TUTORING_CONTACT_RATE = Definition(
    key="tutoring_contact_rate",
    version=1,
    unit="share",
    direction="more",
    needs=("enrolments", "contacts"),
    thresholds=ROW_THRESHOLDS,
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=tutoring_contact_rate,
    number="22",
    source=_SOURCE,
    family="indicators_support",
)
TUTORING_REPLY_TIME = Definition(
    key="tutoring_reply_time",
    version=1,
    unit="h",
    direction="less",
    needs=("enrolments", "contacts"),
    thresholds=(*ROW_THRESHOLDS, "bootstrap_draws"),
    statistics=("median",),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=tutoring_reply_time,
    number="22",
    source=_SOURCE,
    family="indicators_support",
)
TUTORING_FOLLOWUP_RATE = Definition(
    key="tutoring_followup_rate",
    version=1,
    unit="share",
    direction="more",
    needs=(*NEEDS, "contacts"),
    thresholds=(*LEVEL_THRESHOLDS, *ROW_THRESHOLDS),
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=LEVELS,
    function=tutoring_followup_rate,
    number="22",
    source=_SOURCE,
    family="indicators_support",
)
