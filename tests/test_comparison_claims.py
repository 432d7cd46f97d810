"""A claim that the design cannot carry cannot be had, whatever is asked for; tables as people save them."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from comparison_study import study, table

from flipstats import cli, cohorts, i18n
from flipstats.comparison.assignment import CLAIMS
from flipstats.comparison.csvfile import read_table
from flipstats.conventions import DEFAULTS
from flipstats.errors import EmptyArmError, InputError, ParameterError, SchemaError

ARMS = {"arm": "arm", "treated": "f", "control": "c"}


def against_the_rest() -> pl.DataFrame:
    """Small groups gain, the one large group of each arm says the contrary: averages of groups and of learners."""
    rows = []
    for arm, of_small, of_large in (("f", 1.0, 0.5), ("c", 0.0, 0.9)):
        for k in range(9):
            mean, n = (of_large, 400) if k == 0 else (of_small + 0.05 * (k % 3), 4)
            rows += [(mean + 0.4 * (-1) ** i, arm, f"{arm}{k}") for i in range(n)]
    return pl.DataFrame(rows, schema=["y", "arm", "g"], orient="row")


@pytest.mark.parametrize("methods", [None, ["cluster_permutation"], ["cluster_means"], "all"])
def test_asking_for_some_methods_hides_none_that_disagrees(methods):
    result = cohorts.compare_table(
        against_the_rest(), outcome="y", cluster="g", assignment="random_cluster", methods=methods, **ARMS
    )
    effects = {e.method: e.value for e in result.effects}
    assert effects["cluster_means"] > 0 > effects["cr2"]
    assert result.g.low > 0
    assert result.g.value > 0.2
    assert result.verdict.code == "likely_works"
    assert "cr2" in result.verdict.threats[-1]


@pytest.mark.parametrize("declared", ["historical", "nonrandom", "random_cluster"])
@pytest.mark.parametrize("asked", CLAIMS[1:])
def test_an_option_never_claims_more_than_the_study_file(declared, asked):
    drawn = study(assignment=declared, effect=0.3)
    result = cohorts.compare(drawn, outcome="summative", assignment=asked)
    raised = CLAIMS.index(asked) > CLAIMS.index(declared)
    done = declared if raised else asked
    assert (result.design["assignment"], result.design["unit_of_inference"]) == (done, "group")
    assert result.tier == cohorts.compare(study(assignment=done, effect=0.3), outcome="summative").tier
    assert any("cannot claim more" in str(warning) for warning in result.warnings) is raised


def test_where_nothing_was_declared_the_option_is_the_declaration():
    result = cohorts.compare(study(assignment="none"), outcome="summative", assignment="random_cluster")
    assert result.tier == "rct_low_attrition"


@pytest.mark.parametrize(("groups", "capped"), [(1, True), (2, True), (3, False)])
def test_drawn_one_by_one_and_taught_apart(groups, capped):
    frame = table(np.random.default_rng(3), groups, effect=3.0, sizes=(40, 40))
    alone = {"outcome": "y", "assignment": "random_individual", **ARMS}
    result = cohorts.compare_table(frame, cluster="g", **alone)
    assert (result.verdict.code == "not_established") is capped
    assert f"taught in {groups}" in result.verdict.threats[0]
    assert cohorts.compare_table(frame, **alone).verdict.code == "works"


@pytest.mark.parametrize("group", [pl.int_range(pl.len()).cast(pl.String), pl.col("site")])
def test_groups_that_mix_the_arms_or_hold_one_learner_do_not_matter_to_who_was_drawn_alone(group):
    frame = table(np.random.default_rng(3), 2, effect=3.0, sizes=(40, 40)).with_columns(g=group)
    asked = {"outcome": "y", "cluster": "g", "assignment": "random_individual", **ARMS}
    result = cohorts.compare_table(frame, **asked)
    assert (result.verdict.code, result.verdict.threats) == ("works", ())


def test_two_different_tests_tell_nothing():
    result = cohorts.compare(study(tests="own", effect=0.4, assignment="random_cluster"), outcome="summative")
    assert result.primary.low > 0
    assert result.verdict.code == "not_established"


def test_who_has_no_group_is_lost_not_forgotten():
    frame = table(np.random.default_rng(3), 4, effect=1.0, sizes=(20, 20))
    worst = frame.with_columns(rank=pl.col("y").rank().over("arm"))
    without = pl.when((pl.col("arm") == "f") & (pl.col("rank") <= 12)).then(None).otherwise(pl.col("g"))
    result = cohorts.compare_table(
        worst.with_columns(g=without), outcome="y", cluster="g", assignment="random_cluster", **ARMS
    )
    assert result.flow["treated"]["lost"] == {"no_outcome": 0, "no_covariate": 0, "no_group": 12}
    assert result.flow["attrition"]["differential"] == pytest.approx(12 / 80)
    assert result.tier == "no_causal_claim"  # high losses, and nothing measured before


def test_a_column_of_groups_that_is_empty_is_named():
    frame = table(np.random.default_rng(3), 4).with_columns(g=pl.lit(None, pl.String))
    with pytest.raises(EmptyArmError) as raised:
        cohorts.compare_table(frame, outcome="y", cluster="g", assignment="random_cluster", **ARMS)
    assert str(raised.value) == "nobody of the treated arm has a group: column 'g' is empty for all of them"


def test_everybody_of_an_arm_completed_and_the_shares_are_compared_as_they_are():
    frame = pl.DataFrame(
        {
            "done": [1] * 30 + [1, 0] * 15,
            "arm": ["f"] * 30 + ["c"] * 30,
            "x": [float(i % 7) for i in range(60)],
        }
    )
    result = cohorts.compare_table(frame, outcome="done", binary=True, pre="x", **ARMS)
    assert (result.primary.method, result.design["primary_method"]) == ("newcombe", "newcombe")
    assert result.design["adjust"] == []
    assert "in its place stands newcombe" in " ".join(map(str, result.warnings))
    assert result.primary.value == 0.5


def test_a_ratio_of_shares_that_are_all_one_is_not_sure_of_anything():
    frame = pl.DataFrame({"done": [1] * 20, "arm": ["f", "c"] * 10})
    result = cohorts.compare_table(frame, outcome="done", binary=True, assignment="random_individual", **ARMS)
    assert [e.variant for e in result.effects] == ["risk_difference"]
    assert result.primary.low == pytest.approx(-result.primary.high)


@pytest.mark.parametrize(
    ("outcome", "alike"), [("summative", True), ("attendance", False), ("completion", False)]
)
def test_a_change_since_the_start_needs_one_measure_before_and_after(outcome, alike):
    result = cohorts.compare(study(size=40), outcome=outcome, methods="all", band="baseline")
    assert ("did" in {e.method for e in result.effects}) is alike
    assert ("drift" in result.sensitivity["moderator"]) is alike
    with pytest.raises(ParameterError):
        cohorts.compare(study(), outcome="attendance", methods=["did"])


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({"min_groups_per_arm": 2}, "it is at least 3, got 2"),
        ({"min_groups_per_arm": 6}, None),
        ({"baseline_adjustable_g": 0.5}, "it is at most 0.25, got 0.5"),
        ({"baseline_equivalent_g": 0.2}, "it is at most 0.05, got 0.2"),
        ({"baseline_equivalent_g": 0.01}, None),
        ({"smallest_effect_g": 0.0}, "must be above 0, got 0"),
        ({"level": 0.5}, "it is at least 0.9, got 0.5"),
        ({"level": 0.9}, None),
    ],
)
def test_a_rule_may_be_made_stricter_not_looser(rule, refused):
    level = {"level": rule["level"]} if "level" in rule else {}
    limits = replace(DEFAULTS, **{} if level else rule)
    asked = {
        "outcome": "y",
        "cluster": "g",
        "assignment": "random_cluster",
        "thresholds": limits,
        **ARMS,
        **level,
    }
    frame = table(np.random.default_rng(3), 7)
    if refused is None:
        assert cohorts.compare_table(frame, **asked).primary is not None
        return
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_table(frame, **asked)
    assert str(raised.value).endswith(refused)


def test_no_band_is_cut_on_the_outcome():
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_table(table(np.random.default_rng(3)), outcome="y", band="y", **ARMS)
    assert str(raised.value) == (
        "bands cannot be cut by 'y', which is the outcome: a band is what learners were before"
    )


def test_iterations_are_called_iterations():
    drawn = study(groups=4, iterations=[1, 1, 1, 1, 2, 2, 2, 2])
    result = cohorts.compare(drawn, outcome="summative", arm="iteration", treated=2, control=1)
    assert "iteration 2 against iteration 1" in str(result)
    with i18n.in_language("fr"):
        assert "itération 2 contre itération 1" in str(result)
    assert (result.tier, result.design["assignment"]) == ("historical", "historical")


# ----------------------------------------------------------------------------------------------- tables as saved

ROWS = [(10.5 + (i % 5) + (i % 2), "TRUE" if i % 2 else "FALSE", f"é{i % 3}") for i in range(24)]


def saved(tmp_path, *, mark=",", decimal=".", encoding="utf-8", head=("note", "arm", "prénom")):
    lines = [mark.join(head)] + [mark.join((f"{y}".replace(".", decimal), a, n)) for y, a, n in ROWS]
    file = tmp_path / "saved.csv"
    file.write_bytes("\r\n".join(lines).encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(("mark", "decimal"), [(",", "."), (";", ","), (";", "."), ("\t", ","), ("\t", ".")])
def test_a_table_reads_the_same_however_it_was_saved(tmp_path, mark, decimal, encoding):
    frame = read_table(saved(tmp_path, mark=mark, decimal=decimal, encoding=encoding))
    assert frame.columns == ["note", "arm", "prénom"]
    assert frame["note"].to_list() == [y for y, _, _ in ROWS]
    result = cohorts.compare_table(frame, outcome="note", arm="arm", treated="TRUE", control="false")
    means = [np.mean([y for y, a, _ in ROWS if a == arm]) for arm in ("TRUE", "FALSE")]
    assert result.primary.value == pytest.approx(means[0] - means[1])


def test_a_thousand_or_little_more_than_one_is_left_as_text(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("y;arm\n1.200;f\n2.300;c\n")
    assert read_table(file)["y"].to_list() == ["1.200", "2.300"]


def test_two_columns_of_one_name(tmp_path):
    file = saved(tmp_path, head=("note", "arm", "note"))
    with pytest.raises(SchemaError) as raised:
        cohorts.compare_csv(file, outcome="note", arm="arm", treated="TRUE", control="FALSE")
    assert str(raised.value) == (
        "the table has 2 columns named 'note': rename one, so that it is clear which is meant"
    )
    file = saved(tmp_path, head=("note", "x", "x"))
    with pytest.raises(InputError) as raised:
        read_table(tmp_path / "absent.csv")
    assert str(raised.value) == "there is no file absent.csv"
    assert read_table(file).height == len(ROWS)


def test_cells_that_are_no_numbers_are_shown_and_infinite_ones_counted():
    frame = pl.DataFrame({"y": ["1", "2", " 3 ", "absent", "5", "4", "abs.", "2"], "arm": ["f", "c"] * 4})
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_table(frame, outcome="y", **ARMS)
    assert str(raised.value) == (
        "the outcome 'y' must hold numbers (or yes/no with binary); 2 cells do not: 'absent' and 'abs.'"
    )
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_table(
            frame.with_columns(z=pl.int_range(pl.len()) % 3 + 0.5), outcome="z", adjust=["y"], **ARMS
        )
    assert str(raised.value) == (
        "the covariate 'y' holds numbers but for 2 cells: 'absent' and 'abs.'; leave them empty, or correct them"
    )
    numbers = pl.DataFrame({"y": [1.0, 2, 3, float("inf"), 5, 4, 2, 2], "arm": ["f", "c"] * 4})
    result = cohorts.compare_table(numbers, outcome="y", **ARMS)
    assert result.flow["control"]["tested"] == 3
    assert "1 value of y is infinite, and counts as missing." in map(str, result.warnings)


@pytest.mark.parametrize(
    "words", ["0 1", "no yes", "Non Oui", "FALSE TRUE", "n o", "N Y", "faux vrai", "0.0 1.0"]
)
def test_yes_and_no_in_any_words(words):
    no, yes = words.split()
    frame = pl.DataFrame(
        {"done": [yes, no, no, yes] * 5 + [yes, yes, no, yes] * 5, "arm": ["c"] * 20 + ["f"] * 20}
    )
    result = cohorts.compare_table(frame, outcome="done", binary=True, **ARMS)
    assert result.primary.value == pytest.approx(0.25)


@pytest.mark.parametrize("options", [["--by", "iteration"], ["--freeze", "plan.json"]])
@pytest.mark.parametrize("as_json", [True, False])
def test_plans_and_iterations_are_printed(options, as_json, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "drawn"
    study(groups=8, iterations=[1] * 8 + [2] * 8).save(folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["flipstats", "compare", str(folder), *options, *["--json"] * as_json])
    with contextlib.suppress(SystemExit):
        cli.main()
    out = capsys.readouterr().out
    assert json.loads(out) if as_json else out.strip()
