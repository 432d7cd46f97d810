"""The arrays every estimator takes, checked once: one row a learner, nothing missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flipstats.errors import EmptyArmError, EstimationError, ParameterError
from flipstats.i18n import t

Floats = NDArray[np.float64]
LARGEST = 1e60  # beyond it fourth powers overflow, and nothing that is measured is so large
SMALLEST = 1e-60  # below it they vanish


@dataclass(frozen=True, slots=True)
class Arms:
    """Checked data of two arms.

    Attributes
    ----------
    outcome : (n,) float
    treated : (n,) bool
    covariates : (n, q) float, q may be 0
    clusters : (n,) int codes 0…G-1, or None
    """

    outcome: Floats
    treated: NDArray[np.bool_]
    covariates: Floats
    clusters: NDArray[np.intp] | None

    @property
    def n_treated(self) -> int:
        """Learners in the treated arm."""
        return int(self.treated.sum())

    @property
    def n_control(self) -> int:
        """Learners in the control arm."""
        return int((~self.treated).sum())

    @property
    def arm_of_cluster(self) -> NDArray[np.bool_]:
        """(G,) True where the group is treated."""
        return np.bincount(self.clusters, weights=self.treated) > 0

    @property
    def clusters_treated(self) -> int | None:
        """Groups in the treated arm, None without groups."""
        return None if self.clusters is None else int(self.arm_of_cluster.sum())

    @property
    def clusters_control(self) -> int | None:
        """Groups in the control arm, None without groups."""
        return None if self.clusters is None else int((~self.arm_of_cluster).sum())

    def counts(self) -> dict[str, int | None]:
        """The four counts an `Estimate` carries, by the names of its fields."""
        return {
            "n_treated": self.n_treated,
            "n_control": self.n_control,
            "clusters_treated": self.clusters_treated,
            "clusters_control": self.clusters_control,
        }

    def design(self) -> Floats:
        """(n, 2 + q) design matrix: intercept, treated, centred covariates."""
        centred = self.covariates - self.covariates.mean(axis=0)
        return np.column_stack([np.ones(len(self.outcome)), self.treated, centred])


def arms(
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    nested: bool = True,
) -> Arms:
    """Check the arrays of a comparison and return them as `Arms`.

    Parameters
    ----------
    outcome : (n,) array
    treated : (n,) array of bool or 0/1
    covariates : (n,) or (n, q) array, optional
    clusters : (n,) array of any labels, optional
    nested : bool
        Refuse a group that has learners in both arms.

    Raises
    ------
    ParameterError
        Lengths differ, a value is missing, infinite or beyond 1e60, none is above 1e-60, `treated` is not
        0/1, or a group lies in both arms.
    EmptyArmError
        An arm has nobody in it.

    Examples
    --------
    >>> arms([1.0, 2.0, 3.0], [1, 0, 0], clusters=["a", "b", "b"]).counts()["clusters_control"]
    1
    """
    y = _floats("outcome", outcome)
    arm = _floats("treated", treated)
    if not np.isin(arm, (0.0, 1.0)).all():
        raise ParameterError(t("compare.treated_not_binary"))
    n = len(y)
    X = np.empty((n, 0)) if covariates is None else _floats("covariates", covariates, columns=True)
    codes = None
    if clusters is not None:
        codes = _by_appearance(np.asarray(clusters))
    for name, values in (("treated", arm), ("covariates", X), ("clusters", codes)):
        if values is not None and len(values) != n:
            raise ParameterError(t("compare.lengths_differ", name=name, found=len(values), expected=n))
    is_treated = arm == 1
    for name, size in (("treated", is_treated.sum()), ("control", n - is_treated.sum())):
        if size == 0:
            raise EmptyArmError(t("compare.empty_arm", arm=t(f"compare.arm_{name}")))
    if codes is not None and nested:
        in_treated = np.bincount(codes, weights=is_treated)
        mixed = (in_treated > 0) & (in_treated < np.bincount(codes))
        if mixed.any():
            raise ParameterError(t("compare.group_in_both_arms", n=int(mixed.sum())))
    return Arms(y, is_treated, X, codes)


def require_variation(data: Arms) -> None:
    """Refuse an outcome that is the same for everyone.

    Raises
    ------
    EstimationError
        The outcome is constant.
    """
    if np.ptp(data.outcome) == 0:
        raise EstimationError(t("compare.constant_outcome", value=f"{data.outcome[0]:g}"))


def _by_appearance(labels: NDArray) -> NDArray[np.intp]:
    # Codes follow the first appearance, never the sort order: names may be of any kind.
    if np.issubdtype(labels.dtype, np.integer):
        first, codes = np.unique(labels, return_index=True, return_inverse=True)[1:]
        return np.argsort(np.argsort(first))[codes].astype(np.intp)
    lost = sum(label is None or label != label for label in labels.tolist())
    if lost:
        raise ParameterError(t("compare.missing_values", name="clusters", n=lost))
    order: dict[object, int] = {}
    return np.array([order.setdefault(label, len(order)) for label in labels.tolist()], dtype=np.intp)


def _floats(name: str, values: ArrayLike, *, columns: bool = False) -> Floats:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(t("compare.not_numbers", name=name)) from None
    if columns and array.ndim == 1:
        array = array[:, None]
    if array.ndim != (2 if columns else 1):
        raise ParameterError(t("compare.wrong_shape", name=name))
    missing = int((~np.isfinite(array)).sum())
    if missing:
        raise ParameterError(t("compare.missing_values", name=name, n=missing))
    if array.size and np.abs(array).max() > LARGEST:
        raise ParameterError(t("compare.too_large", name=name))
    if array.size and 0 < np.abs(array).max() < SMALLEST:
        raise ParameterError(t("compare.too_small", name=name))
    return array
