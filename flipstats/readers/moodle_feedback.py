"""Moodle feedback activity: every answer to every question, of named or anonymous respondents.

A rating is a number only where the export has one; words of a scale stay words, for the file does not say
which scale they belong to. Answers of anonymous respondents are nobody's, and are not joined to each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.i18n import Notice
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import parse_times
from flipstats.readers.moodle_people import NOBODY, who
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import open_table
from flipstats.readers.zones import to_utc, zone_of
from flipstats.schema import TIME

FORMAT = "moodle_feedback"
_SIGN = signature(FORMAT)
_BETWEEN = "   "  # choices of one answer, and the line breaks of a text
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:[.,]\d{1,6})?")
_RATED = re.compile(r"\((\d{1,4})\)\s*(.*)", re.DOTALL)
_FEEDBACK = {
    "record": pl.Int64,
    "person": pl.String,
    "item": pl.String,
    "rating": pl.Float64,
    "comment": pl.String,
    "at": TIME,
}


@dataclass(frozen=True, slots=True)
class _Row:
    record: int
    person: str | None
    cells: list[str]


def read(file: Path, context: Context) -> Reading:
    """Read the responses of a feedback activity, named or anonymous, French or English.

    Gives ``feedback``: ``record``, ``person`` (null: anonymous), ``item`` (the question as the header has
    it), ``rating`` (where the answer is a number), ``comment`` (the answer in words; several choices joined
    by ``"; "``), ``at`` (null where the export has no date). A record is one respondent.

    Raises
    ------
    InputError
        Not such an export, dates that cannot be settled, or dates and no zone.
    """
    opened = open_table(file, _SIGN)
    table, match = opened.grid, opened.match
    account, identities = Account(read=table.read), []
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    questions = _questions(table.header, match)
    rows = _rows(table, match, questions, account, identities)
    account.kept = len(rows)
    moments = _moments(rows, table.header, match, context, file.name, account)
    feedback = _feedback(rows, questions, table.header, moments)
    anonymous = bool(rows) and all(row.person is None for row in rows)
    warnings = list(opened.warnings)
    if anonymous:
        warnings.append(Notice("readers_moodle_more.anonymous_feedback", file=file.name))
    return Reading(
        FORMAT,
        {"feedback": feedback} if feedback.height else {},
        account,
        people(identities),
        language=match.language,
        timezone=context.timezone,
        covers_to=moments.max(),
        warnings=warnings,
    )


def _questions(header: Sequence[str], match: Match) -> list[int]:
    known = {at for name, places in match.columns.items() if name != "question" for at in places}
    first = max(known) + 1  # questions stand after who and when
    return [at for at in range(first, len(header)) if header[at].strip()]


def _rows(
    table: Grid, match: Match, questions: Sequence[int], account: Account, identities: list
) -> list[_Row]:
    at = match.columns["name"][0]
    numbered = normal(table.header[at]) in _SIGN.words["anonymous"]
    rows = []
    for record, cells in table.rows:
        if not any(cells[place].strip() for place in questions):
            account.set_aside(record, "no_answer")
            continue
        name = " ".join(cells[at].split())
        hidden = numbered or normal(name) in _SIGN.words["anonymous"] or name in NOBODY
        one = None if hidden else who(match, cells, name=name)
        if one is not None:
            identities += one.identities
        rows.append(_Row(record, one and one.person, cells))
    return rows


def _moments(
    rows: Sequence[_Row],
    header: Sequence[str],
    match: Match,
    context: Context,
    file: str,
    account: Account,
) -> pl.Series:
    """Return when each respondent answered, in UTC; null where that is not known."""
    nothing = pl.Series([None] * len(rows), dtype=TIME)
    at = match.at("date")
    if at is None or not rows:
        return nothing
    cells = pl.Series([row.cells[at] for row in rows], dtype=pl.String)
    times = parse_times(cells, file=file, column=header[at], order=context.date_order)
    if times.values.null_count() == len(rows):
        return nothing
    instants = to_utc(times.values, zone_of(context, file))
    for row, unreadable, missing, assumed in zip(
        rows, times.unreadable, instants.missing, instants.assumed, strict=True
    ):
        if unreadable or missing or assumed:
            account.note(row.record, "repeated_hour" if assumed else "no_moment")
    return instants.values


def _feedback(
    rows: Sequence[_Row], questions: Sequence[int], header: Sequence[str], moments: pl.Series
) -> pl.DataFrame:
    parts = []
    for at in questions:
        item = " ".join(header[at].split())
        cells = [row.cells[at] for row in rows]
        for row, when, answer in zip(rows, moments, _answers(cells), strict=True):
            if answer is not None:
                parts.append((row.record, row.person, item, *answer, when))
    frame = pl.DataFrame(parts, schema=_FEEDBACK, orient="row")
    return frame.sort("record", maintain_order=True)


def _answers(cells: Sequence[str]) -> list[tuple[float | None, str | None] | None]:
    """Return (number, words) for each cell of a question, None where nothing was answered.

    Examples
    --------
    >>> _answers(["Video   Quiz   ", "Quiz   ", ""]), _answers(["4", "5"])
    ([(None, 'Video; Quiz'), (None, 'Quiz'), None], [(4.0, None), (5.0, None)])
    """
    given = [cell.strip() for cell in cells if cell.strip() not in NOBODY]
    several = any(cell.endswith(_BETWEEN) for cell in cells)
    numbers = all(_NUMBER.fullmatch(cell) for cell in given)
    rated = all(_RATED.fullmatch(cell) for cell in given)
    out: list[tuple[float | None, str | None] | None] = []
    for cell in map(str.strip, cells):
        if cell in NOBODY:
            out.append(None)
        elif numbers:
            out.append((float(cell.replace(",", ".")), None))
        elif rated and (found := _RATED.fullmatch(cell)):
            out.append((float(found[1]), found[2] or None))
        else:
            pieces = [piece.strip() for piece in cell.split(_BETWEEN) if piece.strip()]
            out.append((None, ("; " if several else "\n").join(pieces)))
    return out
