"""Variants of exports that samples do not have: totals, guests, suspended accounts, older and odder files."""

from __future__ import annotations

import datetime as dt
import json
import random
from copy import deepcopy

import pytest
from moodle_exports import LOG_EN, LOG_FR_2019, export, own_warnings, row, text_of, view

from flipstats.errors import InputError
from flipstats.readers import Context, detect, read, signatures

PARIS = Context(timezone="Europe/Paris")
GRADES = ("First name", "Last name", "ID number", "Email address", "Suspended", "Quiz: Start (Real)",
          "Quiz: Start (Percentage)")  # fmt: skip
ATTENDANCE = ("Last name", "First name", "21 Mar 2024 9.00AM All students", "P", "L", "E", "A")


def written(folder, content, name="x.bin"):
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


class TestTotals:
    @pytest.mark.parametrize("word", ["Overall average", "MOYENNE GÉNÉRALE", "Total :", "Synthèse"])
    @pytest.mark.parametrize(
        ("header", "learner", "total"),
        [
            (GRADES, ("Ann", "Lee", "E1", "a@x.org", "", "8", "80.00 %"), (None, "", "", "", "", "8", "80.00 %")),
            (("First name", "Last name", "Groups"), ("Ann", "Lee", "A"), ("", None, "")),
            (("", "Film", "2024-03-20"), ("Ann Lee", "Completed", "2024-03-19 10:00:00"), (None, "1", "")),
            (("ID", "Name", "Course complete"), ("7", "Ann Lee", ""), ("", None, "")),
            (ATTENDANCE, ("Lee", "Ann", "P (2/2)", "1", "0", "0", "0"), (None, "", "", "1", "0", "0", "0")),
        ],
    )  # fmt: skip
    def test_are_no_learners(self, tmp_path, word, header, learner, total):
        rows = [header, learner, [word if cell is None else cell for cell in total]]
        reading = read(export(tmp_path, "x.csv", rows), PARIS)
        assert dict(reading.account.reasons()) == {"average_row": 1}
        assert (reading.account.read, reading.account.kept, reading.account.balanced) == (2, 1, True)
        assert not reading.people.filter(value=word).height

    def test_somebody_of_that_name_who_has_an_address_is_one(self, tmp_path):
        rows = [GRADES, ("Mean", "Total", "", "total@x.org", "", "8", "80.00 %")]
        reading = read(export(tmp_path, "x.csv", rows), PARIS)
        assert reading.tables["attempts"]["person"].to_list() == ["mail:total@x.org"]


def test_points_and_percentages_of_a_gradebook_may_have_marks_of_their_own(tmp_path):
    rows = [GRADES, ("Ann", "Lee", "E1", "a@x.org", "", "8.55", "85,50 %")]
    got = read(export(tmp_path, "x.csv", rows), PARIS).tables["attempts"]
    assert got.select("score", "raw_score", "maximum").rows() == [(0.855, 8.55, 10.0)]


class TestAccounts:
    def test_suspended_ones_are_kept_and_counted(self, tmp_path):
        rows = [
            GRADES,
            ("Ann", "Lee", "E1", "a@x.org", "", "8", "80.00 %"),
            ("Bo", "Yi", "E2", "b@x.org", "Yes", "8", "80.00 %"),
        ]
        account = read(export(tmp_path, "x.csv", rows), PARIS).account
        assert (account.kept, dict(account.reasons("note"))) == (2, {"suspended_account": 1})
        users = [
            ("id", "username", "firstname", "lastname", "email", "suspended", "deleted"),
            ("7", "ann", "Ann", "Lee", "a@x.org", "1", "0"), ("8", "b@x.org.17", "Bo", "Yi", "x", "0", "1"),
            ("1", "guest", "Guest user", "", "root@localhost", "0", "0"),
        ]  # fmt: skip
        reading = read(export(tmp_path, "u.csv", users), PARIS)
        assert dict(reading.account.reasons("note")) == {"suspended_account": 1}
        assert dict(reading.account.reasons()) == {"deleted_account": 1, "guest": 1}
        assert reading.people.filter(person="moodle:1").rows() == [
            ("moodle:1", "id", "1"), ("moodle:1", "role", "guest"),
        ]  # fmt: skip

    @pytest.mark.parametrize("name", ["Guest user", "Utilisateur anonyme"])
    def test_the_guest_of_a_log(self, tmp_path, name):
        rows = [LOG_EN, view("18/03/24, 08:00:05", 1, name), view("18/03/24, 08:00:04", 7, "Ann Lee")]
        reading = read(export(tmp_path, "x.csv", rows), PARIS)
        assert reading.people.filter(kind="role").rows() == [("moodle:1", "role", "guest")]


