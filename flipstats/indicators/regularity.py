"""Whether a learner prepares at the same distance from every session: the research part of indicator 29."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.cells import best_depth
from flipstats.indicators.consultation import (
    LEVEL_THRESHOLDS,
    NEEDS,
    ROW_THRESHOLDS,
    cells_now,
    learner_known,
    reasons_of_preparation,
)
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import Question, ask
from flipstats.indicators.rows import quantiles
from flipstats.schema import LEVELS
from flipstats.study import Study


def preparation_regularity(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """How much a learner's own lead time differs from session to session; for research.

    Of each learner and cohort with at least 3 sessions prepared, the interquartile range of the hours between
    the last consultation and the session (as in `lead_time`). 0: always at the same distance.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``arm, iteration, cohort_id, trainer_id, site, learner_id`` and covariates ``x_…``.
    depth : {"opened", "substantial", "completed"}, optional
        Without it the best level the sources can carry; the answer names it.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × cohorts; ``statistic`` is "median", "q25", "q75" of
        these ranges, in hours; bootstrap intervals. Unknown: a learner whose preparation of a session is
        unknown. Who prepared fewer sessions is in neither part: there is nothing to compare.

    Raises
    ------
    ParameterError
        A grouping, depth, role or level that there is not.

    References
    ----------
    Edusign (2026), "less comfortable with autonomy". Regularity of study times: M. S. Boroujeni, K. Sharma,
    Ł. Kidziński, L. Lucignano, P. Dillenbourg (2016), EC-TEL 2016, 277-291.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> preparation_regularity(study()).select("statistic", "value", "reason").row(0)
    ('median', None, 'few_prepared_sessions')
    """
    default = (best_depth(study) or "opened",) if depth is None else ()
    question = ask(
        study, PREPARATION_REGULARITY, by, depth=depth, role=role, level=level, default_depths=default
    )
    (one,) = question.depths
    groups, sessions = groups_of_sessions(question), cells_now(question, one)
    found = _learners(question, sessions)
    known, unknown = pl.col("owing") & pl.col("sure"), pl.col("owing") & ~pl.col("sure")
    spread = pl.when(known & (pl.col("prepared") >= study.thresholds.regularity_sessions)).then("spread")
    parts = quantiles(question, found, one, value=spread, known=known, unknown=unknown)
    few = pl.when(pl.col("coverage") > 0).then(pl.lit("few_prepared_sessions"))
    parts = [replace(part, otherwise=few.otherwise(pl.lit("no_coverage"))) for part in parts]
    return answer(question, groups, parts, {one: reasons_of_preparation(question, groups, sessions, one)})


def _learners(question: Question, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return each learner and cohort: whether all is ``sure``, sessions ``prepared``, ``spread`` in hours."""
    keys = list(dict.fromkeys([*question.keys, "learner_id", "cohort_id"]))
    due, ready = pl.col("owed") > 0, learner_known() & (pl.col("done") > 0)
    hours = (pl.col("starts_at") - pl.col("last_at")).dt.total_microseconds() / 3_600_000_000
    lead = hours.filter(ready)
    return sessions.group_by(keys).agg(
        due.any().alias("owing"),
        learner_known().filter(due).all().alias("sure"),
        ready.sum().alias("prepared"),
        (lead.quantile(0.75, "linear") - lead.quantile(0.25, "linear")).alias("spread"),
    )


PREPARATION_REGULARITY = Definition(
    key="preparation_regularity",
    version=1,
    unit="h",
    direction="less",
    needs=NEEDS,
    thresholds=(*LEVEL_THRESHOLDS, "regularity_sessions", *ROW_THRESHOLDS, "bootstrap_draws"),
    statistics=("median", "q25", "q75"),
    groups=(*COHORT_GROUPS, *LEARNER_GROUPS),
    depths=LEVELS,
    function=preparation_regularity,
    number="29",
    source="Edusign (2026)",
    family="indicators_feedback",
)
