"""Every number of the programme page, computed once over the whole study under the viewer's role.

A choice of cohort or iteration only picks rows of these tables. So a page answers at once, and a small cell
that is suppressed in one table cannot be had from another choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from flipstats import metrics
from flipstats.dashboard.state import Choice
from flipstats.headline import prepared_depth
from flipstats.study import Study

_TOTALS = ((), ("iteration",), ("cohort_id",))
_BY_SESSION = (("arm", "sequence"), ("arm", "iteration", "sequence"), ("cohort_id", "sequence"))
_QUESTIONS = {
    "prepared_rate": (*_TOTALS, *_BY_SESSION),
    "consultation_rate": (("cohort_id", "session_id"),),
    "lead_time": _TOTALS,
    "start_score": (*_TOTALS, *_BY_SESSION),
    "completion_rate": (*_TOTALS, ("arm",), ("arm", "iteration")),
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The tables a page picks from.

    Attributes
    ----------
    depth : str or None
        How far "prepared" goes: the deepest level the study's sources can tell, up to "substantial".
    cohorts : DataFrame
        ``cohort_id, title, arm, iteration``; the title is never null.
    """

    depth: str | None
    cohorts: pl.DataFrame
    _rows: dict[tuple[str, tuple[str, ...]], pl.DataFrame]

    @classmethod
    def of(cls, study: Study, role: str) -> Numbers:
        """Compute all tables of a study for a role."""
        depth = prepared_depth(study)
        rows = {}
        for key, groupings in _QUESTIONS.items():
            asked = depth or "opened"  # with no level told, the rows say which reason
            level = asked if metrics.definition(key).depths else None
            for by in groupings:
                rows[key, by] = metrics.compute(study, key, by, depth=level, role=role)
        return cls(depth, cohorts_of(study), rows)

    def total(self, key: str, choice: Choice) -> dict[str, dict]:
        """Return the rows of an indicator over everything chosen, by statistic."""
        if choice.cohort is not None:
            rows = self._rows[key, ("cohort_id",)].filter(cohort_id=choice.cohort)
        elif choice.iteration is not None:
            rows = self._rows[key, ("iteration",)].filter(iteration=choice.iteration)
        else:
            rows = self._rows[key, ()]
        return {row["statistic"]: row for row in rows.iter_rows(named=True)}

    def by_session(self, key: str, choice: Choice) -> pl.DataFrame:
        """Return the rows of an indicator by ``arm, sequence``; of one cohort, its own, then its arm's.

        Returns
        -------
        DataFrame
            The metric columns and ``sequence, arm, cohort_id``; ``cohort_id`` is null in the rows of an arm.
        """
        if choice.iteration is None:
            arms = self._rows[key, ("arm", "sequence")]
        else:
            arms = self._rows[key, ("arm", "iteration", "sequence")].filter(iteration=choice.iteration)
        arms = arms.with_columns(pl.lit(None, pl.String).alias("cohort_id"))
        if choice.cohort is None:
            return arms.select("sequence", "arm", "cohort_id", *metrics.COLUMNS)
        arm = self.cohorts.filter(cohort_id=choice.cohort)["arm"].item()
        own = self._rows[key, ("cohort_id", "sequence")].filter(cohort_id=choice.cohort)
        own = own.with_columns(pl.lit(arm, pl.String).alias("arm"))
        both = [frame.select("sequence", "arm", "cohort_id", *metrics.COLUMNS) for frame in (own, arms)]
        return pl.concat(both).filter(pl.col("arm").eq_missing(pl.lit(arm)))

    def cells(self, choice: Choice) -> pl.DataFrame:
        """Return consultation by ``cohort_id, session_id`` of the cohorts chosen."""
        return self._rows["consultation_rate", ("cohort_id", "session_id")].join(
            self.chosen(choice).select("cohort_id"), on="cohort_id", how="semi"
        )

    def completion(self, choice: Choice) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return completion by ``arm``, of the iteration chosen, and by ``cohort_id``, of those chosen."""
        by_arm = self._rows["completion_rate", ("arm",)]
        if choice.iteration is not None:
            by_arm = self._rows["completion_rate", ("arm", "iteration")].filter(iteration=choice.iteration)
        groups = self._rows["completion_rate", ("cohort_id",)]
        chosen = groups.join(self.chosen(choice), on="cohort_id", how="inner", maintain_order="left")
        return by_arm, chosen

    def chosen(self, choice: Choice) -> pl.DataFrame:
        """Return the cohorts chosen, with their title, arm and iteration."""
        cohorts = self.cohorts
        if choice.iteration is not None:
            cohorts = cohorts.filter(iteration=choice.iteration)
        if choice.cohort is not None:
            cohorts = cohorts.filter(cohort_id=choice.cohort)
        return cohorts


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
