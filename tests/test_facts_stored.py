"""Facts of a stored study: made of its integers, bucket by bucket, and the same as those of its texts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from strategies import GENERATED
from strategies import rows as any_rows
from studies import at, small, study

from flipstats import facts, store
from flipstats.errors import ParameterError
from flipstats.study import Study, open_study

KEYS = list(facts.KEYS)


def in_order(made: Study) -> pl.DataFrame:
    return facts.of_study(made).select(facts.COLUMNS).collect().sort(KEYS)


@GENERATED
@given(rows=any_rows())
def test_facts_of_a_stored_study_are_those_of_its_frames(tmp_path_factory, rows):
    made, folder = study(rows), tmp_path_factory.mktemp("stored")
    made.save(folder)
    again = open_study(folder)
    assert (again.stored_facts, again.store is None) == (None, False)
    assert in_order(again).equals(in_order(made))


@GENERATED
@given(rows=any_rows())
def test_facts_of_a_part_of_a_study_are_its_part_of_the_facts(tmp_path_factory, rows):
    made, folder = study(rows), tmp_path_factory.mktemp("stored")
    made.save(folder)
    for cohort in made.table("cohorts").collect()["cohort_id"].to_list()[:2]:
        part, whole = open_study(folder).select(cohorts=[cohort]), made.select(cohorts=[cohort])
        assert in_order(part).equals(in_order(whole))


def test_buckets_are_read_together_while_they_are_small(tmp_path, monkeypatch):
    study(_busy()).save(tmp_path)
    opened = open_study(tmp_path)
    expected = in_order(opened)
    assert len(list(opened.store.buckets())) == 1
    monkeypatch.setattr(store, "_PASS_BYTES", 1)
    assert len(list(opened.store.buckets())) == len(opened.store.event_files()) == store.BUCKETS
    assert in_order(open_study(tmp_path)).equals(expected)
    assert expected.height > 0


def _busy():
    hours = (-100, -3, -1, 0, 5, 170, 200)
    moment = at("2024-03-18 09:00").timestamp()
    return small(
        events=[
            {"learner_id": who, "resource_id": what, "at": _instant(moment + 3600 * h)}
            for who in "abc"
            for what in ("R1", "R2")
            for h in hours
        ]
    )


def _instant(seconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


def test_another_threshold_keeps_the_facts_unless_it_is_that_of_lateness(tmp_path):
    made = study(_busy())
    made.save(tmp_path, facts=facts.of_study(made))
    opened = open_study(tmp_path)
    assert opened.with_thresholds(dwell_s=5).stored_facts is opened.stored_facts
    longer = opened.with_thresholds(late_days=9)
    assert longer.stored_facts is None
    late = (facts.of_study(one).select(pl.col("late_n").sum()).collect().item() for one in (opened, longer))
    assert list(late) == [18, 24]


def test_facts_from_elsewhere_are_not_made_again_of_events_that_are_not_here(tmp_path):
    made = study(_busy())
    origin = {"facts_from": {"file": "facts.parquet"}}
    made.save(tmp_path, facts=facts.of_study(made), provenance=origin)
    opened = open_study(tmp_path)
    assert facts.maker(opened) is opened.stored_facts
    with pytest.raises(ParameterError) as caught:
        opened.with_thresholds(late_days=9)
    assert str(caught.value) == (
        "this study's facts were taken from facts.parquet: another late_days needs the events they were made "
        "of; make them again there, and take them"
    )
