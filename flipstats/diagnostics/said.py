"""What comments say, as looks: the themes that no change has answered."""

from __future__ import annotations

from flipstats.diagnostics.kinds import Kind
from flipstats.diagnostics.one import Look
from flipstats.diagnostics.target import Names, Target, bounded
from flipstats.study import Study
from flipstats.themes import Theme, comment_themes

_WHY = {
    "no_comments": "no_comments",
    "too_few": "few_comments",
    "no_structure": "no_themes",
    "not_exported": "not_in_export",
}


def theme_looks(
    study: Study, kind: Kind, names: Names, *, role: str, level: float | None
) -> tuple[list[Look], str | None]:
    """Return the unanswered themes of the comments, and why there are no themes where there are none."""
    found = comment_themes(study, role=role, level=level)
    looks = [_look(kind, theme, names) for theme in found.themes if theme.unread]
    return looks, None if found.reason is None else _WHY[found.reason]


def _look(kind: Kind, theme: Theme, names: Names) -> Look:
    session = names.sessions.get(theme.session_id)
    iteration = theme.iterations[0] if len(theme.iterations) == 1 else None
    name = bounded(theme.name)
    details = {}
    if session is not None:
        details["about"] = {"title": names.target("session", {"session_id": theme.session_id}).title}
    numbers = {
        "value": theme.value, "low": theme.low, "high": theme.high, "level": theme.level, "n": theme.n,
        "numerator": theme.numerator, "denominator": theme.n, "unknown": 0, "coverage": None,
        "interval": "wilson", "metric": kind.metric, "statistic": kind.statistic, "depth": None,
    }  # fmt: skip
    return Look(kind, Target("theme", name, {"theme": name}, iteration=iteration), numbers, details)
