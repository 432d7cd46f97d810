"""Signature sheets with a column for each session: one line a learner, a mark or nothing in each cell.

The header of a column says which session it is; its day is the one written there, else the day given for the
file. A cell left blank says nothing unless the mapping says what it means.
"""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers.columns import parse_times
from flipstats.readers.mapping_model import AttendanceMapping
from flipstats.readers.sheet_cells import Sheet, status_of
from flipstats.readers.zones import to_utc
from flipstats.schema import TIME

_DAY = re.compile(r"\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})|\d{4}-\d{2}-\d{2}")
_DAY_AND_MONTH = re.compile(r"(?<!\d)(\d{1,2})[/.-](\d{1,2})(?![\d/.-])")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:h](\d{2})?(?!\d)")


def attendance(sheet: Sheet, mapping: AttendanceMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    """Return ``attendance`` and ``meetings`` of a sheet whose mapping names a column for each session."""
    columns, fields = mapping.session.columns, mapping.fields
    starts, clock = _starts(sheet, mapping)
    nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(person))
    rows = []
    for column in columns:
        cells = sheet.text(column, fields.status.missing)
        status = status_of(cells, fields.status.map)
        sheet.fate.note(status.is_null() & cells.is_not_null(), "unknown_status")
        told = {"person": person, "status": status, "minutes": nothing}
        rows.append(sheet.kept(told).drop_nulls("status").with_columns(meeting=pl.lit(column)))
    proof = pl.lit("import").alias("proof")
    ends = pl.when(not clock).then(pl.col("starts_at") + pl.duration(days=1))
    meetings = pl.DataFrame({"meeting": columns, "title": columns, "starts_at": starts}).with_columns(
        ends_at=ends, whole_day=pl.lit(not clock) & pl.col("starts_at").is_not_null()
    )
    return {"attendance": pl.concat(rows).with_columns(proof), "meetings": meetings}


def _starts(sheet: Sheet, mapping: AttendanceMapping) -> tuple[pl.Series, bool]:
    """Return when each column's session begins, and whether that is a time of day and not only a day."""
    columns, context = mapping.session.columns, sheet.context
    written = [_moment(label, context.day) for label in columns]
    if not all(written):
        day = context.day and pl.Series([context.day] * len(columns), dtype=pl.Date).cast(pl.Datetime("us"))
        nothing = pl.Series([None] * len(columns), dtype=TIME)
        return (nothing if day is None else to_utc(day, sheet.zone).values), False
    clock = all(" " in text for text in written)
    cells = pl.Series(written if clock else [text.split(" ")[0] for text in written], dtype=pl.String)
    order = context.date_order or mapping.date_order
    told = t("readers_moodle_more.session_column")
    times = parse_times(cells, file=sheet.file.name, column=told, order=order)
    if times.unreadable.any():
        raise InputError(t("readers.dates_mixed", file=sheet.file.name, column=told))
    return to_utc(times.values, sheet.zone).values, clock


def _moment(label: str, given: dt.date | None) -> str | None:
    """Return the date that a header says, with its time of day where it says one."""
    found = _DAY.search(label)
    short = None if found or given is None else _DAY_AND_MONTH.search(label)
    if not (found or short):
        return None
    clock = _CLOCK.search(label.replace((found or short)[0], " "))
    day = found[0] if found else f"{short[1]}/{short[2]}/{given.year}"
    return f"{day} {int(clock[1]):02d}:{clock[2] or '00'}" if clock else day
