"""A cloud above a line and its rain below: how learners' outcomes spread around the mean of their arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flipstats.figures.picture import shown
from flipstats.i18n import t

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLUMNS = ("arm", "at", "count", "density")
MOST_DROPS = 400  # learners beyond whom single dots say nothing that the cloud does not
_HEIGHT, _DEPTH, _SURFACE = 0.30, 0.17, 0.27


def cloud(figure: go.Figure, rows: pl.DataFrame, line: float, colour: str, *, share: bool) -> None:
    """Draw one arm's spread at a line: its density upwards, a dot for each learner downwards.

    Parameters
    ----------
    rows : DataFrame
        ``at, count, density`` of one arm; nothing is drawn where it is empty.
    """
    import plotly.graph_objects as go

    if rows.is_empty() or not rows["count"].sum():
        return
    seen = rows.filter(pl.col("density") > 0.004)
    at, tops = seen["at"].to_list(), [line - _HEIGHT * d for d in seen["density"]]
    figure.add_trace(
        go.Scatter(
            x=[at[0], *at, at[-1]], y=[line, *tops, line], mode="lines", fill="toself", fillcolor=colour,
            opacity=0.3, line={"width": 0, "color": colour, "shape": "spline", "smoothing": 0.6},
            hoverinfo="skip",
        )
    )  # fmt: skip
    if rows["count"].sum() <= MOST_DROPS:
        _drops(figure, rows.filter(pl.col("count") > 0), line, colour, share)


def _drops(figure: go.Figure, rows: pl.DataFrame, line: float, colour: str, share: bool) -> None:
    import plotly.graph_objects as go

    step = min(0.03, _DEPTH / rows["count"].max())
    x, y, said = [], [], []
    for row in rows.iter_rows(named=True):
        text = f"≈ {shown(row['at'], share=share)}<br>" + t("figures.hover_n", n=row["count"])
        for k in range(row["count"]):
            x.append(row["at"])
            y.append(line + _SURFACE + k * step)
            said.append(text)
    figure.add_trace(
        go.Scatter(
            x=x, y=y, mode="markers", marker={"color": colour, "size": 4, "opacity": 0.55},
            customdata=said, hovertemplate="%{customdata}<extra></extra>",
        )
    )  # fmt: skip
