"""How sure is it that a share lies above its threshold, when many shares were looked at.

Plain arithmetic on arrays. The interval of an answer tells how much independent evidence stands behind it;
from that comes an exact lower bound at any error, also the small one that is left to each of many looks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.intervals import normal_quantile, t_quantile


def told_size(value: ArrayLike, low: ArrayLike, high: ArrayLike, level: float) -> NDArray:
    """Return how many independent learners would give Wilson's interval `low` to `high` for a share.

    Wilson's interval is found back exactly: its width, for a given share, falls with the size.

    Returns
    -------
    ndarray
        The effective size, not necessarily whole; nan where there is no interval.

    Examples
    --------
    >>> from flipstats.intervals import wilson
    >>> low, high = wilson(41, 50)
    >>> round(float(told_size(41 / 50, low, high, 0.95)), 6)
    50.0
    """
    p = np.asarray(value, float)
    square = (np.asarray(high, float) - np.asarray(low, float)) ** 2
    z = normal_quantile(level)
    # With u = z²/n the width w obeys w²(1 + u)² = 4p(1 − p)u + u², and u is its positive root.
    linear = 4 * p * (1 - p) - 2 * square
    with np.errstate(divide="ignore", invalid="ignore"):
        u = (-linear + np.sqrt(linear**2 + 4 * (1 - square) * square)) / (2 * (1 - square))
        return z**2 / u


def sharpened(size: ArrayLike, clusters: ArrayLike, level: float, error: float) -> NDArray:
    """Return the effective size for a bound at a smaller error than the interval it was told by.

    A variance from few clusters is itself uncertain, and the more so the farther one looks into the tail:
    the size is multiplied by (t with G − 1 df over z)² at `level`, over the same at `error`.

    Parameters
    ----------
    size : array_like
        As `told_size` gives it.
    clusters : array_like
        How many clusters G its variance came from.
    level, error : float
        Two-sided level of the interval; one-sided error of the bound.

    References
    ----------
    E. L. Korn, B. I. Graubard (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    >>> round(float(sharpened(30.0, 10, 0.95, 0.001)), 1)
    20.7
    """
    df = np.maximum(np.asarray(clusters, float) - 1, 1)
    told = t_quantile(level, df) / normal_quantile(level)
    asked = t_quantile(1 - 2 * error, df) / normal_quantile(1 - 2 * error)
    return np.asarray(size, float) * np.minimum((told / asked) ** 2, 1.0)


def lower_bound(value: ArrayLike, size: ArrayLike, error: ArrayLike) -> NDArray:
    """Return the exact (Clopper and Pearson) one-sided lower bound of a share of effective size.

    Parameters
    ----------
    value, size : array_like
        Share in 0-1 and effective size.
    error : array_like
        Chance, at most, that the bound lies above the truth; in (0, 1).

    Returns
    -------
    ndarray
        In 0-1; nan where the share or its size is not known.

    References
    ----------
    C. J. Clopper, E. S. Pearson (1934), Biometrika 26, 404-413; with an effective size, Korn and Graubard.

    Examples
    --------
    >>> round(float(lower_bound(1.0, 10, 0.05)), 4)  # 0.05 ** (1 / 10)
    0.7411
    """
    from scipy.special import betaincinv

    p, n = np.asarray(value, float), np.asarray(size, float)
    hits = p * n
    with np.errstate(invalid="ignore"):
        bound = betaincinv(np.maximum(hits, 1e-12), n - hits + 1, error)
        return np.where(np.isnan(p) | ~(n > 0), np.nan, np.where(hits <= 0, 0.0, bound))


def severity(value: ArrayLike, threshold: ArrayLike) -> NDArray:
    """Return how much of the room above its threshold a share fills: 0 at the threshold, 1 where all fail.

    Negative below the threshold.

    Examples
    --------
    >>> float(severity(1.0, 0.1)), float(severity(0.4, 0.4)), float(severity(0.25, 0.5))
    (1.0, 0.0, -0.5)
    """
    over = np.asarray(threshold, float)
    return (np.asarray(value, float) - over) / (1 - over)
