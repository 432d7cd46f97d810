"""Rows of a Moodle log: what happened, who did it and to what, from the Description that is always English.

Descriptions repeat: each distinct one is looked at once, then spread over its rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from flipstats.readers.moodle_people import NOBODY
from flipstats.readers.records import Chunk
from flipstats.readers.signatures import Match, content
from flipstats.readers.text import normal

FORMAT = "moodle_log"
_AS = re.compile(r"^(.+?) (?:as|en tant que) (.+)$")
_DESCRIBED = {
    "description": pl.String,
    "verb": pl.String,
    "who": pl.String,
    "concerns": pl.Boolean,
    "staff": pl.Boolean,
    "actor": pl.String,
    "other": pl.String,
    "cmid": pl.String,
    "module": pl.String,
    "username": pl.String,
    "user": pl.String,
}
_USER = r"[Tt]he user with id '([1-9]\d*)'"
_OTHER = r"user with id '-?\d+'.*user with id '([1-9]\d*)'"
_TRIED = r"^Login failed for user '(.*)'\."
_CMID = r"course module (?:with )?id '(\d+)'"
_MODULE = r"the '(\w+)' activity|(?:for|from) the '?(quiz|assignment|book|forum|folder|bigbluebuttonbn)\b"
_OF_MODULE = {"assignment": "assign"}


@dataclass(slots=True)
class Found:
    """What all pieces of a log told besides their rows."""

    names: dict[tuple[str, str], None] = field(default_factory=dict)  # (user id, full name)
    staff: dict[str, None] = field(default_factory=dict)  # user ids
    impersonators: dict[str, None] = field(default_factory=dict)  # full names
    as_another: dict[str, None] = field(default_factory=dict)  # "X as Y", as written
    usernames: dict[str, None] = field(default_factory=dict)  # tried at a failed login
    contexts: dict[tuple[str | None, str], tuple[int, str | None]] = field(default_factory=dict)


COLUMNS = ("time", "name", "affected", "context", "event", "description")


def rows(chunk: Chunk, match: Match, found: Found) -> pl.DataFrame:
    """Bring a piece of a log to ``record, time, user, name, verb, cmid, context, impersonated, username``.

    ``name`` is given only where no user id is, ``context`` only where the row concerns an activity whose
    course-module id it does not say.
    """
    frame = chunk.frame.select(
        pl.col("record").cast(pl.Int64),
        *(
            pl.lit(None, pl.String).alias(name)
            if (at := match.at(name)) is None
            else pl.col(f"c{at}").alias(name)
            for name in COLUMNS
        ),
    )
    described = _described(frame["description"].unique())
    frame = frame.join(described, on="description", how="left", maintain_order="left", nulls_equal=True)
    frame = _by_event_name(frame)
    _collect(frame, described, found)
    nothing = pl.lit(None, pl.String)
    nameless = pl.col("user").is_null() & (pl.col("who") != "nobody")
    called = pl.when(pl.col("who") == "other").then("affected").otherwise("name")
    named = pl.when(nameless & ~called.is_in(NOBODY)).then(called)
    placeless = pl.col("concerns") & pl.col("cmid").is_null()
    some = frame.select(nameless.any().alias("nameless"), placeless.any().alias("placeless")).row(
        0, named=True
    )
    under = list(found.as_another)
    return frame.select(
        "record",
        "time",
        "user",
        (named if some["nameless"] else nothing).alias("name"),
        "verb",
        "cmid",
        (pl.when(placeless).then("context") if some["placeless"] else nothing).alias("context"),
        (pl.col("name").is_in(under).fill_null(value=False) if under else pl.lit(value=False)).alias(
            "impersonated"
        ),
        "username",
    )


def _described(descriptions: pl.Series) -> pl.DataFrame:
    """Read each distinct description: its verb by its wording, then the ids in it."""
    text = pl.col("description")
    frame = descriptions.rename("description").to_frame()
    shapes = frame.select(text.str.replace_all(r"'[^']*'", "''").alias("shape"))["shape"]
    verbs = _verbs_of(shapes.unique().drop_nulls())
    module = pl.coalesce(text.str.extract(_MODULE, 1), text.str.extract(_MODULE, 2))
    named = frame.with_columns(shape=shapes).join(verbs, on="shape", how="left", maintain_order="left")
    named = named.with_columns(
        actor=text.str.extract(_USER),
        other=text.str.extract(_OTHER),
        cmid=text.str.extract(_CMID),
        module=module.replace(_OF_MODULE),
        username=text.str.extract(_TRIED).str.strip_chars(),
    )
    about_other = (pl.col("who") == "other") & pl.col("other").is_not_null()
    nobody = (pl.col("who") == "nobody").fill_null(value=False)
    user = pl.when(about_other).then(pl.col("other")).when(~nobody).then(pl.col("actor"))
    return named.with_columns(user=user).select(pl.col(name).cast(kind) for name, kind in _DESCRIBED.items())


def _verbs_of(shapes: pl.Series) -> pl.DataFrame:
    """Say what happened for each wording, the values between its quotes left out."""
    out = []
    for shape in shapes:
        verb = next((v for v in _verbs() if v.pattern.search(shape)), None)
        out.append((shape, *((verb.verb, verb.who, verb.concerns, verb.staff) if verb else (None,) * 4)))
    schema = {"shape": pl.String, "verb": pl.String, "who": pl.String}
    schema |= {"concerns": pl.Boolean, "staff": pl.Boolean}
    return pl.DataFrame(out, schema=schema, orient="row")


@dataclass(frozen=True, slots=True)
class _Verb:
    verb: str
    pattern: re.Pattern[str]
    who: str
    concerns: bool
    staff: bool


@cache
def _verbs() -> tuple[_Verb, ...]:
    return tuple(
        _Verb(
            spec["verb"],
            re.compile(spec["pattern"]),
            spec.get("who", "actor"),
            spec.get("resource", False),
            spec.get("staff", False),
        )
        for spec in content(FORMAT)["verbs"]
    )


@cache
def _event_names() -> Mapping[str, tuple[str, str, bool]]:
    return {
        normal(name): (spec["verb"], spec.get("who", "actor"), spec.get("resource", False))
        for spec in content(FORMAT)["verbs"]
        for name in spec.get("events", ())
    }


def _by_event_name(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill in what no description tells by the name of the event; what nothing tells is ``other``."""
    if not frame["verb"].null_count():
        return frame
    events = frame.filter(pl.col("verb").is_null())["event"].unique().drop_nulls()
    known = [(event, *named) for event in events if (named := _event_names().get(normal(event)))]
    schema = {"event": pl.String, "verb_": pl.String, "who_": pl.String, "concerns_": pl.Boolean}
    named = pl.DataFrame(known, schema=schema, orient="row")
    frame = frame.join(named, on="event", how="left", maintain_order="left")
    none = pl.col("verb").is_null()
    return frame.with_columns(
        verb=pl.coalesce("verb", "verb_", pl.lit("other")),
        who=pl.when(none).then(pl.col("who_")).otherwise("who").fill_null("actor"),
        concerns=pl.when(none).then(pl.col("concerns_")).otherwise("concerns").fill_null(value=False),
    )


