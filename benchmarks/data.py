"""Synthetic events as large programmes have them: string ids, few resources opened by most, bursts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
START_US = 1_727_740_800_000_000  # 1 October 2024, 00:00 UTC
EVENTS_PER_LEARNER = 250
LEARNERS_PER_COHORT = 25
SESSIONS = 10
RESOURCES_PER_SESSION = 4
COHORTS_PER_RESOURCE = 10  # a resource serves this many cohorts, at different dates
IN_TWO_COHORTS = 0.3
PIECE = 1_000_000


def _ids(prefix: str, n: int) -> pl.Series:
    """Ids of 36 characters, as UUIDs have."""
    return pl.select(
        pl.format(prefix + "{}", pl.int_range(n, eager=False).cast(pl.String).str.zfill(36 - len(prefix)))
    ).to_series()


def write(folder: Path, events: int, seed: int = 7) -> None:
    """Write the tables of a programme, `learners` to `events`, as raw Parquet files.

    Events are drawn and written a piece at a time, so that 100 million fit.
    """
    rng = np.random.default_rng(seed)
    n_learners = max(events // EVENTS_PER_LEARNER, LEARNERS_PER_COHORT)
    n_cohorts = max(n_learners // LEARNERS_PER_COHORT, 1)
    first = np.arange(n_learners) % n_cohorts
    learners, cohorts = _ids("learner-", n_learners), _ids("cohort-", n_cohorts)
    twice = rng.random(n_learners) < IN_TWO_COHORTS
    both = np.concatenate([first, (first[twice] + 1) % n_cohorts])
    who = np.concatenate([np.arange(n_learners), np.flatnonzero(twice)])
    enrolments = pl.DataFrame(
        {"learner_id": learners[who], "cohort_id": cohorts[both], "enrolled_at": START_US}
    )
    pairs = enrolments.unique(["learner_id", "cohort_id"], maintain_order=True)

    cohort, number = np.divmod(np.arange(n_cohorts * SESSIONS), SESSIONS)
    starts = START_US + ((number + 1) * 7 * 24 + cohort % 48) * HOUR_US
    sessions = pl.DataFrame(
        {"session_id": _ids("session-", len(starts)), "cohort_id": cohorts[cohort], "starts_at": starts}
    ).with_columns(ends_at=pl.col("starts_at") + 3 * HOUR_US)

    families = -(-n_cohorts // COHORTS_PER_RESOURCE)
    resources = _ids("resource-", families * SESSIONS * RESOURCES_PER_SESSION)
    which = np.repeat(
        (cohort // COHORTS_PER_RESOURCE * SESSIONS + number) * RESOURCES_PER_SESSION, RESOURCES_PER_SESSION
    )
    which += np.tile(np.arange(RESOURCES_PER_SESSION), len(starts))
    plan = pl.DataFrame(
        {
            "session_id": sessions["session_id"][np.repeat(np.arange(len(starts)), RESOURCES_PER_SESSION)],
            "resource_id": resources[which],
            "released_at": np.repeat(starts - 14 * DAY_US, RESOURCES_PER_SESSION),
        }
    )

    for name, frame in {
        "learners": pl.DataFrame({"learner_id": learners}),
        "cohorts": pl.DataFrame({"cohort_id": cohorts}),
        "enrolments": pairs,
        "sessions": sessions,
        "resources": pl.DataFrame({"resource_id": resources}),
        "plan": plan,
    }.items():
        frame.write_parquet(folder / f"{name}.parquet")
    pieces = (_events(rng, min(PIECE, events - done), first) for done in range(0, events, PIECE))
    _write_events(folder / "events.parquet", pieces, learners, resources)


def _events(rng: np.random.Generator, n: int, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw who did what when: few resources take most, and most comes just before a session."""
    actor = rng.integers(0, len(first), n)
    session = np.minimum(rng.zipf(1.5, n) - 1, SESSIONS - 1)
    item = np.minimum(rng.zipf(1.8, n) - 1, RESOURCES_PER_SESSION - 1)
    home = first[actor]
    resource = (home // COHORTS_PER_RESOURCE * SESSIONS + session) * RESOURCES_PER_SESSION + item
    due = START_US + ((session + 1) * 7 * 24 + home % 48) * HOUR_US
    return actor, resource, due - (rng.exponential(36, n) * HOUR_US).astype(np.int64) + 2 * HOUR_US


def _write_events(file: Path, pieces: Iterator[tuple], learners: pl.Series, resources: pl.Series) -> None:
    schema = pa.schema([("learner_id", pa.string()), ("resource_id", pa.string()), ("at", pa.int64())])
    with pq.ParquetWriter(file, schema, compression="zstd", dictionary_pagesize_limit=2**26) as writer:
        for actor, resource, at in pieces:
            raw = pl.DataFrame({"learner_id": learners[actor], "resource_id": resources[resource], "at": at})
            writer.write_table(raw.to_arrow().cast(schema), row_group_size=PIECE // 4)
