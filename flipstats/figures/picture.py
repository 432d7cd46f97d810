"""A figure together with the words and the table without which it may not be shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from flipstats import i18n
from flipstats.errors import ParameterError
from flipstats.i18n import t

if TYPE_CHECKING:
    import plotly.graph_objects as go


_NAMED = 3  # lines left out are named up to so many, then counted


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that may be shown: it has a title, a caption, an alternative text and its data.

    Attributes
    ----------
    figure : plotly Figure
        In the light palette; `flipstats.figures.themed` gives the dark one.
    title, caption, alt : str
        Plain text in the reader's language. The caption says how to read the figure and what its intervals
        are; the alternative text says what it shows.
    table : DataFrame
        The numbers drawn, as text in the reader's language under headers in that language.
    """

    figure: go.Figure = field(repr=False)
    title: str
    caption: str
    alt: str
    table: pl.DataFrame = field(repr=False)

    def _repr_mimebundle_(self, *args: object, **kwargs: object) -> object:
        return self.figure._repr_mimebundle_(*args, **kwargs)


def needs(rows: pl.DataFrame, columns: Iterable[str], what: str) -> None:
    """Refuse rows that lack a column.

    Raises
    ------
    ParameterError
        Names the figure, the columns missing and the columns given.
    """
    missing = [column for column in columns if column not in rows.columns]
    if missing:
        raise ParameterError(
            t("figures.missing_columns", what=what, missing=", ".join(missing), given=", ".join(rows.columns))
        )


def only(rows: pl.DataFrame, *, statistic: str | None = None, depth: str | None = None) -> pl.DataFrame:
    """Keep the rows of one statistic and one depth; refuse to mix several in one figure.

    Raises
    ------
    ParameterError
        Several statistics or depths are left.
    """
    for column, wanted in (("statistic", statistic), ("depth", depth)):
        if wanted is not None and column in rows.columns:
            rows = rows.filter(pl.col(column) == wanted)
        left = rows[column].drop_nulls().unique().sort().to_list() if column in rows.columns else []
        if len(left) > 1:
            raise ParameterError(t("figures.mixed", column=column, found=", ".join(map(str, left))))
    return rows


def shown(value: float | None, *, share: bool, digits: int | None = None) -> str:
    """Format a value: a share as a percentage, anything else with `digits` decimals."""
    if share:
        return i18n.percent(value, digits or 0)
    return i18n.number(value, 2 if digits is None else digits)


def between(low: float | None, high: float | None, *, share: bool, digits: int | None = None) -> str:
    """Format an interval, ``51% to 72%``; a dash where there is none.

    Examples
    --------
    >>> between(0.51, 0.72, share=True), between(None, None, share=True)
    ('51% to 72%', '–')
    """
    if low is None or high is None:
        return "–"
    return t(
        "figures.between",
        low=shown(low, share=share, digits=digits),
        high=shown(high, share=share, digits=digits),
    )


def localized(columns: Sequence[tuple[str, Sequence[object]]]) -> pl.DataFrame:
    """Make the table of a figure: header keys of the catalogue and the texts under them."""
    return pl.DataFrame(
        {t(f"figures.column_{key}"): [str(value) for value in values] for key, values in columns}
    )


def interval_note(rows: pl.DataFrame) -> str:
    """Say in one sentence how the intervals of `rows` were made and at which level."""
    if "interval" not in rows.columns:
        return ""
    made = (
        rows.filter(pl.col("low").is_not_null())["interval"]
        .drop_nulls()
        .unique(maintain_order=True)
        .to_list()
    )
    if not made:
        return t("figures.interval_none")
    levels = rows["level"].drop_nulls().unique().to_list() if "level" in rows.columns else []
    level = i18n.percent(levels[0]) if levels else ""
    return t("figures.interval_note", level=level, how=i18n.listing([interval_words(name) for name in made]))


def interval_words(name: str) -> str:
    """Return the words for an interval's name, the name itself where the catalogue has none."""
    key = f"figures.interval_{name}"
    return t(key) if i18n.has(key) else name


def reason_words(reason: str | None) -> str:
    """Return the words for why a value is absent."""
    if reason is None:
        return t("figures.unknown_long")
    key = f"metrics.{reason}"
    return t(key) if i18n.has(key) else reason


def left_out(names: Sequence[str]) -> str:
    """Say which lines are not drawn because nothing had to be prepared there: by name where they are few."""
    if len(names) > _NAMED:
        return t("figures.left_out_many", n=len(names))
    return t("figures.left_out", groups=i18n.listing(list(names)))
