"""What comments are about: themes in French and English, how many say so, and nothing claimed of noise.

``comment_themes(study)`` reads the comments of the feedback, tells their words by stems, and groups them
where the same groups come back from half of them. Nothing is downloaded and nothing leaves the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats.errors import ParameterError
from flipstats.i18n import t
from flipstats.indicators.feedback import answers
from flipstats.intervals import wilson
from flipstats.study import Study
from flipstats.themes.result import COLUMNS, Theme, Themes
from flipstats.themes.structure import Structure, structure
from flipstats.themes.words import plain, stems_of

__all__ = ["COLUMNS", "Theme", "Themes", "comment_themes", "speaks_of"]

_ROLES = ("research", "manager", "trainer")
_LABEL_WORDS, _EXAMPLES, _EXAMPLE_LENGTH = 4, 3, 160


def comment_themes(study: Study, *, role: str = "research", level: float | None = None) -> Themes:
    """Group the comments of the feedback into themes.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Examples are given for research only; outside it a theme, and each of its words, must come from as
        many respondents as the smallest group that may be shown.
    level : float, optional
        Confidence level; the study's own without it.

    Returns
    -------
    Themes
        Where there are too few comments, or they have no more in common than shuffled ones, none, with why.

    Raises
    ------
    ParameterError
        A role or level that there is not.

    Notes
    -----
    TF-IDF of stems (Snowball), non-negative factors; as many as come back best from half of the comments,
    with a mean cosine of at least `theme_stability`, and only where they explain the comments better than any
    of 39 sets in which words were traded between comments. A comment is of the theme that
    has at least half of its weight; a nameless sheet is one respondent.

    References
    ----------
    D. D. Lee, H. S. Seung (1999), Nature 401, 788-791. PAIRENNE (2025), "Collecter les feedbacks des
    apprenants".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> print(comment_themes(study()))
    There are no comments in this study.
    """
    if role not in _ROLES:
        raise ParameterError(t("metrics.role_unknown", role=repr(role), known=", ".join(_ROLES)))
    level = study.thresholds.confidence_level if level is None else level
    if not 0 < level < 1:
        raise ParameterError(t("metrics.level_range", level=repr(level)))
    if study.served is not None:
        return _served(study)
    role = role if study.role == "research" else study.role
    limits, comments = study.thresholds, _comments(study)
    stems = stems_of(comments["comment"].to_list())
    spoken = pl.Series([bool(found) for found in stems], dtype=pl.Boolean)
    comments, stems = comments.filter(spoken), [found for found in stems if found]
    respondents = comments["who"].n_unique()
    empty = Themes((), comments.height, respondents, None, needed=limits.theme_respondents)
    if respondents < limits.theme_respondents:
        return _without(empty, "too_few" if respondents else "no_comments")
    found = structure(
        [list(stem) for stem in stems],
        most=limits.themes_most,
        stable=limits.theme_stability,
        weight=limits.theme_weight,
    )
    smallest = limits.smallest_cell if role != "research" else 2
    changes = study.table("changes").collect()
    made = [_theme(comments, stems, found, k, level, smallest, changes) for k in range(len(found.terms))]
    kept = [one for one in made if one.numerator >= smallest and one.words]
    if role != "research":
        kept = [replace(one, examples=()) for one in kept]
    if not kept:
        return _without(empty, "no_structure")
    kept.sort(key=lambda one: (-one.value, one.name))
    return Themes(tuple(kept), comments.height, respondents, None, found.stability, limits.theme_respondents)


def _without(empty: Themes, reason: str) -> Themes:
    return Themes((), empty.comments, empty.respondents, reason, needed=empty.needed)


def _comments(study: Study) -> pl.DataFrame:
    """Return the comments on sessions and who wrote each, in an order that does not depend on the rows'."""
    sessions = study.table("sessions").select("session_id", "cohort_id")
    cohorts = study.table("cohorts").select("cohort_id", "iteration")
    who = pl.coalesce("learner_id", "sheet").alias("who")
    return (
        answers(study)
        .filter(pl.col("comment").str.strip_chars().fill_null("") != "")
        .join(sessions.join(cohorts, on="cohort_id", how="left"), on="session_id", how="left")
        .select(who, "session_id", "iteration", "at", "comment")
        .sort("comment", "session_id", "who", "at", nulls_last=True)
        .collect()
    )


def _theme(
    comments: pl.DataFrame,
    stems: Sequence[dict[str, str]],
    found: Structure,
    k: int,
    level: float,
    smallest: int,
    changes: pl.DataFrame,
) -> Theme:
    """Count one theme and name it by words that enough of its respondents use."""
    mine = [i for i, theme in enumerate(found.of.tolist()) if theme == k]
    rows, everybody = comments[mine], comments["who"].n_unique()
    said = rows["who"].n_unique()
    low, high = (float(bound) for bound in wilson(said, everybody, level))
    who = rows["who"].to_list()
    words = []
    for term in found.terms[k]:
        users = {who[row] for row, i in enumerate(mine) if term in stems[i]}
        if len(users) >= smallest and len(words) < _LABEL_WORDS:
            forms = Counter(stems[i][term] for i in mine if term in stems[i])
            words.append(min(forms, key=lambda form: (-forms[form], form)))
    iterations = tuple(sorted(rows["iteration"].drop_nulls().unique().to_list()))
    return Theme(
        words=tuple(words),
        value=said / everybody,
        low=low,
        high=high,
        level=level,
        n=everybody,
        numerator=said,
        comments=len(mine),
        session_id=_mostly(rows, smallest),
        iterations=iterations,
        unread=not _answered(words, rows["at"].max(), iterations, changes),
        examples=tuple(_shortened(text) for text in rows["comment"].unique(maintain_order=True)[:_EXAMPLES]),
    )


def _mostly(rows: pl.DataFrame, smallest: int) -> str | None:
    """Return the session that more than half of the respondents of a theme speak of; None where none is."""
    counts = rows.group_by("session_id").agg(pl.col("who").n_unique().alias("n")).sort("n", "session_id")
    if not counts.height:
        return None
    session, n = counts.row(-1)
    return session if n >= smallest and 2 * n > rows["who"].n_unique() else None


def _answered(words: Sequence[str], last: object, iterations: tuple[int, ...], changes: pl.DataFrame) -> bool:
    """Return whether a change that has one of the words in it was written down after they were said last."""
    for row in changes.iter_rows(named=True):
        if last is not None and row["at"] is not None:
            after = row["at"] > last
        else:
            after = not iterations or row["iteration"] > max(iterations)
        if after and speaks_of(row["what"], words):
            return True
    return False


def _served(study: Study) -> Themes:
    """Return the themes an export holds; they are of the whole programme, not of a selection."""
    held = study.served.aside.get("themes")
    if held is None or study.served.fixed:
        return Themes((), 0, 0, "not_exported")
    return Themes.from_dict(held)


def _shortened(text: str) -> str:
    kept = " ".join(text[: 4 * _EXAMPLE_LENGTH].split())
    kept = "".join(c for c in kept if c.isprintable())
    return kept if len(kept) <= _EXAMPLE_LENGTH else kept[: _EXAMPLE_LENGTH - 1] + "…"


def speaks_of(text: str, words: Sequence[str]) -> bool:
    """Return whether a text has one of the words in it, in whatever form or language.

    Examples
    --------
    >>> speaks_of("Video cut in two", ["vidéo", "longue"]), speaks_of("New room", ["vidéo", "longue"])
    (True, False)
    """
    (mine,) = stems_of([text])
    (named,) = stems_of([" ".join(words)])
    return bool(set(mine) & (set(named) | {plain(word) for word in words}))
