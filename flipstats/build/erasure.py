"""Erasure and retention: who asked to be forgotten, and what is too old to keep, stay gone after a rebuild.

`erasures.json` beside `study.toml` lists them. It names nobody: a person stands there as keyed hashes of
every identity the sources gave, so that the list can be applied whenever they are read again.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flipstats import facts, schema
from flipstats.build.sheets import normal
from flipstats.errors import StudyError
from flipstats.i18n import t
from flipstats.privacy import pseudonym
from flipstats.store import POINTER, SNAPSHOTS
from flipstats.study import Study, open_study

if TYPE_CHECKING:
    from flipstats.build.people import Directory, Person

FILE = "erasures.json"
LARGE = ("events", "account")  # which may be scanned from files instead of held
Tables = Mapping[str, pl.DataFrame | pl.LazyFrame]
_LINES = ("events", "attempts", "attendance", "feedback")  # tables whose rows come from records of a source


@dataclass(slots=True)
class Erasures:
    """What is on the list.

    Attributes
    ----------
    key_mark : str
        Tells whether the key of the organisation is still the one the hashes were made with.
    people : list of dict
        ``marks`` (keyed hashes of identities and pseudonym) and ``at``, one for each person forgotten.
    before : datetime or None
        Cohorts that ended earlier are not kept.
    log : list of dict
        What was done, when and how many rows of each table it took.
    """

    key_mark: str
    people: list[dict] = field(default_factory=list)
    before: dt.datetime | None = None
    log: list[dict] = field(default_factory=list)

    @property
    def marks(self) -> set[str]:
        """Every hash on the list."""
        return {mark for person in self.people for mark in person["marks"]}


def read_erasures(folder: Path, key: bytes) -> Erasures:
    """Read the list of a folder; an absent one is empty.

    Raises
    ------
    StudyError
        The file is damaged, or was made with another key: then nobody on it can be recognised.
    """
    path, mark = folder / FILE, _mark(key, "key")
    if not path.exists():
        return Erasures(mark)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        before = content["before"] and dt.datetime.fromisoformat(content["before"])
        found = Erasures(content["key_mark"], content["people"], before, content["log"])
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(t("erasure.damaged", file=path)) from error
    if found.people and found.key_mark != mark:
        raise StudyError(t("erasure.other_key", file=path, n=len(found.people)))
    return found


def write_erasures(folder: Path, erasures: Erasures) -> None:
    """Write the list whole or not at all."""
    content = {
        "key_mark": erasures.key_mark,
        "before": erasures.before and erasures.before.isoformat(),
        "people": erasures.people,
        "log": erasures.log,
    }
    draft = folder / f".{FILE}.part"
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / FILE)


def _mark(key: bytes, what: str) -> str:
    return pseudonym(key, "erasure:" + what, "E")


def marks_of(person: Person, key: bytes) -> set[str]:
    """Return the keyed hashes of all that identifies a person: a new source may bring any of them."""
    strong = person.emails | person.ids | person.usernames
    return {_mark(key, mark) for mark in strong or person.names} | {
        _mark(key, pseudonym(key, person.identity()))
    }


# --------------------------------------------------------------------------------------------- on tables


def forgotten(erasures: Erasures, directory: Directory, key: bytes) -> set[str]:
    """Return the pseudonyms of those on the list, whom the sources may since know by more identities.

    These are added to the list: a later source may know the person by them alone.
    """
    out = set()
    for person, learner in zip(directory.people, directory.learner_ids(key), strict=True):
        mine = marks_of(person, key)
        if mine & erasures.marks:
            out.add(learner)
            entry = next(e for e in erasures.people if mine & set(e["marks"]))
            entry["marks"] = sorted(mine | set(entry["marks"]))
    return out


def without(tables: Tables, *, learners: Iterable[str] = (), before: dt.datetime | None = None) -> Tables:
    """Return the tables without some learners and without the cohorts that ended before an instant.

    A learner who is left in no cohort goes too. Records that lose all their rows move from kept to set aside
    in the account of their source.
    """
    ended = _ended(tables, before)
    sessions = _ids(tables, "sessions", "session_id", pl.col("cohort_id").is_in(ended))
    gone = set(learners)
    if "enrolments" in tables and ended:
        left = set(tables["enrolments"].filter(~pl.col("cohort_id").is_in(ended))["learner_id"])
        gone |= set(tables["enrolments"]["learner_id"]) - left
    drop = {"learner_id": gone, "cohort_id": set(ended), "session_id": set(sessions)}
    kept = {name: frame.filter(~_named(frame, drop)) for name, frame in tables.items() if name != "sources"}
    if "sources" not in tables:
        return kept
    lost = _lost(tables, kept, drop)
    return {**kept, "sources": _sources(tables["sources"], lost), "account": _account(tables, lost)}


def _named(frame: pl.DataFrame | pl.LazyFrame, drop: Mapping[str, set[str]]) -> pl.Expr:
    """Whether a row is about what is dropped."""
    columns = frame.collect_schema().names()
    return pl.any_horizontal(
        pl.lit(value=False),
        *(
            pl.col(column).is_in(sorted(values)).fill_null(value=False)
            for column, values in drop.items()
            if column in columns and values
        ),
    )


def _ended(tables: Tables, before: dt.datetime | None) -> list[str]:
    """Return the cohorts that ended before an instant: by their declared end, else by their last session."""
    if before is None or "cohorts" not in tables:
        return []
    cohorts = tables["cohorts"].select("cohort_id", "ends_at")
    if "sessions" in tables:
        last = tables["sessions"].group_by("cohort_id").agg(pl.col("ends_at").max().alias("last"))
        cohorts = cohorts.join(last, on="cohort_id", how="left").with_columns(pl.coalesce("ends_at", "last"))
    return cohorts.filter(pl.col("ends_at") < before)["cohort_id"].sort().to_list()


def _ids(tables: Tables, name: str, column: str, where: pl.Expr) -> list[str]:
    return tables[name].filter(where)[column].to_list() if name in tables else []


def _lost(before: Tables, after: Tables, drop: Mapping[str, set[str]]) -> pl.DataFrame:
    """Return ``source_id, record`` of the records that lost all their rows and were not settled before."""
    keys = ["source_id", "record"]
    lines = [name for name in _LINES if name in before]

    def records(frames: list[pl.LazyFrame]) -> pl.LazyFrame:
        empty = schema.TABLES["account"].empty().lazy()
        return pl.concat([frame.select(keys).drop_nulls() for frame in (empty, *frames)])

    taken = records([before[name].lazy().filter(_named(before[name], drop)) for name in lines])
    lost = taken.unique().collect(engine="streaming")
    settled = [before["account"].lazy().filter(pl.col("outcome") != "note")] if "account" in before else []
    known = records([*(after[name].lazy() for name in lines), *settled])
    known = known.join(lost.lazy(), on=keys, how="semi").unique().collect(engine="streaming")
    return lost.join(known, on=keys, how="anti").sort(keys)


def _sources(sources: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Move the lost records of each source from kept to set aside."""
    counts = lost.group_by("source_id").agg(pl.len().cast(pl.Int64).alias("·n"))
    n = pl.col("·n").fill_null(0)
    return (
        sources.join(counts, on="source_id", how="left", maintain_order="left")
        .with_columns(rows_kept=pl.col("rows_kept") - n, rows_set_aside=pl.col("rows_set_aside") + n)
        .drop("·n")
    )


