"""Dots with intervals: preparation and start scores by session, lead times, completion."""

from __future__ import annotations

from collections.abc import Sequence
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
    shown,
)
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

_FIXED = ("value", "low", "high", "n", "reason", "coverage")


def preparation_by_session(
    rows: pl.DataFrame,
    *,
    series: str = "arm",
    treated: str | None = None,
    statistic: str = "rate",
    measure: str | None = None,
) -> Picture:
    """Draw preparation session after session, one line of dots with intervals for each series.

    Parameters
    ----------
    rows : DataFrame
        An indicator with the fixed metric columns, one depth, shares in 0-1, and ``sequence`` (session
        number) and the column named by `series`.
    series : str
        Column that tells the lines apart (``"arm"``, ``"cohort"``, ``"iteration"``).
    treated : str, optional
        The series drawn in the first colour.
    statistic : str
        Which number of the indicator.
    measure : str, optional
        What the number is, in the reader's language, to begin the caption with.

    Raises
    ------
    ParameterError
        A column is missing, or several depths are mixed.
    """
    needs(rows, ("sequence", series, *_FIXED), "preparation_by_session")
    rows = only(rows, statistic=statistic).sort("sequence")
    caption = t("figures.preparation_caption", measure=measure or t("figures.measure_share"))
    return _by_session(rows, series, treated, "preparation", caption)


def start_scores(rows: pl.DataFrame, *, series: str = "arm", treated: str | None = None) -> Picture:
    """Draw mean scores at the start of each session, with intervals, one line of dots for each series.

    Parameters
    ----------
    rows : DataFrame
        `start_score` with the fixed metric columns (statistic ``mean``, scores in 0-1), and ``sequence`` and
        the column named by `series`.
    series, treated
        As in `preparation_by_session`.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    needs(rows, ("sequence", series, *_FIXED), "start_scores")
    rows = only(rows, statistic="mean").sort("sequence")
    return _by_session(rows, series, treated, "start", t("figures.start_caption"))


def by_iteration(
    rows: pl.DataFrame, *, title: str, statistic: str, series: str = "arm", treated: str | None = None
) -> Picture:
    """Draw an indicator iteration after iteration, one line of dots with intervals for each series.

    Parameters
    ----------
    rows : DataFrame
        An indicator with the fixed metric columns, shares or scores in 0-1, and ``iteration`` and the column
        named by `series`.
    title : str
        What is drawn, in the reader's language.
    statistic, series, treated
        As in `preparation_by_session`.

    Raises
    ------
    ParameterError
        A column is missing, or several depths are mixed.
    """
    needs(rows, ("iteration", series, *_FIXED), "by_iteration")
    rows = only(rows, statistic=statistic).sort("iteration").rename({"iteration": "sequence"})
    return _by_session(
        rows, series, treated, "trend", t("figures.trend_caption"), title=title, axis="iteration"
    )


def _by_session(
    rows: pl.DataFrame,
    series: str,
    treated: str | None,
    what: str,
    caption: str,
    *,
    title: str = "",
    axis: str = "session",
) -> Picture:
    title = title or t(f"figures.{what}_title")
    rows = rows.with_columns(pl.col(series).cast(pl.String).fill_null("–"))
    drawn = rows.filter(pl.col("reason").fill_null("") != "not_applicable")
    names = drawn[series].unique(maintain_order=True).to_list()
    styles = theme.colours_of(names, first=treated)
    places = {n: i for i, n in enumerate(sorted(drawn["sequence"].unique().to_list()))}
    figure = theme.canvas(330)
    for i, (name, style) in enumerate(styles.items()):
        part = drawn.filter((pl.col(series) == name) & pl.col("value").is_not_null())
        _series(figure, part, name, style, places, shift=(i - (len(styles) - 1) / 2) * 0.16, axis=axis)
    _unknown_bands(figure, drawn, places)
    figure.update_layout(
        meta={"min_width": 90 + 17 * len(places)},
        xaxis={
            "tickvals": list(places.values()),
            "ticktext": [str(n) for n in places],
            "range": [-0.6, len(places) - 0.4],
            "title": {"text": t(f"figures.{axis}_axis")},
        },
    )
    if len(names) > 1:
        _direct_labels(figure, drawn, series, styles)
    theme.share_axis(figure, "yaxis", low=-0.02, high=1.02)
    return Picture(
        figure=figure,
        title=title,
        caption=_session_caption(rows, drawn, series, caption),
        alt=_session_alt(drawn, series, names, title),
        table=_session_table(drawn, series, axis),
    )


def _series(
    figure: go.Figure,
    part: pl.DataFrame,
    name: str,
    style: tuple[str, str],
    places: dict[int, int],
    *,
    shift: float,
    axis: str,
) -> None:
    import plotly.graph_objects as go

    colour, symbol = style
    figure.add_trace(
        go.Scatter(
            x=[places[n] + shift for n in part["sequence"]],
            y=part["value"].to_list(),
            mode="lines+markers" if axis == "iteration" else "markers",
            line={"width": 1.5, "dash": "dot", "color": colour},
            name=theme.safe(name, 24),
            marker={"size": 10, "color": colour, "symbol": symbol},
            error_y=theme.whiskers(part["value"], part["low"], part["high"], colour),
            customdata=[_session_hover(row, name, axis) for row in part.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _direct_labels(
    figure: go.Figure, rows: pl.DataFrame, series: str, styles: dict[str, tuple[str, str]]
) -> None:
    """Write each series' name at the right, near its last value and clear of the others."""
    known = rows.filter(pl.col("value").is_not_null())
    last = known.group_by(series).agg(pl.col("value").sort_by("sequence").last()).sort("value")
    labels = [theme.safe(name, 13) for name in last[series]]
    rooms = [0.055 * (1 + label.count("<br>")) for label in labels]
    places = theme.apart(last["value"].to_list(), rooms, low=-0.02, high=1.05)
    for name, label, place in zip(last[series], labels, places, strict=True):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=6, y=place, yanchor="middle", align="left",
            text=f"<b>{label}</b>", font={"color": styles[name][0], "size": 12},
        )  # fmt: skip
    figure.update_layout(margin={"r": 96})


