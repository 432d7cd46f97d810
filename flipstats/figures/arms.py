"""One arm beside the other: groups as dots, the arm's own value with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from flipstats.figures import rain, theme
from flipstats.figures.picture import Picture, between, interval_note, localized, needs, shown
from flipstats.i18n import number, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LINE, _TALL = 92, 210


def group_means(
    groups: pl.DataFrame,
    arms: pl.DataFrame,
    *,
    treated: str,
    outcome: str,
    share: bool = True,
    spread: pl.DataFrame | None = None,
) -> Picture:
    """Draw the mean of each group, and of each arm with its interval: flipped against conventional.

    Parameters
    ----------
    groups : DataFrame
        ``arm, group, value, n``: one line for each group; `group` is the name people know.
    arms : DataFrame
        ``arm, value, low, high, level, interval, n``: one line for each arm; ``low`` and ``high`` null where
        the design gives no interval.
    treated : str
        The arm drawn first and in the first colour.
    outcome : str
        What was measured, in the reader's language.
    share : bool
        Whether values are shares or scores in 0-1, to be read as percentages.
    spread : DataFrame, optional
        ``arm, at, count, density``: learners in bins, drawn as a cloud above each arm and dots below.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    caption = t("figures.group_means_caption") if groups.height else ""
    if spread is not None and spread.height:
        needs(spread, rain.COLUMNS, "spread")
        caption = f"{t('figures.rain_caption')} {caption}".strip()
    title = t("figures.group_means_title" if groups.height else "figures.arm_means_title", outcome=outcome)
    return _arms(groups, arms, treated=treated, share=share, title=title, caption=caption, spread=spread)


