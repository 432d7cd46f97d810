"""A stored study answers from integers what its tables of text answer: every indicator, grouping and role."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from studies import small, study
from test_every_metric import AS_OF, EACH, everything

from flipstats import facts, metrics, store
from flipstats.indicators import example
from flipstats.indicators.question import covariates
from flipstats.study import Study, open_study

PAIRS = (("cohort_id", "learner_id"), ("session_id", "resource_id"), ("arm", "iteration"))


def stored(of: Study, *, with_facts: bool) -> Study:
    folder = Path(tempfile.mkdtemp())
    return open_study(of.save(folder, facts=facts.maker(of) if with_facts else None))


def groupings(spec: metrics.Definition, text: Study) -> list[tuple[str, ...]]:
    """Return what an indicator can be asked by: nothing, each column, some pairs."""
    groups = [*spec.groups, *(covariates(text) if "learner_id" in spec.groups else [])]
    pairs = [pair for pair in PAIRS if set(pair) <= set(groups)]
    return [(), *((one,) for one in groups), *pairs]


def same_answers(text: Study, kept: Study, chance: random.Random | None = None) -> None:
    for key, spec in metrics.METRICS.items():
        every = groupings(spec, text)
        for by in every if chance is None else [chance.choice(every)]:
            roles = ["research"] if "learner_id" in by else ["research", "manager"]
            for role in roles if chance is None else [chance.choice(roles)]:
                wanted, found = (spec.function(one, by, role=role) for one in (text, kept))
                try:
                    assert_frame_equal(wanted, found, abs_tol=1e-12, rel_tol=1e-12)
                except AssertionError as error:
                    raise AssertionError(f"{key} by {by}, {role}") from error


@EACH
@given(rows=everything(), chance=st.randoms(use_true_random=False), with_facts=st.booleans())
def test_on_any_study(rows, chance, with_facts):
    text = study(rows, as_of=AS_OF, design={"completion_rule": "summative_taken"})
    same_answers(text, stored(text, with_facts=with_facts), chance)


@pytest.mark.slow
def test_by_everything_of_a_part_of_a_study_with_other_thresholds():
    text = example.study()
    kept = stored(text, with_facts=True)
    cohort = text.table("cohorts").collect()["cohort_id"][0]
    part = {"late_days": 2, "dwell_s": 30}
    same_answers(*(one.select(cohorts=[cohort]).with_thresholds(**part) for one in (text, kept)))


def test_ids_come_out_as_text_and_are_read_as_integers():
    kept = stored(study(small(), as_of=AS_OF), with_facts=True)
    assert kept.table("enrolments").collect_schema()["learner_id"] == pl.String
    for table in ("enrolments", "events"):
        assert kept.coded.table(table).collect_schema()["learner_id"] == pl.Enum
    assert facts.of_study(kept.coded).collect_schema()["session_id"] == pl.Enum
    rows = metrics.consultation_rate(kept, ["session_id", "learner_id"], depth="opened")
    assert rows.schema["session_id"] == rows.schema["learner_id"] == pl.String


def test_events_come_in_parts_that_share_no_learner_and_leave_nothing_out(monkeypatch):
    monkeypatch.setattr(store, "_PASS_BYTES", 1)
    kept = stored(example.study(), with_facts=False)
    cohort = kept.table("cohorts").collect()["cohort_id"][0]
    for one in (kept, kept.select(cohorts=[cohort]), kept.coded.select(cohorts=[cohort])):
        parts = [part.collect() for part in one.event_parts()]
        assert len(parts) > 1
        learners = [set(part["learner_id"].drop_nulls()) for part in parts]
        assert sum(map(len, learners)) == len(set().union(*learners)) > 0
        assert_frame_equal(pl.concat(parts), one.table("events").collect(), check_row_order=False)
