"""How much hidden bias within matched pairs it would take to explain their effect away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Floats
from flipstats.effects.distributions import normal_above
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

EXACT_PAIRS = 50  # up to here the signed-rank distribution is counted out


@dataclass(frozen=True, slots=True)
class RosenbaumGamma:
    """How far bias may change the odds of being treated within pairs before the effect could be chance.

    Attributes
    ----------
    gamma : float
        1 where the pairs do not show an effect at `alpha` even without bias.
    alpha : float
        One-sided.
    p_without_bias : float
        One-sided p of Wilcoxon's signed-rank test in the direction of the effect.
    pairs : int
        Pairs that differ.
    exact : bool
        Whether p is counted out rather than normal.
    """

    gamma: float
    alpha: float
    p_without_bias: float
    pairs: int
    exact: bool


def rosenbaum_gamma(differences: ArrayLike, *, alpha: float = (1 - CONFIDENCE_LEVEL) / 2) -> RosenbaumGamma:
    """Largest hidden bias under which matched pairs still show their effect, by the signed-rank test.

    Parameters
    ----------
    differences : (m,) numbers
        Treated minus control in each pair; pairs that do not differ are left out.
    alpha : float
        One-sided, in (0, 0.5).

    Raises
    ------
    ParameterError
        A difference is missing, or `alpha` is outside its range.
    EstimationError
        No pair differs.

    References
    ----------
    Rosenbaum (2002), Observational Studies, section 4.3. See tests/reference/sensitivity.R.

    Examples
    --------
    >>> round(rosenbaum_gamma([1, 2, 3, 4, 5, 6, 7, 8, -1.5, 9]).gamma, 2)
    1.79
    """
    from scipy.optimize import brentq
    from scipy.stats import rankdata

    d = np.asarray(differences, dtype=float)
    if d.ndim != 1 or not np.isfinite(d).all() or not 0 < alpha < 0.5:
        raise ParameterError(t("effects.bad_pairs"))
    d = d[d != 0]
    if not len(d):
        raise EstimationError(t("effects.no_pair_differs"))
    ranks = rankdata(np.abs(d))
    statistic = float(max(ranks[d > 0].sum(), ranks[d < 0].sum()))
    exact = len(d) <= EXACT_PAIRS

    def above(log_gamma: float) -> float:
        share = 1 / (1 + np.exp(-log_gamma))
        return (_exact_tail if exact else _normal_tail)(ranks, statistic, share) - alpha

    p = above(0.0) + alpha
    if p > alpha:
        return RosenbaumGamma(1.0, alpha, p, len(d), exact)
    return RosenbaumGamma(float(np.exp(brentq(above, 0.0, 60.0, xtol=1e-13))), alpha, p, len(d), exact)


def _normal_tail(ranks: Floats, statistic: float, share: float) -> float:

    spread = np.sqrt(share * (1 - share) * (ranks**2).sum())
    return float(normal_above((statistic - share * ranks.sum()) / spread)) if spread > 0 else 1.0


def _exact_tail(ranks: Floats, statistic: float, share: float) -> float:
    """Chance that the signed-rank sum reaches `statistic`, each rank counting with probability `share`."""
    steps = np.rint(2 * ranks).astype(int)  # ties halve ranks
    chance = np.zeros(steps.sum() + 1)
    chance[0] = 1.0
    for step in steps:
        moved = np.zeros_like(chance)
        moved[step:] = chance[: len(chance) - step]
        chance = (1 - share) * chance + share * moved
    return float(chance[int(np.rint(2 * statistic)) :].sum())
