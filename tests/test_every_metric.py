"""The rules that hold for every indicator, on generated studies: roster, names, order, parts and wholes."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from functools import cache

import answer_shape
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strategies import BASES
from studies import Rows, study, whole
from test_indicators_access import with_logins

from flipstats import metrics
from flipstats.study import Study

# Every indicator is asked of each example: few by default, FLIPSTATS_EXAMPLES=500 gives a thorough run.
EACH = settings(
    max_examples=max(2, int(os.environ.get("FLIPSTATS_EXAMPLES", "12")) // 6),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
AS_OF = BASES[1] + timedelta(days=60)
# Nameless sheets are counted up to the size of the roster, so that one more learner may be one more respondent.
GROWS_WITH_THE_ROSTER = {"feedback_response_rate"}


@st.composite
def everything(draw: st.DrawFn) -> Rows:
    """Add what the other indicators need: contacts, feedback, adaptations, hours, formats, more tests."""
    rows = draw(with_logins())
    names = [who["learner_id"] for who in rows["learners"]]
    edges = [s["starts_at"] for s in rows["sessions"]] or [BASES[0]]
    when = st.builds(
        lambda edge, hours: edge + timedelta(hours=hours),
        st.sampled_from(edges),
        st.sampled_from([-72, -1, 0, 5, 60]),
    )
    cohorts = [c["cohort_id"] for c in rows["cohorts"]]
    sessions = [s["session_id"] for s in rows["sessions"]]
    who = st.sampled_from(names) if names else st.none()
    contact = st.builds(
        lambda who, at, kind, wait: {
            "learner_id": who, "at": at, "kind": kind,
            "answered_at": None if wait is None else at + timedelta(hours=wait),
        },
        who, when, st.sampled_from(["reminder", "question", "tutoring"]), st.sampled_from([None, 1, 30]),
    )  # fmt: skip
    line = st.fixed_dictionaries(
        {
            "learner_id": who,
            "session_id": st.sampled_from(sessions) if sessions else st.none(),
            "item": st.sampled_from(["clarity", "pace"]),
            "rating": st.sampled_from([1.0, 3.0, 5.0]),
            "scale_max": st.just(5.0),
        }
    )
    adaptation = st.fixed_dictionaries(
        {"learner_id": who, "cohort_id": st.none(), "at": when, "what": st.just("more")}
    )
    load = st.fixed_dictionaries(
        {
            "cohort_id": st.sampled_from(cohorts),
            "preparation_h": st.sampled_from([1.5, 4.0]),
            "taught_h": st.just(3.0),
        }
    )
    tests = [
        {"assessment_id": name, "session_id": None, "role": role, "due_at": draw(when)}
        for name, role in (("PT", "positioning"), ("DL", "delayed"), ("DV", "deliverable"))
    ]
    attempt = st.builds(
        lambda who, test, at, score: {
            "learner_id": who, "assessment_id": test, "attempt": 1, "submitted_at": at, "score": score,
        },
        who, st.sampled_from(["PT", "DL", "DV"]), when, st.sampled_from([0.2, 0.5, 0.9]),
    )  # fmt: skip
    some = {"contacts": contact, "adaptations": adaptation, "feedback": line} if names else {}
    added = {name: draw(st.lists(of, min_size=1, max_size=5)) for name, of in some.items()}
    attempts = draw(st.lists(attempt, max_size=8)) if names else []
    return rows | added | {
        "workload": draw(st.lists(load, max_size=3)),
        "assessments": rows["assessments"] + tests,
        "attempts": rows["attempts"] + attempts,
        "sessions": [s | {"active_min": draw(st.sampled_from([None, 30.0, 90.0]))} for s in rows["sessions"]],
    }  # fmt: skip


def answers(rows: Rows, by: tuple[str, ...] = ()) -> dict[str, pl.DataFrame]:
    class_ = study(rows, as_of=AS_OF, design={"completion_rule": "summative_taken"})
    return {
        key: metrics.compute(class_, key, [name for name in by if name in spec.groups])
        for key, spec in metrics.METRICS.items()
    }


def same(one: pl.DataFrame, other: pl.DataFrame, key: str) -> None:
    for row, twin in zip(one.iter_rows(named=True), other.iter_rows(named=True), strict=True):
        for name, value in row.items():
            wanted = pytest.approx(value, abs=1e-9) if isinstance(value, float) else value
            assert twin[name] == wanted, (key, row, twin)


@EACH
@given(rows=everything())
def test_what_learners_are_called_and_how_rows_lie_changes_nothing(rows):
    first = answers(rows, ("cohort_id",))
    new = {who["learner_id"]: f"n{9 - i}" for i, who in enumerate(rows["learners"])}
    chance = random.Random(4)
    mixed = {}
    for name, table in rows.items():
        lines = [
            line | ({"learner_id": new.get(line["learner_id"])} if "learner_id" in line else {})
            for line in table
        ]
        mixed[name] = lines if name == "feedback" else chance.sample(lines, len(lines))
    second = answers(mixed, ("cohort_id",))
    for key in metrics.METRICS:
        same(first[key], second[key], key)


@EACH
@given(rows=everything())
def test_a_learner_without_any_trace_is_in_the_denominator_or_unknown(rows):
    """Nobody vanishes for having done nothing, and nobody who did nothing counts as having done something."""
    cohort = rows["cohorts"][0]["cohort_id"]
    silent = {"learner_id": "silent", "tracking": "traced"}
    more = rows | {
        "learners": [*rows["learners"], silent],
        "enrolments": [*rows["enrolments"], {"learner_id": "silent", "cohort_id": cohort}],
    }
    before, after = answers(whole(rows)), answers(whole(more))
    for key, spec in metrics.METRICS.items():
        for statistic in spec.statistics:
            if spec.unit_of(statistic) not in ("share", "score"):
                continue
            one, other = (
                found[key].filter(statistic=statistic).row(0, named=True) for found in (before, after)
            )
            counted = [row["denominator"] + row["unknown"] for row in (one, other)]
            assert counted[1] >= counted[0], (key, one, other)
            if one["numerator"] is None or statistic in answer_shape.EXACT:
                continue
            assert other["numerator"] >= one["numerator"], (key, one, other)
            if spec.direction == "more" and key not in GROWS_WITH_THE_ROSTER:
                assert other["numerator"] == one["numerator"], (key, one, other)


@EACH
@given(rows=everything())
def test_every_answer_has_the_shape_of_all_and_parts_add_up(rows):
    class_ = study(rows, as_of=AS_OF, design={"completion_rule": "summative_taken"})
    for key, spec in metrics.METRICS.items():
        by = tuple(name for name in ("cohort_id",) if name in spec.groups)
        parts, total = metrics.compute(class_, key, by), metrics.compute(class_, key)
        answer_shape.check(parts, spec, by)
        answer_shape.check(total, spec, ())
        for row in total.iter_rows(named=True):
            if answer_shape.bounded(row["statistic"])[1] or row["unit"] not in ("share", "score"):
                continue
            if (
                key in answer_shape.MINUTES
                or row["statistic"] in answer_shape.EXACT
                or key == "blocking_points"
            ):
                continue
            mine = parts.filter(statistic=row["statistic"]).filter(pl.col("depth").eq_missing(row["depth"]))
            for name in ("numerator", "denominator", "unknown"):
                if row[name] is not None:
                    assert mine[name].sum() == row[name], (key, row, name)


# ----------------------------------------------------------------------------- groups that must not be told apart


@cache
def _four() -> Study:
    """Four cohorts of 3, 9, 14 and 20 learners, with everything that can be recorded of them."""
    sizes, start = {"A": 3, "B": 9, "C": 14, "D": 20}, BASES[3]
    people = [(f"{cohort}{i}", cohort, i) for cohort, size in sizes.items() for i in range(size)]
    rows: Rows = {
        "cohorts": [
            {"cohort_id": c, "arm": arm, "site": site, "starts_at": start - timedelta(days=20)}
            for c, arm, site in (("A", "x", "n"), ("B", "x", "s"), ("C", "y", "n"), ("D", "y", "s"))
        ],
        "learners": [{"learner_id": who, "tracking": "traced"} for who, _, _ in people],
        "enrolments": [{"learner_id": who, "cohort_id": cohort} for who, cohort, _ in people],
        "sessions": [
            {
                "session_id": f"{c}{n}", "cohort_id": c, "sequence": n, "format": "flipped_actor",
                "starts_at": start + timedelta(days=7 * n), "ends_at": start + timedelta(days=7 * n, hours=3),
                "active_min": 60.0, "remediation_min": 10.0,
            }
            for c in sizes for n in range(3)
        ],
        "resources": [{"resource_id": "R1", "length_min": 8.0}, {"resource_id": "R2"}],
        "plan": [
            {"session_id": f"{c}{n}", "resource_id": r, "phase": phase}
            for c in sizes for n in range(3) for r, phase in (("R1", "pre"), ("R2", "post"))
        ],
        "coverage": [
            {"level": level, "covers_to": start + timedelta(days=90)}
            for level in ("opened", "substantial", "completed")
        ],
        "events": [
            {
                "learner_id": who, "resource_id": "R1", "verb": "played", "seconds": 200.0, "progress": 0.7,
                "at": start + timedelta(days=7 * n - 1 - i % 3), "source_id": "LOG",
            }
            for who, _, i in people for n in range(3) if i % 2
        ] + [
            {"learner_id": who, "verb": "login_failed", "at": start, "source_id": "LOG"}
            for who, _, i in people if i % 3 == 0
        ],
        "attendance": [
            {"learner_id": who, "session_id": f"{cohort}{n}", "status": "absent" if i == n else "present"}
            for who, cohort, i in people for n in range(3)
        ],
        "contacts": [
            {"learner_id": who, "at": start + timedelta(hours=1), "kind": kind}
            for who, _, i in people for kind in ("reminder", "question") if i % 2 == 0
        ],
        "feedback": [
            {"learner_id": who, "session_id": f"{cohort}0", "item": "clarity", "rating": 4.0, "scale_max": 5.0}
            for who, cohort, i in people if i % 3
        ],
        "assessments": [
            {"assessment_id": "PT", "role": "positioning"}, {"assessment_id": "EX", "role": "summative"},
            {"assessment_id": "DL", "role": "delayed"}, {"assessment_id": "ST", "role": "start", "session_id": "D0"},
        ],
        "attempts": [
            {"learner_id": who, "assessment_id": test, "score": 0.3 + 0.1 * (i % 5), "submitted_at": start + shift}
            for who, _, i in people
            for test, shift in (
                ("PT", timedelta(days=-1)), ("EX", timedelta(days=15)), ("DL", timedelta(days=40)),
            )
        ],
        "adaptations": [{"cohort_id": "D", "at": start, "what": "more"}],
        "workload": [{"cohort_id": c, "preparation_h": 9.0 + len(c), "taught_h": 9.0} for c in sizes],
    }  # fmt: skip
    return study(rows, as_of=start + timedelta(days=60), design={"completion_rule": "summative_passed"})


@pytest.mark.slow
@pytest.mark.parametrize("key", metrics.METRICS)
def test_a_small_cohort_does_not_follow_from_a_total(key):
    """A has three learners: neither it nor a second cohort, with which it would follow from the sum, is shown."""
    if "cohort_id" not in metrics.METRICS[key].groups:
        return
    parts = metrics.compute(_four(), key, ["cohort_id"], role="manager")
    total = metrics.compute(_four(), key, role="manager")
    for (statistic, depth), rows in parts.group_by("statistic", "depth"):
        shown = rows.filter(pl.col("value").is_not_null())
        assert (shown["n"] >= 5).all()
        small = rows.filter(cohort_id="A", reason="suppressed").height
        whole_row = total.filter(pl.col("statistic") == statistic, pl.col("depth").eq_missing(pl.lit(depth)))
        if small and whole_row.height and whole_row["value"][0] is not None:
            assert rows.filter(reason="suppressed").height >= 2, (key, statistic)


def test_of_these_four_most_can_be_told():
    told = [k for k in metrics.METRICS if metrics.compute(_four(), k)["value"].is_not_null().any()]
    assert len(told) >= len(metrics.METRICS) * 2 // 3
