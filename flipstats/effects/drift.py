"""Regression to the mean: how far a band of learners moves with no teaching at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.effects.distributions import normal_above, normal_below, normal_density
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a band of learners moves with no teaching at all, and how far it moved.

    Attributes
    ----------
    expected, observed : float
        Mean change from baseline to outcome; positive is upwards.
    correlation, spread : float
        Between baseline and outcome, and standard deviation of the baseline.
    lower, upper : float
        Limits of the band in standard deviations from the mean of the baseline.
    n : int
        Learners of the band.
    """

    expected: float
    observed: float
    correlation: float
    spread: float
    lower: float
    upper: float
    n: int


def expected_drift(
    correlation: float, spread: float, *, lower: float = -INFINITE, upper: float = INFINITE
) -> float:
    """Mean change that regression to the mean alone gives a band, positive upwards.

    Parameters
    ----------
    correlation : float
        Between two measures of the same learners, in [-1, 1].
    spread : float
        Standard deviation of the measure that the band was cut on.
    lower, upper : float
        Limits of the band, in standard deviations from the mean.

    Raises
    ------
    ParameterError
        `lower` is not below `upper`, `correlation` is outside [-1, 1], or `spread` is negative.

    References
    ----------
    Gardner and Heady (1973), Journal of Chronic Diseases 26, 781-795: two normal measures of equal spread.
    The lowest band moves up by (1 − r)·sd·φ(z)/Φ(z); the highest moves down by as much.

    Examples
    --------
    >>> round(expected_drift(0.5, 10, upper=-0.6745), 2), round(expected_drift(0.5, 10, lower=0.6745), 2)
    (6.36, -6.36)
    """

    if not (lower < upper and -1 <= correlation <= 1 and spread >= 0):
        raise ParameterError(t("effects.bad_drift"))
    # In the upper tail both probabilities are near 1: the mirror image keeps their difference exact.
    mass = (
        normal_below(upper) - normal_below(lower) if lower < 0 else normal_above(lower) - normal_above(upper)
    )
    return float((1 - correlation) * spread * (normal_density(upper) - normal_density(lower)) / mass)


def regression_to_mean(
    baseline: ArrayLike, outcome: ArrayLike, *, lower: float = -INFINITE, upper: float = INFINITE
) -> Drift:
    """Drift expected and observed in a band of learners whom nothing was done for: the control arm.

    Parameters
    ----------
    baseline, outcome : (n,) numbers
        The same learners, the same scale.
    lower, upper : float
        Limits of the band in units of the baseline, lower excluded, upper included.

    Raises
    ------
    ParameterError
        Lengths differ, a value is missing, or nobody lies in the band.
    EstimationError
        Fewer than three learners, or a measure that does not vary.

    Examples
    --------
    >>> print(round(regression_to_mean([1, 2, 3, 4, 5], [3, 2, 3, 5, 4], upper=2).expected, 3))
    0.601
    """
    x, y = np.asarray(baseline, dtype=float), np.asarray(outcome, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise ParameterError(t("compare.lengths_differ", name="baseline", found=x.size, expected=y.size))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        missing = int((~np.isfinite(x) | ~np.isfinite(y)).sum())
        raise ParameterError(t("compare.missing_values", name="baseline, outcome", n=missing))
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise EstimationError(t("effects.no_variation"))
    inside = (x > lower) & (x <= upper)
    if not inside.any():
        raise ParameterError(t("effects.bad_drift"))
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
    spread = float(x.std(ddof=1))
    low, high = float((lower - x.mean()) / spread), float((upper - x.mean()) / spread)
    observed = float((y - x)[inside].mean())
    expected = expected_drift(r, spread, lower=low, upper=high)
    return Drift(expected, observed, r, spread, low, high, int(inside.sum()))
