"""The paragraph on methods that a paper could print, from the numbers of a comparison and nothing else."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from flipstats.comparison.magnitude import smallest_of
from flipstats.comparison.methods import METHODS
from flipstats.comparison.note import Name, shown
from flipstats.comparison.references import REFERENCES
from flipstats.comparison.verdict import unit_words
from flipstats.i18n import listing, number, percent, t

if TYPE_CHECKING:
    from flipstats.comparison.result import Comparison

_LIBRARIES = ("numpy", "scipy", "polars")


def methods_text(result: Comparison) -> str:
    """Return estimand, design, method, interval, variants, tests, plan, versions and references.

    Parameters
    ----------
    result : Comparison

    Returns
    -------
    str
        One paragraph, and the references one a line, in the language in use.
    """
    parts = [_estimand(result), _design(result), _primary(result), _size(result), _beside(result)]
    parts += [_trust(result), _plan(result), _versions()]
    text = " ".join(part for part in parts if part)
    return f"{text}\n\n{t('compare.text_references')}\n" + "\n".join(_references(result))


def _estimand(result: Comparison) -> str:
    told = {name: str(text) for name, text in result.estimand.items()}
    return t("compare.text_estimand", **told)


def _design(result: Comparison) -> str:
    design, flow = result.design, result.flow
    counts = {
        f"{what}_{side}": number(flow[side][what], 0)
        for side in ("treated", "control")
        for what in ("assigned", "analysed")
    }
    text = t("compare.text_design", assignment=t(f"compare.assignment_{design['assignment']}"), **counts)
    alone = result.question.alone
    if alone is not None:
        grouped = "treated" if alone == "control" else "control"
        arms = {"arm": t(f"compare.arm_{grouped}"), "alone": t(f"compare.arm_{alone}")}
        text += " " + t("compare.text_groups_one_arm", n=design[f"groups_{grouped}"], **arms)
    elif result.question.grouped:
        text += " " + t("compare.text_groups", a=design["groups_treated"], b=design["groups_control"])
    lost = flow["attrition"]
    text += " " + t(
        "compare.text_attrition",
        overall=percent(lost["overall"], 1),
        points=number(100 * lost["differential"], 1, signed=True),
    )
    return text + " " + t("compare.tier_sentence", tier=t(f"compare.tier_{result.tier}"))


def _primary(result: Comparison) -> str:
    primary, design = result.primary, result.design
    if primary is None:
        return t("compare.text_refused", n=result.question.thresholds.min_groups_per_arm)
    model = "model_one_arm" if result.question.alone is not None else f"model_{primary.method}"
    text = t("compare.text_primary", name=primary.method, model=t(f"compare.{model}"))
    if design["adjust"] and primary.method not in ("welch", "mannwhitney", "newcombe", "cluster_permutation"):
        text += " " + t("compare.text_adjusted", names=_names(design["adjust"]))
    e = primary.estimate
    scale, digits = (100.0, 1) if result.question.shares or result.question.kind == "binary" else (1.0, 2)
    numbers = {
        name: number(scale * getattr(e, name), digits, signed=True) for name in ("value", "low", "high")
    }
    key = "text_effect_df" if e.df == e.df and e.df != float("inf") else "text_effect"
    unit = unit_words(result.verdict.shown.unit)
    return text + " " + t(
        f"compare.{key}", **numbers, unit=unit, level=percent(e.level), df=number(e.df, 1),
        p=_p(e.p), n_treated=e.n_treated, n_control=e.n_control,
    )  # fmt: skip


def _size(result: Comparison) -> str:
    if result.primary is None:
        return ""
    if result.question.kind == "binary":
        ratio = next((e for e in result.effects if e.role == "primary" and e.variant == "risk_ratio"), None)
        if ratio is None:
            return ""
        return t("compare.text_ratio", **{n: number(getattr(ratio, n), 2) for n in ("value", "low", "high")})
    if result.g is None:
        return ""
    g = {name: number(getattr(result.g, name), 2, signed=True) for name in ("value", "low", "high")}
    key = "text_g_cluster" if result.question.grouped else "text_g"
    return t(f"compare.{key}", **g, icc=number(result.sensitivity["icc"], 3))


def _beside(result: Comparison) -> str:
    names = list(dict.fromkeys(e.method for e in result.effects if e.role == "robustness"))
    text = ""
    if names:
        said = [t("compare.text_method", name=n, model=t(f"compare.model_{n}")) for n in names]
        text = t("compare.text_beside", methods=t("compare.text_separator").join(said))
    if (drawn := result.sensitivity["permutation"]) is not None:
        key = "text_permutation" if drawn["exact"] else "text_permutation_drawn"
        tried = {"n": int(drawn["allocations"]), "p": _p(drawn["p_smallest"])}
        text = f"{text} {t(f'compare.{key}', **tried)}".strip()
    if "moderator" in result.sensitivity:
        told = result.sensitivity["moderator"]
        test = told["interaction"]
        p = "–" if test is None else _p(test["p"])
        text = f"{text} {t('compare.text_bands', name=_names([told['name']]), p=p)}".strip()
    return text


def _trust(result: Comparison) -> str:
    binary, found = result.question.kind == "binary", result.sensitivity
    smallest = smallest_of(result.question)
    text = t(
        "compare.text_smallest",
        smallest=number(100 * smallest, 0) if binary else number(smallest, 2),
        unit=t("compare.unit_percentage_points") if binary else t("compare.unit_sd"),
    )
    if found["mdes_g"] is not None:
        power = percent(result.question.thresholds.tests_power)
        text += " " + t("compare.text_mdes", mdes=number(found["mdes_g"], 2), power=power)
    if found["excludes"] is not None:
        text += f" {found['excludes']['words']}"
    text += " " + t("compare.text_tests", n=found["tests_run"])
    if "multiplicity" in found:
        text += " " + t("compare.text_multiplicity")
    return text


def _plan(result: Comparison) -> str:
    key = "text_plan_frozen" if result.design.get("plan_frozen") else "text_plan"
    sha = result.design.get("plan_sha256")
    return t(f"compare.{key}", sha=sha) if sha else ""


def _versions() -> str:
    of_libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
    return t(
        "compare.text_versions",
        flipstats=version("flipstats"),
        libraries=listing([f"Python {platform.python_version()}", *of_libraries]),
    )


def _references(result: Comparison) -> list[str]:
    used = {e.method for e in result.effects} | {"wwc"}
    used |= {e.variant for e in result.effects if e.variant in REFERENCES}
    used |= {"multiplicity"} if "multiplicity" in result.sensitivity else set()
    order = [*METHODS, *(name for name in REFERENCES if name not in METHODS)]
    return list(dict.fromkeys(ref for name in order if name in used for ref in REFERENCES.get(name, ())))


def _names(names: list[str]) -> str:
    return listing([str(shown(Name("covariate", name))) for name in names])


def _p(p: float) -> str:
    if p != p:
        return "–"
    return f"< {number(0.001, 3)}" if p < 0.001 else f"= {number(p, 3)}"
