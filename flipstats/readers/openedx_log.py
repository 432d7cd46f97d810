"""Open edX (FUN) tracking log: pages, videos and problems, one event a line; times are UTC.

Watched seconds are those of the union of the stretches between a play and the pause, stop or seek after it;
they are given to the play. A score comes only from the server; what the browser says of the same problem is
merged into it. Nothing here tells who is staff.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers import json_text
from flipstats.readers.answers import ATTEMPTS
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.json_text import instant, string
from flipstats.readers.signatures import content
from flipstats.readers.text import Text, open_text
from flipstats.readers.xapi_statement import loose
from flipstats.readers.xapi_video import Watched
from flipstats.schema import COMPLETING_VERBS, OPENING_VERBS, TIME

FORMAT = "openedx_log"
_CONSULTING = (*OPENING_VERBS, *COMPLETING_VERBS)
_BLOCK = re.compile(r"(?:block-v1:|i4x://)[^\s\"'?&#]*?(?:\+type@|/)(\w+)(?:\+block@|/)([\w-]{1,100})")
_COURSE_PAGE = re.compile(r"/courses/[^/]+/")
_ABOUT = re.compile(r"edx\.(course\.enrollment|grades|completion|course\.grade)\.")
_KINDS = {"video": "video", "problem": "quiz", "html": "page", "openassessment": "assignment"}
_FASTEST = 3.0  # times the speed of the video; faster, a seek went unseen
_SLACK = 10.0  # seconds
_EVENTS = {
    "person": pl.String, "resource": pl.String, "at": TIME, "verb": pl.String, "seconds": pl.Float64,
    "progress": pl.Float64, "record": pl.Int64,
}  # fmt: skip
_RESOURCES = {"resource": pl.String, "title": pl.String, "kind": pl.String, "length_min": pl.Float64}


@dataclass(slots=True)
class _Event:
    record: int
    person: str
    name: str
    server: bool
    at: dt.datetime
    block: str
    kind: str | None
    title: str
    data: dict[str, Any]
    player: str


@dataclass(slots=True)
class _Viewing:
    """What one person has seen of one video, and the stretch that is being played."""

    watched: Watched = field(default_factory=Watched)
    row: list | None = None
    playing: tuple[float, dt.datetime, str] | None = None


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - times are UTC
    """Read a tracking log, as the platform writes it or as its event router sends it.

    Gives ``events``, ``resources`` and ``attempts`` (one a checked problem). Resource keys are ``title:…``
    where a block's name is in the log and only it has it, else ``block:…``. A record is a line; a repeated
    one is merged, nobody's is set aside.

    Raises
    ------
    InputError
        The file is neither lines of JSON nor an array of events.
    """
    text = open_text(file)
    account, identities = Account(), {}
    events = _events(_values(text, file.name), account, identities)
    events = _told_by_server(events, account)
    keys = _keys(events)
    tables = {
        "events": pl.DataFrame(_rows(events, keys), schema=_EVENTS, orient="row"),
        "attempts": pl.DataFrame(list(_attempts(events, keys)), schema=ATTEMPTS, orient="row"),
        "resources": pl.DataFrame(_resources(events, keys), schema=_RESOURCES, orient="row"),
    }
    account.kept = len(events)
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people(identities),
        timezone="UTC",
        covers_to=max((event.at for event in events), default=None),
        warnings=list(text.warnings),
    )


def _values(text: Text, file: str) -> Iterator[tuple[int, Any, str | None]]:
    if json_text.kind(text) == "lines":
        yield from json_text.records(text)
        return
    data = json_text.document(text) if json_text.kind(text) else None
    if not isinstance(data, dict | list):
        raise InputError(t("readers_events.not_openedx", file=file))
    for record, value in enumerate(data if isinstance(data, list) else [data], 1):
        yield record, value, None


def _events(
    values: Iterator[tuple[int, Any, str | None]], account: Account, identities: dict
) -> list[_Event]:
    """Return what can be used, oldest first."""
    found, seen = [], set()
    for record, value, reason in values:
        account.read += 1
        if reason is not None:
            account.set_aside(record, reason)
            continue
        digest = hashlib.blake2b(repr(value).encode(), digest_size=16).digest()
        if digest in seen:
            account.merge(record, "duplicate_record")
            continue
        seen.add(digest)
        event = _event(record, value, identities)
        if isinstance(event, str):
            account.set_aside(record, event)
        else:
            found.append(event)
    return sorted(found, key=lambda event: (event.at, event.record))


def _event(record: int, value: Any, identities: dict) -> _Event | str:
    if not isinstance(value, dict):
        return "object_unreadable"
    context = _object(value.get("context"))
    data = _object(value.get("event", value.get("data")))
    name = string(value.get("event_type")) or string(value.get("name"))
    at = instant(value.get("time")) or instant(value.get("timestamp"))
    if not name:
        return "object_unreadable"
    if at is None:
        return "no_time"
    username = string(value.get("username")) or string(context.get("username"))
    number, subject = string(context.get("user_id")), string(data.get("user_id"))
    if subject and subject != number and (_ABOUT.match(name) or not (number or username)):
        number, username = subject, ""  # done by staff or by the platform for a learner
    if not (username or number):
        return "anonymous"
    person = f"edx:{number}" if number else f"username:{username.casefold()}"
    for kind, given in (("id", number), ("username", username)):
        identities[(person, kind, given)] = None
    module = _object(context.get("module"))
    block, kind = _block(name, data, module)
    player = string(value.get("session")) or string(context.get("session"))
    server = string(value.get("event_source")) == "server"
    title = " ".join(string(module.get("display_name")).split())[:300]
    return _Event(record, person, name, server, at, block, kind, title, data, player)


def _object(given: Any) -> dict[str, Any]:
    """Return an object, also one that the browser sent as text."""
    if isinstance(given, str) and given.lstrip().startswith("{") and len(given) < 1 << 20:
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return {}
    return given if isinstance(given, dict) else {}


def _block(name: str, data: dict[str, Any], module: dict[str, Any]) -> tuple[str, str | None]:
    """Return the block an event is about, by the last part of its key, and its kind."""
    given = [module.get("usage_key"), data.get("problem_id"), data.get("module_id"), data.get("block_id")]
    for place in (*given, data.get("id"), name if name.startswith("/") else None):
        found = list(_BLOCK.finditer(string(place)))
        if found:
            return found[-1][2], _KINDS.get(found[-1][1])
    if "video" in name and string(data.get("id")):
        return string(data.get("id"))[:100], "video"
    return "", None


def _told_by_server(events: Sequence[_Event], account: Account) -> list[_Event]:
    """Merge what browsers say of checked problems into what the server says."""
    scored = {event.person for event in events if event.server and event.name == "problem_check"}
    kept = []
    for event in events:
        if event.name == "problem_check" and not event.server and event.person in scored:
            account.merge(event.record, "told_by_server")
        else:
            kept.append(event)
    return kept


def _keys(events: Sequence[_Event]) -> dict[str, str]:
    titles = {event.block: event.title for event in events if event.block and event.title}
    bearers = Counter(titles.values())
    return {
        event.block: f"title:{titles[event.block]}" if bearers[titles.get(event.block)] == 1
        else f"block:{event.block}"
        for event in events
    }  # fmt: skip


def _resources(events: Sequence[_Event], keys: dict[str, str]) -> list[tuple]:
    found: dict[str, list] = {}
    for event in events:
        if not event.block:
            continue
        row = found.setdefault(keys[event.block], [keys[event.block], None, None, None])
        row[1], row[2] = row[1] or event.title or None, row[2] or event.kind
        length = loose(event.data.get("duration"))
        if event.kind == "video" and length is not None and 0 < length < 1e6:
            row[3] = length / 60
    return [tuple(row) for row in found.values()]


# -------------------------------------------------------------------------------------------------- events


def _rows(events: Sequence[_Event], keys: dict[str, str]) -> list[list]:
    viewings: dict[tuple[str, str], _Viewing] = {}
    lengths: dict[str, float] = {}
    rows = []
    for event in events:
        resource = keys[event.block] if event.block else None
        verb, progress = _verb(event)
        row = [event.person, resource, event.at, verb, None, progress, event.record]
        if event.kind == "video":
            length = loose(event.data.get("duration"))
            lengths.setdefault(event.block, length) if length and length > 0 else None
            viewing = viewings.setdefault((event.person, event.block), _Viewing())
            _play(event, row, viewing, lengths.get(event.block))
        rows.append(row)
    return rows


def _verb(event: _Event) -> tuple[str, float | None]:
    """Return what was done, and the share done where the platform states it."""
    if event.name == "edx.completion.block_completion.changed":
        share = loose(event.data.get("completion"))
        if share is None or not 0 < share <= 1:
            return "completion_updated", None
        return ("completed" if share == 1 else "viewed"), share
    verb = _names("verbs").get(event.name)
    if verb is None and event.name.startswith("/"):
        if event.block and "/handler" not in event.name:
            return "viewed", None
        page = _COURSE_PAGE.match(event.name) and not re.search(r"/(handler|xblock|api)/", event.name)
        return ("course_viewed" if page else "other"), None
    return verb or "other", None


@cache
def _names(group: str) -> dict[str, str]:
    return {name: meaning for meaning, names in content(FORMAT)[group].items() for name in names}


def _play(event: _Event, row: list, viewing: _Viewing, length: float | None) -> None:
    """Follow the player: begin a stretch, or end it and give its new seconds to its play."""
    now = _first(event.data, "currentTime", "current_time", "currenttime")
    means = _names("video").get(event.name)
    if row[3] == "played":
        viewing.playing = (now, event.at, event.player) if now is not None else None
        viewing.row = row
    elif means is not None:
        now = _first(event.data, "old_time", "requested_skip_from") if means == "seek" else now
        _stretch(event, viewing, now, length)
        onward = _first(event.data, "new_time") if means == "seek" and viewing.playing else None
        viewing.playing = (onward, event.at, event.player) if onward is not None else None


def _stretch(event: _Event, viewing: _Viewing, now: float | None, length: float | None) -> None:
    if viewing.playing is None or viewing.row is None or now is None:
        return
    start, since, player = viewing.playing
    elapsed = (event.at - since).total_seconds()
    end = min(now, length) if length else now
    if player != event.player or not 0 <= start < end or end - start > _FASTEST * elapsed + _SLACK:
        return
    gain = viewing.watched.add([(start, end)])
    viewing.row[4] = (viewing.row[4] or 0.0) + gain
    if length:
        viewing.row[5] = min(1.0, viewing.watched.seconds / length)


def _first(data: dict[str, Any], *names: str) -> float | None:
    return next((found for name in names if (found := loose(data.get(name))) is not None), None)


# ------------------------------------------------------------------------------------------------ attempts


def _attempts(events: Sequence[_Event], keys: dict[str, str]) -> Iterator[tuple]:
    """Yield one row for each problem the server checked; its grades, only where it logged no check."""
    checked = {(e.person, e.block) for e in events if e.server and e.name == "problem_check"}
    done: Counter[tuple[str, str]] = Counter()
    for event in events:
        key = (event.person, event.block)
        if event.name == "problem_check" and event.server:
            raw, most = loose(event.data.get("grade")), loose(event.data.get("max_grade"))
        elif event.name == "edx.grades.problem.submitted" and key not in checked:
            raw, most = (loose(event.data.get(f"weighted_{name}")) for name in ("earned", "possible"))
        else:
            continue
        if raw is None or not most or most < 0 or not event.block:
            continue
        done[key] += 1
        assessment = keys[event.block].removeprefix("title:")
        share = min(1.0, max(0.0, raw / most))
        yield (event.person, assessment, None, done[key], share, raw, most, None, None, event.at,
               event.record)  # fmt: skip
