"""How strong a hidden cause would have to be to explain an effect away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms
from flipstats.effects.design import check_varies, design_matrix, some_arms
from flipstats.effects.distributions import student_quantile
from flipstats.effects.linear import LeastSquares, least_squares
from flipstats.effects.results import check_level
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

LOG_RISK_RATIO_PER_SD = 0.91  # VanderWeele and Ding 2017, table 2
LOG_LIMIT_PER_SE = 1.78  # the same table; 0.91 × 1.96


@dataclass(frozen=True, slots=True)
class EValue:
    """How strongly a hidden cause must go with both arm and outcome, as risk ratios.

    Attributes
    ----------
    point, limit : float
        To explain the effect, and the limit of its interval nearest to none; 1 where the interval holds none.
    """

    point: float
    limit: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """Cinelli and Hazlett's robustness values of an effect by least squares.

    Attributes
    ----------
    partial_r2 : float
        Share of the outcome's residual variance that the arm explains.
    rv_q, rv_qa : float
        Share of the residual variance of both arm and outcome that a hidden cause must explain to take away
        `q` of the effect, and to leave it not significant at `alpha`.
    q, alpha : float
    df : float
        Residual degrees of freedom.
    """

    partial_r2: float
    rv_q: float
    rv_qa: float
    q: float
    alpha: float
    df: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The effect that would be left if there were a hidden cause `times` as strong as a covariate.

    Attributes
    ----------
    covariate : int
        Its column.
    times : float
    r2_treated, r2_outcome : float
        What such a cause explains of the residual variance of arm and outcome.
    value, se, low, high : float
        Effect left, with its interval at `level`.
    """

    covariate: int
    times: float
    r2_treated: float
    r2_outcome: float
    value: float
    se: float
    low: float
    high: float
    level: float


def evalue_risk_ratio(value: float, *, low: float | None = None, high: float | None = None) -> EValue:
    """E-value of a risk ratio.

    Parameters
    ----------
    value : float
        Above 0.
    low, high : float, optional
        Its interval; without it `limit` is NaN.

    Raises
    ------
    ParameterError
        A ratio is not above 0, or `value` lies outside its interval.

    References
    ----------
    VanderWeele and Ding (2017), Annals of Internal Medicine 167, 268-274.

    Examples
    --------
    >>> found = evalue_risk_ratio(2.0, low=1.2, high=3.3)
    >>> round(found.point, 3), round(found.limit, 3)
    (3.414, 1.69)
    """
    given = [ratio for ratio in (low, value, high) if ratio is not None]
    if not all(ratio > 0 and np.isfinite(ratio) for ratio in given) or given != sorted(given):
        raise ParameterError(t("effects.bad_risk_ratio"))
    near = low if value >= 1 else high
    if near is None:
        return EValue(_evalue(value), float("nan"))
    crosses = near <= 1 if value >= 1 else near >= 1
    return EValue(_evalue(value), 1.0 if crosses else _evalue(near))


def evalue_g(
    value: float, *, se: float | None = None, low: float | None = None, high: float | None = None
) -> EValue:
    """E-value of a standardised difference, by the risk ratio exp(0.91 g).

    Parameters
    ----------
    value : float
        g.
    se : float, optional
        Its standard error; the interval is then exp(0.91 g ∓ 1.78 se), as published.
    low, high : float, optional
        Its interval, used in place of `se`: with few groups it is wider than `se` says.

    Raises
    ------
    ParameterError
        Both `se` and an interval are given, or `value` lies outside the interval.

    References
    ----------
    VanderWeele and Ding (2017), Annals of Internal Medicine 167, 268-274, table 2.

    Examples
    --------
    >>> round(evalue_g(0.5, se=0.1).limit, 3)
    1.968
    """
    if se is not None and (low is not None or high is not None):
        raise ParameterError(t("effects.se_or_interval"))
    centre = LOG_RISK_RATIO_PER_SD * value
    if se is not None:
        reach = LOG_LIMIT_PER_SE * se
        return evalue_risk_ratio(_exp(centre), low=_exp(centre - reach), high=_exp(centre + reach))
    limits = [None if limit is None else _exp(LOG_RISK_RATIO_PER_SD * limit) for limit in (low, high)]
    return evalue_risk_ratio(_exp(centre), low=limits[0], high=limits[1])


def robustness_values(
    statistic: float, df: float, *, q: float = 1.0, alpha: float = 1 - CONFIDENCE_LEVEL
) -> Robustness:
    """Robustness values of a coefficient of least squares, from its t statistic.

    Parameters
    ----------
    statistic : float
        Coefficient over its classical standard error.
    df : float
        Residual degrees of freedom, above 1.
    q : float
        Share of the effect to be taken away, above 0.
    alpha : float
        Two-sided, in (0, 1).

    Raises
    ------
    ParameterError
        A parameter is outside its range.

    References
    ----------
    Cinelli and Hazlett (2020), Journal of the Royal Statistical Society B 82, 39-67.

    Examples
    --------
    >>> found = robustness_values(4.18, 783)
    >>> round(found.rv_q, 3), round(found.rv_qa, 3)
    (0.139, 0.076)
    """

    if not (np.isfinite(statistic) and df > 1 and q > 0 and 0 < alpha < 1):
        raise ParameterError(t("effects.bad_robustness"))
    f = q * abs(statistic) / np.sqrt(df)
    critical = student_quantile(1 - alpha / 2, df - 1) / np.sqrt(df - 1)
    strict = _robustness(f - critical) if f > critical else 0.0
    if f > critical and f > 1 / critical:
        strict = (f**2 - critical**2) / (1 + f**2)  # a cause of the outcome alone is then enough
    partial = statistic**2 / (statistic**2 + df)
    return Robustness(float(partial), _robustness(f), float(strict), q, alpha, float(df))


