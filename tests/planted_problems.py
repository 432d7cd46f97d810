"""How often a planted problem is found, over drawn programmes.

Run it to print the table of docs/diagnostics.md: ``python tests/planted_problems.py [programmes]``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from planted_study import planted_study

from flipstats.diagnostics import diagnose
from flipstats.intervals import wilson
from flipstats.sample import PROBLEMS
from flipstats.sample.truth import problems_of

KIND = {
    "long_video": "too_long",
    "blocking_question": "blocking",
    "early_cohort": "too_early",
    "failed_logins": "access",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one programme: the place and grade of the problem, None where not ranked, and alarms."""

    place: int | None
    grade: str | None
    false_alarms: tuple[str, ...]


def is_planted(finding, truth: dict) -> bool:
    """Whether a finding is about what was planted, and there."""
    place = finding.target
    if finding.kind != KIND[truth["problem"]]:
        return False
    match truth["problem"]:
        case "long_video":
            return place.id == f"cm{truth['cmid']}"
        case "blocking_question":
            where = (place.iteration, place.sequence, place.labels["item"], place.labels["role"])
            return where == (truth["iteration"], truth["session"], str(truth["item"]), "pre_quiz")
        case "early_cohort":
            return place.cohort_id == truth["cohort"]
        case _:
            return place.iteration == truth["iteration"]


def found_in(seed: int, problem: str | None) -> Found:
    """Diagnose one programme with one problem, or none."""
    world, study = planted_study(seed, () if problem is None else (problem,))
    found = diagnose(study.with_thresholds(bootstrap_draws=200))  # shares do not depend on it
    (truth,) = problems_of(world) or [None]
    ours = [] if truth is None else [f for f in found.findings if is_planted(f, truth)]
    first = min(ours, key=lambda finding: finding.rank, default=None)
    return Found(
        place=None if first is None else first.rank,
        grade=None if first is None else first.grade,
        false_alarms=tuple(f"{f.kind} {f.target.id}" for f in found.alarms if f not in ours),
    )


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
    return Tally(problem, tuple(found_in(seed, problem) for seed in range(1, programmes + 1)))


def _share(count: int, n: int) -> str:
    low, high = (100 * float(end) for end in wilson(count, n))
    return f"{count} = {100 * count / n:.1f}% ({low:.1f}%–{high:.1f}%)"


if __name__ == "__main__":
    for name in (None, *PROBLEMS):
        print(tally(name, int(sys.argv[1]) if sys.argv[1:] else 200).row(), flush=True)
