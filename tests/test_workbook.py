"""Workbooks: what their cells give as text, and what hostile ones are refused for."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import package, workbook

from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import workbook as books
from flipstats.readers.signatures import signature
from flipstats.readers.workbook import Sheet, is_workbook, open_table, sheet_grid, sheets

NOTES = ["First name", "Last name", "Quiz: A (Real)"]


def test_cells_are_text_with_formulas_left_alone(tmp_path):
    file = package(
        tmp_path / "x.xlsx",
        '<row><c><v>8.5</v></c><c><v>3</v></c><c t="b"><v>1</v></c><c><f>1+1</f><v>2</v></c>'
        '<c t="inlineStr"><is><t>=HYPERLINK("http://x")</t></is></c></row>',
    )
    assert sheets(file) == [Sheet("Sheet1", [["8.5", "3", "TRUE", "2", '=HYPERLINK("http://x")']])]


def test_an_ordinary_zip_is_no_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", "a,b")
    assert not is_workbook(tmp_path / "x.zip")
    with pytest.raises(InputError, match=r"x\.zip is a workbook that cannot be read"):
        sheets(tmp_path / "x.zip")


def test_only_the_workbooks_own_parts_are_taken(tmp_path):
    file = workbook(tmp_path / "x.xlsx", [["a"]])
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../evil.xml", "<x/>")
        archive.writestr("xl/../../evil.xml", "<x/>")
        archive.writestr("xl/vbaProject.bin", b"\x00" * 10)
    assert sheets(file)[0].rows == [["a"]]
    assert [path.name for path in tmp_path.iterdir()] == ["x.xlsx"]


def test_a_cell_far_away_is_refused(tmp_path):
    file = package(tmp_path / "x.xlsx", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    with pytest.raises(InputError) as caught:
        sheets(file)
    assert str(caught.value) == (
        "x.xlsx has cells so far apart, or so many, that its sheets hold more than 5,000,000 cells. "
        "Save the sheet you need as CSV (UTF-8)."
    )


def test_a_zip_that_swells_is_refused(tmp_path):
    file = package(tmp_path / "x.xlsx", " " * (17 << 20))
    with pytest.raises(InputError, match=r"x\.xlsx unpacks to more than 200 MB, or to 200 times its size"):
        sheets(file)


def test_texts_that_cells_share_are_counted_as_often(tmp_path, monkeypatch):
    monkeypatch.setattr(books, "MAX_TEXT", 10_000)
    shared = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>%s</t></si></sst>'
    cells = "<row>" + '<c t="s"><v>0</v></c>' * 30 + "</row>"
    file = package(tmp_path / "x.xlsx", cells, more={"xl/sharedStrings.xml": shared % ("x" * 1000)})
    with pytest.raises(InputError, match="hold more than"):
        sheets(file)


def test_entities_are_refused(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    file = package(tmp_path / "x.xlsx", "", more={"xl/styles.xml": bomb})
    with pytest.raises(InputError, match="cannot be read"):
        sheets(file)


def test_a_cut_workbook_is_refused(tmp_path):
    file = workbook(tmp_path / "x.xlsx", [["a", "b"]] * 50)
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(InputError):
        open_table(file, signature("moodle_gradebook"))


def test_blank_rows_are_no_records_and_long_ones_are_set_apart():
    table = sheet_grid(Sheet("x", [["a", "b", ""], ["", "", ""], ["1", "", ""], ["1", "2", "3"]]))
    assert (table.header, table.rows, table.irregular) == (
        ["a", "b"],
        [(1, ["1", ""])],
        [(2, "too_many_cells")],
    )


def test_the_sheet_whose_header_fits_is_read(tmp_path):
    file = workbook(tmp_path / "x.xlsx", [NOTES, ["A", "B", 3]], name="Notes & co")
    opened = open_table(file, signature("moodle_gradebook"))
    assert (opened.sheet, opened.grid.rows) == ("Notes & co", [(1, ["A", "B", "3"])])


@settings(max_examples=30, deadline=None)
@given(at=st.integers(0, 900), byte=st.integers(0, 255))
def test_a_damaged_workbook_is_read_or_refused(tmp_path_factory, at, byte):
    folder: Path = tmp_path_factory.mktemp("damaged")
    file = workbook(folder / "x.xlsx", [NOTES, ["A", "B", 3]])
    data = bytearray(file.read_bytes())
    data[at % len(data)] = byte
    file.write_bytes(data)
    with contextlib.suppress(FlipstatsError):
        open_table(file, signature("moodle_gradebook"))
