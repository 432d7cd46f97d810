"""Blocks: everything escaped, complete in themselves, and honest where there is no number."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import figure_rows as given
import nbformat
import polars as pl
import pytest
from page_study import page_study

from flipstats import display as show
from flipstats import figures, i18n
from flipstats.conventions import Thresholds
from flipstats.display import views
from flipstats.errors import ParameterError
from flipstats.i18n import catalogue, in_language
from flipstats.report import parameters_of
from flipstats.report.export import Cover, contents, policy, to_html
from flipstats.report.parameters import checked
from flipstats.shipped import shipped
from flipstats.study import Study

HOSTILE = "<img src=x onerror=alert(1)></script>"
TAG = re.compile(r"<(?:img|script(?! type=\"application/json\"))")


@pytest.fixture(scope="module")
def study() -> Study:
    return page_study()


@dataclass
class Line:
    key: str
    label: str
    value_text: str
    interval_text: str = ""
    sentence: str = ""
    caveat: str = ""


@dataclass
class Headline:
    lines: list[Line]


# -------------------------------------------------------------------------------------------- blocks


def test_cards_show_numbers_and_escape_everything() -> None:
    block = show.cards([Line("prepared", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)])
    assert not TAG.search(block)
    assert block.count("&lt;img src=x onerror=alert(1)&gt;") == 5
    assert 'class="fs-value fs-worded"' not in show.cards([Line("a", "A", "62%")])
    assert 'class="fs-value fs-worded"' in show.cards([Line("a", "A", "not established")])


def test_a_line_without_a_number_is_a_notice_below_the_cards() -> None:
    block = show.cards([Line("limits", "What cannot be said", "", sentence="Two indicators")])
    assert "fs-card" not in block
    assert (
        '<div class="fs-notice" role="note"><p><strong>What cannot be said</strong> Two indicators.</p>'
        in block
    )


def test_sentence_of_a_silent_line_is_empty() -> None:
    headline = Headline([Line("ready", "", "–", sentence="no"), Line("prepared", "", "62%", sentence="yes")])
    assert [show.sentence(headline, key) for key in ("ready", "prepared", "other")] == ["", "yes", ""]


def test_text_makes_paragraphs_and_strong_words_of_ours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue("en"), "report.probe", "**One** {name}\n\nTwo")
    assert show.text("report.probe", name="**<b>**") == (
        "<p><strong>One</strong> ∗∗&lt;b&gt;∗∗</p><p>Two</p>"
    )


def test_section_has_its_question_its_answer_and_its_blocks() -> None:
    block = show.section("report.q_preparation", show.Html("<i>x</i>"), answer=HOSTILE)
    assert block.startswith(
        '<section class="fs-section"><h2 id="report-q_preparation">Did they prepare?</h2>'
    )
    assert "<i>x</i></section>" in block
    assert not TAG.search(block)


def test_table_has_caption_headers_and_numbers_to_the_right() -> None:
    frame = pl.DataFrame({"Group": ["A", HOSTILE], "Share": ["62%", "–"], "Why": ["x", "2 days"]})
    block = show.table(frame, HOSTILE, note=HOSTILE)
    assert not TAG.search(block)
    assert '<th scope="col" class="fs-num">Share</th><th scope="col">Why</th>' in block
    assert '<th scope="row">A</th><td class="fs-num">62%</td><td>x</td>' in block
    assert 'role="region"' in block
    assert 'tabindex="0"' in block


def test_figure_block_is_complete_and_escaped() -> None:
    picture = figures.preparation_heatmap(given.CELLS, sessions=given.SESSIONS, cohorts=given.COHORTS)
    block = show.figure(picture)
    assert not TAG.search(block)
    for part in (
        "<figcaption>",
        'role="img"',
        "aria-label=",
        "<details",
        "<noscript>",
        "fs-spec",
        "aria-labelledby",
    ):
        assert part in block
    drawn = json.loads(re.search(r'class="fs-spec">(.*?)</script>', block, re.DOTALL)[1])
    assert set(drawn) == {"data", "layout"}
    assert "template" not in drawn["layout"], "the page has one template for all its figures"


def test_begin_is_empty_in_a_report_and_whole_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = show.begin("fr")
    assert i18n.language() == "fr"
    assert 'id="fs-theme"' in whole
    assert whole.count("plotly.js (cartesian") == 1
    monkeypatch.setenv(show.IN_REPORT, "1")
    assert show.begin("en") == ""


# --------------------------------------------------------------------------------------------- views


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_preparation_shows_three_figures(study: Study, lang: str) -> None:
    with in_language(lang):
        block = show.preparation(study)
    assert block.count("<figure") == 3
    assert not TAG.search(block)
    assert {"en": "had opened all they had to prepare", "fr": "avaient ouvert tout"}[lang] in block


def test_a_level_no_source_can_tell_is_said_not_drawn(study: Study) -> None:
    block = show.preparation(study, depth="completed")
    assert "<figure" not in block
    assert "No source can tell this level of consultation." in block


def test_a_study_with_almost_nothing_gives_reasons_everywhere() -> None:
    bare = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]}))
    blocks = [show.preparation(bare), show.readiness(bare), show.completion(bare)]
    blocks += [show.comparison(bare, outcome) for outcome in ("summative", "completion")]
    for block in blocks:
        assert "<figure" not in block
        assert "fs-notice" in block
    assert "the study has no sessions" in show.limits(bare)
    assert "made in memory" in show.sources(bare)


def test_lead_time_bands_follow_the_thresholds(study: Study) -> None:
    picture = views.lead_times(study.with_thresholds(early_days=21, lead_days=2), "opened")
    assert picture.table["Before the session"].to_list() == [
        "more than 21 days before", "7 to 21 days before", "2 to 7 days before", "24 h to 2 days before",
        "1 h to 24 h before", "less than 1 h before",
    ]  # fmt: skip


@pytest.mark.parametrize("outcome", ["summative", "completion"])
def test_a_comparison_shows_verdict_means_effects_and_flow(study: Study, outcome: str) -> None:
    block = show.comparison(study, outcome)
    assert not TAG.search(block)
    assert re.search(r'class="fs-verdict" data-verdict="\w+"', block)
    assert block.count("<figure") == 2
    for caption in ("Who is compared", "Every method that was computed"):
        assert f"<caption>{caption}: " in block


def test_two_groups_against_two_draw_means_and_no_effect(study: Study) -> None:
    block = show.comparison(study.select(cohorts=["F1", "F2", "C1", "C2"]), "summative")
    assert 'data-verdict="not_established"' in block
    assert block.count("<figure") == 1
    assert "No interval can be given here." in block


def test_small_groups_are_hidden_outside_research(study: Study) -> None:
    for view in (
        lambda role: show.comparison(study, "summative", role=role),
        lambda role: show.comparison(study, "completion", role=role),
    ):
        assert "F4" in view("research")
        assert "F4" not in view("manager")
    assert "hidden" in views.consulted_heatmap(study, "opened", "manager").table["Value"].to_list()
    assert "hidden" not in views.consulted_heatmap(study, "opened").table["Value"].to_list()


def test_a_refusal_does_not_tell_the_means_of_small_groups(study: Study) -> None:
    two = study.select(cohorts=["F1", "F4", "C1", "C2"])
    assert "(means" in show.comparison(two, "summative")
    told = show.comparison(two, "summative", role="manager")
    assert "(means" not in told
    assert "the means of small groups are not told" in told


def test_every_threshold_has_words_and_a_unit_in_both_languages() -> None:
    for name in Thresholds.__dataclass_fields__:
        unit = re.sub(r"[ -]", "_", Thresholds.__dataclass_fields__[name].metadata["unit"])
        assert i18n.has(f"report.threshold_{name}"), name
        assert i18n.has(f"report.unit_{unit}"), unit


def test_changed_thresholds_are_marked(study: Study) -> None:
    block = show.thresholds(study.with_thresholds(early_days=21))
    assert block.count(">this study<") == 1
    assert "set by this study: 1</summary>" in block
    assert ">21<" in block


def test_every_method_has_words() -> None:
    from flipstats.comparison.methods import METHODS

    assert not [name for name in METHODS if not i18n.has(f"report.method_{name}")]


# ---------------------------------------------------------------------------------------- parameters


KNOWN = parameters_of(shipped("notebooks") / "programme_report.ipynb")


def test_parameters_of_the_notebook_are_typed_and_explained() -> None:
    assert {name: about.kind for name, about in KNOWN.items()} == {
        "study": "str", "lang": "str", "cohorts": "list[str]", "iterations": "list[int]", "depth": "str",
        "role": "str",
    }  # fmt: skip
    assert all(about.meaning for about in KNOWN.values())


@pytest.mark.parametrize(
    ("given_value", "kind", "expected"),
    [
        ("3", "int", 3), (" -2 ", "int", -2), ("0.5", "float", 0.5), (2, "float", 2.0),
        ("oui", "bool", True), ("no", "bool", False), (True, "bool", True), ("A, B", "list[str]", ["A", "B"]),
        ('["A,1", "B"]', "list[str]", ["A,1", "B"]), ("", "list[str]", []), ("1,2", "list[int]", [1, 2]),
        ((1, 2), "list[int]", [1, 2]), ("x", "str", "x"),
    ],
)  # fmt: skip
def test_values_of_a_command_line_are_converted(given_value: object, kind: str, expected: object) -> None:
    from flipstats.report.parameters import Parameter

    found = checked({"p": given_value}, {"p": Parameter("p", kind, "", "")}, "n")["p"]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("given_value", "kind"),
    [
        ("abc", "int"), ("1.5", "int"), (True, "int"), (1.0, "int"), ("x", "float"), ("nan", "float"),
        ("inf", "float"), ("maybe", "bool"), (1, "bool"), (3, "list[int]"), ("1,x", "list[int]"),
        ("[1", "list[int]"), ([1], "list[str]"), (3, "str"), (None, "str"),
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused(given_value: object, kind: str) -> None:
    from flipstats.report.parameters import Parameter

    with pytest.raises(ParameterError):
        checked({"p": given_value}, {"p": Parameter("p", kind, "", "")}, "n")


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        (
            {"cohrots": "A"},
            "notebook programme_report has no parameter 'cohrots'; did you mean 'cohorts'? Nothing was run",
        ),
        (
            {"zzz": 1},
            "notebook programme_report has no parameter 'zzz'; it has cohorts, iterations, depth, role. "
            "Nothing was run",
        ),
        ({"lang": "fr"}, "the parameter 'lang' is the language of the report: give it with --lang"),
        (
            {"iterations": "one"},
            "notebook programme_report: the parameter 'iterations' (iterations to keep; empty for all) takes "
            "whole numbers separated by commas, got 'one'. Nothing was run",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_to_do(given_values: dict, message: str) -> None:
    with pytest.raises(ParameterError) as refused:
        checked(given_values, KNOWN, "programme_report")
    assert str(refused.value) == message


# ---------------------------------------------------------------------------------------- notebooks


FORBIDDEN = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.IfExp,
    ast.Try, ast.With, ast.comprehension,
)  # fmt: skip


@pytest.mark.parametrize("path", sorted(shipped("notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_holds_parameters_calls_and_display_only(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert not cell.outputs
        assert cell.execution_count is None
        found = [
            type(node).__name__ for node in ast.walk(ast.parse(cell.source)) if isinstance(node, FORBIDDEN)
        ]
        assert not found, cell.source
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    source = "".join(cell.source for cell in code)
    keys = re.findall(r'"([a-z_]+\.(?:q|about)_\w+)"', source)
    assert keys or "show.brief_head(" in source or "explore(" in source
    assert not [key for key in keys if not i18n.has(key)]
    assert notebook.cells[0].cell_type == "markdown"
    assert "Question." in notebook.cells[0].source


# --------------------------------------------------------------------------------------------- page


def executed(*outputs: str, tags: tuple[str, ...] = ()) -> nbformat.NotebookNode:
    shown = [nbformat.v4.new_output("execute_result", data={"text/html": text}) for text in outputs]
    cell = nbformat.v4.new_code_cell("secret_code()", outputs=shown)
    cell.metadata.tags = list(tags)
    return nbformat.v4.new_notebook(cells=[cell])


class Addresses(HTMLParser):
    """The addresses a page would follow or fetch, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        names = ("src", "href", "action", "srcset", "poster", "data", "formaction")
        self.found += [value for name, value in attrs if name in names and value]


