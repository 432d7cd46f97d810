"""Moodle quiz report: every attempt with its score, or why it has none, and the points of every question.

The report has no attempt number: attempts of a learner are ranked by their start. A grade that is not there
is given with its reason, never as 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import duration_seconds, numbers, parse_times
from flipstats.readers.moodle_people import NOBODY, who, why_nobody
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import is_workbook, open_table
from flipstats.readers.zones import to_utc, zone_of
from flipstats.schema import TIME

FORMAT = "moodle_quiz"
_SIGN = signature(FORMAT)
_MAXIMUM = re.compile(r"(?:grade|note|q\. ?\d+ ?)/([\d., ]+)$")
_ITEM = re.compile(r"q\. ?(\d+)")
_COLUMNS = (
    "record", "person", "assessment", "item_id", "attempt", "score", "raw_score", "maximum",
    "missing_reason", "started_at", "submitted_at", "seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    record: int
    person: str
    state: str | None
    cells: list[str]


def read(file: Path, context: Context) -> Reading:
    """Read a quiz report: Grades or Responses, any version, French or English.

    Gives ``attempts``: ``record``, ``person``, ``assessment`` (the file's name without its ending),
    ``item_id`` (null: the whole quiz), ``attempt``, ``score`` (0-1), ``raw_score``, ``maximum``,
    ``missing_reason``, ``started_at``, ``submitted_at``, ``seconds``. Rows of averages are set aside.

    Raises
    ------
    InputError
        Not such a report, a decimal mark or an order of day and month that cannot be settled, or no zone.
    """
    opened = open_table(file, _SIGN)
    table, match = opened.grid, opened.match
    account, identities = Account(read=table.read), []
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    rows = _rows(table, match, account, identities)
    account.kept = len(rows)
    attempts = _attempts(rows, table.header, match, context, file, account)
    whole = attempts.filter(pl.col("item_id").is_null())
    return Reading(
        FORMAT,
        {"attempts": attempts} if rows else {},
        account,
        people(identities),
        language=match.language,
        timezone=context.timezone,
        covers_to=whole["submitted_at"].max() or whole["started_at"].max(),
        warnings=opened.warnings,
    )


def _rows(table: Grid, match: Match, account: Account, identities: list) -> list[_Row]:
    rows = []
    state_at = match.columns["state"][0]
    for record, cells in table.rows:
        one = who(match, cells)
        if one is None:
            account.set_aside(record, why_nobody(match, cells))
            continue
        written = normal(cells[state_at])
        state = _SIGN.words["state"].get(written, "no_attempt" if written in NOBODY else None)
        if state is None:
            account.set_aside(record, "unknown_attempt_state")
            continue
        identities += one.identities
        rows.append(_Row(record, one.person, state, cells))
    return rows


def _attempts(
    rows: Sequence[_Row], header: Sequence[str], match: Match, context: Context, file: Path, account: Account
) -> pl.DataFrame:
    """Return one row for each attempt (or learner without one), then one for each of its questions."""
    started, submitted, assumed = _moments(rows, header, match, context, file.name)
    base = pl.DataFrame(
        {
            "record": pl.Series([row.record for row in rows], dtype=pl.Int64),
            "person": pl.Series([row.person for row in rows], dtype=pl.String),
            "state": pl.Series([row.state for row in rows], dtype=pl.String),
            "started_at": started,
            "submitted_at": submitted,
            "seconds": _durations(rows, match.at("duration")),
        }
    )
    for record in base.filter(assumed)["record"]:
        account.note(record, "repeated_hour")
    order = pl.struct(pl.col("started_at").is_null().alias("·late"), "started_at").rank("ordinal")
    order = order.over("person", "·none")
    base = base.with_columns((pl.col("state") == "no_attempt").alias("·none")).with_columns(
        attempt=pl.when(~pl.col("·none")).then(order).cast(pl.Int64)
    )
    places = [match.columns["grade"][0], *match.columns.get("item", [])]
    parts = []
    for at, (maximum, points, odd, words) in zip(
        places, _points(rows, header, places, file.name, in_sheet=is_workbook(file)), strict=True
    ):
        for record in base.filter(odd & (pl.col("state") == "finished"))["record"]:
            account.note(record, "no_score")
        item = _ITEM.match(normal(header[at]))
        scored = base.with_columns(
            item_id=pl.lit(item.group(1) if item else None, pl.String),
            maximum=pl.lit(maximum, pl.Float64),
            points=points,
            word=words,
        )
        parts.append(_scored(scored.filter(pl.col("state") == "finished") if item else scored))
    return pl.concat(parts).with_columns(assessment=pl.lit(file.stem)).select(_COLUMNS)


def _scored(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each row its score, or the reason why it has none."""
    finished = pl.col("state") == "finished"
    raw = pl.when(finished).then(pl.col("points"))
    blank = finished & pl.col("item_id").is_not_null() & pl.col("word").is_in(NOBODY)
    reason = (
        pl.when(raw.is_not_null())
        .then(None)
        .when(blank)  # a question left without an answer
        .then(pl.lit("no_attempt"))
        .when(finished)
        .then(pl.lit("not_graded"))
        .otherwise("state")
    )
    share = pl.when(pl.col("maximum") > 0).then((raw / pl.col("maximum")).clip(0, 1))
    return frame.with_columns(raw_score=raw, score=share, missing_reason=reason)


def _points(
    rows: Sequence[_Row], header: Sequence[str], places: Sequence[int], file: str, *, in_sheet: bool
) -> list[tuple[float | None, pl.Series, pl.Series, pl.Series]]:
    """Return for each column its maximum, the points, which cells are odd, and the cells in normal form.

    The whole report has one decimal mark, headers included.
    """
    maxima = [found.group(1) if (found := _MAXIMUM.search(normal(header[at]))) else "" for at in places]
    cells = [normal(row.cells[at]) for at in places for row in rows]
    if in_sheet and not any(re.search(r"\d,\d", cell) for cell in cells):
        maxima = [maximum.replace(",", ".") for maximum in maxima]  # cells that are numbers have no language
    column = header[places[0]]
    values, odd = numbers(pl.Series([*maxima, *cells], dtype=pl.String), file=file, column=column)
    words = pl.Series(cells, dtype=pl.String)
    odd = odd & ~pl.concat([pl.Series(maxima, dtype=pl.String), words]).is_in(list(_SIGN.words["ungraded"]))
    out, n, m = [], len(rows), len(places)
    for i in range(m):
        part = slice(m + i * n, m + (i + 1) * n)
        out.append((values[i], values[part], odd[part], words[i * n : (i + 1) * n]))
    return out


def _durations(rows: Sequence[_Row], at: int | None) -> pl.Series:
    found = [None if at is None else duration_seconds(row.cells[at]) for row in rows]
    return pl.Series(found, dtype=pl.Float64)


def _moments(
    rows: Sequence[_Row], header: Sequence[str], match: Match, context: Context, file: str
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return when attempts were started and submitted, in UTC, and where an hour occurs twice."""
    n, columns = len(rows), [match.at("started"), match.at("completed")]
    cells = ["" if at is None else row.cells[at] for at in columns for row in rows]
    times = parse_times(
        pl.Series(cells, dtype=pl.String), file=file, column=header[columns[0]], order=context.date_order
    )
    if times.values.null_count() == 2 * n:
        nothing = pl.Series([None] * n, dtype=TIME)
        return nothing, nothing, pl.Series([False] * n, dtype=pl.Boolean)
    instants = to_utc(times.values, zone_of(context, file))
    return instants.values[:n], instants.values[n:], instants.assumed[:n] | instants.assumed[n:]
