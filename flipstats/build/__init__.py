"""Exports to a checked study: read every source, settle who and what is meant, account for every record."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from flipstats import facts, schema
from flipstats.build import cache, erasure, review
from flipstats.build.assemble import Assembly
from flipstats.build.declared import read_declared, slug
from flipstats.build.people import Directory, who_is_who
from flipstats.build.roster import Roster
from flipstats.build.suggest import open_records
from flipstats.errors import InputError, StudyFileError
from flipstats.i18n import Notice, t
from flipstats.privacy import KEY_FILE, organisation_key
from flipstats.readers.base import Context, Reading
from flipstats.store import POINTER, SNAPSHOTS, spool_beside
from flipstats.study import Study, local_moment
from flipstats.studyfile import Source, StudyFile, read_study_file

_OWN = {"study.toml", KEY_FILE, POINTER, SNAPSHOTS, cache.FOLDER, erasure.FILE, f"{review.SHEET}.csv"}
_RECORDED_VERSIONS = ("flipstats", "polars", "narwhals", "numpy", "scipy", "statsmodels", "plotly")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SourceReading:
    """One file (or folder read as one), its line in the study file, and what was read."""

    source_id: str
    path: Path
    sha256: str
    source: Source
    reading: Reading


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made.

    Attributes
    ----------
    study : Study
        The saved study, as opened from its folder.
    folder : Path
        Where it lies.
    warnings : list of Notice
        What a person should look at, in the current language.
    waiting : int
        People of the exports whom no rule could join to a learner: see ``flipstats people``.
    unchanged : int
        Exports that were not read again: nothing that their reading depends on had changed.
    """

    study: Study
    folder: Path
    warnings: list[Notice]
    waiting: int = 0
    unchanged: int = 0

    def _totals(self) -> dict[str, int]:
        sources = self.study.table("sources").collect()
        parts = ("read", "kept", "merged", "set_aside")
        return {f"rows_{part}": int(sources[f"rows_{part}"].sum()) for part in parts}

    def __str__(self) -> str:
        n = {
            name: self.study.table(name).select(pl.len()).collect().item()
            for name in ("sources", "learners", "cohorts", "sessions")
        }
        totals = self._totals()
        lines = [t("build.done", folder=self.folder, **n), t("read.account", n=totals["rows_read"], **totals)]
        if self.unchanged:
            lines.append(t("build_again.unchanged", n=self.unchanged, sources=n["sources"]))
        lines += [t("read.warning", text=warning) for warning in self.warnings]
        if self.waiting:
            lines.append(t("people.waiting", n=self.waiting, folder=self.folder))
        lines.append(t("build.next", folder=self.folder))
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Return what ``flipstats build --json`` prints."""
        sources = self.study.table("sources").collect()
        return {
            "study": str(self.folder),
            "report": None,
            **self._totals(),
            "sources": sources.drop("sha256", "covers_to").to_dicts(),
            "sources_unchanged": self.unchanged,
            "people_open": self.waiting,
            "warnings": self.warnings,
        }


def build_study(
    study_file: Path | str,
    out: Path | str | None = None,
    *,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Built:
    """Build the study that a study file, its sheets and its exports describe.

    Exports that were read before and did not change since are not read again; the study is the same.

    Parameters
    ----------
    study_file : path
        The `study.toml`, or the folder that holds it.
    out : path, optional
        The study folder; by default the folder of the study file.
    progress : callable, optional
        Called with (file name, position, number of files) before each file is read.
    fresh : bool
        Read every export again, whatever is kept.

    Returns
    -------
    Built

    Raises
    ------
    StudyFileError
        The study file or a sheet is wrong, or names a file that is not there.
    InputError
        An export cannot be read; nothing is written.
    """
    path = Path(study_file)
    path = path / "study.toml" if path.is_dir() else path
    file = read_study_file(path)
    key = organisation_key(path.parent)
    declared = read_declared(path.parent, file, key)
    kept = cache.Readings(path.parent, fresh=fresh)
    sources = read_sources(path.parent, file, progress, kept)
    directory = _directory(sources)
    decided = review.read_review(path.parent)
    files, cohorts = {s.source_id: s.path.name for s in sources}, declared.tables["cohorts"]["cohort_id"]
    review.apply(directory, decided, key, files, cohorts.to_list())
    folder = Path(out) if out else path.parent
    with spool_beside(folder) as spool:
        assembly = Assembly(file, declared, directory, key, sources, spool)
        tables, erased = _without_erased(path.parent, key, directory, assembly.tables())
        made = _provenance(sources, assembly.warnings)
        study = Study(schema.validate(tables), file.public(), provenance=made)
        study.save(folder, facts=facts.maker(study))
    waiting = _review(path.parent, file, decided, sources, assembly.roster, key, erased)
    from flipstats.study import open_study

    kept.prune()
    return Built(open_study(folder), folder, assembly.warnings, waiting, kept.taken)


def _directory(sources: list[SourceReading]) -> Directory:
    return who_is_who([(s.source_id, s.reading.format, s.reading.people) for s in sources])


def _review(
    folder: Path,
    file: StudyFile,
    decided: review.Review,
    sources: list[SourceReading],
    roster: Roster,
    key: bytes,
    erased: set[str],
) -> int:
    """Write down who waits for a person's decision, beside what is decided; returns how many wait."""
    said = {s.source_id: s.reading.people for s in sources}

    def shown(source: str, person: str) -> dict[str, str]:
        rows = said[source].filter(pl.col("person") == person, pl.col("kind").is_in(["name", "email", "id"]))
        return dict(rows.select("kind", "value").iter_rows())

    kept = [record for record in decided.records if record.decision is not None]
    names = {record.record for record in kept}
    nobody = roster.staff | roster.guests
    others = {i for i, learner in enumerate(roster.ids) if i in nobody or learner in erased}
    files = {s.source_id: s.path.name for s in sources}
    found = open_records(roster.directory, roster.enrolled, others.__contains__, key, files, shown)
    waiting = [record for record in found if record.record not in names]
    review.write_review(folder, [*kept, *waiting], file.programme.language)
    return len(waiting)


