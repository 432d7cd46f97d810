"""The page `manager` without a browser: numbers follow every choice and hide small groups."""

import json
import pickle
from contextlib import suppress
from dataclasses import replace
from itertools import combinations

import polars as pl
import pytest
from page_study import END, GROUPS, TITLES, page_study
from traitlets import TraitError

from flipstats import display
from flipstats.dashboard import manager as manager_page
from flipstats.dashboard import ready, view
from flipstats.dashboard.decide import Decide
from flipstats.dashboard.manager import Manager
from flipstats.dashboard.state import Choice, Content, Control, Form, Option
from flipstats.diagnostics import Finding, Target
from flipstats.errors import ParameterError
from flipstats.i18n import in_language
from flipstats.study import Study

KEYS = {
    "decide": ["decide"],
    "preparation": ["heatmap", "by_session", "lead"],
    "trend": ["trend_prepared_rate", "trend_start_score", "trend_completion_rate"],
    "readiness": ["start"],
    "outcome": ["means", "forest"],
    "completion": ["completion"],
}
CHOICES = [
    Choice(),
    Choice.of(iteration=1),
    Choice.of(iteration=2),
    *(Choice.of(cohort=name) for name in GROUPS),
    Choice.of(cohort="F2", iteration=2),
    Choice.of(cohort="C1", iteration=1),
]


@pytest.fixture(scope="module")
def study():
    """The small study of the pages."""
    return page_study()


@pytest.fixture(scope="module")
def manager(study):
    """What a manager's page is made from."""
    return Manager(study, "manager", "fr")


@pytest.fixture(scope="module")
def research(study):
    """What a researcher's page is made from."""
    return Manager(study, "research", "en")


def blocks(content):
    """Return the blocks of a page by their key."""
    return {block.key: block for section in content.sections for block in section.blocks}


def told(block) -> str:
    """Return everything a block tells, as one text."""
    if block.picture is None:
        return block.html + block.missing + block.remedy
    picture = block.picture
    return "".join([display.spec(picture.figure), picture.caption, picture.alt, picture.table.write_csv()])


# ---------------------------------------------------------------------------------------------- contents


@pytest.mark.parametrize(
    ("choice", "lang"),
    [*((c, "fr") for c in CHOICES), (Choice(), "en"), (Choice.of(cohort="F2"), "en")],
    ids=str,
)
def test_every_choice_gives_every_block_a_figure_or_a_reason_and_what_to_do(manager, choice, lang):
    with in_language(lang):
        content = manager.content(choice)
    assert {s.key: [b.key for b in s.blocks] for s in content.sections} == KEYS
    for block in blocks(content).values():
        if block.html:
            continue
        if block.picture is None:
            assert block.missing.endswith(".")
            assert block.remedy.endswith("."), block.key
        else:
            assert block.picture.caption
            assert block.picture.alt
            assert block.picture.table.height
    for section in content.sections:
        assert section.question
        assert section.answer or all(block.missing for block in section.blocks)
    assert len(content.lines) == 4


def test_every_figure_follows_the_cohort(research):
    """No block is the same for two cohorts; the effect, over all groups, names the one it is not about."""
    with in_language("en"):
        found = {name: blocks(research.content(Choice.of(cohort=name))) for name in ("F1", "F2", "F3")}
    for one, other in combinations(found, 2):
        for key in set(found[one]) - {"decide"}:
            assert told(found[one][key]) != told(found[other][key]), key
    assert f"“{TITLES['F1']}” alone is not compared" in found["F1"]["forest"].picture.caption


def test_every_figure_follows_the_iteration(research):
    with in_language("en"):
        found = [blocks(research.content(Choice.of(iteration=i))) for i in (None, 1, 2)]
    for one, other in combinations(found, 2):
        assert [key for key in one if told(one[key]) == told(other[key])] == ["decide"]  # nothing to decide


