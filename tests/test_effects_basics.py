"""Means, proportions, groups, sizes, power and balance: against R, against themselves, on hostile data."""

from __future__ import annotations

import numpy as np
import pytest
from effects_reference import expected, reference, reference_data, shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.effects import means, sizes
from flipstats.effects.arrays import arms
from flipstats.effects.baseline import BOUNDARY, attrition, attrition_boundary, balance, baseline_verdict
from flipstats.effects.clusters import cluster_means, cluster_permutation, intraclass_correlation
from flipstats.effects.linear import logistic
from flipstats.effects.power import benjamini_hochberg, groups_needed, mdes_cluster, mdes_individual, tost
from flipstats.effects.proportions import gcomp, newcombe, newcombe_difference, wilson
from flipstats.effects.results import Count, Estimate
from flipstats.errors import DesignError, EmptyArmError, EstimationError, FlipstatsError, ParameterError

R = reference("basics")
LEARNERS = ("learners", "small")
GROUPS = ("five_five", "three_three", "two_six")
CLOSE = {"rel": 1e-8, "abs": 1e-10}


def same(found: Estimate, case: str, names=("value", "se", "df", "p", "low", "high"), **tolerance) -> None:
    for name in names:
        if name in R[case]:
            assert getattr(found, name) == pytest.approx(R[case][name], **(tolerance or CLOSE)), (case, name)


def learners(name):
    d = reference_data("basics", name)
    return d["score"], d["treated"], np.column_stack([d["prior"], d["age"]]), d["passed"]


# ------------------------------------------------------------------------------------------------- against R


@pytest.mark.parametrize("name", LEARNERS)
def test_means_equal_to_r(name):
    y, arm, X, _ = learners(name)
    same(means.welch(y, arm), f"{name}_welch")
    same(means.ancova_hc2(y, arm, covariates=X), f"{name}_ancova_hc2")
    same(means.ancova_hc3(y, arm, covariates=X), f"{name}_ancova_hc3")
    same(means.lin_hc2(y, arm, covariates=X), f"{name}_lin")


@pytest.mark.parametrize("name", LEARNERS)
def test_mannwhitney_equal_to_r(name):
    y, arm, *_ = learners(name)
    found = means.mannwhitney(y, arm)
    same(found, f"{name}_mannwhitney", ("value", "p"))
    assert found.aside["U"] == R[f"{name}_mannwhitney"]["U"]
    # R looks for its asymptotic limits with a tolerance of 1e-4
    same(found, f"{name}_mannwhitney", ("low", "high"), abs=2e-4)


@pytest.mark.parametrize("name", LEARNERS)
def test_effect_sizes_equal_to_r(name):
    y, arm, *_ = learners(name)
    hedges = sizes.hedges_g(y, arm)
    same(hedges, f"{name}_hedges", rel=1e-7)
    assert hedges.aside["J"] == pytest.approx(R[f"{name}_hedges"]["J"], **CLOSE)
    same(sizes.wwc_g(y, arm), f"{name}_wwc")
    same(sizes.glass_delta(y, arm), f"{name}_glass")


@pytest.mark.parametrize("case", [case for case in R if case.startswith("newcombe_")])
def test_newcombe_equal_to_wilson_limits_of_r_combined(case):
    a, n, b, m = (int(x) for x in case.split("_")[1:])
    same(newcombe_difference(Count(a, n), Count(b, m)), case, ("value", "low", "high"))


