"""Every method through the front door, on tables that no other test has, against R (tests/reference/front_door.R)."""

from __future__ import annotations

import contextlib
import json
import sys

import polars as pl
import pytest
from effects_reference import HERE, reference

from flipstats import cli

R = reference("front_door")
MIXED = ("reml_satterthwaite", "reml_kr")
BY_DERIVATIVES = ("ipw_ate", "ipw_att", "overlap")  # R's side of these is numerical


def closeness(method, name):
    if method in MIXED:
        return {"df": 1e-3, "se": 1e-5, "p": 1e-5}.get(name, 1e-6)
    return 1e-7 if method in BY_DERIVATIVES else 1e-8


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("front_door")
    data = pl.read_csv(HERE / "front_door_data.csv", infer_schema_length=None)
    for (case,), rows in data.group_by("case"):
        known = [name for name in rows.columns if name != "case" and rows[name].null_count() == 0]
        rows.select(known).write_csv(folder / f"{case}.csv")
    return folder


@pytest.mark.parametrize("case", R)
def test_the_command_line_gives_what_r_gives(case, tables, monkeypatch, capsys):
    header = (tables / f"{case}.csv").read_text().partition("\n")[0].split(",")
    words = ["compare", str(tables / f"{case}.csv"), "--outcome", "y", "--arm", "arm", "--treated", "T"]
    words += ["--control", "C", "--method", "all", "--json"]
    words += ["--pre", "x1"] if "x1" in header else []
    words += ["--adjust", "x2"] if "x2" in header else []
    words += ["--binary"] if "completion" in case else []
    groups = ["--cluster", "g", "--assignment", "random_cluster"]
    words += groups if "g" in header else ["--assignment", "random_individual"]
    monkeypatch.setattr(sys, "argv", ["flipstats", *words])
    with contextlib.suppress(SystemExit):
        cli.main()
    told = json.loads(capsys.readouterr().out)
    found = {}
    for effect in told["effects"]:
        found.setdefault(effect["method"], effect)  # the first of a method is in the unit of the outcome
    assert {key.partition(".")[0] for key in R[case]} <= set(found)
    for key, value in R[case].items():
        method, _, name = key.partition(".")
        tolerance = closeness(method, name)
        assert found[method][name] == pytest.approx(value, rel=tolerance, abs=tolerance), key
