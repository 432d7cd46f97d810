"""Moodle course completion report: who finished the course and when, and which name has which user id."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import parse_times
from flipstats.readers.moodle_people import who, why_nobody
from flipstats.readers.records import Grid
from flipstats.readers.signatures import Match, signature
from flipstats.readers.workbook import open_table
from flipstats.readers.zones import to_utc, zone_of
from flipstats.schema import TIME

FORMAT = "moodle_course_completion"


def read(file: Path, context: Context) -> Reading:
    """Read a course completion report.

    Gives ``learners`` (``record``, ``person``) and ``course_completions`` (``record``, ``person``,
    ``completed_at``), one row for each learner who completed the course. The criteria are activities, and
    those are read from the activity completion report.

    Raises
    ------
    InputError
        The file is not text, a required column is missing, or the dates need a zone that is not given.
    """
    sign = signature(FORMAT)
    opened = open_table(file, sign)
    table, match = opened.grid, opened.match
    account = Account(read=table.read)
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    rows, identities = _people(table, match, account)
    account.kept = len(rows)
    frame = pl.DataFrame(
        rows, schema={"record": pl.Int64, "person": pl.String, "done": pl.String}, orient="row"
    )
    tables = {"learners": frame.drop("done")} if rows else {}
    done = frame.filter(~pl.col("done").str.strip_chars().is_in(["", "-"]))
    if done.height:
        column = table.header[match.columns["done"][0]]
        times = parse_times(done["done"], file=file.name, column=column, order=context.date_order)
        instants = to_utc(times.values, zone_of(context, file.name))
        done = done.with_columns(completed_at=instants.values.cast(TIME)).drop("done")
        for record in done.filter(pl.col("completed_at").is_null())["record"]:
            account.note(record, "no_moment")
        for record in done.filter(instants.assumed)["record"]:
            account.note(record, "repeated_hour")
        if (known := done.drop_nulls("completed_at")).height:
            tables["course_completions"] = known
    return Reading(
        FORMAT,
        tables,
        account,
        people(identities),
        language=match.language,
        timezone=context.timezone,
        covers_to=done["completed_at"].max() if "completed_at" in done.columns else None,
        warnings=opened.warnings,
    )


def _people(
    table: Grid, match: Match, account: Account
) -> tuple[list[tuple[int, str, str]], list[tuple[str, str, str]]]:
    """Return (record, person, completion as written), and the identities."""
    rows, identities, seen = [], [], set()
    for record, cells in table.rows:
        name = cells[match.columns["name"][0]]
        one = who(match, cells, name=name, record=record)
        if one is None:
            account.set_aside(record, why_nobody(match, cells, name))
            continue
        identities += one.identities
        if one.person in seen:
            account.merge(record, "same_person")
            continue
        seen.add(one.person)
        rows.append((record, one.person, cells[match.columns["done"][0]]))
    return rows, identities
