"""Google Meet: the Workspace report, whose times have no date, and the browser extension's list."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flipstats import readers
from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import google_meet
from flipstats.readers.base import Context, Reading

SHARED = Path(__file__).parents[2] / "shared" / "formats" / "google_meet"
PARIS = Context(timezone="Europe/Paris")
THAT_DAY = Context(timezone="Europe/Paris", day=dt.date(2024, 3, 21))
REPORT = "First name,Last name,Email,Duration,Time joined,Time exited"
EXTENSION = [
    "*,Meet", "*,Meeting code: abc-defg-hij", "*,Created on 2024-03-21 08:55:00",
    "*,Ended on 2024-03-21 12:00:00", "Full Name,First Seen,Time in Call",
]  # fmt: skip


def write(folder: Path, lines: list[str], name: str = "report.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def minutes(reading: Reading) -> dict[str, float]:
    return dict(reading.tables["attendance"].select("person", "minutes").iter_rows())


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


class TestWorkspace:
    def test_stated_minutes_on_the_day_given(self, tmp_path):
        lines = [REPORT, "Ann,Lee,Ann@x.org,1 hr 2 min,9:01 AM,10:30 AM", "Bo,Chen,,45 min,9:00 AM,9:45 AM"]
        reading = readers.read(write(tmp_path, lines), THAT_DAY)
        assert reading.format == "google_meet"
        assert minutes(reading) == {"mail:ann@x.org": 62, "name:bo chen": 45}
        assert reading.tables["meetings"].rows() == [
            ("meet:2024-03-21T08:00:00Z", None, utc(2024, 3, 21, 8), utc(2024, 3, 21, 9, 30))
        ]
        assert reading.account.balanced

    @pytest.mark.parametrize("name", ["Attendance 2024-03-21.csv", "report_20240321.csv"])
    def test_the_day_may_stand_in_the_name(self, tmp_path, name):
        lines = [REPORT, "Ann,Lee,ann@x.org,59 min,21:01,22:00"]
        reading = readers.read(write(tmp_path, lines, name), PARIS)
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 21, 20, 1)]

    @pytest.mark.parametrize("name", ["report.csv", "03-05-2024.csv", "2024-03-21 and 2024-03-22.csv"])
    def test_without_a_day_it_is_asked_for(self, tmp_path, name):
        with pytest.raises(InputError) as raised:
            readers.read(write(tmp_path, [REPORT, "Ann,Lee,ann@x.org,59 min,9:01 AM,10:00 AM"], name), PARIS)
        assert str(raised.value) == (
            f"{name} holds times of day without a date, and its name states none; give the day of the "
            "meeting with --day 2024-03-21, or as day for this file under [[sources]] in study.toml"
        )

    def test_one_name_column_and_narrow_blanks(self, tmp_path):
        lines = ["Name,Email,Duration,Time joined,Time exited",
                 "Ann Lee,ann@x.org,59 min,9:01\u202fAM,10:00\u202fAM"]  # fmt: skip
        assert minutes(readers.read(write(tmp_path, lines), THAT_DAY)) == {"mail:ann@x.org": 59}

    def test_as_a_workbook(self, tmp_path):
        file = tmp_path / "report 2024-03-21.xlsx"
        with xlsxwriter.Workbook(file) as book:
            sheet, clock = book.add_worksheet(), book.add_format({"num_format": "hh:mm"})
            sheet.write_row(0, 0, REPORT.split(","))
            sheet.write_row(1, 0, ["Ann", "Lee", "ann@x.org", "59 min"])
            sheet.write_datetime(1, 4, dt.time(9, 1), clock)
            sheet.write_datetime(1, 5, dt.time(10, 0), clock)
        reading = readers.read(file, PARIS)
        assert (reading.format, minutes(reading)) == ("google_meet", {"mail:ann@x.org": 59})

    def test_past_midnight(self, tmp_path):
        lines = [REPORT, "Ann,Lee,ann@x.org,40 min,11:40 PM,12:20 AM"]
        reading = readers.read(write(tmp_path, lines), THAT_DAY)
        assert minutes(reading) == {"mail:ann@x.org": 40}
        assert reading.tables["meetings"]["ends_at"].to_list() == [utc(2024, 3, 21, 23, 20)]

    def test_a_length_beyond_its_times_is_cut_to_them(self, tmp_path):
        lines = [REPORT, "Ann,Lee,ann@x.org,3 hr,9:00 AM,10:00 AM", "Bo,Chen,,20 min,9:00 AM,"]
        assert minutes(readers.read(write(tmp_path, lines), THAT_DAY)) == {
            "mail:ann@x.org": 60, "name:bo chen": 20,
        }  # fmt: skip


class TestExtension:
    def test_one_line_a_join(self, tmp_path):
        lines = [*EXTENSION, "Ann Lee,2024-03-21 09:00:00,00:42:30", "Ann Lee,2024-03-21 09:30:00,01:00:00",
                 "Bo Chen,2024-03-21 09:20:00,00:10:00"]  # fmt: skip
        reading = readers.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"name:ann lee": 90, "name:bo chen": 10}
        assert reading.tables["meetings"].rows() == [
            ("meet:2024-03-21T07:55:00Z", "abc-defg-hij", utc(2024, 3, 21, 7, 55), utc(2024, 3, 21, 11))
        ]
        assert dict(reading.account.reasons("merged")) == {"same_meeting": 1}
        assert reading.account.balanced

    def test_clock_times_take_the_day_of_the_meeting(self, tmp_path):
        lines = [*EXTENSION, "Ann Lee,09:00:00,00:42:30"]
        reading = readers.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"name:ann lee": 42.5}


class TestDamage:
    def test_records_that_say_nothing_usable(self, tmp_path):
        lines = [REPORT, "Ann,Lee,ann@x.org,59 min,9:01 AM,10:00 AM", ",,,5 min,9:00 AM,9:05 AM",
                 "Bo,Chen,,,,", "Cy,Dee,,5 min,2024-03-21 09:10:00,"]  # fmt: skip
        account = readers.read(write(tmp_path, lines), THAT_DAY).account
        assert account.balanced
        assert dict(account.reasons())["no_person"] == 1
        assert account.kept == 1

    def test_nobody(self, tmp_path):
        reading = google_meet.read(write(tmp_path, [REPORT, ",,5 min,,,"]), THAT_DAY)
        assert (reading.tables, reading.account.read, reading.account.balanced) == ({}, 1, True)
        assert reading.warnings == [
            "report.csv names nobody who was in the meeting; download it again once the meeting has ended"
        ]

    CELLS = st.sampled_from(
        [
            "",
            "Ann",
            "Lee",
            "a@x.org",
            "59 min",
            "1 hr",
            "9:01 AM",
            "25:00",
            "8:00 PM",
            "2024-03-21 09:00",
            '"',
            "-",
        ]
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.lists(CELLS, min_size=2, max_size=7), max_size=8), st.booleans())
    def test_any_lines_balance_or_are_refused(self, tmp_path, lines, extension):
        head = EXTENSION if extension else [REPORT]
        file = write(tmp_path, [*head, *(",".join(cells) for cells in lines)])
        try:
            reading = google_meet.read(file, THAT_DAY)
        except FlipstatsError:
            return
        assert reading.account.balanced
        assert "attendance" in reading.tables or not reading.account.kept
        assert all(minutes >= 0 for minutes in reading.tables.get("attendance", {"minutes": []})["minutes"])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
def test_the_samples_give_the_expected_rows():
    expected = json.loads((SHARED.parent / "expected.json").read_text(encoding="utf-8"))["google_meet"]
    for name, want in expected.items():
        reading = readers.read(SHARED / name, THAT_DAY)
        assert reading.tables["attendance"].height == want["attendance_rows"]
        assert reading.account.read == want.get("join_rows", reading.account.read)
        assert reading.account.balanced
    with pytest.raises(InputError, match="without a date"):
        readers.read(SHARED / "Attendance report_en.csv", PARIS)
