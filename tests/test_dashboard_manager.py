"""What the page `manager` says, without a browser: numbers follow every choice and hide small groups."""

from dataclasses import replace
from itertools import combinations

import polars as pl
import pytest
from page_blocks import blocks, told
from page_study import END, GROUPS, TITLES, page_study

from flipstats.dashboard.decide import Decide
from flipstats.dashboard.manager import Manager
from flipstats.dashboard.state import Choice
from flipstats.diagnostics import Finding, Target
from flipstats.i18n import in_language
from flipstats.study import Study

KEYS = {
    "decide": ["decide"],
    "preparation": ["heatmap", "by_session", "lead"],
    "material": ["reach"],
    "trend": ["trend_prepared_rate", "trend_start_score", "trend_completion_rate"],
    "readiness": ["start"],
    "questions": ["questions"],
    "outcome": ["means", "forest"],
    "completion": ["completion"],
    "comments": ["comments"],
}
NOTHING = ["decide", "questions", "comments"]  # this study has none, whatever is chosen
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
        for key in set(found[one]) - set(NOTHING):
            assert told(found[one][key]) != told(found[other][key]), key
    assert f"“{TITLES['F1']}” alone is not compared" in found["F1"]["forest"].picture.caption


def test_every_figure_follows_the_iteration(research):
    with in_language("en"):
        found = [blocks(research.content(Choice.of(iteration=i))) for i in (None, 1, 2)]
    for one, other in combinations(found, 2):
        assert [key for key in one if told(one[key]) == told(other[key])] == NOTHING


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
