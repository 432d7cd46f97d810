"""Every simple estimator: what changes nothing, what is hostile, what is refused and in which words."""

from __future__ import annotations

import numpy as np
import pytest
from effects_cases import TRIAL, drawn
from hypothesis import given, settings

from flipstats.effects import means, sizes
from flipstats.effects.clusters import cluster_means, cluster_permutation, intraclass_correlation
from flipstats.effects.proportions import gcomp, newcombe
from flipstats.effects.results import Count
from flipstats.errors import DesignError, EmptyArmError, EstimationError, FlipstatsError, ParameterError

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
