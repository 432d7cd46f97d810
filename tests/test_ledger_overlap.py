"""Sessions at the same time: nobody is credited with more hours than passed."""

from __future__ import annotations

import datetime as dt

import brute_ledger
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import at, small, study, whole

from flipstats.ledger import Rule, ledger

NINE = at("2024-03-18 09:00")
PLACES = st.lists(
    st.tuples(
        st.integers(0, 8),  # quarters of an hour after nine
        st.integers(1, 8),  # and so many long
        st.sampled_from(["present", "present", "late", "absent", "not_taken"]),
        st.one_of(st.none(), st.integers(0, 150).map(float)),
    ),
    min_size=1,
    max_size=5,
)


def class_of(places: list[tuple]) -> dict:
    quarter = dt.timedelta(minutes=15)
    starts = [(NINE + first * quarter, NINE + (first + long) * quarter) for first, long, *_ in places]
    return small(
        enrolments=[{"learner_id": "a", "cohort_id": f"C{i}"} for i in range(len(places))],
        sessions=[
            {"session_id": f"S{i}", "cohort_id": f"C{i}", "starts_at": low, "ends_at": high}
            for i, (low, high) in enumerate(starts)
        ],
        attendance=[
            {"learner_id": "a", "session_id": f"S{i}", "status": status, "minutes": minutes}
            for i, (_, _, status, minutes) in enumerate(places)
        ],
        plan=[],
    )


@settings(deadline=None, max_examples=40)
@given(PLACES)
def test_sessions_at_once_are_counted_once(places):
    rows = class_of(places)
    made = ledger(study(rows), Rule())
    found = {row["activity_id"]: row for row in made.rows.iter_rows(named=True)}
    rows = whole(rows)
    sheet = {row["session_id"]: {"late_minutes": None, **row} for row in rows["attendance"]}
    expected = brute_ledger.sessions(rows | {"attendance": list(sheet.values())})
    for (_, session), (_, seen, credited, reason) in expected.items():
        row = found[session]
        assert row["measured_min"] == (None if seen is None else seen / 60)
        assert (row["credited_min"], row["reason"]) == (credited / 60, reason)
    ends = [(s["starts_at"], s["ends_at"]) for s in rows["sessions"]]
    passed = set().union(*(brute_ledger.seconds_between(*pair) for pair in ends))
    assert made.totals()["credited_min"].item() <= len(passed) / 60


def test_two_sheets_of_one_morning_are_one_morning():
    made = ledger(study(class_of([(0, 12, "present", None), (0, 12, "present", None)])), Rule())
    assert made.totals().row(0)[1:] == (360.0, 360.0, 180.0, 180.0)
    assert made.rows["reason"].to_list() == ["attended", "counted_elsewhere"]


@settings(deadline=None, max_examples=60)
@given(PLACES, st.lists(st.tuples(st.integers(-60, 240), st.integers(1, 300)), min_size=1, max_size=4))
def test_activity_counts_before_between_and_after_the_sessions_it_spans(places, spells):
    """Minute by minute: at work, and in no session."""
    minute = dt.timedelta(minutes=1)
    rows = class_of(places)
    rows["resources"] = [{"resource_id": "V"}]
    rows["plan"] = [{"session_id": "S0", "resource_id": "V"}]
    rows["events"] = [
        {"learner_id": "a", "resource_id": "V", "at": NINE + first * minute, "verb": "viewed",
         "seconds": 60.0 * long}
        for first, long in spells
    ]  # fmt: skip
    made = ledger(study(rows), Rule())
    sat = made.rows.filter(pl.col("kind") == "session", pl.col("measured_min") > 0)["activity_id"].to_list()
    busy = set()
    for i, (first, long, *_) in enumerate(places):
        busy |= set(range(15 * first, 15 * (first + long))) if f"S{i}" in sat else set()
    work = set().union(*(range(first, first + long) for first, long in spells))
    line = made.rows.row(by_predicate=pl.col("activity_id") == "V", named=True)
    assert line["measured_min"] == len(work)
    assert line["counted_once_min"] == len(work - busy)
