"""Differences of means and of location between two arms of individually assigned learners."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms, Floats, arms, require_variation
from flipstats.effects.distributions import normal_above, normal_quantile
from flipstats.effects.linear import LeastSquares, least_squares
from flipstats.effects.results import Estimate, check_level, t_estimate
from flipstats.errors import EstimationError
from flipstats.i18n import t

_PAIRS_AT_ONCE = 4_000_000  # above it the pairwise differences are counted, never listed
_EXACT_BELOW = 50  # learners per arm; R's rule for the exact distribution, where there are no ties


def welch(outcome: ArrayLike, treated: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Difference of means, treated minus control, with Welch's t.

    Parameters
    ----------
    outcome : (n,) array
    treated : (n,) array of bool or 0/1
    level : float
        Confidence level.

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    EstimationError
        An arm has one learner, or nothing varies.

    References
    ----------
    B. L. Welch (1947), Biometrika 34, 28-35. Equal to R's ``t.test``.

    Examples
    --------
    >>> print(welch([12.0, 15, 14, 17, 9, 11, 12, 10], [1, 1, 1, 1, 0, 0, 0, 0]))
    +4.000, 95% CI +0.854 to +7.146
    """
    data = arms(outcome, treated)
    one, zero = _samples(data)
    v1, v0 = one.var(ddof=1) / len(one), zero.var(ddof=1) / len(zero)
    se2 = v1 + v0
    df = se2**2 / (v1**2 / (len(one) - 1) + v0**2 / (len(zero) - 1)) if se2 > 0 else np.nan
    return t_estimate(
        one.mean() - zero.mean(),
        np.sqrt(se2),
        df,
        level=level,
        method="welch",
        variant="raw",
        **data.counts(),
    )


