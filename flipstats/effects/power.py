"""What a comparison could have seen, what it excludes, and how many groups it would take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL, DEFAULTS
from flipstats.effects.arrays import Floats
from flipstats.effects.distributions import student_above, student_below, student_quantile
from flipstats.effects.results import Estimate, check_level
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

_MOST_GROUPS = 10_000


def mdes_individual(
    learners: int,
    *,
    treated_share: float = 0.5,
    r2: float = 0.0,
    covariates: int = 0,
    level: float = CONFIDENCE_LEVEL,
    power: float = DEFAULTS.tests_power,
) -> float:
    """Smallest effect, in standard deviations, that individually assigned learners can show.

    Parameters
    ----------
    learners : int
        In both arms.
    treated_share : float
        In (0, 1).
    r2 : float
        Share of the outcome's variance that the covariates explain, in [0, 1).
    covariates : int
        How many; each costs a degree of freedom.

    Raises
    ------
    ParameterError
        A share is outside its range, or no degree of freedom is left.

    References
    ----------
    N. Dong, R. Maynard (2013), J. Research on Educational Effectiveness 6, 24-67 (PowerUp!, IRA).

    Examples
    --------
    >>> round(mdes_individual(200, r2=0.5, covariates=1), 4)
    0.2816
    """
    _check_shares(treated_share=treated_share, power=power)
    _check_r2(r2)
    M = _multiplier(learners - covariates - 2, level, power)
    return float(M * np.sqrt((1 - r2) / (treated_share * (1 - treated_share) * learners)))


def mdes_cluster(
    groups: int,
    learners_per_group: float,
    icc: float,
    *,
    treated_share: float = 0.5,
    r2_learner: float = 0.0,
    r2_group: float = 0.0,
    group_covariates: int = 0,
    level: float = CONFIDENCE_LEVEL,
    power: float = DEFAULTS.tests_power,
) -> float:
    """Smallest effect, in standard deviations, that groups assigned as wholes can show.

    Parameters
    ----------
    groups : int
        In both arms.
    learners_per_group : float
        Mean size of a group.
    icc : float
        Intraclass correlation, in [0, 1].
    treated_share : float
        Share of groups treated, in (0, 1).
    r2_learner, r2_group : float
        Variance explained within and between groups, in [0, 1).
    group_covariates : int
        Each costs a degree of freedom.

    Raises
    ------
    ParameterError
        A share is outside its range, or no degree of freedom is left.

    References
    ----------
    N. Dong, R. Maynard (2013), as above (CRA2).

    Examples
    --------
    >>> round(mdes_cluster(8, 20, 0.2), 4)
    1.1614
    """
    _check_shares(treated_share=treated_share, power=power)
    _check_r2(r2_learner, r2_group)
    if not 0 <= icc <= 1 or learners_per_group < 1:
        raise ParameterError(t("compare.bad_icc", icc=icc, size=learners_per_group))
    M = _multiplier(groups - group_covariates - 2, level, power)
    allocated = treated_share * (1 - treated_share) * groups
    between = icc * (1 - r2_group) / allocated
    within = (1 - icc) * (1 - r2_learner) / (allocated * learners_per_group)
    return float(M * np.sqrt(between + within))


def mdes_one_arm(
    groups: int,
    grouped: int,
    alone: int,
    eta: float,
    *,
    level: float = CONFIDENCE_LEVEL,
    power: float = DEFAULTS.tests_power,
) -> float:
    """Smallest g a design detects in which only one arm was taught in groups.

    M·sqrt((1/grouped + 1/alone)·eta), with groups - 1 degrees of freedom for M, which is cautious.

    Parameters
    ----------
    groups : int
        Of the arm that has them.
    grouped, alone : int
        Learners in that arm and in the other.
    eta : float
        What grouping does to the variance; see `flipstats.effects.sizes.treated_arm_grouped`.

    Raises
    ------
    ParameterError
        Fewer than two groups, or a share out of its range.

    Examples
    --------
    >>> round(mdes_one_arm(8, 160, 160, 2.9), 3)
    0.621
    """
    _check_shares(power=power)
    return float(_multiplier(groups - 1, level, power) * np.sqrt((1 / grouped + 1 / alone) * eta))


def groups_needed(
    effect: float,
    learners_per_group: float,
    icc: float,
    *,
    level: float = CONFIDENCE_LEVEL,
    power: float = DEFAULTS.tests_power,
    at_least: int = DEFAULTS.min_groups_per_arm,
) -> int:
    """How many groups *per arm* would show an effect of that size, in standard deviations.

    Raises
    ------
    ParameterError
        `effect` is not positive, or more than 10,000 groups would be needed.

    Examples
    --------
    >>> groups_needed(0.5, 20, 0.1), groups_needed(0.2, 20, 0.1)
    (11, 58)
    """
    if not effect > 0:
        raise ParameterError(t("compare.bad_effect", effect=effect))

    def enough(per_arm: int) -> bool:
        return mdes_cluster(2 * per_arm, learners_per_group, icc, level=level, power=power) <= effect

    few, many = at_least, at_least
    if enough(few):
        return few
    while not enough(many):
        few, many = many, many * 2
        if many > _MOST_GROUPS:
            raise ParameterError(t("compare.bad_effect", effect=effect))
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests: is the effect surely within ± `bound`?

    Attributes
    ----------
    p : float
        The larger of the two one-sided p.
    low, high : float
        Interval of level 1 - 2·alpha (90 % for alpha 5 %), inside the bounds exactly when p < alpha.
    level : float
        1 - 2·alpha.
    equivalent : bool
        p < alpha.
    """

    bound: float
    p: float
    low: float
    high: float
    level: float
    equivalent: bool


