"""What a page shows, for whom and in which language; nothing here knows a widget.

A page is two things: a `Form`, its controls declared as data, and the `Content` of each `Choice`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlencode

from flipstats.errors import ParameterError
from flipstats.i18n import LANGUAGES, t

if TYPE_CHECKING:
    from flipstats.figures import Picture
    from flipstats.headline import Line

_LONGEST_QUERY = 2000  # characters; a link of ours has a few dozen


@dataclass(frozen=True, slots=True)
class Choice:
    """What the viewer chose: values by control, sorted by their names; a control left out stands for all.

    Examples
    --------
    >>> Choice.of(iteration=2, cohort="A", session=None)
    Choice(chosen=(('cohort', 'A'), ('iteration', '2')))
    """

    chosen: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, **values: str | int | None) -> Choice:
        """Make a choice; None stands for all."""
        return cls(tuple(sorted((name, str(v)) for name, v in values.items() if v is not None)))

    def __getitem__(self, name: str) -> str | None:
        return dict(self.chosen).get(name)

    def number(self, name: str) -> int | None:
        """Return a value that is a number; None where all are meant."""
        return None if self[name] is None else int(self[name])

    def query(self, lang: str) -> str:
        """Return the query string of a link to this choice.

        Examples
        --------
        >>> Choice.of(cohort="Groupe A", iteration=2).query("fr")
        'lang=fr&cohort=Groupe+A&iteration=2'
        """
        return urlencode([("lang", lang), *self.chosen])


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a control offers.

    Attributes
    ----------
    value : str
        As it stands in a link; never empty.
    label : str
        As the viewer reads it.
    within : mapping of str to str
        Values of other controls that it goes with; it is not offered beside another value of theirs.
    """

    value: str
    label: str
    within: Mapping[str, str] = field(default_factory=dict)

    def goes_with(self, choice: Mapping[str, str]) -> bool:
        """Return whether nothing chosen so far excludes it."""
        return all(choice.get(name, value) == value for name, value in self.within.items())


@dataclass(frozen=True, slots=True)
class Control:
    """One choice of a page, declared as data.

    Attributes
    ----------
    name : str
        In a link.
    label : str
        As the viewer reads it.
    options : sequence of Option
    every : str
        What it is called to choose none of them; empty where one must be chosen.
    first : sequence of str
        Where one must be chosen and the viewer has not: the values to take, the first that is offered.
    """

    name: str
    label: str
    options: Sequence[Option]
    every: str = ""
    first: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """The controls of a page, in order: what one offers depends on those before it.

    Examples
    --------
    >>> form = Form((
    ...     Control("iteration", "Iteration", [Option("1", "First"), Option("2", "Second")], "All"),
    ...     Control("cohort", "Cohort", [Option("A", "Group A", {"iteration": "1"})], "All"),
    ... ))
    >>> form.settle({"iteration": "2", "cohort": "A"})
    Choice(chosen=(('iteration', '2'),))
    """

    controls: tuple[Control, ...]

    def offered(self, name: str, choice: Choice) -> list[Option]:
        """Return what a control offers beside a choice."""
        before: dict[str, str] = {}
        for control in self.controls:
            if control.name == name:
                return [option for option in control.options if option.goes_with(before)]
            if (value := choice[control.name]) is not None:
                before[control.name] = value
        raise KeyError(name)

    def settle(self, wanted: Mapping[str, str]) -> Choice:
        """Return the nearest choice that is offered: else all; where one must be chosen, its first."""
        kept: dict[str, str] = {}
        for control in self.controls:
            values = [option.value for option in control.options if option.goes_with(kept)]
            if (value := wanted.get(control.name)) in values:
                kept[control.name] = value
            elif values and not control.every:
                kept[control.name] = next((v for v in control.first if v in values), values[0])
        return Choice.of(**kept)

    def check(self, choice: Choice) -> Choice:
        """Return the choice where everything in it is offered.

        Raises
        ------
        ParameterError
            Something chosen is not in the study, or does not go with the rest.
        """
        settled = self.settle(dict(choice.chosen))
        for control in self.controls:
            value = choice[control.name]
            if value is not None and settled[control.name] != value:
                raise ParameterError(t("page.not_offered", what=control.label, value=value))
        return settled


def read_language(query: str, lang: str) -> str:
    """Read the language a link asks for; `lang` where it asks for none of ours.

    Examples
    --------
    >>> read_language("cohort=A&lang=fr", "en"), read_language("lang=<b>", "en")
    ('fr', 'en')
    """
    asked = _given(query).get("lang")
    return asked if asked in LANGUAGES else lang


def read_query(query: str, form: Form) -> Choice:
    """Read what a link asks for; what is not offered falls back to all.

    Examples
    --------
    >>> form = Form((Control("cohort", "Cohort", [Option("A", "Group A")], "All cohorts"),))
    >>> read_query("cohort=A&more=1", form), read_query("cohort=<script>", form)
    (Choice(chosen=(('cohort', 'A'),)), Choice(chosen=()))
    """
    return form.settle(_given(query))


def _given(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query[:_LONGEST_QUERY]).items()}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a section: a figure, other content, or the notice that stands where there is neither.

    Attributes
    ----------
    key : str
        Its name, the same whatever it shows.
    picture : Picture or None
        What is drawn.
    html : str
        Content that `flipstats.display` made, where it is not one figure.
    missing, remedy : str
        Where there is nothing to show: why, and what to do.
    wide : bool
        It takes the whole width.
    """

    key: str
    picture: Picture | None = None
    missing: str = ""
    remedy: str = ""
    html: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One question, its answer in a sentence, and its blocks."""

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


class State(Protocol):
    """What a page needs to know of its numbers."""

    language: str

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""

    def content(self, choice: Choice) -> Content:
        """Return what the page shows for a choice, in the language in use."""
