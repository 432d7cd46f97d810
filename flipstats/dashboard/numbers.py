"""Numbers of a page, computed once over the whole study under the viewer's role.

A choice of cohort or iteration only picks rows of these tables. So a page answers at once, and a small cell
that is suppressed in one table cannot be had from another choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from flipstats import metrics
from flipstats.dashboard.about import About
from flipstats.dashboard.state import Choice
from flipstats.headline import prepared_depth
from flipstats.study import Study

_TOTALS = ((), ("iteration",), ("cohort_id",))
_BY_SESSION = (("arm", "sequence"), ("arm", "iteration", "sequence"), ("cohort_id", "sequence"))
_QUESTIONS = {
    "prepared_rate": (*_TOTALS, *_BY_SESSION, ("arm", "iteration")),
    "consultation_rate": (("cohort_id", "session_id"),),
    "lead_time": _TOTALS,
    "start_score": (*_TOTALS, *_BY_SESSION, ("arm", "iteration")),
    "completion_rate": (*_TOTALS, ("arm",), ("arm", "iteration")),
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The tables a page picks from.

    Attributes
    ----------
    depth : str or None
        How far "prepared" goes: the deepest level the study's sources can tell, up to "substantial".
    about : About
    """

    depth: str | None
    about: About
    _rows: dict[tuple[str, tuple[str, ...]], pl.DataFrame]

    @classmethod
    def of(cls, study: Study, role: str, keys: Sequence[str] = tuple(_QUESTIONS)) -> Numbers:
        """Compute the tables of some indicators of a study for a role."""
        depth = prepared_depth(study)
        rows = {}
        for key in keys:
            asked = depth or "opened"  # with no level told, the rows say which reason
            level = asked if metrics.definition(key).depths else None
            for by in _QUESTIONS[key]:
                rows[key, by] = metrics.compute(study, key, by, depth=level, role=role)
        return cls(depth, About.of(study, role), rows)

    def told(self) -> Counter[tuple[str, int]]:
        """Return how many indicators have a number for each cohort and session."""
        by = ("cohort_id", "sequence")
        known = (
            rows.filter(pl.col("value").is_not_null()).select(by).unique()
            for (_, asked), rows in self._rows.items()
            if asked == by
        )
        return Counter(pair for rows in known for pair in rows.iter_rows())

    def total(self, key: str, choice: Choice) -> dict[str, dict]:
        """Return the rows of an indicator over everything chosen, by statistic."""
        if choice["cohort"] is not None:
            rows = self._rows[key, ("cohort_id",)].filter(cohort_id=choice["cohort"])
        elif choice["iteration"] is not None:
            rows = self._rows[key, ("iteration",)].filter(iteration=choice.number("iteration"))
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
        if choice["iteration"] is None:
            arms = self._rows[key, ("arm", "sequence")]
        else:
            arms = self._rows[key, ("arm", "iteration", "sequence")].filter(
                iteration=choice.number("iteration")
            )
        arms = arms.with_columns(pl.lit(None, pl.String).alias("cohort_id"))
        if choice["cohort"] is None:
            return arms.select("sequence", "arm", "cohort_id", *metrics.COLUMNS)
        arm = self.about.cohorts.filter(cohort_id=choice["cohort"])["arm"].item()
        own = self._rows[key, ("cohort_id", "sequence")].filter(cohort_id=choice["cohort"])
        own = own.with_columns(pl.lit(arm, pl.String).alias("arm"))
        both = [frame.select("sequence", "arm", "cohort_id", *metrics.COLUMNS) for frame in (own, arms)]
        return pl.concat(both).filter(pl.col("arm").eq_missing(pl.lit(arm)))

    def by_iteration(self, key: str, choice: Choice) -> pl.DataFrame:
        """Return the rows of an indicator by ``arm, iteration``, up to the iteration chosen.

        Of one cohort: its arm's rows, and its own.

        Returns
        -------
        DataFrame
            The metric columns and ``iteration, arm, cohort_id``; ``cohort_id`` is null in the rows of an arm.
        """
        columns = ["iteration", "arm", "cohort_id", *metrics.COLUMNS]
        rows = self._rows[key, ("arm", "iteration")].with_columns(pl.lit(None, pl.String).alias("cohort_id"))
        rows = rows.filter(pl.col("iteration").is_not_null()).select(columns)
        if choice["cohort"] is not None:
            about = self.about.cohorts.filter(cohort_id=choice["cohort"]).select(
                "cohort_id", "arm", "iteration"
            )
            own = self._rows[key, ("cohort_id",)].join(about, on="cohort_id").select(columns)
            arm = about["arm"].item()
            rows = pl.concat([own, rows.filter(pl.col("arm").eq_missing(pl.lit(arm)))])
        if choice["iteration"] is not None:
            rows = rows.filter(pl.col("iteration") <= choice.number("iteration"))
        return rows

    def cells(self, choice: Choice) -> pl.DataFrame:
        """Return consultation by ``cohort_id, session_id`` of the cohorts chosen."""
        return self._rows["consultation_rate", ("cohort_id", "session_id")].join(
            self.about.chosen(choice).select("cohort_id"), on="cohort_id", how="semi"
        )

    def completion(self, choice: Choice) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return completion by ``arm``, of the iteration chosen, and by ``cohort_id``, of those chosen."""
        by_arm = self._rows["completion_rate", ("arm",)]
        if choice["iteration"] is not None:
            by_arm = self._rows["completion_rate", ("arm", "iteration")].filter(
                iteration=choice.number("iteration")
            )
        groups = self._rows["completion_rate", ("cohort_id",)]
        chosen = groups.join(self.about.chosen(choice), on="cohort_id", how="inner", maintain_order="left")
        return by_arm, chosen
