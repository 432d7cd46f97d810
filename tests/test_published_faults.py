"""Faults found in published dashboards, each with a small class that shows it: ours must not have them.

The list is the one of issue 3: what the faulty dashboards would have said stands beside what is right.
"""

from __future__ import annotations

import moodle_exports
import polars as pl
import pytest
from studies import at, small, study

from flipstats import metrics
from flipstats.build import build_study
from flipstats.study import Study

BEFORE = at("2024-03-17 18:00")


def ask(of: Study, key: str, statistic: str, by: tuple[str, ...] = (), **where: object) -> dict:
    depth = where.pop("depth", None)
    rows = metrics.compute(of, key, by, depth=depth).filter(pl.col("statistic") == statistic)
    for column, value in where.items():
        rows = rows.filter(pl.col(column) == value)
    assert rows.height == 1
    return rows.row(0, named=True)


def seen(who: str, what: str, **more: object) -> dict:
    return {"learner_id": who, "resource_id": what, "at": BEFORE} | more


def test_learners_without_any_event_stay_in_the_denominator():
    """Faulty: rates over those the log knows, so that "none" is an empty class."""
    class_ = study(small(events=[seen("a", "R1"), seen("a", "R2")]))
    pairs = ask(class_, "consultation_rate", "rate", depth="opened")
    assert (pairs["numerator"], pairs["denominator"]) == (2, 6)
    prepared = ask(class_, "prepared_rate", "all", depth="opened")
    assert (prepared["numerator"], prepared["denominator"]) == (1, 3)
    nothing = ask(class_, "preparation_spread", "share_at_0", depth="opened")
    assert (nothing["numerator"], nothing["denominator"]) == (2, 3)


def start_quiz(*attempts: dict, **changes: list[dict]) -> Study:
    return study(
        small(
            assessments=[{"assessment_id": "T", "session_id": "S1", "role": "start"}],
            attempts=[{"assessment_id": "T"} | attempt for attempt in attempts],
            attendance=[
                {"learner_id": who, "session_id": "S1", "status": "present"} for who in ("a", "b", "c")
            ],
            **changes,
        )
    )


def test_first_tries_are_counted_among_the_same_learners_above_and_below():
    """Faulty: first tries right over second tries wrong: 2 of 1 here, and a division by 0 without retries."""
    class_ = start_quiz(
        {"learner_id": "a", "attempt": 1, "score": 1.0},
        {"learner_id": "b", "attempt": 1, "score": 1.0},
        {"learner_id": "c", "attempt": 1, "score": 0.0},
        {"learner_id": "c", "attempt": 2, "score": 1.0},
    )
    mean = ask(class_, "start_score", "mean")
    assert (mean["value"], mean["denominator"]) == (pytest.approx(2 / 3), 3)
    rate = ask(class_, "start_score", "response_rate")
    assert (rate["numerator"], rate["denominator"]) == (3, 3)


def test_the_share_seen_is_each_learners_own_and_never_pooled():
    """Faulty: parts seen by different learners are joined: three thirds make a video "seen to the end"."""
    class_ = study(small(events=[seen(who, "R1", verb="played", progress=0.34) for who in ("a", "b", "c")]))
    for depth in ("substantial", "completed"):
        video = ask(class_, "consultation_rate", "rate", ("resource_id",), depth=depth, resource_id="R1")
        assert (video["numerator"], video["denominator"]) == (0, 3)
    assert ask(class_, "consultation_rate", "rate", ("resource_id",), depth="opened", resource_id="R1")[
        "value"
    ] == pytest.approx(1)
    half = ask(class_, "resource_reach", "retention_50", ("resource_id",), resource_id="R1")
    assert (half["numerator"], half["denominator"]) == (0, 3)
    median = ask(class_, "resource_reach", "median_seen", ("resource_id",), resource_id="R1")
    assert median["value"] == pytest.approx(0.34)


def test_who_never_came_is_among_those_to_look_after():
    """Faulty: "at risk" looks for low activity among the active; whoever never came is not even listed."""
    class_ = study(small(events=[seen("a", "R1"), seen("b", "R1"), seen("b", "R2")]))
    rows = metrics.consultation_rate(class_, ["learner_id"], depth="opened").filter(statistic="rate")
    assert dict(rows.select("learner_id", "value").iter_rows()) == {"a": 0.5, "b": 1.0, "c": 0.0}
    left = ask(class_, "lead_time", "share_not_prepared", depth="opened")
    assert (left["numerator"], left["denominator"]) == (1, 3)
    rows = small(
        cohorts=[{"cohort_id": "A", "starts_at": at("2024-03-10 12:00"), "ends_at": at("2024-03-18 12:00")}],
        events=[seen("a", "R1"), seen("b", "R1")],
    )
    rows["enrolments"][0] |= {"completed_at": at("2024-03-18 12:00")}
    gone = ask(study(rows, design={"completion_rule": "recorded"}), "dropout", "rate")
    assert (gone["numerator"], gone["denominator"]) == (1, 3)  # c was never there


def test_a_grade_that_is_missing_is_not_a_zero():
    """Faulty: an attempt not yet graded falls in the class "0–9 %"."""
    class_ = start_quiz(
        {"learner_id": "a", "score": 0.8}, {"learner_id": "b", "score": None, "missing_reason": "not_graded"}
    )
    mean = ask(class_, "start_score", "mean")
    assert (mean["value"], mean["denominator"], mean["unknown"]) == (pytest.approx(0.8), 1, 1)


