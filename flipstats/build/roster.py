"""The roster: who is staff, who is a learner, in which cohort, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from flipstats.build.people import Directory, is_staff
from flipstats.build.sheets import normal
from flipstats.i18n import Notice
from flipstats.studyfile import StudyFile

if TYPE_CHECKING:
    from flipstats.build import SourceReading

# Who is listed in these exports is in the course, whether they ever did anything or not.
_ROSTERS = (
    "moodle_participants",
    "moodle_completion",
    "moodle_course_completion",
    "openedx_grades",
    "moodle_webservice",
)
# Whose list of people says who teaches, by the roles of the course.
_ROLES = ("moodle_webservice",)
_GUESTS = ("moodle_log", "moodle_users")
_PERSONS = {"person": pl.String, "learner_id": pl.String, "who": pl.String}


class Roster:
    """Who is in the study.

    Attributes
    ----------
    ids : list of str
        The pseudonym of each person of the directory.
    enrolled : dict of int to set of str
        Person (index in the directory) to cohorts.
    staff : set of int
        Persons who are staff: by the study file, by their role, by a decision.
    guests : set of int
        Accounts that stand for whoever looks in without logging in.
    """

    def __init__(
        self,
        file: StudyFile,
        directory: Directory,
        key: bytes,
        sources: list[SourceReading],
        group_of: Mapping[str, str],
        cohorts: list[str],
    ) -> None:
        self.directory = directory
        self.ids = directory.learner_ids(key)
        self._sources = {source.source_id: source for source in sources}
        self.staff = {i for i, p in enumerate(directory.people) if is_staff(p, file.privacy.staff)}
        self.staff |= {*self._with_role("staff", _ROLES), *directory.staff}
        self.guests = set(self._with_role("guest", _GUESTS))
        self.enrolled = self._enrol(group_of, cohorts)

    def persons(self, source: SourceReading) -> pl.DataFrame:
        """Return ``person, learner_id, who`` for one source; see `flipstats.build.resolve.to_learners`."""
        rows = []
        for person in source.reading.people["person"].unique(maintain_order=True):
            index = self.directory.of_node.get((source.source_id, person))
            if index is None:
                rows.append((person, None, "homonym"))
            elif index in self.guests:
                rows.append((person, None, "guest"))
            elif index in self.staff:
                rows.append((person, None, "staff"))
            elif index in self.enrolled:
                rows.append((person, self.ids[index], "learner"))
            else:
                rows.append((person, None, "stranger"))
        return pl.DataFrame(rows, schema=_PERSONS, orient="row")

    def namesakes(self, source: SourceReading) -> set[str]:
        """Return the learners whom a log may hold under a name that two people share."""
        shared = {
            person: could_be
            for (source_id, person), could_be in self.directory.ambiguous.items()
            if source_id == source.source_id
        }
        seen: set[str] = set()
        for events in source.reading.parts("events") if shared else ():
            seen |= set(events["person"].unique())
        return {self.ids[i] for person in seen & shared.keys() for i in shared[person] if i in self.enrolled}

    def notices(self) -> list[Notice]:
        """Say how many learners one LMS knows under several names: each is one, by identifier."""
        called: dict[int, set[frozenset[str]]] = defaultdict(set)
        for source_id, source in self._sources.items():
            if source.reading.format.startswith("moodle"):
                people = source.reading.people.filter(pl.col("kind") == "name")
                for person, name in people.select("person", "value").iter_rows():
                    index = self.directory.of_node.get((source_id, person))
                    if index in self.enrolled:
                        called[index].add(frozenset(normal(name).split()))
        n = sum(len(names) > 1 for names in called.values())
        return [Notice("people.renamed", n=n)] if n else []

    def by_default(
        self, stated: set[tuple[str, str]], cohorts: pl.DataFrame, sessions: pl.DataFrame
    ) -> pl.DataFrame:
        """Return the enrolments no export dates: from the start of the cohort on.

        A cohort that "starts" with its first session had its course open before it, nobody knows since when.
        """
        rows = [
            (self.ids[i], cohort)
            for i, names in self.enrolled.items()
            for cohort in sorted(names)
            if (self.ids[i], cohort) not in stated
        ]
        frame = pl.DataFrame(rows, schema={"learner_id": pl.String, "cohort_id": pl.String}, orient="row")
        first = sessions.group_by("cohort_id").agg(pl.col("starts_at").min().alias("·first"))
        starts = (
            cohorts.join(first, on="cohort_id", how="left")
            .filter(pl.col("starts_at") < pl.col("·first"))
            .select("cohort_id", pl.col("starts_at").alias("enrolled_at"))
        )
        return frame.join(starts, on="cohort_id", how="left", maintain_order="left")

    def _with_role(self, role: str, formats: tuple[str, ...]) -> Iterator[int]:
        for source_id, source in self._sources.items():
            people = source.reading.people
            named = (pl.col("kind") == "role") & (pl.col("value") == role)
            for person in people.filter(named)["person"] if source.reading.format in formats else ():
                index = self.directory.of_node.get((source_id, person))
                if index is not None:
                    yield index

    def _enrol(self, group_of: Mapping[str, str], cohorts: list[str]) -> dict[int, set[str]]:
        """By group of the LMS, by the cohort a source is declared to be of, by a source's own table."""
        enrolled: dict[int, set[str]] = defaultdict(set)
        any_group = any(person.groups for person in self.directory.people)
        for i, person in enumerate(self.directory.people):
            if i in self.staff or i in self.guests:
                continue
            if i in self.directory.admitted:
                enrolled[i].add(self.directory.admitted[i])
            enrolled[i] |= {group_of[normal(g)] for _, g in person.groups if normal(g) in group_of}
            for source_id, _ in person.nodes:
                source = self._sources[source_id]
                if source.reading.format in _ROSTERS and "learners" in source.reading.tables:
                    if source.source.cohort is not None:
                        enrolled[i].add(source.source.cohort)
                    elif not any_group and len(cohorts) == 1:
                        enrolled[i].add(cohorts[0])
        for source in self._sources.values():
            own = source.reading.tables.get("enrolments")
            if own is not None:
                for person, cohort in own.select("person", "cohort_id").iter_rows():
                    index = self.directory.of_node.get((source.source_id, person))
                    if index is not None and index not in self.staff:
                        enrolled[index].add(cohort)
        return {i: names for i, names in enrolled.items() if names}


