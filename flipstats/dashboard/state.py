"""What a page shows, for whom and in which language; nothing here knows a widget."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs, urlencode

from flipstats.errors import ParameterError
from flipstats.i18n import LANGUAGES, t

STUDY_VARIABLE = "FLIPSTATS_STUDY"
ROLE_VARIABLE = "FLIPSTATS_ROLE"
LANGUAGE_VARIABLE = "FLIPSTATS_LANG"
ROLES = ("research", "manager", "trainer")
_LONGEST_QUERY = 2000  # characters; a link of ours has a few dozen


@dataclass(frozen=True, slots=True)
class Choice:
    """What the viewer chose; None stands for all."""

    cohort: str | None = None
    iteration: int | None = None

    def query(self, lang: str) -> str:
        """Return the query string of a link to this choice.

        Examples
        --------
        >>> Choice(cohort="Groupe A", iteration=2).query("fr")
        'lang=fr&iteration=2&cohort=Groupe+A'
        """
        chosen = {"lang": lang, "iteration": self.iteration, "cohort": self.cohort}
        return urlencode({name: value for name, value in chosen.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The cohorts and iterations a viewer may choose, in the order they are offered.

    Attributes
    ----------
    titles : mapping of str to str
        Cohort id to title.
    iterations : mapping of str to int or None
        Cohort id to its iteration.
    """

    titles: Mapping[str, str]
    iterations: Mapping[str, int | None]

    def of(self, iteration: int | None) -> list[str]:
        """Return the cohorts of an iteration; all of them for None."""
        return [c for c in self.titles if iteration is None or self.iterations[c] == iteration]

    def all_iterations(self) -> list[int]:
        """Return the iterations there are, in order."""
        return sorted({i for i in self.iterations.values() if i is not None})

    def check(self, choice: Choice) -> Choice:
        """Return the choice where it is one of those offered.

        Raises
        ------
        ParameterError
            The cohort or the iteration is not in the study, or they do not go together.
        """
        if choice.iteration is not None and choice.iteration not in self.all_iterations():
            raise ParameterError(t("page.not_offered", what=t("page.iteration"), value=choice.iteration))
        if choice.cohort is not None and choice.cohort not in self.of(choice.iteration):
            raise ParameterError(t("page.not_offered", what=t("page.cohort"), value=choice.cohort))
        return choice


def read_query(query: str, cohorts: Cohorts, lang: str) -> tuple[Choice, str]:
    """Read the query string of a link; what is not on the lists falls back to all, and to `lang`.

    Examples
    --------
    >>> cohorts = Cohorts({"A": "Group A"}, {"A": 1})
    >>> read_query("cohort=A&lang=fr", cohorts, "en")
    (Choice(cohort='A', iteration=None), 'fr')
    >>> read_query("cohort=<script>&iteration=x&lang=xx", cohorts, "en")
    (Choice(cohort=None, iteration=None), 'en')
    """
    given = parse_qs(query[:_LONGEST_QUERY])
    cohort, iteration, asked = (given.get(name, [""])[0] for name in ("cohort", "iteration", "lang"))
    numbers = {str(i): i for i in cohorts.all_iterations()}
    within = numbers.get(iteration)
    return (
        Choice(cohort if cohort in cohorts.of(within) else None, within),
        asked if asked in LANGUAGES else lang,
    )


@dataclass(frozen=True, slots=True)
class DataTable:
    """The numbers behind a figure, as text in the reader's language."""

    label: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as the page shows it, or the words that stand where there is none."""

    key: str
    title: str
    caption: str = ""
    alt: str = ""
    spec: str | None = None
    table: DataTable | None = None
    empty: str | None = None

    def to_dict(self) -> dict:
        """Return the figure as plain values, for a browser."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Card:
    """One headline number: what it is, its value, how sure it is and what to bear in mind."""

    key: str
    label: str
    value: str
    interval: str = ""
    note: str = ""
    position: tuple[float, float, float] | None = None  # low, value, high on the card's scale, each in 0-1


@dataclass(frozen=True, slots=True)
class Section:
    """One question, its answer in a sentence, and its figures."""

    key: str
    question: str
    answer: str
    figures: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the page shows for one choice."""

    title: str
    subtitle: str
    scope: str
    cards: Sequence[Card]
    sections: Sequence[Section]
    notes: Sequence[str]


def from_environment(name: str, allowed: Sequence[str], otherwise: str) -> str:
    """Return a variable `serve` set, or `otherwise` where it is absent.

    Raises
    ------
    ParameterError
        It has a value that is not allowed.
    """
    value = os.environ.get(name) or otherwise
    if value not in allowed:
        raise ParameterError(t("page.not_one_of", name=name, value=value, known=", ".join(allowed)))
    return value
