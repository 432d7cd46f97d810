"""Only one arm was taught in groups: against R, by simulation, and through every door."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from comparison_study import study
from effects_reference import reference, reference_data
from typer.testing import CliRunner

from flipstats import cohorts
from flipstats.cli import app
from flipstats.effects.cr2 import cr2
from flipstats.effects.mixed import reml_kr
from flipstats.effects.one_arm import one_arm_means
from flipstats.errors import DesignError, FlipstatsError
from flipstats.i18n import in_language
from flipstats.study import Study

R = reference("one_arm")


def case(name):
    return reference_data("one_arm", name)


def close(estimate, r, prefix, rel=1e-8, rel_df=1e-6):
    assert estimate.value == pytest.approx(r[f"{prefix}_b"], rel=rel, abs=1e-9)
    assert estimate.se == pytest.approx(r[f"{prefix}_se"], rel=rel)
    assert estimate.df == pytest.approx(r[f"{prefix}_df"], rel=rel_df)
    assert estimate.p == pytest.approx(r[f"{prefix}_p"], rel=1e-4)


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("outcome", ["outcome", "passed"])
@pytest.mark.parametrize("name", list(R))
def test_equal_to_club_sandwich(name, outcome, adjusted):
    data = case(name)
    covariates = data["prior"] if adjusted else None
    ending = "_adjusted" if adjusted else ""
    for method, kind in ((one_arm_means, "units"), (cr2, "learners")):
        found = method(data[outcome], data["treated"], data["group"], covariates=covariates)
        close(found, R[name], f"{outcome}_{kind}{ending}")


@pytest.mark.parametrize("name", list(R))
def test_learners_alone_as_groups_of_one_equal_to_lmer(name):
    data, r = case(name), R[name]
    for kind, covariates in (("mixed", None), ("mixed_adjusted", data["prior"])):
        found = reml_kr(data["outcome"], data["treated"], data["group"], covariates=covariates)
        close(found, r, kind, rel=1e-6, rel_df=1e-3)
        assert found.aside["between"] == pytest.approx(r[f"{kind}_between"], rel=1e-4, abs=1e-6)


def table_of(name):
    """A case as a researcher has it: nobody of the arm without groups has a group."""
    data = pl.DataFrame(case(name))
    return data.with_columns(
        group=pl.when(pl.col("grouped") == 1).then("group"),
        arm=pl.when(pl.col("treated") == 1).then(pl.lit("flipped")).otherwise(pl.lit("conventional")),
    )


def asked(frame, **more):
    options = {
        "outcome": "outcome", "arm": "arm", "treated": "flipped", "control": "conventional",
        "cluster": "group", "assignment": "random_individual",
    }  # fmt: skip
    return cohorts.compare_table(frame, **{**options, **more})


@pytest.mark.parametrize("name", list(R))
def test_a_table_with_groups_in_one_arm(name):
    r, result = R[name], asked(table_of(name))
    close(result.primary, r, "outcome_units")
    assert (result.primary.method, result.primary.variant) == ("cluster_means", "one_arm")
    assert result.sensitivity["icc"] == pytest.approx(r["g_icc"], abs=1e-9)
    g = result.g
    assert g.variant == ("wwc" if r["g_icc"] == 0 else "wwc_cluster") or g.variant == "wwc_cluster"
    assert (g.value, g.se, g.low, g.high) == pytest.approx(
        (r["g_g"], r["g_se"], r["g_low"], r["g_high"]), rel=1e-7
    )
    counted = (result.primary.clusters_treated, result.primary.clusters_control)
    assert counted == ((None, 5) if name == "control_grouped" else (counted[0], None))
    assert [e.method for e in result.effects if e.role == "robustness"] == ["reml_kr", "cr2"]
    assert result.tier == "rct_low_attrition"


def test_a_group_of_ones_own_is_no_group():
    frame = table_of("six")
    own = frame.with_columns(group=pl.Series(case("six")["group"]))
    assert asked(own).primary.row() == asked(frame).primary.row()


def test_completion_with_groups_in_one_arm():
    result = asked(table_of("six"), outcome="passed", binary=True)
    close(result.primary, R["six"], "passed_units")
    ratio = next(e for e in result.effects if e.variant == "risk_ratio")
    data = case("six")
    treated = data["treated"] == 1
    groups = [data["passed"][data["group"] == g].mean() for g in np.unique(data["group"][treated])]
    alone = data["passed"][~treated]
    assert ratio.value == pytest.approx(np.mean(groups) / alone.mean())
    log_se = np.sqrt(
        np.var(groups, ddof=1) / 6 / np.mean(groups) ** 2
        + np.var(alone, ddof=1) / len(alone) / alone.mean() ** 2
    )
    from scipy.stats import t

    assert np.log(ratio.high / ratio.value) == pytest.approx(t.ppf(0.975, result.primary.df) * log_se)


def test_sides_change_the_sign_only():
    one = asked(table_of("six"), methods="all")
    other = asked(table_of("six"), methods="all", treated="conventional", control="flipped")
    names = [e.method for e in one.effects]
    assert names == [e.method for e in other.effects]
    for a, b in zip(one.effects, other.effects, strict=True):
        assert (-b.value, -b.high, -b.low) == pytest.approx((a.value, a.low, a.high), rel=1e-7, abs=1e-10)


def test_fewer_than_three_groups_establish_nothing():
    frame = table_of("three").filter(pl.col("group").is_null() | (pl.col("group") != "g3"))
    for lang in ("en", "fr"):
        with in_language(lang):
            result = asked(frame)
            assert result.verdict.code == "not_established"
            assert result.primary is None
            assert "2" in str(result)
    assert str(asked(frame)).startswith("Not established: on outcome, 2 groups of flipped (means ")
    assert "at least 3 are needed" in str(asked(frame))


def test_every_door_says_what_was_in_groups(tmp_path):
    result = asked(table_of("six"), pre="prior")
    assert "Only the treated arm was taught in groups: its 6 groups" in result.methods_text()
    assert "each group counts the same in the arm taught in groups" in str(result.estimand["average"])
    assert "6 + –" in result._repr_html_()
    assert result.design["groups_control"] is None
    assert result.sensitivity["mdes_g"] > 0.2
    file = tmp_path / "one.csv"
    table_of("six").write_csv(file)
    called = CliRunner().invoke(
        app,
        ["compare", str(file), "--outcome", "outcome", "--arm", "arm", "--treated", "flipped", "--control",
         "conventional", "--cluster", "group", "--assignment", "random_individual", "--method", "all",
         "--pre", "prior", "--json"],
    )  # fmt: skip
    assert called.exit_code == 0, called.output
    told = json.loads(called.stdout)
    assert told["design"]["learners_alone"] == "control"
    methods = {e["method"] for e in told["effects"]}
    assert methods >= {"cluster_means", "reml_kr", "reml_satterthwaite", "cr2", "overlap", "did"}
    assert "cluster_permutation" not in methods


def test_groups_that_were_drawn_must_be_known_in_both_arms():
    with pytest.raises(DesignError) as raised:
        asked(table_of("six"), assignment="random_cluster")
    assert str(raised.value).startswith("only one arm has groups ('group' is empty for everybody")
    with pytest.raises(DesignError) as raised:
        asked(table_of("six"), methods=["cluster_permutation"])
    assert "needs groups in both arms" in str(raised.value)


def test_missing_outcomes_are_imputed_and_bounded():
    frame = table_of("six").with_columns(
        outcome=pl.when(pl.int_range(pl.len()) % 9 > 0).then("outcome"),
    )
    missing = asked(frame, pre="prior").sensitivity["missing"]
    assert missing["worst_case_low"]["value"] < missing["multiple_imputation"]["value"]
    assert missing["multiple_imputation"]["value"] < missing["worst_case_high"]["value"]


def test_a_study_whose_control_had_no_trainer():
    drawn = study(assignment="random_individual")
    lone = drawn.table("cohorts").collect()
    lone = lone.with_columns(trainer_id=pl.when(pl.col("arm") == "flipped").then("trainer_id"))
    tables = {
        name: drawn.table(name).collect()
        for name in ("learners", "enrolments", "sessions", "assessments", "attempts", "attendance")
    }
    changed = Study.from_frames(programme=drawn.programme, design=drawn.design, cohorts=lone, **tables)
    result = cohorts.compare(changed, cluster="trainer_id")
    assert result.question.alone == "control"
    assert (result.design["groups_treated"], result.design["groups_control"]) == (4, None)
    assert result.flow["control"]["analysed"] > 40
    assert result.primary.variant == "one_arm_adjusted"
    assert not cohorts.compare(changed).question.grouped  # every learner has a cohort, and was drawn alone


def covers(groups, icc, ratio, sizes, draws):
    """Share of drawn trials whose interval holds the true effect; `ratio`: the variance of learners alone."""
    random, hit = np.random.default_rng([groups, int(10 * icc), int(10 * ratio), sizes[0]]), 0
    for _ in range(draws):
        size = random.integers(sizes[0], sizes[1] + 1, groups)
        n = int(size.sum())
        group = np.r_[np.repeat(np.arange(groups), size), np.arange(groups, groups + n)]
        shift = (np.sqrt(icc) * random.normal(size=groups))[group[:n]]
        y = np.r_[
            0.3 + shift + np.sqrt(1 - icc) * random.normal(size=n), np.sqrt(ratio) * random.normal(size=n)
        ]
        found = one_arm_means(y, np.repeat([1, 0], n), group)
        hit += found.low <= 0.3 <= found.high
    return hit / draws


@pytest.mark.parametrize("groups", [3, 6])
def test_the_interval_covers(groups):
    assert covers(groups, 0.1, 0.5, (4, 30), 200) >= 0.94 - 3.5 * np.sqrt(0.94 * 0.06 / 200)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(12, 12), (4, 30)])
@pytest.mark.parametrize("icc", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("groups", [3, 6, 12, 30])
def test_the_interval_covers_in_full(groups, icc, sizes):
    for ratio in (0.5, 1.0, 2.0):
        assert covers(groups, icc, ratio, sizes, 2_000) >= 0.94 - 3.5 * np.sqrt(0.94 * 0.06 / 2_000)


@pytest.mark.parametrize(
    ("y", "arm", "group"),
    [
        ([1.0] * 6, [1, 1, 1, 1, 0, 0], list("aabbcd")),
        ([1.0, 2, 3, 4], [1, 1, 0, 0], list("aabc")),
        ([1.0, 2, 3, 4], [1, 1, 1, 1], list("aabb")),
        ([1.0, 2, 3, 4], [1, 0, 1, 0], list("aabb")),
    ],
)
def test_hostile(y, arm, group):
    with pytest.raises(FlipstatsError):
        one_arm_means(y, arm, group)


def test_columns_of_any_name_are_the_users_own():
    frame = table_of("six").rename(
        {"prior": "cluster", "group": "treated", "outcome": "row", "treated": "old"}
    )
    names = {"outcome": "row", "cluster": "treated", "pre": "cluster"}
    assert asked(frame, **names).primary.estimate == asked(table_of("six"), pre="prior").primary.estimate


def test_a_study_of_drawn_groups_must_know_them_in_both_arms():
    drawn = study(assignment="random_cluster", trainers=[None, "A", None, "B", None, "C", None, "D"])
    with pytest.raises(DesignError, match="only one arm has groups"):
        cohorts.compare(drawn, cluster="trainer_id")
    some = study(assignment="random_individual", trainers=["A", "B", "C", "D", "E", "F", None, "H"])
    result = cohorts.compare(some, cluster="trainer_id")  # learners were drawn: who has no trainer counts too
    assert (result.question.grouped, result.flow["left_out"]) == (False, [])
    assert result.flow["control"]["assigned"] == 48
