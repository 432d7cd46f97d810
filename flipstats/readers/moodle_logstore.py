"""Moodle's own log table (logstore_standard_log), dumped: the log with UTC times, ids and completion states.

``other`` is JSON or PHP-serialised, as the site is set; neither is executed. A user logged in as another, and
events that Moodle calls anonymous, are told apart. Addresses (IP) are not taken from the file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from flipstats.readers import php_serialized
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.records import Chunk, best_delimiter, chunks, first_records
from flipstats.readers.signatures import Match, content, signature
from flipstats.readers.spool import Spool
from flipstats.readers.text import closed, open_text
from flipstats.schema import TIME

FORMAT = "moodle_logstore"
_SIGN = signature(FORMAT)
_NULLS = ("", "NULL", "null", "\\N")
_COLUMNS = ("event", "level", "instance", "user", "other_user", "time", "anonymous", "other", "real_user")
_MODULE_LEVEL = "70"
_STATES = {  # completionstate to verb and state
    0: ("completion_updated", "not_completed"),
    1: ("completed", "completed"),
    2: ("passed", "passed"),
    3: ("failed", "failed"),
}
_OTHER = {"other": pl.String, "state_verb": pl.String, "state": pl.String, "override": pl.Boolean}
_YEARS = (631152000, 4102444800)  # 1990 to 2100


@dataclass(slots=True)
class _Seen:
    """What the rows say besides their events."""

    resources: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    persons: dict[str, None] = field(default_factory=dict)
    staff: dict[str, None] = field(default_factory=dict)
    tried: dict[str, str] = field(default_factory=dict)


def read(file: Path, context: Context) -> Reading:
    """Read a dump of the log table as CSV with its header; times are UTC and need no zone.

    Gives ``events`` (``record``, ``person``, ``resource``, ``at``, ``verb``, ``state`` of a completion,
    ``impersonated``, ``attempted``) and ``resources``. Persons are ``moodle:<user id>``; their names come
    from another source, such as the user table. Events that Moodle holds to be anonymous, completions set by
    staff, and rows without a time are set aside.

    Raises
    ------
    InputError
        Not such a table.
    """
    text = open_text(file)
    head = text.head()
    delimiter, _ = best_delimiter(head, _SIGN.score)
    header = closed(next(iter(first_records(head, delimiter, 1)), []), file.name)
    match = _SIGN.require(header, file.name)
    account, seen, events = Account(), _Seen(), Spool(context.spool, "events")
    wanted = [at for name in _COLUMNS if (at := match.at(name)) is not None]
    for chunk in chunks(text, delimiter, len(header), wanted):
        account.read += chunk.frame.height + len(chunk.irregular)
        for record, reason in chunk.irregular:
            account.set_aside(record, reason)
        events.add(_events(chunk, match, account, seen))
    account.kept = events.height
    resources = _resources(seen)
    held, lying = events.given()
    return Reading(
        FORMAT,
        held | ({"resources": resources} if resources.height else {}),
        account,
        _people(seen),
        timezone="UTC",
        covers_to=max((at.max() for at in events.column("at") if len(at)), default=None),
        warnings=list(text.warnings),
        pieces=lying,
    )


def _events(chunk: Chunk, match: Match, account: Account, seen: _Seen) -> pl.DataFrame:
    """Return the events of some records, and note in `account` and `seen` what else they say."""
    named = [
        pl.lit(None, pl.String).alias(name)
        if (at := match.at(name)) is None
        else pl.col(f"c{at}").str.strip_chars().replace(dict.fromkeys(_NULLS)).alias(name)
        for name in _COLUMNS
    ]
    frame = chunk.frame.select(pl.col("record").cast(pl.Int64), *named)
    frame = frame.join(_verbs_of(frame["event"]), on="event", how="left", maintain_order="left")
    frame = frame.with_columns(pl.col("verb").fill_null("other"), pl.col("who").fill_null("actor"))
    frame = frame.join(_told(frame), on="other", how="left", maintain_order="left")
    seconds = pl.col("time").str.to_integer(strict=False, dtype=pl.Int64)
    sane = pl.when(seconds.is_between(*_YEARS)).then(seconds)
    completion = pl.col("verb") == "completion_updated"
    frame = frame.with_columns(
        at=pl.from_epoch(sane, time_unit="s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(TIME),
        actor=_person("user"),
        other_person=_person("other_user"),
        verb=pl.when(completion).then(pl.coalesce("state_verb", "verb")).otherwise("verb"),
        state=pl.when(completion).then("state"),
        impersonated=_person("real_user").is_not_null(),
        resource=pl.when(pl.col("concerns") & (pl.col("level") == _MODULE_LEVEL)).then(
            pl.lit("cm:") + pl.col("instance")
        ),
        reason=pl.when(sane.is_null())
        .then(pl.lit("no_time"))
        .when(pl.col("anonymous") == "1")
        .then(pl.lit("anonymous"))
        .when(completion & pl.col("override").fill_null(value=False))
        .then(pl.lit("override")),
    )
    for reason in ("no_time", "anonymous", "override"):
        account.add_many(frame.filter(pl.col("reason") == reason)["record"], "set_aside", reason)
    frame = frame.filter(pl.col("reason").is_null())
    unread = frame.filter((pl.col("verb") == "completion_updated") & pl.col("state").is_null())
    account.add_many(unread["record"], "note", "unknown_state")
    person = pl.when(pl.col("who") == "other").then(pl.coalesce("other_person", "actor"))
    frame = frame.with_columns(
        person=person.when(pl.col("who") != "nobody").then("actor"), attempted=_attempted(frame, seen)
    )
    _remember(frame, seen)
    return frame.select("record", "person", "resource", "at", "verb", "state", "impersonated", "attempted")


def _person(column: str) -> pl.Expr:
    """Name a user by the id; 0 and below are nobody."""
    known = pl.col(column).str.contains(r"^[1-9]\d{0,18}$")
    return pl.when(known).then(pl.lit("moodle:") + pl.col(column))


def _verbs_of(events: pl.Series) -> pl.DataFrame:
    """Say what happened for each event class; a dump may have doubled its backslashes."""
    rows = []
    for event in events.unique().drop_nulls():
        name = re.sub(r"\\+", r"\\", event).strip("\\")
        verb = next((spec for pattern, spec in _verbs() if pattern.fullmatch(name)), {"verb": "other"})
        module = re.match(r"mod_([a-z0-9_]+)\\", name)
        rows.append(
            (
                event,
                verb["verb"],
                verb.get("who", "actor"),
                verb.get("resource", module is not None),
                verb.get("staff", False),
                module and content("moodle_log")["modules"].get(module[1], "other"),
            )
        )
    schema = {"event": pl.String, "verb": pl.String, "who": pl.String, "concerns": pl.Boolean}
    schema |= {"teaching": pl.Boolean, "kind": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@cache
def _verbs() -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    return tuple((re.compile(spec["pattern"]), spec) for spec in content(FORMAT)["verbs"])


def _told(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what ``other`` says of each completion: the state, and whether staff set it."""
    rows = []
    for text in frame.filter(pl.col("verb") == "completion_updated")["other"].unique().drop_nulls():
        value = other_value(text)
        state = value.get("completionstate")
        if isinstance(state, str) and state.isdecimal() and len(state) < 3:
            state = int(state)
        known = _STATES.get(state) if isinstance(state, int) and not isinstance(state, bool) else None
        override = value.get("overrideby") not in (None, "", 0, "0", False)
        rows.append((text, *(known or (None, None)), override))
    return pl.DataFrame(rows, schema=_OTHER, orient="row")


