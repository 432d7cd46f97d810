"""What comments are about: themes with how many say so; examples for research only."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import polars as pl

from flipstats.diagnostics.target import Names, bounded
from flipstats.display.blocks import Html, notice, table
from flipstats.i18n import number, percent, t
from flipstats.themes import comment_themes as found_themes

if TYPE_CHECKING:
    from flipstats.study import Study
    from flipstats.themes import Theme, Themes


def comment_themes(study: Study, *, role: str = "research") -> Html:
    """Show the themes of the comments, the most frequent first, or why there are none.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Who will read it: what somebody wrote is shown for research only.
    """
    found = found_themes(study, role=role)
    if found.reason is not None:
        return notice(found.sentence)
    said = "".join(f"<li>{escape(line)}</li>" for line in _examples(found.themes))
    quoted = f'<ul class="fs-list">{said}</ul>' if said else ""
    return Html(f"<p>{escape(found.sentence)}</p>{themes_table(found, Names.of(study))}{quoted}")


def themes_table(found: Themes, names: Names, *, note: str = "") -> Html:
    """Return a table of themes: how many say so, and which session most of it is about; no comment."""
    columns = {
        t("themes.column_theme"): [bounded(theme.name) for theme in found.themes],
        t("themes.column_share"): [percent(theme.value) for theme in found.themes],
        t("themes.column_interval"): [
            f"{percent(theme.low)} – {percent(theme.high)}" for theme in found.themes
        ],
        t("themes.column_comments"): [number(theme.comments, 0) for theme in found.themes],
        t("themes.column_about"): [_about(theme, names) for theme in found.themes],
    }
    return table(pl.DataFrame(columns), t("themes.caption"), note=f"{t('themes.note')} {note}".strip())


def _about(theme: Theme, names: Names) -> str:
    if theme.session_id not in names.sessions:
        return "–"
    return names.target("session", {"session_id": theme.session_id}).title


def _examples(themes: tuple[Theme, ...]) -> list[str]:
    return [
        f"{bounded(theme.name)}: " + " ".join(t("themes.quoted", text=text) for text in theme.examples)
        for theme in themes
        if theme.examples
    ]
