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
_USER = r"[Tt]he user with id '([1-9]\d*)'"
_OTHER = r"user with id '-?\d+'.*user with id '([1-9]\d*)'"
_TRIED = r"^Login failed for user '(.*)'\."
_CMID = r"course module (?:with )?id '(\d+)'"
_MODULE = r"the '(\w+)' activity|(?:for|from) the '?(quiz|assignment|book|forum|folder|bigbluebuttonbn)\b"
_OF_MODULE = {"assignment": "assign"}
_REMEMBERED = 300_000  # descriptions; beyond, those of a piece are read with it


@dataclass(slots=True)
class Found:
    """What all pieces of a log told besides their rows."""

    names: dict[tuple[str, str], None] = field(default_factory=dict)  # (person, full name)
    nameless: dict[str, None] = field(default_factory=dict)  # full names of rows that say no user id
    staff: dict[str, None] = field(default_factory=dict)  # persons
    impersonators: dict[str, None] = field(default_factory=dict)  # full names
    as_another: dict[str, None] = field(default_factory=dict)  # "X as Y", as written
    usernames: dict[str, None] = field(default_factory=dict)  # tried at a failed login
    places: dict[tuple[str | None, str], tuple[int, str | None]] = field(default_factory=dict)
    described: pl.DataFrame | None = None  # descriptions of the pieces before, which come again and again


COLUMNS = ("time", "name", "affected", "context", "event", "description")


