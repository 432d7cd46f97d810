"""Least squares with bias-reduced errors clustered by group (CR2) and their small-sample tests.

Everything a group adds passes through p × p matrices, whatever its size: with X = QR, the adjustment
(I − H)^(-1/2) of a group acts on Q'e as (I − Q'Q)^(-1/2) of that group does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Floats
from flipstats.effects.design import check_varies, cross_counts, design_matrix, some_arms
from flipstats.effects.distributions import f_above
from flipstats.effects.results import Estimate, t_estimate
from flipstats.errors import EstimationError
from flipstats.i18n import t

ARM = 1  # column of the arm in the design
ALONE = 1e-10  # 1 − leverage of a direction below which one single group determines it


@dataclass(frozen=True, slots=True)
class WaldTest:
    """A small-sample F test of several contrasts at once."""

    statistic: float
    df_num: float
    df_den: float
    p: float


@dataclass(frozen=True, slots=True)
class ClusterRobust:
    """A least-squares fit with what its CR2 tests need, in the orthonormal basis Q of the design.

    Attributes
    ----------
    coefficients : (p,) of the columns of the design
    back : (p, p) inverse of R, from the basis to the columns
    cross : (G, p, p) Q'Q of each group
    adjust : (G, p, p) pseudo-inverse square root of I − Q'Q
    scores : (G, p) adjusted Q'e of each group
    alone : (G, p, p) projections on directions that one group determines
    """

    coefficients: Floats
    back: Floats
    cross: Floats
    adjust: Floats
    scores: Floats
    alone: Floats

    def contrast(self, weights: Floats) -> tuple[float, float, float]:
        """Value, standard error and Satterthwaite df of a combination of coefficients, `weights` (p,).

        Raises
        ------
        EstimationError
            One single group determines the combination: nothing says how groups differ.
        """
        c = self._in_basis(weights[None, :])
        value = float(weights @ self.coefficients)
        se = float(np.sqrt(((self.scores @ c[0]) ** 2).sum()))
        expected, spread = self._moments(c)
        return value, se, float(2 * expected[0, 0] ** 2 / spread)

    def wald(self, contrasts: Floats) -> WaldTest:
        """Test that all `contrasts`, (k, p), are zero: approximate Hotelling T² (HTZ).

        Raises
        ------
        EstimationError
            One single group determines a contrast, or groups are too few for a test of this many.

        References
        ----------
        Tipton and Pustejovsky (2015), Journal of Educational and Behavioral Statistics 40, 604-634.
        """

        k = len(contrasts)
        c = self._in_basis(contrasts)
        expected, _ = self._moments(c)
        c = _inverse_root(expected) @ c
        _, spread = self._moments(c)
        eta = k * (k + 1) / spread
        df_den = eta - k + 1
        if not df_den > 0:
            raise EstimationError(t("effects.too_few_groups_to_test", n=len(self.cross), k=k))
        projected = self.scores @ c.T
        values = _inverse_root(expected) @ contrasts @ self.coefficients
        raw = float(values @ np.linalg.solve(projected.T @ projected, values))
        statistic = df_den / (eta * k) * raw
        return WaldTest(statistic, float(k), float(df_den), f_above(statistic, k, df_den))

    def _in_basis(self, contrasts: Floats) -> Floats:
        c = contrasts @ self.back
        if np.abs(np.einsum("gij,kj->gki", self.alone, c)).max() > 1e-6 * np.abs(c).max():
            raise EstimationError(t("effects.one_group_alone"))
        return c

    def _moments(self, c: Floats) -> tuple[Floats, float]:
        """Expectation of the CR2 covariance (k, k) where learners are independent, and its summed variance.

        The covariance of what groups g and h add is (own part if g = h) − u_g·u_h, so that sums over pairs
        of groups need products over groups only.
        """
        half = np.einsum("gij,kj->gki", self.adjust, c)
        u = np.einsum("gij,gkj->gki", self.cross, half)
        own = np.einsum("gki,gli->gkl", half, u)
        shared = np.einsum("gki,gli->gkl", u, u)
        expected = (own - shared).sum(axis=0)
        spread = 0.0
        for s in range(len(c)):
            for r in range(len(c)):
                M = u[:, s].T @ u[:, r]
                a, b, d = own[:, s, s], own[:, r, r], own[:, s, r]
                spread += (a * b - a * shared[:, r, r] - b * shared[:, s, s]).sum() + (M**2).sum()
                spread += (d**2 - 2 * d * shared[:, s, r]).sum() + (M * M.T).sum()
        return expected, float(spread)


def fit_cluster_robust(X: Floats, outcome: Floats, clusters: np.ndarray) -> ClusterRobust:
    """Fit least squares and prepare its CR2 tests.

    Parameters
    ----------
    X : (n, p) array, of full rank, with the constant among the combinations of its columns
    outcome : (n,) array
    clusters : (n,) int codes 0…G-1

    Raises
    ------
    EstimationError
        The outcome is told exactly by the design.
    """
    Q, R = np.linalg.qr(X)
    centre = outcome.mean()
    gamma = Q.T @ (outcome - centre)
    residuals = outcome - centre - Q @ gamma
    check_varies(float(residuals @ residuals), outcome)
    back = np.linalg.inv(R)
    coefficients = back @ gamma + centre * (back @ Q.sum(axis=0))
    G, p = int(clusters.max()) + 1, X.shape[1]
    scores = np.column_stack([np.bincount(clusters, weights=q * residuals, minlength=G) for q in Q.T])
    cross = np.empty((G, p, p))
    for i in range(p):
        for j in range(i + 1):
            cross[:, i, j] = cross[:, j, i] = np.bincount(clusters, weights=Q[:, i] * Q[:, j], minlength=G)
    leverage, vectors = np.linalg.eigh(cross)
    lone = leverage > 1 - ALONE
    root = np.where(lone, 0.0, 1 / np.sqrt(np.where(lone, 1.0, 1 - leverage)))
    adjust = np.einsum("gik,gk,gjk->gij", vectors, root, vectors)
    alone = np.einsum("gik,gk,gjk->gij", vectors, lone.astype(float), vectors)
    adjusted = np.einsum("gij,gj->gi", adjust, scores)
    return ClusterRobust(coefficients, back, cross, adjust, adjusted, alone)


def cr2(
    outcome: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect of the arm by least squares, with CR2 standard error and Satterthwaite's degrees of freedom.

    Parameters
    ----------
    outcome : (n,) numbers
    treated : (n,) 0/1
    clusters : (n,) labels of groups
    covariates : (n, q) numbers, optional
        Main effects.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Estimate
        In units of the outcome.

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above.
    EstimationError
        An arm is one single group, a constant outcome, a covariate without variation of its own.

    References
    ----------
    Bell and McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky and Tipton (2018), Journal of
    Business & Economic Statistics 36, 672-683. Equal to R's ``clubSandwich``; see tests/reference/cr2.R.

    Examples
    --------
    >>> y = [51, 55, 58, 60, 62, 67, 52, 50, 57, 66, 69, 71, 60, 58, 63, 71, 74, 70]
    >>> arm, group = [0] * 9 + [1] * 9, [i // 3 for i in range(18)]
    >>> print(cr2(y, arm, group))
    +10.000, 95% CI −2.742 to +22.742
    """
    data = some_arms(outcome, treated, covariates, clusters)
    X = design_matrix(data)
    counts = cross_counts(data)
    if min(counts["clusters_treated"], counts["clusters_control"]) < 2:
        raise EstimationError(t("effects.one_group_alone"))
    fit = fit_cluster_robust(X, data.outcome, data.clusters)
    value, se, df = fit.contrast(np.eye(X.shape[1])[ARM])
    variant = "adjusted" if data.covariates.size else "raw"
    return t_estimate(value, se, df, level=level, method="cr2", variant=variant, **counts)


def _inverse_root(A: Floats) -> Floats:
    values, vectors = np.linalg.eigh(A)
    if values[0] <= 1e-12 * values[-1]:
        raise EstimationError(t("effects.one_group_alone"))
    return (vectors / np.sqrt(values)) @ vectors.T
