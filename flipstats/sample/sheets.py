"""Write what a person would have corrected: the study file, the four sheets, the mappings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from flipstats.build.sheets import write_sheet
from flipstats.sample.feedback import AT, COMMENT, RATINGS, SCALE, WHO
from flipstats.sample.moodle_reports import MAXIMUM
from flipstats.sample.planted import site_log_until, staff
from flipstats.sample.programme import (
    COURSES,
    LONG_MIN,
    LONG_VIDEO,
    PARIS,
    REMOTE_SESSION,
    SESSIONS,
    SITES,
    Activity,
    Course,
)
from flipstats.sample.world import World

_ROLES = {"positioning": "positioning", "quiz": "pre_quiz", "start": "start", "summative": "summative"}
_KINDS = {"video_a": "video", "video_b": "video", "quiz": "quiz", "page": "page", "support": "file"}
_VIDEO_MAPPING = """# How to read the report of the video platform: one line a viewer and video.
format: video_report
read: {kind: csv, encoding: [utf-8-sig], delimiter: ";", header_row: auto}
timezone: UTC
table: events
learner: {email: "Viewer e-mail"}
resource: {title: "Video", kind: video}
traces: [opened, substantial, completed]
fields:
  at: {column: "Last viewed (UTC)", format: "%Y-%m-%d %H:%M:%S"}
  progress: {column: "Watched (%)", type: percent}
  seconds: {column: "Watched (s)", type: int}
"""
_SHEET_MAPPING = """# How to read the attendance sheets of the training-management tool.
format: emargement
read: {kind: csv, encoding: [utf-8-sig, cp1252], delimiter: ";", decimal: ",", header_row: auto}
locale: fr_FR
timezone: Europe/Paris
table: attendance
learner: {email: "E-mail", family_name: "Nom", given_name: "Prénom"}
session:
  key: ["N° session", "Date", "Demi-journée"]
  title: "Intitulé"
  start: {date: "Date", time: "Heure début", format: "%d/%m/%Y %H:%M"}
  end: {date: "Date", time: "Heure fin", format: "%d/%m/%Y %H:%M"}
fields:
  status: {column: "Présence", map: {Présent: present, Absent: absent, "Absent justifié": excused}}
  late_minutes: {column: "Retard (min)", type: int, missing: ""}
  hours_done: {column: "Heures réalisées", type: decimal}
  signed_at: {column: "Signé le", format: "%d/%m/%Y à %Hh%M"}
"""
_SATISFACTION_MAPPING = f"""# How to read the satisfaction sheets of that tool: one line an answer.
format: satisfaction
read: {{kind: csv, encoding: [utf-8-sig, cp1252], delimiter: ";", header_row: auto}}
locale: fr_FR
timezone: Europe/Paris
table: feedback
learner: {{email: "{WHO}"}}
fields:
  at: {{column: "{AT}", format: "%d/%m/%Y %H:%M"}}
  ratings:
    columns: [{", ".join(f'"{label}"' for label in RATINGS)}]
    scale_max: {SCALE}
  comments: ["{COMMENT}"]
