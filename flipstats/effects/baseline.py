"""Are the arms comparable: balance before the start, who was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.effects.arrays import arms
from flipstats.effects.results import Count
from flipstats.effects.sizes import cox_index, individual
from flipstats.errors import EmptyArmError, EstimationError, ParameterError
from flipstats.i18n import t

# Largest differential attrition, in percentage points, at an overall attrition of 0, 1 … 57 %.
# What Works Clearinghouse, Standards Handbook; above 57 % attrition is high whatever the difference.
BOUNDARY = {
    "cautious": (
        5.7, 5.8, 5.9, 5.9, 6.0, 6.1, 6.2, 6.3, 6.3, 6.3, 6.3, 6.2, 6.2, 6.1, 6.0, 5.9, 5.9, 5.8, 5.7, 5.5,
        5.4, 5.3, 5.2, 5.1, 4.9, 4.8, 4.7, 4.5, 4.4, 4.3, 4.1, 4.0, 3.8, 3.6, 3.5, 3.3, 3.2, 3.1, 2.9, 2.8,
        2.6, 2.5, 2.3, 2.1, 2.0, 1.8, 1.6, 1.5, 1.3, 1.2, 1.0, 0.9, 0.7, 0.6, 0.4, 0.3, 0.2, 0.0,
    ),
    "optimistic": (
        10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.7, 10.8, 10.9, 10.9, 10.9, 10.9, 10.9, 10.9, 10.8, 10.8, 10.7,
        10.6, 10.5, 10.3, 10.2, 10.0, 9.9, 9.7, 9.5, 9.4, 9.2, 9.0, 8.8, 8.6, 8.4, 8.2, 8.0, 7.8, 7.6, 7.4,
        7.2, 7.0, 6.7, 6.5, 6.3, 6.0, 5.8, 5.6, 5.3, 5.1, 4.9, 4.6, 4.4, 4.2, 3.9, 3.7, 3.5, 3.2, 3.0, 2.8,
        2.6, 2.3,
    ),
}  # fmt: skip
Boundary = Literal["cautious", "optimistic"]


@dataclass(frozen=True, slots=True)
class Attrition:
    """Who was lost between assignment and analysis, as shares of those assigned.

    Attributes
    ----------
    overall : float
        On pooled counts.
    differential : float
        Loss of the treated arm minus loss of the control arm.
    boundary : float or None
        Largest absolute differential that still counts as low; None above 57 % overall.
    low : bool
    """

    treated: float
    control: float
    overall: float
    differential: float
    boundary: float | None
    low: bool


def attrition_boundary(overall: float, kind: Boundary = "cautious") -> float | None:
    """Largest differential attrition (a share) that is low at an overall attrition (a share).

    Whole percents are looked up, others interpolated; None above 57 %.

    Raises
    ------
    ParameterError
        `overall` is not a share, or `kind` is unknown.

    Examples
    --------
    >>> attrition_boundary(0.20), attrition_boundary(0.10, "optimistic"), attrition_boundary(0.6)
    (0.054, 0.109, None)
    """
    if kind not in BOUNDARY:
        raise ParameterError(t("compare.unknown_boundary", kind=kind))
    if not 0 <= overall <= 1:
        raise ParameterError(t("compare.bad_share", name="overall", share=overall))
    table = BOUNDARY[kind]
    percent = round(100 * overall, 9)
    if percent > len(table) - 1:
        return None
    return round(float(np.interp(percent, np.arange(len(table)), table)) / 100, 12)


def attrition(treated: Count, control: Count, *, kind: Boundary = "cautious") -> Attrition:
    """Attrition of two arms; each count is those analysed out of those assigned.

    Raises
    ------
    EmptyArmError
        Nobody was assigned to an arm.

    Examples
    --------
    >>> attrition(Count(45, 50), Count(48, 50)).low
    True
    """
    if 0 in (treated.total, control.total):
        raise EmptyArmError(t("compare.nobody_counted"))
    lost = [1 - c.share for c in (treated, control)]
    overall = 1 - (treated.met + control.met) / (treated.total + control.total)
    limit = attrition_boundary(min(max(overall, 0.0), 1.0), kind)
    differential = lost[0] - lost[1]
    low = limit is not None and abs(differential) <= limit + 1e-12
    return Attrition(lost[0], lost[1], overall, differential, limit, low)


@dataclass(frozen=True, slots=True)
class Balance:
    """One characteristic before the start, in both arms; differences are never judged by p.

    Attributes
    ----------
    g : float
        Standardised difference, treated minus control: omega·(difference)/pooled SD, or the Cox index for a
        yes/no characteristic. NaN where undefined.
    kind : {"continuous", "binary"}
    g_by_treated_sd, g_by_mean_variance : float
        The same difference over the treated arm's SD, and over the root of the mean of both variances.
    variance_ratio, ks : float
        Variance treated / control; largest distance of the two distributions.
    verdict : {"equivalent", "adjust", "not_equivalent", "undefined"}
    """

    mean_treated: float
    mean_control: float
    sd_treated: float
    sd_control: float
    g: float
    kind: str
    g_by_treated_sd: float
    g_by_mean_variance: float
    variance_ratio: float
    ks: float
    verdict: str
    n_treated: int
    n_control: int


def balance(characteristic: ArrayLike, treated: ArrayLike, *, thresholds: Thresholds = DEFAULTS) -> Balance:
    """Compare one characteristic of two arms before the start.

    Parameters
    ----------
    characteristic : (n,) array
        Values 0 and 1 only: a yes/no characteristic.
    treated : (n,) array of bool or 0/1

    Raises
    ------
    EmptyArmError
        An arm has nobody.

    Examples
    --------
    >>> row = balance([10.0, 11, 12, 13, 9, 11, 12, 13], [1, 1, 1, 1, 0, 0, 0, 0])
    >>> round(row.g, 2), row.verdict
    (0.14, 'adjust')
    """
    data = arms(characteristic, treated)
    one, zero = data.outcome[data.treated], data.outcome[~data.treated]
    sds = [float(x.std(ddof=1)) if len(x) > 1 else np.nan for x in (one, zero)]
    difference = float(one.mean() - zero.mean())
    binary = bool(np.isin(data.outcome, (0.0, 1.0)).all())
    g = _cox_or_nan(one, zero) if binary else _g(difference, one, zero)
    everyone = np.unique(data.outcome)
    steps = [np.searchsorted(np.sort(x), everyone, side="right") / len(x) for x in (one, zero)]
    return Balance(
        float(one.mean()), float(zero.mean()), sds[0], sds[1], g, "binary" if binary else "continuous",
        _over(difference, sds[0]), _over(difference, float(np.sqrt((sds[0] ** 2 + sds[1] ** 2) / 2))),
        _over(sds[0] ** 2, sds[1] ** 2), float(np.abs(steps[0] - steps[1]).max()),
        baseline_verdict(g, thresholds), len(one), len(zero),
    )  # fmt: skip


def baseline_verdict(g: float, thresholds: Thresholds = DEFAULTS) -> str:
    """Place a standardised baseline difference: equivalent, adjust, not_equivalent or undefined.

    Examples
    --------
    >>> [baseline_verdict(g) for g in (0.05, -0.25, 0.2501, float("nan"))]
    ['equivalent', 'adjust', 'not_equivalent', 'undefined']
    """
    if g != g:
        return "undefined"
    gap = abs(g) - 1e-12  # rounding does not carry a gap beyond a limit
    if gap <= thresholds.baseline_equivalent_g:
        return "equivalent"
    return "adjust" if gap <= thresholds.baseline_adjustable_g else "not_equivalent"


def _g(difference: float, one: np.ndarray, zero: np.ndarray) -> float:
    df = len(one) + len(zero) - 2
    if df < 2:
        return float("nan")
    variance = (((one - one.mean()) ** 2).sum() + ((zero - zero.mean()) ** 2).sum()) / df
    omega = individual(len(one), len(zero)).omega
    return omega * _over(difference, float(np.sqrt(variance)))


def _cox_or_nan(one: np.ndarray, zero: np.ndarray) -> float:
    try:
        return cox_index(*(Count(int(x.sum()), len(x)) for x in (one, zero))).value
    except EstimationError:
        # Nobody or everybody in both arms is perfect balance; in one arm only, the index is undefined.
        return 0.0 if one.mean() == zero.mean() else float("nan")


def _over(above: float, below: float) -> float:
    if below > 0:
        return float(above / below)
    return 0.0 if above == 0 and below == 0 else float("nan")
