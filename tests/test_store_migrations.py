"""A study that an older flipstats saved opens, is the same study, and is left as it lies."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
import worked_class
from polars.testing import assert_frame_equal

from flipstats import facts, metrics, schema, store
from flipstats.engines import make
from flipstats.errors import StudyError
from flipstats.study import open_study


def as_layout_1(folder: Path) -> None:
    """Rewrite a saved study as format 1 had it: verbs as text, 16 buckets numbered in two digits."""
    (snapshot,) = (folder / "snapshots").iterdir()
    events = pl.read_parquet(snapshot / "events" / "*.parquet")
    texts = events.with_columns(pl.Series("verb", [schema.VERBS[i] for i in events["verb"]], dtype=pl.String))
    shutil.rmtree(snapshot / "events")
    (snapshot / "events").mkdir()
    for bucket in range(16):
        part = texts.filter(pl.col("learner_id").fill_null(0) % 16 == bucket)
        part.sort("learner_id", "at", "source_id", "record").write_parquet(
            snapshot / "events" / f"bucket-{bucket:02d}.parquet"
        )
    rewrite_manifest(snapshot, 1)


def rewrite_manifest(snapshot: Path, version: int) -> None:
    manifest = json.loads((snapshot / "manifest.json").read_text())
    (snapshot / "manifest.json").write_text(json.dumps(manifest | {"format_version": version}))


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def saved(tmp_path) -> tuple[tuple, Path]:
    folder = tmp_path / "study"
    worked_class.study().save(folder)
    now = open_study(folder)
    expected = {name: now.table(name).collect() for name in schema.TABLES}, facts.of_study(now).collect()
    as_layout_1(folder)
    return expected, folder


def test_an_older_study_is_the_same_study_and_stays_as_it_lies(saved):
    (tables, made), folder = saved
    before = hashes(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    old = open_study(folder)
    for name, frame in tables.items():
        assert_frame_equal(old.table(name).collect(), frame, check_row_order=False)
    assert_frame_equal(facts.of_study(old).collect(), made, check_row_order=False)
    for key in ("consultation_rate", "dropout", "resource_reach", "off_hours_share", "participation_rate"):
        assert metrics.compute(old, key, ["cohort_id"]).equals(
            metrics.compute(worked_class.study(), key, ["cohort_id"])
        )
    assert hashes(folder) == before
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("engine", ["polars", "pandas", "duckdb"])
def test_facts_are_made_of_an_older_study_on_every_engine(saved, engine, tmp_path):
    if engine == "duckdb":
        pytest.importorskip("duckdb")
    (_, made), folder = saved
    out = tmp_path / "facts.parquet"
    make(engine, study=open_study(folder), out=out)
    keys = ["learner_id", "session_id", "resource_id"]
    assert pl.read_parquet(out).select(keys).sort(keys).equals(made.select(keys).sort(keys))


def test_selecting_and_saving_an_older_study_writes_the_present_layout(saved, tmp_path):
    (tables, _), folder = saved
    chosen = open_study(folder).select(cohorts=["G1"])
    chosen.save(tmp_path / "new")
    lying = store.Store(tmp_path / "new")
    assert lying.layout == store.FORMAT_VERSION
    assert lying.physical("events").collect_schema()["verb"] == pl.UInt8
    mine = open_study(tmp_path / "new").table("events").collect()
    assert_frame_equal(mine, chosen.table("events").collect(), check_row_order=False)
    assert mine.height <= tables["events"].height


def test_what_tables_were_given_since_is_empty(saved):
    _, folder = saved
    (snapshot,) = (folder / "snapshots").iterdir()
    (snapshot / "workload.parquet").unlink()
    sessions = pl.read_parquet(snapshot / "sessions.parquet")
    sessions.drop("remediation_min").write_parquet(snapshot / "sessions.parquet")
    old = open_study(folder)
    assert old.table("workload").collect().height == 0
    assert old.table("sessions").collect()["remediation_min"].null_count() == sessions.height
    assert metrics.trainer_load(old).row(0, named=True)["reason"] == "no_workload"


@pytest.mark.parametrize("version", [0, 3, 12])
def test_a_layout_of_before_or_of_later_is_refused_in_one_sentence(saved, version):
    _, folder = saved
    (snapshot,) = (folder / "snapshots").iterdir()
    rewrite_manifest(snapshot, version)
    with pytest.raises(StudyError) as refused:
        open_study(folder)
    assert str(refused.value) == (
        f"this study was built with store format {version}, this flipstats reads {store.FORMAT_VERSION}; "
        "build it again"
    )
    assert os.listdir(folder / "snapshots")