class TestOldLogs:
    ROWS = (
        view("18 Mar, 08:05", 7, "Ann Lee", 301), view("3 Jan, 21:00", 7, "Ann Lee", 302),
        row("28 Dec, 09:00", "Ann Lee", "The user with id '7' viewed the course with id '2'."),
        row("-", "-", "Something that happened at no time"),
    )  # fmt: skip

    def shuffled(self, folder, rows=ROWS, header=LOG_EN, *, drop=()):
        """Write a log with CR-only line ends and its columns in another order, without some of them."""
        order = [i for i in range(len(header)) if header[i] not in drop]
        random.Random(5).shuffle(order)
        content = text_of([[cells[i] for i in order] for cells in (header, *rows)], end="\r")
        file = folder / "log.bin"
        file.write_bytes(content.encode("utf-8"))
        return file

    def test_without_a_year_says_what_to_add(self, tmp_path):
        with pytest.raises(InputError) as raised:
            read(self.shuffled(tmp_path), PARIS)
        assert str(raised.value) == (
            "log.bin, column Time: the dates (written like 99 xxx, 99:99) have no year, and flipstats does "
            "not guess it. Put the year into the column, or, for a Moodle log, say on which day it was "
            "exported: --day 2012-03-30, or day = 2012-03-30 for this file under [[sources]] in study.toml; "
            "years are then counted back from that day."
        )

    def test_with_the_day_of_the_export_gives_the_right_events(self, tmp_path):
        told = Context(timezone="Europe/Paris", day=dt.date(2012, 3, 20))
        reading = read(self.shuffled(tmp_path), told)
        assert reading.tables["events"].select("person", "resource", "verb", "at").rows() == [
            ("moodle:7", "cm:301", "viewed", dt.datetime(2012, 3, 18, 7, 5, tzinfo=dt.UTC)),
            ("moodle:7", "cm:302", "viewed", dt.datetime(2012, 1, 3, 20, 0, tzinfo=dt.UTC)),
            ("moodle:7", None, "course_viewed", dt.datetime(2011, 12, 28, 8, 0, tzinfo=dt.UTC)),
        ]  # fmt: skip
        assert dict(reading.account.reasons()) == {"no_time": 1}
        assert own_warnings(reading) == [
            "log.bin: its dates have no year; years are counted back from 2012-03-20, which is right only if "
            "the log spans less than a year"
        ]
        json.dumps(reading.warnings[0].to_dict())  # a study keeps it

    def test_in_french_and_without_names(self, tmp_path):
        rows = [[cells[0].replace("Mar", "mars").replace("Dec", "déc."), *cells[1:]] for cells in self.ROWS]
        rows = [[cells[0].replace("Jan", "janv."), *cells[1:]] for cells in rows]
        told = Context(timezone="Europe/Paris", day=dt.date(2012, 3, 20))
        reading = read(self.shuffled(tmp_path, rows, LOG_FR_2019, drop=("Nom complet", "Adresse IP")), told)
        assert reading.tables["events"]["at"].dt.year().to_list() == [2012, 2012, 2011]
        assert reading.people.rows() == [("moodle:7", "id", "7")]

    def test_of_moodle_before_2_7_are_taken_for_nothing_else(self, tmp_path):
        header = ("Course", "Time", "IP Address", "User full name", "Action", "Information")
        rows = [header, ("SEC", "18 March 2012, 08:00 AM", "192.0.2.1", "Ann Lee", "resource view", "Film")]
        assert detect(export(tmp_path, "x.csv", rows)).format is None


class TestStatements:
    def said(self, verb, target, **more):
        return {
            "actor": {"mbox": "mailto:a@x.org"}, "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
            "object": target, "timestamp": "2024-03-18T08:00:00Z", **more,
        }  # fmt: skip

    def test_about_another_statement_are_about_no_resource(self, tmp_path):
        first = self.said("experienced", {"id": "https://x.org/v"}, id="s1")
        about = self.said("answered", {"objectType": "StatementRef", "id": "s1"}, id="s2")
        reading = read(written(tmp_path, [first, about]), PARIS)
        assert reading.tables["events"]["resource"].to_list() == ["iri:https://x.org/v", None]
        assert reading.tables["resources"].height == 1

    def test_an_empty_page_is_a_page(self, tmp_path):
        reading = read(written(tmp_path, {"statements": [], "more": ""}), PARIS)
        assert (reading.format, reading.account.read, reading.tables) == ("xapi", 0, {})

    def test_json_of_another_kind_is_not_said_to_have_columns(self, tmp_path):
        assert detect(written(tmp_path, {"data": []})).why == (
            "Its objects have the field names of no export that flipstats knows."
        )


