"""Copies taken away and work before any reminder, against plain loops on generated studies."""

from __future__ import annotations

from datetime import timedelta

import brute_alone
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import GROUPINGS, LIMITS, check_shares, present

from flipstats import metrics
from flipstats.schema import LEVELS


@st.composite
def with_reminders(draw: st.DrawFn) -> Rows:
    """Add contacts on, before and after the instants at which sessions start and events happen."""
    rows = draw(any_rows())
    instants = [s["starts_at"] for s in rows["sessions"]] + [e["at"] for e in rows["events"]]
    names = [who["learner_id"] for who in rows["learners"]]
    if not instants or not names:
        return rows
    shift = st.sampled_from(
        [timedelta(0), timedelta(microseconds=-1), timedelta(hours=-2), timedelta(days=-4)]
    )
    contact = st.builds(
        lambda who, when, by, kind: {"learner_id": who, "at": when + by, "kind": kind},
        st.sampled_from(names),
        st.sampled_from(instants),
        shift,
        st.sampled_from(["reminder", "reminder", "reminder", "tutoring", "question"]),
    )
    return rows | {"contacts": draw(st.lists(contact, max_size=8))}


@GENERATED
@given(rows=any_rows(), by=GROUPINGS)
def test_offline_share(rows, by):
    by = present(by, rows)
    answer = metrics.offline_share(study(rows), by)
    if not any(event["verb"] == "downloaded" for event in rows["events"]):
        assert answer["value"].null_count() == answer.height
        return
    check_shares(answer, by, "rate", brute_alone.offline(whole(rows), by, LIMITS))


@GENERATED
@given(rows=with_reminders(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_autonomy(rows, by, level):
    by = present(by, rows)
    answer = metrics.autonomy(study(rows), by, depth=level)
    if rows.get("contacts"):
        check_shares(answer, by, "rate", brute_alone.autonomous(whole(rows), by, level, LIMITS))
    else:
        assert answer["value"].null_count() == answer.height
        assert "rate" in set(answer["statistic"])


@GENERATED
@given(rows=with_reminders(), level=st.sampled_from(LEVELS))
def test_nobody_is_more_autonomous_than_prepared(rows, level):
    class_ = study(rows)
    alone = metrics.autonomy(class_, depth=level).filter(statistic="rate").row(0, named=True)
    ready = metrics.prepared_rate(class_, depth=level).filter(statistic="all").row(0, named=True)
    if alone["value"] is not None:
        assert alone["denominator"] == ready["denominator"]
        assert alone["numerator"] <= ready["numerator"]


@pytest.mark.parametrize(
    ("when", "yes"), [("2024-03-17 11:59", 0), ("2024-03-17 12:00", 0), ("2024-03-17 12:01", 1)]
)
def test_a_reminder_at_the_very_moment_of_the_work_came_first(when, yes):
    """Work at the instant of the reminder is not before it."""
    class_ = study(
        small(
            events=[
                {"learner_id": "a", "resource_id": name, "at": at("2024-03-17 12:00")}
                for name in ("R1", "R2")
            ],
            contacts=[{"learner_id": "a", "at": at(when), "kind": "reminder"}],
        )
    )
    row = metrics.autonomy(class_, depth="opened").row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (yes, 3)


@pytest.mark.parametrize("key", ["offline_share", "autonomy"])
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_sessions", "no_roster", "no_plan", "no_contacts", "downloads_not_traced"}
