"""What can be worked out of shown numbers: the sums of multiples of their cells, kept as they grow."""

from __future__ import annotations

import numpy as np

# Whole numbers modulo a prime: exact, unlike floats. To miss a sum, this very prime would have to divide its
# weights' denominator, which cells that lie in one another do not have.
_PRIME = 2**31 - 1


class Span:
    """All sums of multiples of the cells taken up so far; some secrets are never among them.

    Parameters
    ----------
    secrets : ndarray of int, shape (secrets, atoms)
        Cells as rows of 0 and 1; none is empty.

    Examples
    --------
    >>> span = Span(np.array([[1, 0, 0]]))
    >>> span.take(np.array([1, 1, 1])), span.take(np.array([0, 1, 0])), span.take(np.array([0, 0, 1]))
    (True, True, False)
    """

    def __init__(self, secrets: np.ndarray) -> None:
        self._left = secrets % _PRIME  # of each secret, what the cells taken up do not explain
        self._basis = np.zeros((0, secrets.shape[1]), np.int64)  # reduced: one pivot a row, 0 in all others
        self._pivots: list[int] = []

    def take(self, cell: np.ndarray) -> bool:
        """Take a cell (of 0 and 1) up, unless a secret would then follow; returns whether it was taken."""
        known = self._basis[cell[self._pivots] == 1].sum(axis=0)
        new = (cell - known) % _PRIME
        if not new.any():
            return True  # follows already
        pivot = int(np.flatnonzero(new)[0])
        new = new * pow(int(new[pivot]), -1, _PRIME) % _PRIME
        left = _without(self._left, new, pivot)
        if not left.any(axis=1).all():
            return False
        self._left = left
        self._basis = np.vstack([_without(self._basis, new, pivot), new])
        self._pivots.append(pivot)
        return True


def _without(rows: np.ndarray, vector: np.ndarray, pivot: int) -> np.ndarray:
    """Return rows with the multiple of a vector taken off that makes them 0 at its pivot."""
    held, out = np.flatnonzero(rows[:, pivot]), rows.copy()
    out[held] = (rows[held] - rows[held, pivot, None] * vector) % _PRIME
    return out
