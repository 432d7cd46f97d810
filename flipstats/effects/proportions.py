"""Differences of two proportions of individually assigned learners: completion, passing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import arms
from flipstats.effects.distributions import normal_above, normal_quantile
from flipstats.effects.linear import Logistic, logistic
from flipstats.effects.results import Count, Estimate, Interval, check_level
from flipstats.errors import EmptyArmError, EstimationError, ParameterError
from flipstats.i18n import t
from flipstats.intervals import wilson as score_interval


def wilson(count: Count, *, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Share with Wilson's score interval.

    Raises
    ------
    EmptyArmError
        Nobody could have the outcome.

    References
    ----------
    E. B. Wilson (1927), JASA 22, 209-212. Equal to R's ``prop.test(correct = FALSE)``.

    Examples
    --------
    >>> print(wilson(Count(0, 20)))
    +0.000, 95% CI +0.000 to +0.161
    """
    check_level(level)
    if count.total == 0:
        raise EmptyArmError(t("compare.nobody_counted"))
    low, high = score_interval(count.met, count.total, level)
    return Interval(count.share, float(low), float(high), level)


def newcombe_difference(treated: Count, control: Count, *, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Difference of two proportions, treated minus control, with Newcombe's interval.

    Parameters
    ----------
    treated, control : Count
        Learners with the outcome, out of those who could have it.
    level : float
        Confidence level.

    Returns
    -------
    Interval
        Difference in [-1, 1]; `low` and `high` never leave it.

    Raises
    ------
    EmptyArmError
        An arm has nobody in it.

    References
    ----------
    R. G. Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> print(newcombe_difference(Count(41, 50), Count(30, 48)))
    +0.195, 95% CI +0.018 to +0.359
    """
    one, zero = wilson(treated, level=level), wilson(control, level=level)
    value = one.value - zero.value
    low = value - np.hypot(one.value - one.low, zero.high - zero.value)
    high = value + np.hypot(one.high - one.value, zero.value - zero.low)
    return Interval(value, float(low), float(high), level)


def newcombe(outcome: ArrayLike, treated: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Risk difference of a 0/1 outcome with Newcombe's interval.

    p is that of the chi-square test without continuity correction (Pearson). `aside` has both shares and the
    unadjusted risk ratio with its log-normal interval, NaN where a share is 0.

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    ParameterError
        The outcome is not 0/1.

    Examples
    --------
    >>> print(newcombe([1, 1, 1, 0, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]))
    +0.500, 95% CI −0.135 to +0.789
    """

    data = arms(outcome, treated)
    require_binary(data.outcome)
    one, zero = (Count(int(data.outcome[a].sum()), int(a.sum())) for a in (data.treated, ~data.treated))
    interval = newcombe_difference(one, zero, level=level)
    pooled = data.outcome.mean()
    score_se = np.sqrt(pooled * (1 - pooled) * (1 / one.total + 1 / zero.total))
    p = float(2 * normal_above(abs(interval.value) / score_se)) if score_se > 0 else 1.0
    se = np.sqrt(one.share * (1 - one.share) / one.total + zero.share * (1 - zero.share) / zero.total)
    aside = {"share_treated": one.share, "share_control": zero.share, **_ratio(one, zero, level)}
    return Estimate(
        interval.value, float(se), np.inf, interval.low, interval.high, level, p, "newcombe",
        "risk_difference", **data.counts(), aside=aside,
    )  # fmt: skip


def gcomp(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Risk difference standardised over the learners by a logistic model; delta-method standard error.

    The model has the arm and the covariates as main effects; everyone is predicted once in each arm. `aside`
    has both standardised shares, the risk ratio with its interval (on the log scale), the odds ratio of the
    model, the effect over the treated only, and the standard error that trusts the model's mean only (HC0).

    Parameters
    ----------
    outcome : (n,) array of 0/1
    treated : (n,) array of bool or 0/1
    covariates : (n, q) array, optional

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    ParameterError
        The outcome is not 0/1.
    EstimationError
        The model has no finite estimate (separation), or the outcome is the same for everyone.

    References
    ----------
    A. Agresti (2013), Categorical Data Analysis, 16.1 (delta method).

    Examples
    --------
    >>> print(gcomp([1, 0, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0], covariates=[3, 1, 2, 1, 1, 2, 1, 3]))
    +0.500, 95% CI −0.100 to +1.100
    """

    data = arms(outcome, treated, covariates=covariates)
    require_binary(data.outcome)
    check_level(level)
    X = data.design()
    fit = logistic(X, data.outcome)
    (p1, j1), (p0, j0) = (_standardised(X, fit, arm) for arm in (1.0, 0.0))
    gradient = j1 - j0
    se = float(np.sqrt(gradient @ fit.covariance @ gradient))
    log_gradient = j1 / p1 - j0 / p0
    se_log = float(np.sqrt(log_gradient @ fit.covariance @ log_gradient))
    score = X * (data.outcome - fit.fitted)[:, None]
    robust = fit.covariance @ (score.T @ score) @ fit.covariance
    on_treated = _standardised(X[data.treated], fit, 1.0)[0] - _standardised(X[data.treated], fit, 0.0)[0]
    z = normal_quantile(0.5 + level / 2)
    value, ratio = p1 - p0, p1 / p0
    return Estimate(
        value, se, np.inf, value - z * se, value + z * se, level, float(2 * normal_above(abs(value) / se)),
        "gcomp", "risk_difference", **data.counts(),
        aside={
            "share_treated": p1, "share_control": p0,
            "risk_ratio": ratio, "risk_ratio_low": float(ratio * np.exp(-z * se_log)),
            "risk_ratio_high": float(ratio * np.exp(z * se_log)), "se_log_risk_ratio": se_log,
            "odds_ratio": float(np.exp(fit.coefficients[1])),
            "se_log_odds_ratio": float(np.sqrt(fit.covariance[1, 1])),
            "risk_difference_treated": on_treated,
            "se_robust": float(np.sqrt(gradient @ robust @ gradient)),
        },
    )  # fmt: skip


def require_binary(outcome: np.ndarray) -> None:
    """Refuse an outcome with other values than 0 and 1.

    Raises
    ------
    ParameterError
        Some value is neither.
    """
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise ParameterError(t("compare.outcome_not_binary"))


def _standardised(X: np.ndarray, fit: Logistic, arm: float) -> tuple[float, np.ndarray]:
    moved = X.copy()
    moved[:, 1] = arm
    p = 1 / (1 + np.exp(-(moved @ fit.coefficients)))
    if not 0 < p.mean() < 1:
        raise EstimationError(t("compare.separated"))
    return float(p.mean()), (p * (1 - p)) @ moved / len(p)


def _ratio(one: Count, zero: Count, level: float) -> dict[str, float]:

    if 0 in (one.met, zero.met) or one.share == zero.share == 1:  # undefined, or nothing to tell how sure
        return {"risk_ratio": np.nan, "risk_ratio_low": np.nan, "risk_ratio_high": np.nan}
    ratio = one.share / zero.share
    se = np.sqrt(1 / one.met - 1 / one.total + 1 / zero.met - 1 / zero.total)
    half = normal_quantile(0.5 + level / 2) * se
    return {
        "risk_ratio": ratio,
        "risk_ratio_low": float(ratio * np.exp(-half)),
        "risk_ratio_high": float(ratio * np.exp(half)),
    }
