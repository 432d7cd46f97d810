"""Moodle log report, of a course or of the site: who did what to which activity, and when.

A log tells that something was opened, never for how long. Addresses (IP) are not taken from the file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from flipstats.i18n import Notice
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import TimeColumn
from flipstats.readers.date_shapes import with_years
from flipstats.readers.moodle_log_rows import COLUMNS, FORMAT, Found, rows
from flipstats.readers.moodle_people import NOBODY
from flipstats.readers.records import Chunk, best_delimiter, chunks, first_records
from flipstats.readers.signatures import Match, content, signature
from flipstats.readers.spool import Spool
from flipstats.readers.text import closed, normal, open_text
from flipstats.readers.workbook import is_workbook, open_table
from flipstats.readers.zones import Clock, zone_of

__all__ = ["FORMAT", "read"]

_EXPORTED = re.compile(r"(?<!\d)(\d{8})-(\d{4})(?!\d)")
_RESOURCES = {
    "resource": pl.String,
    "cmid": pl.String,
    "title": pl.String,
    "kind": pl.String,
    "record": pl.Int64,
}
_DELETED = re.compile(r"\(id '?\d+'?\)\s*$")


def read(file: Path, context: Context) -> Reading:
    """Read a log report, French or English, any version that writes the year.

    Gives ``events`` (``record``, ``person``, ``resource``, ``at``, ``verb``, ``impersonated``, ``attempted``)
    and ``resources`` (``resource``, ``cmid``, ``title``, ``kind``, ``record``). ``person`` is whom the event
    is about: for a grade or a completion set by someone else, the learner. ``attempted`` is a key of the
    people table for the user name that a failed login tried.

    Raises
    ------
    InputError
        Not a log, dates that cannot be settled or have no year, or no zone.
    """
    header, match, pieces, notices = _open(file)
    account, found = Account(), Found()
    drafts = _gather(pieces, match, account, found, Spool(context.spool, "draft"))
    exported = _exported(file.name)
    zone = zone_of(context, file.name) if drafts.height or context.timezone else None
    if context.day and _with_years(drafts, context.day):
        day = str(context.day)
        notices.append(Notice("readers_moodle_more.years_counted_back", file=file.name, day=day))
    clock = _Clocked(file.name, header[match.columns["time"][0]], zone, exported, context, drafts)
    keys, resources = _resources(found)
    named = _named_only(found)
    events, persons = Spool(context.spool, "events"), {}
    for place, draft in enumerate(drafts):
        piece = _events(clock.timed(draft, place, account), keys, named, found)
        persons |= dict.fromkeys(piece["person"].drop_nulls().unique(maintain_order=True))
        events.add(piece)
    clock.settle(events, account)
    drafts.clear()
    account.kept = events.height
    last = max((at.max() for at in events.column("at") if len(at)), default=None)
    covers_to, basis, warnings = _covered(exported, last, zone, file.name)
    held, lying = events.given()
    return Reading(
        FORMAT,
        held | ({"resources": resources} if resources.height else {}),
        account,
        _people(found, persons, named),
        language=match.language,
        timezone=zone,
        covers_to=covers_to,
        basis=basis,
        warnings=[*notices, *warnings],
        pieces=lying,
    )


def _open(file: Path) -> tuple[list[str], Match, Iterable[Chunk], list[Notice]]:
    """Return the header, what its columns are, the records piece by piece, and what was said on the way."""
    sign = signature(FORMAT)
    if is_workbook(file):
        opened = open_table(file, sign)
        header, table = opened.grid.header, opened.grid
        schema = {"record": pl.Int64, **{f"c{i}": pl.String for i in range(len(header))}}
        frame = pl.DataFrame([(n, *cells) for n, cells in table.rows], schema=schema, orient="row")
        return header, opened.match, [Chunk(frame, table.irregular)], opened.warnings
    text = open_text(file)
    head = text.head()
    delimiter, _ = best_delimiter(head, sign.score)
    header = closed(next(iter(first_records(head, delimiter, 1)), []), file.name)
    match = sign.require(header, file.name)
    wanted = [at for name in COLUMNS if (at := match.at(name)) is not None]
    return header, match, chunks(text, delimiter, len(header), wanted), list(text.warnings)


def _gather(pieces: Iterable[Chunk], match: Match, account: Account, found: Found, drafts: Spool) -> Spool:
    for chunk in pieces:
        account.read += chunk.frame.height + len(chunk.irregular)
        for record, reason in chunk.irregular:
            account.set_aside(record, reason)
        drafts.add(rows(chunk, match, found))
    return drafts


def _with_years(drafts: Spool, day: dt.date) -> bool:
    """Give the times of a log that writes no year theirs, counted back from a day; says whether it did."""
    counted = False
    for place, draft in enumerate(drafts):
        dated = with_years(draft["time"], day) if draft.height else None
        if dated is not None:
            drafts.put(place, draft.with_columns(time=dated))
            counted = True
    return counted


class _Clocked:
    """The times of a log, settled over all of its pieces."""

    def __init__(
        self,
        file: str,
        column: str,
        zone: str | None,
        exported: dt.datetime | None,
        context: Context,
        drafts: Spool,
    ) -> None:
        self._column = TimeColumn(
            drafts.column("time"),
            len(drafts),
            file=file,
            column=column,
            order=context.date_order,
            latest=exported and exported + dt.timedelta(days=1),
            sorted_by_time=True,
            bare_day=True,
        )
        self._clock = Clock(zone or "UTC")  # without a zone there is no time

    def timed(self, draft: pl.DataFrame, place: int, account: Account) -> pl.DataFrame:
        """Bring the times of a piece to UTC; a record without one is set aside."""
        times = self._column.read(draft["time"], place)
        alone = draft.select(  # one person opens one thing at a time
            "record",
            who=pl.when(pl.col("verb") == "viewed").then("person"),
            what=pl.coalesce("resource", "context"),
        )
        instants = self._clock.read(times.values, row=alone["record"], who=alone["who"], what=alone["what"])
        account.add_many(draft["record"].filter(instants.missing), "set_aside", "no_such_time")
        account.add_many(draft["record"].filter(times.values.is_null()), "set_aside", "no_time")
        return draft.drop("time").with_columns(at=instants.values).drop_nulls("at")

    def settle(self, events: Spool, account: Account) -> None:
        """Correct the times whose hour occurs twice; a record of which it is not sure is noted."""
        twice = self._clock.settle()
        if twice.is_empty():
            return
        account.add_many(twice.filter("assumed")["row"], "note", "repeated_hour")
        known = twice.select(record="row", settled="at")
        for place, piece in enumerate(events):
            mine = piece.join(known, on="record", how="left", maintain_order="left")
            if mine["settled"].null_count() < mine.height:
                settled = mine.with_columns(at=pl.coalesce("settled", "at")).drop("settled")
                events.put(place, settled)


def _resources(found: Found) -> tuple[dict[str, str], pl.DataFrame]:
    """Return the key of each context whose rows do not say it, and the resources.

    An activity named without its course-module id is the one that has an id elsewhere in the log under the
    same name, where there is one such; else it is known by its title.
    """
    ids = defaultdict(set)
    for resource, context in found.places:
        if resource is not None:
            ids[context].add(resource)
    keys: dict[str, str] = {}
    out: dict[str, dict] = {}
    for (resource, context), (record, module) in found.places.items():
        kind, title = _named(context, module)
        key = resource
        if resource is None:
            key = next(iter(ids[context])) if len(ids[context]) == 1 else title and f"title:{normal(title)}"
            if key is None:
                continue
            keys[context] = key
        cmid = key[3:] if key.startswith("cm:") else None
        row = out.setdefault(
            key, {"resource": key, "cmid": cmid, "title": title, "kind": kind, "record": record}
        )
        row["title"], row["kind"] = row["title"] or title, row["kind"] or kind
        row["record"] = min(row["record"], record)
    return keys, pl.DataFrame(list(out.values()), schema=_RESOURCES)


def _named(context: str, module: str | None) -> tuple[str | None, str | None]:
    """Return kind and title of an activity from its context, ``<type>: <name>``.

    Examples
    --------
    >>> _named("Fichier: Fiche réflexe (PDF)", None), _named("Other", None)
    (('file', 'Fiche réflexe (PDF)'), (None, None))
    """
    spec = content(FORMAT)
    types = {normal(word): kind for kind, words in spec["types"].items() for word in words}
    before, colon, after = context.partition(": ")
    if not colon:
        before, colon, after = context.partition("\u00a0: ")
    kind = spec["modules"].get(module or "") or types.get(normal(before))
    title = " ".join(after.split()) if colon and not _DELETED.search(context) else None
    return kind or ("other" if title else None), title or None


def _named_only(found: Found) -> dict[str, str]:
    """Return the person of each name without an id: the one who bears it, else the name itself."""
    return {
        name: next(iter(persons)) if len(persons) == 1 else "name:" + normal(name)
        for name, persons in _bearers(found.nameless, found).items()
    }


def _events(
    frame: pl.DataFrame, keys: Mapping[str, str], named: Mapping[str, str], found: Found
) -> pl.DataFrame:
    """Name by their keys the persons and resources that the descriptions left open."""
    tried = _attempts(found)

    def keyed(column: str, by: str, table: Mapping[str, str]) -> pl.Expr:
        if not table:
            return pl.col(column)
        return pl.coalesce(column, pl.col(by).replace_strict(table, default=None, return_dtype=pl.String))

    return frame.select(
        "record",
        keyed("person", "name", named).alias("person"),
        keyed("resource", "context", keys).alias("resource"),
        "at",
        "verb",
        "impersonated",
        pl.col("username").replace_strict(tried, default=None, return_dtype=pl.String).alias("attempted"),
    )


def _bearers(names: Iterable[str], found: Found) -> dict[str, set[str]]:
    """Return for each name the persons who bear it."""
    persons = defaultdict(set)
    for person, name in found.names:
        persons[name].add(person)
    return {name: set(persons.get(name, ())) for name in names if name not in NOBODY}


def _attempts(found: Found) -> dict[str, str]:
    return {username: f"login:{n}" for n, username in enumerate(sorted(found.usernames), 1)}


def _people(found: Found, persons: Mapping[str, None], named: Mapping[str, str]) -> pl.DataFrame:
    seen = dict.fromkeys(person for person, _ in found.names) | persons
    identities = [(key, "id", key[7:]) for key in seen if key.startswith("moodle:")]
    identities += [(person, "name", name) for person, name in found.names]
    identities += [(key, "name", name) for name, key in named.items()]
    identities += [(person, "role", "staff") for person in found.staff]
    guests = set(map(normal, content(FORMAT)["guest"]["names"]))
    identities += [(person, "role", "guest") for person, name in found.names if normal(name) in guests]
    for name, bearers in _bearers(found.impersonators, found).items():
        key = next(iter(bearers)) if len(bearers) == 1 else "name:" + normal(name)
        identities += [(key, "name", name), (key, "role", "staff")]
    identities += [(key, "username", username) for username, key in _attempts(found).items()]
    return people(identities)


def _exported(name: str) -> dt.datetime | None:
    """Return the local time at which a log was exported, from its file name."""
    if (found := _EXPORTED.search(name)) is None:
        return None
    try:
        return dt.datetime.strptime(found.group(1) + found.group(2), "%Y%m%d%H%M")
    except ValueError:
        return None


def _covered(
    exported: dt.datetime | None, last: dt.datetime | None, zone: str | None, file: str
) -> tuple[dt.datetime | None, str, list[str]]:
    """Return up to when a log speaks and how that is known, with a warning where its name contradicts it."""
    if exported is None or zone is None:
        return last, "last_event", []
    moment = exported.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    if last is not None and last >= moment + dt.timedelta(minutes=1):
        return last, "last_event", [Notice("readers.after_export", file=file, zone=zone)]
    return moment, "file_name", []
