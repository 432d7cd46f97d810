"""Tutoring against plain loops on generated studies, and the time to a reply against statsmodels."""

from __future__ import annotations

from datetime import timedelta

import brute_tutoring
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight
from strategies import BASES, GENERATED, MICROSECOND
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_indicators_feedback import check
from test_metrics_brute_force import GROUPINGS, LIMITS, keyed, present

from flipstats import metrics
from flipstats.effects.survival import kaplan_meier, median_time, median_time_interval
from flipstats.schema import LEVELS

AS_OF = BASES[1] + timedelta(days=30)
OF_ENROLMENTS = st.sampled_from(
    [(), ("cohort_id",), ("arm",), ("site", "iteration"), ("learner_id",), ("x_prior",)]
)


@st.composite
def with_contacts(draw: st.DrawFn) -> Rows:
    """Add contacts on and beside the instants at which sessions, cohorts and enrolments begin and end."""
    rows = draw(any_rows())
    names = [who["learner_id"] for who in rows["learners"]]
    edges = [e for s in rows["sessions"] for e in (s["starts_at"], s["ends_at"])]
    edges += [c["ends_at"] for c in rows["cohorts"] if c["ends_at"]]
    edges += [e[c] for e in rows["enrolments"] for c in ("enrolled_at", "withdrawn_at") if e[c]]
    if not names or not edges:
        return rows | {"contacts": []}
    shift = st.sampled_from([timedelta(0), MICROSECOND, -MICROSECOND, timedelta(hours=5), timedelta(days=2)])
    wait = st.sampled_from([None, None, -1.0, 0.0, 0.5, 3.0, 3.0, 24.0, 500.0])
    kinds = st.sampled_from(["question", "question", "reminder", "tutoring"])
    contacts = []
    for _ in range(draw(st.sampled_from([12, 4, 0]))):
        when, hours = draw(st.sampled_from(edges)) + draw(shift), draw(wait)
        contacts.append(
            {
                "learner_id": draw(st.sampled_from(names)),
                "at": when,
                "answered_at": None if hours is None else when + timedelta(hours=hours),
                "kind": draw(kinds),
            }
        )
    return rows | {"contacts": contacts}


@GENERATED
@given(rows=with_contacts(), by=OF_ENROLMENTS)
def test_contact_rate(rows, by):
    by = present(by, rows)
    answer = metrics.tutoring_contact_rate(study(rows), by)
    if rows["contacts"]:
        check(answer, by, "rate", brute_tutoring.reached(whole(rows), by))
    else:
        assert answer["value"].null_count() == answer.height


@GENERATED
@given(rows=with_contacts(), by=OF_ENROLMENTS)
def test_reply_time(rows, by):
    by = present(by, rows)
    answer = metrics.tutoring_reply_time(study(rows, as_of=AS_OF), by)
    found, expected = keyed(answer, by, "median"), brute_tutoring.waits(whole(rows), by, AS_OF)
    assert set(expected) <= set(found)
    for key, row in found.items():
        lines = expected.get(key, [])
        answered = sum(done for _, done, _ in lines)
        counts = (row["numerator"], row["denominator"], row["unknown"], row["n"])
        assert counts == (answered, len(lines), len(lines) - answered, len({who for *_, who in lines}))
        median = brute_tutoring.median_wait(lines)
        hours = None if median is None else median / timedelta(hours=1)
        assert row["value"] == (None if hours is None else pytest.approx(hours, abs=1e-9))
        assert (row["value"] is None) == (row["reason"] is not None)
        assert (row["low"] is None) == (row["high"] is None) == (row["interval"] is None)
        if row["low"] is not None:
            assert 0 <= row["low"] <= row["value"] <= row["high"]