def tost(estimate: Estimate, bound: float, *, level: float = CONFIDENCE_LEVEL) -> Equivalence:
    """Test at alpha = 1 - `level` whether an effect lies within ± `bound`, in the unit of the estimate.

    Raises
    ------
    ParameterError
        `bound` is not positive.
    EstimationError
        The estimate has no standard error.

    References
    ----------
    D. J. Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, 657-680.
    """

    check_level(level)
    if not bound > 0:
        raise ParameterError(t("compare.bad_effect", effect=bound))
    if not estimate.se > 0:
        raise EstimationError(t("compare.no_variation", method=estimate.method))
    below = student_above((estimate.value + bound) / estimate.se, estimate.df)
    above = student_below((estimate.value - bound) / estimate.se, estimate.df)
    half = student_quantile(level, estimate.df) * estimate.se
    p = float(max(below, above))
    return Equivalence(
        bound, p, estimate.value - half, estimate.value + half, 2 * level - 1, bool(p < 1 - level)
    )


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p values of one family of tests; NaN stays NaN and is not counted.

    References
    ----------
    Y. Benjamini, Y. Hochberg (1995), JRSS B 57, 289-300. Equal to R's ``p.adjust(method = "BH")``.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    if ((values[known] < 0) | (values[known] > 1)).any():
        raise ParameterError(t("compare.bad_p"))
    order = known[np.argsort(values[known])[::-1]]
    ranks = np.arange(len(known), 0, -1)
    out = np.full(len(values), np.nan)
    out[order] = np.minimum(np.minimum.accumulate(values[order] * len(known) / ranks), 1)
    return out


def _multiplier(df: float, level: float, power: float) -> float:

    check_level(level)
    if df < 1:
        raise ParameterError(t("compare.no_df_for_power"))
    return float(student_quantile(0.5 + level / 2, df) + student_quantile(power, df))


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ParameterError(t("compare.bad_share", name=name, share=share))


def _check_r2(*values: float) -> None:
    for r2 in values:
        if not 0 <= r2 < 1:
            raise ParameterError(t("compare.bad_share", name="r2", share=r2))
