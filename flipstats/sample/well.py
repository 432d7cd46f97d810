"""A programme where all is well but the problems asked for: when people prepare, and who too early."""

from __future__ import annotations

import numpy as np
import polars as pl

_LARGE = 8  # learners of the group that prepares too early, at least where there is one so large
_EARLY_H = (6.5 * 24, 12.5 * 24)
_MORNING_H, _SPAN_H = 9, 7


def early_group(seed: int, flipped: np.ndarray, size: np.ndarray) -> int:
    """Return the flipped group that prepares too early, of those that are not small."""
    large = np.flatnonzero(flipped & (size >= _LARGE))
    if not large.size:
        large = np.flatnonzero(flipped & (size == size[flipped].max()))
    return int(np.random.default_rng([seed, 80]).choice(large))


def early_sittings(u: np.ndarray) -> np.ndarray:
    """Return hours ahead of the session for chances `u`: a week to twelve days.

    Examples
    --------
    >>> early_sittings(np.array([0.0, 0.5])).tolist()
    [156.0, 228.0]
    """
    low, high = _EARLY_H
    return low + u * (high - low)


def in_working_hours(sitting: np.ndarray, starts: np.ndarray, released: np.ndarray) -> np.ndarray:
    """Move sittings to the working hours of their day in Paris, or of the Friday before.

    A sitting that would then begin once the session has started stays where it was; none begins before the
    release.

    Parameters
    ----------
    sitting, starts, released : ndarray of int
        Epoch seconds, of shapes that go together.
    """
    moments = pl.from_epoch(pl.Series(np.asarray(sitting, np.int64).ravel()), "s")
    local = moments.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris")
    day = local.dt.truncate("1d")
    part = (local.dt.hour().cast(pl.Float64) * 3600 + local.dt.minute() * 60 + local.dt.second()) / 86_400
    back = (local.dt.weekday() - 5).clip(0, 2)
    table = pl.DataFrame({"day": day.dt.replace_time_zone(None), "back": back, "part": part})
    worked = table.select(
        (
            pl.col("day").dt.offset_by(pl.format("-{}d", "back")).dt.offset_by(f"{_MORNING_H}h")
            + pl.duration(seconds=(pl.col("part") * _SPAN_H * 3600).floor())
        )
        .dt.replace_time_zone("Europe/Paris")
        .dt.epoch("s")
    ).to_series()
    moved = np.maximum(worked.to_numpy().reshape(sitting.shape), released + 120)
    return np.where(moved < starts - 3600, moved, sitting)
