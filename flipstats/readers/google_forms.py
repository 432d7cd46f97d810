"""Google Forms: answers of a form, and the scores of a quiz made with it.

Forms' own CSV writes times as ``2024/03/21 12:05:33 PM UTC+1`` in every language; the CSV of the linked
sheet writes them as the sheet's locale does, without a zone. A form that gives scores is an assessment; every
answer in it is also kept as feedback.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.readers.answers import ATTEMPTS, FEEDBACK
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import parse_times
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import open_table
from flipstats.readers.zones import to_utc, zone_of

FORMAT = "google_forms"
_SIGN = signature(FORMAT)
_OWN = re.compile(
    r"(?P<date>\d{4}/\d{1,2}/\d{1,2}) (?P<clock>\d{1,2}:\d{2}:\d{2}) (?P<half>[AP]M) "
    r"(?:UTC|GMT)(?P<sign>[+-−])?(?P<hours>\d{1,2})?(?::?(?P<minutes>\d{2}))?"
)
_SCORE = re.compile(r"(\d{1,9}(?:[.,]\d{1,9})?) ?/ ?(\d{1,9}(?:[.,]\d{1,9})?)")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMBER = re.compile(r"-?\d{1,9}([.,]\d{1,9})?")


@dataclass(frozen=True, slots=True)
class _Row:
    record: int
    person: str | None
    cells: list[str]
    at: dt.datetime | None = None


def read(file: Path, context: Context) -> Reading:
    """Read the responses of a form, named or anonymous, French or English.

    Gives ``feedback`` (``person`` null: anonymous; ``item``: the question, numbered where several have its
    title; ``rating`` where every answer is a number, else ``comment``; ``at``) and, for a quiz, ``attempts``
    (``item_id``: the place of a question that is scored; ``attempt`` by time; null, like ``person``, where a
    response is anonymous). A record is one response.

    Raises
    ------
    InputError
        Not such an export, an order of day and month that cannot be settled, or local times and no zone.
    """
    opened = open_table(file, _SIGN)
    table, match = opened.grid, opened.match
    account, identities = Account(read=table.read), []
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    rows = _timed(_rows(table, match, account, identities), table.header, match, context, file.name, account)
    account.kept = len(rows)
    questions = _questions(table.header, match)
    tables = {
        "feedback": _feedback(rows, questions),
        "attempts": _attempts(rows, match, list(questions), file.stem, account),
    }
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people(identities),
        language=match.language,
        timezone=context.timezone,
        covers_to=max((row.at for row in rows if row.at), default=None),
        warnings=list(opened.warnings),
    )


def _rows(table: Grid, match: Match, account: Account, identities: list) -> list[_Row]:
    at, rows = match.at("email"), []
    answers = [i for name, places in match.columns.items() if name not in ("at", "email") for i in places]
    for record, cells in table.rows:
        if not any(cells[place].strip() for place in answers):
            account.set_aside(record, "no_answer")
            continue
        given = "" if at is None else cells[at].strip().casefold()
        kind = "email" if _ADDRESS.fullmatch(given) else "username"
        person = f"{'mail' if kind == 'email' else kind}:{given}" if given else None
        if person:
            identities.append((person, kind, given))
        rows.append(_Row(record, person, cells))
    return rows


def _questions(header: Sequence[str], match: Match) -> dict[int, str]:
    """Return the title of each question by its column; those of one title are numbered."""
    places = match.columns.get("question", [])
    titles = [" ".join(header[at].split()) for at in places]
    several, met, out = Counter(titles), Counter(), {}
    for at, title in zip(places, titles, strict=True):
        met[title] += 1
        out[at] = f"{title} #{met[title]}" if several[title] > 1 else title
    return out


def _timed(
    rows: Sequence[_Row],
    header: Sequence[str],
    match: Match,
    context: Context,
    file: str,
    account: Account,
) -> list[_Row]:
    """Give each response its time; one without a time that can be read is set aside."""
    at = match.columns["at"][0]
    cells = [" ".join(row.cells[at].split()) for row in rows]
    own = [own_time(cell) for cell in cells]
    if any(own) or not rows:
        moments, assumed = own, [False] * len(rows)
    else:
        column = pl.Series(cells, dtype=pl.String)
        times = parse_times(column, file=file, column=header[at], order=context.date_order)
        instants = to_utc(times.values, "UTC" if times.zoned else zone_of(context, file))
        moments, assumed = instants.values.to_list(), instants.assumed.to_list()
    out = []
    for row, moment, twice in zip(rows, moments, assumed, strict=True):
        if moment is None:
            account.set_aside(row.record, "no_time")
            continue
        if twice:
            account.note(row.record, "repeated_hour")
        out.append(_Row(row.record, row.person, row.cells, moment))
    return out


def own_time(text: str) -> dt.datetime | None:
    """Return the UTC time of a time as Forms' own CSV writes it; None for any other.

    Examples
    --------
    >>> own_time("2024/03/21 12:05:33 PM UTC+1").isoformat(), own_time("3/21/2024 12:05:33")
    ('2024-03-21T11:05:33+00:00', None)
    """
    found = _OWN.fullmatch(text)
    if found is None:
        return None
    away = dt.timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    try:
        local = dt.datetime.strptime(
            f"{found['date']} {found['clock']} {found['half']} +0000", "%Y/%m/%d %I:%M:%S %p %z"
        )
        moment = local + (away if found["sign"] in ("-", "−") else -away)
    except (ValueError, OverflowError):
        return None
    return moment.astimezone(dt.UTC) if 1990 <= moment.year < 2100 else None


def _feedback(rows: Sequence[_Row], questions: dict[int, str]) -> pl.DataFrame:
    out = []
    for at, item in questions.items():
        given = [row.cells[at].strip() for row in rows if row.cells[at].strip()]
        rated = all(_NUMBER.fullmatch(cell) for cell in given)
        for row in rows:
            if answer := row.cells[at].strip():
                number = float(answer.replace(",", ".")) if rated else None
                out.append((row.person, item, number, None if rated else answer, row.at, row.record))
    return pl.DataFrame(out, schema=FEEDBACK, orient="row").sort("record", maintain_order=True)


def _attempts(
    rows: Sequence[_Row], match: Match, questions: Sequence[int], assessment: str, account: Account
) -> pl.DataFrame:
    """Return a row for each score, then one for each scored question; a person's are in the order of time."""
    out, done, at = [], Counter(), match.at("score")
    items = {place: sum(q < place for q in questions) for place in match.columns.get("item_score", ())}
    for row in sorted(rows, key=lambda row: (row.at, row.record)) if at is not None else ():
        if row.person is None:
            account.note(row.record, "anonymous")
        else:
            done[row.person] += 1
        for place, item in {at: None, **items}.items():
            share, raw, most = _points(row.cells[place])
            reason, attempt = None if raw is not None else "not_graded", done.get(row.person)
            out.append((row.person, assessment, item and str(item), attempt, share, raw, most, reason, None,
                        row.at, row.record))  # fmt: skip
    return pl.DataFrame(out, schema=ATTEMPTS, orient="row").sort("record", maintain_order=True)


def _points(cell: str) -> tuple[float | None, float | None, float | None]:
    """Return (share, points, maximum) of a score such as ``7 / 10``; of a number alone, the points."""
    found = _SCORE.fullmatch(normal(cell))
    if found is None:
        return None, (float(cell.replace(",", ".")) if _NUMBER.fullmatch(cell.strip()) else None), None
    raw, most = (float(part.replace(",", ".")) for part in found.groups())
    return (min(1.0, raw / most) if most else None), raw, most
