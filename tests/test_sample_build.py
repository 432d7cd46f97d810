"""The synthetic programme through the whole build: the study says what was drawn, learner by learner."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from sample_files import SHIPPED

from flipstats import metrics
from flipstats.build import build_study
from flipstats.privacy import organisation_key, pseudonym
from flipstats.sample import Truth, read_truth
from flipstats.schema import TABLES
from flipstats.study import Study

LEVELS = ("opened", "substantial", "completed")


@pytest.fixture(scope="module")
def told() -> Truth:
    return read_truth(SHIPPED / "truth.json")


@pytest.fixture(scope="module")
def folder(shipped_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(shipped_built, tmp_path_factory.mktemp("sample") / "secinc"))


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    from flipstats.study import open_study

    return open_study(folder)


@pytest.fixture(scope="module")
def drawn(told: Truth, folder: Path) -> pl.DataFrame:
    """The identity map, with each learner's pseudonym."""
    key = organisation_key(folder)
    ids = [pseudonym(key, "email:" + learner["email"]) for learner in told.learners]
    return pl.DataFrame(told.learners).with_columns(learner_id=pl.Series(ids))


def test_everybody_is_on_the_roster_and_in_their_cohorts(study, drawn):
    enrolled = study.table("enrolments").select("learner_id", "cohort_id").collect()
    wanted = drawn.explode("cohorts").select("learner_id", pl.col("cohorts").alias("cohort_id"))
    assert sorted(enrolled.rows()) == sorted(wanted.rows())


def test_only_the_homonyms_that_nothing_tells_apart_are_unknown(study, drawn, told):
    unlinked = study.table("learners").filter(pl.col("tracking") != "traced").collect()["learner_id"]
    assert set(unlinked) == set(drawn["learner_id"].gather(told.planted["homonyms_unresolvable"]))


@pytest.mark.parametrize("depth", LEVELS)
def test_consultation_is_what_was_drawn(study, told, depth):
    unknown = set(told.planted["homonyms_unresolvable"])
    counts: dict[str, list[int]] = {}
    for learner in told.learners:
        for s, levels in enumerate(learner["levels"] or ()):
            left = learner["unenrolled_at"] and learner["leaves_before_session"] <= s + 1
            if learner["number"] not in unknown and not left:
                cell = counts.setdefault(f"{learner['cohorts'][0]}-S{s + 1:02d}", [0, 0])
                cell[0] += sum(level >= LEVELS.index(depth) + 1 for level in levels)
                cell[1] += len(levels)
    rows = metrics.consultation_rate(study, by=["session_id"], depth=depth)
    found = rows.filter((pl.col("statistic") == "rate") & pl.col("denominator").is_not_null())
    shown = {s: [n, d] for s, n, d in found.select("session_id", "numerator", "denominator").iter_rows() if d}
    assert shown == counts


def test_conventional_sessions_have_nothing_to_prepare(study, told):
    rows = metrics.consultation_rate(study, by=["cohort_id"], depth="opened")
    conventional = [c["cohort"] for c in told.cohorts if c["arm"] == "conventional"]
    reasons = rows.filter(pl.col("cohort_id").is_in(conventional))["reason"].unique().to_list()
    assert reasons == ["not_applicable"]


def test_scores_are_what_was_drawn(study, drawn, told):
    first = study.table("attempts").filter(pl.col("item_id").is_null()).collect()
    final = first.join(
        study.table("assessments").filter(pl.col("role") == "summative").collect(), on="assessment_id"
    )
    shown = dict(final.drop_nulls("score").select("learner_id", "score").iter_rows())
    ungraded = set(final.filter(pl.col("missing_reason") == "not_graded")["learner_id"])
    assert len(ungraded) == 2
    wanted = {
        i: points / 20
        for i, points in drawn.select("learner_id", "summative_points").iter_rows()
        if points is not None and i not in ungraded
    }
    assert shown == pytest.approx(wanted)


def test_staff_are_nobody_in_the_study(study, drawn):
    events = study.table("events").select("learner_id").drop_nulls().unique().collect()["learner_id"]
    assert set(events) <= set(drawn["learner_id"])
    reasons = study.table("account").filter(pl.col("outcome") == "set_aside").collect()["reason"].unique()
    assert {"staff", "impersonated", "homonym"} <= set(reasons)


def test_every_record_of_every_export_is_accounted_for(study):
    sources = study.table("sources").collect()
    parts = sources["rows_kept"] + sources["rows_merged"] + sources["rows_set_aside"]
    assert parts.to_list() == sources["rows_read"].to_list()
    assert sources.height == len(list((SHIPPED / "exports").iterdir()))


def test_building_again_writes_the_very_same_rows_in_the_very_same_order(folder, study, tmp_path):
    again = build_study(folder, tmp_path / "again").study
    for name in (*TABLES, "facts"):
        first, second = (
            (s.stored_facts if name == "facts" else s.table(name)).collect() for s in (study, again)
        )
        assert first.equals(second), name
