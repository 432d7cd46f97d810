"""A plan is frozen before outcomes are seen, and what departs from it is told."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from comparison_study import study, table

from flipstats import cohorts
from flipstats.errors import InputError


def test_a_frozen_plan_is_followed_and_its_fingerprint_told(tmp_path):
    drawn = study(secondary=["completion"])
    file = cohorts.plan_of(drawn, adjust=["x_age"], level=0.9).freeze(tmp_path / "plan.json")
    plan = cohorts.read_plan(file)
    assert json.loads(file.read_text(encoding="utf-8"))["sha256"] == plan.sha256
    result = cohorts.compare(drawn, plan=plan)
    assert result.primary.level == 0.9
    assert "x_age" in result.design["adjust"]
    told = result.to_dict()["design"]
    assert (told["plan_sha256"], told["plan_frozen"], told["deviations"]) == (plan.sha256, True, [])
    assert result.parts["completion"].design["plan_sha256"] == plan.sha256
    assert cohorts.compare(drawn, plan=plan, outcome="completion").design["deviations"] == []


def test_deviations_are_listed_and_said(tmp_path):
    drawn = study()
    plan = cohorts.plan_of(drawn)
    result = cohorts.compare(drawn, plan=plan, outcome="attendance", methods=["cr2"], seed=2)
    fields = [one["field"] for one in result.to_dict()["design"]["deviations"]]
    assert fields == ["primary", "methods", "seed"]
    assert str(result.warnings[0]) == (
        "This comparison departs from the frozen plan in: primary, methods and seed."
    )
    assert cohorts.compare(drawn).design["plan_frozen"] is False
    assert cohorts.compare(drawn).design["plan_sha256"] == plan.sha256


def test_a_covariate_that_could_not_be_carried_is_a_deviation():
    drawn = study(groups=3)
    plan = cohorts.plan_of(drawn, adjust=["x_age", "x_job"])
    found = cohorts.compare(drawn, plan=plan).design["deviations"]
    assert [one["field"] for one in found] == ["adjusted_for"]


def test_a_plan_is_never_overwritten_and_never_changed(tmp_path):
    drawn = study()
    file = tmp_path / "plan.json"
    frozen = cohorts.compare_study_options(drawn, freeze=file)
    assert str(frozen) == f"Plan frozen, no outcome looked at. SHA-256: {frozen.sha256}"
    with pytest.raises(InputError) as raised:
        cohorts.compare_study_options(drawn, freeze=file)
    assert str(raised.value) == "plan.json is there already: a frozen plan is never overwritten"
    assert cohorts.compare_study_options(drawn, plan=file).design["plan_sha256"] == frozen.sha256
    file.write_text(file.read_text(encoding="utf-8").replace("0.95", "0.8"), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        cohorts.read_plan(file)
    assert str(raised.value) == "plan.json was changed after it was frozen: its fingerprint does not match"
    for text in ("", "[]", '{"plan": {}}', '{"plan": {"primary": 1}, "sha256": ""}'):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as raised:
            cohorts.read_plan(file)
        assert str(raised.value) == "plan.json is not a plan frozen by flipstats compare --freeze"


def test_a_plan_of_a_table_is_frozen_and_followed(tmp_path):
    frame = table(np.random.default_rng(2), 4)
    file, plan = tmp_path / "a.csv", tmp_path / "plan.json"
    frame.with_columns(y=pl.lit(None, pl.Float64)).write_csv(file)  # the outcome is not there yet
    asked = {"outcome": "y", "arm": "arm", "treated": "f", "control": "c"}
    design = {"cluster": "g", "assignment": "random_cluster", "pre": "x"}
    frozen = cohorts.compare_csv(file, **asked, **design, freeze=plan)
    frame.write_csv(file)
    kept = cohorts.compare_csv(file, **asked, **design, plan=plan)
    assert kept.design["plan_sha256"] == frozen.sha256
    assert (kept.design["plan_frozen"], kept.design["deviations"]) == (True, [])
    changed = cohorts.compare_csv(file, **asked, **design, plan=plan, methods=["cr2"], less_is_better=True)
    assert {one["field"] for one in changed.design["deviations"]} == {"methods", "direction"}
    assert (
        str(changed.warnings[0]) == "This comparison departs from the frozen plan in: methods and direction."
    )


def test_less_is_better_of_a_table():
    frame = table(np.random.default_rng(2), 12, effect=1.0, icc=0.0)
    asked = {"outcome": "y", "arm": "arm", "treated": "f", "control": "c", "cluster": "g"}
    more = cohorts.compare_table(frame, **asked, assignment="random_cluster")
    less = cohorts.compare_table(frame, **asked, assignment="random_cluster", less_is_better=True)
    assert (more.verdict.code, less.verdict.code) == ("works", "harm")
    assert less.primary.row() == more.primary.row()
    assert more.design["plan_sha256"] != less.design["plan_sha256"]
    assert "direction" not in cohorts.plan_of_table(**asked).to_dict()
