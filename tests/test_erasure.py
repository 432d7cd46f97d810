"""Erasure: gone now, gone after a rebuild, gone from older snapshots, under any identity a new source brings."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from flipstats.build import build_study, forget, purge
from flipstats.build.erasure import FILE, Erasures, forgotten, marks_of
from flipstats.build.people import Directory, Person
from flipstats.cli import app
from flipstats.errors import StudyError
from flipstats.study import Study, open_study

LAST = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
def folder(forty_built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(forty_built, tmp_path / "study")


def learners(study: Study) -> set[str]:
    """Every learner any table speaks of."""
    found = set()
    for name in ("learners", "enrolments", "events", "attempts", "attendance", "feedback"):
        found |= set(study.table(name).collect()["learner_id"].drop_nulls())
    return found


def balanced(study: Study) -> bool:
    sources = study.table("sources").collect()
    account = (
        study.table("account").filter(pl.col("outcome") == "set_aside").group_by("source_id").len().collect()
    )
    aside = dict(account.iter_rows())
    return all(
        row["rows_read"] == row["rows_kept"] + row["rows_merged"] + row["rows_set_aside"]
        and row["rows_set_aside"] == aside.get(row["source_id"], 0)
        for row in sources.iter_rows(named=True)
    )


def somebody(folder: Path) -> str:
    """An address in the participants' list."""
    with next((folder / "exports").glob("*participants*.csv")).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    address = next(name for name in rows[0] if "mail" in name.casefold() or "courriel" in name.casefold())
    return rows[0][address]


def test_who_is_forgotten_by_address_is_gone_now_and_after_a_rebuild(folder: Path) -> None:
    before = learners(open_study(folder))
    done = forget(folder, somebody(folder))
    after = open_study(folder)
    (gone,) = before - learners(after)
    assert done.taken["learners"] == 1
    assert done.taken["events"] > 0
    assert any("participants" in name for name in done.files)
    assert balanced(after)
    assert (after.table("account").collect()["reason"] == "erased").any()
    again = build_study(folder).study
    assert learners(again) == before - {gone}
    assert balanced(again)
    one, two = (s.stored_facts.collect() for s in (after, again))
    assert one.sort(one.columns[:3]).equals(two.sort(two.columns[:3]))


def test_no_snapshot_and_no_list_tells_who_it_was(folder: Path) -> None:
    address = somebody(folder)
    build_study(folder)  # two snapshots
    forget(folder, address)
    assert len(list((folder / "snapshots").iterdir())) == 1
    said = (folder / FILE).read_text(encoding="utf-8").casefold()
    assert address.casefold() not in said
    assert address.split("@")[0].casefold() not in said
    record = json.loads(said)
    assert record["log"][0]["what"] == "forget"
    assert record["log"][0]["rows"]["learners"] == 1


def test_a_pseudonym_is_enough(folder: Path) -> None:
    learner = open_study(folder).table("learners").collect()["learner_id"][0]
    forget(folder, learner)
    entry = json.loads((folder / FILE).read_text())["people"][0]
    assert len(entry["marks"]) > 1, "address, ids and pseudonym"
    assert learner not in learners(build_study(folder).study)


def test_a_person_is_recognised_by_any_identity_that_was_ever_known() -> None:
    key = b"k" * 32
    first = Person(emails={"a@x.org"}, ids={"moodle:id:7"}, names={"ada l"})
    erasures = Erasures("", [{"at": "", "marks": sorted(marks_of(first, key))}])
    by_id = Person(ids={"moodle:id:7"}, usernames={"teams:ada"})
    other = Person(ids={"moodle:id:8"}, names={"ada l"})  # a namesake is somebody else
    people = Directory([by_id, other], {}, {})
    assert forgotten(erasures, people, key) == {people.learner_ids(key)[0]}
    by_username = Directory([Person(usernames={"teams:ada"}, names={"ada lovelace"})], {}, {})
    assert forgotten(erasures, by_username, key) == set(by_username.learner_ids(key))


def test_cohorts_that_ended_before_a_day_go_with_their_learners(folder: Path) -> None:
    done = purge(folder, LAST)
    left = open_study(folder)
    assert set(left.table("cohorts").collect()["iteration"]) == {2}
    assert learners(left) <= set(left.table("enrolments").collect()["learner_id"])
    assert done.taken["cohorts"] > 0
    assert balanced(left)
    again = build_study(folder).study
    assert set(again.table("cohorts").collect()["iteration"]) == {2}
    assert learners(again) == learners(left)
    assert balanced(again)


@pytest.mark.parametrize("who", ["nobody@example.org", "Lxxxxxxxxxxxxxxxx", ""])
def test_an_unknown_person_is_refused_and_nothing_changes(folder: Path, who: str) -> None:
    before = learners(open_study(folder))
    with pytest.raises(StudyError, match="is no learner"):
        forget(folder, who)
    assert learners(open_study(folder)) == before
    assert not (folder / FILE).exists()


def test_with_another_key_nobody_comes_back_silently(folder: Path) -> None:
    forget(folder, somebody(folder))
    (folder / "flipstats.key").write_text("ab" * 32 + "\n")
    with pytest.raises(StudyError, match="made with another key"):
        build_study(folder)


def test_a_damaged_list_stops_the_build(folder: Path) -> None:
    forget(folder, somebody(folder))
    (folder / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(StudyError, match="damaged"):
        build_study(folder)


def test_from_the_command_line(folder: Path) -> None:
    run = CliRunner().invoke(app, ["forget", str(folder), somebody(folder), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.output)["taken"]["learners"] == 1
    run = CliRunner().invoke(app, ["purge", str(folder), "--before", "2024-06-01", "--lang", "fr"])
    assert run.exit_code == 0, run.output
    assert "Effacé définitivement" in run.output
