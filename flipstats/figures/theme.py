"""How every figure looks: one palette for light and dark, templates, axes, labels, error bars.

A figure is drawn in the light palette. `dark_of` maps each of its colours to the dark palette, so that a page
can follow the reader's setting without drawing anything again in Python.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flipstats import i18n

if TYPE_CHECKING:
    import plotly.graph_objects as go

# From Okabe and Ito's hues (Color Universal Design, 2008), moved apart in lightness until no two are taken
# for one another in any kind of colour blindness, at 3:1 or more against the paper: tests/test_palette.py.
LIGHT = {
    "ink": "#1B2430",
    "muted": "#5A6675",
    "grid": "#E4E8ED",
    "axis": "#9AA4B1",
    "blue": "#0072B2",
    "orange": "#B74D00",
    "green": "#2B5C44",
    "purple": "#9E5F81",
    "sky": "#3493D8",
    "gold": "#C58118",
}
DARK = {
    "ink": "#E7ECF2",
    "muted": "#A5B0BE",
    "grid": "#2B333E",
    "axis": "#667282",
    "blue": "#56B4E9",
    "orange": "#E98337",
    "green": "#3FEBBB",
    "purple": "#CF90B1",
    "sky": "#B4E0FF",
    "gold": "#F8C445",
}
# Greys that stand on light and on dark paper alike.
VOID, HATCH = "rgba(125,138,155,0.14)", "rgba(125,138,155,0.75)"
_KEPT = "\ue000"  # stands for a non-breaking space, which is meant, while white space is tidied
SERIES = ("blue", "orange", "green", "purple", "sky", "gold")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
RAMP = {  # light enough, or dark enough, for a number to be read on every step
    "light": ("#F4F8FC", "#DFECF7", "#C8DFF1", "#AED0EA", "#91C0E2", "#72AFDA"),
    "dark": ("#19222C", "#1B2F42", "#1D3C57", "#204A6D", "#245982", "#2A6996"),
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtons": [["toImage"]],
    "doubleClick": False,
    "scrollZoom": False,
}


def dark_of() -> dict[str, str]:
    """Return the dark colour of each light one, ``{"#0072B2": "#56B4E9", …}``."""
    return {LIGHT[name]: DARK[name] for name in LIGHT}


def template(mode: str = "light") -> dict:
    """Return the plotly template of a mode, as plain data for Python or for a page.

    Parameters
    ----------
    mode : str
        ``"light"`` or ``"dark"``.

    Examples
    --------
    >>> template("dark")["layout"]["paper_bgcolor"]
    'rgba(0,0,0,0)'
    """
    colours = {"light": LIGHT, "dark": DARK}[mode]
    axis = {
        "gridcolor": colours["grid"],
        "linecolor": colours["axis"],
        "tickcolor": colours["axis"],
        "zerolinecolor": colours["axis"],
        "tickfont": {"color": colours["muted"], "size": 12},
        "title": {"font": {"color": colours["muted"], "size": 12}, "standoff": 10},
        "showgrid": False,
        "ticks": "",
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
    }
    return {
        "layout": {
            "dragmode": False,  # a finger on a figure scrolls the page
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT, "size": 13, "color": colours["ink"]},
            "colorway": [colours[name] for name in SERIES],
            "colorscale": {"sequential": [[i / 5, colour] for i, colour in enumerate(RAMP[mode])]},
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": {"light": "#FFFFFF", "dark": "#10151B"}[mode],
                "bordercolor": colours["axis"],
                "font": {"family": FONT, "size": 12, "color": colours["ink"]},
                "align": "left",
            },
            "annotationdefaults": {"showarrow": False, "font": {"size": 12}},
        }
    }


def canvas(height: int, *, lang: str | None = None) -> go.Figure:
    """Return an empty figure in the house style, `height` pixels high and as wide as its place."""
    import plotly.graph_objects as go

    layout = {
        "template": template(),
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "barmode": "overlay",
        "separators": {"fr": ",\u202f", "en": ".,"}[lang or i18n.language()],
        "showlegend": False,
        "hovermode": "closest",
    }
    return go.Figure(layout=layout)  # 30 times faster than an update of a layout with a template in it


def safe(text: object, width: int | None = None, lines: int = 2) -> str:
    """Return a text from the data as plotly may draw it: no markup of its own, wrapped at `width` characters.

    Examples
    --------
    >>> safe("<b>A & B</b>")
    '&lt;b&gt;A &amp; B&lt;/b&gt;'
    >>> safe("Groupe du mardi matin à Lyon", 14)
    'Groupe du<br>mardi matin à…'
    """
    words = re.sub(r"[\s]+", " ", str(text).replace("\u00a0", _KEPT)).strip().replace(_KEPT, "\u00a0")
    if width is None:
        return html.escape(words, quote=False)
    cut = textwrap.wrap(words, width, max_lines=lines, placeholder="…") or [""]
    return "<br>".join(html.escape(line, quote=False) for line in cut)


def colours_of(names: Sequence[str], *, first: str | None = None) -> dict[str, tuple[str, str]]:
    """Give each series its colour and its mark; `first`, the treated arm say, always gets the first.

    Examples
    --------
    >>> colours_of(["conventional", "flipped"], first="flipped")["flipped"]
    ('#0072B2', 'circle')
    """
    ordered = sorted(dict.fromkeys(names), key=lambda name: (name != first, list(names).index(name)))
    return {
        name: (LIGHT[SERIES[i % len(SERIES)]], SYMBOLS[i % len(SYMBOLS)]) for i, name in enumerate(ordered)
    }


def share_axis(figure: go.Figure, axis: str, *, low: float, high: float) -> None:
    """Make an axis read as percentages in the reader's language, with a light grid at round values."""
    step = next(step for step in (0.05, 0.1, 0.2, 0.25) if (high - low) / step <= 5.5 or step == 0.25)
    ticks = [i * step for i in range(round(1 / step) + 1) if low - 1e-9 <= i * step <= high + 1e-9]
    figure.update_layout(
        {
            axis: {
                "range": [low, high],
                "tickmode": "array",
                "tickvals": ticks,
                "ticktext": [i18n.percent(tick) for tick in ticks],
                "showgrid": True,
            }
        }
    )


