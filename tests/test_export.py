"""Exports for a role: what a role may not see is in no file of the export, whichever way one looks."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from studies import at
from studies import study as study_of
from typer.testing import CliRunner

from flipstats import metrics
from flipstats.cli import app
from flipstats.errors import ParameterError
from flipstats.export import export_study, for_trainer
from flipstats.report import run_report
from flipstats.study import Study, open_study


@pytest.fixture(scope="module")
def whole(forty_built: Path) -> Study:
    return open_study(forty_built)


@pytest.fixture(scope="module")
def own(whole: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    trainer = whole.table("cohorts").collect()["trainer_id"].drop_nulls()[0]
    return export_study(whole, "trainer", tmp_path_factory.mktemp("own") / "t", trainer=trainer)


def every_text(folder: Path) -> set[str]:
    """Every text in any file below a folder, Parquet opened, everything else as it lies."""
    found: set[str] = set()
    for file in (p for p in folder.rglob("*") if p.is_file()):
        found.add(str(file.relative_to(folder)))
        if file.suffix == ".parquet":
            frame = pl.read_parquet(file)
            found.update(frame.columns)
            for column in frame.select(pl.col(pl.String)):
                found.update(column.drop_nulls().to_list())
        else:
            found.add(file.read_text(encoding="utf-8"))
    return found


def addresses(whole: Study) -> set[str]:
    """What the sample's exports tell of people: every word with an @."""
    exports = whole.path / "exports"
    words = " ".join(p.read_text("utf-8-sig", "replace") for p in exports.rglob("*.csv")).replace(",", " ")
    return {word.strip('";\n').casefold() for word in words.split() if "@" in word}


def test_a_trainer_gets_the_learners_of_the_own_cohorts_and_nobody_else(whole: Study, own: Path) -> None:
    study = open_study(own)
    (trainer,) = study.table("cohorts").collect()["trainer_id"].unique()
    cohorts = whole.table("cohorts").filter(trainer_id=trainer).collect()["cohort_id"]
    enrolled = whole.table("enrolments").collect()
    mine = set(enrolled.filter(pl.col("cohort_id").is_in(cohorts.implode()))["learner_id"])
    assert set(study.table("learners").collect()["learner_id"]) == mine
    others = set(enrolled["learner_id"]) - mine
    assert others  # else nothing is tried
    text = "\n".join(every_text(own))
    assert not [learner for learner in others if learner in text]
    other_cohorts = set(enrolled["cohort_id"]) - set(cohorts)
    assert not other_cohorts & every_text(own)


def test_a_trainers_export_names_no_address_no_file_and_no_covariate(whole: Study, own: Path) -> None:
    text = "\n".join(every_text(own)).casefold()
    known = addresses(whole)
    assert len(known) > 50
    assert not [address for address in known if address in text]
    files = whole.table("sources").collect()["file"].to_list()
    assert not [file for file in files if file.casefold() in text]
    assert not [c for c in whole.table("learners").collect_schema() if c.startswith("x_") and c in text]


def test_a_trainers_numbers_are_those_of_the_own_cohorts(whole: Study, own: Path) -> None:
    study = open_study(own)
    cohorts = study.table("cohorts").collect()["cohort_id"].to_list()
    for key in ("prepared_rate", "consultation_rate", "lead_time", "completion_rate", "start_score"):
        expected = metrics.compute(whole.select(cohorts=cohorts), key, ["cohort_id"], role="trainer")
        found = metrics.compute(study, key, ["cohort_id"])
        drawn = ["low", "high"]  # resampled in the order of the rows
        assert_frame_equal(found.drop(drawn), expected.drop(drawn), rel_tol=1e-9)


