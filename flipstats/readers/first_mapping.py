"""A first mapping of a sheet no reader knows: columns guessed by their header, for a person to correct."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers.records import DELIMITERS, first_records
from flipstats.readers.signatures import content
from flipstats.readers.text import Text, normal, open_text
from flipstats.readers.workbook import is_workbook, sheets

_HEADER_WITHIN = 15
LOOKED_AT = 500  # records whose values are looked at
_HEAD = 1 << 18  # characters
_TOP = 10  # the highest number that a column of ratings may hold
_TOO_MANY = 12  # different values: no longer words for presence
_WORDS = content("first_mapping")["columns"]
_PRESENT = {
    word: meaning for meaning, words in content("first_mapping")["presence"].items() for word in words
}
_MARKS = set(content("first_mapping")["marks"])
_CLOCK = re.compile(r"\d{1,2}[:h]\d{2}")
_DATED = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}.*\d{1,2}[:h]\d{2}")  # a date and a time of day
_OUT_OF = re.compile(
    r"(?:/|sur|out of|-|–|a|to) ?(\d{1,4})\)?$"
)  # at the end of a label: what a score is out of
_LENGTH = re.compile(r"(^|\W)(duration|duree|heures?|hours?|minutes?|taux|rate)(\W|$)")
_HALF_DAY = re.compile(
    r"(^|\W)(matin|matinee|apres-midi|am|pm|morning|afternoon|jour|day|j|d|seance|session) ?\d*(\W|$)"
)
_ON_A_DAY = re.compile(r"(?<!\d)\d{1,2}[/.-]\d{1,2}(?!\d)|\d{4}-\d{2}-\d{2}")
_WHO = ("email", "family_name", "given_name", "name", "idnumber")


@dataclass(slots=True)
class _Look:
    written: str  # how the mapping says to read it
    header: list[str]
    records: list[list[str]]

    def column(self, field: str, *, but: Sequence[str | None] = ()) -> str | None:
        """Return the header cell that a field's words fit best: the whole label, else as one of its words."""
        labels = {label: normal(label) for label in self.header if label.strip() and label not in but}
        for word in _WORDS[field]:
            for label, plain in labels.items():
                if plain == word:
                    return label
        for word in _WORDS[field]:
            for label, plain in labels.items():
                if re.search(rf"(^|\W){re.escape(word)}(\W|$)", plain):
                    return label
        return None

    def values(self, column: str) -> list[str]:
        at = self.header.index(column)
        return [row[at].strip() for row in self.records if at < len(row)]


def write_first_mapping(file: Path) -> str:
    """Propose a mapping for a sheet, as YAML with comments in the language in use.

    The text holds header labels and, for presence, the few different words of that column: no names.

    Raises
    ------
    InputError
        The file is neither text nor a workbook, or holds no table of at least two columns.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "sheet.csv"
    >>> _ = file.write_text("E-mail;Date;Presence\\na@b.org;21/03/2024;Present\\n")
    >>> print(write_first_mapping(file).splitlines()[-1])
      status: {column: "Presence", map: {"Present": present}}
    """
    look = _look(file)
    table, *body = _body(look)
    lines = [
        f"# {t('readers_more.first_intro')}",
        *(f"# - {label}" for label in look.header if label.strip()),
        "",
        f"read: {{{look.written}, header_row: auto}}",
        f"timezone: {_zone(look)}  # {t('readers_more.first_zone')}",
        f"table: {table}  # {t('readers_more.first_table')}",
        *([f"learner: {who}  # {t('readers_more.first_learner')}"] if (who := _learner(look, table)) else []),
        *body,
    ]
    return "\n".join(lines) + "\n"


def _zone(look: _Look) -> str:
    return (
        "UTC"
        if any(re.search(r"(^|\W)utc(\W|$)", normal(label)) for label in look.header)
        else "Europe/Paris"
    )


