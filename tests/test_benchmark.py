"""The benchmark runs, on few events: all engines give the same rows, and what it writes has its shape."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "benchmarks" / "run.py"


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(RUN), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_all_engines_give_the_same_rows_and_the_file_has_its_shape(tmp_path):
    if os.environ.get("FLIPSTATS_REQUIRE_SPARK"):
        assert importlib.util.find_spec("chdb") is not None
    done = run("--events", 100_000, "--rounds", 1, "--json", tmp_path / "b.json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "b.json").read_text())
    names = {"flipstats", "duckdb", "pandas", "floor", "build"}
    names |= {"chdb"} if importlib.util.find_spec("chdb") else set()
    assert list(told) == ["events", "engines", "equal"]
    assert (told["events"], told["equal"], set(told["engines"])) == (100_000, True, names)
    for measured in told["engines"].values():
        assert list(measured) == ["seconds", "peak_mb"]
        assert measured["seconds"] > 0
        assert 20 < measured["peak_mb"] < 2000
    assert "same rows from all engines" in done.stdout


@pytest.mark.parametrize("engine", ["sqlite", "duckdb,foor"])
def test_an_engine_that_there_is_not_is_wrong_usage(engine):
    done = run("--engines", engine)
    assert done.returncode == 2
    assert "the engines are flipstats, duckdb, pandas, chdb, floor" in " ".join(done.stderr.split())


def test_rows_that_differ_are_told_and_fail(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(RUN.parent))
    import polars as pl
    import run as benchmark

    rows = {"cohort_id": ["A"], "session_id": ["S"], "opened": [3], "pairs": [9]}
    rows |= {name: [0.5] for name in ("value", "low", "high")}
    pl.DataFrame(rows).write_parquet(tmp_path / "flipstats.rows")
    for change, equal in (({}, True), ({"opened": [4]}, False), ({"low": [0.5 + 1e-9]}, False)):
        pl.DataFrame(rows | change).write_parquet(tmp_path / "duckdb.rows")
        assert benchmark.same_rows(tmp_path, ["flipstats", "duckdb", "floor"]) is equal
