"""One cohort of five learners and two sessions, for the examples in the docstrings."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from flipstats.study import Study


def study() -> Study:
    """Return the example.

    Ada and Bo prepare both resources of session S1 and Cleo one, as does Eve, who withdraws before S2. Dan
    joins after S1 and does not agree to be traced. Before S2 Ada opens both resources and Bo one.

    Examples
    --------
    >>> study()
    <Study example: 5 learners, 1 cohorts, 2 sessions>
    """
    events = [
        ("ada", "V1", 1, 20), ("ada", "T1", 2, 19), ("bo", "V1", 2, 7), ("bo", "T1", 3, 8),
        ("cleo", "T1", 3, 8), ("eve", "V1", 2, 12),
        ("ada", "V2", 8, 9), ("ada", "T2", 9, 18), ("bo", "T2", 11, 8),
    ]  # fmt: skip
    scores = [("ada", "START1", 0.9), ("bo", "START1", 0.7), ("cleo", "START1", 0.2), ("ada", "EXAM", 0.8),
              ("bo", "EXAM", 0.6), ("cleo", "EXAM", 0.3), ("dan", "EXAM", 0.7)]  # fmt: skip
    return Study.from_frames(
        programme={"id": "example", "timezone": "Europe/Paris", "as_of": _at(30, 0)},
        design={"completion_rule": "summative_passed"},
        learners=pl.DataFrame(
            {
                "learner_id": ["ada", "bo", "cleo", "dan", "eve"],
                "tracking": ["traced", "traced", "traced", "withdrawn", "traced"],
            }
        ),
        cohorts=pl.DataFrame({"cohort_id": ["G1"], "arm": ["flipped"], "ends_at": [_at(20, 16)]}),
        enrolments=pl.DataFrame(
            {
                "learner_id": ["ada", "bo", "cleo", "dan", "eve"],
                "cohort_id": "G1",
                "enrolled_at": [_at(1, 0)] * 3 + [_at(5, 0), _at(1, 0)],
                "withdrawn_at": [None] * 4 + [_at(6, 0)],
            }
        ),
        sessions=pl.DataFrame(
            {
                "session_id": ["S1", "S2"],
                "cohort_id": "G1",
                "sequence": [1, 2],
                "kind": "session",
                "starts_at": [_at(4, 8), _at(11, 8, 30)],
                "ends_at": [_at(4, 11), _at(11, 11, 30)],
            }
        ),
        resources=pl.DataFrame({"resource_id": ["V1", "T1", "V2", "T2"], "traced": True}),
        plan=pl.DataFrame(
            {
                "session_id": ["S1", "S1", "S2", "S2"],
                "resource_id": ["V1", "T1", "V2", "T2"],
                "phase": "pre",
                "mandatory": True,
            }
        ),
        events=pl.DataFrame(
            [(who, what, _at(day, hour), "viewed") for who, what, day, hour in events],
            schema=["learner_id", "resource_id", "at", "verb"],
            orient="row",
        ),
        coverage=pl.DataFrame(
            {"source_id": ["LOG"], "level": ["opened"], "covers_to": [_at(28, 0)], "basis": ["declared"]}
        ),
        sources=pl.DataFrame(
            {
                "source_id": ["LOG"],
                "file": ["log.csv"],
                "sha256": ["0"],
                "format": ["moodle_log"],
                "rows_read": [9],
                "rows_kept": [9],
                "rows_merged": [0],
                "rows_set_aside": [0],
            }
        ),
        assessments=pl.DataFrame(
            {"assessment_id": ["START1", "EXAM"], "session_id": ["S1", None], "role": ["start", "summative"]}
        ),
        attempts=pl.DataFrame(
            scores, schema=["learner_id", "assessment_id", "score"], orient="row"
        ).with_columns(attempt=pl.lit(1)),
        attendance=pl.DataFrame(
            {
                "learner_id": ["ada", "bo", "cleo", "eve"],
                "session_id": "S1",
                "status": ["present", "present", "late", "present"],
            }
        ),
    )


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)
