"""How often it is right: coverage of the primary interval, false claims on programmes without any effect.

The full run (slow) is that of the contract: 10,000 draws a cell, 2,000 programmes a design. The reduced one is
what continuous integration runs each time; a few cells are drawn in every run of the tests.
"""

from __future__ import annotations

import numpy as np
import pytest
from simulated_programmes import (
    DESIGNS,
    GROUPS,
    ICCS,
    OF_LEARNERS,
    SIDES,
    SIZES,
    coverage_in_groups,
    coverage_of_learners,
    naive,
    naive_claims,
    primary,
    verdicts,
)

from flipstats.effects.clusters import cluster_means

FULL, REDUCED, FEW = 10_000, 1_000, 150
FALSE_WORKS = 0.025

in_every_cell = [
    pytest.mark.parametrize("sizes", SIZES),
    pytest.mark.parametrize("icc", ICCS),
    pytest.mark.parametrize("groups", GROUPS),
]


def every_cell(test):
    for mark in in_every_cell:
        test = mark(test)
    return test


def most(programmes):
    """False claims that the rule allows, and 3.5 Monte-Carlo standard errors."""
    return programmes * FALSE_WORKS + 3.5 * np.sqrt(programmes * FALSE_WORKS * (1 - FALSE_WORKS))


# --------------------------------------------------------------------------------------------- each time


@pytest.mark.parametrize(("groups", "icc"), [(3, 0.0), (3, 0.3), (6, 0.1), (12, 0.0)])
def test_the_primary_interval_covers(groups, icc):
    found = coverage_in_groups(primary(groups), groups, icc, SIZES["unbalanced"], FEW, seed=1)
    assert found.holds, found


def test_a_test_of_learners_fails_where_groups_were_assigned():
    assert not coverage_in_groups(naive, 6, 0.3, SIZES["unbalanced"], FEW, seed=1).holds


def test_the_interval_of_learners_covers():
    assert coverage_of_learners("ancova_hc3", SIDES["unequal"], FEW, seed=5).holds


@pytest.mark.parametrize("design", ["individual", "groups, outcomes missing"])
def test_hardly_ever_works_where_nothing_works(design):
    assert verdicts(design, 40, seed=3)["works"] <= most(40)


# ------------------------------------------------------------------------ reduced, in continuous integration


@pytest.mark.slow
@every_cell
def test_reduced_the_primary_interval_covers(groups, icc, sizes):
    found = coverage_in_groups(primary(groups), groups, icc, SIZES[sizes], REDUCED)
    assert found.holds, found


@pytest.mark.slow
@pytest.mark.parametrize("groups", [3, 12])
@pytest.mark.parametrize("icc", [0.1, 0.3])
def test_reduced_a_test_of_learners_fails_the_same_cells(groups, icc):
    found = coverage_in_groups(naive, groups, icc, SIZES["unbalanced"], REDUCED)
    assert found.share < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_reduced_works_is_hardly_ever_said_of_null_programmes(design):
    counts = verdicts(design, 200)
    assert counts["works"] <= most(200), counts


# --------------------------------------------------------------------------------------------------- in full


@pytest.mark.slow
@every_cell
def test_in_full_the_primary_interval_covers(groups, icc, sizes):
    found = coverage_in_groups(primary(groups), groups, icc, SIZES[sizes], FULL)
    assert found.holds, found


@pytest.mark.slow
@every_cell
def test_in_full_the_interval_of_completion_in_groups_covers(groups, icc, sizes):
    found = coverage_in_groups(cluster_means, groups, icc, SIZES[sizes], FULL, binary=True)
    assert found.holds, found
    assert found.refused <= 0.01 * found.draws  # all groups of both arms alike: refused; hardly any is


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("icc", ICCS)
@pytest.mark.parametrize("groups", [3, 6])
def test_in_full_it_covers_where_one_arm_has_twice_the_groups(groups, icc, sizes):
    found = coverage_in_groups(cluster_means, groups, icc, SIZES[sizes], FULL, treated_groups=2 * groups)
    assert found.holds, found


@pytest.mark.slow
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("method", OF_LEARNERS)
def test_in_full_the_interval_of_learners_covers(method, sides):
    found = coverage_of_learners(method, SIDES[sides], FULL)
    assert found.holds, found


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_in_full_works_is_said_of_at_most_one_null_programme_in_forty(design):
    counts = verdicts(design, 2_000)
    assert counts["works"] <= FALSE_WORKS * 2_000, counts
    assert counts["works"] + counts["likely_works"] + counts["harm"] <= 0.06 * 2_000, counts


@pytest.mark.slow
def test_in_full_a_test_of_learners_claims_far_too_often_where_groups_were_drawn():
    assert naive_claims("groups", 2_000) > 4 * FALSE_WORKS
