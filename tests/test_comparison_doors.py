"""Every method by its name, and all at once, on a CSV and on a study, through the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from comparison_study import study, table
from typer.testing import CliRunner

from flipstats.cli import app
from flipstats.comparison.methods import METHODS

KEYS = ["design", "tier", "verdict", "flow", "balance", "effects", "sensitivity", "warnings"]
OF_AN_EFFECT = [
    "outcome", "estimand", "method", "role", "variant", "value", "se", "df", "low", "high", "level", "p",
    "n_treated", "n_control", "clusters_treated", "clusters_control",
]  # fmt: skip
ROLES = {"primary", "robustness", "band", "secondary"}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A CSV and a folder of a study, with the words that ask about each."""
    home = tmp_path_factory.mktemp("doors")
    table(np.random.default_rng(4), 6, effect=0.3).write_csv(home / "table.csv")
    study(groups=6).save(home / "study")
    arms = ["--arm", "arm", "--treated", "f", "--control", "c", "--cluster", "g", "--pre", "x"]
    return {
        "table": [str(home / "table.csv"), *arms, "--assignment", "nonrandom"],
        "study": [str(home / "study")],
    }


def asked(place, *words):
    called = CliRunner().invoke(app, ["compare", *place, *words, "--json"])
    assert called.exit_code == 0, (called.output, called.exception)
    return json.loads(called.stdout)


def outcome_of(where, name):
    binary = METHODS[name].kinds == ("binary",)
    if where == "study":
        return ["--outcome", "completion" if binary else "summative"]
    return ["--outcome", "passed", "--binary"] if binary else ["--outcome", "y"]


@pytest.mark.parametrize("where", ["table", "study"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_by_its_name(places, where, name):
    told = asked(places[where], *outcome_of(where, name), "--method", name)
    found = [e for e in told["effects"] if e["method"] == name]
    assert found
    assert {e["role"] for e in told["effects"]} <= ROLES
    assert all(np.isfinite(e["value"]) for e in found)


@pytest.mark.parametrize("assignment", ["nonrandom", "random_individual"])
@pytest.mark.parametrize("where", ["table", "study"])
def test_all_methods_and_the_shape_of_the_json(places, where, assignment):
    told = asked(
        places[where],
        *outcome_of(where, "welch"),
        "--method",
        "all",
        "--assignment",
        assignment,
        "--seed",
        "3",
    )
    if where == "study":  # its file says that groups were not drawn, and an option cannot claim more
        assert told["design"]["assignment"] == "nonrandom"
        assignment = "nonrandom"
    assert list(told) == KEYS
    assert list(told["verdict"]) == ["words", "sentence", "threats"]
    assert all(list(e) == OF_AN_EFFECT for e in told["effects"])
    assert told["effects"][0]["role"] == "primary"
    found = {e["method"] for e in told["effects"]}
    expected = {
        name for name, m in METHODS.items()
        if "score" in m.kinds and (assignment == "random_individual" or m.design != "individual")
    }  # fmt: skip
    assert found == expected


def test_bands_and_a_claim_from_a_csv(places):
    told = asked(places["table"], "--outcome", "y", "--by", "site", "--contrast", "north=1,south=-1")
    assert [e["variant"] for e in told["effects"] if e["role"] == "band"] == ["north", "south"]
    assert told["sensitivity"]["moderator"]["interaction"]["p"] == pytest.approx(
        told["sensitivity"]["moderator"]["contrast"]["p"], rel=1e-6
    )
    assert told["sensitivity"]["permutation"]["allocations"] == 924
    assert told["sensitivity"]["permutation"]["p_smallest"] == pytest.approx(2 / 924)
    assert told["sensitivity"]["hidden_bias"]["benchmark"] is not None
