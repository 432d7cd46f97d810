"""Zoom participants reports: four forms, two languages, and every record's fate."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moodle_exports import own_warnings

from flipstats import readers
from flipstats.errors import DateOrderError, FlipstatsError, InputError
from flipstats.i18n import in_language
from flipstats.readers import zoom
from flipstats.readers.base import Context, Reading

SHARED = Path(__file__).parents[2] / "shared" / "formats"
PARIS = Context(timezone="Europe/Paris")
PLAIN = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,In Waiting Room"
BLOCK = "Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants"
ABOUT = '812 3456 7890,"First aid, session 2",03/21/2024 08:55:00 AM,03/21/2024 12:00:00 PM,tess@x.org,185,4'
ROWS = [
    "Tess Trainer,Tess@x.org,03/21/2024 08:55:02 AM,03/21/2024 12:00:00 PM,185,No,No",
    "Ann Lee,ann@x.org,03/21/2024 09:00:00 AM,03/21/2024 10:00:00 AM,60,Yes,No",
    "Ann Lee,ann@x.org,03/21/2024 09:30:00 AM,03/21/2024 10:15:30 AM,46,Yes,No",
    "BC,,03/21/2024 09:10:00 AM,03/21/2024 09:12:00 AM,2,Yes,Yes",
    "BC,,03/21/2024 09:12:00 AM,03/21/2024 10:00:00 AM,48,Yes,No",
    "BC (Bo Chen),,03/21/2024 10:30:00 AM,03/21/2024 11:00:00 AM,30,Yes,No",
]


def write(folder: Path, lines: list[str], name: str = "participants.csv") -> Path:
    file = folder / name
    file.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def minutes(reading: Reading) -> dict[str, float]:
    return dict(reading.tables["attendance"].select("person", "minutes").iter_rows())


def names(reading: Reading, person: str) -> set[str]:
    return set(reading.people.filter(person=person, kind="name")["value"])


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


class TestForms:
    def test_below_the_meeting(self, tmp_path):
        reading = readers.read(write(tmp_path, [BLOCK, ABOUT, "", PLAIN, *ROWS]), PARIS)
        assert reading.format == "zoom"
        assert minutes(reading) == {
            "mail:tess@x.org": pytest.approx(184 + 58 / 60), "mail:ann@x.org": 75.5, "name:bc | bo chen": 78,
        }  # fmt: skip
        assert reading.tables["meetings"].rows() == [
            ("zoom:81234567890:2024-03-21T07:55:00Z", "First aid, session 2", utc(2024, 3, 21, 7, 55),
             utc(2024, 3, 21, 11)),
        ]  # fmt: skip
        assert reading.people.filter(kind="role").rows() == [("mail:tess@x.org", "role", "staff")]
        assert names(reading, "name:bc | bo chen") == {"BC", "Bo Chen"}
        assert dict(reading.account.reasons()) == {"waiting_room": 1}
        assert dict(reading.account.reasons("merged")) == {"same_meeting": 2}
        assert reading.account.balanced
        assert own_warnings(reading) == []

    def test_alone(self, tmp_path):
        reading = readers.read(write(tmp_path, [PLAIN, *ROWS]), PARIS)
        assert minutes(reading)["mail:ann@x.org"] == 75.5
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 21, 7, 55, 2)]
        assert not reading.people.filter(kind="role").height

    def test_older_columns(self, tmp_path):
        header, *rows = [line.rpartition(",")[0].rpartition(",")[0] for line in [PLAIN, *ROWS]]
        reading = readers.read(write(tmp_path, [header, *rows]), PARIS)
        assert header.endswith("Duration (Minutes)")
        assert minutes(reading)["name:bc | bo chen"] == 80

    def test_the_meeting_on_every_row(self, tmp_path):
        second = ABOUT.replace("03/21", "03/28").replace("812 3456 7890", "999")
        third = ROWS[1].replace("03/21", "03/28")
        lines = [f"{BLOCK},{PLAIN}", *(f"{ABOUT},{row}" for row in ROWS), f"{second},{third}"]
        reading = readers.read(write(tmp_path, lines), PARIS)
        assert reading.tables["meetings"]["meeting"].to_list() == [
            "zoom:81234567890:2024-03-21T07:55:00Z", "zoom:999:2024-03-28T07:55:00Z",
        ]  # fmt: skip
        rows = reading.tables["attendance"].filter(person="mail:ann@x.org")
        assert rows["minutes"].to_list() == [75.5, 60]
        assert reading.people.filter(kind="role").height == 1

    def test_unique_users_below_the_meeting(self, tmp_path):
        lines = [BLOCK, ABOUT, "", "Name (Original Name),User Email,Total Duration (Minutes),Guest",
                 "Ann Lee,ann@x.org,75,Yes", "Bo Chen,,78,Yes"]  # fmt: skip
        reading = readers.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"mail:ann@x.org": 75, "name:bo chen": 78}
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 21, 7, 55)]
        assert own_warnings(reading) == []

    def test_unique_users_alone_say_how_long_and_not_when(self, tmp_path):
        lines = ["Name (Original Name),User Email,Total Duration (Minutes),Guest", "Ann Lee,ann@x.org,75,Yes"]
        reading = readers.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"mail:ann@x.org": 75}
        assert reading.tables["meetings"]["starts_at"].to_list() == [None]
        assert own_warnings(reading) == [
            "participants.csv says how long participants were there, not when, so its minutes are in no "
            "session; give the day of the meeting with --day, or as day for this file under [[sources]] in "
            "study.toml, or download the report with its join and leave times"
        ]
        named = readers.read(write(tmp_path, lines, "participants 2024-03-21.csv"), PARIS)
        given = readers.read(
            write(tmp_path, lines), Context(timezone="Europe/Paris", day=dt.date(2024, 3, 21))
        )
        for one in (named, given):
            assert one.tables["meetings"].select("starts_at", "ends_at", "whole_day").rows() == [
                (utc(2024, 3, 20, 23), utc(2024, 3, 21, 23), True)
            ]
            assert "its day is known" in one.warnings[0]

    def test_saved_as_a_workbook(self, tmp_path):
        file = tmp_path / "participants.xlsx"
        with xlsxwriter.Workbook(file) as book:
            sheet, moment = book.add_worksheet(), book.add_format({"num_format": "mm/dd/yyyy hh:mm:ss"})
            sheet.write_row(0, 0, BLOCK.split(","))
            sheet.write_row(1, 0, ["812 3456 7890", "First aid", "", "", "tess@x.org", 185, 4])
            sheet.write_row(3, 0, PLAIN.split(","))
            sheet.write_row(4, 0, ["Ann Lee", "ann@x.org", "", "", 60, "Yes", "No"])
            for row, column in ((1, 2), (4, 2)):
                sheet.write_datetime(row, column, dt.datetime(2024, 3, 5, 9), moment)
                sheet.write_datetime(row, column + 1, dt.datetime(2024, 3, 5, 10), moment)
        reading = readers.read(file, PARIS)
        assert minutes(reading) == {"mail:ann@x.org": 60}
        assert reading.tables["meetings"].row(0)[1:] == ("First aid", utc(2024, 3, 5, 8), utc(2024, 3, 5, 9))
        assert own_warnings(reading) == []

    def test_french_spreadsheets_write_semicolons(self, tmp_path):
        lines = [line.replace(",", ";") for line in [PLAIN, *ROWS]]
        assert minutes(readers.read(write(tmp_path, lines), PARIS))["mail:ann@x.org"] == 75.5


class TestFrench:
    HEADER = (
        "Nom (nom original),Adresse e-mail de l’utilisateur,Heure d’arrivée,Heure de départ,"
        "Durée (minutes),Invité,Salle d’attente"
    )

    def test_labels_dates_and_words(self, tmp_path):
        lines = [
            self.HEADER, "Zoé Petit,zoe@x.org,15/03/2024 14:00:00,15/03/2024 15:00:00,60,Oui,Non",
            "Zoé Petit,zoe@x.org,15/03/2024 13:50:00,15/03/2024 14:00:00,10,Oui,Oui",
        ]  # fmt: skip
        reading = readers.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"mail:zoe@x.org": 60}
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 15, 13)]
        assert reading.language == "fr"
        assert own_warnings(reading) == [
            "participants.csv: French Zoom labels are not confirmed by a published export; compare the "
            "minutes with the report once"
        ]

    def test_straight_apostrophes_and_us_dates(self, tmp_path):
        lines = [self.HEADER.replace("’", "'"),
                 "Zoé Petit,,03/21/2024 02:00:00 PM,03/21/2024 03:00:00 PM,60,Oui,Non"]  # fmt: skip
        assert minutes(readers.read(write(tmp_path, lines), PARIS)) == {"name:zoe petit": 60}


class TestDates:
    def test_am_and_pm_do_not_settle_the_order(self, tmp_path):
        lines = [line.replace("03/21/", "03/05/") for line in (PLAIN, *ROWS)]
        with pytest.raises(DateOrderError, match=r"--date-order on the command line"):
            readers.read(write(tmp_path, lines), PARIS)
        told = Context(timezone="Europe/Paris", date_order="day_first")
        found = readers.read(write(tmp_path, lines), told)
        assert found.tables["meetings"]["starts_at"].to_list() == [utc(2024, 5, 3, 6, 55, 2)]
        assert own_warnings(found) == []

    @pytest.mark.parametrize("header", [PLAIN, TestFrench.HEADER])
    def test_neither_does_the_language_of_the_labels(self, tmp_path, header):
        lines = [header, "Zoé Petit,zoe@x.org,05/03/2024 14:00:00,05/03/2024 15:00:00,60,Oui,Non"]
        with pytest.raises(DateOrderError):
            readers.read(write(tmp_path, lines), PARIS)

    def test_without_them_the_user_is_asked(self, tmp_path):
        lines = [PLAIN, "Ann Lee,ann@x.org,03/05/2024 09:00:00,03/05/2024 10:00:00,60,Yes,No"]
        with pytest.raises(InputError, match=r"^participants\.csv, column join and leave times: every date"):
            readers.read(write(tmp_path, lines), PARIS)
        dated = readers.read(write(tmp_path, lines, "zoom_20240503.csv"), PARIS)
        assert dated.tables["meetings"]["starts_at"].to_list() == [utc(2024, 5, 3, 7)]

    def test_across_the_autumn_clock_change(self, tmp_path):
        lines = [PLAIN, "Ann Lee,ann@x.org,10/27/2024 01:30:00 AM,10/27/2024 03:30:00 AM,180,Yes,No"]
        assert minutes(readers.read(write(tmp_path, lines), PARIS)) == {"mail:ann@x.org": 180}

    def test_no_zone(self, tmp_path):
        with in_language("fr"), pytest.raises(InputError, match="fuseau"):
            zoom.read(write(tmp_path, [PLAIN, *ROWS]), Context())


class TestPeople:
    def row(self, name: str, email: str = "", start: int = 0, end: int = 10) -> str:
        return f"{name},{email},03/21/2024 09:{start:02}:00 AM,03/21/2024 09:{end:02}:00 AM,9,Yes,No"

    def test_a_name_joins_the_only_address_that_bears_it(self, tmp_path):
        lines = [PLAIN, self.row("Ann Lee", "ann@x.org"), self.row("Ann Lee", "", 20, 30)]
        assert minutes(readers.read(write(tmp_path, lines), PARIS)) == {"mail:ann@x.org": 20}

    def test_two_addresses_of_one_name_stay_two_and_the_name_alone_a_third(self, tmp_path):
        lines = [PLAIN, self.row("Ann Lee", "a@x.org"), self.row("Ann Lee", "b@x.org"), self.row("Ann Lee")]
        assert set(minutes(readers.read(write(tmp_path, lines), PARIS))) == {
            "mail:a@x.org", "mail:b@x.org", "name:ann lee",
        }  # fmt: skip

    def test_a_mark_in_parentheses_does_not_make_two_people_one(self, tmp_path):
        lines = [PLAIN, self.row("Ann (Guest)"), self.row("Bo (Guest)"), self.row("Guest")]
        assert len(minutes(readers.read(write(tmp_path, lines), PARIS))) == 3

    def test_an_ambiguous_nickname_stays_alone(self, tmp_path):
        lines = [
            PLAIN,
            self.row("JB"),
            self.row("JB (Jo Bo)", "", 20, 30),
            self.row("JB (Jan Ba)", "", 40, 50),
        ]
        assert set(minutes(readers.read(write(tmp_path, lines), PARIS))) == {
            "name:jb", "name:jb | jo bo", "name:jb | jan ba",
        }  # fmt: skip


class TestDamage:
    def test_records_that_say_nothing_usable(self, tmp_path):
        lines = [
            PLAIN, *ROWS, ",,03/21/2024 09:00:00 AM,03/21/2024 09:10:00 AM,9,Yes,No",
            "Cy Dee,,later,,x,Yes,No", "Cy Dee,,03/21/2024 09:20:00 AM,03/21/2024 09:10:00 AM,9,Yes,No",
            "Di Eff,,03/21/2024 09:20:00 AM,,30,Yes,No", "Cy Dee,,03/21/2024 09:20:00 AM",
        ]  # fmt: skip
        reading = readers.read(write(tmp_path, lines), PARIS)
        account = reading.account
        assert dict(account.reasons()) == {
            "waiting_room": 1, "no_person": 1, "no_time": 1, "ends_before_start": 1, "too_few_cells": 1,
        }  # fmt: skip
        assert dict(account.reasons("note")) == {"leave_unknown": 1}
        assert minutes(reading)["name:di eff"] == 30
        assert account.balanced

    def test_a_year_beyond_any_calendar(self, tmp_path):
        lines = [PLAIN, *ROWS, "Cy Dee,,03/21/-12024 09:00:00 AM,03/21/2024 09:10:00 AM,9,Yes,No"]
        assert dict(readers.read(write(tmp_path, lines), PARIS).account.reasons())["no_time"] == 1

    def test_another_file(self, tmp_path):
        with pytest.raises(InputError) as raised:
            zoom.read(write(tmp_path, ["Name,Score", "Ann Lee,1"]), PARIS)
        assert str(raised.value) == (
            "participants.csv is not a Zoom participants report: the column “Name (Original Name) / Nom (nom "
            "original)” is missing. Check that it is that report, exported as CSV with its header line, and "
            "that no column was removed."
        )

    CELLS = st.sampled_from(
        ["", "Ann Lee", "BC (Bo Chen)", "ann@x.org", "03/21/2024 09:00:00 AM", "03/21/2024 11:00:00 AM",
         "21/03/24", "03/31/2024 02:30:00 AM", "9", "-1", "Yes", '"', "=1+1", "é\u0000", "("]
    )  # fmt: skip

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.lists(CELLS, max_size=9), max_size=10), st.sampled_from([[], [BLOCK, ABOUT, ""]]))
    def test_any_lines_balance_or_are_refused(self, tmp_path, lines, block):
        file = write(tmp_path, [*block, PLAIN, *(",".join(cells) for cells in lines)])
        try:
            reading = zoom.read(file, PARIS)
        except FlipstatsError:
            return
        assert reading.account.balanced
        assert reading.account.kept == (reading.tables["attendance"].height if reading.tables else 0)
        if reading.tables:
            assert reading.tables["attendance"]["minutes"].min() >= 0
            assert reading.tables["attendance"].select("meeting", "person").is_unique().all()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
class TestReference:
    EXPECTED = (
        json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["zoom"] if SHARED.is_dir() else {}
    )

    @pytest.mark.parametrize("name", sorted(EXPECTED))
    def test_reports_give_the_expected_rows(self, name):
        want = self.EXPECTED[name]
        reading = readers.read(SHARED / "zoom" / name, PARIS)
        assert reading.account.read == want["join_rows"]
        assert reading.account.count("set_aside") == want.get("waiting_room_rows", 0)
        assert reading.tables["meetings"].height == want.get("sessions", 1)
        assert reading.tables["attendance"].height == want.get("attendees", 8)
        assert names(reading, "name:jb | jean-baptiste le goff") == {"JB", "Jean-Baptiste Le Goff"}
        nameless = [p for p in minutes(reading) if p.startswith("name:") and "|" not in p]
        assert [names(reading, p) for p in nameless] == [{n} for n in want.get("unmatched", ["iPhone"])]
