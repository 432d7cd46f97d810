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
from flipstats.display.brief import (
    asked_before,
    blocking_questions,
    brief_head,
    preparation_done,
    take_up,
    unprepared,
    who,
)
from flipstats.display.compared import compared, comparison
from flipstats.display.controlled import answered, asked, beside, described, trusted
from flipstats.display.explorer import learners_along
from flipstats.display.iterations import change_log, moved, moved_sentence
from flipstats.display.next_steps import next_steps, steps, steps_sentence
from flipstats.display.quality import computed, counted, known, odd, standing
from flipstats.display.said import comment_themes, themes_table
from flipstats.display.views import arm_words, completion, preparation, readiness

__all__ = [
    "ASSETS",
    "IN_REPORT",
    "Html",
    "answered",
    "arm_words",
    "asked",
    "asked_before",
    "begin",
    "beside",
    "blocking_questions",
    "brief_head",
    "cards",
    "change_log",
    "comment_themes",
    "compared",
    "comparison",
    "completion",
    "computed",
    "counted",
    "definitions",
    "described",
    "figure",
    "heading",
    "known",
    "learners_along",
    "limits",
    "moved",
    "moved_sentence",
    "next_steps",
    "notice",
    "odd",
    "preparation",
    "preparation_done",
    "readiness",
    "section",
    "sentence",
    "sources",
    "spec",
    "standing",
    "steps",
    "steps_sentence",
    "table",
    "take_up",
    "text",
    "theme_data",
    "themes_table",
    "thresholds",
    "trusted",
    "unprepared",
    "who",
]
