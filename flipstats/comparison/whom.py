"""For whom, in words: the effect in each band, the one test, the contrast, the drift back to the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flipstats.comparison.note import Name, shown
from flipstats.comparison.verdict import OF_100, unit_words
from flipstats.i18n import listing, number, percent, t

if TYPE_CHECKING:
    from flipstats.comparison.result import Comparison


def for_whom(result: Comparison) -> tuple[str, ...]:
    """Return what was found by band, a sentence each; empty where nobody asked, or nothing can be shown.

    A difference between bands is only said where the one interaction test shows it: never because one band
    has an interval above zero and another has not.
    """
    told = result.sensitivity.get("moderator")
    bands = [effect for effect in result.effects if effect.role == "band"]
    if told is None or not bands or result.verdict.shown is None:
        return ()
    unit = result.verdict.shown.unit
    said = [
        t("compare.whom_band", band=e.variant, value=_shown(e.value, unit), low=_shown(e.low, unit),
          high=_shown(e.high, unit))
        for e in bands
    ]  # fmt: skip
    name = str(shown(Name("covariate", told["name"])))
    first = t(
        "compare.whom", name=name, unit=unit_words(unit), level=percent(bands[0].level), bands=listing(said)
    )
    parts = [first, _tested(told["interaction"], result.question.level)]
    if (contrast := told.get("contrast")) is not None:
        limits = {key: _shown(contrast[key], unit) for key in ("value", "low", "high")}
        weights = [f"{band} × {number(w, 1, signed=True)}" for band, w in contrast["weights"].items()]
        parts.append(t("compare.whom_contrast", weights=listing(weights), **limits, p=_p(contrast["p"])))
    if told.get("drift"):
        parts.append(_drift(told["drift"], unit))
    return tuple(part for part in parts if part)


def _tested(test: dict[str, float] | None, level: float) -> str:
    if test is None:
        return ""
    key = "whom_differs" if test["p"] < 1 - level else "whom_alike"
    return t(f"compare.{key}", p=_p(test["p"]))


def _drift(bands: list[dict[str, object]], unit: str) -> str:
    lowest = min(bands, key=lambda row: str(row["band"]))
    return t(
        "compare.whom_drift",
        band=lowest["band"],
        expected=_shown(lowest["expected"], unit),
        observed=_shown(lowest["observed"], unit),
        n=lowest["n"],
        unit=unit_words(unit),
    )


def _shown(value: float, unit: str) -> str:
    of_100 = unit in OF_100
    return number(100 * value if of_100 else value, 1 if of_100 else 2, signed=True)


def _p(p: float) -> str:
    return f"< {number(0.001, 3)}" if p < 0.001 else number(p, 3)
