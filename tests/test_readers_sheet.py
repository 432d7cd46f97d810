"""Sheets read by a mapping: attendance, consultations, scores, and every record's fate."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sheet_cases import ATTENDANCE, HEADER, ROWS, SCORES, VIDEO, VIDEO_HEADER, read, utc

from flipstats import schema
from flipstats.readers import sheet
from flipstats.readers.base import Context

SHARED = Path(__file__).parents[2] / "shared" / "formats" / "emargement_generique"


class TestAttendance:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
    def test_rows(self, tmp_path, encoding):
        reading = read(tmp_path, ATTENDANCE, [HEADER, *ROWS], encoding=encoding)
        morning, afternoon = "21/03/2024 | Matin", "21/03/2024 | Après-midi"
        columns = ("person", "meeting", "status", "minutes", "late_minutes", "signed_at", "proof", "record")
        rows = reading.tables["attendance"].select(columns).rows()
        assert rows == [
            ("mail:a@x.org", morning, "present", 210, None, utc(2024, 3, 21, 7, 58), "signature", 1),
            (
                "mail:b@x.org",
                morning,
                "late",
                pytest.approx(190.2),
                20,
                utc(2024, 3, 21, 8, 20),
                "signature",
                2,
            ),
            ("mail:a@x.org", afternoon, "absent", 0, None, None, "import", 3),
            ("name:cy dee", afternoon, "excused", None, None, None, "import", 4),
        ]
        meetings = reading.tables["meetings"].select("meeting", "starts_at", "ends_at").rows()
        assert meetings == [
            (morning, utc(2024, 3, 21, 8), utc(2024, 3, 21, 11, 30)),
            (afternoon, utc(2024, 3, 21, 12, 30), utc(2024, 3, 21, 16)),
        ]
        assert (reading.account.kept, reading.language, reading.timezone) == (4, "fr", "Europe/Paris")
        assert set(reading.people.rows()) == {
            ("mail:a@x.org", "email", "a@x.org"), ("mail:a@x.org", "name", "Ann LEE"),
            ("mail:b@x.org", "email", "b@x.org"), ("mail:b@x.org", "name", "Bo CHEN"),
            ("name:cy dee", "name", "Cy DEE"),
        }  # fmt: skip

    @pytest.mark.parametrize(("late", "status"), [("0", "present"), ("1", "late"), ("-5", "present")])
    def test_late_from_the_first_minute_on(self, tmp_path, late, status):
        row = ROWS[0].replace(";Oui;;", f";Oui;{late};")
        reading = read(tmp_path, ATTENDANCE, [HEADER, row])
        assert reading.tables["attendance"]["status"].to_list() == [status]
        assert reading.account.reasons("note").total() == (late == "-5")

    def test_each_record_that_cannot_be_used_has_its_reason(self, tmp_path):
        bad = [
            ROWS[0],  # again
            ROWS[1].replace("oui", "peut-être"),
            ROWS[1].replace("oui", ""),
            ROWS[1].replace("21/03/2024;Matin", "le 21;Matin"),
            ROWS[1].replace(";Matin;", ";;"),
            ROWS[1].replace("09:00;12:30", "12:30;09:00"),
            ";;;21/03/2024;Matin;09:00;12:30;Oui;;;",
            "too;few",
            ROWS[1].replace("21/03/2024;Matin;09:00;12:30", "31/03/2024;Matin;02:30;12:30"),
        ]
        reading = read(tmp_path, ATTENDANCE, [HEADER, *ROWS, *bad])
        assert dict(reading.account.reasons()) == {
            "value_not_mapped": 1, "no_status": 1, "no_time": 1, "no_session": 1, "ends_before_start": 1,
            "no_person": 1, "too_few_cells": 1, "no_such_time": 1,
        }  # fmt: skip
        assert dict(reading.account.reasons("merged")) == {"duplicate_record": 1}
        assert reading.account.read == 13

    def test_cells_left_out_and_times_that_differ_are_noted(self, tmp_path):
        rows = [
            ROWS[0],
            ROWS[1].replace("3,17", "trois").replace("à 09h20", "vers 9h"),
            ROWS[1].replace("B@X", "c@x").replace("09:00", "09:15").replace(";20;", ";2,5;"),
        ]
        reading = read(tmp_path, ATTENDANCE, [HEADER, *rows])
        assert dict(reading.account.reasons("note")) == {"cell_left_out": 3, "session_times_differ": 1}
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 21, 8)]
        assert reading.tables["attendance"]["status"].to_list() == ["present", "late", "present"]

    def test_without_key_the_start_is_the_session(self, tmp_path):
        mapping = ATTENDANCE.replace("  key: [Date, Demi-journée]\n", "")
        meetings = read(tmp_path, mapping, [HEADER, *ROWS]).tables["meetings"]["meeting"].to_list()
        assert meetings == ["2024-03-21T08:00:00Z", "2024-03-21T12:30:00Z"]

    def test_an_empty_word_may_have_a_meaning_and_yes_stays_a_word(self, tmp_path):
        mapping = ATTENDANCE.replace(
            "{Oui: present, Non: absent, Excusé: excused}", '{yes: present, "": absent}'
        )
        rows = [ROWS[0].replace("Oui", "yes"), ROWS[1].replace("oui", "")]
        found = read(tmp_path, mapping, [HEADER, *rows]).tables["attendance"]["status"].to_list()
        assert found == ["present", "absent"]

    def test_header_below_a_preamble_and_the_delimiter_found_out(self, tmp_path):
        mapping = ATTENDANCE.replace('delimiter: ";", ', "")
        lines = ["Organisme, ville", "", "Exporté le;22/03/2024", HEADER, *ROWS]
        assert read(tmp_path, mapping, lines).account.kept == 4

    def test_minutes_as_durations(self, tmp_path):
        mapping = ATTENDANCE.replace(
            "hours_done: {column: Heures, type: decimal}", "minutes: {column: Heures, type: duration}"
        )
        rows = [ROWS[0].replace("3,5", "3 h 30 min"), ROWS[1].replace("3,17", "45 min")]
        assert read(tmp_path, mapping, [HEADER, *rows]).tables["attendance"]["minutes"].to_list() == [210, 45]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a@x.org", "b@x.org", ""]), st.sampled_from(["LEE", ""]),
                st.sampled_from(["21/03/2024", "32/03/2024", ""]), st.sampled_from(["Matin", ""]),
                st.sampled_from(["Oui", "Non", "?", ""]), st.sampled_from(["", "20", "x", "1,5"]),
                st.sampled_from(["", "3,5", "-1", "beaucoup"]),
            ),
            max_size=15,
        )
    )  # fmt: skip
    def test_accounts_balance(self, tmp_path, rows):
        lines = [f"{m};{n};;{d};{h};09:00;12:30;{s};{r};{t};" for m, n, d, h, s, r, t in rows]
        reading = read(tmp_path, ATTENDANCE, [HEADER, *lines, ROWS[0]])
        kept = reading.tables["attendance"]["record"]
        aside = reading.account.frame().filter(pl.col("outcome") != "note")["record"]
        assert sorted([*kept, *aside]) == list(range(1, len(lines) + 2))


class TestEvents:
    def test_the_report_of_a_video_platform(self, tmp_path):
        lines = [
            VIDEO_HEADER, "A@x.org,Intro,2024-03-20 18:00:00,55%,5 min 30 s", "b@x.org,Intro,,0%,0:00:00",
            "b@x.org,Intro ,2024-03-20 19:00:00,104%,0:10:00", "c@x.org,,2024-03-20 19:00:00,10%,",
            "c@x.org,Intro,hier,10%,",
        ]  # fmt: skip
        reading = read(tmp_path, VIDEO, lines)
        columns = ("person", "resource", "at", "verb", "seconds", "progress", "record")
        assert reading.tables["events"].select(columns).rows() == [
            ("mail:a@x.org", "title:intro", utc(2024, 3, 20, 18), "viewed", 330, 0.55, 1),
            ("mail:b@x.org", "title:intro", utc(2024, 3, 20, 19), "viewed", 600, 1, 3),
        ]
        assert reading.tables["resources"].rows() == [("title:intro", "Intro", None, 1, "video")]
        assert dict(reading.account.reasons()) == {"not_opened": 1, "no_resource": 1, "no_time": 1}
        assert dict(reading.account.reasons("note")) == {"progress_capped": 1}
        assert (reading.levels, reading.kinds) == (("opened", "substantial", "completed"), ("video",))

    def test_traces_say_levels_and_kinds(self, tmp_path):
        mapping = VIDEO.replace("[opened, substantial, completed]", "{levels: opened, kinds: [video, page]}")
        reading = read(tmp_path, mapping, [VIDEO_HEADER, "a@x.org,Intro,2024-03-20 18:00:00,5%,"])
        assert (reading.levels, reading.kinds) == (("opened",), ("video", "page"))

    def test_without_traces_nothing_is_covered(self, tmp_path):
        mapping = VIDEO.replace("traces: [opened, substantial, completed]\n", "")
        reading = read(tmp_path, mapping, [VIDEO_HEADER, "a@x.org,Intro,2024-03-20 18:00:00,5%,"])
        assert (reading.levels, reading.kinds) == ((), ())

    def test_verbs_shares_and_course_module_ids(self, tmp_path):
        mapping = """
        table: events
        timezone: Europe/Paris
        learner: {username: Login}
        resource: {cmid: Module}
        fields:
          at: When
          verb: {column: Action, map: {Vu: viewed, Fini: completed}}
          progress: {column: Part, type: share}
        """
        lines = ["Login;Module;When;Action;Part", "ann;301;21/03/2024 14:00;vu;0.5",
                 "ann;301;21/03/2024 15:00;fini;1.0", "ann;302;21/03/2024 15:00;aimé;"]  # fmt: skip
        reading = read(tmp_path, mapping, lines)
        assert reading.tables["events"].select("resource", "verb", "progress").rows() == [
            ("cm:301", "viewed", 0.5), ("cm:301", "completed", 1.0),
        ]  # fmt: skip
        assert dict(reading.account.reasons()) == {"value_not_mapped": 1}
        assert set(reading.tables["events"]["verb"]) <= set(schema.VERBS)


class TestAttempts:
    def test_points_of_a_maximum(self, tmp_path):
        lines = [
            "Nr;Name;Test;Points;Of;Done", "7;Ann Lee;Quiz 1;12,5;20;21/03/2024 10:00",
            "7;Ann Lee;Quiz 1;15;20;22/03/2024 10:00", "8;Bo Chen;Quiz 1;ABS;20;",
            "9;Cy Dee;Quiz 2;;20;22/03/2024 10:00", "9;Cy Dee;Quiz 3;21;20;22/03/2024 11:00",
            "9;Cy Dee;Quiz 3;bien;20;22/03/2024 12:00", "9;Cy Dee;;1;20;22/03/2024 12:00",
        ]  # fmt: skip
        reading = read(tmp_path, SCORES, lines)
        columns = ("person", "assessment", "attempt", "score", "raw_score", "missing_reason", "submitted_at")
        assert reading.tables["attempts"].select(columns).rows() == [
            ("idnumber:7", "Quiz 1", 1, 0.625, 12.5, None, utc(2024, 3, 21, 9)),
            ("idnumber:7", "Quiz 1", 2, 0.75, 15, None, utc(2024, 3, 22, 9)),
            ("idnumber:8", "Quiz 1", 1, None, None, "no_attempt", None),
            ("idnumber:9", "Quiz 2", 1, None, None, "not_graded", utc(2024, 3, 22, 9)),
            ("idnumber:9", "Quiz 3", 1, None, 21, None, utc(2024, 3, 22, 10)),
        ]
        assert dict(reading.account.reasons()) == {"cell_unreadable": 1, "no_assessment": 1}
        assert dict(reading.account.reasons("note"))["score_out_of_range"] == 1

    def test_percent_and_one_assessment_for_the_file(self, tmp_path):
        mapping = """
        table: attempts
        learner: {email: Mail}
        assessment: {value: Final test}
        fields: {score: {column: Score, type: percent}, attempt: Try}
        """
        reading = read(tmp_path, mapping, ["Mail,Score,Try", "a@x.org,80%,1", "a@x.org,90%,2"])
        columns = ("assessment", "attempt", "score", "raw_score")
        assert reading.tables["attempts"].select(columns).rows() == [
            ("Final test", 1, 0.8, None), ("Final test", 2, 0.9, None),
        ]  # fmt: skip


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
def test_reference_sheet_gives_the_expected_rows():
    expected = json.loads((SHARED.parent / "expected.json").read_text(encoding="utf-8"))
    name, want = next(iter(expected["emargement_generique"].items()))
    reading = sheet.read(SHARED / name, Context(mapping=SHARED / "mapping_emargement.yaml"))
    rows = reading.tables["attendance"]
    count = dict(rows["status"].value_counts().iter_rows())
    assert reading.tables["meetings"].height == want["sessions"]
    assert rows["person"].n_unique() == want["learners"]
    assert rows.height == want["attendance_rows"]
    assert count["present"] + count["late"] == want["present"]
    assert (count["absent"], count["excused"], count["late"]) == (
        want["absent"], want["excused"], want["late"],
    )  # fmt: skip
    assert rows["minutes"].sum() / 60 == pytest.approx(want["hours_total"])
    assert reading.account.balanced
