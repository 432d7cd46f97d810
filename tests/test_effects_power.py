"""Power, several tests at once, equivalence, balance and attrition: against R and published tables."""

from __future__ import annotations

import numpy as np
import pytest
from effects_cases import CLOSE, R, drawn
from effects_reference import expected, shared_data

from flipstats.effects import means
from flipstats.effects.baseline import BOUNDARY, attrition, attrition_boundary, balance, baseline_verdict
from flipstats.effects.power import benjamini_hochberg, groups_needed, mdes_cluster, mdes_individual, tost
from flipstats.effects.results import Count
from flipstats.errors import ParameterError


def test_power_and_multiplicity_equal_to_r():
    r = R["mdes"]
    assert mdes_individual(120, treated_share=0.4, r2=0.3, covariates=1) == pytest.approx(r["individual"])
    found = mdes_cluster(14, 18, 0.15, r2_group=0.4, r2_learner=0.2, group_covariates=1)
    assert found == pytest.approx(r["cluster"], **CLOSE)
    p = benjamini_hochberg([0.012, 0.2, 0.03, 0.0004, 0.7, 0.049])
    assert p.tolist() == pytest.approx(list(R["bh"].values()), **CLOSE)


def test_shared_balance():
    d = shared_data("lalonde")
    columns = expected("smd_unadjusted")["vars"]
    v = expected("smd_unadjusted")
    for i, name in enumerate(columns):
        row = balance(d[name], d["treat"])
        assert [row.g_by_treated_sd, row.g_by_mean_variance, row.ks, row.variance_ratio] == pytest.approx(
            [v[k][i] for k in ("sd_treated", "pooled_avgvar", "ks", "var_ratio")], **CLOSE
        )


def test_shared_power_attrition_and_adjusted_p():
    v = expected("power_mdes")
    assert mdes_individual(200, r2=0.5, covariates=1) == pytest.approx(v["mdes_ira_n200_P5_R2_5_g1"])
    assert mdes_cluster(8, 20, 0.2) == pytest.approx(v["mdes_cra2_J8_n20_rho20_noR2"])
    v = expected("padjust")
    assert benjamini_hochberg(v["p"]).tolist() == pytest.approx(v["BH"], **CLOSE)
    v = expected("wwc_attrition_table")
    for kind in BOUNDARY:
        found = [100 * attrition_boundary(p / 100, kind) for p in v["overall_pct"]]
        assert found == pytest.approx(v[kind], abs=1e-9)


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