def hatched() -> dict:
    """Return the marker of what is not known: grey and hatched, like no value of the palette."""
    return {
        "color": VOID,
        "line": {"width": 0},
        "pattern": {
            "shape": "/",
            "fgcolor": HATCH,
            "bgcolor": VOID,
            "size": 6,
            "solidity": 0.15,
        },
    }


def line_label(figure: go.Figure, line: float, text: str, *, lift: float) -> None:
    """Write a line's label above it from the left edge: marks keep the whole width, also on a phone."""
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=line - lift, yanchor="bottom", align="left", text=text,
        font={"size": 13},
    )  # fmt: skip


def apart(wanted: Sequence[float], rooms: Sequence[float], *, low: float, high: float) -> list[float]:
    """Return where labels stand so that none lies on another: near where they should, in the same order.

    Parameters
    ----------
    wanted : sequence of float
        Where each label should stand, rising.
    rooms : sequence of float
        How much each takes.
    low, high : float
        Ends of what labels may take.

    Examples
    --------
    >>> apart([0.95, 0.97, 1.0], [0.1, 0.1, 0.1], low=0.0, high=1.0)
    [0.75, 0.85, 0.95]
    """
    places: list[float] = []
    floor = low
    for want, room in zip(wanted, rooms, strict=True):
        places.append(max(want, floor + room / 2))
        floor = places[-1] + room / 2
    ceiling = high
    for i in range(len(places) - 1, -1, -1):
        places[i] = round(min(places[i], ceiling - rooms[i] / 2), 6)
        ceiling = places[i] - rooms[i] / 2
    return places


def whiskers(
    values: Sequence[float | None], lows: Sequence[float | None], highs: Sequence[float | None], colour: str
) -> dict:
    """Return plotly error bars that reach from `lows` to `highs`; nothing where a bound is unknown."""

    def reach(end: float | None, value: float | None) -> float | None:
        return None if end is None or value is None else abs(end - value)

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(high, value) for high, value in zip(highs, values, strict=True)],
        "arrayminus": [reach(low, value) for low, value in zip(lows, values, strict=True)],
        "color": colour,
        "thickness": 2,
        "width": 0,
    }


def themed(figure: go.Figure, mode: str) -> go.Figure:
    """Return a copy of a figure for light or dark paper.

    Examples
    --------
    >>> themed(canvas(200), "dark").layout.template.layout.font.color
    '#E7ECF2'
    """
    import plotly.graph_objects as go
    import plotly.io as pio

    if mode == "light":
        return go.Figure(figure)
    text = figure.to_json()
    for light, dark in dark_of().items():
        text = text.replace(light, dark)
    copy = pio.from_json(text, skip_invalid=False)
    copy.update_layout(template=template(mode))
    return copy
