"""Pairs of learners, treated and control, matched on the propensity score."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Floats, arms
from flipstats.effects.propensity import propensity
from flipstats.effects.results import Estimate, check_level, t_estimate
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

SAME_DISTANCE = 1e-12  # two controls this equally far are a tie
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Matched:
    """An effect on matched pairs, and what it owes to the order of matching.

    Attributes
    ----------
    estimate : Estimate
        Variant ``"att"``, or ``"att_matched"`` where some treated learners found no pair: then it is the
        effect on those who did. Its `aside` holds unmatched, order_low and order_high too.
    pairs : (m, 2) rows of the treated and of the control learner
    unmatched : int
        Treated learners without a pair.
    order_low, order_high : float
        Range of the value over other orders of matching and of breaking ties.
    orders : int
        How many orders that range is over.
    """

    estimate: Estimate
    pairs: Rows
    unmatched: int
    order_low: float
    order_high: float
    orders: int


def nn_match(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    caliper: float | None = None,
    orders: int = 20,
    seed: int = 0,
    level: float = CONFIDENCE_LEVEL,
) -> Matched:
    """Effect on the treated by 1:1 greedy nearest neighbour on the propensity score, without replacement.

    The treated choose in descending score, ties by row order; of two controls equally near the one of the
    lower row is taken. The error is clustered by pair.

    Parameters
    ----------
    outcome : (n,) numbers
    treated : (n,) 0/1
    covariates : (n, q) numbers, q at least 1
        Main effects in the logistic propensity model.
    caliper : float, optional
        Largest distance of a pair, in standard deviations of the score over all learners.
    orders : int
        Random orders of breaking ties that are tried beside, with ascending score and plain row order.
    seed : int
        Of these random orders.
    level : float
        Confidence level, in (0, 1).

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above, or `caliper` is not above 0.
    EstimationError
        Fewer than two pairs, all pairs differ by the same, or the covariates tell the arms apart exactly.

    References
    ----------
    Equal to R's ``MatchIt`` where no two learners have the same score; see tests/reference/weights.R.

    Examples
    --------
    >>> found = nn_match([5, 8, 2, 6, 6, 5], [1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 1, 2])
    >>> found.pairs.tolist(), found.estimate.value
    ([[0, 2], [4, 3], [1, 5]], 2.0)
    """
    check_level(level)
    if caliper is not None and not caliper > 0:
        raise ParameterError(t("effects.bad_caliper", got=caliper))
    data = arms(outcome, treated, covariates=covariates)
    model = propensity(treated, covariates)
    width = np.inf if caliper is None else caliper * float(model.score.std(ddof=1))
    rows = np.arange(len(data.outcome))
    pairs = _pairs(model.score, data.treated, -model.score, rows, width)
    estimate = _estimate(data.outcome, pairs, data.n_treated, level)
    values = [estimate.value]
    rng = np.random.default_rng(seed)
    tried = [(model.score, rows), (rows.astype(float), rows)] if orders else []
    tried += [(-model.score, rng.permutation(len(rows))) for _ in range(orders)]
    for first, ties in tried:
        other = _pairs(model.score, data.treated, first, ties, width)
        values.append(float((data.outcome[other[:, 0]] - data.outcome[other[:, 1]]).mean()))
    unmatched = data.n_treated - len(pairs)
    aside = {"unmatched": float(unmatched), "order_low": min(values), "order_high": max(values)}
    return Matched(replace(estimate, aside=aside), pairs, unmatched, min(values), max(values), len(values))


def _estimate(y: Floats, pairs: Rows, n_treated: int, level: float) -> Estimate:
    m = len(pairs)
    if m < 2:
        raise EstimationError(t("effects.too_few_pairs", n=m))
    differences = y[pairs[:, 0]] - y[pairs[:, 1]]
    value = float(differences.mean())
    # Clustered by pair, with the small-sample factors of sandwich::vcovCL for least squares on the 2m rows.
    variance = ((differences - value) ** 2).sum() / m**2 * m / (m - 1) * (2 * m - 1) / (2 * m - 2)
    se = float(np.sqrt(variance)) if np.ptp(differences) > 0 else 0.0
    variant = "att" if m == n_treated else "att_matched"
    return t_estimate(
        value, se, m - 1, level=level, method="nn_match", variant=variant, n_treated=m, n_control=m
    )


def _pairs(score: Floats, treated: NDArray[np.bool_], first: Floats, ties: Rows, width: float) -> Rows:
    """Match greedily: treated by ascending (`first`, `ties`), controls by distance, then by `ties`."""
    chosen, free = np.flatnonzero(treated), np.flatnonzero(~treated)
    chosen = chosen[np.lexsort((ties[chosen], first[chosen]))]
    free = free[np.lexsort((ties[free], score[free]))]
    levels, start = np.unique(score[free], return_index=True)
    shelf = _Shelf(levels.tolist(), free.tolist(), [*start.tolist(), len(free)], ties.tolist())
    found = []
    for row, place in zip(chosen.tolist(), np.searchsorted(levels, score[chosen]).tolist(), strict=True):
        control = shelf.take(float(score[row]), place, width)
        if control is not None:
            found.append((row, control))
    return np.array(found, dtype=np.intp).reshape(-1, 2)


class _Shelf:
    """Free controls by level of score, each level in the order of its ties; levels that empty are skipped."""

    def __init__(self, levels: list[float], rows: list[int], start: list[int], ties: list[int]) -> None:
        self.levels, self.rows, self.ties = levels, rows, ties
        self.next, self.end = start[:-1], start[1:]
        k = len(levels)
        self.up, self.down = list(range(k + 1)), list(range(-1, k))  # down[i + 1] serves level i; -1 is none

    def take(self, score: float, place: int, width: float) -> int | None:
        above, below = _root(self.up, place), _root_below(self.down, place - 1)
        far_above = self.levels[above] - score if above < len(self.levels) else np.inf
        far_below = score - self.levels[below] if below >= 0 else np.inf
        if min(far_above, far_below) > width or far_above == far_below == np.inf:
            return None
        if abs(far_above - far_below) <= SAME_DISTANCE:
            one, two = (self.ties[self.rows[self.next[level]]] for level in (above, below))
            level = above if one < two else below
        else:
            level = above if far_above < far_below else below
        row = self.rows[self.next[level]]
        self.next[level] += 1
        if self.next[level] == self.end[level]:
            self.up[level], self.down[level + 1] = level + 1, level - 1
        return row


def _root(up: list[int], level: int) -> int:
    while up[level] != level:
        up[level] = level = up[up[level]]
    return level


def _root_below(down: list[int], level: int) -> int:
    while down[level + 1] != level:
        down[level + 1] = level = down[down[level + 1] + 1]
    return level
