"""The effects of a comparison as one picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from flipstats.comparison.magnitude import smallest_of
from flipstats.comparison.note import Name, shown
from flipstats.errors import NotComputableError, ParameterError, did_you_mean
from flipstats.figures import Picture, forest, group_means, love
from flipstats.i18n import t

if TYPE_CHECKING:
    from flipstats.comparison.result import Comparison

_OTHER_SCALES = ("wwc", "wwc_cluster", "cox", "risk_ratio", "did_g")


def picture_of(result: Comparison, kind: str) -> Picture:
    """Draw a comparison; see `Comparison.figure`.

    Raises
    ------
    ParameterError
        There is no such kind; the nearest is suggested.
    NotComputableError
        There is nothing of that kind to draw.
    """
    drawn = {"forest": forest_of, "love": love_of, "groups": groups_of}
    if kind not in drawn:
        raise ParameterError(
            t("compare.unknown_figure", name=kind, hint=did_you_mean(kind, drawn) or ", ".join(drawn))
        )
    return drawn[kind](result)


def love_of(result: Comparison) -> Picture:
    """Draw the standardised differences before the start and, where a method weights or matches, after.

    Raises
    ------
    NotComputableError
        Nothing was measured before.
    """
    if not result.balance:
        raise NotComputableError(t("compare.no_love"))
    after = list(result.balance[0]["after"])
    rows = [
        {"label": str(shown(Name("covariate", row["covariate"]))), "before": _finite(row["g"])}
        | {f"after_{name}": _finite(row["after"][name]) for name in after}
        for row in result.balance
    ]
    limits = result.question.thresholds
    series = {"before": t("compare.love_before")}
    series |= {f"after_{name}": t("compare.love_after", method=name) for name in after}
    schema = {"label": pl.String} | dict.fromkeys(series, pl.Float64)
    treated, control = _arms(result)
    return love(
        pl.DataFrame(rows, schema=schema), series=series, equal=limits.baseline_equivalent_g,
        mend=limits.baseline_adjustable_g, treated=treated, control=control,
    )  # fmt: skip


def groups_of(result: Comparison) -> Picture:
    """Draw how outcomes spread in each arm, with the mean of each group and of each arm."""
    treated, control = _arms(result)
    words = {result.question.treated: treated, result.question.control: control}
    named = pl.col("arm").replace(words)
    outcome = str(shown(Name("outcome", result.question.outcome)))
    return group_means(
        result.groups().with_columns(named), result.arms().with_columns(named), treated=treated,
        outcome=outcome[:1].upper() + outcome[1:],
        share=result.question.shares or result.question.kind == "binary",
        spread=None if result.spread is None else result.spread.with_columns(named),
    )  # fmt: skip


def _band(result: Comparison, level: str) -> str:
    return t("compare.band_of", name=shown(Name("covariate", result.question.moderator)), level=level)


def _finite(value: float) -> float | None:
    return value if value == value and abs(value) != float("inf") else None


def _arms(result: Comparison) -> tuple[str, str]:
    return tuple(str(shown(name)) for name in result.question.names)


def forest_of(result: Comparison, words: Callable[[str], str] = str) -> Picture:
    """Draw every method, the primary one first, and every band, on the scale of the verdict.

    Methods are called as `words` says.

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
            "label": _band(result, e.variant) if e.role == "band" else words(e.method),
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
    treated, control = _arms(result)
    return forest(
        frame,
        smallest=smallest_of(result.question),
        unit="share" if binary else "g",
        treated=treated,
        control=control,
        better=result.question.direction,
        reference=None if result.question.is_learning else (),
    )
