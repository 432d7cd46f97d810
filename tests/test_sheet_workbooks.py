"""Attendance sheets and lists kept as workbooks: read by the same mappings, and a first mapping of one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import xlsxwriter
from sheet_cases import ATTENDANCE, HEADER, ROWS, utc

from flipstats.errors import InputError
from flipstats.readers import sheet
from flipstats.readers.base import Context
from flipstats.readers.first_mapping import write_first_mapping

READ = next(line for line in ATTENDANCE.splitlines() if line.startswith("read:"))


def write(
    folder: Path, mapping: str = ATTENDANCE, *, typed: bool = True, name: str = "Feuil1"
) -> tuple[Path, Context]:
    """Write the rows of the text sheet below two lines of title, dates and numbers as Excel holds them."""
    file = folder / "sheet.xlsx"
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet("Notes").write(0, 0, "E-mail")
        page = book.add_worksheet(name)
        day, clock = (book.add_format({"num_format": form}) for form in ("dd/mm/yyyy", "hh:mm"))
        page.write(0, 0, "Centre de formation")
        for r, line in enumerate([HEADER, *ROWS], 2):
            for c, cell in enumerate(line.split(";")):
                if typed and cell.count("/") == 2 and len(cell) == 10:
                    page.write_datetime(r, c, dt.datetime.strptime(cell, "%d/%m/%Y"), day)
                elif typed and len(cell) == 5 and cell[2] == ":":
                    page.write_datetime(r, c, dt.time.fromisoformat(cell), clock)
                elif typed and cell.replace(",", "").isdecimal():
                    page.write_number(r, c, float(cell.replace(",", ".")))
                else:
                    page.write_string(r, c, cell)
    rules = folder / "mapping.yaml"
    rules.write_text(mapping, encoding="utf-8")
    return file, Context(timezone="Europe/Paris", mapping=rules)


@pytest.mark.parametrize("typed", [True, False])
def test_workbooks_give_what_the_text_gives(tmp_path, typed):
    text = tmp_path / "sheet.csv"
    text.write_text("\n".join([HEADER, *ROWS]), encoding="utf-8")
    file, context = write(tmp_path, typed=typed)
    want, found = sheet.read(text, context), sheet.read(file, context)
    for table in ("attendance", "meetings"):  # keys are made of the cells as they are written
        assert found.tables[table].drop("meeting").equals(want.tables[table].drop("meeting"))
    assert found.tables["meetings"]["starts_at"].null_count() == 0
    assert found.account.balanced


def test_the_sheet_and_its_header_may_be_named(tmp_path):
    file, context = write(tmp_path, ATTENDANCE.replace(READ, "read: {sheet: feuil1, header_row: 3}"))
    assert sheet.read(file, context).account.read == len(ROWS)


def test_a_sheet_that_is_not_there(tmp_path):
    file, context = write(tmp_path, ATTENDANCE.replace(READ, "read: {sheet: Mars}"))
    with pytest.raises(InputError) as raised:
        sheet.read(file, context)
    assert str(raised.value) == (
        "sheet.xlsx has no sheet “Mars”; its sheets are “Notes” and “Feuil1”; correct read.sheet in the "
        "mapping"
    )


def test_a_first_mapping_of_a_workbook_can_be_used(tmp_path):
    file, context = write(tmp_path)
    proposal = write_first_mapping(file)
    assert 'read: {sheet: "Feuil1", header_row: auto}' in proposal
    context.mapping.write_text(proposal, encoding="utf-8")
    reading = sheet.read(file, context)
    assert reading.tables["attendance"].height > 0
    assert reading.tables["meetings"]["starts_at"].min() >= utc(2024, 3, 21)
