"""Generated studies: small, and full of what goes wrong at borders.

Overlapping cohorts, learners in two of them, events exactly on the start of a session, a window or a band,
resources that serve several sessions, empty tables, gaps in coverage, clock changes, withdrawals.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from studies import Rows, at

from flipstats.schema import LEVELS

# Few by default, for a quick `make test`; FLIPSTATS_EXAMPLES=500 is a thorough run.
GENERATED = settings(
    max_examples=int(os.environ.get("FLIPSTATS_EXAMPLES", "12")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
MICROSECOND = timedelta(microseconds=1)
# Sessions lie around a clock change, some on hours that its day skips or has twice.
BASES = (at("2024-10-27 09:00"), at("2024-10-30 02:30"), at("2024-04-03 02:30"), at("2024-04-01 09:00"))
LEARNERS, COHORTS, RESOURCES = ("u", "v", "w", "x", "y"), ("A", "B", "C"), ("R1", "R2", "R3")
BEFORE = [timedelta(0), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=24)] + [
    timedelta(days=d, hours=h) for d in (3, 5, 7, 14) for h in (-1, 0, 1)
]


def _maybe(values: st.SearchStrategy, weight: int = 1) -> st.SearchStrategy:
    return st.one_of(st.none(), *[values] * weight)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Draw the tables of a study, as rows."""
    base = draw(st.sampled_from(BASES))
    day = st.integers(-20, 20).map(lambda d: base + timedelta(days=d))
    cohorts = [
        {
            "cohort_id": cohort,
            "arm": draw(_maybe(st.sampled_from(["flipped", "conventional"]), 3)),
            "site": draw(_maybe(st.sampled_from(["north", "south"]), 3)),
            "iteration": draw(_maybe(st.integers(1, 2))),
            "ends_at": draw(_maybe(day)),
        }
        for cohort in COHORTS[: draw(st.sampled_from([2, 1, 3]))]
    ]
    learners = [
        {
            "learner_id": name,
            "tracking": draw(st.sampled_from(["traced"] * 4 + ["withdrawn", "unlinked"])),
            "x_prior": draw(_maybe(st.sampled_from(["low", "high"]))),
        }
        for name in LEARNERS[: draw(st.sampled_from([5, 4, 2, 0]))]
    ]
    sessions = draw(_sessions(cohorts, base))
    moments = _moments(sessions)
    pairs = [(who["learner_id"], c["cohort_id"]) for who in learners for c in cohorts]
    enrolments = [
        {
            "learner_id": who,
            "cohort_id": cohort,
            "enrolled_at": draw(_seldom(st.sampled_from(moments))),
            "withdrawn_at": draw(_seldom(st.sampled_from(moments))),
            "completed_at": draw(_maybe(day)),
        }
        for who, cohort in draw(_some(pairs))
    ]
    out: Rows = {"cohorts": cohorts, "learners": learners, "sessions": sessions, "enrolments": enrolments}
    out |= draw(_preparation(sessions, learners, moments))
    everything = [_covering(level, moments) for level in LEVELS] * draw(st.sampled_from([1, 1, 0]))
    out["coverage"] = everything + draw(st.lists(_coverage(cohorts, moments), max_size=3))
    out |= draw(_outcomes(sessions, learners, base))
    return out


def _seldom(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 5).flatmap(lambda roll: values if roll == 5 else st.none())


def _some(values: list) -> st.SearchStrategy[list]:
    """Draw most of some values, in order."""
    keeps = st.lists(st.sampled_from([True, True, True, False]), min_size=len(values), max_size=len(values))
    return keeps.map(lambda keep: [value for value, kept in zip(values, keep, strict=True) if kept])


@st.composite
def _sessions(draw: st.DrawFn, cohorts: list[dict], base: datetime) -> list[dict]:
    out = []
    for cohort in cohorts:
        for number in range(draw(st.sampled_from([2, 1, 3, 0]))):
            starts = base + timedelta(
                days=draw(st.sampled_from([0, 0, 1, 4, 7])), hours=draw(st.sampled_from([0, 6]))
            )
            out.append(
                {
                    "session_id": f"{cohort['cohort_id']}{number}",
                    "cohort_id": cohort["cohort_id"],
                    "sequence": number,
                    "kind": draw(st.sampled_from(["session"] * 5 + ["self_study_slot"])),
                    "format": draw(_maybe(st.sampled_from(["conventional", "flipped_actor"]))),
                    "starts_at": starts,
                    "ends_at": starts + timedelta(hours=3),
                }
            )
    return out


def _moments(sessions: list[dict]) -> list[datetime]:
    """Return instants on, and a microsecond off, everything that a window or a band can begin or end at."""
    edges = [s["starts_at"] - before for s in sessions for before in BEFORE]
    edges += [s["ends_at"] + timedelta(days=7) for s in sessions]
    edges = edges or [BASES[0]]
    return sorted({edge + shift for edge in edges for shift in (-MICROSECOND, timedelta(0), MICROSECOND)})


