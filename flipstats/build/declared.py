"""What the sheets declare, as tables: cohorts, sessions, resources, plan, assessments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.build.journals import read_journals
from flipstats.build.rows import frame_of, known_cohort
from flipstats.build.sheets import SHEETS, Row, normal, read_sheet
from flipstats.errors import StudyFileError
from flipstats.i18n import t
from flipstats.privacy import pseudonym
from flipstats.study import local_moment
from flipstats.studyfile import StudyFile

INDEX = {"key": pl.String, "resource_id": pl.String, "cohort_id": pl.String}


@dataclass(frozen=True, slots=True)
class AssessmentLine:
    """One line of `assessments.csv`: which file is which assessment."""

    file: str
    title: str
    slug: str
    role: str
    session: int | None
    maximum: float | None
    due_at: object | None


@dataclass(frozen=True, slots=True)
class Declared:
    """What a person declared.

    Attributes
    ----------
    tables : dict of str to DataFrame
        Canonical tables: cohorts, sessions, resources, plan, and the journals that are kept.
    group_of : dict
        LMS group name, normalised, to cohort_id.
    index : DataFrame
        ``key, resource_id, cohort_id``: what a reader's resource key means, for which cohort (null: all).
    assessments : list of AssessmentLine
        Which file is which assessment.
    """

    tables: dict[str, pl.DataFrame]
    group_of: dict[str, str]
    index: pl.DataFrame
    assessments: list[AssessmentLine]


def read_declared(folder: Path, file: StudyFile, key: bytes) -> Declared:
    """Read the sheets of a folder against a study file; `key` makes the trainers' pseudonyms.

    Raises
    ------
    StudyFileError
        A cell is wrong, or names a cohort that `cohorts.csv` does not have.
    """
    rows = {sheet: read_sheet(folder, sheet) for sheet in SHEETS}
    cohorts, group_of = _cohorts(rows["cohorts"], file, key)
    known = cohorts["cohort_id"].to_list()
    sessions = _sessions(rows["sessions"], file, known)
    resources, index, lines = _resources(rows["resources"], known)
    tables = {
        "cohorts": cohorts,
        "sessions": sessions,
        "resources": resources,
        "plan": _plan(lines, sessions, file),
        **read_journals(folder, file, key, known),
    }
    return Declared(tables, group_of, index, _assessments(rows["assessments"], file))


def slug(text: str) -> str:
    """Return `text` as lower-case ASCII words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", normal(text)).strip("-") or "x"


def _cohorts(rows: list[Row], file: StudyFile, key: bytes) -> tuple[pl.DataFrame, dict[str, str]]:
    zone = file.programme.zone
    entries = [
        {
            "cohort_id": row.need("cohort"),
            "title": row.text("title"),
            "moodle_group": row.text("moodle_group"),
            "arm": row.text("arm"),
            "iteration": row.whole("iteration"),
            "trainer_id": row.text("trainer"),
            "site": row.text("site"),
            "starts_at": row.moment("starts", zone),
            "ends_at": row.moment("ends", zone),
        }
        for row in rows
    ]
    for entry in file.cohorts:
        content = entry.model_dump()
        for when in ("starts_at", "ends_at"):
            content[when] = content[when] and local_moment(content[when], file.programme)
        entries.append(content)
    groups = {normal(e.get("moodle_group") or e["cohort_id"]): e["cohort_id"] for e in entries}
    for entry in entries:
        entry.pop("moodle_group", None)
        trainer = entry.get("trainer_id")
        entry["trainer_id"] = trainer and pseudonym(key, "trainer:" + normal(trainer), "T")
    return frame_of("cohorts", entries), groups


