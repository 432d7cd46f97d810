"""What learners say of sessions: who answers, and how they rate: indicator 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import (
    COHORT_GROUPS,
    FEEDBACK_GROUPS,
    LEARNER_GROUPS,
    SESSION_GROUPS,
    Definition,
)
from flipstats.indicators.groups import groups_among, groups_of_sessions
from flipstats.indicators.question import ALL, Question, ask, roster, sessions
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, means, shares
from flipstats.study import Study

_NEEDED = (*SESSIONS, ("feedback", "no_feedback"))
_SOURCE = ["session_id", "source_id"]


def feedback_response_rate(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners on the roster who gave feedback on the session, by name or without.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions; ``statistic`` is "rate", and its bounds where
        less than 80 % are known. Unknown: everybody, in a session nobody gave feedback on, as nobody knows
        whether any was asked for; and, asked by what learners are, everybody in a session with nameless
        answers, as only who answered by name would be known. Wilson's interval; nameless answers of several
        sessions are taken as those of the same learners, which widens it.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "real-time qualitative feedback from learners"; PAIRENNE (2025), "Collecter les feedbacks
    des apprenants".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> feedback_response_rate(study()).select("value", "reason").row(0)
    (None, 'no_feedback')
    """
    question = ask(study, FEEDBACK_RESPONSE_RATE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), _respondents(question)
    unknown = pl.col("unknown_here")
    yes = pl.col("answered") & ~unknown
    rate = shares(question, found, "rate", None, yes=yes, of=~unknown, unknown=unknown)
    rate = replace(
        rate, otherwise=pl.lit("respondents_not_known" if question.of_learners else "no_feedback_here")
    )
    parts, missing = [rate], first_missing(question, _NEEDED)
    if missing is None:
        parts += bounds(question, found, rate, low=pl.col("answered"), high=yes | unknown, total=yes | ~yes)
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, None)})


