"""What an indicator is, and the shape of every answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

COHORT_GROUPS = ("arm", "iteration", "cohort_id", "trainer_id", "site")
SESSION_GROUPS = ("session_id", "sequence", "format", "modality")
LEARNER_GROUPS = ("learner_id",)  # and every covariate, x_…
RESOURCE_GROUPS = ("resource_id",)
ITEM_GROUPS = ("assessment_id", "item_id")
FEEDBACK_GROUPS = ("item",)
ROLES = ("research", "manager", "trainer")
TEXTS = (
    "question",
    "formula",
    "window",
    "edges",
    "reading",
    "misleading",
)  # what the dictionary says of each

COLUMNS: dict[str, pl.DataType] = {
    "metric": pl.String,
    "statistic": pl.String,
    "depth": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "n": pl.Int64,
    "numerator": pl.Int64,
    "denominator": pl.Int64,
    "unknown": pl.Int64,
    "coverage": pl.Float64,
    "unit": pl.String,
    "version": pl.Int64,
    "interval": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One indicator: what it is called, what it needs and how it is asked.

    Attributes
    ----------
    key : str
        Its name; also the name of its function.
    version : int
        Raised whenever the same data would give another number.
    unit : str
        Unit of its values, where a statistic has no unit of its own (see `units`).
    direction : {"more", "less", "neither"}
        Which way is better.
    needs : tuple of str
        The tables without which it is not computable.
    thresholds : tuple of str
        The names in `conventions.Thresholds` that change its value.
    statistics : tuple of str
        The statistics its rows carry, in order.
    groups : tuple of str
        What it may be grouped by; learners' covariates (``x_…``) besides.
    depths : tuple of str
        The levels of consultation it can be asked at; empty where depth has no meaning.
    together : tuple of str
        Statistics of which each follows from the others: a small cell of one hides all of them.
    of_events : bool
        Whether it looks at single events, which a study with facts from elsewhere need not hold.
    units : dict of str to str
        Unit by statistic, where it differs from `unit`.
    function : callable
        ``function(study, by, *, depth, role, level) -> DataFrame``.
    number : str
        Its row in the list of indicators, by which people cite it: "1" to "33".
    source : str
        Where the question comes from: a short citation.
    family : str
        The area of the catalogue with its texts: ``<family>.<key>_question``, and so on (see `TEXTS`).
    """

    key: str
    version: int
    unit: str
    direction: str
    needs: tuple[str, ...]
    thresholds: tuple[str, ...]
    statistics: tuple[str, ...]
    groups: tuple[str, ...]
    depths: tuple[str, ...]
    function: Callable[..., pl.DataFrame]
    number: str
    source: str
    family: str
    units: dict[str, str] | None = None
    together: tuple[str, ...] = ()
    of_events: bool = False

    def unit_of(self, statistic: str) -> str:
        """Return the unit of a statistic."""
        return (self.units or {}).get(statistic, self.unit)

    def hidden_with(self, statistic: str) -> str:
        """Return the statistic whose small cells hide those of this one."""
        return self.together[0] if statistic in self.together else statistic
