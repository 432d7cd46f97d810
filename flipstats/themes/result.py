"""Themes of comments that speak: their words, how many say so, and, for research, examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape

import polars as pl

from flipstats.i18n import listing, number, percent, t

COLUMNS = {
    "theme": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "level": pl.Float64,
    "n": pl.Int64, "numerator": pl.Int64, "comments": pl.Int64, "session_id": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Theme:
    """What several respondents say.

    Attributes
    ----------
    words : tuple of str
        The words it is told by, the weightiest first.
    value, low, high, level : float
        Share of the respondents with a comment who say so, with Wilson's interval.
    n, numerator : int
        Respondents with a comment, and of these who say so.
    comments : int
        How many comments.
    session_id : str or None
        The session most of it is about; None where it is about no one session.
    iterations : tuple of int
        The iterations it was said in.
    unread : bool
        Whether no change that speaks of it was written down after it was said last.
    examples : tuple of str
        Comments as they were written, shortened; only for research.
    """

    words: tuple[str, ...]
    value: float
    low: float
    high: float
    level: float
    n: int
    numerator: int
    comments: int
    session_id: str | None = None
    iterations: tuple[int, ...] = ()
    unread: bool = True
    examples: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its words, as a label."""
        return " · ".join(self.words)

    @property
    def interval(self) -> str:
        """The interval of its share, in words."""
        return t("themes.interval", level=percent(self.level), low=percent(self.low), high=percent(self.high))

    def __str__(self) -> str:
        return t(
            "themes.says", words=self.name, share=percent(self.value), interval=self.interval,
            n=number(self.n, 0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Themes:
    """The themes of a study's comments; ``str()`` says them, one below the other.

    Attributes
    ----------
    themes : tuple of Theme
        The most frequent first.
    comments, respondents : int
        Comments with words in them, and who wrote them.
    reason : str or None
        Why there are no themes: ``no_comments``, ``too_few`` or ``no_structure``.
    stability : mapping of int to float
        How well so many themes came back from half of the comments.
    needed : int
        Respondents from which on themes are looked for.
    """

    themes: tuple[Theme, ...]
    comments: int
    respondents: int
    reason: str | None
    stability: Mapping[int, float] = field(default_factory=dict)
    needed: int = 0

    @property
    def sentence(self) -> str:
        """How many themes there are, or why there are none."""
        said = {"comments": number(self.comments, 0), "respondents": number(self.respondents, 0)}
        if self.reason is None:
            return t("themes.found", n=len(self.themes), **said)
        return t(f"themes.{self.reason}", needed=number(self.needed, 0), **said)

    def to_dict(self) -> dict[str, object]:
        """Return what the themes are made of, for an export; `from_dict` reads it back."""
        return {**asdict(self), "stability": {}}

    @classmethod
    def from_dict(cls, content: Mapping[str, object]) -> Themes:
        """Make the themes from what `to_dict` gave."""
        lists = ("words", "iterations", "examples")
        made = [
            Theme(**{name: tuple(value) if name in lists else value for name, value in one.items()})
            for one in content["themes"]
        ]
        return cls(**{**content, "themes": tuple(made)})

    def to_frame(self) -> pl.DataFrame:
        """Return one row a theme: ``theme, value, low, high, level, n, numerator, comments, session_id``."""
        return pl.DataFrame(
            [{"theme": one.name, **{c: getattr(one, c) for c in list(COLUMNS)[1:]}} for one in self.themes],
            schema=COLUMNS,
        )

    def __str__(self) -> str:
        return "\n".join([self.sentence, *(f"  • {one}" for one in self.themes)])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(str(one))}{_examples(one)}</li>" for one in self.themes)
        return f"<p><strong>{escape(self.sentence)}</strong></p>" + (f"<ul>{items}</ul>" if items else "")


def _examples(theme: Theme) -> str:
    if not theme.examples:
        return ""
    quoted = listing([t("themes.quoted", text=text) for text in theme.examples])
    return f"<br><small>{escape(t('themes.examples', texts=quoted))}</small>"
