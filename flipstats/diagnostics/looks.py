"""Everything that is looked at: each kind of problem at each of its targets, with its indicator's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from flipstats import metrics
from flipstats.diagnostics.items import pooled_items
from flipstats.diagnostics.kinds import TARGETS, Kind
from flipstats.diagnostics.one import NUMBERS, Look
from flipstats.diagnostics.said import theme_looks
from flipstats.diagnostics.target import Names
from flipstats.study import Study

_SILENT = ("not_applicable", "no_learners")  # nothing to be done there, nobody there


@dataclass(frozen=True, slots=True)
class Looked:
    """All that was looked at; ``hidden`` targets may not be shown, ``reasons`` say what cannot be told."""

    looks: tuple[Look, ...]
    hidden: int
    reasons: Mapping[str, str]


def look(
    study: Study, kinds: Iterable[Kind], *, role: str, level: float | None, prepared: str | None
) -> Looked:
    """Ask the indicator of each kind about each of its targets.

    Parameters
    ----------
    prepared : str or None
        The depth at which "came prepared" is told; None where no source tells any.
    """
    names, answers = Names.of(study), _Answers(study, role, level)
    looks: list[Look] = []
    reasons: dict[str, str] = {}
    hidden = 0
    for kind in kinds:
        if kind.targets == ("theme",):
            said, why = theme_looks(study, kind, names, role=role, level=level)
            looks += said
            reasons |= {} if why is None else {kind.key: why}
            continue
        if kind.depth == "prepared" and prepared is None:
            reasons[kind.key] = "level_not_traced"
            continue
        found: list[Look] = []
        for target in kind.targets:
            rows = answers.of(kind, target, prepared)
            silent = rows.filter(pl.col("value").is_null())["reason"].to_list()
            hidden += silent.count("suppressed")
            found += _looks(kind, target, rows, names, answers)
            why = [reason for reason in silent if reason not in (*_SILENT, "suppressed", None)]
            if why and len(why) + silent.count("suppressed") == rows.height:
                reasons.setdefault(kind.key, max(sorted(set(why)), key=why.count))
        if found:
            reasons.pop(kind.key, None)
        looks += found
    return Looked(tuple(looks), hidden, reasons)


class _Answers:
    """The answers of the indicators; two kinds that read the same one ask once."""

    def __init__(self, study: Study, role: str, level: float | None) -> None:
        self.study, self.role, self.level = study, role, level
        self.known: dict[tuple, pl.DataFrame] = {}

    def of(self, kind: Kind, target: str, prepared: str | None) -> pl.DataFrame:
        """Return one row a target, of the statistic of a kind."""
        if target == "item":
            return pooled_items(self.study, role=self.role, level=self.level)
        depth = prepared if kind.depth == "prepared" else kind.depth
        return self.rows(kind.metric, kind.statistic, TARGETS[target], depth)

    def rows(
        self, metric: str, statistic: str, by: tuple[str, ...], depth: str | None = None
    ) -> pl.DataFrame:
        """Return the rows of one statistic of an indicator."""
        question = (metric, by, depth)
        if question not in self.known:
            self.known[question] = metrics.compute(
                self.study, metric, by, depth=depth, role=self.role, level=self.level
            )
        return self.known[question].filter(pl.col("statistic") == statistic)

    def values(self, metric: str, statistic: str, by: str) -> dict[str, float]:
        """Return the values of one statistic by the values of one column, of those that have one."""
        told = self.rows(metric, statistic, (by,)).filter(pl.col("value").is_not_null())
        return dict(told.select(by, "value").iter_rows())


def _looks(kind: Kind, target: str, rows: pl.DataFrame, names: Names, answers: _Answers) -> list[Look]:
    if kind.metric == "resource_reach":
        return _watched(kind, rows, names, answers)
    failed = kind.key == "access" and (rows["value"].max() or 0) > 0
    given_up = _given_up(target, answers) if failed else {}
    out = []
    for row in rows.filter(pl.col("value").is_not_null()).iter_rows(named=True):
        place = names.target(target, row)
        if place is not None:
            share = given_up.get(row.get(TARGETS[target][0]))
            details = {} if share is None else {"gave_up": {"share": share}}
            out.append(Look(kind, place, _numbers(row, kind.failing), details))
    return out


def _given_up(target: str, answers: _Answers) -> dict[object, float]:
    """Return, of those who could not get in, the share who then did nothing for the session, by target."""
    return answers.values("abandonment_after_failure", "exposed", TARGETS[target][0])


def _watched(kind: Kind, rows: pl.DataFrame, names: Names, answers: _Answers) -> list[Look]:
    """Return the looks at resources that have a length: the long ones are one kind, the others another."""
    limit = answers.study.thresholds.long_resource_min
    stops = answers.values("resource_reach", "median_seen", "resource_id")
    out = []
    for row in rows.filter(pl.col("value").is_not_null()).iter_rows(named=True):
        length = names.resources[row["resource_id"]]["length_min"]
        if length is None or (length > limit) is not (kind.key == "too_long"):
            continue
        details = {"stops": {"at": stops[row["resource_id"]] * length, "length": length}}
        out.append(Look(kind, names.target("resource", row), _numbers(row, kind.failing), details))
    return out


def _numbers(row: Mapping[str, object], failing: bool) -> dict[str, object]:
    """Return the numbers of a row, of what went wrong."""
    numbers = {name: row[name] for name in NUMBERS}
    if not failing:
        numbers["value"] = 1 - row["value"]
        numbers["low"], numbers["high"] = (None if row[e] is None else 1 - row[e] for e in ("high", "low"))
        if row["numerator"] is not None:
            numbers["numerator"] = row["denominator"] - row["numerator"]
    return numbers
