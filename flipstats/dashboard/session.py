"""The page `session`: the brief of a session for its trainer; for managers, the session as numbers only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from flipstats import display, figures, i18n, metrics
from flipstats.bench import Brief, brief_of
from flipstats.dashboard.about import About
from flipstats.dashboard.manager import block_of, line_of
from flipstats.dashboard.numbers import Numbers
from flipstats.dashboard.state import Block, Choice, Content, Control, Form, Option, Section, State
from flipstats.i18n import t
from flipstats.study import Study, open_study

PARTS: dict[str, Callable[[Brief], display.Html]] = {
    "brief": display.brief_head,
    "take_up": display.take_up,
    "unprepared": display.unprepared,
    "preparation": display.preparation_done,
    "blocking": display.blocking_questions,
    "asked": display.asked_before,
}
_NUMBERS = ("prepared_rate", "start_score")


class Sessions:
    """The sessions a viewer may choose, and which one comes first.

    Attributes
    ----------
    rows : DataFrame
        ``session_id, cohort_id, sequence, title, starts_at``, by time.

    Notes
    -----
    `told` says how many numbers of a cohort's session the viewer may see, where some may be hidden.
    """

    def __init__(self, study: Study, about: About, told: Mapping[tuple[str, int], int] | None = None) -> None:
        self._about = about
        self.rows = (
            study.table("sessions")
            .filter(kind="session")
            .select("session_id", "cohort_id", "sequence", "title", "starts_at")
            .sort("starts_at", "session_id")
            .collect()
        )
        self._first = self._preferred(about.as_of)
        if told is not None:  # first those of which most may be shown; of these, the order stays
            place = {row["session_id"]: (row["cohort_id"], row["sequence"]) for row in self.rows.to_dicts()}
            self._first.sort(key=lambda session: -told.get(place[session], 0))

    def _preferred(self, now: datetime | None) -> list[str]:
        """Return each cohort's next session after the data end, else its last; the next of all first."""
        later = self.rows.filter(pl.col("starts_at") >= now) if now else self.rows.clear()
        coming = later.unique("cohort_id", keep="first", maintain_order=True)
        gone = self.rows.join(coming, on="cohort_id", how="anti").reverse()
        return [
            *coming["session_id"],
            *gone.unique("cohort_id", keep="first", maintain_order=True)["session_id"],
        ]

    def form(self) -> Form:
        """Return the choice of iteration, cohort and session."""
        iteration, cohort = self._about.controls(every_cohort=False)
        of = dict(self._about.cohorts.select("cohort_id", "iteration").iter_rows())
        options = [
            Option(row["session_id"], self.label(row), _within(row["cohort_id"], of[row["cohort_id"]]))
            for row in self.rows.iter_rows(named=True)
        ]
        firsts = self.rows.filter(pl.col("session_id").is_in(self._first[:1]))["cohort_id"].to_list()
        cohort = Control(cohort.name, cohort.label, cohort.options, first=firsts)
        return Form((iteration, cohort, Control("session", t("session.session"), options, first=self._first)))

    def label(self, row: dict) -> str:
        """Return a session's number and when it starts."""
        when = i18n.moment(row["starts_at"], self._about.zone)
        return t("session.option", n="–" if row["sequence"] is None else row["sequence"], when=when)

    def row(self, choice: Choice) -> dict | None:
        """Return the session chosen; None where the study has none."""
        found = self.rows.filter(pl.col("session_id") == (choice["session"] or ""))
        return found.row(0, named=True) if found.height else None


def _within(cohort: str, iteration: int | None) -> dict[str, str]:
    return {"cohort": cohort} if iteration is None else {"cohort": cohort, "iteration": str(iteration)}


