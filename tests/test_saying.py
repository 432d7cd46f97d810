"""Answers as sentences, how an indicator is asked from Python, and what completion and help show."""

from __future__ import annotations

import inspect

import pytest
import worked_class
from studies import small, study
from typer.testing import CliRunner

import flipstats as fs
from flipstats import metrics
from flipstats.cli import app
from flipstats.errors import ParameterError
from flipstats.i18n import LANGUAGES


def test_a_value_with_its_interval_those_behind_it_and_what_is_not_known():
    rows = metrics.consultation_rate(worked_class.study(), ["cohort_id"], depth="opened")
    assert metrics.say(rows, "en").splitlines() == [
        "Preparation consulted, opened (cohort_id C1): no value, no source covers the whole time of preparation, "
        "or what was to be prepared is not traced.",
        "Preparation consulted, opened (cohort_id G1): 53.3%, 95% interval 11.3% to 91.1% (Wilson, learners as "
        "units); 8 of 15; 5 unknown, 75.0% known. If all were known it would lie between 40.0% and 65.0%.",
    ]
    assert metrics.say(rows, "fr").splitlines()[1] == (
        "Préparation consultée, ouvert (cohort_id G1)\u00a0: 53,3\u00a0%, intervalle à 95\u00a0% de 11,3\u00a0% à "
        "91,1\u00a0% (Wilson, les apprenants comme unités)\u202f; 8 sur 15\u202f; 5 inconnus, 75,0\u00a0% connu. "
        "Si tout était connu, ce serait entre 40,0\u00a0% et 65,0\u00a0%."
    )


def test_one_reason_for_all_is_said_once():
    said = metrics.say(metrics.abandonment_after_failure(study(small())), "en")
    assert said == (
        "Gave up after not getting in: no value, no source here would tell a failed login; in Moodle it is the log "
        "of the site, not that of a course."
    )


def test_a_long_answer_is_cut_and_counted():
    rows = metrics.lead_time(worked_class.study(), "session_id")
    assert metrics.say(rows, "en", most=2).splitlines()[-1].startswith("… and ")
    assert len(metrics.say(rows, "en", most=2).splitlines()) == 3


def test_names_follow_the_thresholds_of_the_study():
    class_ = worked_class.study().with_thresholds(near_days=3)
    said = metrics.say(metrics.lead_time(class_), "en", thresholds=class_.thresholds)
    assert "within 3 days" in said


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", metrics.METRICS)
def test_every_answer_can_be_said(key, lang):
    said = metrics.say(metrics.compute(worked_class.study(), key), lang)
    assert said.startswith(metrics.title(key, lang))
    assert said.endswith((".", "…"))
    assert "{" not in said


def test_one_grouping_may_be_given_as_its_name():
    class_ = worked_class.study()
    assert fs.metrics.dropout(class_, by="arm").equals(fs.metrics.dropout(class_, by=["arm"]))
    with pytest.raises(ParameterError) as refused:
        fs.metrics.dropout(class_, by="arms")
    assert "did you mean 'arm'?" in str(refused.value)


def test_completion_offers_what_can_be_asked_and_nothing_it_is_made_of():
    assert set(metrics.METRICS) <= set(dir(fs.metrics))
    assert dir(fs.metrics) == sorted(metrics.__all__)
    assert not {"pl", "replace", "wraps", "Study"} & set(dir(fs.metrics))
    assert all(hasattr(metrics, name) for name in metrics.__all__)


@pytest.mark.parametrize("key", metrics.METRICS)
def test_help_says_how_to_ask_what_comes_back_and_where_it_is_from(key):
    ask = getattr(fs.metrics, key)
    assert list(inspect.signature(ask).parameters) == ["study", "by", "depth", "role", "level"]
    text = inspect.getdoc(ask)
    for heading in ("Parameters", "Returns", "Raises", "References", "Examples"):
        assert f"{heading}\n{'-' * len(heading)}" in text, heading
    assert f"{key}(study()" in text


def test_the_command_says_it_under_the_table(tmp_path):
    folder = worked_class.study().save(tmp_path / "class")
    asked = ["metrics", str(folder), "--metric", "trainer_load", "--lang", "en"]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 0
    assert found.stdout.splitlines()[-1].startswith(
        "Preparation by trainers, hours prepared for one taught: 1.33"
    )
    for form in ("csv", "json"):
        assert "Preparation by trainers" not in CliRunner().invoke(app, [*asked, "--format", form]).stdout
