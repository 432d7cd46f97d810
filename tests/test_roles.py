"""Roles, attacked: an export serves every page, and no way in gives more than the role may see.

One export for managers and one for a trainer, of one small study; the ways are its files, the indicators with
every pair of groups, the pages with every choice, and what a browser may send to a kernel.
"""

import pickle
from contextlib import suppress
from itertools import combinations

import polars as pl
import pytest
from page_study import GROUPS, page_study
from traitlets import TraitError
from typer.testing import CliRunner

from flipstats import display, metrics
from flipstats.cli import app
from flipstats.dashboard import view
from flipstats.dashboard.cohort import Cohort
from flipstats.dashboard.ready import PAGES, make
from flipstats.dashboard.session import Numbered
from flipstats.errors import FlipstatsError
from flipstats.export import export_study
from flipstats.i18n import in_language
from flipstats.served import GROUPS as COLUMNS
from flipstats.study import Study, open_study

pytestmark = pytest.mark.slow

SECRET = "a remark about somebody"
OWN = ("F2", "F4")
OF_LEARNERS = (
    "learners",
    "enrolments",
    "events",
    "attempts",
    "attendance",
    "feedback",
    "contacts",
    "adaptations",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The study of the pages with trainers and a comment for each group."""
    made = page_study()
    trainer = pl.when(pl.col("cohort_id").is_in(OWN)).then(pl.lit("T2")).otherwise(pl.lit("T1"))
    comments = pl.DataFrame(
        {
            "learner_id": [f"L{name}00" for name in GROUPS],
            "session_id": [f"{name}-1" for name in GROUPS],
            "item": "remark",
            "phase": "pre",
            "comment": [f"{SECRET} in {name}" for name in GROUPS],
        }
    )
    names = ("learners", "enrolments", "sessions", "resources", "plan", "events", "sources", "coverage")
    tables = {name: made.table(name) for name in (*names, "assessments", "attempts", "attendance")}
    study = Study.from_frames(
        programme=made.programme.model_dump(),
        design={
            "assignment": "nonrandom",
            "treated": "flipped",
            "control": "conventional",
            "completion_rule": "summative_passed",
        },
        cohorts=made.table("cohorts").with_columns(trainer_id=trainer),
        feedback=comments,
        **tables,
    )
    return open_study(study.save(tmp_path_factory.mktemp("whole") / "study"))


@pytest.fixture(scope="module")
def manager(whole, tmp_path_factory):
    return export_study(whole, "manager", tmp_path_factory.mktemp("roles") / "manager")


@pytest.fixture(scope="module")
def trainer(whole, tmp_path_factory):
    return export_study(whole, "trainer", tmp_path_factory.mktemp("roles") / "trainer", trainer="T2")


def pages(folder, asked):
    """Every page of an export, made for a role somebody asks for."""
    return {name: make(name, open_study(folder), asked, "en").state for name in PAGES}


def choices(form):
    """Every choice of one control at a time, and each cohort with each session and resource of it."""
    yield form.settle({})
    for control in form.controls:
        for option in control.options:
            yield form.settle({control.name: option.value, **option.within})


def told(content) -> str:
    """Everything a page tells, its figures and data tables with it."""
    parts = [content.title, content.subtitle, content.scope, *map(str, content.lines), *content.notes]
    parts += [line.value_text + line.interval_text for line in content.lines]
    for section in content.sections:
        parts += [section.question, section.answer]
        for block in section.blocks:
            parts += [block.html, block.missing, block.remedy]
            if block.picture is not None:
                picture = block.picture
                parts += [
                    display.spec(picture.figure),
                    picture.caption,
                    picture.alt,
                    picture.table.write_csv(),
                ]
    return "\n".join(parts)


# --------------------------------------------------------------------------------------------- the files


def test_the_files_of_a_managers_export_hold_no_learner_and_no_comment(manager):
    study = open_study(manager)
    for name in OF_LEARNERS:
        assert study.table(name).collect().height == 0, name
    for file in manager.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        assert SECRET.encode() not in content, file
        if file.suffix == ".parquet":
            frame = pl.read_parquet(file)
            content = frame.select(pl.col(pl.String)).write_csv().encode()
            assert not {"learner_id", "comment"} & {
                c for c in frame.columns if frame[c].null_count() < frame.height
            }
        assert b"LF1" not in content, file


def test_the_files_of_a_trainers_export_hold_own_cohorts_only(trainer):
    study = open_study(trainer)
    assert study.table("cohorts").collect()["cohort_id"].sort().to_list() == list(OWN)
    others = [f"L{name}" for name in GROUPS if name not in OWN]
    for file in (f for f in trainer.rglob("*") if f.is_file()):
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content = pl.read_parquet(file).select(pl.col(pl.String)).write_csv().encode()
        assert not [who for who in others if who.encode() in content], file
        assert not [name for name in GROUPS if name not in OWN and f"{name}-1".encode() in content], file
    feedback = study.table("feedback").collect()
    assert feedback["learner_id"].null_count() == feedback.height == len(OWN)


# ----------------------------------------------------------------------------------------- the indicators


def test_no_pair_of_groups_of_any_indicator_tells_of_few(manager):
    study, answered = open_study(manager), 0
    for key in metrics.METRICS:
        for by in [(), *combinations((*COLUMNS, "learner_id", "item", "item_id", "assessment_id"), 1),
                   *combinations(COLUMNS, 2)]:  # fmt: skip
            with suppress(FlipstatsError):
                rows = metrics.compute(study, key, by)
                shown = rows.filter(pl.col("value").is_not_null())
                assert "learner_id" not in rows.columns
                assert (shown["n"] >= 5).all(), (key, by)
                answered += 1
    assert answered > 500


def test_the_command_line_refuses_single_learners_of_a_managers_export(manager):
    options = ["metrics", str(manager), "--metric", "prepared_rate", "--by", "learner_id", "--format", "csv"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code != 0
    assert "LF" not in done.output


def test_the_three_learners_of_the_small_group_follow_from_no_sum(manager):
    """Counts of one number over groups, iterations and formats: the small group is in no difference of them."""
    study = open_study(manager)
    for key, statistic in (("start_score", "mean"), ("completion_rate", "rate"), ("absenteeism", "rate")):
        known = {}
        for by in ((), ("iteration",), ("arm",), ("arm", "iteration"), ("cohort_id",), ("trainer_id",)):
            with suppress(FlipstatsError):
                rows = metrics.compute(study, key, by).filter(
                    pl.col("value").is_not_null(), statistic=statistic
                )
                for row in rows.iter_rows(named=True):
                    known[_members(by, row)] = row["n"]
        assert known, key
        for one, other in combinations(sorted(known, key=len), 2):
            if one < other:
                assert sum(GROUPS[name][2] for name in other - one) >= 5, (key, one, other)
        assert frozenset({"F4"}) not in known


def _members(by, row) -> frozenset[str]:
    about = {n: {"arm": a, "iteration": i, "cohort_id": n, "trainer_id": "T2" if n in OWN else "T1"}
             for n, (a, i, *_) in GROUPS.items()}  # fmt: skip
    return frozenset(name for name, of in about.items() if all(of[column] == row[column] for column in by))


# ----------------------------------------------------------------------------------------------- the pages


@pytest.mark.parametrize("asked", ["manager", "research", "trainer"])
def test_every_page_of_a_managers_export_is_a_managers_whatever_role_is_asked_for(manager, asked):
    made = pages(manager, asked)
    assert isinstance(made["session"], Numbered)
    assert isinstance(made["cohort"], Cohort)
    assert not made["cohort"]._learners
    assert all(b"LF1" not in pickle.dumps(state) for state in made.values())


def test_no_choice_on_any_page_of_a_managers_export_tells_of_a_learner_or_a_comment(manager):
    numbers = 0
    with in_language("en"):
        for name, state in pages(manager, "research").items():
            for choice in choices(state.form()):
                text = told(state.content(choice))
                assert "LF" not in text, (name, choice)
                assert SECRET not in text, (name, choice)
                numbers += text.count("%")
    assert numbers > 1000


def test_the_small_group_has_no_number_of_its_own_on_any_page(manager):
    with in_language("en"):
        for name, state in pages(manager, "manager").items():
            form = state.form()
            content = state.content(form.settle({"cohort": "F4"}))
            own = [line for line in content.lines if line.key in ("prepared_rate", "start_score", "hours")]
            assert {line.value_text for line in own} <= {"–"}, name


def test_every_page_of_a_trainers_export_offers_own_cohorts_only(trainer):
    with in_language("en"):
        for name, state in pages(trainer, "research").items():
            form = state.form()
            offered = next(control for control in form.controls if control.name == "cohort")
            assert {option.value for option in offered.options} == set(OWN), name
            for choice in choices(form):
                text = told(state.content(choice))
                assert not [other for other in GROUPS if other not in OWN and f"<{other}>" in text], name
                assert not [other for other in GROUPS if other not in OWN and f"L{other}" in text], name


# --------------------------------------------------------------------------------------- kernel messages

HOSTILE = [
    {"index": 99}, {"index": -5}, {"index": "0; import os"}, {"index": None}, {"value": "C1"},
    {"_options_labels": ["F1", "C1"], "index": 1}, {"options": [["x", "C1"]], "index": 0}, {"index": [1]},
]  # fmt: skip


@pytest.mark.parametrize("page", list(PAGES))
def test_nothing_a_browser_sends_makes_a_page_show_what_was_not_offered(trainer, page):
    shown = view.Page(make(page, open_study(trainer), "trainer", "en").state)
    for control in shown._controls.values():
        for sent in HOSTILE:
            with suppress(TraitError, IndexError, TypeError, ValueError):
                control.set_state(sent)
            assert shown._form.check(shown._choice) == shown._choice
            assert shown._choice["cohort"] in (None, *OWN)
    for views in shown._views.values():
        for plot in views.values():
            before = shown._choice
            plot.set_state({"block": {"key": "x", "html": "<b>", "rev": 1}})
            plot._handle_custom_msg({"method": "content", "args": ["C1"]}, [])
            assert shown._choice == before
