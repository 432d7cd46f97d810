"""The journals beside study.toml: what was changed and the trainers' hours, read or refused with their line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flipstats.build import build_study
from flipstats.errors import StudyFileError
from flipstats.sample import write_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sample(tmp_path, learners=40)
    return tmp_path


def test_journals_and_active_minutes_reach_the_study(folder: Path) -> None:
    (folder / "changes.csv").write_text(
        "itération;date;quoi\n2;02/09/2024;Capsule coupée\n2;;=cmd()\n", encoding="utf-8"
    )
    study = build_study(folder).study
    changes = study.table("changes").collect()
    assert changes["what"].to_list() == ["Capsule coupée", "=cmd()"]
    assert changes["at"][0].isoformat() == "2024-09-01T22:00:00+00:00"
    hours = study.table("workload").join(study.table("cohorts"), on="cohort_id").collect()
    assert hours.height == study.table("cohorts").collect().height
    assert (hours["trainer_id"] == hours["trainer_id_right"]).all(), "a trainer has one pseudonym"
    assert set(hours.filter(pl.col("iteration") == 1, pl.col("arm") == "flipped")["preparation_h"]) == {31.0}
    assert study.table("sessions").collect()["active_min"].is_between(55, 160).all()


@pytest.mark.parametrize(
    ("sheet", "text", "message"),
    [
        ("changes", "iteration,what\n,Cut\n", "changes.csv, line 2, column iteration"),
        ("changes", "iteration,what\n1,\n", "changes.csv, line 2, column what"),
        ("workload", "cohort,taught_h\n2023-99,3\n", "workload.csv, line 2"),
        ("workload", "cohort,taught_h\n2023-01,many\n", "workload.csv, line 2, column taught_h"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, sheet: str, text: str, message: str) -> None:
    (folder / f"{sheet}.csv").write_text(text, encoding="utf-8")
    with pytest.raises(StudyFileError, match=message):
        build_study(folder)