def test_a_signature_was_mailed_only_where_a_mail_was_sent(tmp_path):
    common = {"state": True, "timestamp": "2024-03-21T08:05:00.000Z", "signature": "…"}
    mails = ({}, None, {"nbSent": 0}, {"nbSent": 1, "requestId": "r"})
    students = [{"studentId": f"s{i}", "signatureEmail": mail, **common} for i, mail in enumerate(mails)]
    course = {"ID": "c", "START": "2024-03-21T08:00:00.000Z", "END": "2024-03-21T11:00:00.000Z"}
    reading = read(
        written(tmp_path, {"status": "success", "result": [{**course, "STUDENTS": students}]}), PARIS
    )
    assert reading.tables["attendance"]["proof"].to_list() == ["signature", "signature", "signature", "email"]


class TestWebServices:
    def test_contents_of_a_course_name_its_activities(self, tmp_path):
        sections = [
            {"id": 1, "name": "S1", "modules": [{"id": 301, "name": " Film  1", "modname": "url"},
                                                {"id": 302, "name": "x", "modname": "label"}]},
            {"id": 2, "name": "S2", "modules": [{"id": 303, "name": "Quiz", "modname": "quiz"}, 7]},
        ]  # fmt: skip
        reading = read(written(tmp_path, sections), PARIS)
        assert reading.tables["resources"].select("resource", "title", "kind").rows() == [
            ("cm:301", "Film 1", "url"), ("cm:303", "Quiz", "quiz"),
        ]  # fmt: skip
        assert dict(reading.account.reasons()) == {"nothing_to_open": 1, "object_unreadable": 1}
        assert reading.account.balanced

    def test_attempts_at_a_quiz(self, tmp_path):
        one = {"quiz": 3, "userid": 7, "timestart": 1710745205, "timefinish": 1710745305, "sumgrades": 8}
        more = [
            ("finished", 1, 0),
            ("inprogress", 2, 0),
            ("abandoned", 3, 0),
            ("finished", 1, 1),
            ("odd", 4, 0),
        ]
        tries = [{**one, "state": state, "attempt": n, "preview": p} for state, n, p in more]
        reading = read(written(tmp_path, {"attempts": tries, "warnings": []}), PARIS)
        assert reading.tables["attempts"].select("attempt", "raw_score", "missing_reason").rows() == [
            (1, 8.0, None), (2, None, "in_progress"), (3, None, "never_submitted"),
        ]  # fmt: skip
        assert dict(reading.account.reasons()) == {"preview": 1, "unknown_attempt_state": 1}
        assert reading.people.rows() == [("moodle:7", "id", "7")]


def test_a_new_language_is_a_few_labels_and_no_code(tmp_path, monkeypatch):
    """A Spanish log: labels beside the others in the TOML file, descriptions being English everywhere."""
    spanish = {
        "time": "Hora", "name": "Nombre completo del usuario", "affected": "Usuario afectado",
        "context": "Contexto del evento", "component": "Componente", "event": "Nombre del evento",
        "description": "Descripción", "origin": "Origen", "ip": "Dirección IP",
    }  # fmt: skip
    rows = [list(spanish.values()), view("18/03/24, 08:00:05", 7, "Ann Lee", 301, "Página: Vídeo")]
    file = export(tmp_path, "x.csv", rows)
    assert detect(file).format is None
    real = signatures.content
    data = deepcopy(real("moodle_log"))
    for column, label in spanish.items():
        data["columns"][column]["es"] = [label]
    monkeypatch.setattr(signatures, "content", lambda name: data if name == "moodle_log" else real(name))
    signatures.signature.cache_clear()
    try:
        found = detect(file)
        assert (found.format, found.language, found.confidence) == ("moodle_log", "es", 1.0)
        assert read(file, PARIS).tables["events"].select("person", "resource", "verb").rows() == [
            ("moodle:7", "cm:301", "viewed")
        ]  # fmt: skip
    finally:
        signatures.signature.cache_clear()