def feedback_rating(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Mean rating as a share of its scale, and how many ratings are among the two best.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``item`` and the groupings of `feedback_response_rate`. Nameless answers belong to no learner: asked
        by what learners are, they are left out.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting ratings; ``n`` counts respondents. ``statistic`` is "mean" (rating
        over the largest of its scale; unknown counts ratings without a scale, or off it; t interval by
        respondent, from 10 cohorts on by cohort) and "top_two" (of ratings on a scale of 3 to 11 boxes, the
        share in the best two; Wilson's interval).

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    As `feedback_response_rate`.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> feedback_rating(study()).select("statistic", "reason").row(0)
    ('mean', 'no_feedback')
    """
    question = ask(study, FEEDBACK_RATING, by, depth=depth, role=role, level=level)
    limits, found = study.thresholds, _ratings(question)
    groups = groups_among(question, found.lazy()) if "item" in question.by else groups_of_sessions(question)
    rating, best = pl.col("rating"), pl.col("scale_max")
    valid = ((best > 0) & (rating >= 0) & (rating <= best)).fill_null(value=False)
    score = pl.when(valid).then(rating / best)
    mean = means(question, found, "mean", None, total=score, of=valid, unknown=~valid)
    boxes = valid & best.is_between(limits.top_two_scale_from, limits.top_two_scale_to)
    top = boxes & (rating >= best - 1)
    top_two = shares(question, found, "top_two", None, yes=top, of=boxes, unknown=~valid)
    no_scale = pl.when(pl.col("unknown") > 0).then(pl.lit("no_scale")).otherwise(pl.lit("no_ratings"))
    parts = [replace(mean, otherwise=no_scale), replace(top_two, otherwise=no_scale)]
    missing = pl.lit(first_missing(question, _NEEDED), pl.String).alias("reason")
    return answer(question, groups, parts, {None: groups.select(*question.keys, missing)})


def answers(study: Study) -> pl.LazyFrame:
    """Return the feedback on sessions that says anything, nameless answers with the sheet they stand on.

    A record with several items is one sheet. Where every record has one item, as in polls, and where there
    are no records, the first answers to each item are taken as one sheet, the second as another, and so on:
    there were at least so many respondents.
    """
    comment = pl.col("comment").str.strip_chars().fill_null("") != ""
    nameless = (
        study.table("feedback")
        .filter(pl.col("session_id").is_not_null(), pl.col("rating").is_not_null() | comment)
        .with_columns(pl.col("learner_id").is_null().alias("nameless"))
    )
    of_record = pl.col("item").n_unique().over(*_SOURCE, "record", "nameless")
    sheets = pl.col("record").is_not_null() & (of_record.max().over(*_SOURCE, "nameless") > 1)
    place = pl.int_range(pl.len()).over(*_SOURCE, "item", "nameless")
    number = pl.when(sheets).then(pl.col("record").cast(pl.String)).otherwise(pl.format("#{}", place))
    named = pl.concat_str(pl.lit("·"), *_SOURCE, number, separator="·", ignore_nulls=True)
    return nameless.with_columns(pl.when("nameless").then(named).alias("sheet"))


def _respondents(question: Question) -> pl.DataFrame:
    """Return one row for each learner in L(s): ``answered``, or ``unknown_here``."""
    study, cell = question.study, ["learner_id", "session_id"]
    given = answers(study)
    named = given.filter(~pl.col("nameless")).select(*cell, pl.lit(value=True).alias("named")).unique()
    sheets = (
        given.group_by(*_SOURCE)
        .agg(pl.col("sheet").n_unique() - pl.col("sheet").has_nulls().cast(pl.UInt32))
        .group_by("session_id")
        .agg(pl.col("sheet").max().alias("sheets"))
    )
    rest = ~pl.col("named")
    found = (
        roster(study)
        .join(named, on=cell, how="left")
        .join(sheets, on="session_id", how="left")
        .with_columns(pl.col("named").fill_null(value=False))
        .with_columns(rest.cum_sum().over("session_id", order_by="learner_id").alias("·place"))
        .collect()
    )
    guessed = rest & (pl.col("·place") <= pl.col("sheets")).fill_null(value=False)
    unknown = pl.col("sheets").is_null()
    if question.of_learners:
        guessed, unknown = pl.lit(value=False), unknown | (pl.col("sheets") > 0)
    found = found.with_columns((pl.col("named") | guessed).alias("answered"), unknown.alias("unknown_here"))
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _ratings(question: Question) -> pl.DataFrame:
    """Return one row for each rating of somebody in L(s), or of a nameless sheet about s."""
    study = question.study
    rated = answers(study).filter(pl.col("rating").is_not_null())
    columns = ["session_id", "item", "rating", "scale_max"]
    named = rated.filter(~pl.col("nameless")).select("learner_id", *columns)
    parts = [named.join(roster(study), on=["learner_id", "session_id"], how="inner")]
    if not question.of_learners:
        sheets = rated.filter("nameless").select(pl.col("sheet").alias("learner_id"), *columns)
        parts.append(sheets.join(sessions(study), on="session_id", how="inner"))
        parts = [part.with_columns(pl.col("learner_id").cast(pl.String)) for part in parts]
    found = pl.concat(parts, how="diagonal").collect()
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


_NEEDS = ("enrolments", "sessions", "feedback")
_GROUPS = (*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS)
FEEDBACK_RESPONSE_RATE = Definition(
    key="feedback_response_rate",
    version=2,
    unit="share",
    direction="more",
    needs=_NEEDS,
    thresholds=ROW_THRESHOLDS,
    statistics=("rate",),
    groups=_GROUPS,
    depths=(),
    function=feedback_response_rate,
    number="11",
    source="Edusign (2026); PAIRENNE (2025)",
    family="indicators_support",
)
FEEDBACK_RATING = Definition(
    key="feedback_rating",
    version=1,
    unit="share",
    direction="more",
    needs=_NEEDS,
    thresholds=("top_two_scale_from", "top_two_scale_to", *ROW_THRESHOLDS),
    statistics=("mean", "top_two"),
    groups=(*_GROUPS, *FEEDBACK_GROUPS),
    depths=(),
    function=feedback_rating,
    number="11",
    source="Edusign (2026); PAIRENNE (2025)",
    family="indicators_support",
    units={"mean": "score"},
)
