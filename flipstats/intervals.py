"""Uncertainty of shares, means and quantiles, for learners who come in groups.

Plain arithmetic on arrays: one call serves many groups at once. Where several cells belong to one learner, or
learners to one cohort, the interval is that of a ratio of sums by cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.conventions import BOOTSTRAP_SEED, CONFIDENCE_LEVEL, DEFAULTS

_CELLS_AT_ONCE = 4_000_000  # 32 MB a matrix
_BOOTSTRAP_WORK = 50_000_000  # draws × cells; beyond it fewer draws, never fewer than _FEWEST_DRAWS
_FEWEST_DRAWS = 200


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Sums over clusters of a numerator y and a denominator m; each attribute has one entry a group.

    Attributes
    ----------
    clusters : ndarray
        How many clusters have a denominator above 0.
    y, m : ndarray
        Sums of the clusters' numerators and denominators; y / m is the share or mean.
    yy, ym, mm : ndarray
        Sums over clusters of y², y·m and m².
    """

    clusters: NDArray
    y: NDArray
    m: NDArray
    yy: NDArray
    ym: NDArray
    mm: NDArray

    @classmethod
    def of(cls, y: ArrayLike, m: ArrayLike) -> ClusterSums:
        """Sum one group's clusters, given each cluster's numerator and denominator.

        Examples
        --------
        >>> float(ClusterSums.of([1, 2], [2, 2]).ym)
        6.0
        """
        y, m = np.asarray(y, float), np.asarray(m, float)
        return cls(*(np.asarray(s) for s in ((m > 0).sum(), y.sum(), m.sum(), y @ y, y @ m, m @ m)))

    @property
    def singles(self) -> NDArray:
        """Whether each cluster has exactly one cell (so that nothing is grouped)."""
        return (self.mm == self.m) & (self.m == self.clusters)

    @property
    def effective_clusters(self) -> NDArray:
        """How many clusters of one size would weigh as evenly: (Σm)² / Σm², at most `clusters`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.m > 0, self.m**2 / self.mm, 0.0)

    def variance(self) -> NDArray:
        """Linearised variance of y / m, nan where it cannot be told (fewer than two clusters).

        Clusters are taken as drawn with replacement, the G / (G − 1) of Taylor linearisation included: the
        variance R's ``survey::svyratio`` gives for ``svydesign(ids = ~cluster)``.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.y / self.m
            squares = np.maximum(self.yy - 2 * ratio * self.ym + ratio**2 * self.mm, 0.0)
            return np.where(
                self.clusters > 1, self.clusters / (self.clusters - 1.0) * squares / self.m**2, np.nan
            )


