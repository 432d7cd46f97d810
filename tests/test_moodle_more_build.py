"""A study out of Moodle's gradebook, attendance sheet, feedback, log table and enrolled users."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from moodle_exports import export
from workbooks import workbook

from flipstats.build import build_study
from flipstats.build.init import init_study

PEOPLE = {
    7: ("Ann", "Lee", "A", "student"),
    8: ("Bob", "Ray", "B", "student"),
    9: ("Tess", "Po", "A", "teacher"),
}
STUDY = """
[programme]
id = "p"
title = "P"
timezone = "Europe/Paris"
language = "en"
[design]
assignment = "nonrandom"
treated = "flipped"
control = "conventional"
completion_rule = "summative_taken"
"""
SHEETS = {
    "cohorts.csv": "cohort,title,moodle_group,arm\nA,A,A,flipped\nB,B,B,conventional\n",
    "sessions.csv": "cohort,number,title,starts,ends,modality,format,kind\n"
    "A,1,S,2024-03-21 09:00,2024-03-21 12:00,room,flipped_actor,session\n"
    "B,1,S,2024-03-21 09:00,2024-03-21 12:00,room,conventional,session\n",
    "resources.csv": "cmid,title,kind,prepares,phase,mandatory,minutes,completion\n"
    "301,Film,page,1,pre,yes,,view\n",
    "assessments.csv": "file,title,role,session,maximum,due\n"
    "grades.xlsx,final TEST,summative,,20,\ngrades.xlsx,Start,start,1,10,\n",
}


def address(user: int) -> str:
    return f"{PEOPLE[user][0].lower()}@example.org"


def write_exports(folder: Path) -> None:
    header = ["First name", "Last name", "Email address", "Quiz: Final test (Real)", "Quiz: Start (Real)"]
    header += ["Oral (Real)", "Course total (Real)"]
    grades = [[*PEOPLE[7][:2], address(7), 15, 8, 3, 26], [*PEOPLE[8][:2], address(8), "-", 0, "-", 0]]
    workbook(folder / "grades.xlsx", [header, *grades])
    sheet = [
        "Course\tP",
        "Group\tAll participants",
        "",
        "Last name\tFirst name\tEmail address\t21 Mar 2024 9.00AM All students\tP\tA\tL\tE\tTaken sessions",
        f"Lee\tAnn\t{address(7)}\tL (1/2)\t0\t0\t1\t0\t1",
        f"Ray\tBob\t{address(8)}\tA (0/2)\t0\t1\t0\t0\t1",
    ]
    (folder / "attendance.txt").write_text("\n".join(sheet) + "\n", encoding="utf-8")
    answers = [
        ("User full name", "Email address", "Date", "(Q1) Useful?"),
        ("Ann Lee", address(7), "Thursday, 21 March 2024, 12:05 PM", "5"),
    ]
    export(folder, "feedback.csv", answers)
    users = [
        {
            "id": user,
            "fullname": f"{first} {last}",
            "email": address(user),
            "groups": [{"name": group}],
            "roles": [{"shortname": role}],
        }
        for user, (first, last, group, role) in PEOPLE.items()
    ]
    (folder / "users.json").write_text(json.dumps(users), encoding="utf-8")
    log = [
        "eventname",
        "contextlevel",
        "contextinstanceid",
        "userid",
        "relateduserid",
        "other",
        "timecreated",
    ]
    log += ["realuserid"]
    viewed = "\\mod_page\\event\\course_module_viewed"
    rows = [
        [viewed, "70", "301", "7", "NULL", "N;", "1710745091", "NULL"],
        [viewed, "70", "301", "8", "NULL", "N;", "1710745091", "9"],
        [viewed, "70", "301", "9", "NULL", "N;", "1710745091", "NULL"],
    ]
    export(folder, "log.csv", [log, *rows], encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moodle")
    write_exports(folder)
    files = ("grades.xlsx", "attendance.txt", "feedback.csv", "users.json", "log.csv")
    study = STUDY + "".join(f'[[sources]]\nfile = "{name}"\n' for name in files)
    (folder / "study.toml").write_text(study, encoding="utf-8")
    for name, content in SHEETS.items():
        (folder / name).write_text(content, encoding="utf-8")
    return build_study(folder / "study.toml").study


def rows(study, name: str, *columns: str) -> list[tuple]:
    enrolled = study.table("enrolments").select("learner_id", "cohort_id")
    return (
        study.table(name)
        .join(enrolled, on="learner_id")
        .select("cohort_id", *columns)
        .sort("cohort_id")
        .collect()
        .rows()
    )


def test_who_teaches_is_no_learner(built):
    assert sorted(built.table("enrolments").collect()["cohort_id"]) == ["A", "B"]


def test_each_item_of_the_gradebook_is_its_own_assessment(built):
    assert sorted(rows(built, "attempts", "assessment_id", "score", "missing_reason"), key=str) == [
        ("A", "final-test", 0.75, None),
        ("A", "start-s01@A-S01", 0.8, None),
        ("B", "final-test", None, "not_graded"),
        ("B", "start-s01@B-S01", 0.0, None),
    ]


def test_a_sheet_for_all_goes_to_each_cohorts_session(built):
    assert rows(built, "attendance", "session_id", "status") == [
        ("A", "A-S01", "late"),
        ("B", "B-S01", "absent"),
    ]


def test_answers_and_events(built):
    assert rows(built, "feedback", "session_id", "item", "rating") == [("A", "A-S01", "(Q1) Useful?", 5.0)]
    assert rows(built, "events", "resource_id", "verb") == [("A", "cm301", "viewed")]
    coverage = built.table("coverage").collect().filter(pl.col("level") == "opened")
    assert coverage["cohort_id"].to_list() == ["A"]


def test_every_record_is_accounted_for(built):
    sources = built.table("sources").collect()
    for row in sources.iter_rows(named=True):
        assert row["rows_read"] == row["rows_kept"] + row["rows_merged"] + row["rows_set_aside"], row["file"]
    gone = built.table("account").filter(pl.col("outcome") == "set_aside").collect()
    assert sorted(gone["reason"]) == ["impersonated", "staff"]


def test_a_first_look_proposes_the_items_of_the_gradebook(tmp_path):
    write_exports(tmp_path)
    init_study(tmp_path, "en", timezone="Europe/Paris")
    proposed = (tmp_path / "assessments.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[:2] for line in proposed[1:]] == [
        ["grades.xlsx", "Final test"],
        ["grades.xlsx", "Start"],
        ["grades.xlsx", "Oral"],
    ]
    assert 'staff = ["tess@example.org"]' in (tmp_path / "study.toml").read_text(encoding="utf-8")
