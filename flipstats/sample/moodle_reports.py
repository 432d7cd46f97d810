"""Write Moodle's other reports: participants, activity completion, course completion, quiz grades."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from flipstats.sample.actions import IN_PROGRESS, NOT_GRADED, Attempts
from flipstats.sample.moodle_log import line
from flipstats.sample.names import Person
from flipstats.sample.parameters import PASS_POINTS, Parameters
from flipstats.sample.planted import FIRST_LEARNER_ID, Planted, staff
from flipstats.sample.programme import BLOCKING, COURSES, PARIS, Activity, Course
from flipstats.sample.world import World

_BOM = "\ufeff"
_FR_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_EN_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
STATES = {  # (view rule or plain grade, pass grade reached, pass grade missed, not yet, set by)
    "fr": (
        "Terminé",
        "Terminé (note minimale de réussite atteinte)",
        "Terminé (n’a pas atteint la note minimale de réussite)",
        "Pas terminé",
        "Terminé (défini par {who})",
    ),
    "en": (
        "Completed",
        "Completed (achieved pass grade)",
        "Completed (did not achieve pass grade)",
        "Not completed",
        "Completed (set by {who})",
    ),
}
_QUIZ = {
    "fr": ("Nom", "Prénom", "Adresse de courriel", "État", "Commencé le", "Terminé", "Temps utilisé", "Note"),
    "en": ("Last name", "First name", "Email address", "Status", "Started", "Completed", "Duration", "Grade"),
}
_QUIZ_STATES = {
    "fr": ("Terminé", "En cours", "Jamais envoyée", "Terminé", "Pas encore évalué", "Nécessite évaluation"),
    "en": ("Finished", "In progress", "Never submitted", "Finished", "Not yet graded", "Requires grading"),
}
MAXIMUM = {"positioning": 20, "quiz": 10, "start": 10, "summative": 20}
BLOCKED_SHARE = 0.75  # of attempts that fail the blocking question
ITEMS = {"positioning": 4, "quiz": 5, "start": 5, "summative": 5}


def _stamp(at: int) -> str:
    return dt.datetime.fromtimestamp(at, PARIS).strftime("%Y-%m-%d %H:%M:%S")


def write_participants(world: World, course: Course, planted: Planted, folder: Path) -> str:
    """Write the list of participants, staff among them, and return the file's name."""
    name = f"courseid_{course.id}_participants.csv"
    header = (
        ("Prénom", "Nom", "Adresse de courriel", "Groupes")
        if course.language == "fr"
        else ("First name", "Last name", "Email address", "Groups")
    )
    members = world.of_iteration(course.iteration)
    # A platform that shows account names there lets failed logins be told to people.
    account = world.parameters.well
    word = "Nom d'utilisateur" if course.language == "fr" else "Username"
    rows = [line((*header, word) if account else header)]
    for i in members.tolist():
        groups = [world.groups.name[world.learners.group[i]]]
        if i == planted.two_cohorts[0]:
            groups.append(world.groups.name[planted.two_cohorts[1]])
        person = world.learners.people[i]
        own = (person.username,) if account else ()
        rows.append(line((person.given, person.family, person.email, ", ".join(groups), *own)))
    for place, person in enumerate(staff()):
        taught = (world.groups.iteration == course.iteration) & (world.groups.trainer == place)
        groups = [world.groups.name[g] for g in np.flatnonzero(taught)]
        own = (person.username,) if account else ()
        rows.append(line((person.given, person.family, person.email, ", ".join(groups), *own)))
    (folder / name).write_text(_BOM + "\n".join(rows) + "\n", encoding="utf-8", newline="")
    return name


def tracked(course: Course) -> list[Activity]:
    """Return the activities whose completion Moodle follows."""
    return [a for a in course.activities if a.slot != "start"]


