"""Who could not get in, and who gave up afterwards, against plain loops on generated studies."""

from __future__ import annotations

from datetime import timedelta

import brute_access
import brute_force
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats.contingency import relative_risk
from strategies import BASES, GENERATED, MICROSECOND
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_indicators_reach import same
from test_indicators_tutoring import OF_ENROLMENTS
from test_metrics_brute_force import LIMITS, keyed, present

from flipstats import metrics
from flipstats.effects.two_sides import ratio_interval
from flipstats.export import for_manager
from flipstats.intervals import wilson

AS_OF = BASES[1] + timedelta(days=60)
_COUNTS = dict.fromkeys(("rows_read", "rows_kept", "rows_merged", "rows_set_aside"), 0)


@st.composite
def with_logins(draw: st.DrawFn) -> Rows:
    """Add logins that fail and succeed, on and beside the half hour, in logs that speak for long or not."""
    rows = draw(any_rows())
    names = [who["learner_id"] for who in rows["learners"]]
    edges = [edge for s in rows["sessions"] for edge in (s["starts_at"] - timedelta(days=6), s["starts_at"])]
    edges += [e[c] for e in rows["enrolments"] for c in ("enrolled_at", "withdrawn_at") if e[c]]
    days = timedelta(days=draw(st.sampled_from([40, 40, 10])))
    forms = {"LOG": draw(st.sampled_from(["moodle_log", "xapi"])), "SITE": "moodle_logstore"}
    covers = [line | {"covers_to": line["covers_to"] + days} for line in rows["coverage"]]
    logins: list[dict] = []
    if names and edges:
        minutes = st.sampled_from([1, 29, 30, 30, 31, 600, 5000])
        for _ in range(draw(st.sampled_from([6, 3, 1, 0]))):
            who, when = draw(st.sampled_from([*names, *names, None])), draw(st.sampled_from(edges))
            source = draw(st.sampled_from(["LOG", "LOG", "LOG", "SITE"]))
            line = {"learner_id": who, "at": when, "verb": "login_failed", "source_id": source}
            logins.append(line)
            again = (
                when
                + timedelta(minutes=draw(minutes))
                + draw(st.sampled_from([MICROSECOND * 0, MICROSECOND]))
            )
            verb = draw(st.sampled_from(["logged_in", "logged_in", "course_viewed", "graded"]))
            if draw(st.booleans()):
                logins.append(line | {"at": again, "verb": verb})
    return rows | {
        "coverage": covers,
        "events": [e | {"source_id": "LOG"} for e in rows["events"]] + logins,
        "sources": [
            {
                "source_id": name, "file": f"{name}.csv", "sha256": name, "format": form, **_COUNTS,
                "cohort_id": draw(st.sampled_from([None, None, rows["cohorts"][0]["cohort_id"]])),
                "covers_to": draw(st.sampled_from([None, AS_OF])),
            }
            for name, form in forms.items()
        ],
    }  # fmt: skip


def _told(rows: Rows) -> bool:
    failed = [e["learner_id"] for e in rows["events"] if e["verb"] == "login_failed"]
    source = any(brute_access.tells_failures(rows, e["source_id"]) for e in rows["events"])
    return source and (not failed or any(failed))


@GENERATED
@given(rows=with_logins(), by=OF_ENROLMENTS)
def test_access_failure_rate(rows, by):
    by = present(by, rows)
    answer = metrics.access_failure_rate(study(rows), by)
    if not _told(rows):
        assert answer["value"].null_count() == answer.height
        return
    expected = brute_access.kept_out(whole(rows), by, LIMITS)
    same(answer, by, "rate", {key: tally for key, (tally, _) in expected.items()})
    for place, end in enumerate(("bound_low", "bound_high")):
        found = keyed(answer, by, end)
        for key, (tally, ends) in expected.items():
            assert (key in found) == (tally.of < 0.8 * (tally.of + tally.unknown))
            if key in found:
                assert found[key]["value"] == pytest.approx(ends[place] / ends[2])


