"""What single learners did, day after day, along the sessions of their group: pseudonyms only."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from flipstats import i18n
from flipstats.figures import theme
from flipstats.figures.picture import Picture, localized, needs
from flipstats.i18n import number, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST = 16  # learners drawn
KINDS = ("before", "late", "other")  # as work stands to the session it prepares
PRESENCE = ("came", "absent")
_LINE, _HEAD = 30, 46
_NARROWEST = 620  # pixels: days of a programme must not lie on each other
_ROOM = 0.1  # of the time from the first session to the last: what a session's name takes


def learner_timeline(days: pl.DataFrame, *, sessions: pl.DataFrame, presence: pl.DataFrame) -> Picture:
    """Draw each learner's days of work as marks along the sessions of the group.

    Parameters
    ----------
    days : DataFrame
        ``learner, day, kind, n``: a line for each learner, local day and kind of work (*before* the session
        it prepares, *late*, *other*), n events; in the order the learners shall have. A learner who did
        nothing has one line with a null day.
    sessions : DataFrame
        ``sequence, day``.
    presence : DataFrame
        ``learner, day, came``: at sessions, where a sheet tells.

    Returns
    -------
    Picture
        The first `MOST` learners.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    needs(days, ("learner", "day", "kind", "n"), "learner_timeline")
    needs(sessions, ("sequence", "day"), "learner_timeline")
    needs(presence, ("learner", "day", "came"), "learner_timeline")
    names = days["learner"].unique(maintain_order=True).to_list()[:MOST]
    lines = {name: i for i, name in enumerate(names)}
    days = days.filter(pl.col("learner").is_in(names))
    presence = presence.filter(pl.col("learner").is_in(names))
    figure = theme.canvas(_HEAD + 40 + _LINE * max(len(lines), 1))
    _sessions(figure, sessions, lines)
    for kind in KINDS:
        _marks(figure, days.filter((pl.col("kind") == kind) & pl.col("day").is_not_null()), lines, kind)
    for came in (True, False):
        _present(figure, presence.filter(pl.col("came") == came), lines, came)
    figure.update_layout(
        meta={"min_width": _NARROWEST},
        yaxis={
            "tickvals": list(lines.values()),
            "ticktext": [theme.safe(name, 20, 1) for name in lines],
            "range": [len(lines) - 0.4, -0.6],
            "showgrid": True,
        },
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "yref": "paper",
            "itemclick": False,
        },
        margin={"t": _HEAD + 12},
    )
    return Picture(
        figure=figure,
        title=t("figures_bench.timeline_title"),
        caption=t("figures_bench.timeline_caption", n=len(lines)),
        alt=_alt(days, names, sessions.height),
        table=_table(days, presence, names),
    )


def _sessions(figure: go.Figure, sessions: pl.DataFrame, lines: dict[str, int]) -> None:
    """Mark each session by a line, its number and its day in the reader's words."""
    for row in sessions.iter_rows(named=True):
        figure.add_shape(
            type="line", x0=row["day"], x1=row["day"], y0=-0.6, y1=len(lines) - 0.4, layer="below",
            line={"color": theme.LIGHT["axis"], "width": 1.5},
        )  # fmt: skip
    named = _clear(list(sessions.select("sequence", "day").iter_rows()))
    word = t("figures.session_axis")
    figure.update_layout(
        xaxis={
            "type": "date",
            "tickangle": 0,
            "tickvals": [day for _, day in named],
            "ticktext": [f"{word} {place}<br>{short_day(day)}" for place, day in named],
        }
    )


def _clear(sessions: list[tuple[int, dt.date]]) -> list[tuple[int, dt.date]]:
    """Return the sessions whose names have room; the others keep their line."""
    if not sessions:
        return []
    room = (sessions[-1][1] - sessions[0][1]) * _ROOM
    kept = sessions[:1]
    for place, day in sessions[1:]:
        if day - kept[-1][1] >= room:
            kept.append((place, day))
    return kept


def short_day(day: dt.date) -> str:
    """Return a day without its year, as people write it: ``15 Oct``, ``15 oct.``.

    Examples
    --------
    >>> short_day(dt.date(2024, 10, 15))
    '15 Oct'
    """
    return i18n.date(day).removesuffix(str(day.year)).strip()


def _marks(figure: go.Figure, part: pl.DataFrame, lines: dict[str, int], kind: str) -> None:
    import plotly.graph_objects as go

    looks = {
        "before": {"color": theme.LIGHT["blue"], "symbol": "circle", "size": 9},
        "late": {"color": theme.LIGHT["orange"], "symbol": "diamond", "size": 9},
        "other": {"color": theme.LIGHT["axis"], "symbol": "circle-open", "size": 7},
    }
    figure.add_trace(
        go.Scatter(
            x=part["day"].to_list(),
            y=[lines[name] for name in part["learner"]],
            mode="markers",
            name=t(f"figures_bench.timeline_{kind}"),
            marker=looks[kind],
            customdata=[
                f"<b>{theme.safe(row['learner'], 30, 1)}</b><br>{i18n.date(row['day'])}<br>"
                f"{t('figures_bench.timeline_events', n=row['n'])}"
                for row in part.iter_rows(named=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=part.height > 0,
        )
    )


def _present(figure: go.Figure, part: pl.DataFrame, lines: dict[str, int], came: bool) -> None:
    import plotly.graph_objects as go

    symbol = "square" if came else "x-thin-open"
    figure.add_trace(
        go.Scatter(
            x=part["day"].to_list(),
            y=[lines[name] for name in part["learner"]],
            mode="markers",
            name=t(f"figures_bench.timeline_{'came' if came else 'absent'}"),
            marker={"color": theme.LIGHT["ink"], "symbol": symbol, "size": 8, "line": {"width": 2}},
            customdata=[
                f"<b>{theme.safe(name, 30, 1)}</b><br>{i18n.date(day)}"
                for name, day in part.select("learner", "day").iter_rows()
            ],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=part.height > 0,
        )
    )


def _alt(days: pl.DataFrame, names: list[str], sessions: int) -> str:
    worked = days.filter(pl.col("day").is_not_null())
    counts = {kind: worked.filter(kind=kind).height for kind in KINDS}
    idle = len(names) - worked["learner"].n_unique()
    return t("figures_bench.timeline_alt", n=len(names), sessions=sessions, idle=idle, **counts)


def _table(days: pl.DataFrame, presence: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    worked = days.filter(pl.col("day").is_not_null())
    counts = {
        kind: dict(worked.filter(kind=kind).group_by("learner").agg(pl.len()).iter_rows()) for kind in KINDS
    }
    came = dict(presence.filter("came").group_by("learner").agg(pl.len()).iter_rows())
    told = dict(presence.group_by("learner").agg(pl.len()).iter_rows())
    columns: list[tuple[str, list[object]]] = [("learner", list(names))]
    columns += [(f"days_{kind}", [number(counts[kind].get(name, 0), 0) for name in names]) for kind in KINDS]
    of = [
        t("figures_bench.of", some=came.get(name, 0), all=told[name]) if name in told else "–"
        for name in names
    ]
    return localized([*columns, ("came", of)])