def test_proportions_equal_to_r():
    _, arm, X, passed = learners("learners")
    same(gcomp(passed, arm, covariates=X), "learners_gcomp")
    found, r = gcomp(passed, arm, covariates=X).aside, R["learners_gcomp"]
    for name in ("risk_ratio", "risk_ratio_low", "risk_ratio_high", "odds_ratio", "share_treated"):
        assert found[name] == pytest.approx(r[name], **CLOSE)
    assert newcombe(passed, arm).p == pytest.approx(R["learners_newcombe"]["p"], **CLOSE)
    same(sizes.cox_index(Count(41, 50), Count(30, 48)), "cox_41_50_30_48", ("value", "se"))


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("outcome", ["score", "passed"])
@pytest.mark.parametrize("adjusted", [False, True])
def test_cluster_means_equal_to_lm_on_group_means(name, outcome, adjusted):
    d = reference_data("basics", name)
    prior = d["prior"] if adjusted else None
    found = cluster_means(d[outcome], d["treated"], d["group"], covariates=prior)
    same(found, f"{name}_{outcome}_{'adjusted' if adjusted else 'raw'}")


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("adjusted", [False, True])
def test_permutation_equal_to_every_allocation_in_r(name, adjusted):
    d = reference_data("basics", name)
    prior = d["prior"] if adjusted else None
    found = cluster_permutation(d["score"], d["treated"], d["group"], covariates=prior)
    case = f"{name}_permutation_{'adjusted' if adjusted else 'raw'}"
    same(found, case, ("value", "p"))
    same(found, case, ("low", "high"), rel=1e-6)
    assert found.aside["allocations"] == R[case]["allocations"]


@pytest.mark.parametrize("name", GROUPS)
def test_intraclass_correlation_within_arms_equal_to_aov(name):
    d = reference_data("basics", name)
    found = intraclass_correlation(d["score"], d["group"], treated=d["treated"])
    r = R[f"{name}_icc"]
    assert (found.value, found.between, found.within) == pytest.approx(
        (r["value"], r["msb"], r["msw"]), **CLOSE
    )


@pytest.mark.parametrize(("nt", "nc", "n", "icc"), [(60, 75, 15, 0.2), (40, 40, 8, 0)])
def test_terms_of_grouped_effect_sizes(nt, nc, n, icc):
    r = R[f"terms_{nt}_{nc}_{n}_{icc}"]
    for kind, made in (("both", sizes.both_arms_grouped), ("one", sizes.treated_arm_grouped)):
        found = made(nt, nc, n, icc)
        for name in ("gamma", "eta", "h"):
            assert getattr(found, name) == pytest.approx(r[f"{kind}_{name}"], **CLOSE)


def test_power_and_multiplicity_equal_to_r():
    r = R["mdes"]
    assert mdes_individual(120, treated_share=0.4, r2=0.3, covariates=1) == pytest.approx(r["individual"])
    found = mdes_cluster(14, 18, 0.15, r2_group=0.4, r2_learner=0.2, group_covariates=1)
    assert found == pytest.approx(r["cluster"], **CLOSE)
    p = benjamini_hochberg([0.012, 0.2, 0.03, 0.0004, 0.7, 0.049])
    assert p.tolist() == pytest.approx(list(R["bh"].values()), **CLOSE)


# ---------------------------------------------------------------------------------------- the shared values


def anorexia():
    d = shared_data("anorexia")
    return d["post"], d["treat"], d["pre"]


def test_shared_individual_cases():
    y, arm, pre = anorexia()
    welch, v = means.welch(y, arm), expected("welch_t")
    assert [welch.value, welch.se, welch.df, welch.p, welch.low, welch.high] == pytest.approx(
        [v[k] for k in ("diff", "se", "df", "p", "lo", "hi")], **CLOSE
    )
    found, v = means.mannwhitney(y, arm), expected("mannwhitney")
    assert found.aside["U"] == v["U"]
    assert found.p == pytest.approx(v["p_cc"], rel=1e-7)
    assert found.aside["cliffs_delta"] == pytest.approx(v["cliffs_delta"], rel=1e-7)
    assert found.value == pytest.approx(expected("hodges_lehmann_exact")["hl"], **CLOSE)
    v = expected("ancova")
    hc3, hc2 = means.ancova_hc3(y, arm, covariates=pre), means.ancova_hc2(y, arm, covariates=pre)
    assert [hc3.value, hc3.se, hc3.low, hc3.high, hc2.se] == pytest.approx(
        [v[k] for k in ("b", "se_hc3", "lo_hc3", "hi_hc3", "se_hc2")], **CLOSE
    )
    v = expected("ancova_emmeans")
    assert (hc3.aside["adjusted_treated"], hc3.aside["adjusted_control"]) == pytest.approx((v["m1"], v["m0"]))
    lin, v = means.lin_hc2(y, arm, covariates=pre), expected("lm_lin")
    assert [lin.value, lin.se, lin.df, lin.p, lin.low, lin.high] == pytest.approx(
        [v[k] for k in ("b", "se", "df", "p", "lo", "hi")], **CLOSE
    )


