"""Difference in differences of the same learners, in raw points or in standard deviations."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import Arms, Floats
from flipstats.effects.cr2 import cr2
from flipstats.effects.design import some_arms
from flipstats.effects.means import welch
from flipstats.effects.results import Estimate, t_estimate
from flipstats.effects.sizes import individual, pooled_sd
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t


def did(
    before: ArrayLike,
    after: ArrayLike,
    treated: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    scale: Literal["g", "raw", "gain"] = "raw",
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """How much more the treated changed than the controls.

    Three numbers go by this name. ``"raw"`` (variant ``did_raw``) is the difference of mean gains, for two
    measures on one scale; ``"gain"`` (``did_gain``) the same over the standard deviation after, as g;
    ``"g"`` (``did_g``) is g after minus g before, each over its own standard deviation, for any two measures.
    The error is Welch's, CR2 with groups; to that of the two last is added what the standard deviations are
    uncertain by.

    Parameters
    ----------
    before, after : (n,) numbers
        Of the same learners, in the same order.
    treated : (n,) 0/1
    clusters : (n,) labels of groups, optional
    scale : {"raw", "gain", "g"}
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Estimate
        `aside` holds baseline, the g before, and correlation, that of the two measures within arms.

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above, or `scale` is another word.
    EstimationError
        A measure, or the gains, do not vary within the arms; an arm is one single learner or group.

    References
    ----------
    What Works Clearinghouse (2022), Procedures and Standards Handbook 5.0, appendix E, for the value of g;
    its error by the delta method, with the correlation of both measures. See tests/reference/did.R.

    Examples
    --------
    >>> before, after, arm = [50, 60, 55, 52, 61, 54], [56, 69, 62, 53, 64, 55], [1, 1, 1, 0, 0, 0]
    >>> print(did(before, after, arm))
    +5.667, 95% CI +2.505 to +8.828
    """
    if scale not in ("g", "raw", "gain"):
        raise ParameterError(t("effects.bad_scale", got=scale))
    post = some_arms(after, treated, None, clusters)
    pre = some_arms(before, treated, None, clusters)
    if len(pre.outcome) != len(post.outcome):
        found, expected = len(pre.outcome), len(post.outcome)
        raise ParameterError(t("compare.lengths_differ", name="before", found=found, expected=expected))
    sds = pooled_sd(pre), pooled_sd(post)
    shape = individual(post.n_treated, post.n_control)
    baseline, end = (shape.omega * _difference(data) / sd for data, sd in zip((pre, post), sds, strict=True))
    r = float(np.clip(_within(pre) @ _within(post) / (shape.h * sds[0] * sds[1]), -1, 1))
    aside = {"baseline": float(baseline), "correlation": r}
    divisors = {"raw": (1.0, 1.0), "gain": (sds[1], sds[1]), "g": sds}[scale]
    unit = _compared(pre, post, divisors, clusters, level)
    if scale == "raw":
        return replace(unit, method="did", variant="did_raw", aside=aside)
    value = shape.omega * unit.value
    spread = value**2 if scale == "gain" else max(end**2 + baseline**2 - 2 * r**2 * end * baseline, 0.0)
    se = float(np.sqrt((shape.omega * unit.se) ** 2 + spread / (2 * shape.h)))
    return t_estimate(
        value, se, unit.df, level=level, method="did", variant=f"did_{scale}", aside=aside,
        n_treated=unit.n_treated, n_control=unit.n_control,
        clusters_treated=unit.clusters_treated, clusters_control=unit.clusters_control,
    )  # fmt: skip


def _compared(
    pre: Arms, post: Arms, divisors: tuple[float, float], clusters: ArrayLike | None, level: float
) -> Estimate:
    parts = pre.outcome / divisors[0], post.outcome / divisors[1]
    gain = Arms(parts[1] - parts[0], pre.treated, pre.covariates, None)
    if np.abs(_within(gain)).max() <= 1e-12 * max(np.abs(part).max() for part in parts):
        raise EstimationError(t("compare.no_variation", method="did"))
    if clusters is None:
        return welch(gain.outcome, gain.treated, level=level)
    return cr2(gain.outcome, gain.treated, clusters, level=level)


def _difference(data: Arms) -> float:
    return float(data.outcome[data.treated].mean() - data.outcome[~data.treated].mean())


def _within(data: Arms) -> Floats:
    """Outcome around the mean of its arm."""
    return data.outcome - np.where(
        data.treated, data.outcome[data.treated].mean(), data.outcome[~data.treated].mean()
    )
