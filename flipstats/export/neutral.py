"""What every export leaves out: names of files, remarks of the build, what was declared about others."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from flipstats.study import Study
from flipstats.studyfile import StudyFile

_KEPT_PROVENANCE = ("built_at", "python", "versions")  # inputs and warnings tell names of files and people


def provenance(study: Study) -> dict[str, object]:
    """Return what may be told of the build."""
    return {name: study.provenance[name] for name in _KEPT_PROVENANCE if name in study.provenance}


def study_file(study: Study) -> StudyFile:
    """Return the study file without exports, declared cohorts, staff and learners' covariates."""
    design = study.design.model_copy(
        update={
            name: tuple(column for column in getattr(study.design, name) if not column.startswith("x_"))
            for name in ("adjust", "moderators")
        }
    )
    return study.file.public().model_copy(update={"design": design, "sources": (), "cohorts": ()})


def nameless_sources(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables with sources called by their format and a number: a file's name may name a person."""
    sources = tables["sources"].sort("format", "sha256", "source_id")
    number = pl.int_range(1, pl.len() + 1).over("format").cast(pl.String)
    renamed = sources.with_columns(pl.concat_str("format", number, separator="-").alias("·name"))
    new = dict(renamed.select("source_id", "·name").iter_rows())
    named = pl.col("source_id").replace_strict(new, default=None, return_dtype=pl.String)
    out = {
        name: frame.with_columns(named) if "source_id" in frame.columns and name != "sources" else frame
        for name, frame in tables.items()
    }
    return out | {"sources": renamed.with_columns(source_id="·name", file="·name").drop("·name")}
