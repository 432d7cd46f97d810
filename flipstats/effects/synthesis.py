"""One effect over several cohorts or iterations: random effects, with the range a next cohort may show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Floats
from flipstats.effects.distributions import chi2_above, student_above, student_quantile
from flipstats.effects.results import check_level
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

RATIOS = np.concatenate([[0.0], np.logspace(-8, 8, 97)])  # between variance tried, in mean error variances


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Effects of several cohorts put together.

    Attributes
    ----------
    value, se, df, low, high, level, p : float
        Mean effect, with Knapp and Hartung's error and k − 1 degrees of freedom.
    prediction_low, prediction_high : float
        Where the true effect of a further cohort would lie.
    tau2 : float
        Variance of the true effects, by REML.
    i2 : float
        Share of the variance seen that is not chance, in [0, 1).
    q, q_p : float
        Cochran's test that all true effects are equal.
    k : int
        Cohorts.
    method, variant : str
    """

    value: float
    se: float
    df: float
    low: float
    high: float
    level: float
    p: float
    prediction_low: float
    prediction_high: float
    tau2: float
    i2: float
    q: float
    q_p: float
    k: int
    method: str = "random_effects"
    variant: str = "reml_knapp_hartung"


def random_effects(values: ArrayLike, errors: ArrayLike, *, level: float = CONFIDENCE_LEVEL) -> Synthesis:
    """Put the effects of several cohorts together by random effects.

    Knapp and Hartung's interval can be narrower than one that ignores how cohorts differ when few cohorts
    agree by chance; look at the prediction interval too.

    Parameters
    ----------
    values : (k,) effects, at least two
    errors : (k,) their standard errors, above 0
    level : float
        Confidence level, in (0, 1).

    Raises
    ------
    ParameterError
        Lengths differ, a number is missing, or an error is not above 0.
    EstimationError
        Fewer than two cohorts, or all effects equal to the last digit.

    References
    ----------
    Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30, 261-293; Knapp and Hartung
    (2003), Statistics in Medicine 22, 2693-2710; Higgins, Thompson and Spiegelhalter (2009), Journal of the
    Royal Statistical Society A 172, 137-159. Equal to R's ``metafor``; see tests/reference/synthesis.R.

    Examples
    --------
    >>> found = random_effects([0.30, 0.10, 0.45, 0.20], [0.10, 0.12, 0.15, 0.11])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.248, 0.038, 0.458)
    """

    check_level(level)
    y, v = _checked(values, errors)
    k = len(y)
    tau2 = _between_variance(y, v)
    w = 1 / (v + tau2)
    value = float(w @ y / w.sum())
    se = float(np.sqrt((w @ (y - value) ** 2) / (k - 1) / w.sum()))
    if se <= 1e-12 * np.abs(y).max():
        raise EstimationError(t("effects.equal_effects"))
    reach = student_quantile(0.5 + level / 2, k - 1)
    ahead = reach * float(np.sqrt(tau2 + se**2))
    fixed = 1 / v
    q = float(fixed @ (y - fixed @ y / fixed.sum()) ** 2)
    typical = (k - 1) * fixed.sum() / (fixed.sum() ** 2 - (fixed**2).sum())
    return Synthesis(
        value, se, k - 1.0, value - reach * se, value + reach * se, level,
        float(2 * student_above(abs(value) / se, k - 1)), value - ahead, value + ahead,
        float(tau2), float(tau2 / (tau2 + typical)), q, chi2_above(q, k - 1), k,
    )  # fmt: skip


def _checked(values: ArrayLike, errors: ArrayLike) -> tuple[Floats, Floats]:
    y, se = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    if y.ndim != 1 or y.shape != se.shape:
        raise ParameterError(t("compare.lengths_differ", name="errors", found=se.size, expected=y.size))
    if not (np.isfinite(y).all() and np.isfinite(se).all() and (se > 0).all()):
        raise ParameterError(t("effects.bad_errors"))
    if len(y) < 2:
        raise EstimationError(t("effects.too_few_cohorts", n=len(y)))
    return y, se**2


def _between_variance(y: Floats, v: Floats) -> float:
    """REML by the root of its score, near the smallest deviance of a grid."""
    from scipy.optimize import brentq

    unit = float(np.exp(np.log(v).mean()))

    def deviance(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float(-np.log(w).sum() + np.log(w.sum()) + w @ (y - w @ y / w.sum()) ** 2)

    def score(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float(w.sum() - (w**2).sum() / w.sum() - w**2 @ (y - w @ y / w.sum()) ** 2)

    grid = RATIOS * max(unit, float(np.ptp(y)) ** 2)
    best = int(np.argmin([deviance(tau2) for tau2 in grid]))
    if best <= 1 and score(0.0) >= 0:
        return 0.0
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    if not score(low) < 0 < score(high):
        raise EstimationError(t("effects.not_converged_between"))
    return float(brentq(score, low, high, xtol=1e-16 * high, rtol=1e-14, maxiter=300))
