"""One comparison as blocks: the verdict, who is compared, the figures, what stands behind them."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import polars as pl

from flipstats import figures
from flipstats.comparison.note import Name, shown
from flipstats.comparison.page import pair, tests_sentence
from flipstats.comparison.picture import forest_of
from flipstats.display.blocks import Html, figure, notice, table
from flipstats.display.views import arm_words, completion, in_arm_words
from flipstats.errors import FlipstatsError
from flipstats.headline import compared_once
from flipstats.i18n import has, number, percent, t
from flipstats.suppression import suppress

if TYPE_CHECKING:
    from flipstats.comparison.result import Comparison
    from flipstats.study import Study

_STEPS = ("assigned", "started", "tested", "analysed")


def comparison(study: Study, outcome: str, *, role: str = "research") -> Html:
    """Compare the arms of a study on an outcome, and show the verdict with all it rests on.

    Where the study cannot be compared the reason is shown, and completion itself where that was asked.

    Parameters
    ----------
    study : Study
    outcome : str
        ``"summative"``, ``"completion"`` or another outcome of the study.
    role : {"research", "manager", "trainer"}
        Who will read it: outside research the means of small groups are hidden, and those that would give
        them away.
    """
    try:
        result = compared_once(study, outcome)
    except FlipstatsError as problem:
        refused = notice(str(problem), label=t("report.not_computable"))
        return refused + completion(study, role=role) if outcome == "completion" else refused
    return compared(result, role=role)


def compared(result: Comparison, *, role: str = "research") -> Html:
    """Return a comparison as blocks: verdict, outcomes, effects, flow, balance, methods."""
    treated, control = arm_words(result.question.treated), arm_words(result.question.control)
    hidden = frozenset() if role == "research" else small_groups(result)
    shape = result.spread if role == "research" else None
    blocks = [
        verdict(result, hidden),
        Html("".join(f"<p>{escape(text)}</p>" for text in result.for_whom)),
        means(result, hidden, shape),
        effects(result),
        flow(result, treated, control),
    ]
    if result.balance:
        blocks += [balance(result, treated, control), figure(result.picture("love"))]
    return Html("".join([*blocks, methods(result)]))


def small_groups(result: Comparison) -> frozenset[str]:
    """Return the groups whose means may not be shown outside research, by their id."""
    rows = pl.DataFrame(
        [
            {"id": g["group"], "arm": g["arm"], "n": g["analysed"], "value": g["mean"], "statistic": "mean"}
            for g in result.flow["groups"]
        ]
    )
    if rows.is_empty():
        return frozenset()
    kept = suppress(
        rows.with_columns(pl.lit(None, pl.String).alias("reason")),
        margins=["arm"],
        apart=["id"],
        cell=["id"],
        slices=["statistic"],
        blank=["value"],
        smallest=result.question.thresholds.smallest_cell,
    )
    return frozenset(kept.filter(pl.col("value").is_null())["id"])


def verdict(result: Comparison, hidden: Set[str] = frozenset()) -> Html:
    """Return the verdict: its word, its sentence, and every caution.

    A refusal tells the mean of each group: with groups in `hidden` its word stands alone.
    """
    cautions = [str(text) for text in (*result.verdict.cautions[1:], *result.warnings)]
    more = "".join(f"<li>{escape(text[:1].upper() + text[1:])}</li>" for text in cautions)
    listed = (
        f"<details><summary>{escape(t('report.all_cautions'))}</summary><ul>{more}</ul></details>"
        if more
        else ""
    )
    words = result.verdict.words[:1].upper() + result.verdict.words[1:]
    opening = t("compare.opening", words=words, finding="\0").partition("\0")[0]
    found = result.verdict.sentence.removeprefix(opening)
    if hidden and result.verdict.shown is None:
        found = t("report.refused_hidden")
    return Html(
        f'<div class="fs-verdict" data-verdict="{escape(result.verdict.code)}">'
        f'<p class="fs-value">{escape(words)}</p>'
        f"<p>{escape(found[:1].upper() + found[1:])}</p>{listed}</div>"
    )


def means(result: Comparison, hidden: Set[str] = frozenset(), spread: pl.DataFrame | None = None) -> Html:
    """Return the figure of group means and arms, without the groups in `hidden`.

    `spread` has learners in bins by outcome: for research only.
    """
    shown = [g for g in result.flow["groups"] if g["mean"] is not None and g["group"] not in hidden]
    groups = pl.DataFrame(
        [{"arm": g["arm"], "group": g["title"], "value": g["mean"], "n": g["analysed"]} for g in shown],
        schema={"arm": pl.String, "group": pl.String, "value": pl.Float64, "n": pl.Int64},
    )
    picture = figures.group_means(
        groups.with_columns(in_arm_words()),
        result.arms().with_columns(in_arm_words()),
        treated=arm_words(result.question.treated),
        outcome=outcome_words(result.question.outcome),
        share=result.question.shares or result.question.kind == "binary",
        spread=None if spread is None else spread.with_columns(in_arm_words()),
    )
    if hidden:
        note = t("report.groups_hidden", n=result.question.thresholds.smallest_cell)
        picture = replace(picture, caption=f"{picture.caption} {note}")
    return figure(picture)


def effects(result: Comparison) -> Html:
    """Return the effects as a forest, and every number of every method as a table; nothing where refused."""
    if result.primary is None:
        return Html()
    rows = result.to_frame().filter(pl.col("role").is_in(["primary", "robustness", "band"]))
    return _forest(result) + _methods(rows, result)


def _forest(result: Comparison) -> Html:
    if result.g is None and result.question.kind != "binary":
        return Html()
    return figure(forest_of(result, method_words))


def _methods(rows: pl.DataFrame, result: Comparison) -> Html:
    cells = list(rows.iter_rows(named=True))
    frame = pl.DataFrame(
        {
            t("compare.column_method"): [method_words(row["method"]) for row in cells],
            t("compare.column_role"): [t(f"compare.role_{row['role']}") for row in cells],
            t("compare.column_variant"): [variant_words(row["variant"]) for row in cells],
            t("compare.column_value"): [number(row["value"], 3, signed=True) for row in cells],
            t("compare.column_interval"): [_range(row["low"], row["high"]) for row in cells],
            t("compare.column_p"): [_p(row["p"]) for row in cells],
            t("compare.column_learners"): [f"{row['n_treated']} + {row['n_control']}" for row in cells],
            t("compare.column_groups"): [
                pair(row["clusters_treated"], row["clusters_control"]) for row in cells
            ],
        }
    )
    return table(frame, _caption("effects", result), note=t("report.note_effects"))


def flow(result: Comparison, treated: str, control: str) -> Html:
    """Return who was assigned, started, tested and analysed, learners and groups, in each arm."""
    counts, lines = result.flow, []
    for step in _STEPS:
        sides = [_count(counts[side], step) for side in ("treated", "control")]
        lines.append((t(f"report.step_{step}"), *sides))
    for reason in counts["treated"]["lost"]:
        lost = [number(counts[side]["lost"][reason], 0) for side in ("treated", "control")]
        lines.append((t(f"report.lost_{reason}"), *lost))
    names = (t("report.column_step"), treated, control)
    frame = pl.DataFrame({name: [line[i] for line in lines] for i, name in enumerate(names)})
    return table(frame, _caption("flow", result), note=_attrition(counts))


def _attrition(counts: dict) -> str:
    found = counts["attrition"]
    key = "report.attrition_low" if found["low"] else "report.attrition_high"
    return t(
        key, overall=percent(found["overall"]), points=number(100 * found["differential"], 1, signed=True)
    )


def balance(result: Comparison, treated: str, control: str) -> Html:
    """Return how alike the arms were before the start, by standardised differences."""
    rows = result.balance
    frame = pl.DataFrame(
        {
            t("report.column_covariate"): [covariate_words(row["covariate"]) for row in rows],
            treated: [number(row["mean_treated"], 2) for row in rows],
            control: [number(row["mean_control"], 2) for row in rows],
            t("report.column_gap"): [number(row["g"], 2, signed=True) for row in rows],
            t("report.column_balance"): [t(f"report.balance_{row['verdict']}") for row in rows],
        }
    )
    limits = result.question.thresholds
    ends = {
        "equal": number(limits.baseline_equivalent_g, 2),
        "mend": number(limits.baseline_adjustable_g, 2),
    }
    return table(frame, _caption("balance", result), note=t("report.note_balance", **ends))


def methods(result: Comparison) -> Html:
    """Return how many tests were run, and the paragraph on methods with its references."""
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in result.methods_text().split("\n") if line)
    return Html(
        f"<p>{escape(tests_sentence(result))}</p>"
        f"<details><summary>{escape(t('compare.methods_heading'))}</summary>{paragraphs}</details>"
    )


# -------------------------------------------------------------------------------------------------- words


def _caption(table: str, result: Comparison) -> str:
    return t(f"report.caption_{table}", outcome=shown(Name("outcome", result.question.outcome)))


def outcome_words(outcome: str) -> str:
    """Return how people call an outcome, as a title begins."""
    words = str(shown(Name("outcome", outcome)))
    return words[:1].upper() + words[1:]


def method_words(method: str) -> str:
    """Return how people call a method, its own name where the catalogue has none."""
    return t(f"report.method_{method}") if has(f"report.method_{method}") else method


def covariate_words(name: str) -> str:
    """Return how people call what was measured before the start."""
    return t("report.covariate_baseline") if name == "baseline" else name.removeprefix("x_")


def variant_words(variant: str) -> str:
    """Return how people call a variant of a number."""
    return t(f"report.variant_{variant}") if has(f"report.variant_{variant}") else variant


def _finite(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_finite()).then(pl.col(column)).alias(column)


def _range(low: float | None, high: float | None) -> str:
    return t("figures.between", low=_limit(low), high=_limit(high))


def _limit(value: float | None) -> str:
    if value is not None and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return number(value, 3, signed=True)


def _p(p: float | None) -> str:
    return f"< {number(0.001, 3)}" if p is not None and p < 0.001 else number(p, 3)


def _count(side: dict, step: str) -> str:
    learners, groups = side[step], side.get(f"groups_{step}")
    if learners is None:
        return "–"
    return (
        number(learners, 0)
        if groups is None
        else t("report.in_groups", n=groups, learners=number(learners, 0))
    )
