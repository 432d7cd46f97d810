"""Resources by cohort and questions of quizzes in a manager's export, attacked by subtraction, and on the page."""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from page_blocks import blocks, told
from test_export_joint import Sums

from flipstats import metrics
from flipstats.dashboard.manager import Manager
from flipstats.dashboard.state import Choice
from flipstats.export import export_study
from flipstats.i18n import in_language
from flipstats.study import Study, open_study

SMALLEST = 5
START = dt.datetime(2024, 3, 4, 9, tzinfo=dt.UTC)
END = dt.datetime(2024, 6, 30, 18, tzinfo=dt.UTC)
COHORTS = {
    "A": (1, 12),
    "B": (1, 3),
    "C": (2, 11),
    "D": (2, 4),
    "E": (2, 2),
    "F": (1, 9),
}  # iteration, learners
RESOURCES = ("v1", "v2", "v3")
ITEMS = ("q1", "q2", "q3")
KEPT = (
    "resource_reach",
    "consultation_rate",
    "prepared_rate",
    "blocking_points",
    "start_score",
    "lead_time",
    "completion_rate",
)


@pytest.fixture(scope="module")
def whole() -> Study:
    """Cohorts of which three are small; a quiz of three questions for each session of each, one for all."""
    draw = random.Random(11)
    rows: dict[str, list[dict]] = {name: [] for name in ("learners", "enrolments", "sessions", "plan", "events",
                                                         "attempts", "assessments")}  # fmt: skip
    for cohort, (_iteration, size) in COHORTS.items():
        who = [f"L{cohort}{i}" for i in range(size)]
        rows["learners"] += [{"learner_id": one, "tracking": "traced"} for one in who]
        rows["enrolments"] += [{"learner_id": one, "cohort_id": cohort, "enrolled_at": START} for one in who]
        for n in (1, 2):
            at = START + dt.timedelta(days=14 * n)
            session, quiz = f"{cohort}-{n}", f"quiz-{cohort}-{n}"
            rows["sessions"].append({"session_id": session, "cohort_id": cohort, "sequence": n, "kind": "session",
                                     "starts_at": at, "ends_at": at + dt.timedelta(hours=3)})  # fmt: skip
            rows["assessments"].append({"assessment_id": quiz, "session_id": session, "role": "pre_quiz",
                                        "title": f"Quiz {n}", "max_score": 3.0})  # fmt: skip
            for resource in RESOURCES[n - 1 : n + 1]:
                rows["plan"].append({"session_id": session, "resource_id": resource, "phase": "pre",
                                     "mandatory": True, "released_at": START})  # fmt: skip
                rows["events"] += [
                    {
                        "learner_id": one,
                        "resource_id": resource,
                        "at": at - dt.timedelta(hours=5),
                        "verb": "viewed",
                    }
                    for one in who
                    if draw.random() < 0.7
                ]
            rows["attempts"] += [_tried(draw, one, quiz, item, at) for one in who for item in ITEMS[: n + 1]]
        rows["attempts"] += [_tried(draw, one, "all", "q9", END - dt.timedelta(days=9)) for one in who]
    rows["assessments"].append({"assessment_id": "all", "session_id": None, "role": "start", "title": "Start",
                                "max_score": 1.0})  # fmt: skip
    cohorts = [
        {
            "cohort_id": name,
            "title": f"Group {name}",
            "iteration": i,
            "arm": "flipped",
            "starts_at": START,
            "ends_at": END,
        }
        for name, (i, _) in COHORTS.items()
    ]
    source = {"source_id": "log", "file": "log.csv", "sha256": "0" * 64, "format": "moodle_log", "covers_to": END,
              "rows_read": 1, "rows_kept": 1, "rows_merged": 0, "rows_set_aside": 0}  # fmt: skip
    coverage = {
        "source_id": "log",
        "level": "opened",
        "covers_from": None,
        "covers_to": END,
        "basis": "declared",
    }
    return Study.from_frames(
        programme={"id": "p", "title": "P", "timezone": "Europe/Paris", "as_of": END},
        cohorts=pl.DataFrame(cohorts),
        resources=pl.DataFrame(
            {"resource_id": RESOURCES, "title": [f"Film {r}" for r in RESOURCES], "traced": True}
        ),
        sources=pl.DataFrame([source]),
        coverage=pl.DataFrame([coverage], schema_overrides={"covers_from": pl.Datetime("us", "UTC")}),
        **{name: pl.DataFrame(table, infer_schema_length=None) for name, table in rows.items()},
    )