def test_findings_follow_the_choice(study):
    """Of what the diagnosis of the whole found, a choice shows what lies within it or holds it."""
    looked = Decide(study, "research")
    places = {
        "programme": Target("programme", "p"),
        "first": Target("resource", "r1", iteration=1),
        "group": Target("cohort", "F2", {"cohort": "F2 <b>"}, "flipped", 2, "F2"),
        "other": Target("cohort", "C2", {"cohort": "C2"}, "conventional", 2, "C2"),
    }
    kind = "off_hours"
    looked._found = replace(
        looked._found, looks=9, findings=tuple(_finding(kind, target) for target in places.values())
    )
    shown = {
        choice: {
            name for name, target in places.items() if target in [f.target for f in looked.findings(choice)]
        }
        for choice in (Choice(), Choice.of(iteration=1), Choice.of(iteration=2), Choice.of(cohort="F2"))
    }
    assert list(shown.values()) == [
        set(places), {"programme", "first"}, {"programme", "group", "other"}, {"programme", "group"},
    ]  # fmt: skip
    with in_language("en"):
        html = looked.block(Choice.of(cohort="F2")).html
    assert "F2 &lt;b&gt;" in html
    assert html.count("<li class=") == 2


def _finding(kind, target):
    told = {"value": 0.62, "low": 0.5, "high": 0.7, "level": 0.95, "n": 30, "coverage": 1.0}
    return Finding(kind, "alarm", target, 0.5, 0.5, 0.5, 0.3, 0.2, told)


def test_numbers_are_those_of_the_indicators(study, research):
    from flipstats import metrics

    rows = metrics.prepared_rate(study, ["cohort_id"], depth="opened").filter(statistic="all")
    with in_language("en"):
        for row in rows.drop_nulls("value").iter_rows(named=True):
            line = research.content(Choice.of(cohort=row["cohort_id"])).lines[0]
            assert line.value_text == f"{100 * row['value']:.0f}%"


def test_words_are_in_the_language_of_the_page_also_where_polars_uses_threads(manager):
    with in_language("fr"):
        means = blocks(manager.content(Choice()))["means"].picture
    assert set(means.table.to_series(0)) == {"classe inversée", "format classique"}
    assert len(means.figure.data) == 4, "groups and arms, of both formats"


def test_a_conventional_group_has_nothing_to_prepare_and_the_page_says_what_to_choose(manager):
    with in_language("fr"):
        block = blocks(manager.content(Choice.of(cohort="C1")))["heatmap"]
    assert block.picture is None
    assert block.remedy == (
        "Le dispositif classique n’a rien à préparer\u00a0: choisissez un groupe en classe inversée, "
        "ou tous les groupes."
    )


def test_a_study_without_formats_speaks_of_all_groups(study):
    cohorts = study.table("cohorts").with_columns(pl.lit(None, pl.String).alias("arm"))
    tables = {
        name: study.table(name) for name in ("learners", "enrolments", "sessions", "attempts", "assessments")
    }
    state = Manager(
        Study.from_frames(
            programme={"as_of": END},
            design={"completion_rule": "summative_passed"},
            cohorts=cohorts,
            **tables,
        ),
        "research",
        "en",
    )
    with in_language("en"):
        found = blocks(state.content(Choice()))
    assert set(found["completion"].picture.table.to_series(0)) == {"All cohorts"}
    assert set(found["start"].picture.table.to_series(0)) == {"All cohorts"}
    assert "[design] treated and control" in found["means"].missing


def test_a_study_with_almost_nothing_says_what_is_missing():
    cohorts = pl.DataFrame({"cohort_id": ["A", "B"], "arm": ["flipped", "conventional"]})
    state = Manager(Study.from_frames(cohorts=cohorts), "manager", "en")
    with in_language("en"):
        for choice in (Choice(), Choice.of(cohort="A")):
            content = state.content(choice)
            assert all(block.picture is None for block in blocks(content).values())
            assert {line.value_text for line in content.lines} <= {"–", ""}
    assert [option.label for option in state.form().controls[1].options] == ["A", "B"]


# ------------------------------------------------------------------------------------------- small groups


def test_a_small_group_is_hidden_from_managers_and_not_from_research(manager, research):
    with in_language("en"):
        for state, hidden in ((manager, True), (research, False)):
            content = state.content(Choice.of(cohort="F4"))
            assert (content.lines[0].value_text == "–") is hidden
            assert (blocks(content)["heatmap"].picture is None) is hidden
            table = blocks(state.content(Choice()))["means"].picture.table
            assert (TITLES["F4"] in table.to_series(1).to_list()) is not hidden


