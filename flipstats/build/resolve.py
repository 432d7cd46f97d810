"""Readings to canonical tables: people to learners, titles to resources, attempts to assessments.

Each function takes one reading's table with references and gives (kept rows, dropped records): nothing leaves
without a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

import polars as pl

from flipstats.build.declared import AssessmentLine, Declared
from flipstats.build.sheets import normal

DROPPED = {"record": pl.Int64, "reason": pl.String}
FEEDBACK_DAYS = 7  # an answer this long after a session began, and before the next, is taken to be about it

Split = tuple[pl.DataFrame, pl.DataFrame]


def to_learners(frame: pl.DataFrame, persons: pl.DataFrame) -> Split:
    """Replace ``person`` by ``learner_id``.

    Parameters
    ----------
    frame : DataFrame
        Rows with ``record`` and ``person`` (null: nobody, kept), perhaps ``impersonated`` and ``verb``.
    persons : DataFrame
        ``person, learner_id, who``; `who` is ``learner``, ``staff``, ``guest``, ``stranger`` or
        ``homonym``.
    """
    if "attempted" in frame.columns:  # whose account name was tried, where an export bridges it
        frame = frame.with_columns(pl.coalesce("person", "attempted").alias("person")).drop("attempted")
    joined = frame.join(persons, on="person", how="left", maintain_order="left")
    reason = (
        pl.when(pl.col("who").is_in(["staff", "guest"]))
        .then(pl.col("who"))
        .when(pl.col("who") == "homonym")
        .then(pl.lit("homonym"))
        .when(pl.col("person").is_not_null() & (pl.col("who").fill_null("stranger") == "stranger"))
        .then(pl.lit("not_on_roster"))
    )
    if "impersonated" in frame.columns:
        reason = (
            pl.when(pl.col("impersonated").fill_null(value=False))
            .then(pl.lit("impersonated"))
            .otherwise(reason)
        )
    if "verb" in frame.columns:  # an account name that nobody is known by: the failure still happened
        reason = pl.when(pl.col("verb") != "login_failed").then(reason)
    return by_reason(joined.with_columns(reason=reason), drop=("person", "who", "impersonated"))


def to_resources(frame: pl.DataFrame, declared: Declared, enrolments: pl.DataFrame) -> pl.DataFrame:
    """Replace ``resource`` by ``resource_id``: by course-module id, else by a title only one resource has.

    A key the sheets do not declare becomes a resource of its own, named by the key; a title that several
    resources of the learner's cohorts bear stays without resource.
    """
    if "resource_id" in frame.columns or "resource" not in frame.columns:
        return frame
    keyed = with_keys(frame)
    pairs = keyed.select("learner_id", "resource").drop_nulls("resource").unique().with_row_index("·row")
    found = pairs.join(declared.index, left_on="resource", right_on="key", how="inner")
    enrolled = enrolments.select("learner_id", pl.col("cohort_id").alias("·mine"))
    specific = found.filter(pl.col("cohort_id").is_not_null()).join(
        enrolled, left_on=["learner_id", "cohort_id"], right_on=["learner_id", "·mine"], how="semi"
    )
    matches = (
        pl.concat([found.filter(pl.col("cohort_id").is_null()), specific])
        .select("·row", "resource_id")
        .unique()
    )
    single = (
        matches.group_by("·row")
        .agg(pl.col("resource_id").first(), pl.len().alias("·n"))
        .filter(pl.col("·n") == 1)
    )
    own = ~pl.col("resource").is_in(declared.index["key"].unique().implode())
    named = pairs.join(single, on="·row", how="left").select(
        "learner_id",
        "resource",
        pl.coalesce("resource_id", pl.when(own).then(own_resource_id("resource"))).alias("resource_id"),
    )
    keys = ["learner_id", "resource"]
    return keyed.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left").drop("resource")


def own_resource_id(column: str) -> pl.Expr:
    """Name a resource the sheets do not declare after its key."""
    return (
        pl.col(column)
        .str.replace("^cm:", "cm")
        .str.replace("^title:", "r-")
        .str.replace_all("[^a-z0-9]+", "-")
    )


def with_keys(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring the title keys of a reader to the spelling of the index."""
    titles = {
        key: "title:" + normal(key[6:])
        for key in frame["resource"].unique().drop_nulls()
        if key.startswith("title:")
    }
    return frame.with_columns(pl.col("resource").replace(titles))


def completion_verbs(events: pl.DataFrame, resources: pl.DataFrame) -> pl.DataFrame:
    """Say what a bare "Completed" means for each resource: seen, done, or only ticked by the learner."""
    if "state" not in events.columns:
        return events
    means = resources.select("resource_id", "completion_means")
    joined = events.join(means, on="resource_id", how="left", maintain_order="left")
    verb = (
        pl.when((pl.col("verb") == "completed") & pl.col("state").is_not_null())
        .then(
            pl.col("completion_means").replace_strict(
                {"view": "viewed", "grade": "completed"}, default="declared"
            )
        )
        .otherwise(pl.col("verb"))
    )
    return joined.with_columns(verb=verb).drop("state", "completion_means")


