"""Invented people: names from many places, addresses on reserved or invented domains."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

_LISTS = tomllib.loads((files("flipstats.sample") / "names.toml").read_text(encoding="utf-8"))
FIRST, LAST = tuple(_LISTS["first"]), tuple(_LISTS["last"])
# (given, family) as written, and as a system without those letters writes it
OTHER_SCRIPTS = (
    (("小明", "王"), ("Xiaoming", "Wang")),
    (("Ольга", "Смирнова"), ("Olga", "Smirnova")),
    (("Ελένη", "Παπαδοπούλου"), ("Eleni", "Papadopoulou")),
    (("أمل", "الحداد"), ("Amal", "Al-Haddad")),
    (("さくら", "山田"), ("Sakura", "Yamada")),
)
RESOLVABLE = ("Marie", "Martin")  # two people of iteration 2, told apart by the course completion report
UNRESOLVABLE = ("Thomas", "Bernard")  # two people of iteration 1 in one group: nothing tells them apart
TRAINERS = (
    ("Sophie", "Delaunay"),
    ("Karim", "Belkacem"),
    ("Maïwenn", "Le Bihan"),
    ("Étienne", "Rochefort"),
    ("Ingrid", "Lindqvist"),
    ("Paulo", "Figueira"),
)
ADMIN = ("Admin", "Plateforme")

_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ı": "i", "ß": "ss", "œ": "oe", "Œ": "OE", "æ": "ae", "đ": "d"}
)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone invented: names as written, names in Latin letters, address and account name."""

    given: str
    family: str
    latin_given: str
    latin_family: str
    email: str
    username: str

    @property
    def full(self) -> str:
        """Given name then family name, as Moodle shows them."""
        return f"{self.given} {self.family}"


def ascii_of(text: str) -> str:
    """Return `text` without accents or letters outside ASCII.

    Examples
    --------
    >>> ascii_of("Łukasz Größer")
    'Lukasz Grosser'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(c for c in plain if c.isascii())


def _slug(text: str) -> str:
    return "".join(c for c in ascii_of(text).lower() if c.isalnum())


def draw_names(n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Draw `n` different (given, family) names; families are doubled where the lists run out."""
    pairs = len(FIRST) * len(LAST)
    doubled = 2 * n > pairs
    # Without replacement from so many pairs, homonyms are only those planted on purpose.
    picks = rng.choice(pairs * len(LAST) if doubled else pairs, size=n, replace=False)
    drawn = []
    for pick in picks.tolist():
        pair, second = (pick // len(LAST), pick % len(LAST)) if doubled else (pick, None)
        given, family = FIRST[pair // len(LAST)], LAST[pair % len(LAST)]
        if second is not None and LAST[second] != family:
            family = f"{family}-{LAST[second]}"
        drawn.append((given, family))
    return drawn


def people(names: list[tuple[str, str]], rng: np.random.Generator) -> list[Person]:
    """Give everyone an address and an account name of their own."""
    abroad = rng.random(len(names)) < 0.15
    latin = dict(OTHER_SCRIPTS)
    taken: dict[str, int] = {}
    made = []
    for (given, family), outside in zip(names, abroad.tolist(), strict=True):
        latin_given, latin_family = latin.get((given, family), (given, family))
        base = f"{_slug(latin_given)}.{_slug(latin_family)}"
        taken[base] = taken.get(base, 0) + 1
        username = base if taken[base] == 1 else f"{base}{taken[base]}"
        domain = "example.org" if outside else "exemple-formation.fr"
        made.append(Person(given, family, latin_given, latin_family, f"{username}@{domain}", username))
    return made