def test_an_empty_state_is_not_a_failure():
    """Faulty: who has no result yet, because nobody has, is shown as "failed"."""
    rows = small(assessments=[{"assessment_id": "EX", "role": "summative"}])
    class_ = study(rows, design={"completion_rule": "summative_passed"}, as_of=at("2024-06-01 00:00"))
    rate = ask(class_, "completion_rate", "rate")
    assert (rate["value"], rate["denominator"], rate["unknown"]) == (None, 0, 3)
    assert rate["reason"] is not None


def test_a_resource_that_nobody_opened_stays_in_the_table():
    """Faulty: the chart is drawn from the log, and a resource at 0 % is not in the log."""
    class_ = study(small(events=[seen("a", "R1")]))
    rows = metrics.consultation_rate(class_, ["resource_id"], depth="opened").filter(statistic="rate")
    assert dict(rows.select("resource_id", "value").iter_rows()) == {"R1": pytest.approx(1 / 3), "R2": 0.0}
    reach = metrics.resource_reach(class_, ["resource_id"]).filter(statistic="reach")
    assert dict(reach.select("resource_id", "value").iter_rows()) == {"R1": pytest.approx(1 / 3), "R2": 0.0}


def test_who_did_not_look_is_given_no_delay_and_shown_beside_it():
    """Faulty: the mean delay of those who looked stands for the group, or the others get 0 or the maximum."""
    class_ = study(small(events=[seen("a", "R1"), seen("b", "R1", at=at("2024-03-18 06:00"))]))
    delay = ask(class_, "lead_time", "median", depth="opened")
    assert (delay["value"], delay["denominator"]) == (pytest.approx((15 + 3) / 2), 2)
    apart = ask(class_, "lead_time", "share_not_prepared", depth="opened")
    assert (apart["numerator"], apart["denominator"]) == (1, 3)


def test_a_learner_counts_on_every_day_and_not_only_on_the_first():
    """Faulty: repeated learners are removed before dates are filtered; whoever came early is lost later."""
    rows = small(
        events=[
            seen("a", "R1", at=at("2024-03-05 10:00")),  # first day, before R2 is out
            seen("a", "R2", at=at("2024-03-05 10:00")),
            seen("a", "R2", at=at("2024-03-17 10:00")),
            seen("a", "R2", at=at("2024-03-24 10:00")),
        ],
        sessions=[
            {"session_id": "S1", "starts_at": at("2024-03-18 09:00"), "ends_at": at("2024-03-18 12:00")},
            {"session_id": "S2", "starts_at": at("2024-03-25 09:00"), "ends_at": at("2024-03-25 12:00")},
        ],
        plan=[
            {"session_id": "S1", "resource_id": "R2", "released_at": at("2024-03-11 00:00")},
            {"session_id": "S2", "resource_id": "R2", "released_at": at("2024-03-19 00:00")},
        ],
    )
    for session in ("S1", "S2"):
        got = ask(
            study(rows), "consultation_rate", "rate", ("session_id",), depth="opened", session_id=session
        )
        assert (got["numerator"], got["denominator"]) == (1, 3)


SHEETS = {
    "cohorts.csv": [("cohort", "title", "arm", "starts"), ("A", "A", "flipped", "2024-03-01 08:00")],
    "sessions.csv": [
        ("cohort", "number", "title", "starts", "ends"),
        ("A", "1", "Fire", "2024-03-21 09:00", "2024-03-21 12:00"),
    ],
    "resources.csv": [
        ("cmid", "title", "kind", "prepares", "phase", "mandatory"),
        ("301", "Extincteurs", "page", "1", "pre", "yes"),
    ],
    "assessments.csv": [("file", "title", "role", "session")],
    "people.csv": [
        ("First name", "Last name", "Email address", "Groups"),
        *((name, "L", f"{name.lower()}@x.org", "A") for name in ("Ada", "Ben", "Cleo", "Tina")),
    ],
}
STUDY = """
[programme]
timezone = "Europe/Paris"
[[sources]]
file = "people.csv"
cohort = "A"
[[sources]]
file = "log.csv"
cohort = "A"
covers_to = 2024-04-01
[privacy]
staff = ["tina@x.org"]
"""


def test_staff_and_staff_in_a_learners_shoes_are_no_learners(tmp_path):
    """Faulty: the trainer's own clicks, and those made "as Ben" by a helper, count as preparation."""
    for name, rows in SHEETS.items():
        moodle_exports.export(tmp_path, name, rows)
    log = [
        moodle_exports.view("18/03/24, 08:00", 7, "Ada L"),
        moodle_exports.view("19/03/24, 08:00", 2, "Admin User as Ben L"),
        moodle_exports.view("19/03/24, 09:00", 3, "Tina L"),
    ]
    moodle_exports.export(tmp_path, "log.csv", [moodle_exports.LOG_EN, *log])
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    built = build_study(tmp_path).study
    got = ask(built, "consultation_rate", "rate", depth="opened")
    assert (got["numerator"], got["denominator"], got["unknown"]) == (1, 3, 0)


def test_one_click_on_a_long_reading_is_neither_no_minutes_nor_all_of_them():
    """Faulty: one instant of the log on a 45-minute reading is 0 minutes of work, or 45."""
    long = {"resources": [{"resource_id": "R1", "length_min": 45.0}, {"resource_id": "R2"}]}
    rows = small(events=[seen("a", "R1")], **long)
    rows["coverage"] = [{"level": "opened", "covers_to": at("2024-04-30 00:00")}]
    opened = ask(study(rows), "consultation_rate", "rate", ("resource_id",), depth="opened", resource_id="R1")
    assert (opened["numerator"], opened["denominator"]) == (1, 3)
    deeper = ask(
        study(rows), "consultation_rate", "rate", ("resource_id",), depth="substantial", resource_id="R1"
    )
    assert (deeper["value"], deeper["unknown"], deeper["reason"]) == (None, 3, "level_not_traced")
