"""Hostile tables through Python and through the command line: an answer or one clear refusal, no warning.

Warnings are errors in every test of this project, here as elsewhere.
"""

from __future__ import annotations

import json
import re
import sys
import time

import numpy as np
import polars as pl
import pytest
from comparison_study import table
from scipy import stats

from flipstats import cli, cohorts, i18n
from flipstats.comparison.verdict import LEVELS
from flipstats.effects.proportions import newcombe
from flipstats.errors import FlipstatsError

BASE = table(np.random.default_rng(1), 4, sizes=(8, 16), effect=0.5)
TREATED, ROW = pl.col("arm") == "f", pl.int_range(pl.len())
DESIGNS = {
    "groups": {"outcome": "y", "cluster": "g", "assignment": "random_cluster"},
    "learners": {"outcome": "y", "assignment": "random_individual"},
    "completion": {"outcome": "passed", "binary": True, "assignment": "random_individual"},
    "completion_in_groups": {"outcome": "passed", "binary": True, "cluster": "g", "assignment": "nonrandom"},
}
ARMS = {"arm": "arm", "treated": "f", "control": "c"}


def constant():
    return BASE.with_columns(y=pl.lit(3.0), passed=pl.lit(1))


def constant_in_each_arm():
    return BASE.with_columns(y=pl.when(TREATED).then(1.0).otherwise(0.0), passed=TREATED.cast(pl.Int64))


def empty_arm():
    return BASE.filter(TREATED)


def one_group_per_arm():
    return BASE.with_columns(g=pl.col("arm"))


def everyone_missing():
    return BASE.with_columns(y=pl.lit(None, pl.Float64), passed=pl.lit(None, pl.Int64))


def one_arm_missing():
    return BASE.with_columns(y=pl.when(TREATED).then("y"), passed=pl.when(TREATED).then("passed"))


def separated_by_a_covariate():
    return BASE.with_columns(passed=(pl.col("x") > 0).cast(pl.Int64), y=pl.col("x"))


def arms_told_apart():
    return BASE.with_columns(x=pl.when(TREATED).then(pl.col("x") + 100).otherwise("x"))


def covariate_is_the_arm():
    return BASE.with_columns(x=TREATED.cast(pl.Float64))


def one_learner():
    return BASE.head(1)


def one_learner_each():
    return pl.concat([BASE.filter(TREATED).head(1), BASE.filter(~TREATED).head(1)])


def nobody():
    return BASE.head(0)


def huge():
    return BASE.with_columns(y=pl.col("y") * 1e200)


def tiny():
    return BASE.with_columns(y=pl.col("y") * 1e-200)


def group_in_both_arms():
    return BASE.with_columns(g=pl.when(ROW < 20).then(pl.lit("both")).otherwise("g"))


def everyone_a_group():
    return BASE.with_columns(g=ROW.cast(pl.String))


def not_a_number_and_infinite():
    return BASE.with_columns(
        y=pl.when(ROW % 7 == 0).then(float("nan")).when(ROW % 11 == 0).then(float("-inf")).otherwise("y"),
        x=pl.when(ROW % 13 == 0).then(float("inf")).otherwise("x"),
    )


def text_as_outcome():
    return BASE.with_columns(y=pl.lit("<script>"), passed=pl.lit("perhaps"))


