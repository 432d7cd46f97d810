"""The hours ledger: minutes by brute force, each counted once, nothing credited that is not known."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import brute_ledger
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import PARIS, at, whole
from studies import study as study_of

from flipstats.errors import ParameterError, StudyFileError
from flipstats.ledger import Rule, ledger, read_rule, totals

FRIDAY = "2024-03-15"
DAYS = (FRIDAY, "2024-03-16")  # a Friday, when the session is, and a Saturday
MINUTES = ("announced_min", "measured_min", "counted_once_min", "credited_min")


def hundredths(seconds: float | None) -> float | None:
    """Minutes cut to whole hundredths."""
    return None if seconds is None else math.floor(seconds * 100 / 60 + 1e-6) / 100


def rows_of(events: list, sheet: list, withdrawn: bool = False) -> dict:
    return {
        "learners": [
            {"learner_id": "ada", "tracking": "withdrawn" if withdrawn else "traced"},
            {"learner_id": "bo", "tracking": "traced"},
        ],
        "enrolments": [{"learner_id": "ada"}, {"learner_id": "bo"}],
        "sessions": [
            {"session_id": "S", "starts_at": at(f"{FRIDAY} 10:00"), "ends_at": at(f"{FRIDAY} 11:30")}
        ],
        "resources": [
            {"resource_id": "V", "length_min": 12.0},
            {"resource_id": "W", "length_min": 5.0},
            {"resource_id": "T"},
            {"resource_id": "X", "length_min": 9.0},
        ],
        "plan": [{"session_id": "S", "resource_id": name} for name in ("V", "W", "T")],
        "coverage": [{"covers_to": at("2024-04-30 00:00")}],
        "events": [
            {
                "learner_id": who, "resource_id": what, "verb": verb, "seconds": seconds, "record": i + 1,
                "at": at(f"{DAYS[day]} 08:00") + dt.timedelta(seconds=second), "source_id": "LOG",
            }
            for i, (who, what, verb, seconds, day, second) in enumerate(events)
        ],
        "attendance": [
            {"learner_id": who, "session_id": "S", "status": status, "minutes": minutes, "late_minutes": late}
            for who, status, minutes, late in sheet
        ],
    }  # fmt: skip


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bo"]),
        st.sampled_from(["V", "W", "T", "X", None]),
        st.sampled_from(["viewed", "paused", "logged_out", "graded"]),
        st.one_of(st.none(), st.integers(1, 1800).map(float)),
        st.integers(0, 1),
        st.integers(3000, 18_000),
    ),
    max_size=14,
)
SHEET = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bo"]),
        st.sampled_from(["present", "late", "absent", "excused", "not_taken"]),
        st.one_of(st.none(), st.integers(0, 120).map(float)),
        st.one_of(st.none(), st.integers(0, 120).map(float)),
    ),
    max_size=4,
)
RULES = st.builds(
    Rule,
    idle_gap_min=st.sampled_from([10, 3, 0]),
    last_click_min=st.sampled_from([0, 2]),
    credited_days=st.sampled_from(["all", "working"]),
    country=st.just("FR"),
)


@settings(deadline=None, max_examples=60)
@given(EVENTS, SHEET, RULES, st.booleans())
def test_every_line_is_as_counted_second_by_second(
    events: list, sheet: list, rule: Rule, withdrawn: bool
) -> None:
    rows = rows_of(events, sheet, withdrawn)
    made = ledger(study_of(rows), rule)
    rows = whole(rows)
    lines = {(r["learner_id"], r["activity_id"]): r for r in made.rows.iter_rows(named=True)}
    assert len(lines) == made.rows.height
    for key, (announced, seen, credited, reason) in brute_ledger.sessions(rows).items():
        found = lines[key]
        assert (found["announced_min"], found["measured_min"]) == (hundredths(announced), hundredths(seen))
        assert (found["credited_min"], found["reason"]) == (hundredths(credited), reason)
    worked = brute_ledger.resources(rows, rule, PARIS)
    for key, (seen, once, credited) in worked.items():
        found = [lines[key][name] for name in MINUTES[1:]]
        assert found == [hundredths(x) for x in (seen, once, credited)], (key, lines[key])
    silent = [r for key, r in lines.items() if r["kind"] == "resource" and key not in worked]
    assert all(r["credited_min"] == 0 for r in silent)
    assert made.rows.filter(kind="resource").height == len(worked) + len(silent)
    for row in lines.values():
        assert row["credited_min"] <= (row["announced_min"] or 0) + 1e-9


@settings(deadline=None, max_examples=20)
@given(EVENTS, SHEET)
def test_the_totals_are_the_sums_of_the_lines_to_the_hundredth(events: list, sheet: list) -> None:
    made = ledger(study_of(rows_of(events, sheet)), Rule())
    for row in made.totals().iter_rows(named=True):
        mine = made.rows.filter(learner_id=row["learner_id"])
        for name in MINUTES:
            assert round(100 * row[name]) == sum(round(100 * x) for x in mine[name].drop_nulls())


def test_two_videos_at_once_and_a_video_in_the_session_are_counted_once() -> None:
    events = [
        ("ada", "V", "paused", 600.0, 0, 3600),  # 08:50 to 09:00
        ("ada", "W", "paused", 600.0, 0, 3900),  # 08:55 to 09:05
        ("ada", "V", "paused", 600.0, 0, 7800),  # 10:00 to 10:10, in the session
    ]
    made = ledger(study_of(rows_of(events, [("ada", "present", None, None)])), Rule())
    lines = {r["activity_id"]: r for r in made.rows.filter(learner_id="ada").iter_rows(named=True)}
    assert (lines["V"]["measured_min"], lines["V"]["counted_once_min"]) == (20, 10)
    assert (lines["W"]["measured_min"], lines["W"]["counted_once_min"]) == (10, 5)
    assert lines["S"]["credited_min"] == 90
    assert made.totals().filter(learner_id="ada")["credited_min"][0] == 105


def test_an_unknown_sheet_credits_nothing() -> None:
    made = ledger(study_of(rows_of([], [("bo", "not_taken", None, None)])), Rule())
    lines = made.rows.filter(kind="session")
    assert lines["measured_min"].to_list() == [None, None]
    assert lines["credited_min"].to_list() == [0, 0]
    assert set(lines["reason"]) == {"sheet_missing"}


def test_what_no_source_covers_is_unknown_and_what_is_covered_is_nothing() -> None:
    rows = rows_of([], [])
    covered = ledger(study_of(rows), Rule()).rows.filter(activity_id="V", learner_id="ada")
    assert covered.select("measured_min", "reason").row(0) == (0.0, "no_trace")
    rows["coverage"] = [{"covers_to": at("2024-03-01 00:00")}]
    early = ledger(study_of(rows), Rule()).rows.filter(activity_id="V", learner_id="ada")
    assert early.select("measured_min", "reason").row(0) == (None, "not_covered")
    rows["learners"][0]["tracking"] = "withdrawn"
    silent = ledger(study_of(rows), Rule()).rows.filter(activity_id="V", learner_id="ada")
    assert silent.select("measured_min", "reason").row(0) == (None, "not_traced")


def test_announced_time_is_credited_only_with_a_test_and_a_rule_that_was_signed_off() -> None:
    rows = rows_of([("ada", "V", "paused", 60.0, 0, 3600)], [])
    rows["assessments"] = [{"assessment_id": "Q", "session_id": "S", "role": "pre_quiz"}]
    rows["attempts"] = [
        {"learner_id": "ada", "assessment_id": "Q", "score": 0.8},
        {"learner_id": "bo", "assessment_id": "Q", "score": 0.2},
    ]
    study = study_of(rows)
    with pytest.raises(ValueError, match="signed_off_by"):
        Rule(credit="announced_if_proved")
    rule = Rule(credit="announced_if_proved", signed_off_by="Director", signed_off_on=dt.date(2024, 1, 8))
    by_rule, usual = (
        {
            (r["learner_id"], r["activity_id"]): (r["credited_min"], r["reason"])
            for r in ledger(study, one).rows.iter_rows(named=True)
        }
        for one in (rule, Rule())
    )
    assert by_rule["ada", "V"] == (12, "proved")
    assert usual["ada", "V"] == (1, "measured")
    assert by_rule["bo", "V"] == usual["bo", "V"] == (0, "no_trace")
    assert by_rule["ada", "T"][1] == "not_announced"


def test_evidence_leads_back_to_the_rows_of_the_export() -> None:
    events = [("ada", "V", "viewed", None, 0, 3600 + 60 * i) for i in range(4)]
    events[2:2] = [("bo", "W", "viewed", None, 0, 3700)]
    line = ledger(study_of(rows_of(events, [])), Rule()).rows.filter(learner_id="ada", activity_id="V")
    assert line.select("evidence", "source_rows").row(0) == ("log=4", "LOG:1-2,4-5")


def test_a_public_holiday_is_credited_where_the_rule_says_so() -> None:
    rows = rows_of([("ada", "V", "paused", 600.0, 0, 3600)], [])
    for event in rows["events"]:
        event["at"] = at("2024-05-01 09:00")  # Labour Day, a Wednesday
    study = study_of(rows)
    for rule, expected in (
        (Rule(), (10, "measured")),
        (Rule(credited_days="working", country="FR"), (0, "not_working_day")),
        (Rule(credited_days="working", country="NL"), (10, "measured")),
    ):
        line = ledger(study, rule).rows.filter(learner_id="ada", activity_id="V")
        assert line.select("credited_min", "reason").row(0) == expected
    with pytest.raises(ParameterError, match="XX"):
        ledger(study, Rule(credited_days="working", country="XX"))


def test_a_rule_file_is_read_with_its_mistakes_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('version = "2024-1"\nidle_gap_min = 5\n', encoding="utf-8")
    assert read_rule(good, "FR") == Rule(version="2024-1", idle_gap_min=5, country="FR")
    for text in ("idle_gap = 5\n", "idle_gap_min = -1\n", 'credit = "announced_if_proved"\n', "x\n"):
        bad.write_text(text, encoding="utf-8")
        with pytest.raises(StudyFileError, match=r"bad\.toml"):
            read_rule(bad)


def test_an_empty_study_makes_an_empty_ledger() -> None:
    made = ledger(study_of({}), Rule())
    assert made.rows.height == 0
    assert totals(made.rows).height == 0


def test_everybody_enrolled_has_a_line_for_every_session() -> None:
    made = ledger(study_of(rows_of([], [("ada", "present", None, None)])), Rule()).rows
    assert set(made.filter(kind="session").select("learner_id").to_series()) == {"ada", "bo"}
    assert made.select(pl.struct("learner_id", "activity_id").n_unique()).item() == made.height
