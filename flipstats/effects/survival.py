"""How long until something happens, where for some it has not happened yet: Kaplan and Meier's estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.conventions import BOOTSTRAP_SEED, DEFAULTS
from flipstats.intervals import t_quantile, wilson

_ROUNDING = 1e-12
_CELLS_AT_ONCE = 4_000_000  # 32 MB a matrix


def kaplan_meier(times: ArrayLike, happened: ArrayLike) -> tuple[NDArray, NDArray]:
    """Estimate the share for whom it has not happened yet.

    Parameters
    ----------
    times : array_like of float, shape (n,)
        How long each was watched, in any unit, at least 0.
    happened : array_like of bool, shape (n,)
        Whether it happened at that time, or had not when the watch ended (censored there).

    Returns
    -------
    tuple of ndarray
        The distinct times, and the share that remains after each.

    References
    ----------
    E. L. Kaplan, P. Meier (1958), JASA 53, 457-481. Equal to ``statsmodels`` ``SurvfuncRight``.

    Examples
    --------
    >>> times, left = kaplan_meier([2, 3, 3, 5], [True, True, False, False])
    >>> times.tolist(), left.tolist()
    ([2.0, 3.0, 5.0], [0.75, 0.5, 0.5])
    """
    times, happened = _in_order(times, happened)
    left = _remaining(np.ones((1, len(times))), happened)[0]
    distinct, first = np.unique(times, return_index=True)
    return distinct, left[np.append(first[1:], len(times)) - 1]


def remaining_share(
    times: ArrayLike, happened: ArrayLike, clusters: ArrayLike, level: float
) -> tuple[float, float, float]:
    """Return the share for whom it had not happened by the longest time, with an interval by cluster.

    Parameters
    ----------
    times, happened : array_like, shape (n,)
        As in `kaplan_meier`.
    clusters : array_like, shape (n,)
        Whose each time is.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of float
        Value, low and high, in [0, 1]; all nan without times. Wilson's interval with the effective size that
        the robust variance gives, as `intervals.wilson_clustered`; where nothing, or everything, happened the
        clusters are counted.

    References
    ----------
    The variance is the infinitesimal jackknife of R's ``survival::survfit`` with ``cluster``, times
    G / (G − 1): T. M. Therneau, survival package, vignette "Methods". Without censoring the interval is that
    of `wilson_clustered`.

    Examples
    --------
    >>> "{:.3f} {:.3f} {:.3f}".format(*remaining_share([2, 3, 9, 9], [1, 0, 0, 0], range(4), 0.95))
    '0.750 0.301 0.954'
    """
    order = np.lexsort((~np.asarray(happened, bool), np.asarray(times, float)))
    times, happened = _in_order(times, happened)
    if not len(times):
        return (float("nan"),) * 3
    value = float(_remaining(np.ones((1, len(times))), happened)[0, -1])
    codes, n = _by_first_place(np.asarray(clusters)[order]), len(times)
    pull = np.bincount(codes, weights=_influence(times, happened, value))
    effective = n**2 / np.square(np.bincount(codes)).sum()
    size, count = float(effective), len(pull)
    whole = count == n and not (~happened & (times < times[-1])).any()
    if whole:
        size = float(n)
    elif 0 < value < 1 and count > 1:
        variance = count / (count - 1) * np.square(pull).sum()
        shrink = float(t_quantile(level, n - 1) / t_quantile(level, effective - 1)) ** 2
        size = min(value * (1 - value) / variance * shrink, float(n))
    low, high = wilson(value * size, size, level)
    return value, float(low), float(high)


def _influence(times: NDArray, happened: NDArray, value: float) -> NDArray:
    """Return how much each one pulls the share that remains at the end (infinitesimal jackknife)."""
    _, place = np.unique(times, return_inverse=True)
    lost = np.bincount(place, weights=happened)
    at_risk = np.bincount(place)[::-1].cumsum()[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(lost < at_risk, 1 / (at_risk - lost), 0.0)
        taken = np.where(lost > 0, lost / at_risk * step, 0.0)
    return -value * (happened * step[place] - np.cumsum(taken)[place])


def median_time(times: ArrayLike, happened: ArrayLike) -> float:
    """Return the first time by which it has happened for at least half; nan where there is none yet.

    Examples
    --------
    >>> median_time([2, 6, 30], [True, True, False]), median_time([2, 30, 30], [True, False, False])
    (6.0, nan)
    """
    times, happened = _in_order(times, happened)
    found = _medians(np.ones((1, len(times))), times, happened)[0]
    return float(found) if np.isfinite(found) else float("nan")


def median_time_interval(
    times: ArrayLike,
    happened: ArrayLike,
    clusters: ArrayLike,
    level: float,
    draws: int = DEFAULTS.bootstrap_draws,
    seed: int = BOOTSTRAP_SEED,
) -> tuple[float, float]:
    """Return the bootstrap interval of `median_time`, whole clusters drawn again.

    Parameters
    ----------
    clusters : array_like, shape (n,)
        Whose each time is.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of float
        Low and high; both nan with one cluster, or where so many draws have no median that the upper end is
        not known.

    References
    ----------
    B. Efron (1981), "Censored data and the bootstrap", JASA 76, 312-319.

    Examples
    --------
    >>> median_time_interval([1, 2, 3, 4, 9], [True] * 5, range(5), 0.9)
    (1.0, 9.0)
    """
    order = np.lexsort((~np.asarray(happened, bool), np.asarray(times, float)))
    times, happened = _in_order(times, happened)
    codes = _by_first_place(np.asarray(clusters)[order])
    count = int(codes.max()) + 1
    if count < 2:
        return float("nan"), float("nan")
    rng, found = np.random.default_rng(seed), []
    chunk = max(1, _CELLS_AT_ONCE // len(times))
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        picked = rng.integers(0, count, size=(size, count)) + count * np.arange(size)[:, None]
        weights = np.bincount(picked.ravel(), minlength=size * count).reshape(size, count)
        found.append(_medians(weights[:, codes].astype(float), times, happened))
    medians = np.sort(np.concatenate(found))
    low = medians[int((1 - level) / 2 * (draws - 1))]
    high = medians[int(np.ceil((1 + level) / 2 * (draws - 1)))]
    return (float(low), float(high)) if np.isfinite(high) else (float("nan"), float("nan"))


def _by_first_place(clusters: NDArray) -> NDArray:
    """Number clusters in the order they appear, so that what they are called changes no draw."""
    _, first, codes = np.unique(clusters, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]


def _in_order(times: ArrayLike, happened: ArrayLike) -> tuple[NDArray, NDArray]:
    """Sort by time; what happened at a time comes before what was still open then."""
    times, happened = np.asarray(times, float), np.asarray(happened, bool)
    order = np.lexsort((~happened, times))
    return times[order], happened[order]


def _remaining(weights: NDArray, happened: NDArray) -> NDArray:
    """Return the share left after each time in order, for each row of weights."""
    at_risk = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    lost = np.divide(weights * happened, at_risk, out=np.zeros_like(weights), where=at_risk > 0)
    return np.cumprod(1 - lost, axis=1)


def _medians(weights: NDArray, times: NDArray, happened: NDArray) -> NDArray:
    reached = _remaining(weights, happened) <= 0.5 + _ROUNDING
    return np.where(reached.any(axis=1), times[reached.argmax(axis=1)], np.inf)
