"""Building again reads only what changed, and gives what a build from nothing gives."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from test_build_events import programme
from typer.testing import CliRunner

from flipstats import metrics, schema
from flipstats.build import build_study, cache, forget, purge
from flipstats.cli import app
from flipstats.export import export_study
from flipstats.i18n import in_language
from flipstats.study import Study, local_moment, open_study

LOG = ("Time", "User full name", "Affected user", "Event context", "Component", "Event name", "Description")
MORE = '\n[[sources]]\nfile = "{file}"\n'


def log(file: Path, minutes: range) -> None:
    """Write a log in which Ada and Bob look at the film, once a minute."""
    rows = [
        (
            f"19/03/24, 09:{minute:02d}:00", ("Ada L", "Bob L")[minute % 2], "-", "Page: Film", "Page",
            "Course module viewed",
            f"The user with id '{minute % 2 + 1}' viewed the 'page' activity with course module id '304'.",
        )
        for minute in minutes
    ]  # fmt: skip
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([LOG, *rows])


def add(folder: Path, file: str, more: str = "") -> None:
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text + MORE.format(file=file) + more, encoding="utf-8")


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = programme(tmp_path_factory.mktemp("again"))
    log(folder / "log.csv", range(10, 20))
    add(folder, "log.csv")
    build_study(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "study")


def content(study: Study) -> dict[str, pl.DataFrame]:
    assert study.stored_facts is not None
    tables = {name: study.table(name).collect() for name in schema.TABLES}
    return tables | {"facts": study.stored_facts.collect()}


def same(one: Study, other: Study) -> None:
    """Hold two studies equal to the row: tables, account, facts, warnings, what waits for a person."""
    mine, theirs = content(one), content(other)
    for name in mine:
        assert_frame_equal(mine[name], theirs[name])
    assert one.warnings() == other.warnings()
    assert one.provenance["inputs"] == other.provenance["inputs"]


def scratch(folder: Path) -> Path:
    """Return a copy of the exports, the sheets and the key, of which nothing was ever built."""
    bare = folder.parent / "scratch"
    ignored = shutil.ignore_patterns("snapshots", "CURRENT", cache.FOLDER)
    return shutil.copytree(folder, bare, ignore=ignored)


def nothing(folder: Path) -> None:
    assert folder.is_dir()


def one_more(folder: Path) -> None:
    log(folder / "second.csv", range(30, 35))
    add(folder, "second.csv")


def one_other(folder: Path) -> None:
    log(folder / "log.csv", range(10, 25))


def one_less(folder: Path) -> None:
    replace(folder / "study.toml", MORE.format(file="log.csv"), "")


def another_zone(folder: Path) -> None:
    replace(folder / "study.toml", 'file = "log.csv"\n', 'file = "log.csv"\ntimezone = "America/Montreal"\n')


def another_end(folder: Path) -> None:
    replace(folder / "study.toml", 'file = "log.csv"\n', 'file = "log.csv"\ncovers_to = 2024-04-01\n')


def another_name(folder: Path) -> None:
    (folder / "log.csv").rename(folder / "log_20240402-0900.csv")
    replace(folder / "study.toml", 'file = "log.csv"', 'file = "log_20240402-0900.csv"')


def another_sheet(folder: Path) -> None:
    replace(folder / "resources.csv", "304,Film,video,1,pre,yes,5", "304,Film,video,1,pre,no,7")


def another_programme(folder: Path) -> None:
    replace(folder / "study.toml", 'timezone = "Europe/Paris"', 'timezone = "Europe/London"')


@pytest.mark.parametrize(
    ("change", "read"),
    [
        (nothing, 0), (one_more, 1), (one_other, 1), (one_less, 0), (another_zone, 1), (another_end, 0),
        (another_name, 1), (another_sheet, 0), (another_programme, 6),
    ],
)  # fmt: skip
def test_a_rebuild_is_a_build_from_scratch(folder: Path, change: Callable[[Path], None], read: int) -> None:
    change(folder)
    again, bare = build_study(folder), build_study(scratch(folder))
    same(again.study, bare.study)
    assert (folder / "who_is_who.csv").read_bytes() == (bare.folder / "who_is_who.csv").read_bytes()
    n = again.study.table("sources").collect().height
    assert again.unchanged == n - read
    assert bare.unchanged == 0
    assert len([entry for entry in (folder / cache.FOLDER).iterdir() if entry.is_dir()]) == n


def test_a_file_more_changes_only_what_it_brings(folder: Path) -> None:
    before = content(open_study(folder))
    one_more(folder)
    after = content(build_study(folder).study)
    new = after["sources"].filter(pl.col("file") == "second.csv")["source_id"].item()
    for name in ("events", "attempts", "attendance", "feedback", "sources", "account", "coverage"):
        assert_frame_equal(after[name].filter(pl.col("source_id") != new), before[name])
    assert after["events"].filter(pl.col("source_id") == new).height == 5
    for name in ("learners", "cohorts", "enrolments", "sessions", "resources", "plan", "assessments"):
        assert_frame_equal(after[name], before[name])


def test_another_version_of_the_program_reads_everything_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_study(folder)
    monkeypatch.setattr(cache, "program", lambda: "another")
    again = build_study(folder)
    assert again.unchanged == 0
    same(again.study, before)


def test_another_language_reads_everything_again_since_warnings_quote_words(folder: Path) -> None:
    with in_language("fr"):
        assert build_study(folder).unchanged == 0


def test_fresh_reads_everything_again(folder: Path) -> None:
    before = open_study(folder)
    again = build_study(folder, fresh=True)
    assert again.unchanged == 0
    same(again.study, before)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def flip(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(bytes(raw))


@pytest.mark.parametrize(
    "name", ["manifest.json", "people.parquet", "lines.parquet", "events-000000.parquet"]
)
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_damaged_reading_is_read_anew(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    before = open_study(folder)
    (damaged,) = [
        entry for entry in (folder / cache.FOLDER).iterdir()
        if entry.is_dir() and '\\"format\\": \\"moodle_log\\"' in (entry / "manifest.json").read_text()
    ]  # fmt: skip
    damage(damaged / name)
    again = build_study(folder)
    assert again.unchanged == again.study.table("sources").collect().height - 1
    same(again.study, before)
    assert build_study(folder).unchanged == again.unchanged + 1


def test_a_forgotten_learner_is_in_no_reading_and_stays_away(folder: Path) -> None:
    forget(folder, "bob@x.org")
    assert not (folder / cache.FOLDER).exists()
    again, bare = build_study(folder), build_study(scratch(folder))
    same(again.study, bare.study)
    same(build_study(folder).study, bare.study)


def test_retention_empties_the_readings_too(folder: Path) -> None:
    study = open_study(folder)
    purge(folder, local_moment(study.table("sessions").collect()["ends_at"].min().date(), study.programme))
    assert not (folder / cache.FOLDER).exists()


def test_readings_are_for_their_owner_and_in_no_export(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "METRICS", {"consultation_rate": metrics.METRICS["consultation_rate"]})
    os.umask(0o022)
    with (folder / "study.toml").open("a") as file:
        file.write("\n[privacy]\nsmallest_cell = 1\n")
    build_study(folder, fresh=True)
    home = folder / cache.FOLDER
    for path in [home, *(p for p in home.rglob("*") if p.name != ".gitignore")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert (home / ".gitignore").read_text() == "*\n"
    build_study(folder, tmp_path / "elsewhere")
    export_study(open_study(folder), "manager", tmp_path / "export")
    for made in ("elsewhere", "export"):
        assert not list((tmp_path / made).rglob(cache.FOLDER))


def test_the_command_says_how_many_were_not_read_again(folder: Path) -> None:
    said = CliRunner().invoke(app, ["build", str(folder), "--json"])
    assert json.loads(said.stdout)["sources_unchanged"] == 6
    words = CliRunner().invoke(app, ["build", str(folder)]).stdout
    assert "6 of 6 exports did not change since the last build and were not read again" in words
    fresh = CliRunner().invoke(app, ["build", str(folder), "--fresh", "--json"])
    assert json.loads(fresh.stdout)["sources_unchanged"] == 0


def test_exports_that_nobody_may_write_beside_are_read_every_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_study(folder)
    cache.empty(folder)
    (folder / cache.FOLDER).write_text("in the way")
    for _ in range(2):
        built = build_study(folder, tmp_path / "out")
        assert built.unchanged == 0
        same(built.study, before)


@pytest.mark.parametrize(
    "moment", ["flipstats.build.cache.write", "flipstats.build.events.Events.add", "flipstats.store._point"]
)
def test_killed_half_way_the_previous_study_is_intact_and_the_next_build_is_whole(
    folder: Path, moment: str
) -> None:
    before = content(open_study(folder))
    one_more(folder)
    script = textwrap.dedent(
        f"""
        import os, signal
        from pkgutil import resolve_name
        from flipstats.build import build_study
        owner, _, name = {moment!r}.rpartition(".")
        setattr(resolve_name(owner), name, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
        build_study({str(folder)!r})
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    after = content(open_study(folder))
    for name in before:
        assert_frame_equal(after[name], before[name])
    again, bare = build_study(folder), build_study(scratch(folder))
    same(again.study, bare.study)
