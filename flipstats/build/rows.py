"""Lines of the sheets, made into canonical tables."""

from __future__ import annotations

import datetime as dt

import polars as pl

from flipstats import schema
from flipstats.build.sheets import Row
from flipstats.errors import StudyFileError, did_you_mean
from flipstats.i18n import t


def known_cohort(row: Row, name: str, cohorts: list[str]) -> str:
    """Return a cohort that a line names.

    Raises
    ------
    StudyFileError
        There is no such cohort; the nearest is suggested.
    """
    if name not in cohorts:
        near = did_you_mean(name, cohorts) or ", ".join(cohorts[:8])
        raise StudyFileError(
            t("build.unknown_cohort", file=f"{row.sheet}.csv", line=row.line, name=name, near=near or "–")
        )
    return name


def frame_of(table: str, rows: list[dict]) -> pl.DataFrame:
    """Make a canonical table from rows whose times are local and aware."""
    spec = schema.TABLES[table]
    columns = {
        column.name: pl.Series(
            column.name,
            [_utc(row.get(column.name)) if column.kind == "time" else row.get(column.name) for row in rows],
            dtype=column.dtype,
            strict=False,
        )
        for column in spec.columns
    }
    return pl.DataFrame(columns)


def _utc(when: object) -> object:
    return when.astimezone(dt.UTC) if isinstance(when, dt.datetime) else when
