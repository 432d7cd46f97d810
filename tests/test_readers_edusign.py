"""Edusign: courses with their signatures, students, justified absences, and refusals."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moodle_exports import own_warnings

from flipstats import readers
from flipstats.errors import FlipstatsError, InputError
from flipstats.i18n import in_language
from flipstats.readers import edusign
from flipstats.readers.base import Context

SHARED = Path(__file__).parents[2] / "shared" / "formats" / "edusign"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def student(number: int, **more: object) -> dict:
    entry = {"_id": f"att{number}", "studentId": f"stu{number}", "state": True, "delay": None}
    entry |= {"timestamp": "2024-03-21T08:01:10.000Z", "signature": "https://x.org/s.png"}
    return entry | {"absenceId": None, "excluded": None, "signatureEmail": None} | more


GONE = {"state": False, "timestamp": None, "signature": None}
STUDENTS = [
    student(1), student(2, delay=20), student(3, **GONE), student(4, **GONE, absenceId="abs1"),
    student(5, signatureEmail={"nbSent": 1}, timestamp="2024-03-22T09:00:00Z"),
    student(6, excluded="2024-03-21T09:00:00.000Z"), student(7, signature=None),
]  # fmt: skip
COURSE = {
    "ID": "crs1", "NAME": "First aid,  morning", "START": "2024-03-21T08:00:00.000Z",
    "END": "2024-03-21T11:30:00.000Z", "LOCKED": 1, "STUDENTS": STUDENTS,
}  # fmt: skip
PEOPLE = [{"ID": "stu1", "FIRSTNAME": "Ann", "LASTNAME": "Lee", "EMAIL": "Ann@x.org", "API_ID": "A-1"},
          {"ID": "stu2", "FIRSTNAME": "Bo", "LASTNAME": "Chen", "EMAIL": "", "API_ID": ""}]  # fmt: skip
ABSENCE = {
    "ID": "abs1", "STUDENT_ID": "stu4", "TYPE": "illness", "COMMENT": "certificate",
    "START": "2024-03-21T07:00:00.000Z", "END": "2024-03-21T16:00:00.000Z",
}  # fmt: skip


def write(folder: Path, *entries: object, whole: object = None, name: str = "page.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(whole or {"status": "success", "result": list(entries)}), encoding="utf-8")
    return file


class TestCourses:
    def test_statuses_minutes_and_proofs(self, tmp_path):
        reading = readers.read(write(tmp_path, COURSE))
        assert (reading.format, reading.timezone) == ("edusign", "UTC")
        columns = ("person", "status", "minutes", "late_minutes", "proof", "record")
        assert reading.tables["attendance"].select(columns).rows() == [
            ("edusign:stu1", "present", 210, None, "signature", 1),
            ("edusign:stu2", "late", 190, 20, "signature", 2),
            ("edusign:stu3", "absent", 0, None, "import", 3),
            ("edusign:stu4", "excused", None, None, "import", 4),
            ("edusign:stu5", "present", 210, None, "email", 5),
            ("edusign:stu6", "present", 60, None, "signature", 6),
            ("edusign:stu7", "present", 210, None, "import", 7),
        ]
        assert reading.tables["attendance"]["signed_at"][4] == utc(2024, 3, 22, 9)
        assert reading.tables["meetings"].rows() == [
            ("edusign:crs1", "First aid, morning", utc(2024, 3, 21, 8), utc(2024, 3, 21, 11, 30))
        ]
        assert dict(reading.account.reasons("note")) == {"excluded_from_session": 1}
        assert (reading.account.read, reading.account.kept, reading.account.balanced) == (7, 7, True)

    def test_an_open_course_nobody_signed_is_not_taken(self, tmp_path):
        course = COURSE | {"LOCKED": 0, "STUDENTS": [student(3, **GONE), student(4, **GONE, absenceId="a")]}
        reading = readers.read(write(tmp_path, course))
        assert reading.tables["attendance"]["status"].to_list() == ["not_taken", "excused"]
        assert dict(reading.account.reasons("note")) == {"not_signed_yet": 1}

    def test_other_envelopes(self, tmp_path):
        alone = readers.read(write(tmp_path, whole={"status": "success", "result": COURSE}))
        bare = readers.read(write(tmp_path, whole=[COURSE], name="b.json"))
        lines = tmp_path / "c.json"
        page = json.dumps({"status": "success", "result": [COURSE]})
        other = json.dumps({"status": "success", "result": [COURSE | {"ID": "crs2"}]})
        lines.write_text(f"{page}\nnot json\n{other}\n")
        paged = readers.read(lines)
        assert [r.tables["attendance"].height for r in (alone, bare, paged)] == [7, 7, 14]
        assert dict(paged.account.reasons()) == {"object_unreadable": 1}
        assert paged.account.balanced

    def test_a_full_page_asks_for_the_next(self, tmp_path):
        courses = [COURSE | {"ID": f"crs{i}", "STUDENTS": STUDENTS[:1]} for i in range(40)]
        assert own_warnings(readers.read(write(tmp_path, *courses))) == [
            "page.json holds 40 courses, a full page: export the next page too, until one is not full"
        ]
        assert own_warnings(readers.read(write(tmp_path, *courses[1:]))) == []

    def test_records_that_say_nothing_usable(self, tmp_path):
        no_end = COURSE | {"ID": "crs2", "END": None, "STUDENTS": STUDENTS[:2]}
        backwards = COURSE | {"ID": "crs3", "END": "2024-03-21T07:00:00Z", "STUDENTS": STUDENTS[:1]}
        empty = COURSE | {"ID": "crs4", "STUDENTS": []}
        odd = COURSE | {"STUDENTS": [*STUDENTS, student(1), student(2), 5, student(8, studentId=None)]}
        account = readers.read(write(tmp_path, odd, no_end, backwards, empty)).account
        assert dict(account.reasons()) == {
            "repeated_key": 1, "object_unreadable": 1, "no_person": 2, "no_time": 2, "ends_before_start": 1,
        }  # fmt: skip
        assert dict(account.reasons("merged")) == {"duplicate_record": 1}
        assert account.balanced


class TestPeople:
    def test_students_give_identities_only(self, tmp_path):
        reading = readers.read(
            write(tmp_path, *PEOPLE, PEOPLE[0], {"ID": None, "FIRSTNAME": "", "LASTNAME": ""})
        )
        assert reading.people.rows() == [
            ("edusign:stu1", "id", "stu1"), ("edusign:stu1", "email", "ann@x.org"),
            ("edusign:stu1", "name", "Ann Lee"), ("edusign:stu1", "idnumber", "A-1"),
            ("edusign:stu2", "id", "stu2"), ("edusign:stu2", "name", "Bo Chen"),
        ]  # fmt: skip
        assert reading.tables["learners"]["person"].to_list() == ["edusign:stu1", "edusign:stu2"]
        assert reading.account.balanced
        assert dict(reading.account.reasons("merged")) == {"same_person": 1}

    def test_absences_without_their_reason(self, tmp_path):
        reading = readers.read(write(tmp_path, ABSENCE, ABSENCE | {"STUDENT_ID": ""}))
        assert reading.tables["absences"].rows() == [
            ("edusign:stu4", utc(2024, 3, 21, 7), utc(2024, 3, 21, 16), 1)
        ]
        assert "illness" not in str(reading.tables) + str(reading.people)
        assert reading.account.balanced


class TestRefusals:
    def test_errors_of_the_interface(self, tmp_path):
        file = write(tmp_path, whole={"status": "error", "message": "Token invalide"})
        assert readers.detect(file).format == "edusign"
        with in_language("fr"), pytest.raises(InputError) as raised:
            readers.read(file)
        assert str(raised.value) == (
            "page.json contient un refus d’Edusign et aucune donnée\u202f; vérifiez la clé d’API et ses "
            "droits, puis exportez à nouveau"
        )

    @pytest.mark.parametrize("whole", [{"status": "success", "result": []}, [1, 2], {"a": 1}, [[]]])
    def test_other_documents(self, tmp_path, whole):
        with pytest.raises(InputError) as raised:
            edusign.read(write(tmp_path, whole=whole), Context())
        assert str(raised.value) == (
            "page.json is none of the Edusign exports flipstats reads: pages of courses, of students or of "
            "justified absences; export one of these"
        )

    ODD = st.sampled_from(
        [None, 0, -5, 1e300, "x", True, [], {}, "2024-03-21T08:00:00Z", "2024-03-21T12:00:00+01:00", [{}]]
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_values_balance_or_are_refused(self, tmp_path, data):
        entries = data.draw(st.sampled_from([[COURSE, COURSE | {"ID": "b"}], PEOPLE, [ABSENCE, ABSENCE]]))
        content = copy.deepcopy({"status": "success", "result": entries})
        for _ in range(data.draw(st.integers(1, 8))):
            place = content
            while isinstance(place, dict | list) and place:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                key = data.draw(st.sampled_from(keys))
                if data.draw(st.booleans()) and isinstance(place[key], dict | list) and place[key]:
                    place = place[key]
                    continue
                place[key] = copy.deepcopy(data.draw(self.ODD))
                break
        try:
            reading = edusign.read(write(tmp_path, whole=content), Context())
        except FlipstatsError:
            return
        assert reading.account.balanced
        if "attendance" in reading.tables:
            rows = reading.tables["attendance"]
            assert rows.select("meeting", "person").is_unique().all()
            assert rows.select(pl.min_horizontal("minutes", "late_minutes").min()).item() in (None, 0) or (
                rows["minutes"].drop_nulls().min() >= 0
            )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
class TestReference:
    def test_the_course_page_gives_the_expected_rows(self):
        expected = json.loads((SHARED.parent / "expected.json").read_text(encoding="utf-8"))["edusign"]
        want = expected["api_course_page0.json"]
        reading = readers.read(SHARED / "api_course_page0.json")
        rows = reading.tables["attendance"]
        count = dict(rows["status"].value_counts().iter_rows())
        assert reading.tables["meetings"].height == want["sessions"]
        assert rows.height == want["attendance_rows"]
        assert count["present"] + count["late"] == want["present"]
        assert (count["late"], count["excused"], count["absent"]) == (
            want["late"], want["justified"], want["absent_unjustified"],
        )  # fmt: skip
        assert reading.account.reasons("note")["excluded_from_session"] == want["excluded"]
        assert (rows["proof"] == "email").sum() == want["signed_afterwards_by_email"]

    def test_the_other_pages(self):
        students = readers.read(SHARED / "api_student.json")
        assert (students.tables["learners"].height, students.account.kept) == (5, 5)
        assert readers.read(SHARED / "api_justified_absence_page0.json").tables["absences"].height == 1
        with pytest.raises(InputError, match="refusal"):
            readers.read(SHARED / "api_error.json")
