"""A plan is frozen before outcomes are seen, and what departs from it is told."""

from __future__ import annotations

import json

import pytest
from comparison_study import study

from flipstats import cohorts
from flipstats.errors import InputError, ParameterError


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


def test_only_studies_are_frozen_from_the_command_line(tmp_path):
    with pytest.raises(ParameterError):
        cohorts.compare_csv(
            tmp_path / "a.csv", outcome="y", arm="a", treated="1", control="0", freeze=tmp_path / "p"
        )
