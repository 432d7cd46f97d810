"""Write Moodle log reports: newest first, in French without seconds (4.1) or in English with them (4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from flipstats.sample.actions import COMPLETION, COURSE, START, SUBMIT, VIEW, Actions
from flipstats.sample.programme import MODULES, Course

CHUNK = 200_000
_COLUMNS = (np.int64, np.int32, np.int16, np.int32, np.int32, np.int32)
_FR_MONTHS = (
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
)
_HEADERS = {
    "fr": (
        "Heure",
        "Nom complet de l'utilisateur",
        "Utilisateur concerné",
        "Contexte de l'événement",
        "Composant",
        "Nom de l'événement",
        "Description",
        "Origine",
        "Adresse IP",
    ),
    "en": (
        "Time",
        "User full name",
        "Affected user",
        "Event context",
        "Component",
        "Event name",
        "Description",
        "Origin",
        "IP address",
    ),
}
WORDS = {
    "course": ("Cours", "Course"),
    "system": ("Système", "System"),
    "viewed": ("Module de cours consulté", "Course module viewed"),
    "course_viewed": ("Cours consulté", "Course viewed"),
    "started": ("Tentative de test commencée", "Quiz attempt started"),
    "submitted": ("Tentative de test envoyée", "Quiz attempt submitted"),
    "completion": ("Achèvement d'activité modifié", "Course activity completion updated"),
    "graded": ("Utilisateur évalué", "User graded"),
    "enrolled": ("Utilisateur inscrit dans un cours", "User enrolled in course"),
    "unenrolled": ("Utilisateur désinscrit du cours", "User unenrolled from course"),
    "logged_in": ("Utilisateur connecté", "User has logged in"),
    "login_failed": ("Connexion utilisateur échouée", "User login failed"),
    "as": (" en tant que ", " as "),
}


def cell(text: str) -> str:
    """Write one cell as PHP does: in quotes where it holds a blank, a comma or a quote.

    Examples
    --------
    >>> cell("web"), cell("a b")
    ('web', '"a b"')
    """
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ' ,"\n\r\t\\') else text


def line(cells: Iterable[str]) -> str:
    """Join cells into one record."""
    return ",".join(cell(c) for c in cells)


@dataclass(slots=True)
class Log:
    """The rows of one log report: columns of numbers, and the few texts they point to."""

    language: str
    names: list[str]
    ids: list[int]
    templates: list[tuple[str, ...]] = field(default_factory=list)
    parts: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    _index: dict[tuple[str, ...], int] = field(default_factory=dict)

    def word(self, key: str) -> str:
        """Return a word in the language of the log."""
        return WORDS[key][0 if self.language == "fr" else 1]

    def template(self, context: str, component: str, event: str, *text: str) -> int:
        """Return the number of a kind of row; `text` is what stands around the numbers of Description."""
        pieces = tuple(p.replace('"', '""') for p in (*text, "", "", "", "")[:4])
        made = (cell(context), cell(component), cell(event), *pieces)
        if made not in self._index:
            self._index[made] = len(self.templates)
            self.templates.append(made)
        return self._index[made]

    def add(self, template, at, who, *, a=-1, b=-1, other=-1) -> None:
        """Add rows: a template, epoch seconds, who (index of `names`), numbers for Description, who else."""
        n = len(np.atleast_1d(at))
        columns = zip((at, who, template, a, b, other), _COLUMNS, strict=True)
        self.parts.append(tuple(np.broadcast_to(np.asarray(c).astype(kind), (n,)) for c, kind in columns))

    def __len__(self) -> int:
        return sum(len(part[0]) for part in self.parts)

    def write(self, file: Path, course: str | None = None) -> int:
        """Write the report and return how many rows it has; `course` is the first column of a site report."""
        columns = [np.concatenate(column) for column in zip(*self.parts, strict=True)]
        self.parts.clear()  # a log of millions of rows is held once, as numbers
        order = np.argsort(-columns[0], kind="stable")
        header = ("Cours" if self.language == "fr" else "Course", *_HEADERS[self.language])
        first = cell(course) + "," if course else ""
        with file.open("wb") as out:
            out.write(b"\xef\xbb\xbf" + line(header if course else header[1:]).encode() + b"\n")
            for start in range(0, len(order), CHUNK):
                taken = order[start : start + CHUNK]
                rows = _lines(self, *(column[taken] for column in columns), first)
                out.write(("\n".join(rows) + "\n").encode())
        return len(order)


def _lines(log: Log, at, who, template, a, b, other, first: str) -> list[str]:
    names = pl.Series([cell(name) for name in log.names] + ["-"])
    ids = pl.Series([str(i) for i in log.ids] + [""])
    pieces = [pl.Series(column) for column in zip(*log.templates, strict=True)]
    frame = pl.DataFrame(
        {
            "time": _local(at, log.language),
            "who": names.gather(np.where(who < 0, len(names) - 1, who)),
            "other": names.gather(np.where(other < 0, len(names) - 1, other)),
            "id": ids.gather(np.where(who < 0, len(ids) - 1, who)),
            "ip": pl.Series(who % 250 + 1).cast(pl.String),
            "a": pl.Series(a).cast(pl.String).set(pl.Series(a < 0), ""),
            "b": pl.Series(b).cast(pl.String).set(pl.Series(b < 0), ""),
            **{f"p{i}": piece.gather(template) for i, piece in enumerate(pieces)},
        }
    )
    comma = pl.lit(",")
    start = [pl.lit(first + '"'), "time", pl.lit('",'), "who", comma, "other", comma]
    context = ["p0", comma, "p1", comma, "p2", pl.lit(',"')]
    description = ["p3", "id", "p4", "a", "p5", "b", "p6", pl.lit('",web,192.0.2.'), "ip"]
    return frame.select(pl.concat_str(*start, *context, *description)).to_series().to_list()


def _local(at: np.ndarray, language: str) -> pl.Series:
    local = pl.from_epoch(pl.Series(at), "s").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris")
    if language == "en":
        return local.dt.strftime("%-d/%m/%y, %H:%M:%S")
    month = pl.Series(_FR_MONTHS).gather(local.dt.month().cast(pl.Int64) - 1)
    return local.dt.strftime("%-d ") + month + local.dt.strftime(" %y, %H:%M")


def add_actions(log: Log, course: Course, actions: Actions) -> None:
    """Add what learners did in `course`: views, attempts, completion."""
    french = log.language == "fr"
    user = "The user with id '"
    for activity in course.activities:
        module, *named = MODULES[activity.slot]
        component = named[0 if french else 1]
        context = f"{component}: {activity.title}"
        here = actions.of(actions.cmid == activity.cmid)
        view = f"' viewed the '{module}' activity with course module id '"
        _add(log, here, VIEW, (context, component, log.word("viewed"), user, view, "'."), a=here.cmid)
        for what, word, did in (
            (START, "started", "' has started the attempt with id '"),
            (SUBMIT, "submitted", "' has submitted the attempt with id '"),
        ):
            text = (user, did, "' for the quiz with course module id '", "'.")
            row = (context, component, log.word(word), *text)
            _add(log, here, what, row, a=here.attempt, b=here.cmid, affects=True)
        text = (
            user,
            "' updated the completion state for the course module with id '",
            "' for the user with id '",
        )
        ids = np.array(log.ids)[here.learner]
        row = (context, log.word("system"), log.word("completion"), *text, "'.")
        _add(log, here, COMPLETION, row, a=here.cmid, b=ids, affects=True)
    here = actions.of((actions.cmid == 0) & (actions.what == COURSE))
    context = f"{log.word('course')}: {course.title}"
    row = (
        context,
        log.word("system"),
        log.word("course_viewed"),
        user,
        "' viewed the course with id '",
        "'.",
    )
    _add(log, here, COURSE, row, a=np.full(len(here.at), course.id))


def _add(log: Log, actions: Actions, what: int, row: tuple, *, a, b=None, affects: bool = False) -> None:
    kept = actions.what == what
    if not kept.any():
        return
    who = actions.learner[kept]
    number = log.template(*row)
    other = who if affects else -1
    log.add(number, actions.at[kept], who, a=a[kept], b=-1 if b is None else b[kept], other=other)
