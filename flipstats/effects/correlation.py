"""Whether two things rise together: Spearman's rank correlation, with an interval."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.results import Interval, check_level

_FEWEST = 4  # the standard error has n − 3 below


def spearman(x: ArrayLike, y: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Interval | None:
    """Spearman's rank correlation of pairs, ties at their mean rank.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        The pairs.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval or None
        In [−1, 1]; None with fewer than four pairs, or where one side does not vary. Fisher's z with the
        standard error of Bonett and Wright. At exactly 1 or −1 the far end is that of the nearest
        correlation that n pairs could have had instead, since z is infinite there and says nothing.

    References
    ----------
    D. G. Bonett, T. A. Wright (2000), Psychometrika 65, 23-28. The correlation is that of
    ``scipy.stats.spearmanr``.

    Examples
    --------
    >>> found = spearman([1, 2, 3, 4, 5, 6, 7, 8], [8, 6, 7, 5, 4, 3, 1, 2])
    >>> f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
    '-0.952 [-0.994, -0.664]'
    """
    check_level(level)
    first, second = _ranks(np.asarray(x, float)), _ranks(np.asarray(y, float))
    n = len(first)
    if n < _FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    value = float(np.clip(np.corrcoef(first, second)[0, 1], -1, 1))
    nearest = 1 - 12 / (n * (n**2 - 1))
    near = float(np.clip(value, -nearest, nearest))
    half = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt((1 + near**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(near) + np.array([-half, half]))
    return Interval(value, min(float(low), value), max(float(high), value), level)


def _ranks(values: NDArray) -> NDArray:
    """Return the rank of each value from 1 on, that of equal ones their mean."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(times) - (times - 1) / 2)[place]
