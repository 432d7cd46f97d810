"""Two sides of one group set side by side: the ratio of two shares, the difference of two means."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.intervals import t_quantile

_ROUNDING = 1e-12


def ratio_interval(
    above: tuple[ArrayLike, ArrayLike, ArrayLike], below: tuple[ArrayLike, ArrayLike, ArrayLike]
) -> tuple[NDArray, NDArray]:
    """Interval of the ratio of two shares, recovered from the interval of each.

    Parameters
    ----------
    above, below : tuple of array_like
        Value, low and high of the share above the line and of the one below it; of different learners.

    Returns
    -------
    tuple of ndarray
        Low and high, at the level of the two; nan where the share below is 0: the ratio has no end.

    References
    ----------
    A. Donner, G. Y. Zou (2012), Statistical Methods in Medical Research 21, 347-359; R. G. Newcombe (2016),
    Statistical Methods in Medical Research 25, 1774-1778 (MOVER-R).

    Examples
    --------
    >>> from flipstats.intervals import wilson
    >>> low, high = ratio_interval((0.3, *wilson(30, 100)), (0.2, *wilson(20, 100)))
    >>> f"{low:.2f} to {high:.2f}"
    '0.92 to 2.45'
    """
    (p1, l1, u1), (p0, l0, u0) = (tuple(np.asarray(a, float) for a in part) for part in (above, below))
    both = p1 * p0
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.sqrt(np.maximum(both**2 - l1 * u0 * (2 * p1 - l1) * (2 * p0 - u0), 0))
        far = np.sqrt(np.maximum(both**2 - u1 * l0 * (2 * p1 - u1) * (2 * p0 - l0), 0))
        # (both − near) / (u0 · (2·p0 − u0)), written so that nothing cancels where u0 is 2·p0
        low = np.where(l1 > 0, l1 * (2 * p1 - l1) / (both + near), 0.0)
        high = (both + far) / (l0 * (2 * p0 - l0))
    known = (p0 > 0) & (l0 > 0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def difference_clustered(
    one: ArrayLike, other: ArrayLike, clusters: ArrayLike, others: ArrayLike, level: float = CONFIDENCE_LEVEL
) -> tuple[float, float]:
    """Interval of the difference of two means of values in clusters, perhaps the same on both sides.

    Parameters
    ----------
    one, other : array_like
        The values of each side.
    clusters, others : array_like
        Whose each value is, on each side.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of float
        Low and high of the mean of `one` less that of `other`; nan with fewer than two clusters in all, an
        empty side, or no variance. Linearised variance of the difference, t with (clusters − 1) df.

    References
    ----------
    Equal to R's ``survey::svyglm(value ~ side, svydesign(ids = ~cluster))`` with ``confint(…, ddf =
    clusters − 1)``; see tests/reference/difference.R.

    Examples
    --------
    >>> low, high = difference_clustered([0.9, 0.7, 0.8], [0.4, 0.6], [*"abc"], [*"ad"])
    >>> f"{low:.3f} to {high:.3f}"
    '-0.078 to 0.678'
    """
    one, other = np.asarray(one, float), np.asarray(other, float)
    if not (len(one) and len(other)):
        return float("nan"), float("nan")
    codes = np.unique([*clusters, *others], return_inverse=True)[1]
    pull = np.concatenate([(one - one.mean()) / len(one), (other.mean() - other) / len(other)])
    sums = np.bincount(codes, weights=pull)
    count = len(sums)
    if count < 2 or not np.abs(sums).max() > _ROUNDING:
        return float("nan"), float("nan")
    half = float(t_quantile(level, count - 1)) * np.sqrt(count / (count - 1) * np.square(sums).sum())
    middle = one.mean() - other.mean()
    return float(middle - half), float(middle + half)
