"""What learners say in the synthetic programme: drawn as told, written as a sheet, read back, and found again."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import polars as pl
import pytest
from sample_files import EXPORTS, PARIS, SHIPPED, rows

from flipstats import metrics
from flipstats.privacy import organisation_key, pseudonym
from flipstats.readers import Context, read
from flipstats.readers.first_mapping import write_first_mapping
from flipstats.sample import Truth, read_truth, write_sample
from flipstats.sample.feedback import COMMENTS, RATINGS, RESPONSE, SKIPPED, SURVEYED, THEMES, draw_answers
from flipstats.sample.parameters import Parameters
from flipstats.sample.planted import plant
from flipstats.sample.world import draw
from flipstats.study import Study, open_study
from flipstats.themes import comment_themes, speaks_of

SHEETS = [EXPORTS / f"satisfaction_SECINC-{year}.csv" for year in (2023, 2024)]
# What a reader of the comments would call each theme, in a word.
SPOKEN = {
    "long_video": "vidéo",
    "unclear_question": "question",
    "no_time": "travail",
    "group_work": "groupe",
    "slides": "diapos",
}


@pytest.fixture(scope="module")
def told() -> Truth:
    return read_truth(SHIPPED / "truth.json")


@pytest.fixture(scope="module")
def study(shipped_built) -> Study:
    return open_study(shipped_built)


def sheet(place: int) -> list[list[str]]:
    return rows(SHEETS[place], ";", "cp1252")


def close(found: float, chance: float, n: int) -> bool:
    return abs(found - chance) < 4.5 * (chance * (1 - chance) / n) ** 0.5


def test_answers_are_drawn_as_told():
    world = draw(Parameters(learners=3_000, group_size=300))
    oddities = plant(world)
    answers = draw_answers(world, oddities)
    people, twice = world.learners, oddities.two_cohorts[0]
    asked = {(i, s): people.present[:, s - 1] & (world.iteration == i) for i, s in SURVEYED}
    for place, here in asked.items():
        here[twice] = False
        who = [a.learner for a in answers if (a.iteration, a.session) == place]
        assert len(set(who)) == len(who)
        assert here[who].all()
        assert close(len(who) / here.sum(), RESPONSE, int(here.sum()))
    for arm, flipped in ((0, True), (1, False)):
        mine = [a for a in answers if bool(world.groups.flipped[people.group[a.learner]]) == flipped]
        assert close(np.mean([a.theme is not None for a in mine]), COMMENTS, len(mine))
        for place, of_arms in enumerate(RATINGS.values()):
            given = [a.ratings[place] for a in mine]
            if of_arms[arm] is None:
                assert set(given) == {None}
                continue
            assert close(given.count(None) / len(given), SKIPPED, len(given))
            shown = Counter(rating for rating in given if rating is not None)
            for rating, chance in enumerate(of_arms[arm], 1):
                # A learner answers of one session or two, much alike: as if there were half as many.
                assert close(shown[rating] / shown.total(), chance, shown.total() // 2)
        for iteration in (0, 1):
            said = [a.theme for a in mine if a.iteration == iteration and a.theme is not None]
            for theme, chance in THEMES[iteration, flipped].items():
                assert close(said.count(theme) / len(said), chance, len(said))


def test_where_problems_are_asked_for_nobody_says_anything(tmp_path):
    drawn = write_sample(tmp_path, learners=40, problems=["long_video"])
    assert drawn.feedback == {}
    assert not [name for name in drawn.files if name.startswith("satisfaction")]
    assert "satisfaction" not in (tmp_path / "study.toml").read_text("utf-8")


def test_the_sheet_is_what_its_tool_writes(told):
    for place, file in enumerate(SHEETS):
        raw = file.read_bytes()
        assert raw.count(b"\r\n") == raw.count(b"\n")
        with pytest.raises(UnicodeDecodeError):
            raw.decode("utf-8")
        header, *body = sheet(place)
        assert header == ["Date de réponse", "E-mail", *RATINGS, "Commentaire"]
        times = [dt.datetime.strptime(row[0], "%d/%m/%Y %H:%M") for row in body]
        assert times == sorted(times)
    both = [row for place in (0, 1) for row in sheet(place)[1:]]
    assert len(both) == told.feedback["answers"]
    assert sum(bool(row[-1]) for row in both) == told.feedback["comments"]
    comments = {row[-1] for row in both if row[-1]}
    assert len(comments) > 0.8 * told.feedback["comments"]  # hardly one is another's


def test_init_proposes_a_mapping_that_reads_the_sheet_as_the_corrected_one_does(tmp_path):
    for file in SHEETS:
        first = tmp_path / f"{file.stem}.yaml"
        first.write_text(write_first_mapping(file), encoding="utf-8")
        zone = "Europe/Paris"
        proposed = read(file, Context(timezone=zone, mapping=first))
        corrected = read(file, Context(timezone=zone, mapping=SHIPPED / "mappings" / "satisfaction.yaml"))
        assert proposed.tables["feedback"].equals(corrected.tables["feedback"])
        assert proposed.account.kept == corrected.account.kept == proposed.account.read


def test_the_study_holds_every_answer_with_its_learner_and_session(study, told, shipped_built):
    key = organisation_key(shipped_built)
    cohort = {learner["email"]: learner["cohorts"][0] for learner in told.learners}
    starts: dict[str, dict[dt.datetime, str]] = {}
    for name, number, _, start, *_ in rows(SHIPPED / "sessions.csv")[1:]:
        at = dt.datetime.strptime(start, "%Y-%m-%d %H:%M").replace(tzinfo=PARIS)
        starts.setdefault(name, {})[at] = f"{name}-S{int(number):02d}"
    wanted = []
    for place in (0, 1):
        for when, email, *rated, comment in sheet(place)[1:]:
            at = dt.datetime.strptime(when, "%d/%m/%Y %H:%M").replace(tzinfo=PARIS)
            begun = max(start for start in starts[cohort[email]] if start <= at)
            who = (pseudonym(key, "email:" + email), starts[cohort[email]][begun], at.astimezone(dt.UTC))
            answers = [*zip(RATINGS, rated, strict=True), ("Commentaire", comment)]
            wanted += [(*who, item, given) for item, given in answers if given]
    found = study.table("feedback").with_columns(
        given=pl.coalesce(pl.col("rating").cast(pl.Int64).cast(pl.String), "comment")
    )
    columns = ("learner_id", "session_id", "at", "item", "given")
    assert sorted(found.select(columns).collect().rows()) == sorted(wanted)
    assert set(found.filter(pl.col("rating").is_not_null()).collect()["scale_max"]) == {5.0}


def test_the_rating_and_the_share_that_answers_are_those_told(study, told):
    ratings = metrics.feedback_rating(study, by=["arm", "item"]).filter(statistic="mean").drop_nulls("value")
    true = {(arm, item): mean for arm, of in told.feedback["ratings"].items() for item, mean in of.items()}
    assert set(ratings.select("arm", "item").iter_rows()) == set(true)
    for row in ratings.iter_rows(named=True):
        # Five intervals of one draw: wider than each alone, by Bonferroni.
        middle, half = row["value"], 1.35 * (row["high"] - row["low"]) / 2
        assert abs(middle - true[row["arm"], row["item"]]) < half
    rate = metrics.feedback_response_rate(study, by=["iteration", "sequence"]).filter(statistic="rate")
    asked = {(one["iteration"], one["session"]) for one in told.feedback["surveyed"]}
    shown = rate.drop_nulls("value")
    assert set(shown.select("iteration", "sequence").iter_rows()) == asked
    assert set(rate.filter(pl.col("value").is_null())["reason"]) == {"no_feedback_here"}
    assert shown["numerator"].sum() == told.feedback["answers"]


def test_the_themes_found_are_those_planted(study, told):
    found = comment_themes(study, role="manager")
    planted = Counter()
    for one in told.feedback["themes"]:
        planted[one["theme"]] += one["learners"]
    assert len(found.themes) == len(SPOKEN)
    for theme, word in SPOKEN.items():
        (mine,) = [one for one in found.themes if speaks_of(word, one.words)]
        # Nearly all who were given it, and some of those who said nothing much.
        assert 0.9 * planted[theme] <= mine.numerator <= 1.5 * planted[theme], theme
        # The journal of changes says that the long video went: that alone was answered.
        assert mine.unread == (theme != "long_video")
        assert mine.low < mine.value < mine.high
    assert all(one.examples == () for one in found.themes)
    assert min(one.numerator for one in found.themes) >= study.thresholds.smallest_cell
