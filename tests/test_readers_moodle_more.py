"""Moodle gradebook, feedback and quiz responses, text or workbook: what the exports say, and no more."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import LOG_EN, SHARED, export, shared, text_of, view
from workbooks import workbook

from flipstats.build.declared import AssessmentLine, Declared
from flipstats.build.resolve import feedback_sessions, to_assessments
from flipstats.errors import FlipstatsError
from flipstats.readers import Context, Reading, detect, read
from flipstats.readers.moodle_gradebook import item_title
from flipstats.schema import TIME

PARIS = Context(timezone="Europe/Paris")
MOODLE = SHARED / "moodle"
GRADES_EN = ("First name", "Surname", "ID number", "Email address")
GRADES_FR = ("Prénom", "Nom", "Numéro d’identification", "Adresse de courriel")
SHEET_EN = ("Surname", "First name", "Groups", "Email address")
ANN = ("Ann", "Lee", "A1", "ann@example.org")
BOB = ("Bob", "Ray", "A2", "bob@example.org")


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def expected(file: str) -> dict:
    return json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["moodle"][file]


def balanced(reading: Reading) -> Reading:
    account = reading.account
    assert account.read == account.kept + account.count("merged") + account.count("set_aside")
    return reading


def of(folder: Path, form: str, *rows, context: Context = PARIS, **options) -> Reading:
    return balanced(read(export(folder, "x.csv", rows, **options), context, format=form))


class TestGradebook:
    @shared
    @pytest.mark.parametrize(
        "file", ["SECINC-2024 Grades-20241028_0800-comma_separated.csv", "SECINC-2024 Notes.xlsx"]
    )
    def test_reference(self, file):
        reading, wanted = balanced(read(MOODLE / file)), expected(file)
        attempts = reading.tables["attempts"]
        assert reading.format == "moodle_gradebook"
        assert reading.people["person"].n_unique() == wanted["learners"]
        assert attempts["assessment"].unique().to_list() == ["title:Test de positionnement"]
        assert attempts["score"].count() == wanted["scores"]
        assert attempts["missing_reason"].count() == 3
        assert attempts["maximum"].unique().to_list() == [10.0]
        zero = attempts.filter(pl.col("person") == "mail:siobhan.oneill@example.org").row(0, named=True)
        assert (zero["score"], zero["raw_score"], zero["missing_reason"]) == (0.0, 0.0, None)
        assert (reading.covers_to, reading.basis) == (utc(2024, 10, 28, 8), "declared")

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", ":"])
    def test_every_separator(self, tmp_path, delimiter):
        rows = [(*GRADES_EN, "Quiz: A (Real)"), (*ANN, "8.50"), (*BOB, "-")]
        file = export(tmp_path, "x.csv", rows, delimiter=delimiter, encoding="utf-8")
        assert detect(file).format == "moodle_gradebook"
        rows = balanced(read(file)).tables["attempts"].select("raw_score", "score", "missing_reason").rows()
        assert rows == [(8.5, None, None), (None, None, "not_graded")]

    def test_old_french_headers_percentages_letters_and_several_items(self, tmp_path):
        header = (
            *GRADES_FR,
            "Test\u00a0Bilan (Brut)",
            "Test\u00a0Bilan (Pourcentage)",
            "Devoir Étude de cas (Pourcentage)",
            "Oral (Lettre)",
            "Total du cours (Brut)",
            "Dernier téléchargement depuis ce cours",
        )
        line = (*ANN, "15.00", "75.00 %", "40.00 %", "A+", "55.00", "1730102400")
        reading = of(tmp_path, "moodle_gradebook", header, line, encoding="utf-8")
        assert reading.language == "fr"
        assert reading.tables["attempts"].select("assessment", "score", "maximum").rows() == [
            ("title:Bilan", 0.75, 20.0),
            ("title:Étude de cas", 0.4, None),
        ]
        assert reading.account.lines == [(1, "note", "no_score")]

    def test_items_of_one_name_are_told_apart(self, tmp_path):
        header = (*GRADES_EN, "Quiz: A (Real)", "Quiz: A (Percentage)", "Quiz: A (Real)")
        attempts = of(tmp_path, "moodle_gradebook", header, (*ANN, "1", "10.00 %", "2")).tables["attempts"]
        assert attempts.select("assessment", "raw_score").rows() == [("title:A #1", 1.0), ("title:A #2", 2.0)]

    def test_totals_alone_are_said(self, tmp_path):
        header = (*GRADES_EN, "Course total (Real)", "Unit 1 total (Real)")
        reading = of(tmp_path, "moodle_gradebook", header, (*ANN, "1", "2"))
        assert not reading.tables
        assert [str(notice) for notice in reading.warnings] == [
            "x.csv holds only totals of the course or of its categories, and no grade of an activity. "
            "Choose the activities in Grades > Export."
        ]

    def test_multi_line_comments_are_one_record(self, tmp_path):
        header = (*GRADES_EN, "Quiz: A (Real)", "Quiz: A (Feedback)")
        reading = of(
            tmp_path, "moodle_gradebook", header, (*ANN, "7.25", "Good\nSee; page 3"), (*BOB, "0.00", "")
        )
        assert reading.account.read == 2
        assert reading.tables["attempts"]["raw_score"].to_list() == [7.25, 0.0]

    def test_a_workbook_of_numbers(self, tmp_path):
        file = workbook(tmp_path / "x.xlsx", [[*GRADES_FR, "Test\u00a0A (Brut)"], [*ANN, 8.5], [*BOB, "-"]])
        assert balanced(read(file)).tables["attempts"]["raw_score"].to_list() == [8.5, None]

    @pytest.mark.parametrize(
        ("name", "title"),
        [
            ("Quiz: Safety", "Safety"),
            ("Test\u00a0Bilan", "Bilan"),
            ("Test Bilan final", "Bilan final"),
            ("Test de positionnement", "Test de positionnement"),
            ("Base de données\u00a0Fiches", "Fiches"),
            ("Oral: exposé", "Oral: exposé"),
            ("Total du cours", None),
            ("Chapter 1 total", None),
        ],
    )
    def test_titles(self, name, title):
        assert item_title(name) == title


class TestAssessmentsByTitle:
    def declared(self, *lines: AssessmentLine) -> Declared:
        return Declared({}, {}, pl.DataFrame(), list(lines))

    def line(self, title: str, maximum: float | None = None, file: str = "g.csv") -> AssessmentLine:
        slug = title.casefold().replace(" ", "-")
        return AssessmentLine(file, title, slug, "summative", None, maximum, None)

    def attempts(self, *keys: str) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "record": list(range(1, len(keys) + 1)),
                "learner_id": ["L1"] * len(keys),
                "assessment": list(keys),
                "item_id": pl.Series([None] * len(keys), dtype=pl.String),
                "score": pl.Series([None] * len(keys), dtype=pl.Float64),
                "raw_score": [5.0] * len(keys),
            }
        )

    def resolved(self, keys: tuple[str, ...], *lines: AssessmentLine):
        nothing = pl.DataFrame()
        kept, gone = to_assessments(self.attempts(*keys), "g.csv", self.declared(*lines), nothing, nothing)
        return kept.select("assessment_id", "score").rows() if kept.height else [], gone.rows()

    def test_each_item_of_a_gradebook_finds_its_line(self):
        kept, gone = self.resolved(
            ("title:Épreuve finale", "title:Oral", "title:Quiz 1"),
            self.line("epreuve  FINALE", 20.0),
            self.line("Quiz 1", 10.0),
        )
        assert kept == [("epreuve--finale", 0.25), ("quiz-1", 0.5)]
        assert gone == [(2, "assessment_not_declared")]

    def test_a_gradebook_of_one_other_item_is_not_taken_for_it(self):
        assert self.resolved(("title:Oral",), self.line("Final")) == ([], [(1, "assessment_not_declared")])

    def test_a_file_of_one_assessment_is_named_by_the_file_alone(self):
        assert self.resolved(("Some quiz-grades",), self.line("Final", 10.0, "*.csv"))[0] == [("final", 0.5)]

    def test_what_stands_before_a_colon_may_be_left_out(self):
        assert self.resolved(("title:Checklist: Tour", "title:B"), self.line("Tour"))[0] == [("tour", None)]


class TestResponses:
    @shared
    def test_reference(self):
        file = "SECINC-2024-Test de positionnement-responses.csv"
        reading = balanced(read(MOODLE / file, PARIS))
        attempts = reading.tables["attempts"]
        assert reading.format == "moodle_quiz"
        assert attempts.height == expected(file)["attempts"]
        assert attempts["item_id"].null_count() == attempts.height  # responses have no points of items


class TestOtherReportsAsWorkbooks:
    def test_a_quiz_report(self, tmp_path):
        header = ["Nom de famille", "Prénom", "Adresse de courriel", "Statut", "Commencé", "Terminé", "Durée"]
        line = [
            "Lee",
            "Ann",
            "ann@example.org",
            "Terminée",
            "21 mars 2024  14:05",
            "21 mars 2024  14:10",
            "5 min",
        ]
        file = workbook(tmp_path / "x.xlsx", [[*header, "Note/10,00"], [*line, 8.5]])
        assert detect(file).format == "moodle_quiz"
        row = balanced(read(file, PARIS)).tables["attempts"].row(0, named=True)
        assert (row["raw_score"], row["score"], row["maximum"]) == (8.5, 0.85, 10.0)

    def test_a_log(self, tmp_path):
        rows = [LOG_EN, view("18/03/24, 08:00:05", 7, "Ann Lee"), view("17/03/24, 08:00:05", 8, "Bob Ray")]
        one = balanced(read(workbook(tmp_path / "x.xlsx", rows), PARIS))
        other = balanced(read(export(tmp_path, "x.csv", rows), PARIS))
        assert one.format == "moodle_log"
        assert one.tables["events"].equals(other.tables["events"])

    def test_participants(self, tmp_path):
        rows = [
            ["First name", "Last name", "Email address", "Groups"],
            ["Ann", "Lee", "ann@example.org", "A, B"],
        ]
        reading = balanced(read(workbook(tmp_path / "x.xlsx", rows)))
        assert reading.format == "moodle_participants"
        assert reading.people.filter(pl.col("kind") == "group")["value"].to_list() == ["A", "B"]


class TestFeedback:
    EN = ("User full name", "Groups", "Email address", "Date", "(Q1) Useful?", "Best parts")

    @shared
    def test_reference(self):
        reading, wanted = (
            balanced(read(MOODLE / "Ressenti à chaud.csv", PARIS)),
            expected("Ressenti à chaud.csv"),
        )
        feedback = reading.tables["feedback"]
        assert feedback["person"].n_unique() == wanted["respondents"]
        assert feedback["item"].n_unique() == wanted["items"]
        assert feedback.height == wanted["answers"]
        assert feedback.row(1, named=True)["comment"] == "Vidéos; Quiz"
        assert feedback["at"].min() == utc(2024, 3, 21, 11, 5)

    def test_english_dates_numbers_and_choices(self, tmp_path):
        file = export(
            tmp_path,
            "x.csv",
            [
                self.EN,
                (
                    "Ann Lee",
                    "A",
                    "ann@example.org",
                    "Thursday, 21 March 2024, 12:05 PM",
                    "4",
                    "Video   Quiz   ",
                ),
                ("Bob Ray", "A", "bob@example.org", "Thursday, 21 March 2024, 1:05 AM", "5", "Quiz   "),
                ("Cle Roy", "A", "c@example.org", "Friday, 22 March 2024, 1:05 AM", "", ""),
            ],
        )
        assert detect(file).format == "moodle_feedback"
        reading = balanced(read(file, PARIS))
        assert reading.tables["feedback"].select("rating", "comment", "at").rows() == [
            (4.0, None, utc(2024, 3, 21, 11, 5)),
            (None, "Video; Quiz", utc(2024, 3, 21, 11, 5)),
            (5.0, None, utc(2024, 3, 21, 0, 5)),
            (None, "Quiz", utc(2024, 3, 21, 0, 5)),
        ]
        assert reading.account.lines == [(3, "set_aside", "no_answer")]

    @pytest.mark.parametrize("number", ["Response number", "Réponse no"])
    def test_anonymous(self, tmp_path, number):
        file = export(
            tmp_path,
            "x.csv",
            [(number, "(Q1) Utile ?", "(Q2) Libre"), ("1", "Oui", "a   b"), ("2", "Non", "")],
        )
        assert detect(file).format == "moodle_feedback"
        reading = balanced(read(file))
        assert reading.people.is_empty()
        assert reading.tables["feedback"].select("person", "comment").rows() == [
            (None, "Oui"),
            (None, "a\nb"),
            (None, "Non"),
        ]
        assert [str(notice) for notice in reading.warnings] == [
            "x.csv is anonymous: its answers cannot be joined to what the learners did."
        ]

    def test_answers_go_to_the_session_before_them(self):
        sessions = pl.DataFrame(
            {
                "session_id": ["A1", "A2", "B1"],
                "cohort_id": ["A", "A", "B"],
                "kind": ["session"] * 3,
                "starts_at": pl.Series(
                    [utc(2024, 3, 21, 8), utc(2024, 3, 23, 8), utc(2024, 3, 21, 9)], dtype=TIME
                ),
            }
        )
        enrolled = pl.DataFrame({"learner_id": ["L1", "L2"], "cohort_id": ["A", "B"]})
        times = [utc(2024, 3, 21, 11), utc(2024, 3, 23, 9), utc(2024, 4, 23, 9), utc(2024, 3, 21, 11), None]
        feedback = pl.DataFrame(
            {
                "learner_id": ["L1", "L1", "L1", "L2", None],
                "item": ["x"] * 5,
                "at": pl.Series(times, dtype=TIME),
            }
        )
        found = feedback_sessions(feedback, sessions, enrolled)["session_id"].to_list()
        assert found == ["A1", "A2", None, "B1", None]


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "-",
        "?",
        "P (2/2)",
        "8.50",
        "8,5",
        "1e999",
        "50.00 %",
        "21 March 2024, 12:05 PM",
        "←",
        "-X",
        "1730102400",
    ]
)
HEADERS = {
    "moodle_gradebook": (*GRADES_EN, "Quiz: A (Real)", "Quiz: A (Percentage)"),
    "moodle_attendance": (*SHEET_EN, "21 Mar 2024 9.00AM A", "P", "A"),
    "moodle_feedback": (*TestFeedback.EN,),
}


@pytest.mark.parametrize("form", HEADERS)
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=5, max_size=8), max_size=6))
def test_any_cells_are_accounted_for(tmp_path_factory, form, rows):
    file = tmp_path_factory.mktemp("any") / "x.csv"
    delimiter = "\t" if form == "moodle_attendance" else ","
    file.write_text(text_of([HEADERS[form], *rows], delimiter), encoding="utf-8")
    message = ""
    try:
        balanced(read(file, PARIS, format=form))
    except FlipstatsError as refused:
        message = str(refused)
    assert not [cell for row in rows for cell in row[:4] if "@" in cell and len(cell) > 8 and cell in message]
