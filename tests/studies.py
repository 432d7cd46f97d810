"""Small studies for tests: rows as plain dictionaries, with the columns that do not matter left out."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from flipstats import schema
from flipstats.study import Study
from flipstats.studyfile import parse_study_file

PARIS = ZoneInfo("Europe/Paris")
Rows = dict[str, list[dict]]
_USUAL = {
    "learners": {"tracking": "traced"},
    "sessions": {"kind": "session", "cohort_id": "A"},
    "resources": {"traced": True},
    "plan": {"phase": "pre", "mandatory": True},
    "events": {"verb": "viewed"},
    "coverage": {"source_id": "LOG", "level": "opened", "basis": "declared"},
    "enrolments": {"cohort_id": "A"},
    "attempts": {"attempt": 1},
}
_LOG = {
    "source_id": "LOG", "file": "log.csv", "sha256": "0", "format": "moodle_log",
    "rows_read": 0, "rows_kept": 0, "rows_merged": 0, "rows_set_aside": 0,
}  # fmt: skip


def at(text: str, zone: ZoneInfo = PARIS) -> datetime:
    """Return the UTC instant of a local time, e.g. ``at("2024-03-18 09:00")``."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def whole(rows: Rows) -> Rows:
    """Fill in the usual values, and the learners and cohorts that are only referred to."""
    rows = {name: [{**_USUAL.get(name, {}), **row} for row in table] for name, table in rows.items()}
    if rows.get("coverage"):
        rows.setdefault("sources", [_LOG])
    for table, column in (("learners", "learner_id"), ("cohorts", "cohort_id")):
        known = {row[column] for row in rows.get(table, [])}
        named = {
            row[column] for part in ("enrolments", "sessions") for row in rows.get(part, []) if column in row
        }
        more = [{**_USUAL.get(table, {}), column: value} for value in sorted(named - known)]
        rows[table] = rows.get(table, []) + more
    return rows


def frames(rows: Rows) -> dict[str, pl.DataFrame]:
    """Return the tables of complete rows as polars frames."""
    out = {}
    for name, table in rows.items():
        if table:
            columns = list(dict.fromkeys(c for row in table for c in row))
            types = {c: schema.TABLES[name].by_name[c].dtype for c in columns if not c.startswith("x_")}
            values = {c: [row.get(c) for row in table] for c in columns}
            out[name] = pl.DataFrame(values, schema_overrides=types)
    return out


def study(
    rows: Rows,
    *,
    thresholds: dict[str, float] | None = None,
    design: dict | None = None,
    as_of: datetime | None = None,
    smallest_cell: int | None = None,
    **sections: object,
) -> Study:
    """Make a study, zone Europe/Paris, from rows as in `whole`; more sections of its file by name."""
    programme = {"id": "test", "timezone": "Europe/Paris"} | ({"as_of": as_of} if as_of else {})
    content = {"programme": programme, "design": design or {}, "thresholds": thresholds or {}}
    content |= sections
    if smallest_cell is not None:
        content["privacy"] = {"smallest_cell": smallest_cell}
    return Study(schema.validate(frames(whole(rows))), parse_study_file(content))


def small(**changes: list[dict]) -> Rows:
    """Return a class of three before one session with two resources, covered whole; change tables by name."""
    rows: Rows = {
        "enrolments": [
            {"learner_id": name, "enrolled_at": at("2024-03-01 00:00")} for name in ("a", "b", "c")
        ],
        "sessions": [
            {"session_id": "S1", "starts_at": at("2024-03-18 09:00"), "ends_at": at("2024-03-18 12:00")}
        ],
        "resources": [{"resource_id": "R1"}, {"resource_id": "R2"}],
        "plan": [{"session_id": "S1", "resource_id": "R1"}, {"session_id": "S1", "resource_id": "R2"}],
        "coverage": [
            {"level": level, "covers_to": at("2024-04-30 00:00")}
            for level in ("opened", "substantial", "completed")
        ],
        "events": [],
    }
    return rows | changes
