"""Dropout, sessions and trainers' hours against plain loops on generated studies; R's robust Kaplan-Meier."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import brute_course
import brute_force
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import BASES, GENERATED
from strategies import rows as any_rows
from studies import Rows, at, small, study, whole
from test_indicators_tutoring import OF_ENROLMENTS
from test_metrics_brute_force import LIMITS, keyed, present

from flipstats import metrics
from flipstats.effects.survival import kaplan_meier, remaining_share
from flipstats.errors import ParameterError
from flipstats.intervals import ClusterSums, wilson_clustered

REFERENCE = Path(__file__).parent / "reference"
OF_SESSIONS = st.sampled_from(
    [(), ("cohort_id",), ("arm",), ("session_id",), ("site", "iteration"), ("sequence",), ("format", "arm")]
)
OF_COHORTS = st.sampled_from([(), ("cohort_id",), ("arm",), ("site", "iteration"), ("trainer_id",)])


@st.composite
def with_course(draw: st.DrawFn) -> Rows:
    """Let cohorts begin and end before, on and after their sessions, and declare what may be declared."""
    rows = draw(any_rows())
    longer = timedelta(days=draw(st.sampled_from([40, 40, 3])))
    hours = st.sampled_from([None, 0.0, 1.5, 2.0, 7.0])
    workload = st.fixed_dictionaries(
        {
            "cohort_id": st.sampled_from([c["cohort_id"] for c in rows["cohorts"]]),
            "trainer_id": st.sampled_from([None, "T", "U"]),
            "preparation_h": hours,
            "taught_h": hours,
        }
    )
    days = st.integers(-20, 20).map(lambda d: BASES[0] + timedelta(days=d))
    minutes = st.sampled_from([None, 0.0, 45.0, 180.0, 200.0])
    return rows | {
        "coverage": [line | {"covers_to": line["covers_to"] + longer} for line in rows["coverage"]],
        "cohorts": [
            c
            | {
                "starts_at": draw(st.one_of(st.none(), days)),
                "trainer_id": draw(st.sampled_from([None, "T"])),
            }
            for c in rows["cohorts"]
        ],
        "sessions": [
            s
            | {
                "active_min": draw(minutes),
                "remediation_min": draw(minutes),
                "format": draw(
                    st.sampled_from(
                        [None, "conventional", "flipped_actor", "flipped_author", "flipped_designer"]
                    )
                ),
            }
            for s in rows["sessions"]
        ],
        "assessments": [a | {"due_at": draw(st.one_of(st.none(), days))} for a in rows["assessments"]],
        "workload": draw(st.lists(workload, max_size=4)),
    }


@GENERATED
@given(
    rows=with_course(),
    by=OF_ENROLMENTS,
    rule=st.sampled_from(["recorded", "summative_taken"]),
    days=st.sampled_from([-5, 1, 4, 60]),
)
def test_dropout(rows, by, rule, days):
    by, as_of = present(by, rows), BASES[0] + timedelta(days=days)
    answer = metrics.dropout(study(rows, design={"completion_rule": rule}, as_of=as_of), by)
    if not rows["enrolments"]:
        assert answer["value"].null_count() == answer.height
        return
    done = brute_force.completions(whole(rows), rule, LIMITS, as_of)
    expected = brute_course.gone(whole(rows), by, as_of, 0.25, done)
    found = keyed(answer, by, "rate")
    assert set(expected) <= set(found)
    for key, row in found.items():
        tally = expected[key]["tally"]
        assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
        assert row["value"] == (pytest.approx(tally.yes / tally.of) if tally.of else None)
        assert (row["value"] is None) == (row["reason"] is not None)
        left = keyed(answer, by, "remaining")[key]
        watched = expected[key]["watched"]
        assert left["denominator"] == len(watched) == tally.of
        assert left["value"] == (pytest.approx(float(brute_course.remaining(watched))) if watched else None)
        if watched:
            assert 0 <= left["low"] <= left["value"] + 1e-9
            assert left["value"] - 1e-9 <= left["high"] <= 1


@GENERATED
@given(rows=with_course(), by=OF_SESSIONS)
def test_sessions(rows, by):
    class_, expected = study(rows), brute_course.taught(whole(rows), by)
    active, flipped = metrics.active_session_share(class_, by), metrics.flipped_share(class_, by)
    shares = {
        "active": lambda s: None if s["active_min"] is None else min(s["active_min"], s["minutes"]),
        "remediation": lambda s: (
            None if s["remediation_min"] is None else min(s["remediation_min"], s["minutes"])
        ),
        "flipped_minutes": lambda s: (
            None if s["format"] is None else s["minutes"] * s["format"].startswith("flipped")
        ),
        "flipped": lambda s: None if s["format"] is None else s["format"].startswith("flipped"),
        **{
            way: lambda s, way=way: None if s["format"] is None else s["format"] == f"flipped_{way}"
            for way in ("actor", "author", "designer")
        },
    }
    for statistic, of_session in shares.items():
        in_minutes = statistic in ("active", "remediation", "flipped_minutes")
        answer = active if statistic in ("active", "remediation") else flipped
        for key, row in keyed(answer, by, statistic).items():
            sessions = expected.get(key, [])
            told = [s for s in sessions if of_session(s) is not None]
            weight = {s["session_id"]: s["minutes"] if in_minutes else 1 for s in sessions}
            total = sum(weight[s["session_id"]] for s in told)
            assert row["unknown"] == sum(weight.values()) - total
            assert row["denominator"] == total
            assert row["n"] == len(set().union(*(s["who"] for s in told)))
            if not told:
                assert (row["value"], row["numerator"]) == (None, 0)
                assert row["reason"] in {"nothing_declared", "no_session_here", "no_sessions"}
                continue
            part = sum(of_session(s) for s in told)
            assert (row["numerator"], row["value"]) == (part, pytest.approx(part / total))
            assert 0 <= row["low"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["high"] <= 1
            clusters = [(of_session(s), weight[s["session_id"]]) for s in told]
            low, high = wilson_clustered(ClusterSums.of(*zip(*clusters, strict=True)))
            assert (row["low"], row["high"]) == pytest.approx((float(low), float(high)))


@GENERATED
@given(rows=with_course(), by=OF_COHORTS)
def test_trainer_load(rows, by):
    answer, expected = metrics.trainer_load(study(rows), by), brute_course.loads(whole(rows), by)
    for key, row in keyed(answer, by, "ratio").items():
        group = expected[key]
        assert row["unknown"] == group["unknown"]
        members = {e["learner_id"] for e in rows["enrolments"] if e["cohort_id"] in group["cohorts"]}
        assert (row["n"] or 0) == len(members)
        if group["taught"]:
            assert row["value"] == pytest.approx(group["prepared"] / group["taught"])
            assert (row["numerator"], row["denominator"]) == (60 * group["prepared"], 60 * group["taught"])
            assert (row["low"] is None) == (row["interval"] is None)
            assert len(group["cohorts"]) > 1 or row["low"] is None
        else:
            assert (row["value"], row["reason"]) == (None, "no_hours" if rows["workload"] else "no_workload")


def test_of_sessions_and_trainers_nothing_is_asked_by_what_learners_are():
    class_ = study(small(learners=[{"learner_id": "a", "x_prior": "low"}]))
    for key in ("active_session_share", "flipped_share", "trainer_load"):
        for name in ("learner_id", "x_prior"):
            with pytest.raises(ParameterError):
                metrics.compute(class_, key, [name])


# ------------------------------------------------------------------------------------------ borders


def _course(*times: str, **changes: list[dict]) -> Rows:
    """One session on 18 March from 9 to 12, of a programme from the 10th to the 18th: last part from the 16th."""
    rows = small(
        cohorts=[{"cohort_id": "A", "starts_at": at("2024-03-10 12:00"), "ends_at": at("2024-03-18 12:00")}],
        events=[{"learner_id": "a", "resource_id": "R1", "at": at(when)} for when in times],
    )
    rows["enrolments"] = [
        e | {"completed_at": at("2024-03-18 12:00") if e["learner_id"] == "c" else None}
        for e in rows["enrolments"]
    ]
    return rows | changes


def _dropout(rows: Rows, as_of: str = "2024-05-01 00:00") -> dict[str, dict]:
    class_ = study(rows, design={"completion_rule": "recorded"}, as_of=at(as_of))
    return {row["statistic"]: row for row in metrics.dropout(class_).iter_rows(named=True)}


@pytest.mark.parametrize(
    ("when", "gone"),
    [("2024-03-16 11:59", 2), ("2024-03-16 12:00", 1), ("2024-03-18 12:00", 1), ("2024-03-18 12:01", 2)],
)
def test_the_last_quarter_has_two_ends(when, gone):
    row = _dropout(_course(when))["rate"]
    assert (row["numerator"], row["denominator"], row["unknown"]) == (gone, 3, 0)  # c completed, b is gone


def test_who_withdrew_is_gone_and_presence_is_a_trace():
    rows = _course()
    rows["enrolments"][0] |= {"withdrawn_at": at("2024-03-12 00:00")}
    rows["attendance"] = [
        {"learner_id": who, "session_id": "S1", "status": status}
        for who, status in (("b", "late"), ("c", "absent"))
    ]
    found = _dropout(rows)
    assert (found["rate"]["numerator"], found["rate"]["denominator"]) == (1, 3)
    assert found["remaining"]["value"] == pytest.approx(2 / 3)


def test_a_running_cohort_loses_nobody_for_good():
    """Half of the programme has passed: who seems gone may come back, so nothing has happened yet."""
    found = _dropout(_course("2024-03-10 13:00"), as_of="2024-03-14 12:00")
    assert (found["rate"]["numerator"], found["rate"]["denominator"]) == (2, 3)
    assert (found["remaining"]["value"], found["remaining"]["high"]) == (1.0, 1.0)


def test_nothing_owed_is_nobody_gone():
    rows = _course(cohorts=[{"cohort_id": "A", "ends_at": at("2024-06-18 12:00")}])
    row = _dropout(rows, as_of="2024-07-01 00:00")["rate"]
    assert (row["value"], row["reason"]) == (None, "not_applicable")


# ------------------------------------------------------------------- what remains at the end, against R


def test_the_robust_variance_is_that_of_r():
    """The interval is Wilson's on the effective size that R's survfit(cluster =) gives; see survival.R."""
    with (REFERENCE / "survival_data.csv").open() as file:
        data = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    with (REFERENCE / "survival.csv").open() as file:
        theirs = {row["case"]: (float(row["surv"]), float(row["se"])) for row in csv.DictReader(file)}
    times, happened = [row["time"] for row in data], [row["happened"] == 1 for row in data]
    for case, whose in (("clusters", [row["who"] for row in data]), ("alone", range(len(data)))):
        value, low, high = remaining_share(times, happened, whose, 0.95)
        surv, se = theirs[case]
        groups = len(set(whose))
        sizes = [list(whose).count(one) for one in set(whose)]
        effective = sum(sizes) ** 2 / sum(size**2 for size in sizes)
        assert value == pytest.approx(surv, abs=1e-12)
        from scipy.stats import t

        shrink = (t.ppf(0.975, len(data) - 1) / t.ppf(0.975, effective - 1)) ** 2
        size = min(surv * (1 - surv) / (se**2 * groups / (groups - 1)) * shrink, len(data))
        middle = (surv + 1.959964**2 / (2 * size)) / (1 + 1.959964**2 / size)
        assert (low + high) / 2 == pytest.approx(middle, abs=1e-6)


@GENERATED
@given(
    left=st.lists(st.tuples(st.booleans(), st.integers(1, 4)), min_size=2, max_size=25),
)
def test_without_censoring_it_is_a_share(left):
    happened = [one for one, _ in left]
    times = [1.0 if one else 9.0 for one in happened]
    whose = [who for _, who in left]
    clusters = {who: [0, 0] for who in whose}
    for one, who in left:
        clusters[who][0] += not one
        clusters[who][1] += 1
    value, low, high = remaining_share(times, happened, whose, 0.95)
    assert (
        value == pytest.approx(1 - np.mean(happened)) == pytest.approx(kaplan_meier(times, happened)[1][-1])
    )
    theirs = wilson_clustered(ClusterSums.of(*zip(*clusters.values(), strict=True)))
    assert (low, high) == pytest.approx(tuple(float(end) for end in theirs))


@pytest.mark.slow
def test_the_interval_of_what_remains_covers_it():
    rng, held = np.random.default_rng(2), []
    for _ in range(600):
        leaves, ends = rng.exponential(2.0, size=60), rng.uniform(0.5, 1.5, size=60)
        watched, happened = np.minimum(np.minimum(leaves, ends), 1.0), (leaves <= ends) & (leaves <= 1.0)
        _, low, high = remaining_share(watched, happened, np.repeat(range(30), 2), 0.95)
        held.append(low <= np.exp(-0.5) <= high)
    assert 0.93 <= np.mean(held) <= 0.985


def test_nobody_watched_has_no_share():
    assert np.isnan(remaining_share([], [], [], 0.95)).all()