class Trainer:
    """The brief of each session, made when it is asked for.

    Parameters
    ----------
    study : Study
        Saved in a folder: a kernel opens it there.
    role : {"research", "trainer"}
    language : {"en", "fr"}, optional
        Where the viewer's address asks for none; the programme's by default.

    Attributes
    ----------
    language : str
    """

    def __init__(self, study: Study, role: str, language: str | None = None) -> None:
        self.language = language or study.programme.language
        self._about, self._role = About.of(study, role), role
        self._sessions = Sessions(study, self._about)
        self._study: Study | None = study
        self._folder: Path | None = study.path
        self._made: dict[str, Brief] = {}
        self._brief(self.form().settle({}))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_study": None if self._folder else self._study}

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""
        return self._sessions.form()

    def _brief(self, choice: Choice) -> Brief:
        session = choice["session"]
        if session is None:
            return Brief(None, silent="no_sessions")
        if session not in self._made:
            self._study = self._study or open_study(self._folder)
            self._made[session] = brief_of(self._study, session, role=self._role)
        return self._made[session]

    def content(self, choice: Choice) -> Content:
        """Return the brief of the session chosen, in the language in use."""
        brief = self._brief(choice)
        blocks = [Block(key, html=str(part(brief)), wide=True) for key, part in PARTS.items()]
        return Content(
            title=t("session.title", programme=self._about.title),
            subtitle=self._about.subtitle(),
            scope=_scope(self._about, self._sessions, choice),
            lines=[],
            sections=[Section(block.key, "", "", [block]) for block in blocks],
            notes=[*self._about.notes(), t("session.note_pseudonyms"), t("session.note_paper")],
        )


class Numbered:
    """A session for managers: shares and scores of its group, no learner and no comment.

    Parameters and attributes are those of `Trainer`.
    """

    def __init__(self, study: Study, role: str, language: str | None = None) -> None:
        self.language = language or study.programme.language
        self._numbers = Numbers.of(study, role, _NUMBERS)
        self._about = self._numbers.about
        self._sessions = Sessions(study, self._about, self._numbers.told())

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""
        return self._sessions.form()

    def content(self, choice: Choice) -> Content:
        """Return everything the page shows for a choice, in the language in use."""
        session = self._sessions.row(choice)
        lines, sections = [], []
        for key in _NUMBERS:
            rows = self._numbers.by_session(key, choice)
            here = rows.filter(
                pl.col("cohort_id").is_not_null(),
                pl.col("sequence").eq_missing(pl.lit(session and session["sequence"], pl.Int64)),
            )
            lines.append(
                line_of(
                    key, {row["statistic"]: row for row in here.iter_rows(named=True)}, self._numbers.depth
                )
            )
            sections.append(self._section(key, rows, choice))
        return Content(
            title=t("session.title", programme=self._about.title),
            subtitle=self._about.subtitle(),
            scope=_scope(self._about, self._sessions, choice),
            lines=lines,
            sections=sections,
            notes=[*self._about.notes(), t("session.note_manager")],
        )

    def _section(self, key: str, rows: pl.DataFrame, choice: Choice) -> Section:
        title = self._about.titles().get(choice["cohort"] or "", "–")
        words = (
            pl.when(pl.col("cohort_id").is_null()).then(pl.lit(t("session.format"))).otherwise(pl.lit(title))
        )
        named = rows.with_columns(words.alias("series"))
        if (session := self._sessions.row(choice)) is None:
            missing = metrics.reason_text("no_sessions")
            return Section(
                key,
                t(f"session.q_{key}"),
                "",
                [Block(key, missing=missing, remedy=t("page.remedy_no_sessions"))],
            )
        mark = t("session.one_of", session=self._sessions.label(session))

        def drawn() -> figures.Picture:
            if key == "start_score":
                return figures.start_scores(named, series="series", treated=title)
            measure = t(f"report.measure_prepared_{self._numbers.depth}")
            return figures.preparation_by_session(
                named, series="series", treated=title, statistic="all", measure=measure
            )

        block = block_of(key, named, drawn, note=mark, page="session")
        return Section(key, t(f"session.q_{key}"), "", [block])


def session(study: Study, role: str, language: str | None = None) -> State:
    """Make the page `session` for a role: single learners are for research and for trainers."""
    return (Numbered if role == "manager" else Trainer)(study, role, language)


def _scope(about: About, sessions: Sessions, choice: Choice) -> str:
    row = sessions.row(choice)
    return " · ".join(
        [*([about.scope(choice)] if choice["cohort"] else []), *([sessions.label(row)] if row else [])]
    )
