"""The full evaluation, for researchers and auditors: what was asked and found, what it would survive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import polars as pl

from flipstats import cohorts
from flipstats.comparison.result import Comparison
from flipstats.display.blocks import Html, notice, table
from flipstats.display.compared import compared, outcome_words
from flipstats.errors import FlipstatsError
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    from flipstats.study import Study

_ESTIMAND = ("population", "treated", "control", "outcome", "time", "measure", "average", "dropouts")
_MISSING = ("complete_case", "multiple_imputation", "worst_case_low", "worst_case_high")


def asked(
    study: Study, outcome: str = "", adjust: Sequence[str] = (), moderator: str = "", seed: int = 1
) -> Comparison | FlipstatsError:
    """Compare the arms of a study by every method that applies; where they cannot be, return the reason.

    Parameters
    ----------
    study : Study
    outcome : str
        Empty: the primary outcome, with the secondary ones beside it.
    adjust : sequence of str
        Covariates; empty: as the study file declares.
    moderator : str
        For whom; empty: as the study file declares.
    seed : int
    """
    try:
        return cohorts.compare(
            study, outcome=outcome or None, adjust=tuple(adjust) or None, band=moderator or None,
            methods="all", seed=seed,
        )  # fmt: skip
    except FlipstatsError as problem:
        return problem


def answered(found: Comparison | FlipstatsError, *, role: str = "research") -> Html:
    """Show the verdict, who is compared, every method, the balance; or why there is no comparison."""
    if isinstance(found, FlipstatsError):
        return notice(str(found), label=t("report.not_computable"))
    return compared(found, role=role)


def described(found: Comparison | FlipstatsError) -> Html:
    """Show what was asked: the estimand, the declared design, the rule that chose the method, the plan."""
    if isinstance(found, FlipstatsError):
        return Html()
    design = found.design
    rows = {t(f"report.estimand_{name}"): str(found.estimand[name]) for name in _ESTIMAND}
    rows[t("report.design_assignment")] = t(f"compare.assignment_{design['assignment']}")
    rows[t("report.design_method")] = str(design["rule"])
    if sha := design.get("plan_sha256"):
        key = "report.plan_frozen" if design.get("plan_frozen") else "report.plan_open"
        rows[t("report.design_plan")] = t(key, sha=sha[:12])
        departures = [str(one) for one in design.get("deviations", ())]
        rows[t("report.design_departures")] = " ".join(departures) or t("report.no_departures")
    return _pairs(rows, "report.caption_design")


def beside(found: Comparison | FlipstatsError) -> Html:
    """Show the secondary outcomes, a line each."""
    if isinstance(found, FlipstatsError):
        return Html()
    if not found.parts:
        return notice(t("report.no_other_outcomes"))
    lines = "".join(
        f"<li><strong>{escape(outcome_words(name))}</strong> — {escape(part.verdict.sentence)}</li>"
        for name, part in found.parts.items()
    )
    return Html(f"<ul>{lines}</ul>")


def trusted(found: Comparison | FlipstatsError) -> Html:
    """Show what the result would survive: missing outcomes, hidden bias, how small an effect it could see."""
    if isinstance(found, FlipstatsError):
        return Html()
    if found.primary is None:
        return notice(t("report.nothing_to_trust"))
    return _missing(found) + _pairs(_strength(found), "report.caption_trust")


def _missing(found: Comparison) -> Html:
    missing = found.sensitivity["missing"]
    scale = 100 if found.verdict.shown.unit in ("points_of_100", "percentage_points") else 1
    rows = [(name, missing[name]) for name in _MISSING if missing.get(name)]
    if not rows:
        return Html()
    frame = pl.DataFrame(
        {
            t("report.column_assumption"): [t(f"report.assumed_{name}") for name, _ in rows],
            t("compare.column_value"): [number(scale * row["value"], 2, signed=True) for _, row in rows],
            t("compare.column_interval"): [
                t("figures.between", **{e: number(scale * row[e], 2, signed=True) for e in ("low", "high")})
                for _, row in rows
            ],
        }
    )
    counts = {side: missing[side] for side in ("treated", "control")}
    note = t(
        "report.note_missing",
        **{f"{side}_{name}": number(n, 0) for side, of in counts.items() for name, n in of.items()},
    )
    return table(frame, t("report.caption_missing"), note=f"{note} {missing.get('refused', '')}".strip())


def _strength(found: Comparison) -> dict[str, str]:
    told, rows = found.sensitivity, {}
    if told["icc"] is not None:
        rows[t("report.trust_icc")] = number(told["icc"], 3)
    if told["mdes_g"] is not None:
        rows[t("report.trust_mdes")] = number(told["mdes_g"], 2)
    if told["groups_enough"] is not None:
        rows[t("report.trust_groups")] = number(told["groups_enough"], 0)
    if told["improvement_index"] is not None:
        rows[t("report.trust_improvement")] = number(told["improvement_index"], 1, signed=True)
    if told["excludes"] is not None:
        rows[t("report.trust_excludes")] = str(told["excludes"]["words"])
    if (same := told["equivalence"]) is not None:
        key = "report.equivalent" if same["equivalent"] else "report.not_equivalent"
        rows[t("report.trust_equivalence")] = t(key, p=number(same["p"], 3))
    if told["permutation"] is not None:
        rows[t("report.trust_permutation")] = t(
            "report.permutation_tried",
            n=number(told["permutation"]["allocations"], 0),
            p=number(told["permutation"]["p_smallest"], 4),
        )
    rows |= _hidden(told["hidden_bias"])
    rows[t("report.trust_tests")] = number(told["tests_run"], 0)
    return rows


def _hidden(bias: Mapping[str, object] | None) -> dict[str, str]:
    rows: dict[str, str] = {}
    if not bias:
        return rows
    if (e := bias["e_value"]) is not None:
        rows[t("report.trust_e_value")] = t(
            "report.e_value", point=number(e["point"], 2), limit=number(e["limit"], 2)
        )
    if (r := bias["robustness"]) is not None:
        rows[t("report.trust_robustness")] = t(
            "report.robustness", point=percent(r["rv_q"], 1), limit=percent(r["rv_qa"], 1)
        )
    if (gamma := bias["rosenbaum"]) is not None:
        rows[t("report.trust_rosenbaum")] = number(gamma["gamma"], 2)
    return rows


def _pairs(rows: Mapping[str, str], caption: str) -> Html:
    frame = pl.DataFrame({t("report.column_what"): list(rows), t("report.column_found"): list(rows.values())})
    return table(frame, t(caption))