def _unknown_bands(figure: go.Figure, rows: pl.DataFrame, places: dict[int, int]) -> None:
    """Hatch the sessions of which no series knows anything, and say so in a word."""
    import plotly.graph_objects as go

    blank = [
        n for n in places if rows.filter((pl.col("sequence") == n) & pl.col("value").is_not_null()).is_empty()
    ]
    if not blank:
        return
    reasons = {n: rows.filter(pl.col("sequence") == n)["reason"].drop_nulls().to_list() for n in blank}
    figure.add_trace(
        go.Bar(
            x=[places[n] for n in blank],
            y=[1.0] * len(blank),
            width=0.8,
            marker=theme.hatched(),
            text=[t("figures.cell_unknown")] * len(blank),
            textposition="inside",
            insidetextanchor="middle",
            textangle=-90,
            constraintext="none",
            textfont={"size": 11, "color": theme.LIGHT["ink"]},
            customdata=[theme.safe(reason_words((reasons[n] or [None])[0]), 48, 4) for n in blank],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    )


def _session_hover(row: dict, name: str, axis: str) -> str:
    head = f"<b>{theme.safe(name, 40)}</b><br>{t(f'figures.{axis}_axis')} {row['sequence']}"
    interval = between(row["low"], row["high"], share=True)
    known = t("figures.hover_n", n=row["n"]) if row["n"] is not None else ""
    return f"{head}<br>{shown(row['value'], share=True)} ({interval})<br>{known}"


def _session_caption(rows: pl.DataFrame, drawn: pl.DataFrame, series: str, caption: str) -> str:
    parts = [caption, interval_note(drawn)]
    if drawn.filter(pl.col("value").is_null()).height:
        parts.append(t("figures.caption_unknown"))
    absent = [name for name in rows[series].unique(maintain_order=True) if name not in set(drawn[series])]
    if absent:
        parts.append(left_out(absent))
    return " ".join(part for part in parts if part)


def _session_alt(rows: pl.DataFrame, series: str, names: Sequence[str], title: str) -> str:
    said = []
    for name in names:
        known = rows.filter((pl.col(series) == name) & pl.col("value").is_not_null())
        if known.height:
            low, high = percent(known["value"].min()), percent(known["value"].max())
            said.append(t("figures.alt_range", name=name, low=low, high=high, n=known.height))
    return t("figures.alt_series", title=title, said=" ".join(said) or t("figures.alt_nothing"))


def _session_table(rows: pl.DataFrame, series: str, axis: str) -> pl.DataFrame:
    cells = list(rows.iter_rows(named=True))
    return localized(
        [
            ("series", [cell[series] for cell in cells]),
            (axis, [cell["sequence"] for cell in cells]),
            ("value", [_value_text(cell) for cell in cells]),
            ("interval", [between(cell["low"], cell["high"], share=True) for cell in cells]),
            ("n", [number(cell["n"], 0) for cell in cells]),
            ("coverage", [percent(cell["coverage"]) for cell in cells]),
        ]
    )


def _value_text(row: dict) -> str:
    return percent(row["value"]) if row["value"] is not None else reason_words(row["reason"])
