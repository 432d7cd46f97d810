"""Active time against plain loops on generated studies: overlaps, calendars, zones, changes of the clocks."""

from __future__ import annotations

from datetime import timedelta

import brute_activity
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_metrics_brute_force import LIMITS, check_quantile, check_shares, keyed, present

from flipstats import metrics
from flipstats.errors import StudyFileError

PARIS = {"country": "FR", "working_days": [1, 2, 3, 4, 5], "working_hours": ["09:00", "18:00"]}
NIGHT = {
    "name": "night", "country": "DE", "working_days": [1, 3, 6, 7], "working_hours": ["22:00", "06:00"],
    "timezone": "America/New_York",
}  # fmt: skip
LOST = {"name": "lost", "working_days": [1], "working_hours": ["09:00", "18:00"]}
NAMED = {one["name"]: one for one in (NIGHT, LOST)}
OF_COHORTS = st.sampled_from(
    [(), ("cohort_id",), ("arm",), ("site", "iteration"), ("learner_id",), ("x_prior",)]
)


@st.composite
def with_work(draw: st.DrawFn) -> Rows:
    """Add activities that overlap, last for days or begin at the edges of sessions and of working days."""
    rows = draw(any_rows())
    names = st.sampled_from([None, None, None, "night", "lost", "unheard of"])
    rows["learners"] = [who | {"calendar": draw(names)} for who in rows["learners"]]
    if not (rows["learners"] and rows["resources"] and rows["sessions"]):
        return rows
    edges = [edge for s in rows["sessions"] for edge in (s["starts_at"], s["ends_at"])]
    hours = st.sampled_from([-100, -49, -24, -12, -9, -3, -2, -1, -0.25, 0, 0.5, 1, 3, 9, 30])
    spell = st.builds(
        lambda who, what, when, shift, seconds, verb: {
            "learner_id": who, "resource_id": what, "at": when + timedelta(hours=shift), "verb": verb,
            "seconds": seconds, "progress": None,
        },
        st.sampled_from([who["learner_id"] for who in rows["learners"]]),
        st.sampled_from([r["resource_id"] for r in rows["resources"]]),
        st.sampled_from(edges),
        hours,
        st.sampled_from([None, 0.0, 0.25, 59.9996, 900.0, 3600.0, 10_801.5, 200_000.0]),
        st.sampled_from(["played", "played", "viewed", "paused", "completed", "joined", "downloaded"]),
    )  # fmt: skip
    return rows | {"events": rows["events"] + draw(st.lists(spell, max_size=15))}


