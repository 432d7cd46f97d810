"""Only one arm was taught in groups: its groups against learners who lean on nobody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.arrays import arms, require_variation
from flipstats.effects.clusters import group_means
from flipstats.effects.cr2 import cr2
from flipstats.effects.results import Estimate


def one_arm_means(
    outcome: ArrayLike,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """Mean of group means in one arm less the mean over learners of the other, each a group of one.

    A mean of a group varies less than one learner does, so the two arms' variances are never pooled: least
    squares on the units with HC2 errors and the degrees of freedom of Bell and McCaffrey, which stay near
    those of the groups. Covariates enter as means of the units. Over-covers with three groups (about 99 %).

    Parameters
    ----------
    outcome : (n,) array
        A score, or 0/1: then it is a comparison of proportions.
    treated : (n,) array of bool or 0/1, the same within a group
    clusters : (n,) array of labels; a learner without a group has a label of their own
    covariates : (n, q) array, optional
    level : float

    Returns
    -------
    Estimate
        In units of the outcome; `aside` has the mean of each arm and, unadjusted, its squared error.

    Raises
    ------
    ParameterError
        A group has learners in both arms.
    EstimationError
        The outcome is constant, the groups are too few, or one of them alone decides.

    References
    ----------
    R. M. Bell, D. F. McCaffrey (2002), Survey Methodology 28, 169-181. Equal to R's ``clubSandwich`` on the
    units; see tests/reference/one_arm.R.

    Examples
    --------
    >>> y, arm = [5.0, 7, 6, 8, 9, 7, 4, 3, 5, 4, 6, 2], [1] * 6 + [0] * 6
    >>> found = one_arm_means(y, arm, [1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9])
    >>> round(found.value, 6), round(found.df, 1)
    (3.0, 4.1)
    """
    data = arms(outcome, treated, covariates=covariates, clusters=clusters)
    require_variation(data)
    units, arm = group_means(data.outcome, data.clusters), data.arm_of_cluster
    X = group_means(data.covariates, data.clusters) if data.covariates.size else None
    found = cr2(units, arm, np.arange(len(units)), covariates=X, level=level)
    means = {f"mean_{side}": float(units[of].mean()) for side, of in (("treated", arm), ("control", ~arm))}
    if X is None:
        means |= {
            f"variance_{side}": float(units[of].var(ddof=1) / of.sum())
            for side, of in (("treated", arm), ("control", ~arm))
        }
    variant = "one_arm" if X is None else "one_arm_adjusted"
    return replace(found, method="cluster_means", variant=variant, aside=means, **data.counts())
