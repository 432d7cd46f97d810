"""What each kind of export gives: tables, and the levels of consultation it can tell.

`tests/test_indicator_dictionary.py` holds this to what the readers give on real files.
"""

from __future__ import annotations

from dataclasses import dataclass

from flipstats.schema import LEVELS, TABLES


@dataclass(frozen=True, slots=True)
class Gives:
    """What one kind of export gives.

    Attributes
    ----------
    tables : frozenset of str
        Tables of the schema it fills, besides the roster; ``course_completions`` fill ``enrolments``.
    levels : tuple of str
        Levels of consultation it can tell.
    every_resource : bool
        Whether it tells these levels of every resource, or of each only what its completion rule means.
    traces : tuple of str
        What few exports tell, and it does, at least of some: verbs of events, "items" of assessments,
        "durations" of activities, the "share_seen" of resources, "failed_logins" and whose ("login_names").
    """

    tables: frozenset[str] = frozenset()
    levels: tuple[str, ...] = ()
    every_resource: bool = True
    traces: tuple[str, ...] = ()


def _gives(
    *tables: str,
    levels: tuple[str, ...] = (),
    every_resource: bool = True,
    traces: tuple[str, ...] = (),
) -> Gives:
    return Gives(frozenset(tables), levels, every_resource, traces)


_EVERY_TRACE = ("downloaded", "items", "durations", "share_seen", "failed_logins", "login_names")
GIVES: dict[str, Gives] = {
    "moodle_log": _gives("events", levels=("opened",), traces=("downloaded", "failed_logins")),
    "moodle_logstore": _gives("events", levels=("opened",), traces=("downloaded", "failed_logins")),
    "moodle_completion": _gives("events", levels=LEVELS, every_resource=False),
    "moodle_course_completion": _gives("course_completions"),
    "moodle_gradebook": _gives("attempts"),
    "moodle_quiz": _gives("attempts", traces=("items",)),
    "moodle_attendance": _gives("attendance"),
    "moodle_feedback": _gives("feedback"),
    "moodle_webservice": _gives("events", "attempts"),
    "moodle_participants": _gives(),
    "moodle_modules": _gives(),
    "moodle_users": _gives(),
    "xapi": _gives(
        "events", "attempts", levels=LEVELS, traces=("downloaded", "items", "durations", "share_seen")
    ),
    "openedx_log": _gives("events", "attempts", levels=LEVELS, traces=("durations", "share_seen")),
    "openedx_grades": _gives("attempts"),
    "oulad": _gives("events", "attempts", levels=("opened",)),
    "teams_attendance": _gives("attendance"),
    "teams_graph": _gives("attendance"),
    "zoom": _gives("attendance"),
    "google_meet": _gives("attendance"),
    "bigbluebutton_json": _gives("attendance", "attempts", "feedback", traces=("items",)),
    "bigbluebutton_csv": _gives("attendance", "feedback"),
    "edusign": _gives("attendance"),
    "wooclap": _gives("attempts", "feedback", traces=("items",)),
    "kahoot": _gives("attempts", "feedback", traces=("items",)),
    "google_forms": _gives("attempts", "feedback", traces=("items",)),
    "ics": _gives(),
    "sheet": _gives(
        "attendance",
        "attempts",
        "events",
        "feedback",
        "contacts",
        "adaptations",
        levels=LEVELS,
        traces=("durations", "share_seen"),
    ),
    "canonical": _gives(*TABLES, levels=LEVELS, traces=_EVERY_TRACE),
}

# Formats whose labels were seen in no real file, in these languages (None: in any). Where a reader has a
# notice of its own, it stands instead of the general one; docs/sources.md says how sure each format is.
UNCONFIRMED: dict[str, tuple[str, ...] | None] = {
    "teams_attendance": ("fr",),
    "zoom": None,
    "google_meet": None,
    "edusign": None,
    "wooclap": None,
    "google_forms": None,
}
OWN_NOTICE = {("teams_attendance", "fr"), ("zoom", "fr"), ("wooclap", None)}
