"""The lines of the ledger: announced, measured and credited minutes of each learner and activity, and why."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from flipstats.ledger.measure import cited, measured
from flipstats.ledger.rule import Rule
from flipstats.study import Study

COLUMNS: dict[str, pl.DataType] = {
    "learner_id": pl.String,
    "cohort_id": pl.String,
    "kind": pl.String,
    "activity_id": pl.String,
    "title": pl.String,
    "modality": pl.String,
    "announced_min": pl.Float64,
    "measured_min": pl.Float64,
    "counted_once_min": pl.Float64,
    "credited_min": pl.Float64,
    "reason": pl.String,
    "evidence": pl.String,
    "first_at": pl.Datetime("us", "UTC"),
    "last_at": pl.Datetime("us", "UTC"),
    "source_rows": pl.String,
    "rule_version": pl.String,
}
REASONS = (
    "measured", "capped", "proved", "no_trace", "not_traced", "not_covered", "not_announced",
    "not_working_day", "counted_elsewhere", "attended", "attended_in_part", "absent", "excused",
    "sheet_missing", "late_unknown", "conflict",
)  # fmt: skip
_CELL = ["learner_id", "session_id"]
_MINUTES = ("announced_min", "measured_min", "counted_once_min", "credited_min")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The lines, and what they were made by.

    Attributes
    ----------
    rows : DataFrame
        `COLUMNS`, a line a learner and activity; minutes are whole hundredths.
    rule : Rule
    study : Study
    """

    rows: pl.DataFrame
    rule: Rule
    study: Study

    def totals(self) -> pl.DataFrame:
        """Return the sum of each learner's lines: ``learner_id``, the four kinds of minutes."""
        return totals(self.rows)


