"""Blocking questions and themes of comments on the page for managers: large groups, themes only, honest when empty."""

import pickle
import re
from dataclasses import replace

import polars as pl
import pytest
from diagnosis_study import class_study
from statsmodels.stats.proportion import proportion_confint
from test_themes import corpus, spoken

from flipstats.dashboard.about import About
from flipstats.dashboard.obstacles import Obstacles
from flipstats.dashboard.state import Choice
from flipstats.i18n import LANGUAGES, catalogue, in_language
from flipstats.study import Study


def obstacles(study: Study, role: str = "manager") -> Obstacles:
    return Obstacles(study, role, About.of(study, role))


@pytest.fixture(scope="module")
def said() -> tuple[list[str], Study]:
    texts = corpus(60, (1,), 8)[0]
    return texts, spoken(texts, failed=40)


def cells(html: str) -> list[str]:
    return re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", html.split("<tbody>")[1])


def test_a_question_is_told_with_its_share_its_interval_and_how_many_answered():
    state = obstacles(class_study(40, failed=30, cohorts=("A", "B")))
    low, high = proportion_confint(60, 80, method="wilson")
    with in_language("en"):
        block = state.questions(Choice())
        sentence = state.questions_sentence(Choice())
    wanted = [f"75% ({100 * low:.0f}% to {100 * high:.0f}%)", "80"]
    assert cells(block.html)[1:3] == wanted
    assert cells(block.html)[4].startswith("0% ("), "the other question, which nobody failed, comes last"
    assert "All groups together, each iteration apart." in block.html
    assert sentence.startswith("Of 2 questions answered by enough learners, 1 is failed by more than ")


def test_a_cohort_chosen_shows_its_iteration_and_says_so():
    state = obstacles(class_study(40, failed=30, cohorts=("A", "B")))
    with in_language("en"):
        assert "All groups of iteration 1 together." in state.questions(Choice.of(cohort="A")).html
        other = state.questions(Choice.of(iteration=2))
    assert other.html == ""
    assert other.missing.startswith("No question was answered by ")
    assert other.remedy


def test_a_small_group_is_told_to_research_only():
    study = class_study(30, failed=25, smallest_cell=31)
    with in_language("en"):
        assert "83%" in obstacles(study, "research").questions(Choice()).html
        assert "83%" not in obstacles(study, "manager").questions(Choice()).html


def test_comments_are_themes_and_no_word_of_one_person_is_kept(said):
    texts, study = said
    for role in ("manager", "research"):
        state = obstacles(study, role)
        with in_language("en"):
            block, sentence = state.comments(), state.comments_sentence()
        assert re.match(r"\d+ themes? in 60 comments", sentence)
        assert "Themes are of the whole programme" in block.html
        handed = pickle.dumps(state).decode("latin1")
        assert not [text for text in texts if text in block.html or text in handed]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("reason", ["no_comments", "too_few", "no_structure", "not_exported"])
def test_where_there_are_no_themes_the_page_says_why_and_what_to_do(lang, reason):
    state = obstacles(class_study(10))
    state._themes = replace(state._themes, reason=reason)
    with in_language(lang):
        block = state.comments()
        assert state.comments_sentence() == ""
    assert block.remedy == catalogue(lang)[f"obstacles.remedy_{reason}"]
    assert block.missing.endswith(".")


def test_a_study_with_almost_nothing_names_the_export_that_would_tell():
    state = obstacles(Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]})))
    with in_language("en"):
        block = state.questions(Choice())
        assert state.questions_sentence(Choice()) == ""
    assert block.missing.startswith("Not computable: ")
    assert "Results > Responses" in block.remedy