def _without_erased(
    folder: Path, key: bytes, directory: Directory, tables: erasure.Tables
) -> tuple[erasure.Tables, set[str]]:
    """Leave out who asked to be forgotten and what is too old, whatever the exports still hold."""
    erasures = erasure.read_erasures(folder, key)
    if not erasures.people and erasures.before is None:
        return tables, set()
    learners = erasure.forgotten(erasures, directory, key)
    erasure.write_erasures(folder, erasures)
    return erasure.without(tables, learners=learners, before=erasures.before), learners


def forget(folder: Path | str, who: str) -> erasure.Erased:
    """Take one learner out of a study for good: now, and whenever its sources are read again.

    Parameters
    ----------
    folder : path
        The study folder.
    who : str
        The learner's pseudonym; where the exports lie beside `study.toml`, also an address, an id or a name.

    Raises
    ------
    StudyError
        Nobody, or more than one person, is known by that.
    """
    folder = Path(folder)
    key = organisation_key(folder)
    directory, files = None, {}
    if (folder / "study.toml").exists():
        file = read_study_file(folder / "study.toml")
        sources = read_sources(folder, file)
        directory = _directory(sources)
        files = {source.source_id: source.path.name for source in sources}
        cohorts = read_declared(folder, file, key).tables["cohorts"]["cohort_id"].to_list()
        review.apply(directory, review.read_review(folder), key, files, cohorts)
    done = erasure.forget(folder, who, key, directory, files)
    if directory is not None:
        _without_names(folder, key, directory, files, file.programme.language)
    cache.empty(folder)
    return done


def _without_names(
    folder: Path, key: bytes, directory: Directory, files: dict[str, str], language: str
) -> None:
    """Take the names of the forgotten out of the sheet of people, as out of the study."""
    gone = erasure.forgotten(erasure.read_erasures(folder, key), directory, key)
    of_person = zip(directory.people, directory.learner_ids(key), strict=True)
    records = {
        review.id_of(person, directory, key, files)
        for person, learner in of_person
        if learner in gone and person.nodes
    }
    review.without_names(folder, gone, records, language)


def purge(folder: Path | str, before: datetime) -> erasure.Erased:
    """Take the cohorts that ended before an instant out of a study for good; see `forget`."""
    done = erasure.purge(Path(folder), before, organisation_key(Path(folder)))
    cache.empty(Path(folder))
    return done


def read_sources(
    folder: Path, file: StudyFile, progress: Progress | None = None, kept: cache.Readings | None = None
) -> list[SourceReading]:
    """Read every export the study file names, in its order; a file named twice is read once.

    What is in `kept`, by default the readings kept in `folder`, is not read again.
    """
    found, kept = _named(folder, file), kept or cache.Readings(folder)
    out, seen = [], {}
    for position, (path, source) in enumerate(found.items()):
        if progress:
            progress(path.name, position, len(found))
        digest = content_hash(path)
        if digest in seen:
            raise StudyFileError(t("build.same_content", one=seen[digest], other=path.name))
        seen[digest] = path.name
        out.append(_read(path, digest, source, folder, file, kept))
    return out


def _named(folder: Path, file: StudyFile) -> dict[Path, Source]:
    """Return the files that the study file names, each with the first entry that does."""
    found: dict[Path, Source] = {}
    for source in file.sources:
        whole = folder / source.file
        paths = [whole] if whole.exists() else sorted(folder.glob(source.file))
        paths = [path for path in paths if not _is_own(path, folder)]
        if not paths:
            raise StudyFileError(t("build.no_such_file", file=source.file))
        for path in paths:
            found.setdefault(path, source)
    if not found:
        raise StudyFileError(t("build.no_sources"))
    return found


def _is_own(path: Path, folder: Path) -> bool:
    """Return whether a path below a study folder is the study's, not an export."""
    parts = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
    return any(part in _OWN for part in parts)


def _read(
    path: Path, digest: str, source: Source, folder: Path, file: StudyFile, kept: cache.Readings
) -> SourceReading:
    context = Context(
        timezone=source.timezone or file.programme.timezone,
        cohort=source.cohort,
        mapping=folder / source.mapping if source.mapping else None,
        date_order=source.date_order,
        day=source.day,
    )
    reading = kept.of(path, digest, context, source.format)
    if not reading.account.balanced:
        raise InputError(t("build.unbalanced", file=path.name))
    if source.covers_to is not None:
        reading.covers_to, reading.basis = local_moment(source.covers_to, file.programme), "declared"
    if source.covers_from is not None:
        reading.covers_from = local_moment(source.covers_from, file.programme)
    return SourceReading(f"{slug(path.stem)[:40]}-{digest[:8]}", path, digest, source, reading)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files in the order of their names.

    Where the folder of the study is itself the export, what the study wrote there does not count.
    """
    whole = hashlib.sha256()
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not _is_own(p, path))
    for file in inside if path.is_dir() else [path]:
        with file.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256")
        if not path.is_dir():
            return digest.hexdigest()
        whole.update(file.name.encode() + digest.digest())
    return whole.hexdigest()


def _provenance(sources: list[SourceReading], warnings: list[Notice]) -> dict[str, object]:
    return {
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _RECORDED_VERSIONS},
        "inputs": [{"file": s.path.name, "sha256": s.sha256} for s in sources],
        "warnings": [warning.to_dict() for warning in warnings],
    }
