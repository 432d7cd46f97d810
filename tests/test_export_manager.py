"""An export for managers, attacked: no learner in any file, and no small cell by subtracting what is shown."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import at
from studies import study as study_of
from test_export import addresses, every_text

from flipstats import cohorts, metrics
from flipstats.build import build_study
from flipstats.dashboard.manager import Manager
from flipstats.dashboard.state import Choice
from flipstats.errors import FlipstatsError, NotComputableError, ParameterError
from flipstats.export import export_study, for_manager
from flipstats.export.joint import Cell, hidden_cells
from flipstats.headline import headline
from flipstats.report import run_report
from flipstats.sample import write_sample
from flipstats.study import Study, open_study

SMALLEST = 5


# ------------------------------------------------------------------------------- the rule, by brute force


def follows(target: set, shown: list[set], atoms: list) -> bool:
    """Whether a set is a sum of multiples of others: Gauss in fractions, one atom a column."""
    rows = [[Fraction(int(a in cell)) for a in atoms] for cell in shown]
    goal = [Fraction(int(a in target)) for a in atoms]
    for column in range(len(atoms)):
        pivot = next((r for r in rows if r[column]), None)
        if pivot is None:
            continue
        rows = [
            [x - y * row[column] / pivot[column] for x, y in zip(row, pivot, strict=True)]
            for row in rows
            if row is not pivot
        ]
        goal = [x - y * goal[column] / pivot[column] for x, y in zip(goal, pivot, strict=True)]
    return not any(goal)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)),
        min_size=1,
        max_size=7,
    )
)
def test_no_union_of_few_learners_follows_from_what_is_shown(groups: list[tuple[int, int, int, int]]) -> None:
    atoms = [(i,) for i in range(len(groups))]
    sizes: dict[Cell, int] = {}
    for size in range(5):
        for columns in combinations(range(4), size):
            made: dict[tuple, set] = {}
            for i, group in enumerate(groups):
                values = (i, *group[1:])
                made.setdefault(tuple(values[c] for c in columns), set()).add((i,))
            for members in made.values():
                sizes[Cell(members)] = sum(groups[i][0] for (i,) in members)
    hidden = hidden_cells(sizes, SMALLEST)
    shown = [set(cell) for cell, n in sizes.items() if n and cell not in hidden]
    assert all(sizes[Cell(cell)] >= SMALLEST for cell in shown)
    filled = [atom for atom in atoms if groups[atom[0]][0]]
    within = [cell & set(filled) for cell in shown]
    for size in range(1, len(filled) + 1):
        for union in combinations(filled, size):
            if sum(groups[i][0] for (i,) in union) < SMALLEST:
                assert not follows(set(union), within, filled), (union, shown)


def test_what_two_shown_totals_leave_is_not_small_either() -> None:
    sizes = {Cell([("A",), ("B",)]): 24, Cell([("A",)]): 20, Cell([("A",), ("B",), ("C",)]): 27}
    hidden = hidden_cells(sizes | {Cell([("B",)]): 4, Cell([("C",)]): 3}, SMALLEST)
    assert Cell([("A",), ("B",), ("C",)]) not in hidden  # the whole stays
    assert {Cell([("A",), ("B",)]), Cell([("B",)]), Cell([("C",)])} <= hidden


# ------------------------------------------------------------------------------------------ a small study


def programme(sizes: dict[str, int]) -> Study:
    """Cohorts of so many learners, arms and iterations in turn; every second learner completes."""
    names = list(sizes)
    return study_of(
        {
            "cohorts": [
                {
                    "cohort_id": name,
                    "arm": ("flipped", "conventional")[i % 2],
                    "iteration": 1 + (i // 2) % 2,
                    "ends_at": at("2024-04-01 12:00"),
                }
                for i, name in enumerate(names)
            ],
            "learners": [
                {"learner_id": f"{name}{i}", "x_job": "diver" if i == 0 else "clerk"}
                for name in names
                for i in range(sizes[name])
            ],
            "enrolments": [
                {
                    "learner_id": f"{name}{i}",
                    "cohort_id": name,
                    "completed_at": at("2024-03-30 12:00") if i % 2 else None,
                }
                for name in names
                for i in range(sizes[name])
            ],
        },
        as_of=at("2024-05-01 00:00"),
        design={"treated": "flipped", "control": "conventional", "adjust": ["x_job"]},
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = {"completion_rate": metrics.METRICS["completion_rate"]}
    with pytest.MonkeyPatch.context() as patch:  # one indicator is enough here, and quick
        patch.setattr(metrics, "METRICS", kept)
        whole = programme({"A": 3, "B": 9, "C": 20, "D": 12, "E": 11, "F": 7})
        return export_study(whole, "manager", tmp_path_factory.mktemp("small") / "m")


def test_a_selection_cannot_be_subtracted_from_another(small: Path) -> None:
    seen = open_study(small)
    row = metrics.completion_rate(seen, ["cohort_id"]).filter(cohort_id="A")
    assert row.select("value", "n", "reason").row(0) == (None, None, "suppressed")
    for chosen in (["B", "C", "D", "E", "F"], ["A", "B"], ["C", "E"]):
        with pytest.raises(ParameterError, match="subtracted"):
            seen.select(cohorts=chosen)
    alone = metrics.completion_rate(seen.select(cohorts=["A"]))
    assert alone["value"].to_list() == [None]
    shown = [
        (frozenset(about.filter(wanted)["cohort_id"]), n)
        for about in [seen.table("cohorts").collect()]
        for by in ([], ["arm"], ["iteration"], ["arm", "iteration"], ["cohort_id"])
        for *key, n in metrics.completion_rate(seen, by).drop_nulls("value").select(*by, "n").iter_rows()
        for wanted in [
            pl.all_horizontal(pl.lit(value=True), *(pl.col(c) == v for c, v in zip(by, key, strict=True)))
        ]
    ]
    atoms = sorted("ABCDEF")
    assert len(shown) > 8
    assert all(n >= SMALLEST for _, n in shown)
    assert not follows({"A"}, [set(cell) for cell, _ in shown], atoms)


def test_an_iteration_of_an_export_gives_the_row_of_that_iteration(small: Path) -> None:
    seen = open_study(small)
    whole = metrics.completion_rate(seen, ["iteration"]).filter(iteration=2)
    part = metrics.completion_rate(seen.select(iterations=[2]))
    assert part.equals(whole.drop("iteration"))
    by_arm = metrics.completion_rate(seen.select(iterations=[2]), ["arm"])
    both = metrics.completion_rate(seen, ["arm", "iteration"]).filter(iteration=2)
    assert by_arm.equals(both.select(by_arm.columns))


@pytest.mark.parametrize("by", [["learner_id"], ["x_job"], ["arm", "x_job"], ["cohort_id", "learner_id"]])
def test_neither_learners_nor_their_covariates_can_be_asked_for(small: Path, by: list[str]) -> None:
    seen = open_study(small)
    for role in ("research", "manager"):
        with pytest.raises(FlipstatsError):
            metrics.completion_rate(seen, by, role=role)
        with pytest.raises(FlipstatsError):
            metrics.compute(seen, "completion_rate", by, role=role)


def test_no_learner_and_no_rare_covariate_is_in_any_file(small: Path) -> None:
    text = every_text(small)
    names = [f"{name}{i}" for name in "ABCDEF" for i in range(20)]
    assert not text & set(names)
    whole = "\n".join(text)
    assert "diver" not in whole
    assert "x_job" not in whole
    seen = open_study(small)
    for table in ("learners", "enrolments", "events", "attempts", "attendance", "feedback", "contacts"):
        assert not seen.has(table), table


def test_thresholds_levels_and_other_comparisons_are_refused(small: Path) -> None:
    seen = open_study(small)
    with pytest.raises(ParameterError, match="thresholds"):
        seen.with_thresholds(smallest_cell=1)
    with pytest.raises(ParameterError, match="level"):
        metrics.completion_rate(seen, level=0.5)
    with pytest.raises(NotComputableError, match="no other"):
        cohorts.compare(seen, outcome="completion", band="x_job")
    with pytest.raises(NotComputableError, match="no other"):
        cohorts.compare(seen.select(cohorts=["C"]), outcome="completion")


def test_too_few_learners_make_no_export() -> None:
    with pytest.raises(ParameterError, match="fewer than 5"):
        for_manager(programme({"A": 2, "B": 2}))


# ------------------------------------------------------------------------------------------- the sample


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("manager") / "study"
    write_sample(folder, learners=60)
    return build_study(folder).study


@pytest.fixture(scope="module")
def seen(whole: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_study(whole, "manager", tmp_path_factory.mktemp("seen") / "m")


@pytest.mark.slow
def test_the_export_of_a_programme_holds_no_learner_address_or_file_name(whole: Study, seen: Path) -> None:
    text = "\n".join(every_text(seen)).casefold()
    learners = whole.table("learners").collect()["learner_id"].to_list()
    assert len(learners) == 60
    assert not [learner for learner in learners if learner.casefold() in text]
    assert not [address for address in addresses(whole) if address in text]
    assert not [file for file in whole.table("sources").collect()["file"] if file.casefold() in text]


@pytest.mark.slow
def test_no_small_session_of_any_indicator_can_be_worked_out(whole: Study, seen: Path) -> None:
    """Least squares over every shown row of an indicator: a small session or cohort is never determined."""
    sessions = (
        whole.table("sessions").filter(kind="session")
        .join(whole.table("cohorts").drop("title", "starts_at", "ends_at"), on="cohort_id").collect()
    )  # fmt: skip
    answers, tried = open_study(seen).served.answers, 0
    for key in ("start_score", "prepared_rate", "absenteeism"):
        true = metrics.compute(whole, key, ["session_id"])
        for statistic, depth in true.select("statistic", "depth").unique().iter_rows():
            rows = answers.filter(
                pl.col("metric") == key, pl.col("statistic") == statistic, pl.col("depth").eq_missing(depth),
                pl.col("value").is_not_null(),
            )  # fmt: skip
            assert (rows["n"] >= SMALLEST).all()
            system = [members(sessions, row) for row in rows.iter_rows(named=True)]
            rank = np.linalg.matrix_rank(np.array(system)) if system else 0
            few = true.filter(
                pl.col("statistic") == statistic, pl.col("depth").eq_missing(depth), pl.col("value").is_not_null(),
                pl.col("n") < SMALLEST,
            )["session_id"]  # fmt: skip
            for session in few:
                target = (sessions["session_id"] == session).cast(float).to_numpy()
                assert np.linalg.matrix_rank(np.array([*system, target])) == rank + 1, (
                    key,
                    statistic,
                    session,
                )
                tried += 1
    assert tried > 20


def members(sessions: pl.DataFrame, row: dict) -> np.ndarray:
    """Which sessions a row of an export adds up."""
    by = row["grouping"].split(",") if row["grouping"] else []
    wanted = pl.all_horizontal(pl.lit(value=True), *(pl.col(name).eq_missing(row[name]) for name in by))
    return sessions.with_columns(wanted.cast(pl.Float64).alias("in"))["in"].to_numpy()


@pytest.mark.slow
def test_headline_page_and_report_work_on_the_export(whole: Study, seen: Path, tmp_path: Path) -> None:
    study = open_study(seen)
    told, true = headline(study, role="manager"), headline(whole, role="manager")
    assert told.title == true.title
    assert [line.sentence for line in told.lines[:3]] == [line.sentence for line in true.lines[:3]]
    page = Manager(study, "manager")
    for choice in (Choice(), Choice.of(iteration=2), Choice.of(cohort=next(iter(page._about.titles())))):
        assert page.content(choice).lines
    report = run_report(seen, out=tmp_path).read_text(encoding="utf-8")
    assert "Traceback" not in report
    assert "%" in report
