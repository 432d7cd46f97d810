"""The plan of a comparison: what was declared, its fingerprint, and where a comparison departs from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from flipstats.comparison.assignment import assignment_of
from flipstats.comparison.note import Note, note
from flipstats.comparison.question import Question, Roster, check_assignment
from flipstats.comparison.result import Comparison
from flipstats.comparison.rules import check_rules
from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.effects.results import check_level
from flipstats.errors import DesignError, InputError, ParameterError
from flipstats.i18n import t
from flipstats.study import Study

RULES = (
    "min_groups_per_arm", "reml_from_groups", "smallest_effect_g", "smallest_effect_completion",
    "baseline_equivalent_g", "baseline_adjustable_g", "min_learners_per_band",
)  # fmt: skip

# A note of the French ministry on flipped classrooms: the weak gain, the very weak and the strong less.
CONTRASTS = {"three_levels": {"15-40%": 1.0, "00-15%": -0.5, "75-100%": -0.5}}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a comparison declares before any outcome is looked at.

    Attributes
    ----------
    primary : str
        The one primary outcome.
    secondary, adjust, moderators, methods : tuple of str
        Empty `methods`: those of the rule.
    arm, treated, control : str
        What tells the two sides apart, and its two values.
    assignment : str
    cluster : str or None
    pre : str or None
        The outcome's own measure before, of a table.
    completion_rule : str or None
        Of a study.
    level : float
    seed : int
    rules : dict of str to float
        The thresholds that a verdict depends on.
    contrast : dict of band to weight, optional
        A combination of the effects by band, to be tested.
    direction : {"more", "less"}
        Which way is better, of a table; an indicator of a study says so itself.
    """

    primary: str
    arm: str
    treated: str
    control: str
    assignment: str
    cluster: str | None = None
    secondary: tuple[str, ...] = ()
    adjust: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    pre: str | None = None
    binary: bool = False
    completion_rule: str | None = None
    level: float = 0.95
    seed: int = 1
    rules: Mapping[str, float] | None = None
    contrast: Mapping[str, float] | None = None
    direction: str = "more"

    def to_dict(self) -> dict[str, object]:
        """Return the plan as plain data."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.direction == "more":  # as plans were frozen before there was another
            del out["direction"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in out.items()}

    @property
    def sha256(self) -> str:
        """Fingerprint of the plan: the same plan has the same one on every machine."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def thresholds(self, others: Thresholds) -> Thresholds:
        """Return `others` with the rules of this plan put in."""
        return replace(others, **(self.rules or {}))

    def freeze(self, file: Path | str) -> Path:
        """Write the plan and its fingerprint to a new file.

        Raises
        ------
        InputError
            The file is there already: a plan that was frozen is never overwritten.
        """
        file = Path(file)
        content = json.dumps({"plan": self.to_dict(), "sha256": self.sha256}, ensure_ascii=False, indent=2)
        try:
            with file.open("x", encoding="utf-8", newline="") as out:
                out.write(content + "\n")
        except FileExistsError:
            raise InputError(t("compare.plan_exists", file=file.name)) from None
        return file

    def __str__(self) -> str:
        return t("compare.plan_frozen", sha=self.sha256)


def rules_of(thresholds: Thresholds) -> dict[str, float]:
    """Return the thresholds that a verdict depends on."""
    return {name: getattr(thresholds, name) for name in RULES}


