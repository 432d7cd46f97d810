"""Wooclap: the results workbook of an event, located by its cells, for its captions are not sure.

``V - `` begins a right answer, ``X - `` a wrong one, ``/`` is none; any other text is an opinion. The
workbook has no times. Messages of the wall are records too, after the participants.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers.answers import ATTEMPTS, FEEDBACK
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.signatures import Match, content, signature
from flipstats.readers.structures import judged
from flipstats.readers.text import normal
from flipstats.readers.workbook import Sheet, is_workbook, sheets, trimmed

FORMAT = "wooclap"
_SIGN = signature(FORMAT)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TOTAL = re.compile(r"\d+([.,]\d+)?( ?/ ?\d+([.,]\d+)?| ?%)?")
_IDENTITY = ("number", "username", "first_name", "last_name", "email")
_USUAL = 5  # columns before the questions, where neither labels nor addresses tell


@dataclass(frozen=True, slots=True)
class _Participant:
    record: int
    person: str | None
    cells: list[str]


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - the workbook has no times
    """Read the results of an event.

    Gives ``attempts`` (a row for each participant: the share right of the questions that have a right answer;
    then one for each such question, ``item_id`` being its place) and ``feedback`` (opinions, and messages of
    the wall; ``at`` is null). A record is a participant, then a message.

    Raises
    ------
    InputError
        Not a workbook, or no sheet of it has participants and questions.
    """
    if not is_workbook(file):
        raise InputError(t("readers_events.not_wooclap", file=file.name))
    book = [sheet for sheet in sheets(file) if any(map(any, sheet.rows))]
    main = _main(book)
    if main is None:
        raise InputError(t("readers_events.not_wooclap", file=file.name))
    header, body = _table(main)
    match = _SIGN.match(header)
    account, identities = Account(), []
    first, last = _places(header, body, match)
    participants = _participants(body, match, _address_column(header, body, match), account, identities)
    questions = range(first, last)
    scored = [at for at in questions if any(map(judged, (row[at] for row in body)))]
    answers = list(_opinions(participants, [at for at in questions if at not in scored], header))
    answers += _wall(book, account, identities)
    tables = {
        "attempts": pl.DataFrame(
            list(_attempts(participants, scored, first, file.stem, account)), schema=ATTEMPTS, orient="row"
        ),
        "feedback": pl.DataFrame(answers, schema=FEEDBACK, orient="row"),
    }
    account.kept = account.read - account.count("set_aside")
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people(identities),
        language=match.language,
        warnings=[Notice("readers_events.captions_unconfirmed", file=file.name)],
    )


def _main(book: Sequence[Sheet]) -> Sheet | None:
    """Return the sheet of participants: the one with most judged answers, else the one so named."""
    ranked = [(sum(judged(cell) for row in sheet.rows for cell in row), sheet) for sheet in book]
    best = max(ranked, key=lambda pair: pair[0], default=(0, None))
    if best[0]:
        return best[1]
    return next((sheet for sheet in book if _named(sheet, "main")), None)


def _named(sheet: Sheet, role: str) -> bool:
    return normal(sheet.name) in [normal(name) for name in content(FORMAT)["sheets"][role]]


def _table(sheet: Sheet) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows below it, up to the first blank one."""
    start = next(
        at for at, row in enumerate(sheet.rows) if len([c for c in row if c.strip()]) > 1 or any(row)
    )
    header, body = trimmed(sheet.rows[start]), []
    for row in sheet.rows[start + 1 :]:
        if not any(cell.strip() for cell in row):
            break
        body.append(row[: len(header)] + [""] * (len(header) - len(row)))
    return header, body


def _address_column(header: Sequence[str], body: Sequence[list[str]], match: Match) -> int | None:
    """Return the column most of whose cells are addresses, else the one with that label."""
    counts = [
        sum(_ADDRESS.fullmatch(row[at].strip()) is not None for row in body) for at in range(len(header))
    ]
    if counts and max(counts) > 0 and max(counts) * 2 >= len(body):
        return counts.index(max(counts))
    return match.at("email")