@GENERATED
@given(rows=with_contacts(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_followup_rate(rows, by, level):
    by = present(by, rows)
    answer = metrics.tutoring_followup_rate(study(rows), by, depth=level)
    if rows["contacts"]:
        check(answer, by, "rate", brute_tutoring.followed_up(whole(rows), by, level, LIMITS))
    else:
        assert answer["value"].null_count() == answer.height


# ---------------------------------------------------------------------------------- Kaplan and Meier's estimate

WATCHED = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1, 2, 3, 7]), st.booleans()), min_size=1, max_size=30)


@GENERATED
@given(watched=WATCHED)
def test_kaplan_meier_is_that_of_statsmodels(watched):
    times, happened = (np.array(part) for part in zip(*watched, strict=True))
    moments, left = kaplan_meier(times, happened)
    theirs = SurvfuncRight(times, happened.astype(int))
    shown = np.isin(moments, theirs.surv_times)
    assert left[shown] == pytest.approx(theirs.surv_prob)
    if happened.any() and not np.isclose(left, 0.5).any():  # at exactly half, theirs asks for more than half
        assert median_time(times, happened) == pytest.approx(theirs.quantile(0.5), nan_ok=True)


@pytest.mark.slow
def test_the_interval_of_the_median_covers_it():
    """Exponential waits, some still open, three questions a learner: 95 % of intervals hold ln 2."""
    rng, held = np.random.default_rng(1), []
    for _ in range(400):
        waits, ends = rng.exponential(size=120), rng.exponential(2.5, size=120)
        watched, happened = np.minimum(waits, ends), waits <= ends
        low, high = median_time_interval(watched, happened, np.repeat(range(40), 3), 0.95, 400)
        held.append(low <= np.log(2) <= high)
    assert 0.92 <= np.mean(held) <= 0.98


def test_an_open_question_is_a_long_wait_and_not_a_missing_one():
    asked = at("2024-03-12 10:00")
    lines = [("a", 2.0), ("b", 4.0), ("c", None), ("c", None), ("b", None)]
    contacts = [
        {
            "learner_id": who,
            "at": asked,
            "answered_at": None if hours is None else asked + timedelta(hours=hours),
            "kind": "question",
        }
        for who, hours in lines
    ]
    late = study(small(contacts=contacts), as_of=at("2024-04-01 00:00"))
    row = metrics.tutoring_reply_time(late).row(0, named=True)
    assert (row["value"], row["reason"], row["unknown"]) == (None, "too_few_answers", 3)
    fewer = study(small(contacts=contacts[:4]), as_of=at("2024-04-01 00:00"))
    assert metrics.tutoring_reply_time(fewer).row(0, named=True)["value"] == 4
    hidden = metrics.tutoring_reply_time(late, role="trainer").row(0, named=True)
    assert (hidden["reason"], hidden["denominator"]) == ("suppressed", None)


@pytest.mark.parametrize(
    ("when", "yes"),
    [("2024-03-19 08:59", 0), ("2024-03-19 09:00", 1), ("2024-03-20 08:59", 1), ("2024-03-20 09:00", 0)],
)
def test_a_follow_up_is_after_the_second_time_and_before_the_next_session(when, yes):
    days = ("18", "19", "20")
    rows = small(
        sessions=[
            {
                "session_id": f"S{d}",
                "starts_at": at(f"2024-03-{d} 09:00"),
                "ends_at": at(f"2024-03-{d} 12:00"),
            }
            for d in days
        ],
        plan=[{"session_id": f"S{d}", "resource_id": "R1"} for d in days],
        contacts=[{"learner_id": "a", "at": at(when), "kind": "tutoring"}],
    )
    row = metrics.tutoring_followup_rate(study(rows), depth="opened").row(0, named=True)
    assert (row["numerator"], row["denominator"], row["unknown"]) == (yes, 3, 0)


KEYS = ["tutoring_contact_rate", "tutoring_reply_time", "tutoring_followup_rate"]


@pytest.mark.parametrize("key", KEYS)
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_sessions", "no_roster", "no_plan", "no_contacts"}
