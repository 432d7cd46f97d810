"""Who is who, by a person's decision: what no rule may settle, with suggestions, in `who_is_who.csv`.

The sheet lies beside `study.toml`, with the exports: it holds names, and nothing of it goes into a study. A
build writes what is open, applies what is decided and forgets no decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flipstats.build.people import Directory, Person
from flipstats.build.sheets import Row, normal, read_sheet, write_sheet
from flipstats.errors import StudyFileError, did_you_mean
from flipstats.i18n import listing, t
from flipstats.privacy import pseudonym

SHEET = "who_is_who"  # a name that no export of people is likely to have
WHY = ("namesakes", "alike", "several_alike", "unknown")
SAME, OTHER, STAFF, LEARNER = DECISIONS = ("same", "other", "staff", "learner")


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the review: somebody of the exports whom no rule could join.

    Attributes
    ----------
    record : str
        Its id, the same in every build.
    files : tuple of str
        The exports the record is in.
    name, email, id : str or None
        As the exports have them.
    suggestion : str or None
        Pseudonym of the learner it may be; several between ``|`` where nothing tells them apart.
    suggested : str or None
        Their names.
    score : int or None
        How alike the names are, 0 to 100.
    why : str
        Why no rule joined it: a code of the catalogue, ``people.why_…``.
    decision : str or None
        One of `DECISIONS`.
    cohort : str or None
        Of a learner admitted by decision.
    line : int
        Where it stands in the sheet, 0 where it does not yet.
    """

    record: str
    files: tuple[str, ...] = ()
    name: str | None = None
    email: str | None = None
    id: str | None = None
    suggestion: str | None = None
    suggested: str | None = None
    score: int | None = None
    why: str = "unknown"
    decision: str | None = None
    cohort: str | None = None
    line: int = 0

    def cells(self) -> dict[str, object]:
        """Return the line of the sheet."""
        return {
            "record": self.record, "name": self.name, "email": self.email, "id": self.id,
            "files": " | ".join(self.files), "why": t(f"people.why_{self.why}"),
            "suggestion": self.suggestion, "suggested": self.suggested, "score": self.score,
            "decision": self.decision, "cohort": self.cohort,
        }  # fmt: skip

    def to_dict(self) -> dict[str, object]:
        """Return what ``flipstats people --json`` prints of the record."""
        return self.cells() | {"files": list(self.files), "why": self.why}


@dataclass(frozen=True, slots=True)
class Review:
    """Everything of the sheet, as `flipstats people` shows it."""

    folder: Path
    records: tuple[Record, ...] = field(default=())

    @property
    def open(self) -> tuple[Record, ...]:
        """The records that wait for a decision."""
        return tuple(record for record in self.records if record.decision is None)

    def __str__(self) -> str:
        if not self.records:
            return t("people.nothing")
        lines = [
            t("people.open", n=len(self.open)),
            t("people.decided", n=len(self.records) - len(self.open)),
        ]
        for record in self.open:
            who = " · ".join(filter(None, (record.name, record.email, record.id)))
            lines.append(f"  {record.record}  {who}  ({listing(list(record.files))})")
            lines.append(f"      {t(f'people.why_{record.why}')}")
            if record.suggestion:
                alike = t("people.alike", score=record.score) if record.score else ""
                lines.append(
                    "      " + t("people.maybe", who=record.suggested, ids=record.suggestion, alike=alike)
                )
        if self.open:
            lines.append(t("people.how", file=self.folder / f"{SHEET}.csv"))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "open": [record.to_dict() for record in self.open],
            "decided": [record.to_dict() for record in self.records if record.decision is not None],
        }


# ------------------------------------------------------------------------------------------------ the sheet


def read_review(folder: Path) -> Review:
    """Read the sheet of a folder; an absent one is empty.

    Raises
    ------
    StudyFileError
        A line is wrong: a decision that there is not, a record twice, or "same" without one learner.
    """
    found: dict[str, Record] = {}
    for row in read_sheet(folder, SHEET):
        one = _record(row)
        if one.record in found:
            raise StudyFileError(
                t(
                    "people.twice",
                    file=f"{SHEET}.csv",
                    line=row.line,
                    record=one.record,
                    other=found[one.record].line,
                )
            )
        found[one.record] = one
    return Review(folder, tuple(found.values()))


def _record(row: Row) -> Record:
    codes = {normal(t(f"people.why_{code}", lang)): code for code in WHY for lang in ("en", "fr")}
    decision, suggestion = row.choice("decision"), row.text("suggestion")
    if decision == SAME and (suggestion is None or "|" in suggestion):
        raise StudyFileError(t("people.which", file=f"{SHEET}.csv", line=row.line, ids=suggestion or "–"))
    return Record(
        record=row.need("record"),
        files=tuple(row.names("files") or ()),
        name=row.text("name"), email=row.text("email"), id=row.text("id"),
        suggestion=suggestion, suggested=row.text("suggested"), score=row.whole("score"),
        why=codes.get(normal(row.text("why") or ""), "unknown"),
        decision=decision, cohort=row.text("cohort"), line=row.line,
    )  # fmt: skip


