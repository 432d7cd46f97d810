"""Meetings, signed sheets and polls in a study: which session, whose, and what is never guessed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from flipstats.build import build_study, meetings
from flipstats.build.init import init_study
from flipstats.build.people import who_is_who
from flipstats.privacy import organisation_key, pseudonym
from flipstats.readers.base import people
from flipstats.schema import TIME


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def at(hour: float, day: int = 21) -> dt.datetime:
    return utc(2024, 3, day) + dt.timedelta(hours=hour)


SESSIONS = pl.DataFrame(
    [("A-S01", "A", at(8), at(11)), ("A-S02", "A", at(13), at(16)), ("B-S01", "B", at(8), at(11))],
    schema={"session_id": pl.String, "cohort_id": pl.String, "starts_at": TIME, "ends_at": TIME},
    orient="row",
).with_columns(kind=pl.lit("session"))  # fmt: skip
ENROLMENTS = pl.DataFrame({"learner_id": ["u", "v", "w"], "cohort_id": ["A", "A", "B"]})


def met(starts: dt.datetime, ends: dt.datetime, learners: str = "uv", *, whole: bool = False) -> list[tuple]:
    came = pl.DataFrame({"learner_id": list(learners), "meeting": ["m"] * len(learners)})
    row = pl.DataFrame({"meeting": ["m"], "starts_at": [starts], "ends_at": [ends], "whole_day": [whole]})
    row = row.with_columns(pl.col("starts_at", "ends_at").cast(TIME))
    return meetings.meeting_sessions(came, row, SESSIONS, ENROLMENTS).select("session_id", "tied").rows()


class TestWhichSession:
    def test_the_one_whose_learners_came(self):
        assert met(at(7.9), at(11)) == [("A-S01", False)]
        assert met(at(7.9), at(11), "w") == [("B-S01", False)]
        assert met(at(7.9), at(11), "uvw") == [("A-S01", False)]

    def test_half_and_half_is_a_tie(self):
        assert met(at(7.9), at(11), "uw") == [("A-S01", True)]

    def test_none_overlaps(self):
        assert met(at(18), at(19)) == []

    def test_a_day_alone_fits_only_where_it_has_one_session(self):
        assert met(at(0), at(24), whole=True) == [("A-S01", True)]
        assert met(at(0), at(24), "w", whole=True) == [("B-S01", False)]
        assert met(at(24), at(48), whole=True) == []


class TestAbsences:
    @pytest.mark.parametrize(
        ("start", "end", "status"), [(8, 11, "excused"), (7, 16, "excused"), (8.1, 12, "absent")]
    )
    def test_excused_where_the_whole_session_is_covered(self, start, end, status):
        rows = pl.DataFrame(
            {"learner_id": ["u"], "session_id": ["A-S01"], "status": ["absent"], "minutes": [0.0]}
        )
        absences = pl.DataFrame(
            [("u", at(start), at(end)), ("v", at(0), at(24))],
            schema={"learner_id": pl.String, "starts_at": TIME, "ends_at": TIME}, orient="row",
        )  # fmt: skip
        found = meetings.excused(rows, absences, SESSIONS)
        assert found.select("status", "minutes").rows() == [(status, None if status == "excused" else 0)]

    def test_who_was_there_stays_there(self):
        rows = pl.DataFrame(
            {"learner_id": ["u"], "session_id": ["A-S01"], "status": ["present"], "minutes": [9.0]}
        )
        absences = pl.DataFrame(
            [("u", at(0), at(24))], schema={"learner_id": pl.String, "starts_at": TIME, "ends_at": TIME},
            orient="row",
        )  # fmt: skip
        assert meetings.excused(rows, absences, SESSIONS)["status"].to_list() == ["present"]


def directory(*sources):
    return who_is_who([(source, form, people(rows)) for source, form, rows in sources])


ROSTER = (
    "roster", "moodle_course_completion",
    [("a", "id", "7"), ("a", "email", "a@x.org"), ("a", "name", "Ann Lee"),
     ("b", "id", "8"), ("b", "email", "b@x.org"), ("b", "name", "Ann Lee"),
     ("c", "id", "9"), ("c", "email", "c@x.org"), ("c", "name", "Bo Chen")],
)  # fmt: skip


class TestWho:
    def test_the_id_of_the_lms_settles_homonyms_where_the_name_agrees(self):
        room = [("x", "id", "7"), ("x", "lms_id", "7"), ("x", "name", "ann lee"),
                ("y", "id", "9"), ("y", "lms_id", "9"), ("y", "name", "Somebody Else")]  # fmt: skip
        found = directory(ROSTER, ("room", "bigbluebutton_json", room))
        assert found.of_node[("room", "x")] == found.of_node[("roster", "a")]
        assert found.of_node[("room", "y")] not in {found.of_node[("roster", key)] for key in "abc"}

    def test_two_of_one_name_in_one_list_are_not_both_the_one_on_the_roster(self):
        two = [("record:1", "name", "Bo Chen"), ("record:2", "name", "Bo Chen")]
        found = directory(ROSTER, ("csv", "bigbluebutton_csv", two))
        chen = found.of_node[("roster", "c")]
        assert found.ambiguous == {("csv", "record:1"): {chen}, ("csv", "record:2"): {chen}}
        assert directory(ROSTER, ("csv", "bigbluebutton_csv", two[:1])).of_node[("csv", "record:1")] == chen

    def test_ids_of_other_systems_are_no_rivals(self):
        log = ("log", "moodle_log", [("1", "id", "9"), ("1", "name", "Bo Chen")])
        room = ("room", "zoom", [("z", "id", "guest-1"), ("z", "name", "Bo Chen")])
        found = directory(
            log, room, ("r", "moodle_participants", [("c", "email", "c@x.org"), ("c", "name", "Bo Chen")])
        )
        assert found.of_node[("log", "1")] == found.of_node[("room", "z")] == found.of_node[("r", "c")]


# ------------------------------------------------------------------------------------------- a whole study

PEOPLE = [
    ("7", "Ann", "Lee", "ann@x.org"),
    ("8", "Ann", "Lee", "ann2@x.org"),
    ("9", "Bo", "Chen", "bo@x.org"),
]


def bbb() -> dict:
    def user(key: str, name: str, start: int, end: int, **more: object) -> dict:
        stay = {"registeredOn": int(at(start).timestamp() * 1000), "leftOn": int(at(end).timestamp() * 1000)}
        ids = {"w": {"intId": "w", "sessions": [stay]}}
        return {"extId": key, "name": name, "isModerator": False, "answers": {}, "intIds": ids} | more

    polls = {
        "q": {
            "quiz": True,
            "correctOption": "A",
            "question": "Which?",
            "createdOn": int(at(8.1).timestamp() * 1000),
        },
        "o": {"quiz": False, "question": "Clear?", "anonymousAnswers": ["No"]},
    }
    users = {
        "t": user("2", "Tess Trainer", 8, 11, isModerator=True, answers={"o": ["Yes"]}),
        "a": user("7", "Ann Lee", 8, 11, answers={"q": ["A"], "o": ["Yes"]}),
        "b": user("8", "Ann Lee", 8, 10, answers={"q": ["B"]}),
    }
    ends = int(at(11).timestamp() * 1000)
    return {
        "intId": "i",
        "extId": "r",
        "users": users,
        "polls": polls,
        "createdOn": ends - 11_000_000,
        "endedOn": ends,
    }


def edusign() -> dict:
    def signed(who: str, **more: object) -> dict:
        return {"studentId": who, "state": True, "timestamp": "2024-03-21T13:01:00Z", "signature": "x"} | more

    gone = {"state": False, "signature": None, "timestamp": None}
    course = {
        "ID": "c",
        "NAME": "S2",
        "START": "2024-03-21T13:00:00Z",
        "END": "2024-03-21T16:00:00Z",
        "LOCKED": 1,
    }
    return course | {"STUDENTS": [signed("s7", delay=10), signed("s8", **gone), signed("s9", **gone)]}


def page(*entries: dict) -> str:
    return json.dumps({"status": "success", "result": list(entries)})


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("meetings")
    students = [{"ID": f"s{i}", "FIRSTNAME": f, "LASTNAME": n, "EMAIL": m} for i, f, n, m in PEOPLE]
    absence = {"ID": "x", "STUDENT_ID": "s8", "START": "2024-03-21T12:00:00Z", "END": "2024-03-21T18:00:00Z"}
    files = {
        "study.toml": """
            [programme]
            id = "p"
            title = "P"
            timezone = "Europe/Paris"
            language = "en"
            [design]
            assignment = "nonrandom"
            treated = "flipped"
            control = "conventional"
            completion_rule = "recorded"
            [privacy]
            staff = ["Tess Trainer"]
            [[sources]]
            file = "completion.csv"
            cohort = "A"
            [[sources]]
            file = "room/*.json"
            [[sources]]
            file = "zoom.csv"
            day = 2024-03-22
            """.replace("            ", ""),
        "cohorts.csv": "cohort,title,arm\nA,A,flipped\n",
        "sessions.csv": "cohort,number,title,starts,ends,kind\n"
        "A,1,One,2024-03-21 09:00,2024-03-21 12:00,session\nA,2,Two,2024-03-21 14:00,2024-03-21 17:00,session"
        "\nA,3,Three,2024-03-22 09:00,2024-03-22 12:00,session\n",
        "resources.csv": "cmid,title,kind,prepares,phase\n",
        "assessments.csv": "file,title,role,session,maximum\nbbb.json,Start,start,1,\n",
        "completion.csv": "ID,Name,Email address,Course complete\n"
        + "".join(f"{i},{f} {n},{m},\n" for i, f, n, m in PEOPLE),
        "room/bbb.json": json.dumps(bbb()),
        "room/courses.json": page(edusign()),
        "room/students.json": page(*students),
        "room/absences.json": page(absence),
        "zoom.csv": "Name (Original Name),User Email,Total Duration (Minutes)\nBo Chen,,75\nAnn Lee,,9\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content.lstrip("\n"), encoding="utf-8")
    return build_study(folder / "study.toml")


def rows(built, table: str, *columns: str) -> list[tuple]:
    key = organisation_key(built.folder)
    names = {pseudonym(key, f"email:{mail}"): mail.partition("@")[0] for *_, mail in PEOPLE}
    frame = built.study.table(table).collect()
    who = pl.col("learner_id").replace(names)
    return sorted(frame.with_columns(learner_id=who).select(columns).rows(), key=str)


def test_attendance_of_three_systems(built):
    assert rows(built, "attendance", "learner_id", "session_id", "status", "minutes", "late_minutes") == [
        ("ann", "A-S01", "present", 180, None), ("ann", "A-S02", "late", 170, 10),
        ("ann2", "A-S01", "present", 120, None), ("ann2", "A-S02", "excused", None, None),
        ("bo", "A-S02", "absent", 0, None), ("bo", "A-S03", "present", 75, None),
    ]  # fmt: skip


def test_polls(built):
    assert rows(built, "attempts", "learner_id", "assessment_id", "item_id", "score") == [
        ("ann", "start-s01@A-S01", "1", 1), ("ann", "start-s01@A-S01", None, 1),
        ("ann2", "start-s01@A-S01", "1", 0), ("ann2", "start-s01@A-S01", None, 0),
    ]  # fmt: skip
    assert rows(built, "feedback", "learner_id", "session_id", "phase", "item", "comment") == [
        ("ann", "A-S01", "in", "Clear?", "Yes"), (None, "A-S01", "in", "Clear?", "No"),
    ]  # fmt: skip


def test_what_cannot_be_settled_is_set_aside_with_its_reason(built):
    sources = built.study.table("sources").collect()
    for row in sources.iter_rows(named=True):
        assert row["rows_read"] == row["rows_kept"] + row["rows_merged"] + row["rows_set_aside"], row["file"]
    account = built.study.table("account").collect().join(sources.select("source_id", "file"), on="source_id")
    gone = account.filter(pl.col("outcome") == "set_aside").select("file", "record", "reason").rows()
    assert sorted(gone) == [("bbb.json", 1, "staff"), ("zoom.csv", 2, "homonym")]


def test_a_first_look_proposes_meetings_and_polls(tmp_path):
    (tmp_path / "bbb.json").write_text(json.dumps(bbb()), encoding="utf-8")
    (tmp_path / "zoom 2024-03-22.csv").write_text(
        "Name (Original Name),Total Duration (Minutes)\nBo Chen,75\n"
    )
    init_study(tmp_path, "en", timezone="Europe/Paris")
    sessions = (tmp_path / "sessions.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(sessions) == 2
    assert "remote" in sessions[1]
    assert "bbb.json" in (tmp_path / "assessments.csv").read_text(encoding="utf-8-sig")
    assert 'staff = ["Tess Trainer"]' in (tmp_path / "study.toml").read_text(encoding="utf-8")
