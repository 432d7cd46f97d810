"""Export files to checked tables, one file per source system.

A reader is a module with ``FORMAT`` and ``read(file, context) -> Reading``; `READERS` says where each format
is read, and `read` chooses by content where the format is not given.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from flipstats.errors import InputError, did_you_mean
from flipstats.i18n import Notice, t
from flipstats.readers.base import Account, Context, Reading
from flipstats.readers.detect import Detection, detect, recognised
from flipstats.readers.gives import OWN_NOTICE, UNCONFIRMED
from flipstats.readers.packed import plain

__all__ = ["READERS", "Account", "Context", "Detection", "Reading", "detect", "read"]

READERS = {
    "bigbluebutton_csv": "flipstats.readers.bigbluebutton_csv",
    "bigbluebutton_json": "flipstats.readers.bigbluebutton_json",
    "canonical": "flipstats.readers.canonical",
    "edusign": "flipstats.readers.edusign",
    "google_forms": "flipstats.readers.google_forms",
    "google_meet": "flipstats.readers.google_meet",
    "ics": "flipstats.readers.calendar_ics",
    "kahoot": "flipstats.readers.kahoot",
    "moodle_attendance": "flipstats.readers.moodle_attendance",
    "moodle_completion": "flipstats.readers.moodle_completion",
    "moodle_course_completion": "flipstats.readers.moodle_course_completion",
    "moodle_feedback": "flipstats.readers.moodle_feedback",
    "moodle_gradebook": "flipstats.readers.moodle_gradebook",
    "moodle_log": "flipstats.readers.moodle_log",
    "moodle_logstore": "flipstats.readers.moodle_logstore",
    "moodle_modules": "flipstats.readers.moodle_tables",
    "moodle_participants": "flipstats.readers.moodle_participants",
    "moodle_quiz": "flipstats.readers.moodle_quiz",
    "moodle_users": "flipstats.readers.moodle_tables",
    "moodle_webservice": "flipstats.readers.moodle_webservice",
    "openedx_grades": "flipstats.readers.openedx_grades",
    "openedx_log": "flipstats.readers.openedx_log",
    "oulad": "flipstats.readers.oulad",
    "sheet": "flipstats.readers.sheet",
    "teams_attendance": "flipstats.readers.teams",
    "teams_graph": "flipstats.readers.teams_graph",
    "wooclap": "flipstats.readers.wooclap",
    "xapi": "flipstats.readers.xapi",
    "zoom": "flipstats.readers.zoom",
}


def read(file: Path, context: Context | None = None, *, format: str = "auto") -> Reading:
    """Read one export into canonical tables and an account of every record.

    Parameters
    ----------
    file : Path
        A file, or a folder that is one export.
    context : Context, optional
        What the file cannot say itself: zone, cohort, mapping, order of day and month.
    format : str
        A key of `READERS`, or ``"auto"``: by content, a sheet where a mapping is given.

    Raises
    ------
    InputError
        The format is unknown or not certain, or the file is not what it is said to be.
    """
    file, context = Path(file), context or Context()
    if not file.exists():
        raise InputError(t("readers.no_such_file", file=file.name))
    if not (file.is_file() or file.is_dir()):  # a pipe would be waited for without end
        raise InputError(t("readers.no_plain_file", file=file.name))
    with plain(file) as unpacked:
        return _read(unpacked, context, format)


def _read(file: Path, context: Context, format: str) -> Reading:
    found = None
    if format == "auto" and context.mapping is not None:
        format = "sheet"
    if format == "auto":
        found = recognised(file, context.language)
        format = found.format or ""
    if format not in READERS:
        near = did_you_mean(format, READERS)
        hint = t("readers.format_nearest", format=near) if near else ""
        raise InputError(
            t("readers.format_unknown", format=format, hint=hint, formats=", ".join(READERS)).strip()
        )
    reading = import_module(READERS[format]).read(file, context)
    if found is not None:
        reading.confidence = found.confidence
        reading.language = reading.language or found.language
    return _with_doubt(reading, file)


def _with_doubt(reading: Reading, file: Path) -> Reading:
    """Say that the labels of a format were seen in no real file, where its reader does not say so itself."""
    form, language = reading.format, reading.language
    if form not in UNCONFIRMED or OWN_NOTICE & {(form, language), (form, None)}:
        return reading
    languages = UNCONFIRMED[form]
    if languages is None or language in languages:
        name = t(f"readers.format_{form}")
        reading.warnings.append(Notice("readers.unconfirmed", file=file.name, format=name))
    return reading