def robustness(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    q: float = 1.0,
    alpha: float = 1 - CONFIDENCE_LEVEL,
) -> Robustness:
    """Robustness values of the arm's effect by least squares on the main effects of the covariates.

    Raises
    ------
    ParameterError, EmptyArmError, EstimationError
        An array or a parameter is not what it should be, or the outcome does not vary.

    Examples
    --------
    >>> found = robustness([5, 7, 6, 9, 8, 11], [0, 0, 0, 1, 1, 1])
    >>> round(found.partial_r2, 3)
    0.714
    """
    fit = _fitted(some_arms(outcome, treated, covariates, None))
    statistic = fit.coefficients[1] / np.sqrt(fit.covariance("classical")[1, 1])
    return robustness_values(float(statistic), fit.df, q=q, alpha=alpha)


def benchmark(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    covariate: int,
    times: float = 1.0,
    level: float = CONFIDENCE_LEVEL,
) -> Benchmark:
    """Effect left by a hidden cause `times` as strong as one covariate, for arm and outcome both.

    Parameters
    ----------
    outcome : (n,) numbers
    treated : (n,) 0/1
    covariates : (n, q) numbers
    covariate : int
        Column of the one to compare with, 0 to q − 1.
    times : float
        Above 0.
    level : float
        Confidence level, in (0, 1).

    Raises
    ------
    ParameterError, EmptyArmError
        An array or a parameter is not what is said above.
    EstimationError
        No cause can be that strong: it would explain all of the arm or of the outcome.

    References
    ----------
    Cinelli and Hazlett (2020), section 4.4. See tests/reference/sensitivity.R.

    Examples
    --------
    >>> prior, arm = [1, 4, 2, 5, 3, 4, 2, 6, 3, 5], [0, 1] * 5
    >>> score = [4, 9, 6, 9, 4, 8, 3, 9, 6, 8]
    >>> round(benchmark(score, arm, prior, covariate=0, times=0.2).value, 2)
    0.79
    """

    check_level(level)
    data = some_arms(outcome, treated, covariates, None)
    if not (0 <= covariate < data.covariates.shape[1] and times > 0):
        raise ParameterError(t("effects.bad_benchmark", n=data.covariates.shape[1]))
    fit = _fitted(data)
    column = 2 + covariate
    with_outcome = _odds_explained(fit, column)
    with_arm = _odds_explained(least_squares(np.delete(fit.X, 1, axis=1), fit.X[:, 1]), column - 1)
    r2_arm = times * with_arm
    share = with_arm / (1 + with_arm)
    link = times * with_arm * share / (1 - times * share) if times * share < 1 else np.inf
    if not (r2_arm < 1 and link < 1):
        raise EstimationError(t("effects.too_strong", times=f"{times:g}"))
    r2_outcome = ((np.sqrt(times) + np.sqrt(link)) / np.sqrt(1 - link)) ** 2 * with_outcome
    if not r2_outcome < 1:
        raise EstimationError(t("effects.too_strong", times=f"{times:g}"))
    value, se = float(fit.coefficients[1]), float(np.sqrt(fit.covariance("classical")[1, 1]))
    bias = se * np.sqrt(fit.df * r2_outcome * r2_arm / (1 - r2_arm))
    left = float(np.sign(value) * (abs(value) - bias))
    se_left = float(se * np.sqrt((1 - r2_outcome) / (1 - r2_arm) * fit.df / (fit.df - 1)))
    half = student_quantile(0.5 + level / 2, fit.df - 1) * se_left
    return Benchmark(
        covariate, times, float(r2_arm), float(r2_outcome), left, se_left, left - half, left + half, level
    )


def _evalue(ratio: float) -> float:
    ratio = ratio if ratio >= 1 else 1 / ratio
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def _exp(log_ratio: float) -> float:
    return float(np.exp(np.clip(log_ratio, -300, 300)))


def _robustness(f: float) -> float:
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)


def _fitted(data: Arms) -> LeastSquares:
    X = design_matrix(data)
    if len(X) < X.shape[1] + 2:
        raise EstimationError(t("effects.too_few_rows", n=len(X), p=X.shape[1]))
    fit = least_squares(X, data.outcome)
    check_varies(float(fit.residuals @ fit.residuals), data.outcome)
    return fit


def _odds_explained(fit: LeastSquares, column: int) -> float:
    """Partial R² of a column, over 1 minus itself."""
    statistic = fit.coefficients[column] / np.sqrt(fit.covariance("classical")[column, column])
    return float(statistic**2 / fit.df)
