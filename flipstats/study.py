"""A study: the checked tables of one programme, and what was declared about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path

import polars as pl

from flipstats import schema
from flipstats.conventions import Thresholds
from flipstats.errors import ParameterError, StudyError, did_you_mean
from flipstats.i18n import Notice, t
from flipstats.served import Served
from flipstats.store import Store, write_snapshot
from flipstats.studyfile import Calendar, Design, Privacy, Programme, StudyFile, parse_study_file

_OF_COHORT = ("enrolments", "sessions", "workload")
_OF_SESSION = ("plan", "attendance")
_OF_LEARNER = ("events", "attempts", "contacts")


class Study:
    """The tables of one programme, opened lazily.

    Make one with `open_study` or `Study.from_frames`. A study never changes: `select` and `with_thresholds`
    give new ones.

    Attributes
    ----------
    file : StudyFile
        What was declared, with its sections `programme`, `design`, `calendar`, `privacy`.
    thresholds : Thresholds
        The thresholds in force.
    path : Path or None
        The study folder, where it was opened from one.
    store : Store or None
        The snapshot it was opened from.
    stored_facts : LazyFrame or None
        Stage one as it was stored; `flipstats.facts.of_study` gives it, or makes it where it is None.
    provenance : dict
        What the build recorded: versions, hashes of the inputs, when.
    role : {"research", "manager", "trainer"}
        For whom it was exported; ``research`` for the whole study.
    served : Served or None
        What an export for managers holds in place of learners.
    """

    def __init__(
        self,
        tables: Mapping[str, pl.LazyFrame],
        file: StudyFile,
        *,
        stored_facts: pl.LazyFrame | None = None,
        path: Path | None = None,
        store: Store | None = None,
        provenance: Mapping[str, object] | None = None,
        role: str = "research",
        served: Served | None = None,
        coded: Callable[[], Study] | None = None,
        parts: Callable[[], Iterator[pl.LazyFrame]] | None = None,
    ) -> None:
        self._tables = dict(tables)
        self._make_coded = coded
        self._parts = parts
        self.role = role
        self.served = served
        self.stored_facts = stored_facts
        self._has: dict[str, bool] = {}
        self.file = file
        self.path = path
        self.store = store
        self.provenance = dict(provenance or {})

    @classmethod
    def from_frames(
        cls,
        *,
        programme: Programme | Mapping[str, object] | None = None,
        design: Design | Mapping[str, object] | None = None,
        thresholds: Mapping[str, float] | None = None,
        **tables: pl.DataFrame | pl.LazyFrame,
    ) -> Study:
        """Make a study from frames in memory; every rule of the schema is checked.

        Parameters
        ----------
        programme, design : mapping, optional
            The sections ``[programme]`` and ``[design]`` of the study file.
        thresholds : mapping, optional
            Thresholds that differ from the defaults.
        **tables : DataFrame or LazyFrame
            Tables by name; see `flipstats.schema.TABLES`.

        Raises
        ------
        SchemaError
            A table breaks the schema.

        Examples
        --------
        >>> study = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"], "arm": ["flipped"]}))
        >>> study.table("cohorts").collect().height, study.has("events")
        (1, False)
        """
        content = {
            "programme": _section(programme),
            "design": _section(design),
            "thresholds": dict(thresholds or {}),
        }
        return cls(schema.validate(tables), parse_study_file(content, "Study.from_frames"))

    # ------------------------------------------------------------------------------------ what it holds

    @property
    def programme(self) -> Programme:
        """The section ``[programme]``."""
        return self.file.programme

    @property
    def design(self) -> Design:
        """The section ``[design]``."""
        return self.file.design

    @property
    def calendar(self) -> Calendar:
        """The section ``[calendar]``."""
        return self.file.calendar

    @property
    def privacy(self) -> Privacy:
        """The section ``[privacy]``."""
        return self.file.privacy

    @cached_property
    def thresholds(self) -> Thresholds:
        """The thresholds in force: the defaults with this study's own put in."""
        return self.file.all_thresholds()

    def table(self, name: str) -> pl.LazyFrame:
        """Return a table with string ids and UTC times; a table the study lacks is empty.

        Raises
        ------
        SchemaError
            There is no such table.
        """
        return self._tables[schema.table(name).name]

    def event_parts(self) -> Iterator[pl.LazyFrame]:
        """Yield the events in parts, all of one learner's in one part: a stored study's bucket by bucket."""
        if self._parts is None:
            yield self.table("events")
        else:
            yield from self._parts()

    def has(self, name: str) -> bool:
        """Return whether a table has any row."""
        if name not in self._has:
            self._has[name] = self.table(name).head(1).collect().height > 0
        return self._has[name]

    @cached_property
    def as_of(self) -> datetime | None:
        """Up to when the study speaks: declared, else the latest end of what its sources cover."""
        declared = self.programme.as_of
        if declared is not None:
            return local_moment(declared, self.programme)
        return self.table("sources").select(pl.col("covers_to").max()).collect().item()

    @cached_property
    def n_learners(self) -> int | None:
        """How many different learners are enrolled; None in an export where they are too few to say."""
        if self.served is not None:
            return self.served.learners
        return self.table("enrolments").select(pl.col("learner_id").n_unique()).collect().item()

    @cached_property
    def coded(self) -> Study:
        """The same study as indicators read it: ids of a snapshot are Enums, which join as integers do.

        Without a snapshot it is the study itself. Only values that are compared and given out may come from
        it: an Enum is no text, and cannot be joined to one.
        """
        return self._make_coded() if self._make_coded is not None else self

    @property
    def facts_from(self) -> str | None:
        """The file that facts were taken from, where another machine made them."""
        return self.provenance.get("facts_from", {}).get("file")

    def warnings(self) -> list[Notice]:
        """Return what the build asks a person to look at, in the language in use."""
        return [Notice.from_dict(content) for content in self.provenance.get("warnings", [])]

    # --------------------------------------------------------------------------------------- other studies

    def select(
        self,
        *,
        cohorts: Sequence[str] | None = None,
        iterations: Sequence[int] | None = None,
        arms: Sequence[str] | None = None,
    ) -> Study:
        """Return the study restricted to some cohorts, iterations or arms, and to their learners.

        Raises
        ------
        ParameterError
            A cohort, iteration or arm is not in the study.
        """
        table = self.table("cohorts").collect()
        keep = pl.lit(value=True)
        for column, wanted in (("cohort_id", cohorts), ("iteration", iterations), ("arm", arms)):
            if wanted is not None:
                _known(column, wanted, table[column].unique().drop_nulls().to_list())
                keep &= pl.col(column).is_in(list(wanted))
        chosen = table.filter(keep)
        tables, facts = self._restricted(chosen.select("cohort_id").lazy()), self.stored_facts
        if facts is not None:
            facts = facts.join(tables["sessions"], on="session_id", how="semi")
            facts = facts.join(tables["learners"], on="learner_id", how="semi")
        served = self.served and self.served.select(table, chosen)
        left = chosen["cohort_id"].to_list()
        return self._like(
            tables,
            self.file,
            facts,
            served,
            lambda: self.coded.select(cohorts=left),
            lambda: (
                part.join(tables["enrolments"], on="learner_id", how="semi") for part in self.event_parts()
            ),
        )

    def _restricted(self, cohorts: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
        out = dict(self._tables)
        out["cohorts"] = self.table("cohorts").join(cohorts, on="cohort_id", how="semi")
        for name in _OF_COHORT:
            out[name] = self.table(name).join(cohorts, on="cohort_id", how="semi")
        sessions, learners = out["sessions"], out["enrolments"]
        out["learners"] = self.table("learners").join(learners, on="learner_id", how="semi")
        for name in _OF_SESSION:
            out[name] = self.table(name).join(sessions, on="session_id", how="semi")
        for name in _OF_LEARNER:
            out[name] = self.table(name).join(learners, on="learner_id", how="semi")
        out["attendance"] = out["attendance"].join(learners, on="learner_id", how="semi")
        out["assessments"] = self.table("assessments").filter(
            pl.col("session_id").is_null()
            | pl.col("session_id").is_in(sessions.select("session_id").collect()["session_id"].implode())
        )
        out["attempts"] = out["attempts"].join(out["assessments"], on="assessment_id", how="semi")
        return out

    def with_thresholds(self, **thresholds: float) -> Study:
        """Return the study with other thresholds; an unknown name is an error with a suggestion."""
        content = self.file.model_dump(mode="json", exclude_none=True)
        content["thresholds"] = {**self.file.thresholds, **thresholds}
        if self.served is not None:
            raise ParameterError(t("export.thresholds"))
        file = parse_study_file(content)
        same = file.all_thresholds().late_days == self.thresholds.late_days  # facts depend on no other
        if self.facts_from is not None and not same:
            raise ParameterError(t("study.facts_elsewhere", file=self.facts_from))
        facts = self.stored_facts if same else None
        return self._like(
            self._tables, file, facts, None, lambda: self.coded.with_thresholds(**thresholds), self._parts
        )

    def _like(
        self,
        tables: Mapping[str, pl.LazyFrame],
        file: StudyFile,
        facts: pl.LazyFrame | None,
        served: Served | None,
        coded: Callable[[], Study],
        parts: Callable[[], Iterator[pl.LazyFrame]] | None,
    ) -> Study:
        kept = {"path": self.path, "store": self.store, "provenance": self.provenance, "role": self.role}
        twin = None if self._make_coded is None else coded
        return Study(tables, file, stored_facts=facts, served=served, coded=twin, parts=parts, **kept)

    def save(
        self,
        folder: Path | str,
        *,
        facts: pl.LazyFrame | Callable[[Store], Iterable[pl.DataFrame]] | None = None,
        provenance: Mapping[str, object] | None = None,
    ) -> Path:
        """Save the study as a new snapshot of `folder` and make it current; returns the folder.

        Nobody is named in what is saved. Killed half-way, the previous snapshot stays current. With `facts`
        (`flipstats.facts.of_study`, or `flipstats.facts.maker`, which makes them from what is written, bucket
        by bucket) the snapshot answers questions without another pass over the events.
        """
        folder = Path(folder)
        definition = {
            "study": self.file.public().model_dump(mode="json", exclude_none=True),
            "provenance": {**self.provenance, **(provenance or {})},
            "role": self.role,
        }
        tables = dict(self._tables)
        if isinstance(facts, pl.LazyFrame):
            tables["facts"] = facts
        if self.served is not None:
            tables["answers"] = self.served.answers.lazy()
            held = ("learners", "comparisons", "aside")
            definition["served"] = {name: getattr(self.served, name) for name in held}
        write_snapshot(folder, tables, definition, facts if callable(facts) else None)
        return folder

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{self.table(name).select(pl.len()).collect().item()} {name}"
            for name in ("learners", "cohorts", "sessions")
        )
        return f"<Study {self.programme.id}: {counts}>"


