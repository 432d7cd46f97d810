"""Coverage-guided fuzzing of our own parsers, with atheris: python tests/fuzz/fuzz_parsers.py [seconds] [group].

The first byte of an input picks the parser of its group, the rest is what it parses; without a group each is
run in turn. Only the errors a parser promises may leave it; anything else, or more than `SLOW` seconds for
one input, stops the run with the input that did it.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["flipstats.readers"]):
    import polars as pl
    from workbooks import package

    from flipstats.errors import FlipstatsError
    from flipstats.readers import Context, detect, json_text, php_serialized, read
    from flipstats.readers.columns import duration_seconds, numbers, parse_times
    from flipstats.readers.first_mapping import write_first_mapping
    from flipstats.readers.mapping import check_mapping, parse_yaml
    from flipstats.readers.records import best_delimiter, first_records, grid
    from flipstats.readers.text import normal, open_text
    from flipstats.readers.workbook import sheets

CORPUS = Path(__file__).parent / "corpus"
PARIS = Context(timezone="Europe/Paris")
SLOW = 20.0
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
DOCUMENTS = (
    "xapi", "openedx_log", "bigbluebutton_json", "edusign", "moodle_webservice", "teams_graph",
)  # fmt: skip
TABLES = (
    "moodle_log", "moodle_logstore", "moodle_completion", "moodle_course_completion", "moodle_gradebook",
    "moodle_quiz", "moodle_attendance", "moodle_feedback", "moodle_participants", "moodle_users",
    "moodle_modules", "teams_attendance", "zoom", "google_meet", "google_forms", "bigbluebutton_csv",
    "openedx_grades", "ics",
)  # fmt: skip


def php(data: bytes) -> None:
    with contextlib.suppress(php_serialized.PhpError):
        php_serialized.loads(data)


def times(data: bytes) -> None:
    cells = pl.Series(data.decode("utf-8", errors="replace").split("\n")[:50], dtype=pl.String)
    parse_times(cells, file="f.csv", column="Time")


def amounts(data: bytes) -> None:
    cells = data.decode("utf-8", errors="replace").split("\n")[:50]
    for cell in cells:
        seconds = duration_seconds(cell)
        assert seconds is None or seconds >= 0 or cell.lstrip().startswith("-")
    numbers(pl.Series(cells, dtype=pl.String), file="f.csv", column="n")


def mapping(data: bytes) -> None:
    check_mapping(parse_yaml(data.decode("utf-8", errors="replace"), "m.yaml"), "m.yaml")


def rows(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    delimiter, _ = best_delimiter(text, len)
    first_records(text, delimiter, 20)
    grid(text, delimiter)
    normal(text)


def table(data: bytes) -> None:
    """Give a table to the reader that the next byte picks."""
    whole(data[1:], TABLES[data[0] % len(TABLES)])


def document(data: bytes) -> None:
    """Give a JSON text to the reader that the next byte picks."""
    whole(data[1:], DOCUMENTS[data[0] % len(DOCUMENTS)])


def whole(data: bytes, form: str = "auto") -> None:
    file = FOLDER / "x.csv"
    file.write_bytes(data)
    if form == "auto":
        detect(file)
        text = open_text(file)
        if json_text.kind(text):
            json_text.values(text)
    account = read(file, PARIS, format=form).account
    assert account.balanced


def odd_sheet(data: bytes) -> None:
    """Write the first mapping of a sheet, and read the sheet by it."""
    file, made = FOLDER / "x.csv", FOLDER / "x.yaml"
    file.write_bytes(data)
    made.write_text(write_first_mapping(file), encoding="utf-8")
    assert read(file, Context(timezone="Europe/Paris", mapping=made)).account.balanced


def book(data: bytes) -> None:
    """Put the rows of a sheet, as they are, into a workbook."""
    sheets(package(FOLDER / "x.xlsx", data.decode("utf-8", errors="replace")))


def archive(data: bytes) -> None:
    whole(data)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.csv", data)
    whole(packed.getvalue()[: len(data)])


GROUPS = {
    "values": (php, times, amounts, rows, mapping),
    "tables": (table, whole, odd_sheet),
    "documents": (document,),
    "packed": (book, archive),
}


def one(data: bytes, parsers: tuple = GROUPS["values"]) -> None:
    """Give one input to the parser that its first byte picks."""
    if len(data) < 2:
        return
    begun = time.process_time()
    with contextlib.suppress(FlipstatsError):
        parsers[data[0] % len(parsers)](data[1:])
    if (spent := time.process_time() - begun) > SLOW:
        raise TimeoutError(f"{spent:.0f} s for {len(data)} bytes")


def fuzz(seconds: int, group: str) -> None:
    """Fuzz the parsers of one group."""
    found = FOLDER / "found"
    found.mkdir()
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={FOLDER}/",
    ]
    parsers = GROUPS[group]
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS / group)], lambda data: one(data, parsers))
    atheris.Fuzz()


if __name__ == "__main__":
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    if len(sys.argv) > 2:
        fuzz(seconds, sys.argv[2])
    for group in GROUPS:
        subprocess.run([sys.executable, __file__, str(seconds), group], check=True)
