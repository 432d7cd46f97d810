"""The class of docs/worked_class.md as a study: its tables are read from that page, so the two cannot differ."""

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from flipstats import schema
from flipstats.study import Study
from flipstats.studyfile import parse_study_file

PAGE = Path(__file__).parent.parent / "docs" / "worked_class.md"
ZONE = ZoneInfo("Europe/Paris")
FIGURES = ["indicator", "statistic", "depth", "group", "value", "numerator", "denominator", "unknown"]
STUDY_FILE = {
    "programme": {"id": "worked", "timezone": "Europe/Paris", "as_of": "2024-07-01T00:00:00Z"},
    "design": {"completion_rule": "summative_passed"},
    "calendar": {"country": "FR", "working_days": [1, 2, 3, 4, 5], "working_hours": ["09:00", "18:00"]},
}


def tables() -> list[list[dict[str, str]]]:
    """Return every table of the page, its rows as dicts of text."""
    found: list[list[dict[str, str]]] = []
    heads: list[str] | None = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            heads = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if heads is None:
            heads = cells
            found.append([])
        elif set(line) - set("|- "):
            assert len(cells) == len(heads), line
            found[-1].append(dict(zip(heads, cells, strict=True)))
    return found


def with_columns(*columns: str) -> list[dict[str, str]]:
    """Return the one table of the page whose first columns are these."""
    (rows,) = [rows for rows in tables() if tuple(rows[0])[: len(columns)] == columns]
    return rows


def figures() -> list[dict[str, str]]:
    """Return the figures worked by hand."""
    return with_columns(*FIGURES)


def instant(text: str) -> datetime | None:
    """Return a local time of the page as an instant."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE) if text else None


def _frame(name: str, *columns: str, **more: object) -> pl.DataFrame:
    known = schema.table(name).by_name
    read = {
        "time": instant,
        "int": lambda text: int(text) if text else None,
        "float": lambda text: float(text) if text else None,
        "bool": lambda text: text == "yes",
    }
    rows = [
        {
            column: read.get(known[column].kind, lambda text: text or None)(cell)
            for column, cell in row.items()
            if column in known
        }
        for row in with_columns(*columns)
    ]
    types = {column: known[column].dtype for column in rows[0]}
    return pl.DataFrame(rows, schema=types).with_columns(**{k: pl.lit(v) for k, v in more.items()})


def _sources() -> pl.DataFrame:
    counts = dict.fromkeys(("rows_read", "rows_kept", "rows_merged", "rows_set_aside"), 0)
    named = [("LOG", "moodle_log"), ("VID", "xapi")]
    return pl.DataFrame(
        [
            {"source_id": name, "file": f"{name}.csv", "sha256": name, "format": made_by, **counts}
            for name, made_by in named
        ]
    )


@cache
def study() -> Study:
    """Return the class."""
    people = with_columns("learner_id", "cohort_id", "tracking")
    frames = {
        "learners": pl.DataFrame(people).select("learner_id", "tracking"),
        "cohorts": _frame("cohorts", "cohort_id", "arm"),
        "enrolments": _frame("enrolments", "learner_id", "cohort_id", "tracking"),
        "sessions": _frame("sessions", "session_id", "cohort_id"),
        "resources": _frame("resources", "resource_id", "kind"),
        "plan": _frame("plan", "session_id", "resource_id"),
        "events": _frame("events", "learner_id", "resource_id", "at"),
        "coverage": _frame("coverage", "source_id", "resource_id", basis="declared"),
        "sources": _sources(),
        "assessments": _frame("assessments", "assessment_id", "session_id"),
        "attempts": _frame("attempts", "learner_id", "assessment_id"),
        "attendance": _frame("attendance", "learner_id", "session_id", "status"),
        "feedback": _frame("feedback", "learner_id", "session_id", "phase"),
        "contacts": _frame("contacts", "learner_id", "at"),
        "adaptations": _frame("adaptations", "learner_id", "cohort_id", "at"),
        "workload": _frame("workload", "cohort_id", "trainer_id"),
    }
    return Study(schema.validate(frames), parse_study_file(STUDY_FILE, "worked class"))


def group_of(text: str) -> tuple[str, str] | None:
    """Return the grouping column and its value: "session_id=S1"."""
    found = re.fullmatch(r"(\w+)=(.+)", text)
    return (found[1], found[2]) if found else None
