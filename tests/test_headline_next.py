"""What next, in the headline: the surest findings with number, interval and advice, or why there is none."""

from __future__ import annotations

import re

import pytest
from diagnosis_study import class_study
from statsmodels.stats.proportion import proportion_confint

from flipstats import diagnostics, display
from flipstats.headline import NEXT, headline, next_lines
from flipstats.i18n import LANGUAGES, in_language
from flipstats.study import Study


def next_of(study: Study, role: str = "research", lang: str = "en") -> list:
    with in_language(lang):
        return next_lines(study, role)


def test_a_finding_is_told_with_its_number_interval_and_advice():
    low, high = proportion_confint(30, 40, method="wilson")
    (line,) = next_of(class_study(40, unopened=30))
    assert line.label == "What to change next?"
    assert line.sentence == (
        "Not opened before the session (alarm) — Vidéo: 75% of learners did not open it before the session "
        f"(95% interval: {100 * low:.0f}% to {100 * high:.0f}%), of 40."
    )
    assert line.caveat.startswith("What to do: Say in one line what it is for in the session")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_of_a_kind_is_told_the_surest_first_and_at_most_three(lang):
    study = class_study(
        60, unopened=50, unprepared=45, after_start=40, failed=55, absent=35, cohorts=("A", "B")
    )
    found = diagnostics.diagnose(study).findings
    kinds = list(dict.fromkeys(one.kind for one in found))
    assert len(kinds) > NEXT
    lines = next_of(study, lang=lang)
    assert len(lines) == NEXT
    for place, line in enumerate(lines, 1):
        first = next(one for one in found if one.kind == kinds[place - 1])
        assert f"{first.value:.0%}".removesuffix("%") in line.sentence
        assert re.search(rf"\({place} (of|sur) 3\)", line.label)


def test_where_nothing_stands_out_it_says_so():
    (line,) = next_of(class_study(60))
    assert re.fullmatch(r"Nothing surely above its threshold, in \d+ checks\.", line.sentence)
    assert line.caveat == ""


def test_where_groups_are_too_small_it_says_so():
    (line,) = next_of(class_study(4, unopened=4))
    assert line.sentence == "The groups are too small, or the exports too few, to say what to change."


def test_a_small_group_is_told_to_research_only():
    study = class_study(40, unopened=38, smallest_cell=41)
    assert "95% of learners did not open it" in next_of(study)[0].sentence
    for role in ("manager", "trainer"):
        (line,) = next_of(study, role)
        assert line.sentence == "The groups are too small, or the exports too few, to say what to change."


def test_the_first_screen_shows_it_before_what_cannot_be_said_and_escapes_it():
    study = class_study(40, unopened=30, title="<img src=x onerror=alert(1)>")
    page = display.cards(headline(study, "en").lines)
    assert "<img" not in page
    assert "&lt;img" in page
    assert page.index('data-key="next"') > page.index('data-key="prepared"')
    assert "fs-notice" not in page or page.index('data-key="next"') < page.index("fs-notice")
    several = class_study(60, unopened=50, failed=55)
    assert display.cards(next_of(several)).count("<li>") == len(next_of(several)) > 1
