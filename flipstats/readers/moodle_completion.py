"""Moodle activity completion report: who completed which activity, when, and by when it was expected.

"Completed" means what the activity asks for (seen, graded, ticked), and the report does not say which: the
cell is given as verb ``completed`` with its ``state``, and `resources.completion_means` decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import parse_times
from flipstats.readers.detect import first_activity, language_of
from flipstats.readers.moodle_people import who, why_nobody
from flipstats.readers.records import Grid, best_delimiter, grid
from flipstats.readers.signatures import Match, Signature, signature
from flipstats.readers.text import normal, open_text
from flipstats.readers.zones import to_utc, zone_of

FORMAT = "moodle_completion"
_CELLS = {
    "record": pl.Int64,
    "person": pl.String,
    "resource": pl.String,
    "state": pl.String,
    "time": pl.String,
}
_VERBS = {"completed": "completed", "passed": "passed", "failed": "failed"}


def read(file: Path, context: Context) -> Reading:
    """Read an activity completion report, either download.

    Gives ``learners`` (``record``, ``person``), ``resources`` (``resource``, ``title``, ``due_at``, …) and
    ``events`` (``record``, ``person``, ``resource``, ``at``, ``verb``, ``state``). A state that staff set by
    hand is left out, with a note; a date without completion is no event.

    Raises
    ------
    InputError
        The file is not such a report, or its dates need a zone that is not given.
    """
    sign = signature(FORMAT)
    text = open_text(file)
    delimiter, _ = best_delimiter(text.head(), lambda cells: first_activity(sign, cells) is not None)
    table = grid(text, delimiter)
    first = first_activity(sign, table.header)
    if first is None:
        raise InputError(t("readers.not_completion", file=file.name))
    account, identities = Account(read=table.read), []
    for record, reason in table.irregular:
        account.set_aside(record, reason)
    titles = [" ".join(cell.split()) for cell in table.header[first::2]]
    keys = resource_keys(titles)
    rows = _people(table, sign.match(table.header[:first]), account, identities)
    cells = _cells(rows, first, keys, sign, account)
    due = pl.Series("due", [cell.strip() for cell in table.header[first + 1 :: 2]], dtype=pl.String)
    events, due_at = _times(cells, due, context, file.name, account)
    account.kept = len(rows)
    resources = pl.DataFrame({"resource": keys, "title": titles, "due_at": due_at}).with_columns(
        cmid=pl.lit(None, pl.String), kind=pl.lit(None, pl.String), record=pl.lit(None, pl.Int64)
    )
    learners = pl.DataFrame(
        [(record, one) for record, one, _ in rows],
        schema={"record": pl.Int64, "person": pl.String},
        orient="row",
    )
    tables = {"learners": learners, "resources": resources, "events": events}
    repeated = sorted({title for title, key in zip(titles, keys, strict=True) if "#" in key})
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people(identities),
        language=language_of([normal(cell) for _, _, row in rows for cell in row[first::2]]),
        timezone=context.timezone,
        covers_to=events["at"].max() if events.height else None,
        warnings=[*text.warnings, *(Notice("readers.same_title", file=file.name, title=x) for x in repeated)],
    )


def resource_keys(titles: Sequence[str]) -> list[str]:
    """Return the key of each activity; those of one name are numbered, since it means none of them.

    Examples
    --------
    >>> resource_keys(["Vidéo", "Quiz", "quiz"])
    ['title:video', 'title:quiz#1', 'title:quiz#2']
    """
    plain = [normal(title) for title in titles]
    total, seen, keys = Counter(plain), Counter(), []
    for title in plain:
        seen[title] += 1
        keys.append(f"title:{title}" + (f"#{seen[title]}" if total[title] > 1 else ""))
    return keys


def _people(
    table: Grid, match: Match, account: Account, identities: list
) -> list[tuple[int, str, list[str]]]:
    rows, seen = [], set()
    for record, cells in table.rows:
        one = who(match, cells, name=cells[0], record=record)
        if one is None:
            account.set_aside(record, why_nobody(match, cells, cells[0]))
        elif one.person in seen:
            account.set_aside(record, "same_person")
        else:
            seen.add(one.person)
            identities += one.identities
            rows.append((record, one.person, cells))
    return rows


def _cells(
    rows: Sequence[tuple[int, str, list[str]]], first: int, keys: list[str], sign: Signature, account: Account
) -> pl.DataFrame:
    """Return one row for each cell that says something was done, with its date as written."""
    overrides = tuple(sign.words["override"])
    out = []
    for record, person, cells in rows:
        for key, written, time in zip(keys, cells[first::2], cells[first + 1 :: 2], strict=True):
            cell = normal(written)
            state = sign.words["state"].get(cell)
            if any(mark in cell for mark in overrides):
                account.note(record, "override")
            elif state is None:
                if cell not in ("", "-"):
                    account.note(record, "unknown_state")
            elif state in _VERBS:
                out.append((record, person, key, state, time))
    return pl.DataFrame(out, schema=_CELLS, orient="row")


def _times(
    cells: pl.DataFrame, due: pl.Series, context: Context, file: str, account: Account
) -> tuple[pl.DataFrame, pl.Series]:
    """Bring the dates of the cells and of the header to UTC; a cell without one gives no event."""
    written = pl.concat([cells["time"], due.rename("time")])
    times = parse_times(written, file=file, column=t("readers.completion_dates"), order=context.date_order)
    zone = zone_of(context, file) if times.values.null_count() < len(times.values) else "UTC"
    instants = to_utc(times.values, zone)
    n = cells.height
    verb = pl.col("state").replace_strict(_VERBS, return_dtype=pl.String)
    events = cells.with_columns(instants.values[:n].alias("at"), verb=verb)
    for record in events.filter(pl.col("at").is_null())["record"]:
        account.note(record, "no_moment")
    for record in events.filter(instants.assumed[:n])["record"]:
        account.note(record, "repeated_hour")
    events = events.drop_nulls("at").select("record", "person", "resource", "at", "verb", "state")
    return events, instants.values[n:].alias("due_at")
