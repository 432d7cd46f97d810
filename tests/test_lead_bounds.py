"""Bounds of the shares of lead time, against trying out all that the unknown could be."""

from __future__ import annotations

import brute_lead
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import GROUPINGS, LIMITS, keyed, present

from flipstats import metrics
from flipstats.schema import LEVELS

WAYS = (*brute_lead.EARLIEST_FIRST, "near")


@st.composite
def half_seen(draw: st.DrawFn) -> Rows:
    """Let one resource be traced by nothing, mostly, and the others be known of everybody to the end."""
    rows = draw(any_rows())
    if not rows["resources"] or draw(st.sampled_from([True, False, False, False])):
        return rows
    traced = [line | {"traced": place > 0} for place, line in enumerate(rows["resources"])]
    covers = [{"source_id": "LOG", "level": level, "covers_to": at("2025-01-01 00:00")} for level in LEVELS]
    return rows | {
        "resources": traced,
        "coverage": [line | {"basis": "declared"} for line in covers],
        "learners": [line | {"tracking": "traced"} for line in rows["learners"]],
        "plan": [line | {"phase": "pre", "mandatory": True, "released_at": None} for line in rows["plan"]],
    }


@GENERATED
@given(rows=half_seen(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_bounds_are_what_the_unknown_could_make_of_it(rows, by, level):
    by = present(by, rows)
    answer = metrics.lead_time(study(rows), by, depth=level)
    told = any(line["level"] == level for line in whole(rows)["coverage"])
    for name in WAYS:
        expected = brute_lead.extremes(whole(rows), by, level, LIMITS, name)
        ends = {end: keyed(answer, by, f"share_{name}_bound_{end}") for end in ("low", "high")}
        for key, row in keyed(answer, by, f"share_{name}").items():
            weak = row["coverage"] is not None and row["coverage"] < LIMITS["coverage_bounds_below"]
            assert (key in ends["low"], key in ends["high"]) == (weak and told,) * 2
            if weak and told:
                found = tuple(ends[end][key]["value"] for end in ("low", "high"))
                assert found == pytest.approx(expected[key])


def test_a_look_that_is_known_stays_and_only_a_later_one_may_be_missing():
    looks = [("a", "2024-03-18 08:30"), ("b", "2024-03-16 09:00"), ("c", "2024-03-01 10:00")]
    rows = small(
        resources=[{"resource_id": "R1"}, {"resource_id": "R2", "traced": False}],
        events=[{"learner_id": who, "resource_id": "R1", "at": at(when)} for who, when in looks],
    )
    rows["enrolments"] += [{"learner_id": "d", "enrolled_at": at("2024-03-01 00:00")}]  # seen nowhere
    answer = metrics.lead_time(study(rows), depth="opened")
    ends = {
        name: tuple(
            keyed(answer, (), f"share_{name}_bound_{end}")[()]["numerator"] for end in ("low", "high")
        )
        for name in WAYS
    }
    assert ends == {
        "last_hour": (1, 4),  # a, whatever else; everybody may have come back
        "last_day": (0, 3),  # a is nearer for sure
        "few_days": (0, 3),
        "week": (0, 2),  # c and d
        "fortnight": (0, 2),
        "early": (0, 2),
        "near": (2, 4),
    }