def read_plan(file: Path | str) -> Plan:
    """Read a frozen plan.

    Raises
    ------
    InputError
        The file is absent, is no plan, or was changed after it was frozen.
    """
    file = Path(file)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        told = content["plan"]
        if set(told) | {"direction"} != {f.name for f in fields(Plan)} or not set(told["rules"] or {}) <= set(
            RULES
        ):
            raise ValueError
        plan = Plan(**{k: tuple(v) if isinstance(v, list) else v for k, v in told.items()})
        sha = content["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(t("compare.not_a_plan", file=file.name)) from None
    if sha != plan.sha256:
        raise InputError(t("compare.plan_changed", file=file.name))
    return plan


def deviations(done: Plan, frozen: Plan) -> list[dict[str, object]]:
    """List where what was done departs from what was planned: ``field, planned, done``.

    Looking at a planned secondary outcome, without the moderators of the primary one, is no departure.

    Examples
    --------
    >>> planned = Plan("summative", "arm", "flipped", "conventional", "random_cluster")
    >>> deviations(replace(planned, level=0.9), planned)
    [{'field': 'level', 'planned': 0.95, 'done': 0.9}]
    """
    if done.primary in frozen.secondary:
        done = replace(done, primary=frozen.primary, secondary=frozen.secondary)
        if not done.moderators:
            done = replace(done, moderators=frozen.moderators)
    before, after = (one.to_dict() | {"direction": one.direction} for one in (frozen, done))
    return [
        {"field": name, "planned": before[name], "done": after[name]}
        for name in before
        if before[name] != after[name]
    ]


def with_plan(result: Comparison, done: Plan, frozen: Plan | None) -> Comparison:
    """Return the comparison with the fingerprint of its plan and, where one was frozen, its deviations."""
    found = deviations(done, frozen) if frozen else []
    found += _forced(result, frozen) if frozen else []
    design = dict(result.design) | {
        "plan_sha256": (frozen or done).sha256,
        "plan_frozen": frozen is not None,
        "deviations": found,
    }
    notes: tuple[Note, ...] = ()
    if found:
        notes = (note("plan_deviations", {"names": tuple(str(one["field"]) for one in found)}),)
    parts = {name: with_plan(part, done, frozen) for name, part in result.parts.items()}
    return replace(result, design=design, warnings=(*notes, *result.warnings), parts=parts)


def _forced(result: Comparison, frozen: Plan) -> list[dict[str, object]]:
    """What the data did not allow: planned covariates that the primary method could not carry."""
    used = result.design["adjust"]
    lost = [
        name for name in frozen.adjust
        if name not in ("baseline", "positioning")
        and not any(one == name or one.startswith(f"{name}=") for one in used)
    ]  # fmt: skip
    return [{"field": "adjusted_for", "planned": list(frozen.adjust), "done": list(used)}] if lost else []


def plan_of(
    study: Study,
    *,
    outcome: str | None = None,
    arm: str | None = None,
    treated: object | None = None,
    control: object | None = None,
    adjust: Sequence[str] | None = None,
    cluster: str | None = None,
    assignment: str | None = None,
    band: str | None = None,
    methods: Sequence[str] | str | None = None,
    level: float | None = None,
    seed: int | None = None,
    contrast: Mapping[str, float] | str | None = None,
    plan: Plan | None = None,
) -> Plan:
    """Return what a comparison of a study declares; no outcome is looked at.

    The parameters are those of `compare`. An `assignment` that claims more than the study file declares is
    not taken. ``plan_of(study).freeze("plan.json")`` keeps it for later.

    Raises
    ------
    DesignError
        The study declares no arms.

    Examples
    --------
    >>> study = Study.from_frames(design={"treated": "flipped", "control": "conventional"})
    >>> plan_of(study).primary, len(plan_of(study).sha256)
    ('summative', 64)
    """
    base = plan or _declared(study)
    given = {
        "arm": arm, "assignment": assignment, "cluster": cluster, "seed": seed,
        "treated": None if treated is None else label(treated),
        "control": None if control is None else label(control),
        "adjust": None if adjust is None else tuple(adjust),
        "moderators": None if band is None else (band,),
        "level": None if level is None else check_level(level),
        "contrast": weights_of_bands(contrast),
    }  # fmt: skip
    done = replace(base, **{name: value for name, value in given.items() if value is not None})
    if methods is not None:
        chosen, every = chosen_methods(methods)
        done = replace(done, methods=("all",) if every else chosen or ())
    if outcome is not None:
        done = replace(done, primary=outcome, secondary=())
    done = replace(
        done,
        assignment=assignment_of(base.assignment, assignment, arm=done.arm),
        completion_rule=study.design.completion_rule,
    )
    if not done.treated or not done.control:
        raise DesignError(t("compare.no_arms_declared"))
    return done


def _declared(study: Study) -> Plan:
    design = study.design
    return Plan(
        design.primary, "arm", design.treated or "", design.control or "", design.assignment, design.cluster,
        tuple(design.secondary), tuple(design.adjust), tuple(design.moderators)[:1],
        completion_rule=design.completion_rule, level=study.thresholds.confidence_level,
        rules=rules_of(study.thresholds),
    )  # fmt: skip


def plan_of_table(
    *,
    outcome: str,
    arm: str,
    treated: object,
    control: object,
    adjust: Sequence[str] = (),
    pre: str | None = None,
    cluster: str | None = None,
    assignment: str | None = None,
    binary: bool = False,
    band: str | None = None,
    methods: Sequence[str] | str | None = None,
    level: float = DEFAULTS.confidence_level,
    seed: int = 1,
    thresholds: Thresholds = DEFAULTS,
    contrast: Mapping[str, float] | str | None = None,
    less_is_better: bool = False,
) -> Plan:
    """Return what a comparison of a table declares, by the parameters of `flipstats.cohorts.compare_table`.

    Raises
    ------
    ParameterError
        There is no such assignment, the level is none, or a contrast has no bands.
    DesignError
        Groups were drawn, and nothing says who is in which.

    Examples
    --------
    >>> plan_of_table(outcome="y", arm="arm", treated=1.0, control=0, pre="x", adjust=["x", "age"]).adjust
    ('age',)
    """
    check_level(level)
    chosen, every = chosen_methods(methods)
    declared = assignment or "nonrandom"
    check_assignment(declared, clustered=cluster is not None)
    return Plan(
        outcome, arm, label(treated), label(control), declared, cluster,
        adjust=tuple(name for name in adjust if name != pre), moderators=(band,) if band else (),
        methods=("all",) if every else chosen or (), pre=pre, binary=binary, level=level, seed=seed,
        rules=rules_of(thresholds), contrast=checked_contrast(contrast, band),
        direction="less" if less_is_better else "more",
    )  # fmt: skip


def checked_contrast(contrast: Mapping[str, float] | str | None, band: str | None) -> dict[str, float] | None:
    """Return the weights of a contrast of bands.

    Raises
    ------
    ParameterError
        It is none, or there are no bands to contrast.
    """
    weights = weights_of_bands(contrast)
    if weights and band is None:
        raise ParameterError(t("compare.contrast_without_bands"))
    return weights


def question_of_table(done: Plan, roster: Roster, thresholds: Thresholds) -> Question:
    """Return what a plan asks of a table."""
    base = question_of(done, thresholds, kind="binary" if done.binary else "score", shares=False)
    names = roster.covariates
    return replace(
        base,
        grouped=roster.alone is not None
        or check_assignment(done.assignment, clustered=done.cluster is not None),
        covariates=names,
        baseline=done.pre if done.pre in names else None,
        alone=roster.alone,
    )


def question_of(done: Plan, thresholds: Thresholds, *, kind: str, shares: bool) -> Question:
    """Return what a plan asks, before anything is known of the data.

    Raises
    ------
    ParameterError
        A rule is looser than a verdict can bear.
    """
    check_rules(thresholds, done.level)
    chosen, every = chosen_methods(done.methods or None)
    return Question(
        outcome=done.primary, kind=kind, shares=shares, treated=done.treated, control=done.control,
        assignment=done.assignment, grouped=False, moderator=next(iter(done.moderators), None),
        methods=chosen, every_method=every, level=done.level, seed=done.seed, thresholds=thresholds,
        contrast=done.contrast, direction=done.direction,
    )  # fmt: skip


def chosen_methods(methods: Sequence[str] | str | None) -> tuple[tuple[str, ...] | None, bool]:
    """Return the methods asked for by name, and whether all that apply were asked for."""
    if methods is None or methods == "primary":
        return None, False
    names = (methods,) if isinstance(methods, str) else tuple(methods)
    if "all" in names:
        return None, True
    return tuple(name for name in names if name != "primary") or None, False


def weights_of_bands(contrast: Mapping[str, float] | str | None) -> dict[str, float] | None:
    """Return the weights of a contrast of bands: given, by name, or as ``BAND=WEIGHT,BAND=WEIGHT``.

    Raises
    ------
    ParameterError
        It is none of these.

    Examples
    --------
    >>> weights_of_bands("three_levels")
    {'15-40%': 1.0, '00-15%': -0.5, '75-100%': -0.5}
    """
    if not contrast:
        return None
    if not isinstance(contrast, str):
        return {str(band): float(weight) for band, weight in contrast.items()}
    if contrast in CONTRASTS:
        return dict(CONTRASTS[contrast])
    pairs = [part.rpartition("=") for part in contrast.split(",")]
    try:
        return {band.strip(): float(weight) for band, _, weight in pairs if band.strip() or weight}
    except ValueError:
        raise ParameterError(t("compare.bad_contrast", found=contrast)) from None


def label(value: object) -> str:
    """Return the value of an arm as text, as a column of arms is read."""
    if isinstance(value, bool):
        return str(value).lower()  # as a column of true and false is written
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
