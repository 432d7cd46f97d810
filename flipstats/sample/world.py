"""Draw a programme: groups, learners, and what each of them does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from flipstats.sample import names
from flipstats.sample.parameters import (
    BASELINE_MEAN,
    BASELINE_SD,
    DEPTH,
    LONG_DEPTH,
    OPENING_SLOT,
    START_ITEMS,
    SUMMATIVE_MAX,
    SUMMATIVE_MEAN,
    SUMMATIVE_SD,
    Parameters,
)
from flipstats.sample.programme import (
    COURSES,
    COURSES_WELL,
    LONG_VIDEO,
    PREPARATION,
    SESSIONS,
    Course,
    session_times,
)
from flipstats.sample.well import early_group, early_sittings, in_working_hours

HOUR, DAY = 3600, 86400


@dataclass(frozen=True, slots=True)
class Groups:
    """The cohorts, arrays of length G; times are epoch seconds, session arrays (G, 4)."""

    name: tuple[str, ...]
    iteration: np.ndarray
    number: np.ndarray
    flipped: np.ndarray
    size: np.ndarray
    baseline: np.ndarray  # mean of the positioning test, in sd
    summative: np.ndarray  # effect on the end test, in sd
    dropout: np.ndarray
    opening: np.ndarray
    start: np.ndarray
    trainer: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True, slots=True)
class Learners:
    """What was drawn for each learner, arrays of length n, or (n, 4) by session, (n, 4, 4) by resource."""

    group: np.ndarray
    people: tuple[names.Person, ...]
    baseline: np.ndarray  # in sd, as the test shows it
    baseline_points: np.ndarray
    ghost: np.ndarray
    leaves: np.ndarray  # the first session without this learner; 5: stays to the end
    withdrawn: np.ndarray
    level: np.ndarray  # before the session: 0 nothing, 1 opened, 2 substantial, 3 completed
    sitting: np.ndarray  # epoch seconds of the preparation sitting
    late: np.ndarray  # 0 no, 1 during the session, 2 after
    present: np.ndarray
    start_items: np.ndarray  # right answers out of 10, -1: no answer sheet
    takes_positioning: np.ndarray
    takes_summative: np.ndarray
    summative_points: np.ndarray  # NaN: not taken

    @property
    def n(self) -> int:
        """Learners."""
        return len(self.group)


@dataclass(frozen=True, slots=True)
class World:
    """A programme, drawn."""

    parameters: Parameters
    groups: Groups
    learners: Learners

    def rng(self, part: int) -> np.random.Generator:
        """Return the random stream of one part, so that changing a part leaves the others as they are."""
        return np.random.default_rng([self.parameters.seed, part])

    @property
    def courses(self) -> tuple[Course, ...]:
        """The courses, with the long video where it is planted."""
        return COURSES if self.parameters.has("long_video") else COURSES_WELL

    @property
    def iteration(self) -> np.ndarray:
        """Iteration of each learner."""
        return self.groups.iteration[self.learners.group]

    def of_iteration(self, iteration: int) -> np.ndarray:
        """Learner numbers of an iteration."""
        return np.flatnonzero(self.iteration == iteration)


def sigmoid(x: np.ndarray | float) -> np.ndarray:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-np.asarray(x, dtype=float)))


def depth(p: Parameters, iteration: int, session: int, slot: str) -> tuple[float, float]:
    """Return (share that saw half, of those who opened; share that saw all, of those)."""
    long = p.has("long_video") and (iteration, session, slot) == LONG_VIDEO
    return LONG_DEPTH if long else DEPTH[slot]


def opening_logit(p: Parameters, session: int, slot: str) -> float:
    """Return the log-odds of opening, for a middling learner of a middling group."""
    return p.opening + OPENING_SLOT[slot] + p.opening_trend * (session - 1)


def draw(p: Parameters) -> World:
    """Draw a programme from its parameters; the same parameters give the same programme."""
    groups = _draw_groups(p, np.random.default_rng([p.seed, 1]))
    return World(p, groups, _draw_learners(p, groups, np.random.default_rng([p.seed, 2])))


def _sizes(p: Parameters, n_groups: int, rng: np.random.Generator) -> np.ndarray:
    weights = rng.uniform(0.6, 1.4, n_groups)
    sizes = np.maximum(4, np.floor(weights / weights.sum() * p.learners)).astype(int)
    while (short := p.learners - sizes.sum()) != 0:
        # Who is furthest from its share gives or takes one.
        gap = weights / weights.sum() * p.learners - sizes
        order = np.argsort(-gap if short > 0 else gap, kind="stable")
        order = order if short > 0 else order[sizes[order] > 4]
        sizes[order[: abs(short)]] += int(np.sign(short))
    return sizes


def _draw_groups(p: Parameters, rng: np.random.Generator) -> Groups:
    k = p.groups_per_cell
    n = 4 * k
    iteration = np.repeat([0, 1], 2 * k)
    number = np.tile(np.arange(2 * k), 2)
    flipped = np.concatenate([rng.permutation(np.repeat([True, False], k)) for _ in range(2)])
    times = [session_times(i, j) for i, j in zip(iteration.tolist(), number.tolist(), strict=True)]
    width = len(str(2 * k))
    return Groups(
        name=tuple(f"{2023 + i}-{j + 1:0{max(width, 2)}d}" for i, j in zip(iteration, number, strict=True)),
        iteration=iteration,
        number=number,
        flipped=flipped,
        size=_sizes(p, n, rng),
        baseline=p.baseline_gap * flipped + rng.normal(0, p.baseline_icc**0.5, n),
        summative=rng.normal(0, 1, n) * p.summative_group_sd,
        dropout=rng.normal(0, p.dropout_group_sd, n),
        opening=rng.normal(0, p.opening_group_sd, n),
        start=rng.normal(0, p.start_group_sd, n),
        trainer=_trainers(flipped, iteration),
        starts=np.array([[int(start.timestamp()) for start, _ in of] for of in times]),
        ends=np.array([[int(end.timestamp()) for _, end in of] for of in times]),
    )


def _trainers(flipped: np.ndarray, iteration: np.ndarray) -> np.ndarray:
    # Each arm has four of the six trainers; two teach in both.
    turn = np.zeros(len(flipped), dtype=int)
    for cell in ((i, arm) for i in (0, 1) for arm in (False, True)):
        members = np.flatnonzero((iteration == cell[0]) & (flipped == cell[1]))
        turn[members] = np.arange(len(members)) % 4 + (2 if cell[1] else 0)
    return turn


def _draw_learners(p: Parameters, groups: Groups, rng: np.random.Generator) -> Learners:
    group = np.repeat(np.arange(len(groups.size)), groups.size)
    n, flipped = len(group), groups.flipped[group]
    latent = groups.baseline[group] + rng.normal(0, (1 - p.baseline_icc) ** 0.5, n)
    points = np.clip(np.round((BASELINE_MEAN + BASELINE_SD * latent) * 2) / 2, 0, 20)
    # Everything depends on the score as it is shown, so that adjusting for it is enough.
    baseline = (points - BASELINE_MEAN) / BASELINE_SD
    diligence = p.opening_learner_sd * (
        p.opening_baseline * baseline + (1 - p.opening_baseline**2) ** 0.5 * rng.normal(0, 1, n)
    )
    ghost, leaves, withdrawn = _draw_staying(p, groups, group, baseline, rng)
    here = (np.arange(1, SESSIONS + 1)[None, :] < leaves[:, None]) & ~ghost[:, None]
    level = _draw_levels(p, groups, group, diligence, here, rng)
    unprepared = (level[:, :, :3] == 0).all(axis=2) & here & flipped[:, None]
    level[unprepared, 3] = 0  # who opened nothing mandatory did not read further either
    late_draw = rng.random((n, SESSIONS))
    late = np.where(unprepared & (late_draw < p.late), np.where(late_draw < p.late * p.late_during, 1, 2), 0)
    present = here & (rng.random((n, SESSIONS)) < p.attends)
    takes = (leaves > SESSIONS) & ~ghost
    takes, summative = _draw_end_test(p, groups, group, baseline, takes, rng)
    return Learners(
        group=group,
        people=tuple(_draw_people(groups, group, ghost, rng)),
        baseline=baseline,
        baseline_points=points,
        ghost=ghost,
        leaves=leaves,
        withdrawn=withdrawn,
        level=level,
        sitting=_draw_sittings(p, groups, group, rng),
        late=late,
        present=present,
        start_items=_draw_start(p, groups, group, baseline, level, present, rng),
        takes_positioning=~ghost & (rng.random(n) < p.takes_positioning),
        takes_summative=takes,
        summative_points=summative,
    )


def _draw_staying(
    p: Parameters, groups: Groups, group: np.ndarray, baseline: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who never comes, the first session without each learner, and who of these is unenrolled."""
    n, flipped = len(group), groups.flipped[group]
    ghost = rng.random(n) < p.ghosts
    if not ghost.any():
        ghost[np.flatnonzero(~flipped)[0]] = True
    odds = p.dropout + p.dropout_effect * flipped + p.dropout_baseline * baseline + groups.dropout[group]
    drops = rng.random(n) < sigmoid(odds)
    leaves = np.where(drops, rng.integers(2, SESSIONS + 1, n), SESSIONS + 1)
    return ghost, leaves, drops & (rng.random(n) < p.withdrawn_share) & ~ghost


