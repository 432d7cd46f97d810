"""The shape of every answer: all groups, in order, with the fixed columns, small cells taken out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import polars as pl

from flipstats.indicators.definition import COHORT_GROUPS, COLUMNS
from flipstats.indicators.groups import IMPLIED
from flipstats.indicators.question import ALL, Question
from flipstats.suppression import hidden_unions, suppress


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one statistic at one depth.

    Attributes
    ----------
    frame : DataFrame
        The question's keys and `Part.COLUMNS`; groups without cells may be absent.
    bounds : str or None
        The statistic these rows bound: then only groups in `frame` are shown.
    share : bool
        Whether the value is numerator over denominator.
    otherwise : Expr
        Why a group without value has none, where the question's reasons do not say; may use `Part.COLUMNS`.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "value",
        "low",
        "high",
        "n",
        "numerator",
        "denominator",
        "unknown",
        "coverage",
        "interval",
    )
    statistic: str
    depth: str | None
    frame: pl.DataFrame
    bounds: str | None = None
    share: bool = True
    otherwise: pl.Expr = field(default_factory=lambda: pl.lit("no_coverage"))


def answer(
    question: Question,
    groups: pl.DataFrame,
    parts: list[Part],
    reasons: dict[str | None, pl.DataFrame],
) -> pl.DataFrame:
    """Put an answer together.

    Parameters
    ----------
    groups : DataFrame
        All groups in order; see `groups.groups_of_sessions`.
    parts : list of Part
        In the order the rows of one group shall have.
    reasons : dict of depth to DataFrame
        The keys and ``reason``: why a group has no value at this depth, null where it should have one.
    """
    if question.definition.of_events and _events_elsewhere(question):
        parts = [replace(part, frame=part.frame.clear()) for part in parts if part.bounds is None]
        why = groups.select(question.keys).with_columns(pl.lit("events_elsewhere").alias("reason"))
        reasons = dict.fromkeys(reasons, why)
    ordered = groups.lazy().with_row_index("·order")
    placed = [_placed(question, ordered, rank, part, reasons) for rank, part in enumerate(parts)]
    rows = pl.concat(placed, how="vertical").sort("·order", "·rank").collect()
    if question.role != "research":
        rows = _without_small_cells(question, rows)
    return rows.select(*question.by, *COLUMNS)


def _events_elsewhere(question: Question) -> bool:
    """Whether only the facts of the events were taken from another machine: no event is not nothing done."""
    return question.study.facts_from is not None and not question.study.has("events")


def _without_small_cells(question: Question, rows: pl.DataFrame) -> pl.DataFrame:
    margins = [*question.by, *(c for c in rows.columns if c.startswith(IMPLIED))]
    return suppress(
        rows.with_columns(_of_hidden_cohorts(question, rows).alias("·hidden")),
        margins=margins,
        apart=[c for c in margins if c.removeprefix(IMPLIED) in COHORT_GROUPS or c.startswith("x_")],
        cell=["·order"],
        slices=["depth", "·of"],
        blank=list(Part.COLUMNS),
        smallest=question.study.thresholds.smallest_cell,
        also="·hidden",
    )


def _of_hidden_cohorts(question: Question, rows: pl.DataFrame) -> pl.Series:
    """Whether the whole cohorts that each row belongs to are, together, not shown in any table."""
    cohorts = question.study.table("cohorts").select(*COHORT_GROUPS).collect()
    names = ("cohort_id",) if "session_id" in question.by else COHORT_GROUPS
    asked = {
        c: IMPLIED + c if c not in rows.columns else c for c in names if {c, IMPLIED + c} & set(rows.columns)
    }
    members: dict[tuple, set[str]] = {}
    for cohort in cohorts.iter_rows(named=True):
        members.setdefault(tuple(cohort[c] for c in asked), set()).add(cohort["cohort_id"])
    attributes = {row[COHORT_GROUPS.index("cohort_id")]: row for row in cohorts.iter_rows()}
    smallest = question.study.thresholds.smallest_cell
    counts = _learners_by_cohort(question)
    taken = {piece: hidden_unions(n, attributes, smallest) for piece, n in counts.items()}
    out = []
    for depth, of, *key in rows.select("depth", "·of", *asked.values()).iter_rows():
        n = counts.get((depth, of), {})
        union = frozenset(c for c in members.get(tuple(key), ()) if n.get(c))
        out.append(union in taken.get((depth, of), ()))
    return pl.Series(out, dtype=pl.Boolean)


def _learners_by_cohort(question: Question) -> dict[tuple[str | None, str], dict[str, int]]:
    """Return for each depth and statistic how many learners stand behind each cohort."""
    definition = question.definition
    depth = question.depths[0] if len(question.depths) == 1 else None
    rows = definition.function(question.study, ["cohort_id"], depth=depth, level=question.level)
    out: dict[tuple[str | None, str], dict[str, int]] = {}
    for cohort, statistic, at, n in rows.select("cohort_id", "statistic", "depth", "n").iter_rows():
        found = out.setdefault((at, definition.hidden_with(statistic)), {})
        found[cohort] = min((one for one in (n, found.get(cohort)) if one), default=0)
    return out


def _placed(
    question: Question,
    ordered: pl.LazyFrame,
    rank: int,
    part: Part,
    reasons: dict[str | None, pl.DataFrame],
) -> pl.LazyFrame:
    definition, keys = question.definition, question.keys
    how, same = "inner" if part.bounds else "left", {"nulls_equal": True, "maintain_order": "left"}
    rows = ordered.join(part.frame.lazy(), on=keys, how=how, **same)
    rows = rows.join(reasons[part.depth].lazy(), on=keys, how="left", **same)
    counts = ["n", "denominator", "unknown", *(["numerator"] if part.share else [])]
    said = {
        "metric": definition.key,
        "statistic": part.statistic,
        "depth": part.depth,
        "level": question.level,
        "unit": definition.unit_of(part.statistic),
        "version": definition.version,
    }
    return (
        rows.with_columns(
            pl.when(pl.col("n").is_null()).then(pl.col(counts).fill_null(0)).otherwise(pl.col(counts))
        )
        .with_columns(
            pl.when(pl.col("value").is_null()).then(pl.coalesce("reason", part.otherwise)).alias("reason"),
            pl.lit(rank).alias("·rank"),
            pl.lit(definition.hidden_with(part.bounds or part.statistic)).alias("·of"),
            *(pl.lit(value, COLUMNS[name]).alias(name) for name, value in said.items()),
        )
        .drop(ALL, strict=False)
    )
