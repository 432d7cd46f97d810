"""What every answer of every indicator must be like, whatever the study: see the rules of INDICATORS."""

from __future__ import annotations

import math

import polars as pl

from flipstats import i18n
from flipstats.indicators.definition import COLUMNS, Definition

BOUNDS = ("bound_low", "bound_high")
# What is known exactly of the resources and items there are, so that no interval belongs to it.
EXACT = {"length", "long", "too_long", "flagged"}
RANGES = {
    "share": (0, 1), "score": (0, 1), "points": (-1, 1), "correlation": (-1, 1),
    "ratio": (0, math.inf), "h": (0, math.inf), "min": (0, math.inf),
}  # fmt: skip
MINUTES = {"off_hours_share", "study_slot_use", "absenteeism", "active_session_share", "flipped_share"}
MINUTES |= {"trainer_load"}


def bounded(statistic: str) -> tuple[str, bool]:
    """Return which statistic a row is about, and whether it only bounds it."""
    for bound in BOUNDS:
        if statistic == bound:
            return "", True
        if statistic.endswith("_" + bound):
            return statistic.removesuffix("_" + bound), True
    return statistic, False


def check(rows: pl.DataFrame, spec: Definition, by: tuple[str, ...], level: float = 0.95) -> None:
    """Hold an answer to the shape that all have."""
    assert rows.columns == [*by, *COLUMNS]
    for name, dtype in COLUMNS.items():
        assert rows.schema[name] == dtype, name
    assert rows.height > 0
    groups = rows.select(by).unique().height if by else 1
    depths = rows["depth"].n_unique()
    plain = [row for row in rows.iter_rows(named=True) if not bounded(row["statistic"])[1]]
    assert [row["statistic"] for row in plain[: len(spec.statistics)]] == list(spec.statistics)
    assert len(plain) == groups * depths * len(spec.statistics)
    for row in rows.iter_rows(named=True):
        check_row(row, spec, level)


def check_row(row: dict, spec: Definition, level: float) -> None:
    """Hold one row to what it must be."""
    said = {name: row[name] for name in ("metric", "version", "level", "depth")}
    assert said == {
        "metric": spec.key, "version": spec.version, "level": level,
        "depth": row["depth"] if row["depth"] in spec.depths else None,
    }, row  # fmt: skip
    statistic, is_bound = bounded(row["statistic"])
    assert statistic in (*spec.statistics, ""), row
    assert row["unit"] == spec.unit_of(row["statistic"]), row
    assert row["unit"] in RANGES, row
    if row["reason"] == "suppressed":
        assert all(row[name] is None for name in ("value", "low", "high", "n", "numerator")), row
        return
    assert row["n"] >= 0, row
    assert row["unknown"] is None or row["unknown"] >= 0, row
    for name in ("numerator", "denominator"):
        assert row[name] is None or row[name] >= 0, row
    if row["coverage"] is not None:
        assert 0 <= row["coverage"] <= 1, row
    if row["value"] is None:
        assert row["low"] is row["high"] is row["interval"] is None, row
        for lang in i18n.LANGUAGES:
            assert i18n.t(f"metrics.{row['reason']}", lang), row
        return
    assert row["reason"] is None, row
    low, high = RANGES[row["unit"]]
    assert low - 1e-9 <= row["value"] <= high + 1e-9, row
    assert math.isfinite(row["value"]), row
    assert (row["low"] is None) == (row["high"] is None) == (row["interval"] is None), row
    if row["low"] is not None:
        assert row["low"] <= row["value"] + 1e-9, row
        assert row["value"] <= row["high"] + 1e-9, row
        assert low <= row["low"], row
        assert row["high"] <= high, row
        assert i18n.has(f"figures.interval_{row['interval']}"), row
    if is_bound or row["statistic"] in EXACT:
        assert row["low"] is None, row
    counted = row["numerator"] is not None and row["denominator"]
    if counted and row["unit"] in ("share", "ratio") and spec.key not in MINUTES:
        assert row["value"] == row["numerator"] / row["denominator"], row
        assert row["numerator"] <= row["denominator"], row
