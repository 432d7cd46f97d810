"""Reading of the reference files beside the R scripts, and of the cases kept outside the repository."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

HERE = Path(__file__).parent / "reference"
SHARED = Path(__file__).parents[2] / "shared" / "stats"


def reference(part: str) -> dict[str, dict[str, float]]:
    """R's values of one part: case to name to value."""
    found: dict[str, dict[str, float]] = {}
    with (HERE / f"{part}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["case"], {})[row["name"]] = float(row["value"])
    return found


def reference_data(part: str, case: str | None = None) -> dict[str, np.ndarray]:
    """The data R was given, as arrays by column."""
    frame = pl.read_csv(HERE / f"{part}_data.csv", infer_schema_length=None)
    if case is not None:
        frame = frame.filter(pl.col("case") == case)
    return {name: frame[name].to_numpy() for name in frame.columns}


def expected(case: str) -> dict:
    """One case of the shared values, without their tolerance; skips where they are absent."""
    file = SHARED / "expected.json"
    if not file.exists():
        pytest.skip("the shared reference values are not beside this checkout")
    return json.loads(file.read_text(encoding="utf-8"))["cases"][case]["values"]


def shared_data(name: str) -> dict[str, np.ndarray]:
    """A shared data set as arrays by column; skips where it is absent."""
    file = SHARED / "data" / f"{name}.csv"
    if not file.exists():
        pytest.skip("the shared reference data are not beside this checkout")
    frame = pl.read_csv(file, infer_schema_length=None)
    return {column: frame[column].to_numpy() for column in frame.columns}
