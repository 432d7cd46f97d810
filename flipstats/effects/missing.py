"""Outcomes that are missing: complete cases, multiple imputation and worst cases, side by side.

An *estimator* here is any function of (outcome, treated, covariates or None, clusters or None) that returns
an `Estimate`; it is given complete arrays only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.effects.arrays import Floats, arms
from flipstats.effects.imputation import fill_gaps
from flipstats.effects.results import Estimate, t_estimate
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

Estimator = Callable[[Floats, NDArray[np.bool_], "Floats | None", "NDArray[np.intp] | None"], Estimate]


@dataclass(frozen=True, slots=True)
class MissingRates:
    """Shares of learners without an outcome; `differential` is treated minus control."""

    treated: float
    control: float
    overall: float
    differential: float


@dataclass(frozen=True, slots=True)
class MissingOutcomes:
    """What becomes of an effect under three ways to deal with missing outcomes.

    Attributes
    ----------
    rates : MissingRates
    complete : Estimate
        Method ``"complete_case"``: right only if who is missing has nothing to do with the outcome.
    imputed : Estimate
        ``"multiple_imputation"``: right if it has nothing to do with it among learners alike in arm and
        covariates. `aside` holds fmi, the fraction of missing information, and imputations.
    worst_low, worst_high : Estimate or None
        ``"worst_case_low"`` and ``"worst_case_high"``: bounds that need no assumption; None where the outcome
        has no declared minimum and maximum.
    """

    rates: MissingRates
    complete: Estimate
    imputed: Estimate
    worst_low: Estimate | None
    worst_high: Estimate | None


@dataclass(frozen=True, slots=True)
class _Gaps:
    outcome: Floats
    treated: NDArray[np.bool_]
    covariates: Floats
    clusters: NDArray[np.intp] | None

    def estimate(self, estimator: Estimator, method: str, rows: NDArray[np.bool_] | None = None) -> Estimate:
        keep = np.ones(len(self.outcome), bool) if rows is None else rows
        covariates = self.covariates[keep] if self.covariates.shape[1] else None
        clusters = None if self.clusters is None else self.clusters[keep]
        return replace(estimator(self.outcome[keep], self.treated[keep], covariates, clusters), method=method)


def missing_rates(outcome: ArrayLike, treated: ArrayLike) -> MissingRates:
    """Shares of learners whose outcome is missing (NaN), per arm.

    Raises
    ------
    ParameterError, EmptyArmError
        `treated` is not 0/1 with both arms, or lengths differ.

    Examples
    --------
    >>> missing_rates([1.0, float("nan"), 3.0, 4.0], [1, 1, 0, 0]).differential
    0.5
    """
    data = _with_gaps(outcome, treated, None, None)
    gone = np.isnan(data.outcome)
    one, zero = float(gone[data.treated].mean()), float(gone[~data.treated].mean())
    return MissingRates(one, zero, float(gone.mean()), one - zero)


def complete_case(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    estimator: Estimator,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> Estimate:
    """Estimate from the learners with nothing missing.

    Raises
    ------
    ParameterError, EmptyArmError, EstimationError
        An array is not what it should be, nobody is left in an arm, or the estimator refuses.

    Examples
    --------
    >>> from flipstats.effects.means import welch
    >>> found = complete_case([3.0, 5.0, float("nan"), 1.0, 2.0], [1, 1, 1, 0, 0],
    ...                       estimator=lambda y, arm, x, groups: welch(y, arm))
    >>> found.value, found.n_treated
    (2.5, 2)
    """
    data = _with_gaps(outcome, treated, covariates, clusters)
    whole = ~np.isnan(data.outcome) & ~np.isnan(data.covariates).any(axis=1)
    return data.estimate(estimator, "complete_case", whole)


def multiple_imputation(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    estimator: Estimator,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    imputations: int = 20,
    seed: int = 0,
) -> Estimate:
    """Fill gaps many times by draws from normal linear regressions, and pool the estimates.

    Each arm has its own regressions, so that no effect is carried from one into the other. Columns with gaps
    are drawn in turn given all others, with the uncertainty of the regression itself drawn too. Groups have
    their own level (fixed effects; slightly too wide intervals, never too narrow: Andridge 2011); a group
    with nothing observed gets a level drawn from those of its arm.

    Parameters
    ----------
    outcome : (n,) numbers or NaN
    treated : (n,) 0/1
    estimator : Estimator
        Its estimates need a standard error and degrees of freedom.
    covariates : (n, q) numbers or NaN, optional
    clusters : (n,) labels of groups, optional
    imputations : int
        At least 2.
    seed : int

    Returns
    -------
    Estimate
        Rubin's, with Barnard and Rubin's degrees of freedom; the plain estimate where nothing is missing.

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above, or `imputations` is below 2.
    EstimationError
        Too few observed values in an arm to learn from, or the estimator refuses.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, chapters 3 and 5; Barnard and Rubin (1999),
    Biometrika 86, 948-955; Andridge (2011), Biometrical Journal 53, 57-74. See tests/reference/missing.R.

    Examples
    --------
    >>> from flipstats.effects.means import welch
    >>> y = [5.0, 7, 6, 9, 8, float("nan"), 4, 3, 5, 4, 6, float("nan")]
    >>> found = multiple_imputation(y, [1] * 6 + [0] * 6, estimator=lambda y, arm, x, groups: welch(y, arm))
    >>> found.n_treated, found.aside["imputations"]
    (6, 20.0)
    """
    if imputations < 2:
        raise ParameterError(t("effects.bad_imputations", got=imputations))
    data = _with_gaps(outcome, treated, covariates, clusters)
    name = "multiple_imputation"
    if not np.isnan(data.outcome).any() and not np.isnan(data.covariates).any():
        return replace(data.estimate(estimator, name), aside={"fmi": 0.0, "imputations": float(imputations)})
    rng = np.random.default_rng(seed)
    return pool([_completed(data, rng).estimate(estimator, name) for _ in range(imputations)])


def pool(estimates: Sequence[Estimate], *, df_complete: float | None = None) -> Estimate:
    """Pool the estimates of imputed data sets by Rubin's rules.

    Parameters
    ----------
    estimates : at least two
    df_complete : float, optional
        Degrees of freedom had nothing been missing; by default the mean of those of `estimates`.

    Raises
    ------
    ParameterError
        Fewer than two estimates.
    EstimationError
        An estimate has no standard error.

    Examples
    --------
    >>> from flipstats.effects.results import t_estimate
    >>> parts = [t_estimate(v, 0.5, 20, level=0.95, method="welch", variant="raw", n_treated=11, n_control=11)
    ...          for v in (1.0, 1.2, 1.1)]
    >>> pooled = pool(parts)
    >>> round(pooled.value, 3), round(pooled.se, 3), round(pooled.df, 2)
    (1.1, 0.513, 16.96)
    """
    m = len(estimates)
    if m < 2:
        raise ParameterError(t("effects.bad_imputations", got=m))
    values, errors = np.array([e.value for e in estimates]), np.array([e.se for e in estimates])
    if not np.isfinite(errors).all():
        raise EstimationError(t("effects.no_error_to_pool", method=estimates[0].method))
    inside, between = float((errors**2).mean()), float(values.var(ddof=1)) * (1 + 1 / m)
    total = inside + between
    share = between / total
    whole = float(np.mean([e.df for e in estimates])) if df_complete is None else df_complete
    old = (m - 1) / share**2 if share > 0 else np.inf
    observed = whole if np.isinf(whole) else (whole + 1) / (whole + 3) * whole * (1 - share)
    df = 1 / (1 / old + 1 / observed) if observed > 0 else old
    ratio = between / inside
    first = estimates[0]
    return t_estimate(
        float(values.mean()), float(np.sqrt(total)), df,
        level=first.level, method=first.method, variant=first.variant,
        n_treated=first.n_treated, n_control=first.n_control,
        clusters_treated=first.clusters_treated, clusters_control=first.clusters_control,
        aside={"fmi": float((ratio + 2 / (df + 3)) / (ratio + 1)), "imputations": float(m)},
    )  # fmt: skip


def worst_case(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    estimator: Estimator,
    minimum: float,
    maximum: float,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> tuple[Estimate, Estimate]:
    """Bounds that need no assumption: missing outcomes at the end of their scale, against and for the effect.

    Parameters
    ----------
    minimum, maximum : float
        Ends of the scale of the outcome. The other parameters are those of `multiple_imputation`, with
        nothing missing among the covariates.

    Returns
    -------
    (Estimate, Estimate)
        Missing treated at the minimum and controls at the maximum; and the other way round.

    Raises
    ------
    ParameterError
        An outcome lies outside the scale, or a covariate is missing.

    References
    ----------
    Horowitz and Manski (2000), Journal of the American Statistical Association 95, 77-84.

    Examples
    --------
    >>> from flipstats.effects.means import welch
    >>> low, high = worst_case([.5, .7, float("nan"), .4, .6, .5], [1, 1, 1, 0, 0, 0], minimum=0, maximum=1,
    ...                        estimator=lambda y, arm, x, groups: welch(y, arm))
    >>> round(low.value, 2), round(high.value, 2)
    (-0.1, 0.23)
    """
    data = _with_gaps(outcome, treated, covariates, clusters)
    gone = np.isnan(data.outcome)
    seen = data.outcome[~gone]
    if not minimum < maximum or (seen < minimum).any() or (seen > maximum).any():
        raise ParameterError(t("effects.bad_scale_ends", minimum=f"{minimum:g}", maximum=f"{maximum:g}"))
    if np.isnan(data.covariates).any():
        n = int(np.isnan(data.covariates).sum())
        raise ParameterError(t("compare.missing_values", name="covariates", n=n))
    found = []
    for name, ends in (("low", (minimum, maximum)), ("high", (maximum, minimum))):
        filled = np.where(gone, np.where(data.treated, *ends), data.outcome)
        found.append(replace(data, outcome=filled).estimate(estimator, f"worst_case_{name}"))
    return found[0], found[1]


def missing_outcomes(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    estimator: Estimator,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    imputations: int = 20,
    seed: int = 0,
) -> MissingOutcomes:
    """Complete cases, multiple imputation and worst cases side by side.

    Parameters and errors are those of `multiple_imputation` and `worst_case`; the worst cases are left out
    where the scale has no declared ends or a covariate is missing.

    Examples
    --------
    >>> from flipstats.effects.means import welch
    >>> y = [5.0, 7, 6, 9, 8, float("nan"), 4, 3, 5, 4, 6, float("nan")]
    >>> found = missing_outcomes(y, [1] * 6 + [0] * 6, minimum=0, maximum=10,
    ...                          estimator=lambda y, arm, x, groups: welch(y, arm))
    >>> found.worst_low.value < found.complete.value < found.worst_high.value
    True
    """
    same = {"estimator": estimator, "covariates": covariates, "clusters": clusters}
    low = high = None
    gaps = covariates is not None and np.isnan(np.asarray(covariates, dtype=float)).any()
    if minimum is not None and maximum is not None and not gaps:
        low, high = worst_case(outcome, treated, minimum=minimum, maximum=maximum, **same)
    return MissingOutcomes(
        missing_rates(outcome, treated),
        complete_case(outcome, treated, **same),
        multiple_imputation(outcome, treated, imputations=imputations, seed=seed, **same),
        low,
        high,
    )


def _with_gaps(
    outcome: ArrayLike, treated: ArrayLike, covariates: ArrayLike | None, clusters: ArrayLike | None
) -> _Gaps:
    """Check all but the gaps: infinite values, lengths, arms and groups."""
    try:
        y = np.asarray(outcome, dtype=float)
        X = None if covariates is None else np.asarray(covariates, dtype=float)
    except (TypeError, ValueError):
        raise ParameterError(t("compare.not_numbers", name="outcome, covariates")) from None
    filled = None if X is None else np.where(np.isnan(X), 0.0, X)
    data = arms(np.where(np.isnan(y), 0.0, y), treated, covariates=filled, clusters=clusters, nested=False)
    X = data.covariates if X is None else X.reshape(data.covariates.shape)
    return _Gaps(y, data.treated, X, data.clusters)


def _completed(data: _Gaps, rng: np.random.Generator) -> _Gaps:
    """Fill the gaps by new draws, each arm from its own regressions."""
    full = np.column_stack([data.outcome, data.covariates])
    groups = np.zeros(len(full), dtype=np.intp) if data.clusters is None else data.clusters
    for arm in (data.treated, ~data.treated):
        codes = np.unique(groups[arm], return_inverse=True)[1]
        if codes.max() + 1 == len(codes):  # each alone: nothing is shared within groups of one
            codes = np.zeros_like(codes)
        full[arm] = fill_gaps(full[arm], codes, rng)
    return replace(data, outcome=full[:, 0], covariates=full[:, 1:])
