"""Comparisons weighted by the propensity score: inverse probability, treated, overlap, and doubly robust.

The errors are those of stacked estimating equations, so they allow for the score being estimated. Their
sandwich has a closed form here, held against delicatessen's exact derivatives by the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms, Floats
from flipstats.effects.design import FLAT, cross_counts, some_arms
from flipstats.effects.linear import least_squares
from flipstats.effects.propensity import Propensity, propensity
from flipstats.effects.results import Estimate, check_level, t_estimate
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

VARIANTS = {"ipw_ate": "ate", "ipw_att": "att", "overlap": "ato"}


@dataclass(frozen=True, slots=True)
class Weighting:
    """What the weights do to the two arms.

    Attributes
    ----------
    weights : (n,) floats, not normalised
    slopes : (n,) derivative of each weight by the linear predictor of the score
    ess_treated, ess_control : float
        Effective sample sizes, in learners.
    largest : float
        Largest share of its arm's total weight that one learner carries.
    """

    weights: Floats
    slopes: Floats
    ess_treated: float
    ess_control: float
    largest: float


def weighting(model: Propensity, kind: str) -> Weighting:
    """Weights of a propensity model.

    Parameters
    ----------
    model : Propensity
    kind : {"ipw_ate", "ipw_att", "overlap"}
        Everyone; the treated; those who could have been in either arm.

    Raises
    ------
    ParameterError
        `kind` is another word.

    Examples
    --------
    >>> found = weighting(propensity([1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 1, 2]), "ipw_ate")
    >>> round(found.ess_treated, 3), round(found.largest, 3)
    (2.667, 0.5)
    """
    if kind not in VARIANTS:
        raise ParameterError(t("effects.bad_weighting", got=kind, known=", ".join(VARIANTS)))
    e, one = model.score, model.treated
    odds = e / (1 - e)
    if kind == "ipw_ate":
        weights, slopes = np.where(one, 1 / e, 1 / (1 - e)), np.where(one, -1 / odds, odds)
    elif kind == "ipw_att":
        weights, slopes = np.where(one, 1.0, odds), np.where(one, 0.0, odds)
    else:
        weights, slopes = np.where(one, 1 - e, e), np.where(one, -1.0, 1.0) * e * (1 - e)
    arm_weights = (weights[one], weights[~one])
    sizes = [float(w.sum() ** 2 / (w**2).sum()) for w in arm_weights]
    largest = max(float(w.max() / w.sum()) for w in arm_weights)
    return Weighting(weights, slopes, sizes[0], sizes[1], largest)


def ipw_ate(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect on everyone, weighted by the inverse probability of the arm each learner is in (Hájek).

    Parameters
    ----------
    outcome : (n,) numbers
    treated : (n,) 0/1
    covariates : (n, q) numbers, q at least 1
        Main effects in the logistic propensity model.
    clusters : (n,) labels of groups, optional
        With them, errors are of whole groups, times G / (G − 1), with G − 2 degrees of freedom.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Estimate
        In units of the outcome; `aside` holds ess_treated, ess_control and largest_weight.

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above.
    EstimationError
        The covariates tell the arms apart exactly, the outcome does not vary, an arm is one single group.

    References
    ----------
    Lunceford and Davidian (2004), Statistics in Medicine 23, 2937-2960.
    Stefanski and Boos (2002), The American Statistician 56, 29-38. See tests/reference/weights.R.

    Examples
    --------
    >>> print(ipw_ate([5, 7, 2, 6, 6, 5], [1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 1, 2]))
    +2.500, 95% CI +1.562 to +3.438
    """
    return _hajek("ipw_ate", outcome, treated, covariates, clusters, level)


