"""The least parts that numbers of a programme add up: what a cell of any table is made of."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats.export.joint import Atom, Cell
from flipstats.indicators.definition import COHORT_GROUPS, ITEM_GROUPS, LEARNER_GROUPS
from flipstats.served import OF_COHORT
from flipstats.study import Study

_OF_SESSION = ("session_id", "sequence", "format", "modality")
_PLANNED = ("cohort_id", "session_id", "resource_id")
_ASKED = ("cohort_id", "session_id", *ITEM_GROUPS)


class Atoms:
    """The atoms of one study, with all that groups them.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self._planned, self._questions = _planned(study), questions(study)

    def of(self, groups: Sequence[str]) -> pl.DataFrame:
        """Return the atoms of an indicator that may be grouped so: ``·atom`` and what groups them."""
        if "item_id" in groups:
            return _named(self._questions, _ASKED)
        whole = set(groups) <= {*COHORT_GROUPS, *LEARNER_GROUPS}
        parts = _PLANNED[:1] if whole else _PLANNED[:2]
        parts = (*parts, "resource_id") if "resource_id" in groups else parts
        return _named(self._planned.unique(parts, maintain_order=True), parts)


def _named(atoms: pl.DataFrame, parts: Sequence[str]) -> pl.DataFrame:
    return atoms.with_columns(pl.concat_list(parts).alias("·atom"))


def _planned(study: Study) -> pl.DataFrame:
    """Return every cohort with each session and each resource planned for it, one row each."""
    plan = study.table("plan").select("session_id", "resource_id").unique()
    return (
        _cohorts(study)
        .join(_sessions(study), on="cohort_id", how="left")
        .join(plan, on="session_id", how="left")
        .sort(_PLANNED)
        .collect()
    )


def questions(study: Study) -> pl.DataFrame:
    """Return every cohort with each question that it could be asked, one row each.

    Besides what groups cohorts and sessions, ``assessment_id, item_id, role`` and ``assessment``, its title.
    An assessment that belongs to no session is everybody's.
    """
    items = study.table("attempts").select(ITEM_GROUPS).drop_nulls().unique()
    title = pl.coalesce("title", "assessment_id").alias("assessment")
    asked = items.join(
        study.table("assessments").select("assessment_id", "session_id", "role", title), on="assessment_id"
    )
    here = asked.join(_sessions(study), on="session_id")
    anywhere = asked.join(_sessions(study), on="session_id", how="anti").drop("session_id")
    both = [
        here.join(_cohorts(study), on="cohort_id"),
        anywhere.join(_cohorts(study), how="cross"),
    ]
    return pl.concat(both, how="diagonal").sort(_ASKED).collect()


def _cohorts(study: Study) -> pl.LazyFrame:
    return study.table("cohorts").select("cohort_id", *OF_COHORT)


def _sessions(study: Study) -> pl.LazyFrame:
    return study.table("sessions").filter(kind="session").select("cohort_id", *_OF_SESSION)


def cells(rows: pl.DataFrame, atoms: pl.DataFrame) -> list[Cell]:
    """Return the cell of each row, by its place ``·row``: the atoms alike in what its ``grouping`` names."""
    out = [Cell()] * rows.height
    for (grouping,), part in rows.group_by("grouping", maintain_order=True):
        by = grouping.split(",") if grouping else []
        members: dict[tuple, set[Atom]] = {}
        for atom, *group in atoms.select("·atom", *by).iter_rows():
            members.setdefault(tuple(group), set()).add(tuple(atom))
        found = {group: Cell(alike) for group, alike in members.items()}
        for row, *group in part.select("·row", *by).iter_rows():
            out[row] = found.get(tuple(group), Cell())
    return out
