"""What every page says of its programme, and the controls that most of them share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flipstats import i18n
from flipstats.dashboard.state import Choice, Control, Option
from flipstats.display import arm_words
from flipstats.i18n import t
from flipstats.study import Study


@dataclass(frozen=True, slots=True)
class About:
    """The programme of a page, and for whom the page is.

    Attributes
    ----------
    title, zone, role : str
    as_of : datetime or None
        Up to when the data reach.
    learners : int or None
    smallest : int
        Learners; groups of fewer are hidden outside research.
    cohorts : DataFrame
        ``cohort_id, title, arm, iteration``, in the order they are offered; the title is never null.
    """

    title: str
    zone: str
    role: str
    as_of: datetime | None
    learners: int | None
    smallest: int
    cohorts: pl.DataFrame

    @classmethod
    def of(cls, study: Study, role: str) -> About:
        """Take from a study what a page says of it."""
        return cls(
            title=study.programme.title or study.programme.id,
            zone=study.programme.timezone,
            role=role,
            as_of=study.as_of,
            learners=study.n_learners,
            smallest=study.thresholds.smallest_cell,
            cohorts=cohorts_of(study),
        )

    def subtitle(self) -> str:
        """Return how many learners and groups, and up to when."""
        learners = t("report.n_learners", n=self.learners)
        groups = t("report.n_groups", n=self.cohorts.height)
        return t("page.subtitle", learners=learners, groups=groups, until=i18n.date(self.as_of, self.zone))

    def scope(self, choice: Choice) -> str:
        """Say in words which cohorts a choice is about."""
        if choice["cohort"] is not None:
            row = self.chosen(choice).row(0, named=True)
            parts = [row["title"], arm_words(row["arm"]) if row["arm"] else ""]
            parts.append("" if row["iteration"] is None else t("page.iteration_n", n=row["iteration"]))
            return " · ".join(part for part in parts if part)
        if choice["iteration"] is not None:
            return f"{t('page.iteration_n', n=choice['iteration'])} · {t('page.all_cohorts')}"
        return t("page.all_cohorts")

    def notes(self) -> list[str]:
        """Return for whom the page is and what is hidden, and how to read it."""
        return [t(f"page.note_{self.role}", n=self.smallest), t("page.note_intervals")]

    def chosen(self, choice: Choice) -> pl.DataFrame:
        """Return the cohorts a choice is about."""
        cohorts = self.cohorts
        if choice["iteration"] is not None:
            cohorts = cohorts.filter(iteration=choice.number("iteration"))
        if choice["cohort"] is not None:
            cohorts = cohorts.filter(cohort_id=choice["cohort"])
        return cohorts

    def titles(self) -> dict[str, str]:
        """Return cohort id to title."""
        return dict(self.cohorts.select("cohort_id", "title").iter_rows())

    def controls(self, *, every_cohort: bool = True) -> tuple[Control, Control]:
        """Return the choice of an iteration and of a cohort within it."""
        numbers = sorted(self.cohorts["iteration"].drop_nulls().unique())
        iterations = [Option(str(n), t("page.iteration_n", n=n)) for n in numbers]
        cohorts = [
            Option(cohort, title, {} if iteration is None else {"iteration": str(iteration)})
            for cohort, title, iteration in self.cohorts.select("cohort_id", "title", "iteration").iter_rows()
        ]
        return (
            Control("iteration", t("page.iteration"), iterations, t("page.all_iterations")),
            Control(
                "cohort", t("page.cohort"), _nameable(cohorts), t("page.all_cohorts") if every_cohort else ""
            ),
        )


def cohorts_of(study: Study) -> pl.DataFrame:
    """Return the cohorts in the order they are offered: by iteration, then by title."""
    return (
        study.table("cohorts")
        .select(
            "cohort_id",
            pl.coalesce(pl.col("title").replace("", None), "cohort_id").alias("title"),
            "arm",
            "iteration",
        )
        .sort("iteration", "title", "cohort_id", nulls_last=True)
        .collect()
    )


def _nameable(options: Iterable[Option]) -> list[Option]:
    return [option for option in options if option.value]


def resources_of(study: Study) -> pl.DataFrame:
    """Return the resources of the plan: ``resource_id, title, minutes``; the title is never null."""
    planned = study.table("plan").select("resource_id").unique()
    return (
        study.table("resources")
        .join(planned, on="resource_id", how="semi")
        .select(
            "resource_id",
            pl.coalesce(pl.col("title").replace("", None), "resource_id").alias("title"),
            pl.col("length_min").alias("minutes"),
        )
        .sort("title", "resource_id")
        .collect()
    )
