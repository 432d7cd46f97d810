"""Cohorts explored, as blocks: groups side by side, learners along the sessions, resources one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from flipstats import figures, metrics
from flipstats.bench import explorer
from flipstats.display.blocks import Html, figure, notice
from flipstats.display.views import BEST, arm_words, consulted_heatmap, depth_of, in_arm_words
from flipstats.i18n import percent, t

if TYPE_CHECKING:
    from flipstats.figures import Picture
    from flipstats.study import Study


def groups_apart(
    study: Study, *, depth: str = BEST, role: str = "research", sessions: Sequence[int] = ()
) -> Html:
    """Show who came prepared, a panel for each group, all on one scale."""
    return _shown(panels(study, depth, role, sessions))


def panels(study: Study, depth: str, role: str, sessions: Sequence[int] = ()) -> Picture | str:
    """Return small multiples of who came prepared, or why there are none."""
    level = depth_of(study, depth)
    if level is None:
        return metrics.reason_text("no_coverage")
    rows = explorer.by_cohort(study, "prepared_rate", depth=level, role=role, sessions=sessions)
    rows = rows.filter(pl.col("statistic") == "all")
    if not rows["value"].is_not_null().any():
        reasons = rows["reason"].drop_nulls().to_list()
        return metrics.reason_text(reasons[0] if reasons else "no_coverage")
    return figures.small_multiples(
        rows.with_columns(in_arm_words()),
        treated=arm_words(study.design.treated),
        statistic="all",
        measure=t(f"report.measure_prepared_{level}"),
    )


def spread_sentence(study: Study, *, depth: str = BEST, role: str = "research") -> str:
    """Say which group came prepared least and which most; empty where fewer than two are known."""
    level = depth_of(study, depth)
    if level is None:
        return ""
    named = study.table("cohorts").select("cohort_id", cohort=pl.coalesce("title", "cohort_id")).collect()
    rows = metrics.prepared_rate(study, ["cohort_id"], depth=level, role=role).filter(
        pl.col("statistic") == "all", pl.col("value").is_not_null()
    )
    rows = rows.join(named, on="cohort_id", how="left").sort("value", "cohort")
    if rows.height < 2:
        return ""
    (low, high) = (rows.row(i, named=True) for i in (0, -1))
    return t(
        "explorer.spread",
        n=rows.height,
        low_group=low["cohort"],
        low=_with_interval(low),
        high_group=high["cohort"],
        high=_with_interval(high),
    )


def _with_interval(row: dict) -> str:
    between = t("figures.between", low=percent(row["low"]), high=percent(row["high"]))
    return f"{percent(row['value'])}, {between}"


def consulted(study: Study, *, depth: str = BEST, role: str = "research") -> Html:
    """Show how much of the preparation was consulted, session by session and group by group."""
    level = depth_of(study, depth)
    return _shown(
        metrics.reason_text("no_coverage") if level is None else consulted_heatmap(study, level, role)
    )


def learners_along(
    study: Study,
    *,
    cohorts: Sequence[str] = (),
    learners: int = explorer.LEARNERS,
    role: str = "research",
) -> Html:
    """Show what some learners did along the sessions, by pseudonym, for each of at most three groups."""
    if not explorer.sees_learners(study, role):
        return notice(t("explorer.no_learners_shown"))
    wanted = list(cohorts)[:3] or [None]
    found = [explorer.timeline(study, one, learners=learners, role=role) for one in wanted]
    if not any(found):
        return notice(metrics.reason_text("no_sessions"), label=t("report.not_computable"))
    return Html("".join(_along(one) for one in found if one))


def _along(found: explorer.Timeline) -> str:
    about = t("explorer.timeline_of", group=found.cohort, shown=found.shown, enrolled=found.enrolled)
    picture = figures.learner_timeline(found.days, sessions=found.sessions, presence=found.presence)
    return figure(figures.Picture(picture.figure, about, picture.caption, picture.alt, picture.table))


def resources_apart(study: Study, *, role: str = "research", resources: Sequence[str] = ()) -> Html:
    """Show who opens each resource, and how far those who open it go."""
    rows = explorer.by_resource(study, role=role, resources=resources)
    reach = rows.filter(pl.col("statistic") == "reach")
    if not reach["value"].is_not_null().any():
        reasons = reach["reason"].drop_nulls().to_list()
        return _shown(metrics.reason_text(reasons[0] if reasons else "no_plan"))
    curve = rows.filter(pl.col("statistic").is_in(list(figures.STEPS)))
    shown = figure(figures.resource_reach(reach))
    if not curve["value"].is_not_null().any():
        return shown + notice(t("explorer.no_share_seen"), remedy=t("explorer.remedy_share_seen"))
    longest = curve.sort("minutes", descending=True, nulls_last=True, maintain_order=True)
    return shown + figure(figures.retention_curve(longest))


def _shown(made: Picture | str) -> Html:
    return notice(made, label=t("report.not_computable")) if isinstance(made, str) else figure(made)
