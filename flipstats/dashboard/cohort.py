"""The page `cohort`: groups side by side, resource by resource, learners along the sessions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from flipstats import display, figures, metrics
from flipstats.bench.explorer import sees_learners
from flipstats.dashboard.about import About, resources_of
from flipstats.dashboard.manager import because, remedy_of
from flipstats.dashboard.state import Block, Choice, Content, Control, Form, Option, Section
from flipstats.display import arm_words
from flipstats.display.views import in_arm_words
from flipstats.headline import prepared_depth
from flipstats.i18n import number, percent, t
from flipstats.study import Study, open_study

MEASURES = {"prepared_rate": "all", "start_score": "mean", "absenteeism": "rate"}
_BY_RESOURCE = (("resource_id",), ("iteration", "resource_id"), ("cohort_id", "resource_id"))


class Cohort:
    """What the explorer shows of a study, for a role.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Single learners are shown to research and trainers, by pseudonym; small groups to research only.
    language : {"en", "fr"}, optional
        Where the viewer's address asks for none; the programme's by default.

    Attributes
    ----------
    language : str
    """

    def __init__(self, study: Study, role: str, language: str | None = None) -> None:
        self.language = language or study.programme.language
        self._about, self._role = About.of(study, role), role
        self._treated = study.design.treated
        self._depth = prepared_depth(study)
        asked = self._depth or "opened"  # with no level told, the rows say which reason
        self._panels = {
            key: metrics.compute(
                study,
                key,
                ["cohort_id", "sequence"],
                depth=asked if metrics.definition(key).depths else None,
                role=role,
            )
            for key in MEASURES
        }
        self._rates = {
            by: metrics.compute(study, "consultation_rate", by, depth=asked, role=role) for by in _BY_RESOURCE
        }
        self._seen = {by: metrics.compute(study, "resource_reach", by, role=role) for by in _BY_RESOURCE}
        self._resources = resources_of(study)
        self._learners = sees_learners(study, role)
        self._study: Study | None = study if self._learners else None
        self._folder: Path | None = study.path

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_study": None if self._folder else self._study}

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""
        measures = [Option(key, t(f"cohort.measure_{key}")) for key in MEASURES]
        resources = [
            Option(resource, title)
            for resource, title in self._resources.select("resource_id", "title").iter_rows()
        ]
        return Form(
            (
                *self._about.controls(),
                Control("measure", t("cohort.measure"), measures),
                Control("resource", t("cohort.resource"), resources, t("cohort.all_resources")),
            )
        )

    def content(self, choice: Choice) -> Content:
        """Return everything the page shows for a choice, in the language in use."""
        measure = choice["measure"] or next(iter(MEASURES))
        panels = self._panel_rows(measure, choice)
        resources = Section(
            "resources", t("explorer.q_resources"), t("cohort.a_resources"), self._resource_blocks(choice)
        )
        return Content(
            title=t("cohort.title", programme=self._about.title),
            subtitle=self._about.subtitle(),
            scope=self._scope(choice),
            lines=[],
            sections=[
                Section("groups", t("cohort.q_groups"), spread_of(panels), [self._groups(measure, panels)]),
                resources,
                Section("learners", t("explorer.q_learners"), "", [self._along(choice)]),
            ],
            notes=[*self._about.notes(), t("cohort.note_several")],
        )

    def _scope(self, choice: Choice) -> str:
        parts = [self._about.scope(choice), t(f"cohort.measure_{choice['measure'] or next(iter(MEASURES))}")]
        if choice["resource"] is not None:
            parts.append(self._title(choice["resource"]))
        return " · ".join(parts)

    def _title(self, resource: str) -> str:
        return self._resources.filter(resource_id=resource)["title"].item()

    # ---------------------------------------------------------------------------------------- groups

    def _panel_rows(self, measure: str, choice: Choice) -> pl.DataFrame:
        """Return the measure by group and session, of the groups chosen, the treated arm first."""
        about = self._about.chosen(choice).rename({"title": "cohort"})
        first = (pl.col("arm") != (self._treated or "")).fill_null(value=True)
        return (
            self._panels[measure]
            .filter(statistic=MEASURES[measure])
            .join(about, on="cohort_id")
            .sort(first, "arm", "iteration", "cohort", "cohort_id", "sequence", nulls_last=True)
        )

    def _groups(self, measure: str, rows: pl.DataFrame) -> Block:
        if not rows["value"].is_not_null().any():
            return silent("groups", rows)
        of = f"prepared_{self._depth}" if measure == "prepared_rate" else measure
        picture = figures.small_multiples(
            rows.with_columns(in_arm_words()),
            treated=arm_words(self._treated),
            statistic=MEASURES[measure],
            measure=t(f"report.measure_{of}" if measure == "prepared_rate" else f"cohort.about_{measure}"),
        )
        return Block("groups", replace(picture, title=t(f"cohort.panels_{measure}")), wide=True)

    # ------------------------------------------------------------------------------------- resources

    def _resource_blocks(self, choice: Choice) -> list[Block]:
        if choice["resource"] is not None:
            return [self._one_resource(choice), self._curve(choice)]
        rows = _narrowed(self._rates, choice).join(self._resources, on="resource_id")
        rows = rows.rename({"title": "resource"}).filter(statistic="rate")
        return [reach_of(rows, t("cohort.reach_title"), self._depth), self._curve(choice)]

    def _one_resource(self, choice: Choice) -> Block:
        """Return one resource, group by group."""
        chosen = self._about.chosen(choice).select("cohort_id", resource="title")
        rows = (
            self._rates["cohort_id", "resource_id"]
            .filter(resource_id=choice["resource"], statistic="rate")
            .join(chosen, on="cohort_id")
            .with_columns(pl.lit(None, pl.Float64).alias("minutes"))
        )
        return reach_of(rows, t("cohort.reach_of", resource=self._title(choice["resource"])), self._depth)

    def _curve(self, choice: Choice) -> Block:
        """Return how far those who open resources go."""
        rows = _narrowed(self._seen, choice)
        rows = rows.filter(pl.col("statistic").is_in(list(figures.STEPS))).join(
            self._resources, on="resource_id"
        )
        rows = rows.rename({"title": "resource"})
        if choice["resource"] is not None:
            rows = rows.filter(resource_id=choice["resource"])
        return curve_of(rows, self._about.scope(choice))

    # -------------------------------------------------------------------------------------- learners

    def _along(self, choice: Choice) -> Block:
        if not self._learners:
            return Block(
                "learners", missing=t("explorer.no_learners_shown"), remedy=t("cohort.remedy_learners")
            )
        if choice["cohort"] is None:
            return Block("learners", missing=t("cohort.choose_cohort"), remedy=t("cohort.why_cohort"))
        if self._study is None:
            self._study = open_study(self._folder)
        made = display.learners_along(self._study, cohorts=[choice["cohort"]], role=self._role)
        return Block("learners", html=str(made), wide=True)


def reach_of(rows: pl.DataFrame, title: str, depth: str | None) -> Block:
    """Return what was consulted before its session, a dot a row, or why there is no figure."""
    if not rows["value"].is_not_null().any():
        return silent("reach", rows)
    of = t(f"cohort.reach_{depth or 'unknown'}")
    picture = figures.resource_reach(rows)
    return Block("reach", replace(picture, title=title, caption=f"{of} {t('cohort.reach_caption')}"))


def curve_of(rows: pl.DataFrame, scope: str) -> Block:
    """Return how far those who open resources go, or what would tell."""
    if not rows["value"].is_not_null().any():
        return Block(
            "curve", missing=t("explorer.no_share_seen") + ".", remedy=t("explorer.remedy_share_seen")
        )
    longest = rows.sort("minutes", descending=True, nulls_last=True, maintain_order=True)
    picture = figures.retention_curve(longest)
    return Block("curve", replace(picture, caption=f"{picture.caption} {t('cohort.curve_of', scope=scope)}"))


def _narrowed(rows: dict[tuple[str, ...], pl.DataFrame], choice: Choice) -> pl.DataFrame:
    if choice["cohort"] is not None:
        return rows["cohort_id", "resource_id"].filter(cohort_id=choice["cohort"])
    if choice["iteration"] is not None:
        return rows["iteration", "resource_id"].filter(iteration=choice.number("iteration"))
    return rows["resource_id",]


def silent(key: str, rows: pl.DataFrame) -> Block:
    """Return the notice in the place of a figure: why there is no number, and what to do."""
    reasons = rows["reason"].drop_nulls().unique(maintain_order=True).to_list() or ["no_coverage"]
    return Block(key, missing=because(reasons[0]), remedy=remedy_of(reasons[0]))


def spread_of(rows: pl.DataFrame) -> str:
    """Say which group stands lowest and which highest, over its sessions; empty for fewer than two."""
    means = (
        rows.filter(pl.col("value").is_not_null())
        .group_by("cohort")
        .agg(pl.col("value").mean(), pl.len().alias("sessions"))
        .sort("value", "cohort")
    )
    if means.height < 2:
        return ""
    (low, high) = (means.row(i, named=True) for i in (0, -1))
    return t(
        "cohort.spread",
        n=number(means.height, 0),
        low_group=low["cohort"],
        low=percent(low["value"]),
        high_group=high["cohort"],
        high=percent(high["value"]),
    )
