"""A cell that is known in part is unknown as a whole: else what is seen, or what is not, makes every rate."""

from __future__ import annotations

import datetime as dt

import pytest
from studies import at, small, study

from flipstats import metrics
from flipstats.ledger import Rule
from flipstats.ledger.measure import activity_intervals

EVERYBODY = [{"learner_id": name, "session_id": "S1", "status": "present"} for name in ("a", "b", "c")]
SOURCE = {
    "source_id": "LOG", "file": "log.csv", "sha256": "0", "format": "moodle_log", "rows_read": 0,
    "rows_kept": 0, "rows_merged": 0, "rows_set_aside": 0,
}  # fmt: skip


def test_of(role: str, *attempts: dict, **more: object) -> dict[str, list[dict]]:
    test = {"assessment_id": "T", "role": role, **more}
    return small(assessments=[test], attempts=[{"assessment_id": "T", **line} for line in attempts])


test_of.__test__ = False


def counts(rows, statistic: str = "rate") -> tuple:
    row = rows.filter(statistic=statistic).row(0, named=True)
    return row["value"], row["numerator"], row["denominator"], row["unknown"], row["reason"]


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2024-03-18 08:59", (None, 0, 0, 3, "no_quiz_results")),
        ("2024-03-18 09:00", (pytest.approx(1 / 3), 1, 3, 0, None)),
    ],
)
def test_a_quiz_may_still_come_until_the_session_starts(as_of, expected):
    early = {"learner_id": "a", "score": 1.0, "submitted_at": at("2024-03-05 09:00")}
    rows = test_of("pre_quiz", early, session_id="S1")
    assert counts(metrics.pre_quiz_rate(study(rows, as_of=at(as_of)))) == expected


def test_attempts_without_times_do_not_make_nobody_hand_in():
    tried = [{"learner_id": name, "score": 1.0} for name in ("a", "b")]
    quiz = metrics.pre_quiz_rate(study(test_of("pre_quiz", *tried, session_id="S1")))
    assert counts(quiz) == (None, 0, 0, 3, "no_quiz_results")
    test = metrics.baseline_score(study(test_of("positioning", *tried)))
    assert counts(test, "response_rate") == (None, 0, 0, 3, "no_test_results")
    work = metrics.transfer(study(test_of("deliverable", *tried, due_at=at("2024-04-01 00:00"))))
    assert counts(work) == (None, 0, 0, 3, "not_graded")
    free = metrics.transfer(study(test_of("deliverable", *tried)))  # no due time: any time is in time
    assert counts(free) == (pytest.approx(2 / 3), 2, 3, 0, None)


def test_a_list_of_those_who_did_not_take_it_is_a_result():
    nobody = [{"learner_id": name, "missing_reason": "no_attempt"} for name in ("a", "b", "c")]
    test = metrics.baseline_score(study(test_of("positioning", *nobody)))
    assert counts(test, "response_rate") == (0.0, 0, 3, 0, None)


def test_results_that_are_not_in_the_study_are_not_refusals():
    exam = {"assessment_id": "E", "role": "summative"}
    done = [{"learner_id": "a", "assessment_id": "E", "score": 1.0}]
    tests = [{"assessment_id": "T", "role": "positioning"}, exam]
    rows = metrics.baseline_score(study(small(assessments=tests, attempts=done)))
    assert counts(rows, "response_rate") == (None, 0, 0, 3, "no_test_results")
    tests = [{"assessment_id": "T", "role": "start", "session_id": "S1"}, exam]
    rows = metrics.start_score(study(small(assessments=tests, attempts=done, attendance=EVERYBODY)))
    assert counts(rows, "response_rate") == (None, 0, 0, 3, "no_test_results")
    assert counts(rows, "mean")[-1] == "no_test_results"


@pytest.mark.parametrize(("until", "unknown"), [("2024-05-31 23:59", 3), ("2024-06-01 00:00", 0)])
def test_what_is_not_due_yet_is_unknown_of_the_early_too(until, unknown):
    early = {"learner_id": "a", "score": 1.0, "submitted_at": at("2024-04-01 00:00")}
    rows = test_of("deliverable", early, due_at=at("2024-06-01 00:00"))
    rows["sources"] = [SOURCE | {"covers_to": at(until)}]  # as far as the study speaks, undeclared
    assert counts(metrics.transfer(study(rows)))[3] == unknown


def test_nameless_answers_do_not_make_everybody_take_part():
    lines = [
        {
            "learner_id": who,
            "session_id": "S1",
            "phase": "in",
            "item": "poll",
            "rating": 3.0,
            "scale_max": 5.0,
        }
        for who in ("a", None)
    ]
    class_ = study(small(feedback=lines, sources=[SOURCE], attendance=EVERYBODY))
    rows = metrics.participation_rate(class_)
    assert counts(rows) == (None, 0, 0, 3, "no_session_traces")
    assert counts(rows, "bound_low")[:3] == (pytest.approx(1 / 3), 1, 3)
    prior = [{"learner_id": name, "tracking": "traced", "x_prior": "low"} for name in ("a", "b", "c")]
    rows = small(feedback=lines, sources=[SOURCE], learners=prior)
    given = metrics.feedback_response_rate(study(rows), ["x_prior"])
    assert counts(given) == (None, 0, 0, 3, "respondents_not_known")
    assert counts(metrics.feedback_response_rate(study(rows))) == (pytest.approx(2 / 3), 2, 3, 0, None)


@pytest.mark.parametrize(
    ("verb", "begins"),
    [("paused", "17:28"), ("completed", "17:28"), ("submitted", "17:28"), ("failed", "17:28"),
     ("played", "17:58"), ("viewed", "17:58")],
)  # fmt: skip
def test_a_duration_lies_before_what_ends_something_and_after_anything_else(verb, begins):
    """A player that reports on each pause tells of the half hour before it, one that reports a play of that after."""
    event = {
        "learner_id": "a",
        "resource_id": "R1",
        "at": at("2024-03-14 17:58"),
        "verb": verb,
        "seconds": 1800.0,
    }
    calendar = {"country": "FR", "working_hours": ["09:00", "18:00"]}
    class_ = study(small(events=[event]), calendar=calendar)
    outside = 0 if begins == "17:28" else 28
    assert counts(metrics.off_hours_share(class_))[1:3] == (outside, 30)
    spell = activity_intervals(class_, Rule()).collect().row(0, named=True)
    start = at(f"2024-03-14 {begins}")
    assert (spell["start"], spell["end"]) == (start, start + dt.timedelta(minutes=30))