def write_progress(world: World, course: Course, done: dict, planted: Planted, folder: Path) -> str:
    """Write activity completion: plain UTF-8 in French, for Excel (UTF-16, tabs) in English."""
    name = f"progress.{course.short.lower()}.csv"
    excel = course.language == "en"
    separator, encoding = ("\t", "utf-16-le") if excel else (",", "utf-8")
    with (folder / name).open("wb") as out:
        out.write((_BOM if excel else "").encode(encoding))
        for cells in _progress_rows(world, course, done, planted):
            quoted = ['"' + c.replace('"', "'") + '"' for c in cells]
            quoted[0] = "" if cells[0] == "" else quoted[0]
            out.write((separator.join(quoted) + "\n").encode(encoding))
    return name


def _progress_rows(world: World, course: Course, done: dict, planted: Planted) -> Iterator[list[str]]:
    plain, passed, missed, not_yet, set_by = STATES[course.language]
    activities = tracked(course)
    yield ["", "Adresse de courriel" if course.language == "fr" else "Email address"] + [
        text for activity in activities for text in (activity.title, "")
    ]
    people = world.learners
    points = {"positioning": people.baseline_points, "summative": people.summative_points}
    page = course.activity("page", 1).cmid
    for i in world.of_iteration(course.iteration).tolist():
        cells = [people.people[i].full, people.people[i].email]
        for activity in activities:
            at = done.get((i, activity.cmid))
            state = not_yet if at is None else plain
            if at is not None and activity.slot in points:
                state = passed if points[activity.slot][i] >= PASS_POINTS else missed
            if i in planted.overridden and activity.cmid == page:
                state = set_by.format(who=staff()[0].full)
                at = int(world.groups.starts[people.group[i], 0]) - 7200
            cells += [state, "" if at is None else _stamp(at)]
        yield cells


