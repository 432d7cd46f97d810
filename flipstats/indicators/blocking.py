"""What learners stumble over, item by item: indicator 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import Part, answer
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import (
    COHORT_GROUPS,
    ITEM_GROUPS,
    LEARNER_GROUPS,
    SESSION_GROUPS,
    Definition,
)
from flipstats.indicators.groups import enrolled, groups_among
from flipstats.indicators.question import ALL, Question, ask, roster, sessions
from flipstats.indicators.reasons import ENROLMENTS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_ITEM = ["assessment_id", "item_id"]


def blocking_points(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of the first attempts at an item that got less than half of its points.

    Ask by ``assessment_id, item_id``: the rows then come ranked, the hardest item first. A learner's first
    attempt at an item is that of the learner's first attempt at the assessment that shows the item; left
    blank there, it is no attempt, whatever came later.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``assessment_id, item_id`` and the groupings of `pre_quiz_rate`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × items. ``statistic`` is "rate" (unknown counts first
        attempts not graded yet, and at pre-quizzes those of learners whose tracking is withdrawn; bounds
        where less than 80 % are known) and "flagged": of the items with at least 10 first attempts, the share
        whose interval lies wholly above 0.40; of one item that is 1 or 0. Of an item number that stands in
        several assessments, asked without ``assessment_id``, there is no value.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "anticiper les zones de blocage".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> blocking_points(study()).select("value", "reason").row(0)
    (None, 'no_items')
    """
    question = ask(study, BLOCKING_POINTS, by, depth=depth, role=role, level=level)
    firsts = _first_attempts(question)
    groups, found = _groups(question, firsts), _cells(question, firsts)
    known, unknown = pl.col("known"), pl.col("tried") & ~pl.col("known")
    failed = known & pl.col("failed")
    rate = shares(question, found, "rate", None, yes=failed, of=known, unknown=unknown)
    rate = replace(rate, otherwise=_no_attempts("not_graded"))
    tried = pl.col("tried")
    parts = [rate, *bounds(question, found, rate, low=failed, high=failed | unknown, total=tried)]
    parts.append(_flagged(question, found, rate))
    rows = answer(question, groups, parts, {None: _reasons(question, groups, found, firsts)})
    return _ranked(rows, list(question.by)) if "item_id" in question.by else rows


def _no_attempts(otherwise: str) -> pl.Expr:
    return pl.when(pl.col("unknown") > 0).then(pl.lit(otherwise)).otherwise(pl.lit("no_item_attempts"))


def _flagged(question: Question, found: pl.DataFrame, rate: Part) -> Part:
    """Of the items with enough first attempts, how many are surely hard."""
    limits, keys = question.study.thresholds, question.keys
    one_by_one = replace(question, by=tuple(dict.fromkeys([*question.by, *_ITEM])))
    items = found if question.by else found.drop(ALL)
    each = shares(
        one_by_one, items, "rate", None, yes=pl.col("known") & pl.col("failed"), of=pl.col("known"),
        unknown=pl.col("tried") & ~pl.col("known"),
    ).frame.filter((pl.col("denominator") > 0) | (pl.col("unknown") > 0))  # fmt: skip
    enough = (pl.col("denominator") >= limits.blocking_attempts).fill_null(value=False)
    hard = enough & (pl.col("low") > limits.blocking_share).fill_null(value=False)
    if not question.by:
        each = each.with_columns(pl.lit(0).alias(ALL))
    counts = each.group_by(keys).agg(
        hard.sum().cast(pl.Int64).alias("numerator"),
        enough.sum().cast(pl.Int64).alias("denominator"),
        (~enough).sum().cast(pl.Int64).alias("unknown"),
    )
    some = pl.col("denominator") > 0
    empty = [pl.lit(None, pl.Float64).alias(c) for c in ("low", "high")]
    frame = (
        rate.frame.select(*keys, "n")
        .join(counts, on=keys, how="inner", nulls_equal=True)
        .with_columns(
            pl.when(some).then(pl.col("numerator") / pl.col("denominator")).alias("value"),
            (pl.col("denominator") / (pl.col("denominator") + pl.col("unknown"))).alias("coverage"),
            pl.when(some).then(pl.col("n")).otherwise(0).alias("n"),
            *empty,
            pl.lit(None, pl.String).alias("interval"),
        )
    )
    few = _no_attempts("too_few_attempts")
    return Part("flagged", None, frame.select(*keys, *Part.COLUMNS), otherwise=few)


