"""The page `manager`: few numbers, where they go, and what to decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import polars as pl

from flipstats import figures, i18n, metrics
from flipstats.dashboard.decide import Decide
from flipstats.dashboard.effect import COMPLETION, Effect
from flipstats.dashboard.material import Material
from flipstats.dashboard.numbers import Numbers
from flipstats.dashboard.obstacles import Obstacles
from flipstats.dashboard.state import Block, Choice, Content, Form, Section
from flipstats.display import arm_words
from flipstats.display.views import BANDS, in_arm_words
from flipstats.headline import Line
from flipstats.i18n import number, percent, t
from flipstats.study import Study

_STATISTIC = {
    "prepared_rate": "all",
    "consultation_rate": "rate",
    "lead_time": "median",
    "start_score": "mean",
    "completion_rate": "rate",
}


TREND = ("prepared_rate", "start_score", "completion_rate")


class Manager:
    """What the page shows of a study, for a role; made once, it no longer needs the study.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Outside research small cells are suppressed.
    language : {"en", "fr"}, optional
        Where the viewer's address asks for none; the programme's by default.

    Attributes
    ----------
    language : str
    """

    def __init__(self, study: Study, role: str, language: str | None = None) -> None:
        self.language = language or study.programme.language
        self._treated, self._thresholds = study.design.treated, study.thresholds
        self._numbers, self._effect = Numbers.of(study, role), Effect(study, role)
        self._about, self._decide = self._numbers.about, Decide(study, role)
        self._obstacles = Obstacles(study, role, self._about)
        self._material = Material(study, role, self._about)
        self._sessions = study.table("sessions").select("session_id", "sequence", "title").collect()

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""
        return Form(self._about.controls())

    def content(self, choice: Choice) -> Content:
        """Return everything the page shows for a choice, in the language in use."""
        prepared, ready, completed = (
            self._line(key, choice) for key in ("prepared_rate", "start_score", "completion_rate")
        )
        effect = self._effect.line(choice)
        finished = f"{completed.sentence} {self._effect.sentence(choice, COMPLETION)}"
        return Content(
            title=self._about.title,
            subtitle=self._about.subtitle(),
            scope=self._about.scope(choice),
            lines=[_short(line) for line in (prepared, ready, effect, completed)],
            sections=[
                Section(
                    "decide",
                    t("manager.q_decide"),
                    self._decide.sentence(choice),
                    [self._decide.block(choice)],
                ),
                _section("preparation", prepared.sentence, self._preparation(choice)),
                _section("material", t("material.answer"), [self._material.reach(choice)]),
                _section("trend", t("manager.a_trend"), self._trend(choice)),
                _section("readiness", ready.sentence, [self._readiness(choice)]),
                Section(
                    "questions",
                    t("obstacles.q_questions"),
                    self._obstacles.questions_sentence(choice),
                    [self._obstacles.questions(choice)],
                ),
                _section("outcome", effect.sentence, self._effect.blocks(choice)),
                _section("completion", finished, [self._completion(choice)]),
                Section(
                    "comments",
                    t("obstacles.q_comments"),
                    self._obstacles.comments_sentence(),
                    [self._obstacles.comments()],
                ),
            ],
            notes=self._about.notes(),
        )

    # ------------------------------------------------------------------------------------------- words

    def _line(self, key: str, choice: Choice) -> Line:
        """Return one headline number over everything chosen."""
        return line_of(key, self._numbers.total(key, choice), self._numbers.depth)

    # ----------------------------------------------------------------------------------------- figures

    def _preparation(self, choice: Choice) -> list[Block]:
        by_session = self._named(self._numbers.by_session("prepared_rate", choice))
        cells, depth = self._numbers.cells(choice), self._numbers.depth
        lead = self._numbers.total("lead_time", choice)
        return [
            _block("heatmap", cells, "rate", lambda: self._heatmap(cells, depth)),
            _block(
                "by_session",
                by_session,
                "all",
                lambda: figures.preparation_by_session(
                    by_session,
                    series="series",
                    treated=self._first(choice),
                    statistic="all",
                    measure=t(f"report.measure_prepared_{depth}"),
                ),
            ),
            _block("lead", pl.DataFrame([lead["median"]]), "median", lambda: self._lead(lead)),
        ]

    def _heatmap(self, cells: pl.DataFrame, depth: str) -> figures.Picture:
        return figures.preparation_heatmap(
            cells,
            sessions=self._sessions,
            cohorts=self._about.cohorts,
            treated=self._treated,
            measure=t(f"report.measure_consulted_{depth}"),
        )

    def _lead(self, rows: dict[str, dict]) -> figures.Picture:
        limits = {name: f"{value:g}" for name, value in asdict(self._thresholds).items()}
        bands = [
            {
                **rows[f"share_{band}"],
                "band": t(f"metrics.stat_share_{band}", **limits),
                "short": t(f"report.band_{band}", **limits),
            }
            for band in BANDS
        ]
        return figures.lead_time_bands(
            pl.DataFrame(bands, infer_schema_length=None),
            median_days=rows["median"]["value"] / 24,
            unprepared=rows["share_not_prepared"]["value"],
        )

    def _trend(self, choice: Choice) -> list[Block]:
        return [self._moved(key, choice) for key in TREND]

    def _moved(self, key: str, choice: Choice) -> Block:
        """Return an indicator over iterations; a trend needs two of them."""
        rows = self._named(self._numbers.by_iteration(key, choice))
        known = rows.filter(pl.col("statistic") == _STATISTIC[key], pl.col("value").is_not_null())
        if known["iteration"].n_unique() == 1:
            n = known["iteration"][0]
            return Block(
                f"trend_{key}", missing=t("manager.one_iteration", n=n), remedy=t("manager.remedy_iterations")
            )

        def drawn() -> figures.Picture:
            words = {"title": t(f"manager.trend_{key}"), "statistic": _STATISTIC[key]}
            picture = figures.by_iteration(rows, series="series", treated=self._first(choice), **words)
            if choice["iteration"] is None:
                return picture
            return replace(picture, caption=f"{picture.caption} {t('manager.up_to', n=choice['iteration'])}")

        return _block(f"trend_{key}", rows, _STATISTIC[key], drawn)

    def _readiness(self, choice: Choice) -> Block:
        rows = self._named(self._numbers.by_session("start_score", choice))
        return _block(
            "start",
            rows,
            "mean",
            lambda: figures.start_scores(rows, series="series", treated=self._first(choice)),
        )

    def _completion(self, choice: Choice) -> Block:
        arms, groups = self._numbers.completion(choice)
        groups = groups.select(_formats(), "value", group="title", n="denominator")
        treated = arm_words(self._treated)

        def drawn() -> figures.Picture:
            picture = figures.completion_by_arm(arms.with_columns(_formats()), groups, treated=treated)
            if choice["cohort"] is None:
                return picture
            mark = "page.one_mark" if groups["value"].is_not_null().any() else "page.no_mark"
            return replace(picture, caption=f"{picture.caption} {t(mark)}")

        return _block("completion", arms, "rate", drawn)

    def _named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give each row the name of its series: the cohort's title, or its format's."""
        alone = rows["cohort_id"].is_not_null().any()
        titles = self._about.titles()
        names = [
            titles[cohort] if cohort is not None else _arm_series(arm, alone)
            for cohort, arm in rows.select("cohort_id", "arm").iter_rows()
        ]
        return rows.with_columns(pl.Series("series", names, pl.String))

    def _first(self, choice: Choice) -> str:
        """Return the series drawn in the first colour: the cohort chosen, or the flipped format."""
        if choice["cohort"] is not None:
            return self._about.titles()[choice["cohort"]]
        return arm_words(self._treated)