def repeated_learners():
    return BASE.with_columns(learner_id=(ROW // 2).cast(pl.String))


HOSTILE = {f.__name__: f for f in (
    constant, constant_in_each_arm, empty_arm, one_group_per_arm, everyone_missing, one_arm_missing,
    separated_by_a_covariate, arms_told_apart, covariate_is_the_arm, one_learner, one_learner_each, nobody, huge,
    tiny, group_in_both_arms, everyone_a_group, not_a_number_and_infinite, text_as_outcome, repeated_learners,
)}  # fmt: skip
REFUSED = {  # in every design, with these words
    "empty_arm": "nobody is in the control arm",
    "everyone_missing": "nobody of the treated arm can be analysed",
    "one_arm_missing": "nobody of the control arm can be analysed",
    "one_learner": "nobody is in the (treated|control) arm",
    "nobody": "nobody is in the treated arm|the outcome 'y' must hold numbers",
    "text_as_outcome": "must hold (numbers|yes or no).*'(<script>|perhaps)'",
    "repeated_learners": "learners have several rows",
}
REFUSED_SCORES = {
    "constant": "the outcome is 3 for everyone",
    "constant_in_each_arm": "nothing varies within the arms",
    "huge": "too large to compute with",
    "tiny": "too small to compute with",
}


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Ask the command line about a table: (exit code, stdout, stderr)."""

    def once(frame, **options):
        file = tmp_path / "table.csv"
        frame.write_csv(file)
        words = ["flipstats", "compare", str(file), "--json"]
        for name, value in options.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        monkeypatch.setattr(sys, "argv", words)
        for name in ("FLIPSTATS_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "FLIPSTATS_DEBUG"):
            monkeypatch.delenv(name, raising=False)
        code = 0
        with i18n.in_language("en"):
            try:
                cli.main()
            except SystemExit as stop:
                code = stop.code or 0
        return code, *capsys.readouterr()

    return once


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_or_a_clear_refusal_and_the_same_by_both_doors(name, design, run):
    frame, asked = HOSTILE[name](), DESIGNS[design]
    refusal = REFUSED.get(name) or (REFUSED_SCORES.get(name) if asked["outcome"] == "y" else None)
    code, out, err = run(frame, **ARMS, **asked, pre="x", method="all")
    try:
        result = cohorts.compare_table(frame, **ARMS, **asked, pre="x", methods="all")
    except FlipstatsError as problem:
        found = str(problem)
        assert (code, out) == (1, "")
        # A column without a value has no type of its own in a CSV, so another refusal may come first.
        assert err.strip() == found or name in ("nobody", "everyone_missing", "huge", "tiny")
        assert len(err.strip().splitlines()) == 1
        assert "Traceback" not in err
        assert refusal is None or re.search(refusal, found)
        return
    assert refusal is None
    assert code == 0, err
    told = json.loads(out)
    assert result.verdict.code in LEVELS
    assert told["verdict"]["words"] == result.verdict.words
    for effect, row in zip(result.effects, told["effects"], strict=True):
        assert effect.value == pytest.approx(row["value"], rel=1e-9, abs=1e-12)
        assert np.isfinite(effect.value)
        assert effect.low <= effect.value <= effect.high


def test_one_group_per_arm_is_never_an_effect():
    result = cohorts.compare_table(one_group_per_arm(), **ARMS, **DESIGNS["groups"])
    assert (result.verdict.code, result.primary, result.effects) == ("not_established", None, ())


def test_infinite_and_undefined_values_are_missing_and_counted():
    frame = not_a_number_and_infinite()
    known = frame.filter(pl.col("y").is_finite() & pl.col("x").is_finite())
    for design in ("groups", "learners"):
        result = cohorts.compare_table(frame, **ARMS, **DESIGNS[design], pre="x")
        clean = cohorts.compare_table(known, **ARMS, **DESIGNS[design], pre="x")
        assert result.primary.row() == clean.primary.row()
        lost = sum(sum(result.flow[side]["lost"].values()) for side in ("treated", "control"))
        assert lost == frame.height - known.height


def test_names_of_any_script_change_no_number(run):
    arm = pl.when(TREATED).then(pl.lit("inversée 🎓")).otherwise(pl.lit("クラス <b>"))
    frame = BASE.with_columns(arm=arm, g=pl.lit("groupe «é» ") + pl.col("g")).rename({"y": "note finale é"})
    names = {"arm": "arm", "treated": "inversée 🎓", "control": "クラス <b>", "outcome": "note finale é"}
    design = {"cluster": "g", "assignment": "random_cluster"}
    result = cohorts.compare_table(frame, **names, **design)
    plain = cohorts.compare_table(BASE, **ARMS, **DESIGNS["groups"])
    assert result.primary.estimate == plain.primary.estimate
    assert "<b>" not in result._repr_html_()
    code, out, _ = run(frame, **names, **design)
    assert code == 0
    assert json.loads(out)["design"]["control"] == "クラス <b>"


def test_perfect_separation_leaves_the_plain_difference_right():
    frame = separated_by_a_covariate()
    result = cohorts.compare_table(frame, **ARMS, **DESIGNS["completion"], pre="x")
    plain = newcombe(frame["passed"].to_numpy(), (frame["arm"] == "f").to_numpy())
    assert (result.primary.value, result.primary.low) == (plain.value, plain.low)
    assert any(str(w).startswith("gcomp could not be computed: the covariates") for w in result.warnings)


def test_groups_in_both_arms_are_refused_or_do_not_count():
    with pytest.raises(FlipstatsError, match="1 group has learners in both arms"):
        cohorts.compare_table(group_in_both_arms(), **ARMS, **DESIGNS["groups"])
    alone = {**DESIGNS["learners"], "cluster": "g"}
    result = cohorts.compare_table(group_in_both_arms(), **ARMS, **alone)
    y, one = BASE["y"].to_numpy(), (BASE["arm"] == "f").to_numpy()
    assert result.primary.p == pytest.approx(stats.ttest_ind(y[one], y[~one], equal_var=False).pvalue)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_two_hundred_thousand_learners_end_and_are_right(design, run):
    icc = 0.1 if "groups" in design else 0.0
    frame = table(np.random.default_rng(5), 500, icc=icc, sizes=(180, 220), effect=0.3)
    start = time.perf_counter()
    code, out, err = run(frame, **ARMS, **DESIGNS[design], pre="x")
    spent = time.perf_counter() - start
    assert code == 0, err
    told = json.loads(out)
    primary = told["effects"][0]
    assert primary["n_treated"] + primary["n_control"] == frame.height
    if design in ("groups", "learners"):
        assert primary["low"] < 0.3 < primary["high"]
    one = frame["arm"] == "f"
    if design == "completion":
        difference = frame["passed"].filter(one).mean() - frame["passed"].filter(~one).mean()
        assert primary["value"] == pytest.approx(difference)
    print(f"{design}: {spent:.1f} s")


@pytest.mark.slow
def test_two_hundred_thousand_learners_of_which_half_lean_on_nobody(run):
    frame = table(np.random.default_rng(6), 500, sizes=(180, 220), effect=0.3)
    frame = frame.with_columns(g=pl.when(TREATED).then("g"))
    code, out, err = run(frame, **ARMS, outcome="y", cluster="g", assignment="random_individual")
    assert code == 0, err
    primary = json.loads(out)["effects"][0]
    assert (primary["clusters_treated"], primary["clusters_control"]) == (500, None)
    assert primary["low"] < 0.3 < primary["high"]


def test_learners_drawn_one_by_one_count_also_without_a_group():
    frame = BASE.with_columns(g=pl.when(ROW % 5 > 0).then("g"))
    result = cohorts.compare_table(frame, **ARMS, **DESIGNS["learners"], cluster="g")
    plain = cohorts.compare_table(frame, **ARMS, **DESIGNS["learners"])
    assert result.primary.estimate == plain.primary.estimate
    assert result.flow["left_out"] == []
