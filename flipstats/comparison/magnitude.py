"""How large the effect is: g with its variant, ratio of shares, and the scale on which it is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from flipstats.comparison.question import Analysed, Question
from flipstats.effects import sizes
from flipstats.effects.arrays import arms
from flipstats.effects.clusters import intraclass_correlation
from flipstats.effects.distributions import student_quantile
from flipstats.effects.results import Count, Estimate
from flipstats.errors import EstimationError, ParameterError


@dataclass(frozen=True, slots=True)
class Size:
    """The primary effect in standard deviations, with the intraclass correlation it used."""

    estimate: Estimate
    icc: float
    sd: float

    @property
    def value(self) -> float:
        """g."""
        return self.estimate.value

    @property
    def low(self) -> float:
        """Lower limit of g."""
        return self.estimate.low

    @property
    def high(self) -> float:
        """Upper limit of g."""
        return self.estimate.high


def g_of(question: Question, data: Analysed, primary: Estimate | None, *, covariates: int) -> Size | None:
    """Standardise the primary effect: g for scores, Cox's index for individually assigned yes/no outcomes.

    None where there is no primary effect, or where it cannot be standardised.
    """
    if primary is None:
        return None
    try:
        if question.kind == "binary":
            return None if question.grouped else _cox(data, primary)
        sd = sizes.pooled_sd(arms(data.outcome, data.treated))
        clustering = _clustering(question, data)
        g = sizes.g_from_coefficient(primary, sd, clustering, covariates=covariates)
    except EstimationError:
        return None
    return Size(replace(g, variant="wwc_cluster" if question.grouped else "wwc"), clustering.icc, sd)


def within_arm_icc(data: Analysed) -> float | None:
    """Intraclass correlation within the arms that have groups, not below 0; None where it is unknown."""
    if data.clusters is None:
        return None
    inside = data.in_groups
    arm = data.treated if data.alone is None else None
    try:
        return intraclass_correlation(data.outcome[inside], data.clusters[inside], treated=arm).truncated
    except (EstimationError, ParameterError):  # nothing to tell apart, or groups that cross the arms
        return None


def share_ratio(primary: Estimate) -> Estimate | None:
    """Return the ratio of shares that goes with a difference of shares; None where it is undefined."""
    aside = primary.aside
    if "risk_ratio" in aside:
        value, low, high = (aside[k] for k in ("risk_ratio", "risk_ratio_low", "risk_ratio_high"))
        return None if value != value else replace(
            primary, value=value, low=low, high=high, se=np.nan, variant="risk_ratio", p=np.nan
        )  # fmt: skip
    if "mean_treated" not in aside or min(aside["mean_treated"], aside["mean_control"]) <= 0:
        return None
    if primary.variant == "one_arm_adjusted":
        return None
    return _ratio_of_group_means(primary, aside["mean_treated"], aside["mean_control"])


def judged(
    question: Question, primary: Estimate | None, size: Size | None
) -> tuple[float, float, float] | None:
    """Value and limits on the scale of the verdict: shares for completion, else g."""
    if primary is None:
        return None
    if question.kind == "binary":
        return primary.value, primary.low, primary.high
    return None if size is None else (size.value, size.low, size.high)


def smallest_of(question: Question) -> float:
    """The smallest effect of interest on the scale of the verdict."""
    limits = question.thresholds
    return limits.smallest_effect_completion if question.kind == "binary" else limits.smallest_effect_g


def _clustering(question: Question, data: Analysed) -> sizes.Clustering:
    nt, nc = data.learners
    icc = within_arm_icc(data) if question.grouped else None
    if icc is None:
        return sizes.individual(nt, nc)
    if data.alone is None:
        return sizes.both_arms_grouped(nt, nc, (nt + nc) / sum(data.groups), icc)
    grouped, alone = (nt, nc) if data.alone == "control" else (nc, nt)  # the formula knows no direction
    return sizes.treated_arm_grouped(grouped, alone, grouped / data.fewest, icc)


def _cox(data: Analysed, primary: Estimate) -> Size:
    nt, nc = data.learners
    if primary.method == "gcomp":
        omega, aside = sizes.individual(nt, nc).omega, primary.aside
        value = omega * np.log(aside["odds_ratio"]) / sizes.COX
        se = omega * aside["se_log_odds_ratio"] / sizes.COX
        from flipstats.effects.results import t_estimate

        found = t_estimate(
            value, se, np.inf, level=primary.level, method="gcomp", variant="cox", n_treated=nt, n_control=nc
        )
        return Size(found, 0.0, np.nan)
    counts = (Count(int(data.outcome[a].sum()), int(a.sum())) for a in (data.treated, ~data.treated))
    return Size(replace(sizes.cox_index(*counts, level=primary.level), method=primary.method), 0.0, np.nan)


def _ratio_of_group_means(primary: Estimate, one: float, zero: float) -> Estimate:
    # Delta method on the log: the variance of the difference is s²(1/GT + 1/GC), so s² is known.

    gt, gc = primary.clusters_treated, primary.clusters_control
    if primary.variant == "one_arm":  # each arm has a variance of its own
        spread = primary.aside["variance_treated"], primary.aside["variance_control"]
    else:
        s2 = primary.se**2 / (1 / gt + 1 / gc)
        spread = s2 / gt, s2 / gc
    se = float(np.sqrt(spread[0] / one**2 + spread[1] / zero**2))
    half, ratio = student_quantile(0.5 + primary.level / 2, primary.df) * se, one / zero
    return replace(
        primary, value=ratio, se=np.nan, low=ratio * np.exp(-half), high=ratio * np.exp(half),
        variant="risk_ratio", p=np.nan,
    )  # fmt: skip