def open_study(path: Path | str) -> Study:
    """Open a study folder that `flipstats build` or `Study.save` made.

    Raises
    ------
    StudyError
        The folder is not a study, is damaged, or was made by another version.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise StudyError(t("study.no_folder", folder=folder))
    store = Store(folder)
    return _of(folder, store, coded=None if store.definition.get("served") else store.as_coded())


def _of(folder: Path, store: Store, coded: Store | None) -> Study:
    held = store.definition.get("served")
    tables = {name: store.logical(name) for name in schema.TABLES}
    return Study(
        tables,
        parse_study_file(store.definition["study"], "study.toml"),
        stored_facts=store.logical("facts") if store.has("facts") else None,
        path=folder,
        store=store,
        provenance=store.definition["provenance"],
        served=held and Served(store.logical("answers").collect(), **held),
        role=store.definition.get("role", "research"),  # absent from studies saved before there were exports
        coded=coded and (lambda: _of(folder, coded, None)),
        parts=store.event_parts,
    )


def local_moment(when: date | datetime, programme: Programme) -> datetime:
    """Return a declared day or time as an instant: a bare day is its midnight in the programme's zone."""
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    return (when if when.tzinfo else when.replace(tzinfo=programme.zone)).astimezone(UTC)


def _section(given: object) -> dict:
    if given is None:
        return {}
    return given.model_dump(exclude_none=True) if hasattr(given, "model_dump") else dict(given)


def _known(column: str, wanted: Sequence[object], known: list) -> None:
    for value in wanted:
        if value not in known:
            near = did_you_mean(str(value), [str(k) for k in known])
            raise ParameterError(
                t(
                    "study.unknown_choice",
                    column=column,
                    value=value,
                    known=", ".join(map(str, sorted(known))),
                )
                if near is None
                else t("study.unknown_choice_near", column=column, value=value, near=near)
            )