COVER = Cover(HOSTILE, HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)], "fr")


def test_the_page_is_one_document_that_asks_for_nothing() -> None:
    page = to_html(executed('<section><h2 id="report-q_x">Question</h2></section>'), COVER)
    assert page.startswith('<!DOCTYPE html>\n<html lang="fr">')
    assert page.count("plotly.js (cartesian") == 1
    assert "secret_code" not in page
    assert '<a href="#report-q_x">Question</a>' in page
    asked = Addresses()
    asked.feed(page)
    assert "img" not in asked.tags
    assert {address[0] for address in asked.found} == {"#", "d"}, asked.found
    assert not re.findall(r"@import|url\((?!data:)", re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1])
    assert 'class="fs-skip" href="#content"' in page
    assert "Aller au contenu" in page


def test_only_our_two_scripts_may_run() -> None:
    page = to_html(executed("<script>alert(1)</script>"), COVER)
    found = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    ours = [script for script in found if script != "alert(1)"]
    assert len(ours) == 2
    assert f'content="{policy(*ours)}"' in page
    assert "unsafe" not in policy(*ours).replace("style-src 'unsafe-inline'", "")


def test_cells_for_the_notebook_only_and_figures_of_other_notebooks() -> None:
    assert "only here" not in to_html(executed("only here", tags=("notebook-only",)), COVER)
    assert contents(executed('<h2 id="a">A</h2>', tags=("notebook-only",))) == []
    other = executed()
    spec = {"data": [], "layout": {"title": {"text": "</script><b>"}}}
    other.cells[0].outputs = [
        nbformat.v4.new_output(
            "display_data", data={"application/vnd.plotly.v1+json": spec, "text/plain": "F"}
        )
    ]
    page = to_html(other, COVER)
    assert 'class="fs-spec">{"data": [], "layout": {"title": {"text": "\\u003c/script' in page
