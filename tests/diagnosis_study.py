"""A class made to measure: so many learners fail in each way, told exactly, and nothing else happens."""

from __future__ import annotations

import datetime as dt

import polars as pl

from flipstats import schema
from flipstats.study import Study
from flipstats.studyfile import parse_study_file

UTC = dt.UTC
START = dt.datetime(2024, 3, 14, 9, tzinfo=UTC)  # a Thursday, 10:00 in Paris
END = START + dt.timedelta(hours=3)
_SOURCE = {
    "source_id": "log", "file": "log.csv", "sha256": "0" * 64, "format": "moodle_log",
    "covers_to": START + dt.timedelta(days=30), "rows_read": 1, "rows_kept": 1, "rows_merged": 0,
    "rows_set_aside": 0,
}  # fmt: skip


def class_study(
    n: int = 40,
    *,
    unopened: int = 0,
    unprepared: int = 0,
    early: int = 0,
    last_minute: int = 0,
    after_start: int = 0,
    failed: int = 0,
    absent: int = 0,
    off_hours: int = 0,
    stopped: int = 0,
    locked_out: int = 0,
    length: float = 12.0,
    cohorts: tuple[str, ...] = ("A",),
    title: str = "Vidéo",
    thresholds: dict[str, float] | None = None,
    smallest_cell: int = 5,
    changes: pl.DataFrame | None = None,
    feedback: pl.DataFrame | None = None,
) -> Study:
    """Return cohorts of `n` learners with one session, a video V, a text T and a quiz of two questions.

    In each cohort the first `unopened` learners do not open V; the first `unprepared` of all open neither V
    nor T, of whom `after_start` look at T during the session; of the others the last `early` prepare eight
    days ahead and the `last_minute` before these half an hour ahead, the rest the day before at three, and the
    first `off_hours` of these at night. The first `failed` fail question 1, the first `absent` do not come.
    The first `stopped` see a tenth of V, which lasts `length` minutes; the first `locked_out` cannot log in ten days ahead.
    """
    tables: dict[str, list[dict]] = {
        name: []
        for name in ("learners", "enrolments", "sessions", "plan", "events", "attempts", "attendance")
    }
    for cohort in cohorts:
        session = f"{cohort}-1"
        tables["sessions"].append(
            {"session_id": session, "cohort_id": cohort, "sequence": 1, "title": "Séance 1",
             "kind": "session", "starts_at": START, "ends_at": END}
        )  # fmt: skip
        tables["plan"] += [
            {"session_id": session, "resource_id": r, "phase": "pre", "mandatory": True} for r in ("V", "T")
        ]
        for i in range(n):
            who = f"{cohort}{i:03d}"
            tables["learners"].append({"learner_id": who, "tracking": "traced"})
            tables["enrolments"].append({"learner_id": who, "cohort_id": cohort})
            tables["attendance"].append(
                {"learner_id": who, "session_id": session, "status": "absent" if i < absent else "present"}
            )
            tables["attempts"] += [
                {"learner_id": who, "assessment_id": f"Q-{cohort}", "item_id": item, "attempt": 1,
                 "score": 0.0 if item == "1" and i < failed else 1.0, "submitted_at": START}
                for item in ("1", "2")
            ]  # fmt: skip
            if i < locked_out:
                tables["events"].append(_refused(who, START - dt.timedelta(days=10)))
            if i < unprepared:
                if i < after_start:
                    tables["events"].append(_look(who, "T", START + dt.timedelta(minutes=20)))
                continue
            at = START - dt.timedelta(hours=19)
            if i >= n - early:
                at = START - dt.timedelta(days=8)
            elif i >= n - early - last_minute:
                at = START - dt.timedelta(minutes=30)
            elif i - unprepared < off_hours:
                at = START - dt.timedelta(hours=9)
            tables["events"].append(_look(who, "T", at))
            if i >= unopened:
                tables["events"].append(_look(who, "V", at, 0.1 if i < stopped else 1.0))
    extra = {"changes": changes, "feedback": feedback}
    content = {
        "programme": {"id": "class", "timezone": "Europe/Paris", "as_of": START + dt.timedelta(days=30)},
        "thresholds": thresholds or {},
        "calendar": {"country": "FR"},
        "privacy": {"smallest_cell": smallest_cell},
    }
    frames = dict(
        cohorts=pl.DataFrame([{"cohort_id": c, "arm": "flipped", "iteration": 1} for c in cohorts],
                             schema_overrides={"iteration": pl.Int64}),
        resources=pl.DataFrame(
            {"resource_id": ["V", "T"], "title": [title, "Texte"], "traced": True, "kind": ["video", "page"],
             "length_min": [length, None]}
        ),
        assessments=pl.DataFrame(
            [{"assessment_id": f"Q-{c}", "session_id": f"{c}-1", "title": "Quiz", "role": "pre_quiz"}
             for c in cohorts]
        ),
        sources=pl.DataFrame([_SOURCE]),
        coverage=pl.DataFrame(
            [{"source_id": "log", "level": level, "covers_to": START + dt.timedelta(days=30),
              "basis": "declared"} for level in ("opened", "substantial")]
        ),
        **{name: pl.DataFrame(rows) for name, rows in tables.items() if rows},
        **{name: frame for name, frame in extra.items() if frame is not None},
    )  # fmt: skip
    return Study(schema.validate(frames), parse_study_file(content, "class_study"))


def again(study: Study, **tables: pl.DataFrame) -> Study:
    """Return a study with some tables in place of its own."""
    kept = {name: study.table(name).collect() for name in schema.TABLES if study.has(name)}
    return Study(schema.validate({**kept, **tables}), study.file)


def _look(who: str, what: str, at: dt.datetime, progress: float = 1.0) -> dict:
    return {"learner_id": who, "resource_id": what, "at": at, "verb": "viewed", "seconds": 60.0,
            "progress": progress}  # fmt: skip


def _refused(who: str, at: dt.datetime) -> dict:
    return {"learner_id": who, "at": at, "verb": "login_failed", "source_id": "log"}
