"""Preparation that came too late, against plain loops on generated studies."""

from __future__ import annotations

from datetime import timedelta

import brute_late
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED, MICROSECOND
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import GROUPINGS, LIMITS, check_shares, present

from flipstats import metrics


@st.composite
def with_late_looks(draw: st.DrawFn) -> Rows:
    """Add looks on, and a microsecond off, the start, the end and the late end of sessions."""
    rows = draw(any_rows())
    if not (rows["sessions"] and rows["learners"] and rows["resources"]):
        return rows
    edges = [
        edge
        for s in rows["sessions"]
        for edge in (s["starts_at"], s["ends_at"], brute_late.late_until(s, LIMITS))
    ]
    look = st.builds(
        lambda who, what, when, shift, verb: {
            "learner_id": who, "resource_id": what, "at": when + shift, "verb": verb,
        },
        st.sampled_from([who["learner_id"] for who in rows["learners"]]),
        st.sampled_from([r["resource_id"] for r in rows["resources"]]),
        st.sampled_from(edges),
        st.sampled_from([timedelta(0), MICROSECOND, -MICROSECOND]),
        st.sampled_from(["viewed", "viewed", "paused", "downloaded", "completed", "graded"]),
    )  # fmt: skip
    few = draw(st.lists(st.sampled_from(rows["events"]), max_size=3)) if rows["events"] else []
    rows = rows | {"events": few + draw(st.lists(look, max_size=10))}
    if draw(st.booleans()):  # else the late end of a window may lie outside what is covered
        rows["coverage"] = [c | {"covers_to": max(edges) + timedelta(days=9)} for c in rows["coverage"]]
    return rows


@GENERATED
@given(rows=with_late_looks(), by=GROUPINGS)
def test_late_preparation_rate(rows, by):
    by = present(by, rows)
    answer = metrics.late_preparation_rate(study(rows), by)
    expected = brute_late.late(whole(rows), by, LIMITS)
    for statistic, tallies in expected.items():
        check_shares(answer, by, statistic, tallies)


@GENERATED
@given(rows=with_late_looks())
def test_nobody_is_both_late_and_prepared_in_part(rows):
    """Late and "at least one resource done" exclude each other, wherever both are known."""
    class_ = study(rows)
    late = metrics.late_preparation_rate(class_, ["session_id", "learner_id"]).filter(statistic="rate")
    ready = metrics.prepared_rate(class_, ["session_id", "learner_id"], depth="opened").filter(
        statistic="any"
    )
    both = late.join(ready, on=["session_id", "learner_id"]).drop_nulls(["value", "value_right"])
    assert both.filter((both["value"] > 0) & (both["value_right"] > 0)).height == 0


@pytest.mark.parametrize(
    ("when", "during", "after"),
    [
        ("2024-03-25 08:59", 0, 0),
        ("2024-03-25 09:00", 1, 0),
        ("2024-03-25 12:00", 1, 0),
        ("2024-03-25 12:01", 0, 1),
        ("2024-04-01 12:00", 0, 1),  # the week holds a change of the clocks: seven days are 167 hours
        ("2024-04-01 12:01", 0, 0),
    ],
)
def test_the_late_window_by_the_local_clock(when, during, after):
    sessions = [{"session_id": "S1", "starts_at": at("2024-03-25 09:00"), "ends_at": at("2024-03-25 12:00")}]
    look = [{"learner_id": "a", "resource_id": "R1", "at": at(when)}]
    rows = metrics.late_preparation_rate(study(small(sessions=sessions, events=look)))
    found = dict(rows.select("statistic", "numerator").rows())
    assert (found["rate"], found["during"], found["after"]) == (during + after, during, after)


def test_a_log_that_stops_with_the_session_says_nothing_about_lateness():
    coverage = [{"level": "opened", "covers_to": at("2024-03-18 12:00")}]
    row = metrics.late_preparation_rate(study(small(coverage=coverage))).row(0, named=True)
    assert (row["value"], row["unknown"], row["reason"]) == (None, 3, "no_coverage")