def _draw_end_test(
    p: Parameters,
    groups: Groups,
    group: np.ndarray,
    baseline: np.ndarray,
    here: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Who of those still `here` takes the end test, and their points by quarters, NaN for the others."""
    points = SUMMATIVE_MEAN + SUMMATIVE_SD * (
        p.effect * groups.flipped[group]
        + p.baseline_slope * baseline
        + groups.summative[group]
        + rng.normal(0, p.summative_noise_sd, len(group))
    )
    takes = here & (rng.random(len(group)) < p.takes_summative)
    return takes, np.where(takes, np.clip(np.round(points * 4) / 4, 0, SUMMATIVE_MAX), np.nan)


def _draw_levels(
    p: Parameters,
    groups: Groups,
    group: np.ndarray,
    diligence: np.ndarray,
    here: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    level = np.zeros((len(group), SESSIONS, len(PREPARATION)), dtype=np.int8)
    flipped = groups.flipped[group]
    for s in range(SESSIONS):
        for r, slot in enumerate(PREPARATION):
            chance = sigmoid(opening_logit(p, s + 1, slot) + groups.opening[group] + diligence)
            half, full = np.array([depth(p, i, s + 1, slot) for i in (0, 1)])[groups.iteration[group]].T
            u = rng.random((3, len(group)))
            opened = (u[0] < chance) & here[:, s] & flipped
            level[:, s, r] = opened * (1 + (u[1] < half) * (1 + (u[2] < full)))
    return level


def _draw_sittings(p: Parameters, groups: Groups, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    released = np.array([int(course.released.timestamp()) for course in COURSES])
    available = (groups.starts - released[groups.iteration][:, None])[group] / HOUR
    u = rng.random((3, *available.shape))
    lead = lead_quantile(p, u[0], np.minimum(available, 13.5 * 24))
    long = available > 14.5 * 24
    ahead = 14.05 * 24 + u[1] * (available - 14.1 * 24)
    lead = np.where(long & (u[2] < p.early), ahead, lead)
    if p.has("early_cohort"):
        early = (group == early_group(p.seed, groups.flipped, groups.size))[:, None]
        lead = np.where(early, early_sittings(u[0]), lead)
    sitting = groups.starts[group] - np.maximum(60, np.floor(lead * HOUR)).astype(int)
    if not p.well:
        return sitting
    return in_working_hours(sitting, groups.starts[group], released[groups.iteration][group][:, None])


def lead_share(p: Parameters, hours: np.ndarray | float) -> np.ndarray:
    """Return the share that prepares at most `hours` ahead, before any limit: log-logistic."""
    return 1 / (1 + (np.asarray(hours, dtype=float) / p.lead_median_h) ** -p.lead_shape)


def lead_quantile(p: Parameters, u: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return the hours ahead at quantile `u` of the same law cut at `limit` hours."""
    v = u * lead_share(p, limit)
    return p.lead_median_h * (v / (1 - v)) ** (1 / p.lead_shape)


def _draw_start(
    p: Parameters,
    groups: Groups,
    group: np.ndarray,
    baseline: np.ndarray,
    level: np.ndarray,
    present: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    prepared = (level[:, :, :3] >= 2).mean(axis=2)
    odds = (
        p.start + p.start_prepared * prepared + (p.start_baseline * baseline + groups.start[group])[:, None]
    )
    right = rng.binomial(START_ITEMS, sigmoid(odds))
    answers = present & (rng.random(present.shape) < p.answers_start)
    return np.where(answers, right, -1)


def _draw_people(
    groups: Groups, group: np.ndarray, ghost: np.ndarray, rng: np.random.Generator
) -> list[names.Person]:
    drawn = names.draw_names(len(group), rng)
    places = rng.permutation(len(group))
    for place, (written, _) in zip(places, names.OTHER_SCRIPTS, strict=False):
        drawn[place] = written
    used = {*places[: len(names.OTHER_SCRIPTS)].tolist(), *np.flatnonzero(ghost).tolist()}
    for place in _homonyms(groups, group, used):
        iteration = groups.iteration[group[place]]
        drawn[place] = names.RESOLVABLE if iteration else names.UNRESOLVABLE
    return names.people(drawn, rng)


def _homonyms(groups: Groups, group: np.ndarray, used: set[int]) -> list[int]:
    """Two learners of one flipped group of iteration 1, two of two flipped groups of iteration 2."""
    free = [i for i in range(len(group)) if i not in used and groups.flipped[group[i]]]
    first = [i for i in free if groups.iteration[group[i]] == 0]
    together = next((i, j) for i, j in pairwise(first) if group[i] == group[j])
    second = [i for i in free if groups.iteration[group[i]] == 1]
    apart = (second[0], next(i for i in second if group[i] != group[second[0]]))
    return [*together, *apart]
