"""What moved between two iterations: one line an indicator, one mark an arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import Picture, interval_note, localized, needs
from flipstats.i18n import number, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LIFT = 0.2
_APART = 0.2
_SHEET = 800  # pixels: the highest that fits a sheet of A4 with its words
_POINTS = 100.0


def iteration_changes(rows: pl.DataFrame, *, before: str, after: str, treated: str | None = None) -> Picture:
    """Draw differences of shares and scores between two iterations, in points, with their intervals.

    Parameters
    ----------
    rows : DataFrame
        ``label, arm, difference, low, high, level, interval``; differences of values in 0-1.
    before, after : str
        The iterations, as people call them.
    treated : str, optional
        The arm drawn in the first colour.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    needs(rows, ("label", "arm", "difference", "low", "high"), "iteration_changes")
    rows = rows.with_columns(pl.col("difference", "low", "high") * _POINTS)
    labels = rows["label"].unique(maintain_order=True).to_list()
    styles = theme.colours_of(rows["arm"].unique(maintain_order=True).to_list(), first=treated)
    figure = theme.canvas(130 + 62 * len(labels))
    figure.add_shape(
        type="line", x0=0, x1=0, y0=0, y1=1, yref="paper", layer="below",
        line={"color": theme.LIGHT["axis"], "width": 1.5},
    )  # fmt: skip
    for i, (arm, style) in enumerate(styles.items()):
        shift = (i - (len(styles) - 1) / 2) * _APART
        _marks(figure, rows.filter(pl.col("arm") == arm), labels, arm, style, shift)
    for line, label in enumerate(labels):
        theme.line_label(figure, line - _APART / 2, theme.safe(label, 46, 1), lift=_LIFT)
    _frame(figure, rows, len(labels), before, after, legend=len(styles) > 1)
    figure.update_layout(meta={"paper_height": _SHEET})
    return Picture(
        figure=figure,
        title=t("figures.change_title", before=before, after=after),
        caption=" ".join([t("figures.change_caption"), interval_note(rows)]).strip(),
        alt=_alt(rows, before, after),
        table=_table(rows),
    )


def _marks(
    figure: go.Figure, part: pl.DataFrame, labels: list[str], arm: str, style: tuple[str, str], shift: float
) -> None:
    import plotly.graph_objects as go

    colour, symbol = style
    values, lows, highs = (part[name].to_list() for name in ("difference", "low", "high"))
    figure.add_trace(
        go.Scatter(
            x=values,
            y=[labels.index(label) + shift for label in part["label"]],
            mode="markers",
            name=theme.safe(arm, 30, 1),
            marker={"size": 11, "color": colour, "symbol": symbol},
            error_x=theme.whiskers(values, lows, highs, colour),
            customdata=[
                f"<b>{theme.safe(row['label'], 40)}</b><br>{theme.safe(arm, 30, 1)} {_said(row)}"
                for row in part.iter_rows(named=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _frame(
    figure: go.Figure, rows: pl.DataFrame, lines: int, before: str, after: str, *, legend: bool
) -> None:
    ends = [abs(v) for name in ("difference", "low", "high") for v in rows[name].drop_nulls()]
    reach = 1.12 * max([*ends, 10.0])
    axis = t("figures.change_axis", before=theme.safe(before, 20, 1), after=theme.safe(after, 20, 1))
    figure.update_layout(
        xaxis={"range": [-reach, reach], "showgrid": True, "nticks": 7, "title": {"text": axis}},
        yaxis={"visible": False, "range": [lines - 0.5, -0.9]},
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"t": 40},
    )


def _said(row: dict) -> str:
    value = number(row["difference"], 1, signed=True)
    return f"{value} {_between(row)}".strip()


def _between(row: dict) -> str:
    if row["low"] is None:
        return ""
    low, high = number(row["low"], 1, signed=True), number(row["high"], 1, signed=True)
    return "[" + t("figures.between", low=low, high=high) + "]"


def _alt(rows: pl.DataFrame, before: str, after: str) -> str:
    said = [
        t("figures.alt_difference", label=f"{row['label']}, {row['arm']}", value=_said(row))
        for row in rows.iter_rows(named=True)
    ]
    title = t("figures.change_title", before=before, after=after)
    return t("figures.alt_series", title=title, said=" ".join(said))


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    cells = list(rows.iter_rows(named=True))
    return localized(
        [
            ("effect", [cell["label"] for cell in cells]),
            ("arm", [cell["arm"] for cell in cells]),
            ("difference", [number(cell["difference"], 1, signed=True) for cell in cells]),
            ("interval", [_between(cell).strip("[]") or "–" for cell in cells]),
        ]
    )
