"""Cohorts explored, against plain loops, and what a reader may not see."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from studies import PARIS, at, small, study

from flipstats import display
from flipstats.bench import timeline
from flipstats.bench.explorer import MOST_LEARNERS
from flipstats.errors import ParameterError

FIRST, SECOND = at("2024-03-18 09:00"), at("2024-04-02 09:00")
VERBS = ("viewed", "played", "logged_in", "login_failed")


def some_class(seed: int) -> dict:
    draw = random.Random(seed)
    who = [f"l{i}" for i in range(5)]
    events = [
        {
            "learner_id": draw.choice(who[:-1]),
            "resource_id": draw.choice(["R1", "R2", "R3", None]),
            "at": FIRST + timedelta(hours=draw.uniform(-900, 1300)),
            "verb": draw.choice(VERBS),
        }
        for _ in range(60)
    ]
    return small(
        enrolments=[{"learner_id": one} for one in who],
        sessions=[
            {"session_id": "S1", "sequence": 1, "starts_at": FIRST, "ends_at": FIRST + timedelta(hours=3)},
            {"session_id": "S2", "sequence": 2, "starts_at": SECOND, "ends_at": SECOND + timedelta(hours=3)},
        ],
        resources=[{"resource_id": one} for one in ("R1", "R2", "R3")],
        plan=[
            {"session_id": "S1", "resource_id": "R1"},
            {"session_id": "S2", "resource_id": "R1"},
            {"session_id": "S1", "resource_id": "R2"},
            {"session_id": "S1", "resource_id": "R3", "phase": "post"},
        ],
        events=events,
        attendance=[{"learner_id": "l0", "session_id": "S1", "status": "late"}],
    )


@pytest.mark.parametrize("seed", range(6))
def test_days_of_work_are_what_plain_loops_find(seed: int) -> None:
    rows = some_class(seed)
    due = {"R1": SECOND, "R2": FIRST}
    expected: dict[tuple, int] = {}
    for event in rows["events"]:
        near = FIRST - timedelta(days=30) <= event["at"] <= SECOND + timedelta(days=30)
        if not near or event["verb"] == "login_failed":
            continue
        kind = "other"
        if event["resource_id"] in due and event["verb"] in ("viewed", "played"):
            kind = "before" if event["at"] < due[event["resource_id"]] else "late"
        key = (event["learner_id"], event["at"].astimezone(PARIS).date(), kind)
        expected[key] = expected.get(key, 0) + 1
    found = timeline(study(rows), learners=5)
    drawn = {(who, day, kind): n for who, day, kind, n in found.days.iter_rows() if day is not None}
    assert drawn == expected
    assert set(found.days["learner"]) == {f"l{i}" for i in range(5)}
    before = found.days["learner"].unique(maintain_order=True).to_list()
    counts = [sum(who == one and kind == "before" for who, _, kind in expected) for one in before]
    assert counts == sorted(counts)
    assert found.presence.rows() == [("l0", FIRST.date(), True)]


def test_a_timeline_is_bounded_and_spread_from_least_to_most() -> None:
    who = [f"l{i:02d}" for i in range(40)]
    rows = small(
        enrolments=[{"learner_id": one} for one in who],
        events=[
            {"learner_id": one, "resource_id": "R1", "at": at(f"2024-03-{n + 1:02d} 10:00")}
            for i, one in enumerate(who) for n in range(min(i, 15))
        ],
    )  # fmt: skip
    found = timeline(study(rows), learners=99)
    names = found.days["learner"].unique(maintain_order=True).to_list()
    assert len(names) == found.shown == MOST_LEARNERS
    assert (names[0], names[-1], found.enrolled) == ("l00", "l39", 40)


def test_single_learners_are_for_research_and_their_trainer_only() -> None:
    whole = study(small())
    with pytest.raises(ParameterError) as refused:
        timeline(whole, role="manager")
    assert str(refused.value) == (
        "single learners are shown to research and to the trainer of their groups only, not to the role 'manager'"
    )
    shown = display.learners_along(whole, role="manager")
    assert "fs-figure" not in shown
    assert "Single learners are shown to research" in shown
    assert timeline(whole, role="trainer").shown == 3
    assert timeline(study({"cohorts": [{"cohort_id": "A"}]})) is None


def test_a_timeline_of_one_session_and_one_resource_holds_no_other_work() -> None:
    rows = some_class(2)
    rows["events"] = [event | {"verb": "viewed"} for event in rows["events"]]
    whole = study(rows)
    found = timeline(whole, sessions=[1], resources=["R1"], learners=5)
    assert found.sessions["sequence"].to_list() == [1]
    near = timedelta(days=30)
    mine = [e for e in rows["events"] if e["resource_id"] == "R1" and abs(e["at"] - FIRST) <= near]
    assert found.days["n"].sum() == len(mine) > 0
    assert timeline(whole, sessions=[9]) is None