def write_course_completion(world: World, course: Course, done: dict, folder: Path) -> str:
    """Write the course completion report, which bridges Moodle ids and addresses."""
    stamp = course.exported.astimezone(dt.UTC).strftime("%Y%m%d_%H%M")
    name = f"completion-{course.short.lower()}-{stamp}-comma_separated.csv"
    final = course.activity("summative")
    if course.language == "fr":
        header = (
            "ID",
            "Nom",
            "Adresse de courriel",
            final.title,
            f"{final.title} - Date d’achèvement",
            "Cours terminé",
        )
    else:
        header = (
            "ID",
            "Name",
            "Email address",
            final.title,
            f"{final.title} - Completion date",
            "Course complete",
        )
    _, passed, missed, not_yet, _ = STATES[course.language]
    rows, people = [line(header)], world.learners
    for i in world.of_iteration(course.iteration).tolist():
        at, person = done.get((i, final.cmid)), people.people[i]
        reached = at is not None and people.summative_points[i] >= PASS_POINTS
        state = not_yet if at is None else passed if reached else missed
        day = _stamp(at) if at is not None else ""
        complete = _stamp(at + 3600) if reached else ""
        rows.append(line((str(FIRST_LEARNER_ID + i), person.full, person.email, state, day, complete)))
    (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8", newline="")
    return name


def write_quiz(world: World, course: Course, activity: Activity, attempts: Attempts, folder: Path) -> str:
    """Write the grades report of one quiz; tests everyone owes also list who made no attempt."""
    french = course.language == "fr"
    name = f"{course.short}-{activity.title}-{'notes' if french else 'grades'}.csv"
    most, items = MAXIMUM[activity.slot], ITEMS[activity.slot]
    share = _number(most / items, french)
    *labels, grade = _QUIZ[course.language]
    header = [*labels, f"{grade}/{_number(most, french)}", *(f"Q. {k} /{share}" for k in range(1, items + 1))]
    rng = np.random.default_rng([world.parameters.seed, 60, activity.cmid])
    rows, marks = [line(header)], []
    kept = np.flatnonzero(attempts.cmid == activity.cmid)
    for k in kept.tolist():
        person = world.learners.people[attempts.learner[k]]
        cells, mark = _attempt(attempts, k, person, activity, world.parameters, rng, course.language)
        rows.append(line(cells))
        marks.append(mark)
    if activity.slot in {"positioning", "summative"}:
        tried = set(attempts.learner[kept].tolist())
        for i in world.of_iteration(course.iteration).tolist():
            if i not in tried:
                person = world.learners.people[i]
                rows.append(line([person.family, person.given, person.email] + ["-"] * (5 + items)))
    mean = np.nanmean(np.array(marks, dtype=float).reshape(-1, items + 1), axis=0)
    average = "Moyenne globale" if french else "Overall average"
    rows.append(line([average, "", "", "", "", "", "", *(_number(value, french) for value in mean)]))
    (folder / name).write_text(_BOM + "\n".join(rows) + "\n", encoding="utf-8", newline="")
    return name


def _attempt(attempts: Attempts, k: int, person: Person, activity: Activity, p: Parameters, rng, language):
    words, french = _QUIZ_STATES[language], language == "fr"
    most, items = MAXIMUM[activity.slot], ITEMS[activity.slot]
    state, points = int(attempts.state[k]), float(attempts.points[k])
    begun, ended = int(attempts.started[k]), int(attempts.submitted[k])
    cells = [person.family, person.given, person.email, words[state], _moment(begun, french)]
    nothing = [float("nan")] * (items + 1)
    if ended < 0 or state == IN_PROGRESS:
        return [*cells, "-", "-", "-", *["-"] * items], nothing
    cells += [_moment(ended, french), _duration(ended - begun, french)]
    if state == NOT_GRADED:
        given = [_number(most / items, french)] * (items - 1)
        return [*cells, words[4], *given, words[5]], nothing
    shown = marks_of(activity, p, points, rng)
    return [*cells, *(_number(value, french) for value in shown)], shown


def marks_of(activity: Activity, p: Parameters, points: float, rng: np.random.Generator) -> list[float]:
    """Return the mark of an attempt and those of its items; who stumbles over the blocking one loses it."""
    most, items = MAXIMUM[activity.slot], ITEMS[activity.slot]
    marks = _split(points, most, items, 0.0 if p.well else 0.6, rng)
    iteration, session, slot, item = BLOCKING
    if p.has("blocking_question") and activity.cmid == COURSES[iteration].activity(slot, session).cmid:
        marks[item - 1] *= rng.random() >= BLOCKED_SHARE
        return [sum(marks), *marks]
    return [points, *marks]


def _split(points: float, most: int, items: int, harder: float, rng: np.random.Generator) -> list[float]:
    """Share a mark among items, the later ones being the `harder`."""
    each, left = most / items, points
    marks = [0.0] * items
    for item in np.argsort(np.arange(items) * harder + rng.normal(0, 1, items), kind="stable").tolist():
        marks[item] = min(each, left)
        left -= marks[item]
    return marks


def _number(value: float, french: bool) -> str:
    if value != value:
        return "-"
    text = f"{value:.2f}"
    return text.replace(".", ",") if french else text


def _moment(at: int, french: bool) -> str:
    when = dt.datetime.fromtimestamp(at, PARIS)
    if french:
        return f"{when.day} {_FR_MONTHS[when.month - 1]} {when.year}  {when:%H:%M}"
    return f"{when.day} {_EN_MONTHS[when.month - 1]} {when.year}  {when.hour % 12 or 12}:{when:%M %p}"


def _duration(seconds: int, french: bool) -> str:
    units = (
        (("jour", "jours"), ("heure", "heures"), ("min", "min"), ("s", "s"))
        if french
        else (("day", "days"), ("hour", "hours"), ("min", "mins"), ("sec", "secs"))
    )
    parts = []
    for size, (one, many) in zip((86400, 3600, 60, 1), units, strict=True):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return " ".join(parts[:2]) or ("0 s" if french else "0 secs")
