"""Groups compared, and how alike their learners are: against R, all allocations, shared values."""

from __future__ import annotations

import numpy as np
import pytest
from effects_cases import CLOSE, GROUPS, R, drawn, same
from effects_reference import expected, reference_data, shared_data

from flipstats.effects.clusters import cluster_means, cluster_permutation, intraclass_correlation


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


def test_shared_icc():
    d, v = shared_data("exam"), expected("icc_exam")
    found = intraclass_correlation(d["normexam"], d["school"])
    assert [found.value, found.low, found.high, found.mean_size] == pytest.approx(
        [v[k] for k in ("icc_anova", "lo", "hi", "n0")], rel=1e-6
    )


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
