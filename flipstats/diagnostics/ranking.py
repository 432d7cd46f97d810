"""From looks to graded findings: how sure each is, when so many were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flipstats.conventions import Thresholds
from flipstats.diagnostics.evidence import lower_bound, severity, sharpened, told_size
from flipstats.diagnostics.one import Look
from flipstats.diagnostics.result import Finding

_RANKED = ("alarm", "sign")


def graded(looks: Sequence[Look], limits: Thresholds) -> list[Finding]:
    """Grade every look; no order yet.

    The error `diagnosis_error` is shared equally among the pairs of kind and sort of target that have a
    group large enough, and in each among its groups (Bonferroni): of a programme without a problem, at most
    that share raises an alarm at all, however the looks depend on each other.
    """
    families: dict[tuple[str, str], list[Look]] = {}
    for one in looks:
        families.setdefault((one.kind.key, one.target.kind), []).append(one)
    large = {name: _large(of, limits) for name, of in families.items()}
    share = limits.diagnosis_error / max(1, sum(bool(mask.any()) for mask in large.values()))
    return [
        finding
        for name, of in families.items()
        for finding in _family(of, large[name], share / max(1, int(large[name].sum())), limits)
    ]


def _large(looks: Sequence[Look], limits: Thresholds) -> np.ndarray:
    """Return which groups are large enough to tell: they could be seen to fail if everybody in them did."""
    n = np.array([look.numbers["n"] for look in looks], float)
    error = (1 - looks[0].numbers["level"]) / 2
    threshold = getattr(limits, looks[0].kind.threshold)
    return (n >= limits.diagnosis_learners) & (lower_bound(np.ones_like(n), n, error) > threshold)


def _family(looks: Sequence[Look], large: np.ndarray, error: float, limits: Thresholds) -> list[Finding]:
    """Grade the looks of one kind at one sort of target."""
    column = {name: [look.numbers[name] for look in looks] for name in ("value", "low", "high", "n")}
    value, low, high, n = (np.array(column[name], float) for name in column)
    level = looks[0].numbers["level"]
    threshold = getattr(limits, looks[0].kind.threshold)
    size = told_size(value, low, high, level)
    interval = np.array([look.numbers["interval"] for look in looks], object)
    # Where nobody or everybody fails the size counts clusters: no variance was estimated.
    plain = (interval == "wilson") | (value <= 0) | (value >= 1)
    clusters = np.where(interval == "wilson_clustered_cohort", limits.min_groups_for_clustering, n)
    likely = lower_bound(value, size, (1 - level) / 2)
    sure = lower_bound(value, np.where(plain, size, sharpened(size, clusters, level, error)), error)
    return [
        _finding(look, threshold, float(likely[i]), float(sure[i]), limits, large=bool(large[i]))
        for i, look in enumerate(looks)
    ]


def _finding(
    look: Look, threshold: float, likely: float, sure: float, limits: Thresholds, *, large: bool
) -> Finding:
    numbers = look.numbers
    known = numbers["coverage"] is None or numbers["coverage"] >= limits.coverage_bounds_below
    if not large:
        grade = "too_small"
    elif sure > threshold and known:
        grade = "alarm"
    elif likely > threshold:
        grade = "sign"
    else:
        grade = "watch" if numbers["value"] > threshold else "below"
    return Finding(
        kind=look.kind.key,
        grade=grade,
        target=look.target,
        threshold=threshold,
        likely=likely,
        sure=sure,
        severity=float(severity(numbers["value"], threshold)),
        evidence=float(severity(sure, threshold)),
        numbers=numbers,
        details=look.details,
        marks=(limits.severity_marked, limits.severity_severe),
    )


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return alarms and signs, the surest first, each once: what a wider target says already is folded in."""
    found = sorted((f for f in findings if f.grade in _RANKED), key=_order)
    kept: list[Finding] = []
    for one in found:
        wider = next((k for k, other in enumerate(kept) if _says(other, one)), None)
        if wider is None:
            kept.append(one)
        else:
            kept[wider] = replace(kept[wider], also=(*kept[wider].also, one.target))
    return [replace(one, rank=place) for place, one in enumerate(kept, 1)]


def surest(findings: Sequence[Finding], most: int) -> list[Finding]:
    """Return the first findings of ranked ones, one of a kind each: what to tell whoever reads no more."""
    of_a_kind: dict[str, Finding] = {}
    for finding in findings:
        of_a_kind.setdefault(finding.kind, finding)
    return list(of_a_kind.values())[:most]


def _says(wider: Finding, narrow: Finding) -> bool:
    return wider.kind == narrow.kind and wider.target.holds(narrow.target)


def _order(finding: Finding) -> tuple:
    """Alarms before signs; within a grade the surest severity first, then names, so that ties keep."""
    return (
        _RANKED.index(finding.grade),
        -finding.evidence,
        -finding.severity,
        finding.kind,
        finding.target.kind,
        finding.target.id,
    )
