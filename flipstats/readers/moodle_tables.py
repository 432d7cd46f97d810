"""Tables of Moodle's database beside its log: who the user ids are, and what the course-module ids mean.

They name what other exports tell of; being in the user table is being on the site, not in the course.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flipstats.errors import InputError
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.json_text import epoch
from flipstats.readers.moodle_people import NOBODY, person_key
from flipstats.readers.signatures import content, signature
from flipstats.readers.text import normal
from flipstats.readers.workbook import Opened, open_table
from flipstats.schema import TIME

FORMAT = "moodle_users"
_NULLS = (*NOBODY, "NULL", "\\N")
_RESOURCES = {
    "resource": pl.String,
    "cmid": pl.String,
    "title": pl.String,
    "kind": pl.String,
    "due_at": TIME,
    "record": pl.Int64,
}


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001
    """Read a dump of the user table, or a list of course modules with their names.

    The user table gives identities only, with accounts that were deleted set aside; the list of modules gives
    ``resources`` (``resource``, ``cmid``, ``title``, ``kind``, ``due_at``, ``record``).

    Raises
    ------
    InputError
        Neither of the two.
    """
    modules = open_if(file)
    opened = modules or open_table(file, signature(FORMAT))
    account = Account(read=opened.grid.read)
    for record, reason in opened.grid.irregular:
        account.set_aside(record, reason)
    if modules is not None:
        tables, identities = {"resources": _modules(opened, account)}, []
    else:
        tables, identities = {}, _users(opened, account)
    account.kept = account.read - account.count("set_aside") - account.count("merged")
    return Reading(
        "moodle_modules" if modules else FORMAT,
        {name: table for name, table in tables.items() if table.height},
        account,
        people(identities),
        timezone="UTC",
        warnings=opened.warnings,
    )


def open_if(file: Path) -> Opened | None:
    """Open a list of course modules; None where the file is another table."""
    try:
        return open_table(file, signature("moodle_modules"))
    except InputError:
        return None


def _users(opened: Opened, account: Account) -> list[tuple[str, str, str]]:
    seen, identities = set(), []
    for record, cells in opened.grid.rows:
        given = {name: _cell(opened, cells, name) for name in ("id", "email", "idnumber", "username")}
        given["name"] = f"{_cell(opened, cells, 'first_name')} {_cell(opened, cells, 'last_name')}".strip()
        given["email"] = given["email"].casefold()
        given = {kind: value for kind, value in given.items() if value}
        key = person_key(given) if given.get("id", "").isdecimal() else None
        if key is None:
            account.set_aside(record, "no_person")
        elif _cell(opened, cells, "deleted") == "1":
            account.set_aside(record, "deleted_account")
        elif given.get("username") in content(FORMAT)["guest"]["usernames"]:
            account.set_aside(record, "guest")
            identities += [(key, "id", given["id"]), (key, "role", "guest")]
        elif key in seen:
            account.merge(record, "same_person")
        else:
            seen.add(key)
            if _cell(opened, cells, "suspended") == "1":
                account.note(record, "suspended_account")
            identities += [(key, kind, value) for kind, value in given.items()]
    return identities


def _modules(opened: Opened, account: Account) -> pl.DataFrame:
    kinds, rows = content("moodle_log")["modules"], {}
    for record, cells in opened.grid.rows:
        cmid = _cell(opened, cells, "cmid")
        if not cmid.isdecimal():
            account.set_aside(record, "no_resource")
        elif cmid in rows:
            account.merge(record, "duplicate_record")
        else:
            due = _cell(opened, cells, "due")
            due_at = epoch(int(due)) if due.isdecimal() and len(due) < 12 else None
            kind = kinds.get(normal(_cell(opened, cells, "module")), "other")
            rows[cmid] = (f"cm:{cmid}", cmid, _cell(opened, cells, "name") or None, kind, due_at, record)
    return pl.DataFrame(list(rows.values()), schema=_RESOURCES, orient="row")


def _cell(opened: Opened, cells: list[str], column: str) -> str:
    at = opened.match.at(column)
    text = "" if at is None else " ".join(cells[at].split())
    return "" if text in _NULLS else text
