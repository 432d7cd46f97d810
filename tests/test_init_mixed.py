"""Day one on a folder of everything: what init writes builds as it is, and what it supposed is marked."""

from __future__ import annotations

import json
import shutil

import polars as pl
import pytest
from moodle_exports import LOG_EN, export, view
from sample_files import SHIPPED
from test_cli import run  # noqa: F401  the fixture

from flipstats.build import build_study
from flipstats.build.init import init_study
from flipstats.build.review import read_review

ZOOM = ("Name (Original Name)", "User Email", "Join Time", "Leave Time", "Duration (Minutes)", "Guest")
CLASS = [("Ann", "Lee", "ann@x.org"), ("Bo", "Yi", "bo@x.org"), ("Jean-Baptiste", "Le Goff", "jb@x.org")]


@pytest.fixture
def folder(tmp_path):
    """A small class in six exports: two in a layout of their own, one with dates that fit both orders."""
    place = tmp_path / "secinc"
    place.mkdir()
    export(
        place,
        "p.csv",
        [("First name", "Last name", "Email address", "Groups"), *((*one, "G1") for one in CLASS)],
    )
    log = [view(f"2{i}/03/24, 08:00:05", 7 + i, f"{a} {b}", 301) for i, (a, b, _) in enumerate(CLASS)]
    guest = [view("21/03/24, 08:00:04", 1, "Guest user", 301)]
    export(place, "log.csv", [LOG_EN, *log, *guest])
    joins = [(f"{b.upper()} {a}", "", "04/05/2024 09:01:10 AM", "04/05/2024 11:58:10 AM", "177", "Yes")
             for a, b, _ in CLASS]  # fmt: skip
    export(place, "zoom.csv", [ZOOM, *joins])
    signed = [("Feuille de présence", "", "", ""), ("Nom", "Prénom", "Date", "Signature")]
    signed += [(b, a, "12/04/2024", a[:1]) for a, b, _ in CLASS] + [("Total", "", "", "3")]
    export(place, "signed.csv", signed, delimiter=";", encoding="cp1252")
    films = [("Video", "Viewer", "Watched (%)", "Last viewed (UTC)")]
    films += [("Film", mail, "85%", "2024-03-20 10:00:00") for *_, mail in CLASS]
    export(place, "films.csv", films)
    poll = [("Timestamp", "Email Address", "Score", "Useful?")]
    poll += [("2024/04/05 2:05:33 PM UTC+2", mail, "7 / 10", "yes") for *_, mail in CLASS]
    export(place, "poll.csv", poll)
    (place / "README.md").write_text("notes, not an export", encoding="utf-8")
    return place


def test_what_it_writes_builds_uncorrected_and_the_account_balances(folder):
    said = init_study(folder, "en")
    toml = (folder / "study.toml").read_text(encoding="utf-8")
    assert 'mapping = "mappings/signed.yaml"  # CONFIRM' in toml
    assert 'date_order = "month_first"  # CONFIRM' in toml
    assert "README" not in toml + said
    assert "timezone: UTC" in (folder / "mappings" / "films.yaml").read_text(encoding="utf-8")
    assert "poll.csv" in (folder / "assessments.csv").read_text(encoding="utf-8-sig")
    built = build_study(folder)
    told = built.to_dict()
    assert told["rows_read"] == told["rows_kept"] + told["rows_merged"] + told["rows_set_aside"]
    learners = built.study.table("learners").collect()
    assert learners.height == len(CLASS)
    assert (built.waiting, read_review(folder).open) == (0, ())  # the guest is nobody to decide about
    account = built.study.table("account").collect()
    aside = dict(account.filter(outcome="set_aside")["reason"].value_counts().iter_rows())
    assert aside.pop("guest") == 1
    assert aside.pop("average_row") == 1
    assert set(aside) <= {"no_such_session"}
    joined = built.study.table("events").select("learner_id", "source_id").unique().collect()
    assert joined.group_by("source_id").len()["len"].to_list() == [3, 3]


def test_nothing_is_supposed_in_the_study_file_of_exports_that_leave_no_doubt(folder):
    for file in ("signed.csv", "films.csv", "zoom.csv"):
        (folder / file).unlink()
    init_study(folder, "fr")
    toml = (folder / "study.toml").read_text(encoding="utf-8")
    assert "date_order" not in toml
    assert not (folder / "mappings").exists()


@pytest.mark.slow
def test_the_shipped_exports_alone_build_after_init(run, tmp_path):  # noqa: F811
    shutil.copytree(SHIPPED / "exports", tmp_path / "secinc")
    code, out, err = run("init", tmp_path / "secinc", "--lang", "fr")
    assert (code, err) == (0, "")
    assert "non lu" not in out
    code, out, err = run("build", tmp_path / "secinc" / "study.toml", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert len(told["sources"]) == len(list((SHIPPED / "exports").iterdir()))
    sources = pl.DataFrame(told["sources"])
    parts = sources["rows_kept"] + sources["rows_merged"] + sources["rows_set_aside"]
    assert parts.to_list() == sources["rows_read"].to_list()
