"""Random-intercept models of a comparison whose arms are made of groups, and the intraclass correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms, Floats
from flipstats.effects.design import cross_counts, some_arms
from flipstats.effects.distributions import f_quantile
from flipstats.effects.reml import Curvature, RandomIntercept, curvature, fit_design, fit_random_intercept
from flipstats.effects.results import Estimate, check_level, t_estimate
from flipstats.errors import EstimationError
from flipstats.i18n import t

ARM = 1  # column of the arm in the design


@dataclass(frozen=True, slots=True)
class IntraclassCorrelation:
    """Share of the variance of an outcome that lies between groups.

    Attributes
    ----------
    value : float
        By REML, in [0, 1).
    anova, low, high : float
        By analysis of variance, with its F interval; may fall below 0 where groups differ less than chance.
    level : float
        Confidence level of `low` and `high`.
    between, within : float
        The two variances by REML, in squared units of the outcome.
    mean_size : float
        Learners a group, as the analysis of variance weighs them.
    n, groups : int
        Learners and groups.
    """

    value: float
    anova: float
    low: float
    high: float
    level: float
    between: float
    within: float
    mean_size: float
    n: int
    groups: int


def reml_satterthwaite(
    outcome: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect of the arm in a random-intercept model by REML, with Satterthwaite's degrees of freedom.

    Where the variance between groups is estimated as zero the degrees of freedom are those of least squares,
    as in lmerTest: too many for a trial of groups, which is why `reml_kr` is the primary method.

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
        In units of the outcome; `aside` holds icc, between, within and boundary (1 where between is zero).

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above.
    EstimationError
        Too few groups, groups of one, a constant outcome, a covariate without variation, no convergence.

    References
    ----------
    Kuznetsova, Brockhoff and Christensen (2017), Journal of Statistical Software 82(13).
    Equal to R's ``lmerTest``; see tests/reference/mixed.R.

    Examples
    --------
    >>> y = [51, 55, 58, 60, 62, 67, 52, 50, 57, 66, 69, 71, 60, 58, 63, 71, 74, 70]
    >>> arm, group = [0] * 9 + [1] * 9, [i // 3 for i in range(18)]
    >>> print(reml_satterthwaite(y, arm, group))
    +10.000, 95% CI −2.742 to +22.742
    """
    data, fit = _fitted(outcome, treated, clusters, covariates)
    se = float(np.sqrt(fit.covariance[ARM, ARM]))
    return _estimate(data, fit, se, _satterthwaite(fit, curvature(fit)), level, "reml_satterthwaite")


