"""Open University Learning Analytics data set: a folder of its CSV files, as a programme.

The data set knows days, not times, and has no sessions. These rules make it a programme; they are fixed so
that results can be checked by others:

- a cohort is ``MODULE-PRESENTATION``, e.g. ``BBB-2013J``; its day 0 is 1 February (B) or 1 October (J) of
  the year, zone Europe/London; a click on day d is an event at 12:00 of that day;
- each date D on which a TMA or CMA is due is one session, that starts and ends at 00:00 of day D + 1;
- a learner is enrolled from 00:00 of ``date_registration`` (unknown: from the start of time) until 00:00 of
  ``date_unregistration``;
- a site with ``week_from`` = w is released at 00:00 of day 7 (w - 1) and is a mandatory preparation of the
  first session whose D is not before that day;
- exams are summative; ``Pass`` and ``Distinction`` have completed at the end of the module;
- exact duplicates of click rows are set aside.

Clicks have no duration: coverage is of the level ``opened`` only.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flipstats.i18n import Notice
from flipstats.readers.base import PEOPLE, Context, Reading
from flipstats.readers.oulad_files import CLICKS, PASSED, Raw, looks_like, read_files

__all__ = ["FORMAT", "TIMEZONE", "looks_like", "read"]

FORMAT = "oulad"
TIMEZONE = "Europe/London"
MAXIMUM = 100  # points of every assessment
_NOON = 12
_KINDS = {
    "resource": "file", "folder": "file", "url": "url", "quiz": "quiz", "externalquiz": "quiz",
    "forumng": "forum", "questionnaire": "feedback", "oucollaborate": "virtual_class",
    "ouelluminate": "virtual_class", "oucontent": "page", "homepage": "page", "subpage": "page",
    "sharedsubpage": "page", "page": "page", "htmlactivity": "page", "dualpane": "page", "ouwiki": "page",
}  # fmt: skip
_COVARIATES = (
    "gender", "region", "highest_education", "imd_band", "age_band", "num_of_prev_attempts",
    "studied_credits", "disability",
)  # fmt: skip


def read(file: Path, context: Context) -> Reading:
    """Read the folder `file`; ``context.cohort`` names the presentations wanted, by commas (default: all).

    Returns
    -------
    Reading
        Tables ``cohorts, learners, enrolments, sessions, resources, plan, assessments, attempts, events,
        coverage`` with their final ids, ``person`` in the place of ``learner_id``, and ``coverage`` without
        ``source_id``. A record is one row of one file; `Account.place` says of which.

    Raises
    ------
    InputError
        A file or a column is missing, or ``courses`` has no such presentation.

    Notes
    -----
    A learner of several presentations has the covariates of the first of them.
    """
    wanted = tuple(c.strip() for c in (context.cohort or "").split(",") if c.strip())
    raw = read_files(file, wanted)
    cohorts = _cohorts(raw)
    days = cohorts.select("cohort_id", "day0", "length")
    sessions = _sessions(raw, days)
    tables = {
        "cohorts": cohorts.drop("day0", "length"),
        "learners": _learners(raw, days),
        "enrolments": _enrolments(raw, days),
        "sessions": sessions.drop("due"),
        "resources": _resources(raw),
        "plan": _plan(raw, days, sessions),
        "assessments": _assessments(raw, days),
    }
    if "studentAssessment" in raw.frames:
        tables["attempts"] = _attempts(raw, days)
    if CLICKS in raw.frames:
        tables["events"] = _events(raw, days)
        tables["coverage"] = _coverage(raw, days)
    return _reading(raw, tables)


def _reading(raw: Raw, tables: dict[str, pl.DataFrame]) -> Reading:
    warnings = [Notice("readers_more.oulad_absent", file=f"{name}.csv") for name in raw.absent]
    covered = tables["coverage"]["covers_to"].max() if "coverage" in tables else None
    person = tables["learners"]["person"]
    return Reading(
        format=FORMAT,
        tables={name: frame for name, frame in tables.items() if frame.height},
        account=raw.account,
        people=pl.DataFrame({"person": person, "value": person})
        .select("person", pl.lit("id").alias("kind"), "value")
        .cast(PEOPLE),
        language="en",
        timezone=TIMEZONE,
        covers_to=covered,
        warnings=warnings,
    )


def at_local(day: pl.Expr, hour: int = 0) -> pl.Expr:
    """Return the UTC instant of an hour of a relative day; needs the column ``day0`` (date).

    Midnight and noon never repeat or lack in Europe/London, whose clocks change at one in the morning.
    """
    local = pl.col("day0").cast(pl.Datetime("us")) + pl.duration(days=day, hours=hour)
    return local.dt.replace_time_zone(TIMEZONE).dt.convert_time_zone("UTC")


def _person() -> pl.Expr:
    return pl.format("oulad:{}", pl.col("id_student")).alias("person")


def _cohorts(raw: Raw) -> pl.DataFrame:
    name = pl.col("code_presentation")
    month = pl.when(name.str.ends_with("B")).then(2).otherwise(10)
    return (
        raw.frames["courses"]
        .with_columns(
            pl.date(name.str.head(4).cast(pl.Int32), month, 1).alias("day0"),
            pl.col("module_presentation_length").alias("length"),
        )
        .sort("day0", "cohort_id")
        .select(
            "cohort_id",
            pl.col("cohort_id").alias("title"),
            pl.col("day0").rank("ordinal").over("code_module").cast(pl.Int64).alias("iteration"),
            at_local(pl.lit(0)).alias("starts_at"),
            at_local(pl.col("length")).alias("ends_at"),
            "day0",
            "length",
        )
    )


def _learners(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    info = raw.frames["studentInfo"].join(days, on="cohort_id").sort("day0", "cohort_id", "record")
    values = pl.struct(_COVARIATES)
    differs = values.ne_missing(values.first().over("id_student"))
    raw.account.add_many(info.filter(differs)["record"].sort(), "note", "covariates_of_first_presentation")
    first = info.unique("id_student", keep="first", maintain_order=True)
    covariates = (pl.col(name).alias(f"x_{name}") for name in _COVARIATES)
    return first.select(_person(), pl.lit("traced").alias("tracking"), *covariates, "record")


def _enrolments(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    dates = raw.frames["studentRegistration"].select(
        "cohort_id", "id_student", "date_registration", "date_unregistration"
    )
    info = raw.frames["studentInfo"].join(
        dates, on=["cohort_id", "id_student"], how="left", maintain_order="left"
    )
    undated = (pl.col("final_result") == "Withdrawn") & pl.col("date_unregistration").is_null()
    raw.account.add_many(info.filter(undated)["record"], "note", "withdrawn_without_date")
    completed = pl.when(pl.col("final_result").is_in(PASSED)).then(at_local(pl.col("length")))
    return info.join(days, on="cohort_id", maintain_order="left").select(
        _person(),
        "cohort_id",
        at_local(pl.col("date_registration")).alias("enrolled_at"),
        at_local(pl.col("date_unregistration")).alias("withdrawn_at"),
        completed.alias("completed_at"),
        "record",
    )


def _session_id(due: str = "date") -> pl.Expr:
    day = pl.col(due).cast(pl.String).str.zfill(3)
    return pl.format("{}-D{}", "cohort_id", day).alias("session_id")


def _is_due() -> pl.Expr:
    return pl.col("assessment_type").is_in(["TMA", "CMA"]) & pl.col("date").is_not_null()


def _sessions(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    kinds = pl.col("assessment_type").unique().sort().str.join(" + ")
    due = raw.frames["assessments"].filter(_is_due()).group_by("cohort_id", "date").agg(kinds.alias("kinds"))
    return (
        due.join(days, on="cohort_id")
        .sort("cohort_id", "date")
        .select(
            _session_id(),
            "cohort_id",
            pl.col("date").rank("ordinal").over("cohort_id").cast(pl.Int64).alias("sequence"),
            pl.format("{} D{}", "kinds", "date").alias("title"),
            pl.lit("session").alias("kind"),
            at_local(pl.col("date") + 1).alias("starts_at"),
            at_local(pl.col("date") + 1).alias("ends_at"),
            pl.col("date").alias("due"),
        )
    )


def _resource_id() -> pl.Expr:
    return pl.format("oulad-{}", "id_site").alias("resource_id")


def _resources(raw: Raw) -> pl.DataFrame:
    activity = pl.col("activity_type")
    return raw.frames["vle"].select(
        _resource_id(),
        pl.format("{} {}", activity, "id_site").alias("title"),
        activity.replace_strict(_KINDS, default="other", return_dtype=pl.String).alias("kind"),
        pl.lit(True).alias("traced"),
        pl.lit("view").alias("completion_means"),
        "record",
    )


def _plan(raw: Raw, days: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    sites = raw.frames["vle"].filter(pl.col("week_from").is_not_null())
    sites = sites.with_columns(release=7 * (pl.col("week_from") - 1)).sort("release")
    due = sessions.select("session_id", "cohort_id", "due").sort("due")
    first = sites.join_asof(
        due, left_on="release", right_on="due", by="cohort_id", strategy="forward", check_sortedness=False
    )
    return (
        first.filter(pl.col("session_id").is_not_null())
        .join(days, on="cohort_id")
        .sort("cohort_id", "due", "id_site")
        .select(
            "session_id",
            _resource_id(),
            pl.lit("pre").alias("phase"),
            at_local(pl.col("release")).alias("released_at"),
            pl.lit(True).alias("mandatory"),
            "record",
        )
    )


def _assessments(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    exam = pl.col("assessment_type") == "Exam"
    works = raw.frames["assessments"].join(days, on="cohort_id", maintain_order="left")
    return works.select(
        pl.format("oulad-{}", "id_assessment").alias("assessment_id"),
        pl.when(_is_due()).then(_session_id()).alias("session_id"),
        pl.format("{} {}", "assessment_type", "id_assessment").alias("title"),
        # A TMA or CMA counts towards the result and is handed in by the day it is due.
        pl.when(exam).then(pl.lit("summative")).otherwise(pl.lit("deliverable")).alias("role"),
        pl.lit(float(MAXIMUM)).alias("max_score"),
        at_local(pl.col("date") + 1).alias("due_at"),
        "record",
    )


def _attempts(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    given, account = raw.frames["studentAssessment"], raw.account
    possible = pl.col("score").is_null() | pl.col("score").is_between(0, MAXIMUM)
    account.add_many(given.filter(~possible)["record"], "note", "score_out_of_range")
    # A banked score comes from an earlier presentation: its day (-1) is a mark, not a time.
    account.add_many(given.filter("is_banked")["record"], "note", "banked_score")
    score = pl.when(possible).then(pl.col("score"))
    submitted = pl.when(~pl.col("is_banked")).then(at_local(pl.col("date_submitted"), _NOON))
    return given.join(days, on="cohort_id", maintain_order="left").select(
        _person(),
        pl.format("oulad-{}", "id_assessment").alias("assessment_id"),
        pl.lit(1, pl.Int64).alias("attempt"),
        (score / MAXIMUM).alias("score"),
        pl.col("score").alias("raw_score"),
        pl.when(score.is_null()).then(pl.lit("not_graded")).alias("missing_reason"),
        submitted.alias("submitted_at"),
        "record",
    )


def _events(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    clicks = raw.frames[CLICKS]
    # Texts and instants are made once for each value that occurs, not once a click.
    persons = clicks.select("id_student").unique().with_columns(_person())
    sites = clicks.select("id_site").unique().with_columns(_resource_id())
    moments = clicks.select("cohort_id", "date").unique().join(days, on="cohort_id")
    moments = moments.select("cohort_id", "date", at_local(pl.col("date"), _NOON).alias("at"))
    return (
        clicks.join(persons, on="id_student", how="left", maintain_order="left")
        .join(sites, on="id_site", how="left", maintain_order="left")
        .join(moments, on=["cohort_id", "date"], how="left", maintain_order="left")
        .select("person", "resource_id", "at", pl.lit("viewed").alias("verb"), "record")
    )


def _coverage(raw: Raw, days: pl.DataFrame) -> pl.DataFrame:
    """Say for which cohorts clicks are known, and until when.

    The rows stand by day. Where they reach the end of the module, the last day is whole; where they stop
    before, the file was cut and its last day may be half there: clicks are known until that day began.
    """
    last = (
        raw.frames[CLICKS]
        .group_by("cohort_id")
        .agg(pl.col("date").max().alias("last"))
        .join(days, on="cohort_id")
    )
    whole = pl.col("last") >= pl.col("length")
    until = at_local(pl.when(whole).then(pl.col("last") + 1).otherwise(pl.col("last")))
    return last.sort("cohort_id").select(
        "cohort_id",
        pl.lit(None, pl.String).alias("resource_id"),
        pl.lit("opened").alias("level"),
        pl.lit(None, pl.Datetime("us", "UTC")).alias("covers_from"),
        until.alias("covers_to"),
        pl.lit("last_event").alias("basis"),
    )
