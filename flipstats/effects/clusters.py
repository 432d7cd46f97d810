"""Groups assigned as wholes: inference on group means, permutation of groups, intraclass correlation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, islice
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms, Floats, arms, require_variation
from flipstats.effects.distributions import f_quantile
from flipstats.effects.linear import least_squares
from flipstats.effects.results import Estimate, check_level, t_estimate
from flipstats.errors import DesignError, EstimationError
from flipstats.i18n import t

EXACT_ALLOCATIONS = 200_000  # up to here every allocation of the groups is tried: 10 against 10
DRAWS = 9_999
_CELLS = 2_000_000  # allocations x groups held at once


def group_means(values: Floats, clusters: np.ndarray) -> Floats:
    """Mean of each group; (n,) or (n, q) in, (G,) or (G, q) out."""
    sizes = np.bincount(clusters)
    if values.ndim == 1:
        return np.bincount(clusters, weights=values) / sizes
    columns = [np.bincount(clusters, weights=column) / sizes for column in values.T]
    return np.column_stack(columns) if columns else np.empty((len(sizes), 0))


def cluster_means(
    outcome: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Difference of the unweighted means of group means, t with G - 2 df: the *cluster* average.

    With q covariates, the group means are regressed on the arm and on the group means of the covariates, and
    G - 2 - q df remain.

    Parameters
    ----------
    outcome : (n,) array
        A score, or 0/1: then it is a comparison of group proportions.
    treated : (n,) array of bool or 0/1, the same within a group
    clusters : (n,) array of labels
    covariates : (n, q) array, optional

    Raises
    ------
    ParameterError
        A group has learners in both arms.
    EstimationError
        No df left, or no variation between the groups of an arm.

    References
    ----------
    A. Donner, N. Klar (2000), Design and Analysis of Cluster Randomization Trials, ch. 6. Equal to R's
    ``lm`` on the group means.

    Examples
    --------
    >>> print(cluster_means([1.0, 3, 2, 4, 5, 7, 6, 5], [0] * 4 + [1] * 4, list("aabbccdd")))
    +3.250, 95% CI +0.845 to +5.655
    """
    data = arms(outcome, treated, covariates=covariates, clusters=clusters)
    require_variation(data)
    X, y = _group_design(data), group_means(data.outcome, data.clusters)
    fit = least_squares(X, y)
    return t_estimate(
        fit.coefficients[1], np.sqrt(fit.covariance("classical")[1, 1]), fit.df, level=level,
        method="cluster_means", variant="adjusted" if data.covariates.size else "raw", **data.counts(),
        aside={"mean_treated": float(fit.coefficients[0] + fit.coefficients[1]),
               "mean_control": float(fit.coefficients[0])},
    )  # fmt: skip


