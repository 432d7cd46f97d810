"""One study out of many readings: tables joined, coverage worked out, every record's fate written down."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flipstats import schema
from flipstats.build import meetings, resolve
from flipstats.build.accounts import Accounts
from flipstats.build.coverage import coverage_rows
from flipstats.build.declared import Declared
from flipstats.build.events import Events, conformed
from flipstats.build.people import Directory
from flipstats.build.roster import Roster, dated_by_log
from flipstats.build.timetable import calendar_times
from flipstats.errors import StudyFileError
from flipstats.i18n import Notice, listing, t
from flipstats.studyfile import StudyFile

if TYPE_CHECKING:
    from flipstats.build import SourceReading

_OWN_PLAN = ("cohorts", "sessions", "plan")
_OTHERS = ("assessments", "feedback", "contacts", "adaptations", "changes", "workload")


class Assembly:
    """The state of one build; `tables` runs it, and writes what may be large to the folder `spool`."""

    def __init__(
        self,
        file: StudyFile,
        declared: Declared,
        directory: Directory,
        key: bytes,
        sources: list[SourceReading],
        spool: Path,
    ) -> None:
        self.file, self.declared, self.sources, self.spool = file, declared, sources, spool
        own = [s.reading.tables["cohorts"]["cohort_id"] for s in sources if "cohorts" in s.reading.tables]
        cohorts = [c for column in (declared.tables["cohorts"]["cohort_id"], *own) for c in column]
        self.roster = Roster(file, directory, key, sources, declared.group_of, cohorts)
        self.warnings = [*gathered(sources), *self.roster.notices()]
        self.events = Events(spool)
        self._account: pl.LazyFrame | None = None
        self._out: dict[str, list[pl.DataFrame]] = defaultdict(list)
        self._dropped: dict[str, list[pl.DataFrame]] = defaultdict(list)
        self._unlinked: set[str] = set()
        self._stated: set[tuple[str, str]] = set()

    def tables(self) -> dict[str, pl.DataFrame | pl.LazyFrame]:
        """Return the canonical tables of the study; events and the account lie in `spool`, to be scanned."""
        for name, frame in self.declared.tables.items():
            self._add(name, frame)
        for source in self.sources:  # the timetable and the plan of sources that bring their own
            self._pass_through(source, _OWN_PLAN)
        self._planned_times()
        self._enrol()
        for source in self.sources:
            self._take(source)
        self._merge_attendance()
        self._assessments_of_attempts()
        self._learners()
        self._resources_seen()
        self._coverage()
        self._enrolment_days()
        self._sources_and_account()
        spooled = {"events": self.events.table(), "account": self._account}
        tables = {name: self._table(name) for name in schema.TABLES if self._out.get(name)}
        return tables | {name: table for name, table in spooled.items() if table is not None}

    # ----------------------------------------------------------------------------------------- bookkeeping

    def _add(self, name: str, frame: pl.DataFrame, source: SourceReading | None = None) -> None:
        if frame.is_empty():
            return
        self._out[name].append(conformed(name, frame, source))

    def _table(self, name: str) -> pl.DataFrame:
        parts = self._out.get(name)
        if not parts:
            return schema.TABLES[name].empty()
        if len(parts) > 1:
            self._out[name] = [pl.concat(parts, how="diagonal")]
        return self._out[name][0]

    def _replace(self, name: str, frame: pl.DataFrame) -> None:
        self._out[name] = [frame]

    def _drop(self, source: SourceReading, gone: pl.DataFrame) -> None:
        if not gone.is_empty():
            self._dropped[source.source_id].append(gone)

    # -------------------------------------------------------------------------------------------- roster

    def _enrol(self) -> None:
        """Put down enrolments that an export dates, then the others from their cohort's start: flagged."""
        for source in self.sources:
            own = source.reading.tables.get("enrolments")
            if own is not None:
                kept, gone = resolve.to_learners(own, self.roster.persons(source))
                self._drop(source, gone)
                self._add("enrolments", kept, source)
                self._stated |= set(kept.select("learner_id", "cohort_id").iter_rows())
        others = self.roster.by_default(self._stated, self._table("cohorts"), self._table("sessions"))
        self._add("enrolments", others)

    # --------------------------------------------------------------------------------------- one source

    def _take(self, source: SourceReading) -> None:
        tables, persons = source.reading.tables, self.roster.persons(source)
        enrolments = self._table("enrolments")
        self._unlinked |= self.roster.namesakes(source)
        self._pass_through(source, _OTHERS)
        self._take_events(source, persons, enrolments)
        if "attempts" in tables:
            self._take_attempts(source, persons, enrolments)
        if "attendance" in tables:
            self._take_attendance(source, persons, enrolments)
        if "absences" in tables:
            kept, gone = resolve.to_learners(tables["absences"], persons)
            self._drop(source, gone)
            self._out["·absences"].append(kept)
        if "learners" in tables:
            self._covariates(source, persons)
        self._course_completions(source, persons)

    def _take_events(self, source: SourceReading, persons: pl.DataFrame, enrolments: pl.DataFrame) -> None:
        for events in source.reading.parts("events"):
            kept, gone = resolve.to_learners(events, persons)
            kept = resolve.to_resources(kept, self.declared, enrolments)
            self._drop(source, gone)
            kept = resolve.completion_verbs(kept, self._table("resources"))
            self.events.add(source.source_id, conformed("events", kept, source))

    def _pass_through(self, source: SourceReading, names: tuple[str, ...]) -> None:
        """Take tables that come with the study's own keys; a calendar's entries are not yet sessions."""
        for name in names:
            frame = source.reading.tables.get(name)
            if frame is None or (name == "sessions" and "cohort_id" not in frame.columns):
                continue
            if "person" in frame.columns:
                frame, gone = resolve.to_learners(frame, self.roster.persons(source))
                self._drop(source, gone)
            if name == "feedback":
                frame = self._answered(source, frame)
            self._add(name, frame, source)

    def _answered(self, source: SourceReading, answers: pl.DataFrame) -> pl.DataFrame:
        """Give answers the session of the meeting they were given in, else the learner's session before."""
        tables, planned = source.reading.tables, (self._table("sessions"), self._table("enrolments"))
        if "meeting" not in answers.columns or not {"attendance", "meetings"} <= tables.keys():
            return resolve.feedback_sessions(answers, *planned)
        there, _ = resolve.to_learners(tables["attendance"], self.roster.persons(source))
        return meetings.answers_of_meetings(
            answers, meetings.meeting_sessions(there, tables["meetings"], *planned)
        )

    def _take_attempts(self, source: SourceReading, persons: pl.DataFrame, enrolments: pl.DataFrame) -> None:
        kept, gone = resolve.to_learners(source.reading.tables["attempts"], persons)
        self._drop(source, gone)
        nobody = kept.filter(pl.col("learner_id").is_null()).select("record", reason=pl.lit("anonymous"))
        self._drop(source, nobody.unique())
        kept = kept.drop_nulls("learner_id")
        if "assessment_id" not in kept.columns:
            sessions = self._table("sessions")
            kept, gone = resolve.to_assessments(kept, source.path.name, self.declared, sessions, enrolments)
            self._drop(source, gone)
        if "item_id" in kept.columns and kept["item_id"].dtype != pl.String:
            kept = kept.with_columns(pl.col("item_id").cast(pl.String))
        self._add("attempts", kept, source)

    def _take_attendance(
        self, source: SourceReading, persons: pl.DataFrame, enrolments: pl.DataFrame
    ) -> None:
        kept, gone = resolve.to_learners(source.reading.tables["attendance"], persons)
        self._drop(source, gone)
        if "session_id" not in kept.columns:
            met = source.reading.tables["meetings"]
            kept, gone = meetings.to_sessions(kept, met, self._table("sessions"), enrolments)
            self._drop(source, gone)
        position = pl.lit(len(self._out["attendance"])).alias("·source")
        spec = schema.conform(
            "attendance",
            kept.with_columns(source_id=pl.lit(source.source_id)).select(
                c for c in (*kept.columns, "source_id") if c in schema.TABLES["attendance"].by_name
            ),
        ).collect()
        self._out["attendance"].append(spec.with_columns(position))

    def _merge_attendance(self) -> None:
        if not self._out.get("attendance"):
            return
        kept, merged = meetings.one_attendance(pl.concat(self._out["attendance"]))
        if absences := self._out.pop("·absences", None):
            kept = meetings.excused(kept, pl.concat(absences), self._table("sessions"))
        self._replace("attendance", schema.conform("attendance", kept).collect())
        for (source_id,), rows in merged.group_by("source_id"):
            self._dropped[source_id].append(
                rows.select("record", (pl.lit("merged:") + pl.col("reason")).alias("reason"))
            )

    def _covariates(self, source: SourceReading, persons: pl.DataFrame) -> None:
        own = source.reading.tables["learners"]
        extras = [c for c in own.columns if c.startswith("x_") or c in ("tracking", "calendar")]
        if extras:
            kept, gone = resolve.to_learners(own, persons)
            self._drop(source, gone)
            self._out["·covariates"].append(kept.select("learner_id", *extras))

    def _course_completions(self, source: SourceReading, persons: pl.DataFrame) -> None:
        """Course completion by the LMS is the declared rule only where the study says ``recorded``."""
        done = source.reading.tables.get("course_completions")
        if done is None or self.file.design.completion_rule != "recorded":
            return
        kept, _ = resolve.to_learners(done, persons)
        known = kept.drop_nulls("completed_at").select("learner_id", "completed_at").unique("learner_id")
        current = self._table("enrolments")
        merged = current.join(known, on="learner_id", how="left", suffix="_new", maintain_order="left")
        self._replace(
            "enrolments",
            merged.with_columns(completed_at=pl.coalesce("completed_at", "completed_at_new")).drop(
                "completed_at_new"
            ),
        )

    # ---------------------------------------------------------------------------------- whole-study tables

    def _planned_times(self) -> None:
        """Fill planned times the sheet leaves blank from a calendar, by cohort name and session number."""
        sessions = self._table("sessions")
        blank = sessions.filter(pl.col("starts_at").is_null() | pl.col("ends_at").is_null())
        if blank.is_empty():
            return
        found = calendar_times(self.sources, blank)
        filled = sessions.join(found, on="session_id", how="left", maintain_order="left").with_columns(
            starts_at=pl.coalesce("starts_at", "·starts"), ends_at=pl.coalesce("ends_at", "·ends")
        )
        missing = filled.filter(pl.col("starts_at").is_null() | pl.col("ends_at").is_null())[
            "session_id"
        ].to_list()
        if missing:
            raise StudyFileError(t("build.no_times", n=len(missing), sessions=listing(missing[:5])))
        self._replace("sessions", filled.drop("·starts", "·ends"))

    def _assessments_of_attempts(self) -> None:
        sessions = set(self._table("sessions")["session_id"])
        known = set(self._table("assessments")["assessment_id"]) if self._out.get("assessments") else set()
        used = self._table("attempts")["assessment_id"].unique().sort().to_list()
        rows = []
        for line in self.declared.assessments:
            mine = [a for a in used if a == line.slug or a.startswith(line.slug + "@")] or [line.slug]
            for assessment in mine:
                if assessment not in known:
                    known.add(assessment)
                    session = assessment.partition("@")[2]
                    rows.append(
                        (
                            assessment,
                            session if session in sessions else None,
                            line.title,
                            line.role,
                            line.maximum,
                            line.due_at,
                        )
                    )
        names = ("assessment_id", "session_id", "title", "role", "max_score", "due_at")
        spec = schema.TABLES["assessments"].by_name
        self._add("assessments", pl.DataFrame(rows, schema={n: spec[n].dtype for n in names}, orient="row"))

    def _learners(self) -> None:
        ids = self._table("enrolments")["learner_id"].unique().sort()
        frame = pl.DataFrame({"learner_id": ids})
        if parts := self._out.pop("·covariates", None):
            extra = pl.concat(parts, how="diagonal").unique("learner_id", keep="first", maintain_order=True)
            frame = frame.join(extra, on="learner_id", how="left", maintain_order="left")
        stated = pl.col("tracking") if "tracking" in frame.columns else pl.lit(None, pl.String)
        unlinked = pl.col("learner_id").is_in(sorted(self._unlinked))
        self._add(
            "learners",
            frame.with_columns(
                tracking=pl.when(stated.eq_missing("withdrawn"))
                .then(pl.lit("withdrawn"))
                .when(unlinked)
                .then(pl.lit("unlinked"))
                .otherwise(stated.fill_null("traced"))
            ),
        )
        if self._unlinked:
            self.warnings.append(Notice("build.unlinked", n=len(self._unlinked)))

    def _resources_seen(self) -> None:
        """Add resources the sheets do not declare, with the title and kind their source gives."""
        parts = []
        for source in self.sources:
            own = source.reading.tables.get("resources")
            if own is None:
                continue
            if "resource_id" in own.columns:
                parts.append(own)
            else:
                keyed = resolve.with_keys(own)
                parts.append(keyed.with_columns(resource_id=resolve.own_resource_id("resource")))
        seen = pl.DataFrame({"resource_id": sorted(self.events.resources)}, schema={"resource_id": pl.String})
        described = pl.concat(parts, how="diagonal") if parts else schema.TABLES["resources"].empty()
        described = described.select(c for c in described.columns if c in schema.TABLES["resources"].by_name)
        final = any(
            "resource_id" in s.reading.tables.get("resources", pl.DataFrame()).columns for s in self.sources
        )
        known = self._table("resources").select("resource_id")
        wanted = described if final else described.join(seen, on="resource_id", how="semi")
        new = wanted.join(known, on="resource_id", how="anti").unique(
            "resource_id", keep="first", maintain_order=True
        )
        if "traced" not in new.columns:
            new = new.with_columns(traced=pl.lit(value=True))
        self._add("resources", new.with_columns(pl.col("traced").fill_null(value=True)))
        left = seen.join(self._table("resources").select("resource_id"), on="resource_id", how="anti")
        self._add("resources", left.with_columns(traced=pl.lit(value=True)))

    def _coverage(self) -> None:
        tables = [self._table(name) for name in ("resources", "plan", "sessions", "enrolments")]
        for source in self.sources:
            seen = self.events.seen[source.source_id]
            self._add("coverage", coverage_rows(source, seen, self.declared.index, *tables), source)

    def _enrolment_days(self) -> None:
        shown, coverage = self.events.enrolments(), self._table("coverage")
        dated = dated_by_log(self._table("enrolments"), self._stated, shown, coverage)
        self._replace("enrolments", dated)
        shown = shown.filter(pl.col("verb") == "enrolled")["learner_id"].unique()
        stated = {learner for learner, _ in self._stated} | set(shown)
        undated = set(dated["learner_id"]) - stated
        if undated:
            self.warnings.append(Notice("build.enrolled_at_default", n=len(undated)))

    def _sources_and_account(self) -> None:
        kept = [self._table(name) for name in ("attempts", "attendance", "feedback")]
        accounts = Accounts(self.spool, self._dropped, kept, self.events)
        for source in self.sources:
            self._add("sources", accounts.settle(source))
        self._account = accounts.table()


def gathered(sources: list[SourceReading]) -> list[Notice]:
    """Say once what several files give cause to say, with how many they are."""
    by_text: dict[str, list[tuple[str, Notice]]] = defaultdict(list)
    for source in sources:
        for notice in source.reading.warnings:
            rest = {name: value for name, value in notice.values.items() if name != "file"}
            by_text[notice.key + repr(rest)].append((source.path.name, notice))
    out = []
    for group in by_text.values():
        file, notice = group[0]
        if len(group) > 1:
            notice = Notice(notice.key, **{**notice.values, "file": f"{file} (+{len(group) - 1})"})
        out.append(notice)
    return out
