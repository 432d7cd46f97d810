"""What hidden differences and missing outcomes could do to the primary effect."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl

from flipstats.comparison import methods
from flipstats.comparison.magnitude import Size, share_ratio
from flipstats.comparison.question import Analysed, Question, numbered
from flipstats.effects.clusters import group_means
from flipstats.effects.results import Estimate
from flipstats.errors import FlipstatsError

_MANY = 20_000  # learners, from which on fewer imputations do as well
_IMPUTATIONS = (20, 5)


def hidden_bias(
    question: Question, data: Analysed, primary: Estimate | None, size: Size | None, *, matched: bool
) -> dict[str, object] | None:
    """How strong an unmeasured difference between the arms would have to be to explain the effect away.

    Returns
    -------
    dict or None
        ``e_value`` (point and limit), ``robustness`` (partial R² and robustness values), ``benchmark`` (the
        effect, were a hidden covariate as strong as the first), ``rosenbaum`` (matched pairs only); each None
        where it has no sense. None without a primary effect.
    """
    if primary is None:
        return None
    out = {
        "e_value": _or_none(lambda: _e_value(question, primary, size)),
        "robustness": _or_none(lambda: _robustness(question, data, primary)),
        "benchmark": _or_none(lambda: _benchmark(question, data, primary.method)),
        "rosenbaum": _or_none(lambda: _rosenbaum(data)) if matched else None,
    }
    return {name: None if found is None else _fields(found) for name, found in out.items()}


def missing_outcomes_of(
    question: Question, frame: pl.DataFrame, primary: Estimate | None
) -> dict[str, object]:
    """Return the primary effect under complete cases, multiple imputation and worst cases.

    Empty without a primary effect and without a missing outcome; ``refused`` says why where the gaps cannot
    be filled. A yes/no outcome is imputed as a number, never rounded, and its shares compared by the linear
    method of the same unit.
    """
    from flipstats.effects.missing import missing_outcomes

    if primary is None or frame["outcome"].null_count() == 0:
        return {}
    columns = [f"x:{name}" for name in question.covariates]
    grouped = question.grouped and (question.alone is not None or frame["cluster"].null_count() == 0)
    ends = _ends(question, frame["outcome"])
    try:
        found = missing_outcomes(
            frame["outcome"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
            frame["treated"].to_numpy(),
            estimator=_estimator(question, _linear(question, primary.method)),
            covariates=frame.select(pl.col(columns).fill_null(float("nan"))).to_numpy() if columns else None,
            clusters=numbered(frame["cluster"]) if grouped else None,
            imputations=_IMPUTATIONS[frame.height > _MANY],
            seed=question.seed,
            **ends,
        )
    except FlipstatsError as problem:
        return {"refused": str(problem)}
    names = {"complete": "complete_case", "imputed": "multiple_imputation"}
    names |= {"worst_low": "worst_case_low", "worst_high": "worst_case_high"}
    told = {
        name: None if getattr(found, attribute) is None else _limits(getattr(found, attribute))
        for attribute, name in names.items()
    }
    return told | {"worst_case_ends": ends | {"observed": not question.shares and question.kind != "binary"}}


def _linear(question: Question, method: str) -> str:
    if question.kind == "binary" and not question.grouped:
        return "ancova_hc3" if question.covariates else "welch"
    return method


def _ends(question: Question, outcome: pl.Series) -> dict[str, float]:
    """The ends of the scale; of a table, which declares none, the lowest and highest outcome seen."""
    if question.shares or question.kind == "binary":
        return {"minimum": 0.0, "maximum": 1.0}
    return {"minimum": float(outcome.min()), "maximum": float(outcome.max())}


def _estimator(question: Question, method: str):
    def estimate(y, treated, covariates, clusters) -> Estimate:
        names = question.covariates if covariates is not None else ()
        level, seed, alone = question.level, question.seed, question.alone
        data = Analysed(y, treated, covariates, names, clusters, None, level, seed, alone)
        return methods.run(method, data)

    return estimate


def _e_value(question: Question, primary: Estimate, size: Size | None) -> object:
    from flipstats.effects.sensitivity import evalue_g, evalue_risk_ratio

    if question.kind == "binary":
        ratio = share_ratio(primary)
        return None if ratio is None else evalue_risk_ratio(ratio.value, low=ratio.low, high=ratio.high)
    return None if size is None else evalue_g(size.value, low=size.low, high=size.high)


def _robustness(question: Question, data: Analysed, primary: Estimate) -> object:
    from flipstats.effects.sensitivity import robustness, robustness_values

    if not question.grouped:
        return robustness(data.outcome, data.treated, data.covariates, alpha=1 - question.level)
    return robustness_values(primary.value / primary.se, primary.df, alpha=1 - question.level)


def _benchmark(question: Question, data: Analysed, method: str) -> object:
    from flipstats.effects.sensitivity import benchmark

    if not question.grouped and data.covariates is not None:
        return benchmark(data.outcome, data.treated, data.covariates, covariate=0, level=question.level)
    X = methods.group_covariates(data)[0] if method == "cluster_means" and question.alone is None else None
    if X is None:
        return None
    codes = np.unique(data.clusters, return_inverse=True)[1]
    y, arm, means = (group_means(v, codes) for v in (data.outcome, data.treated.astype(float), X))
    return benchmark(y, arm > 0, means, covariate=0, level=question.level)


def _rosenbaum(data: Analysed) -> object:
    from flipstats.effects.matching import nn_match
    from flipstats.effects.rosenbaum import rosenbaum_gamma

    pairs = nn_match(data.outcome, data.treated, data.covariates, seed=data.seed, orders=1).pairs
    return rosenbaum_gamma(data.outcome[pairs[:, 0]] - data.outcome[pairs[:, 1]], alpha=(1 - data.level) / 2)


def _or_none(make) -> object:
    try:
        return make()
    except FlipstatsError:
        return None


def _fields(found: object) -> dict[str, object]:
    return {f.name: getattr(found, f.name) for f in fields(found)}


def _limits(estimate: Estimate) -> dict[str, float]:
    return {name: getattr(estimate, name) for name in ("value", "se", "df", "low", "high", "p")}
