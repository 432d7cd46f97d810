"""Day one: look at a folder of raw exports, and write the study file and the four sheets to correct."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from flipstats import readers
from flipstats.build.declared import slug
from flipstats.build.journals import JOURNALS
from flipstats.build.people import called
from flipstats.build.review import SHEET as REVIEW
from flipstats.build.sheets import SHEETS, normal, write_sheet
from flipstats.errors import DateOrderError, FlipstatsError, StudyFileError
from flipstats.i18n import t
from flipstats.readers.base import Context, Reading
from flipstats.readers.first_mapping import write_first_mapping
from flipstats.readers.packed import plain
from flipstats.readers.text import open_text
from flipstats.readers.workbook import is_workbook
from flipstats.studyfile import StudyFile

_KIND_OF = {
    "page": "page", "resource": "file", "url": "url", "book": "book", "quiz": "quiz", "h5pactivity": "h5p",
    "assign": "assignment", "forum": "forum", "scorm": "scorm", "feedback": "feedback",
    "bigbluebuttonbn": "virtual_class", "folder": "file",
}  # fmt: skip
_ROLE_WORDS = (
    ("positioning", ("positionnement", "positioning", "placement", "diagnostic")),
    ("delayed", ("differe", "a froid", "delayed")),
    ("start", ("debut de seance", "demarrage", "start of session", "warm-up", "entree en seance")),
    ("pre_quiz", ("prealable", "avant la seance", "pre-class", "preparation")),
    ("summative", ("final", "sommati", "summative", "examen", "exam", "certificat", "evaluation")),
)
_REMOTE = ("teams", "zoom", "bigbluebutton", "google_meet")
_MAPPINGS = "mappings"
_AM_PM = re.compile(r":\d\d\s*[ap]\.?m\b", re.IGNORECASE)
_NO_EXPORT = (".md", ".yaml", ".yml", ".toml", ".pdf")
_QUIZ_FORMATS = ("moodle_quiz", "bigbluebutton_json")
_SKIPPED = {f"{sheet}.csv" for sheet in (*SHEETS, *JOURNALS, REVIEW)} | {
    "study.toml",
    "flipstats.key",
    "CURRENT",
}


@dataclass(slots=True)
class Seen:
    """What the exports of a folder tell before anyone has corrected anything."""

    readings: list[tuple[Path, Reading]] = field(default_factory=list)
    mappings: dict[Path, str] = field(default_factory=dict)  # first mappings of sheets no reader knows
    orders: dict[Path, str] = field(default_factory=dict)  # of day and month, where the dates fit both
    refused: list[tuple[str, str]] = field(default_factory=list)


def init_study(folder: Path, lang: str, *, timezone: str | None = None) -> str:
    """Write `study.toml` and the four sheets into a folder of raw exports.

    Parameters
    ----------
    folder : Path
        The folder; exports may lie in folders inside it.
    lang : {"en", "fr"}
        The language of the sheets' headings.
    timezone : str, optional
        Zone of the times in the exports; by default Europe/Paris, marked in the file to be confirmed.

    Returns
    -------
    str
        What was found and what to correct, for the person.

    Raises
    ------
    StudyFileError
        There is no such folder, a study file or sheet is there already, or no export is recognised.
    """
    if not folder.is_dir():
        raise StudyFileError(t("init.no_folder", folder=folder))
    there = [name for name in sorted(_SKIPPED - {"flipstats.key", "CURRENT"}) if (folder / name).exists()]
    if there:
        raise StudyFileError(t("init.already", file=there[0], folder=folder))
    seen = look_at(folder, timezone or "Europe/Paris")
    if not seen.readings:
        raise StudyFileError(t("init.nothing", folder=folder))
    cohorts, sessions = _cohorts(seen), _sessions(seen, ZoneInfo(timezone or "Europe/Paris"))
    rows = {
        "cohorts": cohorts,
        "sessions": sessions,
        "resources": _resources(seen),
        "assessments": _assessments(seen),
    }
    for sheet in SHEETS:
        write_sheet(folder, sheet, rows[sheet], lang)
    for path, content in seen.mappings.items():
        (folder / _MAPPINGS).mkdir(exist_ok=True)
        (folder / _mapping_of(path)).write_text(content, encoding="utf-8")
    (folder / "study.toml").write_text(_study_file(folder, seen, lang, timezone), encoding="utf-8")
    counts = {sheet: len(rows[sheet]) for sheet in SHEETS}
    lines = [t("init.found", n=len(seen.readings)), *(f"  {p.name}: {r.format}" for p, r in seen.readings)]
    lines += [t("init.refused", file=name, problem=problem) for name, problem in seen.refused]
    lines += [t("init.mapped", file=p.name, mapping=_mapping_of(p)) for p in seen.mappings]
    lines += [t("init.order", file=p.name, order=t(f"init.{order}")) for p, order in seen.orders.items()]
    lines += [t("init.written", folder=folder, **counts), t("init.next", folder=folder)]
    return "\n".join(lines)


def look_at(folder: Path, timezone: str) -> Seen:
    """Detect and read every export of a folder; what is not recognised is listed, not lost."""
    seen = Seen()
    for path in _exports(folder):
        try:
            seen.readings.append((path, _read(path, Context(timezone=timezone), seen)))
        except FlipstatsError as problem:
            if not _mapped(path, timezone, seen):
                seen.refused.append((str(path.relative_to(folder)), str(problem).splitlines()[0]))
    return seen


def _mapped(path: Path, timezone: str, seen: Seen) -> bool:
    """Read a sheet no reader knows by its first mapping, for a person to confirm; say whether it can be."""
    try:
        if readers.detect(path).alternatives:  # an export, but not for certain: not a sheet of their own
            return False
        content = write_first_mapping(path)
        with tempfile.TemporaryDirectory() as folder:
            mapping = Path(folder) / "mapping.yaml"
            mapping.write_text(content, encoding="utf-8")
            reading = _read(path, Context(timezone=timezone, mapping=mapping), seen)
    except FlipstatsError:
        return False
    if not reading.tables or 2 * reading.account.kept < reading.account.read:
        return False
    seen.readings.append((path, reading))
    seen.mappings[path] = content
    return True


def _read(path: Path, context: Context, seen: Seen) -> Reading:
    """Read one export; where its dates fit both orders, in the likelier, for a person to confirm."""
    try:
        return readers.read(path, context)
    except DateOrderError:
        order = _likelier_order(path)
        reading = readers.read(path, replace(context, date_order=order))
        seen.orders[path] = order
        return reading


def _likelier_order(path: Path) -> str:
    """Guess who writes the day first, as most do, and who the month: those whose clocks have AM and PM."""
    with plain(path) as file:
        text = "" if is_workbook(file) else open_text(file).head()
    return "month_first" if _AM_PM.search(text) else "day_first"


def _exports(folder: Path) -> list[Path]:
    found = readers.detect(folder)
    if found.format is not None:
        return [folder]
    out = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "snapshots" for part in parts)
        if path.is_file() and not hidden and path.name not in _SKIPPED and path.suffix not in _NO_EXPORT:
            out.append(path)
    return out


def _cohorts(seen: Seen) -> list[dict]:
    groups = Counter(
        group
        for _, reading in seen.readings
        for group in reading.people.filter(pl.col("kind") == "group")["value"].to_list()
    )
    return [{"cohort": group, "title": group, "moodle_group": group} for group in sorted(groups)]


def _sessions(seen: Seen, zone: ZoneInfo) -> list[dict]:
    """Propose a session for each calendar entry, else for each meeting; the person says whose it is."""
    names = [row["cohort"] for row in _cohorts(seen)]
    rows: list[dict] = []
    members = _members(seen)
    for table in ("sessions", "meetings"):
        for _, reading in seen.readings:
            frame = reading.tables.get(table)
            if frame is None or "starts_at" not in frame.columns:
                continue
            for entry in frame.sort("starts_at").iter_rows(named=True):
                if entry["starts_at"] is None or entry.get("whole_day"):  # no planned time to propose
                    continue
                text = " ".join(str(value) for value in entry.values() if isinstance(value, str))
                named = (n for n in sorted(names, key=len, reverse=True) if normal(n) in normal(text))
                cohort = next(named, None) or _met(reading, entry.get("meeting"), members)
                cohort = cohort or (names[0] if len(names) == 1 else None)
                rows.append(
                    {
                        "cohort": cohort,
                        "title": entry.get("title"),
                        "starts": _local(entry["starts_at"], zone),
                        "ends": _local(entry.get("ends_at"), zone),
                        "modality": "remote"
                        if table == "meetings" and reading.format.startswith(_REMOTE)
                        else None,
                        "kind": "session",
                    }
                )
        if rows:
            break
    counts: Counter[str | None] = Counter()
    for row in rows:
        counts[row["cohort"]] += 1
        row["number"] = counts[row["cohort"]]
    return rows


def _members(seen: Seen) -> dict[str, set[str]]:
    """Return the groups of each address and name."""
    found: dict[str, set[str]] = defaultdict(set)
    for _, reading in seen.readings:
        people = reading.people
        groups = people.filter(pl.col("kind") == "group").select("person", group="value")
        for kind, value, group in (
            people.join(groups, on="person").select("kind", "value", "group").iter_rows()
        ):
            if kind in ("email", "name"):
                found[value.casefold() if kind == "email" else called(value)].add(group)
    return found


def _met(reading: Reading, meeting: str | None, members: dict[str, set[str]]) -> str | None:
    """Return the group that more than half of those who were in a meeting are of."""
    there = reading.tables.get("attendance")
    if meeting is None or there is None or "meeting" not in there.columns:
        return None
    came = there.filter(pl.col("meeting") == meeting)["person"].unique()
    votes: Counter[str] = Counter()
    for person in came:
        own = reading.people.filter(pl.col("person") == person).select("kind", "value")
        said = [value.casefold() if kind == "email" else called(value) for kind, value in own.iter_rows()]
        votes.update(set().union(*(members.get(each, ()) for each in said)))
    best, n = max(votes.items(), key=lambda vote: (vote[1], vote[0]), default=(None, 0))
    return best if 2 * n > len(came) else None


def _local(when: dt.datetime | None, zone: ZoneInfo) -> str | None:
    return None if when is None else when.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _resources(seen: Seen) -> list[dict]:
    found: dict[str, dict] = {}
    tables = [(r, r.tables["resources"]) for _, r in seen.readings if "resources" in r.tables]
    named = {
        str(entry["cmid"])
        for _, frame in tables
        for entry in frame.iter_rows(named=True)
        if entry.get("title") and entry.get("cmid")
    }
    for reading, frame in tables:
        for entry in frame.iter_rows(named=True):
            if not entry.get("title") and str(entry.get("cmid")) in named:
                continue  # another source knows what this activity is called
            title = entry.get("title") or entry.get("resource") or ""
            row = found.setdefault(
                normal(title), {"title": title, "phase": "pre", "mandatory": "yes", "traced": "yes"}
            )
            cmid, kind = entry.get("cmid"), entry.get("kind")
            if cmid is not None and str(cmid) not in re.findall(r"\d+", row.get("cmid") or ""):
                row["cmid"] = f"{row['cmid']}|{cmid}" if row.get("cmid") else str(cmid)
            row["kind"] = row.get("kind") or _KIND_OF.get(str(kind), kind)
            if reading.format == "moodle_completion" and not row.get("completion"):
                row["completion"] = "grade" if row.get("kind") in ("quiz", "assignment", "h5p") else "view"
    return sorted(found.values(), key=lambda row: (int((row.get("cmid") or "0").split("|")[0]), row["title"]))


def _assessments(seen: Seen) -> list[dict]:
    """Propose an assessment for each quiz report, then for each item of a gradebook that has none."""
    rows = []
    for path, reading in seen.readings:
        if _of_one_assessment(path, reading):
            title = re.sub(r"[-_ ]*(notes|grades)$", "", path.stem, flags=re.IGNORECASE)
            rows.append(_assessment(path.name, title, path.stem, None))
    reported = [normal(row["title"]) for row in rows]
    for path, reading in seen.readings:
        for key, maximum in _items(reading):
            title = key.removeprefix("title:")
            if not any(normal(title) in other for other in reported):
                rows.append(_assessment(path.name, title, title, maximum))
                reported.append(normal(title))
    return rows


def _of_one_assessment(path: Path, reading: Reading) -> bool:
    """Return whether the attempts of a file are all at the one assessment the file is of."""
    attempts = reading.tables.get("attempts", pl.DataFrame())
    if reading.format in _QUIZ_FORMATS:
        return bool(attempts.height)
    return "assessment" in attempts.columns and set(attempts["assessment"]) == {path.stem}


def _items(reading: Reading) -> list[tuple[str, float | None]]:
    """Return the assessments that a file names by their titles, with their maxima."""
    attempts = reading.tables.get("attempts", pl.DataFrame())
    if not {"assessment", "maximum"} <= set(attempts.columns):
        return []
    titled = attempts.filter(pl.col("assessment").str.starts_with("title:"))
    return titled.group_by("assessment", maintain_order=True).agg(pl.col("maximum").max()).rows()


def _assessment(file: str, title: str, words: str, maximum: float | None) -> dict:
    words = normal(words)
    role = next((role for role, marks in _ROLE_WORDS if any(mark in words for mark in marks)), "summative")
    number = re.search(r"(?:seance|session|s)[ -]?0?(\d{1,2})\b", words)
    return {
        "file": file,
        "title": title,
        "role": role,
        "session": int(number.group(1)) if number and role in ("start", "pre_quiz") else None,
        "maximum": maximum,
    }


def _study_file(folder: Path, seen: Seen, lang: str, timezone: str | None) -> str:
    staff = sorted({name for _, reading in seen.readings for name in _staff_of(reading)})
    zone = timezone or "Europe/Paris"
    lines = [
        f"# {t('init.toml_head')}",
        "[programme]",
        f"id = {_quoted(slug(folder.resolve().name))}",
        f"title = {_quoted(folder.resolve().name)}",
        f"timezone = {_quoted(zone)}" + ("" if timezone else f"  # {t('init.toml_confirm_zone')}"),
        f"language = {_quoted(lang)}",
        "",
        "[design]",
        f'assignment = "nonrandom"  # {t("init.toml_assignment")}',
        'treated = "flipped"',
        'control = "conventional"',
        'completion_rule = "summative_taken"',
        "",
        "[privacy]",
        f"# {t('init.toml_staff')}",
        f"staff = [{', '.join(_quoted(name) for name in staff)}]",
    ]
    for path, reading in seen.readings:
        name = "." if path == folder else path.relative_to(folder).as_posix()
        lines += ["", "[[sources]]", f"file = {_quoted(name)}", f"format = {_quoted(reading.format)}"]
        if path in seen.mappings:
            lines.append(f"mapping = {_quoted(_mapping_of(path))}  # {t('init.toml_confirm_mapping')}")
        if path in seen.orders:
            lines.append(f'date_order = "{seen.orders[path]}"  # {t("init.toml_confirm_order")}')
    lines += ["", *(f"# {t('init.toml_refused', file=name)}" for name, _ in seen.refused)]
    content = "\n".join(lines).rstrip() + "\n"
    StudyFile.model_validate(tomllib.loads(content))
    return content


def _mapping_of(path: Path) -> str:
    return f"{_MAPPINGS}/{slug(path.stem)}.yaml"


def _staff_of(reading: Reading) -> list[str]:
    marked = reading.people.filter((pl.col("kind") == "role") & (pl.col("value") == "staff"))["person"]
    own = reading.people.filter(pl.col("person").is_in(marked.implode()))
    named = own.filter(pl.col("kind") == "email")
    return (named if named.height else own.filter(pl.col("kind") == "name"))["value"].to_list()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
