"""From what was drawn to dated actions: views, attempts, videos watched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flipstats.sample.parameters import START_ITEMS
from flipstats.sample.programme import COURSES, PREPARATION, SESSIONS, Activity
from flipstats.sample.world import DAY, HOUR, World

VIEW, START, SUBMIT, COURSE, LOGIN, COMPLETION = range(6)
FINISHED, IN_PROGRESS, NEVER, NOT_GRADED = range(4)
_MINUTE = 60
_WITHIN = {"video_a": 0.0, "video_b": 0.3, "quiz": 0.6, "page": 0.95}  # where in a sitting


@dataclass(frozen=True, slots=True)
class Actions:
    """What learners did on the platform, arrays of one length; ``at`` in epoch seconds."""

    learner: np.ndarray
    what: np.ndarray
    cmid: np.ndarray  # 0: the course itself
    at: np.ndarray
    attempt: np.ndarray  # 0: none

    def of(self, kept: np.ndarray) -> Actions:
        """Return the actions where `kept`."""
        return Actions(*(getattr(self, f)[kept] for f in ("learner", "what", "cmid", "at", "attempt")))


@dataclass(frozen=True, slots=True)
class Attempts:
    """Quiz attempts, arrays of one length; ``points`` is NaN where there is no mark."""

    learner: np.ndarray
    cmid: np.ndarray
    started: np.ndarray
    submitted: np.ndarray  # -1: not handed in
    state: np.ndarray
    points: np.ndarray
    number: np.ndarray


@dataclass(frozen=True, slots=True)
class Watching:
    """One learner's last viewing of one video."""

    learner: np.ndarray
    cmid: np.ndarray
    at: np.ndarray
    percent: np.ndarray
    seconds: np.ndarray


