"""How far resources reach, against plain loops on generated studies, and its correlation against scipy."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

import brute_reach
import numpy as np
import pytest
from brute_force import Tally
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from strategies import GENERATED
from studies import Rows, at, small, study, whole
from test_indicators_activity import with_work
from test_indicators_feedback import check
from test_metrics_brute_force import LIMITS, keyed, present

from flipstats import metrics
from flipstats.effects.correlation import spearman
from flipstats.errors import ParameterError

GROUPS = st.sampled_from(
    [
        (), ("resource_id",), ("cohort_id", "resource_id"), ("arm",), ("site", "iteration"), ("learner_id",),
        ("x_prior", "resource_id"),
    ]
)  # fmt: skip


@st.composite
def with_looks(draw: st.DrawFn) -> Rows:
    """Let resources serve sessions before and after them, and sources speak for long enough, mostly."""
    rows = draw(with_work())
    twice = [line | {"phase": "post", "released_at": None} for line in rows["plan"] if line["phase"] == "pre"]
    days = timedelta(days=draw(st.sampled_from([30, 30, 12, 0])))
    covers = [line | {"covers_to": line["covers_to"] + days} for line in rows["coverage"]]
    return rows | {"coverage": covers, "plan": rows["plan"] + draw(st.sampled_from([[], twice[:2]]))}


def tally_of(lines, yes, of, unknown) -> Tally:
    out = Tally()
    for line in lines:
        out.add(line, int(bool(yes(line))), int(bool(of(line))), int(bool(unknown(line))))
    return out


@GENERATED
@given(rows=with_looks(), by=GROUPS)
def test_reach(rows, by):
    by = present(by, rows)
    answer, expected = metrics.resource_reach(study(rows), by), brute_reach.reach(whole(rows), by, LIMITS)
    looked, known = (lambda line: line["looked"]), (lambda line: line["known"])
    reached = {
        key: tally_of(lines, looked, known, lambda line: not line["known"]) for key, lines in expected.items()
    }
    check(answer, by, "reach", reached)
    for name, share in (("25", 0.25), ("50", 0.5), ("75", 0.75), ("95", 0.95)):
        tallies = {
            key: tally_of(
                lines,
                lambda line, share=share: line["far"] and line["seen"] >= share,
                lambda line: line["far"],
                lambda line: not line["known"] or (line["looked"] and not line["far"]),
            )
            for key, lines in expected.items()
        }
        same(answer, by, f"retention_{name}", tallies)
    again = {
        key: tally_of(lines, lambda line: line["again"], looked, lambda line: not line["known"])
        for key, lines in expected.items()
    }
    same(answer, by, "rewatch", again)


def same(answer, by, statistic, tallies) -> None:
    """Compare shares, and where too little is known the bounds that take every unknown as no, as yes."""
    for end, more in (("low", 0), ("high", 1)) if statistic != "rate" else ():
        found = keyed(answer, by, f"{statistic}_bound_{end}")
        for key, row in found.items():
            tally = tallies[key]
            assert (row["numerator"], row["denominator"]) == (
                tally.yes + more * tally.unknown,
                tally.of + tally.unknown,
            )
            assert (row["low"], row["high"], row["interval"]) == (None, None, None)
        for key, tally in tallies.items():
            if tally.of and tally.of < 0.2 * tally.unknown:
                assert key in found
    for key, row in keyed(answer, by, statistic).items():
        tally = tallies.get(key, Tally())
        assert (row["numerator"], row["denominator"], row["unknown"]) == (tally.yes, tally.of, tally.unknown)
        assert row["value"] == (pytest.approx(tally.yes / tally.of) if tally.of else None)
        assert (row["value"] is None) == (row["reason"] is not None)
        assert row["n"] == len(tally.learners)
        if row["value"] is not None:
            assert 0 <= row["low"] <= row["value"] + 1e-9
            assert row["value"] - 1e-9 <= row["high"] <= 1


@GENERATED
@given(rows=with_looks(), by=GROUPS)
def test_what_is_seen_and_lengths(rows, by):
    by = present(by, rows)
    answer, expected = metrics.resource_reach(study(rows), by), brute_reach.reach(whole(rows), by, LIMITS)
    for key, row in keyed(answer, by, "median_seen").items():
        seen = [line["seen"] for line in expected.get(key, []) if line["far"]]
        assert row["value"] == (pytest.approx(median(seen)) if seen else None)
        assert row["denominator"] == len(seen)
        assert (row["value"] is None) == (row["reason"] is not None)
        if row["low"] is not None:
            assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
    for statistic, above in (("length", None), ("long", 10), ("too_long", 15)):
        for key, row in keyed(answer, by, statistic).items():
            lengths = {line["resource"]: line["length"] for line in expected.get(key, [])}
            told = [length for length in lengths.values() if length is not None]
            assert (row["denominator"], row["unknown"]) == (len(told), len(lengths) - len(told))
            assert row["low"] is row["high"] is row["interval"] is None
            if not told:
                assert row["value"] is None
                assert row["reason"] in {"no_lengths", "no_learners", "no_sessions", "no_plan", "no_roster"}
            elif above is None:
                assert row["value"] == pytest.approx(median(told))
            else:
                assert row["numerator"] == sum(length > above for length in told)
            if above is not None:
                over, every = sum(length > above for length in told), len(lengths)
                ends = [keyed(answer, by, f"{statistic}_bound_{end}").get(key) for end in ("low", "high")]
                if every and len(told) < LIMITS["coverage_bounds_below"] * every:
                    found = [(end["value"], end["numerator"], end["denominator"]) for end in ends]
                    most = over + every - len(told)
                    assert found == [(over / every, over, every), (most / every, most, every)]
                    assert [end["n"] for end in ends] == [row["n"]] * 2
                else:
                    assert ends == [None, None]


def _many(lengths, openers, seen) -> Rows:
    """Six learners before one session, a resource of each length, opened by so many, seen so far."""
    names = [f"R{i}" for i in range(len(lengths))]
    return small(
        enrolments=[{"learner_id": f"l{i}", "enrolled_at": at("2024-03-01 00:00")} for i in range(6)],
        resources=[
            {"resource_id": n, "length_min": length} for n, length in zip(names, lengths, strict=True)
        ],
        plan=[{"session_id": "S1", "resource_id": n} for n in names],
        events=[
            {
                "learner_id": f"l{i}", "resource_id": n, "at": at("2024-03-17 10:00"), "verb": "played",
                "progress": share,
            }
            for n, count, share in zip(names, openers, seen, strict=True)
            for i in range(count)
        ],
    )  # fmt: skip


@pytest.mark.parametrize("count", [7, 8, 9])
def test_length_is_related_from_eight_resources_on(count):
    lengths = [3.0, 5.0, 8.0, 8.0, 12.0, 15.0, 20.0, 30.0, 45.0][:count]
    openers, seen = [6, 6, 5, 4, 4, 2, 3, 1, 1][:count], [0.9, 1.0, 0.8, 0.8, 0.5, 0.6, 0.3, 0.4, 0.1][:count]
    answer = metrics.resource_reach(study(_many(lengths, openers, seen)))
    for statistic, other in (("length_and_reach", openers), ("length_and_seen", seen)):
        row = answer.filter(statistic=statistic).row(0, named=True)
        assert (row["denominator"], row["unknown"], row["n"]) == (count, 0, 6)
        if count < 8:
            assert (row["value"], row["reason"], row["interval"]) == (None, "few_resources", None)
        else:
            assert row["value"] == pytest.approx(spearmanr(lengths, other).statistic)
            assert row["low"] < row["value"] < row["high"] < 0
            assert row["interval"] == "fisher_z"


def test_lengths_that_are_all_alike_relate_to_nothing():
    answer = metrics.resource_reach(study(_many([5.0] * 8, [6, 5, 4, 3, 2, 1, 1, 1], [0.5] * 8)))
    row = answer.filter(statistic="length_and_reach").row(0, named=True)
    assert (row["value"], row["reason"]) == (None, "all_alike")


@pytest.mark.parametrize(
    ("minutes", "flags"), [(9.99, (0, 0)), (10.0, (0, 0)), (10.01, (1, 0)), (15.0, (1, 0)), (15.01, (1, 1))]
)
def test_long_is_longer_than_ten_minutes_and_too_long_than_fifteen(minutes, flags):
    answer = metrics.resource_reach(study(_many([minutes], [1], [0.5])), ["resource_id"])
    found = dict(answer.select("statistic", "value").iter_rows())
    assert (found["long"], found["too_long"], found["length"]) == (*flags, minutes)


@pytest.mark.parametrize(
    ("phase", "when", "opened"),
    [
        ("pre", "2024-03-25 12:00", 1), ("pre", "2024-03-25 12:01", 0), ("in", "2024-03-25 12:01", 0),
        ("post", "2024-04-01 12:00", 1), ("post", "2024-04-01 12:01", 0),
    ],
)  # fmt: skip
def test_the_window_ends_on_the_local_clock(phase, when, opened):
    """Seven days after the session, fourteen for what is meant for afterwards: across the clock change."""
    rows = small(
        plan=[{"session_id": "S1", "resource_id": "R1", "phase": phase, "mandatory": False}],
        events=[{"learner_id": "a", "resource_id": "R1", "at": at(when)}],
    )
    row = metrics.resource_reach(study(rows)).filter(statistic="reach").row(0, named=True)
    assert (row["numerator"], row["denominator"], row["unknown"]) == (opened, 3, 0)


def test_a_log_that_tells_instants_does_not_tell_how_far():
    events = [{"learner_id": who, "resource_id": "R1", "at": at("2024-03-17 10:00")} for who in ("a", "b")]
    answer = metrics.resource_reach(study(small(events=events)), ["resource_id"])
    row = answer.filter(statistic="median_seen", resource_id="R1").row(0, named=True)
    assert (row["value"], row["reason"], row["unknown"]) == (None, "no_share_seen", 2)
    told = [*events, {"learner_id": "c", "resource_id": "R1", "at": at("2024-03-17 10:00"), "progress": 0.8}]
    answer = metrics.resource_reach(study(small(events=told)), ["resource_id"])
    row = answer.filter(statistic="median_seen", resource_id="R1").row(0, named=True)
    assert (row["value"], row["denominator"], row["unknown"]) == (0.0, 3, 0)  # a and b opened and saw nothing


# ------------------------------------------------------------------------------------------- Spearman's correlation

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 2.0, 3.5, 7.0, 11.0])


@GENERATED
@given(pairs=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=4, max_size=20))
def test_the_correlation_is_that_of_scipy(pairs):
    x, y = zip(*pairs, strict=True)
    found = spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
        return
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    mirrored = spearman(x, [-one for one in y])
    assert (mirrored.value, mirrored.low) == pytest.approx((-found.value, -found.high))
    assert spearman(y, x).value == pytest.approx(found.value)


def test_too_few_pairs_have_no_correlation():
    assert spearman([1, 2, 3], [1, 2, 3]) is None
    with pytest.raises(ParameterError) as refused:
        spearman([1, 2, 3, 4], [1, 2, 3, 4], level=1.0)
    assert "1.0" in str(refused.value)


def test_the_interval_covers_the_correlation():
    """Normal pairs of correlation 0.5: Spearman's is (6/π)·asin(0.25); 95 % of intervals hold it, nearly."""
    rng, held, truth = np.random.default_rng(7), 0, 6 / np.pi * np.arcsin(0.25)
    for _ in range(600):
        pairs = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=12)
        found = spearman(pairs[:, 0], pairs[:, 1])
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 600 <= 0.98
