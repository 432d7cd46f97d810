"""Mappings: every mistake named whole, and a first one proposed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sheet_cases import ATTENDANCE, HEADER, ROWS, read

from flipstats.errors import InputError
from flipstats.i18n import in_language
from flipstats.readers import sheet
from flipstats.readers.base import Context
from flipstats.readers.first_mapping import write_first_mapping
from flipstats.readers.mapping import check_mapping, parse_yaml


def problem(folder: Path, mapping: str, lines: list[str] | None = None) -> str:
    with pytest.raises(InputError) as raised:
        read(folder, mapping, lines or [HEADER, *ROWS])
    return str(raised.value)


class TestMapping:
    def test_no_mapping(self, tmp_path):
        with pytest.raises(InputError) as raised:
            sheet.read(tmp_path / "sheet.csv", Context())
        assert str(raised.value) == (
            "sheet.csv is read as a sheet, and a sheet needs a mapping; write a first one with "
            "`flipstats map` and name it with --mapping, or as mapping under [[sources]] in study.toml"
        )

    def test_unknown_keys_with_a_suggestion_all_at_once(self, tmp_path):
        mapping = ATTENDANCE.replace("late_minutes:", "late_minute:").replace("email:", "mail:")
        assert problem(tmp_path, mapping) == (
            "map.yaml: unknown key learner.mail; did you mean email?\n"
            "map.yaml: unknown key fields.late_minute; did you mean late_minutes?"
        )

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (("table: attendance", "table: presence"),
             "map.yaml, table: must be one of attendance, attempts, events, feedback, contacts and adaptations; found 'presence'"),
            (("table: attendance\n", ""),
             "map.yaml, table: must be one of attendance, attempts, events, feedback, contacts and adaptations; found nothing"),
            (("Europe/Paris", "Europe/Pari"),
             "map.yaml, timezone: there is no time zone 'Europe/Pari'; did you mean 'Europe/Paris'?"),
            (("Oui: present", "Oui: here"),
             "map.yaml, fields.status.map.Oui: must be 'present', 'late', 'absent', 'excused' or "
             "'not_taken'; found 'here'"),
            (("  status: {column: Présence", "  status: {colum: Présence"),
             "map.yaml: unknown key fields.status.colum; did you mean column?"),
            (('delimiter: ";"', 'delimiter: ";;"'),
             "map.yaml, read.delimiter: must be one character, tab or auto"),
            (("start: {date: Date, time: Début,", "start: {time: Début,"),
             "map.yaml, session.start: must have either column, or date (and perhaps time)"),
            (("{email: Mail, family_name: Nom, given_name: Prénom}", "{given_name: Prénom}"),
             "map.yaml, learner: must name the column of an e-mail address, an id or a name"),
            (("table: attendance", "table: [attendance"),
             "map.yaml is not YAML: line 6 breaks its rules (indent with blanks, put texts with : or # in "
             "quotation marks)"),
        ],
    )  # fmt: skip
    def test_whole_messages(self, tmp_path, change, message):
        assert problem(tmp_path, ATTENDANCE.replace(*change)) == message

    def test_in_french(self, tmp_path):
        with in_language("fr"):
            assert problem(tmp_path, ATTENDANCE.replace("email:", "emial:")) == (
                "map.yaml\u00a0: clé inconnue learner.emial\u202f; vouliez-vous dire email\u202f?"
            )

    def test_a_column_the_file_does_not_have(self, tmp_path):
        lines = [HEADER.replace("Présence", "Présences"), *ROWS]
        assert problem(tmp_path, ATTENDANCE, lines) == (
            "sheet.csv does not have the column “Présence” that the mapping names (fields.status.column); "
            "did you mean Présences?"
        )

    def test_a_column_twice(self, tmp_path):
        lines = [HEADER.replace("Nom", "Mail"), *ROWS]
        assert "“Nom”" in problem(tmp_path, ATTENDANCE, lines)
        mapping = ATTENDANCE.replace("family_name: Nom, given_name: Prénom", "name: Prénom")
        assert (
            problem(tmp_path, mapping, lines) == "sheet.csv has the column “Mail” twice; rename one of them"
        )

    def test_wrong_encoding_and_wrong_time_format(self, tmp_path):
        with pytest.raises(InputError) as raised:
            read(tmp_path, ATTENDANCE.replace("utf-8, cp1252", "ascii"), [HEADER, *ROWS])
        assert str(raised.value) == (
            "sheet.csv is not text in ascii; correct read.encoding in the mapping, or leave it out"
        )
        assert problem(tmp_path, ATTENDANCE.replace("%Hh%M", "%Hh%Q")) == (
            "the mapping gives the time format '%d/%m/%Y à %Hh%Q', which is none; an example that is: "
            "%d/%m/%Y %H:%M"
        )

    def test_messages_hold_no_learner(self, tmp_path):
        for mapping in (ATTENDANCE.replace("Présence", "Absence"), ATTENDANCE.replace('";"', '","')):
            text = problem(tmp_path, mapping)
            assert not any(word in text for word in ("LEE", "Ann", "x.org"))


class TestFirstMapping:
    def test_an_attendance_sheet_reads_with_its_first_mapping(self, tmp_path):
        (tmp_path / "sheet.csv").write_text("\n".join([HEADER, *ROWS]), encoding="utf-8")
        for language in ("en", "fr"):
            with in_language(language):
                mapping = write_first_mapping(tmp_path / "sheet.csv")
            reading = read(tmp_path, mapping, [HEADER, *ROWS])
            assert reading.account.kept == 4
            assert sorted(reading.tables["attendance"]["status"]) == ["absent", "excused", "late", "present"]
            assert not any(word in mapping for word in ("LEE", "Ann", "x.org"))

    def test_a_video_report_and_scores(self, tmp_path):
        lines = [
            "Viewer e-mail;Video;Last viewed;Watched (%);Watched (s)",
            "a@x.org;Intro;21/03/2024 10:00;55;300",
        ]
        (tmp_path / "sheet.csv").write_text("\n".join(lines), encoding="utf-8")
        reading = read(tmp_path, write_first_mapping(tmp_path / "sheet.csv"), lines)
        assert reading.tables["events"].select("progress", "seconds").rows() == [(0.55, 300)]
        assert reading.kinds == ("video",)
        lines = ["Nom,Prénom,Évaluation,Note,Barème,Remis le", "LEE,Ann,Quiz 1,12.5,20,21/03/2024"]
        (tmp_path / "sheet.csv").write_text("\n".join(lines), encoding="utf-8")
        reading = read(tmp_path, write_first_mapping(tmp_path / "sheet.csv"), lines)
        assert reading.tables["attempts"].select("assessment", "score").rows() == [("Quiz 1", 0.625)]

    def test_what_cannot_be_guessed_is_a_gap_that_is_still_a_mapping(self, tmp_path):
        (tmp_path / "sheet.csv").write_text("Foo|Bar\n1|2\n", encoding="utf-8")
        mapping = write_first_mapping(tmp_path / "sheet.csv")
        assert "COLUMN TO NAME" in mapping
        check_mapping(parse_yaml(mapping, "map.yaml"), "map.yaml")

    def test_no_table(self, tmp_path):
        (tmp_path / "sheet.csv").write_text("just a line\n", encoding="utf-8")
        with pytest.raises(InputError) as raised:
            write_first_mapping(tmp_path / "sheet.csv")
        assert str(raised.value) == (
            "sheet.csv holds no table: no delimiter gives it two columns or more; export it again as CSV"
        )