def _tried(draw: random.Random, learner: str, quiz: str, item: str, at: dt.datetime) -> dict:
    hard = 0.75 if item == "q2" else 0.2
    return {"learner_id": learner, "assessment_id": quiz, "item_id": item, "attempt": 1,
            "score": float(draw.random() > hard), "submitted_at": at - dt.timedelta(hours=2)}  # fmt: skip


@pytest.fixture(scope="module")
def folder(whole: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "METRICS", {key: metrics.METRICS[key] for key in KEPT})
        return export_study(whole, "manager", tmp_path_factory.mktemp("material") / "m")


@pytest.fixture(scope="module")
def seen(folder: Path) -> Study:
    return open_study(folder)


def iteration_of(cohort: str) -> int:
    return COHORTS[cohort][0]


def parts_of_questions() -> set[tuple[str, str | None, str, str]]:
    """Every cohort, session number, quiz and question."""
    here = {(c, str(n), f"quiz-{c}-{n}", item) for c in COHORTS for n in (1, 2) for item in ITEMS[: n + 1]}
    return here | {(c, None, "all", "q9") for c in COHORTS}


def shown_of_questions(study: Study) -> list[tuple[frozenset, Fraction, int]]:
    """Every shown rate of failed questions, in whatever table: what it adds up, numerator, denominator."""
    every, found = parts_of_questions(), []
    rows = study.served.answers.filter(
        pl.col("metric") == "blocking_points", pl.col("statistic") == "rate", pl.col("value").is_not_null()
    )
    for row in rows.iter_rows(named=True):
        cell = frozenset(
            part
            for part in every
            if row["cohort_id"] in (None, part[0])
            and row["iteration"] in (None, iteration_of(part[0]))
            and (row["sequence"] is None or str(row["sequence"]) == part[1])
            and (row["session_id"] is None or row["session_id"] == f"{part[0]}-{part[1]}")
            and row["assessment_id"] in (None, part[2])
            and row["item_id"] in (None, part[3])
        )
        found.append((cell, row["numerator"], row["denominator"]))
    for row in study.served.aside["items"]:
        cell = frozenset(
            part
            for part in every
            if (None if part[1] is None else iteration_of(part[0])) == row["iteration"]
            and (row["sequence"] is None) == (part[1] is None)
            and (part[1] is None or str(row["sequence"]) == part[1])
            and part[3] == row["item_id"]
        )
        found.append((cell, row["numerator"], row["denominator"]))
    return found


def test_what_is_shown_of_questions_is_what_it_says(whole: Study, seen: Study) -> None:
    """Each shown row adds up the parts the next tests take it for, so that these try the right sums."""
    attempts = whole.table("attempts").collect()
    true = {}
    for learner, quiz, item, score in attempts.select(
        "learner_id", "assessment_id", "item_id", "score"
    ).iter_rows():
        cohort = learner[1]
        number = None if quiz == "all" else quiz[-1]
        failed, tried = true.get((cohort, number, quiz, item), (0, 0))
        true[cohort, number, quiz, item] = (failed + (score == 0), tried + 1)
    found = shown_of_questions(seen)
    assert len(found) > 30
    for cell, numerator, denominator in found:
        assert numerator == sum(true[part][0] for part in cell), cell
        assert denominator == sum(true[part][1] for part in cell), cell


def test_no_question_of_a_small_cohort_follows_by_subtraction(seen: Study) -> None:
    """Nor what it failed in one quiz, one session or all, nor two small cohorts' together."""
    sums = Sums([cell for cell, *_ in shown_of_questions(seen)])
    small = [name for name, (_, n) in COHORTS.items() if n < SMALLEST]
    every, tried = parts_of_questions(), 0
    for cohort in small:
        own = {part for part in every if part[0] == cohort}
        wanted = [{part} for part in own]
        wanted += [{p for p in own if p[1] == number} for number in ("1", "2")]
        wanted += [{p for p in own if p[3] == item} for item in ITEMS]
        for target in [*wanted, own]:
            assert not sums.holds(frozenset(target)), target
            tried += 1
    assert tried > 25
    assert sums.holds(frozenset(p for p in every if p[:2] == ("A", "1")))  # what is large is there


