"""The tables of a study, declared: columns, types, units, allowed values, keys and references.

These are the logical tables: ids are strings, times are UTC. `store.py` says how they lie on disk. The
meaning of each column, French and English, is in the catalogue (`schema.toml`), and the data dictionary is
generated from both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

TIME = pl.Datetime("us", "UTC")
_DTYPES = {
    "id": pl.String,
    "code": pl.String,
    "text": pl.String,
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "time": TIME,
}

LEVELS = ("opened", "substantial", "completed")
OPENING_VERBS = ("viewed", "downloaded", "launched", "played", "started", "submitted", "failed")
COMPLETING_VERBS = ("completed", "passed")
# Time measured beside these lies before them; beside any other verb, from it on.
ENDING_VERBS = (*COMPLETING_VERBS, "failed", "submitted", "paused")
VERBS = (
    *OPENING_VERBS,
    *COMPLETING_VERBS,
    "declared",  # ticked by the learner: kept apart from what was observed
    "completion_updated",  # a state changed, the source does not say to what
    "paused",
    "graded",
    "course_viewed",
    "course_completed",
    "logged_in",
    "logged_out",
    "login_failed",
    "joined",
    "left",
    "enrolled",
    "unenrolled",
    "other",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its kind, unit, allowed values and what it refers to."""

    name: str
    kind: str
    required: bool = False
    unit: str | None = None
    allowed: tuple[str, ...] = ()
    refers_to: str | None = None
    low: float | None = None
    high: float | None = None

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of the column in a logical table."""
        return _DTYPES[self.kind]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, its key, and whether a study may add columns named ``x_…`` to it."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    extra: bool = False
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    @property
    def polars_schema(self) -> dict[str, pl.DataType]:
        """Column name to polars type, in order."""
        return {column.name: column.dtype for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        return pl.DataFrame(schema=self.polars_schema)


def _id(name: str, refers_to: str | None = None, *, required: bool = True) -> Column:
    return Column(name, "id", required=required, refers_to=refers_to)


def _code(name: str, *allowed: str, required: bool = False) -> Column:
    return Column(name, "code", required=required, allowed=allowed)


_LEARNER = _id("learner_id", "learners.learner_id")
_COHORT = _id("cohort_id", "cohorts.cohort_id")
_SESSION = _id("session_id", "sessions.session_id")
_RESOURCE = _id("resource_id", "resources.resource_id")
_ANY_LEARNER = _id("learner_id", "learners.learner_id", required=False)
_ANY_COHORT = _id("cohort_id", "cohorts.cohort_id", required=False)
_LINEAGE = (_id("source_id", "sources.source_id", required=False), Column("record", "int", low=1))

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "learners",
            (
                _id("learner_id"),
                _code("tracking", "traced", "withdrawn", "unlinked", required=True),
                Column("calendar", "text"),
            ),
            key=("learner_id",),
            extra=True,
        ),
        Table(
            "cohorts",
            (
                _id("cohort_id"),
                Column("title", "text"),
                Column("arm", "text"),
                Column("iteration", "int", low=0),
                Column("trainer_id", "id"),
                Column("site", "text"),
                Column("starts_at", "time"),
                Column("ends_at", "time"),
            ),
            key=("cohort_id",),
        ),
        Table(
            "enrolments",
            (
                _LEARNER,
                _COHORT,
                Column("enrolled_at", "time"),  # null: since before everything
                Column("withdrawn_at", "time"),
                Column("completed_at", "time"),
            ),
            key=("learner_id", "cohort_id"),
        ),
        Table(
            "sessions",
            (
                _id("session_id"),
                _COHORT,
                Column("sequence", "int", low=0),
                Column("title", "text"),
                _code("kind", "session", "self_study_slot", required=True),
                _code("modality", "room", "remote", "hybrid"),
                _code("format", "conventional", "flipped_actor", "flipped_author", "flipped_designer"),
                Column("starts_at", "time", required=True),
                Column("ends_at", "time", required=True),
                Column("active_min", "float", unit="min", low=0),
                Column("remediation_min", "float", unit="min", low=0),
            ),
            key=("session_id",),
        ),
        Table(
            "resources",
            (
                _id("resource_id"),
                Column("title", "text"),
                _code(
                    "kind",
                    "video",
                    "page",
                    "file",
                    "url",
                    "book",
                    "quiz",
                    "h5p",
                    "assignment",
                    "forum",
                    "scorm",
                    "feedback",
                    "virtual_class",
                    "other",
                ),
                Column("length_min", "float", unit="min", low=0),
                Column("traced", "bool", required=True),
                _code("completion_means", "view", "grade", "declared"),
            ),
            key=("resource_id",),
        ),
        Table(
            "plan",
            (
                _SESSION,
                _RESOURCE,
                _code("phase", "pre", "in", "post", required=True),
                Column("released_at", "time"),
                Column("mandatory", "bool", required=True),
            ),
            key=("session_id", "resource_id", "phase"),
        ),
        Table(
            "events",
            (
                _ANY_LEARNER,
                _id("resource_id", "resources.resource_id", required=False),
                Column("at", "time", required=True),
                _code("verb", *VERBS, required=True),
                Column("seconds", "float", unit="s", low=0),
                Column("progress", "float", unit="share", low=0, high=1),
                *_LINEAGE,
            ),
        ),
        Table(
            "coverage",
            (
                _id("source_id", "sources.source_id"),
                _ANY_COHORT,  # null: every cohort
                _id("resource_id", "resources.resource_id", required=False),  # null: every traced resource
                _code("level", *LEVELS, "declared", required=True),
                Column("covers_from", "time"),  # null: since before everything
                Column("covers_to", "time", required=True),
                _code("basis", "declared", "file_name", "last_event", required=True),
            ),
        ),
        Table(
            "assessments",
            (
                _id("assessment_id"),
                _id("session_id", "sessions.session_id", required=False),
                Column("title", "text"),
                _code(
                    "role",
                    "positioning",
                    "pre_quiz",
                    "start",
                    "summative",
                    "delayed",
                    "deliverable",
                    required=True,
                ),
                Column("max_score", "float", unit="points", low=0),
                Column("due_at", "time"),
            ),
            key=("assessment_id",),
        ),
        Table(
            "attempts",
            (
                _LEARNER,
                _id("assessment_id", "assessments.assessment_id"),
                Column("item_id", "id"),  # null: the assessment as a whole
                Column("attempt", "int", low=1),
                Column("score", "float", unit="share of maximum", low=0, high=1),
                Column("raw_score", "float", unit="points"),
                _code(
                    "missing_reason",
                    "no_attempt",
                    "in_progress",
                    "overdue",
                    "never_submitted",
                    "not_graded",
                    "other_group",
                    "not_taken",
                ),
                Column("started_at", "time"),
                Column("submitted_at", "time"),
                *_LINEAGE,
            ),
        ),
        Table(
            "attendance",
            (
                _LEARNER,
                _SESSION,
                _code("status", "present", "late", "absent", "excused", "not_taken", required=True),
                Column("minutes", "float", unit="min", low=0),
                Column("late_minutes", "float", unit="min", low=0),
                Column("signed_at", "time"),
                _code("proof", "live", "signature", "email", "import"),
                *_LINEAGE,
            ),
        ),
        Table(
            "feedback",
            (
                _ANY_LEARNER,
                _id("session_id", "sessions.session_id", required=False),
                _code("phase", "pre", "in", "post"),
                Column("item", "text", required=True),
                Column("rating", "float", unit="points"),
                Column("scale_max", "float", unit="points"),
                Column("comment", "text"),
                Column("at", "time"),
                *_LINEAGE,
            ),
        ),
        Table(
            "contacts",
            (
                _LEARNER,
                Column("at", "time", required=True),
                Column("answered_at", "time"),
                _code("kind", "reminder", "question", "tutoring", required=True),
            ),
        ),
        Table(
            "adaptations",
            (
                _ANY_LEARNER,
                _ANY_COHORT,
                Column("at", "time", required=True),
                Column("reason", "text"),
                Column("what", "text", required=True),
            ),
        ),
        Table(
            "changes",
            (
                Column("iteration", "int", required=True, low=0),
                Column("at", "time"),
                Column("what", "text", required=True),
            ),
        ),
        Table(
            "workload",
            (
                _COHORT,
                Column("trainer_id", "id"),
                Column("preparation_h", "float", unit="h", low=0),
                Column("taught_h", "float", unit="h", low=0),
            ),
        ),
        Table(
            "sources",
            (
                _id("source_id"),
                Column("file", "text", required=True),
                Column("sha256", "text", required=True),
                Column("format", "text", required=True),
                Column("language", "text"),
                Column("timezone", "text"),
                _ANY_COHORT,
                Column("covers_to", "time"),
                Column("rows_read", "int", required=True, low=0),
                Column("rows_kept", "int", required=True, low=0),
                Column("rows_merged", "int", required=True, low=0),
                Column("rows_set_aside", "int", required=True, low=0),
            ),
            key=("source_id",),
        ),
        Table(
            "account",
            (
                _id("source_id", "sources.source_id"),
                Column("record", "int", required=True, low=1),
                _code("outcome", "merged", "set_aside", "note", required=True),
                Column("reason", "code", required=True),
            ),
        ),
    )
}
