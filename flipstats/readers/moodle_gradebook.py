"""Moodle gradebook: the grade each learner has for each item, from the text or Excel export.

The export has neither times nor maxima: a maximum is worked out where an item stands both as points and as a
percentage. Totals of the course and its categories are aggregates and are left out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from flipstats.i18n import Notice
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import numbers
from flipstats.readers.json_text import epoch
from flipstats.readers.moodle_people import NOBODY, who, why_nobody
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, content, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import open_table
from flipstats.schema import TIME

FORMAT = "moodle_gradebook"
_SIGN = signature(FORMAT)
_HEADER = re.compile(r"(?P<name>.+?)\s*\((?P<shown>[^()]+)\)\s*")
_SCHEMA = {
    "record": pl.Int64,
    "person": pl.String,
    "assessment": pl.String,
    "item_id": pl.String,
    "attempt": pl.Int64,
    "score": pl.Float64,
    "raw_score": pl.Float64,
    "maximum": pl.Float64,
    "missing_reason": pl.String,
    "started_at": TIME,
    "submitted_at": TIME,
}


@dataclass(frozen=True, slots=True)
class _Row:
    record: int
    person: str
    cells: list[str]


def read(file: Path, context: Context) -> Reading:
    """Read a grade export, text with any separator or workbook, French or English.

    Gives ``attempts``: ``record``, ``person``, ``assessment``, ``attempt`` (null: the gradebook has one grade
    an item, not attempts), ``score`` (0-1), ``raw_score``, ``maximum``, ``missing_reason`` (``not_graded``
    where there is no grade: the export does not tell why). An assessment is ``title:`` and the item's name
    without the kind of activity before it, then ``#1``, ``#2`` where several items have that name. A record
    is one learner.

    Raises
    ------
    InputError
        Not such an export, or a decimal mark that cannot be settled.
    """
    opened = open_table(file, _SIGN)
    table, match = opened.grid, opened.match
    account, identities = Account(read=table.read), []
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    rows = _rows(table, match, account, identities)
    account.kept = len(rows)
    items = _items(table.header, match)
    attempts = _attempts(rows, items, table.header, file.name, account)
    warnings = list(opened.warnings)
    if not items:
        warnings.append(Notice("readers_moodle_more.only_totals", file=file.name))
    return Reading(
        FORMAT,
        {"attempts": attempts} if attempts.height else {},
        account,
        people(identities),
        language=match.language,
        timezone=context.timezone,
        covers_to=_exported(rows, match.at("exported")),
        basis="declared",
        warnings=warnings,
    )


def _rows(table: Grid, match: Match, account: Account, identities: list) -> list[_Row]:
    rows, seen, suspended = [], set(), match.at("suspended")
    for record, cells in table.rows:
        one = who(match, cells, record=record)
        if one is None:
            account.set_aside(record, why_nobody(match, cells))
            continue
        identities += one.identities
        if one.person in seen:
            account.merge(record, "same_person")
            continue
        seen.add(one.person)
        if suspended is not None and normal(cells[suspended]) in _SIGN.words["yes"]:
            account.note(record, "suspended_account")
        rows.append(_Row(record, one.person, cells))
    return rows


def _items(header: Sequence[str], match: Match) -> dict[str, dict[str, int]]:
    """Return for each item that is no aggregate the column of its points, its percentage, its letter."""
    found: dict[str, list[dict[str, int]]] = {}
    for at in match.columns.get("grade", ()):
        parts = _HEADER.fullmatch(header[at].strip())
        shown = parts and _SIGN.words["display"].get(normal(parts["shown"]))
        title = parts and item_title(parts["name"])
        if title and shown:
            places = found.setdefault(title, [{}])
            if shown in places[-1]:
                places.append({})
            places[-1][shown] = at
    return {
        f"title:{title}" + (f" #{n}" if len(places) > 1 else ""): each
        for title, places in found.items()
        for n, each in enumerate(places, 1)  # items of one name are known by their order
    }


def item_title(name: str) -> str | None:
    """Return an item's own name from how an export writes it; None where it is a total.

    The kind of activity stands before it: ``Quiz: X``, in French ``Test`` and a no-break space, which some
    versions bring to a plain one; then a name in lower case after the word belongs to it.

    Examples
    --------
    >>> item_title("Quiz: Safety"), item_title("Test\\u00a0Bilan"), item_title("Test de positionnement")
    ('Safety', 'Bilan', 'Test de positionnement')
    """
    for mark in (": ", "\u00a0", " "):
        parts = name.split(mark)
        for n in range(1, min(4, len(parts))):
            rest = mark.join(parts[n:]).strip()
            sure = mark != " " or rest[:1].isupper() or rest[:1].isdigit() or rest[:1] in "«“\"'"
            if rest and sure and normal(mark.join(parts[:n])) in _module_words():
                return " ".join(rest.split())
    if any(re.fullmatch(pattern, normal(name)) for pattern in content(FORMAT)["aggregates"]["patterns"]):
        return None
    return " ".join(name.split())


@cache
def _module_words() -> frozenset[str]:
    log = content("moodle_log")["types"].values()
    words = [word for words in log for word in words] + content(FORMAT)["modules"]["words"]
    return frozenset(map(normal, words))


def _attempts(
    rows: Sequence[_Row],
    items: Mapping[str, Mapping[str, int]],
    header: Sequence[str],
    file: str,
    account: Account,
) -> pl.DataFrame:
    """Return one row for each learner and item, with its grade or without one."""
    marks = {
        shown: _mark(
            [row.cells[places[shown]] for places in items.values() if shown in places for row in rows]
        )
        for shown in ("real", "percentage")
    }
    parts = []
    for title, places in items.items():
        points, percent = (_column(rows, places.get(s), header, file, mark) for s, mark in marks.items())
        blank = [all(row.cells[at].strip() in NOBODY for at in places.values()) for row in rows]
        frame = pl.DataFrame(
            {
                "record": pl.Series([row.record for row in rows], dtype=pl.Int64),
                "person": pl.Series([row.person for row in rows], dtype=pl.String),
                "raw_score": points,
                "share": percent / 100,
                "blank": pl.Series(blank, dtype=pl.Boolean),
            }
        )
        graded = pl.coalesce("raw_score", "share").is_not_null()
        for record in frame.filter(~graded & ~pl.col("blank"))["record"]:
            account.note(record, "no_score")
        frame = frame.filter(graded | pl.col("blank")).with_columns(
            assessment=pl.lit(title),
            maximum=pl.lit(_maximum(frame), pl.Float64),
            missing_reason=pl.when(~graded).then(pl.lit("not_graded")),
        )
        score = pl.coalesce("share", pl.col("raw_score") / pl.col("maximum")).clip(0, 1)
        parts.append(frame.with_columns(score=score))
    return _framed(parts)


def _framed(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema=_SCHEMA)
    frame = pl.concat(parts)
    missing = [
        pl.lit(None, dtype).alias(name) for name, dtype in _SCHEMA.items() if name not in frame.columns
    ]
    return frame.with_columns(missing).select(*_SCHEMA).sort("record", maintain_order=True)


def _maximum(frame: pl.DataFrame) -> float | None:
    """Return the points that make 100 %, where those who have both points and percentage agree."""
    both = frame.filter((pl.col("raw_score") > 0) & (pl.col("share") > 0))
    found = both.select(maximum=pl.col("raw_score") / pl.col("share"))["maximum"]
    if found.is_empty():
        return None
    middle = float(found.median())
    return round(middle, 2) if (found - middle).abs().max() <= 0.02 * middle else None


def _column(rows: Sequence[_Row], at: int | None, header: Sequence[str], file: str, mark: str) -> pl.Series:
    if at is None:
        return pl.Series([None] * len(rows), dtype=pl.Float64)
    cells = pl.Series([row.cells[at] for row in rows], dtype=pl.String)
    return numbers(cells, file=file, column=header[at], mark=mark)[0]


def _mark(cells: Sequence[str]) -> str:
    """Return the decimal mark: a dot in every language, unless the export itself shows only commas."""
    texts = pl.Series(cells, dtype=pl.String)
    return "," if texts.str.contains(r"\d,\d").any() and not texts.str.contains(r"\d\.\d").any() else "."


def _exported(rows: Sequence[_Row], at: int | None) -> dt.datetime | None:
    cells = [row.cells[at].strip() for row in rows] if at is not None else []
    times = [epoch(int(cell)) for cell in cells if cell.isdecimal() and len(cell) < 12]
    return max((when for when in times if when is not None), default=None)
