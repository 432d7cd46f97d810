"""Moodle participants list: who is in the course, in which groups, under which identities."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.moodle_people import who, why_nobody
from flipstats.readers.signatures import signature
from flipstats.readers.workbook import open_table

FORMAT = "moodle_participants"


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001
    """Read the table downloaded from a course's participants page.

    Gives ``learners`` (``record``, ``person``) and their identities. The report has no roles in most
    versions: a trainer is one row among the others.

    Raises
    ------
    InputError
        The file is not text, or lacks a required column.
    """
    sign = signature(FORMAT)
    opened = open_table(file, sign)
    table, match = opened.grid, opened.match
    account = Account(read=table.read)
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    rows, identities, seen = [], [], set()
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
        rows.append((record, one.person))
    account.kept = len(rows)
    learners = pl.DataFrame(rows, schema={"record": pl.Int64, "person": pl.String}, orient="row")
    return Reading(
        FORMAT,
        {"learners": learners} if rows else {},
        account,
        people(identities),
        language=match.language,
        warnings=opened.warnings,
    )
