"""Tables for stage one that go wrong at borders, and stage one itself as plain loops."""

from __future__ import annotations

import math
import random

import polars as pl

from flipstats import schema
from flipstats.conventions import DEFAULTS

Tables = dict[str, pl.DataFrame]
HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 1_711_000_000_000_000
TYPES = {
    "events": {
        "learner_id": pl.String, "resource_id": pl.String, "at": pl.Int64, "verb": pl.String,
        "seconds": pl.Float64, "progress": pl.Float64,
    },
    "enrolments": {"learner_id": pl.String, "cohort_id": pl.String, "enrolled_at": pl.Int64},
    "sessions": {
        "session_id": pl.String, "cohort_id": pl.String, "starts_at": pl.Int64, "ends_at": pl.Int64, "late_until": pl.Int64,
    },
    "plan": {"session_id": pl.String, "resource_id": pl.String, "phase": pl.String, "released_at": pl.Int64},
}  # fmt: skip
IDS = ("learner_id", "cohort_id", "session_id", "resource_id")


def event(learner, resource, at, verb="viewed", seconds=None, progress=None):
    return learner, resource, at, verb, seconds, progress


def session(name, cohort, starts, hours=3, late=None):
    ends = starts + hours * HOUR
    return name, cohort, starts, ends, ends + 7 * DAY if late is None else late


def boundaries():
    """Events a microsecond before, on and after everything a window begins or ends at."""
    release, enrolled = START - 5 * DAY, START - 4 * DAY
    ends = START + 3 * HOUR
    edges = [release, enrolled, START, ends, ends + 7 * DAY]
    return {
        "events": [
            event(who, "R", edge + by, seconds=1.0) for who in "ab" for edge in edges for by in (-1, 0, 1)
        ],
        "enrolments": [("a", "A", enrolled), ("b", "A", None)],
        "sessions": [session("S", "A", START)],
        "plan": [("S", "R", "pre", release)],
    }


def unknowns():
    """Whom or what an event is of is not known; since when somebody is there neither."""
    return {
        "events": [event(None, "R", START - 1), event("a", None, START - 1), event("a", "R", -START), event("b", "Q", START - 9)],
        "enrolments": [("a", "A", None), ("b", "A", 0), ("c", "B", 5)],
        "sessions": [session("S", "A", START)],
        "plan": [("S", "R", "pre", None), ("S", "Q", "pre", 7), ("S", "Q", "post", None)],
    }  # fmt: skip


def words():
    """Every verb, in time and late."""
    return {
        "events": [event("a", "R", START + by, verb) for by in (-HOUR, HOUR) for verb in schema.VERBS]
        + [event("b", "R", START - HOUR, "declared"), event("c", "R", START + HOUR, "declared")],
        "enrolments": [(who, "A", 0) for who in "abc"],
        "sessions": [session("S", "A", START)],
        "plan": [("S", "R", "pre", 0)],
    }


def measures():
    """Durations and shares that are none, beside real ones that floats would add up wrongly."""
    odd = [math.nan, math.inf, -math.inf, -1.0, 1e9, None]
    fine = [0.1, 0.2, 0.3, 1234.5678, 0.0004, 0.0005]
    given = [event("a", "R", START - i - 1, seconds=s, progress=s) for i, s in enumerate(odd)]
    given += [event("b", "R", START - i - 1, seconds=s, progress=s) for i, s in enumerate(fine + odd)]
    given += [event("c", "R", START - 5, progress=1.0), event("c", "R", START + 5, progress=0.5, seconds=9.0)]
    return {
        "events": given,
        "enrolments": [(who, "A", 0) for who in "abc"],
        "sessions": [session("S", "A", START)],
        "plan": [("S", "R", "pre", 0)],
    }


def shared():
    """One resource before three sessions of two cohorts, a learner in both."""
    times = {"A1": START, "A2": START + 4 * DAY, "B1": START - 2 * DAY}
    return {
        "events": [event(who, "R", START - DAY, "downloaded") for who in "ab"]
        + [event("a", "R", START + DAY)],
        "enrolments": [("a", "A", 0), ("a", "B", 0), ("b", "B", START)],
        "sessions": [session(name, name[0], at) for name, at in times.items()],
        "plan": [(name, "R", "pre", 0) for name in times] + [("A1", "Q", "in", 0)],
    }


