"""What a finding is about, and how it is called."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from flipstats.i18n import has, t
from flipstats.study import Study

LONGEST = 90  # characters of a title that are shown
_BETWEEN = "·"


@dataclass(frozen=True, slots=True)
class Target:
    """A resource, session, cohort, item or theme.

    Attributes
    ----------
    kind : str
        One of `kinds.TARGETS`.
    id : str
        Its id in the study; of a step and an item, the parts that name it.
    labels : mapping of str to str
        What its name is made of.
    arm, iteration, cohort_id, sequence
        Where it belongs, as far as it belongs to one.
    """

    kind: str
    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    arm: str | None = None
    iteration: int | None = None
    cohort_id: str | None = None
    sequence: int | None = None

    @property
    def title(self) -> str:
        """Its name, in the language in use."""
        if not self.labels:
            return t("diagnostics.target_programme")
        said = dict(self.labels)
        if "arm" in said:
            said["arm"] = _arm_words(said["arm"])
        if "role" in said:
            said["role"] = t(f"diagnostics.role_{said['role']}")
            if self.iteration is not None:
                said["role"] += t("diagnostics.of_iteration", n=self.iteration)
        return t(f"diagnostics.target_{self.kind}", **said)

    def holds(self, other: Target) -> bool:
        """Return whether another target is a part of this one."""
        if self.kind == "iteration":
            return other.kind in ("cohort", "step", "session") and self.iteration == other.iteration
        if other.kind != "session":
            return False
        if self.kind == "cohort":
            return self.cohort_id == other.cohort_id
        mine = (self.arm, self.iteration, self.sequence)
        return self.kind == "step" and mine == (other.arm, other.iteration, other.sequence)


def bounded(text: str) -> str:
    """Return a title as it may be shown: one line, no control or direction marks, not too long.

    Examples
    --------
    >>> bounded("a\\u202eb\\n" + "c" * 200)[:6], len(bounded("c" * 200))
    ('ab ccc', 90)
    """
    shown = (c for c in text[: 20 * LONGEST] if c.isspace() or unicodedata.category(c)[0] != "C")
    kept = " ".join("".join(shown).split())
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…"


def _arm_words(arm: str) -> str:
    return t(f"compare.name_{arm}") if has(f"compare.name_{arm}") else arm


@dataclass(frozen=True, slots=True)
class Names:
    """What cohorts, sessions and resources are called and where they belong."""

    cohorts: Mapping[str, dict]
    sessions: Mapping[str, dict]
    resources: Mapping[str, dict]
    steps: Mapping[tuple, int]  # how many cohorts have each

    @classmethod
    def of(cls, study: Study) -> Names:
        """Gather them from a study."""
        cohorts = study.table("cohorts").select("cohort_id", "title", "arm", "iteration").collect()
        held = pl.col("kind") == "session"
        sessions = study.table("sessions").filter(held).collect()
        placed = sessions.join(cohorts.drop("title"), on="cohort_id", how="left")
        resources = study.table("resources").select("resource_id", "title", "length_min").collect()
        used = (
            study.table("plan").collect()
            .join(placed, on="session_id", how="inner")
            .group_by("resource_id")
            .agg(pl.col("iteration").unique(), pl.col("sequence").unique())
        )  # fmt: skip
        return cls(
            {row["cohort_id"]: row for row in cohorts.iter_rows(named=True)},
            {row["session_id"]: row for row in placed.iter_rows(named=True)},
            {
                row["resource_id"]: row
                for row in resources.join(used, on="resource_id", how="left").iter_rows(named=True)
            },
            {
                (row["arm"], row["iteration"], row["sequence"]): row["len"]
                for row in placed.group_by("arm", "iteration", "sequence").len().iter_rows(named=True)
            },
        )

    def target(self, kind: str, row: Mapping[str, object]) -> Target | None:
        """Return the target a row of numbers is about; None for what another kind of target says already."""
        return getattr(self, f"_{kind}")(row)

    def _iteration(self, row: Mapping[str, object]) -> Target:
        number = row["iteration"]
        labels = {} if number is None else {"iteration": str(number)}
        return Target("iteration", "" if number is None else str(number), labels, iteration=number)

    def _cohort(self, row: Mapping[str, object]) -> Target:
        found = self.cohorts[row["cohort_id"]]
        return Target(
            "cohort",
            found["cohort_id"],
            {"cohort": bounded(found["title"] or found["cohort_id"])},
            arm=found["arm"],
            iteration=found["iteration"],
            cohort_id=found["cohort_id"],
        )

    def _step(self, row: Mapping[str, object]) -> Target | None:
        place = (row["arm"], row["iteration"], row["sequence"])
        if self.steps.get(place, 0) < 2 or row["sequence"] is None:  # one cohort: its session says it
            return None
        parts = ["–" if part is None else str(part) for part in place]
        labels = dict(zip(("arm", "iteration", "sequence"), map(bounded, parts), strict=True))
        return Target(
            "step", _BETWEEN.join(parts), labels, arm=place[0], iteration=place[1], sequence=place[2]
        )

    def _session(self, row: Mapping[str, object]) -> Target:
        found = self.sessions[row["session_id"]]
        cohort = self.cohorts[found["cohort_id"]]
        labels = {
            "session": bounded(found["title"] or found["session_id"]),
            "cohort": bounded(cohort["title"] or cohort["cohort_id"]),
        }
        return Target(
            "session",
            found["session_id"],
            labels,
            arm=found["arm"],
            iteration=found["iteration"],
            cohort_id=found["cohort_id"],
            sequence=found["sequence"],
        )

    def _resource(self, row: Mapping[str, object]) -> Target:
        found = self.resources[row["resource_id"]]
        return Target(
            "resource",
            found["resource_id"],
            {"resource": bounded(found["title"] or found["resource_id"])},
            iteration=_only(found["iteration"]),
            sequence=_only(found["sequence"]),
        )

    def _item(self, row: Mapping[str, object]) -> Target:
        labels = {
            "item": bounded(row["item_id"]),
            "assessment": bounded(row["assessment"]),
            "role": row["role"],
        }
        parts = (row["iteration"], row["role"], row["sequence"], row["assessment"], row["item_id"])
        ident = _BETWEEN.join("–" if part is None else str(part) for part in parts)
        return Target("item", ident, labels, iteration=row["iteration"], sequence=row["sequence"])


def _only(values: list | None) -> int | None:
    """Return the one value there is; None where there are several or none."""
    return values[0] if values is not None and len(values) == 1 else None
