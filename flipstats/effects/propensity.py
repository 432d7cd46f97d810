"""How likely each learner was to be in the treated arm, given covariates, and how far the arms overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.effects.arrays import Floats, arms
from flipstats.effects.design import check_rank, standardised
from flipstats.effects.linear import logistic
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class Propensity:
    """A logistic model of the arm on the main effects of the covariates.

    Attributes
    ----------
    score : (n,) probability of the treated arm, in (0, 1)
    treated : (n,) bool
    X : (n, 1 + q) intercept and standardised covariates
    covariance : (1 + q, 1 + q) inverse information
    """

    score: Floats
    treated: NDArray[np.bool_]
    X: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True)
class PropensityOverlap:
    """Where the scores of the two arms lie.

    Attributes
    ----------
    treated, control : tuple of float
        Quantiles of the score at `QUANTILES`.
    low, high : float
        The range that both arms reach.
    outside_treated, outside_control : int
        Learners outside that range, who have nobody to be compared with.
    """

    treated: tuple[float, ...]
    control: tuple[float, ...]
    low: float
    high: float
    outside_treated: int
    outside_control: int


def propensity(treated: ArrayLike, covariates: ArrayLike | None) -> Propensity:
    """Fit the logistic propensity model.

    Parameters
    ----------
    treated : (n,) 0/1
    covariates : (n, q) numbers, q at least 1
        Main effects.

    Raises
    ------
    ParameterError, EmptyArmError
        No covariate, or an array is not what is said above.
    EstimationError
        A covariate is constant or a combination of others, or the covariates tell the arms apart exactly.

    References
    ----------
    Equal to R's ``glm(family = binomial)`` and to statsmodels' ``Logit``; see tests/reference/weights.R.

    Examples
    --------
    >>> propensity([1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 1, 2]).score.round(3).tolist()
    [0.667, 0.333, 0.667, 0.333, 0.667, 0.333]
    """
    if covariates is None or np.asarray(covariates).size == 0:
        raise ParameterError(t("effects.needs_covariates"))
    data = arms(np.zeros(len(np.asarray(treated))), treated, covariates=covariates)
    X = np.column_stack([np.ones(len(data.treated)), standardised(data.covariates)])
    check_rank(X, covariates_from=1)
    try:
        fit = logistic(X, data.treated.astype(float))
    except EstimationError as error:
        raise EstimationError(t("effects.arms_told_apart")) from error
    # A matrix product may differ in the last bit between equal rows: a tie must be a tie on every machine.
    linear = np.zeros(len(X))
    for column, coefficient in zip(X.T, fit.coefficients, strict=True):
        linear = linear + coefficient * column
    _, first, place = np.unique(linear, return_index=True, return_inverse=True)
    return Propensity(fit.fitted[first[place]], data.treated, X, fit.covariance)


def propensity_overlap(model: Propensity) -> PropensityOverlap:
    """Summarise the scores of both arms.

    Examples
    --------
    >>> found = propensity_overlap(propensity([1, 1, 1, 0, 0, 0], [3, 4, 9, 1, 2, 5]))
    >>> found.outside_treated, found.outside_control
    (1, 2)
    """
    one, zero = model.score[model.treated], model.score[~model.treated]
    low, high = max(one.min(), zero.min()), min(one.max(), zero.max())
    outside = [int(((score < low) | (score > high)).sum()) for score in (one, zero)]
    return PropensityOverlap(
        tuple(np.quantile(one, QUANTILES).tolist()), tuple(np.quantile(zero, QUANTILES).tolist()),
        float(low), float(high), outside[0], outside[1],
    )  # fmt: skip
