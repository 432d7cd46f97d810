"""Numbers → verdict: the scale on which it is judged, what is shown, what is said where nothing is shown."""

from __future__ import annotations

from flipstats.comparison.magnitude import Size, judged, smallest_of
from flipstats.comparison.methods import estimand_of
from flipstats.comparison.note import Name, Note, Share, note
from flipstats.comparison.question import Analysed, Question
from flipstats.comparison.trust import enough_groups, planning_icc
from flipstats.comparison.verdict import Judged, Shown, Verdict, decide
from flipstats.effects.results import Estimate


def verdict_of(
    question: Question,
    data: Analysed,
    primary: Estimate | None,
    size: Size | None,
    *,
    tier: str,
    capped: bool,
    beside: dict[str, Estimate],
    groups: list[dict[str, object]],
    cautions: tuple[Note, ...],
) -> Verdict:
    """Judge a comparison and keep what its sentence tells.

    Parameters
    ----------
    primary : Estimate or None
        None where the design carries no effect.
    beside : dict
        Robustness estimates by method; all must have the sign of the primary one for *works*.
    groups : list of dict
        The groups of the flow, whose means are told where there is no effect.
    cautions : tuple of Note
        The main one first.
    """
    scale = judged(question, primary, size)
    if scale is not None and question.direction == "less":
        scale = (-scale[0], -scale[2], -scale[1])
    agree = primary is None or all(e.value * primary.value > 0 for e in beside.values())
    on = None if scale is None else Judged(*scale, smallest_of(question), agree)
    outcome, (treated, control) = Name("outcome", question.outcome), question.names
    return Verdict(
        decide(on, tier=tier, capped=capped), tier, outcome, treated, control,
        None if primary is None else _shown(question, primary, size),
        _refused(question, data, groups, (outcome, treated, control)) if primary is None else None,
        cautions,
    )  # fmt: skip


def _shown(question: Question, primary: Estimate, size: Size | None) -> Shown:
    unit = "points_of_100" if question.shares else question.unit
    if question.kind == "binary":
        unit = "percentage_points"
    g = None if size is None or question.kind == "binary" else (size.value, size.low, size.high)
    average = f"average_{estimand_of(primary.method, question)}"
    return Shown(primary.value, primary.low, primary.high, primary.level, unit, average, g)


def _refused(
    question: Question, data: Analysed, groups: list[dict[str, object]], names: tuple[Name, Name, Name]
) -> Note:
    if question.alone is not None:
        return _refused_one_arm(question, data, groups, names)
    per_group = len(data.outcome) / max(1, sum(data.groups))
    icc = planning_icc(question, data)
    needed = enough_groups(question, per_group, icc)
    outcome, treated, control = names
    values = {
        "outcome": outcome, "treated": treated, "control": control,
        "n_treated": note("groups_n", {"n": data.groups[0]}),
        "n_control": note("groups_n", {"n": data.groups[1]}),
        "means_treated": _means(question, groups, question.treated),
        "means_control": _means(question, groups, question.control),
        "needed": needed, "size": round(per_group), "icc": icc,
        "smallest": question.thresholds.smallest_effect_g,
    }  # fmt: skip
    return note("refused", values)


def _refused_one_arm(
    question: Question, data: Analysed, groups: list[dict[str, object]], names: tuple[Name, Name, Name]
) -> Note:
    outcome, treated, control = names
    in_groups, alone = (treated, control) if question.alone == "control" else (control, treated)
    arm = question.treated if question.alone == "control" else question.control
    values = {
        "outcome": outcome, "grouped": in_groups, "alone": alone, "n": data.fewest,
        "means": _means(question, groups, arm), "needed": question.thresholds.min_groups_per_arm,
    }  # fmt: skip
    return note("refused_one_arm", values)


def _means(question: Question, groups: list[dict[str, object]], arm: str) -> tuple[object, ...]:
    means = [g["mean"] for g in groups if g["arm"] == arm and g["mean"] is not None]
    as_share = question.shares or question.kind == "binary"
    return tuple(Share(mean, 1) if as_share else float(mean) for mean in means)