def test_shared_paired_case():
    d, v = shared_data("anorexia"), expected("paired_t")
    treated = d["treat"] == 1
    found = means.paired_t(d["pre"][treated], d["post"][treated])
    assert [found.value, found.df, found.p, found.low, found.high] == pytest.approx(
        [v[k] for k in ("mean_diff", "df", "p", "lo", "hi")], **CLOSE
    )
    assert [found.aside[k] for k in ("dz", "dav", "r")] == pytest.approx([v[k] for k in ("dz", "dav", "r")])


def test_shared_effect_sizes():
    y, arm, _ = anorexia()
    v, g = expected("cohens_d_nct_ci"), sizes.hedges_g(y, arm)
    assert [g.aside["d"], g.aside["d_low"], g.aside["d_high"], g.low, g.high] == pytest.approx(
        [v[k] for k in ("d", "lo", "hi", "g_lo", "g_hi")], rel=1e-7
    )
    assert g.value == pytest.approx(expected("hedges_g_exactJ")["g"], abs=1e-10)
    assert g.se**2 == pytest.approx(expected("escalc_smd")["v"], **CLOSE)
    v, g = expected("wwc_g"), sizes.wwc_g(y, arm)
    assert [g.value, g.se] == pytest.approx([v["g"], v["se_h_form"]], **CLOSE)
    assert sizes.improvement_index(g.value) == pytest.approx(v["improvement_index"], **CLOSE)
    assert sizes.glass_delta(y, arm).value == pytest.approx(expected("glass_delta")["delta"], **CLOSE)
    coefficient = means.ancova_hc3(y, arm, covariates=anorexia()[2])
    adjusted = sizes.g_from_coefficient(
        coefficient, sizes.pooled_sd(arms(y, arm)), sizes.individual(29, 26), covariates=1
    )
    assert adjusted.value == pytest.approx(expected("ancova")["g_adj"], **CLOSE)


def test_shared_proportions_and_balance():
    d = shared_data("lalonde")
    columns = expected("smd_unadjusted")["vars"]
    X = np.column_stack([d[c] for c in columns])
    v, found = expected("logit_gcomp"), gcomp(d["emp78"], d["treat"], covariates=X)
    assert [found.value, found.se, found.low, found.high] == pytest.approx(
        [v[k] for k in ("rd", "se_rd", "lo", "hi")], rel=1e-7
    )
    more = {"risk_ratio": "rr", "se_log_risk_ratio": "se_logrr", "se_robust": "se_rd_hc0", "odds_ratio": "or"}
    for name, theirs in {
        **more,
        "risk_difference_treated": "rd_att",
        "se_log_odds_ratio": "se_logor",
    }.items():
        assert found.aside[name] == pytest.approx(v[theirs], rel=1e-7), name
    v, found = expected("prop_wilson"), wilson(Count(140, 185))
    assert (found.low, found.high) == pytest.approx((v["wilson_lo"], v["wilson_hi"]), **CLOSE)
    v = expected("smd_unadjusted")
    for i, name in enumerate(columns):
        row = balance(d[name], d["treat"])
        assert [row.g_by_treated_sd, row.g_by_mean_variance, row.ks, row.variance_ratio] == pytest.approx(
            [v[k][i] for k in ("sd_treated", "pooled_avgvar", "ks", "var_ratio")], **CLOSE
        )
    hc3, v = means.ancova_hc3(d["re78"], d["treat"], covariates=X), expected("ols_lalonde")
    assert (hc3.value, hc3.se) == pytest.approx((v["b"], v["se_hc3"]), **CLOSE)


