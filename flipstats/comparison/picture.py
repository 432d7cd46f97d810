"""The effects of a comparison as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flipstats.comparison.magnitude import smallest_of
from flipstats.comparison.note import Name, shown
from flipstats.errors import NotComputableError
from flipstats.figures import Picture, forest
from flipstats.i18n import t

if TYPE_CHECKING:
    from flipstats.comparison.result import Comparison

_OTHER_SCALES = ("wwc", "wwc_cluster", "cox", "risk_ratio", "did_g")


def forest_of(result: Comparison) -> Picture:
    """Draw every method, the primary one first, and every band, on the scale of the verdict.

    That is g for scores, each method's points being divided as those of the primary one are, and the
    difference of shares for completion.

    Raises
    ------
    NotComputableError
        The design carries no effect, or it cannot be standardised.
    """
    binary = result.question.kind == "binary"
    if result.primary is None or (result.g is None and not binary):
        raise NotComputableError(t("compare.no_figure"))
    factor = 1.0 if binary else result.g.aside["factor"]
    rows = [
        {
            "label": e.variant if e.role == "band" else e.method,
            "value": factor * e.value,
            "low": factor * e.low,
            "high": factor * e.high,
            "level": e.level,
        }
        for e in result.effects
        if e.role in ("primary", "robustness", "band") and e.variant not in _OTHER_SCALES
    ]
    if not binary:
        g = result.g
        rows[0] |= {"value": g.value, "low": g.low, "high": g.high}
    frame = pl.DataFrame(rows).with_columns(
        pl.when(pl.col(c).is_finite()).then(c).alias(c) for c in ("value", "low", "high")
    )
    names = [shown(Name("name", arm)) for arm in (result.question.treated, result.question.control)]
    return forest(
        frame,
        smallest=smallest_of(result.question),
        unit="share" if binary else "g",
        treated=names[0],
        control=names[1],
    )
