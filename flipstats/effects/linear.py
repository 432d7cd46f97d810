"""Least squares with heteroscedasticity-consistent standard errors, and logistic regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flipstats.effects.arrays import Floats
from flipstats.errors import EstimationError
from flipstats.i18n import t

_FULL_LEVERAGE = 1 - 1e-10  # an observation that fits itself: HC2 and HC3 divide by 1 - leverage


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A least-squares fit.

    Attributes
    ----------
    coefficients : (k,) float
    residuals, leverage : (n,) float
    bread : (k, k) float
        Inverse of X'X.
    X : (n, k) float
    df : int
        n - k.
    """

    coefficients: Floats
    residuals: Floats
    leverage: Floats
    bread: Floats
    X: Floats
    df: int

    @property
    def sigma2(self) -> float:
        """Residual variance."""
        return float(self.residuals @ self.residuals / self.df)

    def covariance(self, kind: str) -> Floats:
        """Covariance of the coefficients: ``"classical"``, ``"hc0"``, ``"hc2"`` or ``"hc3"``."""
        if kind == "classical":
            return self.sigma2 * self.bread
        power = {"hc0": 0, "hc2": 1, "hc3": 2}[kind]
        if power and self.leverage.max() > _FULL_LEVERAGE:
            raise EstimationError(t("compare.full_leverage"))
        weights = self.residuals**2 / (1 - self.leverage) ** power if power else self.residuals**2
        return self.bread @ (self.X.T * weights) @ self.X @ self.bread


def least_squares(X: Floats, y: Floats) -> LeastSquares:
    """Fit y on the columns of X.

    Raises
    ------
    EstimationError
        Fewer rows than columns need, or a column is a combination of others.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0, 0, 1, 1]])
    >>> least_squares(X, np.array([1.0, 3.0, 4.0, 8.0])).coefficients.round(6).tolist()
    [2.0, 4.0]
    """
    n, k = X.shape
    if n <= k:
        raise EstimationError(t("compare.too_few_learners", n=n, k=k))
    scale = np.linalg.norm(X, axis=0)
    if (scale == 0).any():
        raise EstimationError(t("compare.collinear"))
    Q, R = np.linalg.qr(X / scale)
    if np.abs(np.diag(R)).min() < 1e-10:
        raise EstimationError(t("compare.collinear"))
    R_inverse = np.linalg.solve(R, np.eye(k))
    coefficients = (R_inverse @ (Q.T @ y)) / scale
    bread = (R_inverse @ R_inverse.T) / np.outer(scale, scale)
    residuals = y - X @ coefficients
    residuals[np.abs(residuals) < 1e-13 * max(1.0, float(np.abs(y).max()))] = 0.0
    return LeastSquares(coefficients, residuals, (Q**2).sum(axis=1), bread, X, n - k)


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic fit by maximum likelihood.

    Attributes
    ----------
    coefficients : (k,) float
    covariance : (k, k) float
        Inverse information.
    fitted : (n,) float
        Probabilities.
    """

    coefficients: Floats
    covariance: Floats
    fitted: Floats


def logistic(X: Floats, y: Floats, *, iterations: int = 50) -> Logistic:
    """Fit the probability of y on the columns of X by Newton's method.

    Raises
    ------
    EstimationError
        A column is a combination of others, or the columns separate the outcomes (no finite maximum).
    """
    n, k = X.shape
    scale = np.linalg.norm(X, axis=0)
    if n <= k or (scale == 0).any() or np.linalg.matrix_rank(X / scale) < k:
        raise EstimationError(t("compare.collinear"))
    beta = np.zeros(k)
    for _ in range(iterations):
        p = _expit(X @ beta)
        information = (X.T * (p * (1 - p))) @ X / np.outer(scale, scale)
        if np.linalg.cond(information) > 1e14:
            break
        step = np.linalg.solve(information, X.T @ (y - p) / scale) / scale
        beta = beta + step
        if np.abs(step * scale).max() < 1e-10 * (1 + np.abs(beta * scale).max()):
            p = _expit(X @ beta)
            information = (X.T * (p * (1 - p))) @ X / np.outer(scale, scale)
            return Logistic(beta, np.linalg.inv(information) / np.outer(scale, scale), p)
    raise EstimationError(t("compare.separated"))


def _expit(eta: Floats) -> Floats:
    tail = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1 / (1 + tail), tail / (1 + tail))