def totals(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum lines by learner, in whole hundredths of a minute, so that nothing is lost in adding.

    Examples
    --------
    >>> rows = pl.DataFrame({"learner_id": ["L1"] * 3, **dict.fromkeys(
    ...     ("announced_min", "measured_min", "counted_once_min", "credited_min"), [0.1, 0.2, None])})
    >>> totals(rows)["credited_min"].to_list()
    [0.3]
    """
    hundredths = [(pl.col(name) * 100).round(0).cast(pl.Int64).sum().alias(name) for name in _MINUTES]
    summed = rows.group_by("learner_id").agg(hundredths).sort("learner_id")
    return summed.with_columns((pl.col(_MINUTES) / 100).round(2))


def ledger(study: Study, rule: Rule) -> Ledger:
    """Make the ledger of a study by a rule.

    Parameters
    ----------
    study : Study
        The whole study, or a selection of cohorts.
    rule : Rule

    Returns
    -------
    Ledger

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> made = ledger(study(), Rule())
    >>> made.rows.filter(learner_id="ada", kind="session").select("announced_min", "credited_min").row(0)
    (180.0, 180.0)
    """
    sessions = _sessions(study)
    busy = sessions.filter(pl.col("measured_s") > 0).select("learner_id", "from", "to")
    resources = _resources(study, rule, busy)
    both = pl.concat([_lined(sessions), _lined(resources)]).with_columns(rule_version=pl.lit(rule.version))
    order = ["learner_id", "cohort_id", "first_at", "kind", "activity_id"]
    return Ledger(both.sort(order, nulls_last=True).select(list(COLUMNS)), rule, study)


def _lined(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring lines to the columns of the ledger; minutes are cut, never rounded up."""
    pairs = zip(_MINUTES, ("announced_s", "measured_s", "once_s", "credited_s"), strict=True)
    minutes = [((pl.col(s) * 100 / 60 + 1e-6).floor() / 100).round(2).alias(name) for name, s in pairs]
    kept = [name for name in COLUMNS if name not in (*_MINUTES, "rule_version")]
    return frame.select(*kept, *minutes)


# ---------------------------------------------------------------------------------------------- sessions


def _sessions(study: Study) -> pl.DataFrame:
    """Return a line for each learner on the roster of each session."""
    begins = pl.col("starts_at")
    roster = (
        study.table("enrolments").select("learner_id", "cohort_id", "enrolled_at", "withdrawn_at")
        .join(study.table("sessions").filter(kind="session"), on="cohort_id")
        .filter(
            pl.col("enrolled_at").is_null() | (pl.col("enrolled_at") <= begins),
            pl.col("withdrawn_at").is_null() | (pl.col("withdrawn_at") > begins),
        )
    )  # fmt: skip
    planned = (pl.col("ends_at") - begins).dt.total_milliseconds() / 1000
    found = (
        roster.with_columns(planned.alias("announced_s"))
        .join(_sheets(study), on=_CELL, how="left")
        .join(cited(study.table("attendance").collect(), _CELL).lazy(), on=_CELL, how="left")
    )
    low, high = pl.col("low"), pl.col("high")
    attended = pl.when(low.is_not_null()).then(pl.min_horizontal(low, "announced_s"))  # null stays unknown
    reason = (
        pl.when(pl.col("told").is_null()).then(pl.lit("sheet_missing"))
        .when(low.is_null()).then(pl.lit("late_unknown"))
        .when(low != high).then(pl.lit("conflict"))
        .when((low == 0) & pl.col("excused")).then(pl.lit("excused"))
        .when(low == 0).then(pl.lit("absent"))
        .when(low < pl.col("announced_s")).then(pl.lit("attended_in_part"))
        .otherwise(pl.lit("attended"))
    )  # fmt: skip
    lines = _once(
        found.with_columns(attended.alias("measured_s"), reason.alias("reason"), begins.alias("from"))
    )
    once, elsewhere = pl.col("once_s"), (pl.col("once_s") == 0) & (pl.col("measured_s") > 0)
    return lines.select(
        "learner_id", "cohort_id", pl.lit("session").alias("kind"), pl.col("session_id").alias("activity_id"),
        "title", "modality", "announced_s", "measured_s", "once_s", once.fill_null(0.0).alias("credited_s"),
        pl.when(elsewhere).then(pl.lit("counted_elsewhere")).otherwise("reason").alias("reason"), "evidence",
        pl.when(attended > 0).then(begins).alias("first_at"),
        pl.when(attended > 0).then("ends_at").alias("last_at"),
        "source_rows", "from", pl.col("ends_at").alias("to"),
    ).collect()  # fmt: skip


def _once(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Add ``once_s``: seconds attended, less what may lie in a session begun earlier and attended too.

    Nobody sits in two sessions at once, whatever two sheets say; where in a session the minutes lie is not
    known, so that only the time it has alone can hold them.
    """
    held = pl.when(pl.col("measured_s") > 0).then("ends_at")
    reached = held.cum_max().forward_fill().shift(1).over("learner_id")
    alone = (pl.col("ends_at") - pl.max_horizontal("from", reached)).dt.total_milliseconds() / 1000
    known = pl.col("measured_s").is_not_null()
    return sessions.sort("learner_id", "from", "ends_at", "session_id").with_columns(
        pl.when(known).then(pl.min_horizontal("measured_s", pl.max_horizontal(alone, 0.0))).alias("once_s")
    )


def _sheets(study: Study) -> pl.LazyFrame:
    """Return what the sheets say of each learner and session: least and most seconds, where they differ."""
    planned = (pl.col("ends_at") - pl.col("starts_at")).dt.total_milliseconds() / 1000
    came = pl.col("status").is_in(["present", "late"])
    seconds = (
        pl.when(~came).then(0.0)
        .when(pl.col("minutes").is_not_null()).then(pl.col("minutes") * 60)
        .when(pl.col("late_minutes").is_not_null()).then(planned - pl.col("late_minutes") * 60)
        .when(pl.col("status") == "present").then(planned)
    )  # fmt: skip
    within = pl.when(seconds.is_not_null()).then(pl.max_horizontal(pl.min_horizontal(seconds, planned), 0.0))
    proof = pl.concat_str("status", pl.col("proof").fill_null("–"), separator="/")
    return (
        study.table("attendance")
        .filter(pl.col("status") != "not_taken")
        .join(study.table("sessions").select("session_id", "starts_at", "ends_at"), on="session_id")
        .group_by(_CELL)
        .agg(
            within.min().alias("low"),
            within.max().alias("high"),
            (pl.col("status") == "excused").any().alias("excused"),
            proof.unique().sort().str.join("; ").alias("evidence"),
            pl.lit(value=True).first().alias("told"),
        )
    )


# --------------------------------------------------------------------------------------------- resources


def _resources(study: Study, rule: Rule, busy: pl.DataFrame) -> pl.DataFrame:
    """Return a line for each learner and resource planned for a cohort of theirs, or worked on unplanned."""
    who = ["learner_id", "resource_id"]
    found = (
        _planned(study)
        .join(measured(study, rule, busy), on=who, how="full", coalesce=True)
        .join(_proofs(study, rule), on=who, how="left")
        .join(study.table("resources").collect(), on="resource_id", how="left")
        .join(study.table("learners").select("learner_id", "tracking").collect(), on="learner_id", how="left")
    )
    announced = pl.when(pl.col("cohort_id").is_not_null()).then(pl.col("length_min") * 60)
    seen = pl.col("measured_s").is_not_null()
    told = pl.col("traced") & (pl.col("tracking") == "traced")
    dark = ~seen & (~told | ~pl.col("covered").fill_null(value=False))
    found = found.with_columns(
        announced.alias("announced_s"),
        *(pl.when(~dark).then(pl.col(n).fill_null(0.0)).alias(n) for n in ("measured_s", "once_s")),
        pl.col("off_s").fill_null(0.0),
        pl.col("proof").fill_null(value=False) & pl.lit(rule.credit == "announced_if_proved"),
        told.alias("told"),
    )
    worked = pl.col("once_s").fill_null(0.0) - pl.col("off_s")
    proved = pl.col("proof") & pl.col("announced_s").is_not_null()
    credited = pl.when(proved).then("announced_s").otherwise(pl.min_horizontal(worked, "announced_s"))
    log = pl.concat_str(pl.lit("log="), pl.col("events").cast(pl.String))
    test = pl.concat_str(pl.lit("test="), pl.col("score").round(2).cast(pl.String))
    return found.select(
        "learner_id", "cohort_id", pl.lit("resource").alias("kind"),
        pl.col("resource_id").alias("activity_id"), "title", pl.lit("remote").alias("modality"),
        "announced_s", "measured_s", "once_s",
        pl.when(pl.col("announced_s").is_null()).then(0.0).otherwise(credited).alias("credited_s"),
        _why(proved, worked).alias("reason"),
        pl.concat_str(log, test, separator="; ", ignore_nulls=True).replace("", None).alias("evidence"),
        "first_at", "last_at", "source_rows",
    )  # fmt: skip


def _why(proved: pl.Expr, worked: pl.Expr) -> pl.Expr:
    seen, announced = pl.col("measured_s"), pl.col("announced_s")
    return (
        pl.when(announced.is_null()).then(pl.lit("not_announced"))
        .when(proved).then(pl.lit("proved"))
        .when(seen.is_null() & ~pl.col("told")).then(pl.lit("not_traced"))
        .when(seen.is_null()).then(pl.lit("not_covered"))
        .when(seen == 0).then(pl.lit("no_trace"))
        .when((worked <= 0) & (pl.col("off_s") > 0)).then(pl.lit("not_working_day"))
        .when(worked <= 0).then(pl.lit("counted_elsewhere"))
        .when(worked > announced).then(pl.lit("capped"))
        .otherwise(pl.lit("measured"))
    )  # fmt: skip


def _planned(study: Study) -> pl.DataFrame:
    """Return each learner with each resource planned for a cohort of theirs, and whether a log covers it."""
    sessions = study.table("sessions").select("session_id", "cohort_id", "starts_at")
    plan = study.table("plan").select("session_id", "resource_id").join(sessions, on="session_id")
    levels = study.table("coverage").filter(pl.col("level") == "opened")
    until = [
        levels.filter(pl.col("cohort_id").is_null() == c, pl.col("resource_id").is_null() == r)
        for c in (True, False) for r in (True, False)
    ]  # fmt: skip
    covered = plan.with_row_index("·row")
    for i, part in enumerate(until):
        on = [name for name, null in (("cohort_id", i < 2), ("resource_id", i % 2 == 0)) if not null]
        last = (
            part.group_by(on).agg(pl.col("covers_to").max()) if on else part.select(pl.col("covers_to").max())
        )
        last = last.rename({"covers_to": f"·{i}"})
        covered = covered.join(last, on=on, how="left") if on else covered.join(last, how="cross")
    reached = pl.max_horizontal(*(f"·{i}" for i in range(4))) >= pl.col("starts_at")
    named = covered.group_by("cohort_id", "resource_id").agg(
        reached.fill_null(value=False).any().alias("covered")
    )
    return (
        study.table("enrolments").select("learner_id", "cohort_id").join(named, on="cohort_id")
        .group_by("learner_id", "resource_id")
        .agg(pl.col("cohort_id").unique().sort().str.join(", "), pl.col("covered").any())
        .collect()
    )  # fmt: skip


def _proofs(study: Study, rule: Rule) -> pl.DataFrame:
    """Return whether a learner passed a test of a session that a resource was planned for; the best score."""
    tests = study.table("assessments").filter(
        pl.col("role").is_in(rule.proofs), pl.col("session_id").is_not_null()
    )
    best = (
        study.table("attempts")
        .filter(pl.col("item_id").is_null(), pl.col("score").is_not_null())
        .join(tests.select("assessment_id", "session_id"), on="assessment_id")
        .group_by(_CELL)
        .agg(pl.col("score").max())
    )
    return (
        best.join(study.table("plan").select("session_id", "resource_id").unique(), on="session_id")
        .group_by("learner_id", "resource_id")
        .agg(pl.col("score").max(), (pl.col("score").max() >= rule.pass_mark).alias("proof"))
        .collect()
    )
