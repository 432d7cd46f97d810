"""What a manager may see: answers about groups large enough, and the programme's plan; no learner at all."""

from __future__ import annotations

import polars as pl

from flipstats import schema
from flipstats.errors import ParameterError
from flipstats.export import neutral
from flipstats.export.answers import answers
from flipstats.export.comparisons import comparisons
from flipstats.export.hours import hours
from flipstats.export.memory import in_memory
from flipstats.i18n import t
from flipstats.served import Served
from flipstats.study import Study
from flipstats.themes import comment_themes

_KEPT = (
    "cohorts",
    "sessions",
    "resources",
    "plan",
    "coverage",
    "assessments",
    "changes",
    "workload",
    "sources",
)
_COUNTS = ("rows_read", "rows_kept", "rows_merged", "rows_set_aside")


def for_manager(study: Study) -> Study:
    """Return the study as answers: every table that speaks of learners is empty.

    What may be asked, and of which groups, is in `answers.LATTICE`. Small cells are hidden over all of it at
    once, so that no table, iteration or group can be subtracted from another to find one.

    Raises
    ------
    ParameterError
        Fewer learners than the smallest cell in all.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> for_manager(study()).has("learners")
    False
    """
    smallest, learners = study.thresholds.smallest_cell, study.n_learners
    if learners < smallest:
        raise ParameterError(t("export.too_few", n=smallest))
    study = in_memory(study)
    tables = {name: study.table(name).collect() for name in _KEPT}
    tables["sources"] = tables["sources"].filter(pl.col("rows_read") > 0)
    tables |= {"coverage": tables["coverage"].join(tables["sources"], on="source_id", how="semi")}
    tables = _by_format(neutral.nameless_sources(tables))
    given, questions = answers(study, smallest)
    aside = {
        "hours": hours(study, hide=True).to_dicts(),
        "items": questions,
        "themes": comment_themes(study, role="manager").to_dict(),
    }
    served = Served(given, learners, comparisons(study, smallest, given), aside)
    empty = {name: spec.empty() for name, spec in schema.TABLES.items() if name not in _KEPT}
    return Study(
        schema.validate({**tables, **empty}),
        neutral.study_file(study),
        provenance=neutral.provenance(study),
        role="manager",
        served=served,
    )


def _by_format(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Put the sources of one format together: one attendance sheet's rows are one group's learners.

    The last instant in a log is something somebody did: only its day is kept.
    """
    of = dict(tables["sources"].select("source_id", "format").iter_rows())
    sources = tables["sources"].group_by("format", maintain_order=True).agg(
        pl.col("covers_to").max(), pl.col(_COUNTS).sum(), language=pl.lit(None, pl.String),
        timezone=pl.col("timezone").first(), cohort_id=pl.lit(None, pl.String), sha256=pl.lit("–"),
    )  # fmt: skip
    day = pl.col("covers_to").dt.truncate("1d")
    coverage = tables["coverage"].with_columns(
        pl.col("source_id").replace_strict(of, return_dtype=pl.String),
        pl.when(pl.col("basis") == "last_event").then(day).otherwise("covers_to").alias("covers_to"),
    )
    named = sources.with_columns(pl.col("format").alias("source_id"), pl.col("format").alias("file"))
    return tables | {"sources": named.with_columns(day), "coverage": coverage.unique(maintain_order=True)}
