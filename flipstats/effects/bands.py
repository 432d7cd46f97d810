"""For whom it works: effects by band of prior level from one model, and one test."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.conventions import CONFIDENCE_LEVEL, DEFAULTS
from flipstats.effects.arrays import Arms, Floats
from flipstats.effects.cr2 import ClusterRobust, WaldTest, fit_cluster_robust
from flipstats.effects.design import check_rank, check_varies, some_arms, standardised
from flipstats.effects.distributions import f_above
from flipstats.effects.linear import LeastSquares, least_squares
from flipstats.effects.results import Estimate, check_level, t_estimate
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import t

CUTS = (15.0, 40.0, 75.0)  # percentiles of the baseline, both arms together


@dataclass(frozen=True, slots=True)
class BandEffect:
    """The effect in one band; `estimate` is None where it has too few learners or groups to be shown."""

    band: Hashable
    n_treated: int
    n_control: int
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class BandAnalysis:
    """Effects by band and the one test that they differ; None where fewer than two bands can be shown."""

    effects: tuple[BandEffect, ...]
    interaction: WaldTest | None

    @property
    def left_out(self) -> tuple[Hashable, ...]:
        """Bands that are not shown, and not in the model."""
        return tuple(effect.band for effect in self.effects if effect.estimate is None)


@dataclass(frozen=True, slots=True)
class _Model:
    """Cell-means model: one column a band, one column band × arm, then covariates."""

    data: Arms
    names: tuple[Hashable, ...]
    codes: NDArray[np.intp]
    fit: LeastSquares | ClusterRobust

    def weights(self, by_band: Sequence[float]) -> Floats:
        k = len(self.names)
        row = np.zeros(len(self.fit.coefficients))
        row[k : 2 * k] = by_band
        return row


def cut_bands(baseline: ArrayLike, *, cuts: Sequence[float] = CUTS) -> NDArray[np.intp]:
    """Cut a baseline at percentiles, both arms together, before any outcome is looked at.

    Parameters
    ----------
    baseline : (n,) numbers
    cuts : percentiles, increasing, in (0, 100)

    Returns
    -------
    (n,) ints
        Band 0 is the lowest; a value on a cut belongs below it.

    Raises
    ------
    ParameterError
        `cuts` do not increase inside (0, 100), or a baseline is missing.

    Examples
    --------
    >>> cut_bands(range(1, 11), cuts=(30, 70)).tolist()
    [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    """
    points = np.asarray(cuts, dtype=float)
    inside = len(points) > 0 and points[0] > 0 and points[-1] < 100
    if not inside or (np.diff(points) <= 0).any():
        raise ParameterError(t("effects.bad_cuts"))
    x = np.asarray(baseline, dtype=float)
    if not np.isfinite(x).all():
        raise ParameterError(t("compare.missing_values", name="baseline", n=int((~np.isfinite(x)).sum())))
    return np.searchsorted(np.percentile(x, points), x, side="left")


def band_effects(
    outcome: ArrayLike,
    treated: ArrayLike,
    band: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    min_per_arm: int = DEFAULTS.min_learners_per_band,
    level: float = CONFIDENCE_LEVEL,
) -> BandAnalysis:
    """Effect of the arm in each band, all from one model, and one test that the effects differ.

    Errors are HC3 where learners stand alone, CR2 with small-sample tests where they come in groups. A band
    with fewer than `min_per_arm` learners, or fewer than two groups, in an arm is left out of the model.

    Parameters
    ----------
    outcome : (n,) numbers
    treated : (n,) 0/1
    band : (n,) labels, in the order in which they sort
    covariates : (n, q) numbers, optional
        Main effects; the baseline that was cut may be one.
    clusters : (n,) labels of groups, optional
    min_per_arm : int
        Learners.
    level : float
        Confidence level, in (0, 1).

    Raises
    ------
    ParameterError, EmptyArmError
        An array is not what is said above.
    EstimationError
        No band can be shown, or the outcome or a covariate does not vary.

    References
    ----------
    Equal to R's ``sandwich`` and ``clubSandwich``; see tests/reference/cr2.R.

    Examples
    --------
    >>> arm = [0, 1] * 20
    >>> prior = [0] * 20 + [1] * 20
    >>> score = [10 + i % 5 + 3 * a * (1 - b) for i, (a, b) in enumerate(zip(arm, prior))]
    >>> found = band_effects(score, arm, prior)
    >>> [round(effect.estimate.value, 3) for effect in found.effects], round(found.interaction.p, 3)
    ([3.0, 0.0], 0.005)
    """
    check_level(level)
    data = some_arms(outcome, treated, covariates, clusters)
    names, codes = _bands(band, len(data.outcome))
    shown = [_is_shown(data, codes == k, min_per_arm) for k in range(len(names))]
    if not any(shown):
        raise EstimationError(t("effects.no_band", n=min_per_arm))
    model = _model(data, names, codes, shown)
    estimates = dict(zip(model.names, _by_band(model, level), strict=True))
    effects = tuple(
        BandEffect(
            name,
            int((data.treated & (codes == k)).sum()),
            int((~data.treated & (codes == k)).sum()),
            estimates.get(name),
        )
        for k, name in enumerate(names)
    )
    return BandAnalysis(effects, _interaction(model))


def band_contrast(
    outcome: ArrayLike,
    treated: ArrayLike,
    band: ArrayLike,
    weights: Mapping[Hashable, float],
    *,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    min_per_arm: int = DEFAULTS.min_learners_per_band,
    level: float = CONFIDENCE_LEVEL,
) -> Estimate:
    """A declared combination of the effects by band, from the model of `band_effects`.

    "The weak gain more than the very weak and the strong" is
    ``{"weak": 1, "very weak": -0.5, "strong": -0.5}``.

    Parameters
    ----------
    weights : band to weight
        A band left unnamed weighs 0. The other parameters are those of `band_effects`.

    Raises
    ------
    ParameterError
        A weight is for a band that does not exist, or all weights are 0.
    EstimationError
        A band that carries a weight has too few learners or groups to be shown.

    Examples
    --------
    >>> arm, prior = [0, 1] * 20, ["weak"] * 20 + ["strong"] * 20
    >>> score = [10 + i % 5 + 3 * a * (p == "weak") for i, (a, p) in enumerate(zip(arm, prior))]
    >>> round(band_contrast(score, arm, prior, {"weak": 1, "strong": -1}).value, 3)
    3.0
    """
    data = some_arms(outcome, treated, covariates, clusters)
    names, codes = _bands(band, len(data.outcome))
    if not set(weights) <= set(names) or not any(weights.values()):
        raise ParameterError(t("effects.bad_band_weights", known=", ".join(map(str, names))))
    shown = [_is_shown(data, codes == k, min_per_arm) for k in range(len(names))]
    hidden = [name for name, seen in zip(names, shown, strict=True) if weights.get(name) and not seen]
    if hidden:
        raise EstimationError(t("effects.band_too_small", band=hidden[0], n=min_per_arm))
    model = _model(data, names, codes, shown)
    used = np.isin(model.codes, [k for k, name in enumerate(model.names) if weights.get(name)])
    return _estimate(model, [weights.get(name, 0.0) for name in model.names], used, level, "band_contrast")


def _bands(band: ArrayLike, length: int) -> tuple[tuple[Hashable, ...], NDArray[np.intp]]:
    labels = np.asarray(band)
    if labels.shape != (length,):
        raise ParameterError(t("compare.lengths_differ", name="band", found=labels.size, expected=length))
    values = labels.tolist()
    if any(value is None or value != value for value in values):
        missing = sum(value is None or value != value for value in values)
        raise ParameterError(t("compare.missing_values", name="band", n=missing))
    names = tuple(sorted(set(values)))
    place = {name: k for k, name in enumerate(names)}
    return names, np.array([place[value] for value in values], dtype=np.intp)


def _is_shown(data: Arms, inside: NDArray[np.bool_], min_per_arm: int) -> bool:
    for arm in (data.treated & inside, ~data.treated & inside):
        if arm.sum() < max(min_per_arm, 2):
            return False
        if data.clusters is not None and len(np.unique(data.clusters[arm])) < 2:
            return False
    return True


def _model(data: Arms, names: tuple[Hashable, ...], codes: NDArray[np.intp], shown: list[bool]) -> _Model:
    keep = np.array(shown)[codes]
    clusters = None if data.clusters is None else np.unique(data.clusters[keep], return_inverse=True)[1]
    data = Arms(data.outcome[keep], data.treated[keep], data.covariates[keep], clusters)
    kept = np.flatnonzero(shown)
    codes = np.searchsorted(kept, codes[keep])
    dummies = (codes[:, None] == np.arange(len(kept))).astype(float)
    X = np.column_stack([dummies, dummies * data.treated[:, None], standardised(data.covariates)])
    check_rank(X, covariates_from=2 * len(kept))
    if clusters is None:
        fit = least_squares(X, data.outcome)
        check_varies(float(fit.residuals @ fit.residuals), data.outcome)
    else:
        fit = fit_cluster_robust(X, data.outcome, clusters)
    return _Model(data, tuple(names[k] for k in kept), codes, fit)


def _by_band(model: _Model, level: float) -> list[Estimate]:
    k = len(model.names)
    return [_estimate(model, np.eye(k)[j].tolist(), model.codes == j, level, "band_effect") for j in range(k)]


def _estimate(
    model: _Model, by_band: Sequence[float], rows: NDArray[np.bool_], level: float, variant: str
) -> Estimate:
    weights, fit, data = model.weights(by_band), model.fit, model.data
    arms = (data.treated & rows, ~data.treated & rows)
    groups: tuple[int | None, int | None] = (None, None)
    if isinstance(fit, ClusterRobust):
        value, se, df = fit.contrast(weights)
        method = "cr2"
        groups = tuple(len(np.unique(data.clusters[arm])) for arm in arms)
    else:
        value, df, method = float(weights @ fit.coefficients), fit.df, "ancova_hc3"
        se = float(np.sqrt(weights @ fit.covariance("hc3") @ weights))
    return t_estimate(
        value, se, df, level=level, method=method, variant=variant,
        n_treated=int(arms[0].sum()), n_control=int(arms[1].sum()),
        clusters_treated=groups[0], clusters_control=groups[1],
    )  # fmt: skip


def _interaction(model: _Model) -> WaldTest | None:

    k = len(model.names)
    if k < 2:
        return None
    contrasts = np.array([model.weights(np.eye(k)[j] - np.eye(k)[0]) for j in range(1, k)])
    if isinstance(model.fit, ClusterRobust):
        return model.fit.wald(contrasts)
    values = contrasts @ model.fit.coefficients
    spread = contrasts @ model.fit.covariance("hc3") @ contrasts.T
    statistic = float(values @ np.linalg.solve(spread, values)) / (k - 1)
    return WaldTest(statistic, k - 1.0, float(model.fit.df), f_above(statistic, k - 1, model.fit.df))
