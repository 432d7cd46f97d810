"""The sheets a team may keep beside `study.toml`: what was changed, and the trainers' hours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from flipstats.build.rows import frame_of, known_cohort
from flipstats.build.sheets import Row, normal, read_sheet
from flipstats.privacy import pseudonym
from flipstats.studyfile import StudyFile

JOURNALS = ("changes", "workload")


def read_journals(folder: Path, file: StudyFile, key: bytes, cohorts: list[str]) -> dict[str, pl.DataFrame]:
    """Read `changes.csv` and `workload.csv` where they lie; `key` makes the trainers' pseudonyms.

    Returns
    -------
    dict of str to DataFrame
        The canonical tables, without those whose sheet is absent or empty.

    Raises
    ------
    StudyFileError
        A cell is wrong, or names a cohort that there is not.
    """
    zone = file.programme.zone

    def change(row: Row) -> dict:
        iteration = row.whole("iteration")
        if iteration is None:
            row.need("iteration")
        return {"iteration": iteration, "at": row.moment("date", zone), "what": row.need("what")}

    def hours(row: Row) -> dict:
        trainer = row.text("trainer")
        return {
            "cohort_id": known_cohort(row, row.need("cohort"), cohorts),
            "trainer_id": trainer and pseudonym(key, "trainer:" + normal(trainer), "T"),
            "preparation_h": row.decimal("preparation_h"),
            "taught_h": row.decimal("taught_h"),
        }

    lines: dict[str, Callable[[Row], dict]] = {"changes": change, "workload": hours}
    found = {name: [line(row) for row in read_sheet(folder, name)] for name, line in lines.items()}
    return {name: frame_of(name, rows) for name, rows in found.items() if rows}
