"""A random intercept per group, fitted by restricted maximum likelihood on sums over groups.

The likelihood is profiled to one dimension, the ratio of the two variances; its score has a closed form, so
the optimum is a root and not a search. Every fit is then checked by a second objective, built from the rows
themselves by orthogonal decomposition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flipstats.effects.arrays import Arms, Floats
from flipstats.effects.design import FLAT, check_varies, design_matrix
from flipstats.errors import EstimationError
from flipstats.i18n import t

RATIOS = np.concatenate([[0.0], np.logspace(-9, 9, 73)])  # variance ratios tried before the root is polished
AGREEMENT = 1e-6  # how far, in deviance, the two objectives may differ


@dataclass(frozen=True, slots=True)
class Sums:
    """What the likelihood needs of the rows [X y], outcome centred and scaled.

    Attributes
    ----------
    sizes : (G,) learners of each group
    means : (G, p + 1) means of each group
    within : (p + 1, p + 1) cross products around the means of the groups
    scale : spread of the outcome that was divided out
    """

    sizes: Floats
    means: Floats
    within: Floats
    scale: float


@dataclass(frozen=True, slots=True)
class RandomIntercept:
    """A fitted random-intercept model; variances and coefficients in the unit of the scaled outcome.

    Attributes
    ----------
    coefficients : (p,) intercept, treated, covariates
    covariance : (p, p) model-based, of the coefficients
    between, within : variances between groups and within them
    boundary : whether the variance between groups is estimated as zero
    sums : what it was fitted on
    """

    coefficients: Floats
    covariance: Floats
    between: float
    within: float
    boundary: bool
    sums: Sums

    @property
    def icc(self) -> float:
        """Share of the variance that lies between groups."""
        return self.between / (self.between + self.within)


@dataclass(frozen=True, slots=True)
class Curvature:
    """First and second derivatives by the variances (between, within), named as in Kenward and Roger 1997.

    Attributes
    ----------
    first : (2, p, p) P
    second : (2, 2, p, p) Q
    expected : (2, 2) twice the expected information
    observed : (2, 2) Hessian of the restricted deviance
    """

    first: Floats
    second: Floats
    expected: Floats
    observed: Floats


def cluster_sums(X: Floats, outcome: Floats, clusters: np.ndarray) -> Sums:
    """Reduce the rows to sums over groups.

    Parameters
    ----------
    X : (n, p) array
    outcome : (n,) array
    clusters : (n,) int codes 0…G-1
    """
    centred = outcome - outcome.mean()
    scale = float(np.sqrt((centred**2).mean())) or 1.0
    M = np.column_stack([X, centred / scale])
    sizes = np.bincount(clusters).astype(float)
    totals = np.column_stack([np.bincount(clusters, weights=column) for column in M.T])
    means = totals / sizes[:, None]
    around = M - means[clusters]
    return Sums(sizes, means, around.T @ around, scale)


def fit_random_intercept(data: Arms) -> RandomIntercept:
    """Fit outcome = intercept + arm + covariates + group + learner by REML.

    Raises
    ------
    EstimationError
        The outcome or the design cannot carry the model (see the message), or the fit does not hold against
        the second objective.
    """
    return fit_design(design_matrix(data), data)


def fit_design(X: Floats, data: Arms) -> RandomIntercept:
    """Fit the random-intercept model on the columns of `X`, (n, p).

    Raises
    ------
    EstimationError
        As `fit_random_intercept`.
    """
    sums = cluster_sums(X, data.outcome, data.clusters)
    _check_identified(sums, data.outcome)
    ratio = _best_ratio(sums)
    beta, A, rss = _solve(sums, ratio)
    within = rss / (len(X) - X.shape[1])
    _check_by_rows(X, data, sums, ratio)
    return RandomIntercept(beta, within * np.linalg.inv(A), ratio * within, within, ratio == 0.0, sums)


def curvature(fit: RandomIntercept) -> Curvature:
    """Derivatives of the likelihood by the two variances at the fit."""
    n = fit.sums.sizes
    a = 1 / fit.within  # precision within a group, and of its mean direction
    b = 1 / (fit.within + n * fit.between)
    p = len(fit.coefficients)
    to_residual = np.zeros((p + 1, p + 1))  # columns: X unchanged, then the residual
    to_residual[:p, :p] = np.eye(p)
    to_residual[:p, p], to_residual[p, p] = -fit.coefficients, 1.0
    means = fit.sums.means @ to_residual
    within = to_residual.T @ fit.sums.within @ to_residual

    def form(inside: float, along: Floats) -> Floats:
        return inside * within + (means * (n * along)[:, None]).T @ means

    first = -np.stack([form(0.0, n * b**2), form(a**2, b**2)])
    second = np.empty((2, 2, p + 1, p + 1))
    second[0, 0], second[1, 1] = form(0.0, n**2 * b**3), form(a**3, b**3)
    second[0, 1] = second[1, 0] = form(0.0, n * b**3)
    trace = np.array(
        [[(n**2 * b**2).sum(), (n * b**2).sum()], [(n * b**2).sum(), ((n - 1) * a**2 + b**2).sum()]]
    )
    V, P, Q = fit.covariance, first[:, :p, :p], second[:, :, :p, :p]
    VP = V @ P
    expected = trace - 2 * np.einsum("ij,rsji->rs", V, Q) + np.einsum("rij,sji->rs", VP, VP)
    cross = first[:, :p, p]
    observed = 2 * (second[:, :, p, p] - cross @ V @ cross.T) - expected
    return Curvature(P, Q, expected, observed)


def _products(sums: Sums, ratio: float) -> tuple[Floats, Floats]:
    """Cross products of [X y] under the ratio, and their derivative by it."""
    shrink = 1 / (1 + sums.sizes * ratio)
    A = sums.within + (sums.means * (sums.sizes * shrink)[:, None]).T @ sums.means
    slope = -(sums.means * ((sums.sizes * shrink) ** 2)[:, None]).T @ sums.means
    return A, slope


def _solve(sums: Sums, ratio: float) -> tuple[Floats, Floats, float]:
    A, _ = _products(sums, ratio)
    beta = np.linalg.solve(A[:-1, :-1], A[:-1, -1])
    back = np.append(-beta, 1.0)
    return beta, A[:-1, :-1], float(back @ A @ back)


def deviances(sums: Sums, ratios: Floats) -> Floats:
    """Restricted deviance at each ratio of the variance between groups to that within, up to a constant."""
    k = len(sums.within)
    spread = 1 + np.outer(ratios, sums.sizes)
    products = (sums.means[:, :, None] * sums.means[:, None, :]).reshape(-1, k * k)
    A = sums.within + ((sums.sizes / spread) @ products).reshape(-1, k, k)
    inside, across = A[:, :-1, :-1], A[:, :-1, -1:]
    beta = np.linalg.solve(inside, across)
    back = np.concatenate([-beta, np.ones((len(A), 1, 1))], axis=1)
    rss = (back.transpose(0, 2, 1) @ A @ back)[:, 0, 0]
    free = sums.sizes.sum() - (k - 1)
    return free * np.log(rss) + np.log(spread).sum(axis=1) + np.linalg.slogdet(inside)[1]


def _score(sums: Sums, ratio: float) -> float:
    """Derivative of the restricted deviance by the ratio."""
    beta, A, rss = _solve(sums, ratio)
    _, slope = _products(sums, ratio)
    back = np.append(-beta, 1.0)
    free = sums.sizes.sum() - len(A)
    spread = (sums.sizes / (1 + sums.sizes * ratio)).sum()
    return float(free * (back @ slope @ back) / rss + spread + np.trace(np.linalg.solve(A, slope[:-1, :-1])))


def _best_ratio(sums: Sums) -> float:
    from scipy.optimize import brentq

    best = int(np.argmin(deviances(sums, RATIOS)))
    if best == len(RATIOS) - 1:
        raise EstimationError(t("effects.no_variation_within"))
    low, high = RATIOS[max(best - 1, 0)], RATIOS[best + 1]
    if best <= 1 and _score(sums, 0.0) >= 0:
        return 0.0
    if not (_score(sums, low) < 0 < _score(sums, high)):
        raise EstimationError(t("effects.not_converged"))
    return float(brentq(lambda ratio: _score(sums, ratio), low, high, xtol=1e-15, rtol=1e-14, maxiter=200))


def _check_identified(sums: Sums, outcome: Floats) -> None:
    """Refuse data that cannot tell the two variances apart."""
    G, p = len(sums.sizes), len(sums.within) - 1
    inside = sums.within[:p, :p]
    size = np.diag(inside) + (sums.sizes[:, None] * sums.means[:, :p] ** 2).sum(axis=0)
    moving = np.diag(inside) > 1e-18 * size
    rank = 0
    if moving.any():
        unit = np.sqrt(np.diag(inside)[moving])
        rank = int(np.linalg.matrix_rank(inside[np.ix_(moving, moving)] / np.outer(unit, unit), tol=1e-12))
    if sums.sizes.sum() - G - rank < 1:
        raise EstimationError(t("effects.groups_of_one"))
    if G + rank - p < 1:
        raise EstimationError(t("effects.too_few_groups", n=G))
    beta = np.linalg.lstsq(inside, sums.within[:p, p], rcond=1e-12)[0]
    left = float(sums.within[p, p] - sums.within[:p, p] @ beta)
    check_varies(_solve(sums, 0.0)[2] * sums.scale**2, outcome)
    if left <= FLAT * sums.sizes.sum():
        raise EstimationError(t("effects.no_variation_within"))


def _check_by_rows(X: Floats, data: Arms, sums: Sums, ratio: float) -> None:
    """Hold the optimum against a second objective: least squares on rows freed of part of their mean."""
    M = np.column_stack([X, (data.outcome - data.outcome.mean()) / sums.scale])
    at_groups = sums.means[data.clusters]

    def deviance(other: float) -> float:
        part = 1 - 1 / np.sqrt(1 + sums.sizes * other)
        R = np.abs(np.diag(np.linalg.qr(M - part[data.clusters, None] * at_groups, mode="r")))
        free = len(M) - X.shape[1]
        return 2 * free * np.log(R[-1]) + np.log1p(sums.sizes * other).sum() + 2 * np.log(R[:-1]).sum()

    found = deviance(ratio)
    others = [deviance(other) for other in (0.0, 1e-3, 0.1, 1.0, 10.0, 0.8 * ratio, 1.25 * ratio)]
    agree = abs(found - deviances(sums, np.array([ratio]))[0]) <= AGREEMENT * max(1.0, abs(found))
    if not agree or found > min(others) + AGREEMENT * max(1.0, abs(found)):
        raise EstimationError(t("effects.not_converged"))