def _account(tables: Tables, lost: pl.DataFrame) -> pl.LazyFrame:
    account = tables.get("account", schema.TABLES["account"].empty()).lazy()
    lines = lost.lazy().with_columns(outcome=pl.lit("set_aside"), reason=pl.lit("erased"))
    return pl.concat([account, lines.select(account.collect_schema().names())])


# ----------------------------------------------------------------------------------------- the commands


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took; ``str()`` says it, and what is left to a person to do."""

    taken: Mapping[str, int]
    files: Sequence[str]
    record: Path

    def __str__(self) -> str:
        rows = ", ".join(f"{name} {n}" for name, n in self.taken.items() if n)
        lines = [t("erasure.done", rows=rows or t("erasure.nothing"), file=self.record)]
        if self.files:
            lines.append(t("erasure.still_named", files=", ".join(self.files)))
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Return what ``--json`` prints."""
        return {"taken": dict(self.taken), "files": list(self.files), "record": str(self.record)}


def forget(
    folder: Path, who: str, key: bytes, directory: Directory | None, files: Mapping[str, str]
) -> Erased:
    """Take one learner out of a built study for good, older snapshots included.

    Parameters
    ----------
    folder : Path
        The study folder.
    who : str
        A pseudonym of the study; with `directory` also an address, an id or a full name in the sources.
    key : bytes
        The organisation's key.
    directory : Directory or None
        Everybody in the sources, where these can still be read.
    files : mapping
        Source id to file name, to say which exports still hold the person.

    Raises
    ------
    StudyError
        Nobody, or more than one person, is known by that; or the study is of another key.
    """
    study = open_study(folder)
    erasures = read_erasures(folder, key)
    person = _find(who, key, directory)
    known = set(study.table("learners").select("learner_id").collect()["learner_id"])
    learner = pseudonym(key, person.identity()) if person is not None else who
    if person is None and learner not in known:
        raise StudyError(t("erasure.nobody", who=who))
    marks = marks_of(person, key) if person is not None else {_mark(key, learner)}
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    erasures.people.append({"at": now, "marks": sorted(marks)})
    holding = (
        {files[source] for source, _ in person.nodes if source in files} if person is not None else set()
    )
    return _carry_out(folder, study, erasures, {"what": "forget", "at": now}, {learner}, sorted(holding))


