"""Preparation at a glance: a cell for each session and cohort, with its interval, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from flipstats.figures import theme
from flipstats.figures.picture import (
    Picture,
    between,
    interval_note,
    localized,
    needs,
    only,
    reason_words,
    shown,
)
from flipstats.i18n import listing, number, percent, t

_CELL, _HEAD = 52, 46


@dataclass(frozen=True, slots=True)
class _Grid:
    """Cells with their place: `rows` has ``x, y, state`` beside the metric columns."""

    rows: pl.DataFrame
    sessions: list[tuple[int, str]]
    cohorts: list[str]
    left_out: list[str]


def preparation_heatmap(
    rows: pl.DataFrame,
    *,
    sessions: pl.DataFrame,
    cohorts: pl.DataFrame | None = None,
    treated: str | None = None,
    statistic: str = "rate",
) -> Picture:
    """Draw preparation by session and cohort, a cell that is not known never looking like a low one.

    Parameters
    ----------
    rows : DataFrame
        An indicator by ``cohort_id, session_id`` with the fixed metric columns, one depth, shares in 0-1.
    sessions : DataFrame
        ``session_id, sequence, title`` of at least those sessions.
    cohorts : DataFrame, optional
        ``cohort_id, title, arm, iteration``: how the lines are named and ordered.
    treated : str, optional
        The arm whose cohorts come first.
    statistic : str
        Which number of the indicator.

    Returns
    -------
    Picture
        A line without any obligation (*not applicable*) is left out and named in the caption.

    Raises
    ------
    ParameterError
        A column is missing, or several depths are mixed.
    """
    needs(
        rows, ("cohort_id", "session_id", "value", "low", "high", "reason", "coverage"), "preparation_heatmap"
    )
    rows = only(rows, statistic=statistic)
    grid = _grid(rows, sessions, cohorts, treated)
    figure = theme.canvas(_HEAD + _CELL * max(len(grid.cohorts), 1))
    known = grid.rows.filter(pl.col("state") == "known")
    _known_cells(figure, known)
    for state in ("unknown", "suppressed", "not_applicable"):
        _other_cells(figure, grid.rows.filter(pl.col("state") == state), state)
    figure.update_layout(
        xaxis={
            "tickvals": [place for place, _ in enumerate(grid.sessions)],
            "ticktext": [str(sequence) for sequence, _ in grid.sessions],
            "range": [-0.5, len(grid.sessions) - 0.5],
            "side": "top",
            "title": {"text": t("figures.session_axis")},
            "showline": False,
        },
        yaxis={
            "tickvals": list(range(len(grid.cohorts))),
            "ticktext": [theme.safe(name, 16) for name in grid.cohorts],
            "range": [len(grid.cohorts) - 0.5, -0.5],
            "tickfont": {"size": 12},
        },
        coloraxis={"cmin": 0, "cmax": 1, "autocolorscale": True, "showscale": False},
        bargap=0,
    )
    return Picture(
        figure=figure,
        title=t("figures.heatmap_title"),
        caption=_caption(grid, known),
        alt=_alt(grid, known),
        table=_table(grid.rows),
    )


def _grid(
    rows: pl.DataFrame, sessions: pl.DataFrame, cohorts: pl.DataFrame | None, treated: str | None
) -> _Grid:
    named = _named(rows, sessions, cohorts)
    applicable = named.filter(pl.col("state") != "not_applicable")["cohort_id"].unique().to_list()
    left_out = (
        named.filter(~pl.col("cohort_id").is_in(applicable))["cohort"].unique(maintain_order=True).to_list()
    )
    kept = named.filter(pl.col("cohort_id").is_in(applicable)).with_columns(
        (pl.col("arm") != (treated or "")).fill_null(True).alias("later")
    )
    lines = (
        kept.select("cohort_id", "cohort", "later", "arm", "iteration")
        .unique()
        .sort("later", "arm", "iteration", "cohort", "cohort_id")
        .with_row_index("y")
    )
    order = kept.select("sequence").unique().sort("sequence").with_row_index("x")
    titles = kept.group_by("sequence").agg(pl.col("session").drop_nulls().first()).sort("sequence")
    placed = (
        kept.join(lines.select("cohort_id", "y"), on="cohort_id").join(order, on="sequence").sort("y", "x")
    )
    return _Grid(
        rows=placed,
        sessions=list(zip(titles["sequence"], titles["session"], strict=True)),
        cohorts=lines["cohort"].to_list(),
        left_out=left_out,
    )


def _named(rows: pl.DataFrame, sessions: pl.DataFrame, cohorts: pl.DataFrame | None) -> pl.DataFrame:
    """Give each row its session number, the names people know, and its state."""
    needs(sessions, ("session_id", "sequence", "title"), "preparation_heatmap")
    if cohorts is None:
        cohorts = rows.select("cohort_id").unique()
    columns = {"title": pl.String, "arm": pl.String, "iteration": pl.Int64}
    cohorts = cohorts.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name not in cohorts.columns
    )
    state = (
        pl.when(pl.col("value").is_not_null())
        .then(pl.lit("known"))
        .when(pl.col("reason").is_in(["not_applicable", "suppressed"]))
        .then(pl.col("reason"))
        .otherwise(pl.lit("unknown"))
    )
    return (
        rows.join(sessions.select("session_id", "sequence", session="title"), on="session_id", how="left")
        .join(cohorts.select("cohort_id", "arm", "iteration", cohort="title"), on="cohort_id", how="left")
        .with_columns(
            pl.col("cohort").fill_null(pl.col("cohort_id")),
            pl.col("session").fill_null(pl.col("session_id")),
            state.alias("state"),
        )
    )


def _known_cells(figure: object, known: pl.DataFrame) -> None:
    import plotly.graph_objects as go

    cells = [
        f"<b>{shown(row['value'], share=True)}</b>{_partial(row)}<br>"
        f"<span style='font-size:9px'>{_short(row['low'], row['high'])}</span>"
        for row in known.iter_rows(named=True)
    ]
    figure.add_trace(
        go.Heatmap(
            x=known["x"].to_list(),
            y=known["y"].to_list(),
            z=known["value"].to_list(),
            text=cells,
            texttemplate="%{text}",
            customdata=[_hover(row) for row in known.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
            xgap=3,
            ygap=3,
            coloraxis="coloraxis",
        )
    )


def _other_cells(figure: object, cells: pl.DataFrame, state: str) -> None:
    import plotly.graph_objects as go

    if not cells.height:
        return
    empty = {"color": "rgba(0,0,0,0)", "line": {"width": 1, "color": theme.HATCH}}
    figure.add_trace(
        go.Bar(
            orientation="h",
            x=[0.94] * cells.height,
            base=[x - 0.47 for x in cells["x"]],
            y=cells["y"].to_list(),
            width=0.94,
            marker=theme.hatched() if state == "unknown" else empty,
            text=[t(f"figures.cell_{state}")] * cells.height,
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            constraintext="none",
            textfont={"size": 10},
            customdata=[_hover(row) for row in cells.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )


def _partial(row: dict) -> str:
    return "*" if row["coverage"] is not None and row["coverage"] < 1 else ""


def _short(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{number(low * 100, 0)}–{number(high * 100, 0)}"


def _hover(row: dict) -> str:
    head = f"<b>{theme.safe(row['cohort'], 48)}</b><br>{theme.safe(_session_name(row), 48)}"
    if row["state"] != "known":
        return f"{head}<br>{theme.safe(reason_words(row['reason']), 48, 4)}"
    interval = between(row["low"], row["high"], share=True)
    known = t("figures.hover_coverage", coverage=percent(row["coverage"]))
    return f"{head}<br>{shown(row['value'], share=True)} ({interval})<br>{known}"


def _session_name(row: dict) -> str:
    return t("figures.session_name", number=row["sequence"], title=row["session"])


def _caption(grid: _Grid, known: pl.DataFrame) -> str:
    parts = [t("figures.heatmap_caption"), interval_note(known)]
    if grid.rows.filter(pl.col("state") == "unknown").height:
        parts.append(t("figures.heatmap_caption_unknown"))
    if known.filter(pl.col("coverage") < 1).height:
        parts.append(t("figures.heatmap_caption_partial"))
    if grid.left_out:
        parts.append(
            t("figures.heatmap_caption_left_out", n=len(grid.left_out), groups=listing(grid.left_out))
        )
    return " ".join(parts)


def _alt(grid: _Grid, known: pl.DataFrame) -> str:
    if not known.height:
        return t("figures.heatmap_alt_empty", cohorts=len(grid.cohorts), sessions=len(grid.sessions))
    low, high = known.sort("value").row(0, named=True), known.sort("value").row(-1, named=True)
    return t(
        "figures.heatmap_alt",
        cohorts=len(grid.cohorts),
        sessions=len(grid.sessions),
        low=percent(low["value"]),
        low_where=f"{low['cohort']}, {_session_name(low)}",
        high=percent(high["value"]),
        high_where=f"{high['cohort']}, {_session_name(high)}",
        unknown=grid.rows.height - known.height,
    )


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    cells = list(rows.iter_rows(named=True))
    return localized(
        [
            ("cohort", [cell["cohort"] for cell in cells]),
            ("session", [_session_name(cell) for cell in cells]),
            (
                "value",
                [
                    t(f"figures.cell_{c['state']}") if c["value"] is None else percent(c["value"])
                    for c in cells
                ],
            ),
            ("interval", [between(cell["low"], cell["high"], share=True) for cell in cells]),
            ("coverage", [percent(cell["coverage"]) for cell in cells]),
        ]
    )
