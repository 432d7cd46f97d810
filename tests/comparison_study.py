"""A drawn study with known effects, and a drawn table, for the tests of comparisons."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from flipstats.study import Study

START = dt.datetime(2024, 1, 8, 9, tzinfo=dt.UTC)


def table(random, groups=6, *, icc=0.1, effect=0.0, sizes=(5, 25), arms=None) -> pl.DataFrame:
    """Learners of `groups` an arm: ``y, passed, x`` (before), ``site``, ``arm`` f or c, ``g``."""
    arms = np.arange(2 * groups) % 2 if arms is None else np.asarray(arms)
    size = random.integers(sizes[0], sizes[1] + 1, len(arms))
    g = np.repeat(np.arange(len(arms)), size)
    treated = arms[g]
    between = min(0.3, np.sqrt(icc))  # none where groups do not differ at all
    x = between * random.normal(size=len(arms))[g] + 0.95 * random.normal(size=len(g))
    group = np.sqrt(icc) * random.normal(size=len(arms))[g]
    y = 0.5 * x + effect * treated + group + np.sqrt(1 - icc) * random.normal(size=len(g))
    return pl.DataFrame(
        {
            "y": y,
            "passed": (y > 0).astype(int),
            "x": x,
            "site": np.where(random.random(len(g)) < 0.5, "north", "south"),
            "arm": np.where(treated == 1, "f", "c"),
            "g": [f"g{k}" for k in g],
        }
    )


def study(
    random=None,
    *,
    groups=4,
    size=12,
    effect=0.10,
    assignment="nonrandom",
    trainers=None,
    iterations=None,
    moved=(),
    tests="one",
    rule="summative_passed",
    secondary=(),
    positioning=True,
) -> Study:
    """A programme of `groups` cohorts an arm; scores in 0-1, `effect` on the summative score.

    Parameters
    ----------
    trainers, iterations : one a cohort, in the order of the cohorts
    moved : (learner, cohort) pairs, further enrolments
    tests : "one" test for all, or "own" in each arm
    """
    random = random or np.random.default_rng(8)
    k = 2 * groups
    cohorts = [f"C{i}" for i in range(k)]
    arms = ["flipped" if i % 2 else "conventional" for i in range(k)]
    cohort = np.repeat(np.arange(k), size)
    learner = [f"L{i:03d}" for i in range(len(cohort))]
    before = np.clip(0.5 + 0.15 * random.normal(size=len(cohort)), 0, 1)
    noise = 0.03 * random.normal(size=k)[cohort] + 0.1 * random.normal(size=len(cohort))
    after = np.clip(0.3 + 0.5 * before + effect * (cohort % 2) + noise, 0, 1)
    enrolled = list(zip(learner, [cohorts[c] for c in cohort], strict=True)) + list(moved)
    gone = {learner[3], learner[size + 5]}
    exams = ["EXAM"] if tests == "one" else ["EXAM-C", "EXAM-F"]
    attempts = []
    for i, name in enumerate(learner):
        if positioning and i % 11:
            attempts.append((name, "POS", 1, before[i], START - dt.timedelta(days=3)))
        if name not in gone:
            exam = exams[-1] if cohort[i] % 2 else exams[0]
            attempts.append((name, exam, 1, after[i], START + dt.timedelta(days=40)))
            attempts.append((name, exam, 2, min(after[i] + 0.2, 1), START + dt.timedelta(days=41)))
    day = dt.timedelta(days=1)
    sessions = [
        (f"{c}-{n}", c, n, START + 7 * n * day, START + 7 * n * day + day / 8)
        for c in cohorts
        for n in (1, 2)
    ]
    return Study.from_frames(
        programme={"id": "drawn", "timezone": "Europe/Paris", "as_of": START + 90 * day},
        design={
            "assignment": assignment, "treated": "flipped", "control": "conventional",
            "completion_rule": rule, "secondary": list(secondary),
        },
        learners=pl.DataFrame(
            {"learner_id": learner, "tracking": "traced", "x_age": random.integers(20, 60, len(learner)),
             "x_job": [("clerk", "driver")[i % 2] for i in range(len(learner))]}
        ),
        cohorts=pl.DataFrame(
            {"cohort_id": cohorts, "arm": arms, "iteration": iterations or [1] * k,
             "trainer_id": trainers or [f"T{i}" for i in range(k)], "ends_at": START + 60 * day}
        ),
        enrolments=pl.DataFrame(
            {
                "learner_id": [e[0] for e in enrolled],
                "cohort_id": [e[1] for e in enrolled],
                "enrolled_at": [START - 10 * day] * len(learner) + [START + 5 * day] * len(moved),
                "withdrawn_at": [START + 20 * day if e[0] in gone else None for e in enrolled],
            }
        ),
        sessions=pl.DataFrame(
            sessions, schema=["session_id", "cohort_id", "sequence", "starts_at", "ends_at"], orient="row"
        ).with_columns(kind=pl.lit("session")),
        assessments=pl.DataFrame(
            {"assessment_id": ["POS", *exams], "role": ["positioning"] + ["summative"] * len(exams)}
        ),
        attempts=pl.DataFrame(
            attempts, schema=["learner_id", "assessment_id", "attempt", "score", "submitted_at"], orient="row"
        ),
        attendance=pl.DataFrame(
            [
                (name, f"{cohorts[cohort[i]]}-{n}", ("present", "absent")[(i + n) % 5 == 0])
                for i, name in enumerate(learner)
                for n in (1, 2)
                if not (name in gone and n == 2)
            ],
            schema=["learner_id", "session_id", "status"], orient="row",
        ),
    )  # fmt: skip