@GENERATED
@given(rows=with_work(), by=OF_COHORTS)
def test_off_hours_share(rows, by):
    by = present(by, rows)
    answer = metrics.off_hours_share(study(rows, calendar=PARIS, calendars=[NIGHT, LOST]), by)
    expected = brute_activity.off_hours(whole(rows), by, PARIS, NAMED)
    found = keyed(answer, by, "rate")
    assert set(expected) <= set(found)
    for key, row in found.items():
        group = expected[key]
        active, outside, unknown = group["active"], group["outside"], group["unknown"]
        counts = (row["numerator"], row["denominator"], row["unknown"])
        assert counts == pytest.approx((outside, active, unknown), abs=1)
        assert row["n"] == len(group["learners"])
        assert row["value"] == (pytest.approx(outside / active, abs=1e-9) if active else None)
        assert (row["value"] is None) == (row["reason"] is not None)
        total = active + unknown
        assert row["coverage"] == (pytest.approx(active / total) if total else None)
        if row["low"] is not None:
            assert -1e-9 <= row["low"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["high"] <= 1 + 1e-9
    for end, more in (("bound_low", 0), ("bound_high", 1)):
        for key, row in keyed(answer, by, end).items():
            group = expected[key]
            assert row["coverage"] < 0.8
            low = (group["outside"] + more * group["unknown"]) / (group["active"] + group["unknown"])
            assert row["value"] == pytest.approx(low)


@pytest.mark.parametrize(
    ("start", "minutes", "outside"),
    [
        ("2024-03-14 08:50", 20, 10),  # across the beginning of the day
        ("2024-03-14 17:59", 1, 0),
        ("2024-03-14 18:00", 1, 1),
        ("2024-03-16 10:00", 30, 30),  # Saturday
        ("2024-04-01 10:00", 30, 30),  # Easter Monday
        ("2024-03-31 01:30", 60, 60),  # the clocks change: one hour passes, not two
        ("2024-03-29 17:00", 64 * 60, 63 * 60),  # Friday evening to Monday, a holiday; one hour was work
        ("2024-03-15 17:00", 65 * 60, 63 * 60),  # over a weekend, one hour of work at each end
    ],
)
def test_minutes_outside_the_calendar(start, minutes, outside):
    event = {"learner_id": "a", "resource_id": "R1", "at": at(start), "seconds": minutes * 60.0}
    row = metrics.off_hours_share(study(small(events=[event]), calendar=PARIS)).row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (outside, minutes)


def test_two_windows_at_once_are_one_activity():
    events = [
        {"learner_id": "a", "resource_id": name, "at": at(f"2024-03-14 20:{minute}"), "seconds": 600.0}
        for name, minute in (("R1", "00"), ("R2", "05"), ("R1", "05"))
    ]
    row = metrics.off_hours_share(study(small(events=events), calendar=PARIS)).row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (15, 15)


def test_nobody_guesses_a_calendar_or_a_duration():
    """Without a country there are no holidays, and a click has no minutes."""
    click = {"learner_id": "a", "resource_id": "R1", "at": at("2024-03-14 20:00")}
    for events, calendar, reason in (
        ([click | {"seconds": 60.0}], {}, "no_calendar"),
        ([click | {"seconds": 60.0}], {"country": "ZZ"}, "no_calendar"),
        ([click], PARIS, "no_durations"),
    ):
        row = metrics.off_hours_share(study(small(events=events), calendar=calendar)).row(0, named=True)
        assert (row["value"], row["reason"]) == (None, reason)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"country": "France"}, "calendar.country"),
        ({"working_days": [0]}, "numbers from 1 (Monday) to 7 (Sunday)"),
        ({"working_hours": ["9", "18:00"]}, "two times such as 09:00 and 18:00"),
        ({"timezone": "Paris"}, "IANA name such as 'Europe/Paris'"),
    ],
)
def test_a_calendar_that_cannot_be_read_is_refused(wrong, says):
    with pytest.raises(StudyFileError) as caught:
        study(small(), calendar=wrong)
    assert says in str(caught.value)


@st.composite
def with_slots(draw: st.DrawFn) -> Rows:
    """Add self-study slots that end or begin on the edges of sessions."""
    rows = draw(with_work())
    slots = []
    for number, session in enumerate(rows["sessions"]):
        ends = session["starts_at"] - timedelta(hours=draw(st.sampled_from([0, 0.5, 24, 96])))
        slots.append(
            {
                "session_id": f"slot{number}", "cohort_id": session["cohort_id"], "sequence": None,
                "kind": "self_study_slot", "format": None, "ends_at": ends,
                "starts_at": ends - timedelta(hours=draw(st.sampled_from([1, 2, 24]))),
            }
        )  # fmt: skip
    return rows | {"sessions": rows["sessions"] + slots}


@GENERATED
@given(rows=with_slots(), by=OF_COHORTS)
def test_study_slot_use(rows, by):
    by = present(by, rows)
    answer, expected = metrics.study_slot_use(study(rows), by), brute_activity.slots(whole(rows), by)
    check_shares(answer, by, "rate", {key: group["rate"] for key, group in expected.items()})
    timed = any(
        True for who in rows["learners"] for _ in brute_activity.measured(whole(rows), who["learner_id"])
    )
    for key, row in keyed(answer, by, "minutes").items():
        group = expected[key]
        assert row["unknown"] == group["rate"].unknown
        if group["slot"] and timed:
            assert row["value"] == pytest.approx(group["spent"] / group["slot"], abs=1e-9)
            assert row["denominator"] == group["slot"]
            assert 0 <= row["value"] <= 1
        else:
            assert row["value"] is None
            assert row["reason"] is not None


