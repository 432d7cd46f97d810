"""One look: one kind of problem at one target, with the numbers of its indicator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flipstats.diagnostics.kinds import Kind
from flipstats.diagnostics.target import Target

NUMBERS = (
    "value", "low", "high", "level", "n", "numerator", "denominator", "unknown", "coverage", "interval",
    "metric", "statistic", "depth",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """One kind of problem at one target.

    Attributes
    ----------
    kind : Kind
    target : Target
    numbers : mapping
        `NUMBERS`, of what went wrong: where the indicator counts what went well, its complement.
    details : mapping of str to mapping
        Further sentences, by the name of their text, each with its values.
    """

    kind: Kind
    target: Target
    numbers: Mapping[str, object]
    details: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
