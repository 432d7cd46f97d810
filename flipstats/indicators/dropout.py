"""Who is no longer there: indicator 23."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.effects.survival import remaining_share
from flipstats.indicators.answer import Part, answer
from flipstats.indicators.completion import completed
from flipstats.indicators.consultation import ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.groups import enrolled, groups_of_enrolments
from flipstats.indicators.programme import activity, elapsed, owed, presence
from flipstats.indicators.question import ALL, Question, ask, roster
from flipstats.indicators.reasons import ENROLMENTS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, shares
from flipstats.indicators.windows import covered_windows
from flipstats.study import Study

_MEMBER = ["learner_id", "cohort_id"]


def dropout(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of enrolments without a trace in the last quarter of the programme so far, and not completed.

    A trace: something done on the platform, an assessment handed in, presence in a session. Only where
    something was owed then: a session, preparation for one, an assessment due.

    Parameters
    ----------
    study, by, role, level
        As in `completion_rate`.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `completion_rate`; ``statistic`` is "rate" (its bounds where less than 80 % are known; Wilson's
        interval) and "remaining": the share still there at the end by Kaplan and Meier. Who dropped out left
        at the last trace, the others were watched to the end; in a cohort that still runs, who seems gone was
        watched up to the last trace (interval by learner, from 10 cohorts on by cohort). Unknown: tracking
        withdrawn; a last quarter the sources do not cover; a session in it with a sheet that does not name
        the learner; a completion that is not known.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "Le taux de décrochage est généralement important".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> dropout(study()).select("value", "reason").row(0)  # nothing was owed in its last days
    (None, 'not_applicable')
    """
    question = ask(study, DROPOUT, by, depth=depth, role=role, level=level)
    groups, found = groups_of_enrolments(question), _cells(question)
    due, known, gone = pl.col("due"), pl.col("due") & pl.col("known"), pl.col("gone")
    rate = shares(question, found, "rate", None, yes=known & gone, of=known, unknown=due & ~known)
    nobody = pl.when(pl.col("unknown") > 0).then(pl.lit("last_part_not_known")).otherwise(pl.lit("no_dates"))
    rate = replace(rate, otherwise=nobody)
    low = known & gone
    parts = [rate, *bounds(question, found, rate, low=low, high=low | (due & ~known), total=due)]
    parts.append(_remaining(question, found, rate))
    reasons = reasons_of(question, groups, found, first_missing(question, ENROLMENTS), due | ~pl.col("dated"))
    return answer(question, groups, parts, {None: reasons})


def _remaining(question: Question, found: pl.DataFrame, rate: Part) -> Part:
    """Return the share still there at the end, by Kaplan and Meier."""
    keys, least = question.keys, question.study.thresholds.min_groups_for_clustering
    rows = []
    for key, part in found.filter(pl.col("due") & pl.col("known")).group_by(keys, maintain_order=True):
        by_cohort = part["cohort_id"].n_unique() >= least
        whose = part["cohort_id" if by_cohort else "learner_id"].to_numpy()
        happened = (part["gone"] & ~part["running"]).to_numpy()
        made = remaining_share(part["watched"].to_numpy(), happened, whose, question.level)
        rows.append((*key, *made, "kaplan_meier_cohort" if by_cohort else "kaplan_meier_learner"))
    columns = [(name, found.schema[name]) for name in keys]
    columns += [(name, pl.Float64) for name in ("value", "low", "high")] + [("interval", pl.String)]
    made = pl.DataFrame(rows, schema=columns, orient="row")
    frame = (
        rate.frame.drop("value", "low", "high", "interval")
        .join(made, on=keys, how="left", nulls_equal=True)
        .with_columns(pl.lit(None, pl.Int64).alias("numerator"))
        .select(*keys, *Part.COLUMNS)
    )
    return Part("remaining", None, frame, share=False, otherwise=rate.otherwise)


