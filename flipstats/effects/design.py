"""The design matrix of a linear model of two arms, and the refusals that belong to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from flipstats.effects.arrays import Arms, Floats, arms
from flipstats.errors import EstimationError
from flipstats.i18n import t

COLLINEAR = 1e-9  # share of a column's own length that the other columns leave unexplained
FLAT = 1e-12  # spread of a column, as a share of its size, below which it is constant


def standardised(covariates: Floats) -> Floats:
    """Centre and scale each column, which changes no effect of the arm and keeps the algebra sound.

    Parameters
    ----------
    covariates : (n, q) array

    Raises
    ------
    EstimationError
        A covariate is constant.
    """
    if covariates.shape[1] == 0:
        return covariates
    size = np.abs(covariates).max(axis=0)
    centred = covariates - covariates.mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=0))
    flat = scale <= FLAT * size
    if flat.any():
        raise EstimationError(t("effects.constant_covariate", position=int(np.argmax(flat)) + 1))
    return centred / scale


def design_matrix(data: Arms) -> Floats:
    """Columns intercept, treated, standardised covariates.

    Returns
    -------
    (n, 2 + q) array

    Raises
    ------
    EstimationError
        A covariate is constant or a combination of the arm and the others; or fewer learners than columns.
    """
    X = np.column_stack(
        [np.ones(len(data.outcome)), data.treated.astype(float), standardised(data.covariates)]
    )
    check_rank(X, covariates_from=2)
    return X


def check_rank(X: Floats, *, covariates_from: int) -> None:
    """Refuse a design whose columns do not stand apart.

    Parameters
    ----------
    X : (n, p) array
    covariates_from : int
        Column of the first covariate, for the message.

    Raises
    ------
    EstimationError
        A column is a combination of those before it, or there are no more rows than columns.
    """
    n, p = X.shape
    if n <= p:
        raise EstimationError(t("effects.too_few_rows", n=n, p=p))
    left = np.abs(np.diag(np.linalg.qr(X, mode="r")))
    collinear = left <= COLLINEAR * np.sqrt((X**2).sum(axis=0))
    if collinear.any():
        position = max(int(np.argmax(collinear)) - covariates_from + 1, 0)
        raise EstimationError(t("effects.collinear_covariate", position=position))


def check_varies(residual_ss: float, outcome: Floats) -> None:
    """Refuse an outcome that the model leaves without any variation.

    Raises
    ------
    EstimationError
        The outcome is constant, or told exactly by arm, groups and covariates.
    """
    spread = float(((outcome - outcome.mean()) ** 2).sum())
    if spread <= FLAT**2 * float((outcome**2).sum()) or residual_ss <= FLAT * spread:
        raise EstimationError(t("effects.no_variation"))


def cross_counts(data: Arms) -> dict[str, int | None]:
    """The four counts of an `Estimate`, where a group may have learners in both arms and counts in each."""
    treated = control = None
    if data.clusters is not None:
        treated = len(np.unique(data.clusters[data.treated]))
        control = len(np.unique(data.clusters[~data.treated]))
    return {
        "n_treated": data.n_treated,
        "n_control": data.n_control,
        "clusters_treated": treated,
        "clusters_control": control,
    }


def some_arms(
    outcome: ArrayLike, treated: ArrayLike, covariates: ArrayLike | None, clusters: ArrayLike | None
) -> Arms:
    """Check the arrays of a comparison whose groups may have learners in both arms.

    Raises
    ------
    ParameterError, EmptyArmError
        As `flipstats.effects.arrays.arms`.
    """
    return arms(outcome, treated, covariates=covariates, clusters=clusters, nested=False)
