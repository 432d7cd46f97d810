"""The bench in a notebook: every figure follows every filter, hostile values change nothing, a report stands still."""

from __future__ import annotations

import random
import re

import pytest
from page_blocks import told
from page_study import GROUPS, TITLES, page_study
from traitlets import TraitError

from flipstats import display, metrics
from flipstats.dashboard.explore import Explorer, explore
from flipstats.dashboard.view import Page, block_html
from flipstats.errors import ParameterError
from flipstats.i18n import in_language
from flipstats.study import Study

KEYS = {
    "groups": ["groups"],
    "consulted": ["consulted"],
    "resources": ["reach", "curve"],
    "learners": ["learners"],
}
NAMES = ["iteration", "arm", "cohort", "session", "resource", "depth"]


@pytest.fixture(scope="module")
def study() -> Study:
    return page_study()


@pytest.fixture(scope="module")
def state(study: Study) -> Explorer:
    return explore(study).state


def blocks(state: Explorer, lang: str = "en", **chosen: object) -> dict:
    with in_language(lang):
        content = state.content(state.form().settle({name: str(value) for name, value in chosen.items()}))
    assert {s.key: [b.key for b in s.blocks] for s in content.sections} == KEYS
    return {block.key: block for section in content.sections for block in section.blocks}


@pytest.mark.parametrize(
    ("chosen", "stay"),
    [
        ({"iteration": 2}, set()),
        ({"arm": "conventional"}, set()),
        ({"cohort": "F3"}, set()),
        ({"session": 2}, set()),
        ({"resource": "r2"}, set()),
        ({"depth": "completed"}, {"curve", "learners"}),  # a share seen and a day of work have no depth
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_every_figure_follows_every_filter(state, chosen, stay):
    first, after = blocks(state), blocks(state, **chosen)
    same = {key for key in first if told(first[key]) == told(after[key])}
    assert same == stay | {key for key in ("curve",) if first[key].picture is None}


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_choice_shows_every_block_or_says_why_not(state, lang):
    with in_language(lang):
        form = state.form()
    assert [control.name for control in form.controls] == NAMES
    for control in form.controls:
        for option in control.options:
            for block in blocks(state, lang, **{control.name: option.value}).values():
                assert block.picture or block.html or block.missing.endswith("."), (option, block.key)


def test_numbers_are_those_of_the_indicators(study, state):
    rates = metrics.consultation_rate(study, ["cohort_id", "resource_id"], depth="opened")
    wanted = rates.filter(cohort_id="F2", statistic="rate", resource_id="r2")["value"].item()
    table = blocks(state, cohort="F2", session=2)["reach"].picture.table
    assert table.height == 1
    assert table.row(0)[0] == "Vidéo 2"
    assert table.row(0)[2] == f"{100 * wanted:.0f}%"
    prepared = metrics.prepared_rate(study, ["cohort_id", "sequence"], depth="opened")
    mine = prepared.filter(cohort_id="F2", statistic="all", sequence=3)["value"].item()
    assert f"{100 * mine:.0f}%" in told(blocks(state, cohort="F2", session=3)["groups"])


def test_a_cohort_is_offered_beside_its_format_and_iteration_only(state):
    with in_language("en"):
        form = state.form()
        offered = form.offered("cohort", form.settle({"iteration": "2", "arm": "flipped"}))
    assert {option.value for option in offered} == {
        n for n, (arm, i, *_) in GROUPS.items() if (arm, i) == ("flipped", 2)
    }


def test_twenty_choices_in_a_row_leave_no_stale_figure(state):
    draw = random.Random(3)
    with in_language("en"):
        page = Page(state)
    for _ in range(20):
        name = draw.choice(NAMES)
        control = page._controls[name]
        control.value = draw.choice([value for _, value in control.options])
        chosen = {n: c.value for n, c in page._controls.items() if c.value}
        fresh = blocks(state, "en", **chosen)
        for key, view in ((key, view) for views in page._views.values() for key, view in views.items()):
            assert view.block["rev"] == page._turn
            assert view.block["html"] in (block_html(fresh[key]), "<div hidden></div>"), (name, key)
            assert fresh[key].missing or "hidden" not in view.block["html"][:20]
    assert page._problem.value == ""
    page.close()


@pytest.mark.parametrize("hostile", ["<script>", "../../etc", "F9", "-1", "1e9", "x" * 100_000])
def test_a_hostile_value_changes_nothing_and_is_never_shown(state, hostile):
    with in_language("en"):
        page = Page(state, f"cohort={hostile}&resource={hostile}")
        assert page._choice == state.form().settle({})
    for control in page._controls.values():
        with pytest.raises(TraitError):
            control.value = hostile
        with pytest.raises(TraitError):
            control.set_state({"index": 10_000})  # what a browser can send
    assert page._choice == page._form.settle(dict.fromkeys(NAMES, hostile))
    assert hostile not in page._head.value
    page.close()


def test_a_report_stands_still_with_every_section(study, monkeypatch):
    monkeypatch.setenv(display.IN_REPORT, "1")
    with in_language("fr"):
        bundle = explore(study, sessions=[1, 2])._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    page = bundle["text/html"]
    assert re.findall(r'<h2 id="([\w-]+)"', page) == [f"explorer-q_{key}" for key in KEYS]
    assert page.count("<figure") >= 4
    for title in TITLES.values():
        assert title not in page, "texts of the data are escaped"


def test_a_notebook_gets_widgets_and_the_standing_page_beside(study):
    with in_language("en"):
        bundle = explore(study)._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html"} <= set(bundle)


def test_a_manager_sees_no_small_group_and_no_learner(study):
    manager = explore(study, role="manager").state
    assert blocks(manager, cohort="F4")["groups"].picture is None
    assert blocks(manager, cohort="F4")["reach"].picture is None
    for cohort in GROUPS:
        assert "LF" not in "".join(told(block) for block in blocks(manager, cohort=cohort).values())


def test_parameters_that_do_not_exist_are_refused(study):
    with pytest.raises(ParameterError) as refused, in_language("en"):
        explore(study, depth="deep")
    assert str(refused.value) == "there is no depth 'deep'; known are best, opened, substantial, completed"
    with pytest.raises(ParameterError) as refused, in_language("en"):
        explore(study, resources=["R9"])
    assert str(refused.value) == "there is no resource 'R9' in the plan of the groups chosen"


def test_a_study_with_almost_nothing_says_what_is_missing():
    for block in blocks(explore(Study.from_frames()).state).values():
        assert block.picture is None
        assert block.missing or "fs-notice" in block.html
