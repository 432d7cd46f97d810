"""Rows as the indicators give them, small and with every state a cell can have."""

from __future__ import annotations

import datetime as dt

import polars as pl

HOSTILE = "<script>alert(1)</script> & <b>co</b>"
_ROW = {
    "metric": "consultation_rate", "statistic": "rate", "depth": "opened", "level": 0.95, "n": 20,
    "numerator": 10, "denominator": 20, "unknown": 0, "coverage": 1.0, "unit": "share", "version": 1,
    "interval": "wilson_clustered_learner", "reason": None,
}  # fmt: skip


def row(value: float | None, low: float | None = None, high: float | None = None, **more: object) -> dict:
    """One row with the fixed columns; an interval of a tenth on each side unless given."""
    if value is not None and low is None:
        low, high = max(value - 0.1, 0.0), min(value + 0.1, 1.0)
    return {**_ROW, "value": value, "low": low, "high": high, **more}


def frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None)


COHORTS = pl.DataFrame(
    {
        "cohort_id": ["a", "b", "c"],
        "title": ["Groupe A", HOSTILE, "Groupe C"],
        "arm": ["flipped", "flipped", "conventional"],
        "iteration": [1, 2, 1],
    }
)
SESSIONS = pl.DataFrame(
    {
        "session_id": ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"],
        "cohort_id": ["a"] * 3 + ["b"] * 3 + ["c"] * 3,
        "sequence": [1, 2, 3] * 3,
        "title": ["Accueil", "Appeler", "Rappeler"] * 3,
    }
)
CELLS = frame(
    [
        row(0.8, cohort_id="a", session_id="a1"),
        row(0.0, 0.0, 0.16, cohort_id="a", session_id="a2"),
        row(None, cohort_id="a", session_id="a3", reason="no_coverage", coverage=0.0),
        row(0.5, cohort_id="b", session_id="b1", coverage=0.85),
        row(None, cohort_id="b", session_id="b2", reason="suppressed"),
        row(None, cohort_id="b", session_id="b3", reason="no_coverage", coverage=0.0),
        *(
            row(None, cohort_id="c", session_id=s, reason="not_applicable", coverage=None)
            for s in ("c1", "c2", "c3")
        ),
    ]
)
BY_SESSION = frame(
    [
        row(0.8, arm="flipped", sequence=1),
        row(0.6, arm="flipped", sequence=2),
        row(None, arm="flipped", sequence=3, reason="no_coverage", coverage=0.0),
        *(row(None, arm="conventional", sequence=n, reason="not_applicable") for n in (1, 2, 3)),
    ]
)
SCORES = frame(
    [
        row(value, arm=arm, sequence=n, statistic="mean", depth=None, interval="t_learner")
        for arm, value in (("flipped", 0.62), ("conventional", 0.58))
        for n in (1, 2, 3)
    ]
)
BANDS = frame(
    [
        row(value, band=band, short=band)
        for band, value in (("more than 14 days", 0.1), ("1 to 3 days", 0.6), ("less than 1 h", 0.3))
    ]
)
GROUPS = pl.DataFrame(
    {
        "arm": ["flipped"] * 3 + ["conventional"] * 3,
        "group": ["A", HOSTILE, "C", "D", "E", "F"],
        "value": [0.70, 0.66, 0.74, 0.60, 0.64, 0.55],
        "n": [12, 9, 15, 11, 10, 14],
    }
)
ARMS = pl.DataFrame(
    {
        "arm": ["conventional", "flipped"],
        "value": [0.60, 0.70],
        "low": [0.52, 0.63],
        "high": [0.68, 0.77],
        "level": [0.95, 0.95],
        "interval": ["t_cohort", "t_cohort"],
        "n": [35, 36],
    }
)
EFFECTS = pl.DataFrame(
    {
        "label": ["The summative score", "another method"],
        "value": [0.41, 0.38],
        "low": [-0.18, -0.20],
        "high": [1.00, 0.96],
        "level": [0.95, 0.95],
    }
)
PANELS = frame(
    [
        row(value, cohort=name, arm="flipped", sequence=n, statistic="all", **more)
        for name, values in (("Groupe A", (0.8, 0.6, None)), (HOSTILE, (0.0, 0.4, 0.9)))
        for n, value in enumerate(values, start=1)
        for more in ({"reason": "no_coverage", "coverage": 0.0} if value is None else {},)
    ]
    + [
        row(None, cohort="Groupe C", arm="conventional", sequence=n, statistic="all", reason="not_applicable")
        for n in (1, 2, 3)
    ]
)
REACH = frame(
    [
        row(0.9, resource="Capsule", minutes=6.0),
        row(0.0, 0.0, 0.16, resource=HOSTILE, minutes=28.0),
        row(0.4, resource="Lecture", minutes=None),
        row(None, resource="Papier", minutes=None, reason="no_coverage", coverage=0.0),
    ]
)
RETAINED = frame(
    [
        row(value, resource=name, statistic=f"retention_{step}")
        for name, values in (("Capsule", (0.95, 0.9, 0.9, 0.8)), (HOSTILE, (0.5, 0.2, 0.1, 0.0)))
        for step, value in zip((25, 50, 75, 95), values, strict=True)
    ]
)
MONDAY = dt.date(2024, 10, 14)
DAYS = pl.DataFrame(
    {
        "learner": ["LIDLE", "LA", "LA", "LB", "LB"],
        "day": [None, *(MONDAY + dt.timedelta(days=n) for n in (-2, 3, -1, 1))],
        "kind": ["other", "before", "other", "before", "late"],
        "n": [None, 4, 1, 2, 3],
    }
)
ALONG = pl.DataFrame({"sequence": [1, 2], "day": [MONDAY, MONDAY + dt.timedelta(days=14)]})
PRESENCE = pl.DataFrame({"learner": ["LA", "LB"], "day": [MONDAY, MONDAY], "came": [True, False]})