@GENERATED
@given(rows=with_logins(), by=OF_ENROLMENTS, rule=st.sampled_from(["recorded", "summative_passed"]))
def test_abandonment_after_failure(rows, by, rule):
    by = present(by, rows)
    class_ = study(rows, design={"completion_rule": rule}, as_of=AS_OF)
    answer = metrics.abandonment_after_failure(class_, by)
    if not _told(rows) or not rows["plan"]:
        assert answer["value"].null_count() == answer.height
        return
    done = brute_force.completions(whole(rows), rule, LIMITS, AS_OF)
    expected = brute_access.gave_up(whole(rows), by, LIMITS, done)
    for side in ("exposed", "unexposed"):
        same(answer, by, side, {key: sides[side] for key, sides in expected.items()})
    for key, row in keyed(answer, by, "risk_ratio").items():
        one, other = expected[key]["exposed"], expected[key]["unexposed"]
        assert row["unknown"] == one.unknown + other.unknown
        assert row["n"] == min(len(one.learners), len(other.learners))
        assert (row["value"] is None) == (row["reason"] is not None)
        if one.of and other.of and other.yes:
            assert row["value"] == pytest.approx((one.yes / one.of) / (other.yes / other.of))
            assert 0 <= row["low"] <= row["value"] <= row["high"]
        else:
            assert row["value"] is None


# ------------------------------------------------------------------------------------------ borders


def _logins(*lines: tuple[str, str, str], **changes: list[dict]) -> Rows:
    events = [
        {"learner_id": who, "at": at(when), "verb": verb, "source_id": "LOG"} for who, when, verb in lines
    ]
    return small(events=events, **changes)


@pytest.mark.parametrize(("minutes", "met"), [("29:59", 0), ("30:00", 0), ("30:01", 1)])
def test_a_mistyped_password_is_no_failure(minutes, met):
    rows = _logins(("a", "2024-03-11 10:00", "login_failed"), ("a", f"2024-03-11 10:{minutes}", "logged_in"))
    row = metrics.access_failure_rate(study(rows)).row(0, named=True)
    assert (row["numerator"], row["denominator"], row["unknown"]) == (met, 3, 0)


def test_no_source_of_failures_is_not_a_rate_of_zero():
    """The log of a course tells no login, failed or not; the site's tells both."""
    seen = [{"learner_id": "a", "resource_id": "R1", "at": at("2024-03-11 10:00"), "source_id": "LOG"}]
    row = metrics.access_failure_rate(study(small(events=seen))).row(0, named=True)
    assert (row["value"], row["reason"]) == (None, "no_failure_source")
    rows = _logins(("a", "2024-03-11 10:00", "logged_in"))
    row = metrics.access_failure_rate(study(rows)).row(0, named=True)
    assert (row["value"], row["numerator"], row["denominator"]) == (0.0, 0, 3)


def test_failures_of_nobody_known_are_not_a_rate_of_zero():
    lines = [{"at": at("2024-03-11 10:00"), "verb": "login_failed", "source_id": "LOG"}]
    row = metrics.access_failure_rate(study(small(events=lines))).row(0, named=True)
    assert (row["value"], row["reason"], row["unknown"]) == (None, "failures_nameless", 3)