def test_no_shown_question_leaves_few_of_another(seen: Study) -> None:
    shown = [cell for cell, *_ in shown_of_questions(seen)]
    for one, other in combinations(shown, 2):
        less, more = sorted((one, other), key=len)
        if less < more:
            left = more - less
            assert sum(COHORTS[name][1] for name in {part[0] for part in left}) >= SMALLEST, left


def test_no_resource_of_a_small_cohort_follows_by_subtraction(whole: Study, seen: Study) -> None:
    true = metrics.resource_reach(whole, ["cohort_id", "resource_id"]).filter(statistic="reach")
    behind = {(c, r): n for c, r, n in true.select("cohort_id", "resource_id", "denominator").iter_rows()}
    cells, few = [], []
    rows = seen.served.answers.filter(
        pl.col("metric") == "resource_reach", pl.col("statistic") == "reach", pl.col("value").is_not_null()
    )
    for row in rows.iter_rows(named=True):
        cell = frozenset(
            (c, r)
            for c, r in behind
            if row["cohort_id"] in (None, c)
            and row["iteration"] in (None, iteration_of(c))
            and row["resource_id"] in (None, r)
        )
        assert row["denominator"] == sum(behind[part] for part in cell)
        cells.append(cell)
    assert {row["grouping"] for row in rows.iter_rows(named=True)} >= {"cohort_id,resource_id", "resource_id"}
    sums = Sums(cells)
    for cohort, (_, n) in COHORTS.items():
        own = [frozenset([part]) for part in behind if part[0] == cohort]
        if n < SMALLEST:
            few += [*own, frozenset().union(*own)]
    assert len(few) == 12
    assert not [cell for cell in few if sums.holds(cell)]


def test_questions_come_ranked_and_what_is_hidden_has_no_place(whole: Study, seen: Study) -> None:
    rows = metrics.blocking_points(seen, ["assessment_id", "item_id"]).filter(statistic="rate")
    shown = rows.filter(pl.col("value").is_not_null())
    assert shown["value"].to_list() == sorted(shown["value"], reverse=True)
    hidden = rows.filter(reason="suppressed")
    assert rows.tail(hidden.height)["reason"].to_list() == ["suppressed"] * hidden.height
    names = hidden.select("assessment_id", "item_id").rows()
    assert names == sorted(names)  # the order says nothing
    stored = seen.served.answers.filter(grouping="assessment_id,item_id", statistic="rate")
    assert stored.select("assessment_id", "item_id").rows() == sorted(
        stored.select("assessment_id", "item_id").rows()
    )
    true = metrics.blocking_points(whole, ["assessment_id", "item_id"]).filter(statistic="rate")
    both = shown.join(true, on=["assessment_id", "item_id"])
    assert both.height == shown.height
    assert both["value"].equals(both["value_right"].rename("value"))


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_page_of_the_export_shows_resources_and_questions(whole: Study, seen: Study, lang: str) -> None:
    page, research = Manager(seen, "research"), Manager(whole, "research")
    with in_language(lang):
        every = blocks(page.content(Choice()))
        assert all(f"Film {resource}" in told(every["reach"]) for resource in RESOURCES)
        asked = told(every["questions"])
        assert asked.index("q2") < asked.index("q1")  # the hardest first
        for cohort in COHORTS:  # F, which is large, stands for the small B of its iteration
            choice = Choice.of(cohort=cohort)
            found, true = (told(blocks(p.content(choice))["reach"]) for p in (page, research))
            assert "Film" in true
            assert "Film" in found if cohort in "AC" else "%" not in found, cohort
        small = [blocks(page.content(Choice.of(cohort=c))) for c in ("B", "F")]  # both of iteration 1
        assert told(small[0]["questions"]) == told(small[1]["questions"])
