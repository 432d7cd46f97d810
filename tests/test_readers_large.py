"""Files larger than any export: bounded memory, every record accounted for, a clear refusal."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from moodle_exports import LOG_EN

from flipstats import readers
from flipstats.errors import InputError
from flipstats.readers import Context

PARIS = Context(timezone="Europe/Paris")
HEADER = ",".join(LOG_EN)
MEGABYTE = 1 << 20


def write(file: Path, *parts: str) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(HEADER.rstrip("\n") + "\n")
        for part in parts:
            stream.write(part)
    return file


def line(text: str) -> str:
    return f'"19/03/24, 09:00:00",Ann Lee,-,Page: Film,Page,Course module viewed,{text},web,1.1.1.1\n'


VIEWED = line("\"The user with id '7' viewed the 'page' activity with course module id '304'.\"")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["plain", "windows"])
def test_a_line_longer_than_any_record_is_refused(tmp_path, monkeypatch, newline):
    monkeypatch.setattr("flipstats.readers.text._LONGEST_LINE", MEGABYTE)
    for method in ("utf8_blocks", "blocks"):
        monkeypatch.setattr(f"flipstats.readers.text.Text.{method}.__defaults__", (MEGABYTE,))
    file = write(tmp_path / "log.csv", VIEWED * 3, line("x" * 4 * MEGABYTE), VIEWED)
    file.write_bytes(file.read_bytes().replace(b"\n", newline.encode()))
    with pytest.raises(InputError) as refused:
        readers.read(file, PARIS, format="moodle_log")
    assert str(refused.value) == (
        "log.csv holds a line of more than 1 MB, which no record of a table is. It is damaged, or not an "
        "export of this kind; export it again."
    )


def test_a_cell_of_a_megabyte_is_a_cell(tmp_path):
    reading = readers.read(
        write(tmp_path / "log.csv", VIEWED * 3, line("x" * MEGABYTE), VIEWED), PARIS, format="moodle_log"
    )
    assert (reading.account.read, reading.account.balanced) == (5, True)


BENCHMARKS = os.pathsep.join([str(Path(__file__).parents[1] / "benchmarks"), *sys.path])
MEASURE = """
import sys, tempfile
from pathlib import Path
from memory import peak_mb
from flipstats.errors import InputError
from flipstats.readers import Context, read
with tempfile.TemporaryDirectory() as spool:
    try:
        account = read(Path(sys.argv[1]), Context("Europe/Paris", spool=Path(spool)), format="moodle_log").account
        print(account.read, account.balanced, end=" ")
    except InputError:
        print("refused -", end=" ")
print(int(peak_mb()))
"""


def measured(file: Path) -> tuple[str, str, int]:
    """Read a log in a process of its own: records or refused, whether they balance, peak in MB."""
    command = [sys.executable, "-c", textwrap.dedent(MEASURE), str(file)]
    told = {"check": True, "capture_output": True, "text": True}
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": BENCHMARKS}, **told).stdout.split()
    return done[0], done[1], int(done[2])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(tmp_path):
    rows = VIEWED * 50_000
    small = measured(write(tmp_path / "small.csv", *[rows] * 10))
    large = measured(write(tmp_path / "large.csv", *[rows] * 60))
    assert small[:2] == ("500000", "True")
    assert large[:2] == ("3000000", "True")
    assert large[2] < small[2] + 150


@pytest.mark.slow
def test_a_line_of_100_megabytes_costs_no_more_than_a_block(tmp_path):
    found = measured(write(tmp_path / "log.csv", VIEWED * 1000, line("x" * 100 * MEGABYTE), VIEWED * 1000))
    assert found[0] == "refused"
    assert found[2] < 400