def _places(header: Sequence[str], body: Sequence[list[str]], match: Match) -> tuple[int, int]:
    """Return the first column of the questions, and the one after their last."""
    address = _address_column(header, body, match)
    known = [at for name in _IDENTITY if (at := match.at(name)) is not None]
    known += [address] if address is not None else []
    first = max(known) + 1 if known else min(_USUAL, len(header))
    last = len(header)
    cells = [row[-1].strip() for row in body if row and row[-1].strip()]
    if last > first and (match.at("total") == last - 1 or (cells and all(map(_TOTAL.fullmatch, cells)))):
        last -= 1
    return first, last


def _participants(
    body: Sequence[list[str]], match: Match, address: int | None, account: Account, identities: list
) -> list[_Participant]:
    def cell(row: Sequence[str], name: str) -> str:
        at = address if name == "email" else match.at(name)
        return "" if at is None else " ".join(row[at].split())

    shown = match.at("username")
    shown = 1 if shown is None and match.columns.keys() <= {"email", "total", "number"} else shown
    names = [
        f"{cell(row, 'first_name')} {cell(row, 'last_name')}".strip()
        or ("" if shown is None or shown >= len(row) else " ".join(row[shown].split()))
        for row in body
    ]
    bearers = Counter(map(normal, names))
    out = []
    for row, name in zip(body, names, strict=True):
        account.read += 1
        mail = cell(row, "email").casefold() if _ADDRESS.fullmatch(cell(row, "email")) else ""
        person = f"mail:{mail}" if mail else (f"name:{normal(name)}" if name else None)
        if not mail and bearers[normal(name)] > 1 and name:
            person = f"record:{account.read}"  # two people of one name are two people
        if person:
            given = [("email", mail), ("name", name), ("name", cell(row, "username"))]
            identities += [(person, kind, value) for kind, value in given if value]
        else:
            account.note(account.read, "anonymous")
        out.append(_Participant(account.read, person, row))
    return out


def _attempts(
    participants: Sequence[_Participant], scored: Sequence[int], first: int, title: str, account: Account
) -> Iterator[tuple]:
    for one in participants:
        points: dict[int, float | None] = {}
        for at in scored:
            cell, points[at] = one.cells[at].strip(), None
            if judged(cell):
                points[at] = float(cell.startswith("V"))
            elif cell not in ("", "/"):
                account.note(one.record, "answer_unreadable")
        if one.person is None or not scored:
            continue
        given = [point for point in points.values() if point is not None]
        total, most = (sum(given), float(len(scored))) if given else (None, float(len(scored)))
        yield (one.person, title, None, 1, None if total is None else total / most, total, most,
               None if given else "no_attempt", None, None, one.record)  # fmt: skip
        for at, point in points.items():
            reason = None if point is not None else "no_attempt"
            yield (one.person, title, str(at - first + 1), 1, point, point, 1.0, reason, None, None,
                   one.record)  # fmt: skip


def _opinions(
    participants: Sequence[_Participant], questions: Sequence[int], header: Sequence[str]
) -> Iterator[tuple]:
    for one in participants:
        for at in questions:
            answer = one.cells[at].strip()
            if answer not in ("", "/"):
                title = " ".join(header[at].split()) or f"#{at + 1}"
                yield one.person, title, None, answer, None, one.record


def _wall(book: Sequence[Sheet], account: Account, identities: Sequence[tuple]) -> list[tuple]:
    """Return the messages of the wall, of the participant whose name only one has, else of nobody."""
    bearers: dict[str, set[str]] = {}
    for person, kind, value in identities:
        if kind == "name":
            bearers.setdefault(normal(value), set()).add(person)
    out = []
    for sheet in book:
        if not _named(sheet, "wall"):
            continue
        for row in _table(sheet)[1]:
            account.read += 1
            message = row[1].strip() if len(row) > 1 else ""
            if not message:
                account.set_aside(account.read, "no_answer")
                continue
            who = bearers.get(normal(row[0]), set())
            person = next(iter(who)) if len(who) == 1 else None
            if person is None:
                account.note(account.read, "anonymous")
            out.append((person, sheet.name, None, message, None, account.read))
    return out
