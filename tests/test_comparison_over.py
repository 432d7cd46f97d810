"""Effects over iterations, claims on bands as one test, groups in one arm only."""

from __future__ import annotations

import json

import numpy as np
import pytest
from comparison_study import study, table

from flipstats import cohorts, i18n
from flipstats.effects.bands import band_contrast
from flipstats.effects.synthesis import random_effects
from flipstats.errors import DesignError, ParameterError


def several(effect=-0.1):
    # Two cohorts follow each other in the arms, so that each iteration has three groups an arm.
    return study(groups=9, size=10, effect=effect, iterations=[1 + i // 6 for i in range(18)])


@pytest.mark.parametrize("outcome", ["summative", "completion"])
def test_iterations_are_put_together(outcome):
    drawn = several()
    whole = cohorts.over_iterations(drawn, outcome)
    assert list(whole.parts) == ["1", "2", "3"]
    effects = [p.primary if outcome == "completion" else p.g for p in whole.parts.values()]
    by_hand = random_effects([e.value for e in effects], [e.se for e in effects])
    assert whole.synthesis == by_hand
    alone = cohorts.compare(drawn.select(iterations=[2]), outcome=outcome)
    assert whole.parts["2"].primary.value == alone.primary.value
    assert whole.to_frame()["part"].to_list() == ["1", "2", "3", "mean", "prediction"]
    assert json.loads(whole.to_json())["synthesis"]["k"] == 3
    assert "Over 3 iterations" in str(whole)
    assert len(whole.figure().data) >= 5
    assert "<table>" in whole._repr_html_()
    with i18n.in_language("fr"):
        assert str(whole).startswith("Sur 3 itérations")


def test_iterations_without_an_effect_are_named_or_refused():
    drawn = study(groups=7, size=10, iterations=[1] * 6 + [2] * 6 + [3] * 2)
    whole = cohorts.over_iterations(drawn)
    assert list(whole.parts) == ["1", "2"]
    assert list(whole.left_out) == ["3"]
    assert str(whole).endswith("Without an effect of their own, and left out: 3.")
    with pytest.raises(DesignError) as raised:
        cohorts.over_iterations(study(groups=3, iterations=[1, 2] * 3))
    assert "from two on that have both arms" in str(raised.value)
    with pytest.raises(ParameterError) as raised:
        cohorts.over_iterations(drawn, across="city")
    assert str(raised.value) == (
        "effects cannot be put together over 'city'; choose among iteration, site, trainer_id"
    )


def test_the_command_line_reaches_iterations():
    whole = cohorts.compare_study_options(several(), band="iteration")
    assert isinstance(whole, cohorts.Overall)
    with pytest.raises(ParameterError) as raised:
        cohorts.compare_study_options(several(), band="iteration", methods=["cr2"])
    assert (
        str(raised.value) == "--methods cannot be combined with --by iteration: there the study file decides"
    )


def test_a_claim_on_bands_is_one_test():
    frame = table(np.random.default_rng(5), 12, sizes=(25, 30))
    options = {
        "outcome": "y",
        "arm": "arm",
        "treated": "f",
        "control": "c",
        "assignment": "random_individual",
    }
    plain = cohorts.compare_table(frame, **options, pre="x", band="x")
    result = cohorts.compare_table(frame, **options, pre="x", band="x", contrast="three_levels")
    told = result.to_dict()["sensitivity"]["moderator"]["contrast"]
    bands = {e.variant: e.value for e in result.effects if e.role == "band"}
    by_hand = bands["15-40%"] - 0.5 * bands["00-15%"] - 0.5 * bands["75-100%"]
    assert told["value"] == pytest.approx(by_hand)
    assert told["weights"] == {"15-40%": 1.0, "00-15%": -0.5, "75-100%": -0.5}
    assert result.sensitivity["tests_run"] == plain.sensitivity["tests_run"] + 1
    written = cohorts.compare_table(frame, **options, band="site", contrast="north=1,south=-1")
    y, arm, site = frame["y"], (frame["arm"] == "f"), frame["site"]
    expected = band_contrast(y, arm, site.to_numpy(), {"north": 1, "south": -1})
    assert written.sensitivity["moderator"]["contrast"]["value"] == pytest.approx(expected.value)
    assert written.sensitivity["moderator"]["contrast"]["p"] == pytest.approx(expected.p)


def test_wrong_claims_are_refused():
    frame = table(np.random.default_rng(5), 4, sizes=(14, 16))
    options = {
        "outcome": "y",
        "arm": "arm",
        "treated": "f",
        "control": "c",
        "assignment": "random_individual",
    }
    for more, message in (
        ({"contrast": "three_levels"}, "a contrast of bands needs a moderator (by)"),
        (
            {"contrast": "north", "band": "site"},
            "'north' is no contrast of bands: write three_levels, or BAND=WEIGHT,BAND=WEIGHT",
        ),
        (
            {"contrast": "east=1", "band": "site"},
            "weights must name existing bands (north, south) and not all be 0",
        ),
    ):
        with pytest.raises(ParameterError) as raised:
            cohorts.compare_table(frame, **options, **more)
        assert str(raised.value) == message
    small = cohorts.compare_table(frame, **options, band="x", contrast="three_levels")
    assert small.sensitivity["moderator"]["contrast"] is None
    assert any(str(w).startswith("The contrast of bands could not be computed") for w in small.warnings)


def test_a_claim_is_part_of_the_plan(tmp_path):
    drawn = study(groups=4, size=40)
    file = cohorts.plan_of(drawn, band="baseline", contrast="three_levels").freeze(tmp_path / "plan.json")
    plan = cohorts.read_plan(file)
    result = cohorts.compare(drawn, plan=plan)
    assert result.design["deviations"] == []
    assert result.sensitivity["moderator"]["contrast"]["method"] == "cr2"
