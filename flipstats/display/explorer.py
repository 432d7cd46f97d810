"""Learners along the sessions, as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flipstats import figures, metrics
from flipstats.bench import explorer
from flipstats.display.blocks import Html, figure, notice
from flipstats.i18n import t

if TYPE_CHECKING:
    from flipstats.study import Study


def learners_along(
    study: Study,
    *,
    cohorts: Sequence[str] = (),
    learners: int = explorer.LEARNERS,
    role: str = "research",
    sessions: Sequence[int] = (),
    resources: Sequence[str] = (),
) -> Html:
    """Show what some learners did along the sessions, by pseudonym, for each of at most three groups."""
    if not explorer.sees_learners(study, role):
        return notice(t("explorer.no_learners_shown"))
    wanted = list(cohorts)[:3] or [None]
    kept = {"sessions": sessions, "resources": resources}
    found = [explorer.timeline(study, one, learners=learners, role=role, **kept) for one in wanted]
    if not any(found):
        return notice(metrics.reason_text("no_sessions"), label=t("report.not_computable"))
    return Html("".join(_along(one) for one in found if one))


def _along(found: explorer.Timeline) -> str:
    about = t("explorer.timeline_of", group=found.cohort, shown=found.shown, enrolled=found.enrolled)
    picture = figures.learner_timeline(found.days, sessions=found.sessions, presence=found.presence)
    return figure(figures.Picture(picture.figure, about, picture.caption, picture.alt, picture.table))
