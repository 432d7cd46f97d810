"""Hours of groups: announced, measured and credited, side by side."""

from __future__ import annotations

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import Picture, localized, needs
from flipstats.i18n import number, percent, t

_LINE = 54  # pixels of a group
_COLUMNS = ("group", "announced", "measured", "credited", "low", "high", "n")


def hours_by_group(rows: pl.DataFrame, *, level: float) -> Picture:
    """Draw for each group the hours a learner that were announced, measured and credited.

    Parameters
    ----------
    rows : DataFrame
        ``group, announced, measured, credited, low, high, n``: hours a learner, the interval of those
        credited, and learners; null where hidden or unknown.
    level : float
        Of the intervals.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    import plotly.graph_objects as go

    needs(rows, _COLUMNS, "hours_by_group")
    known = rows.filter(pl.col("credited").is_not_null())
    names = known["group"].to_list()
    lines = list(range(len(names)))
    figure = theme.canvas(64 + _LINE * max(len(names), 1))
    colour, soft = theme.LIGHT["blue"], theme.LIGHT["muted"]
    figure.add_trace(
        go.Bar(
            x=known["announced"].to_list(), y=lines, orientation="h", width=0.36, hoverinfo="skip",
            marker={"color": "rgba(0,0,0,0)", "line": {"color": theme.LIGHT["axis"], "width": 1.5}},
        )
    )  # fmt: skip
    figure.add_trace(
        go.Bar(
            x=known["credited"].to_list(), y=lines, orientation="h", width=0.36,
            marker={"color": colour, "opacity": 0.85},
            customdata=[_said(row) for row in known.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
            error_x=theme.whiskers(known["credited"], known["low"], known["high"], theme.LIGHT["ink"]),
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=known["measured"].to_list(), y=lines, mode="markers", hoverinfo="skip",
            marker={"symbol": "line-ns", "size": 20, "line": {"width": 2.5, "color": soft}},
        )
    )  # fmt: skip
    for line, row in enumerate(known.iter_rows(named=True)):
        theme.line_label(figure, line, f"<b>{theme.safe(row['group'], 44, 1)}</b>  {_credit(row)}", lift=0.22)
    top = max([*known["announced"].drop_nulls(), *known["credited"], 1.0])
    figure.update_layout(
        yaxis={"visible": False, "range": [len(names) - 0.6, -0.7]},
        xaxis={"range": [0, top * 1.04], "showgrid": True, "title": {"text": t("hours.axis")}},
        margin={"l": 2, "r": 8},
    )
    return Picture(
        figure=figure,
        title=t("hours.title"),
        caption=t("hours.caption", level=percent(level)),
        alt=t(
            "hours.alt", said=" ".join(_said(row, plain=True) + "." for row in known.iter_rows(named=True))
        ),
        table=_table(rows),
    )


def _credit(row: dict) -> str:
    values = {name: number(row[name], 1) for name in ("credited", "announced")}
    return t("hours.label", **values)


def _said(row: dict, *, plain: bool = False) -> str:
    values = {name: number(row[name], 1) for name in ("announced", "measured", "credited")}
    name = row["group"] if plain else theme.safe(row["group"], 44)
    return t("hours.said", group=name, n=number(row["n"], 0), **values)


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    cells = list(rows.iter_rows(named=True))

    def text(row: dict, name: str) -> str:
        return t("hours.hidden") if row["credited"] is None else number(row[name], 1)

    between = [
        "–"
        if row["low"] is None
        else t("figures.between", low=number(row["low"], 1), high=number(row["high"], 1))
        for row in cells
    ]
    return localized(
        [
            ("cohort", [row["group"] for row in cells]),
            *((name, [text(row, name) for row in cells]) for name in ("announced", "measured", "credited")),
            ("interval", between),
            ("n", [number(row["n"], 0) for row in cells]),
        ]
    )
