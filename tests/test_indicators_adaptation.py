"""Adaptations against plain loops on generated studies."""

from __future__ import annotations

from datetime import timedelta

import brute_tutoring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED, MICROSECOND
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_indicators_feedback import check
from test_indicators_tutoring import OF_ENROLMENTS
from test_metrics_brute_force import LIMITS, present

from flipstats import metrics


@st.composite
def with_positioning(draw: st.DrawFn) -> Rows:
    """Replace the attempts by positioning tests about the first session, and record adaptations."""
    rows = draw(any_rows())
    names = [who["learner_id"] for who in rows["learners"]]
    cohorts = [c["cohort_id"] for c in rows["cohorts"]]
    starts = [s["starts_at"] for s in rows["sessions"]]
    if not names or not starts:
        return rows | {"attempts": [], "assessments": [], "adaptations": []}
    tests = [{"assessment_id": "P1", "session_id": None, "role": "positioning"}]
    places = st.sampled_from([None, *(s["session_id"] for s in rows["sessions"])])
    tests += [{"assessment_id": "P2", "session_id": draw(places), "role": "positioning"}] * draw(
        st.integers(0, 1)
    )
    shifts = (timedelta(0), MICROSECOND, -MICROSECOND, timedelta(days=-3), timedelta(hours=3))
    moment = st.sampled_from([start + shift for start in starts for shift in shifts])
    reasons = st.sampled_from([None] * 6 + ["not_graded", "no_attempt"])
    attempts = []
    for number in range(1, draw(st.sampled_from([12, 6])) + 1):
        why = draw(reasons)
        attempts.append(
            {
                "learner_id": draw(st.sampled_from(names)),
                "assessment_id": draw(st.sampled_from(tests))["assessment_id"],
                "attempt": number,
                "missing_reason": why,
                "score": None if why else draw(st.sampled_from([0.2, 0.4999, 0.5, 0.6, 0.2, None])),
                "submitted_at": draw(st.one_of(moment, moment, moment, st.none())),
                "started_at": None,
            }
        )
    line = st.fixed_dictionaries(
        {
            "learner_id": st.sampled_from([None, *names]),
            "cohort_id": st.sampled_from([None, *cohorts]),
            "at": moment,
            "what": st.just("one more exercise"),
        }
    )
    return rows | {
        "assessments": tests,
        "attempts": attempts,
        "adaptations": draw(st.lists(line, min_size=1, max_size=5)),
    }


@GENERATED
@given(rows=with_positioning(), by=OF_ENROLMENTS)
def test_adaptation_rate(rows, by):
    by = present(by, rows)
    answer = metrics.adaptation_rate(study(rows), by)
    if rows["adaptations"]:
        check(answer, by, "rate", brute_tutoring.adaptations(whole(rows), by, LIMITS))
    else:
        assert answer["value"].null_count() == answer.height


def _class(when: str, **line: object) -> Rows:
    return small(
        assessments=[{"assessment_id": "P", "role": "positioning"}],
        attempts=[
            {"learner_id": who, "assessment_id": "P", "score": score, "submitted_at": at("2024-03-10 10:00")}
            for who, score in (("a", 0.3), ("b", 0.5))
        ],
        adaptations=[{"at": at(when), "what": "one more exercise"} | line],
    )


@pytest.mark.parametrize(
    ("when", "yes"),
    [
        ("2024-03-10 09:59", 0),
        ("2024-03-10 10:00", 1),
        ("2024-03-18 12:00", 1),
        ("2024-03-18 12:01", 0),
    ],
)
@pytest.mark.parametrize("line", [{"learner_id": "a"}, {"cohort_id": "A"}])
def test_what_was_adapted_before_the_test_was_not_called_for_by_it(when, yes, line):
    row = metrics.adaptation_rate(study(_class(when, **line))).row(0, named=True)
    assert (row["numerator"], row["denominator"], row["unknown"]) == (yes, 1, 0)


def test_no_record_of_adaptations_is_not_a_rate_of_zero():
    rows = _class("2024-03-11 10:00", learner_id="a") | {"adaptations": []}
    row = metrics.adaptation_rate(study(rows)).row(0, named=True)
    assert (row["value"], row["reason"]) == (None, "no_adaptations")


def test_a_study_without_tables_says_what_is_missing():
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.adaptation_rate(study(rows)).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_roster", "no_positioning_test"}
