"""Positioning, delayed tests and deliverables against plain loops, on generated studies."""

from __future__ import annotations

from datetime import timedelta

import brute_learning
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import BASES, GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import LIMITS, keyed, present

from flipstats import metrics

GROUPINGS = st.sampled_from(
    [(), ("cohort_id",), ("arm",), ("site", "iteration"), ("learner_id",), ("x_prior",)]
)
ROLES = ("positioning", "summative", "delayed", "deliverable")
SHIFTS = [timedelta(0), timedelta(microseconds=1), timedelta(microseconds=-1), timedelta(hours=5)]


@st.composite
def with_tests(draw: st.DrawFn) -> Rows:
    """Replace the tests of a study by some of each role, attempted on every kind of border."""
    rows = draw(any_rows())
    names = [who["learner_id"] for who in rows["learners"]]
    starts = [s["starts_at"] for s in rows["sessions"]] or [BASES[0]]
    instants = [s + timedelta(days=d) for s in starts for d in (-1, 0, 1, 14, 15)]
    moment = st.builds(lambda a, b: a + b, st.sampled_from(instants), st.sampled_from(SHIFTS))
    sessions = st.sampled_from([None, None, *(s["session_id"] for s in rows["sessions"])])
    tests = [
        {
            "assessment_id": f"{role}{n}",
            "role": role,
            "session_id": draw(sessions),
            "due_at": draw(st.one_of(st.none(), moment)),
        }
        for role in ROLES
        for n in range(draw(st.sampled_from([1, 1, 2, 0])))
    ]
    attempts: dict[tuple, dict] = {}
    for _ in range(draw(st.sampled_from([12, 25, 0])) if tests and names else 0):
        who, test = draw(st.sampled_from(names)), draw(st.sampled_from(tests))["assessment_id"]
        number = draw(st.integers(1, 2))
        reason = draw(st.sampled_from([None, None, None, "not_graded", "no_attempt"]))
        attempts[who, test, number] = {
            "learner_id": who,
            "assessment_id": test,
            "attempt": number,
            "missing_reason": reason,
            "score": draw(st.sampled_from([0.0, 0.4, 0.5, 1.0])) if reason is None else None,
            "submitted_at": draw(st.one_of(moment, moment, st.none())),
        }
    cohorts = [c | {"starts_at": draw(st.one_of(st.none(), moment))} for c in rows["cohorts"]]
    return rows | {"assessments": tests, "attempts": list(attempts.values()), "cohorts": cohorts}


def same(row: dict, value: float | None, denominator: int, unknown: int) -> None:
    assert (row["denominator"], row["unknown"]) == (denominator, unknown)
    assert row["value"] == (None if value is None else pytest.approx(value, abs=1e-9))
    assert (row["value"] is None) == (row["reason"] is not None)
    if denominator + unknown:
        assert row["coverage"] == pytest.approx(denominator / (denominator + unknown))
    if row["low"] is not None:
        assert row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


@GENERATED
@given(rows=with_tests(), by=GROUPINGS)
def test_baseline_score(rows, by):
    by = present(by, rows)
    answer = metrics.baseline_score(study(rows), by)
    expected = brute_learning.baselines(whole(rows), by)
    for key, row in keyed(answer, by, "mean").items():
        group = expected[key]
        same(row, mean(group["scores"]), len(group["scores"]), group["waiting"])
    for key, row in keyed(answer, by, "response_rate").items():
        group = expected[key]
        assert row["numerator"] == group["took"]
        same(row, group["took"] / group["of"] if group["of"] else None, group["of"], group["unknown"])


@GENERATED
@given(rows=with_tests(), by=GROUPINGS)
def test_retention(rows, by):
    by = present(by, rows)
    expected = brute_learning.retained(whole(rows), by, LIMITS["delayed_days"])
    for key, row in keyed(metrics.retention(study(rows), by), by, "mean").items():
        changes = expected[key]["changes"]
        same(row, mean(changes), len(changes), expected[key]["unknown"])
        if row["low"] is not None:
            assert -1 <= row["low"] <= row["high"] <= 1


@GENERATED
@given(rows=with_tests(), by=GROUPINGS, seen=st.sampled_from([None, *BASES]))
def test_transfer(rows, by, seen):
    by = present(by, rows)
    answer = metrics.transfer(study(rows, as_of=seen), by)
    expected = brute_learning.delivered(whole(rows), by, LIMITS["pass_mark"], seen)
    for key, row in keyed(answer, by, "rate").items():
        group = expected[key]
        assert row["numerator"] == group["met"]
        same(row, group["met"] / group["of"] if group["of"] else None, group["of"], group["unknown"])
    for end, more in (("bound_low", 0), ("bound_high", 1)):
        for key, row in keyed(answer, by, end).items():
            group = expected[key]
            wanted = (group["met"] + more * group["unknown"]) / (group["of"] + group["unknown"])
            assert row["value"] == pytest.approx(wanted)


def test_what_learners_do_later_never_changes_their_baseline():
    test = {"assessment_id": "P", "role": "positioning"}
    first = {"learner_id": "a", "assessment_id": "P", "score": 0.3, "submitted_at": at("2024-03-17 09:00")}
    again = first | {"attempt": 2, "score": 1.0, "submitted_at": at("2024-03-18 09:00")}
    for attempts in ([first], [first, again]):
        row = metrics.baseline_score(study(small(assessments=[test], attempts=attempts))).row(0, named=True)
        assert (row["value"], row["denominator"]) == (0.3, 1)


@pytest.mark.parametrize("key", ["baseline_score", "retention", "transfer"])
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_roster", "no_positioning", "no_delayed", "no_deliverable"}