def ipw_att(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect on the treated: controls weighted by the odds of their score (Hájek).

    Parameters, errors and result are those of `ipw_ate`.

    Examples
    --------
    >>> print(ipw_att([5, 7, 2, 6, 6, 5], [1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 1, 2]).variant)
    att
    """
    return _hajek("ipw_att", outcome, treated, covariates, clusters, level)


def overlap(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect on those who could have been in either arm: overlap weights (Hájek).

    Parameters, errors and result are those of `ipw_ate`. No weight exceeds 1, so none can rule the result.

    References
    ----------
    Li, Morgan and Zaslavsky (2018), Journal of the American Statistical Association 113, 390-400.

    Examples
    --------
    >>> print(overlap([5, 7, 2, 6, 6, 5], [1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 1, 2]).variant)
    ato
    """
    return _hajek("overlap", outcome, treated, covariates, clusters, level)


def aipw(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Effect on everyone, right if either the propensity model or the outcome models are (doubly robust).

    The outcome models are least squares in each arm; the error is that of the influence function.
    Parameters, errors and result are those of `ipw_ate`.

    References
    ----------
    Glynn and Quinn (2010), Political Analysis 18, 36-56. See tests/reference/weights.R.

    Examples
    --------
    >>> x = [1, 2, 3, 4, 2, 3, 4, 5]
    >>> found = aipw([3, 4, 6, 6, 5, 6, 9, 9], [0, 0, 0, 0, 1, 1, 1, 1], x)
    >>> round(found.value, 3), found.variant
    (1.216, 'ate')
    """
    check_level(level)
    data = some_arms(outcome, treated, covariates, clusters)
    model = propensity(treated, covariates)
    y, one, e = data.outcome, data.treated, model.score
    means = {}
    for arm in (True, False):
        rows = one == arm
        means[arm] = model.X @ least_squares(model.X[rows], y[rows]).coefficients
    part = means[True] - means[False] + np.where(one, (y - means[True]) / e, -(y - means[False]) / (1 - e))
    n = len(y)
    influence = (part - part.mean()) / n * np.sqrt(n / (n - 1))
    return _estimate(data, float(part.mean()), influence, weighting(model, "ipw_ate"), level, "aipw", "ate")


def _hajek(
    kind: str,
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    clusters: ArrayLike | None,
    level: float,
) -> Estimate:
    check_level(level)
    data = some_arms(outcome, treated, covariates, clusters)
    model = propensity(treated, covariates)
    found = weighting(model, kind)
    scores = model.X * (model.treated - model.score)[:, None]
    value, influence = 0.0, np.zeros(len(data.outcome))
    for sign, arm in ((1, data.treated), (-1, ~data.treated)):
        share = np.where(arm, found.weights, 0.0) / found.weights[arm].sum()
        mean = float(share @ data.outcome)
        away = data.outcome - mean
        drag = (np.where(arm, found.slopes, 0.0) * away) @ model.X / found.weights[arm].sum()
        value += sign * mean
        influence += sign * (share * away + scores @ (model.covariance @ drag))
    return _estimate(data, value, influence, found, level, kind, VARIANTS[kind])


def _estimate(
    data: Arms, value: float, influence: Floats, found: Weighting, level: float, method: str, variant: str
) -> Estimate:
    counts = cross_counts(data)
    df = float("inf")
    if data.clusters is not None:
        if min(counts["clusters_treated"], counts["clusters_control"]) < 2:
            raise EstimationError(t("effects.one_group_alone"))
        influence = np.bincount(data.clusters, weights=influence)
        G = len(influence)
        influence, df = influence * np.sqrt(G / (G - 1)), G - 2
    se = float(np.sqrt((influence**2).sum()))
    rounding = 64 * np.finfo(float).eps * float(np.abs(data.outcome).max())
    if se <= max(np.sqrt(FLAT) * float(np.ptp(data.outcome)), rounding) / np.sqrt(len(data.outcome)):
        se = 0.0  # rounding, not variation
    aside = {
        "ess_treated": found.ess_treated,
        "ess_control": found.ess_control,
        "largest_weight": found.largest,
    }
    return t_estimate(value, se, df, level=level, method=method, variant=variant, **counts, aside=aside)