def _body(look: _Look) -> list[str]:
    """Return the table the sheet seems to give, then the lines of its mapping."""
    watched = look.column("progress") or look.column("seconds")
    if look.column("resource") and look.column("at") and watched and not look.column("score"):
        return _events(look)
    if columns := _grid(look):
        return _attendance_grid(look, columns)
    there = _presence(look) or look.column("date") or look.column("start")
    known = any(look.column(each) for each in _WHO) and not look.column("anonymous")
    if look.column("score") and not _presence(look) and known:
        return _attempts(look)
    asked = look.column("comment") or look.column("anonymous") or (not there if known else look.column("at"))
    if asked and not _presence(look):
        return _feedback(look)
    return _attendance(look)


def _grid(look: _Look) -> list[str]:
    """Return the columns that are a session each: headed by days or half-days, marks or nothing below."""
    who = {look.column(each) for each in (*_WHO, "group")}
    rest = [label for label in look.header if label.strip() and label not in who]
    dated = [c for c in rest if _ON_A_DAY.search(c) or _HALF_DAY.search(normal(c))]
    marked = [
        c
        for c in dated
        if len(found := set(look.values(c))) <= _TOO_MANY and max(map(len, found), default=0) < 20
    ]
    return (
        marked
        if len(marked) > 1 and not any(_CLOCK.search(v) for c in marked for v in look.values(c))
        else []
    )


def _attendance_grid(look: _Look, columns: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(value for column in columns for value in look.values(column) if value))
    known = {value: _PRESENT[normal(value)] for value in found if normal(value) in _PRESENT}
    if not known or "absent" not in known.values():
        known = {"": "absent", "*": "present"} | {k: v for k, v in known.items() if v != "present"}
    words = ", ".join(f"{_quoted(value)}: {meaning}" for value, meaning in known.items())
    return [
        "attendance",
        f"session:  # {t('readers_more.first_grid')}",
        f"  columns: [{', '.join(map(_quoted, columns))}]",
        f"fields:  # {t('readers_more.first_fields')}",
        f"  status: {{map: {{{words}}}}}",
    ]


def _presence(look: _Look) -> str | None:
    """Return the column that says who was there: in words, else by a signature."""
    lengths = [label for label in look.header if _LENGTH.search(normal(label))]
    return look.column("status", but=lengths) or look.column("signature", but=[look.column("signed_at")])


def _feedback(look: _Look) -> list[str]:
    """Propose every column of small numbers as a rating, and every column of comments as words."""
    at = look.column("at")
    who = {at, look.column("anonymous"), *(look.column(each) for each in _WHO), look.column("group")}
    rest = [label for label in look.header if label.strip() and label not in who]
    rated = [label for label in rest if _rated(look.values(label))]
    comments = [label for label in rest if label not in rated]
    given = [float(v.replace(",", ".")) for label in rated for v in look.values(label) if v]
    said = [float(n) for label in rated for n in re.findall(r"\d{1,2}", label) if float(n) <= _TOP]
    top = max([*given, *said], default=5.0)
    lines = ["feedback", f"fields:  # {t('readers_more.first_fields')}"]
    if at:
        lines.append(f"  at: {_moment(look, at)}")
    if rated:
        columns = ", ".join(map(_quoted, rated))
        scale = f"{top:g}  # {t('readers_more.first_scale')}"
        lines += ["  ratings:", f"    columns: [{columns}]", f"    scale_max: {scale}"]
    if not (rated or comments):
        comments = [t("readers_more.first_gap")]
    return [*lines, f"  comments: [{', '.join(map(_quoted, comments))}]"]


def _rated(cells: Sequence[str]) -> bool:
    given = [cell.replace(",", ".") for cell in cells if cell]
    return bool(given) and all(re.fullmatch(r"\d{1,2}(\.\d+)?", c) and float(c) <= _TOP for c in given)


def _encoding(text: Text) -> str:
    return "utf-8" if text.encoding == "mixed" else text.encoding


