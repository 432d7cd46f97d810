"""A small study made in memory, for the tests of the pages: three flipped groups and three conventional ones.

Group F1 has prepared best, F3 worst, so that a figure which did not follow a choice shows; group F4 has three
learners, too few to be shown to anybody but a researcher.
"""

from __future__ import annotations

import datetime as dt
import random

import polars as pl

from flipstats.study import Study

UTC = dt.UTC
START = dt.datetime(2024, 3, 4, 9, tzinfo=UTC)
END = dt.datetime(2024, 6, 30, 18, tzinfo=UTC)
GROUPS = {  # arm, iteration, learners, chance to prepare, mean summative score
    "F1": ("flipped", 1, 14, 0.95, 0.74),
    "F2": ("flipped", 2, 13, 0.70, 0.68),
    "F3": ("flipped", 2, 12, 0.35, 0.64),
    "F4": ("flipped", 2, 3, 0.60, 0.66),
    "C1": ("conventional", 1, 14, 0.0, 0.62),
    "C2": ("conventional", 2, 12, 0.0, 0.58),
    "C3": ("conventional", 2, 13, 0.0, 0.61),
}
TITLES = {name: f"Groupe <{name}> & « {arm} »" for name, (arm, *_) in GROUPS.items()}
SESSIONS = 4


def page_study(*, seed: int = 7, title: str = "Sécurité <incendie>") -> Study:
    """Return the study; the same seed gives the same one."""
    tables = {
        name: []
        for name in ("learners", "enrolments", "sessions", "plan", "events", "attempts", "attendance")
    }
    draw = random.Random(seed)
    for name, (_arm, _iteration, size, chance, mean) in GROUPS.items():
        _sessions(tables, name)
        for i in range(size):
            _learner(tables, draw, name, f"L{name}{i:02d}", chance, mean)
    return Study.from_frames(
        programme={
            "id": "p",
            "title": title,
            "timezone": "Europe/Paris",
            "language": "fr",
            "as_of": END,
        },
        design={
            "assignment": "nonrandom",
            "treated": "flipped",
            "control": "conventional",
            "completion_rule": "summative_passed",
        },
        **{name: pl.DataFrame(rows) for name, rows in tables.items()},
        **_declared(),
    )


def _declared() -> dict[str, pl.DataFrame]:
    numbers = range(1, SESSIONS + 1)
    cohorts = [
        {
            "cohort_id": name,
            "title": TITLES[name],
            "arm": arm,
            "iteration": i,
            "starts_at": START,
            "ends_at": END,
        }
        for name, (arm, i, *_) in GROUPS.items()
    ]
    source = {
        "source_id": "log", "file": "log.csv", "sha256": "0" * 64, "format": "moodle_log", "covers_to": END,
        "rows_read": 1, "rows_kept": 1, "rows_merged": 0, "rows_set_aside": 0,
    }  # fmt: skip
    starts = [
        {
            "assessment_id": f"start-{name}-{n}",
            "session_id": f"{name}-{n}",
            "role": "start",
            "max_score": 10.0,
        }
        for name in GROUPS
        for n in numbers
    ]
    final = {"assessment_id": "final", "session_id": None, "role": "summative", "max_score": 20.0}
    return {
        "cohorts": pl.DataFrame(cohorts),
        "resources": pl.DataFrame(
            {
                "resource_id": [f"r{n}" for n in numbers],
                "title": [f"Vidéo {n}" for n in numbers],
                "traced": True,
            }
        ),
        "sources": pl.DataFrame([source]),
        "coverage": pl.DataFrame(
            [
                {
                    "source_id": "log",
                    "level": "opened",
                    "covers_from": None,
                    "covers_to": END,
                    "basis": "declared",
                }
            ],
            schema_overrides={"covers_from": pl.Datetime("us", "UTC")},
        ),
        "assessments": pl.DataFrame([*starts, final]),
    }


def _sessions(tables: dict[str, list], name: str) -> None:
    flipped = name.startswith("F")
    for n in range(1, SESSIONS + 1):
        at = START + dt.timedelta(days=14 * n)
        tables["sessions"].append(
            {
                "session_id": f"{name}-{n}", "cohort_id": name, "sequence": n, "title": f"Séance {n}",
                "kind": "session", "format": "flipped_actor" if flipped else "conventional",
                "starts_at": at, "ends_at": at + dt.timedelta(hours=3),
            }
        )  # fmt: skip
        if flipped:
            row = {"session_id": f"{name}-{n}", "resource_id": f"r{n}", "phase": "pre", "mandatory": True}
            tables["plan"].append({**row, "released_at": at - dt.timedelta(days=10)})


def _learner(
    tables: dict[str, list], draw: random.Random, name: str, who: str, chance: float, mean: float
) -> None:
    tables["learners"].append({"learner_id": who, "tracking": "traced"})
    tables["enrolments"].append({"learner_id": who, "cohort_id": name, "enrolled_at": START})
    for n in range(1, SESSIONS + 1):
        at = START + dt.timedelta(days=14 * n)
        if draw.random() < chance:
            seen = at - dt.timedelta(hours=draw.uniform(2, 96))
            tables["events"].append({"learner_id": who, "resource_id": f"r{n}", "at": seen, "verb": "viewed"})
        tables["attendance"].append({"learner_id": who, "session_id": f"{name}-{n}", "status": "present"})
        score = min(max(draw.gauss(mean, 0.15), 0), 1)
        tables["attempts"].append(_attempt(who, f"start-{name}-{n}", score, at + dt.timedelta(minutes=5)))
    tables["attempts"].append(
        _attempt(who, "final", min(max(draw.gauss(mean, 0.14), 0), 1), END - dt.timedelta(days=2))
    )


def _attempt(who: str, assessment: str, score: float, at: dt.datetime) -> dict:
    return {
        "learner_id": who, "assessment_id": assessment, "attempt": 1, "score": score,
        "started_at": at, "submitted_at": at,
    }  # fmt: skip
