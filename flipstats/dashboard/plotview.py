"""The figure widget of the pages: small, and drawn from one state.

Plotly's own widget sends 5 MB for each figure and was seen to keep an old cohort beside new numbers. This
one sends the figure only, uses the page's single plotly.js, and changes figure, caption, alternative text
and table together.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import anywidget
import traitlets

from flipstats.display import ASSETS, theme_data
from flipstats.i18n import t

_HERE = Path(__file__).parent


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


class PlotView(anywidget.AnyWidget):
    """A block of a page, as `flipstats.display` makes it: a figure with its words and table, or a notice.

    Attributes
    ----------
    block : dict
        Everything that is drawn, replaced as a whole: ``html``; ``key``; and ``rev``, the turn of the page,
        which the block's element carries as ``data-rev`` once drawn (``data-error`` where drawing failed).
    """

    _esm = (_HERE / "plotview.js").read_text(encoding="utf-8")
    block = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.on_msg(self._answer)

    def show(self, key: str, html: str, rev: int) -> None:
        """Draw this block instead of the one before."""
        self.block = {"key": key, "html": html, "rev": rev, "failed": t("page.not_drawn")}

    def _answer(self, _widget: object, content: object, _buffers: object) -> None:
        """Give a page without our template what it lacks; whatever else a browser may send is ignored."""
        if content == {"ask": "plotly"}:
            head = f"<style>{_asset('blocks.css')}</style>{theme_data()}"
            self.send({"plotly": _asset("plotly-cartesian.min.js"), "head": head})


class Address(anywidget.AnyWidget):
    """The browser's address, title and spoken status, kept in step with what the page shows.

    Attributes
    ----------
    now : dict
        ``query``, the query string of a link that shows the same; ``title``, the window's; ``said``, what a
        screen reader is told; ``rev``, the turn of the page: it is drawn when all its blocks carry it.
    """

    _esm = (_HERE / "address.js").read_text(encoding="utf-8")
    now = traitlets.Dict({"query": "", "title": "flipstats", "said": "", "rev": 0}).tag(sync=True)
