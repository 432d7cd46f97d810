"""How much to trust it: power, what the interval excludes, missing outcomes at worst, how many tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from flipstats.comparison.bias import hidden_bias, missing_outcomes_of
from flipstats.comparison.magnitude import Size, judged, smallest_of, within_arm_icc
from flipstats.comparison.methods import WEIGHTED, group_covariates
from flipstats.comparison.note import Share, Signed, Word, note
from flipstats.comparison.question import Analysed, Question
from flipstats.comparison.result import Effect
from flipstats.conventions import LITERATURE_G
from flipstats.effects.power import groups_needed, mdes_cluster, mdes_individual, mdes_one_arm, tost
from flipstats.effects.results import Estimate
from flipstats.effects.sizes import improvement_index, treated_arm_grouped
from flipstats.errors import FlipstatsError


def sensitivity(
    question: Question,
    frame: pl.DataFrame,
    data: Analysed,
    primary: Estimate | None,
    size: Size | None,
    *,
    matched: bool,
) -> dict[str, object]:
    """Return what else bears on trust, by name; None where a number has no sense here."""
    icc = within_arm_icc(data)
    per_group = float(data.in_groups.sum()) / max(1, _groups(data))
    g, low, high = LITERATURE_G
    return {
        "icc": icc,
        "mdes_g": _mdes(question, data, icc, per_group),
        "groups_enough": enough_groups(question, per_group, planning_icc(question, data))
        if question.grouped and question.alone is None
        else None,
        "improvement_index": None if size is None else improvement_index(size.value),
        "equivalence": _equivalence(question, primary, size),
        "excludes": _excludes(question, primary, size),
        "missing": missing_bounds(question, frame) | missing_outcomes_of(question, frame, primary),
        "hidden_bias": hidden_bias(question, data, primary, size, matched=matched),
        "literature": {"g": g, "low": low, "high": high},
    }


def tests_run(effects: Sequence[Effect], moderator: Mapping[str, object]) -> int:
    """How many p values: one a method or band (g repeats its method's), the interaction, the contrast."""
    tests = {(e.method, e.variant if e.role == "band" else "") for e in effects if math.isfinite(e.p)}
    of_bands = moderator.get("moderator", {})
    return len(tests) + sum(of_bands.get(name) is not None for name in ("interaction", "contrast"))


def weights_of(beside: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    """Return what the weighting methods say of their weights: effective sample sizes, largest weight."""
    return {name: dict(e.aside) for name, e in beside.items() if name in WEIGHTED and e.aside}


def permutation_of(effects: Sequence[Effect]) -> dict[str, float] | None:
    """Return how many allocations of the groups were tried, and the smallest p that they can give."""
    found = next((e.aside for e in effects if e.method == "cluster_permutation"), None)
    return None if found is None else {name: found[name] for name in ("p_smallest", "allocations", "exact")}


def planning_icc(question: Question, data: Analysed) -> float:
    """Intraclass correlation to plan with: the one found, never below the cautious default.

    A few groups estimate it so badly that a lucky 0 would promise far too much.
    """
    return max(within_arm_icc(data) or 0.0, question.thresholds.planning_icc)


def enough_groups(question: Question, per_group: float, icc: float) -> int | None:
    """How many groups per arm would show the smallest effect of interest; None where none would."""
    limits = question.thresholds
    try:
        return groups_needed(
            limits.smallest_effect_g, max(per_group, 1.0), icc, level=question.level,
            power=limits.tests_power, at_least=limits.min_groups_per_arm,
        )  # fmt: skip
    except FlipstatsError:
        return None


def missing_bounds(question: Question, frame: pl.DataFrame) -> dict[str, object]:
    """Return how many outcomes are missing in each arm and, for a yes/no outcome, the two worst cases.

    Returns
    -------
    dict
        ``treated`` and ``control``: missing and assigned. ``low`` and ``high``: the difference of shares if
        all missing in the treated arm were 0 and in the control arm 1, and the reverse.
    """
    out: dict[str, object] = {"low": None, "high": None}
    shares = {}
    for side, of_side in (("treated", True), ("control", False)):
        values = frame.filter(pl.col("treated") == of_side)["outcome"]
        out[side] = {"missing": values.null_count(), "assigned": len(values)}
        shares[side] = [float(values.fill_null(x).mean()) for x in (0.0, 1.0)]
    if question.kind == "binary":
        out["low"] = shares["treated"][0] - shares["control"][1]
        out["high"] = shares["treated"][1] - shares["control"][0]
    return out


def _mdes(question: Question, data: Analysed, icc: float | None, per_group: float) -> float | None:
    limits, share = question.thresholds, float(np.mean(data.treated))
    try:
        if not question.grouped:
            return mdes_individual(
                len(data.outcome), treated_share=share, covariates=len(data.names), level=question.level,
                power=limits.tests_power,
            )  # fmt: skip
        if question.alone is not None:
            return _mdes_one_arm(question, data, icc or 0.0, per_group)
        groups = sum(data.groups)
        return mdes_cluster(
            groups, per_group, icc if icc is not None else 0.0, treated_share=data.groups[0] / groups,
            level=question.level, power=limits.tests_power,
            group_covariates=len(group_covariates(data)[1]) if data.fewest < limits.reml_from_groups else 0,
        )  # fmt: skip
    except FlipstatsError:
        return None


def _groups(data: Analysed) -> int:
    return sum(data.groups) if data.alone is None else data.fewest


def _mdes_one_arm(question: Question, data: Analysed, icc: float, per_group: float) -> float:
    nt, nc = data.learners
    grouped, alone = (nt, nc) if data.alone == "control" else (nc, nt)
    eta = treated_arm_grouped(grouped, alone, per_group, icc).eta
    return mdes_one_arm(
        data.fewest, grouped, alone, eta, level=question.level, power=question.thresholds.tests_power
    )


def _excludes(question: Question, primary: Estimate | None, size: Size | None) -> dict[str, object] | None:
    """Say which effects the interval leaves no room for: what a result without a difference still tells."""
    found = judged(question, primary, size)
    if found is None or not all(math.isfinite(limit) for limit in found[1:]):
        return None
    binary = question.kind == "binary"
    scale, digits = (100.0, 1) if binary else (1.0, 2)
    below, above = found[1:]
    words = {
        "level": Share(question.level),
        "below": Signed(scale * below, digits),
        "above": Signed(scale * above, digits),
        "unit": Word("unit_percentage_points" if binary else "unit_sd"),
    }
    return {
        "scale": "share" if binary else "g", "below": below, "above": above,
        "words": note("interval_excludes", words),
    }  # fmt: skip


def _equivalence(question: Question, primary: Estimate | None, size: Size | None) -> dict[str, object] | None:
    on = primary if question.kind == "binary" else None if size is None else size.estimate
    if on is None or not on.se > 0:
        return None
    found = tost(on, smallest_of(question), level=question.level)
    return {name: getattr(found, name) for name in type(found).__slots__}