def wilson(
    numerator: ArrayLike, denominator: ArrayLike, level: float = CONFIDENCE_LEVEL
) -> tuple[NDArray, NDArray]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    numerator, denominator : array_like, same shape
        Counts; they may be effective counts, not whole.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of ndarray
        Low and high, in [0, 1]; nan where the denominator is 0.

    References
    ----------
    E. B. Wilson (1927), JASA 22, 209-212. Equal to ``statsmodels`` ``proportion_confint(method="wilson")``.

    Examples
    --------
    >>> low, high = wilson(41, 50)
    >>> f"{low:.3f} to {high:.3f}"
    '0.692 to 0.902'
    """
    y, n = np.asarray(numerator, float), np.asarray(denominator, float)
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = y / n
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(np.maximum(p * (1 - p), 0) / n + z**2 / (4 * n**2))
        low = np.where(y <= 0, 0.0, np.maximum(middle - half, 0.0))
        high = np.where(y >= n, 1.0, np.minimum(middle + half, 1.0))
    known = n > 0
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def effective_size(sums: ClusterSums, level: float = CONFIDENCE_LEVEL) -> NDArray:
    """How many independent learners would tell as much about a share as these grouped cells do.

    p(1 − p) over the linearised variance, times (t with m − 1 df over t with G − 1 df) squared for the few
    clusters G the variance comes from, never above m. Where the share is 0 or 1 the variance says nothing,
    and the clusters are counted instead; so too with a single cluster. Clusters of unequal size count as
    fewer (`ClusterSums.effective_clusters`).

    References
    ----------
    E. L. Korn, B. I. Graubard (1998), Survey Methodology 24, 193-201; the ``n.eff`` of R's
    ``survey::svyciprop(method = "beta")`` where clusters are of one size. A. V. Carter, K. T. Schnepel,
    D. G. Steigerwald (2017), Review of Economics and Statistics 99, 698-709, on unequal clusters.
    """
    clusters = sums.effective_clusters
    with np.errstate(divide="ignore", invalid="ignore"):
        p = sums.y / sums.m
        size = p * (1 - p) / sums.variance()
        size = size * (t_quantile(level, sums.m - 1) / t_quantile(level, clusters - 1)) ** 2
        size = np.where(np.isnan(size) | (p <= 0) | (p >= 1), clusters, np.minimum(size, sums.m))
    return np.where(sums.m > 0, size, 0.0)


def wilson_clustered(sums: ClusterSums, level: float = CONFIDENCE_LEVEL) -> tuple[NDArray, NDArray]:
    """Wilson's interval of a share of cells that belong to clusters, by its effective size.

    Parameters
    ----------
    sums : ClusterSums
        One entry a group.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of ndarray
        Low and high, in [0, 1]; nan where there is no cell. Plain Wilson where each cluster has one cell.

    References
    ----------
    N. Dean, M. Pagano (2015), Journal of Survey Statistics and Methodology 3, 484-503, on Wilson's
    interval with the effective size of `effective_size`.

    Examples
    --------
    Three learners with four resources each are not twelve independent ones:

    >>> sums = ClusterSums.of([4, 4, 0], [4, 4, 4])
    >>> ["{:.2f} {:.2f}".format(*f(*a)) for f, a in ((wilson, (8, 12)), (wilson_clustered, (sums,)))]
    ['0.39 0.86', '0.05 0.99']
    """
    size = np.where(sums.singles, sums.m, effective_size(sums, level))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(sums.m > 0, sums.y / sums.m, 0.0)
    return wilson(p * size, size, level)


def t_clustered(sums: ClusterSums, level: float = CONFIDENCE_LEVEL) -> tuple[NDArray, NDArray]:
    """Interval of a mean of values that belong to clusters: t with (effective clusters − 1) df.

    Parameters
    ----------
    sums : ClusterSums
        y sums values, m counts them; one entry a group.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of ndarray
        Low and high; nan with fewer than two clusters. The usual t interval where each cluster has one value.

    References
    ----------
    R's ``survey::svymean`` with ``confint(…, df = degf(design))`` where clusters are of one size; with one
    value a cluster, ``t.test``.

    Examples
    --------
    >>> low, high = t_clustered(ClusterSums.of([0.2, 0.6, 0.7], [1, 1, 1]))
    >>> f"{low:.3f} to {high:.3f}"
    '-0.157 to 1.157'
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums.y / sums.m
        half = t_quantile(level, sums.effective_clusters - 1) * np.sqrt(sums.variance())
    return mean - half, mean + half


