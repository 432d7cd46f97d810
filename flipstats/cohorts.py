"""Who is compared with whom, by how much they differ, and how far that can be trusted.

`compare` asks a study, `compare_table` any table with one row a learner. Both give a `Comparison`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from flipstats.comparison.analyse import analyse
from flipstats.comparison.assignment import with_assignment
from flipstats.comparison.csvfile import read_table
from flipstats.comparison.iterations import iteration_change
from flipstats.comparison.methods import METHODS
from flipstats.comparison.note import note
from flipstats.comparison.of_study import roster_of_study
from flipstats.comparison.over import ACROSS, Overall, combine
from flipstats.comparison.plain import whole
from flipstats.comparison.plan import (
    Plan,
    checked_contrast,
    plan_of,
    plan_of_table,
    question_of,
    question_of_table,
    read_plan,
    with_plan,
)
from flipstats.comparison.question import Question, check_assignment
from flipstats.comparison.result import Comparison, Effect
from flipstats.comparison.secondary import with_secondary
from flipstats.comparison.table import known_column, roster_of_table
from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.errors import DesignError, EstimationError, NotComputableError, ParameterError
from flipstats.i18n import language, t
from flipstats.study import Study

__all__ = [
    "METHODS",
    "Comparison",
    "Effect",
    "Overall",
    "Plan",
    "compare",
    "compare_csv",
    "compare_study_options",
    "compare_table",
    "iteration_change",
    "over_iterations",
    "plan_of",
    "plan_of_table",
    "read_plan",
]


_OF_PARTS = ("outcome", "band", "seed")  # what one comparison over several parts takes


def compare_table(
    frame: pl.DataFrame,
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
    plan: Plan | None = None,
) -> Comparison:
    """Compare two arms of a table with one row a learner.

    Parameters
    ----------
    frame : DataFrame
        polars; anything else that polars can be made from (pandas) is turned into it.
    outcome, arm : str
        Columns. Empty outcomes are missing outcomes: they are counted, never taken for 0.
    treated, control : str or number
        Values of `arm`; other arms are left out and counted.
    adjust : sequence of str
        Covariates measured before; text columns become one 0/1 column a category.
    pre : str, optional
        The outcome's own measure before the start: adjusted for, and judged for balance.
    cluster : str, optional
        Column of the group; groups are then what inference counts, unless learners were drawn one by one.
    assignment : str, optional
        ``random_individual``, ``random_cluster``, ``nonrandom`` (where nothing is said), ``historical`` or
        ``none``.
    binary : bool
        The outcome is yes/no.
    band : str, optional
        Moderator: a column of levels, or of numbers, which are cut at 15, 40 and 75 %.
    methods : sequence of str, or ``"all"``, optional
        Beside the primary one, which the design decides; by default those of the rule.
    level : float
        Confidence level.
    seed : int
        Of what is drawn at random.
    contrast : mapping of band to weight, or ``"three_levels"``, optional
        A claim on who gains more, as one test; see `flipstats.effects.bands.band_contrast`.
    less_is_better : bool
        Of outcomes such as absences: the verdict is turned, no number is.
    plan : Plan, optional
        Frozen before; where this comparison departs from it is listed in the result.

    Raises
    ------
    SchemaError, ParameterError, DesignError
        A column, value or method that does not exist or does not fit.
    EmptyArmError, EstimationError
        Nobody to compare, or nothing to estimate.

    Examples
    --------
    >>> table = pl.DataFrame({"score": [12, 15, 14, 17, 16, 9, 11, 12, 10, 12], "arm": ["f"] * 5 + ["c"] * 5})
    >>> result = compare_table(
    ...     table, outcome="score", arm="arm", treated="f", control="c", assignment="random_individual"
    ... )
    >>> result.verdict.words, round(result.primary.value, 2), result.tier
    ('works', 4.0, 'rct_low_attrition')
    """
    frame = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    done = plan_of_table(
        outcome=outcome, arm=arm, treated=treated, control=control, adjust=adjust, pre=pre, cluster=cluster,
        assignment=assignment, binary=binary, band=band, methods=methods, level=level, seed=seed,
        thresholds=thresholds, contrast=contrast, less_is_better=less_is_better,
    )  # fmt: skip
    roster = roster_of_table(
        frame, outcome=outcome, arm=arm, treated=done.treated, control=done.control,
        covariates=[*([pre] if pre else []), *done.adjust], cluster=cluster, band=band, binary=binary,
        assignment=done.assignment,
    )  # fmt: skip
    if done.direction == "less":
        roster = replace(roster, warnings=(note("less_is_better"), *roster.warnings))
    if assignment is None:
        roster = replace(roster, warnings=(note("assignment_assumed"), *roster.warnings))
    return with_plan(analyse(question_of_table(done, roster, thresholds), roster), done, plan)


def compare_csv(
    file: Path | str,
    *,
    outcome: str | None,
    arm: str | None,
    treated: str | None,
    control: str | None,
    plan: Path | None = None,
    freeze: Path | None = None,
    **options: object,
) -> Comparison | Plan:
    """Compare two arms of a CSV file; `options` are those of `compare_table`.

    With `freeze` the plan is written to that file and returned, and no outcome is looked at.

    Raises
    ------
    InputError
        The file is not a CSV.
    ParameterError
        The outcome, the arm column or one of its two values is not given.
    """
    named = (outcome, arm, options.get("pre"), options.get("cluster"), options.get("band"))
    frame = read_table(Path(file), [name for name in (*named, *options.get("adjust", ())) if name])
    needed = {"outcome": outcome, "arm": arm, "treated": treated, "control": control}
    for option, value in needed.items():
        if value is None:
            raise ParameterError(t("compare.table_needs", option=option))
    for column in (arm, outcome):
        known_column(frame, column)
    if freeze is None:
        return compare_table(frame, **needed, **options, plan=read_plan(plan) if plan else None)
    declared = plan_of_table(**needed, **options)
    declared.freeze(freeze)
    return declared


def compare(
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
) -> Comparison:
    """Compare the two arms of a study on one outcome; what is not given is as the study file declares it.

    Parameters
    ----------
    study : Study
    outcome : {"summative", "completion", "attendance", "start_score"} or an indicator, optional
        By default the primary outcome; the secondary outcomes are then compared too. *summative*: first
        finished attempt at each summative assessment that both arms took, averaged per learner. *completion*:
        by the study's rule, those who withdrew counting as not completed. *attendance*: share of sessions
        attended. *start_score*: first attempts at the quizzes that open the sessions. Any indicator that has
        a value for each learner, ``KEY`` or ``KEY.STATISTIC``: what is better is as its definition says.
    arm : {"arm", "iteration"}, optional
        What tells the two sides apart, by default the arm; between iterations the design is historical.
    treated, control : optional
        Arms (or iterations).
    adjust : sequence of str, optional
        Covariates, ``x_…`` columns of the learners. The positioning score is taken wherever both arms have
        it.
    cluster : {"cohort_id", "trainer_id", "site"}, optional
        What was assigned as a whole.
    assignment : str, optional
        See `compare_table`. One that claims more than the study file declares is not taken, and said.
    band : str, optional
        Moderator: ``"baseline"``, cut at 15, 40 and 75 %, or a column of the learners.
    methods : sequence of str, or ``"all"``, optional
        Beside the primary one.
    level, seed
        As in `compare_table`.
    contrast : mapping of band to weight, or ``"three_levels"``, optional
        A claim on who gains more, as one test; see `flipstats.effects.bands.band_contrast`.
    plan : Plan, optional
        Frozen before: it stands for what the study file declares, and departures from it are listed.

    Raises
    ------
    DesignError
        The study declares no arms, or an arm is empty.
    NotComputableError
        Nobody has the outcome.
    ParameterError
        A name that there is not, with the nearest.
    """
    if study.served is not None:
        asked = (
            arm, treated, control, adjust, cluster, assignment, band, methods, level, seed, contrast, plan,
        )  # fmt: skip
        return _served(study, outcome or study.design.primary, plain=all(given is None for given in asked))
    done = plan_of(
        study, outcome=outcome, arm=arm, treated=treated, control=control, adjust=adjust, cluster=cluster,
        assignment=assignment, band=band, methods=methods, level=level, seed=seed,
        contrast=contrast, plan=plan,
    )  # fmt: skip
    checked_contrast(done.contrast, next(iter(done.moderators), None))
    base = question_of(done, done.thresholds(study.thresholds), kind="score", shares=True)
    ways = {"arm": done.arm, "adjust": done.adjust, "cluster": done.cluster}
    main = _compare_outcome(study, base, **ways)
    if outcome is None:
        plain = replace(base, moderator=None, methods=None, every_method=False, contrast=None)
        others = {
            name: _compare_outcome(study, replace(plain, outcome=name), **ways) for name in done.secondary
        }
        main = with_secondary(main, others)
    main = with_assignment(main, assignment, done.assignment, arm=done.arm)
    return with_plan(main, done, plan)


def compare_study_options(
    study: Study,
    *,
    outcome: str | None = None,
    arm: str | None = None,
    treated: str | None = None,
    control: str | None = None,
    adjust: Sequence[str] = (),
    pre: str | None = None,
    cluster: str | None = None,
    assignment: str | None = None,
    binary: bool = False,
    band: str | None = None,
    methods: Sequence[str] | None = None,
    seed: int = 1,
    contrast: str | None = None,
    less_is_better: bool = False,
    plan: Path | None = None,
    freeze: Path | None = None,
) -> Comparison | Plan | Overall:
    """Compare the arms of a study with the options of the command line; see `compare`.

    With `freeze` the plan is written to that file and returned, and no outcome is looked at. With
    ``iteration`` or ``site`` as `band` the effects of each are put together, see `over_iterations`.

    Raises
    ------
    ParameterError
        An option that only a table needs.
    """
    of_tables = {"--pre": pre is not None, "--binary": binary, "--less-is-better": less_is_better}
    for option, given in of_tables.items():
        if given:
            raise ParameterError(t("compare.study_option", option=option))
    options = {
        "outcome": outcome, "arm": arm, "treated": treated, "control": control, "cluster": cluster,
        "adjust": tuple(adjust) or None, "assignment": assignment, "band": band, "methods": methods,
        "seed": None if plan and seed == 1 else seed, "plan": read_plan(plan) if plan else None,
        "contrast": contrast,
    }  # fmt: skip
    if band in ACROSS:
        ignored = [name for name, value in options.items() if value and name not in _OF_PARTS]
        if ignored or freeze:
            raise ParameterError(t("compare.over_option", option=(ignored or ["freeze"])[0], by=band))
        return over_iterations(study, across=band, outcome=outcome)
    if freeze is None:
        return compare(study, **options)
    declared = plan_of(study, **options)
    declared.freeze(freeze)
    return declared


def over_iterations(study: Study, outcome: str | None = None, *, across: str = "iteration") -> Overall:
    """Compare the arms within each iteration, and put the effects together by random effects.

    Parameters
    ----------
    study : Study
    outcome : str, optional
        By default the primary one.
    across : {"iteration", "site", "trainer_id"}
        What tells the parts apart; only parts with both arms and enough groups in each count.

    Returns
    -------
    Overall
        REML, Knapp and Hartung's interval, prediction interval; parts without an effect are named.

    Raises
    ------
    ParameterError
        Cohorts are not told apart by that.
    DesignError
        Fewer than two parts carry an effect.
    """
    if across not in ACROSS:
        raise ParameterError(t("compare.unknown_across", name=across, known=", ".join(ACROSS)))
    rows = study.table("cohorts").select("cohort_id", pl.col(across).cast(pl.String)).drop_nulls().collect()
    found, refused = {}, {}
    for name, ids in sorted(rows.group_by(across).agg("cohort_id").iter_rows()):
        try:
            part = study.select(cohorts=sorted(ids))
            found[name] = compare(part, outcome=outcome or study.design.primary)
        except (DesignError, EstimationError, NotComputableError) as problem:
            refused[name] = str(problem)
    return combine(across, found, refused)


def _served(study: Study, outcome: str, *, plain: bool) -> Comparison:
    """Return the comparison that an export for managers holds; any other is refused."""
    fixed = dict(study.served.fixed)
    held = study.served.comparisons.get(f"{fixed.pop('iteration', None)}|{outcome}")
    if held is None or fixed or not plain:
        raise NotComputableError(t("export.not_compared"))
    if "refused" in held:
        raise NotComputableError(held["refused"][language()])
    return whole(held["is"])


def _compare_outcome(
    study: Study, question: Question, *, arm: str, adjust: Sequence[str], cluster: str
) -> Comparison:
    roster = roster_of_study(
        study, outcome=question.outcome, arm=arm, treated=question.treated, control=question.control,
        adjust=adjust, cluster=cluster, band=question.moderator, assignment=question.assignment,
    )  # fmt: skip
    names = roster.covariates
    question = replace(
        question,
        kind=roster.measure.kind,
        shares=roster.measure.shares,
        unit=roster.measure.unit,
        direction=roster.measure.direction,
        time=roster.measure.time,
        grouped=check_assignment(question.assignment, clustered=True) or roster.alone is not None,
        alone=roster.alone,
        between=arm,
        covariates=names,
        baseline="baseline" if "baseline" in names else None,
    )
    return analyse(question, roster)