def drawn(seed=1, size=400):
    """Drawn at random from few values, so that everything meets everything."""
    draw = random.Random(seed)
    moments = [START + draw.randint(-9, 9) * DAY + by for _ in range(8) for by in (-1, 0, 1)]
    who, what = [f"L{i}" for i in range(9)] + [None], [f"R{i}" for i in range(5)] + [None]
    return {
        "events": [
            event(
                draw.choice(who), draw.choice(what), draw.choice(moments), draw.choice(schema.VERBS[:13]),
                draw.choice([None, 0.0, 29.9999, 1 / 3, 300.0]), draw.choice([None, 0.0, 0.5, 1.0, 1.1]),
            )
            for _ in range(size)
        ],
        "enrolments": [(w, c, draw.choice([None, *moments])) for w in who[:-1] for c in "ABC" if draw.random() < 0.6],
        "sessions": [session(f"{c}{i}", c, draw.choice(moments), late=draw.choice(moments) + 9 * DAY) for c in "ABC" for i in range(3)],
        "plan": [
            (f"{c}{i}", r, draw.choice(["pre"] * 4 + ["post"]), draw.choice([None, *moments]))
            for c in "ABC" for i in range(3) for r in what[:-1] if draw.random() < 0.7
        ],
    }  # fmt: skip


CASES = (boundaries, unknowns, words, measures, shared, drawn)


def empty() -> Tables:
    """Return the four tables without rows."""
    return {name: pl.DataFrame(schema=types) for name, types in TYPES.items()}


def all_cases() -> Tables:
    """Return every case in one set of tables, its ids headed by its name."""
    out = empty()
    for case in CASES:
        for name, rows in case().items():
            frame = pl.DataFrame(rows, schema=TYPES[name], orient="row")
            ids = [
                (pl.lit(case.__name__ + "-") + pl.col(column)).alias(column)
                for column in IDS
                if column in frame.columns
            ]
            out[name] = pl.concat([out[name], frame.with_columns(ids)])
    return out


def without_local_lateness(tables: Tables) -> Tables:
    return {name: frame.drop("late_until", strict=False) for name, frame in tables.items()}


def numbered(tables: Tables, dtype: pl.DataType) -> Tables:
    """Put numbers in place of ids, and of verbs their position."""
    out = {}
    for name, frame in tables.items():
        ids = [
            pl.col(c).replace_strict(_numbers(tables, c), return_dtype=dtype)
            for c in IDS
            if c in frame.columns
        ]
        out[name] = frame.with_columns(ids)
    position = {verb: number for number, verb in enumerate(schema.VERBS)}
    out["events"] = out["events"].with_columns(pl.col("verb").replace_strict(position, return_dtype=pl.UInt8))
    return out


def named(found: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Put the ids back in place of the numbers."""
    back = {
        c: {number: value for value, number in _numbers(tables, c).items()} for c in IDS if c in found.columns
    }
    return found.with_columns(
        pl.col(c).replace_strict(names, return_dtype=pl.String) for c, names in back.items()
    )


def _numbers(tables: Tables, column: str) -> dict:
    held = {v for frame in tables.values() if column in frame.columns for v in frame[column].drop_nulls()}
    return {value: number for number, value in enumerate(sorted(held), start=3)}


def brute(tables: Tables) -> list[tuple]:
    """Stage one from its definition, in loops; rows in order of their keys."""
    found: dict[tuple, list[dict]] = {}
    rows = {name: frame.to_dicts() for name, frame in tables.items()}
    consulting = (*schema.OPENING_VERBS, *schema.COMPLETING_VERBS, "paused")
    for one in rows["plan"]:
        if one["phase"] != "pre":
            continue
        for meeting in (s for s in rows["sessions"] if s["session_id"] == one["session_id"]):
            late_until = meeting.get("late_until") or meeting["ends_at"] + int(DEFAULTS.late_days) * DAY
            for place in (e for e in rows["enrolments"] if e["cohort_id"] == meeting["cohort_id"]):
                for seen in rows["events"]:
                    same = (
                        seen["learner_id"] == place["learner_id"]
                        and seen["resource_id"] == one["resource_id"]
                    )
                    begins = [t for t in (one["released_at"], place["enrolled_at"]) if t is not None]
                    inside = all(seen["at"] >= t for t in begins) and seen["at"] <= late_until
                    if same and inside and seen["verb"] in (*consulting, "declared"):
                        early = seen["at"] < meeting["starts_at"]
                        if early or seen["verb"] != "declared":
                            key = (place["learner_id"], meeting["session_id"], one["resource_id"])
                            found.setdefault(key, []).append(seen | {"early": early})
    return [(*key, *_fact(found[key])) for key in sorted(found)]


def _fact(events: list[dict]) -> tuple:
    used = [e for e in events if e["early"] and e["verb"] != "declared"]
    late = [e for e in events if not e["early"]]
    times = [e["seconds"] for e in used if e["seconds"] is not None and 0 <= e["seconds"] < 1e9]
    shares = [e["progress"] for e in used if e["progress"] is not None and 0 <= e["progress"] <= 1]
    return (
        len(used),
        sum(e["verb"] == "downloaded" for e in used),
        min((e["at"] for e in used), default=None),
        max((e["at"] for e in used), default=None),
        sum(math.floor(s * 1000 + 0.5) for s in times) if times else None,
        max(shares, default=None),
        any(e["verb"] in schema.COMPLETING_VERBS for e in used),
        any(e["early"] and e["verb"] == "declared" for e in events),
        len(late),
        min((e["at"] for e in late), default=None),
    )
