"""The widgets of a page: controls above, numbers and figures below, all drawn from one `Content`.

What a browser sends back (which option is chosen) is checked against what was offered, as if it were
hostile; every text that comes from data is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Protocol

import ipywidgets as widgets

from flipstats.dashboard.plotview import Address, PlotView
from flipstats.dashboard.state import Card, Choice, Cohorts, Content, Section, read_query
from flipstats.errors import FlipstatsError
from flipstats.i18n import in_language, t

ALL = ""  # a control's value for "all"; no cohort has an empty name


class State(Protocol):
    """What a page needs to know of its numbers."""

    cohorts: Cohorts
    language: str

    def content(self, choice: Choice) -> Content:
        """Return what the page shows for a choice, in the language in use."""


class Page:
    """One viewer's page: two choices, headline numbers, and sections with their figures."""

    def __init__(self, state: State, query: str = "") -> None:
        self._state = state
        self._choice, self.lang = read_query(query, state.cohorts, state.language)
        self._settling = False
        self._address = Address()
        with in_language(self.lang):
            content = state.content(self._choice)
            self._iteration, self._cohort = self._controls()
            self._head, self._cards, self._notes = _text("fs-head"), _text("fs-cards"), _text("fs-notes")
            self._problem = _text("fs-problem")
            self._answers = {section.key: _text("fs-answer") for section in content.sections}
            self._plots = {s.key: [PlotView() for _ in s.figures] for s in content.sections}
            self._fill(content)
        self.widget = self._layout(content.sections)
        for control in (self._iteration, self._cohort):
            control.observe(self._chosen, names="value")

    def _controls(self) -> tuple[widgets.Dropdown, widgets.Dropdown]:
        numbers = self._state.cohorts.all_iterations()
        options = [(t("page.all_iterations"), ALL), *((t("page.iteration_n", n=n), n) for n in numbers)]
        chosen = [ALL if c is None else c for c in (self._choice.iteration, self._choice.cohort)]
        return (
            widgets.Dropdown(options=options, value=chosen[0], description=t("page.iteration")),
            widgets.Dropdown(options=self._cohort_options(), value=chosen[1], description=t("page.cohort")),
        )

    def _cohort_options(self) -> list[tuple[str, str]]:
        cohorts = self._state.cohorts
        offered = cohorts.of(self._choice.iteration)
        return [(t("page.all_cohorts"), ALL), *((cohorts.titles[c], c) for c in offered)]

    def _layout(self, sections: list[Section]) -> widgets.VBox:
        shown = [self._cohort] if len(self._iteration.options) < 3 else [self._iteration, self._cohort]
        blocks = [
            _box([self._answers[s.key], _box(self._plots[s.key], "fs-figures")], "fs-section")
            for s in sections
        ]
        return _box(
            [
                self._address,
                self._head,
                _box(shown, "fs-controls"),
                self._problem,
                self._cards,
                *blocks,
                self._notes,
            ],
            "fs-page",
        )

    def _chosen(self, change: dict) -> None:
        """Answer a choice: everything on the page is made from one `Content`, or a message says why not."""
        if self._settling:
            return
        with in_language(self.lang):
            try:
                self._settle(change["owner"] is self._iteration)
                self._fill(self._state.content(self._choice))
                self._problem.value = ""
            except FlipstatsError as error:
                self._problem.value = _message(str(error))
            except Exception:
                self._problem.value = _message(t("page.failed"))
                raise

    def _settle(self, iteration_changed: bool) -> None:
        """Read the controls into a checked choice, and offer the cohorts of the chosen iteration only."""
        cohorts, iteration, cohort = (
            self._state.cohorts,
            self._iteration.value or None,
            self._cohort.value or None,
        )
        if iteration_changed and cohort not in cohorts.of(iteration):
            cohort = None
        self._choice = cohorts.check(Choice(cohort, iteration))
        if iteration_changed:
            self._settling = True
            try:
                self._cohort.options = self._cohort_options()
                self._cohort.value = cohort or ALL
            finally:
                self._settling = False

    def _fill(self, content: Content) -> None:
        self._head.value = _head(content)
        self._cards.value = _cards(content.cards)
        self._notes.value = "".join(f"<p>{escape(note)}</p>" for note in content.notes)
        for section in content.sections:
            self._answers[section.key].value = _heading(section)
            for plot, shown in zip(self._plots[section.key], section.figures, strict=True):
                plot.show(shown)
        self._address.now = {
            "query": self._choice.query(self.lang),
            "title": f"{content.title} – flipstats",
            "said": t("page.now_showing", scope=content.scope),
        }


def _box(children: list[widgets.Widget], name: str) -> widgets.VBox:
    box = widgets.VBox(children)
    box.add_class(name)
    return box


def _text(name: str) -> widgets.HTML:
    text = widgets.HTML()
    text.add_class(name)
    return text


def _message(words: str) -> str:
    return f'<div class="fs-message" role="alert"><p>{escape(words)}</p></div>'


def _head(content: Content) -> str:
    return (
        f"<h1>{escape(content.title)}</h1><p>{escape(content.subtitle)}</p>"
        f'<p class="fs-scope">{escape(content.scope)}</p>'
    )


def _heading(section: Section) -> str:
    return f"<h2>{escape(section.question)}</h2><p>{escape(section.answer)}</p>"


def _cards(cards: list[Card]) -> str:
    return '<div class="fs-grid">' + "".join(_card(card) for card in cards) + "</div>"


def _card(card: Card) -> str:
    bar = ""
    if card.position:
        low, value, high = (f"{100 * x:.1f}%" for x in card.position)
        bar = (
            f'<div class="fs-range" aria-hidden="true" style="--low:{low};--at:{value};--high:{high}"></div>'
        )
    return (
        f'<div class="fs-card" data-key="{escape(card.key)}"><h3>{escape(card.label)}</h3>'
        f'<p class="fs-value">{escape(card.value)}</p>{bar}'
        f'<p class="fs-interval">{escape(card.interval)}</p><p class="fs-note">{escape(card.note)}</p></div>'
    )
