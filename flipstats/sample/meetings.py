"""Write what tells who came: Teams reports of remote sessions, sheets signed in the room, a calendar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from flipstats.sample.names import Person, ascii_of
from flipstats.sample.planted import Planted, left_at, staff
from flipstats.sample.programme import PARIS, REMOTE_SESSION, ROOM_SESSIONS, Course
from flipstats.sample.world import World

_LATE_MIN = 20
_TEAMS = {
    "en": {
        "file": "{title} - Attendance report {day}.csv",
        "sections": ("1. Summary", "2. Participants", "3. In-Meeting Activities"),
        "summary": (
            "Meeting title",
            "Attended participants",
            "Start time",
            "End time",
            "Meeting duration",
            "Average attendance time",
        ),
        "people": (
            "Name",
            "First Join",
            "Last Leave",
            "In-Meeting Duration",
            "Email",
            "Participant ID (UPN)",
            "Role",
        ),
        "stays": ("Name", "Join Time", "Leave Time", "Duration", "Email", "Role"),
        "roles": ("Organizer", "Attendee"),
        "guest": "(Guest)",
    },
    "fr": {
        "file": "{title} - Rapport de présence {day}.csv",
        "sections": ("1. Résumé", "2. Participants", "3. Activités pendant la réunion"),
        "summary": (
            "Titre de la réunion",
            "Participants présents",
            "Heure de début",
            "Heure de fin",
            "Durée de la réunion",
            "Temps de présence moyen",
        ),
        "people": (
            "Nom",
            "Première participation",
            "Dernier départ",
            "Durée de la réunion",
            "E-mail",
            "ID du participant (UPN)",
            "Rôle",
        ),
        "stays": ("Nom", "Heure de participation", "Heure de départ", "Durée", "E-mail", "Rôle"),
        "roles": ("Organisateur", "Participant"),
        "guest": "(Invité)",
    },
}
SHEET_HEADER = (
    "N° session;Intitulé;Date;Demi-journée;Heure début;Heure fin;Nom;Prénom;E-mail;Présence;Retard (min);"
    "Heures réalisées;Signé le"
)
_VTIMEZONE = """BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE"""

Stay = tuple[Person, int, int]


def members(world: World, group: int, planted: Planted) -> list[int]:
    """Return the learners of a group, the one who is in two groups among them."""
    own = np.flatnonzero(world.learners.group == group).tolist()
    twice, second = planted.two_cohorts
    return [*own, twice] if group == second else own


def late_minutes(world: World) -> np.ndarray:
    """Return how many minutes late each learner is at each session, mostly 0."""
    rng = world.rng(70)
    late = rng.random(world.learners.present.shape) < 0.08
    return np.where(late, rng.integers(1, 5, late.shape) * 5, 0)


def write_teams(world: World, course: Course, planted: Planted, folder: Path) -> list[str]:
    """Write one Teams attendance report for each remote session of an iteration."""
    late, files = late_minutes(world), []
    for group in np.flatnonzero(world.groups.iteration == course.iteration).tolist():
        rng = np.random.default_rng([world.parameters.seed, 71, group])
        session = REMOTE_SESSION - 1
        start, end = int(world.groups.starts[group, session]), int(world.groups.ends[group, session])
        stays: list[Stay] = [(staff()[world.groups.trainer[group]], start - 312, end + 95)]
        for i in members(world, group, planted):
            if world.learners.present[i, session]:
                stays += _stays(world.learners.people[i], start, end, int(late[i, session]), rng)
        title = f"Classe virtuelle, groupe {world.groups.name[group]}, séance {REMOTE_SESSION}"
        files.append(_write_teams(title, start, stays, course.language, folder))
    return files


def _stays(person: Person, start: int, end: int, late: int, rng: np.random.Generator) -> list[Stay]:
    join = start + late * 60 + int(rng.integers(-240, 60))
    leave = end - int(rng.integers(0, 300)) + 60
    if rng.random() > 0.15:
        return [(person, join, leave)]
    cut = join + int((leave - join) * rng.uniform(0.2, 0.8))
    # On a second device before leaving the first: the two stays overlap.
    back = cut + int(rng.integers(-120, 240))
    return [(person, join, cut), (person, back, leave)]


def _write_teams(title: str, start: int, stays: list[Stay], language: str, folder: Path) -> str:
    words, french = _TEAMS[language], language == "fr"
    organiser, attendee = words["roles"]
    begin, finish = min(s[1] for s in stays), max(s[2] for s in stays)
    present = list(dict.fromkeys(person for person, _, _ in stays))
    summary = (
        title,
        str(len(present)),
        _teams_time(begin, french),
        _teams_time(finish, french),
        _teams_span(finish - begin, french),
        _teams_span(sum(b - a for _, a, b in stays) // len(present), french),
    )
    rows = [[words["sections"][0]], *map(list, zip(words["summary"], summary, strict=True)), []]
    rows += [[words["sections"][1]], list(words["people"])]
    for place, person in enumerate(present):
        own = [(a, b) for p, a, b in stays if p is person]
        first, last = min(a for a, _ in own), max(b for _, b in own)
        # Someone from outside the organisation is a guest: no address in this section.
        guest = person.email.endswith("@example.org")
        name = f"{person.full} {words['guest']}" if guest else person.full
        address = "" if guest else person.email
        span = _teams_span(_union(own), french)
        role = attendee if place else organiser
        times = [_teams_time(first, french), _teams_time(last, french)]
        rows.append([name, *times, span, address, address, role])
    rows += [[], [words["sections"][2]], list(words["stays"])]
    for person, a, b in stays:
        role = organiser if person is present[0] else attendee
        times = [_teams_time(a, french), _teams_time(b, french)]
        rows.append([person.full, *times, _teams_span(b - a, french), person.email, role])
    day = dt.datetime.fromtimestamp(start, PARIS)
    shown = f"{day:%d-%m-%y}" if french else f"{day.month}-{day.day}-{day:%y}"
    name = words["file"].format(title=title, day=shown)
    text = "\ufeff" + "".join("\t".join(row) + "\r\n" for row in rows)
    (folder / name).write_bytes(text.encode("utf-16-le"))
    return name


def _union(spans: list[tuple[int, int]]) -> int:
    total, reached = 0, 0
    for a, b in sorted(spans):
        total += max(0, b - max(a, reached))
        reached = max(reached, b)
    return total


def _teams_time(at: int, french: bool) -> str:
    when = dt.datetime.fromtimestamp(at, PARIS)
    if french:
        return f"{when:%d/%m/%Y %H:%M:%S}"
    return f"{when.month}/{when.day}/{when:%y}, {when.hour % 12 or 12}:{when:%M:%S %p}"


def _teams_span(seconds: int, french: bool) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, secs = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min" if french else "m"), (secs, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{n} {unit}" if french else f"{n}{unit}" for n, unit in parts)


def write_sheet(world: World, course: Course, planted: Planted, folder: Path) -> str:
    """Write the attendance sheets of the sessions held in a room, as their tool exports them."""
    name = f"emargement_{course.short}.csv"
    late, gone = late_minutes(world), left_at(world)
    rows = [SHEET_HEADER]
    for group in np.flatnonzero(world.groups.iteration == course.iteration).tolist():
        for session in ROOM_SESSIONS:
            if (group, session) not in planted.missing_sheets:
                start = int(world.groups.starts[group, session - 1])
                for i in members(world, group, planted):
                    if not 0 <= gone[i] <= start:
                        rows.append(_signature(world, group, session, i, int(late[i, session - 1]), planted))
    text = "\r\n".join(rows) + "\r\n"
    (folder / name).write_bytes(text.encode("cp1252"))
    return name


def _signature(world: World, group: int, session: int, i: int, late: int, planted: Planted) -> str:
    start = dt.datetime.fromtimestamp(int(world.groups.starts[group, session - 1]), PARIS)
    end = dt.datetime.fromtimestamp(int(world.groups.ends[group, session - 1]), PARIS)
    person, here = world.learners.people[i], bool(world.learners.present[i, session - 1])
    excused = (i, session) in planted.excused
    minutes = (end - start).seconds // 60 - late if here else 0
    hours = f"{minutes / 60:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    cells = (
        f"{world.groups.name[group]}-S{session}",
        "Sécurité incendie",
        f"{start:%d/%m/%Y}",
        "Matin" if start.hour < 12 else "Après-midi",
        f"{start:%H:%M}",
        f"{end:%H:%M}",
        _cp1252(person.latin_family).upper(),
        _cp1252(person.latin_given),
        # One organisation types addresses as it likes.
        person.email.title() if i % 17 == 5 else person.email,
        "Présent" if here else "Absent justifié" if excused else "Absent",
        str(late) if here and late else "",
        hours,
        f"{start:%d/%m/%Y à %Hh%M}" if here else "",
    )
    return ";".join(cells)


def _cp1252(text: str) -> str:
    """Return `text` as a tool that knows only Western letters keeps it."""
    return "".join(c if c.encode("cp1252", "ignore") else ascii_of(c) for c in text)


def write_calendar(world: World, course: Course, folder: Path) -> str:
    """Write the calendar of an iteration's sessions."""
    name = f"planning_{course.short}.ics"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Exemple Formation//Planning//FR",
        "CALSCALE:GREGORIAN",
    ]
    lines += _VTIMEZONE.split("\n")
    for group in np.flatnonzero(world.groups.iteration == course.iteration).tolist():
        for session, (start, end) in enumerate(
            zip(world.groups.starts[group], world.groups.ends[group], strict=True), 1
        ):
            place = "En ligne" if session == REMOTE_SESSION else "Salle de formation"
            lines += [
                "BEGIN:VEVENT",
                f"UID:{world.groups.name[group]}-S{session}@exemple-formation.fr",
                "DTSTAMP:20240902T080000Z",
                f"DTSTART;TZID=Europe/Paris:{_ics(start)}",
                f"DTEND;TZID=Europe/Paris:{_ics(end)}",
                f"SUMMARY:Sécurité incendie {world.groups.name[group]} - séance {session}",
                f"LOCATION:{place}",
                "END:VEVENT",
            ]
    lines.append("END:VCALENDAR")
    (folder / name).write_bytes(("\r\n".join(lines) + "\r\n").encode())
    return name


def _ics(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(int(at), PARIS):%Y%m%dT%H%M%S}"
