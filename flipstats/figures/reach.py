"""Resource by resource: who opens it, and who is still there where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import Picture, between, interval_note, localized, needs, reason_words
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_LINES = 40  # resources drawn; the table has them all
MOST_CURVES = 6
STEPS = {"retention_25": 0.25, "retention_50": 0.5, "retention_75": 0.75, "retention_95": 0.95}
_LINE, _LIFT = 38, 0.16
_LETTER = 7  # pixels that a letter of a name takes, on average
_FIXED = ("resource", "value", "low", "high", "n", "reason")


def resource_reach(rows: pl.DataFrame) -> Picture:
    """Draw for each resource the share of those it is meant for who opened it, the least opened first.

    Parameters
    ----------
    rows : DataFrame
        ``resource, value, low, high, n, reason``, shares in 0-1, and ``minutes`` (announced, or null): one
        line for each resource. A resource that nobody opened is drawn at 0, one that nobody can tell of is
        named in the table.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    import plotly.graph_objects as go

    needs(rows, (*_FIXED, "minutes"), "resource_reach")
    known = rows.filter(pl.col("value").is_not_null()).sort("value", "resource", maintain_order=True)
    drawn = known.head(MOST_LINES)
    figure = theme.canvas(48 + _LINE * max(drawn.height, 1))
    figure.add_trace(
        go.Scatter(
            x=drawn["value"].to_list(),
            y=list(range(drawn.height)),
            mode="markers",
            marker={"size": 10, "color": theme.LIGHT["blue"]},
            error_x=theme.whiskers(drawn["value"], drawn["low"], drawn["high"], theme.LIGHT["blue"]),
            customdata=[_hover(row) for row in drawn.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    longest = 0
    for line, row in enumerate(drawn.iter_rows(named=True)):
        length = "" if row["minutes"] is None else f" · {_minutes(row['minutes'])}"
        name = theme.safe(row["resource"], 52, 1)
        theme.line_label(figure, line, f"<b>{percent(row['value'])}</b>  {name}{length}", lift=_LIFT)
        longest = max(longest, len(name) + len(length))
    theme.share_axis(figure, "xaxis", low=-0.02, high=1.02)
    figure.update_layout(
        yaxis={"visible": False, "range": [max(drawn.height, 1) - 0.6, -0.9]},
        margin={"l": 4, "r": 8},
        meta={"min_width": 64 + _LETTER * longest},  # a narrower screen scrolls, no name is cut
    )
    return Picture(
        figure=figure,
        title=t("figures_bench.reach_title"),
        caption=_reach_caption(rows, known),
        alt=_reach_alt(known),
        table=_reach_table(rows),
    )


def _minutes(minutes: float) -> str:
    return t("figures_bench.minutes", n=number(minutes, 0))


def _hover(row: dict) -> str:
    interval = between(row["low"], row["high"], share=True)
    return (
        f"<b>{theme.safe(row['resource'], 48)}</b><br>{percent(row['value'])} ({interval})<br>"
        f"{t('figures.hover_n', n=row['n'] or 0)}"
    )


def _reach_caption(rows: pl.DataFrame, known: pl.DataFrame) -> str:
    parts = [t("figures_bench.reach_caption"), interval_note(known)]
    if known.height > MOST_LINES:
        parts.append(t("figures_bench.reach_more", n=known.height - MOST_LINES))
    if rows.height > known.height:
        parts.append(t("figures_bench.reach_unknown", n=rows.height - known.height))
    return " ".join(part for part in parts if part)


def _reach_alt(known: pl.DataFrame) -> str:
    if not known.height:
        return t("figures.alt_series", title=t("figures_bench.reach_title"), said=t("figures.alt_nothing"))
    least, most = known.row(0, named=True), known.row(-1, named=True)
    return t(
        "figures_bench.reach_alt",
        n=known.height,
        never=known.filter(pl.col("value") == 0).height,
        low=percent(least["value"]),
        low_where=least["resource"],
        high=percent(most["value"]),
        high_where=most["resource"],
    )


def _reach_table(rows: pl.DataFrame) -> pl.DataFrame:
    cells = list(rows.sort("value", "resource", nulls_last=True, maintain_order=True).iter_rows(named=True))
    return localized(
        [
            ("resource", [cell["resource"] for cell in cells]),
            ("minutes", ["–" if cell["minutes"] is None else number(cell["minutes"], 0) for cell in cells]),
            ("value", [_value(cell) for cell in cells]),
            ("interval", [between(cell["low"], cell["high"], share=True) for cell in cells]),
            ("n", [number(cell["n"], 0) for cell in cells]),
        ]
    )


def _value(cell: dict) -> str:
    return reason_words(cell["reason"]) if cell["value"] is None else percent(cell["value"])


# ------------------------------------------------------------------------------------------------- curve


def retention_curve(rows: pl.DataFrame) -> Picture:
    """Draw how many of those who opened a resource are still there at a quarter, a half and so on.

    Parameters
    ----------
    rows : DataFrame
        ``resource, statistic, value, low, high, n, reason``: `STEPS` of each resource, shares in 0-1 of those
        who opened it. The first `MOST_CURVES` resources with a value are drawn.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    needs(rows, (*_FIXED, "statistic"), "retention_curve")
    rows = rows.filter(pl.col("statistic").is_in(list(STEPS)))
    known = rows.filter(pl.col("value").is_not_null())
    names = known["resource"].unique(maintain_order=True).to_list()
    drawn = known.filter(pl.col("resource").is_in(names[:MOST_CURVES]))
    styles = theme.colours_of(names[:MOST_CURVES])
    figure = theme.canvas(360)
    for i, (name, style) in enumerate(styles.items()):
        shift = (i - (len(styles) - 1) / 2) * 0.011
        _curve(figure, drawn.filter(pl.col("resource") == name), name, style, shift)
    _ends(figure, drawn, styles)
    theme.share_axis(figure, "yaxis", low=-0.02, high=1.04)
    figure.update_layout(
        meta={"min_width": 470},
        xaxis={
            "range": [-0.04, 1.0],
            "tickvals": [0, *STEPS.values()],
            "ticktext": [percent(at) for at in (0, *STEPS.values())],
            "title": {"text": t("figures_bench.retention_axis")},
        },
        margin={"r": 172},
    )
    return Picture(
        figure=figure,
        title=t("figures_bench.retention_title"),
        caption=_retention_caption(known, names),
        alt=_retention_alt(known, names),
        table=_retention_table(rows),
    )


def _curve(figure: go.Figure, part: pl.DataFrame, name: str, style: tuple[str, str], shift: float) -> None:
    """Draw one resource from where everybody is still there."""
    import plotly.graph_objects as go

    colour, symbol = style
    values = [1.0, *part["value"].to_list()]
    lows, highs = ([None, *part[column].to_list()] for column in ("low", "high"))
    figure.add_trace(
        go.Scatter(
            x=[0.0, *(STEPS[step] + shift for step in part["statistic"])],
            y=values,
            mode="lines+markers",
            name=theme.safe(name, 24),
            line={"color": colour, "width": 1.5},
            marker={"size": 8, "color": colour, "symbol": symbol},
            error_y=theme.whiskers(values, lows, highs, colour) | {"thickness": 1.5},
            customdata=[theme.safe(name, 40), *(_step_hover(row) for row in part.iter_rows(named=True))],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _step_hover(row: dict) -> str:
    interval = between(row["low"], row["high"], share=True)
    seen = t("figures_bench.retention_seen", share=percent(STEPS[row["statistic"]]))
    return f"<b>{theme.safe(row['resource'], 40)}</b><br>{seen}<br>{percent(row['value'])} ({interval})"


def _ends(figure: go.Figure, drawn: pl.DataFrame, styles: dict[str, tuple[str, str]]) -> None:
    """Write each name at the right, near the end of its line and clear of the others."""
    last = drawn.group_by("resource").agg(pl.col("value").last()).sort("value")
    labels = [theme.safe(name, 24, 3) for name in last["resource"]]
    rooms = [0.045 * (1 + label.count("<br>")) for label in labels]
    places = theme.apart(last["value"].to_list(), rooms, low=-0.02, high=1.06)
    for name, label, place in zip(last["resource"], labels, places, strict=True):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=6, y=place, yanchor="middle", align="left",
            text=f"<b>{label}</b>", font={"color": styles[name][0], "size": 11},
        )  # fmt: skip


def _retention_caption(known: pl.DataFrame, names: list[str]) -> str:
    parts = [t("figures_bench.retention_caption"), interval_note(known)]
    if len(names) > MOST_CURVES:
        parts.append(t("figures_bench.retention_more", n=len(names) - MOST_CURVES))
    return " ".join(part for part in parts if part)


def _retention_alt(known: pl.DataFrame, names: list[str]) -> str:
    said = []
    for name in names[:MOST_CURVES]:
        part = known.filter(pl.col("resource") == name)
        steps = [
            f"{percent(STEPS[step])}{t('figures_bench.colon')}{percent(value)}"
            for step, value in part.select("statistic", "value").iter_rows()
        ]
        said.append(t("figures_bench.retention_said", name=name, steps=", ".join(steps)))
    title = t("figures_bench.retention_title")
    return t("figures.alt_series", title=title, said=" ".join(said) or t("figures.alt_nothing"))


def _retention_table(rows: pl.DataFrame) -> pl.DataFrame:
    cells = list(rows.iter_rows(named=True))
    return localized(
        [
            ("resource", [cell["resource"] for cell in cells]),
            ("seen", [percent(STEPS[cell["statistic"]]) for cell in cells]),
            ("value", [_value(cell) for cell in cells]),
            ("interval", [between(cell["low"], cell["high"], share=True) for cell in cells]),
            ("n", [number(cell["n"], 0) for cell in cells]),
        ]
    )