def _first_attempts(question: Question) -> pl.DataFrame:
    """Return one row for each learner, cohort and item: tried or not, known or not, failed or not."""
    study = question.study
    classes = sessions(study).select("session_id", pl.lit(value=True).alias("·class"))
    tests = (
        study.table("assessments")
        .select("assessment_id", "session_id", pl.col("role").alias("·role"))
        .join(classes, on="session_id", how="left")
        .with_columns(pl.when(pl.col("·class")).then(pl.col("session_id")).alias("session_id"))
        .drop("·class")
    )
    shown = pl.col("missing_reason").is_null() | pl.col("missing_reason").is_in(["not_graded", "no_attempt"])
    firsts = (
        study.table("attempts")
        .filter(pl.col("item_id").is_not_null(), shown)
        .sort("attempt", "submitted_at", "score", nulls_last=True)
        .group_by("learner_id", *_ITEM, maintain_order=True)
        .agg(pl.col("score", "missing_reason").first())
        .join(tests, on="assessment_id", how="inner")
    )
    of_class = firsts.filter(pl.col("session_id").is_not_null())
    of_all = firsts.filter(pl.col("session_id").is_null()).drop("session_id")
    placed = pl.concat(
        [
            of_class.join(roster(study), on=["learner_id", "session_id"], how="inner"),
            of_all.join(_everybody(question), on="learner_id", how="inner"),
        ],
        how="diagonal",
    )
    hidden = (pl.col("·role") == "pre_quiz") & (pl.col("tracking") != "traced")
    tried = pl.col("missing_reason").is_null() | (pl.col("missing_reason") == "not_graded")
    return placed.with_columns(
        tried.alias("tried"),
        (tried & pl.col("score").is_not_null() & ~hidden).alias("known"),
        (pl.col("score") < study.thresholds.blocking_score).fill_null(value=False).alias("failed"),
    ).collect()


def _everybody(question: Question) -> pl.LazyFrame:
    tracking = question.study.table("learners").select("learner_id", "tracking")
    return enrolled(question).join(tracking, on="learner_id", how="left")


def _cells(question: Question, firsts: pl.DataFrame) -> pl.DataFrame:
    """Return the first attempts, each once in a group: who is in two cohorts tried an item once."""
    found = firsts if question.by else firsts.with_columns(pl.lit(0).alias(ALL))
    if question.by and "session_id" in question.by:
        found = found.filter(pl.col("session_id").is_not_null())
    if "item_id" in question.by:
        found = found.join(_of_several(question, firsts), on=_scope(question), how="anti")
    return found.sort("cohort_id", "session_id").unique(
        [*question.keys, "learner_id", *_ITEM], keep="first", maintain_order=True
    )


def _scope(question: Question) -> list[str]:
    """Return what tells one item from another, as far as it is asked for."""
    return [name for name in ("session_id", *_ITEM) if name in question.by]


def _of_several(question: Question, firsts: pl.DataFrame) -> pl.DataFrame:
    """Return the item numbers that stand in several assessments which the question does not tell apart."""
    scope = _scope(question)
    counts = firsts.group_by(scope).agg(pl.col("assessment_id").n_unique().alias("·tests"))
    return counts.filter(pl.col("·tests") > 1).select(scope)


def _groups(question: Question, firsts: pl.DataFrame) -> pl.DataFrame:
    """Return the groups: all that could have items, and where items are told apart all that have any."""
    named = set(question.by) & {*ITEM_GROUPS}
    asked = set(question.by) & {*SESSION_GROUPS}
    if named or question.of_learners:
        return groups_among(question, firsts.lazy().filter(pl.col("session_id").is_not_null() | (not asked)))
    base = sessions(question.study) if asked else question.study.table("cohorts")
    return groups_among(question, base)


def _reasons(
    question: Question, groups: pl.DataFrame, found: pl.DataFrame, firsts: pl.DataFrame
) -> pl.DataFrame:
    study = question.study
    missing = first_missing(question, ENROLMENTS)
    items = study.table("attempts").filter(pl.col("item_id").is_not_null())
    if missing is None and items.head(1).collect().height == 0:
        missing = "no_items"
    reasons = reasons_of(question, groups, found, missing, None)
    if missing is None:
        nothing = pl.col("reason").replace("no_learners", "no_item_attempts")
        reasons = reasons.with_columns(nothing.alias("reason"))
    if "item_id" not in question.by:
        return reasons
    several = _of_several(question, firsts).with_columns(pl.lit("item_of_several").alias("·several"))
    return reasons.join(several, on=_scope(question), how="left", nulls_equal=True).select(
        *question.keys, pl.coalesce("·several", "reason").alias("reason")
    )


def _ranked(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Put the hardest items first; what is not shown last, so that its place says nothing."""
    rates = rows.filter(pl.col("statistic") == "rate").select(
        *by, pl.col("value").alias("·value"), pl.int_range(pl.len()).alias("·place")
    )
    order = ["·value", "·place"]
    return (
        rows.with_row_index("·row")
        .join(rates, on=by, how="left", nulls_equal=True)
        .sort(*order, "·row", descending=[True, False, False], nulls_last=True)
        .drop(*order, "·row")
    )


BLOCKING_POINTS = Definition(
    key="blocking_points",
    version=1,
    unit="share",
    direction="less",
    needs=("enrolments", "assessments", "attempts"),
    thresholds=("blocking_score", "blocking_attempts", "blocking_share", *ROW_THRESHOLDS),
    statistics=("rate", "flagged"),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *ITEM_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=blocking_points,
    number="8",
    source="PAIRENNE (2025)",
    family="indicators_readiness",
)