def line_of(key: str, rows: dict[str, dict], depth: str | None) -> Line:
    """Return one headline number, from the rows of its indicator by statistic."""
    row, label = rows.get(_STATISTIC[key]), t(f"page.label_{key}")
    if row is None or row["value"] is None:
        return Line(key, label, "–", "", because(row and row["reason"]), "")
    interval, at = between(row), f"_{depth}" if key == "prepared_rate" else ""
    words = {"value": percent(row["value"]), "interval": interval, "n": number(row["n"], 0)}
    sentence = t(f"page.said_{key}{at}", **words)
    return Line(key, label, words["value"], interval, sentence, _caveat(key, rows, depth))


def block_of(
    key: str, rows: pl.DataFrame, draw: Callable[[], figures.Picture], *, note: str = "", page: str = "page"
) -> Block:
    """Return the figure of an indicator with a note below, or why there is none and what to do on a page."""

    def noted() -> figures.Picture:
        picture = draw()
        return replace(picture, caption=f"{picture.caption} {note}".strip())

    return _block(key, rows, _STATISTIC[key], noted, page)


def _section(key: str, answer: str, blocks: list[Block]) -> Section:
    told_below = bool(answer) and all(block.missing == answer for block in blocks)
    question = f"manager.q_{key}" if i18n.has(f"manager.q_{key}") else f"report.q_{key}"
    return Section(key, t(question), "" if told_below else answer, blocks)