def _sessions(rows: list[Row], file: StudyFile, cohorts: list[str]) -> pl.DataFrame:
    zone, out = file.programme.zone, []
    for row in rows:
        cohort, number, kind = (
            known_cohort(row, row.need("cohort"), cohorts),
            row.whole("number"),
            row.choice("kind", "session"),
        )
        if number is None:
            raise StudyFileError(
                t(
                    "sheets.wrong_cell",
                    file="sessions.csv",
                    line=row.line,
                    column="number",
                    problem=t("sheets.blank"),
                )
            )
        starts, ends = row.moment("starts", zone), row.moment("ends", zone)
        if starts is not None and ends is not None and ends < starts:
            raise StudyFileError(t("build.ends_before", line=row.line))
        out.append(
            {
                "session_id": f"{cohort}-S{number:02d}" + ("-slot" if kind == "self_study_slot" else ""),
                "cohort_id": cohort,
                "sequence": number,
                "title": row.text("title"),
                "kind": kind,
                "modality": row.choice("modality"),
                "format": row.choice("format"),
                "starts_at": starts,
                "ends_at": ends,
                "active_min": row.decimal("active"),
                "remediation_min": row.decimal("remediation"),
            }
        )
    return frame_of("sessions", out)


def _resources(
    rows: list[Row], cohorts: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame, list[tuple[str, Row, list[str] | None]]]:
    found: dict[str, dict] = {}
    index: dict[tuple[str, str, str | None], None] = {}
    lines = []
    for row in rows:
        title, cmids = row.need("title"), re.findall(r"\d+", row.text("cmid") or "")
        resource_id = f"cm{cmids[0]}" if cmids else "r-" + slug(title)
        only = row.names("cohorts")
        chosen = None if only is None else [known_cohort(row, name, cohorts) for name in only]
        entry = found.setdefault(resource_id, {"resource_id": resource_id, "title": title})
        for column, value in (
            ("kind", row.choice("kind")),
            ("length_min", row.decimal("minutes")),
            ("completion_means", row.choice("completion")),
        ):
            entry[column] = entry.get(column) if value is None else value
        entry["traced"] = row.yes("traced", default=True) and entry.get("traced", True)
        for key in (*(f"cm:{cmid}" for cmid in cmids), "title:" + normal(title)):
            for cohort in chosen or [None]:
                index[(key, resource_id, cohort)] = None
        lines.append((resource_id, row, chosen))
    return (
        frame_of("resources", list(found.values())),
        pl.DataFrame(list(index), schema=INDEX, orient="row"),
        lines,
    )


def _plan(
    lines: list[tuple[str, Row, list[str] | None]], sessions: pl.DataFrame, file: StudyFile
) -> pl.DataFrame:
    plan: dict[tuple, dict] = {}
    for resource_id, row, chosen in lines:
        phase = row.choice("phase", "pre")
        for number in map(int, re.findall(r"\d+", row.text("prepares") or "")):
            fits = sessions.filter((pl.col("sequence") == number) & (pl.col("kind") == "session"))
            if chosen is not None:
                fits = fits.filter(pl.col("cohort_id").is_in(chosen))
            if fits.is_empty():
                raise StudyFileError(t("build.no_such_session", line=row.line, number=number))
            if phase == "pre":  # the conventional arm has nothing to prepare: not applicable there
                fits = fits.filter(pl.col("format").ne_missing("conventional"))
            for session_id in fits["session_id"]:
                plan[(session_id, resource_id, phase)] = {
                    "session_id": session_id,
                    "resource_id": resource_id,
                    "phase": phase,
                    "released_at": row.moment("released", file.programme.zone),
                    "mandatory": row.yes("mandatory", default=True),
                }
    return frame_of("plan", list(plan.values()))


def _assessments(rows: list[Row], file: StudyFile) -> list[AssessmentLine]:
    out = []
    for row in rows:
        role = row.choice("role")
        if role is None:
            row.need("role")
        session = row.whole("session")
        if role in ("start", "pre_quiz") and session is None:
            raise StudyFileError(t("build.start_without_session", line=row.line))
        title = row.text("title") or role
        name = slug(title) + (f"-s{session:02d}" if session is not None else "")
        due = row.moment("due", file.programme.zone)
        out.append(AssessmentLine(row.need("file"), title, name, role, session, row.decimal("maximum"), due))
    return out
