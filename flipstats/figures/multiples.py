"""Small multiples: the same small figure for each group, on one scale, so that groups can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import (
    Picture,
    between,
    interval_note,
    left_out,
    localized,
    needs,
    only,
    reason_words,
)
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST = 24  # panels drawn; the table has them all
_ACROSS, _GAP = 3, 0.045
_PANEL, _TITLE, _FOOT = 118, 34, 26  # pixels: a panel, its name above it, the numbers of sessions below
_NARROWEST = 150  # pixels a panel needs


def small_multiples(
    rows: pl.DataFrame,
    *,
    panel: str = "cohort",
    treated: str | None = None,
    statistic: str = "rate",
    measure: str | None = None,
) -> Picture:
    """Draw an indicator session after session, one panel for each group, over the mean of all of them.

    Parameters
    ----------
    rows : DataFrame
        An indicator with the fixed metric columns, one depth, shares in 0-1, and ``sequence``, ``arm`` and
        the column named by `panel`, in the order the panels shall have.
    panel : str
        Column that tells the panels apart.
    treated : str, optional
        The arm drawn in the first colour.
    statistic : str
        Which number of the indicator.
    measure : str, optional
        What the number is, in the reader's language, to begin the caption with.

    Raises
    ------
    ParameterError
        A column is missing, or several depths are mixed.
    """
    needs(
        rows, ("sequence", panel, "arm", "value", "low", "high", "n", "reason", "coverage"), "small_multiples"
    )
    rows = only(rows, statistic=statistic).with_columns(
        pl.col(panel).cast(pl.String).fill_null("–"), pl.col("arm").cast(pl.String).fill_null("–")
    )
    owed = rows.filter(pl.col("reason").fill_null("") != "not_applicable")
    names = owed[panel].unique(maintain_order=True).to_list()
    drawn = owed.filter(pl.col(panel).is_in(names[:MOST]))
    styles = theme.colours_of(owed["arm"].unique(maintain_order=True).to_list(), first=treated)
    places = {n: i for i, n in enumerate(sorted(owed["sequence"].unique().to_list()))}
    figure = _frame(len(names[:MOST]), places)
    middle = owed.group_by("sequence").agg(pl.col("value").mean()).drop_nulls().sort("sequence")
    middle = middle if len(names) > 1 else middle.clear()
    for i, name in enumerate(names[:MOST]):
        part = drawn.filter(pl.col(panel) == name).sort("sequence")
        _panel(figure, i, name, part, styles[part["arm"][0]], places, middle)
    return Picture(
        figure=figure,
        title=t("figures_bench.multiples_title"),
        caption=_caption(rows, owed, names, panel, measure or t("figures.measure_share")),
        alt=_alt(owed, names, panel),
        table=_table(owed, panel),
    )


def _frame(panels: int, places: dict[int, int]) -> go.Figure:
    across = min(_ACROSS, max(panels, 1)) if panels != 4 else 2
    down = -(-max(panels, 1) // across)
    height = _TITLE + _PANEL + _FOOT
    figure = theme.canvas(16 + height * down)
    wide = (1 - _GAP * (across - 1)) / across
    layout: dict[str, object] = {
        "meta": {"min_width": _NARROWEST * across},
        "margin": {"t": 4, "l": 40, "b": 8},
    }
    for i in range(panels):
        column, line = i % across, i // across
        left, top = column * (wide + _GAP), 1 - line / down
        axis = "" if i == 0 else str(i + 1)
        layout["xaxis" + axis] = {
            "domain": [left, left + wide],
            "anchor": "y" + axis,
            "tickvals": list(places.values()),
            "ticktext": [str(n) for n in places],
            "range": [-0.5, len(places) - 0.5],
            "automargin": False,
        }
        layout["yaxis" + axis] = {
            "domain": [top - (_TITLE + _PANEL) / (height * down), top - _TITLE / (height * down)],
            "anchor": "x" + axis,
            "range": [-0.04, 1.04],
            "tickvals": [0, 0.5, 1],
            "ticktext": [percent(share) for share in (0, 0.5, 1)] if column == 0 else ["", "", ""],
            "showgrid": True,
            "automargin": False,
        }
    figure.update_layout(layout)
    return figure


def _panel(
    figure: go.Figure,
    place: int,
    name: str,
    part: pl.DataFrame,
    style: tuple[str, str],
    places: dict[int, int],
    middle: pl.DataFrame,
) -> None:
    """Draw one panel: the mean of all in grey, then its own values with their intervals."""
    import plotly.graph_objects as go

    axis = "" if place == 0 else str(place + 1)
    on = {"xaxis": "x" + axis, "yaxis": "y" + axis}
    figure.add_trace(
        go.Scatter(
            x=[places[n] for n in middle["sequence"]], y=middle["value"].to_list(), mode="lines",
            line={"color": theme.LIGHT["axis"], "width": 1.5, "dash": "dot"}, hoverinfo="skip", **on,
        )
    )  # fmt: skip
    known = part.filter(pl.col("value").is_not_null())
    colour, symbol = style
    figure.add_trace(
        go.Scatter(
            x=[places[n] for n in known["sequence"]],
            y=known["value"].to_list(),
            mode="markers+lines",
            line={"color": colour, "width": 1},
            marker={"size": 8, "color": colour, "symbol": symbol},
            error_y=theme.whiskers(known["value"], known["low"], known["high"], colour) | {"thickness": 1.5},
            customdata=[_hover(row, name) for row in known.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
            **on,
        )
    )
    blank = part.filter(pl.col("value").is_null())
    if blank.height:
        figure.add_trace(
            go.Bar(
                x=[places[n] for n in blank["sequence"]], y=[1.0] * blank.height, width=0.8,
                marker=theme.hatched(),
                customdata=[theme.safe(reason_words(reason), 48, 4) for reason in blank["reason"]],
                hovertemplate="%{customdata}<extra></extra>", **on,
            )
        )  # fmt: skip
    figure.add_annotation(
        x=0, xref=f"x{axis} domain", xanchor="left", y=1, yref=f"y{axis} domain", yanchor="bottom", yshift=3,
        align="left", text=theme.safe(name, 21), font={"size": 12},
    )  # fmt: skip


def _hover(row: dict, name: str) -> str:
    interval = between(row["low"], row["high"], share=True)
    return (
        f"<b>{theme.safe(name, 40)}</b><br>{t('figures.session_axis')} {row['sequence']}<br>"
        f"{percent(row['value'])} ({interval})<br>{t('figures.hover_n', n=row['n'] or 0)}"
    )


def _caption(rows: pl.DataFrame, owed: pl.DataFrame, names: list[str], panel: str, measure: str) -> str:
    alone = "figures_bench.multiples_alone" if len(names) < 2 else "figures_bench.multiples_caption"
    parts = [measure, t(alone), interval_note(owed)]
    if owed.filter(pl.col("value").is_null()).height:
        parts.append(t("figures.caption_unknown"))
    if len(names) > MOST:
        parts.append(t("figures_bench.multiples_more", n=len(names) - MOST))
    absent = [name for name in rows[panel].unique(maintain_order=True) if name not in set(names)]
    if absent:
        parts.append(left_out(absent))
    return " ".join(part for part in parts if part)


def _alt(owed: pl.DataFrame, names: list[str], panel: str) -> str:
    said = []
    for name in names:
        known = owed.filter((pl.col(panel) == name) & pl.col("value").is_not_null())
        if known.height:
            low, high = percent(known["value"].min()), percent(known["value"].max())
            said.append(t("figures.alt_range", name=name, low=low, high=high, n=known.height))
    title = t("figures_bench.multiples_title")
    return t("figures.alt_series", title=title, said=" ".join(said) or t("figures.alt_nothing"))


def _table(owed: pl.DataFrame, panel: str) -> pl.DataFrame:
    cells = list(owed.iter_rows(named=True))
    return localized(
        [
            ("cohort", [cell[panel] for cell in cells]),
            ("session", [cell["sequence"] for cell in cells]),
            (
                "value",
                [
                    percent(cell["value"]) if cell["value"] is not None else reason_words(cell["reason"])
                    for cell in cells
                ],
            ),
            ("interval", [between(cell["low"], cell["high"], share=True) for cell in cells]),
            ("n", [number(cell["n"], 0) for cell in cells]),
            ("coverage", [percent(cell["coverage"]) for cell in cells]),
        ]
    )