def _formats() -> pl.Expr:
    """Return the column ``arm`` in words; where no format is declared, as all groups."""
    return in_arm_words().replace("–", t("page.all_cohorts"))


def _arm_series(arm: str | None, alone: bool) -> str:
    if arm is None:
        return t("page.all_cohorts")
    return t("page.whole_arm", arm=arm_words(arm)) if alone else arm_words(arm)


def between(row: dict) -> str:
    """Return the interval of a row in words, empty where it has none."""
    if row["low"] is None or row["high"] is None:
        return ""
    return t("page.between", low=percent(row["low"]), high=percent(row["high"]), level=percent(row["level"]))


def _caveat(key: str, rows: dict[str, dict], depth: str | None) -> str:
    row = rows[_STATISTIC[key]]
    said = []
    if key == "prepared_rate" and depth == "opened":
        said.append(t("page.caveat_opened"))
    if row["coverage"] is not None and row["coverage"] < 1:
        said.append(t("page.caveat_coverage", share=percent(1 - row["coverage"])))
    answered = rows.get("response_rate")
    if answered is not None and answered["value"] is not None:
        said.append(t("page.caveat_answered", share=percent(answered["value"])))
    return " ".join(said)


def _short(line: Line) -> Line:
    """Leave the sentence to the section of the same question, where there is a number."""
    return line if line.value_text == "–" else replace(line, sentence="")


def because(reason: str | None) -> str:
    """Return why there is no number, as a sentence."""
    reason = reason or "no_coverage"
    if i18n.has(f"page.because_{reason}"):
        return t(f"page.because_{reason}")
    return t("page.not_computable", reason=metrics.reason_text(reason).rstrip("."))


def _block(key: str, rows: pl.DataFrame, statistic: str, draw, page: str = "page") -> Block:
    """Return a figure, or, where no row of its statistic has a value, the reason and what to do."""
    asked = rows.filter(pl.col("statistic") == statistic)
    if "cohort_id" in rows.columns and asked["cohort_id"].is_not_null().any():
        asked = asked.filter(pl.col("cohort_id").is_not_null())  # those of its format are there to compare
    if asked["value"].is_not_null().any():
        return Block(key, draw())
    reasons = asked["reason"].drop_nulls().unique(maintain_order=True).to_list()
    telling = [reason for reason in reasons if reason != "not_applicable"] or reasons or ["no_coverage"]
    return Block(key, None, because(telling[0]), remedy_of(telling[0], page))


def remedy_of(reason: str, page: str = "page") -> str:
    """Return what to do where there is no number for a reason; empty where there is nothing to do."""
    own = f"{page}.remedy_{reason}"
    remedy = own if i18n.has(own) else f"page.remedy_{reason}"
    return t(remedy) if i18n.has(remedy) else ""
