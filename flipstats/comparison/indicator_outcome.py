"""Any indicator that has a value for each learner, as the outcome of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flipstats import metrics
from flipstats.comparison.note import Name, Note, note
from flipstats.comparison.question import Measure
from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t

if TYPE_CHECKING:
    from flipstats.study import Study

_SHARES = ("share", "score")  # units of 0-1 that are read as points out of 100
_QUANTILES = ("median", "q25", "q75", "iqr")


def is_indicator(name: str) -> bool:
    """Return whether ``KEY`` or ``KEY.STATISTIC`` names an indicator with values for learners."""
    return name.partition(".")[0] in of_learners()


def of_learners() -> list[str]:
    """Return the indicators that can be asked for each learner."""
    return [key for key, found in metrics.METRICS.items() if "learner_id" in found.groups]


def indicator_of(
    study: Study, name: str, members: pl.DataFrame
) -> tuple[pl.DataFrame, list[Note], list[Note], Measure]:
    """Return ``learner_id, outcome`` of the members who have it, threats, warnings, and how it is measured.

    Without a statistic the first of the indicator is taken. Of several depths the one that is known of most
    members, the deeper of two; which is chosen before any value is compared.

    Raises
    ------
    ParameterError
        The indicator has no such statistic.
    """
    key, _, asked = name.partition(".")
    definition = metrics.METRICS[key]
    statistic = asked or definition.statistics[0]
    if statistic not in definition.statistics:
        near = did_you_mean(statistic, definition.statistics)
        raise ParameterError(
            t("compare.unknown_statistic", key=key, given=statistic, known=", ".join(definition.statistics))
            + ("; " + t("compare.did_you_mean", near=near) if near else "")
        )
    known = _known(study, definition, statistic).join(
        members.select("learner_id"), on="learner_id", how="semi"
    )
    depth = _fullest(known, definition.depths)
    if definition.depths:
        known = known.filter(pl.col("depth") == depth)
    warnings = [note("indicator_depth", {"depth": Name("depth", depth)})] if depth else []
    if (partly := known.filter(pl.col("coverage") < 1).height) > 0:
        warnings.append(note("indicator_partly_known", {"n": partly}))
    measure = _measure(definition, statistic)
    if measure.direction == "less":
        warnings.append(note("less_is_better"))
    return known.select("learner_id", pl.col("value").alias("outcome")), [], warnings, measure


def _known(study: Study, definition: metrics.Definition, statistic: str) -> pl.DataFrame:
    """Return ``learner_id, depth, value, coverage`` wherever there is a value, at every depth."""
    parts = []
    for depth in definition.depths or (None,):
        rows = metrics.compute(study, definition.key, by=["learner_id"], depth=depth)
        rows = rows.filter(
            pl.col("statistic") == statistic, pl.col("value").is_finite(), pl.col("learner_id").is_not_null()
        )
        parts.append(rows.select("learner_id", pl.lit(depth, pl.String).alias("depth"), "value", "coverage"))
    return pl.concat(parts)


def _fullest(known: pl.DataFrame, depths: tuple[str, ...]) -> str | None:
    counts = dict(known.group_by("depth").len().iter_rows())
    ranked = sorted(depths, key=lambda depth: (counts.get(depth, 0), depths.index(depth)))
    return ranked[-1] if ranked else None


def _measure(definition: metrics.Definition, statistic: str) -> Measure:
    unit = definition.unit_of(statistic)
    direction = definition.direction
    if direction == "less" and statistic in _QUANTILES:
        direction = "neither"  # less spread is better, which a learner's own quantile does not tell
    return Measure("score", unit in _SHARES, "points" if unit in _SHARES else f"metric_{unit}", direction)
