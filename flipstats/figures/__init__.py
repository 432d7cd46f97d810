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
from flipstats.figures.multiples import small_multiples
from flipstats.figures.picture import Picture
from flipstats.figures.reach import STEPS, resource_reach, retention_curve
from flipstats.figures.static import save, save_all
from flipstats.figures.theme import CONFIG, dark_of, template, themed
from flipstats.figures.timeline import learner_timeline

__all__ = [
    "CONFIG",
    "STEPS",
    "Picture",
    "by_iteration",
    "completion_by_arm",
    "dark_of",
    "forest",
    "group_means",
    "hours_by_group",
    "iteration_changes",
    "lead_time_bands",
    "learner_timeline",
    "love",
    "preparation_by_session",
    "preparation_heatmap",
    "resource_reach",
    "retention_curve",
    "save",
    "save_all",
    "small_multiples",
    "start_scores",
    "template",
    "themed",
]
