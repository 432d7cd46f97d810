"""Kahoot!: the report workbook of a game. Points mix speed and knowledge: the score is the share right.

Players are nicknames. Answers one by one are read where the workbook has them, else the final scores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers.answers import ATTEMPTS, FEEDBACK
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import Sheet, is_workbook, sheet_grid, sheets, trimmed

FORMAT = "kahoot"
_SIGN = signature(FORMAT)
_WHOLE = re.compile(r"\d{1,6}")


@dataclass(slots=True)
class _Player:
    record: int
    points: dict[str, float | None] = field(default_factory=dict)


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - the workbook has a day, no times
    """Read the report of a game.

    Gives ``attempts`` (a row for each player: the share right of all quiz questions; then, where the workbook
    has the answers, one for each question, ``item_id`` being its number) and ``feedback`` (answers to polls).
    A record is an answer, or a player of the final scores.

    Raises
    ------
    InputError
        Not a workbook, or none of its sheets has players.
    """
    if not is_workbook(file):
        raise InputError(t("readers_events.not_kahoot", file=file.name))
    found = [table for sheet in sheets(file) if (table := _table(sheet)) is not None]
    best = max(found, key=lambda table: "result" in table[1].columns, default=None)
    if best is None:
        raise InputError(t("readers_events.not_kahoot", file=file.name))
    table, match = best
    account = Account(read=table.read)
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    by_answer = "result" in match.columns
    names: dict[str, str] = {}
    attempts, feedback = (_answers if by_answer else _finals)(table, match, file.stem, account, names)
    account.kept = account.read - account.count("set_aside") - account.count("merged")
    tables = {
        "attempts": pl.DataFrame(attempts, schema=ATTEMPTS, orient="row"),
        "feedback": pl.DataFrame(feedback, schema=FEEDBACK, orient="row"),
    }
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people((person, "name", name) for person, name in names.items()),
        language=match.language,
    )


def _table(sheet: Sheet) -> tuple[Grid, Match] | None:
    """Return the table of players of a sheet, below its titles."""
    for at, row in enumerate(sheet.rows[: _SIGN.header_within]):
        match = _SIGN.match(trimmed(row))
        if match.fits and ("result" in match.columns or {"right", "wrong"} <= match.columns.keys()):
            return sheet_grid(sheet, at), match
    return None


def _person(cells: Sequence[str], match: Match, names: dict[str, str]) -> str | None:
    name = " ".join(cells[match.columns["player"][0]].split())
    if not name:
        return None
    person = f"name:{normal(name)}"
    names.setdefault(person, name)
    return person


def _answers(
    table: Grid, match: Match, title: str, account: Account, names: dict[str, str]
) -> tuple[list[tuple], list[tuple]]:
    """Return attempts and answers to polls from the answers one by one."""
    players: dict[str, _Player] = {}
    asked: dict[str, str] = {}
    rows: dict[tuple[str, str], tuple] = {}
    feedback = []
    for record, cells in table.rows:
        person = _person(cells, match, names)
        number, question, answer = (_cell(cells, match, c) for c in ("question_number", "question", "answer"))
        result = _SIGN.words["result"].get(normal(_cell(cells, match, "result")))
        item = (re.match(r"\d+", number) or [number or question])[0]
        if person is None or not item:
            account.set_aside(record, "no_person" if person is None else "answer_unreadable")
            continue
        if result is None:
            if answer:
                feedback.append((person, question or number, None, answer, None, record))
            else:
                account.set_aside(record, "no_answer")
            continue
        if (person, item) in rows:
            account.merge(record, "duplicate_record")
            continue
        point = float(result == "right") if answer or result == "right" else None
        asked[item] = question
        players.setdefault(person, _Player(record)).points[item] = point
        reason = None if point is not None else "no_attempt"
        rows[(person, item)] = (person, title, item, 1, point, point, 1.0, reason, None, None, record)
    most = float(len(asked))
    whole = [
        _whole(person, title, sum(p for p in player.points.values() if p), most, player.record,
               answered=any(p is not None for p in player.points.values()))
        for person, player in players.items()
    ]  # fmt: skip
    return [*whole, *rows.values()], feedback


def _finals(
    table: Grid, match: Match, title: str, account: Account, names: dict[str, str]
) -> tuple[list[tuple], list[tuple]]:
    """Return attempts from the final scores; a question not answered counts as wrong there."""
    out, seen = [], set()
    for record, cells in table.rows:
        person = _person(cells, match, names)
        right, wrong = (_cell(cells, match, column) for column in ("right", "wrong"))
        if person is None or not (_WHOLE.fullmatch(right) and _WHOLE.fullmatch(wrong)):
            account.set_aside(record, "no_person" if person is None else "answer_unreadable")
        elif person in seen:
            account.merge(record, "same_person")
        elif int(right) + int(wrong) == 0:
            account.set_aside(record, "no_answer")
        else:
            seen.add(person)
            out.append(
                _whole(person, title, float(right), float(right) + float(wrong), record, answered=True)
            )
    return out, []


def _whole(person: str, title: str, right: float, most: float, record: int, *, answered: bool) -> tuple:
    points = right if answered else None
    share = right / most if answered and most else None
    reason = None if share is not None else "no_attempt"
    return person, title, None, 1, share, points, most, reason, None, None, record


def _cell(cells: Sequence[str], match: Match, column: str) -> str:
    at = match.at(column)
    return "" if at is None else " ".join(cells[at].split())
