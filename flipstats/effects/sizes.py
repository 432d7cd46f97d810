"""Standardised effect sizes, each variant by its name: never a plain "d".

All are oriented treated minus control. S is the pooled within-arm standard deviation of the *unadjusted*
outcome, also under an adjusted difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms, arms, require_variation
from flipstats.effects.distributions import normal_above, normal_below, normal_quantile, student_above
from flipstats.effects.results import Count, Estimate, t_estimate
from flipstats.errors import EmptyArmError, EstimationError
from flipstats.i18n import t

COX = 1.65  # log odds ratio to standard deviations, D. R. Cox (1970)


@dataclass(frozen=True, slots=True)
class Clustering:
    """What grouping does to g: the factor `gamma`, the variance factor `eta` and the df `h`.

    All are 1, 1 and N - 2 for individually assigned learners (`individual`).
    """

    gamma: float
    eta: float
    h: float
    icc: float = 0.0

    @property
    def omega(self) -> float:
        """Small-sample factor, 1 - 3/(4h - 1)."""
        return 1 - 3 / (4 * self.h - 1)


def individual(n_treated: int, n_control: int) -> Clustering:
    """No groups: gamma 1, eta 1, h = N - 2."""
    if n_treated + n_control < 4:
        raise EstimationError(t("compare.too_few_learners", n=n_treated + n_control, k=3))
    return Clustering(1.0, 1.0, n_treated + n_control - 2.0)


def both_arms_grouped(n_treated: int, n_control: int, mean_size: float, icc: float) -> Clustering:
    """Both arms in groups of `mean_size` learners on average with intraclass correlation `icc` in [0, 1].

    References
    ----------
    L. V. Hedges (2007), J. Educational and Behavioral Statistics 32, 341-370.

    Examples
    --------
    >>> round(both_arms_grouped(60, 60, 20, 0.2).h, 2)
    73.81
    """
    N, n, r = n_treated + n_control, mean_size, icc
    individual(n_treated, n_control)
    below = (N - 2) * (1 - r) ** 2 + n * (N - 2 * n) * r**2 + 2 * (N - 2 * n) * r * (1 - r)
    return _clustering(
        1 - 2 * (n - 1) * r / (N - 2), 1 + (n - 1) * r, ((N - 2) - 2 * (n - 1) * r) ** 2, below, r
    )


def treated_arm_grouped(n_treated: int, n_control: int, mean_size: float, icc: float) -> Clustering:
    """Only the treated arm is in groups, of `mean_size` learners on average; the control is individual.

    References
    ----------
    L. V. Hedges, M. Citkowicz (2015), Behavior Research Methods 47, 1295-1308.

    Examples
    --------
    >>> treated_arm_grouped(60, 60, 20, 0.0).h
    118.0
    """
    nt, nc, N, n, r = n_treated, n_control, n_treated + n_control, mean_size, icc
    individual(nt, nc)
    below = (N - 2) * (1 - r) ** 2 + (nt - n) * n * r**2 + 2 * (nt - n) * (1 - r) * r
    above = ((N - 2) * (1 - r) + (nt - n) * r) ** 2
    return _clustering(1 - (nc + n - 2) * r / (N - 2), 1 + (n * nc / N - 1) * r, above, below, r)


def _clustering(gamma: float, eta: float, above: float, below: float, icc: float) -> Clustering:
    if not (0 <= icc <= 1 and gamma > 0 and eta > 0 and above > 0 and below > 0 and above / below > 1):
        raise EstimationError(t("compare.no_cluster_size", icc=f"{icc:.2f}"))
    return Clustering(float(gamma), float(eta), float(above / below), float(icc))


def pooled_sd(data: Arms) -> float:
    """Pooled within-arm standard deviation of the outcome.

    Raises
    ------
    EstimationError
        Nothing varies within the arms, or there are fewer than three learners.
    """
    one, zero = data.outcome[data.treated], data.outcome[~data.treated]
    df = len(one) + len(zero) - 2
    if df < 1:
        raise EstimationError(t("compare.too_few_learners", n=df + 2, k=2))
    sd = np.sqrt((((one - one.mean()) ** 2).sum() + ((zero - zero.mean()) ** 2).sum()) / df)
    if sd <= 1e-13 * np.abs(data.outcome).max():
        raise EstimationError(t("compare.no_spread"))
    return float(sd)


def hedges_g(outcome: ArrayLike, treated: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Hedges' g with the exact correction J and the noncentral-t interval.

    `aside` has ``d``, ``d_low``, ``d_high`` and ``J``; the standard error is the large-sample one,
    sqrt(1/nT + 1/nC + g²/(2N)).

    Raises
    ------
    EmptyArmError, EstimationError
        An arm has nobody; nothing varies.

    References
    ----------
    L. V. Hedges (1981), J. Educational Statistics 6, 107-128. Equal to R's ``effectsize::hedges_g``.

    Examples
    --------
    >>> print(hedges_g([12.0, 15, 14, 17, 9, 11, 12, 10], [1, 1, 1, 1, 0, 0, 0, 0]))
    +2.006, 95% CI +0.328 to +3.600
    """

    data = arms(outcome, treated)
    nt, nc, d = data.n_treated, data.n_control, _d(data)
    df = nt + nc - 2
    J, root = exact_j(df), np.sqrt(1 / nt + 1 / nc)
    low, high = (limit * root for limit in _noncentral_limits(d / root, df, level))
    g = J * d
    se = float(np.sqrt(1 / nt + 1 / nc + g**2 / (2 * (nt + nc))))
    p = float(2 * student_above(abs(d / root), df)) if df else float(2 * normal_above(abs(g) / se))
    return Estimate(
        g, se, float(df), J * low, J * high, level, p, "hedges_g", "hedges_exact", **data.counts(),
        aside={"d": d, "d_low": low, "d_high": high, "J": J},
    )  # fmt: skip