@GENERATED
@given(rows=with_work(), by=OF_COHORTS)
def test_pace(rows, by):
    by = present(by, rows)
    covers = [c | {"covers_to": c["covers_to"] + timedelta(days=20)} for c in rows["coverage"]]
    rows = rows | {"coverage": covers}
    answer, expected = metrics.pace(study(rows), by), brute_activity.paces(whole(rows), by, LIMITS)
    timed = any(
        True for who in rows["learners"] for _ in brute_activity.measured(whole(rows), who["learner_id"])
    )
    for statistic, share in (("median", 0.5), ("q25", 0.25), ("q75", 0.75)):
        for key, row in keyed(answer, by, statistic).items():
            group = expected[key]
            if not timed:
                assert row["value"] is None
                assert row["unknown"] == len(group["ratios"]) + group["untimed"]
                continue
            assert row["unknown"] == group["untimed"]
            if row["reason"] == "no_lengths":
                assert (group["ratios"], group["untimed"]) == ([], 0)
            else:
                check_quantile(row, group["ratios"], share)
    for key, row in keyed(answer, by, "share_again").items():
        group = expected[key]
        tally = group["again"]
        assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
        assert row["value"] == (pytest.approx(tally.yes / tally.of) if tally.of else None)
        total = group["told"] + tally.unknown
        assert row["coverage"] == (pytest.approx(group["told"] / total) if total else None)
        assert (row["value"] is None) == (row["reason"] is not None)


def _video(**changes):
    video = {"resource_id": "R1", "kind": "video", "length_min": 10.0}
    return small(resources=[video, {"resource_id": "R2"}], **changes)


def test_an_hour_of_clicks_is_not_an_hour_of_nothing():
    """Who looked where nothing is measured is unknown; only who never looked has 0."""
    events = [
        {"learner_id": "a", "resource_id": "R1", "at": at("2024-03-14 10:00"), "seconds": 300.0},
        {"learner_id": "b", "resource_id": "R1", "at": at("2024-03-14 10:00")},
    ]
    rows = metrics.pace(study(_video(events=events)))
    row = rows.filter(statistic="median").row(0, named=True)
    assert (row["value"], row["denominator"], row["unknown"]) == (0.25, 2, 1)  # a: 0.5, c: 0


@pytest.mark.parametrize(("minutes", "again"), [(9, 0), (10, 0), (11, 1)])
def test_ten_minutes_without_a_trace_end_an_occasion(minutes, again):
    start = at("2024-03-14 10:00")
    events = [
        {"learner_id": "a", "resource_id": "R1", "at": start, "seconds": 60.0},
        {"learner_id": "a", "resource_id": "R1", "at": start + timedelta(minutes=1 + minutes)},
    ]
    row = metrics.pace(study(_video(events=events))).filter(statistic="share_again").row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (again, 1)


@pytest.mark.parametrize(
    ("when", "used", "spent"),
    [("13:59", 0, 4), ("14:00", 1, 5), ("14:59", 1, 1), ("15:00", 0, 0), ("13:54", 0, 0)],
)
def test_only_what_lies_inside_the_slot_counts(when, used, spent):
    slot = {
        "session_id": "Z", "kind": "self_study_slot", "starts_at": at("2024-03-14 14:00"),
        "ends_at": at("2024-03-14 15:00"),
    }  # fmt: skip
    events = [
        {"learner_id": "a", "resource_id": "R1", "at": at(f"2024-03-14 {when}"), "seconds": 300.0},
        {"learner_id": "a", "resource_id": "R1", "at": at(f"2024-03-14 {when}"), "seconds": 100.0},
    ]
    class_ = study(small(sessions=[*small()["sessions"], slot], events=events))
    found = {row["statistic"]: row for row in metrics.study_slot_use(class_).iter_rows(named=True)}
    assert (found["rate"]["numerator"], found["rate"]["denominator"]) == (used, 3)
    assert (found["minutes"]["numerator"], found["minutes"]["denominator"]) == (spent, 180)


@pytest.mark.parametrize("key", ["off_hours_share", "pace", "study_slot_use"])
def test_a_study_without_tables_says_what_is_missing(key):
    for rows in ({}, small(), {"sessions": small()["sessions"]}):
        row = metrics.compute(study(rows), key).row(0, named=True)
        assert row["value"] is None
        assert row["reason"] in {
            "no_sessions",
            "no_roster",
            "no_plan",
            "no_durations",
            "no_lengths",
            "not_applicable",
        }
