"""Every method by its name, and the rule that picks the primary one: by design, never by its result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module

from flipstats.comparison.note import Note, note
from flipstats.comparison.question import Analysed, Question
from flipstats.effects.results import Estimate
from flipstats.errors import DesignError, FlipstatsError, ParameterError, did_you_mean
from flipstats.i18n import t

SPARE_DF = 3  # degrees of freedom that adjusting group means must leave


@dataclass(frozen=True, slots=True)
class Method:
    """Where a method lives, what it takes and what it estimates.

    Attributes
    ----------
    module : str
        In `flipstats.effects`; the function has the method's name.
    design : {"individual", "groups", "both"}
        For which unit of assignment its errors are right.
    kinds : tuple of str
        Kinds of outcome.
    needs : tuple of str
        ``covariates`` or ``baseline``, without which it has no sense.
    estimand : str
        A key of the catalogue, ``estimand_…``.
    """

    module: str
    design: str
    kinds: tuple[str, ...]
    estimand: str
    needs: tuple[str, ...] = ()


_SCORE, _BINARY, _ANY = ("score",), ("binary",), ("score", "binary")
METHODS: dict[str, Method] = {
    "welch": Method("means", "individual", _SCORE, "learner_difference"),
    "mannwhitney": Method("means", "individual", _SCORE, "location_shift"),
    "ancova_hc3": Method("means", "individual", _ANY, "learner_difference", ("covariates",)),
    "lin_hc2": Method("means", "individual", _ANY, "learner_difference", ("covariates",)),
    "newcombe": Method("proportions", "individual", _BINARY, "risk_difference"),
    "gcomp": Method("proportions", "individual", _BINARY, "risk_difference"),
    "cluster_means": Method("clusters", "groups", _ANY, "cluster_difference"),
    "cluster_permutation": Method("clusters", "groups", _ANY, "cluster_difference"),
    "reml_satterthwaite": Method("mixed", "groups", _ANY, "group_weighted_difference"),
    "reml_kr": Method("mixed", "groups", _ANY, "group_weighted_difference"),
    "cr2": Method("cr2", "groups", _ANY, "learner_difference"),
    "ipw_ate": Method("weights", "both", _ANY, "ate", ("covariates",)),
    "ipw_att": Method("weights", "both", _ANY, "att", ("covariates",)),
    "overlap": Method("weights", "both", _ANY, "ato", ("covariates",)),
    "aipw": Method("weights", "both", _ANY, "ate", ("covariates",)),
    "nn_match": Method("matching", "individual", _ANY, "att", ("covariates",)),
    "did": Method("did", "both", _SCORE, "change_difference", ("baseline",)),
}
WEIGHTED = ("ipw_ate", "ipw_att", "overlap", "aipw")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which methods run: the primary one (None: refused), and those beside it."""

    primary: str | None
    beside: tuple[str, ...]
    asked: tuple[str, ...]


def estimand_of(name: str, question: Question) -> str:
    """Return what a method estimates here, as a key of the catalogue."""
    if name == "cluster_means" and question.alone is not None:
        return "one_arm_difference"
    return METHODS[name].estimand


def plan_methods(question: Question, fewest: int, *, clusters_known: bool) -> Plan:
    """Choose the methods by the declared design and `fewest`, the groups of the arm that has fewest.

    Raises
    ------
    ParameterError
        A method asked for does not exist (the nearest is suggested), or does not fit the outcome.
    """
    asked = _checked(question)
    primary, beside = _by_rule(question, fewest)
    if question.every_method:
        asked = tuple(n for n, m in METHODS.items() if _applies(m, question, clusters_known, fewest))
    # Those of the rule always stand beside: what is asked for by name can add to them, never replace them.
    chosen = dict.fromkeys((*beside, *asked))
    return Plan(primary, tuple(name for name in chosen if name != primary), asked)


def run(name: str, data: Analysed) -> Estimate:
    """Run one method on the learners analysed.

    Raises
    ------
    ParameterError
        It needs covariates, a baseline or groups, and there are none.
    FlipstatsError
        What the method itself refuses.
    """
    method = METHODS[name]
    _require(name, method, data)
    found = _called(name, method, data)
    # Learners alone were numbered for the estimator only: nobody counts them as groups.
    return replace(found, **({} if data.alone is None else {f"clusters_{data.alone}": None}))


