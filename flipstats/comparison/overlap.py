"""How far the two arms overlap, and how alike they are once weighted or matched."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flipstats.comparison.methods import WEIGHTED
from flipstats.comparison.question import Analysed
from flipstats.effects.propensity import Propensity, propensity, propensity_overlap
from flipstats.effects.results import Estimate
from flipstats.effects.sizes import COX, individual
from flipstats.effects.weights import weighting
from flipstats.errors import FlipstatsError


def model_of(data: Analysed) -> Propensity | None:
    """Return the propensity model of the learners analysed.

    None without covariates, and where the covariates tell the arms apart exactly: there is no overlap then.
    """
    if data.covariates is None:
        return None
    try:
        return propensity(data.treated, data.covariates)
    except FlipstatsError:
        return None


def overlap_of(model: Propensity | None) -> dict[str, object] | None:
    """Return where the propensity scores of both arms lie; None without a model."""
    if model is None:
        return None
    found = propensity_overlap(model)
    return {name: getattr(found, name) for name in type(found).__slots__}


def with_after(
    rows: list[dict[str, object]],
    data: Analysed,
    beside: Mapping[str, Estimate],
    model: Propensity | None,
) -> list[dict[str, object]]:
    """Return the balance with ``after``: the difference under each method that weights or matches.

    The denominator is that of the difference before, so that the two can be laid side by side.
    """
    weights = _weights(data, beside, model)
    return [
        row | {"after": {name: _gap(data, k, row, w) for name, w in weights.items()}}
        for k, row in enumerate(rows)
    ]


def _weights(
    data: Analysed, beside: Mapping[str, Estimate], model: Propensity | None
) -> dict[str, np.ndarray]:
    asked = [name for name in beside if name in WEIGHTED]
    # Doubly robust estimation weights as the inverse of the probability does.
    out = {
        name: weighting(model, "ipw_ate" if name == "aipw" else name).weights
        for name in asked
        if model is not None
    }
    if "nn_match" in beside:
        from flipstats.effects.matching import nn_match

        pairs = nn_match(data.outcome, data.treated, data.covariates, seed=data.seed, orders=1).pairs
        out["nn_match"] = np.bincount(pairs.ravel(), minlength=len(data.outcome)).astype(float)
    return out


def _gap(data: Analysed, column: int, row: Mapping[str, object], weights: np.ndarray) -> float:
    x, one = data.covariates[:, column], data.treated
    means = [float(np.average(x[arm], weights=weights[arm])) for arm in (one, ~one)]
    omega = individual(*data.learners).omega
    if row["kind"] == "binary":
        if any(not 0 < p < 1 for p in means):
            return 0.0 if means[0] == means[1] else float("nan")
        logits = [np.log(p / (1 - p)) for p in means]
        return float(omega * (logits[0] - logits[1]) / COX)
    spread = [
        (n - 1) * row[sd] ** 2 for n, sd in zip(data.learners, ("sd_treated", "sd_control"), strict=True)
    ]
    sd = float(np.sqrt(sum(spread) / (sum(data.learners) - 2)))
    return omega * (means[0] - means[1]) / sd if sd > 0 else float("nan")
