"""Open edX (FUN) grade report and problem grade report: the grade each learner has for each assignment.

Grades are shares, with a dot, in every language. "Not Attempted" and "Not Available" are no zeros: the first
is work not done, the second work this learner was not given. Averages and the course's grade are left out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.i18n import Notice
from flipstats.readers.answers import ATTEMPTS
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import open_table

FORMAT = "openedx_grades"
_SIGN = signature(FORMAT)
_NUMBER = re.compile(r"\d{1,9}([.,]\d{1,20})?(e-\d{1,3})?", re.IGNORECASE)
_EXPORTED = re.compile(r"_(?:grade_report|problem_grade_report)_(\d{4}-\d{2}-\d{2})-(\d{2})(\d{2})\b")
_PART = re.compile(r"\s*\((?:Earned|Possible)\)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Item:
    """One assignment, as a share, or one problem, as points earned and points possible."""

    title: str
    at: int
    possible: int | None = None


def read(file: Path, context: Context) -> Reading:
    """Read a grade report or a problem grade report.

    Gives ``learners`` and ``attempts``: ``record``, ``person``, ``assessment`` (``title:`` and the column's
    name), ``score`` (0-1), ``raw_score``, ``maximum``, ``missing_reason`` (``no_attempt``, ``other_group``,
    ``not_graded``). A record is one learner; those no longer enrolled are kept and noted. The people kind
    ``group`` is the cohort.

    Raises
    ------
    InputError
        Not such a report.
    """
    opened = open_table(file, _SIGN)
    table, match = opened.grid, opened.match
    account, identities = Account(read=table.read), []
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    items = _items(table.header, match)
    learners = _learners(table, match, account, identities)
    rows = [row for one in learners for row in _scores(*one, items, account)]
    warnings = list(opened.warnings)
    if not items:
        warnings.append(Notice("readers_events.no_assignment", file=file.name))
    listed = [(record, person) for record, person, _ in learners]
    tables = {
        "learners": pl.DataFrame(listed, schema={"record": pl.Int64, "person": pl.String}, orient="row"),
        "attempts": pl.DataFrame(rows, schema=ATTEMPTS, orient="row"),
    }
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people(identities),
        language="en",
        timezone=context.timezone,
        covers_to=_exported(file.name),
        basis="file_name",
        warnings=warnings,
    )


def _items(header: Sequence[str], match: Match) -> list[_Item]:
    possible = {normal(_PART.sub("", header[at])): at for at in match.columns.get("possible", ())}
    found = [_Item(" ".join(header[at].split()), at) for at in match.columns.get("assignment", ())]
    for at in match.columns.get("earned", ()):
        title = _PART.sub("", header[at])
        found.append(_Item(" ".join(title.split()), at, possible.get(normal(title))))
    return [item for item in found if item.title]


def _learners(
    table: Grid, match: Match, account: Account, identities: list
) -> list[tuple[int, str, list[str]]]:
    columns = {"id": "id", "email": "email", "username": "username", "group": "cohort"}
    status, seen, rows = match.columns["status"][0], set(), []
    for record, cells in table.rows:
        given = {k: cells[at].strip() for k, name in columns.items() if (at := match.at(name)) is not None}
        given = {k: v for k, v in given.items() if v and normal(v) != "n/a"}
        given = {k: v.casefold() if k == "email" else v for k, v in given.items()}
        key = f"edx:{given['id']}" if "id" in given else f"username:{given.get('username', '').casefold()}"
        if key == "username:":
            account.set_aside(record, "no_person")
            continue
        identities += [(key, kind, value) for kind, value in given.items()]
        if key in seen:
            account.merge(record, "same_person")
            continue
        seen.add(key)
        account.kept += 1
        if _SIGN.words["status"].get(normal(cells[status])) == "unenrolled":
            account.note(record, "unenrolled")
        rows.append((record, key, cells))
    return rows


def _scores(
    record: int, person: str, cells: Sequence[str], items: Sequence[_Item], account: Account
) -> list[tuple]:
    out = []
    for item in items:
        raw, word = _number(cells[item.at]), normal(cells[item.at])
        most = _number(cells[item.possible]) if item.possible is not None else None
        reason = _SIGN.words["missing"].get(word) or ("not_graded" if not word else None)
        if raw is None and reason is None:
            account.note(record, "no_score")
            continue
        if raw is not None and item.possible is None and raw > 1:
            account.note(record, "score_out_of_range")
            continue
        points = (raw, most) if item.possible is not None else (None, None)
        share = raw if item.possible is None else (raw / most if raw is not None and most else None)
        share = None if share is None else min(1.0, share)
        reason = None if share is not None else reason or "not_graded"
        out.append((person, f"title:{item.title}", None, None, share, *points, reason, None, None, record))
    return out


def _number(text: str) -> float | None:
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text.strip()) else None


def _exported(name: str) -> dt.datetime | None:
    """Return the UTC time at which a report was made, as its name says."""
    found = _EXPORTED.search(name)
    try:
        return dt.datetime.fromisoformat(f"{found[1]}T{found[2]}:{found[3]}+00:00") if found else None
    except ValueError:
        return None
