"""The page `cohort` without a browser: every control is followed, learners are for those who may see them."""

import pickle

import polars as pl
import pytest
from page_blocks import told
from page_study import GROUPS, TITLES, page_study

from flipstats import metrics
from flipstats.dashboard.cohort import MEASURES
from flipstats.dashboard.ready import make
from flipstats.dashboard.state import Choice
from flipstats.i18n import in_language
from flipstats.study import Study, open_study

KEYS = {"groups": ["groups"], "resources": ["reach", "curve"], "learners": ["learners"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return page_study().save(tmp_path_factory.mktemp("cohort") / "study")


@pytest.fixture(scope="module")
def manager(folder):
    return make("cohort", open_study(folder), "manager", "en").state


@pytest.fixture(scope="module")
def research(folder):
    return make("cohort", open_study(folder), "research", "en").state


def blocks(state, lang="en", **chosen):
    with in_language(lang):
        content = state.content(state.form().settle({name: str(value) for name, value in chosen.items()}))
    assert {s.key: [b.key for b in s.blocks] for s in content.sections} == KEYS
    return {block.key: block for section in content.sections for block in section.blocks}


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_choice_shows_every_block_or_says_why_not(manager, lang):
    with in_language(lang):
        form = manager.form()
    for control in form.controls:
        for option in control.options:
            for block in blocks(manager, lang, **{control.name: option.value}).values():
                assert block.picture or block.html or block.missing.endswith("."), (option, block.key)


def test_each_figure_follows_each_control(research):
    first = blocks(research)
    changes = {
        "iteration": {"groups", "reach"},
        "cohort": {"groups", "reach", "learners"},
        "measure": {"groups"},
        "resource": {"reach"},
    }
    values = {"iteration": 2, "cohort": "F2", "measure": "start_score", "resource": "r2"}
    for name, moved in changes.items():
        after = blocks(research, **{name: values[name]})
        assert {key for key in first if told(first[key]) != told(after[key])} == moved, name


def test_numbers_are_those_of_the_indicators(folder, research):
    study = open_study(folder)
    rates = metrics.consultation_rate(study, ["cohort_id", "resource_id"], depth="opened")
    table = blocks(research, cohort="F2")["reach"].picture.table
    wanted = rates.filter(cohort_id="F2", statistic="rate").sort("resource_id")
    shown = dict(table.select(pl.nth(0), pl.nth(2)).iter_rows())
    assert [shown[f"Vidéo {n}"] for n in (1, 2, 3, 4)] == [f"{100 * v:.0f}%" for v in wanted["value"]]


def test_a_small_group_is_hidden_from_managers(manager, research):
    for measure in MEASURES:
        assert blocks(manager, cohort="F4", measure=measure)["groups"].picture is None
        assert blocks(research, cohort="F4", measure=measure)["groups"].picture is not None
    assert blocks(manager, cohort="F4")["reach"].picture is None


def test_single_learners_are_for_research_and_trainers(folder, manager, research):
    assert "LF2" in blocks(research, cohort="F2")["learners"].html
    trainer = make("cohort", open_study(folder), "trainer", "en").state
    assert "LF2" in blocks(trainer, cohort="F2")["learners"].html
    for cohort in GROUPS:
        assert "LF" not in "".join(told(b) for b in blocks(manager, cohort=cohort).values())
    assert b"LF2" not in pickle.dumps(manager)
    assert manager._study is None, "a manager's kernel has no way to the learners"


def test_text_of_the_data_is_escaped(research):
    html = blocks(research, cohort="F1")["learners"].html
    assert TITLES["F1"] not in html


def test_a_kernel_gets_no_study_and_answers_all_the_same(research):
    again = pickle.loads(pickle.dumps(research))
    assert again._study is None
    assert told(blocks(again, cohort="F2")["learners"]) == told(blocks(research, cohort="F2")["learners"])


def test_a_study_with_almost_nothing_says_what_is_missing():
    study = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"], "arm": ["flipped"]}))
    found = blocks(make("cohort", study, "manager", "en").state)
    assert all(block.picture is None and block.missing for block in found.values())
    assert Choice.of(measure="prepared_rate") == make("cohort", study, "manager", "en").state.form().settle(
        {}
    )
