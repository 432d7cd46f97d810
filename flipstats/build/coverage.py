"""Which source can tell which level, about whom and until when: the difference between unknown and zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from flipstats import schema
from flipstats.build.resolve import own_resource_id, with_keys

if TYPE_CHECKING:
    from flipstats.build import SourceReading
    from flipstats.build.events import Seen

# What is done rather than seen: being completed is the only way it can be substantially consulted.
_DONE_KINDS = ("quiz", "assignment", "feedback")
_LOGS = ("moodle_log", "moodle_logstore")
_COMPLETIONS = ("moodle_completion",)
# Of a resource that nobody opened, these do not tell whether they would have known.
_STATEMENTS = ("xapi", "openedx_log")


def coverage_rows(
    source: SourceReading,
    seen: Seen,
    index: pl.DataFrame,
    resources: pl.DataFrame,
    plan: pl.DataFrame,
    sessions: pl.DataFrame,
    enrolments: pl.DataFrame,
) -> pl.DataFrame:
    """Return the coverage of one source, without its ``source_id``.

    A log covers the cohorts that it shows to be in its course: one of their learners, or one of the resources
    planned for them, is in it. A source that says itself what it covers is taken at its word.

    Parameters
    ----------
    seen : Seen
        What the events kept of this source show.
    index : DataFrame
        What the sheets say a resource key means; see `flipstats.build.declared`.
    """
    own = source.reading.tables.get("coverage")
    if own is not None:
        return own
    covers_to = source.reading.covers_to or seen.last
    if covers_to is None:
        return schema.TABLES["coverage"].empty().drop("source_id")
    levels = _levels(source, seen, resources, index)
    cohorts = _cohorts(source, seen, plan, sessions, enrolments)
    return levels.join(cohorts, how="cross").with_columns(
        covers_from=pl.lit(source.reading.covers_from, schema.TIME),
        covers_to=pl.lit(covers_to, schema.TIME),
        basis=pl.lit(source.reading.basis),
    )


def _levels(source: SourceReading, seen: Seen, resources: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    form, declared = source.reading.format, source.source.covers_levels
    if declared:
        rows = [(None, level) for level in declared]
    elif told := source.reading.levels:
        # Of the kinds it speaks of, also what nobody opened: a video without a viewer is not in its report.
        kinds = source.reading.kinds
        mine = resources.filter(pl.col("kind").is_in(kinds))["resource_id"] if kinds else [None]
        rows = [(resource, level) for resource in mine for level in told]
    elif form in _LOGS and seen.any_consulted:
        rows = [(None, "opened")]
    elif form in _STATEMENTS:
        rows = list(_levels_seen(seen))
    elif form in _COMPLETIONS:
        rows = list(_completion_levels(source, resources, index))
    else:
        rows = []
    return pl.DataFrame(rows, schema={"resource_id": pl.String, "level": pl.String}, orient="row")


def _levels_seen(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield what statements tell of each resource they speak of, as what they say of anybody shows it."""
    for resource_id, in_part, whole in seen.told.iter_rows():
        yield resource_id, "opened"
        if in_part:
            yield resource_id, "substantial"
        if whole:
            yield resource_id, "completed"


def _completion_levels(
    source: SourceReading, resources: pl.DataFrame, index: pl.DataFrame
) -> Iterator[tuple[str, str]]:
    """Yield what a completion report tells of each activity it has a column for, ticked by nobody or not."""
    own = with_keys(source.reading.tables["resources"]).rename({"resource": "key"})
    named = own.join(index, on="key", how="semi")
    listed = pl.concat(
        [
            index.join(named, on="key", how="semi")["resource_id"],
            own.select(own_resource_id("key"))["key"],
        ]
    )
    rows = resources.filter(pl.col("resource_id").is_in(listed.implode()))
    for resource_id, kind, means in rows.select("resource_id", "kind", "completion_means").iter_rows():
        if means == "view":
            yield resource_id, "opened"
        elif means == "grade":
            yield resource_id, "completed"
            if kind in _DONE_KINDS:
                yield resource_id, "substantial"
        elif means == "declared":
            yield resource_id, "declared"


def _cohorts(
    source: SourceReading,
    seen: Seen,
    plan: pl.DataFrame,
    sessions: pl.DataFrame,
    enrolments: pl.DataFrame,
) -> pl.DataFrame:
    if source.source.cohort is not None:
        return pl.DataFrame({"cohort_id": [source.source.cohort]})
    there = pl.DataFrame({"learner_id": list(seen.learners)}, schema={"learner_id": pl.String})
    by_learner = enrolments.join(there, on="learner_id", how="semi").select("cohort_id")
    planned = plan.join(sessions.select("session_id", "cohort_id"), on="session_id")
    by_resource = planned.join(seen.told, on="resource_id", how="semi").select("cohort_id")
    return pl.concat([by_learner, by_resource]).unique().sort("cohort_id")