def cluster_permutation(
    outcome: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """Permutation test of the difference of unweighted group means, groups being what is allocated.

    Every allocation of the groups is tried where there are at most `EXACT_ALLOCATIONS`, else `draws` random
    ones. The interval is the set of shifts that the same test does not reject at 1 - `level`, found
    exactly; it is infinite where the smallest attainable p is above that. Covariates are regressed out of the
    outcome among the learners, without the arm. `aside` has ``p_smallest`` and ``allocations``.

    Raises
    ------
    ParameterError
        A group has learners in both arms.
    EstimationError
        The outcome is constant.

    References
    ----------
    M. H. Gail et al. (1996), Statistics in Medicine 15, 1069-1092.

    Examples
    --------
    >>> result = cluster_permutation([1.0, 2, 3, 7, 8, 9], [0, 0, 0, 1, 1, 1], list("abcdef"))
    >>> result.p, result.aside["p_smallest"], result.low
    (0.1, 0.1, -inf)
    """
    check_level(level)
    data = arms(outcome, treated, covariates=covariates, clusters=clusters)
    require_variation(data)
    treatment = data.treated.astype(float)
    y, x = (group_means(_residual(v, data.covariates), data.clusters) for v in (data.outcome, treatment))
    arm = data.arm_of_cluster
    # Sorted by their values, so that draws depend neither on names nor on the order of rows.
    order = np.lexsort((x, y))
    y, x, arm = y[order], x[order], arm[order]
    total = comb(len(arm), int(arm.sum()))
    exact = total <= EXACT_ALLOCATIONS
    chosen = _all_allocations(arm) if exact else _some_allocations(arm, draws, seed)
    d, c = _differences(chosen, np.column_stack([y, x]), arm)
    d0, c0 = y[arm].mean() - y[~arm].mean(), x[arm].mean() - x[~arm].mean()
    if c0 < 1e-10:
        raise EstimationError(t("compare.collinear"))
    value, d, c = d0 / c0, d / c0, c / c0
    low, high = _kept_shifts(d, c, value)
    if not exact:  # the observed allocation counts among the drawn ones
        low, high = np.r_[low, -np.inf], np.r_[high, np.inf]
    count = len(low)
    as_extreme = int((np.abs(d) >= abs(value) * (1 - 1e-9)).sum()) + (not exact)
    rejected = int(np.floor((1 - level) * count * (1 + 1e-12)))  # so many may keep a shift that is rejected
    return Estimate(
        float(value), np.nan, np.nan,
        float(np.sort(low)[rejected]), float(np.sort(high)[count - 1 - rejected]),
        level, as_extreme / count, "cluster_permutation", "adjusted" if data.covariates.size else "raw",
        **data.counts(),
        aside={"p_smallest": _smallest_p(arm, count, exact), "allocations": float(count),
               "exact": float(exact)},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IntraclassCorrelation:
    """ICC(1) by analysis of variance, within arms where arms are given; `low` and `high` after Searle."""

    value: float
    low: float
    high: float
    level: float
    between: float
    within: float
    mean_size: float
    groups: int

    @property
    def truncated(self) -> float:
        """The value, not below 0."""
        return min(max(self.value, 0.0), 1.0)


def intraclass_correlation(
    outcome: ArrayLike,
    clusters: ArrayLike,
    *,
    treated: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> IntraclassCorrelation:
    """Share of the variance that lies between groups (of the same arm).

    Parameters
    ----------
    outcome : (n,) array
    clusters : (n,) array of labels
    treated : (n,) array, optional
        Differences between the arms are then left out.

    Raises
    ------
    EstimationError
        Every group has one learner, there are too few groups, or nothing varies within groups.

    References
    ----------
    S. R. Searle (1971), Linear Models; A. Donner (1986), Int. Statistical Review 54, 67-82 (unequal sizes).

    Examples
    --------
    >>> intraclass_correlation([1.0, 2, 5, 6, 9, 10], list("aabbcc")).value.__round__(3)
    0.969
    """

    check_level(level)
    n = len(np.asarray(outcome))
    arm = np.r_[1, np.zeros(n - 1)] if treated is None else treated
    data = arms(outcome, arm, clusters=clusters, nested=treated is not None)
    strata = [data.treated, ~data.treated] if treated is not None else [np.ones(n, bool)]
    sizes = np.bincount(data.clusters).astype(float)
    means = group_means(data.outcome, data.clusters)
    between = n0 = 0.0
    for stratum in strata:
        m = np.bincount(data.clusters, weights=stratum)
        between += float(m @ (means - data.outcome[stratum].mean()) ** 2)
        n0 += stratum.sum() - (m**2).sum() / stratum.sum()
    df_between, df_within = len(sizes) - len(strata), n - len(sizes)
    if df_between < 1 or df_within < 1:
        raise EstimationError(t("compare.no_icc"))
    within = float(((data.outcome - means[data.clusters]) ** 2).sum()) / df_within
    between, n0 = between / df_between, n0 / df_between
    if within <= 1e-12 * max(between, float((data.outcome**2).mean())):
        raise EstimationError(t("compare.no_icc"))
    ratio = between / within
    tail = (1 - level) / 2
    edges = [ratio / f_quantile(at, df_between, df_within) for at in (1 - tail, tail)]
    value, low, high = ((r - 1) / (r + n0 - 1) for r in (ratio, *edges))
    return IntraclassCorrelation(
        float(value), float(low), float(high), level, between, within, float(n0), len(sizes)
    )


def _group_design(data: Arms) -> Floats:
    arm = data.arm_of_cluster
    X = group_means(data.covariates, data.clusters)
    k = 2 + X.shape[1]
    if len(arm) <= k:
        raise DesignError(t("compare.no_df_left", groups=len(arm), n=k))
    return np.column_stack([np.ones(len(arm)), arm, X - X.mean(axis=0)])


def _residual(values: Floats, covariates: Floats) -> Floats:
    if covariates.shape[1] == 0:
        return values
    return least_squares(np.column_stack([np.ones(len(values)), covariates]), values).residuals


def _all_allocations(arm: np.ndarray):
    every = combinations(range(len(arm)), int(arm.sum()))
    while chunk := list(islice(every, max(1, _CELLS // len(arm)))):
        yield np.array(chunk, dtype=np.intp)


def _some_allocations(arm: np.ndarray, draws: int, seed: int):
    random = np.random.default_rng(seed)
    at_once = max(1, _CELLS // len(arm))
    for start in range(0, draws, at_once):
        keys = random.random((min(at_once, draws - start), len(arm)), dtype=np.float32)
        yield np.argpartition(keys, int(arm.sum()) - 1, axis=1)[:, : int(arm.sum())]


def _differences(chosen, values: Floats, arm: np.ndarray) -> tuple[Floats, Floats]:
    """Difference of unweighted group means under each allocation, for both columns of `values`."""
    n1, n0 = int(arm.sum()), int((~arm).sum())
    total = values.sum(axis=0)
    sums = np.concatenate([values[rows].sum(axis=1) for rows in chosen])
    d = sums / n1 - (total - sums) / n0
    return d[:, 0], d[:, 1]


def _kept_shifts(d: Floats, c: Floats, value: float) -> tuple[Floats, Floats]:
    # Under a shift s an allocation is at least as extreme as the observed one where |d - s·c| >= |value - s|:
    # between the two roots below when |c| < 1, everywhere when |c| = 1 (itself, and the mirror image).
    slack = 1e-9 * max(float(np.abs(d).max()), abs(value))
    inside = np.abs(c) < 1 - 1e-9
    c = np.where(inside, c, 0.0)
    roots = np.stack([(value - d) / (1 - c), (value + d) / (1 + c)])
    low = np.where(inside, roots.min(axis=0) - slack, -np.inf)
    return low, np.where(inside, roots.max(axis=0) + slack, np.inf)


def _smallest_p(arm: np.ndarray, count: int, exact: bool) -> float:
    mirrored = 2 * int(arm.sum()) == len(arm)
    return (2 if mirrored else 1) / count if exact else 1 / count
