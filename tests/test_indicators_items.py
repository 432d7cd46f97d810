"""Items that learners stumble over, against plain loops on generated studies."""

from __future__ import annotations

import brute_items
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import keyed, present

from flipstats import metrics
from flipstats.indicators.example import study as example
from flipstats.intervals import wilson

GROUPINGS = st.sampled_from(
    [
        (), ("item_id",), ("assessment_id", "item_id"), ("session_id", "item_id"), ("assessment_id",),
        ("cohort_id", "assessment_id", "item_id"), ("session_id",), ("arm",), ("learner_id",), ("x_prior",),
        ("x_prior", "item_id"),
    ]
)  # fmt: skip


@st.composite
def with_items(draw: st.DrawFn) -> Rows:
    """Replace the attempts by attempts at items, in any order, blank, waiting and never handed in too."""
    rows = draw(any_rows())
    names = [who["learner_id"] for who in rows["learners"]]
    tests = [test["assessment_id"] for test in rows["assessments"]]
    if not names or not tests:
        return rows | {"attempts": []}
    reason = st.sampled_from([None] * 5 + ["not_graded", "no_attempt", "never_submitted"])
    score = st.sampled_from([0.0, 0.4999, 0.5, 1.0, None])
    numbers = draw(st.permutations(range(1, draw(st.sampled_from([25, 12, 2])) + 1)))
    attempts = []
    for number in numbers:
        why = draw(reason)
        attempts.append(
            {
                "learner_id": draw(st.sampled_from(names)),
                "assessment_id": draw(st.sampled_from(tests)),
                "item_id": draw(st.sampled_from(["i1", "i2", None])),
                "attempt": number,
                "missing_reason": why,
                "score": None if why else draw(score),
            }
        )
    return rows | {"attempts": attempts}


@GENERATED
@given(rows=with_items(), by=GROUPINGS, enough=st.sampled_from([1, 2, 10]))
def test_blocking_points(rows, by, enough):
    by = present(by, rows)
    limits = {"blocking_attempts": enough, "blocking_share": 0.15}
    answer = metrics.blocking_points(study(rows, thresholds=limits), by)
    expected = brute_items.blocking(whole(rows), by)
    rates, flags = keyed(answer, by, "rate"), keyed(answer, by, "flagged")
    assert set(expected) <= set(rates)
    for key, row in rates.items():
        tally, items = expected[key]
        assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
        assert row["n"] == len(tally.learners)
        assert row["value"] == (pytest.approx(tally.yes / tally.of) if tally.of else None)
        assert (row["value"] is None) == (row["reason"] is not None)
        if tally.of:
            assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
            assert row["coverage"] == pytest.approx(tally.of / (tally.of + tally.unknown))
        some = [item for item in items.values() if item.of or item.unknown]
        many = [item for item in some if item.of >= enough]
        hard = [item for item in many if _low(item) > 0.15]
        counts = (flags[key]["numerator"], flags[key]["denominator"], flags[key]["unknown"])
        assert counts == (len(hard), len(many), len(some) - len(many))
        assert flags[key]["value"] == (pytest.approx(len(hard) / len(many)) if many else None)


def _low(item) -> float:
    """Wilson's low end: with one first attempt a learner there is nothing to cluster, but in two cohorts."""
    return float(wilson(item.yes, item.of)[0])


@GENERATED
@given(rows=with_items())
def test_items_come_hardest_first(rows):
    answer = metrics.blocking_points(study(rows), ["assessment_id", "item_id"]).filter(statistic="rate")
    values = [-1 if value is None else value for value in answer["value"]]
    assert values == sorted(values, reverse=True)


def _class(size: int, *failed: str) -> Rows:
    names = [f"l{i:02}" for i in range(size)]
    return small(
        enrolments=[{"learner_id": name, "enrolled_at": at("2024-03-01 00:00")} for name in names],
        assessments=[{"assessment_id": "Q", "session_id": "S1", "role": "pre_quiz"}],
        attempts=[
            {
                "learner_id": name,
                "assessment_id": "Q",
                "item_id": "1",
                "score": 0.0 if i < len(failed) else 1.0,
            }
            for i, name in enumerate(names)
        ],
    )


@pytest.mark.parametrize(
    ("size", "failures", "flag"), [(9, 9, None), (10, 6, 0), (10, 7, 0), (10, 8, 1), (30, 17, 0), (30, 18, 1)]
)
def test_an_item_is_flagged_when_it_is_surely_hard(size, failures, flag):
    """Wilson's low end for 7 of 10 is 0.3968, for 8 of 10 0.4902; for 17 of 30 0.3920, for 18 of 30 0.4232."""
    answer = metrics.blocking_points(study(_class(size, *["x"] * failures)), ["item_id"])
    row = answer.filter(statistic="flagged").row(0, named=True)
    assert row["value"] == flag
    assert (row["reason"] == "too_few_attempts") == (flag is None)


def test_an_item_number_of_two_quizzes_is_not_one_item():
    rows = _class(3, "x")
    rows["assessments"].append({"assessment_id": "R", "session_id": "S1", "role": "start"})
    rows["attempts"] += [{**a, "assessment_id": "R", "score": 0.0} for a in rows["attempts"]]
    mixed = metrics.blocking_points(study(rows), ["item_id"]).row(0, named=True)
    assert (mixed["value"], mixed["reason"]) == (None, "item_of_several")
    apart = metrics.blocking_points(study(rows), ["assessment_id", "item_id"]).filter(statistic="rate")
    assert dict(apart.select("assessment_id", "value").rows()) == {"R": 1.0, "Q": pytest.approx(1 / 3)}


def test_a_blank_first_attempt_is_not_made_good_by_a_second_one():
    rows = _class(2)
    first = rows["attempts"][0]
    rows["attempts"][0] = {**first, "score": None, "missing_reason": "no_attempt"}
    rows["attempts"].append({**first, "attempt": 2})
    row = metrics.blocking_points(study(rows), ["item_id"]).row(0, named=True)
    assert (row["numerator"], row["denominator"], row["unknown"]) == (0, 1, 0)


def test_the_place_of_a_hidden_item_says_nothing():
    rows = _class(6, "x", "x", "x")
    rows["attempts"] += [
        {"learner_id": "l00", "assessment_id": "Q", "item_id": name, "score": 0.0} for name in ("0", "9")
    ]
    shown = metrics.blocking_points(study(rows, smallest_cell=5), ["item_id"], role="trainer")
    assert shown.filter(statistic="rate")["reason"].to_list() == ["suppressed"] * 3
    assert shown["item_id"].unique(maintain_order=True).to_list() == ["0", "1", "9"]  # "1" is the easiest
    assert max(n or 0 for n in shown["n"]) == 0


def test_a_study_without_items_says_so():
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        assert metrics.blocking_points(study(rows)).row(0, named=True)["reason"] in {"no_roster", "no_items"}
    assert metrics.blocking_points(example(), ["item_id"])["reason"].to_list() == ["no_items"] * 2