def to_assessments(
    attempts: pl.DataFrame,
    file: str,
    declared: Declared,
    sessions: pl.DataFrame,
    enrolments: pl.DataFrame,
) -> Split:
    """Give attempts their assessment, and, for an assessment of a session, the learner's own session.

    A learner of two cohorts goes to the session nearest in time to the attempt; without a time, and with more
    than one session possible, the attempt is set aside.
    """
    lines = assessment_lines(file, declared.assessments)
    if "assessment" not in attempts.columns:
        attempts = attempts.with_columns(assessment=pl.lit(None, pl.String))
    keys = attempts["assessment"].unique(maintain_order=True).to_list()
    kept, gone = [], []
    for key in keys:
        part = attempts.filter(pl.col("assessment").eq_missing(pl.lit(key, pl.String)))
        line = line_of(key, lines, alone=len(keys) == 1)
        if line is None:
            reason = pl.lit("assessment_not_declared")
            part = part.with_columns(reason=reason, assessment_id=pl.lit(None, pl.String))
            split = by_reason(part, drop=("assessment",))
        else:
            split = _to_line(part, line, sessions, enrolments)
        kept.append(split[0])
        gone.append(split[1])
    if not kept:
        return attempts.drop("assessment").with_columns(assessment_id=pl.lit(None, pl.String)), _none()
    return pl.concat(kept), pl.concat(gone)


def _to_line(
    attempts: pl.DataFrame, line: AssessmentLine, sessions: pl.DataFrame, enrolments: pl.DataFrame
) -> Split:
    """Give the attempts at one assessment its id and, from its maximum, their score."""
    if line.maximum:
        scaled = (pl.col("raw_score") / line.maximum).clip(0, 1)
        attempts = attempts.with_columns(
            score=pl.when(pl.col("item_id").is_null()).then(pl.coalesce("score", scaled)).otherwise("score")
        )
    if line.session is not None:
        return _own_session(attempts, line, sessions, enrolments)
    return attempts.with_columns(assessment_id=pl.lit(line.slug)).drop("assessment"), _none()


def _own_session(
    attempts: pl.DataFrame, line: AssessmentLine, sessions: pl.DataFrame, enrolments: pl.DataFrame
) -> Split:
    numbered = sessions.filter((pl.col("sequence") == line.session) & (pl.col("kind") == "session"))
    options = enrolments.join(numbered, on="cohort_id").select("learner_id", "session_id", "starts_at")
    when = pl.coalesce("started_at", "submitted_at")
    ranked = (
        attempts.with_row_index("·row")
        .join(options, on="learner_id", how="left", maintain_order="left")
        .with_columns((when - pl.col("starts_at")).abs().alias("·far"), pl.len().over("·row").alias("·n"))
        .sort("·row", "·far", nulls_last=True)
        .unique("·row", keep="first", maintain_order=True)
    )
    reason = (
        pl.when(pl.col("session_id").is_null())
        .then(pl.lit("no_such_session"))
        .when((pl.col("·n") > 1) & pl.col("·far").is_null())
        .then(pl.lit("ambiguous_session"))
    )
    named = ranked.with_columns(reason=reason, assessment_id=pl.lit(line.slug + "@") + pl.col("session_id"))
    return by_reason(named, drop=("·row", "·far", "·n", "starts_at", "session_id", "assessment"))


def assessment_lines(file: str, lines: Iterable[AssessmentLine]) -> list[AssessmentLine]:
    """Return the lines of `assessments.csv` that name a file, exactly or by a pattern."""
    return [line for line in lines if line.file == file or fnmatch(file, line.file)]


def line_of(key: str | None, lines: Sequence[AssessmentLine], *, alone: bool) -> AssessmentLine | None:
    """Return the line of an assessment of a file, among the lines that name the file.

    A file of one assessment is named by the file alone, where several lines fit by the first; of a file with
    several, such as a gradebook (keys ``title:…``), each is found by its title.

    Examples
    --------
    >>> line = AssessmentLine("Grades.csv", "Final test", "final-test", "summative", None, 20.0, None)
    >>> line_of("title:Final Test", [line], alone=False) == line, line_of("title:Oral", [line], alone=True)
    (True, None)
    """
    title = (key or "").removeprefix("title:")
    for name in (normal(title), normal(title.partition(": ")[2])):
        found = [line for line in lines if name and normal(line.title) == name]
        if found:
            return found[0]
    strict = not alone or (key or "").startswith("title:")
    return None if strict or not lines else lines[0]


def feedback_sessions(
    feedback: pl.DataFrame, sessions: pl.DataFrame, enrolments: pl.DataFrame
) -> pl.DataFrame:
    """Give answers that name no session the last one of the learner's that had begun when it was given.

    Without a learner or a time, or more than `FEEDBACK_DAYS` after that session began, they stay without one.
    """
    if "session_id" in feedback.columns or not {"learner_id", "at"} <= set(feedback.columns):
        return feedback
    own = enrolments.join(sessions.filter(pl.col("kind") == "session"), on="cohort_id")
    begun = (
        feedback.with_row_index("·row")
        .join(own.select("learner_id", "session_id", pl.col("starts_at").alias("·from")), on="learner_id")
        .filter(pl.col("at").is_between("·from", pl.col("·from") + pl.duration(days=FEEDBACK_DAYS)))
        .sort("·row", "·from", "session_id", descending=[False, True, False])
        .unique("·row", keep="first", maintain_order=True)
    )
    return (
        feedback.with_row_index("·row")
        .join(begun.select("·row", "session_id"), on="·row", how="left", maintain_order="left")
        .drop("·row")
    )


def by_reason(frame: pl.DataFrame, drop: Iterable[str]) -> Split:
    """Part the rows whose ``reason`` is null from the records of the others."""
    gone = frame.filter(pl.col("reason").is_not_null()).select("record", "reason").unique(maintain_order=True)
    kept = frame.filter(pl.col("reason").is_null()).drop("reason", *drop, strict=False)
    return kept, gone.cast(DROPPED)


def _none() -> pl.DataFrame:
    return pl.DataFrame(schema=DROPPED)
