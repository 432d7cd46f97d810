"""What does not change from one draw to the next: courses, activities, staff, days and hours."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
SESSIONS = 4
ROOM_SESSIONS, REMOTE_SESSION = (1, 2, 4), 3
MANDATORY = ("video_a", "video_b", "quiz")  # of every flipped session, in the order they are taken
PREPARATION = (*MANDATORY, "page")  # the page is optional
LONG_VIDEO = (0, 3, "video_b")  # iteration, session, slot: abandoned
LONG_MIN = 28
BLOCKING = (1, 2, "quiz", 3)  # iteration, session, slot, item (from 1): failed, where that is planted
HOSTILE_PAGE = (1, 2, "page")
HOSTILE_TITLE = "=HYPERLINK(A1) <script>alert(1)</script> & consignes"
SITES = ("Lyon", "Nantes", "Lille")
# module type in Moodle; French then English name of the type
MODULES = {
    "video_a": ("url", "URL", "URL"),
    "video_b": ("url", "URL", "URL"),
    "quiz": ("quiz", "Test", "Quiz"),
    "page": ("page", "Page", "Page"),
    "support": ("resource", "Fichier", "File"),
    "start": ("quiz", "Test", "Quiz"),
    "positioning": ("quiz", "Test", "Quiz"),
    "summative": ("quiz", "Test", "Quiz"),
}
_TOPICS = ("le triangle du feu", "les classes de feu", "l’évacuation", "les extincteurs")
_VIDEOS = (
    ("Capsule vidéo : le triangle du feu", "Capsule vidéo : donner l’alerte"),
    ("Capsule vidéo : les classes de feu", "Capsule vidéo : les agents extincteurs"),
    ("Capsule vidéo : guides et serre-files", "Capsule vidéo : exercice d’évacuation filmé"),
    ("Capsule vidéo : manier un extincteur", "Capsule vidéo : le permis de feu"),
)
_MINUTES = ((8, 6), (7, 9), (10, 9), (6, 8))
_RELEASES = (dt.date(2023, 10, 2), dt.date(2024, 9, 30))


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity of a Moodle course."""

    slot: str
    session: int | None
    cmid: int
    title: str
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """One iteration of the programme, as a Moodle course."""

    iteration: int
    id: int
    short: str
    title: str
    language: str
    released: dt.datetime
    ended: dt.datetime
    exported: dt.datetime
    activities: tuple[Activity, ...]

    def activity(self, slot: str, session: int | None = None) -> Activity:
        """Return the activity in `slot` of `session`."""
        return next(a for a in self.activities if a.slot == slot and a.session == session)


def local(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    """Return a local time of Paris."""
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


def _activities(iteration: int, *, long_video: bool = True) -> tuple[Activity, ...]:
    base, year = 300 + 100 * iteration, 2023 + iteration
    mark = f" ({year})"
    made = [Activity("positioning", None, base + 1, "Test de positionnement" + mark)]
    for session in range(1, SESSIONS + 1):
        topic, cmid = _TOPICS[session - 1], base + 10 * session
        for place, slot in enumerate(("video_a", "video_b")):
            is_long = long_video and (iteration, session, slot) == LONG_VIDEO
            minutes = LONG_MIN if is_long else _MINUTES[session - 1][place]
            title = _VIDEOS[session - 1][place] + mark
            made.append(Activity(slot, session, cmid + place, title, minutes))
        page = HOSTILE_TITLE if (iteration, session, "page") == HOSTILE_PAGE else f"Lecture : {topic}{mark}"
        made += [
            Activity("quiz", session, cmid + 2, f"Quiz de préparation, séance {session}{mark}"),
            Activity("page", session, cmid + 3, page),
            Activity("start", session, cmid + 4, f"Quiz de début, séance {session}{mark}"),
            Activity("support", session, cmid + 5, f"Support de séance {session}{mark}"),
        ]
    made.append(Activity("summative", None, base + 60, "Évaluation finale" + mark))
    return tuple(made)


COURSES = tuple(
    Course(
        iteration=i,
        id=41 + i,
        short=f"SECINC-{2023 + i}",
        title=f"Sécurité incendie {2023 + i}",
        language=("fr", "en")[i],
        released=local(release, 9),
        ended=local(release + dt.timedelta(days=74), 18),
        exported=local(dt.date(2023 + i, 12, 20), 9),
        activities=_activities(i),
    )
    for i, release in enumerate(_RELEASES)
)

COURSES_WELL = tuple(
    replace(course, activities=_activities(course.iteration, long_video=False)) for course in COURSES
)


def session_times(iteration: int, number: int) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return start and end of the sessions of the `number`-th group (from 0) of an iteration."""
    times = []
    for session in range(SESSIONS):
        day = _RELEASES[iteration] + dt.timedelta(days=14 * (session + 1) + number % 5)
        if (day.month, day.day) in {(11, 1), (11, 11)}:  # public holidays
            day += dt.timedelta(days=-1 if day.weekday() == 4 else 1)
        morning = number // 5 % 2 == 0
        begin, end = ((9, 0), (12, 30)) if morning else ((13, 30), (17, 0))
        times.append((local(day, *begin), local(day, *end)))
    return times


def repeated_hour(iteration: int) -> tuple[dt.datetime, dt.datetime]:
    """Return 02:30 twice: before and after the clocks went back in that autumn."""
    day = (dt.date(2023, 10, 29), dt.date(2024, 10, 27))[iteration]
    first = local(day, 2, 30)
    return first, first.replace(fold=1)
