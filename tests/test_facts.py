"""Stage one: the same rows on every engine, borders of the windows, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from fact_engines import KEYS, alike, on_arrow_pandas, on_duckdb, on_pandas, on_polars, physical
from hypothesis import given
from strategies import GENERATED
from strategies import rows as any_rows
from studies import at, small, study, whole

from flipstats import facts
from flipstats.errors import SchemaError

MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize("coded", [False, True], ids=["strings", "numbers"])
@GENERATED
@given(rows=any_rows())
def test_engines_give_equal_facts(coded, rows):
    tables = physical(study(rows), coded=coded)
    expected = on_polars(tables)
    for other in (on_pandas(tables), on_arrow_pandas(tables), on_duckdb(tables)):
        assert alike(other, expected) == alike(expected, expected)


def test_numbers_and_strings_name_the_same_facts():
    found = study(_busy())
    words, codes = (on_polars(physical(found, coded=coded)) for coded in (False, True))
    assert words.drop(KEYS).sort("first_at", "n").rows() == codes.drop(KEYS).sort("first_at", "n").rows()


def _busy():
    start = at("2024-03-18 09:00")
    hours = (-400, -100, -3, -1, 0, 5, 170, 172)
    events = [
        {"learner_id": who, "resource_id": what, "at": start + timedelta(hours=h), "seconds": 100.0 + h / 7}
        for who in "abc"
        for what in ("R1", "R2")
        for h in hours
    ]
    return small(events=events)


@pytest.mark.parametrize(
    ("shift", "before", "late"),
    [
        (-MICROSECOND, 0, 0),  # before the release: nothing
        (timedelta(0), 1, 0),
        (timedelta(days=9), 0, 1),  # exactly at the start: late, not prepared
        (timedelta(days=9) - MICROSECOND, 1, 0),
        (timedelta(days=16, hours=3), 0, 1),  # exactly seven days after the end
        (timedelta(days=16, hours=3) + MICROSECOND, 0, 0),
    ],
)
def test_windows_hold_their_first_instant_and_not_the_start(shift, before, late):
    released = at("2024-03-09 09:00")
    rows = small(
        plan=[{"session_id": "S1", "resource_id": "R1", "released_at": released}],
        events=[{"learner_id": "a", "resource_id": "R1", "at": released + shift}],
    )
    found = facts.of_study(study(rows)).collect()
    assert found.select(pl.col("n").sum(), pl.col("late_n").sum()).row(0) == (before, late)
    assert found.height == (1 if before or late else 0)


def test_lateness_ends_by_the_local_clock():
    rows = small(
        sessions=[
            {"session_id": "S1", "starts_at": at("2024-03-28 09:00"), "ends_at": at("2024-03-28 12:00")}
        ],
        events=[
            {"learner_id": "a", "resource_id": "R1", "at": at("2024-04-04 12:00")},
            {"learner_id": "b", "resource_id": "R1", "at": at("2024-04-04 12:00") + MICROSECOND},
        ],
    )
    assert facts.of_study(study(rows)).collect()["learner_id"].to_list() == ["a"]


def test_nothing_before_enrolment_counts():
    rows = small(
        enrolments=[{"learner_id": "a", "enrolled_at": at("2024-03-10 00:00")}],
        events=[{"learner_id": "a", "resource_id": "R1", "at": at("2024-03-10 00:00") - MICROSECOND}],
    )
    assert facts.of_study(study(rows)).collect().height == 0


def test_one_event_serves_every_session_of_every_cohort_that_it_prepares():
    start = at("2024-03-18 09:00")
    rows = small(
        enrolments=[{"learner_id": "a", "cohort_id": cohort} for cohort in "AB"],
        sessions=[
            {"session_id": name, "cohort_id": name[0], "starts_at": start + shift, "ends_at": start + shift}
            for name, shift in (("A1", timedelta(0)), ("A2", timedelta(days=4)), ("B1", timedelta(days=-2)))
        ],
        plan=[{"session_id": name, "resource_id": "R1"} for name in ("A1", "A2", "B1")],
        events=[{"learner_id": "a", "resource_id": "R1", "at": start - timedelta(days=1)}],
    )
    found = facts.of_study(study(rows)).collect().sort("session_id")
    assert found.select("session_id", "n", "late_n").rows() == [("A1", 1, 0), ("A2", 1, 0), ("B1", 0, 1)]


def test_what_a_fact_holds():
    before = at("2024-03-17 10:00")
    seen = [
        {"verb": "viewed", "seconds": 20.5, "progress": 0.3},
        {"verb": "downloaded"},
        {"verb": "paused", "seconds": 0.25, "progress": 0.6},
        {"verb": "passed", "progress": 0.1},
        {"verb": "declared", "seconds": 900.0},
        {"verb": "graded", "seconds": 900.0},
    ]
    rows = small(
        events=[
            {"learner_id": "a", "resource_id": "R1", "at": before + timedelta(minutes=i), **event}
            for i, event in enumerate(seen)
        ]
    )
    (row,) = facts.of_study(study(rows)).collect().rows(named=True)
    assert row == {
        "learner_id": "a", "session_id": "S1", "resource_id": "R1", "n": 4, "downloads": 1,
        "first_at": before, "last_at": before + timedelta(minutes=3), "milliseconds": 20_750,
        "progress": 0.6, "completed": True, "declared": True, "late_n": 0, "late_first_at": None,
    }  # fmt: skip


def test_nan_and_infinite_measures_of_a_foreign_table_are_no_measures():
    tables = physical(study(_busy()), coded=False)
    wrong = pl.Series([float("nan"), float("inf"), -1.0, None] * 12)
    tables["events"] = tables["events"].with_columns(wrong.alias("seconds"), wrong.alias("progress"))
    for engine in (on_polars, on_pandas, on_duckdb):
        found = engine(tables).with_columns(pl.col(pl.Float64).fill_nan(None))
        assert found.select(pl.col("milliseconds", "progress").null_count()).row(0) == (found.height,) * 2


def test_times_must_be_integers():
    tables = physical(study(small()), coded=False)
    tables["events"] = tables["events"].with_columns(pl.from_epoch("at", "us"))
    with pytest.raises(SchemaError) as caught:
        on_polars(tables)
    assert str(caught.value) == (
        "facts, table events: the column 'at' must hold whole microseconds since 1970 UTC, found "
        "Datetime(time_unit='us', time_zone=None); convert it first, so that no time without a zone slips in"
    )


def test_facts_are_made_once_a_study_and_stored_ones_are_used(tmp_path: Path):
    made = study(_busy())
    assert facts.of_study(made).collect().equals(facts.of_study(made).collect())
    made.save(tmp_path, facts=facts.of_study(made))
    from flipstats.study import open_study

    again = open_study(tmp_path)
    assert again.stored_facts is not None
    columns = facts.of_study(made).collect_schema().names()
    assert (
        facts.of_study(again)
        .collect()
        .select(columns)
        .sort(KEYS)
        .equals(facts.of_study(made).collect().sort(KEYS))
    )


def test_an_empty_study_has_no_facts():
    assert facts.of_study(study({})).collect().height == 0
    assert pd.DataFrame(whole({})).empty
