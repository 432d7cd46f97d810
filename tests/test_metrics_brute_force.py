"""Every indicator against its definition in plain loops, on generated studies."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import brute_force
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import BASES, GENERATED
from strategies import rows as any_rows
from studies import study, whole

from flipstats import metrics
from flipstats.conventions import DEFAULTS
from flipstats.intervals import ClusterSums, wilson_clustered
from flipstats.schema import LEVELS

LIMITS = asdict(DEFAULTS)
GROUPINGS = st.sampled_from(
    [
        (), ("session_id",), ("cohort_id",), ("arm", "sequence"), ("site",), ("iteration", "format"),
        ("learner_id",), ("x_prior", "cohort_id"),
    ]
)  # fmt: skip
SESSION_REASONS = {
    "no_sessions", "no_roster", "no_plan", "no_learners", "not_applicable", "no_coverage", "level_not_traced",
    "nobody_prepared",
}  # fmt: skip


def present(by: tuple[str, ...], rows: dict) -> tuple[str, ...]:
    """The groupings that a study without learners has too."""
    return tuple(name for name in by if name != "x_prior" or rows["learners"])


def keyed(rows: pl.DataFrame, by: tuple[str, ...], statistic: str) -> dict[tuple, dict]:
    return {
        tuple(row[name] for name in by): row for row in rows.filter(statistic=statistic).iter_rows(named=True)
    }


def same_tally(
    row: dict, tally: brute_force.Tally, *, cohorts_from: int = LIMITS["min_groups_for_clustering"]
):
    assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
    assert row["n"] == len(tally.learners)
    total = tally.of + tally.unknown
    assert row["coverage"] == (pytest.approx(tally.of / total) if total else None)
    if not tally.of:
        assert row["value"] is None
        assert row["reason"] in SESSION_REASONS | {"running", "no_completion_record", "no_summative"} | {
            "no_results",
            "not_graded",
        }
        return
    assert row["value"] == pytest.approx(tally.yes / tally.of)
    assert row["reason"] is None
    by_cohort = sum(of > 0 for _, of in tally.by_cohort.values()) >= cohorts_from
    clusters = list((tally.by_cohort if by_cohort else tally.by_learner).values())
    low, high = wilson_clustered(ClusterSums.of(*zip(*clusters, strict=True)))
    assert (row["low"], row["high"]) == pytest.approx((float(low), float(high)))
    single = all(of <= 1 for _, of in tally.by_learner.values())
    expected = "wilson" if single else "wilson_clustered_learner"
    assert row["interval"] == ("wilson_clustered_cohort" if by_cohort else expected)


def check_shares(answer, by, statistic, tallies, **options):
    found = keyed(answer, by, statistic)
    assert set(tallies) <= set(found)
    for key, row in found.items():
        same_tally(row, tallies.get(key, brute_force.Tally()), **options)
    for key, tally in tallies.items():
        check_bounds(answer, by, statistic, key, tally)


def check_bounds(answer, by, statistic, key, tally):
    prefix = "" if statistic == "rate" else statistic + "_"
    low, high = (keyed(answer, by, f"{prefix}bound_{end}").get(key) for end in ("low", "high"))
    total = tally.of + tally.unknown
    if low is None:
        assert not total or tally.of / total >= LIMITS["coverage_bounds_below"] or not tally.of
        return
    assert tally.of / total < LIMITS["coverage_bounds_below"]
    assert low["value"] >= tally.yes / total - 1e-12
    assert high["value"] <= (tally.yes + tally.unknown) / total + 1e-12
    if statistic == "rate":
        assert (low["numerator"], high["numerator"]) == (tally.yes, tally.yes + tally.unknown)
        assert low["denominator"] == high["denominator"] == total


@GENERATED
@given(rows=any_rows(), by=GROUPINGS | st.just(("session_id", "resource_id")), level=st.sampled_from(LEVELS))
def test_consultation_rate(rows, by, level):
    by = present(by, rows)
    answer = metrics.consultation_rate(study(rows), by, depth=level)
    check_shares(answer, by, "rate", brute_force.consultation_rate(whole(rows), by, level, LIMITS))


@GENERATED
@given(rows=any_rows(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_consultation_rate_by_cohort_from_two_cohorts_on(rows, by, level):
    by = present(by, rows)
    found = study(rows, thresholds={"min_groups_for_clustering": 2})
    tallies = brute_force.consultation_rate(whole(rows), by, level, LIMITS)
    check_shares(metrics.consultation_rate(found, by, depth=level), by, "rate", tallies, cohorts_from=2)


@GENERATED
@given(rows=any_rows(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_prepared_rate(rows, by, level):
    by = present(by, rows)
    answer = metrics.prepared_rate(study(rows), by, depth=level)
    for statistic in ("all", "any"):
        tallies = brute_force.prepared_rate(whole(rows), by, level, LIMITS, all_of_them=statistic == "all")
        check_shares(answer, by, statistic, tallies)


@GENERATED
@given(rows=any_rows(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_preparation_spread(rows, by, level):
    by = present(by, rows)
    answer = metrics.preparation_spread(study(rows), by, depth=level)
    expected = brute_force.shares_prepared(whole(rows), by, level, LIMITS)
    for statistic, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
        for key, row in keyed(answer, by, statistic).items():
            check_quantile(row, expected.get(key, []), share)
    for key, row in keyed(answer, by, "iqr").items():
        values = expected.get(key, [])
        spread = np.subtract(*np.quantile(values, [0.75, 0.25])) if values else None
        assert row["value"] == (None if spread is None else pytest.approx(spread))
    for key, row in keyed(answer, by, "share_at_0").items():
        values = expected.get(key, [])
        assert (row["numerator"], row["denominator"]) == (values.count(0), len(values))


def check_quantile(row, values, share):
    assert row["denominator"] == len(values)
    if not values:
        assert row["value"] is None
        assert row["reason"] in SESSION_REASONS
        return
    assert row["value"] == pytest.approx(np.quantile(values, share))
    if row["n"] == 1:
        assert row["low"] is row["high"] is row["interval"] is None
    else:
        assert min(values) <= row["low"] <= row["high"] <= max(values)
        assert row["interval"] == "bootstrap_learner"


@GENERATED
@given(rows=any_rows(), by=GROUPINGS, level=st.sampled_from(LEVELS))
def test_lead_time(rows, by, level):
    by = present(by, rows)
    answer = metrics.lead_time(study(rows), by, depth=level)
    expected = brute_force.lead_times(whole(rows), by, level, LIMITS)
    for key, row in keyed(answer, by, "median").items():
        check_quantile(row, [value[0] for value in expected.get(key, []) if value], 0.5)
    for name in ("last_hour", "last_day", "few_days", "week", "fortnight", "early", "near"):
        for key, row in keyed(answer, by, f"share_{name}").items():
            bands = [value[1] for value in expected.get(key, []) if value]
            inside = sum(near if name == "near" else band == name for band, near in bands)
            assert (row["numerator"], row["denominator"]) == (inside, len(bands))
    for key, row in keyed(answer, by, "share_not_prepared").items():
        values = expected.get(key, [])
        assert (row["numerator"], row["denominator"]) == (values.count(None), len(values))


@GENERATED
@given(rows=any_rows(), by=GROUPINGS)
def test_start_score(rows, by):
    by = present(by, rows)
    answer = metrics.start_score(study(rows), by)
    expected = brute_force.start_scores(whole(rows), by, LIMITS)
    nothing = {"scores": [], "changes": []} | dict.fromkeys(
        ("waiting", "answered", "present", "unclear", "half"), 0
    )
    for key, row in keyed(answer, by, "mean").items():
        group = expected.get(key, nothing)
        assert (row["denominator"], row["unknown"]) == (len(group["scores"]), group["waiting"])
        if group["scores"]:
            assert row["value"] == pytest.approx(np.mean(group["scores"]))
        else:
            assert row["value"] is None
            assert row["reason"] is not None
    for key, row in keyed(answer, by, "paired_change").items():
        group = expected.get(key, nothing)
        assert (row["denominator"], row["unknown"]) == (len(group["changes"]), group["half"])
        wanted = pytest.approx(np.mean(group["changes"]), abs=1e-9) if group["changes"] else None
        assert row["value"] == wanted
        assert (row["value"] is None) == (row["reason"] is not None)
        assert row["low"] is None or -1 - 1e-9 <= row["low"] <= row["value"] <= row["high"] <= 1 + 1e-9
    for key, row in keyed(answer, by, "response_rate").items():
        group = expected.get(key, nothing)
        assert (row["numerator"], row["denominator"], row["unknown"]) == (
            group["answered"],
            group["present"],
            group["unclear"],
        )


@GENERATED
@given(
    rows=any_rows(),
    by=st.sampled_from([(), ("arm",), ("cohort_id",), ("site", "iteration"), ("x_prior",), ("learner_id",)]),
    rule=st.sampled_from(["recorded", "summative_passed", "summative_taken"]),
    days=st.integers(-25, 40),
)
def test_completion_rate(rows, by, rule, days):
    by = present(by, rows)
    as_of = BASES[0] + timedelta(days=days)
    found, filled = study(rows, design={"completion_rule": rule}, as_of=as_of), whole(rows)
    expected = brute_force.completions(filled, rule, LIMITS, as_of)
    given_ = metrics.completed(found)
    assert (
        dict(zip(given_.select("learner_id", "cohort_id").rows(), given_["completed"], strict=True))
        == expected
    )
    assert given_.filter(pl.col("completed").is_null() | ~pl.col("completed"))["reason"].null_count() == 0
    cohorts = brute_force.by_id(filled, "cohorts", "cohort_id")
    learners = brute_force.by_id(filled, "learners", "learner_id")
    tallies: dict[tuple, brute_force.Tally] = {}
    for (learner, cohort), met in expected.items():
        cell = {**learners[learner], **cohorts[cohort]}
        tally = tallies.setdefault(brute_force.key_of(cell, by), brute_force.Tally())
        tally.add(cell, int(met or 0), int(met is not None), int(met is None))
    answer = metrics.completion_rate(found, by)
    for key, tally in tallies.items():
        row = keyed(answer, by, "rate")[key]
        same_tally(row, tally)
        check_bounds(answer, by, "rate", key, tally)