def completion_by_arm(
    arms: pl.DataFrame, groups: pl.DataFrame | None = None, *, treated: str | None = None
) -> Picture:
    """Draw the completion rate of each arm with its interval, its groups as dots where they are given.

    Parameters
    ----------
    arms : DataFrame
        `completion_rate` by ``arm`` with the fixed metric columns.
    groups : DataFrame, optional
        ``arm, group, value, n``.
    treated : str, optional
        The arm drawn first.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    empty = pl.DataFrame(schema={"arm": pl.String, "group": pl.String, "value": pl.Float64, "n": pl.Int64})
    caption = t("figures.completion_caption") if groups is not None and groups.height else ""
    words = {"title": t("figures.completion_title"), "caption": caption}
    return _arms(groups if groups is not None else empty, arms, treated=treated, share=True, **words)


def _arms(
    groups: pl.DataFrame,
    arms: pl.DataFrame,
    *,
    treated: str | None,
    share: bool,
    title: str,
    caption: str,
    spread: pl.DataFrame | None = None,
) -> Picture:
    needs(groups, ("arm", "group", "value", "n"), "groups")
    needs(arms, ("arm", "value", "low", "high", "n"), "arms")
    arms = arms.with_columns(pl.col("arm").cast(pl.String).fill_null("–"))
    groups = groups.with_columns(pl.col("arm").cast(pl.String).fill_null("–"))
    styles = theme.colours_of(arms["arm"].to_list(), first=treated)
    cloudy = spread is not None and spread.height > 0
    figure = theme.canvas(44 + (_TALL if cloudy else _LINE) * max(len(styles), 1))
    low, high = _reach(arms, groups, share, spread if cloudy else None)
    for line, (arm, style) in enumerate(styles.items()):
        if cloudy:
            rain.cloud(figure, spread.filter(pl.col("arm") == arm), line, style[0], share=share)
        at = (0.06, 0.17, 0.33) if cloudy else (-0.08, 0.2, 0.28)
        _groups(figure, groups.filter(pl.col("arm") == arm), line + at[1], style, share)
        row = arms.filter(pl.col("arm") == arm).row(0, named=True)
        _arm(figure, row, line, style, share, at=at[0], lift=at[2])
    figure.update_layout(
        yaxis={"visible": False, "range": [len(styles) - 0.55, -0.62]},
        margin={"l": 2, "r": 2},
    )
    if share:
        theme.share_axis(figure, "xaxis", low=low, high=high)
    figure.update_layout(xaxis={"showgrid": True, "range": [low, high]})
    notes = [caption, interval_note(arms)]
    return Picture(
        figure=figure,
        title=title,
        caption=" ".join(note for note in notes if note),
        alt=_alt(arms, groups, list(styles), title, share),
        table=_table(arms, groups, list(styles), share),
    )


def _reach(
    arms: pl.DataFrame, groups: pl.DataFrame, share: bool, spread: pl.DataFrame | None
) -> tuple[float, float]:
    """Return the ends of the axis: all that is drawn, to the next tenth; dots need no zero."""
    ends = [
        *(v for name in ("value", "low", "high") for v in arms[name].drop_nulls()),
        *groups["value"].drop_nulls(),
        *(spread.filter(pl.col("count") > 0)["at"] if spread is not None else ()),
    ]
    if not ends:
        return 0.0, 1.0
    if not share:
        room = 0.08 * (max(ends) - min(ends) or 1)
        return min(ends) - room, max(ends) + room
    low, high = math.floor(10 * min(ends) - 0.3) / 10, math.ceil(10 * max(ends) + 0.3) / 10
    return max(low, -0.015), min(high, 1.015)


def _groups(
    figure: go.Figure, groups: pl.DataFrame, line: float, style: tuple[str, str], share: bool
) -> None:
    import plotly.graph_objects as go

    groups = groups.filter(pl.col("value").is_not_null())
    if not groups.height:
        return
    largest = max(groups["n"].max() or 1, 1)
    figure.add_trace(
        go.Scatter(
            x=groups["value"].to_list(),
            y=[line] * groups.height,
            mode="markers",
            marker={
                "color": style[0],
                "opacity": 0.45,
                "symbol": style[1],
                "size": [7 + 11 * ((n or 0) / largest) ** 0.5 for n in groups["n"]],
                "line": {"width": 1.5, "color": style[0]},
            },
            customdata=[
                f"<b>{theme.safe(row['group'], 40)}</b><br>{shown(row['value'], share=share)}<br>"
                + t("figures.hover_n", n=row["n"])
                for row in groups.iter_rows(named=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _arm(
    figure: go.Figure, row: dict, line: int, style: tuple[str, str], share: bool, *, at: float, lift: float
) -> None:
    import plotly.graph_objects as go

    text = t("figures.not_computable")
    if row["value"] is not None:
        text = f"<b>{shown(row['value'], share=share)}</b>"
    if row["low"] is not None:
        text += f"  ({between(row['low'], row['high'], share=share)})"
    theme.line_label(figure, line, f"<b>{theme.safe(row['arm'], 30, 1)}</b>  {text}", lift=lift)
    if row["value"] is None:
        return
    figure.add_trace(
        go.Scatter(
            x=[row["value"]],
            y=[line + at],
            mode="markers",
            marker={"color": style[0], "symbol": style[1], "size": 15},
            error_x=theme.whiskers([row["value"]], [row["low"]], [row["high"]], style[0]) | {"thickness": 4},
            customdata=[
                f"<b>{theme.safe(row['arm'], 40)}</b><br>{text}<br>" + t("figures.hover_n", n=row["n"] or 0)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _alt(arms: pl.DataFrame, groups: pl.DataFrame, order: list[str], title: str, share: bool) -> str:
    said = []
    for arm in order:
        row = arms.filter(pl.col("arm") == arm).row(0, named=True)
        inside = groups.filter((pl.col("arm") == arm) & pl.col("value").is_not_null())
        said.append(
            t(
                "figures.alt_arm",
                arm=arm,
                value=shown(row["value"], share=share),
                interval=between(row["low"], row["high"], share=share),
            )
        )
        if inside.height:
            low, high = shown(inside["value"].min(), share=share), shown(inside["value"].max(), share=share)
            said.append(t("figures.alt_groups", n=inside.height, low=low, high=high))
    return t("figures.alt_series", title=title, said=" ".join(said))


def _table(arms: pl.DataFrame, groups: pl.DataFrame, order: list[str], share: bool) -> pl.DataFrame:
    lines: list[tuple[str, str, str, str, str]] = []
    for arm in order:
        row = arms.filter(pl.col("arm") == arm).row(0, named=True)
        interval = between(row["low"], row["high"], share=share)
        lines.append(
            (arm, t("figures.whole_arm"), shown(row["value"], share=share), interval, number(row["n"], 0))
        )
        for group in groups.filter(pl.col("arm") == arm).sort("group").iter_rows(named=True):
            value = shown(group["value"], share=share)
            lines.append((arm, str(group["group"]), value, "–", number(group["n"], 0)))
    names = ("arm", "cohort", "value", "interval", "n")
    return localized([(name, [line[i] for line in lines]) for i, name in enumerate(names)])
