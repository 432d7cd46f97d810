"""What learners say of sessions, ratings and comments, as a training-management tool exports them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from flipstats.sample.moodle_reports import ITEMS
from flipstats.sample.names import ascii_of
from flipstats.sample.planted import Planted
from flipstats.sample.programme import PARIS, Course, local
from flipstats.sample.world import World

SURVEYED = ((0, 3), (1, 2), (1, 4))  # iteration, session: where learners were asked
RESPONSE, COMMENTS, SKIPPED = 0.72, 0.85, 0.03  # shares: of those present, of who answers, of ratings
SCALE = 5
AT, WHO, COMMENT = "Date de réponse", "E-mail", "Commentaire"
# Chances of 1 to 5 in the flipped arm, then in the other, which has nothing to prepare.
RATINGS = {
    "Clarté des explications (1 à 5)": ((0.02, 0.06, 0.18, 0.44, 0.30), (0.03, 0.09, 0.26, 0.42, 0.20)),
    "Rythme (1 à 5)": ((0.04, 0.12, 0.28, 0.38, 0.18), (0.05, 0.15, 0.30, 0.35, 0.15)),
    "Utilité de la préparation (1 à 5)": ((0.05, 0.10, 0.22, 0.38, 0.25), None),
}
# What a comment is about, by iteration and arm (flipped or not); the long video was replaced after the first.
THEMES = {
    (0, True): {"long_video": 0.90, "no_time": 0.05, "other": 0.05},
    (0, False): {"slides": 0.40, "group_work": 0.20, "unclear_question": 0.20, "other": 0.20},
    (1, True): {"unclear_question": 0.35, "no_time": 0.40, "group_work": 0.15, "other": 0.10},
    (1, False): {"slides": 0.40, "group_work": 0.20, "unclear_question": 0.20, "other": 0.20},
}
_LIKE_ONESELF = 0.5  # share of the variance of a rating that is the learner's own
_AT_ONCE, _LAST_DAY = 0.55, 4  # share that answers within the hour; days others take, at most
_ENGLISH, _LOWER, _BARE = 0.12, 0.25, 0.15  # of comments: in English, in small letters, without accents
_TEXTS = tomllib.loads((files("flipstats.sample") / "comments.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one learner answered about one session."""

    learner: int
    iteration: int
    session: int
    at: int  # epoch seconds
    ratings: tuple[int | None, ...]  # in the order of `RATINGS`
    theme: str | None  # None: no comment
    comment: str


def draw_answers(world: World, planted: Planted) -> list[Answer]:
    """Draw who answers and what, from a stream of its own.

    Nobody does where problems are asked for: nothing but these may be said. Nor does the learner of two
    cohorts: a sheet does not tell which of two sessions it is about.
    """
    if world.parameters.well:
        return []
    rng, answers = world.rng(90), []
    opinion = rng.normal(size=world.learners.n)
    for iteration, session in SURVEYED:
        here = world.learners.present[:, session - 1] & (world.iteration == iteration)
        who = np.flatnonzero(here & (rng.random(world.learners.n) < RESPONSE))
        for i in who[who != planted.two_cohorts[0]].tolist():
            group = world.learners.group[i]
            flipped = bool(world.groups.flipped[group])
            writes = rng.random() < COMMENTS
            theme, comment = _comment(iteration, rng, flipped=flipped) if writes else (None, "")
            answers.append(
                Answer(
                    learner=i,
                    iteration=iteration,
                    session=session,
                    at=_moment(int(world.groups.ends[group, session - 1]), rng),
                    ratings=_ratings(float(opinion[i]), rng, flipped=flipped),
                    theme=theme,
                    comment=comment,
                )
            )
    return answers


def _ratings(opinion: float, rng: np.random.Generator, *, flipped: bool) -> tuple[int | None, ...]:
    """Draw ratings that have the chances of their arm, and what a learner thinks in common."""
    from scipy.special import ndtr

    own, skipped = rng.normal(size=len(RATINGS)), rng.random(len(RATINGS)) < SKIPPED
    places = ndtr(_LIKE_ONESELF**0.5 * opinion + (1 - _LIKE_ONESELF) ** 0.5 * own)
    drawn: list[int | None] = []
    for of_arms, place, skip in zip(RATINGS.values(), places, skipped, strict=True):
        chances = of_arms[0 if flipped else 1]
        drawn.append(None if chances is None or skip else 1 + _at(place, chances))
    return tuple(drawn)


