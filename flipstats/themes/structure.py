"""How many themes there are, if any, and which comment is of which: numbers only, no tables.

Term weights (TF-IDF) are split into non-negative factors: as many as come back best from half of the
comments, and only where the comments hang together more than shuffled ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SEED = 20_240_318
_SAMPLES, _SHUFFLES, _TRADES = 10, 39, 5
_COMMENTS_A_THEME = 10  # on average, at least
_AS_GOOD = 0.03  # of numbers whose factors come back as well as the best, the largest
CHANCE = 1 / (1 + _SHUFFLES)  # themes are claimed where no shuffle hangs together as well


@dataclass(frozen=True, slots=True)
class Structure:
    """The themes of some comments.

    Attributes
    ----------
    of : ndarray of int, shape (comments,)
        The theme of each comment, -1 for none.
    terms : list of list of str
        The terms of each theme, the weightiest first.
    stability : dict of int to float
        How well the factors came back, by the number tried.
    shared : float
        Of the comments as they are and the shuffles tried, the share that hangs together as much: `CHANCE`
        where none of the shuffles does, and then themes are claimed.
    """

    of: NDArray
    terms: list[list[str]]
    stability: dict[int, float]
    shared: float


def structure(documents: Sequence[Sequence[str]], *, most: int, stable: float, weight: float) -> Structure:
    """Find the themes of documents.

    Parameters
    ----------
    documents : sequence of sequence of str
        The terms of each comment.
    most : int
        Themes at most.
    stable : float
        Mean likeness (cosine) of factors with those of half-samples from which on they are kept.
    weight : float
        Share of a comment's weight that one factor must have for the comment to be of its theme.

    Returns
    -------
    Structure
        Without themes where none come back, or where shuffled comments hang together as much.
    """
    found = np.full(len(documents), -1)
    matrix, terms, kept = _weights(documents)
    if matrix.shape[0] < 4 or matrix.shape[1] < 4:
        return Structure(found, [], {}, 1.0)
    most = min(most, max(2, matrix.shape[0] // _COMMENTS_A_THEME), matrix.shape[1] // 2)
    stability = {k: _stability(matrix, k) for k in range(2, most + 1)}
    best = max(stability.values(), default=0.0)
    if best < stable:
        return Structure(found, [], stability, 1.0)
    count = max(k for k, value in stability.items() if value >= best - _AS_GOOD)
    shared = _shared(documents, kept, terms, count)
    if shared > CHANCE:
        return Structure(found, [], stability, shared)
    doc, term = _factors(matrix, count)
    share = doc * term.sum(axis=1)
    total = share.sum(axis=1)
    mine = share.argmax(axis=1)
    clear = (total > 0) & (share.max(axis=1) >= weight * total)
    found[kept] = np.where(clear, mine, -1)
    order = np.argsort(-term, axis=1, kind="stable")
    named = [[terms[j] for j in order[k] if term[k, j] > 0] for k in range(count)]
    return Structure(found, named, stability, shared)


def _weights(documents: Sequence[Sequence[str]]) -> tuple[NDArray, list[str], NDArray]:
    """Return TF-IDF weights of the documents that have a shared term, these terms, and which they are."""
    counts: dict[str, int] = {}
    for document in documents:
        for term in set(document):
            counts[term] = counts.get(term, 0) + 1
    terms = sorted(term for term, n in counts.items() if n > 1)
    place = {term: j for j, term in enumerate(terms)}
    present = np.zeros((len(documents), len(terms)))
    for i, document in enumerate(documents):
        present[i, [place[term] for term in document if term in place]] = 1.0
    return *_scaled(present, terms), np.flatnonzero(present.any(axis=1))


def _scaled(present: NDArray, terms: list[str]) -> tuple[NDArray, list[str]]:
    from sklearn.feature_extraction.text import TfidfTransformer

    rows = present[present.any(axis=1)]
    if not rows.size:
        return rows, terms
    return TfidfTransformer().fit_transform(rows).toarray(), terms


def _factors(matrix: NDArray, count: int) -> tuple[NDArray, NDArray]:
    """Split a matrix into `count` factors: by document, by term."""
    from sklearn.decomposition import NMF

    model = NMF(count, init="nndsvda", solver="cd", max_iter=200, tol=1e-3, random_state=_SEED)
    return _quietly(model, matrix), model.components_


def _quietly(model, matrix: NDArray) -> NDArray:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():  # a factor not settled to the fourth digit is as good for us
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit_transform(matrix)


def _stability(matrix: NDArray, count: int) -> float:
    """Return how alike the factors of half-samples are to those of all, each matched to its nearest."""
    from scipy.optimize import linear_sum_assignment

    whole = _unit(_factors(matrix, count)[1])
    rng, likeness = np.random.default_rng([_SEED, count]), []
    for _ in range(_SAMPLES):
        rows = np.sort(rng.choice(len(matrix), len(matrix) // 2, replace=False))
        part = _unit(_factors(matrix[rows], count)[1])
        cosine = whole @ part.T
        pairs = linear_sum_assignment(-cosine)
        likeness.append(cosine[pairs].mean())
    return float(np.mean(likeness))


def _unit(rows: NDArray) -> NDArray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


def _shared(documents: Sequence[Sequence[str]], kept: NDArray, terms: list[str], count: int) -> float:
    """Return how often factors explain shuffled comments as well: as many words each, each as often used."""
    place = {term: j for j, term in enumerate(terms)}
    present = np.zeros((len(kept), len(terms)), dtype=bool)
    for row, i in enumerate(kept):
        present[row, [place[term] for term in documents[i] if term in place]] = True
    rng = np.random.default_rng([_SEED, 0])
    real = _explained(present, terms, count)
    for tried in range(1, _SHUFFLES + 1):  # the first that hangs together as well settles it
        if _explained(_shuffled(present, rng), terms, count) >= real - 1e-12:
            return 2 / (1 + tried)
    return CHANCE


def _explained(present: NDArray, terms: list[str], count: int) -> float:
    matrix, _ = _scaled(present.astype(float), terms)
    doc, term = _factors(matrix, count)
    return 1 - float(((matrix - doc @ term) ** 2).sum() / (matrix**2).sum())


def _shuffled(present: NDArray, rng: np.random.Generator) -> NDArray:
    """Trade words between pairs of comments: each comment keeps its length, each word its number.

    The "curveball" of G. Strona and others (2014), Nature Communications 5, 4114.
    """
    out = present.copy()
    for _ in range(_TRADES * len(out)):
        a, b = rng.choice(len(out), 2, replace=False)
        only_a, only_b = np.flatnonzero(out[a] & ~out[b]), np.flatnonzero(out[b] & ~out[a])
        pool = rng.permutation(np.concatenate([only_a, only_b]))
        out[a, pool], out[b, pool] = False, False
        out[a, pool[: only_a.size]] = True
        out[b, pool[only_a.size :]] = True
    return out
