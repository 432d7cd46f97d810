"""What limits a comparison, the gravest first, each from a number."""

from __future__ import annotations

from flipstats.comparison.flow import SIDES, low_attrition
from flipstats.comparison.magnitude import within_arm_icc
from flipstats.comparison.note import Note, Share, Word, note
from flipstats.comparison.question import RANDOM, Analysed, Question, Roster
from flipstats.comparison.result import Effect

TESTS_DIFFER = "threat_tests_differ"


def is_capped(question: Question, roster: Roster, gap: float | None, data: Analysed) -> bool:
    """Return whether the design caps the verdict at *not established*, whatever the effect."""
    return (
        bool(roster.single)
        or _gap_too_wide(question, gap)
        or question.direction == "neither"
        or any(one.key == TESTS_DIFFER for one in roster.threats)
        or _few_taught_apart(question, data)
    )


def taught_apart(question: Question, data: Analysed) -> tuple[int, int] | None:
    """Return how many groups learners who were drawn one by one were taught in, where each is all of one arm.

    None where no group is known, where groups mix the arms, and where each learner is a group.
    """
    if question.grouped or question.assignment != "random_individual" or data.clusters is None:
        return None
    both = set(data.clusters[data.treated]) & set(data.clusters[~data.treated])
    return None if both or sum(data.groups) == len(data.outcome) else data.groups


def threats(
    question: Question,
    roster: Roster,
    counts: dict[str, object],
    *,
    gap: float | None,
    tier: str,
    data: Analysed,
    effects: tuple[Effect, ...],
) -> tuple[Note, ...]:
    """List what limits the comparison: what caps it, then the design, the losses, the groups, the methods."""
    return (
        *_caps(question, roster, gap, data),
        *_design(question, roster, gap, tier),
        *_taught_apart(question, data),
        *_losses(question, counts),
        *_few_groups(question, data, effects),
        *_disagreement(effects),
    )


def _caps(question: Question, roster: Roster, gap: float | None, data: Analysed) -> list[Note]:
    out = []
    if _few_taught_apart(question, data):
        a, b = data.groups
        out.append(
            note("threat_few_taught_apart", {"a": a, "b": b, "n": question.thresholds.min_groups_per_arm})
        )
    if question.grouped and data.fewest < question.thresholds.min_groups_per_arm:
        least = question.thresholds.min_groups_per_arm
        out.append(
            note("threat_few_groups", {"a": data.groups[0], "b": data.groups[1], "n": least})
            if question.alone is None
            else note("threat_few_groups_one_arm", {"n": data.fewest, "least": least})
        )
    out += [note("threat_single", {"what": Word(f"single_{what}")}) for what in roster.single]
    if question.direction == "neither":
        out.append(note("threat_no_direction"))
    if question.assignment == "none":
        out.append(note("threat_undeclared"))
    if _gap_too_wide(question, gap):
        limit = question.thresholds.baseline_adjustable_g
        out.append(
            note("threat_gap_unknown")
            if gap == float("inf")
            else note("threat_gap_wide", {"gap": float(gap), "limit": limit})
        )
    return out


def _design(question: Question, roster: Roster, gap: float | None, tier: str) -> list[Note]:
    out = list(roster.threats)
    if roster.separate_times:
        out.append(note("threat_iterations"))
    elif question.assignment == "historical":
        out.append(note("threat_historical"))
    if question.assignment in RANDOM or question.assignment == "none":
        return out
    if gap is None:
        out.append(note("threat_no_baseline"))
    elif tier == "no_causal_claim" and not _gap_too_wide(question, gap):
        out.append(note("threat_not_adjusted", {"gap": float(gap)}))
    elif question.assignment == "nonrandom":
        out.append(note("threat_not_random"))
    return out


def _taught_apart(question: Question, data: Analysed) -> list[Note]:
    groups = taught_apart(question, data)
    if groups is None or _few_taught_apart(question, data):
        return []
    return [note("threat_taught_apart", {"a": groups[0], "b": groups[1], "icc": within_arm_icc(data) or 0.0})]


def _losses(question: Question, counts: dict[str, object]) -> list[Note]:
    found = counts["attrition"]
    lost = {f"{side}": Share(found[side]) for side in SIDES}
    if not low_attrition(counts):
        return [note("threat_attrition", lost)]
    if (question.kind == "score" or question.time == "table") and found["overall"] > 0:
        return [note("threat_completers", lost)]
    return []


def _few_groups(question: Question, data: Analysed, effects: tuple[Effect, ...]) -> list[Note]:
    fewest, limits = data.fewest, question.thresholds
    if not question.grouped or not limits.min_groups_per_arm <= fewest < limits.reml_from_groups:
        return []
    if question.alone is not None:
        return [note("threat_small_number_one_arm", {"a": fewest})]
    smallest = next((e.aside["p_smallest"] for e in effects if e.method == "cluster_permutation"), None)
    if smallest is not None and smallest > 1 - question.level:
        return [note("threat_permutation", {"a": data.groups[0], "b": data.groups[1], "p": float(smallest)})]
    return [note("threat_small_number", {"a": data.groups[0], "b": data.groups[1]})]


def _disagreement(effects: tuple[Effect, ...]) -> list[Note]:
    primary = next((e for e in effects if e.role == "primary"), None)
    if primary is None:
        return []
    nothing = 1e-9 * (primary.high - primary.low)  # so near to it that a sign is rounding
    beside = [e for e in effects if e.role == "robustness" and e.value * primary.value < 0]
    against = [e.method for e in beside if min(abs(e.value), abs(primary.value)) > nothing]
    return [note("threat_disagree", {"names": tuple(against)})] if against else []


def _few_taught_apart(question: Question, data: Analysed) -> bool:
    groups = taught_apart(question, data)
    return groups is not None and min(groups) < question.thresholds.min_groups_per_arm


def _gap_too_wide(question: Question, gap: float | None) -> bool:
    return gap is not None and gap - 1e-12 > question.thresholds.baseline_adjustable_g
