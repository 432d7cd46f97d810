"""Draws for the gaps of a table of numbers, from normal linear regressions whose parameters are drawn too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flipstats.effects.arrays import Floats
from flipstats.errors import EstimationError
from flipstats.i18n import t

ROUNDS = 10  # of the chain, where more than one column has gaps
SMALL = 1e-8  # share of a column's own length that the others leave, below which it adds nothing


def fill_gaps(M: Floats, groups: NDArray[np.intp], rng: np.random.Generator) -> Floats:
    """Fill the gaps of all columns by a chain of draws, each column given the others.

    Parameters
    ----------
    M : (n, k) numbers or NaN
    groups : (n,) int codes 0…G-1
        Each group has a level of its own; all zeros where there are none.
    rng : Generator

    Returns
    -------
    (n, k) array

    Raises
    ------
    EstimationError
        A column has too few observed values for its regression.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, section 5.3; van Buuren (2018), Flexible
    Imputation of Missing Data, algorithms 3.1 and 4.3 ("norm").

    Examples
    --------
    >>> M = np.array([[1.0, 2.0], [2.0, 4.1], [3.0, np.nan], [4.0, 7.9], [5.0, 10.2]])
    >>> filled = fill_gaps(M, np.zeros(5, dtype=int), np.random.default_rng(1))
    >>> bool(5 < filled[2, 1] < 7)
    True
    """
    gaps = np.isnan(M)
    full = M.copy()
    incomplete = np.flatnonzero(gaps.any(axis=0))
    for j in incomplete:
        seen = M[~gaps[:, j], j]
        if not len(seen):
            raise EstimationError(t("effects.too_few_observed"))
        full[gaps[:, j], j] = rng.choice(seen, gaps[:, j].sum())
    for _ in range(1 if len(incomplete) == 1 else ROUNDS):
        for j in incomplete:
            others = np.delete(full, j, axis=1)
            full[gaps[:, j], j] = _draw(others, M[:, j], gaps[:, j], groups, rng)
    return full


def _draw(
    X: Floats, y: Floats, gaps: NDArray[np.bool_], groups: NDArray[np.intp], rng: np.random.Generator
) -> Floats:
    """Draw the gaps of y from its regression on X and group levels, under the usual flat prior."""
    seen, at = ~gaps, groups[~gaps]
    sizes = np.bincount(at, minlength=int(groups.max()) + 1)
    filled, per = sizes > 0, np.maximum(sizes, 1)
    centre_y = _means(y[seen], at, per)
    centre_X = np.array([_means(x[seen], at, per) for x in X.T]).reshape(-1, len(per)).T
    Q, back = _basis(X[seen], X[seen] - centre_X[at])
    away = y[seen] - centre_y[at]
    df = int(seen.sum() - filled.sum() - Q.shape[1])
    if df < 1 or (filled.sum() < 2 and not filled.all()):
        raise EstimationError(t("effects.too_few_observed"))
    along = Q.T @ away
    sigma = float(np.sqrt(((away - Q @ along) ** 2).sum() / rng.chisquare(df)))
    beta = back @ (along + sigma * rng.standard_normal(len(along)))
    levels = centre_y - centre_X @ beta + sigma / np.sqrt(per) * rng.standard_normal(len(per))
    if not filled.all():
        # Nothing is known of these groups but that they are of this arm.
        levels[~filled] = rng.normal(levels[filled].mean(), levels[filled].std(ddof=1), (~filled).sum())
    return levels[groups[gaps]] + X[gaps] @ beta + sigma * rng.standard_normal(int(gaps.sum()))


def _means(x: Floats, groups: NDArray[np.intp], sizes: NDArray[np.intp]) -> Floats:
    return np.bincount(groups, weights=x, minlength=len(sizes)) / sizes


def _basis(X: Floats, centred: Floats) -> tuple[Floats, Floats]:
    """Orthonormal basis of the columns that vary, and the matrix from its coordinates to coefficients."""
    length = np.sqrt((centred**2).sum(axis=0))
    kept = np.flatnonzero(length > SMALL * np.sqrt((X**2).sum(axis=0)))
    if len(kept):
        R = np.linalg.qr(centred[:, kept] / length[kept], mode="r")
        kept = kept[: len(R)][np.abs(np.diag(R)) > SMALL]
    Q, R = np.linalg.qr(centred[:, kept] / length[kept])
    back = np.zeros((X.shape[1], len(kept)))
    back[kept] = np.linalg.inv(R) / length[kept, None]
    return Q, back
