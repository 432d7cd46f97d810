"""The page `session` without a browser: the brief for a trainer, numbers for a manager, nobody named."""

import pickle

import polars as pl
import pytest
from page_study import GROUPS, page_study

from flipstats import display
from flipstats.bench import brief_of
from flipstats.dashboard.ready import make
from flipstats.dashboard.session import PARTS
from flipstats.dashboard.state import Choice, read_query
from flipstats.i18n import in_language
from flipstats.study import Study, open_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The study of the pages in a folder, with a comment to each second session."""
    made = page_study()
    comments = pl.DataFrame(
        {
            "session_id": [f"{name}-2" for name in GROUPS],
            "item": "question",
            "phase": "pre",
            "comment": [f"<b>{name}</b>: what is an exit?" for name in GROUPS],
        }
    )
    names = ("cohorts", "learners", "enrolments", "sessions", "resources", "plan", "events", "sources")
    names += ("coverage", "assessments", "attempts", "attendance")
    tables = {name: made.table(name) for name in names}
    study = Study.from_frames(
        programme=made.programme.model_dump(),
        design={"treated": "flipped", "control": "conventional"},
        feedback=comments,
        **tables,
    )
    path = tmp_path_factory.mktemp("session") / "study"
    return study.save(path)


def page(folder, role, lang="fr"):
    return make("session", open_study(folder), role, lang).state


def html(content) -> str:
    return "".join(block.html for section in content.sections for block in section.blocks)


def told(content) -> str:
    pictures = [b.picture for s in content.sections for b in s.blocks if b.picture]
    drawn = [display.spec(p.figure) + p.caption + p.alt + p.table.write_csv() for p in pictures]
    return "".join([html(content), *drawn, *(str(line) for line in content.lines)])


def test_the_page_opens_on_a_session_of_its_last_day_and_every_group_has_one(folder):
    state = page(folder, "trainer")
    form = state.form()
    choice = form.settle({})
    assert choice["session"].endswith("-4"), "all are over: the last"
    for cohort in GROUPS:
        other = form.settle({"cohort": cohort, "session": choice["session"]})
        assert other["session"] == f"{cohort}-4" or other == choice
    assert read_query("session=F2-2", form)["session"] in (None, choice["session"]), "another group's session"
    assert read_query("cohort=F2&session=F2-2", form) == Choice.of(cohort="F2", session="F2-2")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_trainer_reads_the_brief_block_by_block(folder, lang):
    state = page(folder, "trainer", lang)
    brief = brief_of(open_study(folder), "F3-2", role="trainer")
    with in_language(lang):
        content = state.content(Choice.of(cohort="F3", session="F3-2"))
        wanted = {key: str(part(brief)) for key, part in PARTS.items()}
    assert {block.key: block.html for section in content.sections for block in section.blocks} == wanted
    assert brief.unprepared[0].learner_id in html(content)
    assert "&lt;b&gt;F3&lt;/b&gt;: what is an exit?" in html(content)


def test_a_manager_reads_numbers_of_the_session_no_learner_and_no_comment(folder):
    state = page(folder, "manager", "en")
    with in_language("en"):
        contents = [
            state.content(state.form().settle({"cohort": name, "session": f"{name}-{n}"}))
            for name in GROUPS
            for n in range(1, 5)
        ]
    for content in contents:
        assert "LF" not in told(content), "no pseudonym"
        assert "exit" not in told(content), "no comment"
        assert [line.key for line in content.lines] == ["prepared_rate", "start_score"]
    assert b"LF100" not in pickle.dumps(state)
    assert b"exit?" not in pickle.dumps(state)


def test_what_a_manager_sees_follows_the_session_and_hides_the_small_group(folder):
    state = page(folder, "manager", "en")
    with in_language("en"):
        first, second = (
            state.content(Choice.of(cohort="F1", session=f"F1-{n}", iteration=1)) for n in (1, 2)
        )
        small = state.content(Choice.of(cohort="F4", session="F4-1"))
    assert first.scope != second.scope
    assert told(first) != told(second)
    assert [line.value_text for line in small.lines] == ["–", "–"]


def test_what_a_kernel_gets_is_without_the_study_and_answers_all_the_same(folder):
    state = page(folder, "trainer")
    again = pickle.loads(pickle.dumps(state))
    assert again._study is None
    choice = Choice.of(cohort="F1", session="F1-1")
    with in_language("fr"):
        assert html(again.content(choice)) == html(state.content(choice))


def test_a_study_without_sessions_says_what_to_do():
    study = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"], "arm": ["flipped"]}))
    for role in ("trainer", "manager"):
        state = make("session", study, role, "en").state
        with in_language("en"):
            content = state.content(state.form().settle({}))
        text = told(content) + "".join(b.missing + b.remedy for s in content.sections for b in s.blocks)
        assert "session" in text


def test_a_managers_page_opens_on_a_session_that_may_be_told_and_sends_nobody_where_there_is_no_choice(
    folder,
):
    state = page(folder, "manager", "en")
    with in_language("en"):
        content = state.content(state.form().settle({}))
        assert [line.value_text for line in content.lines if line.value_text == "–"] == []
        small = state.content(state.form().settle({"cohort": "F4"}))
        conventional = state.content(state.form().settle({"cohort": "C1"}))
    assert {b.remedy for s in small.sections for b in s.blocks} == {
        "Choose another group; what may be told of all groups is on the page “manager”."
    }
    (prepared,) = conventional.sections[0].blocks
    assert prepared.remedy == "The conventional format has nothing to prepare: choose a flipped group."
