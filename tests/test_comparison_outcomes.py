"""Any indicator with values for learners as an outcome, against the indicator's own rows and a loop by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import page_study
import polars as pl
import pytest
from typer.testing import CliRunner

from flipstats import cohorts, metrics
from flipstats.cli import app
from flipstats.comparison.indicator_outcome import of_learners
from flipstats.errors import FlipstatsError, ParameterError
from flipstats.i18n import in_language

ITERATIONS = {"arm": "iteration", "treated": 2, "control": 1}
GROUPS = {
    f"F{i}{k}": ("flipped", i, 12 + k, 0.3 * i + 0.05 * k, 0.6 + 0.02 * k) for i in (1, 2) for k in range(4)
}


@pytest.fixture
def study(monkeypatch):
    """Eight flipped groups in two iterations, the later of which prepares more."""
    monkeypatch.setattr(page_study, "GROUPS", GROUPS)
    monkeypatch.setattr(page_study, "TITLES", dict.fromkeys(GROUPS))
    return page_study.page_study()


def by_hand(study, key, statistic, depth):
    """The unweighted mean of group means in each iteration, from the indicator's rows of learners."""
    rows = metrics.compute(study, key, by=["learner_id"], depth=depth)
    sums = {}
    group_of = dict(study.table("enrolments").select("learner_id", "cohort_id").collect().iter_rows())
    for row in rows.iter_rows(named=True):
        if row["statistic"] == statistic and row["value"] is not None:
            sums.setdefault(group_of[row["learner_id"]], []).append(row["value"])
    means = {group: sum(values) / len(values) for group, values in sums.items()}
    sides = [[m for group, m in means.items() if group[1] == i] for i in "12"]
    return sum(sides[1]) / len(sides[1]) - sum(sides[0]) / len(sides[0])


@pytest.mark.parametrize("key", ["consultation_rate", "prepared_rate", "lead_time", "start_score.mean"])
def test_equal_to_the_means_of_groups_by_hand(study, key):
    result = cohorts.compare(study, outcome=key, adjust=(), **ITERATIONS)
    name, _, statistic = key.partition(".")
    definition = metrics.METRICS[name]
    statistic = statistic or definition.statistics[0]
    known = {
        depth: metrics.compute(study, name, by=["learner_id"], depth=depth).filter(
            pl.col("statistic") == statistic, pl.col("value").is_not_null()
        ).height
        for depth in definition.depths or (None,)
    }  # fmt: skip
    depth = max(known, key=lambda d: (known[d], list(known).index(d)))
    assert result.primary.value == pytest.approx(by_hand(study, name, statistic, depth), abs=1e-12)
    assert result.flow["treated"]["tested"] + result.flow["control"]["tested"] == known[depth]


def test_every_indicator_is_compared_or_clearly_refused(study):
    told = 0
    for key in of_learners():
        try:
            result = cohorts.compare(study, outcome=key, **ITERATIONS)
        except FlipstatsError:
            continue
        told += 1
        json.dumps(result.to_dict(), allow_nan=False)
        direction = metrics.METRICS[key].direction
        if direction == "neither":
            assert result.verdict.code == "not_established"
            assert "neither better nor worse" in str(result.verdict.threats)
    assert told >= 4


def test_less_is_better_turns_the_verdict_and_not_the_number(study, monkeypatch):
    base = cohorts.compare(study, outcome="consultation_rate", **ITERATIONS)
    assert base.primary.low > 0
    assert base.verdict.code == "likely_works"  # historical
    turned = replace(metrics.METRICS["consultation_rate"], direction="less")
    monkeypatch.setitem(metrics.METRICS, "consultation_rate", turned)
    less = cohorts.compare(study, outcome="consultation_rate", **ITERATIONS)
    assert less.primary.value == base.primary.value
    assert less.verdict.code == "harm"
    assert any("Less of this outcome is better" in str(w) for w in less.warnings)
    texts = [a.text for a in less.figure().layout.annotations]
    assert any("better<br>← iteration 2" in (text or "") for text in texts)


def test_units_titles_and_depths_are_said(study):
    lead = cohorts.compare(study, outcome="lead_time", **ITERATIONS)
    assert "hours" in str(lead)
    assert "“Lead time of preparation”" in str(lead)
    assert any(str(w).startswith("Consultation counts at the level: ") for w in lead.warnings)
    with in_language("fr"):
        assert "heures" in str(lead)
        assert "«\u202f" in str(lead)
    assert "points out of 100" in str(cohorts.compare(study, outcome="consultation_rate", **ITERATIONS))


def test_the_literature_stands_beside_learning_only(study):
    named = {
        outcome: [
            a.text or ""
            for a in cohorts.compare(study, outcome=outcome, **ITERATIONS).figure().layout.annotations
        ]
        for outcome in ("summative", "start_score", "prepared_rate")
    }
    assert {k: any("literature" in text for text in v) for k, v in named.items()} == {
        "summative": True, "start_score": True, "prepared_rate": False,
    }  # fmt: skip


def test_completion_by_either_name(study):
    one = cohorts.compare(study, outcome="completion", **ITERATIONS)
    other = cohorts.compare(study, outcome="completion_rate", **ITERATIONS)
    assert one.primary.estimate == other.primary.estimate
    assert one.question.kind == other.question.kind == "binary"


def test_wrong_names_are_refused_with_the_nearest(study):
    with pytest.raises(ParameterError) as raised:
        cohorts.compare(study, outcome="consultation_rat", **ITERATIONS)
    assert "did you mean 'consultation_rate'?" in str(raised.value)
    with pytest.raises(ParameterError) as raised:
        cohorts.compare(study, outcome="lead_time.medain", **ITERATIONS)
    assert "did you mean 'median'?" in str(raised.value)


def test_an_indicator_from_the_command_line(study, tmp_path):
    folder = tmp_path / "study"
    study.save(folder)
    called = CliRunner().invoke(
        app, ["compare", str(folder), "--arm", "iteration", "--treated", "2", "--control", "1", "--outcome",
              "prepared_rate.any", "--json"],
    )  # fmt: skip
    assert called.exit_code == 0, called.output
    assert json.loads(called.stdout)["effects"][0]["outcome"] == "prepared_rate.any"