def test_shared_icc_power_attrition_and_adjusted_p():
    d, v = shared_data("exam"), expected("icc_exam")
    found = intraclass_correlation(d["normexam"], d["school"])
    assert [found.value, found.low, found.high, found.mean_size] == pytest.approx(
        [v[k] for k in ("icc_anova", "lo", "hi", "n0")], rel=1e-6
    )
    v = expected("power_mdes")
    assert mdes_individual(200, r2=0.5, covariates=1) == pytest.approx(v["mdes_ira_n200_P5_R2_5_g1"])
    assert mdes_cluster(8, 20, 0.2) == pytest.approx(v["mdes_cra2_J8_n20_rho20_noR2"])
    v = expected("padjust")
    assert benjamini_hochberg(v["p"]).tolist() == pytest.approx(v["BH"], **CLOSE)
    v = expected("wwc_attrition_table")
    for kind in BOUNDARY:
        found = [100 * attrition_boundary(p / 100, kind) for p in v["overall_pct"]]
        assert found == pytest.approx(v[kind], abs=1e-9)


# ------------------------------------------------------------------------------------------------ properties

TRIAL = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def drawn(random, groups=6, size=5):
    group = np.repeat(np.arange(groups), size)
    arm = (group % 2).astype(float)
    x = random.normal(size=group.size)
    y = 0.5 * x + 0.4 * arm + random.normal(size=groups)[group] * 0.4 + random.normal(size=group.size)
    return y, arm, group, x


METHODS = {
    "welch": lambda y, arm, group, x: means.welch(y, arm),
    "mannwhitney": lambda y, arm, group, x: means.mannwhitney(y, arm),
    "ancova_hc3": lambda y, arm, group, x: means.ancova_hc3(y, arm, covariates=x),
    "lin_hc2": lambda y, arm, group, x: means.lin_hc2(y, arm, covariates=x),
    "cluster_means": lambda y, arm, group, x: cluster_means(y, arm, group, covariates=x),
    "cluster_permutation": lambda y, arm, group, x: cluster_permutation(y, arm, group, covariates=x),
}


@pytest.mark.parametrize("method", METHODS)
@given(random=TRIAL)
@settings(max_examples=12, deadline=None)
def test_shift_scale_swap_order_and_names_change_nothing(method, random):
    run, (y, arm, group, x) = METHODS[method], drawn(random)
    base = run(y, arm, group, x)
    close = {"rel": 1e-7, "abs": 1e-8}

    def limits(e, scale=1.0):
        return pytest.approx((scale * e.value, scale * e.low, scale * e.high, e.p), **close)

    def found(e):
        return (e.value, e.low, e.high, e.p)

    assert found(run(y + 100, arm, group, x)) == limits(base)
    assert found(run(3 * y, arm, group, x)) == limits(base, 3)
    assert found(run(y, arm, group, -2 * x + 7)) == limits(base)
    swapped = run(y, 1 - arm, group, x)
    assert (-swapped.value, -swapped.high, -swapped.low, swapped.p) == limits(base)
    order = random.permutation(len(y))
    names = np.array([f"n{k}" for k in random.permutation(6)])[group]
    assert found(run(y[order], arm[order], names[order], x[order])) == limits(base)


@given(random=TRIAL)
@settings(max_examples=20, deadline=None)
def test_effect_sizes_do_not_know_the_unit(random):
    y, arm, *_ = drawn(random)
    for size in (sizes.hedges_g, sizes.wwc_g, sizes.glass_delta):
        one, other = size(y, arm), size(7 * y - 3, arm)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-6)


@given(a=st.integers(0, 30), b=st.integers(0, 30), n=st.integers(30, 40), m=st.integers(30, 40))
@settings(max_examples=50, deadline=None)
def test_newcombe_stays_within_one_and_swaps(a, b, n, m):
    found, swapped = (
        newcombe_difference(Count(a, n), Count(b, m)),
        newcombe_difference(Count(b, m), Count(a, n)),
    )
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (-swapped.high, -swapped.low) == pytest.approx((found.low, found.high), abs=1e-12)


def test_drawn_allocations_agree_with_all_of_them(monkeypatch):
    y, arm, group, _ = drawn(np.random.default_rng(5), groups=12, size=6)
    exact = cluster_permutation(y, arm, group)
    monkeypatch.setattr("flipstats.effects.clusters.EXACT_ALLOCATIONS", 10)
    drawn_ = cluster_permutation(y, arm, group, seed=3)
    assert drawn_.aside["exact"] == 0
    assert drawn_.p == pytest.approx(exact.p, abs=0.02)
    assert (drawn_.low, drawn_.high) == pytest.approx((exact.low, exact.high), abs=0.1)
    assert cluster_permutation(y, arm, group, seed=3) == drawn_


