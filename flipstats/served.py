"""What an export for managers holds in place of learners: answers, made once over the whole study.

A selection only picks rows of these answers. So no filter can be subtracted from another: all that can be
asked was taken together when small cells were hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from flipstats.errors import ParameterError
from flipstats.i18n import t

OF_COHORT = ("arm", "iteration", "trainer_id", "site")  # what a cohort implies
OF_SESSION = ("cohort_id", "sequence", "format", "modality", *OF_COHORT)  # what a session implies
GROUPS = (
    "arm",
    "iteration",
    "cohort_id",
    "trainer_id",
    "site",
    "session_id",
    "sequence",
    "format",
    "modality",
)
GROUPS += ("resource_id", "assessment_id", "item_id")
ABOUT = ("asked", "grouping")  # the depth asked for, and by what, before the columns of an answer


def canonical(by: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest columns that tell the groups of `by` apart.

    Examples
    --------
    >>> canonical(["arm", "cohort_id"]), canonical(["session_id", "cohort_id", "sequence"])
    (('cohort_id',), ('session_id',))
    """
    implied = OF_SESSION if "session_id" in by else OF_COHORT if "cohort_id" in by else ()
    return tuple(name for name in GROUPS if name in by and name not in implied)


@dataclass(frozen=True, slots=True)
class Served:
    """The answers of an export, and what a selection left of them.

    Attributes
    ----------
    answers : DataFrame
        `ABOUT`, `GROUPS` and the columns of every answer. ``asked`` is the depth asked for, null for none.
    learners : int or None
        How many there are, where they are not too few to say.
    comparisons : mapping of str to dict
        By ``iteration|outcome``: a comparison as plain data, or why there is none.
    aside : mapping of str to plain data
        What pages show beside answers, as rows made for managers: ``hours``, ``items``, ``themes``.
    fixed : mapping of str to value
        What every row must have: the selection in force.
    """

    answers: pl.DataFrame
    learners: int | None
    comparisons: Mapping[str, dict] = field(default_factory=dict)
    aside: Mapping[str, Sequence[dict]] = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)

    def answer(
        self, metric: str, by: Sequence[str], depth: str | None, cohorts: pl.DataFrame, sessions: pl.DataFrame
    ) -> pl.DataFrame:
        """Return the rows of one question.

        Parameters
        ----------
        cohorts, sessions : DataFrame
            Those of the selection.

        Raises
        ------
        ParameterError
            The export does not hold this grouping.
        """
        needed = canonical([*by, *self.fixed])
        rows = self.answers.filter(
            pl.col("metric") == metric,
            pl.col("grouping") == ",".join(needed),
            pl.col("asked").eq_missing(pl.lit(depth, pl.String)),
        )
        if not rows.height or not set(by) <= set(GROUPS):
            held = self.answers.filter(metric=metric)["grouping"].unique().sort().to_list()
            listed = "; ".join(name or "–" for name in held)
            raise ParameterError(t("export.not_held", metric=metric, by=", ".join(by) or "–", known=listed))
        rows = rows.with_row_index("·row")
        if "session_id" in needed:
            about = sessions.join(cohorts.select("cohort_id", *OF_COHORT), on="cohort_id", how="left")
            rows = rows.drop(OF_SESSION).join(about.select("session_id", *OF_SESSION), on="session_id")
        elif "cohort_id" in needed:
            rows = rows.drop(OF_COHORT).join(cohorts.select("cohort_id", *OF_COHORT), on="cohort_id")
        for name, value in self.fixed.items():
            rows = rows.filter(pl.col(name) == value)
        columns = [name for name in rows.columns if name not in (*ABOUT, *GROUPS, "·row")]
        return self._ordered(rows, by, sessions).select(*by, *columns)

    def _ordered(self, rows: pl.DataFrame, by: Sequence[str], sessions: pl.DataFrame) -> pl.DataFrame:
        """Order groups as every answer does, and the rows of a group as they were made.

        Questions come ranked, the hardest first; what is not shown last.
        """
        if "item_id" in by:
            rates = rows.filter(statistic="rate").select(*by, pl.col("value").alias("·rate"))
            ranked = rows.join(rates, on=list(by), how="left", nulls_equal=True)
            order = {"·rate": True, **dict.fromkeys(by, False), "·row": False}
            return ranked.sort(list(order), descending=list(order.values()), nulls_last=True)
        if "session_id" in by:
            rows = rows.join(sessions.select("session_id", "·starts"), on="session_id", how="left")
        keys = [key for name in by for key in (("·starts", name) if name == "session_id" else (name,))]
        return rows.sort(*keys, "·row", nulls_last=True)

    def select(self, cohorts: pl.DataFrame, chosen: pl.DataFrame) -> Served:
        """Return the answers for some of the cohorts.

        Raises
        ------
        ParameterError
            They are not all, those of one arm or iteration, or a single one: the sum of others is not held.
        """
        if chosen.height == cohorts.height:
            return self
        wanted = set(chosen["cohort_id"])
        for names in (("arm",), ("iteration",), ("arm", "iteration"), ("cohort_id",)):
            values = chosen.select(names).unique()
            if values.height == 1 and not any(value is None for value in values.row(0)):
                alike = cohorts.join(values, on=list(names))
                if set(alike["cohort_id"]) == wanted:
                    return replace(self, fixed={**self.fixed, **values.row(0, named=True)})
        raise ParameterError(t("export.not_selected"))
