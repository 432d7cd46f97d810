"""Results as blocks of HTML, for a notebook, a report and a page."""

from __future__ import annotations

from flipstats.display.blocks import (
    ASSETS,
    IN_REPORT,
    Html,
    begin,
    cards,
    figure,
    heading,
    notice,
    section,
    spec,
    table,
    text,
    theme_data,
)

__all__ = [
    "ASSETS",
    "IN_REPORT",
    "Html",
    "begin",
    "cards",
    "figure",
    "heading",
    "notice",
    "section",
    "spec",
    "table",
    "text",
    "theme_data",
]