def _cells(question: Question) -> pl.DataFrame:
    """Return every enrolment: ``dated, due, known, gone, running``, and days ``watched``."""
    study = question.study
    spans = elapsed(study).collect().lazy()
    seen = activity(study).join(spans, on="cohort_id", how="inner").filter(pl.col("at") <= pl.col("ends"))
    last = seen.group_by(_MEMBER).agg(pl.col("at").max().alias("last"))
    overlapping = presence(study).join(spans, on="cohort_id", how="inner")
    overlapping = overlapping.filter(
        pl.col("ends_at") > pl.col("last_part"), pl.col("starts_at") < pl.col("ends")
    )
    there = overlapping.select(*_MEMBER, pl.lit(value=True).alias("there")).unique()
    owing = owed(study, spans.drop_nulls("ends")).with_columns(pl.lit(value=True).alias("owing"))
    tracking = study.table("learners").select("learner_id", (pl.col("tracking") == "traced").alias("traced"))
    begins, ends = pl.col("begins"), pl.col("ends")
    recent = (pl.col("last") >= pl.col("last_part")).fill_null(value=False) | pl.col("there").is_not_null()
    finished = _finished(study)
    gone = ~recent & ~pl.col("finished").fill_null(value=False)
    days = (
        pl.when(gone)
        .then(pl.max_horizontal(pl.col("last").fill_null(begins), begins) - begins)
        .otherwise(ends - begins)
    )
    found = (
        enrolled(question)
        .join(spans, on="cohort_id", how="left")
        .join(owing, on="cohort_id", how="left")
        .join(last, on=_MEMBER, how="left")
        .join(there, on=_MEMBER, how="left")
        .join(tracking, on="learner_id", how="left")
        .join(finished, on=_MEMBER, how="left")
        .join(_covered(study, spans), on="cohort_id", how="left")
        .join(_no_sheet(study, spans), on=_MEMBER, how="left")
        .with_columns(
            ends.is_not_null().alias("dated"),
            (ends.is_not_null() & pl.col("owing").is_not_null()).alias("due"),
            (
                pl.col("traced")
                & pl.col("covered").fill_null(value=False)
                & pl.col("no_sheet").is_null()
                & pl.col("finished").is_not_null()
            ).alias("known"),
            gone.alias("gone"),
            (days.dt.total_microseconds() / 86_400_000_000).alias("watched"),
        )
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _finished(study: Study) -> pl.LazyFrame:
    """Return whether each enrolment has completed; of one still running, whether that is recorded."""
    spans = elapsed(study).select("cohort_id", "running")
    recorded = study.table("enrolments").select(
        *_MEMBER, pl.col("completed_at").is_not_null().alias("so_far")
    )
    return (
        completed(study)
        .lazy()
        .join(recorded, on=_MEMBER, how="left")
        .join(spans, on="cohort_id", how="left")
        .select(*_MEMBER, pl.when("running").then("so_far").otherwise("completed").alias("finished"))
    )


def _covered(study: Study, spans: pl.LazyFrame) -> pl.LazyFrame:
    """Return whether all traced resources of a cohort are covered for its last part: ``covered``."""
    sessions = study.table("sessions").select("session_id", "cohort_id")
    traced = study.table("resources").filter("traced").select("resource_id", "traced")
    pairs = (
        study.table("plan")
        .join(sessions, on="session_id", how="inner")
        .select("cohort_id", "resource_id")
        .unique()
        .join(traced, on="resource_id", how="inner")
        .join(spans.drop_nulls("ends"), on="cohort_id", how="inner")
        .with_columns(
            pl.col("cohort_id").alias("session_id"),
            pl.col("last_part").alias("opens"),
            pl.col("ends").alias("closes"),
        )
    )
    told = covered_windows(study, pairs, "opened")
    return (
        pairs.join(told, on=["session_id", "resource_id"], how="left")
        .group_by("cohort_id")
        .agg(pl.col("covered").fill_null(value=False).all())
    )


def _no_sheet(study: Study, spans: pl.LazyFrame) -> pl.LazyFrame:
    """Return the learners not on the sheet of a session in the last part, where one was taken."""
    told = study.table("attendance").filter(pl.col("status") != "not_taken")
    taken = told.select("session_id").unique()
    named = told.select("learner_id", "session_id").unique()
    return (
        roster(study)
        .select(*_MEMBER, "session_id", "starts_at", "ends_at")
        .join(spans, on="cohort_id", how="inner")
        .filter(pl.col("ends_at") > pl.col("last_part"), pl.col("starts_at") < pl.col("ends"))
        .join(taken, on="session_id", how="semi")
        .join(named, on=["learner_id", "session_id"], how="anti")
        .select(*_MEMBER, pl.lit(value=True).alias("no_sheet"))
        .unique()
    )


DROPOUT = Definition(
    key="dropout",
    version=1,
    unit="share",
    direction="less",
    needs=("enrolments", "cohorts", "sessions", "plan", "coverage"),
    thresholds=("dropout_last_share", "pass_mark", *ROW_THRESHOLDS),
    statistics=("rate", "remaining"),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=dropout,
    number="23",
    source="PAIRENNE (2025)",
    of_events=True,
    family="indicators_course",
)
