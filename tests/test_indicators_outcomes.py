"""Quizzes of the preparation and presence against plain loops, on generated studies."""

from __future__ import annotations

import brute_outcomes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import GROUPINGS, keyed, present

from flipstats import metrics


@st.composite
def with_minutes(draw: st.DrawFn) -> Rows:
    """Add minutes and delays to the lines of attendance, and lines that repeat or contradict others."""
    rows = draw(any_rows())
    minutes = st.sampled_from([None, None, 0.0, 30.0, 90.5, 1000.0])
    lines = rows.get("attendance", [])
    extra = [draw(st.sampled_from(lines)) for _ in range(draw(st.integers(0, 2)) if lines else 0)]
    status = st.sampled_from(["present", "late", "absent", "excused", "not_taken"])
    extra = [line | {"status": draw(status)} for line in extra]
    lines = [line | {"minutes": draw(minutes), "late_minutes": draw(minutes)} for line in lines + extra]
    return rows | {"attendance": lines}


@GENERATED
@given(rows=any_rows(), by=GROUPINGS)
def test_pre_quizzes(rows, by):
    by = present(by, rows)
    expected = brute_outcomes.quizzes(whole(rows), by)
    rates = keyed(metrics.pre_quiz_rate(study(rows), by), by, "rate")
    assert set(expected) <= set(rates)
    for key, row in rates.items():
        tally = expected[key]["rate"]
        assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
        assert row["value"] == (pytest.approx(tally.yes / tally.of) if tally.of else None)
        assert (row["value"] is None) == (row["reason"] is not None)
    for key, row in keyed(metrics.pre_quiz_score(study(rows), by), by, "mean").items():
        scores = expected[key]["scores"]
        assert (row["denominator"], row["unknown"]) == (len(scores), expected[key]["waiting"])
        assert row["value"] == (pytest.approx(np.mean(scores)) if scores else None)
        assert (row["value"] is None) == (row["reason"] is not None)


@GENERATED
@given(rows=with_minutes(), by=GROUPINGS)
def test_absenteeism(rows, by):
    by = present(by, rows)
    answer = metrics.absenteeism(study(rows), by)
    expected = brute_outcomes.absences(whole(rows), by)
    for key, row in keyed(answer, by, "rate").items():
        group = expected[key]
        owed, unknown = group["owed"], group["unknown"]
        counts = (row["numerator"], row["denominator"], row["unknown"])
        assert counts == (int(group["missed"]), int(owed), int(unknown))
        assert row["value"] == (pytest.approx(group["missed"] / owed) if owed else None)
        assert row["coverage"] == (pytest.approx(owed / (owed + unknown)) if owed + unknown else None)
        assert (row["value"] is None) == (row["reason"] is not None)
        if row["value"] is not None and row["low"] is not None:
            assert 0 <= row["low"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["high"] <= 1
    for key, row in keyed(answer, by, "excused").items():
        group = expected[key]
        counts = (row["numerator"], row["denominator"], row["unknown"])
        assert counts == (group["excused"], group["told"], group["untold"])
    for key, row in keyed(answer, by, "in_conflict").items():
        group = expected[key]
        assert (row["numerator"], row["denominator"]) == (group["conflict"], group["told"])
    for end, more in (("bound_low", 0), ("bound_high", 1)):
        for key, row in keyed(answer, by, end).items():
            group = expected[key]
            assert row["coverage"] < 0.8
            wanted = (group["missed"] + more * group["unknown"]) / (group["owed"] + group["unknown"])
            assert row["value"] == pytest.approx(wanted)


def test_late_without_a_known_delay_is_neither_there_nor_away():
    lines = [("a", "present", None, None), ("b", "late", None, None), ("c", "absent", None, None)]
    attendance = [
        {"learner_id": who, "session_id": "S1", "status": status, "minutes": m, "late_minutes": d}
        for who, status, m, d in lines
    ]
    answer = metrics.absenteeism(study(small(attendance=attendance)))
    values = {row["statistic"]: row["value"] for row in answer.iter_rows(named=True)}
    assert values["rate"] == pytest.approx(180 / 360)
    assert (values["bound_low"], values["bound_high"]) == (pytest.approx(180 / 540), pytest.approx(360 / 540))


def test_a_quiz_handed_in_on_the_stroke_of_the_session_is_too_late():
    class_ = study(
        small(
            assessments=[{"assessment_id": "Q", "session_id": "S1", "role": "pre_quiz"}],
            attempts=[
                {"learner_id": who, "assessment_id": "Q", "score": 1.0, "submitted_at": at(when)}
                for who, when in (("a", "2024-03-18 08:59"), ("b", "2024-03-18 09:00"))
            ],
        )
    )
    row = metrics.pre_quiz_rate(class_).row(0, named=True)
    assert (row["numerator"], row["denominator"], row["unknown"]) == (1, 3, 0)
    assert metrics.pre_quiz_score(class_).row(0, named=True)["denominator"] == 1


@pytest.mark.parametrize("key", ["pre_quiz_rate", "pre_quiz_score", "absenteeism"])
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_sessions", "no_roster", "no_pre_quiz", "no_attendance"}
