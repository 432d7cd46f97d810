"""A question and a roster → a comparison: flow, balance, methods by rule, effect sizes, verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from flipstats.comparison import methods
from flipstats.comparison.flow import SIDES, balance_rows, flow, low_attrition, mark_steps, worst_gap
from flipstats.comparison.judge import verdict_of
from flipstats.comparison.magnitude import Size, g_of, share_ratio, smallest_of
from flipstats.comparison.moderator import band_effects_of
from flipstats.comparison.note import Name, Note, note
from flipstats.comparison.overlap import model_of, overlap_of, with_after
from flipstats.comparison.question import Analysed, Question, Roster, numbered
from flipstats.comparison.result import Comparison, Effect
from flipstats.comparison.spread import spread_of
from flipstats.comparison.table import without_repeats
from flipstats.comparison.threats import is_capped, threats
from flipstats.comparison.tier import tier_of
from flipstats.comparison.trust import permutation_of, sensitivity, tests_run, weights_of
from flipstats.effects.clusters import group_means
from flipstats.effects.distributions import student_quantile
from flipstats.effects.proportions import wilson
from flipstats.effects.results import Count, Estimate
from flipstats.errors import EstimationError


def analyse(question: Question, roster: Roster) -> Comparison:
    """Answer a question on a roster.

    Raises
    ------
    EmptyArmError
        Nobody of an arm can be analysed.
    DesignError, EstimationError, ParameterError
        What the methods refuse.
    """
    question, frame, notes = _settle(question, roster)
    counts = flow(frame, roster, question)
    rows = balance_rows(frame, question)
    data = arrays(frame, question)
    plan = methods.plan_methods(question, data.fewest, clusters_known=data.clusters is not None)
    plan, primary, used, replaced = _primary(plan, question, data)
    notes += replaced
    beside, refused = methods.run_beside(plan, question, data)
    notes += _not_adjusted(data, primary, used)
    size = g_of(question, data, primary, covariates=len(used))
    if size is None and primary is not None and question.kind == "score":
        notes.append(note("not_standardised"))
    gap, low = worst_gap(rows), low_attrition(counts)
    tier = tier_of(question, roster, low_attrition=low, gap=gap, adjusted=_is_adjusted(question, used))
    effects = _effects(question, primary, size, beside)
    bands, moderator, more = band_effects_of(question, frame, data)
    cautions = threats(question, roster, counts, gap=gap, tier=tier, data=data, effects=effects)
    verdict = verdict_of(
        question, data, primary, size, tier=tier, capped=is_capped(question, roster, gap, data),
        beside=beside, groups=counts["groups"], cautions=cautions,
    )  # fmt: skip
    model = model_of(data)
    return Comparison(
        question=question,
        estimand=estimand(question, plan.primary),
        design=_design(question, data, plan, primary, used),
        tier=tier,
        flow=counts,
        balance=with_after(rows, data, beside, model),
        effects=(*effects, *bands),
        sensitivity={
            **sensitivity(question, frame, data, primary, size, matched="nn_match" in beside),
            **moderator,
            "weights": weights_of(beside),
            "overlap": overlap_of(model),
            "permutation": permutation_of(effects),
            "tests_run": tests_run((*effects, *bands), moderator),
        },
        warnings=(*roster.warnings, *_ungrouped(roster), *notes, *refused, *more),
        verdict=verdict,
        spread=spread_of(question, data),
    )


def _settle(question: Question, roster: Roster) -> tuple[Question, pl.DataFrame, list[Note]]:
    """Drop covariates that say nothing of their own among those analysed, then mark the steps."""
    frame = mark_steps(roster, question)
    analysed = frame.filter("analysed")
    if analysed.height == 0 or not question.covariates:
        return question, frame, []
    names, notes = without_repeats(analysed, question.covariates)
    baseline = question.baseline if question.baseline in names else None
    question = replace(question, covariates=names, baseline=baseline)
    return question, mark_steps(roster, question), notes


def arrays(frame: pl.DataFrame, question: Question) -> Analysed:
    """Return the learners analysed as arrays."""
    analysed = frame.filter("analysed")
    known = analysed.height > 0 and (question.alone is not None or analysed["cluster"].null_count() == 0)
    columns = [f"x:{name}" for name in question.covariates]
    return Analysed(
        outcome=analysed["outcome"].to_numpy(),
        treated=analysed["treated"].to_numpy(),
        covariates=analysed.select(columns).to_numpy() if columns else None,
        names=question.covariates,
        clusters=numbered(analysed["cluster"]) if known else None,
        baseline=analysed[f"x:{question.own_baseline}"].to_numpy() if question.own_baseline else None,
        level=question.level,
        seed=question.seed,
        alone=question.alone,
    )


def estimand(question: Question, primary: str | None) -> dict[str, Note]:
    """Say what is estimated before any number: population, arms, outcome, measure, average, drop-outs."""
    average = methods.estimand_of(primary or "cluster_means", question)
    # Of a study everyone completed or did not; a table's yes or no may be missing like any other outcome.
    known_of_all = question.kind == "binary" and question.time != "table"
    return {
        "population": note("population_binary" if known_of_all else "population_score"),
        "treated": note("plain_name", {"name": question.names[0]}),
        "control": note("plain_name", {"name": question.names[1]}),
        "outcome": note("plain_name", {"name": Name("outcome", question.outcome)}),
        "time": note(f"outcome_time_{question.time}"),
        "measure": note("measure_share" if question.kind == "binary" else "measure_mean"),
        "average": note(f"estimand_{average}"),
        "dropouts": note("dropouts_binary" if known_of_all else "dropouts_score"),
    }


def _ungrouped(roster: Roster) -> list[Note]:
    treated, control = roster.ungrouped
    return [note("without_group", {"treated": treated, "control": control})] if treated or control else []


def _primary(
    plan: methods.Plan, question: Question, data: Analysed
) -> tuple[methods.Plan, Estimate | None, tuple[str, ...], list[Note]]:
    """Run the primary method, and name the covariates that it carries.

    Where everybody or nobody of an arm completed, or a covariate tells exactly who did, there is no logistic
    model: the shares are compared as they are, which is said.
    """
    used = methods.group_covariates(data)[1] if plan.primary == "cluster_means" else data.names
    if plan.primary is None:
        return plan, None, used, []
    unit = data if question.grouped else replace(data, clusters=None)
    try:
        return plan, methods.run(plan.primary, unit), used, []
    except EstimationError as problem:
        if plan.primary != "gcomp":
            raise
        told = note("primary_replaced", {"planned": "gcomp", "done": "newcombe", "reason": str(problem)})
        plan = replace(plan, primary="newcombe", beside=tuple(n for n in plan.beside if n != "newcombe"))
        return plan, methods.run("newcombe", unit), (), [told]


def _not_adjusted(data: Analysed, primary: Estimate | None, used: tuple[str, ...]) -> list[Note]:
    if primary is None or primary.method == "newcombe" or len(used) == len(data.names):
        return []
    return [note("not_adjusted_for", {"names": data.names[len(used) :]})]


def _is_adjusted(question: Question, used: tuple[str, ...]) -> bool:
    needed = [question.baseline] if question.baseline else list(question.covariates)
    return bool(needed) and set(needed) <= set(used)


def _effects(
    question: Question, primary: Estimate | None, size: Size | None, beside: dict[str, Estimate]
) -> tuple[Effect, ...]:
    def effect(role: str, estimate: Estimate) -> Effect:
        return Effect(question.outcome, methods.estimand_of(estimate.method, question), role, estimate)

    out = []
    if primary is not None:
        out.append(effect("primary", primary))
        if size is not None:
            out.append(effect("primary", size.estimate))
        if question.kind == "binary" and (ratio := share_ratio(primary)) is not None:
            out.append(effect("primary", ratio))
    return (*out, *(effect("robustness", estimate) for estimate in beside.values()))


def _design(
    question: Question, data: Analysed, plan: methods.Plan, primary: Estimate | None, used: tuple[str, ...]
) -> dict[str, object]:
    groups = {
        side: n if data.clusters is not None and side != question.alone else None
        for side, n in zip(SIDES, data.groups, strict=True)
    }
    return {
        "assignment": question.assignment,
        "treated": question.treated,
        "control": question.control,
        "outcome": question.outcome,
        "kind": question.kind,
        "unit_of_inference": "group" if question.grouped else "learner",
        "groups_treated": groups["treated"],
        "groups_control": groups["control"],
        "learners_alone": question.alone,
        "adjust": list(used if primary is not None else data.names),
        "baseline": question.baseline,
        "moderator": question.moderator,
        "primary_method": plan.primary,
        "rule": note(_rule(question, plan.primary), {"n": question.thresholds.min_groups_per_arm}),
        "smallest_effect": smallest_of(question),
        "level": question.level,
        "seed": question.seed,
        "arms": _arms(question, data),
    }


def _rule(question: Question, primary: str | None) -> str:
    if primary is None:
        return "rule_refused"
    if question.alone is not None:
        return f"rule_one_arm_{primary}"
    return f"rule_{'groups' if question.grouped else 'individual'}_{primary}"


def _arms(question: Question, data: Analysed) -> list[dict[str, object]]:
    rows = []
    sides = (question.treated, question.control), (data.treated, ~data.treated)
    for side, name, of_arm in zip(SIDES, *sides, strict=True):
        values, in_groups = data.outcome[of_arm], question.grouped and side != question.alone
        if in_groups:
            codes = np.unique(data.clusters[of_arm], return_inverse=True)[1]
            values = group_means(values, codes)
        interval = _mean_interval(values, question, in_groups=in_groups)
        rows.append({"arm": name, "n": int(of_arm.sum())} | interval)
    return rows


def _mean_interval(values: np.ndarray, question: Question, *, in_groups: bool) -> dict[str, object]:

    out = {
        "value": float(values.mean()),
        "low": None,
        "high": None,
        "level": question.level,
        "interval": None,
    }
    if question.kind == "binary" and not in_groups:
        found = wilson(Count(int(values.sum()), len(values)), level=question.level)
        return out | {"low": found.low, "high": found.high, "interval": "wilson"}
    fewest = question.thresholds.min_groups_per_arm if in_groups else 2
    if len(values) < fewest or np.ptp(values) == 0:
        return out
    half = float(
        student_quantile(0.5 + question.level / 2, len(values) - 1)
        * values.std(ddof=1)
        / np.sqrt(len(values))
    )
    out |= {"low": out["value"] - half, "high": out["value"] + half}
    return out | {"interval": "t_cohort" if in_groups else "t"}