def _look(file: Path) -> _Look:
    """Find the table and its header: the first row as wide as most rows are."""
    rows, written = _in_book(file) if is_workbook(file) else _in_text(file)
    width = _width(rows)
    if width < 2:
        raise InputError(t("readers_more.first_no_table", file=file.name))
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    most = max(filled[:_HEADER_WITHIN], default=0)  # lines above a header are a title and little else
    at = next(i for i, n in enumerate(filled) if n >= (most if most < 4 else most - 1))
    header = [" ".join(cell.lstrip("\ufeff").split()) for cell in rows[at]]
    return _Look(written, header, rows[at + 1 :])


def _in_text(file: Path) -> tuple[list[list[str]], str]:
    """Return the first records under the delimiter that gives most columns, and how they are written."""
    text = open_text(file)
    head = text.content()[:_HEAD]
    found = [(rows, d) for d in DELIMITERS if (rows := first_records(head, d, LOOKED_AT))]
    rows, delimiter = max(
        found, key=lambda pair: (min(_width(pair[0]), 40), -DELIMITERS.index(pair[1])), default=([], ",")
    )
    mark = _quoted({"\t": "tab"}.get(delimiter, delimiter))
    return rows, f"encoding: [{_encoding(text)}], delimiter: {mark}"


def _in_book(file: Path) -> tuple[list[list[str]], str]:
    """Return the first records of the sheet that holds most cells, and its name."""
    book = {sheet.name: [row for row in sheet.rows[:LOOKED_AT] if any(row)] for sheet in sheets(file)}
    name = max(book, key=lambda each: sum(bool(cell) for row in book[each] for cell in row), default="")
    return book.get(name, []), f"sheet: {_quoted(name)}"


def _width(rows: list[list[str]]) -> int:
    widths = [len(row) for row in rows]
    return max(set(widths), key=widths.count, default=0)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _pairs(**columns: str | None) -> str:
    known = [f"{name}: {_quoted(column)}" for name, column in columns.items() if column]
    return "{" + ", ".join(known) + "}"


def _or_gap(column: str | None) -> str:
    return _quoted(column if column else t("readers_more.first_gap"))


def _learner(look: _Look, table: str) -> str:
    """Name the columns that say who; of answers without any, nobody: they are anonymous."""
    email, given = look.column("email"), look.column("given_name")
    family = look.column("family_name", but=(email, given)) if given else None
    name = None if family else look.column("name", but=(email,)) or look.column("family_name", but=(email,))
    idnumber = look.column("idnumber")
    if not any((email, family, name, idnumber)) and table == "feedback":
        return ""
    if not any((email, family, name, idnumber)):
        email = t("readers_more.first_gap")
    who = {"email": email, "idnumber": idnumber, "family_name": family, "given_name": family and given}
    return _pairs(**who, name=name, group=look.column("group"))


def _attendance(look: _Look) -> list[str]:
    date, start, end = look.column("date"), look.column("start"), look.column("end")
    keys = [c for c in (look.column("session"), date, look.column("half_day")) if c]
    status = _presence(look)
    lines = [
        "attendance",
        f"session:  # {t('readers_more.first_session')}",
        f"  key: [{', '.join(map(_quoted, dict.fromkeys(keys))) or _or_gap(start)}]",
    ]
    if title := look.column("session_title", but=keys):
        lines.append(f"  title: {_quoted(title)}")
    lines += _times(look, date, start, end)
    lines.append(f"fields:  # {t('readers_more.first_fields')}")
    for name, kind in (("late_minutes", "int"), ("hours_done", "decimal"), ("minutes", "decimal")):
        column = look.column(name, but=[status, date, start, end])
        if column and not (name == "minutes" and look.column("hours_done")):
            clock = name == "minutes" and any(re.search(r"[^\d.,]", value) for value in look.values(column))
            lines.append(f"  {name}: {{column: {_quoted(column)}, type: {'duration' if clock else kind}}}")
    if signed := look.column("signed_at", but=[status]):
        lines.append(f"  signed_at: {_moment(look, signed)}")
    return [*lines, f"  status: {{column: {_or_gap(status)}, map: {_words(look, status)}}}"]


