"""Which system wrote a file: by content, with its confidence, and never by guessing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from moodle_exports import (
    LOG_EN,
    LOG_FR,
    LOG_FR_2019,
    QUIZ_EN,
    QUIZ_EN_2022,
    QUIZ_FR,
    QUIZ_FR_2022,
    SHARED,
    export,
    shared,
    view,
)

from flipstats import i18n
from flipstats.errors import InputError
from flipstats.readers import READERS, Context, detect, read
from flipstats.readers.signatures import content, signature, signatures

KNOWN = {
    "moodle/logs_SECINC-2024_20241028-0900_en.csv": ("moodle_log", "en"),
    "moodle/logs_SECINC-2024_20241028-0900_fr_4.5.csv": ("moodle_log", "fr"),
    "moodle/logs_site_en_with_course_column.csv": ("moodle_log", "en"),
    "moodle/progress.secinc-2024.csv": ("moodle_completion", "fr"),
    "moodle/progress.secinc-2024_excel_utf16.csv": ("moodle_completion", "en"),
    "moodle/completion-secinc-2024-20241028_0900-comma_separated.csv": ("moodle_course_completion", "fr"),
    "moodle/courseid_42_participants.csv": ("moodle_participants", "fr"),
    "moodle/SECINC-2024-Test de positionnement-notes.csv": ("moodle_quiz", "fr"),
    "moodle/SECINC-2024-Test de positionnement-grades.csv": ("moodle_quiz", "en"),
    "moodle/SECINC-2024-Test de positionnement-responses.csv": ("moodle_quiz", "en"),
    "teams/Classe virtuelle, séance 1 - Attendance report 3-21-24.csv": ("teams_attendance", None),
    "teams/Classe virtuelle, séance 1 - Rapport de présence 21-03-24.csv": ("teams_attendance", None),
}


@shared
@pytest.mark.parametrize("file", KNOWN)
def test_reference_exports_are_recognised(file):
    found = detect(SHARED / file)
    assert (found.format, found.language) == KNOWN[file]
    assert found.confidence >= 0.9
    assert found.alternatives == ()


@shared
def test_no_other_reference_export_is_taken_for_one_of_these():
    others = [
        path
        for path in sorted(SHARED.glob("*/*"))
        if path.suffix in (".csv", ".txt", ".json", ".log", ".ndjson")
        and path.relative_to(SHARED).as_posix() not in KNOWN
    ]
    assert len(others) > 20
    these = {form for form, _ in KNOWN.values()}
    assert [path.name for path in others if detect(path).format in these] == []


@shared
def test_the_expected_rows_name_only_files_that_are_here():
    named = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["moodle"]
    assert all((SHARED / "moodle" / file).exists() for file in named)


@pytest.mark.parametrize(("header", "language"), [(LOG_EN, "en"), (LOG_FR, "fr"), (LOG_FR_2019, "fr")])
def test_logs_whatever_language_version_and_order_of_columns(tmp_path, header, language):
    rows = [view("18/03/24, 08:00:05", 7, "Ada L.")]
    found = detect(export(tmp_path, "x.csv", [header, *rows]))
    assert (found.format, found.language) == ("moodle_log", language)
    shuffled = [list(reversed(row)) for row in (header, *rows)]
    assert (
        detect(export(tmp_path, "y.csv", shuffled, delimiter=";", encoding="cp1252")).format == "moodle_log"
    )


@pytest.mark.parametrize("header", [QUIZ_EN, QUIZ_EN_2022, QUIZ_FR, QUIZ_FR_2022])
def test_quizzes_whatever_version(tmp_path, header):
    row = ["L.", "Ada", "a@b.org", "Finished", "18 March 2024  8:20 AM", "-", "-", "8.50", "4.00", "4.50"]
    assert detect(export(tmp_path, "x.csv", [header, row])).format == "moodle_quiz"


def test_the_name_of_the_file_does_not_count(tmp_path):
    file = export(tmp_path, "logs_X_20240301-0900.csv", [("Name", "Colour"), ("a", "b")])
    assert detect(file).format is None


def test_the_sentence_and_what_json_says(tmp_path):
    file = export(tmp_path, "x.csv", [LOG_EN, view("18/03/24, 08:00:05", 7, "Ada L.")])
    found = detect(file)
    why = "100% of the column names are those of a Moodle log, and its record is written like one."
    assert str(found) == f"Moodle log (100%). {why}"
    assert found.to_dict() == {
        "format": "moodle_log", "confidence": 1.0, "why": why, "language": "en", "alternatives": [],
    }  # fmt: skip
    with i18n.in_language("fr"):
        assert str(detect(file)).startswith("journal Moodle (100\u00a0%). 100\u00a0% des noms de colonnes")


def test_a_header_whose_rows_say_something_else_is_less_sure(tmp_path):
    rows = [["a", "b", "c", "d", "e", "f", "g", "h", "i"]] * 20
    found = detect(export(tmp_path, "x.csv", [LOG_EN, *rows]))
    assert found.format is None
    assert found.alternatives[0][0] == "moodle_log"


def test_a_list_of_people_with_columns_of_its_own_is_asked_about(tmp_path):
    header = ("Prénom", "Nom", "Adresse e-mail", "Service", "Fonction", "Site")
    file = export(tmp_path, "x.csv", [header, ("Ada", "L.", "a@b.org", "RH", "x", "y")], delimiter=";")
    assert detect(file).format is None
    with pytest.raises(InputError) as raised:
        read(file, Context())
    assert str(raised.value) == (
        "x.csv is not recognised for certain: Its columns or its first records fit only in part. It could be "
        "moodle_participants (25%). Give its format with --format, or, for a sheet of your own, a mapping "
        "with --mapping."
    )


def test_two_formats_that_fit_alike_are_both_named(tmp_path, monkeypatch):
    twin = signature("moodle_log")
    twins = [twin, replace(twin, format="moodle_quiz")]
    monkeypatch.setattr(sys.modules["flipstats.readers.detect"], "signatures", lambda: twins)
    found = detect(export(tmp_path, "x.csv", [LOG_EN, view("18/03/24, 08:00:05", 7, "Ada L.")]))
    assert found.format is None
    assert [name for name, _ in found.alternatives] == ["moodle_log", "moodle_quiz"]
    assert found.why == "Moodle log and Moodle quiz report fit equally well."


def test_unknown_and_its_whole_message(tmp_path):
    file = export(tmp_path, "x.csv", [("Marie", "Martin"), ("a", "b")])
    with pytest.raises(InputError) as raised:
        read(file, Context())
    assert str(raised.value) == (
        "x.csv is not recognised: Its columns are those of no export that flipstats knows. Give its format "
        "with --format, or, for a sheet of your own, a mapping with --mapping."
    )


def test_a_format_that_does_not_exist_and_a_file_that_does_not(tmp_path):
    file = export(tmp_path, "x.csv", [LOG_EN])
    with pytest.raises(InputError) as raised:
        read(file, Context(), format="moodle_logs")
    assert str(raised.value).startswith(
        "There is no format 'moodle_logs'. Did you mean 'moodle_log'? The formats"
    )
    with pytest.raises(InputError) as raised:
        read(tmp_path / "none.csv")
    assert str(raised.value) == "There is no file none.csv."


def test_the_wrong_format_says_which_columns_are_missing_and_not_which_are_there(tmp_path):
    file = export(tmp_path, "x.csv", [("Marie Martin", "Zoë"), ("a", "b")])
    with pytest.raises(InputError) as raised:
        read(file, Context(), format="moodle_participants")
    assert str(raised.value) == (
        "x.csv is not a Moodle participants list: the columns “First name / Prénom” and “Last name / Nom de "
        "famille” are missing. Check that it is that report, exported as CSV with its header line, and that "
        "no column was removed."
    )


def test_folders(tmp_path):
    oulad, canonical, other = (tmp_path / name for name in ("oulad", "canonical", "other"))
    for folder in (oulad, canonical, other):
        folder.mkdir()
    for name in ("studentInfo", "courses", "assessments", "studentRegistration", "vle"):
        (oulad / f"{name}.csv").write_text("a,b\n")
    (canonical / "learners.csv").write_text("learner_id,tracking\n")
    (canonical / "enrolments.csv").write_text("learner_id,cohort_id\n")
    (other / "learners.csv").write_text("Nom,Prénom\n")
    found = [detect(folder) for folder in (oulad, canonical, other)]
    assert [one.format for one in found] == ["oulad", "canonical", None]
    assert found[2].why == "The folder is not one export; give its files one by one."


def test_calendars_and_teams(tmp_path):
    calendar, teams = tmp_path / "a.txt", tmp_path / "b.csv"
    calendar.write_text("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    teams.write_bytes("1. Résumé\nTitre\tX\n\n2. Personnes\nNom\tRôle\nA\tB\n".encode("utf-16"))
    assert [detect(file).format for file in (calendar, teams)] == ["ics", "teams_attendance"]


class TestSignatures:
    def test_every_reader_has_a_title_in_both_languages(self):
        for name in READERS:
            assert all(i18n.t("readers.format_" + name, lang=lang) for lang in i18n.LANGUAGES)

    def test_every_signature_is_a_reader_s(self):
        assert {sign.format for sign in signatures()} <= set(READERS)
        assert all(content(sign.format)["format"] == sign.format for sign in signatures())

    def test_labels_are_in_both_languages(self):
        for form in sorted({form for form, _ in KNOWN.values() if form.startswith("moodle")}):
            sign = signature(form)
            for label in sign.labels:
                languages = {version[:2] for version, _ in label.labels}
                assert {"en", "fr"} <= languages or languages == {"an"}, (sign.format, label.column)

    def test_a_new_label_needs_no_code(self):
        folder = Path(signatures.__code__.co_filename).parent
        assert sorted(p.name for p in folder.glob("*.py")) == ["__init__.py"]
