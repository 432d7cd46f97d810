"""What stands in learners' way, in their answers and in their words: blocking questions, themes of comments.

Both are told of groups large enough only, and comments as themes only: what somebody wrote is on no page.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from flipstats import display, metrics, themes
from flipstats.dashboard.about import About
from flipstats.dashboard.state import Block, Choice
from flipstats.diagnostics.items import pooled_items
from flipstats.diagnostics.target import Names
from flipstats.errors import FlipstatsError
from flipstats.i18n import capital, number, percent, t
from flipstats.study import Study

MOST = 8  # questions in the table
_UNTOLD = themes.Themes((), 0, 0, "not_exported")


class Obstacles:
    """Questions most failed, and themes of comments; made once for a role.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Outside research, what stands on small groups is left out.
    about : About
    """

    def __init__(self, study: Study, role: str, about: About) -> None:
        self._about, self._limits = about, study.thresholds
        try:
            self._items = pooled_items(study, role=role, level=None)
            found = themes.comment_themes(study, role=role)
        except FlipstatsError:  # an export of an older flipstats lacks some answers: nothing can be told
            self._items, found = pl.DataFrame({"reason": ["not_in_export"]}), _UNTOLD
        self._themes = replace(found, themes=tuple(replace(one, examples=()) for one in found.themes))
        self._names = Names.of(study)

    # ------------------------------------------------------------------------------------- questions

    def questions_sentence(self, choice: Choice) -> str:
        """Say how many questions are surely failed by too many; empty where none is told."""
        rows = self._asked(choice)
        if not rows.height:
            return ""
        sure = int((rows["low"] > self._limits.blocking_share).sum())
        return t(
            "obstacles.sure" if sure else "obstacles.none_sure",
            n=sure,
            asked=number(rows.height, 0),
            threshold=percent(self._limits.blocking_share),
        )

    def questions(self, choice: Choice) -> Block:
        """Return the questions most failed at the first attempt, the surest first."""
        rows = self._asked(choice)
        if not rows.height:
            return self._no_questions(choice)
        first = list(rows.head(MOST).iter_rows(named=True))
        columns = {
            "question": [capital(self._names.target("item", row).title) for row in first],
            "failed": [_failed(row) for row in first],
            "n": [number(row["denominator"], 0) for row in first],
        }
        frame = pl.DataFrame({t(f"obstacles.column_{name}"): cells for name, cells in columns.items()})
        note = [t("obstacles.note"), self._whose(choice)]
        if rows.height > MOST:
            note.append(t("obstacles.left", n=rows.height - MOST))
        caption = t("obstacles.caption")
        return Block("questions", html=str(display.table(frame, caption, note=" ".join(note))), wide=True)

    def _asked(self, choice: Choice) -> pl.DataFrame:
        """Return the questions of what is chosen that enough learners answered."""
        if "value" not in self._items.columns:
            return self._items.clear()
        enough = pl.col("value").is_not_null() & (pl.col("n") >= self._limits.diagnosis_learners)
        rows = self._items.filter(enough).sort("low", "value", "item_id", descending=[True, True, False])
        iteration = self._iteration(choice)
        return rows if iteration is None else rows.filter(iteration=iteration)

    def _iteration(self, choice: Choice) -> int | None:
        if choice["cohort"] is None:
            return choice.number("iteration")
        return self._about.chosen(choice)["iteration"][0]

    def _whose(self, choice: Choice) -> str:
        iteration = self._iteration(choice)
        return t("obstacles.of_all") if iteration is None else t("obstacles.of_iteration", n=iteration)

    def _no_questions(self, choice: Choice) -> Block:
        reasons = self._items["reason"].drop_nulls().to_list()
        if reasons:
            said = t("page.not_computable", reason=metrics.reason_text(reasons[0]).rstrip("."))
            return Block("questions", missing=said, remedy=t(_remedy(reasons[0], "questions")), wide=True)
        said = f"{t('obstacles.too_few', n=self._limits.diagnosis_learners)} {self._whose(choice)}"
        return Block("questions", missing=said, remedy=t("obstacles.remedy_too_few_answers"), wide=True)

    # -------------------------------------------------------------------------------------- comments

    def comments_sentence(self) -> str:
        """Say how many themes there are; empty where there are none."""
        return "" if self._themes.reason is not None else self._themes.sentence

    def comments(self) -> Block:
        """Return the themes of the comments of the whole programme, or why there are none."""
        found = self._themes
        if found.reason is not None:
            return Block(
                "comments", missing=found.sentence, remedy=t(f"obstacles.remedy_{found.reason}"), wide=True
            )
        shown = display.themes_table(found, self._names, note=t("obstacles.whole"))
        return Block("comments", html=str(shown), wide=True)


def _failed(row: dict[str, object]) -> str:
    ends = {end: percent(row[end]) for end in ("low", "high")}
    return t("obstacles.failed", share=percent(row["value"]), **ends)


def _remedy(reason: str, of: str) -> str:
    return "obstacles.remedy_not_exported" if reason == "not_in_export" else f"obstacles.remedy_no_{of}"
