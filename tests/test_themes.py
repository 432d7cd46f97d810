"""Themes of comments: planted ones come back, noise has none, hostile ones do no harm, managers see no text."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from diagnosis_study import START, again, class_study
from sklearn.metrics import adjusted_rand_score

from flipstats import display as show
from flipstats import i18n, themes
from flipstats.conventions import DEFAULTS
from flipstats.diagnostics import diagnose
from flipstats.errors import ParameterError
from flipstats.export import for_manager
from flipstats.intervals import wilson
from flipstats.study import Study
from flipstats.themes import comment_themes, speaks_of
from flipstats.themes.structure import structure
from flipstats.themes.words import LONGEST, language_of, plain, stem, stems_of, stop_words, words_of

# Four things people say, in words of their own kind; each comment draws some of a theme's and some of anybody's.
SAID = {
    "video": (
        ["vidéo", "longue", "capsule", "couper", "durée", "minutes", "arrêté", "ennuyeuse"],
        ["video", "long", "clip", "cut", "length", "minutes", "stopped", "boring"],
    ),
    "login": (
        ["connexion", "plateforme", "identifiant", "refusé", "bloqué", "compte", "impossible", "erreur"],
        ["login", "platform", "password", "refused", "blocked", "account", "impossible", "error"],
    ),
    "practice": (
        ["exercices", "pratique", "utile", "concret", "exemples", "geste", "extincteur", "manipuler"],
        ["exercises", "practice", "useful", "concrete", "examples", "gesture", "extinguisher", "handling"],
    ),
    "room": (
        ["salle", "bruit", "chaud", "petite", "chaises", "fenêtre", "entendait", "climatisation"],
        ["room", "noise", "hot", "small", "chairs", "window", "hear", "conditioning"],
    ),
}
ANYBODY = (
    [
        "matin",
        "groupe",
        "jour",
        "début",
        "suite",
        "moment",
        "semaine",
        "équipe",
        "chose",
        "point",
        "partie",
        "avis",
        "manière",
        "raison",
    ],
    [
        "morning",
        "people",
        "day",
        "beginning",
        "rest",
        "moment",
        "week",
        "colleagues",
        "thing",
        "point",
        "part",
        "view",
        "manner",
        "reason",
    ],
)
JOINED = (("je trouve que la", "est", "et", "dans le", "avec", "pour les"),
          ("i think that the", "is", "and", "in the", "with", "for those"))  # fmt: skip


def corpus(n: int, languages: tuple[int, ...], seed: int) -> tuple[list[str], list[int]]:
    """`n` comments of four themes, in the languages, and the theme of each."""
    draw, texts, labels = random.Random(seed), [], []
    for _ in range(n):
        k, lang = draw.randrange(4), draw.choice(languages)
        words = draw.sample(list(SAID.values())[k][lang], 3) + draw.sample(ANYBODY[lang], 2)
        draw.shuffle(words)
        texts.append(" ".join(f"{draw.choice(JOINED[lang])} {word}" for word in words).capitalize() + ".")
        labels.append(k)
    return texts, labels


@pytest.fixture(autouse=True, scope="module")
def split_once():
    """Comments that were split before, alike, are not again: most tests ask several things about the same."""
    known = {}

    def once(documents, **limits):
        asked = (*map(tuple, documents), *limits.items())
        if asked not in known:
            known[asked] = structure(documents, **limits)
        return known[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(themes, "structure", once)
        yield


def split(texts: list[str]):
    return structure(
        [list(found) for found in stems_of(texts)],
        most=DEFAULTS.themes_most,
        stable=DEFAULTS.theme_stability,
        weight=DEFAULTS.theme_weight,
    )


# ----------------------------------------------------------------------------------------------- structure


@pytest.mark.parametrize("languages", [(0,), (1,)], ids=["french", "english"])
def test_planted_themes_come_back(languages):
    agreed = []
    for seed in (1, 2):
        texts, labels = corpus(100, languages, seed)
        agreed.append(adjusted_rand_score(labels, split(texts).of))
    assert min(agreed) > 0.7, agreed


@pytest.mark.slow
def test_planted_themes_come_back_over_seeds_and_languages():
    for languages in ((0,), (1,), (0, 1)):
        texts = [corpus(120, languages, seed) for seed in range(8)]
        found = [split(comments) for comments, _ in texts]
        # Both languages: comments of one theme may be two, one a language, where no word is shared.
        agreed = [adjusted_rand_score(labels, one.of) for (_, labels), one in zip(texts, found, strict=True)]
        print(languages, np.round(agreed, 2), [len(one.terms) for one in found])
        assert np.median(agreed) > (0.7 if len(languages) == 1 else 0.45)
        assert np.mean([len(one.terms) > 0 for one in found]) >= 0.9


@pytest.mark.slow
def test_noise_has_no_themes():
    """Comments drawn word by word from one list, some words far more common: at most a few claims in a hundred."""
    words = [f"{a}{b}ord" for a in "bcdfghjklm" for b in "aeiouyrlns"]
    chance = 1 / np.arange(1, 101)
    claimed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        texts = [" ".join(rng.choice(words, rng.integers(3, 9), p=chance / chance.sum())) for _ in range(60)]
        claimed += bool(split(texts).terms)
    assert claimed <= 2  # 2.5 % each: more than 2 of 20 has a chance of 1 %


def test_little_and_alike_has_no_themes():
    assert split([]).terms == []
    assert split(["vidéo longue"] * 3).terms == []
    assert split(["the same words again"] * 60).terms == []


# --------------------------------------------------------------------------------------------------- words


def test_words_are_read_as_people_write_them():
    assert words_of("L’accès à l'e-learning n'a PAS marché…") == ["accès", "e-learning", "pas", "marché"]
    assert [sorted(found) for found in stems_of(["vidéos longues", "long videos"])] == [["long", "video"]] * 2
    assert stem("utiles", "fr") == "util"
    assert language_of(["je", "ne", "sais", "pas"], "en") == "fr"
    assert language_of(["i", "do", "not", "know"], "fr") == "en"
    assert not {plain("très"), "the"} - (stop_words("en") | stop_words("fr"))
    (mixed,) = stems_of(["The exercise was utile, comme un exercice"])
    assert set(mixed) == {"exercise", "useful"}


HOSTILE = [
    "x" * 1_000_000,
    "<script>alert('vidéo')</script>" * 2000,
    "<" * 50_000,
    "😀🎉🔥" * 5000,
    "\u202eאבג \u0000\u0007" * 1000,
    '=HYPERLINK("http://x.test","vidéo") @SUM(A1) -1+1',
    "a-" * 30_000,
    "e\u0301" * 100_000,
]


@pytest.mark.parametrize(
    "hostile",
    HOSTILE,
    ids=["long", "script", "open", "emoji", "right_to_left", "formula", "hyphens", "accents"],
)
def test_hostile_comments_are_bounded(hostile):
    words = words_of(hostile)
    assert sum(map(len, words)) <= LONGEST
    assert all(re.fullmatch(r"[^\W\d_]+(-[^\W\d_]+)?", word) for word in words)


def test_hostile_comments_are_escaped_and_shortened():
    study = spoken([text for text in HOSTILE for _ in range(4)] + corpus(60, (0,), 3)[0])
    found = comment_themes(study)
    html = found._repr_html_() + show.comment_themes(study)
    assert "<script" not in html
    assert not re.search("[\\u202e\\u0000\\u0007]", html)
    assert len(html) < 30_000


# ---------------------------------------------------------------------------------------------- of a study


def spoken(texts: list[str], *, session: str | None = "A-1", named: bool = True, **more) -> Study:
    """A class of which everybody wrote one comment."""
    n = max(30, len(texts))
    rows = [
        {"learner_id": f"A{i:03d}" if named else None, "session_id": session, "item": "remark",
         "comment": text, "at": START, "record": i + 1, "source_id": "log"}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    return class_study(n, feedback=pl.DataFrame(rows), **more)


@pytest.fixture(scope="module")
def french() -> Study:
    return spoken(corpus(80, (0,), 5)[0])


def test_shares_are_of_respondents(french):
    found = comment_themes(french)
    texts, labels = corpus(80, (0,), 5)
    assert (found.reason, found.comments, found.respondents) == (None, 80, 80)
    assert len(found.themes) == 4
    assert sorted(theme.numerator for theme in found.themes) == pytest.approx(
        sorted(labels.count(k) for k in range(4)), abs=4
    )
    for theme in found.themes:
        low, high = wilson(theme.numerator, 80)
        assert (theme.value, theme.low, theme.high) == (theme.numerator / 80, float(low), float(high))
        assert theme.session_id == "A-1"
        assert set(theme.examples) <= set(texts)
    assert [theme.value for theme in found.themes] == sorted((t.value for t in found.themes), reverse=True)


def test_one_respondent_counts_once():
    texts = corpus(60, (1,), 6)[0]
    study = spoken(texts)
    twice = pl.concat([study.table("feedback").collect()] * 2)
    one, two = comment_themes(study), comment_themes(again(study, feedback=twice))
    assert two.respondents == one.respondents == 60
    assert {t.numerator for t in two.themes} == {t.numerator for t in one.themes}


def test_order_of_rows_changes_nothing(french):
    mixed = french.table("feedback").collect().sample(fraction=1, shuffle=True, seed=4)
    assert comment_themes(again(french, feedback=mixed)) == comment_themes(french)


@pytest.mark.parametrize(("respondents", "reason"), [(0, "no_comments"), (19, "too_few"), (40, None)])
def test_too_few_comments_have_no_themes(respondents, reason):
    study = spoken(corpus(respondents, (0,), 7)[0]) if respondents else class_study(10)
    found = comment_themes(study)
    assert found.reason == reason
    if reason == "too_few":
        assert str(found) == "Too few comments for themes: 19 respondents wrote one, 20 are needed."
        with i18n.in_language("fr"):
            assert str(found).startswith("Trop peu de commentaires pour des thèmes\xa0: 19 répondants")


def test_the_number_from_which_themes_are_looked_for():
    texts = corpus(20, (0,), 7)[0]
    for limit, looked in ((19, True), (20, True), (21, False)):
        found = comment_themes(spoken(texts, thresholds={"theme_respondents": limit}))
        assert (found.reason != "too_few") is looked


def test_managers_see_no_text_and_no_theme_of_a_few(french):
    seen = comment_themes(french, role="manager")
    assert all(theme.examples == () for theme in seen.themes)
    texts = french.table("feedback").collect()["comment"].to_list()
    html = show.comment_themes(french, role="manager") + seen._repr_html_() + str(seen)
    assert not [text for text in texts if text in html]
    high = max(theme.numerator for theme in seen.themes)
    strict = french.privacy.model_copy(update={"smallest_cell": high})
    few = Study(
        {name: french.table(name) for name in ("feedback", "sessions", "cohorts", "changes", "learners")},
        french.file.model_copy(update={"privacy": strict}),
    )
    shown = comment_themes(few, role="manager")
    assert all(theme.numerator >= high for theme in shown.themes)
    assert len(shown.themes) < len(seen.themes)


def test_a_word_of_one_person_names_no_theme_for_managers(french):
    """A name somebody writes is no label: outside research each word is that of several respondents."""
    rows = french.table("feedback").collect()
    marked = rows.with_columns(
        pl.when(pl.col("learner_id").is_in(["A000", "A001"])).then(pl.col("comment") + " Dupontel Dupontel")
        .otherwise("comment").alias("comment")
    )  # fmt: skip
    seen = comment_themes(again(french, feedback=marked), role="manager")
    assert "dupontel" not in str(seen).casefold()


@pytest.mark.slow
def test_an_export_carries_themes_and_questions():
    study = spoken(corpus(60, (1,), 8)[0], failed=40)
    served = for_manager(study)
    assert replace(comment_themes(study, role="manager"), stability={}) == comment_themes(served)
    assert not served.has("feedback")
    ours, theirs = diagnose(served), diagnose(study, role="manager")
    for kind in ("blocking", "feedback"):
        told = ((*of.findings, *of.watch) for of in (ours, theirs))
        mine, whole = ([f for f in found if f.kind == kind] for found in told)
        assert [f.numbers for f in mine] == [f.numbers for f in whole] != []
        assert [f.sentence for f in mine] == [f.sentence for f in whole]
    part = diagnose(served.select(cohorts=["A"]))
    assert part.reasons.get("blocking") in (None, "not_in_export")


# ------------------------------------------------------------------------------------------ not yet answered


def changed(what: str, days: float | None, iteration: int = 1) -> pl.DataFrame:
    from datetime import timedelta

    at = None if days is None else START + timedelta(days=days)
    return pl.DataFrame(
        {"iteration": [iteration], "at": [at], "what": [what]},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


@pytest.mark.parametrize(
    ("change", "answered"),
    [
        (changed("The video of session 1 is cut in two", 30), True),
        (changed("La capsule est coupée", 30), True),
        (changed("The video of session 1 is cut in two", -3), False),  # before it was said
        (changed("The video of session 1 is cut in two", 0), False),  # at the very moment: not after it
        (changed("Another trainer", 30), False),
        (changed("Shorter videos", None, 2), True),
        (changed("Shorter videos", None, 1), False),
    ],
    ids=["after", "in_french", "before", "at_once", "of_something_else", "next_iteration", "same_iteration"],
)
def test_a_theme_is_answered_by_a_later_change_that_speaks_of_it(change, answered):
    found = comment_themes(spoken(corpus(60, (1,), 9)[0], changes=change))
    video = next(theme for theme in found.themes if speaks_of("video", theme.words))
    assert video.unread is not answered


def test_an_unanswered_theme_is_a_finding():
    study = spoken(corpus(60, (1,), 9)[0])
    found = [f for f in diagnose(study, kinds=["feedback"]).findings if f.kind == "feedback"]
    told = comment_themes(study).themes
    assert {f.title for f in found} <= {f"“{theme.name}”" for theme in told}
    for finding in found:
        theme = next(one for one in told if f"“{one.name}”" == finding.title)
        assert (finding.value, finding.n, finding.threshold) == (theme.value, 60, DEFAULTS.theme_share)
        assert "Mostly about Séance 1, A." in finding.sentence
    assert found
    quiet = diagnose(class_study(30), kinds=["feedback"])
    assert quiet.reasons == {"feedback": "no_comments"}


def test_a_theme_is_a_finding_only_above_its_threshold(french):
    theme = comment_themes(french).themes[0]
    for limit, seen in ((theme.value - 1e-9, True), (theme.value, False), (theme.value + 1e-9, False)):
        found = diagnose(french.with_thresholds(theme_share=limit), kinds=["feedback"])
        named = [f.title for f in (*found.findings, *found.watch)]
        assert (f"“{theme.name}”" in named) is seen, limit


def test_an_unknown_role_is_refused(french):
    with pytest.raises(ParameterError) as refused:
        comment_themes(french, role="boss")
    assert str(refused.value) == i18n.t(
        "metrics.role_unknown", role="'boss'", known="research, manager, trainer"
    )
