"""Results as blocks of HTML, for a notebook, a report and a page; every text of the data is escaped.

A block is complete in itself: a figure comes with its caption, its alternative text and its data table. How
it looks is in `assets/blocks.css`, how a figure is drawn in `assets/draw.js`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from flipstats import i18n
from flipstats.figures import CONFIG, Picture, dark_of, template
from flipstats.i18n import t

if TYPE_CHECKING:
    import plotly.graph_objects as go

ASSETS = Path(__file__).parents[1] / "assets"
IN_REPORT = "FLIPSTATS_IN_REPORT"  # set where a report is made: its template carries style and plotly.js
_TALL = 600  # pixels: with a question above, it would leave half a sheet of paper empty
_NUMERIC = re.compile(r"(?:< )?[+−-]?[\d\s.,\u00a0\u202f]+\s?%?\*?|–")


class Html(str):
    """A piece of HTML that a notebook shows as such.

    Examples
    --------
    >>> Html("<p>a</p>") + Html("<p>b</p>")
    <block of 16 characters>
    """

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<block of {len(self)} characters>"

    def __add__(self, other: str) -> Html:
        return Html(str(self) + str(other))


class HeadlineLine(Protocol):
    """What a card shows; `flipstats.headline.Line` is one."""

    key: str
    label: str
    value_text: str
    interval_text: str
    sentence: str
    caveat: str


class HeadlineLines(Protocol):
    """A headline; `flipstats.headline.Headline` is one."""

    lines: Sequence[HeadlineLine]


# ------------------------------------------------------------------------------------------------- start


def begin(lang: str | None = None) -> Html:
    """Set the language, and give a notebook the style and the drawing code its blocks need.

    In a report this is empty: the report's template carries both, once.

    Raises
    ------
    ValueError
        `lang` is no language of flipstats.
    """
    if lang is not None:
        i18n.set_language(lang)
    if os.environ.get(IN_REPORT):
        return Html()
    script = "".join(f"<script>{_asset(name)}</script>" for name in ("plotly-cartesian.min.js", "draw.js"))
    return Html(f"<style>{_asset('blocks.css')}</style>{theme_data()}{script}")


def theme_data() -> Html:
    """Return what `draw.js` needs to know of the house style, as a JSON element."""
    config = {**CONFIG, "displayModeBar": False}
    content = {
        "dark": dark_of(),
        "templates": {mode: template(mode) for mode in ("light", "dark")},
        "config": {key: value for key, value in config.items() if key != "modeBarButtons"},
    }
    return Html(f'<script type="application/json" id="fs-theme">{_json(content)}</script>')


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _json(content: object) -> str:
    return _in_script(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def _in_script(text: str) -> str:
    # In a script element only "<" can end it or open a comment; JSON allows it to be written as an escape.
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


# -------------------------------------------------------------------------------------------------- text


def text(key: str, /, **values: object) -> Html:
    """Return a text of the catalogue as paragraphs; `values` are escaped, ``**words**`` become strong.

    Examples
    --------
    >>> str(text("core.yes"))
    '<p>yes</p>'
    """
    marked = escape(t(key, **{name: _Hold(value) for name, value in values.items()}), quote=False)
    marked = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", marked)
    return Html("".join(f"<p>{part.strip()}</p>" for part in marked.split("\n\n") if part.strip()))


class _Hold(str):
    """A value that cannot bring markup of its own into a text: its asterisks are not ours."""

    def __new__(cls, value: object) -> _Hold:
        return super().__new__(cls, str(value).replace("**", "∗∗"))


def heading(key: str, /, level: int = 2, **values: object) -> Html:
    """Return a heading; those of level 2 make the table of contents, under the name of their key."""
    anchor = escape(key.replace(".", "-"))
    return Html(f'<h{level} id="{anchor}">{escape(t(key, **values))}</h{level}>')


def section(key: str, /, *blocks: str, answer: str = "", **values: object) -> Html:
    """Return a section: its question as heading, its answer first, then its blocks."""
    lead = f'<p class="fs-answer">{escape(answer)}</p>' if answer else ""
    inside = "".join(str(block) for block in blocks)
    return Html(f'<section class="fs-section">{heading(key, **values)}{lead}{inside}</section>')


def notice(sentence: str, *, label: str = "", remedy: str = "") -> Html:
    """Return a notice: what cannot be said, why, and what would make it possible."""
    head = f"<strong>{escape(label)}</strong> " if label else ""
    sentence = sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "!", "?", "…")) else ".")
    after = f'<p class="fs-remedy">{escape(remedy)}</p>' if remedy else ""
    return Html(f'<div class="fs-notice" role="note"><p>{head}{escape(sentence)}</p>{after}</div>')


# ------------------------------------------------------------------------------------------------- cards


def cards(lines: Iterable[HeadlineLine]) -> Html:
    """Return headline lines as cards: the number, its interval, the sentence and what limits it."""
    lines = list(lines)
    numbers = "".join(_card(line) for line in lines if line.value_text)
    steps = [line for line in lines if line.key == "next"]
    others = "".join(notice(f"{line.sentence} {line.caveat}".strip(), label=line.label) for line in lines
                     if not line.value_text and line.key != "next")  # fmt: skip
    return Html(f'<div class="fs-grid">{numbers}</div>{_next(steps)}{others}')


def _next(lines: list[HeadlineLine]) -> str:
    """Return what to change next as one card; a list where there are several."""
    if not lines:
        return ""
    told = [
        f"<p>{escape(line.sentence)}</p>"
        + (f'<p class="fs-do">{escape(line.caveat)}</p>' if line.caveat else "")
        for line in lines
    ]
    several = len(told) > 1
    inside = f"<ol>{''.join(f'<li>{one}</li>' for one in told)}</ol>" if several else told[0]
    head = f'<h3 class="fs-label">{escape(t("headline.next_label"))}</h3>'
    return f'<article class="fs-card fs-next" data-key="next">{head}{inside}</article>'


def sentence(headline: HeadlineLines, key: str) -> str:
    """Return the sentence of one line of a headline; empty where it has no such line, or no number."""
    known = (line for line in headline.lines if line.key == key and line.value_text not in ("", "–"))
    return next((line.sentence for line in known), "")


def _card(line: HeadlineLine) -> str:
    worded = not any(sign.isdigit() for sign in line.value_text)
    size = "fs-value fs-worded" if worded else "fs-value"
    parts = [
        f'<h3 class="fs-label">{escape(line.label)}</h3>',
        f'<p class="{size}">{escape(line.value_text)}</p>',
        f'<p class="fs-interval">{escape(line.interval_text)}</p>' if line.interval_text else "",
        f'<p class="fs-sentence">{escape(line.sentence)}</p>' if line.sentence else "",
        f'<p class="fs-caveat">{escape(line.caveat)}</p>' if line.caveat else "",
    ]
    return f'<article class="fs-card" data-key="{escape(line.key)}">{"".join(parts)}</article>'


# ----------------------------------------------------------------------------------------------- figures


def figure(picture: Picture) -> Html:
    """Return a figure with its title, caption, alternative text and data table."""
    name = "fs-" + hashlib.sha256(f"{picture.title}{picture.alt}".encode()).hexdigest()[:10]
    layout = picture.figure.layout
    size = f"min-height:{layout.height or 320}px;min-width:{(layout.meta or {}).get('min_width', 0)}px"
    tall = " data-tall" if (layout.height or 0) > _TALL else ""
    return Html(
        f'<figure class="fs-figure" role="group" aria-labelledby="{name}"{tall}>'
        f'<h3 class="fs-title" id="{name}">{escape(picture.title)}</h3>'
        f'<div class="fs-plot" data-name="{name}">'
        f'<div class="fs-canvas" role="img" aria-label="{escape(picture.alt)}" style="{size}">'
        f"<noscript>{escape(t('report.no_script'))}</noscript></div>"
        f'<script type="application/json" class="fs-spec">{_in_script(spec(picture.figure))}</script></div>'
        f"<figcaption>{escape(picture.caption)}</figcaption>"
        f'<div class="fs-tools">{data_table(picture.table, picture.title)}'
        f'<button type="button" class="fs-save" hidden>{escape(t("report.save_image"))}</button></div>'
        "</figure>"
    )


def spec(figure: go.Figure) -> str:
    """Return a figure as the JSON a page draws from: ``data`` and ``layout`` without the template."""
    content = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return json.dumps({"data": content["data"], "layout": content["layout"]}, ensure_ascii=False)


def data_table(frame: pl.DataFrame, title: str) -> Html:
    """Return a table folded away under the words "data table"."""
    return Html(
        f'<details class="fs-data"><summary>{escape(t("report.data_table"))}</summary>'
        f"{_scroller(_table(frame), title)}</details>"
    )


def table(frame: pl.DataFrame, caption: str, *, note: str = "") -> Html:
    """Return a table with its caption; cells are text already in the reader's language.

    Parameters
    ----------
    frame : DataFrame
        Headers are shown as they are; the first column names the line; columns of numbers stand to the right.
    caption, note : str
        Plain text above and below.
    """
    after = f'<p class="fs-note">{escape(note)}</p>' if note else ""
    return Html(f'<div class="fs-tabled">{_scroller(_table(frame, caption), caption)}{after}</div>')


def _scroller(inside: str, label: str) -> str:
    return f'<div class="fs-scroll" role="region" aria-label="{escape(label)}" tabindex="0">{inside}</div>'


def _table(frame: pl.DataFrame, caption: str = "") -> str:
    right = [_is_numeric(frame[column].to_list()) for column in frame.columns]
    head = "".join(
        f'<th scope="col"{_side(side)}>{escape(name)}</th>'
        for name, side in zip(frame.columns, right, strict=True)
    )
    body = "".join(_line(row, right) for row in frame.iter_rows())
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _line(row: Sequence[object], right: Sequence[bool]) -> str:
    cells = [_cell(value) for value in row]
    first = f'<th scope="row"{_side(right[0])}>{cells[0]}</th>' if cells else ""
    rest = (f"<td{_side(side)}>{cell}</td>" for cell, side in zip(cells[1:], right[1:], strict=True))
    return f"<tr>{first}{''.join(rest)}</tr>"


def _cell(value: object) -> str:
    return "–" if value is None else escape(str(value))


def _side(right: bool) -> str:
    return ' class="fs-num"' if right else ""


def _is_numeric(values: Iterable[object]) -> bool:
    given = [str(value) for value in values if value not in (None, "")]
    return bool(given) and all(_NUMERIC.fullmatch(value) for value in given)