"""


# What the two iterations really differ by, see `programme`; minutes and hours are as such teams report them.
_CHANGES = (
    {
        "iteration": 2,
        "date": "2024-09-02",
        "what": f"Séance {LONG_VIDEO[1]} : la vidéo de {LONG_MIN} minutes cède à une capsule courte",
    },
)
_ACTIVE_MIN = {"flipped": 140, "conventional": 55}
_PREPARATION_H = {"flipped": (31.0, 19.0), "conventional": (11.0, 9.5)}  # first iteration, second


def write_sheets(world: World, folder: Path, written: dict[int, dict[str, list[str]]]) -> None:
    """Write `study.toml`, the sheets, the journals and the mappings into `folder`.

    Parameters
    ----------
    written : dict
        For each iteration, the names of the exports by kind.
    """
    lang = world.parameters.language
    write_sheet(folder, "cohorts", _cohorts(world), lang)
    write_sheet(folder, "sessions", _sessions(world), lang)
    write_sheet(folder, "resources", _resources(world), lang)
    write_sheet(folder, "assessments", _assessments(written), lang)
    write_sheet(folder, "changes", _CHANGES if world.parameters.has("long_video") else (), lang)
    write_sheet(folder, "workload", _workload(world), lang)
    (folder / "study.toml").write_text(_study_file(world, written), encoding="utf-8", newline="")
    mappings = {"emargement": _SHEET_MAPPING, "satisfaction": _SATISFACTION_MAPPING, "video": _VIDEO_MAPPING}
    (folder / "mappings").mkdir(exist_ok=True)
    for name, text in mappings.items():
        (folder / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8", newline="")


def _shown(at: dt.datetime) -> str:
    return f"{at.astimezone(PARIS):%Y-%m-%d %H:%M}"


def _stamp(at: int) -> str:
    return _shown(dt.datetime.fromtimestamp(int(at), PARIS))


def _cohorts(world: World) -> list[dict[str, object]]:
    groups, team = world.groups, staff()
    return [
        {
            "cohort": name,
            "title": f"{COURSES[groups.iteration[g]].title}, groupe {groups.number[g] + 1}",
            "moodle_group": name,
            "arm": "flipped" if groups.flipped[g] else "conventional",
            "iteration": int(groups.iteration[g]) + 1,
            "trainer": team[groups.trainer[g]].full,
            "site": SITES[g % len(SITES)],
            "starts": _shown(COURSES[groups.iteration[g]].released),
            "ends": _shown(COURSES[groups.iteration[g]].ended),
        }
        for g, name in enumerate(groups.name)
    ]


def _sessions(world: World) -> list[dict[str, object]]:
    groups = world.groups
    return [
        {
            "cohort": name,
            "number": s + 1,
            "title": f"Séance {s + 1}",
            "starts": _stamp(groups.starts[g, s]),
            "ends": _stamp(groups.ends[g, s]),
            "modality": "remote" if s + 1 == REMOTE_SESSION else "room",
            "format": "flipped_actor" if groups.flipped[g] else "conventional",
            "kind": "session",
            "active": _ACTIVE_MIN["flipped" if groups.flipped[g] else "conventional"] + 10 * (s % 3),
            "remediation": 20 if groups.flipped[g] else 10,
        }
        for g, name in enumerate(groups.name)
        for s in range(SESSIONS)
    ]


def _workload(world: World) -> list[dict[str, object]]:
    groups, team = world.groups, staff()
    return [
        {
            "cohort": name,
            "trainer": team[groups.trainer[g]].full,
            "preparation_h": _PREPARATION_H["flipped" if groups.flipped[g] else "conventional"][
                groups.iteration[g]
            ],
            "taught_h": sum(int(e - s) for s, e in zip(groups.starts[g], groups.ends[g], strict=True)) / 3600,
        }
        for g, name in enumerate(groups.name)
    ]


def _resources(world: World) -> list[dict[str, object]]:
    rows = []
    for course in world.courses:
        members = np.flatnonzero(world.groups.iteration == course.iteration)
        cohorts = "|".join(world.groups.name[g] for g in members)
        rows += [_resource(a, course, cohorts) for a in course.activities if a.slot in _KINDS]
    return rows


def _resource(activity: Activity, course: Course, cohorts: str) -> dict[str, object]:
    after = activity.slot == "support"
    return {
        "cmid": activity.cmid,
        "title": activity.title,
        "kind": _KINDS[activity.slot],
        "prepares": activity.session,
        "phase": "post" if after else "pre",
        "mandatory": "no" if activity.slot in {"page", "support"} else "yes",
        "minutes": activity.minutes,
        "completion": "grade" if activity.slot == "quiz" else "view",
        "released": _shown(course.released),
        "traced": "yes",
        "cohorts": cohorts,
    }


def _assessments(written: dict[int, dict[str, list[str]]]) -> list[dict[str, object]]:
    rows = []
    for course in COURSES:
        tests = [a for a in course.activities if a.slot in _ROLES]
        for activity, file in zip(tests, written[course.iteration]["quizzes"], strict=True):
            rows.append(
                {
                    "file": file,
                    # One test in both iterations: the year of the course is no part of its name.
                    "title": activity.title.rsplit(" (", 1)[0],
                    "role": _ROLES[activity.slot],
                    "session": activity.session,
                    "maximum": MAXIMUM[activity.slot],
                    "due": None,
                }
            )
    return rows


def _study_file(world: World, written: dict[int, dict[str, list[str]]]) -> str:
    last = COURSES[-1].exported
    lines = [
        "[programme]",
        'id = "secinc"',
        'title = "Sécurité incendie"',
        'timezone = "Europe/Paris"',
        f'language = "{world.parameters.language}"',
        f"as_of = {last:%Y-%m-%dT%H:%M:%S}",
        "",
        "[design]",
        'assignment = "nonrandom"',
        'treated = "flipped"',
        'control = "conventional"',
        'cluster = "cohort_id"',
        'primary = "summative"',
        'adjust = ["positioning"]',
        'completion_rule = "summative_passed"',
        "",
        "[calendar]",
        'country = "FR"',
        "",
        "[privacy]",
        "staff = [" + ", ".join(f'"{person.email}"' for person in staff()) + "]",
    ]
    for course in COURSES:
        for kind, names in written[course.iteration].items():
            if kind == "teams":  # one line of the study file stands for all the meetings of an iteration
                names = [f"Classe virtuelle, groupe {course.released.year}-*.csv"]
            for name in names:
                lines += ["", "[[sources]]", f'file = "exports/{name}"', *_source(kind, course, world)]
    return "\n".join(lines) + "\n"


def _source(kind: str, course: Course, world: World) -> list[str]:
    zone = ['timezone = "Europe/Paris"']
    until = [f"covers_to = {course.exported:%Y-%m-%dT%H:%M:%S}"]
    since = [f"covers_from = {course.released - dt.timedelta(days=7):%Y-%m-%dT%H:%M:%S}"]
    if kind == "site_log":
        opens = course.released - dt.timedelta(days=7 if world.parameters.well else 0)
        kept = site_log_until(world, course)
        return [
            *zone,
            f"covers_from = {opens:%Y-%m-%dT%H:%M:%S}",
            f"covers_to = {kept:%Y-%m-%dT%H:%M:%S}",
        ]
    if kind == "videos":
        return ['timezone = "UTC"', 'mapping = "mappings/video.yaml"', *since, *until]
    if kind == "attendance_sheet":
        return [*zone, 'mapping = "mappings/emargement.yaml"']
    if kind == "satisfaction":
        return [*zone, 'mapping = "mappings/satisfaction.yaml"']
    if kind == "teams":
        return [*zone, f'date_order = "{"month" if course.language == "en" else "day"}_first"']
    if kind in {"log", "progress"}:
        return [*zone, *until]
    return zone
