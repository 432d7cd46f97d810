"""Moodle log report, of a course or of the site: who did what to which activity, and when.

A log tells that something was opened, never for how long. Addresses (IP) are not taken from the file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from flipstats.i18n import Notice
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.columns import parse_times
from flipstats.readers.moodle_log_rows import COLUMNS, FORMAT, Found, rows
from flipstats.readers.moodle_people import NOBODY
from flipstats.readers.records import best_delimiter, chunks, first_records
from flipstats.readers.signatures import Match, content, signature
from flipstats.readers.text import Text, normal, open_text
from flipstats.readers.zones import Instants, to_utc, zone_of

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
    text = open_text(file)
    sign = signature(FORMAT)
    head = text.head()
    delimiter, _ = best_delimiter(head, sign.score)
    header = next(iter(first_records(head, delimiter, 1)), [])
    match = sign.require(header, file.name)
    account, found = Account(), Found()
    frame = _gather(text, delimiter, len(header), match, account, found)
    exported = _exported(file.name)
    zone = zone_of(context, file.name) if frame.height else context.timezone
    frame = _timed(frame, header[match.columns["time"][0]], file.name, zone, exported, context, account)
    account.kept = frame.height
    keys, resources = _resources(found)
    events = _events(frame, keys, found)
    last = events["at"].max() if events.height else None
    covers_to, basis, warnings = _covered(exported, last, zone, file.name)
    tables = {"events": events, "resources": resources}
    return Reading(
        FORMAT,
        {name: table for name, table in tables.items() if table.height},
        account,
        _people(found, events),
        language=match.language,
        timezone=zone,
        covers_to=covers_to,
        basis=basis,
        warnings=[*text.warnings, *warnings],
    )


def _gather(
    text: Text, delimiter: str, width: int, match: Match, account: Account, found: Found
) -> pl.DataFrame:
    parts = []
    wanted = [at for name in COLUMNS if (at := match.at(name)) is not None]
    for chunk in chunks(text, delimiter, width, wanted):
        account.read += chunk.frame.height + len(chunk.irregular)
        for record, reason in chunk.irregular:
            account.set_aside(record, reason)
        parts.append(rows(chunk, match, found))
    return pl.concat(parts)


def _timed(
    frame: pl.DataFrame,
    column: str,
    file: str,
    zone: str | None,
    exported: dt.datetime | None,
    context: Context,
    account: Account,
) -> pl.DataFrame:
    """Bring times to UTC; a record without one is set aside, one whose hour occurs twice is noted."""
    times = parse_times(
        frame["time"],
        file=file,
        column=column,
        order=context.date_order,
        latest=exported and exported + dt.timedelta(days=1),
        sorted_by_time=True,
        bare_day=True,
    )
    one_at_a_time = frame.select(
        who=pl.when(pl.col("verb") == "viewed").then("user"), what=pl.coalesce("cmid", "context")
    )
    instants = (
        to_utc(times.values, zone, who=one_at_a_time["who"], what=one_at_a_time["what"])
        if zone
        else Instants(times.values.cast(pl.Datetime("us", "UTC")), times.unreadable, times.unreadable)
    )
    account.add_many(frame["record"].filter(instants.missing), "set_aside", "no_such_time")
    account.add_many(frame["record"].filter(times.values.is_null()), "set_aside", "no_time")
    account.add_many(frame["record"].filter(instants.assumed), "note", "repeated_hour")
    return frame.drop("time").with_columns(at=instants.values).drop_nulls("at")


def _resources(found: Found) -> tuple[dict[tuple[str | None, str], str], pl.DataFrame]:
    """Return the key of each place of the log, and the resources.

    An activity named without its course-module id is the one that has an id elsewhere in the log under the
    same name, where there is one such; else it is known by its title.
    """
    ids = defaultdict(set)
    for cmid, context in found.contexts:
        if cmid is not None:
            ids[context].add(cmid)
    keys: dict[tuple[str | None, str], str] = {}
    out: dict[str, dict] = {}
    for (cmid, context), (record, module) in found.contexts.items():
        kind, title = _named(context, module)
        if cmid is None and len(ids[context]) == 1:
            cmid = next(iter(ids[context]))
            keys[None, context] = "cm:" + cmid
        if cmid is None and title is None:
            continue
        key = f"cm:{cmid}" if cmid is not None else "title:" + normal(title or "")
        keys.setdefault((cmid, context), key)
        row = out.setdefault(
            key, {"resource": key, "cmid": cmid, "title": title, "kind": kind, "record": record}
        )
        row["title"], row["kind"] = row["title"] or title, row["kind"] or kind
        row["record"] = min(row["record"], record)
    frame = pl.DataFrame(list(out.values()), schema=_RESOURCES)
    return keys, frame


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


def _events(frame: pl.DataFrame, keys: Mapping[tuple[str | None, str], str], found: Found) -> pl.DataFrame:
    """Name persons and resources by their keys."""
    named = {
        name: f"moodle:{ids.pop()}" if len(ids) == 1 else "name:" + normal(name)
        for name, ids in _ids_of(frame["name"], found).items()
    }
    placed = {context: key for (cmid, context), key in keys.items() if cmid is None}
    tried = _attempts(found)
    return frame.select(
        "record",
        pl.coalesce(
            pl.lit("moodle:") + pl.col("user"),
            pl.col("name").replace_strict(named, default=None, return_dtype=pl.String),
        ).alias("person"),
        pl.coalesce(
            pl.lit("cm:") + pl.col("cmid"),
            pl.col("context").replace_strict(placed, default=None, return_dtype=pl.String),
        ).alias("resource"),
        "at",
        "verb",
        "impersonated",
        pl.col("username").replace_strict(tried, default=None, return_dtype=pl.String).alias("attempted"),
    )


def _ids_of(names: pl.Series, found: Found) -> dict[str, set[str]]:
    ids = defaultdict(set)
    for user, name in found.names:
        ids[name].add(user)
    return {name: set(ids.get(name, ())) for name in names.drop_nulls().unique() if name not in NOBODY}


def _attempts(found: Found) -> dict[str, str]:
    return {username: f"login:{n}" for n, username in enumerate(found.usernames, 1)}


def _people(found: Found, events: pl.DataFrame) -> pl.DataFrame:
    identities = []
    for user, name in found.names:
        key = "moodle:" + user
        identities += [(key, "id", user), (key, "name", name)]
    known = {user for user, _ in found.names}
    seen = events["person"].drop_nulls().unique(maintain_order=True) if events.height else []
    for key in seen:
        kind, _, value = key.partition(":")
        if kind == "moodle" and value not in known:
            identities.append((key, "id", value))
    identities += [("moodle:" + user, "role", "staff") for user in found.staff]
    for name, ids in _ids_of(pl.Series(list(found.impersonators), dtype=pl.String), found).items():
        key = f"moodle:{next(iter(ids))}" if len(ids) == 1 else "name:" + normal(name)
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
