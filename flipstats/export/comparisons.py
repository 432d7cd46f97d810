"""The comparisons a manager may see: arms, effects and verdict; of groups only those large enough."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from flipstats import cohorts
from flipstats.comparison.note import Note, note
from flipstats.comparison.plain import plain
from flipstats.comparison.result import Comparison
from flipstats.errors import FlipstatsError
from flipstats.export.joint import Cell, hidden_cells
from flipstats.i18n import LANGUAGES, in_language, t
from flipstats.study import Study

_SAME_NUMBERS = {"completion": "completion_rate", "attendance": "absenteeism"}
_GROUP_KEPT = ("group", "title", "arm", "analysed", "mean")
_KEPT = (
    "icc", "mdes_g", "groups_enough", "improvement_index", "equivalence", "excludes",
    "hidden_bias", "literature", "missing", "permutation", "tests_run",
)  # fmt: skip


def comparisons(study: Study, smallest: int, given: pl.DataFrame) -> dict[str, dict]:
    """Return, by ``iteration|outcome``, each comparison as plain data or why there is none.

    Those of the whole study and of each iteration are taken together: an iteration is withheld where it, or
    what another leaves of the whole, would tell of too few learners. `given` are the answers of the export:
    a group or arm hidden there is hidden here, where an indicator has the same numbers.
    """
    numbers = study.table("cohorts").select("iteration").collect()["iteration"]
    iterations = [None, *numbers.drop_nulls().unique().sort()]
    out: dict[str, dict] = {}
    for outcome in dict.fromkeys([study.design.primary, "summative", "completion"]):
        found: dict[int | None, Comparison] = {}
        for iteration in iterations:
            part = study if iteration is None else study.select(iterations=[iteration])
            try:
                found[iteration] = cohorts.compare(part, outcome=outcome)
            except FlipstatsError:
                out[f"{iteration}|{outcome}"] = {"refused": _refused(part, outcome)}
        hidden, withheld = _hidden(found, smallest)
        kept_back = _kept_back(given, outcome)
        hidden |= set(kept_back["cohort_id"].drop_nulls())
        withheld |= set(kept_back.filter(grouping="arm,iteration")["iteration"])
        withheld |= {None} if "arm" in kept_back["grouping"] else set()
        for iteration, result in found.items():
            if iteration in withheld:
                held = {"refused": {lang: t("export.withheld", lang) for lang in LANGUAGES}}
            else:
                held = {"is": plain(redacted(result, hidden))}
            out[f"{iteration}|{outcome}"] = held
    return out


def _kept_back(given: pl.DataFrame, outcome: str) -> pl.DataFrame:
    """Return the hidden rows of the indicator that has the numbers of an outcome."""
    metric = _SAME_NUMBERS.get(outcome, outcome.partition(".")[0])
    whole = given.filter(pl.col("grouping").is_in(["arm", "arm,iteration", "cohort_id"]))
    return whole.filter(metric=metric, reason="suppressed")


def _refused(study: Study, outcome: str) -> dict[str, str]:
    said = {}
    for lang in LANGUAGES:
        with in_language(lang):
            try:
                cohorts.compare(study, outcome=outcome)
            except FlipstatsError as error:
                said[lang] = str(error)
    return said


def _hidden(found: dict[int | None, Comparison], smallest: int) -> tuple[frozenset[str], set[int | None]]:
    """Return the groups whose means are hidden, and the iterations (None: all) not compared for a manager."""
    sizes: dict[Cell, int] = {}
    arms: dict[int | None, list[Cell]] = {}
    for iteration, result in found.items():
        for group in result.flow["groups"]:
            if group["analysed"]:
                sizes[Cell([(group["group"],)])] = group["analysed"]
        for side in ("treated", "control"):
            arm = getattr(result.question, side)
            members = [(g["group"],) for g in result.flow["groups"] if g["arm"] == arm and g["analysed"]]
            cell = Cell(members or [(f"·{side}", iteration)])
            sizes[cell] = result.flow[side]["analysed"]
            arms.setdefault(iteration, []).append(cell)
    hidden = hidden_cells(sizes, smallest)
    groups = frozenset(next(iter(cell))[0] for cell in hidden if len(cell) == 1)
    return groups, {i for i, cells in arms.items() if any(cell in hidden for cell in cells)}


def redacted(result: Comparison, hidden: frozenset[str]) -> Comparison:
    """Return a comparison without hidden groups, covariates, bands, or how learners are spread."""
    groups = [
        {name: group.get(name) if name in _GROUP_KEPT else None for name in group}
        for group in result.flow["groups"]
        if group["group"] not in hidden
    ]
    verdict = result.verdict
    if verdict.refused is not None and hidden:  # it would tell the mean of each group
        verdict = replace(verdict, refused=note("withheld"))
    secret = [name for name in result.question.covariates if name != result.question.baseline]
    own = {name: "other" if name in secret else name for name in result.question.covariates}
    question = replace(
        result.question, covariates=tuple(dict.fromkeys(own.values())), moderator=None, contrast=None
    )
    adjust = list(dict.fromkeys(own.get(name, "other") for name in result.design["adjust"]))
    kept = {name: result.sensitivity[name] for name in _KEPT if name in result.sensitivity}
    flow = {**result.flow, "groups": groups, "left_out": []}
    return replace(
        result,
        question=question,
        design={**result.design, "adjust": adjust, "moderator": None},
        flow=flow,
        balance=[{**row, "after": {}} for row in result.balance if row["baseline"]],
        effects=tuple(effect for effect in result.effects if effect.role in ("primary", "robustness")),
        sensitivity={**kept, "weights": {}, "overlap": None},
        warnings=tuple(told for told in result.warnings if not _tells(told, secret)),
        verdict=replace(
            verdict, cautions=tuple(told for told in verdict.cautions if not _tells(told, secret))
        ),
        parts={},
        spread=None,
    )


def _tells(told: Note, names: list[str]) -> bool:
    """Return whether a remark has the name of a covariate in it, with or without its prefix."""
    said = json.dumps(plain(told), ensure_ascii=False)
    return any(word in said for name in names for word in (name, name.removeprefix("x_")))
