"""The figure widget of the pages: small, and drawn from one state.

Plotly's own widget sends 5 MB for each figure and was seen to keep an old cohort beside new numbers. This
one sends the figure only, uses the page's single plotly.js, and changes figure, caption, alternative text
and table together.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import traitlets

from flipstats.figures import theme
from flipstats.i18n import t

if TYPE_CHECKING:
    from flipstats.dashboard.state import Shown

_HERE = Path(__file__).parent
PLOTLY_JS = _HERE.parent / "assets" / "plotly-cartesian.min.js"


@cache
def _plotly_js() -> str:
    return PLOTLY_JS.read_text(encoding="utf-8")


def _theme() -> dict:
    return {
        "colours": theme.dark_of(),
        "templates": {mode: theme.template(mode) for mode in ("light", "dark")},
    }


class PlotView(anywidget.AnyWidget):
    """A figure with its title, caption, alternative text and data table.

    Attributes
    ----------
    picture : dict
        Everything that is drawn, replaced as a whole; ``rev`` in it counts up, and the figure's element
        carries it as ``data-rev`` once drawn (``data-error`` where drawing failed).
    theme : dict
        Plotly templates for light and dark, and the dark colour of each light one.
    """

    _esm = (_HERE / "plotview.js").read_text(encoding="utf-8")
    picture = traitlets.Dict().tag(sync=True)
    theme = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(theme=_theme())
        self.on_msg(self._answer)

    def show(self, shown: Shown) -> None:
        """Draw what is shown now, instead of what was."""
        self.picture = {
            **shown.to_dict(),
            "rev": self.picture.get("rev", 0) + 1,
            "failed": t("page.not_drawn"),
        }

    def _answer(self, _widget: object, content: object, _buffers: object) -> None:
        """Give plotly.js to a page without our template; anything else a browser may send is ignored."""
        if content == {"ask": "plotly"}:
            self.send({"plotly": _plotly_js()})


class Address(anywidget.AnyWidget):
    """The browser's address, title and spoken status, kept in step with what the page shows.

    Attributes
    ----------
    now : dict
        ``query``, the query string of a link that shows the same; ``title``, the window's; ``said``, what a
        screen reader is told.
    """

    _esm = (_HERE / "address.js").read_text(encoding="utf-8")
    now = traitlets.Dict({"query": "", "title": "flipstats", "said": ""}).tag(sync=True)
