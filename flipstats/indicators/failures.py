"""Failed logins: who met one that was more than a mistyped password, and when a source would have told."""

from __future__ import annotations

import polars as pl

from flipstats.facts import BEFORE_ALL, CONSULTING_VERBS
from flipstats.indicators.during import memberships, within
from flipstats.study import Study

FAILED = "login_failed"
_INSIDE = (
    "logged_in",
    "course_viewed",
    "declared",
    *CONSULTING_VERBS,
)  # nobody does these without getting in
_SITE_LOGS = ("moodle_log", "moodle_logstore")  # with logins in them, they would tell failed ones too


def reason_without(study: Study) -> str | None:
    """Return why failures are not known at all in a study, null where they are."""
    failed = study.table("events").filter(pl.col("verb") == FAILED).select("learner_id").collect()
    if failed.height and failed["learner_id"].null_count() == failed.height:
        return "failures_nameless"
    return None if _sources(study).height else "no_failure_source"


def exposures(study: Study) -> pl.LazyFrame:
    """Return failed logins without a success soon after, in every cohort the learner was in at the time.

    A failure so shortly before the end of what its source speaks of that a success would not be seen is none.

    Returns
    -------
    LazyFrame
        ``learner_id, cohort_id, at`` and the columns of `during.memberships`; traced learners only.
    """
    span = pl.duration(minutes=study.thresholds.access_retry_min)
    traced = study.table("learners").filter(pl.col("tracking") == "traced").select("learner_id")
    mine = study.table("events").join(traced, on="learner_id", how="semi")
    failed = mine.filter(pl.col("verb") == FAILED).select("learner_id", "at").unique()
    inside = mine.filter(pl.col("verb").is_in(_INSIDE)).join(failed, on="learner_id", how="semi")
    inside = inside.select("learner_id", pl.col("at").alias("got_in")).sort("got_in")
    lasting = failed.sort("at").join_asof(
        inside, left_on="at", right_on="got_in", by="learner_id", strategy="forward", check_sortedness=False
    )
    shut_out = lasting.filter(pl.col("got_in").is_null() | (pl.col("got_in") > pl.col("at") + span))
    spells = within(study, shut_out.drop("got_in")).with_columns((pl.col("at") + span).alias("·until"))
    return told(study, spells, pl.col("at"), pl.col("·until")).filter("told").drop("told", "·until")


def told(study: Study, spells: pl.LazyFrame, opens: pl.Expr, closes: pl.Expr) -> pl.LazyFrame:
    """Add whether a source of failures speaks of the whole of each spell of a cohort: ``told``."""
    rows = spells.with_columns(
        opens.dt.epoch("us").fill_null(BEFORE_ALL).alias("·opens"), closes.dt.epoch("us").alias("·closes")
    )
    rows = rows.collect().with_row_index("·spell").lazy()  # numbered once, whatever order a plan gives
    inside = (pl.col("from") <= pl.min_horizontal("·opens", "·closes")) & (
        pl.col("·closes") <= pl.col("until_us")
    )
    covered = (
        rows.select("·spell", "cohort_id", "·opens", "·closes")
        .join(periods(study), on="cohort_id", how="inner")
        .filter(inside)
        .select("·spell", pl.lit(value=True).alias("told"))
        .unique()
    )
    return (
        rows.join(covered, on="·spell", how="left")
        .with_columns(pl.col("told").fill_null(value=False))
        .drop("·spell", "·opens", "·closes")
    )


def periods(study: Study) -> pl.LazyFrame:
    """Return when sources of failures speak of each cohort: ``cohort_id, from, until_us`` (µs)."""
    own = _sources(study).lazy()
    coverage = study.table("coverage").join(own, on="source_id", how="semi")
    said = coverage.select(
        "cohort_id",
        pl.col("covers_from").dt.epoch("us").fill_null(BEFORE_ALL).alias("from"),
        pl.col("covers_to").dt.epoch("us").alias("until_us"),
    )
    shown = own.join(coverage, on="source_id", how="anti", nulls_equal=True).select(
        pl.col("named").alias("cohort_id"), "from", "until_us"
    )
    spoken = pl.concat([said, shown]).unique()
    cohorts = study.table("cohorts").select("cohort_id")
    everywhere = spoken.filter(pl.col("cohort_id").is_null()).drop("cohort_id").join(cohorts, how="cross")
    pieces = pl.concat([everywhere.select("cohort_id", "from", "until_us"), spoken.drop_nulls("cohort_id")])
    order = {"order_by": ["from", "until_us"]}
    reached = pl.col("until_us").cum_max().shift(1).over("cohort_id", **order)
    block = (pl.col("from") > reached).fill_null(value=False).cum_sum().over("cohort_id", **order)
    return (
        pieces.filter(pl.col("from") <= pl.col("until_us"))
        .with_columns(block.alias("block"))
        .group_by("cohort_id", "block")
        .agg(pl.col("from").min(), pl.col("until_us").max())
        .drop("block")
    )


def _sources(study: Study) -> pl.DataFrame:
    """Return the sources that would tell a failed login, and what their own rows show of their period."""
    at = pl.col("at").dt.epoch("us")
    verb = pl.col("verb")
    seen = (
        study.table("events")
        .group_by("source_id")
        .agg(
            (verb == FAILED).any().alias("fails"),
            (verb == "logged_in").any().alias("logs"),
            at.min().alias("from"),
            at.max().alias("last"),
        )
    )
    declared = study.table("sources").select(
        "source_id",
        "format",
        pl.col("cohort_id").alias("named"),
        pl.col("covers_to").dt.epoch("us").alias("to"),
    )
    site = pl.col("logs") & pl.col("format").is_in(_SITE_LOGS).fill_null(value=False)
    return (
        seen.join(declared, on="source_id", how="left")
        .filter(pl.col("fails") | site)
        .select("source_id", "named", "from", pl.max_horizontal("to", "last").alias("until_us"))
        .collect()
    )


def enrolments(study: Study) -> pl.LazyFrame:
    """Return every enrolment: ``exposed``, and whether failures are ``told`` for the whole of it."""
    met = exposures(study).select("learner_id", "cohort_id", pl.lit(value=True).alias("exposed")).unique()
    ends = pl.min_horizontal("withdrawn_at", "until")
    member = told(study, memberships(study), pl.col("enrolled_at"), ends)
    traced = study.table("learners").select("learner_id", (pl.col("tracking") == "traced").alias("traced"))
    return (
        member.join(met, on=["learner_id", "cohort_id"], how="left")
        .join(traced, on="learner_id", how="left")
        .with_columns(
            pl.col("exposed").fill_null(value=False),
            pl.col("told") & pl.col("until").is_not_null(),
        )
    )