def _at(place: float, chances: Sequence[float]) -> int:
    """Return which of several outcomes lies at a place between 0 and 1, each as wide as its chance.

    Examples
    --------
    >>> _at(0.05, (0.1, 0.5, 0.4)), _at(0.3, (0.1, 0.5, 0.4)), _at(0.99, (0.1, 0.5, 0.4))
    (0, 1, 2)
    """
    return int(np.searchsorted(np.cumsum(chances)[:-1], place))


def _moment(ended: int, rng: np.random.Generator) -> int:
    """Draw when an answer is given: on the way out, or by day within the next few days."""
    if rng.random() < _AT_ONCE:
        return ended + 60 * int(rng.integers(2, 50))
    days, hour, minute = rng.integers([1, 8, 0], [_LAST_DAY + 1, 21, 60]).tolist()
    day = dt.datetime.fromtimestamp(ended, PARIS).date() + dt.timedelta(days=days)
    return int(local(day, hour, minute).timestamp())


def _comment(iteration: int, rng: np.random.Generator, *, flipped: bool) -> tuple[str, str]:
    """Draw what a comment is about, and its words."""
    chances = THEMES[iteration, flipped]
    theme = list(chances)[_at(rng.random(), tuple(chances.values()))]
    english, lower, bare = rng.random(3) < (_ENGLISH, _LOWER, _BARE)
    lang = "en" if english else "fr"
    texts = _TEXTS[theme][lang]
    lists = (_TEXTS["openings"][lang], texts["begin"], _TEXTS["joints"][lang], texts["go_on"])
    opening, begin, joint, go_on = (choices[rng.integers(len(choices))] for choices in lists)
    said = opening + joint.join(part for part in (begin, go_on) if part)
    said = said.format(item=ITEMS["quiz"])  # later questions are the harder
    said = said.lower() if lower else said
    return theme, ascii_of(said) if bare else said


def write_feedback(world: World, course: Course, answers: Sequence[Answer], folder: Path) -> list[str]:
    """Write the answers about a course's sessions, where there are any, and return the file's name."""
    mine = sorted((a for a in answers if a.iteration == course.iteration), key=lambda a: (a.at, a.learner))
    if not mine:
        return []
    name, out = f"satisfaction_{course.short}.csv", io.StringIO()
    sheet = csv.writer(out, delimiter=";", lineterminator="\r\n")
    sheet.writerow([AT, WHO, *RATINGS, COMMENT])
    for answer in mine:
        when = dt.datetime.fromtimestamp(answer.at, PARIS)
        rated = ["" if rating is None else rating for rating in answer.ratings]
        email = world.learners.people[answer.learner].email
        sheet.writerow([f"{when:%d/%m/%Y %H:%M}", email, *rated, answer.comment])
    (folder / name).write_bytes(out.getvalue().encode("cp1252"))
    return [name]


def true_feedback(answers: Sequence[Answer]) -> dict[str, object]:
    """Return what answers were drawn from, and how many learners of an iteration were given each theme.

    Examples
    --------
    >>> true_feedback([])
    {}
    """
    if not answers:
        return {}
    said = {(a.iteration + 1, a.theme, a.learner) for a in answers if a.theme}
    counts = Counter((iteration, theme) for iteration, theme, _ in said)
    return {
        "response_of_present": RESPONSE,
        "surveyed": [{"iteration": i + 1, "session": s} for i, s in SURVEYED],
        "ratings": {
            arm: {label: _mean(of[place]) for label, of in RATINGS.items() if of[place]}
            for place, arm in enumerate(("flipped", "conventional"))
        },
        "answers": len(answers),
        "comments": sum(a.theme is not None for a in answers),
        "themes": [
            {"iteration": iteration, "theme": theme, "learners": n}
            for (iteration, theme), n in sorted(counts.items())
        ],
    }


def _mean(chances: Sequence[float]) -> float:
    """Return the expected rating as a share of the scale."""
    return round(sum(k * chance for k, chance in enumerate(chances, 1)) / SCALE, 6)