def _called(name: str, method: Method, data: Analysed) -> Estimate:
    function = getattr(import_module(f"flipstats.effects.{method.module}"), name)
    if data.alone is not None and name == "cluster_means":
        from flipstats.effects.one_arm import one_arm_means as function
    if method.design == "groups":
        more = {"seed": data.seed} if name == "cluster_permutation" else {}
        covariates = group_covariates(data)[0] if name == "cluster_means" else data.covariates
        return function(
            data.outcome, data.treated, data.clusters, covariates=covariates, level=data.level, **more
        )
    if name in WEIGHTED:
        return function(data.outcome, data.treated, data.covariates, clusters=data.clusters, level=data.level)
    if name == "nn_match":
        return function(
            data.outcome, data.treated, data.covariates, seed=data.seed, level=data.level
        ).estimate
    if name == "did":
        return function(data.baseline, data.outcome, data.treated, clusters=data.clusters, level=data.level)
    if name in ("welch", "mannwhitney", "newcombe"):
        return function(data.outcome, data.treated, level=data.level)
    return function(data.outcome, data.treated, covariates=data.covariates, level=data.level)


def group_covariates(data: Analysed) -> tuple[object | None, tuple[str, ...]]:
    """Return the leading covariates that group means can carry: `SPARE_DF` df must remain.

    Returns
    -------
    ((n, k) array or None, names)
    """
    room = sum(data.groups) - 2 - SPARE_DF
    k = max(0, min(len(data.names), room))
    return (data.covariates[:, :k], data.names[:k]) if k else (None, ())


def run_beside(plan: Plan, question: Question, data: Analysed) -> tuple[dict[str, Estimate], list[Note]]:
    """Run the methods beside the primary one.

    A method of the rule that these data refuse is noted; one that was asked for by name raises.
    """
    found: dict[str, Estimate] = {}
    notes: list[Note] = []
    for name in plan.beside:
        try:
            found[name] = run(name, _without_groups(name, question, data))
        except FlipstatsError as problem:
            if name in (question.methods or ()):
                raise
            notes.append(note("method_refused", {"name": name, "reason": str(problem)}))
        else:
            if question.grouped and METHODS[name].design == "individual":
                notes.append(note("ignores_groups", {"name": name}))
    return found, notes


def _without_groups(name: str, question: Question, data: Analysed) -> Analysed:
    # Individually assigned learners are the unit even where a column says in which group they sat.
    if question.grouped or METHODS[name].design == "groups":
        return data
    return replace(data, clusters=None)


def _by_rule(question: Question, fewest: int) -> tuple[str | None, tuple[str, ...]]:
    limits = question.thresholds
    if question.grouped:
        if fewest < limits.min_groups_per_arm:
            return None, ()
        if question.alone is not None:
            return "cluster_means", ("reml_kr", "cr2")
        if question.kind == "binary" or fewest < limits.reml_from_groups:
            return "cluster_means", ("cluster_permutation", "reml_kr", "cr2")
        return "reml_kr", ("cluster_means", "cluster_permutation", "cr2")
    if question.kind == "binary":
        if not question.covariates:
            return "newcombe", ()
        if question.assignment == "random_individual":
            return "newcombe", ("gcomp",)
        return "gcomp", ("overlap",)
    if question.covariates:
        return "ancova_hc3", ("lin_hc2", "overlap")
    return "welch", ("mannwhitney",)


def _applies(method: Method, question: Question, clusters_known: bool, fewest: int) -> bool:
    if question.kind not in method.kinds:
        return False
    if "covariates" in method.needs and not question.covariates:
        return False
    if "baseline" in method.needs and question.own_baseline is None:
        return False
    if method is METHODS["cluster_permutation"] and question.alone is not None:
        return False
    if method.design == "groups":
        return clusters_known and (not question.grouped or fewest >= 1)
    return method.design == "both" or not question.grouped


def _checked(question: Question) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(question.methods or ()))
    for name in asked:
        if name not in METHODS:
            near = did_you_mean(name, METHODS)
            raise ParameterError(t("compare.unknown_method", name=name, hint=near or ", ".join(METHODS)))
        if question.kind not in METHODS[name].kinds:
            raise ParameterError(t("compare.method_kind", name=name, kind=t(f"compare.kind_{question.kind}")))
    return asked


def _require(name: str, method: Method, data: Analysed) -> None:
    # Without covariates the two regressions are plain differences of means, which is still an answer.
    optional = name in ("ancova_hc3", "lin_hc2")
    if "covariates" in method.needs and data.covariates is None and not optional:
        raise ParameterError(t("compare.method_needs_covariates", name=name))
    if "baseline" in method.needs and data.baseline is None:
        raise ParameterError(t("compare.method_needs_baseline", name=name))
    if method.design == "groups" and data.clusters is None:
        raise DesignError(t("compare.method_needs_groups", name=name))
    if name == "cluster_permutation" and data.alone is not None:
        raise DesignError(t("compare.method_needs_both_grouped", name=name))
