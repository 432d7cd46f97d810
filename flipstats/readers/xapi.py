"""xAPI statements: consultation, watched seconds and scores, of whichever system made them.

A statement is a record. Seconds are those of the union of what a person has played of a video: each moment
counts once, however often a player repeats it; they are given to the opening they follow. The state of a
cmi5 unit comes only from the statements that cmi5 defines, that of an H5P activity only from the statement
about the whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from flipstats.errors import InputError
from flipstats.i18n import Notice, t
from flipstats.readers import json_text
from flipstats.readers.base import Account, Context, Reading, people
from flipstats.readers.text import Text, open_text
from flipstats.readers.xapi_statement import Statement, loose, parse, resource_key, score
from flipstats.readers.xapi_video import Watched, segments_of
from flipstats.schema import COMPLETING_VERBS, OPENING_VERBS, TIME

FORMAT = "xapi"
_CONSULTING = (*OPENING_VERBS, *COMPLETING_VERBS)
_STATES = ("completed", "passed", "failed")
_SCORED = (*_STATES, "submitted", "graded")
_EVENTS = {
    "person": pl.String, "resource": pl.String, "at": TIME, "verb": pl.String, "seconds": pl.Float64,
    "progress": pl.Float64, "record": pl.Int64,
}  # fmt: skip
_ATTEMPTS = {
    "person": pl.String, "assessment": pl.String, "item_id": pl.String, "attempt": pl.Int64,
    "score": pl.Float64, "raw_score": pl.Float64, "maximum": pl.Float64, "missing_reason": pl.String,
    "started_at": TIME, "submitted_at": TIME, "seconds": pl.Float64, "record": pl.Int64,
}  # fmt: skip
_RESOURCES = {"resource": pl.String, "title": pl.String, "kind": pl.String, "length_min": pl.Float64}


def read(file: Path, context: Context) -> Reading:  # noqa: ARG001 - times state their offset
    """Read statements: one a line, an array, or one page of a learning record store.

    Gives ``events``, ``resources`` and ``attempts`` (``item_id``: a part of an H5P activity). Resource keys
    are ``cm:…`` for pages of Moodle, ``title:…`` for activities whose name only one has, else ``iri:…``.

    Raises
    ------
    InputError
        A file that is one document is not whole, or holds no statements.
    """
    text = open_text(file)
    account, warnings = Account(), list(text.warnings)
    statements = _statements(_values(text, file.name, warnings), account)
    keys = _keys(statements)
    events = _events(statements, keys)
    tables = {
        "events": pl.DataFrame(events, schema=_EVENTS, orient="row"),
        "attempts": pl.DataFrame(_attempts(statements, keys), schema=_ATTEMPTS, orient="row"),
        "resources": pl.DataFrame(_resources(statements, keys), schema=_RESOURCES, orient="row"),
    }
    account.kept = len(statements)
    return Reading(
        FORMAT,
        {name: frame for name, frame in tables.items() if frame.height},
        account,
        people(row for statement in statements for row in statement.identities),
        timezone="UTC",
        covers_to=max((statement.at for statement in statements), default=None),
        warnings=warnings,
    )


def _values(text: Text, file: str, warnings: list[Notice]) -> Iterator[tuple[int, Any, str | None]]:
    """Yield (record, value, why it cannot be read); say in `warnings` that a page is not the last."""
    form = json_text.kind(text)
    if form == "lines":
        yield from json_text.records(text)
        return
    data = json_text.document(text) if form else None
    if isinstance(data, dict) and isinstance(data.get("statements"), list):
        if json_text.string(data.get("more")):
            warnings.append(Notice("readers_events.more_pages", file=file))
        data = data["statements"]
    elif isinstance(data, dict) and "actor" in data:
        data = [data]
    if not isinstance(data, list):
        raise InputError(t("readers_events.not_xapi", file=file))
    for record, value in enumerate(data, 1):
        yield record, value, None


def _statements(values: Iterator[tuple[int, Any, str | None]], account: Account) -> list[Statement]:
    """Return the statements that stand, oldest first: voided ones and repeats are left out."""
    found: dict[str, Statement] = {}
    voided: set[str] = set()
    for record, value, reason in values:
        account.read += 1
        one = parse(record, value) if reason is None else reason
        if isinstance(one, str):
            account.set_aside(record, one)
        elif one.verb == "voided":
            voided.add(one.iri.casefold())
            account.set_aside(record, "voids_another")
        elif one.id and one.id in found:
            account.merge(record, "duplicate_record")
        else:
            found[one.id or f"·{record}"] = one
    for key in voided & found.keys():
        account.set_aside(found.pop(key).record, "voided")
    return sorted(found.values(), key=lambda one: (one.at, one.record))


def _keys(statements: Sequence[Statement]) -> dict[str, str]:
    """Return the resource key of each IRI: its title where no other activity of the file has it."""
    names = {one.iri: one.name for one in statements if one.name and one.sub is None}
    bearers = Counter(names.values())
    keys = {}
    for one in statements:
        key = resource_key(one.iri)
        title = names.get(one.iri, "")
        keys[one.iri] = f"title:{title}" if key.startswith("iri:") and bearers[title] == 1 else key
    return keys


def _resources(statements: Sequence[Statement], keys: dict[str, str]) -> list[tuple]:
    found: dict[str, list] = {}
    for one in statements:
        if not one.iri or one.kind == "course":
            continue
        row = found.setdefault(keys[one.iri], [keys[one.iri], None, None, None])
        if one.sub is None:
            row[1], row[2] = row[1] or one.name or None, row[2] or one.kind
        else:
            row[2] = "h5p"
        length = loose(one.video("length"))
        if length is not None and 0 < length < 1e6:
            row[3] = length / 60
    return [tuple(row) for row in found.values()]


def _events(statements: Sequence[Statement], keys: dict[str, str]) -> list[list]:
    units = {(one.person, one.registration) for one in statements if one.registration and one.defines}
    seen: dict[tuple[str, str], Watched] = {}
    last: dict[tuple[str, str], list] = {}
    rows = []
    for one in statements:
        verb = _verb(one, (one.person, one.registration) in units)
        resource = None if one.kind == "course" or not one.iri else keys[one.iri]
        row = [one.person, resource, one.at, verb, None, None, one.record]
        gain, progress = _watched(one, seen)
        if (gain or progress is not None) and resource is not None:
            opened = row if verb in _CONSULTING else last.get((one.person, one.iri))
            if opened is None:
                row[3], opened = "played", row
            opened[4] = (opened[4] or 0.0) + gain if gain else opened[4]
            opened[5] = max(progress, opened[5] or 0.0) if progress is not None else opened[5]
        if row[3] in _CONSULTING:
            last[(one.person, one.iri)] = row
        rows.append(row)
    _durations(statements, rows, seen)
    return rows


def _verb(one: Statement, in_unit: bool) -> str:
    """Return what a statement says was done: parts, and what cmi5 does not define, complete nothing."""
    verb = one.verb
    if one.kind == "course":
        course = {"completed": "course_completed", "passed": "course_completed", "course_completed": ""}
        opened = {"viewed": "course_viewed", "launched": "course_viewed"}
        return (course | opened).get(verb, "other") or verb
    if one.sub is not None and verb in _STATES:
        return "submitted"
    if in_unit and verb in _STATES and not one.defines:
        return "other"
    if verb == "submitted" and one.sub is None and one.result.get("completion") is True:
        return "completed"
    return "other" if verb in ("terminated", "course_completed") else verb


def _watched(one: Statement, seen: dict[tuple[str, str], Watched]) -> tuple[float, float | None]:
    """Return the seconds a statement adds to what its person has seen, and the share done."""
    length = loose(one.video("length"))
    segments = segments_of(one.video("played-segments"), loose(one.video("time")), length)
    progress = one.progress
    if not segments:
        return 0.0, progress
    watched = seen.setdefault((one.person, one.iri), Watched())
    gain = watched.add(segments)
    if progress is None and length:
        progress = min(1.0, watched.seconds / length)
    return gain, progress


def _durations(statements: Sequence[Statement], rows: Sequence[list], seen: dict) -> None:
    """Give stated durations where nothing was played: one for each registration, of its session if it ended.

    The durations of a unit's completion and of its passing are both counted from its start.
    """
    opened: dict[tuple[str, str, str], list] = {}
    stated: dict[tuple[str, str, str], list[tuple[Statement, list]]] = defaultdict(list)
    for one, row in zip(statements, rows, strict=True):
        key = (one.person, one.iri, one.registration or f"·{one.record}")
        if row[3] in _CONSULTING:
            opened[key] = row
        if one.seconds and one.sub is None and key[:2] not in seen and key in opened and row[1]:
            stated[key].append((one, opened[key]))
    for found in stated.values():
        ended = [(one, row) for one, row in found if one.verb == "terminated"]
        for one, row in ended or [max(found, key=lambda pair: pair[0].seconds)]:
            row[4] = (row[4] or 0.0) + one.seconds


def _attempts(statements: Sequence[Statement], keys: dict[str, str]) -> list[tuple]:
    """Return one row for each scored statement; those of one registration with one score are one attempt."""
    units = {(one.person, one.registration) for one in statements if one.registration and one.defines}
    done: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], tuple[str, float]] = {}
    rows = []
    for one in statements:
        share, raw, most = score(one.result)
        if share is None or not one.iri or one.verb not in _SCORED or one.kind == "course":
            continue
        if (one.person, one.registration) in units and one.verb in _STATES and not one.defines:
            continue
        key = (one.person, one.iri)
        if one.sub is None:
            if one.registration and last.get(key) == (one.registration, share):
                continue
            last[key] = (one.registration, share)
            done[key] += 1
        attempt = done[key] + (one.sub is not None)
        rows.append((one.person, keys[one.iri].removeprefix("title:"), one.sub, attempt, share, raw, most,
                     None, None, one.at, one.seconds, one.record))  # fmt: skip
    return rows
