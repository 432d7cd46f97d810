"""What a declared assignment lets a comparison claim; an option may lower it, never raise it."""

from __future__ import annotations

from dataclasses import replace

from flipstats.comparison.note import Word, note
from flipstats.comparison.result import Comparison

CLAIMS = ("none", "historical", "nonrandom", "random_cluster", "random_individual")


def assignment_of(declared: str, asked: str | None, *, arm: str) -> str:
    """Return the assignment that counts: what the study file declares, or less.

    Iterations follow each other: nothing that was declared about the arms makes them concurrent.

    Examples
    --------
    >>> assignment_of("nonrandom", "random_individual", arm="arm")
    'nonrandom'
    """
    if arm == "iteration":
        return "historical"
    if declared == "none" or asked not in CLAIMS:  # nothing was declared; or no such assignment, said later
        return declared if asked is None else asked
    return min(declared, asked, key=CLAIMS.index)


def with_assignment(result: Comparison, asked: str | None, done: str, *, arm: str) -> Comparison:
    """Return the comparison with a warning where more was asked for than the study file declares."""
    if asked in (None, done) or arm == "iteration":
        return result
    claimed = {"asked": Word(f"assignment_{asked}"), "declared": Word(f"assignment_{done}")}
    return replace(result, warnings=(note("assignment_not_raised", claimed), *result.warnings))
