"""Taking part in the session and going on after it, against plain loops on generated studies."""

from __future__ import annotations

from datetime import timedelta

import brute_support
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED, MICROSECOND
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_indicators_feedback import check
from test_metrics_brute_force import GROUPINGS, keyed, present

from flipstats import metrics


@st.composite
def around_sessions(draw: st.DrawFn) -> Rows:
    """Give sessions resources in and after them, events on every border of these windows, polls."""
    rows = draw(any_rows())
    names = [who["learner_id"] for who in rows["learners"]]
    phases = st.sampled_from(["in", "post", "in", "post", "pre"])
    plan = [line | {"phase": draw(phases)} for line in rows["plan"]]
    edges = [e for s in rows["sessions"] for e in (s["starts_at"], s["ends_at"])]
    edges += [brute_support.days_before(s["ends_at"], -14) for s in rows["sessions"]]
    if not names or not edges or not rows["resources"]:
        return rows | {"plan": plan}
    shifts = (timedelta(0), MICROSECOND, -MICROSECOND, timedelta(hours=1), timedelta(days=2))
    moments = [edge + shift for edge in edges for shift in shifts]
    event = st.fixed_dictionaries(
        {
            "learner_id": st.sampled_from([*names, None]),
            "resource_id": st.sampled_from([r["resource_id"] for r in rows["resources"]]),
            "at": st.sampled_from(moments),
            "verb": st.sampled_from(
                ["submitted", "started", "passed", "failed", "viewed", "downloaded", "completed", "declared"]
            ),
        }
    )
    line = st.fixed_dictionaries(
        {
            "learner_id": st.sampled_from([*names, *names, None]),
            "session_id": st.sampled_from([s["session_id"] for s in rows["sessions"]]),
            "phase": st.sampled_from(["in", "post"]),
            "item": st.just("poll"),
            "rating": st.none(),
            "comment": st.just("yes"),
        }
    )
    last = {"source_id": "LOG", "level": "opened", "covers_to": max(moments), "basis": "declared"}
    return rows | {
        "plan": plan,
        "events": draw(st.lists(event, min_size=10, max_size=40)),
        "feedback": draw(st.lists(line, max_size=2)),
        "coverage": rows["coverage"] + [last] * draw(st.sampled_from([1, 1, 0])),
    }


@GENERATED
@given(rows=around_sessions(), by=GROUPINGS)
def test_participation_rate(rows, by):
    by = present(by, rows)
    rows = whole(rows)
    for line in rows.get("feedback", []):
        line |= {"source_id": None, "record": None}
    answer = metrics.participation_rate(study(rows), by)
    if rows.get("attendance") and rows["enrolments"]:
        check(answer, by, "rate", brute_support.participations(rows, by), inside=False)
    else:
        assert answer["value"].null_count() == answer.height


@GENERATED
@given(rows=around_sessions(), by=GROUPINGS)
def test_consolidation_rate(rows, by):
    by = present(by, rows)
    answer = metrics.consolidation_rate(study(rows), by)
    if not (rows["plan"] and rows["enrolments"]):
        assert answer["value"].null_count() == answer.height
        return
    expected = brute_support.consolidations(whole(rows), by)
    check(answer, by, "rate", {key: tally for key, (tally, _) in expected.items()})
    for place, end in enumerate(("bound_low", "bound_high")):
        for key, row in keyed(answer, by, end).items():
            ends = expected[key][1]
            assert (row["numerator"], row["denominator"]) == (ends[place], ends[2])


def _class(phase: str, *events: tuple[str, str, str], **more: list[dict]) -> Rows:
    return small(
        plan=[{"session_id": "S1", "resource_id": "R1", "phase": phase}],
        events=[
            {"learner_id": who, "resource_id": "R1", "at": at(when), "verb": verb}
            for who, when, verb in events
        ],
        **more,
    )


@pytest.mark.parametrize(
    ("when", "verb", "yes"),
    [
        ("2024-03-18 08:59", "submitted", 0),
        ("2024-03-18 09:00", "submitted", 1),
        ("2024-03-18 11:59", "submitted", 1),
        ("2024-03-18 12:00", "submitted", 0),
        ("2024-03-18 10:00", "viewed", 0),
        ("2024-03-18 10:00", "completed", 0),
    ],
)
def test_taking_part_is_an_act_within_the_session(when, verb, yes):
    sheet = [
        {"learner_id": who, "session_id": "S1", "status": status}
        for who, status in (("a", "late"), ("b", "present"), ("c", "absent"))
    ]
    row = metrics.participation_rate(study(_class("in", ("a", when, verb), attendance=sheet)))
    assert row.select("numerator", "denominator", "unknown").row(0) == (yes, 2, 0)


@pytest.mark.parametrize(
    ("when", "yes"),
    [("2024-03-18 12:00", 0), ("2024-03-18 12:01", 1), ("2024-04-01 12:00", 1), ("2024-04-01 12:01", 0)],
)
def test_a_fortnight_is_of_local_days(when, yes):
    """Between 18 March and 1 April the clocks change: by 24-hour days the window would end at 13:00."""
    row = metrics.consolidation_rate(study(_class("post", ("a", when, "viewed"))))
    assert row.select("numerator", "denominator", "unknown").row(0) == (yes, 3, 0)


def test_a_window_that_has_not_passed_is_unknown_and_not_zero():
    rows = _class("post", ("a", "2024-03-19 12:00", "viewed"))
    rows["coverage"] = [{"level": "opened", "covers_to": at("2024-03-25 00:00")}]
    row = metrics.consolidation_rate(study(rows)).row(0, named=True)
    assert (row["value"], row["unknown"], row["reason"]) == (None, 3, "no_coverage_after")


@pytest.mark.parametrize("key", ["participation_rate", "consolidation_rate"])
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_sessions", "no_roster", "no_attendance", "not_applicable"}
