"""A folder with exports of twelve systems of one programme, through the command line in one go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from moodle_exports import export
from sample_files import SHIPPED
from test_cli import run  # noqa: F401  the fixture
from workbooks import book, workbook

from flipstats.build.review import read_review
from flipstats.study import open_study

COHORT, ADDED = "2024-02", ("zoom.csv", "satisfaction.csv", "oral.xlsx", "vote.xlsx")
SOURCES = """
[[sources]]
file = "exports/zoom.csv"
day = 2024-10-29

[[sources]]
file = "exports/satisfaction.csv"
timezone = "Europe/Paris"

[[sources]]
file = "exports/oral.xlsx"

[[sources]]
file = "exports/vote.xlsx"
"""


def class_of(folder: Path) -> list[tuple[str, str, str]]:
    """First name, last name and address of the learners of a cohort, from the list of participants."""
    lists = [pl.read_csv(file) for file in (folder / "exports").glob("*participants.csv")]
    frame = pl.concat(
        frame.select([*frame.columns[:3], "Groups"]) for frame in lists if "Groups" in frame.columns
    )
    return frame.filter(pl.col("Groups") == COHORT).select(frame.columns[:3]).rows()


def write_more(folder: Path) -> None:
    """Add exports of four more systems: by name only, by address, by both."""
    people, exports = class_of(folder), folder / "exports"
    zoom = ["Name (Original Name),User Email,Total Duration (Minutes)"]
    zoom += [f"{first} {last},,{150 + i}" for i, (first, last, _) in enumerate(people)]
    zoom += ["Zoé Inconnue,,90", f"{people[1][1].upper()} {people[1][0][:-1]},,12"]
    (exports / "zoom.csv").write_text("\n".join(zoom) + "\n", encoding="utf-8")
    answers = [("Horodateur", "Nom d’utilisateur", "Utile ?", "Commentaire")]
    answers += [("2024/10/29 2:05:33 PM UTC+1", mail, "5", "=1+1") for *_, mail in people]
    answers += [("2024/10/29 2:06:33 PM UTC+1", "", "2", "<b>trop long</b>")]
    export(exports, "satisfaction.csv", answers)
    header = ["First name", "Last name", "Email address", "Assignment: Oral (Real)", "Course total (Real)"]
    workbook(exports / "oral.xlsx", [header, *([*one, 12, 12] for one in people)])
    votes = [("#", "Username", "First name", "Last name", "Email", "Q1", "Q2", "Total")]
    votes += [
        (str(i), "", first, last, mail, "V - CO2", "X - No", "1 / 2")
        for i, (first, last, mail) in enumerate(people)
    ]
    book(exports / "vote.xlsx", {"Main results": votes})
    with (folder / "study.toml").open("a", encoding="utf-8") as file:
        file.write(SOURCES)
    with (folder / "assessments.csv").open("a", encoding="utf-8") as file:
        file.write("oral.xlsx,Oral,summative,,20,\nvote.xlsx,Vote,start,4,,\n")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "secinc"
    shutil.copytree(SHIPPED, folder)
    return folder


def tables(folder: Path, *names: str) -> dict[str, pl.DataFrame]:
    study = open_study(folder)
    return {name: study.table(name).collect() for name in names}


@pytest.mark.slow
def test_twelve_systems_build_in_one_command_and_nobody_is_lost(run, folder):  # noqa: F811
    code, _, err = run("build", folder / "study.toml")
    assert (code, err) == (0, "")
    before = tables(folder, "events", "attempts", "attendance", "learners", "sources", "account")
    write_more(folder)
    code, out, err = run("build", folder / "study.toml", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert len({source["format"] for source in told["sources"]}) == 12
    for source in told["sources"]:
        parts = (source[f"rows_{part}"] for part in ("kept", "merged", "set_aside"))
        assert source["rows_read"] == sum(parts), source["file"]
    assert told["rows_read"] == sum(told[f"rows_{part}"] for part in ("kept", "merged", "set_aside"))

    after = tables(folder, *before, "feedback")
    assert set(after["learners"]["learner_id"]) == set(before["learners"]["learner_id"])
    ours = {row["source_id"] for row in after["sources"].iter_rows(named=True) if row["file"] in ADDED}
    assert len(ours) == 4
    waiting = {record.name: record for record in read_review(folder).open}
    listed = {who for record in waiting.values() for who in (record.suggestion or "").split("|")}
    class_ = set(tables(folder, "enrolments")["enrolments"].filter(cohort_id=COHORT)["learner_id"])
    by_name_only = {"zoom.csv": "attendance"}
    by_address = {"oral.xlsx": "attempts", "vote.xlsx": "attempts", "satisfaction.csv": "feedback"}
    for file, name in (by_name_only | by_address).items():
        (source,) = after["sources"].filter(file=file)["source_id"]
        joined = set(after[name].filter(source_id=source)["learner_id"].drop_nulls())
        assert joined <= class_
        assert class_ - joined <= (listed if file in by_name_only else set()), file
    for name in ("events", "attempts", "attendance"):  # a file changes only what it brings
        rest = after[name].filter(~pl.col("source_id").is_in(sorted(ours)))
        assert rest.sort(pl.all()).equals(before[name].sort(pl.all())), name

    assert waiting["Zoé Inconnue"].why == "unknown"
    (misspelt,) = (record for record in waiting.values() if record.why == "alike")
    assert misspelt.suggested.startswith(class_of(folder)[1][0])
    aside = after["account"].filter(pl.col("source_id").is_in(sorted(ours)), outcome="set_aside")
    assert aside.filter(reason="not_on_roster").height == 2
    assert set(aside["reason"]) <= {"not_on_roster", "homonym"}

    run("build", folder / "study.toml")
    again = tables(folder, *after)
    for name, frame in after.items():
        assert again[name].equals(frame), name
