"""Moodle attendance sheets: who was there, late, excused or absent, and what the other cells do not say."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest
from moodle_exports import SHARED, shared

from flipstats.errors import InputError
from flipstats.readers import Context, Reading, detect, read

PARIS = Context(timezone="Europe/Paris")
MOODLE = SHARED / "moodle"
SHEET_FR = ("Nom de famille", "Prénom", "Groupes", "Adresse de courriel")
SHEET_EN = ("Surname", "First name", "Groups", "Email address")


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def expected(file: str) -> dict:
    return json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["moodle"][file]


def balanced(reading: Reading) -> Reading:
    account = reading.account
    assert account.read == account.kept + account.count("merged") + account.count("set_aside")
    return reading


def sheet_text(header, *rows, before=("Cours\tSécurité", "Groupe\tTous les participants", "")) -> str:
    return "\n".join([*before, *("\t".join(map(str, row)) for row in (header, *rows))]) + "\n"


class TestAttendance:
    SESSIONS = ("21.03.2024 09:00 Groupe A", '21.03.2024 14:00 Tous les étudiants « Feu "réel" »')
    LEGEND = ("P", "A", "R", "E", "Sessions prises", "Points", "Pourcentage")

    def sheet(self, folder: Path, header, *rows, context: Context = PARIS, **options) -> Reading:
        file = folder / "x.txt"
        file.write_text(sheet_text(header, *rows, **options), encoding="utf-8")
        assert detect(file).format == "moodle_attendance"
        return balanced(read(file, context))

    @shared
    @pytest.mark.parametrize(
        "file", ["SECINC-2024_Présences_20241028-0900.txt", "SECINC-2024_Attendances_20241028-0900.xlsx"]
    )
    def test_reference(self, file):
        reading, wanted = balanced(read(MOODLE / file, PARIS)), expected(file)
        attendance = reading.tables["attendance"]
        assert reading.tables["learners"].height == wanted["learners"]
        assert reading.tables["meetings"]["starts_at"].to_list() == [
            utc(2024, 3, 21, 8),
            utc(2024, 3, 21, 13),
            utc(2024, 3, 28, 8),
        ]
        assert attendance.height == wanted["attendance_rows"]
        counted = Counter(attendance["status"])
        assert counted == {key: wanted[key] for key in ("present", "late", "absent", "excused")}

    def test_cells_that_say_nothing(self, tmp_path):
        header = (*SHEET_FR, *self.SESSIONS, *self.LEGEND)
        rows = [
            ("Lee", "Ann", "Groupe A", "ann@example.org", "P (2/2)", "?", 1, 0, 0, 0, 1, "2 / 2", "100,00"),
            ("Ray", "Bob", "Groupe B", "bob@example.org", "", "-X", 0, 0, 0, 0, 0, "0 / 0", "0,00"),
            ("Roy", "Cle", "Groupe A", "c@example.org", "Début 22.03.2024", "←", 0, 0, 0, 0, 0, "0", "0"),
            ("Sol", "Dan", "Groupe A", "d@example.org", "R (1/2)", "Z (1/2)", 0, 0, 1, 0, 1, "1 / 2", "50"),
        ]
        reading = self.sheet(tmp_path, header, *rows)
        assert reading.tables["attendance"].select("record", "status").rows() == [(1, "present"), (4, "late")]
        assert reading.account.lines == [
            (1, "note", "session_not_taken"),
            (2, "note", "deleted_status"),
            (3, "note", "not_enrolled_then"),
            (3, "note", "not_enrolled_then"),
            (4, "note", "unknown_status"),
        ]

    def test_older_english_times_groups_and_remarks(self, tmp_path):
        times = (
            "4 Mar 2024 9.00AM Group A",
            "",
            "4 Mar 2024 9.00AM Group B",
            "5 Mar 2024 2.30PM All students",
        )
        header = (*SHEET_EN, *times, "P", "A", "L", "E", "Taken sessions", "Points", "Percentage")
        line = (
            "Lee",
            "Ann",
            "Group A",
            "ann@example.org",
            "L (1/2)",
            "bus",
            "",
            "E (1/2)",
            0,
            0,
            1,
            1,
            2,
            2,
            50,
        )
        reading = self.sheet(tmp_path, header, line, before=("Course\tX", "Group\tAll participants", ""))
        meetings = reading.tables["meetings"]
        assert meetings["title"].to_list() == ["Group A", "Group B", "All students"]
        assert meetings["starts_at"].to_list() == [
            utc(2024, 3, 4, 8),
            utc(2024, 3, 4, 8),
            utc(2024, 3, 5, 13, 30),
        ]
        assert meetings["meeting"].n_unique() == 3
        assert reading.tables["attendance"]["status"].to_list() == ["late", "excused"]

    def test_the_users_id_joins_to_moodle(self, tmp_path):
        header = ("Nom de famille", "Prénom", "ID Étudiant", *self.SESSIONS[:1], *self.LEGEND)
        line = ("Lee", "Ann", 1001, "A (0/2)", 0, 1, 0, 0, 1, "0 / 2", "0,00")
        reading = self.sheet(tmp_path, header, line)
        assert reading.tables["attendance"].row(0)[1:] == (
            "moodle:1001",
            "attendance:2024-03-21T08:00:00Z:groupe a",
            "absent",
            None,
            "import",
        )

    def test_a_cut_last_line_is_set_aside(self, tmp_path):
        file = tmp_path / "x.txt"
        lines = sheet_text(
            (*SHEET_FR, *self.SESSIONS, *self.LEGEND),
            ("Lee", "Ann", "", "", "P (2/2)", "P (2/2)", 2, 0, 0, 0, 2, "4 / 4", "100,00"),
        )
        file.write_text(lines + "Ray\tBo", encoding="utf-8")
        reading = balanced(read(file, PARIS))
        assert reading.account.lines == [(2, "set_aside", "cut_record")]

    def test_without_a_session_column(self, tmp_path):
        file = tmp_path / "x.txt"
        file.write_text(sheet_text((*SHEET_FR, "P", "A"), ("a", "b", "c", "d", 1, 1)), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read(file, PARIS, format="moodle_attendance")
        assert str(caught.value) == (
            "x.txt has no session columns: each must begin with the day and the time of the session."
        )

    def test_the_zone_must_be_given(self, tmp_path):
        file = tmp_path / "x.txt"
        file.write_text(sheet_text((*SHEET_FR, *self.SESSIONS, *self.LEGEND)), encoding="utf-8")
        with pytest.raises(InputError, match=r"x\.txt holds local times"):
            read(file, Context(), format="moodle_attendance")