def reml_kr(
    outcome: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect of the arm in a random-intercept model by REML, with Kenward and Roger's correction.

    Both the standard error and the degrees of freedom allow for the variances being estimated; unlike
    Satterthwaite's, the degrees of freedom stay near those of the groups where the variance between them is
    estimated as zero.

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
        In units of the outcome; `aside` holds icc, between, within and boundary (1 where between is zero).

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above.
    EstimationError
        Too few groups, groups of one, a constant outcome, a covariate without variation, no convergence.

    References
    ----------
    Kenward and Roger (1997), Biometrics 53, 983-997. Equal to R's ``pbkrtest``; see tests/reference/mixed.R.

    Examples
    --------
    >>> y = [51, 55, 58, 60, 62, 67, 52, 50, 57, 66, 69, 71, 60, 58, 63, 71, 74, 70]
    >>> arm, group = [0] * 9 + [1] * 9, [i // 3 for i in range(18)]
    >>> round(reml_kr(y, arm, group).df, 6)
    4.0
    """
    data, fit = _fitted(outcome, treated, clusters, covariates)
    shape = curvature(fit)
    se = float(np.sqrt(_kenward_roger(fit, shape)[ARM, ARM]))
    return _estimate(data, fit, se, _kenward_roger_df(fit, shape), level, "reml_kr")


def icc(outcome: ArrayLike, clusters: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> IntraclassCorrelation:
    """Intraclass correlation of an outcome without covariates, by REML and by analysis of variance.

    Parameters
    ----------
    outcome : (n,) numbers
    clusters : (n,) labels of groups
    level : float
        Confidence level of the F interval, in (0, 1).

    Raises
    ------
    ParameterError
        An array is not what is said above.
    EstimationError
        Fewer than two groups, groups of one only, or nothing varies within groups.

    References
    ----------
    Searle (1971), Linear Models, chapter 9, for the interval, which is exact for groups of one size.

    Examples
    --------
    >>> round(icc([1, 2, 3, 4, 6, 5, 8, 9, 8], [0, 0, 0, 1, 1, 1, 2, 2, 2]).anova, 3)
    0.926
    """

    check_level(level)
    y = np.atleast_1d(np.asarray(outcome, dtype=float))
    if len(y) < 2:
        raise EstimationError(t("effects.groups_of_one"))
    data = some_arms(y, np.arange(len(y)) == 0, None, clusters)  # arms play no part here
    fit = fit_design(np.ones((len(data.outcome), 1)), data)
    n, sizes = len(data.outcome), fit.sums.sizes
    G = len(sizes)
    mean_size = (n - (sizes**2).sum() / n) / (G - 1)
    centres = fit.sums.means[:, 1]
    between = float((sizes * (centres - sizes @ centres / n) ** 2).sum()) / (G - 1)
    ratio = between / (float(fit.sums.within[1, 1]) / (n - G))
    limits = [
        ratio / f_quantile(0.5 + level / 2, G - 1, n - G),
        ratio * f_quantile(0.5 + level / 2, n - G, G - 1),
    ]
    anova, low, high = ((value - 1) / (value + mean_size - 1) for value in (ratio, *limits))
    unit = fit.sums.scale**2
    return IntraclassCorrelation(
        float(fit.icc), float(anova), float(low), float(high), level,
        float(fit.between * unit), float(fit.within * unit), float(mean_size), n, G,
    )  # fmt: skip


def _fitted(
    outcome: ArrayLike, treated: ArrayLike, clusters: ArrayLike, covariates: ArrayLike | None
) -> tuple[Arms, RandomIntercept]:
    data = some_arms(outcome, treated, covariates, clusters)
    return data, fit_random_intercept(data)


def _estimate(data: Arms, fit: RandomIntercept, se: float, df: float, level: float, method: str) -> Estimate:
    scale = fit.sums.scale
    variant = "adjusted" if data.covariates.size else "raw"
    aside = {
        "icc": float(fit.icc),
        "between": float(fit.between * scale**2),
        "within": float(fit.within * scale**2),
        "boundary": float(fit.boundary),
    }
    return t_estimate(
        float(fit.coefficients[ARM]) * scale, se * scale, df,
        level=level, method=method, variant=variant, **cross_counts(data), aside=aside,
    )  # fmt: skip


def _satterthwaite(fit: RandomIntercept, shape: Curvature) -> float:
    n, p = fit.sums.sizes.sum(), len(fit.coefficients)
    if fit.boundary:
        return float(n - p)
    variance, slope = _slope_of_variance(fit, shape)
    return float(2 * variance**2 / (slope @ (2 * np.linalg.inv(shape.observed)) @ slope))


def _slope_of_variance(fit: RandomIntercept, shape: Curvature) -> tuple[float, Floats]:
    """Variance of the arm's coefficient, and its derivative by the two variances."""
    column = fit.covariance[:, ARM]
    return float(column[ARM]), -np.einsum("i,rij,j->r", column, shape.first, column)


def _kenward_roger(fit: RandomIntercept, shape: Curvature) -> Floats:
    V, P = fit.covariance, shape.first
    spread = 2 * np.linalg.inv(shape.expected)
    bias = np.einsum("rs,rsij->ij", spread, shape.second) - np.einsum("rs,rij,jk,skl->il", spread, P, V, P)
    return V + 2 * V @ bias @ V


def _kenward_roger_df(fit: RandomIntercept, shape: Curvature) -> float:
    variance, slope = _slope_of_variance(fit, shape)
    df = float(2 * variance**2 / (slope @ (2 * np.linalg.inv(shape.expected)) @ slope))
    if not np.isfinite(df) or df <= 0:
        raise EstimationError(t("effects.not_converged"))
    return df
