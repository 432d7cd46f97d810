"""Results as blocks of HTML, for a notebook, a report and a page."""

from __future__ import annotations

from flipstats.display.annex import definitions, limits, sources, thresholds
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
    sentence,
    spec,
    table,
    text,
    theme_data,
)
from flipstats.display.compared import compared, comparison
from flipstats.display.views import arm_words, completion, preparation, readiness

__all__ = [
    "ASSETS",
    "IN_REPORT",
    "Html",
    "arm_words",
    "begin",
    "cards",
    "compared",
    "comparison",
    "completion",
    "definitions",
    "figure",
    "heading",
    "limits",
    "notice",
    "preparation",
    "readiness",
    "section",
    "sentence",
    "sources",
    "spec",
    "table",
    "text",
    "theme_data",
    "thresholds",
]
