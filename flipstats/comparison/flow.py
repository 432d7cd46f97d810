"""Who was assigned, who was analysed, and whether the arms were alike before the start."""

from __future__ import annotations

import polars as pl

from flipstats.comparison.question import Question, Roster
from flipstats.effects.baseline import Attrition, Balance, attrition, balance
from flipstats.effects.results import Count
from flipstats.errors import DesignError, EmptyArmError
from flipstats.i18n import t

STEPS = ("assigned", "started", "tested", "analysed")
SIDES = ("treated", "control")


def mark_steps(roster: Roster, question: Question) -> pl.DataFrame:
    """Return the roster with ``tested`` (outcome known) and ``analysed`` (every covariate known too)."""
    known = [pl.col(f"x:{name}").is_not_null() for name in question.covariates]
    tested = pl.col("outcome").is_not_null()
    return roster.frame.with_columns(
        tested.alias("tested"), pl.all_horizontal(tested, *known).alias("analysed")
    )


def flow(frame: pl.DataFrame, roster: Roster, question: Question) -> dict[str, object]:
    """Count learners and groups at each step, per arm and per group; the counts reconcile or the run fails.

    Returns
    -------
    dict
        ``treated`` and ``control``: a count for each of `STEPS` (`started` is None where unknown), the same
        for groups (``groups_assigned``, ``groups_tested``, ``groups_analysed``), and ``lost`` by reason; who
        has no group, where groups count, was assigned and is lost.
        ``groups``: one entry a group. ``left_out``: learners in neither arm, by reason. ``attrition``: of
        learners, and of groups.

    Raises
    ------
    DesignError
        The counts do not add up.
    EmptyArmError
        Nobody of an arm can be analysed.
    """
    out: dict[str, object] = {}
    for side, of_side, lost in zip(SIDES, (True, False), roster.ungrouped, strict=True):
        arm = frame.filter(pl.col("treated") == of_side)
        out[side] = _arm(arm, lost)
        if out[side]["analysed"] == 0:
            raise EmptyArmError(t("compare.nobody_analysed", arm=t(f"compare.arm_{side}")))
    out["groups"] = _groups(frame, roster, question)
    out["left_out"] = [{"reason": reason, "n": n} for reason, n in roster.left_out]
    _reconcile(out, grouped=question.grouped)
    out["attrition"] = _attrition_row(_attrition(out, "analysed", "assigned"))
    if out["groups"] and question.alone is None:
        out["attrition"]["groups"] = _attrition_row(_attrition(out, "groups_analysed", "groups_assigned"))
    return out


def low_attrition(counts: dict[str, object]) -> bool:
    """Return whether losses stay within the cautious boundary, of learners and of groups."""
    found = counts["attrition"]
    return bool(found["low"] and found.get("groups", found)["low"])


def balance_rows(frame: pl.DataFrame, question: Question) -> list[dict[str, object]]:
    """Return one row for each covariate, on the learners analysed."""
    analysed = frame.filter("analysed")
    rows = []
    for name in question.covariates:
        row = balance(analysed[f"x:{name}"], analysed["treated"], thresholds=question.thresholds)
        rows.append({"covariate": name, "baseline": name == question.baseline} | _fields(row))
    return rows


def worst_gap(rows: list[dict[str, object]]) -> float | None:
    """Return the largest standardised gap of the baseline, else of all covariates; None without any."""
    judged = [row for row in rows if row["baseline"]] or rows
    if not judged:
        return None
    gaps = [abs(row["g"]) for row in judged]
    return float("inf") if any(g != g for g in gaps) else max(gaps)


def _fields(row: Balance) -> dict[str, object]:
    return {name: getattr(row, name) for name in Balance.__slots__}


def _arm(arm: pl.DataFrame, ungrouped: int) -> dict[str, object]:
    known_start = arm["started"].null_count() == 0
    tested, analysed = int(arm["tested"].sum()), int(arm["analysed"].sum())
    counts: dict[str, object] = {
        "assigned": arm.height + ungrouped,
        "started": int(arm["started"].sum()) if known_start else None,
        "tested": tested,
        "analysed": analysed,
        "lost": {"no_outcome": arm.height - tested, "no_covariate": tested - analysed}
        | ({"no_group": ungrouped} if ungrouped else {}),
    }
    grouped = arm.drop_nulls("cluster")
    for step, kept in (
        ("assigned", grouped),
        ("tested", grouped.filter("tested")),
        ("analysed", grouped.filter("analysed")),
    ):
        counts[f"groups_{step}"] = kept["cluster"].n_unique() if grouped.height else None
    return counts


def _groups(frame: pl.DataFrame, roster: Roster, question: Question) -> list[dict[str, object]]:
    by_group = (
        frame.drop_nulls("cluster")
        .group_by("cluster", "treated")
        .agg(
            pl.len().alias("assigned"),
            pl.when(pl.col("started").null_count() == 0).then(pl.col("started").sum()).alias("started"),
            pl.col("tested").sum(),
            pl.col("analysed").sum(),
            pl.col("outcome").filter("analysed").mean().alias("mean"),
        )
        .sort(pl.col("treated"), "cluster", descending=[True, False])
    )
    return [
        {
            "group": row["cluster"],
            "title": roster.titles.get(row["cluster"], row["cluster"]),
            "arm": question.treated if row["treated"] else question.control,
            **{name: row[name] for name in (*STEPS, "mean")},
        }
        for row in by_group.to_dicts()
    ]


def _reconcile(counts: dict[str, object], *, grouped: bool) -> None:
    groups = counts["groups"]
    arms = {group["arm"] for group in groups}
    for side in SIDES:
        arm = counts[side]
        if arm["assigned"] != arm["analysed"] + sum(arm["lost"].values()):
            raise DesignError(t("compare.flow_broken", arm=t(f"compare.arm_{side}")))
    if grouped and len(arms) == 2:  # learners drawn one by one need no group
        for step in ("assigned", "tested", "analysed"):
            in_groups = sum(group[step] for group in groups)
            outside = sum(counts[side]["lost"].get("no_group", 0) for side in SIDES) * (step == "assigned")
            if in_groups + outside != sum(counts[side][step] for side in SIDES):
                raise DesignError(t("compare.flow_broken", arm=step))


def _attrition(counts: dict[str, object], kept: str, assigned: str) -> Attrition:
    return attrition(*(Count(counts[side][kept], counts[side][assigned]) for side in SIDES))


def _attrition_row(found: Attrition) -> dict[str, object]:
    return {name: getattr(found, name) for name in Attrition.__slots__}
