"""The bench of a pedagogical engineer, in a notebook: filters above, and every figure follows them.

In a report, or where a notebook is exported, the same content stands as it is first shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from flipstats import display, figures, metrics
from flipstats.bench.explorer import LEARNERS, sees_learners
from flipstats.dashboard.about import About, resources_of
from flipstats.dashboard.cohort import curve_of, reach_of, silent, spread_of
from flipstats.dashboard.state import Block, Choice, Content, Control, Form, Option, Section
from flipstats.display import arm_words
from flipstats.display.views import BEST, in_arm_words
from flipstats.errors import ParameterError
from flipstats.i18n import language, t
from flipstats.metrics import prepared_depth
from flipstats.study import Study

_FEW = 3  # cohorts whose learners are shown side by side
DEPTHS = ("opened", "substantial", "completed")


class Explorer:
    """What the bench shows of a study, for a role; the rows of a choice are made when they are first asked.

    Parameters
    ----------
    study : Study
        The study, or a selection of it.
    role : {"research", "manager", "trainer"}
        Single learners are shown to research and trainers, by pseudonym; small groups to research only.
    depth : {"best", "opened", "substantial", "completed"}
        What is shown first.
    sessions, resources : sequence
        Keep only these session numbers and ids of resources; all without.
    learners : int
        How many learners a timeline shows.

    Attributes
    ----------
    language : str

    Raises
    ------
    ParameterError
        There is no such depth, session or resource.
    """

    def __init__(
        self,
        study: Study,
        role: str = "research",
        *,
        depth: str = BEST,
        sessions: Sequence[int] = (),
        resources: Sequence[str] = (),
        learners: int = LEARNERS,
    ) -> None:
        self.language = language()
        self._study, self._role, self._about = study, role, About.of(study, role)
        self._depth = _known_depth(depth, study)
        self._planned = _planned(study)
        self._resources = resources_of(study).filter(_among("resource_id", resources))
        missing = [one for one in resources if one not in self._resources["resource_id"]]
        if missing:
            raise ParameterError(t("explorer.no_resource", resource=repr(missing[0])))
        held = study.table("sessions").filter(pl.col("kind") == "session").collect()
        self._sessions = held.filter(_among("sequence", sessions))
        self._kept, self._learners = list(sessions), learners
        self._made: dict[tuple, pl.DataFrame] = {}

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""
        iteration, cohort = self._about.controls()
        arms = self._about.cohorts["arm"].drop_nulls().unique().sort()
        of = dict(self._about.cohorts.select("cohort_id", "arm").iter_rows())
        cohorts = [
            replace(one, within={**one.within, **({"arm": arm} if (arm := of[one.value]) else {})})
            for one in cohort.options
        ]
        numbers = self._sessions["sequence"].drop_nulls().unique().sort()
        sessions = [Option(str(n), t("bench.session_n", n=n)) for n in numbers]
        resources = [
            Option(resource, title)
            for resource, title in self._resources.select("resource_id", "title").iter_rows()
        ]
        depths = [Option(depth, t(f"bench.depth_{depth}")) for depth in DEPTHS]
        return Form(
            (
                iteration,
                Control("arm", t("bench.arm"), [Option(a, arm_words(a)) for a in arms], t("bench.all_arms")),
                replace(cohort, options=cohorts),
                Control("session", t("bench.session"), sessions, t("bench.all_sessions")),
                Control("resource", t("cohort.resource"), resources, t("cohort.all_resources")),
                Control("depth", t("bench.depth"), depths, first=(self._depth or "opened",)),
            )
        )

    def content(self, choice: Choice) -> Content:
        """Return everything the bench shows for a choice, in the language in use."""
        panels = self._panels(choice)
        asked = t("explorer.about_resources")
        return Content(
            title=self._about.title,
            subtitle=self._about.subtitle(),
            scope=self._scope(choice),
            lines=[],
            sections=[
                self._section("groups", spread_of(panels), [self._groups(panels, choice)]),
                self._section("consulted", "", [self._heatmap(choice)]),
                self._section("resources", asked, [self._reach(choice), self._curve(choice)]),
                self._section("learners", t("explorer.about_learners"), [self._along(choice)]),
            ],
            notes=[*self._about.notes(), t("cohort.note_several")],
        )

    def _section(self, key: str, answer: str, blocks: list[Block]) -> Section:
        return Section(key, t(f"explorer.q_{key}"), answer, blocks)

    def _scope(self, choice: Choice) -> str:
        parts = [self._about.scope(choice)]
        if choice["arm"] is not None and choice["cohort"] is None:
            parts.append(arm_words(choice["arm"]))
        if choice["session"] is not None:
            parts.append(t("bench.session_n", n=choice["session"]))
        if choice["resource"] is not None:
            parts.append(self._title(choice["resource"]))
        return " · ".join([*parts, t(f"bench.depth_{choice['depth']}")])

    def _title(self, resource: str) -> str:
        return self._resources.filter(resource_id=resource)["title"].item()

    # ------------------------------------------------------------------------------------------ rows

    def _rows(self, key: str, by: Sequence[str], depth: str | None) -> pl.DataFrame:
        """Return an indicator over the whole study, made once; a choice only picks from its rows.

        So small groups are hidden in one and the same way whatever is chosen.
        """
        asked = (key, *by, depth)
        if asked not in self._made:
            self._made[asked] = metrics.compute(self._study, key, list(by), depth=depth, role=self._role)
        return self._made[asked]

    def _cohorts(self, choice: Choice) -> pl.DataFrame:
        """Return the cohorts chosen, the treated arm first."""
        chosen = self._about.chosen(choice)
        if choice["arm"] is not None:
            chosen = chosen.filter(arm=choice["arm"])
        first = (pl.col("arm") != (self._study.design.treated or "")).fill_null(value=True)
        return chosen.sort(first, "arm", "iteration", "title", "cohort_id", nulls_last=True)

    def _numbers(self, choice: Choice) -> list[int]:
        """Return the session numbers chosen; none for all."""
        return self._kept if choice["session"] is None else [choice.number("session")]

    def _picked(self, choice: Choice) -> pl.DataFrame:
        """Return the resources chosen: by name, and those of the session."""
        numbers = self._numbers(choice)
        picked = self._resources
        if choice["resource"] is not None:
            picked = picked.filter(resource_id=choice["resource"])
        if not numbers:
            return picked
        return picked.join(self._planned.filter(_among("sequence", numbers)), on="resource_id", how="semi")

    def _narrow(self, rows: pl.DataFrame, choice: Choice) -> pl.DataFrame:
        """Return the rows of the cohorts and sessions chosen, in order, with the names of the cohorts."""
        cohorts = self._cohorts(choice).rename({"title": "cohort"}).with_row_index("place")
        kept = rows.join(cohorts, on="cohort_id")
        return kept.filter(_among("sequence", self._numbers(choice))).sort("place", "sequence")

    # --------------------------------------------------------------------------------------- figures

    def _panels(self, choice: Choice) -> pl.DataFrame:
        """Return who came prepared, or who consulted the resource chosen, by cohort and session."""
        if choice["resource"] is None:
            rows = self._rows("prepared_rate", ("cohort_id", "sequence"), choice["depth"])
            return self._narrow(rows.filter(statistic="all"), choice)
        rows = self._rows("consultation_rate", ("cohort_id", "sequence", "resource_id"), choice["depth"])
        return self._narrow(rows.filter(statistic="rate", resource_id=choice["resource"]), choice)

    def _groups(self, rows: pl.DataFrame, choice: Choice) -> Block:
        if not rows["value"].is_not_null().any():
            return silent("groups", rows)
        depth, one = choice["depth"], choice["resource"]
        of = t(f"report.measure_prepared_{depth}" if one is None else f"cohort.reach_{depth}")
        title = (
            t("cohort.panels_prepared_rate")
            if one is None
            else t("cohort.reach_of", resource=self._title(one))
        )
        picture = figures.small_multiples(
            rows.with_columns(in_arm_words()),
            treated=arm_words(self._study.design.treated),
            statistic="all" if one is None else "rate",
            measure=of,
        )
        return Block("groups", replace(picture, title=title), wide=True)

    def _heatmap(self, choice: Choice) -> Block:
        by = ("cohort_id", "session_id")
        rows = self._rows(
            "consultation_rate", by if choice["resource"] is None else (*by, "resource_id"), choice["depth"]
        ).filter(statistic="rate")
        if choice["resource"] is not None:
            rows = rows.filter(resource_id=choice["resource"])
        chosen = self._cohorts(choice)
        sessions = self._sessions.filter(_among("sequence", self._numbers(choice)))
        rows = rows.join(chosen, on="cohort_id", how="semi").join(sessions, on="session_id", how="semi")
        if not rows["value"].is_not_null().any():
            return silent("consulted", rows)
        measure = t(f"report.measure_consulted_{choice['depth']}")
        if choice["resource"] is not None:
            of = t(f"cohort.reach_{choice['depth']}")
            measure = t("bench.of_resource", resource=self._title(choice["resource"]), of=of)
        picture = figures.preparation_heatmap(
            rows, sessions=sessions, cohorts=chosen, treated=self._study.design.treated, measure=measure
        )
        return Block("consulted", picture, wide=True)

    def _by_resource(self, key: str, choice: Choice, depth: str | None) -> pl.DataFrame:
        """Return an indicator by resource, over what is chosen."""
        by = ["cohort_id"] if choice["cohort"] is not None else ["iteration", "arm"]
        names = {"cohort_id": "cohort", "iteration": "iteration", "arm": "arm"}
        chosen = [column for column in by if choice[names[column]] is not None]
        rows = self._rows(key, (*chosen, "resource_id"), depth)
        for column in chosen:
            value = choice.number("iteration") if column == "iteration" else choice[names[column]]
            rows = rows.filter(pl.col(column) == value)
        return rows.join(self._picked(choice), on="resource_id").rename({"title": "resource"})

    def _reach(self, choice: Choice) -> Block:
        rows = self._by_resource("consultation_rate", choice, choice["depth"]).filter(statistic="rate")
        return reach_of(rows, t("cohort.reach_title"), choice["depth"])

    def _curve(self, choice: Choice) -> Block:
        rows = self._by_resource("resource_reach", choice, None)
        rows = rows.filter(pl.col("statistic").is_in(list(figures.STEPS)))
        return curve_of(rows, self._scope(choice))

    def _told_apart(self, choice: Choice) -> list[str]:
        """Return the cohorts whose learners are shown: all of a few, the first of many."""
        chosen = self._cohorts(choice)["cohort_id"].to_list()
        return chosen if len(chosen) <= _FEW else chosen[:1]

    def _along(self, choice: Choice) -> Block:
        if not sees_learners(self._study, self._role):
            return Block("learners", missing=t("explorer.no_learners_shown"))
        ids = self._picked(choice)["resource_id"].to_list()
        narrowed = choice["resource"] is not None or len(ids) < self._resources.height
        made = display.learners_along(
            self._study,
            cohorts=self._told_apart(choice),
            learners=self._learners,
            role=self._role,
            sessions=self._numbers(choice),
            resources=ids if narrowed else (),
        )
        return Block("learners", html=str(made), wide=True)


def _among(column: str, values: Sequence) -> pl.Expr:
    return pl.col(column).is_in(list(values)) if values else pl.lit(value=True)


def _planned(study: Study) -> pl.DataFrame:
    """Return which resource prepares which session number."""
    sessions = study.table("sessions").select("session_id", "sequence")
    return study.table("plan").join(sessions, on="session_id").select("resource_id", "sequence").collect()


def _known_depth(depth: str, study: Study) -> str | None:
    if depth == BEST:
        return prepared_depth(study)
    if depth not in DEPTHS:
        raise ParameterError(t("bench.no_depth", depth=repr(depth), known=", ".join((BEST, *DEPTHS))))
    return depth


# ------------------------------------------------------------------------------------------------ display


class Bench:
    """The bench as a notebook shows it: with its filters where a reader works, as it stands elsewhere."""

    def __init__(self, state: Explorer) -> None:
        self.state = state

    def _repr_html_(self) -> str:
        return str(standing(self.state, {}))

    def _repr_mimebundle_(self, **_asked: object) -> Mapping[str, object]:
        still = {"text/html": self._repr_html_(), "text/plain": self.state.content(self._first()).title}
        if os.environ.get(display.IN_REPORT):
            return still
        from flipstats.dashboard.view import Page

        return {**still, **Page(self.state).widget._repr_mimebundle_()}

    def _first(self) -> Choice:
        return self.state.form().settle({})


def explore(
    study: Study,
    *,
    role: str = "research",
    depth: str = BEST,
    sessions: Sequence[int] = (),
    resources: Sequence[str] = (),
    learners: int = LEARNERS,
) -> Bench:
    """Show a study with filters: iteration, format, cohort, session, resource and depth.

    Every figure follows every filter. In a report, and where a notebook is exported, the same stands as it
    is first shown. The parameters are those of `Explorer`.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> bench = explore(study(), sessions=[1])
    >>> [control.name for control in bench.state.form().controls]
    ['iteration', 'arm', 'cohort', 'session', 'resource', 'depth']
    """
    return Bench(
        Explorer(study, role, depth=depth, sessions=sessions, resources=resources, learners=learners)
    )


def standing(state: Explorer, wanted: Mapping[str, str]) -> display.Html:
    """Return the content of a choice as sections of a report, each with its question as heading."""
    content = state.content(state.form().settle(wanted))
    made = []
    for section in content.sections:
        blocks = [_still(block) for block in section.blocks]
        made.append(display.section(f"explorer.q_{section.key}", *blocks, answer=section.answer))
    return display.Html("".join(made))


def _still(block: Block) -> str:
    if block.html:
        return block.html
    if block.picture is None:
        return display.notice(block.missing, remedy=block.remedy)
    return display.figure(block.picture)