def purge(folder: Path, before: dt.datetime, key: bytes) -> Erased:
    """Take the cohorts that ended before an instant out of a study for good, with their learners.

    Raises
    ------
    StudyError
        The study cannot be opened.
    """
    study = open_study(folder)
    erasures = read_erasures(folder, key)
    erasures.before = max(before, erasures.before) if erasures.before else before
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    entry = {"what": "purge", "before": before.isoformat(), "at": now}
    return _carry_out(folder, study, erasures, entry, set(), [])


def _carry_out(
    folder: Path, study: Study, erasures: Erasures, entry: dict, learners: set[str], files: list[str]
) -> Erased:
    tables = {n: study.table(n) if n in LARGE else study.table(n).collect() for n in schema.TABLES}
    left = without(tables, learners=learners, before=erasures.before)
    taken = {
        name: _height(tables[name]) - _height(left[name])
        for name in tables
        if name not in ("sources", "account")
    }
    erasures.log.append({**entry, "rows": {name: n for name, n in taken.items() if n}})
    # The list first: killed between the two, a rebuild still leaves them out.
    write_erasures(folder, erasures)
    kept = _kept_facts(study, left)
    smaller = Study(schema.validate(left), study.file, provenance=study.provenance, stored_facts=kept)
    smaller.save(folder, facts=facts.maker(smaller))
    drop_older_snapshots(folder)
    return Erased(taken, files, folder / FILE)


def _kept_facts(study: Study, left: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> pl.LazyFrame | None:
    """Return facts taken from elsewhere, of who and what is left; our own are made again of the events."""
    if study.facts_from is None or study.stored_facts is None:
        return None
    facts_left = study.stored_facts
    for table, key in (("learners", "learner_id"), ("sessions", "session_id")):
        facts_left = facts_left.join(left[table].lazy().select(key), on=key, how="semi")
    return facts_left


def _height(frame: pl.DataFrame | pl.LazyFrame) -> int:
    return frame.lazy().select(pl.len()).collect(engine="streaming").item()


def drop_older_snapshots(folder: Path) -> None:
    """Remove every snapshot but the current one: an older one still holds who was erased."""
    current = (folder / POINTER).read_text(encoding="ascii").strip()
    for snapshot in (folder / SNAPSHOTS).iterdir():
        if snapshot.name != current:
            shutil.rmtree(snapshot)


def _find(who: str, key: bytes, directory: Directory | None) -> Person | None:
    """Return the one person of the sources known by an address, an id, a name or a pseudonym."""
    if directory is None:
        return None
    wanted = who.strip()
    by_pseudonym = dict(zip(directory.learner_ids(key), directory.people, strict=True))
    if wanted in by_pseudonym:
        return by_pseudonym[wanted]
    found = [person for person in directory.people if _is(person, wanted)]
    if len(found) > 1:
        raise StudyError(t("erasure.several", who=who, n=len(found)))
    return found[0] if found else None


def _is(person: Person, wanted: str) -> bool:
    folded = wanted.casefold()
    tails = {mark.rsplit(":", 1)[-1].casefold() for mark in person.ids | person.usernames}
    return folded in person.emails | tails or normal(wanted) in person.names
