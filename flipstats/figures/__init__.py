"""Plain rows in, a figure with its caption, alternative text and data table out.

No function here opens a study or computes a statistic.
"""

from __future__ import annotations

from flipstats.figures.arms import completion_by_arm, group_means
from flipstats.figures.change import iteration_changes
from flipstats.figures.dots import by_iteration, preparation_by_session, start_scores
from flipstats.figures.forest import forest
from flipstats.figures.heatmap import preparation_heatmap
from flipstats.figures.hours import hours_by_group
from flipstats.figures.lead import lead_time_bands
from flipstats.figures.love import love
from flipstats.figures.picture import Picture
from flipstats.figures.theme import CONFIG, dark_of, template, themed

__all__ = [
    "CONFIG",
    "Picture",
    "by_iteration",
    "completion_by_arm",
    "dark_of",
    "forest",
    "group_means",
    "hours_by_group",
    "iteration_changes",
    "lead_time_bands",
    "love",
    "preparation_by_session",
    "preparation_heatmap",
    "start_scores",
    "template",
    "themed",
]