def mannwhitney(outcome: ArrayLike, treated: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Hodges-Lehmann shift (median of all pairwise differences) with the Mann-Whitney test.

    p and interval are exact below 50 learners an arm without ties, else by the normal approximation with tie
    and continuity correction. `aside` has U, the probability of superiority and Cliff's delta.

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    EstimationError
        The outcome is constant.

    References
    ----------
    Equal to R's ``wilcox.test(conf.int = TRUE)``, whose asymptotic limits are rounded to 1e-4.

    Examples
    --------
    >>> print(mannwhitney([12.0, 15, 14, 17, 9, 11, 12.5, 10], [1, 1, 1, 1, 0, 0, 0, 0]))
    +4.000, 95% CI −0.500 to +8.000
    """
    check_level(level)
    data = arms(outcome, treated)
    require_variation(data)
    one, zero = np.sort(data.outcome[data.treated]), np.sort(data.outcome[~data.treated])
    tied = len(np.unique(data.outcome)) < len(data.outcome)
    exact = max(len(one), len(zero)) < _EXACT_BELOW and not tied
    pairs = len(one) * len(zero)
    below, upto = (int(np.searchsorted(zero, one, side=side).sum()) for side in ("left", "right"))
    U = (below + upto) / 2
    chance = _chance_of_ranks(len(one), len(zero)) if exact else None
    low_rank = _exact_rank(chance, level) if exact else _normal_rank(data, level)
    p = _exact_p(chance, U) if exact else _normal_p(data.outcome, U, len(one), len(zero))
    middle = [_pair(one, zero, k) for k in {(pairs - 1) // 2, pairs // 2}]
    superiority = U / pairs
    return Estimate(
        value=float(np.mean(middle)), se=np.nan, df=np.nan,
        low=_pair(one, zero, low_rank - 1) if low_rank > 0 else -np.inf,
        high=_pair(one, zero, pairs - low_rank) if low_rank > 0 else np.inf,
        level=level, p=p, method="mannwhitney", variant="hodges_lehmann", **data.counts(),
        aside={"U": U, "prob_superiority": superiority,
               "cliffs_delta": 2 * superiority - 1},
    )  # fmt: skip


def ancova_hc3(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Adjusted difference of means by least squares, HC3 standard error, t with n - 2 - q df.

    Parameters
    ----------
    outcome : (n,) array
    treated : (n,) array of bool or 0/1
    covariates : (n, q) array, optional
        Main effects.
    level : float
        Confidence level.

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    EstimationError
        Constant outcome, a covariate that repeats others, too few learners.

    References
    ----------
    J. S. Long, L. H. Ervin (2000), The American Statistician 54, 217-224. Equal to R's
    ``sandwich::vcovHC(type = "HC3")`` with t quantiles.

    Examples
    --------
    >>> pre = [10.0, 13, 11, 16, 9, 10, 13, 12]
    >>> print(ancova_hc3([12.0, 15, 14, 17, 9, 11, 12, 10], [1, 1, 1, 1, 0, 0, 0, 0], covariates=pre))
    +2.984, 95% CI +0.805 to +5.162
    """
    return _ancova(outcome, treated, covariates, level, "hc3")


def ancova_hc2(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Adjusted difference of means as `ancova_hc3`, with the HC2 standard error."""
    return _ancova(outcome, treated, covariates, level, "hc2")


def _ancova(
    outcome: ArrayLike, treated: ArrayLike, covariates: ArrayLike | None, level: float, kind: str
) -> Estimate:
    data = arms(outcome, treated, covariates=covariates)
    require_variation(data)
    fit = least_squares(data.design(), data.outcome)
    intercept, b = fit.coefficients[:2]
    return t_estimate(
        b, np.sqrt(fit.covariance(kind)[1, 1]), fit.df, level=level,
        method=f"ancova_{kind}", variant="adjusted" if data.covariates.size else "raw", **data.counts(),
        aside={"adjusted_treated": float(intercept + b), "adjusted_control": float(intercept),
               "r2": _r2(fit, data.outcome)},
    )  # fmt: skip


def lin_hc2(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Average effect from a regression with the treatment interacted with centred covariates, HC2.

    Raises
    ------
    EmptyArmError
        An arm has nobody.
    EstimationError
        Constant outcome, a covariate that repeats others, too few learners.

    References
    ----------
    W. Lin (2013), Annals of Applied Statistics 7, 295-318. Equal to R's ``estimatr::lm_lin``.

    Examples
    --------
    >>> pre = [10.0, 13, 11, 16, 9, 10, 13, 12]
    >>> print(lin_hc2([12.0, 15, 14, 17, 9, 11, 12, 10], [1, 1, 1, 1, 0, 0, 0, 0], covariates=pre))
    +3.054, 95% CI +1.122 to +4.985
    """
    data = arms(outcome, treated, covariates=covariates)
    require_variation(data)
    design = data.design()
    fit = least_squares(np.column_stack([design, design[:, 2:] * data.treated[:, None]]), data.outcome)
    return t_estimate(
        fit.coefficients[1], np.sqrt(fit.covariance("hc2")[1, 1]), fit.df, level=level,
        method="lin_hc2", variant="adjusted" if data.covariates.size else "raw", **data.counts(),
    )  # fmt: skip


def paired_t(before: ArrayLike, after: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Estimate:
    """Mean change, after minus before, of the same learners; no control, so no effect of a programme.

    `aside` has the standardised changes ``dz`` (over the SD of changes) and ``dav`` (over the root of the
    mean of both variances), and ``r``, the correlation of both measures.

    Raises
    ------
    EstimationError
        Fewer than two learners, or no variation.
    """
    first = arms(np.r_[before, after], np.r_[np.zeros(len(before)), np.ones(len(after))])
    x, y = first.outcome[~first.treated], first.outcome[first.treated]
    if len(x) != len(y) or len(x) < 2:
        raise EstimationError(t("compare.too_few_learners", n=len(x), k=1))
    change = y - x
    sd, sds = change.std(ddof=1), (x.std(ddof=1), y.std(ddof=1))
    aside = {} if min(sd, *sds) == 0 else {
        "dz": float(change.mean() / sd), "dav": float(change.mean() / np.sqrt(np.mean(np.square(sds)))),
        "r": float(np.corrcoef(x, y)[0, 1]),
    }  # fmt: skip
    return t_estimate(
        change.mean(), sd / np.sqrt(len(x)), len(x) - 1, level=level, method="paired_t", variant="change",
        n_treated=len(x), n_control=0, aside=aside,
    )  # fmt: skip


def _samples(data: Arms) -> tuple[Floats, Floats]:
    require_variation(data)
    one, zero = data.outcome[data.treated], data.outcome[~data.treated]
    if min(len(one), len(zero)) < 2:
        raise EstimationError(t("compare.one_learner_in_arm"))
    return one, zero


def _r2(fit: LeastSquares, y: Floats) -> float:
    return float(1 - fit.residuals @ fit.residuals / ((y - y.mean()) @ (y - y.mean())))


def _chance_of_ranks(n1: int, n0: int) -> Floats:
    """Chance of each value of U, 0…n1·n0, where the arms are alike and nobody is tied."""
    ways = np.zeros(n1 * n0 + 1)
    ways[0] = 1.0
    for j in range(1, n1 + 1):  # Gaussian binomial coefficients
        for u in range(len(ways) - 1, n0 + j - 1, -1):
            ways[u] -= ways[u - n0 - j]
        for u in range(j, len(ways)):
            ways[u] += ways[u - j]
    return ways / ways.sum()


def _exact_rank(chance: Floats, level: float) -> int:
    # The largest k with P(U < k) <= alpha/2: the k-th smallest difference is the lower limit (R's rule).
    return max(int(np.searchsorted(np.cumsum(chance), (1 - level) / 2 * (1 - 1e-12))), 1)


def _exact_p(chance: Floats, U: float) -> float:
    lower = int(min(U, len(chance) - 1 - U))
    return float(min(2 * chance[: lower + 1].sum(), 1.0))


def _normal_p(outcome: Floats, U: float, n1: int, n0: int) -> float:
    n = n1 + n0
    same = np.unique(outcome, return_counts=True)[1].astype(float)
    sigma = np.sqrt(n1 * n0 / 12 * (n + 1 - (same**3 - same).sum() / (n * (n - 1))))
    return min(2 * normal_above((abs(U - n1 * n0 / 2) - 0.5) / float(sigma)), 1.0)


def _normal_rank(data: Arms, level: float) -> int:

    n1, n0 = data.n_treated, data.n_control
    n = n1 + n0
    # Ties inside an arm stay when the arm is shifted; ties between arms do not.
    ties = sum(
        float((c.astype(float) ** 3 - c).sum())
        for c in (
            np.unique(data.outcome[arm], return_counts=True)[1] for arm in (data.treated, ~data.treated)
        )
    )
    sigma = np.sqrt(n1 * n0 / 12 * (n + 1 - ties / (n * (n - 1))))
    return max(int(np.ceil(n1 * n0 / 2 - normal_quantile(0.5 + level / 2) * sigma - 0.5)), 0)


def _pair(one: Floats, zero: Floats, k: int) -> float:
    """Return the k-th smallest (from 0) of all differences one - zero; both sorted."""
    if len(one) * len(zero) <= _PAIRS_AT_ONCE:
        return float(np.partition(np.subtract.outer(one, zero).ravel(), k)[k])
    low, high = one[0] - zero[-1], one[-1] - zero[0]
    while (middle := (low + high) / 2) not in (low, high):
        # Pairs with one - zero <= middle, that is zero >= one - middle.
        below = int((len(zero) - np.searchsorted(zero, one - middle, side="left")).sum())
        low, high = (low, middle) if below > k else (middle, high)
        if high - low < 1e-12 * max(1.0, abs(high)):
            break
    return float(high)
