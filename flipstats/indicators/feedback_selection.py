"""Whether those who give feedback are like those who do not: the end of indicator 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from flipstats.effects.two_sides import difference_clustered
from flipstats.indicators.answer import Part, answer
from flipstats.indicators.cells import prepared_depth
from flipstats.indicators.consultation import (
    LEVEL_THRESHOLDS,
    NEEDS,
    ROW_THRESHOLDS,
    cells_now,
    learner_known,
    reasons_of_preparation,
)
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.feedback import answers
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import Question, ask
from flipstats.indicators.rows import means
from flipstats.schema import LEVELS
from flipstats.study import Study

_CELL = ["learner_id", "session_id"]


def feedback_selection(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """How well those who gave feedback on a session had prepared it, against those who gave none.

    Of each learner on the roster the share of the session's mandatory resources done at `depth`. A gap says
    that the ratings are those of the better prepared, or of the worse.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : {"opened", "substantial", "completed"}, optional
        Without it "substantial", or as deep as the sources reach; the answer names it.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions; ``statistic`` is "respondents" and "others",
        the mean share done (t intervals, by learner, from 10 cohorts on by cohort), and "difference", the
        first less the second (interval of the difference, by the same clusters; ``n`` is that of the smaller
        side). Unknown: preparation not known; all of a session nobody gave feedback on, and of one with
        nameless answers, as nobody knows who did not answer.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    Edusign (2026), "real-time qualitative feedback from learners".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> feedback_selection(study()).select("statistic", "value", "reason").row(2)
    ('difference', None, 'no_feedback')
    """
    default = (prepared_depth(study) or "opened",) if depth is None else ()
    question = ask(study, FEEDBACK_SELECTION, by, depth=depth, role=role, level=level, default_depths=default)
    (one,) = question.depths
    groups, found = groups_of_sessions(question), _cells(question, one)
    sides = {}
    for side, here in (("respondents", pl.col("answered")), ("others", ~pl.col("answered"))):
        known = pl.col("known_here") & here
        open_ = pl.col("due") & ~pl.col("known_here") & (here | ~pl.col("told"))
        made = means(question, found, side, one, total=pl.when(known).then("share"), of=known, unknown=open_)
        nobody = pl.when(pl.col("unknown") > 0).then(pl.lit("respondents_not_known"))
        sides[side] = replace(made, otherwise=nobody.otherwise(pl.lit(f"no_{side}")))
    parts = [*sides.values(), _difference(question, found, one, **sides)]
    reasons = reasons_of_preparation(question, groups, found, one)
    if not study.has("feedback"):
        reasons = reasons.with_columns(pl.col("reason").fill_null("no_feedback"))
    return answer(question, groups, parts, {one: reasons})


def _cells(question: Question, depth: str) -> pl.DataFrame:
    """Return the cells of preparation with ``due, told, answered, share`` and whether both are known."""
    given = answers(question.study)
    named = given.filter(~pl.col("nameless")).select(*_CELL, pl.lit(value=True).alias("answered")).unique()
    sessions = given.group_by("session_id").agg((~pl.col("nameless")).all().alias("told"))
    due = pl.col("owed") > 0
    return (
        cells_now(question, depth)
        .join(named.collect(), on=_CELL, how="left")
        .join(sessions.collect(), on="session_id", how="left")
        .with_columns(pl.col("answered", "told").fill_null(value=False), due.alias("due"))
        .with_columns(
            (pl.col("done") / pl.col("owed")).alias("share"),
            (pl.col("told") & learner_known()).alias("known_here"),
        )
    )


def _difference(question: Question, found: pl.DataFrame, depth: str, respondents: Part, others: Part) -> Part:
    """Return the mean of the respondents less that of the others."""
    keys, least = question.keys, question.study.thresholds.min_groups_for_clustering
    rows = []
    for key, part in found.filter("known_here").group_by(keys, maintain_order=True):
        by_cohort = part["cohort_id"].n_unique() >= least
        whose = "cohort_id" if by_cohort else "learner_id"
        two = [part.filter(pl.col("answered") == side).select("share", whose) for side in (True, False)]
        values, clusters = [side["share"].to_numpy() for side in two], [side[whose].to_list() for side in two]
        low, high = difference_clustered(*values, *clusters, question.level)
        label = "t_cohort" if by_cohort else "t_learner"
        ends = (max(low, -1.0), min(high, 1.0), label) if np.isfinite(low) else (None, None, None)
        rows.append((*key, *ends))
    types = [(name, found.schema[name]) for name in keys]
    types += [("low_of", pl.Float64), ("high_of", pl.Float64), ("label", pl.String)]
    made = pl.DataFrame(rows, schema=types, orient="row")
    still = found.group_by(keys).agg(
        (pl.col("due") & ~pl.col("known_here")).sum().cast(pl.Int64).alias("open")
    )
    both = respondents.frame.join(others.frame, on=keys, how="inner", nulls_equal=True, suffix="_of_others")
    known = pl.col("denominator") + pl.col("denominator_of_others")
    frame = (
        both.join(made, on=keys, how="left", nulls_equal=True)
        .join(still, on=keys, how="left", nulls_equal=True)
        .with_columns(
            (pl.col("value") - pl.col("value_of_others")).alias("value"),
            pl.min_horizontal("n", "n_of_others").alias("n"),
            pl.when(known + pl.col("open") > 0).then(known / (known + pl.col("open"))).alias("coverage"),
            known.alias("denominator"),
            pl.lit(None, pl.Int64).alias("numerator"),
            *(pl.col(old).alias(new) for old, new in (
                ("low_of", "low"), ("high_of", "high"), ("label", "interval"), ("open", "unknown"))),
        )
        .select(*keys, *Part.COLUMNS)
    )  # fmt: skip
    unsure = pl.when(pl.col("unknown") > 0).then(pl.lit("respondents_not_known"))
    otherwise = unsure.otherwise(pl.lit("one_side_empty"))
    return Part("difference", depth, frame, share=False, otherwise=otherwise)


FEEDBACK_SELECTION = Definition(
    key="feedback_selection",
    version=1,
    unit="share",
    direction="neither",
    needs=(*NEEDS, "feedback"),
    thresholds=(*LEVEL_THRESHOLDS, *ROW_THRESHOLDS),
    statistics=("respondents", "others", "difference"),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=LEVELS,
    function=feedback_selection,
    number="11",
    source="Edusign (2026); PAIRENNE (2025)",
    family="indicators_feedback",
    units={"difference": "points"},
    together=("respondents", "others", "difference"),
)