def test_smallest_attainable_p():
    y = np.sqrt(np.arange(12.0))
    for arm, p in ((([0] * 6 + [1] * 6), 2 / 20), ([0] * 4 + [1] * 8, 1 / 15)):
        found = cluster_permutation(y, arm, [k // 2 for k in range(12)])
        assert found.aside["p_smallest"] == pytest.approx(p)
        assert found.p == pytest.approx(p)


def test_the_pairwise_differences_of_many_learners_are_counted_right(monkeypatch):
    y, arm, *_ = drawn(np.random.default_rng(1), groups=10, size=30)
    listed = means.mannwhitney(y, arm)
    monkeypatch.setattr("flipstats.effects.means._PAIRS_AT_ONCE", 10)
    counted = means.mannwhitney(y, arm)
    assert (counted.value, counted.low, counted.high) == pytest.approx(
        (listed.value, listed.low, listed.high)
    )


# ------------------------------------------------------------------------------------------ thresholds, power


@pytest.mark.parametrize(
    ("g", "place"),
    [(0.05, "equivalent"), (0.0500001, "adjust"), (-0.25, "adjust"), (-0.2500001, "not_equivalent")],
)
def test_baseline_places_at_their_thresholds(g, place):
    assert baseline_verdict(g) == place


def test_attrition_at_its_boundary():
    # 5 % overall: 6.1 points of difference are still low
    assert attrition(Count(9195, 10000), Count(9805, 10000)).low
    assert not attrition(Count(9194, 10000), Count(9806, 10000)).low
    assert attrition_boundary(0.57) == 0
    assert attrition_boundary(0.5701) is None
    assert not attrition(Count(4, 10), Count(4, 10)).low
    with pytest.raises(
        ParameterError, match="there is no attrition boundary 'bold'; it is cautious or optimistic"
    ):
        attrition_boundary(0.1, "bold")


def test_groups_needed_is_the_first_number_that_is_enough():
    k = groups_needed(0.4, 15, 0.15)
    assert mdes_cluster(2 * k, 15, 0.15) <= 0.4 < mdes_cluster(2 * k - 2, 15, 0.15)
    assert groups_needed(5.0, 15, 0.15) == 3
    with pytest.raises(ParameterError):
        groups_needed(0.0, 15, 0.15)


def test_equivalence_and_its_interval_say_the_same():
    y, arm, *_ = drawn(np.random.default_rng(2), groups=40, size=10)
    found = means.welch(y, arm)
    for bound in (0.1, 0.5, 0.7, 2.0):
        test = tost(found, bound)
        assert test.equivalent == (-bound < test.low and test.high < bound)


def test_total_variance_and_unmodelled_g():
    coefficient = means.welch([5.0, 7, 9, 4, 6, 5], [1, 1, 1, 0, 0, 0])
    g = sizes.total_variance_g(coefficient, 1.5, 2.5)
    assert g.value == pytest.approx(coefficient.value / 2)
    assert g.variant == "eef_total"
    plain = sizes.g_unmodelled(2.0, 4.0, sizes.both_arms_grouped(60, 60, 20, 0.2), n_treated=60, n_control=60)
    terms = sizes.both_arms_grouped(60, 60, 20, 0.2)
    assert plain.value == pytest.approx((1 - 3 / (4 * terms.h - 1)) * np.sqrt(terms.gamma) * 0.5)
    assert plain.se**2 == pytest.approx(2 / 60 * terms.eta + plain.value**2 / (2 * terms.h))


# -------------------------------------------------------------------------------------------------- hostile


CALLS = {
    "welch": lambda y, a, g: means.welch(y, a),
    "mannwhitney": lambda y, a, g: means.mannwhitney(y, a),
    "ancova_hc3": lambda y, a, g: means.ancova_hc3(y, a, covariates=np.arange(len(y))),
    "lin_hc2": lambda y, a, g: means.lin_hc2(y, a, covariates=np.arange(len(y))),
    "newcombe": lambda y, a, g: newcombe(y, a),
    "gcomp": lambda y, a, g: gcomp(y, a, covariates=np.arange(len(y))),
    "cluster_means": cluster_means,
    "cluster_permutation": cluster_permutation,
    "hedges_g": lambda y, a, g: sizes.hedges_g(y, a),
    "wwc_g": lambda y, a, g: sizes.wwc_g(y, a),
    "glass_delta": lambda y, a, g: sizes.glass_delta(y, a),
    "icc": lambda y, a, g: intraclass_correlation(y, g, treated=a),
}
HOSTILE = {
    "constant": ([1.0] * 8, [0, 1] * 4, list("abcdabcd")),
    "constant in each arm": ([1.0, 0.0] * 4, [0, 1] * 4, list("abcdabcd")),
    "empty arm": ([1.0, 0, 1, 0], [1, 1, 1, 1], list("aabb")),
    "one group per arm": ([1.0, 0, 1, 0, 0, 1], [1, 1, 1, 0, 0, 0], list("aaabbb")),
    "missing": ([1.0, np.nan, 1, 0], [1, 1, 0, 0], list("aabb")),
    "infinite": ([1.0, np.inf, 1, 0], [1, 1, 0, 0], list("aabb")),
    "one learner": ([1.0], [1], ["a"]),
    "two learners": ([1.0, 0.0], [1, 0], ["a", "b"]),
    "nobody": ([], [], []),
    "text": (["a", "b"], [1, 0], ["a", "b"]),
    "arm of threes": ([1.0, 2.0, 3.0], [1, 2, 3], list("abc")),
    "lengths": ([1.0, 2.0, 3.0], [1, 0], list("abc")),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_data_give_a_number_or_one_clear_refusal(method, case):
    try:
        found = CALLS[method](*HOSTILE[case])
    except FlipstatsError:
        return
    assert np.isfinite(found.value)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: means.welch([1.0, 2.0], [1, 1]), EmptyArmError,
         "the control arm has nobody in it: there is nothing to compare"),
        (lambda: means.welch([2.0] * 4, [0, 0, 1, 1]), EstimationError,
         "the outcome is 2 for everyone: no difference can be estimated"),
        (lambda: means.welch([1.0, np.nan, 2.0], [1, 0, 0]), ParameterError,
         "outcome has 1 missing or infinite value; leave the learner out or impute first"),
        (lambda: cluster_means([1.0, 2, 3, 4], [0, 1, 0, 1], list("aabb")), ParameterError,
         "2 groups have learners in both arms; a group belongs to one arm"),
        (lambda: cluster_means([1.0, 2], [0, 1], list("ab")), DesignError,
         "2 groups leave no degree of freedom after estimating 2 numbers; give fewer covariates"),
        (lambda: sizes.cox_index(Count(5, 5), Count(2, 5)), EstimationError,
         "the Cox index is undefined where 100% of an arm have the outcome"),
        (lambda: gcomp([1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]), EstimationError,
         "the covariates or the arms separate the outcomes perfectly: the logistic model has no finite "
         "estimate"),
        (lambda: newcombe([0.5, 1, 0], [1, 0, 0]), ParameterError,
         "this method needs an outcome of 0 and 1 only"),
        (lambda: Count(5, 3), ParameterError, "a count must lie between 0 and its total, got 5 of 3"),
        (lambda: means.welch([1.0, 2, 3, 5], [1, 1, 0, 0], level=95), ParameterError,
         "level must lie strictly between 0 and 1, got 95"),
    ],
)  # fmt: skip
def test_messages(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message


def test_logistic_of_covariates_of_any_size():
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    y = (random.random(400) < 1 / (1 + np.exp(-0.5 - x))).astype(float)
    ones = np.ones(400)
    plain, large = (logistic(np.column_stack([ones, k * x]), y) for k in (1.0, 1e6))
    assert large.coefficients[1] * 1e6 == pytest.approx(plain.coefficients[1], rel=1e-8)
    assert np.sqrt(large.covariance[1, 1]) * 1e6 == pytest.approx(np.sqrt(plain.covariance[1, 1]), rel=1e-8)