def other_value(text: str) -> dict[Any, Any]:
    """Return the details of an event from JSON or PHP-serialised text; empty where it is neither.

    Examples
    --------
    >>> other_value('{"reason": 3}'), other_value('a:1:{s:6:"reason";i:3;}'), other_value("N;")
    ({'reason': 3}, {'reason': 3}, {})
    """
    if len(text) > php_serialized.MAX_BYTES:
        return {}
    for form in (text, text.strip('"').replace('\\"', '"').replace("\\\\", "\\")):
        try:
            value = json.loads(form) if form[:1] in "{[" else php_serialized.loads(form)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else {}
    return {}


def _attempted(frame: pl.DataFrame, seen: _Seen) -> pl.Series:
    """Return a key for each user name that a failed login tried."""
    failed = (frame["verb"] == "login_failed").fill_null(value=False)
    keys: dict[str, str] = {}
    for text in frame.filter(failed)["other"].unique(maintain_order=True).drop_nulls():
        username = other_value(text).get("username")
        if isinstance(username, str) and (username := " ".join(username.split())):
            keys[text] = seen.tried.setdefault(username, f"login:{len(seen.tried) + 1}")
    return frame.select(
        pl.when(pl.lit(failed)).then(
            pl.col("other").replace_strict(keys, default=None, return_dtype=pl.String)
        )
    ).to_series()


def _remember(frame: pl.DataFrame, seen: _Seen) -> None:
    """Remember the activities, the persons, and who taught or acted as another."""
    known = (
        frame.drop_nulls("resource")
        .group_by("resource")
        .agg(pl.col("kind").drop_nulls().first(), pl.col("record").min())
    )
    for resource, kind, record in known.sort("record").iter_rows():
        before = seen.resources.get(resource, (None, record))
        seen.resources[resource] = (before[0] or kind, min(before[1], record))
    for column in ("person", "actor"):
        seen.persons.update(dict.fromkeys(frame[column].unique().drop_nulls().sort()))
    teaching = frame.filter(pl.col("teaching") & (pl.col("actor") != pl.col("other_person")))
    seen.staff.update(dict.fromkeys(teaching["actor"].unique().drop_nulls().sort()))
    real = frame.select(_person("real_user"))["literal"] if frame.height else pl.Series([], dtype=pl.String)
    seen.staff.update(dict.fromkeys(real.unique().drop_nulls().sort()))


def _resources(seen: _Seen) -> pl.DataFrame:
    rows = [
        (resource, resource[3:], None, kind, record)
        for resource, (kind, record) in sorted(seen.resources.items(), key=lambda item: item[1][1])
    ]
    schema = {"resource": pl.String, "cmid": pl.String, "title": pl.String, "kind": pl.String}
    return pl.DataFrame(rows, schema=schema | {"record": pl.Int64}, orient="row")


def _people(seen: _Seen) -> pl.DataFrame:
    persons = dict.fromkeys([*seen.persons, *seen.staff])
    identities = [(person, "id", person[7:]) for person in persons]
    identities += [(person, "role", "staff") for person in seen.staff]
    identities += [(key, "username", username) for username, key in seen.tried.items()]
    return people(identities)