def _collect(frame: pl.DataFrame, described: pl.DataFrame, found: Found) -> None:
    """Remember who has which name, who teaches, which user names were tried, and where things are."""
    users = frame.select("actor", "name").unique()
    others = frame.filter(pl.col("other").is_not_null()).select("other", "affected").unique()
    for user, name in sorted((*users.iter_rows(), *others.iter_rows()), key=str):
        parts = _AS.match(name or "")
        if parts:
            found.as_another[name] = None
            found.impersonators[parts.group(1).strip()] = None
        if user is not None and name is not None and name not in NOBODY:
            found.names[user, (parts.group(2) if parts else name).strip()] = None
    teaching = described.filter(pl.col("staff") & (pl.col("actor") != pl.col("other")).fill_null(value=True))
    found.staff.update(dict.fromkeys(sorted(teaching["actor"].drop_nulls().unique())))
    found.usernames.update(dict.fromkeys(sorted(described["username"].drop_nulls().unique())))
    places = (
        frame.filter(pl.col("cmid").is_not_null() | pl.col("concerns"))
        .group_by("cmid", "context")
        .agg(pl.col("record").min(), pl.col("module").drop_nulls().first())
        .sort("record")
    )
    for cmid, context, record, module in places.iter_rows():
        if context is not None:
            found.contexts.setdefault((cmid, context), (record, module))
