"""What a trainer may see: the cohorts the trainer teaches, and of their learners only what belongs there."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from flipstats import schema
from flipstats.errors import ParameterError, did_you_mean
from flipstats.export import neutral
from flipstats.i18n import t
from flipstats.study import Study

_BY_TIME = {"events": "at", "contacts": "at", "attempts": "submitted_at"}


def for_trainer(study: Study, trainer: str) -> Study:
    """Return the study restricted to a trainer's own cohorts.

    Learners stay pseudonymous, without covariates. Of a learner who is also in another trainer's cohort, only
    what happened while one of the trainer's own ran is kept; nothing of a learner who does not agree to be
    traced. Comments stay, without their author.

    Raises
    ------
    ParameterError
        No cohort has this trainer.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> for_trainer(study(), "T1")
    Traceback (most recent call last):
    ...
    flipstats.errors.ParameterError: no cohort of this study has the trainer 'T1'
    """
    named = study.table("cohorts").select("cohort_id", "trainer_id").drop_nulls().collect()
    own = named.filter(trainer_id=trainer)["cohort_id"].sort().to_list()
    if not own:
        near = did_you_mean(trainer, named["trainer_id"].unique().to_list())
        key = "export.no_trainer_near" if near else "export.no_trainer"
        raise ParameterError(t(key, trainer=repr(trainer), near=repr(near)))
    part = study.select(cohorts=own)
    tables = {name: part.table(name).collect() for name in schema.TABLES}
    shared = _shared_learners(study, tables)
    tables |= _of_own_resources(tables)
    tables |= _traced_only(tables)
    tables |= _within_own_time(tables, shared, _own_time(part, tables))
    tables |= _of_own_cohorts(tables, trainer)
    tables |= _cited_sources(tables)
    checked = schema.validate(neutral.nameless_sources(tables))
    return Study(checked, neutral.study_file(study), provenance=neutral.provenance(study), role="trainer")


def _shared_learners(study: Study, tables: dict[str, pl.DataFrame]) -> list[str]:
    """Return the learners who are in somebody else's cohort too."""
    others = study.table("enrolments").collect().join(tables["cohorts"], on="cohort_id", how="anti")
    return others.join(tables["learners"], on="learner_id", how="semi")["learner_id"].unique().to_list()


def _own_time(part: Study, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return, for each learner, when each of the trainer's cohorts ran: ``learner_id, from, to``.

    From the declared start, else the first release, else the early days before the first session; up to the
    late days after the last session.
    """
    limits = part.thresholds
    released = tables["plan"].join(tables["sessions"], on="session_id").group_by("cohort_id")
    ran = (
        tables["sessions"]
        .group_by("cohort_id")
        .agg(
            (pl.col("starts_at").min() - timedelta(days=limits.early_days)).alias("first"),
            (pl.col("ends_at").max() + timedelta(days=limits.late_days)).alias("to"),
        )
        .join(released.agg(pl.col("released_at").min()), on="cohort_id", how="left")
        .join(tables["cohorts"].select("cohort_id", starts="starts_at"), on="cohort_id")
    )
    start = pl.coalesce("starts", "released_at", "first").alias("from")
    return (
        tables["enrolments"]
        .join(ran, on="cohort_id")
        .select("learner_id", pl.max_horizontal(start, "enrolled_at").alias("from"), "to")
    )


def _of_own_resources(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    resources = tables["resources"].join(tables["plan"], on="resource_id", how="semi")
    here = pl.col("resource_id").is_null() | pl.col("resource_id").is_in(resources["resource_id"].implode())
    return {
        "resources": resources,
        "events": tables["events"].filter(here),
        "coverage": tables["coverage"].filter(here),
    }


def _traced_only(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    traced = tables["learners"].filter(tracking="traced")
    covariates = [name for name in tables["learners"].columns if name.startswith("x_")]
    return {
        "learners": tables["learners"].drop(covariates, "calendar"),
        "events": tables["events"].join(traced, on="learner_id", how="semi"),
    }


def _within_own_time(
    tables: dict[str, pl.DataFrame], shared: list[str], time: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Keep, of learners who have another trainer too, only what falls into the trainer's own time."""
    out = {}
    for name, column in _BY_TIME.items():
        frame = tables[name].with_row_index("·row")
        of_shared = frame.filter(pl.col("learner_id").is_in(shared))
        kept = of_shared.join(time, on="learner_id").filter(pl.col(column).is_between("from", "to"))
        if "assessment_id" in frame.columns:  # those of a session of one's own need no time
            tied = tables["assessments"].filter(pl.col("session_id").is_not_null())
            kept = pl.concat([kept.select("·row"), of_shared.join(tied, on="assessment_id").select("·row")])
        alone = frame.filter(~pl.col("learner_id").is_in(shared)).select("·row")
        rows = pl.concat([alone, kept.select("·row")]).unique()
        out[name] = frame.join(rows, on="·row", how="semi", maintain_order="left").drop("·row")
    return out


def _of_own_cohorts(tables: dict[str, pl.DataFrame], trainer: str) -> dict[str, pl.DataFrame]:
    """Restrict the tables that a selection of cohorts leaves whole."""
    cohorts, sessions = tables["cohorts"], tables["sessions"]
    iterations = cohorts["iteration"].drop_nulls().unique().implode()
    here = pl.col("cohort_id").is_null() | pl.col("cohort_id").is_in(cohorts["cohort_id"].implode())
    empty = pl.lit(None, pl.String)
    return {
        "feedback": tables["feedback"]
        .join(sessions, on="session_id", how="semi")
        .with_columns(learner_id=empty, source_id=empty, record=pl.lit(None, pl.Int64)),
        "adaptations": tables["adaptations"]
        .join(cohorts, on="cohort_id", how="semi")
        .with_columns(learner_id=empty),
        "changes": tables["changes"].filter(pl.col("iteration").is_in(iterations)),
        "coverage": tables["coverage"].filter(here),
        "workload": tables["workload"].filter(trainer_id=trainer),
        "assessments": tables["assessments"].filter(
            pl.col("session_id").is_null() | pl.col("session_id").is_in(sessions["session_id"].implode())
        ),
    }


def _cited_sources(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Keep the sources that the rows left come from; their account is of the whole programme."""
    cited = pl.concat(
        [frame.select("source_id") for name, frame in tables.items() if "source_id" in frame.columns
         and name not in ("sources", "account")]
    ).drop_nulls().unique()  # fmt: skip
    cohorts = tables["cohorts"]["cohort_id"].implode()
    kept = tables["sources"].join(cited, on="source_id", how="semi")
    own = pl.when(pl.col("cohort_id").is_in(cohorts)).then("cohort_id")
    return {"sources": kept.with_columns(own.alias("cohort_id")), "account": tables["account"].clear()}
