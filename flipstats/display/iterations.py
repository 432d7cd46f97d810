"""One iteration beside the one before it: what was changed, and what moved."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import polars as pl

from flipstats import cohorts, figures, i18n, metrics
from flipstats.display.blocks import Html, figure, notice, table
from flipstats.display.views import arm_words, in_arm_words
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    from flipstats.study import Study

_POINTS = ("share", "score")  # units whose differences are points of 100
_SYMBOLS = ("h", "min")
_SILENT = ("not_applicable",)  # nothing was to be done in that arm: no line to show
_NAMED = 4  # indicators named in the answer
_known: WeakKeyDictionary[Study, dict[str, pl.DataFrame]] = WeakKeyDictionary()


def change_log(study: Study) -> Html:
    """Show what was changed at each iteration, as people wrote it down."""
    rows = study.table("changes").sort("iteration", "at", nulls_last=True).collect()
    if not rows.height:
        return notice(t("report.no_changes"), remedy=t("report.remedy_changes"))
    zone = study.programme.timezone
    frame = pl.DataFrame(
        {
            t("report.column_iteration"): [str(i) for i in rows["iteration"]],
            t("report.column_when"): [i18n.date(at, zone) for at in rows["at"]],
            t("report.column_changed"): rows["what"],
        }
    )
    return table(frame, t("report.caption_changes"))


def _changes(study: Study, role: str) -> pl.DataFrame:
    """Return what moved, worked out once for the answer and for what is below it."""
    held = _known.setdefault(study, {})
    if role not in held:
        held[role] = cohorts.iteration_change(study, role=role).filter(
            pl.col("reason").is_null() | ~pl.col("reason").is_in(_SILENT)
        )
    return held[role]


def moved_sentence(study: Study, *, role: str = "research") -> str:
    """Say how many indicators moved beyond their interval, and which; empty where none can be compared."""
    rows = _changes(study, role).filter(pl.col("difference").is_not_null(), pl.col("low").is_not_null())
    if not rows.height:
        return ""
    beyond = rows.filter((pl.col("low") > 0) | (pl.col("high") < 0))
    if not beyond.height:
        return t("report.moved_none", n=rows.height)
    named = [f"{_name(row)} ({arm_words(row['arm'])})" for row in beyond.head(_NAMED).iter_rows(named=True)]
    if beyond.height > _NAMED:
        named = [", ".join(named), t("report.moved_others", n=beyond.height - _NAMED)]
    return t("report.moved_some", n=beyond.height, total=rows.height, what=i18n.listing(named))


def moved(study: Study, *, role: str = "research") -> Html:
    """Show what moved between each iteration and the next, arm by arm: a description, not an effect."""
    rows = _changes(study, role)
    if not rows.height:
        return notice(t("report.one_iteration"), remedy=t("report.remedy_iterations"))
    blocks = []
    for (before, after), pair in rows.group_by(["iteration_from", "iteration_to"], maintain_order=True):
        known = pair.filter(pl.col("difference").is_not_null())
        blocks.append(_drawn(study, known, before, after))
        blocks += [_listed(known, before, after)] if known.height else []
        blocks.append(_silent(pair.filter(pl.col("difference").is_null())))
    return Html("".join(blocks))


def _silent(pair: pl.DataFrame) -> str:
    """Fold away what cannot be compared, one line an indicator and reason."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in pair.iter_rows(named=True):
        why = metrics.reason_text(row["reason"]) if row["reason"] else "–"
        alike.setdefault((_name(row), why), []).append(arm_words(row["arm"]))
    if not alike:
        return ""
    frame = pl.DataFrame(
        {
            t("report.column_indicator"): [name for name, _ in alike],
            t("report.column_arm"): [i18n.listing(arms) for arms in alike.values()],
            t("report.column_why"): [why for _, why in alike],
        }
    )
    words = escape(t("report.not_moved", n=len(alike)))
    listed = table(frame, t("report.caption_limits"))
    return f'<details class="fs-annex"><summary>{words}</summary>{listed}</details>'


def _drawn(study: Study, pair: pl.DataFrame, before: int, after: int) -> Html:
    points = pair.filter(pl.col("unit").is_in(_POINTS))
    if not points.height:
        return Html()
    labels = [_name(row) for row in points.iter_rows(named=True)]
    return figure(
        figures.iteration_changes(
            points.with_columns(in_arm_words(), pl.Series("label", labels)),
            before=t("report.iteration_n", n=before),
            after=t("report.iteration_n", n=after),
            treated=arm_words(study.design.treated) if study.design.treated else None,
        )
    )


def _name(row: dict) -> str:
    name = metrics.title(row["metric"])
    return t("report.at_depth", name=name, depths=metrics.title(row["depth"])) if row["depth"] else name


def _listed(pair: pl.DataFrame, before: int, after: int) -> Html:
    cells = list(pair.iter_rows(named=True))
    columns = {
        t("report.column_indicator"): [_name(row) for row in cells],
        t("report.column_arm"): [arm_words(row["arm"]) for row in cells],
        t("report.iteration_n", n=before): [_value(row, row["value_from"]) for row in cells],
        t("report.iteration_n", n=after): [_value(row, row["value_to"]) for row in cells],
        t("report.column_moved"): [_interval(row, "difference", "low", "high") for row in cells],
        t("report.column_adjusted"): [
            _interval(row, "adjusted", "adjusted_low", "adjusted_high") for row in cells
        ],
        t("report.column_groups"): [_groups(row) for row in cells],
    }
    if pair["reason"].is_not_null().any():  # why there is no interval
        why = [metrics.reason_text(row["reason"]) if row["reason"] else "" for row in cells]
        columns[t("report.column_why")] = why
    return table(pl.DataFrame(columns), t("report.caption_moved"), note=t("report.note_moved"))


def _groups(row: dict) -> str:
    sides = (row["groups_from"], row["groups_to"])
    return "–" if None in sides else f"{sides[0]} + {sides[1]}"


def _value(row: dict, value: float | None) -> str:
    if value is None or row["unit"] == "share":
        return percent(value)
    return f"{number(value)} {row['unit']}" if row["unit"] in _SYMBOLS else number(value)


def _interval(row: dict, name: str, low: str, high: str) -> str:
    """Say a difference with its interval: in points for shares and scores, else in the indicator's unit."""
    if row[name] is None:
        return "–"
    scale, digits = (100.0, 1) if row["unit"] in _POINTS else (1.0, 2)
    said = number(scale * row[name], digits, signed=True)
    if row[low] is None:
        return said
    ends = {end: number(scale * row[at], digits, signed=True) for end, at in (("low", low), ("high", high))}
    return f"{said} ({t('figures.between', **ends)})"
