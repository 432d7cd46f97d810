"""Who opens which resource: of all, of an iteration, or of one cohort."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from flipstats import figures, metrics
from flipstats.dashboard.about import About, resources_of
from flipstats.dashboard.state import Block, Choice
from flipstats.errors import ParameterError
from flipstats.i18n import t
from flipstats.indicators.definition import COLUMNS
from flipstats.study import Study

_BY = ((), ("iteration",), ("cohort_id",))


class Material:
    """The rows by resource, made once for a role; a choice only picks from them.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Outside research small cells are suppressed.
    about : About
    """

    def __init__(self, study: Study, role: str, about: About) -> None:
        self._about, self._resources = about, resources_of(study)
        self._days = study.thresholds.late_days
        self._rows = {by: _asked(study, (*by, "resource_id"), role) for by in _BY}

    def reach(self, choice: Choice) -> Block:
        """Return who opens each resource, the least opened first; or why nobody can tell."""
        rows = self._chosen(choice).filter(statistic="reach")
        rows = rows.join(self._resources, on="resource_id").rename({"title": "resource"})
        if not rows["value"].is_not_null().any():
            return self._untold(rows, choice)
        about = t("material.reach_about", days=f"{self._days:g}", scope=self._about.scope(choice))
        picture = figures.resource_reach(rows)
        caption = f"{about} {t('cohort.reach_caption')}"
        return Block("reach", replace(picture, title=t("material.reach_title"), caption=caption))

    def _chosen(self, choice: Choice) -> pl.DataFrame:
        if choice["cohort"] is not None:
            return self._rows["cohort_id",].filter(cohort_id=choice["cohort"])
        if choice["iteration"] is not None:
            return self._rows["iteration",].filter(iteration=choice.number("iteration"))
        return self._rows[()]

    def _untold(self, rows: pl.DataFrame, choice: Choice) -> Block:
        reasons = rows["reason"].drop_nulls().unique(maintain_order=True).to_list()
        if "suppressed" in reasons:
            return Block("reach", missing=t("page.because_suppressed"), remedy=t("page.remedy_suppressed"))
        why = metrics.reason_text(reasons[0] if reasons else "no_plan").rstrip(".")
        missing = (
            f"{t('page.not_computable', reason=why)} {t('material.of', scope=self._about.scope(choice))}"
        )
        return Block("reach", missing=missing, remedy=t("material.remedy"))


def _asked(study: Study, by: tuple[str, ...], role: str) -> pl.DataFrame:
    try:
        return metrics.compute(study, "resource_reach", by, role=role)
    except ParameterError:  # an export of an older flipstats does not hold it
        schema = {name: pl.Int64 if name == "iteration" else pl.String for name in by}
        return pl.DataFrame([{"reason": "not_in_export", "statistic": "reach"}], schema={**schema, **COLUMNS})
