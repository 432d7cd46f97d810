"""Moodle reports: participants, activity completion, course completion, quiz."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import (
    QUIZ_EN,
    QUIZ_EN_2022,
    QUIZ_FR,
    QUIZ_FR_2022,
    SHARED,
    export,
    shared,
)

from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Context, Reading, read
from flipstats.readers.moodle_completion import resource_keys

PARIS = Context(timezone="Europe/Paris")
QUIZ = "SECINC-2024-Test de positionnement"
PARTICIPANTS = ("First name", "Last name", "Email address", "Groups")
COMPLETION_FR = ("", "Adresse de courriel", "Vidéo", "2024-03-21 09:00:00", "Test", "")
COURSE = ("ID", "Name", "Email address", "Quiz", "Quiz - Completion date", "Course complete")


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def expected(file: str) -> dict:
    return json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["moodle"][file]


def reference(file: str) -> Reading:
    reading = read(SHARED / "moodle" / file, PARIS)
    assert reading.account.balanced
    return reading


def of(folder: Path, form: str, *rows, context: Context = PARIS, **options) -> Reading:
    reading = read(export(folder, "x.csv", rows, **options), context, format=form)
    assert reading.account.balanced
    return reading


def values(reading: Reading, kind: str) -> list[str]:
    return reading.people.filter(pl.col("kind") == kind)["value"].to_list()


class TestParticipants:
    @shared
    def test_reference(self):
        reading, truth = reference("courseid_42_participants.csv"), expected("courseid_42_participants.csv")
        assert reading.tables["learners"].height == truth["people"]
        assert len(set(values(reading, "group"))) == truth["groups"]
        trainer = reading.people.filter(pl.col("person") == "mail:sophie.bernard@exemple-formation.fr")
        assert trainer.filter(pl.col("kind") == "group")["value"].to_list() == ["Groupe A", "Groupe B"]

    @pytest.mark.parametrize(
        "header",
        [
            PARTICIPANTS,
            ("First name", "Surname", "Email address", "Groups"),
            ("Prénom", "Nom de famille", "Adresse de courriel", "Groupes"),
            ("Prénom", "Nom", "Adresse de courriel", "Groupes"),
        ],
    )
    def test_languages_and_versions(self, tmp_path, header):
        reading = of(tmp_path, "moodle_participants", header, ("Ada", "L.", "Ada@B.org", "G 1,  G 2"))
        assert reading.tables["learners"].rows() == [(1, "mail:ada@b.org")]
        assert reading.people.rows() == [
            ("mail:ada@b.org", "email", "ada@b.org"), ("mail:ada@b.org", "name", "Ada L."),
            ("mail:ada@b.org", "group", "G 1"), ("mail:ada@b.org", "group", "G 2"),
        ]  # fmt: skip

    def test_people_known_by_name_only_stay_apart(self, tmp_path):
        rows = [("Marie", "Martin", "", "A"), ("Marie", "Martin", "", "B"), ("", "", "", "")]
        reading = of(tmp_path, "moodle_participants", PARTICIPANTS, *rows)
        assert reading.tables["learners"]["person"].to_list() == ["record:1", "record:2"]
        assert reading.account.lines == [(3, "set_aside", "empty_record")]

    def test_the_same_address_twice_is_one_person(self, tmp_path):
        rows = [("Ada", "L.", "a@b.org", "A"), ("Ada", "Lovelace", "A@B.org", "B")]
        reading = of(tmp_path, "moodle_participants", PARTICIPANTS, *rows)
        assert reading.tables["learners"].height == 1
        assert reading.account.lines == [(2, "merged", "same_person")]
        assert values(reading, "group") == ["A", "B"]


class TestCompletion:
    @shared
    @pytest.mark.parametrize("file", ["progress.secinc-2024.csv", "progress.secinc-2024_excel_utf16.csv"])
    def test_reference(self, file):
        reading, truth = reference(file), expected(file)
        events, resources = reading.tables["events"], reading.tables["resources"]
        assert reading.tables["learners"].height == truth["learners"]
        assert resources.height == truth["resources"]
        assert resources["due_at"].drop_nulls().to_list() == [utc(2024, 3, 21, 8, 0)] * truth["due_dates"]
        overridden = reading.account.reasons("note")["override"]
        assert overridden == truth["overridden"]
        assert events.height + overridden == truth["completion_rows"]
        counts = dict(events.group_by("verb").len().iter_rows())
        assert (counts["passed"], counts["failed"]) == (truth["passed"], truth["failed"])
        assert "title:video interactive « extincteurs »" in resources["resource"].to_list()

    @shared
    def test_both_downloads_say_the_same(self):
        one, other = (
            reference(file).tables["events"]
            for file in ("progress.secinc-2024.csv", "progress.secinc-2024_excel_utf16.csv")
        )
        assert one.equals(other)

    def test_states(self, tmp_path):
        rows = [
            ("Ada L.", "a@b.org", "Terminé", "2024-07-01 10:00:00",
             "Terminé (note minimale de réussite atteinte)", "2024-07-02 10:00:00"),
            ("Bob B.", "b@b.org", "Pas terminé", "2024-07-01 10:00:00",
             "Terminé (n'a pas atteint la note minimale de réussite)", "2024-07-02 10:00:00"),
            ("Cy C.", "c@b.org", "Terminé (défini par Sophie B.)", "2024-07-01 10:00:00", "Achevé", ""),
            ("Di D.", "d@b.org", "Terminé", "", "", ""),
        ]  # fmt: skip
        reading = of(tmp_path, "moodle_completion", COMPLETION_FR, *rows, encoding="utf-8")
        assert reading.tables["events"].drop("resource").rows() == [
            (1, "mail:a@b.org", utc(2024, 7, 1, 8, 0), "completed", "completed"),
            (1, "mail:a@b.org", utc(2024, 7, 2, 8, 0), "passed", "passed"),
            (2, "mail:b@b.org", utc(2024, 7, 2, 8, 0), "failed", "failed"),
        ]
        assert reading.account.lines == [
            (3, "note", "override"), (3, "note", "unknown_state"), (4, "note", "no_moment"),
        ]  # fmt: skip
        assert "Sophie" not in str(reading.people.rows())
        assert (reading.account.read, reading.account.kept) == (4, 4)
        assert reading.covers_to == utc(2024, 7, 2, 8, 0)

    def test_identity_columns_of_the_site_and_none(self, tmp_path):
        rows = [("", "Email address", "Service", "A", "", "B", "2024-03-21 09:00:00")]
        rows += [("Ada L.", "a@b.org", "RH", "Completed", "2024-03-20 09:00:00", "Not completed", "")]
        reading = of(tmp_path, "moodle_completion", *rows)
        assert reading.tables["resources"]["title"].to_list() == ["A", "B"]
        rows = [("", "A", ""), ("Ada L.", "Completed", "2024-03-20 09:00:00")]
        assert of(tmp_path, "moodle_completion", *rows).tables["events"].height == 1

    def test_activities_of_one_name(self, tmp_path):
        assert resource_keys(["Quiz", "QUIZ", "Page"]) == ["title:quiz#1", "title:quiz#2", "title:page"]
        rows = [
            ("", "Quiz", "", "Quiz", ""),
            ("Ada L.", "Completed", "2024-03-20 09:00:00", "Not completed", ""),
        ]
        assert of(tmp_path, "moodle_completion", *rows).warnings == [
            "x.csv: several activities are called “Quiz”; what is said of them cannot be told apart by name."
        ]

    def test_another_report(self, tmp_path):
        with pytest.raises(InputError) as raised:
            of(tmp_path, "moodle_completion", ("Marie Martin", "B", "C"), ("1", "2", "3"))
        assert str(raised.value) == (
            "x.csv is not a Moodle activity completion report: its header must begin with an empty cell, "
            "then have the identity columns, then two columns for each activity. Export it again from "
            "Reports > Activity completion."
        )

    def test_nothing_done_needs_no_zone(self, tmp_path):
        rows = [("", "Quiz", ""), ("Ada L.", "Not completed", "")]
        assert of(tmp_path, "moodle_completion", *rows, context=Context()).tables["learners"].height == 1
        rows = [("", "Quiz", "2024-03-21 09:00:00"), ("Ada L.", "Not completed", "")]
        with pytest.raises(InputError, match="does not say of which time zone"):
            of(tmp_path, "moodle_completion", *rows, context=Context())


class TestCourseCompletion:
    @shared
    def test_reference(self):
        file = "completion-secinc-2024-20241028_0900-comma_separated.csv"
        reading = reference(file)
        assert reading.tables["learners"].height == expected(file)["learners"]
        assert reading.tables["course_completions"].rows() == [(1, "moodle:1001", utc(2024, 3, 22, 1, 0, 4))]
        one = reading.people.filter(pl.col("person") == "moodle:1004").select("kind", "value").rows()
        assert one == [("id", "1004"), ("email", "m.martin2@exemple-formation.fr"), ("name", "Marie Martin")]

    def test_french_and_without_anyone_done(self, tmp_path):
        header = ("ID", "Nom", "Test", "Test - Date d’achèvement", "Cours terminé")
        reading = of(tmp_path, "moodle_course_completion", header, ("7", "Ada L.", "Pas terminé", "", ""))
        assert set(reading.tables) == {"learners"}
        assert reading.language == "fr"
        assert reading.covers_to is None

    def test_a_date_that_cannot_be_read_is_noted(self, tmp_path):
        rows = [("1", "A", "", "", "", "2024-03-20 09:00:00"), ("2", "B", "", "", "", "2024-03-20 09:00:00")]
        reading = of(tmp_path, "moodle_course_completion", COURSE, *rows, ("3", "C", "", "", "", "soon"))
        assert reading.tables["course_completions"].height == 2
        assert reading.account.lines == [(3, "note", "no_moment")]


def attempt(
    name: str, state: str, started: str, completed: str, duration: str, *points: str
) -> tuple[str, ...]:
    return (name, "Ada", f"{name}@b.org", state, started, completed, duration, *points)


class TestQuiz:
    @shared
    @pytest.mark.parametrize("file", [f"{QUIZ}-notes.csv", f"{QUIZ}-grades.csv"])
    def test_reference(self, file):
        reading, truth = reference(file), expected(file)
        attempts = reading.tables["attempts"].filter(pl.col("item_id").is_null())
        missing = dict(attempts.drop_nulls("missing_reason").group_by("missing_reason").len().iter_rows())
        assert missing == {
            "not_graded": truth["not_yet_graded"], "in_progress": truth["in_progress"],
            "never_submitted": truth["never_submitted"], "no_attempt": truth["no_attempt"],
        }  # fmt: skip
        assert attempts["attempt"].count() == truth["attempts"]
        assert attempts["score"].count() == truth["scores"]
        assert attempts["person"].n_unique() == truth["learners"]
        assert (attempts["attempt"] == 2).sum() == truth["second_attempts"]
        assert reading.account.reasons() == {"average_row": truth["average_rows_to_drop"]}
        seconds = {
            (person, n): s for person, n, s in attempts.select("person", "attempt", "seconds").iter_rows()
        }
        assert seconds["mail:aicha.bensalah@exemple-formation.fr", 1] == truth["durations_s"]["1001"]
        assert seconds["mail:marie.martin@exemple-formation.fr", 2] == truth["durations_s"]["1003#2"]
        assert seconds["mail:m.martin2@exemple-formation.fr", 1] == truth["durations_s"]["1004"]
        assert seconds["mail:oliver.smith@example.org", 1] == truth["durations_s"]["1007"]

    @shared
    def test_french_and_english_say_the_same(self):
        one, other = (
            reference(f"{QUIZ}-{kind}.csv").tables["attempts"].drop("assessment")
            for kind in ("notes", "grades")
        )
        assert one.equals(other)

    @shared
    def test_responses_give_the_attempts(self):
        attempts = reference(f"{QUIZ}-responses.csv").tables["attempts"]
        assert attempts.height == expected(f"{QUIZ}-responses.csv")["attempts"]
        assert attempts["item_id"].null_count() == attempts.height

    @pytest.mark.parametrize("header", [QUIZ_EN, QUIZ_EN_2022])
    def test_english_versions(self, tmp_path, header):
        row = attempt(
            "L", "Finished", "18 July 2024  8:20 PM", "18 July 2024  8:31 PM", "11 mins", "8.50", "4.00", "-"
        )
        self.check(of(tmp_path, "moodle_quiz", header, row))

    @pytest.mark.parametrize("header", [QUIZ_FR, QUIZ_FR_2022])
    @pytest.mark.parametrize("state", ["Terminé", "Terminée"])
    def test_french_versions(self, tmp_path, header, state):
        row = attempt(
            "L", state, "18 juil. 2024  20:20", "18 juil. 2024  20:31", "11 min", "8,50", "4,00", "-"
        )
        self.check(of(tmp_path, "moodle_quiz", header, row, delimiter=";", encoding="cp1252"))

    def check(self, reading: Reading) -> None:
        whole, first, second = reading.tables["attempts"].rows(named=True)
        assert whole == {
            "record": 1, "person": "mail:l@b.org", "assessment": "x", "item_id": None, "attempt": 1,
            "score": 0.85, "raw_score": 8.5, "maximum": 10.0, "missing_reason": None,
            "started_at": utc(2024, 7, 18, 18, 20), "submitted_at": utc(2024, 7, 18, 18, 31),
            "seconds": 660.0,
        }  # fmt: skip
        assert (first["item_id"], first["score"], first["maximum"]) == ("1", 1.0, 4.0)
        assert (second["score"], second["missing_reason"]) == (None, "no_attempt")

    def test_attempts_are_ranked_by_their_start_not_by_their_place(self, tmp_path):
        rows = [
            attempt("L", "Finished", f"{day} March 2024  8:20 AM", "-", "-", "5.00", "1.00", "4.00")
            for day in (20, 18, 19)
        ]
        attempts = of(tmp_path, "moodle_quiz", QUIZ_EN, *rows).tables["attempts"]
        assert attempts.filter(pl.col("item_id").is_null())["attempt"].to_list() == [3, 1, 2]

    def test_missing_is_not_zero(self, tmp_path):
        start = "18 March 2024  8:20 AM"
        rows = [
            attempt("A", "Finished", start, start, "1 min", "0.00", "0.00", "0.00"),
            attempt("B", "Overdue", start, "-", "-", "-", "-", "-"),
            attempt("C", "Finished", start, start, "1 min", "Not yet graded", "1.00", "Requires grading"),
            attempt("D", "Thinking", start, start, "1 min", "1.00", "1.00", "0.00"),
            attempt("E", "Finished", start, start, "1 min", "lost", "1.00", "0.00"),
        ]
        reading = of(tmp_path, "moodle_quiz", QUIZ_EN, *rows)
        attempts = reading.tables["attempts"].filter(pl.col("item_id").is_null())
        assert attempts.select("score", "missing_reason").rows() == [
            (0.0, None), (None, "overdue"), (None, "not_graded"), (None, "not_graded"),
        ]  # fmt: skip
        assert reading.account.lines == [(4, "set_aside", "unknown_attempt_state"), (5, "note", "no_score")]

    def test_without_addresses_homonyms_share_a_key_and_no_more(self, tmp_path):
        header = tuple(cell for cell in QUIZ_EN if cell != "Email address")
        rows = [(n, "Ada", "-", "-", "-", "-", "-", "-", "-") for n in ("L", "L")]
        reading = of(tmp_path, "moodle_quiz", header, *rows)
        assert reading.tables["attempts"]["person"].unique().to_list() == ["name:ada l"]
        assert reading.people.rows() == [("name:ada l", "name", "Ada L")]


ROWS = {
    "moodle_participants": [PARTICIPANTS],
    "moodle_completion": [COMPLETION_FR],
    "moodle_course_completion": [COURSE],
    "moodle_quiz": [QUIZ_FR],
}
CELLS = st.one_of(
    st.text(max_size=10),
    st.sampled_from(
        ["-", "Terminé", "En cours", "2024-03-20 09:00:00", "20 mars 2024  22:00", "8,50", "a@b.org", "7"]
    ),
)


@pytest.mark.parametrize("form", ROWS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_cells_balance_or_give_one_clear_error(form, tmp_path_factory, data):
    width = len(ROWS[form][0])
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6))
    file = export(tmp_path_factory.mktemp("any"), "x.csv", [*ROWS[form], *rows])
    try:
        reading = read(file, PARIS, format=form)
    except FlipstatsError:
        return
    assert reading.account.balanced
    assert reading.account.read <= len(rows)
    assert all(frame.height for frame in reading.tables.values())


@pytest.mark.parametrize("form", ROWS)
def test_half_a_report_cut_in_a_line(form, tmp_path):
    row = ["1", *["-"] * (len(ROWS[form][0]) - 1)]
    file = export(tmp_path, "x.csv", [*ROWS[form], row, row])
    file.write_bytes(file.read_bytes()[:-4])
    account = read(file, PARIS, format=form).account
    assert account.balanced
    assert (2, "set_aside", "cut_record") in account.lines


NAME = "Lovelace"
BROKEN = {
    "moodle_participants": [[NAME, NAME, NAME]],
    "moodle_completion": [COMPLETION_FR, [NAME, NAME, "Terminé", "03/04/2024", "Terminé", NAME]],
    "moodle_course_completion": [COURSE, ["7", NAME, NAME, NAME, NAME, NAME]],
    "moodle_quiz": [QUIZ_FR, [NAME, NAME, NAME, "Terminé", NAME, NAME, NAME, "1,50", "2.50", NAME]],
}


@pytest.mark.parametrize("form", BROKEN)
def test_no_name_is_in_an_error(form, tmp_path):
    file = export(tmp_path, "x.csv", BROKEN[form])
    with pytest.raises(FlipstatsError) as raised:
        read(file, PARIS, format=form)
    assert NAME not in str(raised.value)