class Collector:
    """Gather actions column by column."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []

    def add(self, learner: np.ndarray, what: int, cmid: np.ndarray | int, at: np.ndarray, attempt=0) -> None:
        """Add one action for each of `learner`."""
        n = len(learner)
        columns = (learner, np.full(n, what, np.int8), cmid, at, attempt)
        self.parts.append(tuple(np.broadcast_to(np.asarray(c), (n,)).astype(np.int64) for c in columns))

    def actions(self) -> Actions:
        """Return all of them in order of time."""
        columns = [np.concatenate(column) for column in zip(*self.parts, strict=True)]
        order = np.argsort(columns[3], kind="stable")
        return Actions(*(column[order] for column in columns))


def cmids(world: World, slot: str, session: int | None) -> np.ndarray:
    """Return the course-module id of an activity for each learner."""
    return np.array([course.activity(slot, session).cmid for course in COURSES])[world.iteration]


def act(world: World) -> tuple[Actions, Attempts, Watching]:
    """Date everything the learners of `world` do on the platform."""
    log = Collector()
    quiz: list[tuple[np.ndarray, ...]] = []
    video: list[tuple[np.ndarray, ...]] = []
    for s in range(SESSIONS):
        rng = np.random.default_rng([world.parameters.seed, 10 + s])
        _prepare(world, s, rng, log, quiz, video)
        _prepare_late(world, s, rng, log, quiz, video)
        _take_start(world, s, rng, log, quiz)
        _read_support(world, s, rng, log)
    rng = world.rng(20)
    _take_positioning(world, rng, log, quiz)
    _take_summative(world, rng, log, quiz)
    attempts = _numbered(quiz)
    _log_attempts(attempts, log)
    return log.actions(), attempts, Watching(*(np.concatenate(c) for c in zip(*video, strict=True)))


def _prepare(world, s: int, rng, log: Collector, quiz: list, video: list) -> None:
    people, starts = world.learners, world.groups.starts[world.learners.group, s]
    length = np.minimum(45 * _MINUTE, 0.9 * (starts - people.sitting[:, s]))
    came = np.flatnonzero((people.level[:, s] > 0).any(axis=1))
    log.add(came, LOGIN, 0, people.sitting[came, s] - 45)
    log.add(came, COURSE, 0, people.sitting[came, s] - 20)
    for r, slot in enumerate(PREPARATION):
        who = np.flatnonzero(people.level[:, s, r] > 0)
        at = np.floor(people.sitting[who, s] + _WITHIN[slot] * length[who]).astype(np.int64)
        log.add(who, VIEW, cmids(world, slot, s + 1)[who], at)
        level = people.level[who, s, r]
        if slot == "quiz":
            _quiz(world, s, who, at, 0.25 * length[who], level, rng, log, quiz)
        elif slot != "page":
            _watch(world, slot, s, who, at, 0.25 * length[who], level, rng, video)


def _prepare_late(world, s: int, rng, log: Collector, quiz: list, video: list) -> None:
    people, groups = world.learners, world.groups
    starts, ends = groups.starts[people.group, s], groups.ends[people.group, s]
    u = rng.random((6, people.n))
    during = np.floor(starts + u[0] * (ends - starts - HOUR))
    after = np.floor(ends + HOUR + u[0] * (6.5 * DAY))
    at = np.where(people.late[:, s] == 1, during, after).astype(np.int64)
    came = np.flatnonzero(people.late[:, s] > 0)
    log.add(came, LOGIN, 0, at[came] - 45)
    log.add(came, COURSE, 0, at[came] - 20)
    for r, (slot, chance) in enumerate((("video_a", 1.0), ("video_b", 0.6), ("quiz", 0.4))):
        who = came[u[1 + r, came] < chance]
        when = at[who] + r * 15 * _MINUTE
        level = 1 + (rng.random(len(who)) < 0.7) + (rng.random(len(who)) < 0.5)
        log.add(who, VIEW, cmids(world, slot, s + 1)[who], when)
        room = np.full(len(who), 600.0)
        if slot == "quiz":
            _quiz(world, s, who, when, room, level, rng, log, quiz)
        else:
            _watch(world, slot, s, who, when, room, level, rng, video)


def _quiz(world, s: int, who, at, room, level, rng, log: Collector, quiz: list) -> None:
    begun = (level >= 2) | (rng.random(len(who)) < 0.5)
    handed = (level >= 2)[begun]
    who, at, room = who[begun], at[begun], room[begun]
    started = at + np.floor(0.05 * room).astype(np.int64)
    submitted = at + np.floor(room).astype(np.int64)
    skill = (0.9 if world.parameters.well else 0.55) + 0.08 * world.learners.baseline[who]
    points = rng.binomial(START_ITEMS, np.clip(skill, 0.1, 0.95)).astype(float)
    state = np.where(handed, FINISHED, np.where(rng.random(len(who)) < 0.5, IN_PROGRESS, NEVER))
    cmid = cmids(world, "quiz", s + 1)[who]
    quiz.append(
        (who, cmid, started, np.where(handed, submitted, -1), state, np.where(handed, points, np.nan))
    )
    log.add(who[handed], COMPLETION, cmid[handed], submitted[handed])


def _watch(world, slot: str, s: int, who, at, room, level, rng, video: list) -> None:
    lengths = np.array([course.activity(slot, s + 1).minutes for course in world.courses])
    minutes = lengths[world.iteration[who]]
    low, high = np.array([[2, 52, 97], [46, 92, 100]])[:, level - 1]
    percent = np.minimum(100, np.round(low + rng.random(len(who)) * (high - low)))
    seconds = np.round(percent / 100 * minutes * 60).astype(np.int64)
    # A sitting just before the session is watched at speed: the viewing still ends before it starts.
    ended = at + np.floor(np.minimum(seconds, room)).astype(np.int64)
    cmid = cmids(world, slot, s + 1)[who]
    video.append((who, cmid, ended, percent.astype(np.int64), seconds))


def _take_start(world, s: int, rng, log: Collector, quiz: list) -> None:
    people = world.learners
    who = np.flatnonzero(people.start_items[:, s] >= 0)
    started = world.groups.starts[people.group[who], s] + rng.integers(0, 15 * _MINUTE, len(who))
    submitted = started + rng.integers(3 * _MINUTE, 10 * _MINUTE, len(who))
    points = people.start_items[who, s].astype(float)
    cmid = cmids(world, "start", s + 1)[who]
    quiz.append((who, cmid, started, submitted, np.full(len(who), FINISHED), points))
    log.add(who, LOGIN, 0, started - 40)
    log.add(who, COURSE, 0, started - 15)


def _read_support(world, s: int, rng, log: Collector) -> None:
    people = world.learners
    here = (s + 1 < people.leaves) & ~people.ghost
    who = np.flatnonzero(here & (rng.random(people.n) < 0.35))
    at = world.groups.ends[people.group[who], s] + rng.integers(HOUR, 10 * DAY, len(who))
    log.add(who, LOGIN, 0, at - 40)
    log.add(who, COURSE, 0, at - 15)
    log.add(who, VIEW, cmids(world, "support", s + 1)[who], at)


def _take_positioning(world, rng, log: Collector, quiz: list) -> None:
    people = world.learners
    cmid = cmids(world, "positioning", None)
    released = np.array([int(course.released.timestamp()) for course in COURSES])[world.iteration]
    started = released + rng.integers(DAY, 10 * DAY, people.n)
    submitted = started + rng.integers(8 * _MINUTE, 26 * _MINUTE, people.n)
    took = people.takes_positioning
    missed = ~took & ~people.ghost
    begun = missed & (rng.random(people.n) < 0.5)
    state = np.where(took, FINISHED, np.where(rng.random(people.n) < 0.5, IN_PROGRESS, NEVER))
    rows = np.flatnonzero(took | begun)
    handed, points = np.where(took, submitted, -1), np.where(took, people.baseline_points, np.nan)
    quiz.append(tuple(column[rows] for column in (np.arange(people.n), cmid, started, handed, state, points)))
    # A second attempt, better and before the first session: the first one is the baseline.
    again = np.flatnonzero(took & (rng.random(people.n) < 0.02))
    later = started[again] + DAY + rng.integers(0, DAY, len(again))
    better = np.minimum(20, people.baseline_points[again] + 3)
    finished = np.full(len(again), FINISHED)
    quiz.append((again, cmid[again], later, later + 12 * _MINUTE, finished, better))
    log.add(rows, LOGIN, 0, started[rows] - 40)
    log.add(rows, COURSE, 0, started[rows] - 15)
    log.add(np.flatnonzero(took), COMPLETION, cmid[took], submitted[took])


def _take_summative(world, rng, log: Collector, quiz: list) -> None:
    people = world.learners
    cmid = cmids(world, "summative", None)
    ends = world.groups.ends[people.group, SESSIONS - 1]
    started = ends + rng.integers(10 * _MINUTE, 2 * DAY, people.n)
    submitted = started + rng.integers(18 * _MINUTE, 50 * _MINUTE, people.n)
    took = people.takes_summative
    missed = ~took & ~people.ghost & (people.leaves > SESSIONS)
    begun = missed & (rng.random(people.n) < 0.6)
    state = np.where(took, FINISHED, np.where(rng.random(people.n) < 0.5, IN_PROGRESS, NEVER))
    state[not_graded(world)] = NOT_GRADED
    points = np.where(state == NOT_GRADED, np.nan, people.summative_points)
    rows = np.flatnonzero(took | begun)
    handed = np.where(took, submitted, -1)
    quiz.append(tuple(column[rows] for column in (np.arange(people.n), cmid, started, handed, state, points)))
    log.add(rows, LOGIN, 0, started[rows] - 40)
    log.add(rows, COURSE, 0, started[rows] - 15)
    graded = took & (state != NOT_GRADED)
    log.add(np.flatnonzero(graded), COMPLETION, cmid[graded], submitted[graded])


def not_graded(world: World) -> np.ndarray:
    """Return one learner of each iteration whose end test is handed in but not marked."""
    took = world.learners.takes_summative & ~world.groups.flipped[world.learners.group]
    return np.array([np.flatnonzero(took & (world.iteration == i))[-1] for i in (0, 1)])


def _numbered(quiz: list) -> Attempts:
    columns = [np.concatenate(column) for column in zip(*quiz, strict=True)]
    order = np.lexsort((columns[0], columns[2]))
    return Attempts(*(column[order] for column in columns), number=9001 + np.arange(len(order)))


def _log_attempts(attempts: Attempts, log: Collector) -> None:
    log.add(attempts.learner, START, attempts.cmid, attempts.started, attempts.number)
    handed = attempts.submitted >= 0
    log.add(
        attempts.learner[handed],
        SUBMIT,
        attempts.cmid[handed],
        attempts.submitted[handed],
        attempts.number[handed],
    )


def more(world: World, actions: Actions, n: int, part: int) -> Actions:
    """Return `n` further views, each within 20 minutes of one that was already there.

    They make the log long and change neither who opened what nor on which side of a session.
    """
    rng = world.rng(part)
    base = np.flatnonzero((actions.what == VIEW) | (actions.what == COURSE))
    pick = base[rng.integers(0, len(base), n)]
    at = actions.at[pick] + rng.integers(5, 20 * _MINUTE, n)
    zeros = np.broadcast_to(np.int64(0), (n,))
    return Actions(actions.learner[pick], actions.what[pick], actions.cmid[pick], at, zeros)


def completed_at(course_activities: tuple[Activity, ...], actions: Actions) -> dict[tuple[int, int], int]:
    """Return when each learner completed each tracked activity: first view, or a quiz marked."""
    graded = {a.cmid for a in course_activities if a.slot in {"quiz", "positioning", "summative"}}
    viewed = {a.cmid for a in course_activities if a.slot in {"video_a", "video_b", "page", "support"}}
    done: dict[tuple[int, int], int] = {}
    columns = (actions.learner, actions.what, actions.cmid, actions.at)
    for learner, what, cmid, at in zip(*(column.tolist() for column in columns), strict=True):
        wanted = (what == VIEW and cmid in viewed) or (what == COMPLETION and cmid in graded)
        if wanted:
            done.setdefault((learner, cmid), at)
    return done