def test_a_shared_learner_shows_nothing_of_another_trainers_cohort() -> None:
    study = study_of(
        {
            "cohorts": [
                {"cohort_id": "A", "trainer_id": "TA", "iteration": 1},
                {"cohort_id": "B", "trainer_id": "TB", "iteration": 2},
            ],
            "enrolments": [
                {"learner_id": "ada", "cohort_id": "A"},
                {"learner_id": "ada", "cohort_id": "B"},
                {"learner_id": "bo", "cohort_id": "B"},
            ],
            "sessions": [
                {"session_id": "A1", "starts_at": at("2024-01-15 09:00"), "ends_at": at("2024-01-15 12:00")},
                {
                    "session_id": "B1",
                    "cohort_id": "B",
                    "starts_at": at("2024-03-18 09:00"),
                    "ends_at": at("2024-03-18 12:00"),
                },
            ],
            "resources": [{"resource_id": "V"}, {"resource_id": "W"}],
            "plan": [
                {"session_id": "A1", "resource_id": "V"},
                {"session_id": "B1", "resource_id": "V"},
                {"session_id": "B1", "resource_id": "W"},
            ],
            "events": [
                {"learner_id": "ada", "resource_id": "V", "at": at("2024-01-14 20:00")},
                {"learner_id": "ada", "resource_id": "V", "at": at("2024-03-17 21:11")},
                {"learner_id": "ada", "resource_id": "W", "at": at("2024-01-14 20:05")},
                {"learner_id": "ada", "resource_id": None, "at": at("2024-03-17 21:10"), "verb": "logged_in"},
                {"learner_id": "bo", "resource_id": "V", "at": at("2024-03-17 22:00")},
            ],
            "contacts": [
                {"learner_id": "ada", "at": at("2024-03-17 10:00"), "kind": "question"},
                {"learner_id": "ada", "at": at("2024-01-14 10:00"), "kind": "question"},
            ],
            "feedback": [
                {"learner_id": "ada", "session_id": "B1", "item": "q", "comment": "about B"},
                {"learner_id": "ada", "session_id": "A1", "item": "q", "comment": "about A"},
            ],
        }
    )
    seen = for_trainer(study, "TA")
    assert seen.table("events").collect()["at"].to_list() == [at("2024-01-14 20:00")]
    assert seen.table("contacts").collect()["at"].to_list() == [at("2024-01-14 10:00")]
    assert seen.table("feedback").select("learner_id", "comment").collect().rows() == [(None, "about A")]
    assert seen.table("learners").collect()["learner_id"].to_list() == ["ada"]
    assert seen.table("resources").collect()["resource_id"].to_list() == ["V"]


def test_who_does_not_agree_to_be_traced_leaves_no_event_in_an_export() -> None:
    study = study_of(
        {
            "cohorts": [{"cohort_id": "A", "trainer_id": "TA"}],
            "learners": [{"learner_id": "ada", "tracking": "withdrawn"}, {"learner_id": "bo"}],
            "enrolments": [{"learner_id": "ada"}, {"learner_id": "bo"}],
            "sessions": [
                {"session_id": "A1", "starts_at": at("2024-01-15 09:00"), "ends_at": at("2024-01-15 12:00")}
            ],
            "resources": [{"resource_id": "V"}],
            "plan": [{"session_id": "A1", "resource_id": "V"}],
            "events": [
                {"learner_id": who, "resource_id": "V", "at": at("2024-01-14 20:00")} for who in ("ada", "bo")
            ],
        }
    )
    assert for_trainer(study, "TA").table("events").collect()["learner_id"].to_list() == ["bo"]


def test_an_export_is_refused_where_it_would_hold_more_than_it_says(
    whole: Study, own: Path, tmp_path: Path
) -> None:
    (tmp_path / "old.txt").write_text("x", encoding="utf-8")
    trainer = open_study(own).table("cohorts").collect()["trainer_id"][0]
    with pytest.raises(ParameterError, match="not empty"):
        export_study(whole, "trainer", tmp_path, trainer=trainer)
    with pytest.raises(ParameterError, match="itself an export"):
        export_study(open_study(own), "trainer", tmp_path / "again", trainer=trainer)
    with pytest.raises(ParameterError, match="did you mean"):
        export_study(whole, "trainer", tmp_path / "near", trainer=trainer + "x")
    assert not (tmp_path / "near").exists()


def test_the_command_writes_a_study_that_opens(whole: Study, tmp_path: Path) -> None:
    trainer = whole.table("cohorts").collect()["trainer_id"].drop_nulls()[0]
    out = tmp_path / "t"
    options = ["export", str(whole.path), "--role", "trainer", "--trainer", trainer, "--out", str(out)]
    done = CliRunner().invoke(app, [*options, "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == {"study": str(out), "role": "trainer"}
    assert open_study(out).role == "trainer"


@pytest.mark.slow
def test_the_report_works_on_a_trainers_export(own: Path, tmp_path: Path) -> None:
    page = run_report(own, out=tmp_path)
    assert "Traceback" not in page.read_text(encoding="utf-8")
