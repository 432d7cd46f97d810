"""Who answers and how sessions are rated, against plain loops on generated studies."""

from __future__ import annotations

import brute_support
import numpy as np
import pytest
from brute_force import Tally
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from strategies import rows as any_rows
from studies import Rows, small, study, whole
from test_metrics_brute_force import GROUPINGS, keyed, present

from flipstats import metrics

_SOURCE = {"sha256": "0", "format": "moodle_feedback", "file": "a.csv"} | dict.fromkeys(
    ("rows_read", "rows_kept", "rows_merged", "rows_set_aside"), 0
)


@st.composite
def with_feedback(draw: st.DrawFn) -> Rows:
    """Add feedback: named and nameless, from sheets and polls, blank, off its scale, from outsiders."""
    rows = draw(any_rows())
    line = st.fixed_dictionaries(
        {
            "learner_id": st.sampled_from([None, None, *(who["learner_id"] for who in rows["learners"])]),
            "session_id": st.sampled_from([None, *(s["session_id"] for s in rows["sessions"])]),
            "item": st.sampled_from(["clarity", "pace"]),
            "rating": st.sampled_from([None, -1.0, 0.0, 1.0, 3.0, 4.0, 5.0, 9.0]),
            "scale_max": st.sampled_from([None, 0.0, 2.0, 5.0, 5.0, 10.0, 100.0]),
            "comment": st.sampled_from([None, None, " ", "good"]),
            "source_id": st.sampled_from(["LOG", "F2"]),
            "record": st.sampled_from([None, 1, 2, 3]),
        }
    )
    sources = [{"source_id": name, **_SOURCE} for name in ("LOG", "F2")]
    feedback = draw(st.lists(line, max_size=draw(st.sampled_from([20, 4]))))
    return rows | {"feedback": feedback, "sources": sources}


def check(answer, by, statistic, tallies, *, inside: bool = True) -> None:
    """Compare counts, values and coverage with tallies, and hold intervals and bounds to what they must be.

    The bounds hold the value, unless something is known of the unknown too (then ``inside`` is false).
    """
    found, prefix = keyed(answer, by, statistic), "" if statistic == "rate" else statistic + "_"
    assert set(tallies) <= set(found)
    for key, row in found.items():
        tally = tallies.get(key, Tally())
        assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
        assert row["n"] == len(tally.learners)
        assert (row["value"] is None) == (row["reason"] is not None) == (not tally.of)
        total = tally.of + tally.unknown
        assert row["coverage"] == (pytest.approx(tally.of / total) if total else None)
        if tally.of:
            assert row["value"] == pytest.approx(tally.yes / tally.of, abs=1e-9)
            assert 0 <= row["low"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["high"] <= 1
        low, high = (keyed(answer, by, f"{prefix}bound_{end}").get(key) for end in ("low", "high"))
        if total and 0 < tally.of < 0.8 * total:
            assert tally.yes / total <= low["value"] + 1e-9
            assert low["value"] <= (row["value"] if inside else high["value"]) + 1e-9
            assert (row["value"] if inside else low["value"]) - 1e-9 <= high["value"]
            assert high["value"] <= (tally.yes + tally.unknown) / total + 1e-9
            assert low["denominator"] == high["denominator"] == total
        if low is not None:
            assert tally.of < 0.8 * total


@GENERATED
@given(rows=with_feedback(), by=GROUPINGS)
def test_feedback_response_rate(rows, by):
    by = present(by, rows)
    answer = metrics.feedback_response_rate(study(rows), by)
    if rows["feedback"]:
        check(answer, by, "rate", brute_support.responses(whole(rows), by), inside=False)
    else:
        assert answer["value"].null_count() == answer.height


@GENERATED
@given(rows=with_feedback(), by=GROUPINGS | st.just(("item",)) | st.just(("session_id", "item")))
def test_feedback_rating(rows, by):
    by = present(by, rows)
    answer = metrics.feedback_rating(study(rows), by)
    expected = brute_support.ratings(whole(rows), by)
    means, tops = keyed(answer, by, "mean"), keyed(answer, by, "top_two")
    assert set(expected) <= set(means)
    for key, row in means.items():
        group, top = expected[key], tops[key]
        scores, boxes, unknown = group["scores"], group["boxes"], group["unknown"]
        assert (row["denominator"], row["unknown"], row["n"]) == (len(scores), unknown, len(group["who"]))
        assert row["value"] == (pytest.approx(np.mean(scores), abs=1e-9) if scores else None)
        assert row["coverage"] == (
            pytest.approx(len(scores) / (len(scores) + unknown)) if scores else row["coverage"]
        )
        assert (top["numerator"], top["denominator"], top["unknown"]) == (sum(boxes), len(boxes), unknown)
        assert top["value"] == (pytest.approx(np.mean(boxes), abs=1e-9) if boxes else None)
        assert (row["value"] is None) == (row["reason"] is not None)
        if scores and row["low"] is not None:
            assert 0 <= row["low"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["high"] <= 1


def _lines(*given: tuple) -> Rows:
    keys = ("learner_id", "item", "rating", "record")
    lines = [dict(zip(keys, line, strict=True)) | {"session_id": "S1", "scale_max": 5.0} for line in given]
    return small(feedback=lines)


def test_a_nameless_sheet_with_two_items_is_one_respondent():
    rows = _lines((None, "clarity", 5.0, 1), (None, "pace", 1.0, 1), (None, "clarity", 4.0, 2))
    row = metrics.feedback_response_rate(study(rows)).row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (2, 3)
    assert metrics.feedback_rating(study(rows)).row(0, named=True)["n"] == 2


def test_nameless_answers_to_two_polls_are_as_many_respondents_as_to_one():
    rows = _lines(*((None, poll, 1.0, i) for i, poll in enumerate(("p", "q"), 1) for _ in range(2)))
    row = metrics.feedback_response_rate(study(rows)).row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (2, 3)


def test_more_nameless_sheets_than_learners_never_make_more_than_everybody():
    rows = _lines(("a", "clarity", 5.0, 1), *((None, "clarity", 4.0, i) for i in range(2, 9)))
    assert metrics.feedback_response_rate(study(rows)).row(0, named=True)["value"] == 1


def test_who_wrote_a_nameless_sheet_is_not_guessed():
    rows = _lines(("a", "clarity", 5.0, 1), (None, "clarity", 4.0, 2))
    answer = metrics.feedback_response_rate(study(rows), ["learner_id"]).filter(statistic="rate")
    assert dict(answer.select("learner_id", "value").rows()) == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("key", ["feedback_response_rate", "feedback_rating"])
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {"no_sessions", "no_roster", "no_feedback"}
