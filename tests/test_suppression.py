"""Small cells: what may not be shown, and an attacker who adds and subtracts all that is shown."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import GENERATED
from studies import at, study

from flipstats import metrics
from flipstats.suppression import hidden_unions, lines, protect, suppress

SMALLEST = 5


def table(counts: list[int]) -> pl.DataFrame:
    cohorts = [f"C{i}" for i in range(len(counts))]
    return pl.DataFrame({"cohort_id": cohorts, "n": counts}).with_columns(
        value=pl.when(pl.col("n") > 0).then(0.5), statistic=pl.lit("rate"), reason=pl.lit(None, pl.String)
    )


def shown(rows: pl.DataFrame, margins: list[str], apart: list[str]) -> list[bool]:
    out = suppress(
        rows, margins=margins, apart=apart, cell=margins, slices=["statistic"], blank=["value", "n"],
        smallest=SMALLEST,
    )  # fmt: skip
    return [reason != "suppressed" for reason in out["reason"]]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([5, 9], [True, True]),  # exactly the smallest that is shown
        ([4, 9, 20], [False, False, True]),  # the second smallest goes too
        ([4], [False]),
        ([0, 9, 20], [True, True, True]),  # nobody is nobody's secret
        ([2, 2, 9, 20], [False, False, False, True]),  # two cells of four learners together are still small
        ([4, 4, 20], [False, False, True]),
        ([9, 0, 3], [False, True, False]),
    ],
)
def test_which_cells_are_taken_out(counts, expected):
    assert shown(table(counts), ["cohort_id"], ["cohort_id"]) == expected


def test_sessions_of_one_cohort_hold_the_same_learners():
    rows = table([3, 3, 20, 20]).with_columns(
        session_id=pl.Series(["1", "2", "3", "4"]), cohort_id=pl.lit("C")
    )
    assert shown(rows, ["session_id"], ["cohort_id"]) == [False, False, False, True]


def test_a_suppressed_row_says_so_and_nothing_else():
    out = suppress(
        table([3, 9]), margins=["cohort_id"], apart=["cohort_id"], cell=["cohort_id"], slices=["statistic"],
        blank=["value", "n"], smallest=SMALLEST,
    )  # fmt: skip
    assert out.select("value", "n", "reason").rows() == [(None, None, "suppressed")] * 2


@GENERATED
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    counts=st.lists(st.sampled_from([0, 1, 3, 4, 5, 8, 30]), min_size=16, max_size=16),
)
def test_no_small_cell_follows_from_totals(shape, counts):
    rows = pl.DataFrame(
        [(f"r{i}", f"c{j}") for i in range(shape[0]) for j in range(shape[1])],
        schema=["site", "cohort_id"],
        orient="row",
    ).with_columns(n=pl.Series(counts[: shape[0] * shape[1]]))
    n = rows["n"].to_numpy()
    small = (n > 0) & (n < SMALLEST)
    totals = lines(rows, ["site", "cohort_id"])
    hidden = protect(n, small, totals, np.arange(len(n)), SMALLEST)
    assert (hidden >= small).all()
    assert not hidden[n == 0].any()
    for cell in np.flatnonzero(small):
        # Totals whose cells are all small or empty are themselves small, or there is nothing else to hide.
        usable = [line for line in totals if any(n[i] and not hidden[i] for i in line)]
        assert not solvable(cell, usable, hidden, n)


def solvable(cell: int, totals: list[list[int]], hidden: np.ndarray, n: np.ndarray) -> bool:
    """Whether a hidden cell is a combination of known totals: does adding it to them add no rank?"""
    places = np.flatnonzero(hidden)
    system = np.array([[float(p in line) for p in places] for line in totals]).reshape(
        len(totals), len(places)
    )
    target = (places == cell).astype(float)
    if not system.size:
        return False
    return np.linalg.matrix_rank(np.vstack([system, target])) == np.linalg.matrix_rank(system)


@GENERATED
@given(
    cohorts=st.lists(
        st.tuples(st.sampled_from([0, 1, 3, 4, 5, 8, 30]), *[st.sampled_from("ab")] * 3),
        min_size=1,
        max_size=7,
    )
)
def test_no_small_group_of_cohorts_follows_from_those_shown(cohorts):
    n = {f"C{i}": size for i, (size, *_) in enumerate(cohorts)}
    attributes = {f"C{i}": (f"C{i}", *rest) for i, (_, *rest) in enumerate(cohorts)}
    hidden = hidden_unions(n, attributes, SMALLEST)
    unions = {
        frozenset(c for c in n if n[c] and all(attributes[c][i] == attributes[one][i] for i in chosen))
        for size in range(5)
        for chosen in combinations(range(4), size)
        for one in n
        if n[one]
    }
    small = {union for union in unions if sum(n[c] for c in union) < SMALLEST}
    assert small <= hidden <= unions
    system = np.array([[float(c in union) for c in n] for union in unions - hidden]).reshape(-1, len(n))
    for union in small:
        target = np.array([float(c in union) for c in n])
        if len(system):
            assert np.linalg.matrix_rank(np.vstack([system, target])) > np.linalg.matrix_rank(system)


# ---------------------------------------------------------------------------------- through the indicators


def programme(sizes: dict[str, int], *, crossed=False, covers_from=None, smallest: int = SMALLEST):
    """Cohorts of given sizes; every other learner opens the one resource, released a day before.

    Sites and arms cross when asked, else all cohorts are alike.
    """
    sessions = 2
    first = at("2024-03-18 09:00")
    learners = [(cohort, f"{cohort}{i:02d}") for cohort, size in sizes.items() for i in range(size)]
    return study(
        {
            "cohorts": [
                {
                    "cohort_id": c,
                    "site": f"{crossed and i % 2}",
                    "arm": f"{crossed and i > 2}",
                }
                for i, c in enumerate(sizes)
            ],
            "enrolments": [{"learner_id": who, "cohort_id": cohort} for cohort, who in learners],
            "sessions": [
                {
                    "session_id": f"{cohort}-{k}",
                    "cohort_id": cohort,
                    "sequence": k,
                    "starts_at": first + timedelta(days=7 * k),
                    "ends_at": first + timedelta(days=7 * k, hours=3),
                }
                for cohort in sizes
                for k in range(sessions)
            ],
            "resources": [{"resource_id": "R"}],
            "plan": [
                {
                    "session_id": f"{c}-{k}",
                    "resource_id": "R",
                    "released_at": first + timedelta(days=7 * k - 1),
                }
                for c in sizes
                for k in range(sessions)
            ],
            "events": [
                {"learner_id": who, "resource_id": "R", "at": first + timedelta(days=7 * k, hours=-2)}
                for _, who in learners
                for k in range(sessions)
                if int(who[1:]) % 2
            ],
            "coverage": [{"covers_from": covers_from, "covers_to": at("2024-06-01 00:00")}],
        },
        smallest_cell=smallest,
    )


@pytest.mark.parametrize("sizes", [{"A": 3, "B": 8, "C": 20, "D": 9}, {"A": 2, "B": 2, "C": 30, "D": 7}])
@pytest.mark.parametrize("metric", [metrics.consultation_rate, metrics.prepared_rate])
def test_an_attacker_with_every_table_by_cohort_attributes_learns_no_small_cohort(sizes, metric):
    found = programme(sizes, crossed=True)
    statistic = "all" if metric is metrics.prepared_rate else "rate"
    groupings = [(), *((c,) for c in ("cohort_id", "site", "arm", "session_id", "sequence"))]
    groupings += [
        *combinations(("cohort_id", "site", "arm"), 2),
        ("cohort_id", "sequence"),
        ("arm", "sequence"),
    ]
    sessions = found.table("sessions").join(found.table("cohorts"), on="cohort_id").collect()
    known, cells = [], sessions["session_id"].to_list()
    for by in groupings:
        rows = metric(found, by, depth="opened", role="manager").filter(statistic=statistic)
        for row in rows.filter(pl.col("value").is_not_null()).iter_rows(named=True):
            inside = sessions.filter(*(pl.col(c) == row[c] for c in by))["session_id"].to_list()
            known.append([float(cell in inside) for cell in cells])
            assert row["n"] >= SMALLEST
    system = np.array(known)
    for cohort, size in sizes.items():
        if size < SMALLEST:
            target = np.array([float(cell.startswith(cohort)) for cell in cells])
            assert np.linalg.matrix_rank(np.vstack([system, target])) > np.linalg.matrix_rank(system), cohort


def test_research_sees_everything_and_manager_and_trainer_the_same():
    found = programme({"A": 3, "B": 8, "C": 20})
    whole = metrics.consultation_rate(found, ["cohort_id"], depth="opened")
    assert whole["reason"].null_count() == 3
    manager = metrics.consultation_rate(found, ["cohort_id"], depth="opened", role="manager")
    assert manager.select("cohort_id", "value", "n", "reason").rows() == [
        ("A", None, None, "suppressed"),
        ("B", None, None, "suppressed"),
        ("C", 0.5, 20, None),
    ]
    assert manager.equals(metrics.consultation_rate(found, ["cohort_id"], depth="opened", role="trainer"))


def test_the_smallest_cell_is_a_setting_of_the_study():
    found = programme({"A": 3, "B": 8}, smallest=3)
    rows = metrics.consultation_rate(found, ["cohort_id"], depth="opened", role="manager")
    assert rows["n"].to_list() == [3, 8]


def test_bounds_go_with_what_they_bound():
    found = programme({"A": 3, "B": 8, "C": 20}, covers_from=at("2024-03-20 00:00"))
    whole = metrics.consultation_rate(found, ["cohort_id"], depth="opened")
    assert whole.filter(cohort_id="A")["statistic"].to_list() == ["rate", "bound_low", "bound_high"]
    rows = metrics.consultation_rate(found, ["cohort_id"], depth="opened", role="manager")
    assert rows.height == whole.height
    hidden = rows.filter(pl.col("cohort_id").is_in(["A", "B"]))
    assert hidden["reason"].to_list() == ["suppressed"] * 6
    assert hidden.select("value", "n", "numerator", "denominator", "unknown", "coverage").null_count().row(
        0
    ) == ((6,) * 6)
    assert rows.filter(cohort_id="C").equals(whole.filter(cohort_id="C"))


def test_sessions_of_a_cohort_that_is_not_shown_are_not_shown():
    found = programme({"A": 3, "B": 8, "C": 20, "D": 30})
    rows = metrics.consultation_rate(found, ["session_id"], depth="opened", role="manager")
    hidden = rows.filter(reason="suppressed")["session_id"].to_list()
    assert hidden == ["A-0", "B-0", "A-1", "B-1"]
