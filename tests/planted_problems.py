"""How often a planted problem is found, over drawn programmes.

Run it to print the table of docs/diagnostics.md: ``python tests/planted_problems.py [programmes]``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from planted_study import planted_study

from flipstats import schema
from flipstats.diagnostics import KINDS, Finding, diagnose
from flipstats.diagnostics.looks import look
from flipstats.diagnostics.ranking import graded, ranked
from flipstats.intervals import wilson
from flipstats.metrics import prepared_depth
from flipstats.sample import PROBLEMS
from flipstats.sample.truth import problems_of
from flipstats.sample.world import World
from flipstats.study import Study

KIND = {
    "long_video": "too_long",
    "blocking_question": "blocking",
    "early_cohort": "too_early",
    "failed_logins": "access",
}


ITERATIONS = 2  # of each programme
TOGETHER = 20  # programmes asked about in one study, whose numbers do not touch each other


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one programme.

    The place and grade of the problem, None where it was not ranked; alarms about something else; and all that
    was ranked, with how sure it is.
    """

    place: int | None
    grade: str | None
    false_alarms: tuple[str, ...]
    ranking: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One programme of several in a study: what its ids begin with, its first iteration, what was planted."""

    begins: str
    first: int
    truth: dict | None

    def is_planted(self, finding: Finding) -> bool:
        """Whether a finding is about what was planted, and there."""
        truth, place = self.truth, finding.target
        if truth is None or finding.kind != KIND[truth["problem"]]:
            return False
        iteration = self.first - 1 + truth.get("iteration", 0)
        match truth["problem"]:
            case "long_video":
                return place.id == f"{self.begins}cm{truth['cmid']}"
            case "blocking_question":
                where = (place.iteration, place.sequence, place.labels["item"], place.labels["role"])
                return where == (iteration, truth["session"], str(truth["item"]), "pre_quiz")
            case "early_cohort":
                return place.cohort_id == self.begins + truth["cohort"]
            case _:
                return place.iteration == iteration

    def found(self, findings: Sequence[Finding]) -> Found:
        """Look for it in what was ranked."""
        ours = [one for one in findings if self.is_planted(one)]
        others = [one for one in findings if one.grade == "alarm" and one not in ours]
        place, grade = min(((one.rank, one.grade) for one in ours), default=(None, None))
        false = tuple(f"{one.kind} {one.target.id}" for one in others)
        return Found(place, grade, false, tuple((f.kind, f.grade, round(f.evidence, 9)) for f in findings))


def found_in(seed: int, problem: str | None) -> Found:
    """Diagnose one programme with one problem, or none."""
    world, study = planted_study(seed, _planted(problem))
    return Drawn("", 1, _truth(world)).found(diagnose(_quicker(study)).findings)


def found_in_each(seeds: Sequence[int], problem: str | None) -> list[Found]:
    """Diagnose programmes in one study, each by itself: the same as `found_in`, at less cost."""
    parts, drawn = [], []
    for number, seed in enumerate(seeds):
        world, study = planted_study(seed, _planted(problem))
        drawn.append(Drawn(f"{number}:", 101 + ITERATIONS * number, _truth(world)))
        parts.append(_apart(study, drawn[-1]))
    tables = {name: pl.concat([part[name] for part in parts]) for name in parts[0]}
    whole = _quicker(Study(schema.validate(tables), study.file))
    looks = look(whole, KINDS.values(), role="research", level=None, prepared=prepared_depth(whole)).looks
    own = [[one for one in looks if one.target.iteration in range(d.first, d.first + ITERATIONS)]
           for d in drawn]  # fmt: skip
    if sum(map(len, own)) != len(looks):
        raise RuntimeError("something was looked at that is of no programme")
    return [d.found(ranked(graded(mine, whole.thresholds))) for d, mine in zip(drawn, own, strict=True)]


def _planted(problem: str | None) -> tuple[str, ...]:
    return () if problem is None else (problem,)


def _truth(world: World) -> dict | None:
    (truth,) = problems_of(world) or [None]
    return truth


def _quicker(study: Study) -> Study:
    return study.with_thresholds(bootstrap_draws=200)  # shares do not depend on it


def _apart(study: Study, drawn: Drawn) -> dict[str, pl.DataFrame]:
    """Return the tables of a programme with ids and iterations that no other has."""
    out = {}
    for name in schema.TABLES:
        if study.has(name):
            frame = study.table(name).collect()
            ids = [c for c in frame.columns if c.endswith("_id") and c != "item_id"]
            later = [pl.col("iteration") + drawn.first - 1] if "iteration" in frame.columns else []
            out[name] = frame.with_columns((pl.lit(drawn.begins) + pl.col(ids)).name.keep(), *later)
    return out


@dataclass(frozen=True, slots=True)
class Tally:
    """What was found in many programmes, the first of seed 1."""

    problem: str | None
    found: tuple[Found, ...]

    @property
    def among_three(self) -> int:
        return sum(one.place is not None and one.place <= 3 for one in self.found)

    @property
    def falsely_alarmed(self) -> int:
        return sum(bool(one.false_alarms) for one in self.found)

    def row(self) -> str:
        """Its line in the table of docs/diagnostics.md."""
        n, false = len(self.found), _share(self.falsely_alarmed, len(self.found))
        if self.problem is None:
            return f"| none | {n} | | | | {false} |"
        first = sum(one.place == 1 for one in self.found)
        alarms = sum(one.grade == "alarm" for one in self.found)
        return f"| {self.problem} | {n} | {_share(self.among_three, n)} | {first} | {alarms} | {false} |"


def tally(problem: str | None, programmes: int) -> Tally:
    """Diagnose so many programmes."""
    found = []
    for first in range(1, programmes + 1, TOGETHER):
        found += found_in_each(range(first, min(first + TOGETHER, programmes + 1)), problem)
    return Tally(problem, tuple(found))


def _share(count: int, n: int) -> str:
    low, high = (100 * float(end) for end in wilson(count, n))
    return f"{count} = {100 * count / n:.1f}% ({low:.1f}%–{high:.1f}%)"


if __name__ == "__main__":
    for name in (None, *PROBLEMS):
        print(tally(name, int(sys.argv[1]) if sys.argv[1:] else 200).row(), flush=True)