def dated_by_log(
    enrolments: pl.DataFrame, stated: set[tuple[str, str]], events: pl.DataFrame, coverage: pl.DataFrame
) -> pl.DataFrame:
    """Put the days a log shows somebody enrolled, or taken off the course, in the place of the default.

    A learner counts as withdrawn who was taken off and not enrolled again. Enrolments that an export states
    itself, and cohorts the log does not cover, stay as they are.
    """
    courses = coverage.select("source_id", "cohort_id").unique()
    seen = (
        events.filter(pl.col("verb").is_in(["enrolled", "unenrolled"]))
        .join(courses, on="source_id")
        .group_by("learner_id", "cohort_id")
        .agg(
            pl.col("at").filter(pl.col("verb") == "enrolled").min().alias("·first"),
            pl.col("at").filter(pl.col("verb") == "enrolled").max().alias("·last"),
            pl.col("at").filter(pl.col("verb") == "unenrolled").max().alias("·off"),
        )
    )
    own = pl.DataFrame(sorted(stated), schema={"learner_id": pl.String, "cohort_id": pl.String}, orient="row")
    seen = seen.join(own, on=["learner_id", "cohort_id"], how="anti")
    off = pl.when(pl.col("·last").is_null() | (pl.col("·off") > pl.col("·last"))).then(pl.col("·off"))
    return (
        enrolments.join(seen, on=["learner_id", "cohort_id"], how="left", maintain_order="left")
        .with_columns(
            enrolled_at=pl.coalesce("·first", "enrolled_at"), withdrawn_at=pl.coalesce("withdrawn_at", off)
        )
        .drop("·first", "·last", "·off")
    )
