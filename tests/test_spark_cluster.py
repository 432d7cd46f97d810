"""A standalone Spark cluster of separate processes on loopback gives the facts that polars gives.

pip's pyspark has no start scripts: master and worker are started through its ``spark-class``, and ended for
sure, with all they started (see `processes`).
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import fact_cases
import polars as pl
import pytest
import studies
from processes import running
from test_facts_command import made_by_hand, named, rows_of

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
HOST, PATIENCE_S = "127.0.0.1", 240


def until(log: Path, words: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while words not in log.read_text():
        assert time.monotonic() < end, log.read_text()[-2000:]
        time.sleep(0.5)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(spark_here, tmp_path_factory):
    """The address of a master with one worker."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    start = str(Path(find_spec("pyspark").origin).parent / "bin" / "spark-class")
    deploy, address = "org.apache.spark.deploy", f"spark://{HOST}:{port}"
    master = [f"{deploy}.master.Master", "--host", HOST, "--port", port, "--webui-port", "0"]
    worker = [
        f"{deploy}.worker.Worker",
        "--host",
        HOST,
        "--cores",
        "1",
        "--memory",
        "1g",
        "--webui-port",
        "0",
    ]
    with running(folder / "master.log", start, *master):
        until(folder / "master.log", "I have been elected leader")
        with running(folder / "worker.log", start, *worker, "--work-dir", str(folder / "work"), address):
            until(folder / "worker.log", "Successfully registered with master")
            yield address


def facts_command(*arguments: object) -> dict:
    command = [sys.executable, "-m", "flipstats.cli", "facts", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_a_cluster_gives_the_facts_of_a_study_and_of_foreign_tables(cluster, tmp_path):
    studies.study(made_by_hand()).save(tmp_path / "study")
    times = ("at", "enrolled_at", "starts_at", "ends_at", "released_at")
    for name, frame in fact_cases.without_local_lateness(fact_cases.all_cases()).items():
        mine = [pl.from_epoch(c, "us").dt.replace_time_zone("UTC") for c in times if c in frame.columns]
        frame.with_columns(mine).write_parquet(tmp_path / f"{name}.parquet")
    for source in ([tmp_path / "study"], named(tmp_path)):
        on_cluster = ["--engine", "spark", "--master", cluster, "--out", tmp_path / "spark.parquet"]
        told = facts_command(*source, *on_cluster)
        here = facts_command(*source, "--out", tmp_path / "polars.parquet")
        assert {k: told[k] for k in ("rows", "learners", "events", "late")} == {
            k: here[k] for k in ("rows", "learners", "events", "late")
        }
        assert told["rows"] > 0
        assert rows_of(tmp_path / "spark.parquet") == rows_of(tmp_path / "polars.parquet")


def test_a_master_that_does_not_answer_is_one_clear_message(spark_here, tmp_path):
    studies.study(made_by_hand()).save(tmp_path / "study")
    command = [sys.executable, "-m", "flipstats.cli", "facts", str(tmp_path / "study"), "--engine", "spark"]
    asked = [*command, "--master", f"spark://{HOST}:{free_port()}"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=2 * PATIENCE_S)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Spark did not" in done.stderr
