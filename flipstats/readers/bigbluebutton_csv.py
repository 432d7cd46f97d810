"""BigBlueButton's learning dashboard as CSV: names, first join and last leave, minutes and poll answers.

Read by position: twelve columns that every language has in one order, then one for each poll. The header is
not quoted, so commas in questions shift it and nothing else; the last row holds the anonymous answers. Times
are of the browser of whoever downloaded the file. People are known by name only: the JSON of the same
dashboard, with identifiers and every interval, is to be preferred.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers import presence
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.bigbluebutton_polls import Poll, Voter, feedback
from flipstats.readers.columns import duration_seconds
from flipstats.readers.presence import Stay
from flipstats.readers.records import Records, best_delimiter, lines_of
from flipstats.readers.signatures import signature
from flipstats.readers.text import Text, open_text
from flipstats.readers.zones import zone_of

FORMAT = "bigbluebutton_csv"
FIXED = 12
_SIGN = signature("bigbluebutton_csv")
_NAME, _MODERATOR, _JOINED, _LEFT, _DURATION = 0, 1, 9, 10, 11


@dataclass(slots=True)
class _Row(Voter):
    name: str = ""
    cells: list[str] = field(default_factory=list)


def read(file: Path, context: Context) -> Reading:
    """Read one downloaded dashboard.

    Returns
    -------
    Reading
        ``attendance``, ``meetings`` and ``feedback``: every poll answer, since the file does not say which
        option is right. Two rows of one name are two people; moderators have the role ``staff``.

    Raises
    ------
    InputError
        The file is no such dashboard, the zone is unknown, or its dates can be read in two ways.
    """
    text = open_text(file)
    zone = zone_of(context, file.name)
    header, table, account = _table(text)
    match = _SIGN.match(header)
    warnings = [*text.warnings, Notice("readers_meetings.bbb_csv_names", file=file.name)]
    polls = _polls(
        header, max((len(cells) for _, cells in table), default=len(header)) - FIXED, file.name, warnings
    )
    rows, anonymous = _rows(table, account)
    _set_times(rows, file, zone, context, account)
    kept = [row for row in rows if row.stays]
    starts, ends = presence.bounds(stay for row in kept for stay in row.stays)
    if starts is None:
        for row in anonymous:
            account.set_aside(row.record, "anonymous")
        return presence.nobody(FORMAT, file, account, zone, warnings, match.language)
    meeting = presence.key_of("bbb", starts, kept_stays := [row.stays[0] for row in kept])
    tables = {
        "attendance": presence.attendance(kept_stays, Account()),
        "meetings": presence.meetings([(meeting, None, starts, ends)]),
        "feedback": feedback([*kept, *_anonymous(anonymous, account)], polls, meeting),
    }
    account.kept = account.read - account.count("set_aside")
    return Reading(
        FORMAT,
        presence.filled(tables),
        account,
        people(_identities(kept)),
        language=match.language,
        timezone=zone,
        warnings=warnings,
    )


def _table(text: Text) -> tuple[list[str], list[tuple[int, list[str]]], Account]:
    """Return the header and the records as wide as the first of them."""
    delimiter, _ = best_delimiter(text.head(), _SIGN.score)
    source = Records(lines_of(text.blocks()), delimiter, cut=text.cut_character)
    header = source.header()
    source.go_on(0, max(FIXED, _width(text, delimiter)))
    account, table = Account(), []
    for record, cells, reason in source:
        account.read += 1
        if reason is None:
            table.append((record, cells))
        else:
            account.set_aside(record, reason)
    known = [cells for _, cells in table if cells[_MODERATOR].strip().upper() in ("TRUE", "FALSE")]
    if len(header) < FIXED or not (known or (_SIGN.match(header).fits and not table)):
        columns = "“Name”, “Moderator”, “Activity Score”"
        title = t("readers.format_bigbluebutton_csv")
        raise InputError(t("readers.columns_missing", file=text.name, format=title, columns=columns, n=3))
    return header, table, account


def _width(text: Text, delimiter: str) -> int:
    source = Records(lines_of(text.blocks()), delimiter)
    source.header()
    source.go_on(0, FIXED)
    return next((len(cells) for _, cells, reason in source if reason in (None, "too_many_cells")), FIXED)


def _polls(header: list[str], number: int, file: str, warnings: list[Notice]) -> dict[str, Poll]:
    """Return the polls; where commas hide which question is which, under their numbers."""
    cells = [cell.strip() for cell in header[FIXED:]]
    if number == 1:
        cells = [", ".join(cells)]
    elif len(cells) != number:
        warnings.append(Notice("readers_meetings.bbb_questions", file=file))
        cells = [""] * number
    return {str(i): Poll(0, i, title or f"#{i}") for i, title in enumerate(cells, 1)}


def _rows(table: list[tuple[int, list[str]]], account: Account) -> tuple[list[_Row], list[_Row]]:
    """Return the rows of people, and the one of anonymous answers, which has nothing but them."""
    rows, anonymous = [], []
    for record, cells in table:
        name, voted = " ".join(cells[_NAME].split()), cells[FIXED:]
        if not any(cell.strip() for cell in cells[_MODERATOR:FIXED]):
            anonymous.append(_Row(record, "", cells=voted))
            continue
        if not name:
            account.set_aside(record, "no_person")
            continue
        answers = {str(i): [cell.strip()] for i, cell in enumerate(voted, 1) if cell.strip() not in ("", "-")}
        rows.append(_Row(record, f"record:{record}", answers, name=name, cells=cells))
    return rows, anonymous


def _anonymous(rows: list[_Row], account: Account) -> list[Voter]:
    """Return a voter of no name for each anonymous answer; a cell has one a line."""
    voices = []
    for row in rows:
        found = [
            Voter(row.record, None, {str(i): [line.strip()]})
            for i, cell in enumerate(row.cells, 1)
            for line in cell.splitlines()
            if line.strip() not in ("", "-")
        ]
        if not found:
            account.set_aside(row.record, "anonymous")
        voices += found
    return voices


def _set_times(rows: list[_Row], file: Path, zone: str, context: Context, account: Account) -> None:
    """Give each row its stay; who has none that makes sense is set aside."""
    texts = [row.cells[at].strip() for at in (_JOINED, _LEFT) for row in rows]
    day = context.day or presence.day_in_name(file)
    column = t("readers_meetings.times")
    instants = presence.moments(texts, zone, file=file, column=column, order=context.date_order, day=day)
    n = len(rows)
    for i, row in enumerate(rows):
        stated = duration_seconds(row.cells[_DURATION].strip())
        joined, left = instants.values[i], instants.values[n + i]
        if joined is not None and left is None and stated is not None:
            left = presence.later(joined, stated)
            account.note(row.record, "leave_unknown")
        stay = Stay(row.record, "", (row.name,), joined=joined, left=left, seconds=stated, person=row.person)
        reason = "no_such_time" if instants.missing[i] or instants.missing[n + i] else presence.why_not(stay)
        if reason is None and (joined is None or left is None):
            reason = "no_time"
        if reason:
            account.set_aside(row.record, reason)
            continue
        if instants.assumed[i] or instants.assumed[n + i]:
            account.note(row.record, "repeated_hour")
        row.stays = [stay]


def _identities(rows: list[_Row]) -> list[tuple[str, str, str | None]]:
    named = [(row.person, "name", row.name) for row in rows]
    return named + [
        (row.person, "role", "staff") for row in rows if row.cells[_MODERATOR].strip().upper() == "TRUE"
    ]