@st.composite
def _preparation(
    draw: st.DrawFn, sessions: list[dict], learners: list[dict], moments: list[datetime]
) -> Rows:
    resources = [
        {
            "resource_id": name,
            "traced": draw(st.sampled_from([True] * 5 + [False])),
            "length_min": draw(_maybe(st.sampled_from([0.0, 1.0, 10.0]))),
        }
        for name in RESOURCES[: draw(st.sampled_from([2, 3, 1, 0]))]
    ]
    pairs = [(s["session_id"], r["resource_id"]) for s in sessions for r in resources]
    plan = [
        {
            "session_id": session,
            "resource_id": resource,
            "phase": draw(st.sampled_from(["pre"] * 6 + ["in", "post"])),
            "mandatory": draw(st.sampled_from([True] * 5 + [False])),
            "released_at": draw(_seldom(st.sampled_from(moments))),
        }
        for session, resource in draw(_some(pairs))
    ]
    verbs = ["viewed"] * 6 + ["downloaded", "completed", "paused", "declared", "graded", "failed"]
    event = st.fixed_dictionaries(
        {
            "learner_id": st.sampled_from([who["learner_id"] for who in learners] * 3 + [None]),
            "resource_id": st.sampled_from([r["resource_id"] for r in resources] * 3 + [None]),
            "at": st.sampled_from(moments),
            "verb": st.sampled_from(verbs),
            "seconds": _maybe(st.sampled_from([0.0, 29.999, 30.0, 300.0, 299.9996])),
            "progress": _maybe(st.sampled_from([0.0, 0.49, 0.5, 0.95, 1.0])),
        }
    )
    count = draw(st.sampled_from([30, 12, 60, 0]))
    events = draw(st.lists(event, min_size=count, max_size=count))
    return {"resources": resources, "plan": plan, "events": events}


def _covering(level: str, moments: list[datetime]) -> dict:
    return {"source_id": "LOG", "level": level, "covers_to": moments[-1], "basis": "declared"}


def _coverage(cohorts: list[dict], moments: list[datetime]) -> st.SearchStrategy[dict]:
    last = moments[-1] + timedelta(days=9)
    return st.fixed_dictionaries(
        {
            "source_id": st.just("LOG"),
            "cohort_id": _maybe(st.sampled_from([c["cohort_id"] for c in cohorts])),
            "resource_id": st.none(),
            "level": st.sampled_from(["opened", *LEVELS]),
            "covers_from": st.one_of(st.none(), st.none(), st.sampled_from(moments)),
            "covers_to": st.sampled_from([last, last, *moments]),
            "basis": st.just("declared"),
        }
    )


@st.composite
def _outcomes(draw: st.DrawFn, sessions: list[dict], learners: list[dict], base: datetime) -> Rows:
    tests = [{"assessment_id": "T", "session_id": s["session_id"], "role": "start"} for s in sessions[:1]]
    tests += [{"assessment_id": "T2", "session_id": s["session_id"], "role": "start"} for s in sessions[1:2]]
    tests += [{"assessment_id": "Q", "session_id": s["session_id"], "role": "pre_quiz"} for s in sessions[:1]]
    tests += [{"assessment_id": "E", "session_id": None, "role": "summative"}] * draw(st.integers(0, 1))
    tests += [
        {"assessment_id": "F", "session_id": s["session_id"], "role": "summative"} for s in sessions[2:3]
    ]
    reasons = st.sampled_from([None] * 6 + ["not_graded", "no_attempt", "other_group", "not_taken"])
    near = [timedelta(minutes=m) for m in (-60, -11, -10, 0, 30, 31)] + [timedelta(minutes=30) + MICROSECOND]
    starts = [s["starts_at"] for s in sessions] or [base]
    moment = st.tuples(st.sampled_from(starts), st.sampled_from(near)).map(sum_of)
    names = [who["learner_id"] for who in learners]
    attempts = []
    for index in range(draw(st.sampled_from([10, 5, 0])) if tests and names else 0):
        reason = draw(reasons)
        attempts.append(
            {
                "learner_id": draw(st.sampled_from(names)),
                "assessment_id": draw(st.sampled_from(tests))["assessment_id"],
                "attempt": index + 1,
                "missing_reason": reason,
                "score": None if reason else draw(st.sampled_from([0.0, 0.4999, 0.5, 1.0, None])),
                "started_at": draw(_maybe(moment)),
                "submitted_at": draw(_maybe(moment)),
            }
        )
    pairs = [(name, s["session_id"]) for name in names for s in sessions]
    status = st.sampled_from(["present", "present", "late", "absent", "excused", "not_taken"])
    attendance = [
        {"learner_id": name, "session_id": session, "status": draw(status)}
        for name, session in draw(_some(pairs))
    ]
    return {"assessments": tests, "attempts": attempts, "attendance": attendance}


def sum_of(pair: tuple[datetime, timedelta]) -> datetime:
    """Add a shift to an instant."""
    return pair[0] + pair[1]
