"""For whom: effects by level of one pre-declared moderator, from one model with one interaction test."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl

from flipstats.comparison.note import Note, note
from flipstats.comparison.outcomes import BASELINE_NAMES
from flipstats.comparison.question import Analysed, Question
from flipstats.comparison.result import Effect
from flipstats.effects.bands import CUTS, BandAnalysis, band_contrast, band_effects, cut_bands
from flipstats.effects.drift import regression_to_mean
from flipstats.errors import EstimationError, FlipstatsError

_MOST_LEVELS = 8


def band_effects_of(
    question: Question, frame: pl.DataFrame, data: Analysed
) -> tuple[tuple[Effect, ...], dict[str, object], tuple[Note, ...]]:
    """Return the effect in each band, what the one interaction test says, and what could not be shown.

    The bands of a measured baseline are cut on everyone assigned, both arms together, outcomes unseen.
    """
    if question.moderator is None:
        return (), {}, ()
    labels = bands_of(frame)
    keep = (frame["analysed"] & labels.is_not_null()).to_numpy()
    inside = keep[frame["analysed"].to_numpy()]
    levels = labels.filter(pl.Series(keep)).to_numpy()
    covariates = _beside_bands(data, inside, levels)
    try:
        found = band_effects(
            data.outcome[inside], data.treated[inside], levels,
            covariates=covariates, clusters=data.clusters[inside] if question.grouped else None,
            min_per_arm=question.thresholds.min_learners_per_band, level=question.level,
        )  # fmt: skip
    except FlipstatsError as problem:
        return (), {}, (note("bands_refused", {"name": question.moderator, "reason": str(problem)}),)
    effects = tuple(
        Effect(question.outcome, "band_difference", "band", replace(one.estimate, variant=str(one.band)))
        for one in found.effects
        if one.estimate is not None
    )
    told, refused = _told(question, found), ()
    if question.contrast:
        told["contrast"], refused = _contrast(question, data, inside, levels, covariates)
    if (drift := _drift(labels, frame, question)) is not None:
        told["drift"] = drift
    hidden = tuple(str(band) for band in found.left_out)
    notes = [note("bands_hidden", {"bands": hidden, "n": question.thresholds.min_learners_per_band})]
    return effects, {"moderator": told}, (*(notes if hidden else ()), *refused)


def _contrast(
    question: Question,
    data: Analysed,
    inside: np.ndarray,
    levels: np.ndarray,
    covariates: np.ndarray | None,
) -> tuple[dict[str, object] | None, tuple[Note, ...]]:
    try:
        found = band_contrast(
            data.outcome[inside], data.treated[inside], levels, dict(question.contrast),
            covariates=covariates, clusters=data.clusters[inside] if question.grouped else None,
            min_per_arm=question.thresholds.min_learners_per_band, level=question.level,
        )  # fmt: skip
    except EstimationError as problem:
        return None, (note("contrast_refused", {"reason": str(problem)}),)
    return {"weights": dict(question.contrast)} | found.row(), ()


def _told(question: Question, found: BandAnalysis) -> dict[str, object]:
    test = found.interaction
    return {
        "name": question.moderator,
        "bands": [
            {"band": str(one.band), "n_treated": one.n_treated, "n_control": one.n_control,
             "shown": one.estimate is not None}
            for one in found.effects
        ],
        "interaction": None if test is None else {name: getattr(test, name) for name in type(test).__slots__},
    }  # fmt: skip


def bands_of(frame: pl.DataFrame) -> pl.Series:
    """Return the level of each learner: as given, or a measured value cut at 15, 40 and 75 %."""
    values = frame["band"]
    numbers = values.cast(pl.Float64, strict=False)
    measured = numbers.null_count() == values.null_count() and numbers.n_unique() > _MOST_LEVELS
    if not measured:
        return values
    edges = [0.0, *CUTS, 100.0]
    names = [f"{int(low):02d}-{int(high)}%" for low, high in pairwise(edges)]
    known = numbers.is_not_null().to_numpy()
    out = np.full(len(values), None, dtype=object)
    out[known] = [names[code] for code in cut_bands(numbers.drop_nulls().to_numpy())]
    return pl.Series("band", out.tolist(), dtype=pl.String)


def _beside_bands(data: Analysed, inside: np.ndarray, levels: np.ndarray) -> np.ndarray | None:
    """Return the covariates that the bands do not already tell."""
    if data.covariates is None:
        return None
    X = data.covariates[inside]
    of_band = [X[levels == level] for level in np.unique(levels)]
    free = [k for k in range(X.shape[1]) if any(np.ptp(part[:, k]) > 0 for part in of_band)]
    return X[:, free] if free else None


def _drift(labels: pl.Series, frame: pl.DataFrame, question: Question) -> list[dict[str, object]] | None:
    """Regression to the mean in the control arm, expected and observed, of each band of the baseline.

    None unless the moderator is the baseline, measured on the scale of the outcome.
    """
    if question.own_baseline is None or question.moderator not in (question.baseline, *BASELINE_NAMES):
        return None
    control = frame.with_columns(labels.alias("band")).filter("analysed", ~pl.col("treated"))
    control = control.drop_nulls("band")  # an unknown baseline has no band, whatever stands in for it
    x, y = control[f"x:{question.baseline}"], control["outcome"]
    rows = []
    lower = -np.inf
    for band in sorted(control["band"].drop_nulls().unique()):
        upper = float(control.filter(pl.col("band") == band)[f"x:{question.baseline}"].max())
        try:
            found = regression_to_mean(x.to_numpy(), y.to_numpy(), lower=lower, upper=upper)
        except FlipstatsError:
            return None
        rows.append({"band": band, "expected": found.expected, "observed": found.observed, "n": found.n})
        lower = upper
    return rows
