"""Meetings and signed sheets to the attendance of planned sessions.

A meeting goes to the one planned session it overlaps and whose learners came; so do the answers given in it.
"""

from __future__ import annotations

import polars as pl

from flipstats.build.resolve import Split, by_reason

MEETING_SLACK_MIN = 60  # a meeting may open this long before, or start this long after, the planned start


def to_sessions(
    attendance: pl.DataFrame, meetings: pl.DataFrame, sessions: pl.DataFrame, enrolments: pl.DataFrame
) -> Split:
    """Give attendance of meetings (``learner_id, meeting``) its planned session.

    Of meetings that are ``joint``, which may hold several cohorts, each learner's own session is taken.
    """
    if "joint" in meetings.columns:
        joint = pl.col("meeting").is_in(meetings.filter("joint")["meeting"].implode())
        near = _overlapping(meetings.filter("joint"), sessions)
        own = _own_sessions(attendance.filter(joint), near, enrolments)
        rest = to_sessions(attendance.filter(~joint), meetings.drop("joint"), sessions, enrolments)
        return pl.concat([own[0], rest[0]], how="diagonal"), pl.concat([own[1], rest[1]])
    chosen = meeting_sessions(attendance, meetings, sessions, enrolments)
    enrolled = enrolments.select("learner_id", "cohort_id", pl.lit(value=True).alias("·in"))
    joined = (
        attendance.drop("session_id", strict=False)
        .join(chosen, on="meeting", how="left", maintain_order="left")
        .join(enrolled, on=["learner_id", "cohort_id"], how="left", maintain_order="left")
    )
    reason = (
        pl.when(pl.col("tied"))
        .then(pl.lit("ambiguous_session"))
        .when(pl.col("session_id").is_null())
        .then(pl.lit("no_such_session"))
        .when(pl.col("·in").is_null())
        .then(pl.lit("not_in_cohort"))
    )
    return by_reason(joined.with_columns(reason=reason), drop=("meeting", "cohort_id", "tied", "·in"))


def _own_sessions(attendance: pl.DataFrame, near: pl.DataFrame, enrolments: pl.DataFrame) -> Split:
    """Match each learner's attendance to the nearest session of the learner's own cohorts."""
    options = (
        near.join(enrolments.select("learner_id", "cohort_id"), on="cohort_id")
        .filter(pl.col("·far") == pl.col("·far").min().over("meeting", "learner_id"))
        .group_by("meeting", "learner_id")
        .agg(pl.col("session_id").min(), pl.len().alias("·n"))
    )
    joined = attendance.drop("session_id", strict=False).join(
        options, on=["meeting", "learner_id"], how="left", maintain_order="left"
    )
    reason = (
        pl.when(pl.col("session_id").is_null())
        .then(pl.lit("no_such_session"))
        .when(pl.col("·n") > 1)
        .then(pl.lit("ambiguous_session"))
    )
    return by_reason(joined.with_columns(reason=reason), drop=("meeting", "·n"))


def meeting_sessions(
    attendance: pl.DataFrame, meetings: pl.DataFrame, sessions: pl.DataFrame, enrolments: pl.DataFrame
) -> pl.DataFrame:
    """Match each meeting to the one planned session it overlaps and whose learners attended it.

    Returns
    -------
    DataFrame
        ``meeting, session_id, cohort_id, tied``: of meetings that overlap a session; `tied` where another
        fits as well. One that is known by its day alone (``whole_day``) fits every session of that day.
    """
    members = attendance.select("meeting", "learner_id").unique().join(enrolments, on="learner_id")
    votes = members.group_by("meeting", "cohort_id").agg(pl.len().alias("·n"))
    ranked = (
        _overlapping(meetings, sessions)
        .join(votes, on=["meeting", "cohort_id"])
        .filter(pl.col("·n") == pl.col("·n").max().over("meeting"))
        .filter(pl.col("·far") == pl.col("·far").min().over("meeting"))
        .sort("meeting", "session_id")
        .with_columns(tied=pl.len().over("meeting") > 1)
    )
    return ranked.unique("meeting", keep="first").select("meeting", "session_id", "cohort_id", "tied")


