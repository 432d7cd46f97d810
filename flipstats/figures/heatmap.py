"""Preparation at a glance: a cell for each session and cohort, with its interval, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
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

_CELL, _LABEL, _HEAD = 46, 26, 40  # pixels: a cell, the name above its line, the session numbers
_HALF = 0.5 * _CELL / (_CELL + _LABEL)  # half a cell's height, a line with its name being 1
_WIDE = 0.488  # half a cell's width, a session being 1
_NARROWEST = 40  # pixels a cell needs for its interval to be read


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
    measure: str | None = None,
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
    measure : str, optional
        What the number is, in the reader's language, to begin the caption with.

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
    figure = _frame(grid)
    known = grid.rows.filter(pl.col("state") == "known")
    _known_cells(figure, known)
    for state in ("unknown", "suppressed", "not_applicable"):
        _other_cells(figure, grid.rows.filter(pl.col("state") == state), state)
    return Picture(
        figure=figure,
        title=t("figures.heatmap_title"),
        caption=_caption(grid, known, measure or t("figures.measure_share")),
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


def _frame(grid: _Grid) -> go.Figure:
    """Lay out the lines, each with its name above it so that cells keep the width, also on a phone."""
    lines, columns = len(grid.cohorts), len(grid.sessions)
    figure = theme.canvas(_HEAD + (_CELL + _LABEL) * max(lines, 1))
    figure.update_layout(
        meta={"min_width": _NARROWEST * columns},
        xaxis={
            "tickvals": list(range(columns)),
            "ticktext": [str(sequence) for sequence, _ in grid.sessions],
            "range": [-0.5, columns - 0.5],
            "side": "top",
            "title": {"text": t("figures.session_axis"), "standoff": 4},
        },
        yaxis={"visible": False, "range": [max(lines, 1) - 1 + _HALF, _HALF - 1]},
        coloraxis={"cmin": 0, "cmax": 1, "autocolorscale": True, "showscale": False},
        bargap=0,
        margin={"l": 2, "r": 2, "t": _HEAD, "b": 2},
    )
    for line, name in enumerate(grid.cohorts):
        theme.line_label(figure, line, theme.safe(name, 60, 1), lift=_HALF)
    return figure


def _known_cells(figure: go.Figure, known: pl.DataFrame) -> None:
    """Draw the cells as colour under their number and, smaller, their interval."""
    import plotly.graph_objects as go

    cells = list(known.iter_rows(named=True))
    figure.add_trace(
        go.Bar(
            orientation="h",
            x=[2 * _WIDE] * known.height,
            base=[x - _WIDE for x in known["x"]],
            y=known["y"].to_list(),
            width=2 * _HALF,
            marker={"color": known["value"].to_list(), "coloraxis": "coloraxis", "line": {"width": 0}},
            customdata=[_hover(cell) for cell in cells],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    for text, size, shift in (
        ([f"<b>{number(c['value'] * 100, 0)}</b>{_partial(c)}" for c in cells], 14, -0.13),
        ([_short(c["low"], c["high"]) for c in cells], 10, 0.15),
    ):
        _words(figure, known["x"].to_list(), [y + shift for y in known["y"]], text, size)


def _other_cells(figure: go.Figure, cells: pl.DataFrame, state: str) -> None:
    """Draw cells without a number, with one word for each run of neighbours."""
    import plotly.graph_objects as go

    if not cells.height:
        return
    empty = {"color": "rgba(0,0,0,0)", "line": {"width": 1, "color": theme.HATCH}}
    figure.add_trace(
        go.Bar(
            orientation="h",
            x=[2 * _WIDE] * cells.height,
            base=[x - _WIDE for x in cells["x"]],
            y=cells["y"].to_list(),
            width=2 * _HALF,
            marker=theme.hatched() if state == "unknown" else empty,
            customdata=[_hover(row) for row in cells.iter_rows(named=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    runs = _runs(list(zip(cells["y"], cells["x"], strict=True)))
    middles = [(first + last) / 2 for _, first, last in runs]
    word = t(f"figures.cell_{state}")
    _words(figure, middles, [y for y, _, _ in runs], [word] * len(runs), 10)


def _runs(places: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Join neighbouring cells of one line: (line, first, last)."""
    runs: list[tuple[int, int, int]] = []
    for y, x in sorted(places):
        if runs and runs[-1][0] == y and runs[-1][2] == x - 1:
            runs[-1] = (y, runs[-1][1], x)
        else:
            runs.append((y, x, x))
    return runs


def _words(figure: go.Figure, x: list, y: list, text: list[str], size: int) -> None:
    import plotly.graph_objects as go

    figure.add_trace(
        go.Scatter(
            x=x, y=y, text=text, mode="text", hoverinfo="skip", cliponaxis=False,
            textfont={"size": size, "color": theme.LIGHT["ink"]},
        )
    )  # fmt: skip


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


def _caption(grid: _Grid, known: pl.DataFrame, measure: str) -> str:
    parts = [t("figures.heatmap_caption", measure=measure), interval_note(known)]
    if grid.rows.filter(pl.col("state") == "unknown").height:
        parts.append(t("figures.heatmap_caption_unknown"))
    if known.filter(pl.col("coverage") < 1).height:
        parts.append(t("figures.heatmap_caption_partial"))
    if grid.left_out:
        parts.append(left_out(grid.left_out))
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
