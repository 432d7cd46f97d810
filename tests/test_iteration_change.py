"""Iterations compared: against SciPy and statsmodels on the groups' values, and what may not be told."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from page_study import page_study
from scipy import stats

from flipstats import metrics
from flipstats.cohorts import iteration_change
from flipstats.conventions import DEFAULTS
from flipstats.errors import ParameterError
from flipstats.study import Study


def programme(groups: tuple[int, int] = (4, 3), seed: int = 5, *, baseline: bool = True) -> Study:
    """Two iterations of one arm: `groups` cohorts of eight, a positioning test and an exam each."""
    rng = np.random.default_rng(seed)
    cohorts = [(f"i{i}g{g}", i) for i, n in zip((1, 2), groups, strict=True) for g in range(n)]
    learners = [(f"{cohort}-{n}", cohort) for cohort, _ in cohorts for n in range(8)]
    level = {cohort: rng.normal(0.1 * i, 0.1) for cohort, i in cohorts}
    tests = [("POS", "positioning"), ("EXAM", "summative")][0 if baseline else 1 :]
    attempts = [
        {"learner_id": who, "assessment_id": test,
         "score": float(np.clip(0.4 + level[cohort] + rng.normal(0, 0.2), 0, 1))}
        for who, cohort in learners for test, _ in tests
    ]  # fmt: skip
    return Study.from_frames(
        programme={"id": "two", "timezone": "Europe/Paris"},
        design={"completion_rule": "summative_passed"},
        learners=pl.DataFrame({"learner_id": [who for who, _ in learners], "tracking": "traced"}),
        cohorts=pl.DataFrame(
            [{"cohort_id": c, "arm": "flipped", "iteration": i} for c, i in cohorts],
            schema_overrides={"iteration": pl.Int64},
        ),
        enrolments=pl.DataFrame(learners, schema=["learner_id", "cohort_id"], orient="row"),
        assessments=pl.DataFrame(tests, schema=["assessment_id", "role"], orient="row"),
        attempts=pl.DataFrame(attempts),
    )


def by_hand(study: Study) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The groups' completion, their mean positioning score, and whether they are of the later iteration."""
    rows = metrics.completion_rate(study, ["cohort_id"]).filter(statistic="rate")
    order = rows["cohort_id"].to_list()
    scores = (
        study.table("attempts").filter(pl.col("assessment_id") == "POS")
        .join(study.table("enrolments"), on="learner_id").group_by("cohort_id")
        .agg(pl.col("score").mean()).collect()
    )  # fmt: skip
    means = dict(scores.iter_rows())
    return (
        rows["value"].to_numpy(),
        np.array([means.get(c) for c in order]),
        np.array([c[1] == "2" for c in order]),
    )


def test_difference_and_interval_equal_a_t_test_on_the_groups() -> None:
    study = programme()
    values, _, later = by_hand(study)
    row = iteration_change(study, ["completion_rate"]).row(0, named=True)
    test = stats.ttest_ind(values[later], values[~later], equal_var=True)
    low, high = test.confidence_interval(0.95)
    assert row["difference"] == pytest.approx(values[later].mean() - values[~later].mean(), abs=1e-12)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-12)
    assert (row["groups_from"], row["groups_to"]) == (4, 3)
    assert (row["value_from"], row["value_to"]) == pytest.approx(
        (values[~later].mean(), values[later].mean())
    )


def test_with_positioning_held_fixed_it_equals_least_squares_on_the_groups() -> None:
    study = programme()
    values, baseline, later = by_hand(study)
    fit = sm.OLS(values, sm.add_constant(np.column_stack([later, baseline]).astype(float))).fit()
    row = iteration_change(study, ["completion_rate"]).row(0, named=True)
    assert row["adjusted"] == pytest.approx(fit.params[1], abs=1e-12)
    assert (row["adjusted_low"], row["adjusted_high"]) == pytest.approx(tuple(fit.conf_int()[1]), abs=1e-12)
    bare = iteration_change(programme(baseline=False), ["completion_rate"]).row(0, named=True)
    assert bare["adjusted"] is None
    assert bare["low"] is not None


def test_too_few_groups_have_a_difference_without_interval() -> None:
    row = iteration_change(programme((4, 2)), ["completion_rate"]).row(0, named=True)
    assert row["difference"] is not None
    assert row["low"] is row["high"] is row["adjusted"] is None
    assert row["reason"] == "too_few_groups"


def test_a_group_too_small_to_be_shown_takes_the_mean_that_holds_it_away() -> None:
    study = programme()
    small = [f"i1g0-{n}" for n in range(DEFAULTS.smallest_cell - 1, 8)]
    frames = {name: study.table(name).collect() for name in ("cohorts", "assessments")}
    for name in ("learners", "enrolments", "attempts"):
        frames[name] = study.table(name).filter(~pl.col("learner_id").is_in(small)).collect()
    shown = Study.from_frames(
        programme={"id": "two", "timezone": "Europe/Paris"},
        design={"completion_rule": "summative_passed"},
        **frames,
    )
    assert iteration_change(shown, ["completion_rate"])["reason"].to_list() == [None]
    hidden = iteration_change(shown, ["completion_rate"], role="manager").row(0, named=True)
    assert hidden["reason"] == "suppressed"
    assert hidden["difference"] is hidden["value_from"] is hidden["value_to"] is None


def test_every_indicator_that_knows_cohorts_has_a_line_and_arms_are_apart() -> None:
    rows = iteration_change(page_study())
    asked = {
        key for key, spec in metrics.METRICS.items() if {"arm", "iteration", "cohort_id"} <= set(spec.groups)
    }
    assert set(rows["metric"]) == asked
    assert rows.group_by("metric", "arm", "iteration_from").len()["len"].max() == 1
    for row in rows.iter_rows(named=True):
        assert (row["difference"] is None) <= (row["reason"] is not None)


def test_an_unknown_indicator_is_refused() -> None:
    with pytest.raises(ParameterError, match="did you mean 'completion_rate'"):
        iteration_change(programme(), ["completion"])
