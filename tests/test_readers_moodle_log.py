"""Moodle log: every row an event, whatever the language, the version and the state of the file."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import LOG_EN, LOG_FR, LOG_FR_2019, SHARED, export, row, shared, text_of, view

from flipstats import schema
from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Context, Reading, read

PARIS = Context(timezone="Europe/Paris")
REFERENCE = (
    "logs_SECINC-2024_20241028-0900_en.csv",
    "logs_SECINC-2024_20241028-0900_fr_4.5.csv",
    "logs_site_en_with_course_column.csv",
)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def log(
    folder: Path, *rows, header=LOG_EN, name: str = "logs.csv", context: Context = PARIS, **options
) -> Reading:
    reading = read(export(folder, name, [header, *rows], **options), context, format="moodle_log")
    assert reading.account.balanced
    return reading


def identities(reading: Reading, kind: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for person, _, value in reading.people.filter(pl.col("kind") == kind).iter_rows():
        found.setdefault(person, set()).add(value)
    return found


@shared
@pytest.mark.parametrize("file", REFERENCE)
class TestReference:
    @pytest.fixture
    def reading(self, file) -> Reading:
        return read(SHARED / "moodle" / file, PARIS)

    def test_every_row_is_an_event(self, reading):
        assert (reading.account.read, reading.account.kept) == (24, 24)
        assert reading.account.balanced
        counts = dict(reading.tables["events"].group_by("verb").len().iter_rows())
        assert counts == {
            "logged_in": 2, "course_viewed": 1, "viewed": 11, "completion_updated": 1, "started": 1,
            "submitted": 3, "login_failed": 2, "joined": 1, "left": 1, "graded": 1,
        }  # fmt: skip

    def test_learners_and_homonyms(self, reading):
        events = reading.tables["events"]
        assert events["person"].drop_nulls().n_unique() == 9
        names = identities(reading, "name")
        assert names["moodle:1003"] == names["moodle:1004"] == {"Marie Martin"}

    def test_resources(self, reading):
        resources = reading.tables["resources"]
        # the meeting's course-module id is in no column of the report
        assert set(resources["cmid"].drop_nulls()) == {"301", "302", "303", "305"}
        assert resources.filter(pl.col("cmid").is_null())["resource"].to_list() == ["title:classe virtuelle"]
        kinds = dict(resources.select("resource", "kind").iter_rows())
        assert kinds["cm:301"] == "page"
        assert kinds["cm:302"] == "file"
        assert kinds["title:classe virtuelle"] == "virtual_class"
        titles = dict(resources.select("resource", "title").iter_rows())
        assert titles["cm:301"] == "Capsule vidéo : les classes de feu"

    def test_failed_logins_are_nobody_and_keep_what_was_tried(self, reading):
        failed = reading.tables["events"].filter(pl.col("verb") == "login_failed")
        assert failed["person"].null_count() == 2
        tried = identities(reading, "username")
        assert [tried[key] for key in failed["attempted"]] == [{"jb.legoff"}, {"jb.legof"}]

    def test_impersonation_is_flagged_and_the_actor_is_the_learner(self, reading):
        flagged = reading.tables["events"].filter("impersonated")
        assert flagged["person"].to_list() == ["moodle:1009"]
        assert identities(reading, "name")["moodle:1009"] == {"Hélène de La Tour, née Bœuf"}
        assert set(identities(reading, "role")) == {"moodle:2", "name:admin plateforme"}

    def test_the_night_the_clocks_went_back(self, reading):
        night = reading.tables["events"].filter(pl.col("at").dt.date() == dt.date(2024, 10, 27))
        assert set(night.select("resource", "at").iter_rows()) == {
            ("cm:301", utc(2024, 10, 27, 0, 30)), ("cm:302", utc(2024, 10, 27, 1, 30)),
        }  # fmt: skip
        assert reading.account.reasons("note") == {"repeated_hour": 2}

    def test_up_to_when_it_speaks(self, reading, file):
        named = "20241028" in file
        assert reading.covers_to == (utc(2024, 10, 28, 8, 0) if named else utc(2024, 10, 27, 1, 30))
        assert reading.basis == ("file_name" if named else "last_event")


@shared
def test_french_and_english_give_the_same_events():
    readings = [read(SHARED / "moodle" / file, PARIS) for file in REFERENCE]
    first, *others = [reading.tables["events"] for reading in readings]
    assert all(first.equals(other) for other in others)


@shared
@pytest.mark.parametrize("file", REFERENCE)
def test_pieces_written_to_a_folder_are_the_whole(tmp_path, monkeypatch, file):
    whole = read(SHARED / "moodle" / file, PARIS)
    monkeypatch.setattr("flipstats.readers.text.Text.utf8_blocks.__defaults__", (600,))
    lying = read(SHARED / "moodle" / file, replace(PARIS, spool=tmp_path))
    assert len(lying.pieces["events"].files) > 5
    assert pl.concat(lying.parts("events")).equals(whole.tables["events"])
    assert lying.tables["resources"].equals(whole.tables["resources"])
    assert set(lying.people.rows()) == set(whole.people.rows())
    assert lying.account.frame().equals(whole.account.frame())
    assert lying.covers_to == whole.covers_to
    assert len(list(tmp_path.iterdir())) == len(lying.pieces["events"].files), "drafts are gone"


class TestLanguagesAndVersions:
    @pytest.mark.parametrize("header", [LOG_EN, LOG_FR, LOG_FR_2019])
    @pytest.mark.parametrize(
        ("time", "seconds"),
        [
            ("18/03/24, 08:00:05", 5),
            ("18/03/24, 08:00", 0),
            ("18 mars 24, 08:00:05", 5),
            ("18 mars 24, 08:00", 0),
        ],
    )
    def test_headers_and_dates(self, tmp_path, header, time, seconds):
        events = log(tmp_path, view(time, 7, "Ada L."), header=header).tables["events"]
        assert events.row(0, named=True) == {
            "record": 1, "person": "moodle:7", "resource": "cm:301", "at": utc(2024, 3, 18, 7, 0, seconds),
            "verb": "viewed", "impersonated": False, "attempted": None,
        }  # fmt: skip

    def test_shuffled_columns_semicolons_cp1252_and_cr(self, tmp_path):
        rows = [list(reversed(cells)) for cells in (LOG_FR_2019, view("18/03/24, 08:00", 7, "Zoë"))]
        file = export(tmp_path, "x.csv", rows, delimiter=";", end="\r", encoding="cp1252")
        reading = read(file, PARIS)
        assert reading.tables["events"]["person"].to_list() == ["moodle:7"]
        assert identities(reading, "name") == {"moodle:7": {"Zoë"}}

    def test_addresses_are_not_taken(self, tmp_path):
        reading = log(tmp_path, view("18/03/24, 08:00", 7, "Ada"))
        everything = [*reading.tables.values(), reading.people]
        assert not any("192.0.2.1" in str(frame.rows()) for frame in everything)

    def test_days_of_moodle_have_no_leading_zero(self, tmp_path):
        rows = [view("8/03/24, 08:00", 7, "Ada"), view("7/03/24, 08:00", 7, "Ada")]
        assert log(tmp_path, *rows).tables["events"]["at"][0] == utc(2024, 3, 8, 7, 0)

    def test_the_newest_row_first_tells_the_order_of_day_and_month(self, tmp_path):
        rows = [view(f"{day}, 10:00", 7, "Ada") for day in ("02/03/24", "01/03/24", "12/02/24")]
        assert log(tmp_path, *rows).tables["events"]["at"][0] == utc(2024, 3, 2, 9, 0)
        rows = [view(f"{day}/10/24, 10:00", 7, "Ada") for day in (12, 11, 10)]
        with pytest.raises(InputError, match="day first or month first"):
            log(tmp_path, *rows)
        settled = Context(timezone="Europe/Paris", date_order="month_first")
        assert log(tmp_path, *rows, context=settled).tables["events"]["at"][0].month == 12

    @pytest.mark.parametrize("time", ["18 Mar, 08:00", "18 mars, 08:00"])
    def test_no_year_is_refused(self, tmp_path, time):
        with pytest.raises(InputError) as raised:
            log(tmp_path, view(time, 7, "Ada"))
        assert "have no year, and flipstats does not guess it" in str(raised.value)
        assert "--day 2012-03-30" in str(raised.value)


DESCRIPTIONS = [
    ("viewed", 9, "The user with id '7' viewed the 'h5pactivity' activity with course module id '9'."),
    ("viewed", 9, "The user with id '7' viewed the chapter with id '3' for the book with course module id '9'."),
    ("viewed", 9, "The user with id '7' has viewed the discussion with id '3' in the forum with course module id '9'."),
    ("downloaded", 9, "The user with id '7' downloaded a zip archive containing all the files from the folder activity with course module id '9'."),
    ("course_viewed", None, "The user with id '7' viewed the course with id '42'."),
    ("course_viewed", None, "The user with id '7' viewed the section number '3' of the course with id '42'."),
    ("completion_updated", 9, "The user with id '2' updated the completion state for the course module with id '9' for the user with id '7'."),
    ("course_completed", None, "The user with id '7' completed the course with id '42'."),
    ("started", 9, "The user with id '7' has started the attempt with id '1' for the quiz with course module id '9'."),
    ("submitted", 9, "The user with id '7' has submitted the submission with id '1' for the assignment with course module id '9'."),
    ("submitted", 9, "The user with id '7' submitted response for 'feedback' activity with course module id '9'."),
    ("graded", None, "The user with id '2' updated the grade with id '1' for the user with id '7' for the grade item with id '5'."),
    ("played", 9, "The user with id '7' send a tracking statement for a H5P activity with the course module id '9'."),
    ("launched", 9, "The user with id '7' launched the sco with id '1' for the scorm with course module id '9'."),
    ("logged_in", None, "The user with id '7' has logged in."),
    ("logged_out", None, "The user with id '7' has logged out."),
    ("enrolled", None, "The user with id '2' enrolled the user with id '7' using the enrolment method 'manual' in the course with id '42'."),
    ("unenrolled", None, "The user with id '2' unenrolled the user with id '7' using the enrolment method 'manual' from the course with id '42'."),
    ("other", None, "The user with id '2' assigned the role with id '5' to the user with id '7'."),
    ("other", 9, "The attempt with id '1' belonging to the quiz with course module id '9' for the user with id '7' became overdue."),
]  # fmt: skip


class TestWhatHappened:
    @pytest.mark.parametrize(("verb", "cmid", "said"), DESCRIPTIONS)
    def test_descriptions(self, tmp_path, verb, cmid, said):
        cells = row("18/03/24, 08:00", "Ada", said, context="Quiz: Q", affected="Ada")
        event = log(tmp_path, cells).tables["events"].row(0, named=True)
        assert (event["verb"], event["person"]) == (verb, "moodle:7")
        assert event["resource"] == (f"cm:{cmid}" if cmid else None)

    def test_verbs_are_those_of_the_schema(self):
        from flipstats.readers.signatures import content

        assert {spec["verb"] for spec in content("moodle_log")["verbs"]} <= set(schema.VERBS)

    def test_without_a_usable_description_the_event_name_tells(self, tmp_path):
        rows = [
            row("19/03/24, 08:00", "Ada", "", context="Page: Extincteurs", event="Module de cours consulté"),
            row("18/03/24, 09:00", "Ada", "", context="Page: Extincteurs", event="Something new"),
            view("18/03/24, 08:00", 7, "Ada"),
        ]
        events = log(tmp_path, *rows).tables["events"]
        assert events["verb"].to_list() == ["viewed", "other", "viewed"]
        assert events["person"].to_list() == ["moodle:7"] * 3
        assert events["resource"].to_list() == ["cm:301", None, "cm:301"]

    def test_a_name_two_people_bear_is_joined_to_neither(self, tmp_path):
        rows = [
            row("19/03/24, 08:00", "Ada", "", event="Course viewed"),
            view("18/03/24, 09:00", 8, "Ada"),
            view("18/03/24, 08:00", 7, "Ada"),
        ]
        assert log(tmp_path, *rows).tables["events"]["person"].to_list() == [
            "name:ada",
            "moodle:8",
            "moodle:7",
        ]

    def test_a_meeting_is_the_activity_of_its_name(self, tmp_path):
        said = "The user with id '7' has joined a bigbluebutton meeting for the activity with id '1'."
        meeting = "BigBlueButton: Classe"
        joined = row("19/03/24, 08:00", "Ada", said, context=meeting)
        events = log(tmp_path, joined, view("18/03/24, 08:00", 7, "Ada", 12, meeting)).tables["events"]
        assert events["resource"].to_list() == ["cm:12", "cm:12"]
        two = [view("18/03/24, 08:00", 7, "Ada", cmid, meeting) for cmid in (12, 13)]
        assert log(tmp_path, joined, *two).tables["events"]["resource"][0] == "title:classe"

    def test_deleted_activities_have_no_title_and_contexts_of_people_are_no_resource(self, tmp_path):
        rows = [
            view("19/03/24, 08:00", 7, "Ada", 5, "Other"),
            row("18/03/24, 08:00", "Ada", "The user with id '7' viewed the profile.", context="User: Bob B."),
        ]
        reading = log(tmp_path, *rows)
        assert reading.tables["resources"].select("resource", "title").rows() == [("cm:5", None)]
        assert "Bob" not in str(reading.tables)

    def test_a_renamed_activity_keeps_its_newest_title(self, tmp_path):
        rows = [
            view("19/03/24, 08:00", 7, "Ada", 5, "Page: New"),
            view("18/03/24, 08:00", 7, "Ada", 5, "Page: Old"),
        ]
        assert log(tmp_path, *rows).tables["resources"]["title"].to_list() == ["New"]

    def test_a_learner_who_grades_herself_is_no_staff(self, tmp_path):
        said = (
            "The user with id '7' updated the grade with id '1' for the user with id '{}' for the item '5'."
        )
        reading = log(tmp_path, row("19/03/24, 08:00", "Ada", said.format(7), affected="Ada"))
        assert identities(reading, "role") == {}
        reading = log(tmp_path, row("19/03/24, 08:00", "Ada", said.format(8), affected="Bob"))
        assert identities(reading, "role") == {"moodle:7": {"staff"}}
        assert identities(reading, "name") == {"moodle:7": {"Ada"}, "moodle:8": {"Bob"}}

    def test_names_with_as_in_them(self, tmp_path):
        reading = log(
            tmp_path, view("19/03/24, 08:00", 7, "Thomas Asher"), view("18/03/24, 08:00", 8, "A as B")
        )
        assert reading.tables["events"]["impersonated"].to_list() == [False, True]


class TestTimes:
    def test_the_zone_is_asked_for(self, tmp_path):
        with pytest.raises(InputError, match=r"logs\.csv holds local times"):
            log(tmp_path, view("18/03/24, 08:00", 7, "Ada"), context=Context())

    def test_two_zones(self, tmp_path):
        rows = [view("18/03/24, 08:00", 7, "Ada")]
        montreal = log(tmp_path, *rows, context=Context(timezone="America/Montreal"))
        paris = log(tmp_path, *rows)
        assert montreal.tables["events"]["at"][0] - paris.tables["events"]["at"][0] == dt.timedelta(hours=5)

    def test_an_hour_that_does_not_exist_and_a_row_without_time(self, tmp_path):
        rows = [
            view("31/03/24, 02:30", 7, "Ada"), view("-", 7, "Ada"), view("30/03/24, 02:30", 7, "Ada"),
            view("yesterday", 7, "Ada"), view("29/03/24, 02:30", 7, "Ada"),
        ]  # fmt: skip
        account = log(tmp_path, *rows).account
        assert (account.read, account.kept) == (5, 2)
        assert account.reasons() == {"no_such_time": 1, "no_time": 2}
        assert account.frame()["record"].to_list() == [1, 2, 4]

    def test_events_after_the_export_show_a_wrong_zone(self, tmp_path):
        rows = [view("18/03/24, 08:30", 7, "Ada")]
        reading = log(tmp_path, *rows, name="logs_X_20240318-0800.csv")
        assert (reading.basis, reading.covers_to) == ("last_event", utc(2024, 3, 18, 7, 30))
        assert reading.warnings == [
            "logs_X_20240318-0800.csv holds events later than the export time in its name, read in "
            "Europe/Paris: the time zone may be wrong."
        ]

    def test_a_log_without_rows_speaks_up_to_its_export(self, tmp_path):
        assert log(tmp_path, context=Context()).covers_to is None
        with pytest.raises(InputError, match="There is no time zone"):
            log(tmp_path, context=Context(timezone="Mars/Olympus"))
        reading = log(tmp_path, name="logs_X_20240318-0800.csv")
        assert reading.tables == {}
        assert reading.covers_to == utc(2024, 3, 18, 7, 0)


class TestDamage:
    def test_half_a_log_cut_in_a_line(self, tmp_path):
        rows = [view(f"{30 - n}/03/24, 08:00", n, f"Learner {n}") for n in range(1, 20)]
        whole = text_of([LOG_EN, *rows])
        for cut in (len(whole) // 2, len(whole) - 2, len(whole) - 60):
            file = tmp_path / f"{cut}.csv"
            file.write_text(whole[:cut], encoding="utf-8-sig")
            account = read(file, PARIS).account
            assert account.balanced
            assert account.reasons() in ({"cut_record": 1}, {})
            assert account.read == account.kept + account.count("set_aside")
            if account.count("set_aside"):
                assert account.lines == [(account.read, "set_aside", "cut_record")]

    def test_the_wrong_delimiter(self, tmp_path):
        file = tmp_path / "x.csv"
        file.write_text(text_of([LOG_EN, view("18/03/24, 08:00", 7, "Ada")], "\t").replace("\t", " ~ "))
        with pytest.raises(InputError) as raised:
            read(file, PARIS, format="moodle_log")
        assert str(raised.value).startswith("x.csv is not a Moodle log: the columns “Time / Heure”, ")

    def test_a_spreadsheet_that_was_renamed(self, tmp_path):
        (tmp_path / "logs.csv").write_bytes(b"PK\x03\x04 and more")
        with pytest.raises(InputError, match="is a zip archive or a spreadsheet"):
            read(tmp_path / "logs.csv", PARIS)

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(
            st.lists(
                st.one_of(st.text(max_size=12), st.sampled_from(view("18/03/24, 08:00", 7, "A"))),
                min_size=9,
                max_size=9,
            ),
            max_size=8,
        )
    )
    def test_any_cells_balance_or_give_one_clear_error(self, tmp_path_factory, rows):
        file = export(tmp_path_factory.mktemp("any"), "x.csv", [LOG_EN, *rows])
        try:
            reading = read(file, PARIS, format="moodle_log")
        except FlipstatsError:
            return
        assert reading.account.balanced
        assert reading.account.kept == reading.tables.get("events", pl.DataFrame()).height

    @pytest.mark.parametrize(
        ("header", "time", "context"),
        [
            (LOG_EN, "03/04/24, 08:00", PARIS),
            (LOG_EN, "18 Mar, 08:00", PARIS),
            (LOG_EN, "Ada Lovelace", PARIS),
            (LOG_EN, "18/03/24, 08:00", Context()),
            (LOG_EN, "18/03/24, 08:00", Context(timezone="Mars/Olympus")),
            (("Ada Lovelace", *LOG_EN[1:]), "18/03/24, 08:00", PARIS),
        ],
    )
    def test_no_name_is_in_an_error(self, tmp_path, header, time, context):
        with pytest.raises(FlipstatsError) as raised:
            log(tmp_path, view(time, 7, "Ada Lovelace"), header=header, context=context)
        assert "Ada" not in str(raised.value)
        assert "Lovelace" not in str(raised.value)
