"""What a page shows, for whom and in which language; nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from flipstats.errors import ParameterError
from flipstats.i18n import LANGUAGES, t

if TYPE_CHECKING:
    from flipstats.figures import Picture
    from flipstats.headline import Line

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
class Block:
    """A figure of the page, or the notice that stands where it cannot be drawn.

    Attributes
    ----------
    key : str
        Its name, the same whatever it shows.
    picture : Picture or None
        What is drawn.
    missing, remedy : str
        Where there is no picture: why, and what to do.
    """

    key: str
    picture: Picture | None
    missing: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One question, its answer in a sentence, and its figures."""

    key: str
    question: str
    answer: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the page shows for one choice.

    Attributes
    ----------
    title, subtitle : str
        Of the programme.
    scope : str
        In words, what the numbers are about.
    lines : sequence of Line
        The headline.
    sections : sequence of Section
        Always the same keys in the same order.
    notes : sequence of str
        What to know of these numbers, for whom they were made and from what.
    """

    title: str
    subtitle: str
    scope: str
    lines: Sequence[Line]
    sections: Sequence[Section]
    notes: Sequence[str]
