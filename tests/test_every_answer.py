"""Every indicator asked at every depth and by many groupings: of the worked class, the sample and OULAD."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import answer_shape
import polars as pl
import pytest
import worked_class

from flipstats import metrics, schema
from flipstats.indicators.definition import Definition
from flipstats.readers import oulad
from flipstats.readers.base import Context
from flipstats.study import Study, open_study
from flipstats.studyfile import parse_study_file

ROOT = Path(__file__).parent.parent
OULAD = ROOT.parent / "shared" / "data" / "oulad"
BY = ((), ("cohort_id",), ("arm",), ("iteration", "site"), ("session_id",), ("resource_id",), ("item_id",))
# What counts each learner, session or question once however many cohorts these are in.
COUNTED_ONCE = {"tutoring_reply_time", "blocking_points"}


def groupings(spec: Definition, by: tuple[tuple[str, ...], ...] = BY) -> list[tuple[str, ...]]:
    return [one for one in by if set(one) <= set(spec.groups)]


def ask(study: Study, key: str, by: tuple[str, ...], depth: str | None, **more: object) -> pl.DataFrame:
    return metrics.compute(study, key, by, depth=depth, **more)


def every_answer(study: Study, key: str, by: tuple[tuple[str, ...], ...] = BY) -> None:
    """Ask one indicator in every way and hold the answers to their shape."""
    spec = metrics.METRICS[key]
    for depth in (None, *spec.depths):
        for one in groupings(spec, by):
            answer_shape.check(ask(study, key, one, depth), spec, one)
        adds_up(study, key, depth)


def adds_up(study: Study, key: str, depth: str | None) -> None:
    """What is counted by cohort adds up to what is counted in all."""
    spec = metrics.METRICS[key]
    if key in COUNTED_ONCE or "cohort_id" not in spec.groups:
        return
    whole, parts = ask(study, key, (), depth), ask(study, key, ("cohort_id",), depth)
    counts = ("numerator", "denominator", "unknown")
    for row in whole.iter_rows(named=True):
        mine = parts.filter(statistic=row["statistic"]).filter(pl.col("depth").eq_missing(row["depth"]))
        exact = row["unit"] in ("share", "score") and row["statistic"] not in answer_shape.EXACT
        if answer_shape.bounded(row["statistic"])[1] or not exact:
            continue
        for name in counts:
            if row[name] is not None:
                slack = parts.height if key in answer_shape.MINUTES else 0  # parts of minutes are cut off
                assert abs(mine[name].sum() - row[name]) <= slack, (row, name)


@pytest.mark.parametrize("key", metrics.METRICS)
def test_of_the_worked_class(key):
    spec = metrics.METRICS[key]
    for by in groupings(spec, (("cohort_id",), ("session_id", "arm"))):
        answer_shape.check(ask(worked_class.study(), key, by, None), spec, by)
    adds_up(worked_class.study(), key, None)


@pytest.mark.slow
@pytest.mark.parametrize("key", metrics.METRICS)
def test_of_the_worked_class_in_every_way(key):
    every_answer(worked_class.study(), key, (*BY, ("learner_id",), ("site", "arm", "cohort_id")))


@pytest.mark.parametrize("key", metrics.METRICS)
def test_of_a_study_without_tables(key):
    spec = metrics.METRICS[key]
    for by in groupings(spec, ((), ("arm",))):
        answer = ask(Study.from_frames(), key, by, None)
        answer_shape.check(answer, spec, by)
        assert answer["value"].null_count() == answer.height


@pytest.mark.parametrize("key", metrics.METRICS)
@pytest.mark.parametrize("role", ["manager", pytest.param("trainer", marks=pytest.mark.slow)])
def test_nobody_is_singled_out_outside_research(key, role):
    """Of seven learners hardly anything is shown: nothing that stands for fewer than five."""
    spec = metrics.METRICS[key]
    for by in groupings(spec, (("session_id",), ("cohort_id",), ("item_id",))):
        answer = ask(worked_class.study(), key, by, None, role=role)
        answer_shape.check(answer, spec, by)
        shown = answer.filter(pl.col("value").is_not_null(), pl.col("n") > 0)
        assert (shown["n"] >= 5).all()
        hidden = answer.filter(reason="suppressed")
        for name in ("value", "low", "high", "n", "numerator", "denominator", "unknown", "coverage"):
            assert hidden[name].is_null().all()


# ------------------------------------------------------------------------------------- the sample, and OULAD


@pytest.fixture(scope="module")
def sample(shipped_built: Path) -> Study:
    return open_study(shipped_built)


@pytest.mark.slow
@pytest.mark.parametrize("key", metrics.METRICS)
def test_of_the_sample(sample, key):
    every_answer(sample, key)


@pytest.mark.slow
def test_what_the_sample_can_tell(sample):
    """The list of what is not computable, with its reason: a number is never missing without anybody noticing."""
    missing = {
        key: row["reason"]
        for key, spec in metrics.METRICS.items()
        for row in [ask(sample, key, (), None).filter(statistic=spec.statistics[0]).row(0, named=True)]
        if row["value"] is None
    }
    assert missing == {
        "study_slot_use": "not_applicable",  # no self-study slot
        "participation_rate": "not_applicable",  # no tool that captures interactions
        "offline_share": "downloads_not_traced",
        "access_failure_rate": "failures_nameless",
        "abandonment_after_failure": "failures_nameless",
        "autonomy": "no_contacts",
        "tutoring_contact_rate": "no_contacts",
        "tutoring_reply_time": "no_contacts",
        "tutoring_followup_rate": "no_contacts",
        "adaptation_rate": "no_adaptations",
        "retention": "no_delayed",
        "transfer": "no_deliverable",
    }


@pytest.fixture(scope="module")
def course() -> Study:
    """Return one presentation of the Open University, as a study."""
    if not OULAD.is_dir():
        pytest.skip("the Open University files are not beside this checkout (shared/data/oulad)")
    tables = dict(oulad.read(OULAD, Context(cohort="AAA-2013J")).tables)
    counts = dict.fromkeys(("rows_read", "rows_kept", "rows_merged", "rows_set_aside"), 0)
    sources = [{"source_id": "OULAD", "file": "oulad", "sha256": "0", "format": "oulad", **counts}]
    tables["coverage"] = tables["coverage"].with_columns(source_id=pl.lit("OULAD"))
    frames = {}
    for name, frame in chain(tables.items(), [("sources", pl.DataFrame(sources))]):
        frame = frame.rename({"person": "learner_id"}, strict=False)
        known = schema.table(name).by_name
        frames[name] = frame.select(c for c in frame.columns if c in known or c.startswith("x_"))
    file = {
        "programme": {"id": "oulad", "timezone": "Europe/London"},
        "design": {"completion_rule": "recorded"},
    }
    return Study(schema.validate(frames), parse_study_file(file))


@pytest.mark.slow
@pytest.mark.parametrize("key", metrics.METRICS)
def test_of_the_open_university(course, key):
    spec = metrics.METRICS[key]
    for depth in (None, *spec.depths[:1]):
        for by in groupings(spec, ((), ("session_id",), ("resource_id",), ("x_age_band",))):
            answer_shape.check(ask(course, key, by, depth), spec, by)


@pytest.mark.slow
def test_what_the_open_university_can_tell(course):
    told = {
        key
        for key, spec in metrics.METRICS.items()
        if ask(course, key, (), None).filter(statistic=spec.statistics[0])["value"][0] is not None
    }
    assert told >= {
        "resource_reach", "dropout", "completion_rate", "late_preparation_rate", "lead_time",
    }  # fmt: skip
    opened = metrics.consultation_rate(course, depth="opened").row(0, named=True)
    assert 0 < opened["low"] < opened["value"] < opened["high"] < 1