def bootstrap_quantiles(
    values: ArrayLike,
    clusters: ArrayLike,
    shares: tuple[float, ...],
    draws: int = DEFAULTS.bootstrap_draws,
    seed: int = BOOTSTRAP_SEED,
) -> NDArray:
    """Draw the quantiles of resampled data, whole clusters resampled.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value a cell, finite.
    clusters : array_like, shape (n,)
        The cluster of each cell.
    shares : tuple of float
        Which quantiles, e.g. ``(0.25, 0.5, 0.75)``; linear between order statistics.
    draws : int
        How many resamples. Above 50 million cells in all fewer are drawn, never fewer than 200.
    seed : int
        The same data give the same draws, whatever their order and whatever the clusters are called.

    Returns
    -------
    ndarray, shape (draws, len(shares))

    Notes
    -----
    With one value a cluster the order statistics of a resample are those of uniform ranks, drawn directly:
    the same distribution without resampling.

    References
    ----------
    B. Efron, R. Tibshirani (1993), An Introduction to the Bootstrap, ch. 13; A. C. Davison, D. V. Hinkley
    (1997), Bootstrap Methods and their Application, section 3.8, for whole clusters.

    Examples
    --------
    >>> bootstrap_quantiles([1, 2, 3, 4, 50], [1, 2, 3, 4, 5], (0.5,), draws=4).shape
    (4, 1)
    """
    values = np.asarray(values, float)
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1]
    order = np.argsort(values, kind="stable")
    values, codes = values[order], codes[order]
    rng = np.random.default_rng(seed)
    count = int(codes.max()) + 1
    if count == len(values):
        return single_quantiles(values[None], shares, draws, seed)[0]
    draws = min(draws, max(_FEWEST_DRAWS, _BOOTSTRAP_WORK // len(values)))
    codes = _canonical(values, codes, count)
    chunk = max(1, _CELLS_AT_ONCE // len(values))
    parts = [
        _cluster_draws(values, codes, count, shares, min(chunk, draws - start), rng)
        for start in range(0, draws, chunk)
    ]
    return np.concatenate(parts)


def single_quantiles(
    values: NDArray,
    shares: tuple[float, ...],
    draws: int = DEFAULTS.bootstrap_draws,
    seed: int = BOOTSTRAP_SEED,
) -> NDArray:
    """Draw as `bootstrap_quantiles` does for many groups of one size at once, with one value a cluster.

    Parameters
    ----------
    values : ndarray, shape (groups, n)
        Each group in ascending order.

    Returns
    -------
    ndarray, shape (groups, draws, len(shares))

    Examples
    --------
    >>> single_quantiles(np.array([[1.0, 2.0, 9.0], [0.0, 0.0, 0.0]]), (0.5,), draws=4).shape
    (2, 4, 1)
    """
    n = values.shape[1]
    below = [int((n - 1) * share) for share in shares]
    ranks = sorted({rank for k in below for rank in (k + 1, min(k + 2, n))})
    steps = np.diff([0, *ranks, n + 1])
    drawn = np.random.default_rng(seed).standard_gamma(steps, size=(draws, len(steps)))
    gaps = np.cumsum(drawn, axis=1)
    places = np.minimum((gaps[:, :-1] / gaps[:, -1:] * n).astype(np.int64), n - 1)
    column = {rank: values[:, places[:, i]] for i, rank in enumerate(ranks)}
    return np.stack(
        [
            _between(column[k + 1], column[min(k + 2, n)], (n - 1) * share - k)
            for share, k in zip(shares, below, strict=True)
        ],
        axis=-1,
    )


def percentile_interval(draws: NDArray, level: float = CONFIDENCE_LEVEL) -> tuple[NDArray, NDArray]:
    """Return the percentile interval of bootstrap draws, along their first axis.

    Examples
    --------
    >>> low, high = percentile_interval(np.arange(1001.0), 0.9)
    >>> round(float(low), 6), round(float(high), 6)
    (50.0, 950.0)
    """
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _canonical(values: NDArray, codes: NDArray, count: int) -> NDArray:
    """Number clusters by what they hold, so that names and row order do not change the draws."""
    size = np.bincount(codes, minlength=count)
    total = np.bincount(codes, weights=values, minlength=count)
    places = np.searchsorted(values, values).astype(float)  # of equal values the same one, in whatever order
    ranks = np.bincount(codes, weights=places**2, minlength=count)
    number = np.empty(count, dtype=np.int64)
    number[np.lexsort((ranks, total, size))] = np.arange(count)
    return number[codes]


def _cluster_draws(
    values: NDArray,
    codes: NDArray,
    count: int,
    shares: tuple[float, ...],
    draws: int,
    rng: np.random.Generator,
) -> NDArray:
    picked = rng.integers(0, count, size=(draws, count)) + count * np.arange(draws)[:, None]
    weights = np.bincount(picked.ravel(), minlength=draws * count).reshape(draws, count)
    reached = np.cumsum(weights[:, codes], axis=1)
    out = np.empty((draws, len(shares)))
    for j, share in enumerate(shares):
        position = (reached[:, -1] - 1) * share
        k = position.astype(np.int64)
        first = (reached <= k[:, None]).sum(axis=1)
        second = (reached <= np.minimum(k + 1, reached[:, -1] - 1)[:, None]).sum(axis=1)
        out[:, j] = _between(values[first], values[second], position - k)
    return out


def _between(low: NDArray, high: NDArray, weight: ArrayLike) -> NDArray:
    return low + (high - low) * weight


def normal_quantile(level: float) -> float:
    """Return how many standard deviations hold `level` of a normal law around its middle."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    return NormalDist().inv_cdf((1 + level) / 2)


def t_quantile(level: float, df: ArrayLike) -> NDArray:
    """Return the same for Student's law; nan without degrees of freedom."""
    from scipy.special import stdtrit

    df = np.asarray(df, float)
    return stdtrit(np.where(df > 0, df, np.nan), (1 + level) / 2)
