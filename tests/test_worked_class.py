"""The code gives what was worked out by hand in docs/worked_class.md, from the definitions, before it."""

from functools import cache

import polars as pl
import pytest
import worked_class

from flipstats import metrics

FIGURES = [figure for figure in worked_class.figures() if figure["indicator"] in metrics.METRICS]


@cache
def _answer(key: str, depth: str | None, by: str | None) -> pl.DataFrame:
    return metrics.compute(worked_class.study(), key, [by] if by else [], depth=depth)


def _row(figure: dict[str, str]) -> dict[str, object]:
    group = worked_class.group_of(figure["group"])
    rows = _answer(figure["indicator"], figure["depth"] or None, group[0] if group else None)
    rows = rows.filter(pl.col("statistic") == figure["statistic"])
    if group:
        rows = rows.filter(pl.col(group[0]).cast(pl.String) == group[1])
    assert rows.height == 1, f"{rows.height} rows for {figure}"
    return rows.row(0, named=True)


@pytest.mark.parametrize(
    "figure", FIGURES, ids=["-".join(list(figure.values())[:4]).replace("--", "-") for figure in FIGURES]
)
def test_the_code_gives_what_was_worked_by_hand(figure):
    row = _row(figure)
    for name in ("value", "numerator", "denominator", "unknown"):
        wanted = None if figure[name] == "–" else float(figure[name])
        assert row[name] == (wanted if wanted is None else pytest.approx(wanted, abs=6e-7)), (name, row)
    assert (row["value"] is None) == (row["reason"] is not None)


def test_every_indicator_is_worked_by_hand():
    assert {figure["indicator"] for figure in FIGURES} >= set(metrics.METRICS)
