"""How alike two arms were before the start, and once weighted: a Love plot."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import Picture, localized, needs
from flipstats.i18n import number, t

_LIFT = 0.12


def love(
    rows: pl.DataFrame, *, series: Mapping[str, str], equal: float, mend: float, treated: str, control: str
) -> Picture:
    """Draw standardised differences of what was measured before, each covariate on its line.

    Parameters
    ----------
    rows : DataFrame
        ``label`` and one column for each of `series`; an undefined difference is null.
    series : mapping of str to str
        Columns in the order in which they are drawn (``before`` first), and their names for the reader.
    equal, mend : float
        Differences up to which arms are alike, and up to which adjusting can mend them.
    treated, control : str
        The arms, as people know them.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    import plotly.graph_objects as go

    needs(rows, ("label", *series), "love")
    figure = theme.canvas(120 + 46 * max(rows.height, 1))
    _bands(figure, mend, equal)
    styles = theme.colours_of(list(series))
    for name, words in series.items():
        colour, symbol = styles[name]
        known = [(i, row) for i, row in enumerate(rows.iter_rows(named=True)) if row[name] is not None]
        figure.add_trace(
            go.Scatter(
                x=[row[name] for _, row in known],
                y=[i for i, _ in known],
                mode="markers",
                name=theme.safe(words, 30, 1),
                marker={"size": 11, "color": colour, "symbol": symbol},
                customdata=[_hover(row, name, words) for _, row in known],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    for line, label in enumerate(rows["label"]):
        theme.line_label(figure, line, theme.safe(label, 40, 1), lift=_LIFT)
    _frame(figure, rows, list(series), mend)
    ends = {"equal": number(equal, 2), "mend": number(mend, 2)}
    return Picture(
        figure=figure,
        title=t("figures.love_title", treated=treated, control=control),
        caption=t("figures.love_caption", **ends),
        alt=_alt(rows, series, treated, control),
        table=_table(rows, series),
    )


def _bands(figure: object, mend: float, equal: float) -> None:
    for reach in (mend, equal):
        figure.add_shape(
            type="rect", x0=-reach, x1=reach, y0=0, y1=1, yref="paper", line_width=0, layer="below",
            fillcolor=theme.VOID,
        )  # fmt: skip
    figure.add_shape(
        type="line", x0=0, x1=0, y0=0, y1=1, yref="paper", layer="below",
        line={"color": theme.LIGHT["axis"], "width": 1.5},
    )  # fmt: skip


def _frame(figure: object, rows: pl.DataFrame, names: list[str], mend: float) -> None:
    values = [abs(v) for name in names for v in rows[name].drop_nulls()]
    reach = 1.12 * max([*values, 1.4 * mend])
    figure.update_layout(
        xaxis={"range": [-reach, reach], "showgrid": True, "nticks": 7,
               "title": {"text": t("figures.love_axis")}},
        yaxis={"visible": False, "range": [rows.height - 0.5, -0.8]},
        showlegend=len(names) > 1,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"t": 40},
    )  # fmt: skip


def _hover(row: dict, name: str, words: str) -> str:
    return f"<b>{theme.safe(row['label'], 40)}</b><br>{theme.safe(words, 40)} {_shown(row[name])}"


def _shown(value: float | None) -> str:
    return number(value, 2, signed=True)


def _alt(rows: pl.DataFrame, series: Mapping[str, str], treated: str, control: str) -> str:
    said = [
        t("figures.alt_difference", label=f"{row['label']}, {words}", value=_shown(row[name]))
        for row in rows.iter_rows(named=True)
        for name, words in series.items()
    ]
    title = t("figures.love_title", treated=treated, control=control)
    return t("figures.alt_series", title=title, said=" ".join(said))


def _table(rows: pl.DataFrame, series: Mapping[str, str]) -> pl.DataFrame:
    labels = localized([("covariate", rows["label"].to_list())])
    return labels.with_columns(
        pl.Series(words, [_shown(value) for value in rows[name]]) for name, words in series.items()
    )