def wwc_g(outcome: ArrayLike, treated: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Standardised difference of unadjusted means with omega = 1 - 3/(4N - 9), individual assignment.

    Examples
    --------
    >>> print(wwc_g([12.0, 15, 14, 17, 9, 11, 12, 10], [1, 1, 1, 1, 0, 0, 0, 0]))
    +2.008, 95% CI −0.229 to +4.246
    """
    data = arms(outcome, treated)
    sd = pooled_sd(data)
    difference = data.outcome[data.treated].mean() - data.outcome[~data.treated].mean()
    return g_unmodelled(
        float(difference), sd, individual(data.n_treated, data.n_control), n_treated=data.n_treated,
        n_control=data.n_control, level=level,
    )  # fmt: skip


def g_unmodelled(
    difference: float,
    sd: float,
    clustering: Clustering,
    *,
    n_treated: int,
    n_control: int,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """g of a plain difference of learner means: variance (1/nT + 1/nC)·eta + g²/(2h), t with h df."""
    g = clustering.omega * np.sqrt(clustering.gamma) * difference / sd
    variance = (1 / n_treated + 1 / n_control) * clustering.eta + g**2 / (2 * clustering.h)
    return t_estimate(
        g, np.sqrt(variance), clustering.h, level=level, method="g", variant=_variant(clustering),
        n_treated=n_treated, n_control=n_control, aside=_terms(clustering),
    )  # fmt: skip


def g_from_coefficient(
    coefficient: Estimate,
    sd: float,
    clustering: Clustering,
    *,
    covariates: int = 0,
    models_groups: bool = True,
) -> Estimate:
    """Standardise an effect that a model gave: variance (SE/S)²·K + g²/(2(h - q)).

    Parameters
    ----------
    coefficient : Estimate
        In points, with its standard error and df; its df also serve the interval of g.
    sd : float
        S, of the unadjusted outcome.
    clustering : Clustering
        `individual`, `both_arms_grouped` or `treated_arm_grouped`.
    covariates : int
        q.
    models_groups : bool
        The model handles the grouping: K = gamma; else K = eta.

    Raises
    ------
    EstimationError
        The estimate has no standard error, or no degree of freedom is left.
    """
    h = clustering.h - covariates
    if not coefficient.se > 0 or not coefficient.df > 0 or h <= 0:
        raise EstimationError(t("compare.no_variation", method=coefficient.method))
    factor = clustering.omega * np.sqrt(clustering.gamma) / sd
    g = factor * coefficient.value
    K = clustering.gamma if models_groups else clustering.eta
    se = np.sqrt((coefficient.se / sd) ** 2 * K + g**2 / (2 * h))
    return t_estimate(
        g, se, coefficient.df, level=coefficient.level, method=coefficient.method,
        variant=_variant(clustering), n_treated=coefficient.n_treated, n_control=coefficient.n_control,
        clusters_treated=coefficient.clusters_treated, clusters_control=coefficient.clusters_control,
        aside={**_terms(clustering), "factor": float(factor)},
    )  # fmt: skip


def total_variance_g(coefficient: Estimate, between: float, within: float) -> Estimate:
    """Effect over the total standard deviation, sqrt(between + within) of a model without covariates.

    What the Education Endowment Foundation reports. The interval is that of the coefficient, rescaled.

    Raises
    ------
    EstimationError
        The total variance is zero.
    """
    total = np.sqrt(between + within)
    if not total > 0:
        raise EstimationError(t("compare.no_spread"))
    return Estimate(
        coefficient.value / total, coefficient.se / total, coefficient.df, coefficient.low / total,
        coefficient.high / total, coefficient.level, coefficient.p, coefficient.method, "eef_total",
        coefficient.n_treated, coefficient.n_control, coefficient.clusters_treated,
        coefficient.clusters_control, {"between": between, "within": within},
    )  # fmt: skip


def glass_delta(outcome: ArrayLike, treated: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Difference of means over the control arm's standard deviation, without small-sample correction.

    References
    ----------
    L. V. Hedges, I. Olkin (1985), Statistical Methods for Meta-Analysis (standard error, equal variances).

    Examples
    --------
    >>> round(glass_delta([12.0, 15, 14, 17, 9, 11, 12, 10], [1, 1, 1, 1, 0, 0, 0, 0]).value, 3)
    3.098
    """
    data = arms(outcome, treated)
    require_variation(data)
    one, zero = data.outcome[data.treated], data.outcome[~data.treated]
    if len(zero) < 2 or np.ptp(zero) == 0:
        raise EstimationError(t("compare.no_spread"))
    delta = (one.mean() - zero.mean()) / zero.std(ddof=1)
    se = np.sqrt(1 / len(one) + 1 / len(zero) + delta**2 / (2 * (len(zero) - 1)))
    return t_estimate(
        delta, se, len(zero) - 1, level=level, method="glass_delta", variant="control_sd", **data.counts()
    )


def cox_index(treated: Count, control: Count, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Difference of two proportions as a standardised effect: omega·[logit(pT) - logit(pC)]/1.65.

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    EstimationError
        A proportion is 0 or 1: the index is undefined.

    Examples
    --------
    >>> print(cox_index(Count(41, 50), Count(30, 48)))
    +0.605, 95% CI +0.046 to +1.163
    """
    for count in (treated, control):
        if count.total == 0:
            raise EmptyArmError(t("compare.nobody_counted"))
        if count.met in (0, count.total):
            raise EstimationError(t("compare.cox_undefined", share=f"{count.share:.0%}"))
    N = treated.total + control.total
    omega = individual(treated.total, control.total).omega
    logits = [np.log(c.share / (1 - c.share)) for c in (treated, control)]
    se = np.sqrt(sum(1 / c.met + 1 / (c.total - c.met) for c in (treated, control)))
    return t_estimate(
        omega * (logits[0] - logits[1]) / COX, omega * se / COX, np.inf, level=level, method="cox_index",
        variant="cox", n_treated=treated.total, n_control=control.total, aside={"omega": omega, "N": N},
    )  # fmt: skip


def improvement_index(g: float) -> float:
    """Percentile points by which the middle control learner would move: 100·Φ(g) - 50.

    Examples
    --------
    >>> round(improvement_index(0.25), 1)
    9.9
    """

    return float(100 * normal_below(g) - 50)


def exact_j(df: float) -> float:
    """Hedges' exact small-sample factor, Γ(df/2) / (sqrt(df/2)·Γ((df - 1)/2)).

    Examples
    --------
    >>> round(exact_j(53), 12)
    0.98577071342
    """
    from scipy.special import gammaln

    if df <= 1:
        raise EstimationError(t("compare.too_few_learners", n=int(df) + 2, k=3))
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))


def _d(data: Arms) -> float:
    difference = data.outcome[data.treated].mean() - data.outcome[~data.treated].mean()
    return float(difference / pooled_sd(data))


def _noncentral_limits(statistic: float, df: float, level: float) -> tuple[float, float]:
    """Noncentrality whose distribution puts the statistic at the upper, then the lower, tail."""
    from scipy.optimize import brentq
    from scipy.stats import nct

    # Left of its mirror image the tail is computed where it is small: nct loses digits near 1.
    tail, half = (1 - level) / 2, normal_quantile(0.5 + level / 2)
    reach = half * np.sqrt(1 + statistic**2 / (2 * df)) * 2 + 2
    low = brentq(lambda m: nct.sf(statistic, df, m) - tail, statistic - reach, statistic, xtol=1e-12)
    high = brentq(lambda m: nct.cdf(statistic, df, m) - tail, statistic, statistic + reach, xtol=1e-12)
    return float(low), float(high)


def _variant(clustering: Clustering) -> str:
    return "wwc" if (clustering.gamma, clustering.eta) == (1.0, 1.0) else "wwc_cluster"


def _terms(clustering: Clustering) -> dict[str, float]:
    return {
        "gamma": clustering.gamma,
        "eta": clustering.eta,
        "h": clustering.h,
        "omega": clustering.omega,
        "icc": clustering.icc,
    }