def rows(chunk: Chunk, match: Match, found: Found) -> pl.DataFrame:
    """Bring a piece of a log to one row for each record.

    Returns
    -------
    DataFrame
        ``record, time, person, verb, resource, impersonated, name, context, username``; ``person`` and
        ``resource`` are what the ids of the description say, ``name`` is given only where it says no user id,
        ``context`` only where the row concerns an activity whose course-module id it does not say.
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
    described = _all_described(frame["description"].unique(), found)
    told = described.select("description", "verb", "person", "resource", "of_other", "unclear")
    frame = frame.join(told, on="description", how="left", maintain_order="left", nulls_equal=True)
    unclear = _unclear(frame.filter("unclear"), described)
    _collect_names(frame, described, found)
    _collect_places(frame, unclear, described, found)
    found.usernames.update(dict.fromkeys(sorted(described["username"].drop_nulls())))
    under = pl.col("name").is_in(list(found.as_another)).fill_null(value=False)
    frame = frame.select(
        "record",
        "time",
        "person",
        "verb",
        "resource",
        (under if found.as_another else pl.lit(value=False)).alias("impersonated"),
    )
    if unclear.is_empty():
        return frame.with_columns(
            pl.lit(None, pl.String).alias(name) for name in ("name", "context", "username")
        )
    found.nameless.update(dict.fromkeys(unclear["name"].drop_nulls().unique().sort()))
    frame = frame.join(unclear, on="record", how="left", maintain_order="left", suffix="_")
    return frame.with_columns(verb=pl.coalesce("verb_", "verb")).drop("verb_")


def _all_described(descriptions: pl.Series, found: Found) -> pl.DataFrame:
    """Read the descriptions of a piece that no piece before had; return them with those known before."""
    known = found.described
    if known is None or known.height > _REMEMBERED:
        found.described = _described(descriptions)
    else:
        new = descriptions.to_frame().join(known, on="description", how="anti", nulls_equal=True)
        found.described = pl.concat([known, _described(new["description"])])
    return found.described


def _described(descriptions: pl.Series) -> pl.DataFrame:
    """Read each distinct description: its verb by its wording, then the ids in it.

    ``unclear`` are those that leave a question to the other columns of their rows.
    """
    text = pl.col("description")
    frame = descriptions.rename("description").to_frame()
    shapes = frame.select(text.str.replace_all(r"'[^']*'", "''").alias("shape"))["shape"]
    verbs = _verbs_of(shapes.unique().drop_nulls())
    module = pl.coalesce(text.str.extract(_MODULE, 1), text.str.extract(_MODULE, 2))
    frame = frame.with_columns(shape=shapes).join(verbs, on="shape", how="left", maintain_order="left")
    frame = frame.with_columns(
        actor=pl.lit("moodle:") + text.str.extract(_USER),
        other=pl.lit("moodle:") + text.str.extract(_OTHER),
        resource=pl.lit("cm:") + text.str.extract(_CMID),
        module=module.replace(_OF_MODULE),
        username=text.str.extract(_TRIED).str.strip_chars(),
    )
    of_other = ((pl.col("who") == "other") & pl.col("other").is_not_null()).fill_null(value=False)
    nobody = (pl.col("who") == "nobody").fill_null(value=False)
    person = pl.when(of_other).then("other").when(~nobody).then("actor")
    lost = pl.col("concerns").fill_null(value=True) & pl.col("resource").is_null()
    frame = frame.with_columns(of_other=of_other, person=person)
    return frame.with_columns(unclear=pl.col("verb").is_null() | pl.col("person").is_null() | lost)


def _unclear(frame: pl.DataFrame, described: pl.DataFrame) -> pl.DataFrame:
    """Ask the other columns of a row what its description does not say: the verb, the person, the place.

    Gives ``record, verb, name, context, username``.
    """
    more = described.select("description", "who", "concerns", "username")
    frame = frame.join(more, on="description", how="left", nulls_equal=True)
    events = frame.filter(pl.col("verb").is_null())["event"].unique().drop_nulls()
    known = [(event, *named) for event in events if (named := _event_names().get(normal(event)))]
    schema = {"event": pl.String, "verb_": pl.String, "who_": pl.String, "concerns_": pl.Boolean}
    frame = frame.join(pl.DataFrame(known, schema=schema, orient="row"), on="event", how="left")
    frame = frame.with_columns(
        verb=pl.coalesce("verb", "verb_", pl.lit("other")),
        who=pl.coalesce("who", "who_", pl.lit("actor")),
        concerns=pl.coalesce("concerns", "concerns_", pl.lit(value=False)),
    )
    called = pl.when(pl.col("who") == "other").then("affected").otherwise("name")
    nameless = pl.col("person").is_null() & (pl.col("who") != "nobody") & ~called.is_in(NOBODY)
    return frame.select(
        "record",
        "verb",
        pl.when(nameless).then(called).alias("name"),
        pl.when(pl.col("concerns") & pl.col("resource").is_null()).then("context").alias("context"),
        "username",
    )


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


def _collect_names(frame: pl.DataFrame, described: pl.DataFrame, found: Found) -> None:
    """Remember who has which name, who teaches, and who was logged in under another's name."""
    of_other = pl.col("of_other").fill_null(value=False)
    plain = frame.lazy().filter(~of_other).select("person", "name").unique().collect()
    two = frame.lazy().filter(of_other).select("description", "name", "affected").unique().collect()
    two = two.join(described.select("description", "actor", "other"), on="description", how="left")
    pairs = [plain, two.select("actor", "name"), two.select("other", "affected")]
    for person, name in sorted((pair for each in pairs for pair in each.unique().iter_rows()), key=str):
        parts = _AS.match(name or "")
        if parts:
            found.as_another[name] = None
            found.impersonators[parts.group(1).strip()] = None
        if person is not None and name is not None and name not in NOBODY:
            found.names[person, (parts.group(2) if parts else name).strip()] = None
    teaching = described.filter(pl.col("staff") & (pl.col("actor") != pl.col("other")).fill_null(value=True))
    found.staff.update(dict.fromkeys(sorted(teaching["actor"].drop_nulls().unique())))


def _collect_places(
    frame: pl.DataFrame, unclear: pl.DataFrame, described: pl.DataFrame, found: Found
) -> None:
    """Remember under which contexts each activity was, and at which record first."""
    modules = dict(
        described.drop_nulls(("resource", "module")).select("resource", "module").unique().iter_rows()
    )
    known = frame.drop_nulls("resource").select("resource", "context", "record")
    asked = unclear.select(pl.lit(None, pl.String).alias("resource"), "context", "record")
    places = pl.concat([known, asked.drop_nulls("context")])
    first = places.group_by("resource", "context").agg(pl.col("record").min()).sort("record")
    for resource, context, record in first.drop_nulls("context").iter_rows():
        found.places.setdefault((resource, context), (record, modules.get(resource)))
