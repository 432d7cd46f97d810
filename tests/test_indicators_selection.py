"""Who gives feedback, and how regularly learners prepare, against plain loops; a difference against R."""

from __future__ import annotations

import csv
from pathlib import Path

import brute_selection
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from studies import at, small, study, whole
from test_indicators_feedback import with_feedback
from test_indicators_tutoring import OF_ENROLMENTS
from test_metrics_brute_force import GROUPINGS, LIMITS, keyed, present

from flipstats import metrics
from flipstats.effects.two_sides import difference_clustered
from flipstats.schema import LEVELS

REFERENCE = Path(__file__).parent / "reference"


@st.composite
def with_names(draw: st.DrawFn):
    """Give most lines of feedback a name, so that some sessions tell who did not answer."""
    rows = draw(with_feedback())
    names = [who["learner_id"] for who in rows["learners"]]
    if not names or draw(st.booleans()):
        return rows
    return rows | {
        "feedback": [line | {"learner_id": draw(st.sampled_from(names))} for line in rows["feedback"]]
    }


@GENERATED
@given(rows=with_names(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_feedback_selection(rows, by, level):
    by = present(by, rows)
    answer = metrics.feedback_selection(study(rows), by, depth=level)
    if not rows["feedback"]:
        assert answer["value"].null_count() == answer.height
        return
    expected = brute_selection.selection(whole(rows), by, level, LIMITS)
    for side in ("respondents", "others"):
        for key, row in keyed(answer, by, side).items():
            group = expected[key]
            shares = [share for share, _ in group[side]]
            assert (row["denominator"], row["unknown"]) == (len(shares), group[f"open_{side}"])
            assert row["value"] == (pytest.approx(np.mean(shares)) if shares else None)
            assert row["n"] == len({who for _, who in group[side]})
            assert (row["value"] is None) == (row["reason"] is not None)
    for key, row in keyed(answer, by, "difference").items():
        group = expected[key]
        sides = [[share for share, _ in group[side]] for side in ("respondents", "others")]
        assert (row["denominator"], row["unknown"]) == (sum(map(len, sides)), group["open"])
        if all(sides):
            assert row["value"] == pytest.approx(np.mean(sides[0]) - np.mean(sides[1]))
            if row["low"] is not None:
                assert -1 <= row["low"] <= row["value"] <= row["high"] <= 1
                assert row["interval"] == "t_learner"
        else:
            assert row["value"] is None
            assert row["reason"] is not None
            assert row["low"] is row["high"] is row["interval"] is None


@GENERATED
@given(rows=with_feedback(), by=OF_ENROLMENTS, level=st.sampled_from(LEVELS))
def test_preparation_regularity(rows, by, level):
    by = present(by, rows)
    answer = metrics.preparation_regularity(
        study(rows, thresholds={"regularity_sessions": 2}), by, depth=level
    )
    expected = brute_selection.regularity(whole(rows), by, level, LIMITS | {"regularity_sessions": 2})
    for statistic, share in (("median", 0.5), ("q25", 0.25), ("q75", 0.75)):
        for key, row in keyed(answer, by, statistic).items():
            group = expected[key]
            assert (row["denominator"], row["unknown"]) == (len(group["ranges"]), group["unknown"])
            wanted = pytest.approx(np.quantile(group["ranges"], share)) if group["ranges"] else None
            assert row["value"] == wanted
            assert (row["value"] is None) == (row["reason"] is not None)


def _rated(*who: str | None, **changes):
    seen = [
        {"learner_id": name, "resource_id": resource, "at": at("2024-03-17 10:00")}
        for name, resource in (("a", "R1"), ("a", "R2"), ("b", "R1"))
    ]
    lines = [{"learner_id": name, "session_id": "S1", "item": "clarity", "rating": 4.0} for name in who]
    return {
        row["statistic"]: row
        for row in metrics.feedback_selection(
            study(small(events=seen, feedback=lines, **changes)), depth="opened"
        ).iter_rows(named=True)
    }


def test_who_answers_is_told_from_who_does_not():
    found = _rated("a")
    assert (found["respondents"]["value"], found["others"]["value"]) == (1.0, 0.25)
    assert found["difference"]["value"] == 0.75
    assert found["difference"]["n"] == 1


@pytest.mark.parametrize("names", [("a", None), (None,)])
def test_one_nameless_answer_and_nobody_knows_who_did_not_answer(names):
    found = _rated(*names)
    for row in found.values():
        assert (row["value"], row["unknown"], row["reason"]) == (None, 3, "respondents_not_known")


def test_where_all_answer_there_is_nobody_to_compare_with():
    found = _rated("a", "b", "c")
    assert (found["others"]["reason"], found["difference"]["reason"]) == ("no_others", "one_side_empty")
    assert found["respondents"]["value"] == 0.5


@pytest.mark.parametrize(("count", "value"), [(2, None), (3, 36.0)])
def test_three_sessions_prepared_can_be_compared(count, value):
    """Prepared 1, 2 and 4 days before: the middle half of these spans from 1.5 to 3 days."""
    days, before = ("18", "20", "24"), ("17", "18", "20")
    rows = small(
        enrolments=[{"learner_id": "a"}],
        sessions=[
            {
                "session_id": f"S{d}",
                "starts_at": at(f"2024-03-{d} 09:00"),
                "ends_at": at(f"2024-03-{d} 12:00"),
            }
            for d in days[:count]
        ],
        resources=[{"resource_id": f"R{d}"} for d in days],
        plan=[{"session_id": f"S{d}", "resource_id": f"R{d}"} for d in days[:count]],
        events=[
            {"learner_id": "a", "resource_id": f"R{d}", "at": at(f"2024-03-{b} 09:00")}
            for d, b in zip(days, before, strict=True)
        ],
    )
    row = metrics.preparation_regularity(study(rows), depth="opened").row(0, named=True)
    assert row["value"] == value
    assert row["reason"] == (None if value else "few_prepared_sessions")


def test_a_difference_between_clusters_is_that_of_r():
    with (REFERENCE / "difference_data.csv").open() as file:
        data = list(csv.DictReader(file))
    with (REFERENCE / "difference.csv").open() as file:
        (theirs,) = csv.DictReader(file)
    sides = [[row for row in data if row["side"] == side] for side in ("1", "0")]
    values = [[float(row["value"]) for row in side] for side in sides]
    low, high = difference_clustered(*values, *([row["who"] for row in side] for side in sides))
    assert (low, high) == pytest.approx((float(theirs["low"]), float(theirs["high"])), abs=1e-9)


def test_a_difference_of_nothing_has_no_interval():
    assert np.isnan(difference_clustered([], [0.5], [], ["a"])).all()
    assert np.isnan(difference_clustered([1.0, 1.0], [0.0], ["a", "b"], ["c"])).all()
    assert np.isnan(difference_clustered([0.1], [0.5], ["a"], ["a"])).all()
