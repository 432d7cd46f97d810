"""The brief of a session against plain loops, and what it must not say."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from studies import at, small, study

from flipstats import display, metrics
from flipstats.bench import brief_of
from flipstats.bench.brief import LONGEST_QUESTION, MOST_ASKED, MOST_NAMED
from flipstats.errors import ParameterError
from flipstats.i18n import in_language

START = at("2024-03-18 09:00")
HOSTILE = "<img src=x onerror=alert(1)> **co**"


def some_class(seed: int) -> tuple[dict, dict]:
    """A class drawn at random; and by learner the state that a plain reading of the rules gives."""
    draw = random.Random(seed)
    until = START + timedelta(hours=draw.choice([-200, -30, -1, 0, 300]))
    since = draw.choice([None, START - timedelta(days=12)])
    learners = [
        {"learner_id": f"l{i}", "tracking": draw.choice(["traced", "traced", "traced", "withdrawn"])}
        for i in range(6)
    ]
    enrolments = [
        {"learner_id": one["learner_id"], "enrolled_at": START - timedelta(days=draw.choice([20, 5, 1]))}
        for one in learners
    ]
    resources = [{"resource_id": f"r{i}", "traced": draw.random() < 0.8} for i in range(3)]
    plan = [
        {
            "session_id": "S1", "resource_id": one["resource_id"], "mandatory": draw.random() < 0.8,
            "released_at": draw.choice([None, START - timedelta(days=6)]),
        }
        for one in resources
    ]  # fmt: skip
    events = [
        {
            "learner_id": one["learner_id"], "resource_id": what["resource_id"],
            "at": START - timedelta(days=draw.choice([0.02, 2, 5.5, 8, 15]) * draw.choice([1, 1, -1])),
            "verb": draw.choice(["viewed", "viewed", "downloaded"]),
        }
        for one in learners for what in resources if draw.random() < 0.6
    ]  # fmt: skip
    rows = small(
        learners=learners, enrolments=enrolments, resources=resources, plan=plan, events=events,
        coverage=[{"level": "opened", "covers_from": since, "covers_to": until}],
    )  # fmt: skip
    expected = {}
    for who, place in zip(learners, enrolments, strict=True):
        marks = []
        for line, what in zip(plan, resources, strict=True):
            if not line["mandatory"]:
                continue
            opens = max(place["enrolled_at"], line["released_at"] or place["enrolled_at"])
            told = min(until, START)
            released = line["released_at"]
            seen = who["tracking"] == "traced" and what["traced"] and place["enrolled_at"] <= told
            seen = seen and (released is None or until > released)
            seen = seen and (since is None or (opens >= since and since < START))
            mine = [
                e for e in events
                if (e["learner_id"], e["resource_id"]) == (who["learner_id"], what["resource_id"])
                and opens <= e["at"] < START
            ]  # fmt: skip
            if mine and all(e["verb"] == "downloaded" for e in mine):
                seen = False
            marks.append("done" if seen and mine else "undone" if seen else "unknown")
        expected[who["learner_id"]] = (
            "prepared" if set(marks) == {"done"} else
            "unknown" if "undone" not in marks else
            "part" if "done" in marks else "none"
        )  # fmt: skip
    return rows, expected if any(line["mandatory"] for line in plan) else {}


@pytest.mark.parametrize("seed", range(12))
def test_who_has_prepared_is_what_plain_loops_find(seed: int) -> None:
    rows, expected = some_class(seed)
    brief = brief_of(study(rows))
    if brief.silent is not None:
        assert not expected or "prepared" not in expected.values()
        assert set(expected.values()) <= {"unknown"}
        return
    counts = {state: list(expected.values()).count(state) for state in brief.counts}
    assert brief.counts == counts
    assert {one.learner_id: one.state for one in brief.unprepared} == {
        who: state for who, state in expected.items() if state in ("part", "none")
    }


def test_a_covered_session_has_the_numbers_of_the_indicator() -> None:
    for seed in (1, 4, 7):
        rows, _ = some_class(seed)
        whole = study(rows | {"coverage": [{"level": "opened", "covers_to": at("2024-04-30 00:00")}]})
        brief = brief_of(whole)
        row = metrics.prepared_rate(whole, depth="opened").filter(statistic="all").row(0, named=True)
        if brief.prepared.known == row["denominator"]:
            part = (brief.prepared.some, brief.prepared.low, brief.prepared.high)
            assert part == (row["numerator"], row["low"], row["high"])


def test_the_next_session_is_known_up_to_the_log_and_says_so() -> None:
    rows = small(
        coverage=[{"level": "opened", "covers_to": at("2024-03-18 07:30")}],
        events=[
            {"learner_id": "a", "resource_id": what, "at": at("2024-03-17 20:00")} for what in ("R1", "R2")
        ]
        + [{"learner_id": "b", "resource_id": "R1", "at": at("2024-03-17 20:00")}],
    )
    whole = study(rows, as_of=at("2024-03-18 07:30"))
    assert metrics.prepared_rate(whole, depth="opened")["value"].to_list()[0] is None
    brief = brief_of(whole)
    assert brief.chosen == "next"
    assert brief.told_until == at("2024-03-18 07:30")
    assert str(brief) == (
        "Session – of A, 18 Mar 2024, 09:00. 3 learners are enrolled. "
        "1 of 3 have prepared everything (6% to 79%); 2 have not."
    )
    assert [(one.learner_id, one.state, one.missing) for one in brief.unprepared] == [
        ("c", "none", (1, 2)), ("b", "part", (2,))
    ]  # fmt: skip
    shown = display.brief_head(brief)
    assert "as the log stands on 18 Mar 2024, 07:30: who prepares after that is not in it" in shown


def test_what_nobody_can_tell_is_not_called_undone() -> None:
    dark = brief_of(study(small(coverage=[])))
    assert dark.silent == "no_coverage"
    assert dark.unprepared == ()
    unplanned = brief_of(study(small(plan=[])))
    assert str(unplanned).endswith(
        "The study has no plan: it does not say which resource prepares which session, so nobody can be called "
        "unprepared."
    )
    assert "resources.csv" in display.brief_head(unplanned)
    optional = [{"session_id": "S1", "resource_id": "R1", "mandatory": False}]
    assert brief_of(study(small(plan=optional))).silent == "not_applicable"
    assert display.unprepared(unplanned) == ""
    nothing = brief_of(study({"cohorts": [{"cohort_id": "A"}]}))
    assert (nothing.chosen, str(nothing)) == (None, "the study has no sessions")
    assert "The study has no sessions" in display.brief_head(nothing)


def test_questions_are_ranked_cut_counted_and_escaped() -> None:
    who = [f"l{i}" for i in range(12)]
    rows = small(
        enrolments=[{"learner_id": one} for one in who],
        coverage=[{"level": "opened", "covers_to": at("2024-04-30 00:00")}],
        events=[{"learner_id": one, "resource_id": "R1", "at": at("2024-03-17 20:00")} for one in who[:10]],
        assessments=[{"assessment_id": "Q", "session_id": "S1", "role": "pre_quiz", "title": HOSTILE}],
        attempts=[
            {"learner_id": one, "assessment_id": "Q", "item_id": item, "score": score}
            for i, one in enumerate(who) for item, score in (("1", 0.0), ("2", float(i % 2)), ("3", 1.0))
        ],
        feedback=[
            {"session_id": "S1", "phase": "pre", "item": "q", "comment": f"{i} {HOSTILE} " + "why " * 99}
            for i in range(MOST_ASKED + 3)
        ]
        + [
            {"session_id": "S1", "phase": "post", "item": "q", "comment": "afterwards"},
            {"session_id": "S1", "phase": "pre", "item": "q", "comment": "  "},
        ],
    )  # fmt: skip
    brief = brief_of(study(rows))
    assert [(one.item, one.failed.some, one.sure) for one in brief.items] == [
        ("1", 12, True), ("2", 6, False)
    ]  # fmt: skip
    assert [(one.kind, one.what, one.sure) for one in brief.take_up] == [
        ("item", "1", True), ("resource", "R2", True), ("item", "2", False), ("resource", "R1", False)
    ]  # fmt: skip
    assert len(brief.asked) == MOST_ASKED
    assert brief.asked_more == 3
    assert all(len(said) <= LONGEST_QUESTION for _, said in brief.asked)
    blocks = (
        display.brief_head, display.unprepared, display.preparation_done, display.take_up,
        display.blocking_questions, display.asked_before,
    )  # fmt: skip
    for lang in ("en", "fr"):
        with in_language(lang):
            page = "".join(block(brief) for block in blocks)
        assert "<img" not in page
        assert "<strong>co</strong>" not in page
        assert "afterwards" not in page


def test_few_learners_are_listed_and_many_are_counted() -> None:
    who = [{"learner_id": f"l{i:03d}"} for i in range(MOST_NAMED + 25)]
    brief = brief_of(study(small(enrolments=who)))
    assert len(brief.unprepared) == MOST_NAMED
    assert brief.unprepared_more == 25
    assert "… and 25 more learners." in display.unprepared(brief)
    alone = brief_of(study(small(enrolments=[{"learner_id": "a"}])))
    assert (alone.prepared.low, round(alone.prepared.high, 2)) == (0.0, 0.79)


def test_a_trainer_sees_no_share_of_few_learners_and_a_manager_no_brief() -> None:
    rows = small(
        assessments=[{"assessment_id": "Q", "session_id": "S1", "role": "pre_quiz"}],
        attempts=[
            {"learner_id": one, "assessment_id": "Q", "item_id": "1", "score": 0.0} for one in ("a", "b", "c")
        ],
    )
    assert brief_of(study(rows)).items[0].failed.some == 3
    hidden = brief_of(study(rows), role="trainer")
    assert (hidden.items, hidden.items_silent) == ((), "suppressed")
    with pytest.raises(ParameterError) as refused:
        brief_of(study(rows), role="manager")
    assert str(refused.value) == (
        "the brief of a session shows single learners: it is for research and for the trainer of the group, "
        "not for the role 'manager'. Managers read the programme report"
    )
    with pytest.raises(ParameterError) as unknown:
        brief_of(study(rows), "S2")
    assert str(unknown.value) == "there is no session 'S2'"


def test_a_session_with_something_to_prepare_comes_before_one_without() -> None:
    rows = small()
    later = {"session_id": "S2", "starts_at": at("2024-03-25 09:00"), "ends_at": at("2024-03-25 12:00")}
    first = rows["sessions"][0]
    assert brief_of(study(rows | {"sessions": [first, later]})).session_id == "S1"
    assert brief_of(study(rows | {"sessions": [first, later], "plan": []})).session_id == "S2"
    soon = study(rows | {"sessions": [first, later], "plan": []}, as_of=at("2024-03-01 09:00"))
    assert (brief_of(soon).session_id, brief_of(soon).chosen) == ("S1", "next")


def test_who_came_before_counts_a_learner_once_and_leaves_out_what_no_sheet_tells() -> None:
    rows = small(
        sessions=[
            {"session_id": "S0", "sequence": 1, "starts_at": at("2024-03-11 09:00"), "ends_at": at("2024-03-11 12:00")},
            {"session_id": "S1", "sequence": 2, "starts_at": START, "ends_at": START + timedelta(hours=3)},
        ],
        attendance=[
            {"learner_id": "a", "session_id": "S0", "status": "absent"},
            {"learner_id": "a", "session_id": "S0", "status": "late"},
            {"learner_id": "b", "session_id": "S0", "status": "excused"},
            {"learner_id": "c", "session_id": "S0", "status": "not_taken"},
        ],
    )  # fmt: skip
    brief = brief_of(study(rows))
    assert [(one.number, one.came, one.told) for one in brief.earlier] == [(1, 1, 2)]
    assert "3 learners are enrolled. At the session before, 1 of 2 came." in str(brief)


def test_the_brief_of_a_selection_is_of_its_cohorts() -> None:
    rows = small()
    rows["sessions"].append(
        {
            "session_id": "B1",
            "cohort_id": "B",
            "starts_at": at("2024-04-18 09:00"),
            "ends_at": at("2024-04-18 12:00"),
        }
    )
    whole = study(rows | {"plan": []})
    assert brief_of(whole).cohort_id == "B"
    assert brief_of(whole.select(cohorts=["A"])).cohort_id == "A"


def test_an_untraced_text_does_not_make_nobody_prepared():
    """Who did what is traced is unknown, not less prepared than those who did not: no share of the latter alone."""
    rows = small(
        resources=[{"resource_id": "R1"}, {"resource_id": "R2", "traced": False}],
        enrolments=[{"learner_id": f"l{i:02d}"} for i in range(20)],
        events=[
            {"learner_id": f"l{i:02d}", "resource_id": "R1", "verb": "completed",
             "at": at("2024-03-14 10:00")}
            for i in range(15)
        ],
    )  # fmt: skip
    brief = brief_of(study(rows), "S1")
    assert (brief.prepared.some, brief.prepared.known) == (0, 0)
    assert (brief.undone, brief.counts["unknown"], len(brief.unprepared)) == (5, 15, 5)
    said = str(brief)
    assert said.endswith(
        "5 learners are known to have something left undone. Of 15 learners nobody can tell."
    )
    shown = display.brief_head(brief) + display.unprepared(brief)
    assert "0 of 5" not in shown
    assert 'data-who="l15"' in shown
    only_traced = {"plan": rows["plan"][:1]}
    again = brief_of(study(rows | only_traced), "S1")
    assert (again.prepared.some, again.prepared.known, again.undone) == (15, 20, 5)


def test_intervals_are_called_by_the_level_of_the_study():
    rows = small(events=[{"learner_id": "a", "resource_id": "R1", "at": at("2024-03-14 10:00")}])
    for level, said in ((0.95, ">95%<"), (0.9, ">90%<")):
        brief = brief_of(study(rows, thresholds={"confidence_level": level}), "S1")
        assert said in display.preparation_done(brief)
