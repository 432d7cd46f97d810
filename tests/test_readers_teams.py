"""Teams attendance reports: minutes from stays, people, times, and every record's fate."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flipstats.errors import DateOrderError, InputError
from flipstats.readers import teams
from flipstats.readers.base import Context, Reading

SHARED = Path(__file__).parents[2] / "shared" / "formats"
PARIS = Context(timezone="Europe/Paris")
SUMMARY = [
    "1. Summary", "Meeting title\tFirst aid, session 2", "Attended participants\t3",
    "Start time\t3/21/24, 8:55:00 AM", "End time\t3/21/24, 12:00:00 PM", "Meeting duration\t3h 5m 0s", "",
]  # fmt: skip
PARTICIPANTS = [
    "2. Participants",
    "Name\tFirst join\tLast leave\tIn-meeting duration\tEmail\tParticipant ID (UPN)\tRole",
    "Tess Trainer\t3/21/24, 8:55:00 AM\t3/21/24, 12:00:00 PM\t3h 5m 0s\ttess@x.org\ttess@x.org\tOrganizer",
    "Ann Lee\t3/21/24, 9:00:00 AM\t3/21/24, 11:00:00 AM\t1h 30m\tann@x.org\tann@x.org\tAttendee",
    "Bo Chen (External)\t3/21/24, 9:00:00 AM\t3/21/24, 10:00:00 AM\t1h 0m 0s\t\t\tPresenter",
    "",
]
STAYS = [
    "3. In-Meeting Activities",
    "Name\tJoin time\tLeave time\tDuration\tEmail\tRole",
    "Tess Trainer\t3/21/24, 8:55:00 AM\t3/21/24, 12:00:00 PM\t3h 5m 0s\ttess@x.org\tOrganizer",
    "Ann Lee\t3/21/24, 9:00:00 AM\t3/21/24, 10:00:00 AM\t1h\tANN@x.org\tAttendee",
    "Ann Lee\t3/21/24, 9:30:00 AM\t3/21/24, 10:15:00 AM\t45m\tann@x.org\tAttendee",
    "Ann Lee\t3/21/24, 10:30:00 AM\t3/21/24, 11:00:00 AM\t30m\tann@x.org\tAttendee",
    "Bo Chen\t3/21/24, 9:00:00 AM\t3/21/24, 10:00:00 AM\t1h 0m 0s\tbo@x.org\tPresenter",
]
WHOLE = [*SUMMARY, *PARTICIPANTS, *STAYS, ""]


def write(folder: Path, lines: list[str], name: str = "report.csv") -> Path:
    file = folder / name
    file.write_bytes("\ufeff".encode("utf-16-le") + "\r\n".join(lines).encode("utf-16-le"))
    return file


def minutes(reading: Reading) -> dict[str, float]:
    return dict(reading.tables["attendance"].select("person", "minutes").iter_rows())


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


class TestStays:
    def test_minutes_are_those_of_the_union_of_stays(self, tmp_path):
        reading = teams.read(write(tmp_path, WHOLE), PARIS)
        assert minutes(reading) == {"mail:tess@x.org": 185, "mail:ann@x.org": 105, "mail:bo@x.org": 60}
        rows = reading.tables["attendance"].select("status", "proof").unique().rows()
        assert rows == [("present", "live")]

    def test_meeting(self, tmp_path):
        reading = teams.read(write(tmp_path, WHOLE), PARIS)
        meeting = "teams:2024-03-21T07:55:00Z"
        assert reading.tables["meetings"].rows() == [
            (meeting, "First aid, session 2", utc(2024, 3, 21, 7, 55), utc(2024, 3, 21, 11, 0))
        ]
        assert reading.tables["attendance"]["meeting"].unique().to_list() == [meeting]
        assert (reading.language, reading.timezone, reading.confidence) == ("en", "Europe/Paris", 1.0)
        assert reading.warnings == []

    def test_who_is_staff_and_what_identities(self, tmp_path):
        people = teams.read(write(tmp_path, WHOLE), PARIS).people
        assert sorted(people.filter(person="mail:tess@x.org").select("kind", "value").rows()) == [
            ("email", "tess@x.org"), ("name", "Tess Trainer"), ("role", "staff"),
        ]  # fmt: skip
        # The participants line of a guest has no address: the stay that bears the name gives it.
        assert sorted(people.filter(person="mail:bo@x.org").select("kind", "value").rows()) == [
            ("email", "bo@x.org"), ("name", "Bo Chen"),
        ]  # fmt: skip

    def test_every_record_is_kept_or_merged(self, tmp_path):
        account = teams.read(write(tmp_path, WHOLE), PARIS).account
        assert (account.read, account.kept, account.balanced) == (8, 3, True)
        assert dict(account.reasons("merged")) == {"told_by_stays": 3, "same_meeting": 2}

    def test_two_people_of_one_name_stay_two(self, tmp_path):
        lines = [*WHOLE[:-1], "Ann Lee\t3/21/24, 9:00:00 AM\t3/21/24, 9:10:00 AM\t10m\tann2@x.org\tAttendee",
                 "Ann Lee\t3/21/24, 9:00:00 AM\t3/21/24, 9:20:00 AM\t20m\t\tAttendee"]  # fmt: skip
        found = minutes(teams.read(write(tmp_path, lines), PARIS))
        assert (found["mail:ann@x.org"], found["mail:ann2@x.org"], found["name:ann lee"]) == (105, 10, 20)


class TestVariants:
    def test_french_by_its_labels_with_a_warning(self, tmp_path):
        lines = [
            "1. Résumé", "Titre de la réunion\tSéance 1 à 14:00", "Heure de début\t15/03/2024 14:00:00",
            "Heure de fin\t15/03/2024 15:00:00", "", "2. Participants",
            "Nom\tPremière participation\tDernier départ\tDurée de la réunion\tE-mail\t"
            "ID du participant (UPN)\tRôle",
            "Zoé Petit (Invitée)\t15/03/2024 14:00:00\t15/03/2024 14:59:00\t59 min 0 s\t\t\tOrganisatrice",
            "", "3. Activités pendant la réunion",
            "Nom\tHeure de participation\tHeure de départ\tDurée\tE-mail\tRôle",
            "Zoé Petit\t15/03/2024 14:00:00\t15/03/2024 14:59:00\t59 min 0 s\t\tOrganisatrice",
        ]  # fmt: skip
        reading = teams.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"name:zoe petit": 59}
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 15, 13)]
        assert reading.people.filter(kind="role")["value"].to_list() == ["staff"]
        assert reading.warnings == [
            "report.csv: French Teams labels are not confirmed by a published export; "
            "compare the minutes with the report once"
        ]
        assert reading.language == "fr"

    def test_french_labels_do_not_say_that_the_day_comes_first(self, tmp_path):
        lines = [
            "1. Résumé", "Heure de début\t05/03/2024 14:00:00", "", "2. Participants",
            "Nom\tPremière participation\tDernier départ\tDurée de la réunion\tE-mail\tRôle",
            "Zoé Petit\t05/03/2024 14:00:00\t05/03/2024 14:59:00\t59 min 0 s\t\tOrganisatrice",
        ]  # fmt: skip
        with pytest.raises(DateOrderError):
            teams.read(write(tmp_path, lines), PARIS)
        told = Context(timezone="Europe/Paris", date_order="day_first")
        found = teams.read(write(tmp_path, lines), told)
        assert found.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 5, 13)]

    def test_unknown_labels_are_read_by_position_with_a_warning(self, tmp_path):
        lines = [line.replace("Name\t", "Navn\t").replace("Join", "Deltag") for line in WHOLE]
        lines = [line.replace("First join", "Første").replace("Last leave", "Sidste") for line in lines]
        reading = teams.read(write(tmp_path, lines), PARIS)
        assert minutes(reading) == {"mail:tess@x.org": 185, "mail:ann@x.org": 105, "mail:bo@x.org": 60}
        assert reading.warnings == [
            "report.csv: the labels of this Teams report are not known, so its columns are read by their "
            "position; compare the minutes with the report once"
        ]
        assert reading.confidence < 1

    def test_without_stays_the_minutes_teams_states_are_taken(self, tmp_path):
        reading = teams.read(write(tmp_path, [*SUMMARY, *PARTICIPANTS]), PARIS)
        assert minutes(reading) == {"mail:tess@x.org": 185, "mail:ann@x.org": 90, "name:bo chen": 60}
        assert reading.warnings == [
            "report.csv: the section with each join and leave is missing, so minutes are those Teams states "
            "for each participant"
        ]

    def test_somebody_without_a_stay_falls_back_to_the_participants_line(self, tmp_path):
        lines = [line for line in WHOLE if not line.startswith("Bo Chen\t")]
        assert minutes(teams.read(write(tmp_path, lines), PARIS))["name:bo chen"] == 60

    def test_the_report_of_2020(self, tmp_path):
        lines = [
            "Full Name\tUser Action\tTimestamp",
            "Ann Lee\tJoined before\t10/13/2020, 9:00:00 AM",
            "Bo Chen\tJoined\t10/13/2020, 9:05:00 AM",
            "Ann Lee\tLeft\t10/13/2020, 9:30:00 AM",
            "Ann Lee\tJoined\t10/13/2020, 9:40:00 AM",
            "Ann Lee\tJoined\t10/13/2020, 9:41:00 AM",
            "Ann Lee\tLeft\t10/13/2020, 10:00:00 AM",
            "Ann Lee\tLeft\t10/13/2020, 10:01:00 AM",
            "Ann Lee\tDanced\t10/13/2020, 10:02:00 AM",
        ]
        reading = teams.read(write(tmp_path, lines), Context(timezone="Europe/London"))
        assert minutes(reading) == {"name:ann lee": 50, "name:bo chen": 55}
        assert reading.tables["meetings"].row(0)[1:] == (None, utc(2020, 10, 13, 8), utc(2020, 10, 13, 9))
        account = reading.account
        assert dict(account.reasons("merged")) == {"end_of_stay": 2, "same_meeting": 1}
        assert dict(account.reasons()) == {"no_matching_action": 2, "unknown_action": 1}
        assert dict(account.reasons("note")) == {"leave_unknown": 1}
        assert account.balanced

    def test_utf8_copies_are_read_too(self, tmp_path):
        file = tmp_path / "report.csv"
        file.write_text("\n".join(WHOLE), encoding="utf-8")
        assert len(minutes(teams.read(file, PARIS))) == 3


class TestTimes:
    def test_ambiguous_days_are_asked(self, tmp_path):
        lines = [line.replace("3/21/24", "3/5/24") for line in WHOLE]
        with pytest.raises(InputError, match=r"^report\.csv, column join and leave times: every date"):
            teams.read(write(tmp_path, lines), PARIS)
        given = Context(timezone="Europe/Paris", date_order="month_first")
        starts = teams.read(write(tmp_path, lines), given).tables["meetings"]["starts_at"][0]
        assert starts == utc(2024, 3, 5, 7, 55)

    def test_across_the_autumn_clock_change(self, tmp_path):
        lines = [
            *SUMMARY[:3], "Start time\t10/27/24, 1:30:00 AM", "End time\t10/27/24, 3:30:00 AM",
            *STAYS[:2], "Ann Lee\t10/27/24, 1:30:00 AM\t10/27/24, 3:30:00 AM\t3h\tann@x.org\tAttendee",
        ]  # fmt: skip
        assert minutes(teams.read(write(tmp_path, lines), PARIS)) == {"mail:ann@x.org": 180}

    def test_no_zone(self, tmp_path):
        with pytest.raises(InputError) as raised:
            teams.read(write(tmp_path, WHOLE), Context())
        assert str(raised.value) == (
            "report.csv holds local times and does not say of which time zone. Give it with --timezone "
            "(such as Europe/Paris), or as timezone for this file in study.toml."
        )


class TestDamage:
    def test_cut_mid_line(self, tmp_path):
        file = write(tmp_path, WHOLE[:-1])
        file.write_bytes(file.read_bytes()[:-60])
        reading = teams.read(file, PARIS)
        assert dict(reading.account.reasons()) == {"cut_record": 1}
        assert reading.account.balanced
        assert minutes(reading)["name:bo chen"] == 60  # from the participants section

    def test_records_that_say_nothing_usable(self, tmp_path):
        lines = [
            *WHOLE[:-1],
            "Participant 3\t3/21/24, 9:00:00 AM\t3/21/24, 9:10:00 AM\t10m\t\tAttendee",
            "\t3/21/24, 9:00:00 AM\t3/21/24, 9:10:00 AM\t10m\t\tAttendee",
            "Cy Dee\tlater\t3/21/24, 9:10:00 AM\t10m\tcy@x.org\tAttendee",
            "Cy Dee\t3/21/24, 9:20:00 AM\t3/21/24, 9:10:00 AM\t10m\tcy@x.org\tAttendee",
            "Cy Dee\t3/21/24, 9:20:00 AM",
            "",
        ]
        account = teams.read(write(tmp_path, lines), PARIS).account
        assert dict(account.reasons()) == {
            "anonymous": 1, "no_person": 1, "no_time": 1, "ends_before_start": 1, "too_few_cells": 1,
        }  # fmt: skip
        assert account.balanced

    @pytest.mark.parametrize(
        "lines",
        [["Name,Score", "A,1"], ["1. Summary", "Meeting title\tX", ""], ["1. Summary", "2. Participants"]],
    )
    def test_other_files(self, tmp_path, lines):
        with pytest.raises(InputError) as raised:
            teams.read(write(tmp_path, lines), PARIS)
        assert str(raised.value) == (
            "report.csv is not a Teams attendance report: it has no numbered sections (1. Summary, "
            "2. Participants, 3. In-Meeting Activities) of tab-separated lines; download it again from the "
            "meeting’s Attendance tab, and do not save it from a spreadsheet"
        )

    def test_nobody(self, tmp_path):
        lines = [
            *SUMMARY,
            *STAYS[:2],
            "Participant 3\t3/21/24, 9:00:00 AM\t3/21/24, 9:10:00 AM\t10m\t\tAttendee",
        ]
        reading = teams.read(write(tmp_path, lines), PARIS)
        assert (reading.tables, reading.account.read, reading.account.balanced) == ({}, 1, True)
        assert dict(reading.account.reasons()) == {"anonymous": 1}
        assert [warning.again("fr") for warning in reading.warnings] == [
            "report.csv ne nomme personne qui était à la réunion\u202f; téléchargez-le à nouveau une fois la "
            "réunion terminée"
        ]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        stays=st.lists(
            st.tuples(
                st.sampled_from(["Ann Lee", "Bo Chen", "Participant 2", ""]),
                st.sampled_from(["", "ann@x.org", "ANN@x.org", "bo@x.org"]),
                st.integers(0, 59), st.integers(0, 59), st.booleans(),
            ),
            max_size=12,
        )
    )  # fmt: skip
    def test_accounts_balance_and_minutes_stay_inside_the_meeting(self, tmp_path, stays):
        rows = [
            f"{name}\t3/21/24, 9:{a:02}:00 AM\t"
            + (f"3/21/24, 9:{b:02}:00 AM" if left else "")
            + f"\t1m\t{mail}\tAttendee"
            for name, mail, a, b, left in stays
        ]
        reading = teams.read(write(tmp_path, [*WHOLE[:-1], *rows]), PARIS)
        account = reading.account
        assert account.balanced
        assert account.read == 8 + len(rows)
        assert reading.tables["attendance"]["person"].is_unique().all()
        assert reading.tables["attendance"]["minutes"].max() <= 185


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
class TestReference:
    @pytest.mark.parametrize("language", ["en", "fr"])
    def test_reports_give_the_expected_rows(self, language):
        expected = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["teams"]
        name = next(n for n in expected if n.endswith(".csv") and ("Rapport" in n) == (language == "fr"))
        reading = teams.read(SHARED / "teams" / name, PARIS)
        want = expected[name]
        assert reading.language == language
        assert reading.tables["attendance"].height == want["attendance_rows"]
        assert reading.tables["meetings"].height == want["sessions"]
        staff = reading.people.filter(kind="role")["person"]
        learners = reading.tables["attendance"].filter(~pl.col("person").is_in(staff.implode()))
        assert learners.height == want["learners"]
        seconds = {round(m * 60) for m in learners["minutes"]}
        assert set(want["seconds"].values()) <= seconds
        assert reading.account.balanced
