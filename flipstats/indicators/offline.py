"""Preparation taken away: indicator 21."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats.indicators.answer import answer
from flipstats.indicators.consultation import NEEDS, ROW_THRESHOLDS, cells_now, reasons_of_preparation
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, SESSION_GROUPS, Definition
from flipstats.indicators.groups import groups_of_sessions
from flipstats.indicators.question import ask
from flipstats.indicators.rows import bounds, shares
from flipstats.study import Study

_DEPTH = "opened"  # a download is seen wherever an opening is


def offline_share(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """Share of learners who downloaded some mandatory resource and did nothing else with it beforehand.

    Whether they then worked on it is not known: these pairs are the unknown of `consultation_rate`.

    Parameters
    ----------
    study, by, role, level
        As in `consultation_rate`, without ``resource_id``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × sessions; ``statistic`` is "rate", with "bound_low" and
        "bound_high" where less than 80 % are known. Unknown: a learner with a mandatory resource whose
        window the sources do not cover. Not computable in a study without a single download, whose sources
        may not tell one from a look. Wilson's interval.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    PAIRENNE (2025), "supports téléchargeables hors ligne".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> offline_share(study()).select("value", "reason").row(0)
    (None, 'downloads_not_traced')
    """
    question = ask(study, OFFLINE_SHARE, by, depth=depth, role=role, level=level)
    groups, found = groups_of_sessions(question), cells_now(question, _DEPTH)
    owed, offline = pl.col("owed") > 0, pl.col("offline") > 0
    seen = pl.lit(_downloads_seen(study))
    known = seen & owed & (pl.col("knowable") == pl.col("owed"))
    unknown = owed & (~seen | (pl.col("knowable") < pl.col("owed")))
    rate = shares(question, found, "rate", None, yes=known & offline, of=known, unknown=unknown)
    high = (known & offline) | unknown
    parts, reasons = [rate], reasons_of_preparation(question, groups, found, _DEPTH)
    if _downloads_seen(study):
        parts += bounds(question, found, rate, low=known & offline, high=high, total=owed)
    else:
        reasons = reasons.with_columns(pl.col("reason").fill_null("downloads_not_traced"))
    return answer(question, groups, parts, {None: reasons})


def _downloads_seen(study: Study) -> bool:
    """Whether any source tells a download from a look: a completion report, say, never does."""
    return study.table("events").filter(pl.col("verb") == "downloaded").head(1).collect().height > 0


OFFLINE_SHARE = Definition(
    key="offline_share",
    version=1,
    unit="share",
    direction="neither",
    needs=(*NEEDS, "events"),
    thresholds=ROW_THRESHOLDS,
    statistics=("rate",),
    groups=(*COHORT_GROUPS, *SESSION_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=offline_share,
    number="21",
    source="PAIRENNE (2025)",
    family="indicators_preparation",
)
