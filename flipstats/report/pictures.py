"""All figures of a report as picture files, for slides."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from flipstats import figures

if TYPE_CHECKING:
    import plotly.graph_objects as go

KINDS = ("png", "svg")
_BLOCK = re.compile(
    r'<h3 class="fs-title"[^>]*>(?P<title>.*?)</h3>.*?'
    r'<script type="application/json" class="fs-spec">(?P<spec>.*?)</script>',
    re.DOTALL,
)


def pictures_of(page: str) -> list[tuple[str, go.Figure]]:
    """Return the figures of a page with their titles, in order.

    Examples
    --------
    >>> page = '<h3 class="fs-title">A &amp; B</h3><script type="application/json" class="fs-spec">'
    >>> [title for title, _ in pictures_of(page + '{"data": [], "layout": {}}</script>')]
    ['A & B']
    """
    import plotly.graph_objects as go

    found = []
    for block in _BLOCK.finditer(page):
        spec = json.loads(block["spec"])
        figure = go.Figure(data=spec["data"], layout=spec["layout"])
        found.append((unescape(block["title"]), figure.update_layout(template=figures.template())))
    return found


def write_pictures(page: str, folder: Path, stem: str) -> list[Path]:
    """Write every figure of a page as PNG and as SVG; return the files.

    Raises
    ------
    FlipstatsError
        The extra ``figures`` or a browser is missing.
    """
    found = pictures_of(page)
    if not found:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return figures.save_all(
        [
            (figure, title, folder / f"{stem}-{place:02d}.{kind}")
            for place, (title, figure) in enumerate(found, start=1)
            for kind in KINDS
        ]
    )
