"""Header signatures: which labels a format's columns have, by language and version, as data beside this file.

A new language or an older label is a line in a TOML file, not code. Labels are compared in their normal form
(`flipstats.readers.text.normal`).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flipstats.errors import InputError
from flipstats.i18n import listing, t
from flipstats.readers.text import normal

_OPTIONS = ("need", "pattern", "many", "shown")


@dataclass(frozen=True, slots=True)
class Label:
    """One column of a format: its labels as (language and version, label in normal form or expression)."""

    column: str
    need: str
    many: bool
    labels: tuple[tuple[str, str], ...]
    pattern: bool
    shown: str

    def versions(self, cell: str) -> list[str]:
        """Return the languages and versions in which a header cell, in normal form, is this column."""
        fits = re.fullmatch if self.pattern else str.__eq__
        return [version for version, label in self.labels if fits(label, cell)]


@dataclass(frozen=True, slots=True)
class Match:
    """How a header fits a signature.

    Attributes
    ----------
    columns : dict of str to list of int
        Column name to its positions in the header.
    missing : tuple of str
        Required columns that the header does not have.
    language : str or None
        The language most labels are in, None where they fit several alike.
    known : float
        Share of the header's cells that are columns of this format.
    """

    columns: dict[str, list[int]]
    missing: tuple[str, ...]
    forbidden: tuple[str, ...]
    language: str | None
    known: float

    def at(self, column: str) -> int | None:
        """Return the position of a column, None where the header does not have it."""
        return self.columns.get(column, [None])[0]

    @property
    def fits(self) -> bool:
        """Whether all required columns are there and no forbidden one."""
        return not self.missing and not self.forbidden


@dataclass(frozen=True, slots=True)
class Signature:
    """What a format's header and cells look like."""

    format: str
    labels: tuple[Label, ...]
    structure: str | None
    confirm: tuple[tuple[str, str, float], ...]
    strict: bool  # its labels are common words: unknown columns count against it twice
    header_within: int  # its header is one of that many first records
    words: dict[str, dict[str, str]]
    more_delimiters: tuple[str, ...] = ()  # beyond those every table is tried with

    def match(self, header: Sequence[str]) -> Match:
        """Say which header cell is which column; a cell is at most one column, the first that fits."""
        columns: dict[str, list[int]] = {}
        languages: Counter[str] = Counter()
        for place, cell in enumerate(map(normal, header)):
            for label in self.labels:
                versions = label.versions(cell) if label.many or label.column not in columns else []
                if versions:
                    columns.setdefault(label.column, []).append(place)
                    languages.update({version[:2] for version in versions})
                    break
        need = {label.column: label.need for label in self.labels}
        missing = tuple(c for c, n in need.items() if n == "required" and c not in columns)
        forbidden = tuple(c for c, n in need.items() if n == "forbidden" and c in columns)
        languages.pop("an", None)  # "any"
        ranked = languages.most_common(2)
        clear = len(ranked) == 1 or (len(ranked) == 2 and ranked[0][1] > ranked[1][1])
        known = sum(map(len, columns.values())) / max(1, len(header))
        return Match(columns, missing, forbidden, ranked[0][0] if clear else None, known)

    def require(self, header: Sequence[str], file: str) -> Match:
        """Match a header that must fit.

        Raises
        ------
        InputError
            Required columns are missing, or the file is another report; neither message shows the header.
        """
        match = self.match(header)
        if match.missing:
            shown = {label.column: label.shown for label in self.labels}
            absent = listing([f"“{shown[column]}”" for column in match.missing])
            title = t("readers.format_" + self.format)
            raise InputError(
                t("readers.columns_missing", file=file, format=title, columns=absent, n=len(match.missing))
            )
        return match

    def score(self, header: Sequence[str]) -> float:
        """Return how well a header fits, for the choice of the delimiter: recognised columns, weighed."""
        match = self.match(header)
        found = sum(label.need == "required" and label.column in match.columns for label in self.labels)
        return found + len(match.columns) / 100


@cache
def signature(name: str) -> Signature:
    """Return the signature of a format.

    Examples
    --------
    >>> signature("moodle_log").match(["Heure", "Nom complet"]).language
    'fr'
    """
    spec = content(name)
    labels = [_label(column, each) for column, each in spec.get("columns", {}).items()]
    for include in spec.get("include", ()):
        known = {label.column for label in labels}
        shared = content(include)["columns"]
        labels += [_label(column, spec) for column, spec in shared.items() if column not in known]
    labels.sort(key=lambda label: label.pattern)  # a plain label before an expression that fits anything
    words = {
        group: {normal(word): meaning for meaning, listed in meanings.items() for word in listed}
        for group, meanings in spec.get("words", {}).items()
    }
    confirm = tuple((rule["column"], rule["pattern"], rule["share"]) for rule in spec.get("confirm", ()))
    strict = spec.get("strict", False)
    within = spec.get("header_within", 1)
    more = tuple(spec.get("more_delimiters", ()))
    return Signature(name, tuple(labels), spec.get("structure"), confirm, strict, within, words, more)


def signatures() -> list[Signature]:
    """Return every signature that has columns of its own or a structure, in the order of their names."""
    found = [f.name.removesuffix(".toml") for f in files(__name__).iterdir() if f.name.endswith(".toml")]
    return [signature(name) for name in sorted(found) if "format" in content(name)]


@cache
def content(name: str) -> dict:
    """Return a format's TOML file as it is, for what its reader keeps there besides columns and words."""
    return tomllib.loads((files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def total_words() -> frozenset[str]:
    """Return what stands, in normal form, in the place of a name in rows that sum up the others."""
    return frozenset(map(normal, content("identity")["total"]["words"]))


def _label(column: str, spec: dict) -> Label:
    pattern = spec.get("pattern", False)
    labels = tuple(
        (version, label if pattern else normal(label))
        for version, listed in spec.items()
        if version not in _OPTIONS
        for label in listed
    )
    newest = [spec[language][0] for language in ("en", "fr") if language in spec]
    shown = spec.get("shown", " / ".join(dict.fromkeys(newest)))
    return Label(column, spec.get("need", "optional"), spec.get("many", False), labels, pattern, shown)
