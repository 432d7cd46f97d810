"""Coverage-guided fuzzing of our own parsers, with atheris: python tests/fuzz/fuzz_parsers.py [seconds].

The first byte picks the parser, the rest is what it parses. Only the errors a parser promises may leave it;
anything else, or more than `SLOW` seconds for one input, stops the run with the input that did it.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["flipstats.readers"]):
    import polars as pl

    from flipstats.errors import FlipstatsError
    from flipstats.readers import Context, detect, json_text, php_serialized, read
    from flipstats.readers.columns import duration_seconds, numbers, parse_times
    from flipstats.readers.mapping import check_mapping, parse_yaml
    from flipstats.readers.records import best_delimiter, first_records, grid
    from flipstats.readers.text import normal, open_text

CORPUS = Path(__file__).parent / "corpus"
PARIS = Context(timezone="Europe/Paris")
SLOW = 20.0
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))


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


def rows(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    delimiter, _ = best_delimiter(text, len)
    first_records(text, delimiter, 20)
    grid(text, delimiter)
    normal(text)


def mapping(data: bytes) -> None:
    check_mapping(parse_yaml(data.decode("utf-8", errors="replace"), "m.yaml"), "m.yaml")


def whole(data: bytes) -> None:
    file = FOLDER / "x.csv"
    file.write_bytes(data)
    detect(file)
    text = open_text(file)
    if json_text.kind(text):
        json_text.values(text)
    account = read(file, PARIS).account
    assert account.balanced


PARSERS = (php, times, amounts, rows, mapping, whole)


def one(data: bytes) -> None:
    """Give one input to the parser that its first byte picks."""
    if not data:
        return
    begun = time.perf_counter()
    with contextlib.suppress(FlipstatsError):
        PARSERS[data[0] % len(PARSERS)](data[1:])
    if (spent := time.perf_counter() - begun) > SLOW:
        raise TimeoutError(f"{spent:.0f} s for {len(data)} bytes")


if __name__ == "__main__":
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    found = FOLDER / "found"
    found.mkdir()
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={FOLDER}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS)], one)
    atheris.Fuzz()
