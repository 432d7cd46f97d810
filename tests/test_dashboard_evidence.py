"""The page `evidence` without a browser: hours against a plain loop over the ledger, and nobody singled out."""

import pickle
from statistics import mean

import polars as pl
import pytest
from page_study import GROUPS, page_study
from scipy import stats

from flipstats import display
from flipstats.dashboard.evidence import Evidence
from flipstats.dashboard.state import Choice
from flipstats.export.hours import KINDS, OTHER, hours
from flipstats.i18n import in_language
from flipstats.ledger.lines import ledger
from flipstats.ledger.rule import Rule
from flipstats.study import Study

CHOICES = [Choice(), Choice.of(iteration=1), Choice.of(iteration=2), *(Choice.of(cohort=n) for n in GROUPS)]
KEYS = {
    "hours": ["hours", "reasons"],
    "sources": ["formats", "account"],
    "quality": ["computed", "known", "odd"],
}


@pytest.fixture(scope="module")
def study():
    """The small study of the pages; three learners of each group missed the first session."""
    made = page_study()
    missed = [f"L{group}{i:02d}" for group in GROUPS for i in range(3)]
    status = (
        pl.when(pl.col("learner_id").is_in(missed) & pl.col("session_id").str.ends_with("-1"))
        .then(pl.lit("absent"))
        .otherwise("status")
    )
    tables = {name: made.table(name) for name in ("learners", "enrolments", "cohorts", "sessions", "sources")}
    attendance = made.table("attendance").with_columns(status.alias("status"))
    return Study.from_frames(programme=made.programme.model_dump(), attendance=attendance, **tables)


@pytest.fixture(scope="module")
def manager(study):
    return Evidence(study, "manager", "fr")


@pytest.fixture(scope="module")
def research(study):
    return Evidence(study, "research", "en")


def blocks(content):
    return {block.key: block for section in content.sections for block in section.blocks}


def told(block) -> str:
    if block.picture is None:
        return block.html + block.missing + block.remedy
    return "".join([display.spec(block.picture.figure), block.picture.alt, block.picture.table.write_csv()])


def looped(study, cohorts=None, reason=None) -> dict:
    """Hours a learner of some cohorts, by a loop over the ledger's lines."""
    found: dict[str, dict[str, float]] = {}
    for line in ledger(study, Rule()).rows.iter_rows(named=True):
        if (cohorts is None or line["cohort_id"] in cohorts) and reason in (None, line["reason"]):
            own = found.setdefault(line["learner_id"], dict.fromkeys(KINDS, 0.0))
            for kind in KINDS:
                own[kind] += (line[f"{kind}_min"] or 0.0) / 60
    credited = [own["credited"] for own in found.values()]
    error = stats.sem(credited)
    spread = [mean(credited)] * 2
    if error > 0:
        spread = stats.t.interval(0.95, len(credited) - 1, loc=mean(credited), scale=error)
    return {kind: mean(own[kind] for own in found.values()) for kind in KINDS} | {
        "learners": len(found), "low": max(spread[0], 0), "high": spread[1],
    }  # fmt: skip


def test_hours_are_those_of_a_plain_loop_over_the_ledger(study):
    rows = hours(study, hide=False)
    assert rows.filter(pl.col("reason").is_null()).height == 1 + 2 + len(GROUPS)
    for row in rows.iter_rows(named=True):
        cohorts = {row["cohort_id"]} if row["cohort_id"] else None
        if row["iteration"]:
            cohorts = {name for name, (_, i, *_) in GROUPS.items() if i == row["iteration"]}
        wanted = looped(study, cohorts, row["reason"])
        got = {name: row[name] for name in wanted if row[name] is not None}
        wanted = {name: wanted[name] for name in got}
        assert got == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def test_no_reason_of_few_is_told_nor_left_over_by_subtraction(study):
    shown, whole = hours(study, hide=True), hours(study, hide=False)
    assert (shown.filter(pl.col("reason").is_not_null())["cohort_id"].is_null()).all()
    split = shown.filter(pl.col("reason").is_not_null())
    assert split.height
    absent = whole.filter(pl.col("reason") == "absent", pl.col("cohort_id").is_null())
    assert absent["learners"].min() >= 5  # three of each of two groups and more
    for reason in split["reason"].unique():
        counts = split.filter(reason=reason)
        assert (counts["learners"] >= 5).all()
        whole_n = counts.filter(pl.col("iteration").is_null())["learners"].item()
        parts = counts.filter(pl.col("iteration").is_not_null())["learners"]
        assert whole_n == parts.sum(), reason


def test_a_reason_of_few_is_merged_the_same_way_everywhere():
    made = page_study()
    excused = (
        pl.when(pl.col("learner_id").is_in(["LF100", "LF200"])).then(pl.lit("excused")).otherwise("status")
    )
    tables = {name: made.table(name) for name in ("learners", "enrolments", "cohorts", "sessions")}
    attendance = made.table("attendance").with_columns(excused.alias("status"))
    study = Study.from_frames(programme=made.programme.model_dump(), attendance=attendance, **tables)
    told = hours(study, hide=True).filter(pl.col("reason").is_not_null())
    assert set(told["reason"]) == {OTHER}, "two excused cannot be told, nor what they leave of the rest"


def test_a_small_group_has_no_hours_on_a_managers_page(manager, research):
    with in_language("en"):
        assert manager.content(Choice.of(cohort="F4")).lines[0].value_text == "–"
        assert research.content(Choice.of(cohort="F4")).lines[0].value_text != "–"
        table = blocks(manager.content(Choice()))["hours"].picture.table
    hidden = table.filter(pl.col("Credited (h)") == "hidden").height
    assert hidden >= 2, "the small one, and one by which it would follow"


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_choice_shows_every_block_or_says_why_not(manager, lang):
    with in_language(lang):
        for choice in CHOICES:
            content = manager.content(choice)
            assert {s.key: [b.key for b in s.blocks] for s in content.sections} == KEYS
            assert len(content.lines) == 3
            for block in blocks(content).values():
                assert block.picture or block.html or block.missing.endswith(".")


def test_hours_follow_the_choice(research):
    with in_language("en"):
        found = [
            blocks(research.content(choice))
            for choice in (Choice(), Choice.of(iteration=1), Choice.of(cohort="F1"))
        ]
    for key in ("hours", "reasons"):
        assert len({told(one[key]) for one in found}) == 3, key


def test_remarks_on_single_records_are_for_research(manager, research):
    with in_language("en"):
        assert blocks(manager.content(Choice()))["account"].missing.startswith("Why single records")
        assert blocks(manager.content(Choice()))["odd"].html == ""
        assert blocks(research.content(Choice()))["odd"].html != ""


def test_no_learner_is_in_what_kernels_get(manager):
    assert b"LF100" not in pickle.dumps(manager)


def test_a_study_with_almost_nothing_says_what_to_do():
    state = Evidence(
        Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"], "arm": ["flipped"]})), "manager"
    )
    with in_language("fr"):
        content = state.content(Choice())
    assert content.lines[0].value_text == "–"
    assert blocks(content)["hours"].remedy.startswith("Remplissez sessions.csv")
    assert blocks(content)["formats"].remedy.startswith("Construisez l’étude")
