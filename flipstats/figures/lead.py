"""How long before the session learners prepare."""

from __future__ import annotations

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import Picture, between, interval_note, localized, needs, shown
from flipstats.i18n import number, percent, t


def lead_time_bands(
    rows: pl.DataFrame, *, median_days: float | None = None, unprepared: float | None = None
) -> Picture:
    """Draw the share of preparations in each band of time before the session, as time runs.

    Parameters
    ----------
    rows : DataFrame
        ``band, short, value, low, high, n``: one line for each band, from the earliest to the session; `band`
        is how people call it, `short` what fits under a bar; values are shares in 0-1 of those who prepared.
    median_days : float, optional
        Median lead time, in days; said in the caption.
    unprepared : float, optional
        Share who did not prepare at all; said in the caption, never drawn among the bands.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    import plotly.graph_objects as go

    needs(rows, ("band", "short", "value", "low", "high", "n"), "lead_time_bands")
    labels = [theme.safe(short, 7, 3) for short in rows["short"]]
    known = rows.filter(pl.col("value").is_not_null())
    figure = theme.canvas(320)
    figure.add_trace(
        go.Bar(
            x=labels,
            y=rows["value"].to_list(),
            width=0.62,
            marker={"color": theme.LIGHT["blue"], "opacity": 0.85},
            error_y=theme.whiskers(rows["value"], rows["low"], rows["high"], theme.LIGHT["ink"])
            | {"thickness": 1.5},
            customdata=[_hover(row) for row in rows.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    top = max([*(known["high"].drop_nulls()), *(known["value"]), 0.2])
    for label, row in zip(labels, rows.iter_rows(named=True), strict=True):
        if row["value"] is not None:
            figure.add_annotation(
                x=label, y=max(row["high"] or 0, row["value"]), yanchor="bottom", yshift=3,
                text=f"<b>{percent(row['value'])}</b>", font={"size": 13},
            )  # fmt: skip
    figure.update_layout(
        yaxis={"visible": False, "range": [0, top * 1.18]},
        xaxis={"type": "category", "title": {"text": t("figures.lead_axis")}, "tickangle": 0},
    )
    return Picture(
        figure=figure,
        title=t("figures.lead_title"),
        caption=_caption(rows, median_days, unprepared),
        alt=_alt(rows),
        table=_table(rows),
    )


def _hover(row: dict) -> str:
    interval = between(row["low"], row["high"], share=True)
    return f"<b>{theme.safe(row['band'])}</b><br>{percent(row['value'])} ({interval})"


def _caption(rows: pl.DataFrame, median_days: float | None, unprepared: float | None) -> str:
    parts = [t("figures.lead_caption"), interval_note(rows)]
    if median_days is not None:
        parts.append(t("figures.lead_caption_median", days=number(median_days, 1)))
    if unprepared is not None:
        parts.append(t("figures.lead_caption_unprepared", share=percent(unprepared)))
    return " ".join(part for part in parts if part)


def _alt(rows: pl.DataFrame) -> str:
    said = [
        t("figures.alt_band", band=band, value=shown(value, share=True))
        for band, value in rows.select("band", "value").iter_rows()
    ]
    return t("figures.alt_series", title=t("figures.lead_title"), said=" ".join(said))


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    cells = list(rows.iter_rows(named=True))
    return localized(
        [
            ("band", rows["band"].to_list()),
            ("value", [percent(cell["value"]) for cell in cells]),
            ("interval", [between(cell["low"], cell["high"], share=True) for cell in cells]),
            ("n", [number(cell["n"], 0) for cell in cells]),
        ]
    )
