"""Effects with their intervals, beside the smallest effect of interest and what the literature found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from flipstats.conventions import LITERATURE_G
from flipstats.figures import theme
from flipstats.figures.picture import Picture, interval_note, localized, needs
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    import plotly.graph_objects as go


_LIFT = 0.16
_LONG = 20  # characters of a label beyond which its number goes on a line of its own


def forest(
    effects: pl.DataFrame,
    *,
    smallest: float,
    unit: str = "g",
    reference: tuple[float, ...] | None = None,
    treated: str,
    control: str,
    better: str = "more",
) -> Picture:
    """Draw effects, treated minus control, each with its interval.

    Parameters
    ----------
    effects : DataFrame
        ``label, value, low, high, level``, first line first; the first is drawn as the primary one.
    smallest : float
        Smallest effect of interest, in the unit of the values; the band between minus and plus it is shaded.
    unit : str
        ``"g"`` (standard deviations) or ``"share"`` (difference of shares, drawn as points).
    reference : tuple of float, optional
        Value, low and high found in the literature; where unit is ``"g"``, by default
        `conventions.LITERATURE_G`; empty where the outcome is none that it knows.
    treated, control : str
        The arms, as people know them.
    better : {"more", "less", "neither"}
        On which side an effect is good; the literature's line is drawn where more is better.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    needs(effects, ("label", "value", "low", "high"), "forest")
    if reference is None and unit == "g" and better == "more":
        reference = LITERATURE_G
    digits, scale = (2, 1.0) if unit == "g" else (0, 100.0)
    effects = effects.with_columns(pl.col("value", "low", "high") * scale)
    lines = effects.height + (1 if reference else 0)
    tall = any(len(label) > _LONG for label in effects["label"])
    figure = theme.canvas(100 + (72 if tall else 56) * max(lines, 1))
    band = smallest * scale
    figure.add_shape(
        type="rect", x0=-band, x1=band, y0=0, y1=1, yref="paper", line_width=0, layer="below",
        fillcolor=theme.VOID,
    )  # fmt: skip
    figure.add_shape(
        type="line", x0=0, x1=0, y0=0, y1=1, yref="paper", layer="below",
        line={"color": theme.LIGHT["axis"], "width": 1.5},
    )  # fmt: skip
    _effects(figure, effects, digits)
    if reference:
        _reference(figure, tuple(value * scale for value in reference), effects.height, digits)
    _frame(figure, effects, lines, band, reference, unit)
    _sides(figure, {"more": (control, treated), "less": (treated, control)}.get(better, ()))
    return Picture(
        figure=figure,
        title=t("figures.forest_title", treated=treated, control=control),
        caption=_caption(effects, band, digits, unit, reference),
        alt=_alt(effects, digits, treated, control),
        table=_table(effects, digits),
    )


def _effects(figure: go.Figure, effects: pl.DataFrame, digits: int) -> None:
    for line, row in enumerate(effects.iter_rows(named=True)):
        colour = theme.LIGHT["blue"] if line == 0 else theme.LIGHT["muted"]
        text = t("figures.not_computable")
        if row["value"] is not None:
            text = f"<b>{number(row['value'], digits, signed=True)}</b>  {_range(row, digits)}"
            _mark(figure, row, line, colour, text, symbol="square", size=13 if line == 0 else 9)
        label = theme.safe(row["label"], 40, 1)
        apart = "<br>" if len(row["label"]) > _LONG else "  "
        theme.line_label(figure, line, f"{label}{apart}{text}", lift=_LIFT)


def _reference(figure: go.Figure, reference: tuple[float, ...], line: int, digits: int) -> None:
    value, low, high = reference
    figure.add_shape(
        type="rect", x0=low, x1=high, y0=0, y1=1, yref="paper", line_width=0, layer="below",
        fillcolor="rgba(176,87,141,0.16)",
    )  # fmt: skip
    row = {"label": t("figures.literature_label"), "value": value, "low": low, "high": high}
    text = f"{number(value, digits, signed=True)}  {_range(row, digits)}"
    hover = f"{text}<br>{t('figures.literature_hover')}"
    _mark(figure, row, line, theme.LIGHT["purple"], hover, symbol="diamond", size=10)
    theme.line_label(figure, line, f"{row['label']}  {text}", lift=_LIFT)