@pytest.mark.parametrize(
    ("when", "gone"),
    [("10:00:00", 1), ("10:00:01", 0), ("2024-03-25 10:00:00", 0), ("2024-03-25 10:00:01", 1)],
)
def test_fourteen_days_without_preparation(when, gone):
    rows = _logins(("a", "2024-03-11 10:00", "login_failed"))
    rows["events"] += [
        {
            "learner_id": "a", "resource_id": "R1", "source_id": "LOG",
            "at": at(when if "-" in when else f"2024-03-11 {when}"),
        }
    ]  # fmt: skip
    if when == "10:00:00":  # at the very instant of the failure: the learner was in
        row = metrics.access_failure_rate(study(rows)).row(0, named=True)
        assert row["numerator"] == 0
        return
    if when == "10:00:01":
        rows["events"][-1]["at"] = at("2024-03-11 10:30:01")
    rows["enrolments"][1] |= {"completed_at": at("2024-04-20 10:00")}
    class_ = study(rows, design={"completion_rule": "recorded"}, as_of=at("2024-05-01 00:00"))
    found = {row["statistic"]: row for row in metrics.abandonment_after_failure(class_).iter_rows(named=True)}
    assert (found["exposed"]["numerator"], found["exposed"]["denominator"]) == (gone, 1)
    assert (found["unexposed"]["numerator"], found["unexposed"]["denominator"]) == (
        1,
        2,
    )  # b completed, c not
    assert found["risk_ratio"]["value"] == pytest.approx(2 * gone)


def test_a_hidden_side_hides_the_ratio_and_the_other_side():
    names = [f"l{i}" for i in range(30)]
    rows = _logins(
        *((name, "2024-03-11 10:00", "login_failed") for name in names[:3]),
        enrolments=[
            {"learner_id": name, "completed_at": at("2024-04-20 10:00") if i % 2 else None}
            for i, name in enumerate(names)
        ],
    )
    class_ = study(rows, design={"completion_rule": "recorded"}, as_of=at("2024-05-01 00:00"))
    for role, hidden in (("research", False), ("manager", True), ("trainer", True)):
        answer = metrics.abandonment_after_failure(class_, role=role)
        assert (answer["value"].null_count() == 3) == hidden
        assert (set(answer["reason"]) == {"suppressed"}) == hidden


# --------------------------------------------------------------------------------- the interval of a ratio


@pytest.mark.parametrize(("above", "below"), [((300, 1000), (200, 1000)), ((1500, 2000), (900, 3000))])
def test_the_interval_of_a_ratio_is_near_that_of_logarithms_for_many(above, below):
    shares = [(y / n, *wilson(y, n)) for y, n in (above, below)]
    theirs = relative_risk(*above, *below).confidence_interval()
    assert ratio_interval(*shares) == pytest.approx((theirs.low, theirs.high), rel=0.01)


def test_the_interval_of_a_ratio_covers_it():
    rng, held, kept = np.random.default_rng(3), 0, 0
    for _ in range(3000):
        y1, y0 = rng.binomial(12, 0.4), rng.binomial(30, 0.3)
        if y0:
            low, high = ratio_interval((y1 / 12, *wilson(y1, 12)), (y0 / 30, *wilson(y0, 30)))
            held, kept = held + (low <= 4 / 3 <= high), kept + 1
    assert 0.935 <= held / kept <= 0.985


def test_a_ratio_over_nothing_has_no_interval():
    low, high = ratio_interval((0.5, *wilson(1, 2)), (0.0, *wilson(0, 5)))
    assert np.isnan(low)
    assert np.isnan(high)
    low, high = ratio_interval((0.0, *wilson(0, 5)), (0.5, *wilson(2, 4)))
    assert low == 0 < high


def test_an_export_for_managers_hides_the_two_sides_and_the_ratio_together(monkeypatch):
    """Three were kept out: the share of the other 27, with the ratio, would give theirs away."""
    keys = ("completion_rate", "abandonment_after_failure")
    monkeypatch.setattr(metrics, "METRICS", {key: metrics.METRICS[key] for key in keys})
    names = [f"l{i}" for i in range(30)]
    rows = _logins(
        *((name, "2024-03-11 10:00", "login_failed") for name in names[:3]),
        enrolments=[
            {"learner_id": name, "completed_at": at("2024-04-20 10:00") if i % 2 else None}
            for i, name in enumerate(names)
        ],
    )
    class_ = study(rows, design={"completion_rule": "recorded"}, as_of=at("2024-05-01 00:00"))
    answer = metrics.compute(for_manager(class_), "abandonment_after_failure")
    assert answer["value"].null_count() == 3
    assert set(answer["reason"]) == {"suppressed"}
