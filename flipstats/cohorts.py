"""Who is compared with whom, by how much they differ, and how far that can be trusted.

`compare` asks a study, `compare_table` any table with one row a learner. Both give a `Comparison`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from flipstats.comparison.analyse import analyse
from flipstats.comparison.methods import METHODS
from flipstats.comparison.note import note
from flipstats.comparison.of_study import roster_of_study
from flipstats.comparison.question import Question, check_assignment
from flipstats.comparison.result import Comparison, Effect
from flipstats.comparison.secondary import with_secondary
from flipstats.comparison.table import known_column, roster_of_table
from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.effects.results import check_level
from flipstats.errors import DesignError, InputError, ParameterError
from flipstats.i18n import t
from flipstats.study import Study

__all__ = [
    "METHODS",
    "Comparison",
    "Effect",
    "compare",
    "compare_csv",
    "compare_study_options",
    "compare_table",
]


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
    check_level(level)
    frame = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    grouped = check_assignment(assignment or "nonrandom", clustered=cluster is not None)
    adjust = [name for name in adjust if name != pre]
    roster = roster_of_table(
        frame, outcome=outcome, arm=arm, treated=_label(treated), control=_label(control),
        covariates=[*([pre] if pre else []), *adjust], cluster=cluster, band=band, binary=binary,
        nested=grouped,
    )  # fmt: skip
    if assignment is None:
        roster = replace(roster, warnings=(note("assignment_assumed"), *roster.warnings))
    names = tuple(column.removeprefix("x:") for column in roster.frame.columns if column.startswith("x:"))
    chosen, every = chosen_methods(methods)
    question = Question(
        outcome=outcome, kind="binary" if binary else "score", shares=False, treated=_label(treated),
        control=_label(control), assignment=assignment or "nonrandom", grouped=grouped, covariates=names,
        baseline=pre if pre in names else None, moderator=band, methods=chosen, every_method=every,
        level=level, seed=seed, thresholds=thresholds,
    )  # fmt: skip
    return analyse(question, roster)


def compare_csv(
    file: Path | str,
    *,
    outcome: str | None,
    arm: str | None,
    treated: str | None,
    control: str | None,
    adjust: Sequence[str] = (),
    pre: str | None = None,
    cluster: str | None = None,
    assignment: str | None = None,
    binary: bool = False,
    band: str | None = None,
    methods: Sequence[str] | None = None,
    seed: int = 1,
) -> Comparison:
    """Compare two arms of a CSV file; see `compare_table`.

    Raises
    ------
    InputError
        The file is not a CSV.
    ParameterError
        The outcome, the arm column or one of its two values is not given.
    """
    frame = read_table(Path(file))
    for option, value in (("outcome", outcome), ("arm", arm), ("treated", treated), ("control", control)):
        if value is None:
            raise ParameterError(t("compare.table_needs", option=option))
    known_column(frame, arm)
    return compare_table(
        frame, outcome=outcome, arm=arm, treated=treated, control=control, adjust=adjust, pre=pre,
        cluster=cluster, assignment=assignment, binary=binary, band=band, methods=methods, seed=seed,
    )  # fmt: skip


def read_table(file: Path) -> pl.DataFrame:
    """Read a CSV with a header, separated by commas, semicolons or tabs; ``NA`` and empty are missing.

    Raises
    ------
    InputError
        It is absent or not a CSV.
    """
    try:
        head = file.read_bytes()[:65536].decode("utf-8-sig", errors="replace").splitlines()[:1]
        mark = max(",;\t", key=(head or [""])[0].count)
        return pl.read_csv(
            file, separator=mark, infer_schema_length=None, null_values=["", "NA", "NaN"],
            decimal_comma=mark == ";",
        )  # fmt: skip
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError):
        raise InputError(t("compare.not_a_csv", file=file.name)) from None


def chosen_methods(methods: Sequence[str] | str | None) -> tuple[tuple[str, ...] | None, bool]:
    """Return the methods asked for by name, and whether all that apply were asked for."""
    if methods is None or methods == "primary":
        return None, False
    names = (methods,) if isinstance(methods, str) else tuple(methods)
    if "all" in names:
        return None, True
    return tuple(name for name in names if name != "primary") or None, False


def _label(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as a column of true and false is written
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def compare(
    study: Study,
    *,
    outcome: str | None = None,
    arm: str = "arm",
    treated: object | None = None,
    control: object | None = None,
    adjust: Sequence[str] | None = None,
    cluster: str | None = None,
    assignment: str | None = None,
    band: str | None = None,
    methods: Sequence[str] | str | None = None,
    level: float | None = None,
    seed: int = 1,
) -> Comparison:
    """Compare the two arms of a study on one outcome; what is not given is as the study file declares it.

    Parameters
    ----------
    study : Study
    outcome : {"summative", "completion", "attendance", "start_score"}, optional
        By default the primary outcome; the secondary outcomes are then compared too. *summative*: first
        finished attempt at each summative assessment that both arms took, averaged per learner. *completion*:
        by the study's rule, those who withdrew counting as not completed. *attendance*: share of sessions
        attended. *start_score*: first attempts at the quizzes that open the sessions.
    arm : {"arm", "iteration"}
        What tells the two sides apart; between iterations the design is historical.
    treated, control : optional
        Arms (or iterations).
    adjust : sequence of str, optional
        Covariates, ``x_…`` columns of the learners. The positioning score is taken wherever both arms have
        it.
    cluster : {"cohort_id", "trainer_id", "site"}, optional
        What was assigned as a whole.
    assignment : str, optional
        See `compare_table`.
    band : str, optional
        Moderator: ``"baseline"``, cut at 15, 40 and 75 %, or a column of the learners.
    methods : sequence of str, or ``"all"``, optional
        Beside the primary one.
    level, seed
        As in `compare_table`.

    Raises
    ------
    DesignError
        The study declares no arms, or an arm is empty.
    NotComputableError
        Nobody has the outcome.
    ParameterError
        A name that there is not, with the nearest.
    """
    design = study.design
    treated, control = (
        _label(v) if v is not None else d for v, d in ((treated, design.treated), (control, design.control))
    )
    if treated is None or control is None:
        raise DesignError(t("compare.no_arms_declared"))
    chosen, every = chosen_methods(methods)
    level = check_level(study.thresholds.confidence_level if level is None else level)
    base = Question(
        outcome=outcome or design.primary, kind="score", shares=True, treated=treated, control=control,
        assignment=_assignment(assignment or design.assignment, arm), grouped=False,
        moderator=band or next(iter(design.moderators), None), methods=chosen, every_method=every,
        level=level, seed=seed, thresholds=study.thresholds,
    )  # fmt: skip
    ways = {
        "arm": arm,
        "adjust": design.adjust if adjust is None else adjust,
        "cluster": cluster or design.cluster,
    }
    main = _compare_outcome(study, base, **ways)
    if outcome is not None:
        return main
    plain = replace(base, moderator=None, methods=None, every_method=False)
    others = {
        name: _compare_outcome(study, replace(plain, outcome=name), **ways) for name in design.secondary
    }
    return with_secondary(main, others)


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
) -> Comparison:
    """Compare the arms of a study with the options of the command line; see `compare`.

    Raises
    ------
    ParameterError
        An option that only a table needs.
    """
    for option, given in (("--pre", pre is not None), ("--binary", binary)):
        if given:
            raise ParameterError(t("compare.study_option", option=option))
    return compare(
        study, outcome=outcome, arm=arm or "arm", treated=treated, control=control,
        adjust=tuple(adjust) or None, cluster=cluster, assignment=assignment, band=band, methods=methods,
        seed=seed,
    )  # fmt: skip


def _compare_outcome(
    study: Study, question: Question, *, arm: str, adjust: Sequence[str], cluster: str
) -> Comparison:
    roster = roster_of_study(
        study, outcome=question.outcome, arm=arm, treated=question.treated, control=question.control,
        adjust=adjust, cluster=cluster, band=question.moderator,
    )  # fmt: skip
    names = tuple(column.removeprefix("x:") for column in roster.frame.columns if column.startswith("x:"))
    question = replace(
        question,
        kind="binary" if question.outcome == "completion" else "score",
        grouped=check_assignment(question.assignment, clustered=True),
        covariates=names,
        baseline="baseline" if "baseline" in names else None,
    )
    return analyse(question, roster)


def _assignment(declared: str, arm: str) -> str:
    # Iterations follow each other: nothing that was declared about the arms makes them concurrent.
    return "historical" if arm == "iteration" else declared
