"""Over many programmes drawn afresh, from raw exports to rows: intervals cover the truth they claim to cover."""

from collections import defaultdict

import polars as pl
import pytest

from flipstats import cohorts, metrics
from flipstats.build import build_study
from flipstats.sample import write_sample

SEEDS = range(101, 161)
PER_CELL = {
    # true value in the sample's truth: (indicator, statistic, depth)
    "consultation_opened": (metrics.consultation_rate, "rate", "opened"),
    "consultation_substantial": (metrics.consultation_rate, "rate", "substantial"),
    "prepared_all_substantial": (metrics.prepared_rate, "all", "substantial"),
    "prepared_any_opened": (metrics.prepared_rate, "any", "opened"),
    "start_score": (metrics.start_score, "mean", None),
    "start_response": (metrics.start_score, "response_rate", None),
}


def _indicators(study, truth, hits):
    true = {(row["cohort"], row["session"]): row for row in truth.sessions}
    for key, (function, statistic, depth) in PER_CELL.items():
        options = {} if depth is None else {"depth": depth}
        rows = function(study, by=["cohort_id", "sequence"], **options).filter(
            pl.col("statistic") == statistic
        )
        for row in rows.drop_nulls("low").iter_rows(named=True):
            value = true[(row["cohort_id"], row["sequence"])][key]
            if value is not None:
                hits[key].append(row["low"] <= value <= row["high"])
    completed = {row["cohort"]: row["completion"] for row in truth.cohorts}
    rows = metrics.completion_rate(study, by=["cohort_id"]).drop_nulls("low")
    for row in rows.iter_rows(named=True):
        hits["completion"].append(row["low"] <= completed[row["cohort_id"]] <= row["high"])


def _feedback(study, truth, hits):
    rows = metrics.feedback_rating(study, by=["arm", "item"]).filter(statistic="mean").drop_nulls("low")
    for row in rows.iter_rows(named=True):
        value = truth.feedback["ratings"][row["arm"]][row["item"]]
        hits["feedback_rating"].append(row["low"] <= value <= row["high"])
    present = {(row["cohort"], row["session"]): row["present"] for row in truth.sessions}
    rows = metrics.feedback_response_rate(study, by=["cohort_id", "sequence"]).drop_nulls("low")
    for row in rows.filter(statistic="rate").iter_rows(named=True):
        value = truth.feedback["response_of_present"] * present[row["cohort_id"], row["sequence"]]
        hits["feedback_response"].append(row["low"] <= value <= row["high"])


@pytest.mark.slow
def test_intervals_cover_the_true_values_over_many_programmes(tmp_path):
    hits = defaultdict(list)
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        truth = write_sample(folder, seed=seed)
        study = build_study(folder).study
        _indicators(study, truth, hits)
        _feedback(study, truth, hits)
        for outcome, true in (("summative", "effect_share"), ("completion", "effect")):
            effect = cohorts.compare(study, outcome=outcome).primary
            hits["effect on " + outcome].append(effect.low <= truth.comparison[outcome][true] <= effect.high)
    shown = {key: (sum(found) / len(found), len(found)) for key, found in hits.items()}
    print(shown)
    for key, (share, n) in shown.items():
        # 3.5 Monte-Carlo standard errors; cells of one programme are nearly independent of each other
        error = (0.95 * 0.05 / n) ** 0.5
        assert share >= 0.94 - 3.5 * error, (key, share, n)
