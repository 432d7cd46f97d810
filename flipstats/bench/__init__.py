"""What trainers and pedagogical engineers look at, as plain results: a session's brief, cohorts explored.

No word of a page here: a notebook, a report and a page show the same content.
"""

from __future__ import annotations

from flipstats.bench.brief import brief_of
from flipstats.bench.explorer import Timeline, timeline
from flipstats.bench.results import Brief

__all__ = ["Brief", "Timeline", "brief_of", "timeline"]
