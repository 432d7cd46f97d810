"""A folder of statements, forms, logs and grades of one small course builds to one study."""

from __future__ import annotations

import csv
import json
from hashlib import sha1
from pathlib import Path

import polars as pl
import pytest

from flipstats.build import build_study
from flipstats.privacy import organisation_key, pseudonym

VIDEO = "https://w3id.org/xapi/video/"
SHEETS = {
    "cohorts": [("cohort", "title", "arm", "starts"), ("A", "A", "flipped", "2024-03-01 08:00")],
    "sessions": [
        ("cohort", "number", "title", "starts", "ends", "modality", "format"),
        ("A", "1", "Fire", "2024-03-21 09:00", "2024-03-21 12:00", "room", "flipped_actor"),
    ],
    "resources": [
        ("cmid", "title", "kind", "prepares", "phase", "mandatory", "minutes"),
        ("304", "Film", "video", "1", "pre", "yes", "5"),
        ("305", "Sheet", "file", "1", "pre", "yes", ""),
    ],
    "assessments": [
        ("file", "title", "role", "session", "maximum", "due"),
        ("quiz.csv", "Start quiz", "start", "1", "", ""),
        ("report.csv", "Lab 1: Final", "summative", "", "", ""),
    ],
}
STUDY = """
[programme]
id = "p"
timezone = "Europe/Paris"
[design]
treated = "flipped"
control = "conventional"
[[sources]]
file = "people.csv"
cohort = "A"
[[sources]]
file = "statements.ndjson"
[[sources]]
file = "quiz.csv"
[[sources]]
file = "report.csv"
cohort = "A"
[[sources]]
file = "tracking.log"
"""


def statement(actor: dict, verb: str, cm: int, at: str, segments: str | None = None) -> dict:
    extensions = {VIDEO + "extensions/played-segments": segments} if segments else {}
    return {
        "actor": actor, "verb": {"id": verb}, "timestamp": at, "result": {"extensions": extensions},
        "object": {"id": f"https://m.org/mod/page/view.php?id={cm}"},
        "context": {"extensions": {VIDEO + "extensions/length": 300} if segments else {}},
    }  # fmt: skip


def programme(folder: Path) -> Path:
    """Write the exports, the study file and the sheets of the course into a folder."""
    for name, rows in SHEETS.items():
        write(folder / f"{name}.csv", rows)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    write(
        folder / "people.csv",
        [("First name", "Last name", "Email address", "Groups")]
        + [(n, "L", f"{n.lower()}@x.org", "A") for n in ("Ada", "Bob", "Eve")],
    )
    ada = {"mbox_sha1sum": sha1(b"mailto:ada@x.org", usedforsecurity=False).hexdigest()}
    bob, played = {"mbox": "mailto:Bob@x.org"}, VIDEO + "verbs/played"
    statements = [
        statement(ada, played, 304, "2024-03-20T10:00:00Z", "0[.]240"),
        statement(bob, played, 304, "2024-03-20T10:00:00Z", "0[.]30[,]0[.]30"),
        statement({"mbox": "mailto:guest@x.org"}, played, 304, "2024-03-20T10:00:00Z"),
    ]
    lines = "\n".join(map(json.dumps, statements))
    (folder / "statements.ndjson").write_text(lines + "\n", encoding="utf-8")
    write(
        folder / "quiz.csv",
        [
            ("Timestamp", "Email Address", "Score", "Clear?"),
            ("2024/03/21 1:05:33 PM UTC+1", "ada@x.org", "7 / 10", "Yes"),
            ("2024/03/21 1:05:33 PM UTC+1", "", "2 / 10", "No"),
        ],
    )
    write(
        folder / "report.csv",
        [
            ("Student ID", "Email", "Username", "Grade", "Lab 1: Final", "Enrollment Status"),
            ("1", "ada@x.org", "ada", "0.8", "0.8", "enrolled"),
            ("2", "bob@x.org", "bob", "0.0", "Not Attempted", "enrolled"),
            ("3", "zed@x.org", "zed", "0.1", "0.1", "unenrolled"),
        ],
    )
    event = {"event_type": "/courses/c/", "event_source": "server", "event": {}, "username": "ada",
             "context": {"user_id": 1}, "time": "2024-03-19T10:00:00Z"}  # fmt: skip
    (folder / "tracking.log").write_text(json.dumps(event) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_study(programme(tmp_path_factory.mktemp("events")))


def write(file: Path, rows: list[tuple]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def who(built, name: str) -> str:
    return pseudonym(organisation_key(built.folder), f"email:{name}@x.org")


def table(built, name: str) -> pl.DataFrame:
    return built.study.table(name).collect()


def test_statements_are_of_the_learner_whose_address_they_hide(built):
    events = table(built, "events").filter(resource_id="cm304").sort("seconds")
    assert events.select("learner_id", "seconds", "progress").rows() == [
        (who(built, "bob"), 30.0, 0.1), (who(built, "ada"), 240.0, 0.8),
    ]  # fmt: skip


def test_statements_cover_only_what_they_speak_of(built):
    coverage = table(built, "coverage").filter(pl.col("source_id").str.starts_with("statements"))
    rows = set(coverage.select("cohort_id", "resource_id", "level").rows())
    assert rows == {("A", "cm304", level) for level in ("opened", "substantial", "completed")}


def test_scores_of_a_form_and_of_a_report_find_their_assessment(built):
    attempts = table(built, "attempts").select("learner_id", "assessment_id", "score", "missing_reason")
    assert set(attempts.rows()) == {
        (who(built, "ada"), "start-quiz-s01@A-S01", 0.7, None),
        (who(built, "ada"), "lab-1-final", 0.8, None),
        (who(built, "bob"), "lab-1-final", None, "no_attempt"),
        (who(built, "zed"), "lab-1-final", 0.1, None),  # on no other list, and gone since: still a learner
    }


def test_answers_go_to_the_session_before_them_nobodys_to_none(built):
    feedback = table(built, "feedback").select("learner_id", "session_id", "comment")
    assert set(feedback.rows()) == {(who(built, "ada"), "A-S01", "Yes"), (None, None, "No")}


def test_an_id_of_the_report_names_whom_the_log_knows_by_it(built):
    viewed = table(built, "events").filter(verb="course_viewed")
    assert viewed["learner_id"].to_list() == [who(built, "ada")]


def test_every_record_is_accounted_for(built):
    sources = table(built, "sources")
    parts = ["rows_kept", "rows_merged", "rows_set_aside"]
    assert sources["rows_read"].to_list() == sources.select(pl.sum_horizontal(parts)).to_series().to_list()
    aside = table(built, "account").filter(outcome="set_aside").select("record", "reason")
    assert aside.rows() == [(3, "not_on_roster")]