def _mark(
    figure: go.Figure, row: dict, line: int, colour: str, hover: str, *, symbol: str, size: int
) -> None:
    import plotly.graph_objects as go

    figure.add_trace(
        go.Scatter(
            x=[row["value"]],
            y=[line],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": size},
            error_x=theme.whiskers([row["value"]], [row["low"]], [row["high"]], colour)
            | {"thickness": 3 if size > 10 else 2},
            customdata=[f"<b>{theme.safe(row['label'], 40)}</b><br>{hover}"],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _frame(
    figure: go.Figure,
    effects: pl.DataFrame,
    lines: int,
    band: float,
    reference: tuple[float, float, float] | None,
    unit: str,
) -> None:
    """Set the axes so that zero, the band and every interval are inside, zero near the middle."""
    ends = [abs(v) for name in ("value", "low", "high") for v in effects[name].drop_nulls()]
    reach = 1.12 * max([*ends, 2.2 * band, *([reference[2]] if reference else [])])
    figure.update_layout(
        xaxis={
            "range": [-reach, reach],
            "showgrid": True,
            "nticks": 7,
            "title": {"text": t(f"figures.forest_axis_{unit}")},
        },
        yaxis={"visible": False, "range": [lines - 0.7, -0.8]},
        margin={"l": 2, "r": 2, "t": 44},
    )


def _sides(figure: go.Figure, arms: Sequence[str]) -> None:
    """Say on which side which arm does better."""
    for side, arm in enumerate(arms):
        anchor = ("left", "right")[side]
        key = "figures.better_right" if side else "figures.better_left"
        figure.add_annotation(
            x=side, xref="x domain", y=1, yref="paper", xanchor=anchor, yanchor="bottom",
            text=t(key, arm=theme.safe(arm, 20, 1)), align=anchor, font={"color": theme.LIGHT["muted"]},
        )  # fmt: skip


def _range(row: dict, digits: int) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    low, high = number(row["low"], digits, signed=True), number(row["high"], digits, signed=True)
    return "[" + t("figures.between", low=low, high=high) + "]"


def _caption(
    effects: pl.DataFrame, band: float, digits: int, unit: str, reference: tuple[float, float, float] | None
) -> str:
    parts = [t("figures.forest_caption", band=number(band, digits), unit=t(f"figures.unit_{unit}"))]
    parts.append(interval_note(effects) if "interval" in effects.columns else _level(effects))
    if reference == LITERATURE_G and unit == "g":
        parts.append(t("figures.literature_caption"))
    return " ".join(part for part in parts if part)


def _level(effects: pl.DataFrame) -> str:
    levels = effects["level"].drop_nulls().unique().to_list() if "level" in effects.columns else []
    return t("figures.interval_level", level=percent(levels[0])) if levels else ""


def _alt(effects: pl.DataFrame, digits: int, treated: str, control: str) -> str:
    said = [
        t(
            "figures.alt_effect",
            label=row["label"],
            value=number(row["value"], digits, signed=True),
            interval=_range(row, digits) or "–",
        )
        for row in effects.iter_rows(named=True)
    ]
    return t(
        "figures.alt_series",
        title=t("figures.forest_title", treated=treated, control=control),
        said=" ".join(said),
    )


def _table(effects: pl.DataFrame, digits: int) -> pl.DataFrame:
    cells = list(effects.iter_rows(named=True))
    return localized(
        [
            ("effect", [cell["label"] for cell in cells]),
            ("difference", [number(cell["value"], digits, signed=True) for cell in cells]),
            ("interval", [_range(cell, digits).strip("[]") or "–" for cell in cells]),
        ]
    )
