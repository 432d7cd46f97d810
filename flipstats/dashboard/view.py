"""The widgets of a page: controls above, numbers and figures below, all drawn from one `Content`.

What a browser sends back (which option is chosen) is checked against what was offered, as if it were
hostile; every text that comes from data is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from flipstats import display
from flipstats.dashboard.environment import LANGUAGE_VARIABLE, ROLE_VARIABLE, STUDY_VARIABLE, one_of
from flipstats.dashboard.plotview import Address, PlotView
from flipstats.dashboard.ready import numbers_of, snapshot
from flipstats.dashboard.state import (
    Block,
    Choice,
    Content,
    Control,
    Section,
    State,
    read_language,
    read_query,
)
from flipstats.dashboard.viewer import await_viewer
from flipstats.errors import FlipstatsError
from flipstats.i18n import LANGUAGES, in_language, t
from flipstats.indicators.definition import ROLES

ALL = ""  # a control's value for "all"; no option has an empty value


class Page:
    """One viewer's page: controls, headline numbers, and sections with their blocks.

    Parameters
    ----------
    state : State
        The numbers, made ready.
    query : str
        The query string of the viewer's address.

    Attributes
    ----------
    widget : VBox
        What is displayed.
    lang : {"en", "fr"}
        The viewer's language.
    """

    def __init__(self, state: State, query: str = "") -> None:
        self._state = state
        self.lang = read_language(query, state.language)
        self._settling, self._turn = False, 0
        self._address = Address()
        with in_language(self.lang):
            self._form = state.form()
            self._choice = read_query(query, self._form)
            content = state.content(self._choice)
            self._controls = {control.name: self._control(control) for control in self._form.controls}
            self._head, self._problem, self._cards, self._notes = (
                _text(name) for name in ("fs-head", "fs-problem", "fs-cards", "fs-notes")
            )
            self._questions = {section.key: _text("fs-question") for section in content.sections}
            self._views = {s.key: {block.key: PlotView() for block in s.blocks} for s in content.sections}
            self._fill(content)
        self.widget = self._layout(content.sections)
        for control in self._controls.values():
            control.observe(self._chosen, names="value")

    def open(self, query: str) -> Page:
        """Show what a link asks for; returns this page, or another where the link is in another language."""
        if read_language(query, self._state.language) != self.lang:
            self.close()
            return Page(self._state, query)
        if (choice := read_query(query, self._form)) != self._choice:
            with in_language(self.lang):
                self._go(choice)
        return self

    def close(self) -> None:
        """Let go of every widget."""
        for widget in (*_below(self.widget), self.widget):
            widget.close()

    def _control(self, control: Control) -> widgets.Dropdown:
        return widgets.Dropdown(
            options=self._options(control),
            value=self._choice[control.name] or ALL,
            description=control.label,
        )

    def _options(self, control: Control) -> list[tuple[str, str]]:
        offered = [(option.label, option.value) for option in self._form.offered(control.name, self._choice)]
        return (
            [(control.every or t("page.nothing_offered"), ALL), *offered]
            if control.every or not offered
            else offered
        )

    def _layout(self, sections: Sequence[Section]) -> widgets.VBox:
        choosable = [self._controls[c.name] for c in self._form.controls if len(c.options) > 1]
        parts = [
            _box(
                [self._questions[s.key], _box(self._views[s.key].values(), "fs-figures")],
                "fs-section",
                f"fs-s-{s.key}",
            )
            for s in sections
        ]
        controls = [_box(choosable, "fs-controls")] if choosable else []
        top = [self._address, self._head, *controls, self._problem, self._cards]
        return _box([*top, *parts, self._notes], "fs-page")

    def _chosen(self, _change: dict) -> None:
        """Answer a choice: everything on the page is made from one `Content`, or a message says why not."""
        if self._settling:
            return
        wanted = {name: control.value for name, control in self._controls.items() if control.value}
        with in_language(self.lang):
            try:
                self._go(self._form.settle(wanted))
                self._problem.value = ""
            except FlipstatsError as error:
                self._problem.value = _message(str(error))
            except Exception:
                self._problem.value = _message(t("page.failed"))
                raise

    def _go(self, choice: Choice) -> None:
        """Show a choice, and offer what goes with it only."""
        self._choice = self._form.check(choice)
        self._settling = True
        try:
            for declared in self._form.controls:
                control, offered = self._controls[declared.name], tuple(self._options(declared))
                if control.options != offered:
                    control.options = offered
                control.value = choice[declared.name] or ALL
        finally:
            self._settling = False
        self._fill(self._state.content(choice))

    def _fill(self, content: Content) -> None:
        self._turn += 1
        self._head.value = _head(content)
        self._cards.value = (
            f'<h2 class="fs-sr">{escape(t("report.q_headline"))}</h2>{display.cards(content.lines)}'
            if content.lines
            else ""
        )
        self._notes.value = "".join(f"<p>{escape(note)}</p>" for note in content.notes)
        for section in content.sections:
            self._questions[section.key].value = _question(section)
            said = set()
            for block in section.blocks:
                again = bool(block.missing) and block.missing in said  # one reason, told once
                html = "<div hidden></div>" if again else block_html(block)
                self._views[section.key][block.key].show(block.key, html, self._turn)
                said.add(block.missing)
        self._address.now = {
            "rev": self._turn,
            "query": self._choice.query(self.lang),
            "title": f"{content.title} – flipstats",
            "said": t("page.now_showing", scope=content.scope),
        }


@dataclass(frozen=True, slots=True)
class Ready:
    """A page that is made and whose viewer has not come, or the reason why there is none.

    Attributes
    ----------
    made_from : tuple of str
        See `ready.Numbers`.
    page : Page or None
        As it opens without a link to anything.
    problem : str
    """

    made_from: tuple[str, ...] = ()
    page: Page | None = None
    problem: str = ""

    def show(self) -> widgets.Widget:
        """Wait for the viewer, and return what the viewer sees: the numbers of the study as it is by then."""
        query = await_viewer()
        now = self._again()
        if now.page is None:
            return widgets.HTML(_message(now.problem))
        return now.page.open(query).widget

    def _again(self) -> Ready:
        """Return this page, or, where the study was built anew since, one made from it as it is now."""
        if self.page is None:
            return self
        page, folder, then, role, lang = self.made_from
        return self if snapshot(folder) == then else prepare(page, folder, role=role, lang=lang)


def prepare(
    page: str, study_dir: str | None = None, *, role: str | None = None, lang: str | None = None
) -> Ready:
    """Make a page ready, before its viewer comes.

    Parameters
    ----------
    page : str
        Its name; see `flipstats.dashboard.ready.PAGES`.
    study_dir : str, optional
        A study folder; by default the one `serve` or `lab` put into the environment.
    role, lang : str, optional
        By default those of the environment; then ``"manager"``, and the programme's language.

    Returns
    -------
    Ready
        What flipstats refuses becomes the message the viewer reads.
    """
    lang = lang or os.environ.get(LANGUAGE_VARIABLE) or None
    with in_language(lang if lang in LANGUAGES else "en"):
        try:
            role = one_of("role", role or os.environ.get(ROLE_VARIABLE) or "manager", ROLES)
            lang = None if lang is None else one_of("lang", lang, LANGUAGES)
            found = numbers_of(page, study_dir or os.environ.get(STUDY_VARIABLE, ""), role, lang)
            return Ready(found.made_from, Page(found.state))
        except FlipstatsError as error:
            return Ready(problem=str(error))


def _box(children: Iterable[widgets.Widget], *names: str) -> widgets.VBox:
    box = widgets.VBox(list(children))
    for name in names:
        box.add_class(name)
    return box


def _below(box: widgets.Box) -> Iterator[widgets.Widget]:
    for child in box.children:
        yield from _below(child) if isinstance(child, widgets.Box) else ()
        yield child


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


def _question(section: Section) -> str:
    answer = f'<p class="fs-answer">{escape(section.answer)}</p>' if section.answer else ""
    return f"<h2>{escape(section.question)}</h2>{answer}" if section.question else ""


def block_html(block: Block) -> str:
    """Return a block as one element; it carries what its width is."""
    if not (block.html or block.picture or block.missing):
        return "<div hidden></div>"
    if block.html:
        inside = block.html
    elif block.picture is None:
        inside = display.notice(block.missing, remedy=block.remedy)
    else:
        inside = display.figure(block.picture)
    wide = " data-wide" if block.wide else ""
    return f'<div class="fs-block"{wide}>{inside}</div>'