def write_review(folder: Path, records: Sequence[Record], lang: str) -> None:
    """Write the sheet, open records first; without any record it is not written, or taken away."""
    path = folder / f"{SHEET}.csv"
    if not records:
        path.unlink(missing_ok=True)
        return
    ordered = sorted(records, key=lambda r: (r.decision is not None, normal(r.name or ""), r.record))
    write_sheet(folder, SHEET, [record.cells() for record in ordered], lang)


def decide(folder: Path, decisions: Mapping[str, Sequence[str]], lang: str) -> Review:
    """Write decisions into the sheet.

    Parameters
    ----------
    decisions : mapping of decision to records
        Records by id; under ``same`` also ``ID=LEARNER``, under ``learner`` ``ID=COHORT``, where the
        line does not say which.

    Raises
    ------
    StudyFileError
        There is no such record, it is decided twice, or which learner is meant is not said.
    """
    review = read_review(folder)
    records = {record.record: record for record in review.records}
    given: dict[str, str] = {}
    for decision, entries in decisions.items():
        for entry in entries:
            name, _, target = (part.strip() for part in entry.partition("="))
            if name not in records:
                near = did_you_mean(name, list(records)) or ", ".join(list(records)[:8]) or "–"
                raise StudyFileError(t("people.no_record", record=name, near=near))
            if given.setdefault(name, decision) != decision:
                raise StudyFileError(t("people.contradiction", record=name))
            records[name] = _decided(records[name], decision, target)
    write_review(folder, tuple(records.values()), lang)
    return read_review(folder)


def _decided(record: Record, decision: str, target: str) -> Record:
    if decision == SAME:
        suggestion = target or record.suggestion
        if suggestion is None or "|" in suggestion:
            raise StudyFileError(t("people.say_which", record=record.record, ids=suggestion or "–"))
        return replace(record, decision=SAME, suggestion=suggestion)
    return replace(record, decision=decision, cohort=target or record.cohort)


# ------------------------------------------------------------------------------------------ into a directory


def id_of(person: Person, directory: Directory, key: bytes, name_of_source: Mapping[str, str]) -> str:
    """Return the id of a person's record, the same in every build.

    Where one source knows two people by the same name, the record is of that source's own person.
    """
    identity = person.identity()
    if identity.startswith("name:") and any(node in directory.doubles for node in person.nodes):
        source, mark = min(person.nodes)
        identity = f"in:{name_of_source[source]}:{mark}"
    return pseudonym(key, "record:" + identity, "R")[:9]


def apply(
    directory: Directory,
    review: Review,
    key: bytes,
    name_of_source: Mapping[str, str],
    cohorts: Sequence[str],
) -> None:
    """Put the decisions of a review into a directory, in place.

    Raises
    ------
    StudyFileError
        A decision names a learner or a cohort that there is not.
    """
    decided = {record.record: record for record in review.records if record.decision}
    if not decided:
        return
    ids = {learner: i for i, learner in enumerate(directory.learner_ids(key))}
    for i, person in enumerate(directory.people):
        record = decided.get(id_of(person, directory, key, name_of_source))
        if record is None:
            continue
        for node in person.nodes:
            directory.ambiguous.pop(node, None)
            directory.of_node[node] = i
        match record.decision:
            case "same":
                _join(directory, i, _target(record, ids))
            case "staff":
                directory.staff.add(i)
            case "learner":
                directory.admitted[i] = _cohort(record, cohorts)


def _target(record: Record, ids: Mapping[str, int]) -> int:
    if record.suggestion not in ids:
        near = did_you_mean(record.suggestion or "", list(ids)) or "–"
        raise StudyFileError(
            t(
                "people.no_learner",
                file=f"{SHEET}.csv",
                line=record.line,
                learner=record.suggestion,
                near=near,
            )
        )
    return ids[record.suggestion]


def _cohort(record: Record, cohorts: Sequence[str]) -> str:
    if record.cohort is None and len(cohorts) == 1:
        return cohorts[0]
    if record.cohort not in cohorts:
        raise StudyFileError(
            t(
                "people.no_cohort",
                file=f"{SHEET}.csv",
                line=record.line,
                name=record.cohort or "–",
                known=listing(list(cohorts)),
            )
        )
    return record.cohort


def _join(directory: Directory, i: int, j: int) -> None:
    """Make all that person `i` is known by person `j`'s, whose pseudonym stays what it was."""
    if i == j:
        return
    mine, whole = directory.people[i], directory.people[j]
    whole.steady = whole.identity()
    whole.nodes += mine.nodes
    for part in ("emails", "ids", "names", "usernames", "groups"):
        getattr(whole, part).update(getattr(mine, part))
    directory.of_node.update(dict.fromkeys(mine.nodes, j))
    directory.people[i] = Person(steady=mine.identity())


def without_names(folder: Path, learners: set[str], records: set[str], lang: str) -> None:
    """Take names, addresses and ids out of the lines of the forgotten; decisions stay, and name nobody."""
    review = read_review(folder)
    if not review.records:
        return
    kept = []
    for record in review.records:
        about = set((record.suggestion or "").split("|")) & learners
        if record.decision == SAME and about:
            kept.append(replace(record, name=None, email=None, id=None, suggested=None))
        elif record.record not in records:
            kept.append(replace(record, suggestion=None, suggested=None, score=None) if about else record)
    write_review(folder, kept, lang)