def _overlapping(meetings: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return each meeting with the sessions it overlaps, and how far apart they begin."""
    near = pl.duration(minutes=MEETING_SLACK_MIN)
    whole = pl.col("whole_day") if "whole_day" in meetings.columns else pl.lit(value=False)
    distance = (pl.col("·from") - pl.col("starts_at")).abs()
    return (
        meetings.select(
            "meeting",
            pl.col("starts_at").alias("·from"),
            pl.col("ends_at").alias("·to"),
            whole.fill_null(value=False).alias("·whole"),
        )
        .join(sessions.filter(pl.col("kind") == "session"), how="cross")
        .with_columns(pl.when("·whole").then(pl.duration(minutes=0)).otherwise(near).alias("·near"))
        .filter(pl.col("·from") < pl.col("ends_at") + pl.col("·near"))
        .filter(pl.coalesce("·to", "·from") > pl.col("starts_at") - pl.col("·near"))
        .select(
            "meeting",
            "session_id",
            "cohort_id",
            pl.when("·whole").then(pl.duration(minutes=0)).otherwise(distance).alias("·far"),
        )
    )


def answers_of_meetings(answers: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Give answers (``meeting``) the session of their meeting; without one they stay without."""
    sure = chosen.filter(~pl.col("tied")).select("meeting", "session_id")
    return answers.join(sure, on="meeting", how="left", maintain_order="left").drop("meeting")


def excused(attendance: pl.DataFrame, absences: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Make an absence excused where one that is justified covers the whole session.

    Parameters
    ----------
    absences : DataFrame
        ``learner_id, starts_at, ends_at``.
    """
    planned = sessions.select(
        "session_id", pl.col("starts_at").alias("·from"), pl.col("ends_at").alias("·to")
    )
    covered = (
        attendance.filter(pl.col("status") == "absent")
        .select("learner_id", "session_id")
        .join(planned, on="session_id")
        .join(absences.select("learner_id", "starts_at", "ends_at"), on="learner_id")
        .filter((pl.col("starts_at") <= pl.col("·from")) & (pl.col("ends_at") >= pl.col("·to")))
        .select("learner_id", "session_id", pl.lit(value=True).alias("·why"))
        .unique()
    )
    why = pl.col("·why").fill_null(value=False)
    return (
        attendance.join(covered, on=["learner_id", "session_id"], how="left", maintain_order="left")
        .with_columns(
            status=pl.when(why).then(pl.lit("excused")).otherwise("status"),
            minutes=pl.when(~why).then("minutes"),
        )
        .drop("·why")
    )


_STATUS_ORDER = ("late", "present", "excused", "absent", "not_taken")


def one_attendance(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Merge what several meetings or sources say of one learner in one session.

    Within one source minutes add up (half-days) and attending any part counts; between sources the first
    declared wins. Returns the kept rows and the merged records with ``source_id, record, reason``.
    """
    ranked = rows.with_columns(
        pl.col("status")
        .replace_strict({s: i for i, s in enumerate(_STATUS_ORDER)}, return_dtype=pl.Int64)
        .alias("·rank")
    )
    per_source = (
        ranked.sort("·source", "record")
        .group_by("learner_id", "session_id", "·source", "source_id", maintain_order=True)
        .agg(
            pl.col("status").sort_by("·rank").first(),
            pl.when(pl.col("minutes").is_not_null().any()).then(pl.col("minutes").sum()).alias("minutes"),
            pl.col("late_minutes").max(),
            pl.col("signed_at").min(),
            pl.col("proof").first(),
            pl.col("record").first(),
        )
    )
    kept = per_source.sort("·source").unique(["learner_id", "session_id"], keep="first", maintain_order=True)
    merged = (
        rows.select("source_id", "record", "learner_id", "session_id")
        .join(kept.select("source_id", "record"), on=["source_id", "record"], how="anti")
        .join(
            kept.select("learner_id", "session_id", pl.col("source_id").alias("·kept")),
            on=["learner_id", "session_id"],
        )
        .select(
            "source_id",
            "record",
            pl.when(pl.col("source_id") == pl.col("·kept"))
            .then(pl.lit("same_session"))
            .otherwise(pl.lit("other_source_first"))
            .alias("reason"),
        )
    )
    return kept.drop("·source"), merged
