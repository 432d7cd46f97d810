"""What is asked: the design that was declared, the outcome, and the learners it is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from flipstats.comparison.note import Name, Note
from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.errors import DesignError, ParameterError, did_you_mean
from flipstats.i18n import t

ASSIGNMENTS = ("random_individual", "random_cluster", "nonrandom", "historical", "none")
RANDOM = ("random_individual", "random_cluster")


@dataclass(frozen=True, slots=True)
class Measure:
    """How an outcome is measured.

    Attributes
    ----------
    kind : {"score", "binary"}
    shares : bool
        It lies in 0-1 and is read as points out of 100.
    unit : str
        ``points``, or ``metric_…``, the unit of an indicator.
    direction : {"more", "less", "neither"}
        Which way is better.
    time : {"after", "during", "table"}
        Once after the programme, over its sessions, or whenever a table's column was measured.
    """

    kind: str
    shares: bool
    unit: str = "points"
    direction: str = "more"
    time: str = "during"


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared, declared before any outcome is looked at.

    Attributes
    ----------
    outcome : str
    kind : {"score", "binary"}
    shares : bool
        The outcome lies in 0-1 and is read as points out of 100.
    treated, control : str
    assignment : one of `ASSIGNMENTS`
    grouped : bool
        Groups were assigned, so groups are what inference counts.
    covariates : tuple of str
        Measured before, in the order in which they were given.
    baseline : str or None
        Which of them says how able learners were before the start.
    moderator : str or None
    methods : tuple of str, or None
        Asked for by name; None: those of the rule.
    contrast : mapping of band to weight, or None
        A declared combination of the effects by band.
    alone : {"treated", "control"}, or None
        The arm whose learners were in no group, where only the other was taught in groups.
    unit, direction, time : str
        As in `Measure`.
    between : {"arm", "iteration"}
        What tells the two sides apart.
    """

    outcome: str
    kind: str
    shares: bool
    treated: str
    control: str
    assignment: str
    grouped: bool
    covariates: tuple[str, ...] = ()
    baseline: str | None = None
    moderator: str | None = None
    methods: tuple[str, ...] | None = None
    every_method: bool = False
    level: float = DEFAULTS.confidence_level
    seed: int = 1
    thresholds: Thresholds = DEFAULTS
    contrast: Mapping[str, float] | None = None
    alone: str | None = None
    unit: str = "points"
    direction: str = "more"
    time: str = "table"
    between: str = "arm"

    @property
    def names(self) -> tuple[Name, Name]:
        """What the treated and the control side are called."""
        kind = "iteration" if self.between == "iteration" else "name"
        return Name(kind, self.treated), Name(kind, self.control)

    @property
    def own_baseline(self) -> str | None:
        """The baseline, where it measures before the start what the outcome measures after, on its scale."""
        alike = self.time == "table" or self.is_learning
        return self.baseline if self.kind == "score" and alike else None

    @property
    def is_learning(self) -> bool:
        """Whether the outcome is what learners know in the end: what the literature measured."""
        return self.direction == "more" and (self.time != "during" or self.outcome.startswith("start_score"))


@dataclass(frozen=True, slots=True)
class Roster:
    """Every learner assigned to one of the two arms, one row each.

    Attributes
    ----------
    frame : DataFrame
        ``treated`` bool, ``cluster`` str or null, ``started`` bool or null, ``outcome`` float or null,
        ``band`` str or null, and one float column ``x:NAME`` for each covariate.
    titles : dict
        What people call each cluster.
    left_out : tuple of (str, int)
        Reasons why learners belong to neither arm, and how many.
    single : tuple of str
        What an arm has only one of, unlike the other (``trainer``, ``site``).
    separate_times : bool
        The arms ran in different iterations.
    threats, warnings : tuple of Note
        What limits the comparison; what else the reader should know.
    alone : {"treated", "control"}, or None
        The arm whose learners were in no group; their ``cluster`` is null.
    measure : Measure
    ungrouped : (int, int)
        Learners of the treated and of the control arm without a group, where groups count; they have no row.
    """

    frame: pl.DataFrame
    titles: dict[str, str] = field(default_factory=dict)
    left_out: tuple[tuple[str, int], ...] = ()
    single: tuple[str, ...] = ()
    separate_times: bool = False
    threats: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()
    alone: str | None = None
    measure: Measure = Measure("score", shares=False)
    ungrouped: tuple[int, int] = (0, 0)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates, in their order."""
        return tuple(name.removeprefix("x:") for name in self.frame.columns if name.startswith("x:"))


@dataclass(frozen=True, slots=True)
class Analysed:
    """The arrays of the learners analysed, for the estimators; groups are numbered.

    Learners of the arm that is `alone` each have a number of their own.
    """

    outcome: np.ndarray
    treated: np.ndarray
    covariates: np.ndarray | None
    names: tuple[str, ...]
    clusters: np.ndarray | None
    baseline: np.ndarray | None
    level: float
    seed: int
    alone: str | None = None

    @property
    def groups(self) -> tuple[int, int]:
        """Groups analysed, treated and control; a learner alone is a group of one."""
        if self.clusters is None:
            return 0, 0
        return len(np.unique(self.clusters[self.treated])), len(np.unique(self.clusters[~self.treated]))

    @property
    def fewest(self) -> int:
        """Groups of the arm that has fewest of them, an arm of learners alone not counted."""
        treated, control = self.groups
        return {"treated": control, "control": treated}.get(self.alone, min(treated, control))

    @property
    def in_groups(self) -> np.ndarray:
        """(n,) True for learners of an arm that was taught in groups."""
        if self.alone is None:
            return np.ones(len(self.treated), dtype=bool)
        return self.treated if self.alone == "control" else ~self.treated

    @property
    def learners(self) -> tuple[int, int]:
        """Learners analysed, treated and control."""
        return int(self.treated.sum()), int((~self.treated).sum())


def numbered(clusters: pl.Series) -> np.ndarray:
    """Return a number for each group; who is in none gets one of their own.

    Examples
    --------
    >>> numbered(pl.Series(["b", "a", "b", None, None])).tolist()
    [2, 1, 2, 8, 9]
    """
    own = np.arange(len(clusters)) + len(clusters)
    return np.where(clusters.is_null().to_numpy(), own, clusters.rank("dense").fill_null(0).to_numpy())


def check_assignment(assignment: str, *, clustered: bool) -> bool:
    """Return whether groups were assigned.

    Raises
    ------
    ParameterError
        There is no such assignment; the nearest is suggested.
    DesignError
        Groups were assigned at random, but nothing says which learner is in which group.
    """
    if assignment not in ASSIGNMENTS:
        near = did_you_mean(assignment, ASSIGNMENTS)
        raise ParameterError(
            t("compare.unknown_assignment", given=assignment, hint=near or ", ".join(ASSIGNMENTS))
        )
    if assignment == "random_cluster" and not clustered:
        raise DesignError(t("compare.no_clusters_given"))
    return clustered and assignment != "random_individual"
