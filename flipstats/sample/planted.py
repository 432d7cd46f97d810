"""Put in what real exports are full of: staff, impersonation, failed logins, the repeated hour, homonyms."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from flipstats.sample import names
from flipstats.sample.actions import LOGIN, Actions
from flipstats.sample.moodle_log import Log
from flipstats.sample.programme import COURSES, MODULES, SESSIONS, Course, repeated_hour
from flipstats.sample.world import DAY, HOUR, World

FIRST_LEARNER_ID, FIRST_STAFF_ID, ADMIN_ID = 1001, 11, 2
SITE_LOG_DAYS = 21  # how long the site keeps its log
NOBODY_TRIED = "Login failed for user 'essai'. Most likely the password did not match (error ID '3')."
LOCKED_ITERATION, LOCKED_SHARE = 1, 0.4  # who could not log in, where that is planted


@dataclass(frozen=True, slots=True)
class Planted:
    """Which learners and groups carry a planted oddity; numbers are those of the identity map."""

    homonyms_resolvable: tuple[int, ...]
    homonyms_unresolvable: tuple[int, ...]
    two_cohorts: tuple[int, int]  # learner, second group
    repeated_hour: tuple[int, ...]
    impersonated: tuple[tuple[int, int], ...]  # learner, course-module id
    mistyped: tuple[int, ...]
    locked_out: tuple[int, ...]
    overridden: tuple[int, ...]
    missing_sheets: tuple[tuple[int, int], ...]  # group, session
    excused: tuple[tuple[int, int], ...]  # learner, session


def plant(world: World) -> Planted:
    """Choose who carries each oddity, so that no true value changes."""
    rng, people, groups = world.rng(40), world.learners, world.groups
    flipped = groups.flipped[people.group]
    named = [(person.given, person.family) for person in people.people]
    steady = ~people.ghost & (people.leaves > SESSIONS)
    twice = int(rng.choice(np.flatnonzero(steady & ~flipped & (world.iteration == 1))))
    others = np.flatnonzero(~groups.flipped & (groups.iteration == 1))
    second = int(others[others != people.group[twice]][0])
    idle = flipped & ~people.ghost & (people.level[:, 0, :3] == 0).all(axis=1) & (people.late[:, 0] == 0)
    target = np.flatnonzero(idle & steady) if (idle & steady).any() else np.flatnonzero(people.ghost)
    victims = [int(next((i for i in target if world.iteration[i] == it), target[0])) for it in (0, 1)]
    locked = _locked_out(world)
    absent = ~people.present & ~people.ghost[:, None] & (np.arange(1, SESSIONS + 1) < people.leaves[:, None])
    rows, cols = np.nonzero(absent)
    return Planted(
        homonyms_resolvable=tuple(i for i, n in enumerate(named) if n == names.RESOLVABLE),
        homonyms_unresolvable=tuple(i for i, n in enumerate(named) if n == names.UNRESOLVABLE),
        two_cohorts=(twice, second),
        repeated_hour=tuple(
            int(rng.choice(np.flatnonzero(steady & flipped & (world.iteration == i)))) for i in (0, 1)
        ),
        impersonated=tuple(
            (v, COURSES[world.iteration[v]].activity("video_a", 1).cmid) for v in dict.fromkeys(victims)
        ),
        mistyped=tuple(np.flatnonzero(steady & (rng.random(people.n) < 0.08)).tolist()),
        locked_out=tuple(locked.tolist()),
        overridden=tuple(
            int(np.flatnonzero(people.ghost & (world.iteration == i))[0])
            if (people.ghost & (world.iteration == i)).any()
            else int(np.flatnonzero((people.level[:, 0, 3] == 0) & flipped & (world.iteration == i))[0])
            for i in (0, 1)
        ),
        missing_sheets=tuple((int(np.flatnonzero(groups.iteration == i)[1]), 2) for i in (0, 1)),
        excused=tuple((int(i), int(s) + 1) for i, s in zip(rows, cols, strict=True) if (i + s) % 4 == 0),
    )


def _locked_out(world: World) -> np.ndarray:
    p, people = world.parameters, world.learners
    if not p.well:
        return np.flatnonzero(people.ghost)[:3]
    if not p.has("failed_logins"):
        return np.array([], dtype=int)
    drawn = world.rng(81).random(people.n) < LOCKED_SHARE
    return np.flatnonzero(drawn & (world.iteration == LOCKED_ITERATION) & ~people.ghost)


def staff() -> tuple[names.Person, ...]:
    """Return the six trainers, then the administrator."""
    made = names.people([*names.TRAINERS, names.ADMIN], np.random.default_rng(0))
    return tuple(
        names.Person(p.given, p.family, p.given, p.family, f"{p.username}@exemple-formation.fr", p.username)
        for p in made
    )


def new_log(world: World, language: str) -> Log:
    """Return an empty log that knows everyone: learners, then staff."""
    team = staff()
    learners = [person.full for person in world.learners.people]
    ids = [FIRST_LEARNER_ID + i for i in range(len(learners))]
    log = Log(language, learners + [person.full for person in team], ids)
    log.ids += [FIRST_STAFF_ID + i for i in range(len(team) - 1)] + [ADMIN_ID]
    return log


def as_someone(log: Log, world: World, learner: int) -> int:
    """Return the index of the administrator acting as a learner."""
    log.names.append(staff()[-1].full + log.word("as") + world.learners.people[learner].full)
    log.ids.append(FIRST_LEARNER_ID + learner)
    return len(log.names) - 1


def staff_rows(log: Log, world: World, course: Course, planted: Planted) -> None:
    """Add what staff do in a course: enrol, look around, mark, act as a learner; and who is unenrolled."""
    n, system, french = world.learners.n, log.word("system"), log.language == "fr"
    admin = n + len(names.TRAINERS)
    context = f"{log.word('course')}: {course.title}"
    user = "The user with id '"
    tail = f"' using the enrolment method 'manual' in the course with id '{course.id}'."
    released = int(course.released.timestamp())
    members = world.of_iteration(course.iteration)
    ids = np.array(log.ids)
    row = log.template(context, system, log.word("enrolled"), user, "' enrolled the user with id '", tail)
    log.add(row, released - 3 * DAY + 20 * np.arange(len(members)), admin, a=ids[members], other=members)
    gone = members[world.learners.withdrawn[members]]
    tail = tail.replace(" in the course", " from the course")
    row = log.template(context, system, log.word("unenrolled"), user, "' unenrolled the user with id '", tail)
    log.add(row, left_at(world)[gone], admin, a=ids[gone], other=gone)
    seen = "' viewed the 'url' activity with course module id '"
    for place in range(len(names.TRAINERS)):
        for session in range(1, SESSIONS + 1):
            video = course.activity("video_a", session)
            component = MODULES["video_a"][1 if french else 2]
            text = (f"{component}: {video.title}", component, log.word("viewed"), user, seen, "'.")
            at = released + (10 + 14 * (session - 1)) * DAY + 3 * HOUR + 700 * place
            log.add(log.template(*text), at, n + place, a=video.cmid)
    for learner, cmid in planted.impersonated:
        if world.iteration[learner] == course.iteration:
            video = next(a for a in course.activities if a.cmid == cmid)
            component = MODULES["video_a"][1 if french else 2]
            text = (f"{component}: {video.title}", component, log.word("viewed"), user, seen, "'.")
            start = int(world.groups.starts[world.learners.group[learner], 0])
            log.add(log.template(*text), start - DAY - 1234, as_someone(log, world, learner), a=cmid)
    _graded(log, world, course, user)


def _graded(log: Log, world: World, course: Course, user: str) -> None:
    took = world.of_iteration(course.iteration)
    took = took[world.learners.takes_summative[took]][:5]
    text = ("' updated the grade with id '", "' for the user with id '", "' for the grade item with id '77'.")
    context = f"{log.word('course')}: {course.title}"
    row = log.template(context, log.word("system"), log.word("graded"), user, *text)
    at = world.groups.ends[world.learners.group[took], -1] + 3 * DAY
    trainer = world.learners.n + world.groups.trainer[world.learners.group[took]]
    log.add(row, at, trainer, a=5500 + took, b=np.array(log.ids)[took], other=took)


def left_at(world: World) -> np.ndarray:
    """Return when each learner was unenrolled, 36 h after the last session attended; -1: never."""
    people = world.learners
    last = np.maximum(people.leaves - 2, 0)
    at = world.groups.ends[people.group, np.minimum(last, SESSIONS - 1)] + 36 * HOUR
    return np.where(people.withdrawn, at, -1)


def odd_rows(log: Log, course: Course, planted: Planted) -> None:
    """Add a page read twice at 02:30, once on each side of the clock change, and a double click."""
    who = planted.repeated_hour[course.iteration]
    page = course.activity("page", 2)
    component = MODULES["page"][1 if log.language == "fr" else 2]
    view = "' viewed the 'page' activity with course module id '"
    context = f"{component}: {page.title}"
    row = log.template(context, component, log.word("viewed"), "The user with id '", view, "'.")
    first, second = (int(at.timestamp()) for at in repeated_hour(course.iteration))
    log.add(row, np.array([first, second, second + 1]), who, a=page.cmid)


def site_rows(log: Log, world: World, course: Course, actions: Actions, planted: Planted) -> None:
    """Add the site log's own rows: logins of the last weeks it keeps, and logins that failed."""
    system, rng = log.word("system"), world.rng(50 + course.iteration)
    begin = int(course.released.timestamp())
    until = int(site_log_until(world, course).timestamp())
    logins = (actions.what == LOGIN) & (actions.at >= begin) & (actions.at < until)
    logins &= world.iteration[actions.learner] == course.iteration
    row = log.template(system, system, log.word("logged_in"), "The user with id '", "' has logged in.")
    log.add(row, actions.at[logins], actions.learner[logins])
    if world.parameters.well:  # the first row of a log that goes back before anybody was enrolled
        log.add(log.template(system, system, log.word("login_failed"), NOBODY_TRIED), begin - 4 * DAY, -1)
    for learners, locked in ((planted.mistyped, False), (planted.locked_out, True)):
        for learner in learners:
            if world.iteration[learner] == course.iteration:
                _fail(log, row, world, learner, begin, int(rng.integers(DAY, 14 * DAY)), locked)


def site_log_until(world: World, course: Course) -> dt.datetime:
    """Return up to when the site kept its log: some weeks, or all of the programme where all is well."""
    return course.exported if world.parameters.well else course.released + dt.timedelta(days=SITE_LOG_DAYS)


def _fail(log: Log, ok: int, world: World, learner: int, begin: int, when: int, locked: bool) -> None:
    system, failed = log.word("system"), log.word("login_failed")
    username = world.learners.people[learner].username
    wrong = f"Login failed for user '{username}'. Most likely the password did not match (error ID '3')."
    shut = f"Login failed for user '{username}'. User is locked out (error ID '4')."
    row = log.template(system, system, failed, wrong)
    times = [begin + when] + ([begin + when + 40, begin + when + 95] if locked else [])
    log.add(row, np.array(times), -1)
    if locked:
        log.add(log.template(system, system, failed, shut), begin + when + 130, -1)
    else:
        log.add(ok, begin + when + 60, learner)
