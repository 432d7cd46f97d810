"""Secondary outcomes beside the primary one: one family, its p values adjusted, the number of tests told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from flipstats.comparison.result import Comparison
from flipstats.effects.power import benjamini_hochberg


def with_secondary(main: Comparison, others: Mapping[str, Comparison]) -> Comparison:
    """Return the comparison with the primary effect of each secondary outcome beside its own effects.

    The verdict stays that of the primary outcome. ``sensitivity["multiplicity"]`` has the p values of the
    secondary outcomes as they are and after Benjamini and Hochberg.
    """
    found = {name: c.primary for name, c in others.items() if c.primary is not None}
    raw = np.array([effect.p for effect in found.values()], dtype=float)
    adjusted = benjamini_hochberg(raw)
    family = {
        name: {"p": float(p), "p_adjusted": float(q)} for name, p, q in zip(found, raw, adjusted, strict=True)
    }
    effects = (*main.effects, *(replace(effect, role="secondary") for effect in found.values()))
    sensitivity = dict(main.sensitivity) | {
        "multiplicity": {"family": family, "method": "benjamini_hochberg"},
        "tests_run": main.sensitivity["tests_run"] + int(np.isfinite(raw).sum()),
    }
    return replace(main, effects=effects, sensitivity=sensitivity, parts=dict(others))
