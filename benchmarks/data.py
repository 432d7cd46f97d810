"""Synthetic events as large programmes have them: string ids, few resources opened by most, bursts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
START_US = 1_727_740_800_000_000  # 1 October 2024, 00:00 UTC
EVENTS_PER_LEARNER = 250
LEARNERS_PER_COHORT = 25
SESSIONS = 10
RESOURCES_PER_SESSION = 4
COHORTS_PER_RESOURCE = 10  # a resource serves this many cohorts, at different dates
IN_TWO_COHORTS = 0.3


def _ids(prefix: str, n: int) -> pl.Series:
    """Ids of 36 characters, as UUIDs have."""
    return pl.select(
        pl.format(prefix + "{}", pl.int_range(n, eager=False).cast(pl.String).str.zfill(36 - len(prefix)))
    ).to_series()


def write(folder: Path, events: int, seed: int = 7) -> None:
    """Write `learners`, `enrolments`, `sessions`, `plan`, `resources` and `events` as raw Parquet files."""
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

    actor = rng.integers(0, n_learners, events)
    session = np.minimum(rng.zipf(1.5, events) - 1, SESSIONS - 1)
    item = np.minimum(rng.zipf(1.8, events) - 1, RESOURCES_PER_SESSION - 1)
    home = first[actor]
    resource = (home // COHORTS_PER_RESOURCE * SESSIONS + session) * RESOURCES_PER_SESSION + item
    due = START_US + ((session + 1) * 7 * 24 + home % 48) * HOUR_US
    at = due - (rng.exponential(36, events) * HOUR_US).astype(np.int64) + 2 * HOUR_US
    raw = pl.DataFrame({"learner_id": learners[actor], "resource_id": resources[resource], "at": at})

    for name, frame in {
        "learners": pl.DataFrame({"learner_id": learners}),
        "cohorts": pl.DataFrame({"cohort_id": cohorts}),
        "enrolments": pairs,
        "sessions": sessions,
        "resources": pl.DataFrame({"resource_id": resources}),
        "plan": plan,
        "events": raw,
    }.items():
        frame.write_parquet(folder / f"{name}.parquet")