def test_no_choice_gives_a_small_group_away_by_subtraction(study, manager):
    """From all counts a manager is shown over all choices, the three learners of F4 cannot be singled out."""
    numbers = manager._numbers
    for key in ("prepared_rate", "start_score", "completion_rate"):
        statistic = {"prepared_rate": "all", "start_score": "mean", "completion_rate": "rate"}[key]
        shown = {
            choice: row["n"]
            for choice in [
                Choice(),
                Choice.of(iteration=1),
                Choice.of(iteration=2),
                *(Choice.of(cohort=n) for n in GROUPS),
            ]
            if (row := numbers.total(key, choice)[statistic])["value"] is not None
        }
        hidden = [name for name in GROUPS if Choice.of(cohort=name) not in shown and key != "prepared_rate"]
        hidden += [
            n for n in ("F1", "F2", "F3", "F4") if Choice.of(cohort=n) not in shown and key == "prepared_rate"
        ]
        assert "F4" in hidden
        assert len([name for name in hidden if GROUPS[name][:2] == ("flipped", 2)]) >= 2, key


def test_means_of_hidden_groups_stand_nowhere_on_a_managers_page(manager, research):
    with in_language("en"):
        secret = blocks(research.content(Choice.of(cohort="F4")))["means"].picture.figure.data[0].x[0]
        for choice in CHOICES:
            page = manager.content(choice)
            text = "".join(told(block) for block in blocks(page).values())
            assert f"{secret:.6f}"[:8] not in text


# ------------------------------------------------------------------------------------------- the hand-over


def test_numbers_handed_to_kernels_say_the_same(tmp_path, study, monkeypatch):
    study.save(tmp_path / "study")
    folder = str(tmp_path / "study")
    made = ready.numbers_of("manager", folder, "manager", "fr")
    for name, value in ready.hand_over(made, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ready, "open_study", lambda path: pytest.fail("made again"))
    found = ready.numbers_of("manager", folder, "manager", "fr")
    with in_language("fr"):
        one, other = (blocks(n.state.content(Choice.of(cohort="F1"))) for n in (made, found))
    assert [told(b) for b in one.values()] == [told(b) for b in other.values()]


class Stub:
    """Stands for the numbers of a page where only what they were made from matters."""

    language = "en"

    def __init__(self, study, role, lang):
        self.title = study.programme.title

    def form(self):
        return Form((Control("cohort", "Cohort", [Option("A", "Group A"), Option("B", "Group B")], "All"),))

    def content(self, choice):
        return Content(self.title, "", "", [], [], [])


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(manager_page, "Manager", Stub)


@pytest.mark.usefixtures("stub")
def test_numbers_for_another_role_or_another_snapshot_are_made_again(tmp_path, study, monkeypatch):
    study.save(tmp_path / "study")
    folder = str(tmp_path / "study")
    made = ready.numbers_of("manager", folder, "manager", "fr")
    for name, value in ready.hand_over(made, tmp_path).items():
        monkeypatch.setenv(name, value)
    assert ready.numbers_of("manager", folder, "manager", "fr").made_from == made.made_from
    assert ready.numbers_of("manager", folder, "research", "fr").made_from != made.made_from
    page_study(seed=8).save(tmp_path / "study")
    assert ready.numbers_of("manager", folder, "manager", "fr").made_from != made.made_from


def test_no_learner_is_in_what_kernels_get(manager):
    handed = pickle.dumps(manager)
    assert b"LF100" not in handed, "not a single pseudonym"


# ------------------------------------------------------------------------------------------------ the view


@pytest.fixture
def page(manager):
    """A manager's page, opened by a link to a cohort."""
    return view.Page(manager, "cohort=F1&lang=en")


def views(page):
    """Return the figure widgets of a page by key."""
    return {key: plot for section in page._views.values() for key, plot in section.items()}


def test_a_link_opens_on_its_choice(page):
    assert (page.lang, page._controls["cohort"].value, page._controls["iteration"].value) == ("en", "F1", "")
    assert page._address.now["query"] == "lang=en&cohort=F1"
    assert "Groupe &lt;F1&gt; &amp; « flipped »" in page._head.value


def test_a_choice_changes_every_block_once(page):
    before = {key: plot.block for key, plot in views(page).items()}
    page._controls["cohort"].value = "F2"
    after = {key: plot.block for key, plot in views(page).items()}
    assert all(after[key]["rev"] == before[key]["rev"] + 1 for key in before)
    assert [k for k in before if after[k]["html"] == before[k]["html"]] == ["decide"]  # nothing to decide
    assert page._address.now["query"] == "lang=en&cohort=F2"
    assert "F2" in page._address.now["said"]