def _times(look: _Look, date: str | None, start: str | None, end: str | None) -> list[str]:
    """Say when a session begins and ends: whole moments, times of the day of a date, else the day alone."""
    lines = []
    for name, column in (("start", start), ("end", end)):
        if column and any(map(_DATED.match, look.values(column))):
            lines.append(f"  {name}: {_moment(look, column)}")
        elif date and column and column != date:
            lines.append(f"  {name}: {_pairs(date=date, time=column)}")
    if not lines and date:
        lines.append(f"  start: {_moment(look, date)}")
    return lines


def _words(look: _Look, status: str | None) -> str:
    """Say what the words of presence mean; a name written as a signature is any word, no name an absence."""
    found = list(dict.fromkeys(value for value in look.values(status) if value)) if status else []
    known = {value: _PRESENT[normal(value)] for value in found if normal(value) in _PRESENT}
    signed = status is not None and status == look.column("signature")
    if signed or (found and set(map(normal, found)) <= _MARKS):
        known = {"": "absent", "*": "present"} | {k: v for k, v in known.items() if v != "present"}
    elif not known or len(found) > _TOO_MANY:
        known = {t("readers_more.first_gap"): "present"}
    return "{" + ", ".join(f"{_quoted(value)}: {meaning}" for value, meaning in known.items()) + "}"


def _moment(look: _Look, column: str) -> str:
    """Name a column of moments; French ``à 09h00`` needs its format said."""
    value = next((v for v in look.values(column) if v), "")
    if re.fullmatch(r"\d{2}/\d{2}/\d{4} à \d{2}h\d{2}", value):
        return f'{{column: {_quoted(column)}, format: "%d/%m/%Y à %Hh%M"}}'
    return f"{{column: {_quoted(column)}}}"


def _events(look: _Look) -> list[str]:
    resource, progress, seconds = look.column("resource"), look.column("progress"), look.column("seconds")
    kind = "video" if resource and "video" in normal(resource) else "other"
    at = look.column("at", but=(resource, progress, seconds))
    clock = seconds and any(":" in v or _CLOCK.search(v) for v in look.values(seconds))
    lines = [
        "events",
        f"resource: {{title: {_quoted(resource or '')}, kind: {kind}}}",
        f"traces: {{levels: [opened, substantial, completed], kinds: [{kind}]}}  "
        f"# {t('readers_more.first_traces')}",
        f"fields:  # {t('readers_more.first_fields')}",
        f"  at: {_moment(look, at) if at else _or_gap(None)}",
    ]
    if progress:
        lines.append(f"  progress: {{column: {_quoted(progress)}, type: {_share(look, progress)}}}")
    if seconds:
        lines.append(f"  seconds: {{column: {_quoted(seconds)}, type: {'duration' if clock else 'seconds'}}}")
    return lines


def _share(look: _Look, column: str) -> str:
    """Say whether a column is in percent: a sign, or a value above 1."""
    cells = [value.replace(",", ".").rstrip("% ") for value in look.values(column)]
    large = any(float(cell) > 1 for cell in cells if re.fullmatch(r"\d+(\.\d+)?", cell))
    return "percent" if large or any("%" in value for value in look.values(column)) else "share"


def _attempts(look: _Look) -> list[str]:
    score, top = look.column("score"), look.column("maximum")
    assessment = look.column("assessment", but=(score, top))
    submitted = look.column("submitted_at", but=(score, top, assessment))
    lines = ["attempts"]
    if assessment:
        lines.append(f"assessment: {{title: {_quoted(assessment)}}}")
    if score and any("%" in value for value in look.values(score)):
        lines += [
            f"fields:  # {t('readers_more.first_fields')}",
            f"  score: {{column: {_quoted(score)}, type: percent}}",
        ]
    else:
        lines += [f"fields:  # {t('readers_more.first_fields')}", f"  score: {{column: {_or_gap(score)}}}"]
    said = _OUT_OF.search(normal(score)) if score else None
    if said and not top:
        lines.append(f"  max: {{value: {said[1]}}}")
    if top and top != score:
        lines.append(f"  max: {{column: {_quoted(top)}}}")
    if submitted:
        lines.append(f"  submitted_at: {_moment(look, submitted)}")
    return lines
