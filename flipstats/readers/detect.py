"""Which system wrote a file: by its bytes, its header and its first records, never by its name.

Where two formats fit alike, none is chosen: both are named and the user decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flipstats import schema
from flipstats.errors import InputError
from flipstats.i18n import listing, percent, t
from flipstats.readers import json_text
from flipstats.readers.packed import plain
from flipstats.readers.records import DELIMITERS, first_records
from flipstats.readers.signatures import Signature, signatures
from flipstats.readers.structures import answers_fit, json_fits, rows_fit
from flipstats.readers.text import Text, normal, open_text
from flipstats.readers.workbook import is_workbook, sheets, trimmed

LOOKED_AT = 200  # records that confirm what the header says
SURE = 0.6
APART = 0.1  # two formats nearer than this to each other are not told apart
_OULAD = ("studentInfo", "courses", "assessments", "studentRegistration", "vle")
_CANONICAL = ("learners", "cohorts", "enrolments", "sessions", "events")
_TEAMS_SECTIONS = re.compile(r"^\s*[1-3]\. \S", re.MULTILINE)
_TEAMS_OLD = ("full name", "user action", "timestamp")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?")


@dataclass(frozen=True, slots=True)
class Detection:
    """What a file seems to be.

    Attributes
    ----------
    format : str or None
        None where nothing fits, or where several formats fit alike.
    confidence : float
        0 to 1.
    why : str
        One sentence for the user.
    language : str or None
        ``"en"`` or ``"fr"``, from the header.
    alternatives : tuple of (str, float)
        Other formats that could be meant, the likelier first.
    """

    format: str | None
    confidence: float
    why: str
    language: str | None = None
    alternatives: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        name = t("readers.format_" + self.format) if self.format else t("readers.not_recognised")
        return t("readers.detected", format=name, confidence=percent(self.confidence), why=self.why)

    def to_dict(self) -> dict:
        """Return what ``flipstats detect --json`` prints for a file."""
        return {
            "format": self.format,
            "confidence": round(self.confidence, 3),
            "why": self.why,
            "language": self.language,
            "alternatives": [{"format": f, "confidence": round(c, 3)} for f, c in self.alternatives],
        }


def detect(file: Path, language: str | None = None) -> Detection:
    """Say which format a file or a folder has.

    Parameters
    ----------
    file : Path
        An export file, or a folder that is one export (OULAD, canonical tables).
    language : {"en", "fr"}, optional
        Of the export, where its header does not tell.

    Raises
    ------
    InputError
        The file cannot be read, is empty, or is not text.
    """
    if file.is_dir():
        return _folder(file)
    with plain(file) as unpacked:
        return _file(unpacked, language)


def _file(file: Path, language: str | None) -> Detection:
    if is_workbook(file):
        return _workbook(file, language)
    text = open_text(file)
    if json_text.kind(text):
        fits = sorted(json_fits(text), key=lambda fit: -fit.confidence)
        found = _decide([Detection(fit.format, fit.confidence, fit.why) for fit in fits], language)
        return found if fits else replace(found, why=t("readers.why_no_object"))
    head = text.head()
    found = _calendar(head) or _teams(text, head)
    if found is not None:
        return found
    candidates = sorted(
        (c for s in signatures() if (c := _score(s, head)) is not None), key=lambda c: -c.confidence
    )
    if not candidates and (fit := rows_fit(head)):
        candidates = [Detection(fit.format, fit.confidence, fit.why)]
    return _decide(candidates, language)


def _decide(candidates: Sequence[Detection], language: str | None) -> Detection:
    others = tuple((c.format, c.confidence) for c in candidates if c.format)
    if not candidates:
        return Detection(None, 0.0, t("readers.why_nothing"))
    best = candidates[0]
    if best.confidence < SURE:
        return Detection(None, best.confidence, t("readers.why_unsure"), best.language, others)
    if len(candidates) > 1 and best.confidence - candidates[1].confidence < APART:
        names = listing([t("readers.format_" + c.format) for c in candidates[:2] if c.format])
        return Detection(None, best.confidence, t("readers.why_alike", formats=names), best.language, others)
    return Detection(best.format, best.confidence, best.why, best.language or language, others[1:])


def _score(sign: Signature, head: str) -> Detection | None:
    """Return how well the beginning of a text fits a signature; None where it does not."""
    if sign.structure == "completion_pairs":
        return _completion(sign, head)
    if sign.structure:
        return None
    delimiters = (*DELIMITERS, *sign.more_delimiters)
    tables = (first_records(head, mark, LOOKED_AT + sign.header_within) for mark in delimiters)
    return _best_table(sign, tables)


def _best_table(sign: Signature, tables: Iterable[list[list[str]]]) -> Detection | None:
    """Return how well the table that fits best fits, its header being one of its first records."""
    best: Detection | None = None
    for rows in tables:
        for start in range(min(sign.header_within, len(rows))):
            found = _table(sign, rows[start:]) if len(rows[start]) > 1 else None
            if found is not None and (best is None or found.confidence > best.confidence):
                best = found
    return best


def _workbook(file: Path, language: str | None) -> Detection:
    """Recognise a workbook by the sheet that fits a signature best; blank rows and cells at ends left out."""
    found: dict[str, Detection] = {}
    for sheet in sheets(file):
        rows = [trimmed(row) for row in sheet.rows[: 2 * LOOKED_AT] if any(row)]
        for sign in signatures():
            fit = _best_table(sign, [rows[: LOOKED_AT + sign.header_within]]) if not sign.structure else None
            if fit is not None and (
                sign.format not in found or fit.confidence > found[sign.format].confidence
            ):
                why = t("readers_workbook.why_workbook", sheet=sheet.name, why=fit.why)
                found[sign.format] = replace(fit, why=why)
    if answers := answers_fit(sheets(file)):
        found[answers.format] = Detection(answers.format, answers.confidence, answers.why)
    return _decide(sorted(found.values(), key=lambda c: -c.confidence), language)


def _table(sign: Signature, rows: Sequence[list[str]]) -> Detection | None:
    """Return how well a header and the records below it fit a signature; None where the header does not."""
    match = sign.match(rows[0])
    if not match.fits:
        return None
    confirmed = [
        _share([row[at] for row in rows[1:] if at < len(row)], pattern) / wanted
        for column, pattern, wanted in sign.confirm
        if (at := match.at(column)) is not None
    ]
    cells = min((min(1.0, c) for c in confirmed), default=0.8) if len(rows) > 1 else 0.8
    labels = match.known**2 if sign.strict else 0.5 + 0.5 * match.known
    confidence = labels * (0.25 + 0.75 * cells)
    return Detection(sign.format, confidence, _why(sign, match.known, len(rows) - 1), match.language)


def _share(cells: Sequence[str], pattern: str) -> float:
    if not cells:
        return 1.0
    return sum(re.search(pattern, cell.strip()) is not None for cell in cells) / len(cells)


def _why(sign: Signature, known: float, records: int) -> str:
    name = t("readers.format_" + sign.format)
    return t("readers.why_header", format=name, share=percent(known), n=min(records, LOOKED_AT))


def _completion(sign: Signature, head: str) -> Detection | None:
    """Recognise the activity completion report: an empty first header cell, then pairs of columns."""
    for delimiter in DELIMITERS:
        rows = first_records(head, delimiter, LOOKED_AT + 1)
        first = first_activity(sign, rows[0]) if rows else None
        if first is None:
            continue
        states = [normal(cell) for row in rows[1:] for cell in row[first::2]]
        known = [s for s in states if any(s.startswith(word) for word in sign.words["state"])]
        share = len(known) / len(states) if states else 0.8
        why = t("readers.why_completion", activities=(len(rows[0]) - first) // 2, n=len(rows) - 1)
        return Detection(sign.format, 0.6 + 0.4 * share, why, language_of(states))
    return None


def first_activity(sign: Signature, header: Sequence[str]) -> int | None:
    """Return where the activities of a completion report begin; None where a header is not one.

    Its first cell is empty, identity columns follow, then pairs: an activity and the date it is expected by,
    which may be blank.

    Examples
    --------
    >>> from flipstats.readers.signatures import signature
    >>> first_activity(signature("moodle_completion"), ["", "Email address", "Video", "", "Quiz", ""])
    2
    """
    if len(header) < 3 or header[0].strip("\ufeff "):
        return None
    known = [any(label.versions(normal(cell)) for label in sign.labels) for cell in header[1:]]
    start = 1 + (known.index(False) if False in known else len(known))
    for first in range(start, len(header) - 1):
        pairs = header[first:]
        if len(pairs) % 2 == 0 and all(pairs[0::2]) and all(map(_is_due, pairs[1::2])):
            return first
    return None


def _is_due(cell: str) -> bool:
    return not cell.strip() or _ISO_DATE.fullmatch(cell.strip()) is not None


def language_of(states: Sequence[str]) -> str | None:
    """Return the language of completion states in normal form, None where they do not tell."""
    english = sum("completed" in state for state in states)
    french = sum("termine" in state for state in states)
    if english == french:
        return None
    return "en" if english > french else "fr"


def _calendar(head: str) -> Detection | None:
    if head.lstrip("\ufeff \r\n").upper().startswith("BEGIN:VCALENDAR"):
        return Detection("ics", 1.0, t("readers.why_ics"))
    return None


def _teams(text: Text, head: str) -> Detection | None:
    """Recognise Teams by its numbered sections of tab-separated cells; words vary with the language."""
    sections = len(_TEAMS_SECTIONS.findall(head))
    if sections >= 2 and "\t" in head:
        sure = 0.95 if text.encoding == "utf-16-le" else 0.85
        return Detection("teams_attendance", sure, t("readers.why_teams", n=sections))
    first = first_records(head, "\t", 1)
    if first and tuple(map(normal, first[0])) == _TEAMS_OLD:
        return Detection("teams_attendance", 0.9, t("readers.why_teams_old"))
    return None


def _folder(folder: Path) -> Detection:
    stems = {p.stem for p in folder.iterdir() if p.suffix.lower() in (".csv", ".parquet")}
    if set(_OULAD) <= stems:
        return Detection("oulad", 1.0, t("readers.why_oulad"))
    named = sorted(stems & set(schema.TABLES))
    if named and len(named) == len(stems) and stems & set(_CANONICAL) and _canonical(folder, named):
        return Detection("canonical", 0.95, t("readers.why_canonical", tables=", ".join(named)))
    return Detection(None, 0.0, t("readers.why_folder"))


def _canonical(folder: Path, named: Sequence[str]) -> bool:
    """Return whether the CSV files of a folder have the columns of the tables they are named after."""
    for name in named:
        file = folder / f"{name}.csv"
        if not file.exists():
            continue
        try:
            header = first_records(open_text(file).head(), ",", 1)
        except InputError:
            return False
        key = schema.TABLES[name].columns[0].name
        if not header or key not in header[0]:
            return False
    return True


def recognised(file: Path, language: str | None = None) -> Detection:
    """Detect a file whose format must be known.

    Raises
    ------
    InputError
        Nothing fits, or several formats do; the message names them and says how to choose.
    """
    found = detect(file, language)
    if found.format is not None:
        return found
    names = listing([f"{f} ({percent(c)})" for f, c in found.alternatives[:3]])
    key = "readers.ask" if names else "readers.unknown"
    raise InputError(t(key, file=file.name, why=found.why, formats=names))