def test_a_page_made_ready_opens_on_the_link_of_whoever_comes(manager):
    page = view.Page(manager)
    assert page.open("lang=fr") is page
    assert page._turn == 1, "nothing is made again for the one who asks for nothing"
    assert page.open("lang=fr&cohort=F2&iteration=2") is page
    assert (page._controls["iteration"].value, page._controls["cohort"].value, page._turn) == ("2", "F2", 2)
    other = page.open("lang=en&cohort=F1")
    assert (other.lang, other._controls["cohort"].value) == ("en", "F1")
    assert page.widget.comm is None, "the widgets of the page that is not shown are gone"


def test_an_iteration_offers_its_own_cohorts_and_drops_one_that_is_not_in_it(page):
    page._controls["iteration"].value = "2"
    assert [value for _, value in page._controls["cohort"].options] == ["", "C2", "C3", "F2", "F3", "F4"]
    assert page._controls["cohort"].value == ""
    assert page._choice == Choice.of(iteration=2)
    page._controls["cohort"].value = "F2"
    page._controls["iteration"].value = ""
    assert page._choice == Choice.of(cohort="F2")
    assert len(page._controls["cohort"].options) == 1 + len(GROUPS)


@pytest.mark.parametrize(
    "sent", [{"index": 99}, {"index": -1}, {"index": "<script>"}, {"value": "../secret"}]
)
def test_what_was_not_offered_cannot_be_chosen(page, sent):
    """A browser may send anything: the control refuses it or takes it for "all", and the page stays whole."""
    with suppress(TraitError, IndexError, TypeError):
        page._controls["cohort"].set_state(sent)
    assert page._choice in (Choice.of(cohort="F1"), Choice())
    assert page._problem.value == ""


def test_text_of_the_data_never_becomes_markup(page):
    everything = page._head.value + "".join(plot.block["html"] for plot in views(page).values())
    assert "<F1>" not in everything
    assert "Sécurité <incendie>" not in everything


def test_what_flipstats_refuses_is_told_and_the_page_stays(page, monkeypatch):
    def refuse(choice):
        raise ParameterError("no <such> thing")

    monkeypatch.setattr(page._state, "content", refuse)
    page._controls["cohort"].value = "F3"
    assert page._problem.value == '<div class="fs-message" role="alert"><p>no &lt;such&gt; thing</p></div>'


def test_a_fault_of_ours_is_told_and_not_swallowed(page, monkeypatch):
    def fail(choice):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(page._state, "content", fail)
    with pytest.raises(ZeroDivisionError):
        page._controls["cohort"].value = "F3"
    assert "still shows the one before" in page._problem.value
    assert "secret detail" not in page._problem.value


def test_plotly_is_given_only_to_a_page_that_lacks_it(page, monkeypatch):
    plot, sent = views(page)["means"], []
    monkeypatch.setattr(plot, "send", sent.append)
    plot._answer(plot, {"ask": "plotly"}, [])
    assert sent[0]["plotly"].startswith("/**\n* plotly.js (cartesian")
    assert json.loads(sent[0]["head"].split('id="fs-theme">')[1].split("</script>")[0])["dark"]
    plot._answer(plot, {"ask": "plotly", "more": 1}, [])
    assert len(sent) == 1


# ------------------------------------------------------------------------------------------------- prepare


def test_prepare_refuses_in_words_a_viewer_can_read(tmp_path, monkeypatch):
    monkeypatch.setenv("FLIPSTATS_ROLE", "admin")
    assert view.prepare("manager", str(tmp_path)).problem == (
        "role: 'admin' is not allowed; it is one of research, manager, trainer"
    )
    monkeypatch.delenv("FLIPSTATS_ROLE")
    missing = view.prepare("manager", str(tmp_path / "nowhere"))
    assert missing.page is None
    assert "nowhere" in missing.problem
    assert 'role="alert"' in missing.show().value
    assert view.prepare("manger", str(tmp_path)).problem == (
        "page: 'manger' is not allowed; did you mean 'manager'?"
    )


@pytest.mark.usefixtures("stub")
def test_a_study_built_anew_before_the_viewer_came_is_the_one_that_is_shown(tmp_path, study, monkeypatch):
    monkeypatch.delenv("FLIPSTATS_LANG", raising=False)
    folder = tmp_path / "study"
    study.save(folder)
    page = view.prepare("manager", str(folder))
    page_study(title="Anew").save(folder)
    assert "Anew" in page.show().children[1].value
