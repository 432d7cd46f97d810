"""The site, one build a language: `make site`. It is read from disk too, and fetches nothing."""

from __future__ import annotations

import os
import re
from importlib.metadata import version as installed
from pathlib import Path

# Sphinx reads the names of this file as its options.
LANGUAGE = os.environ.get("SITE_LANGUAGE", "en")
FRENCH = LANGUAGE == "fr"
HERE = Path(__file__).parent
IN_BOTH = {"worked_class.md"}  # one page for both: figures and formulas

project = author = "flipstats"
copyright = "flipstats; Apache-2.0"
version = release = installed("flipstats")
language = LANGUAGE
extensions = ["myst_parser"]
myst_heading_anchors = 4
root_doc = "index.fr" if FRENCH else "index"
exclude_patterns = [
    str(page.relative_to(HERE))
    for page in HERE.rglob("*.md")
    if page.name.endswith(".fr.md") != FRENCH and page.name not in IN_BOTH
]
suppress_warnings = ["myst.header"]  # the generated dictionary goes from its title to small headings

html_theme = "furo"
html_title = "flipstats"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sourcelink = html_copy_source = html_show_sphinx = False
html_favicon = None
_BLUE, _SKY = "#005d94", "#6cb8ec"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": _BLUE, "color-brand-content": _BLUE},
    "dark_css_variables": {"color-brand-primary": _SKY, "color-brand-content": _SKY},
}
templates_path = ["templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

_OTHER = re.compile(r"^\*\[(?:En français|In English)\]\([^)]*\)\*\n", re.MULTILINE)
_ANCHOR = re.compile(r'^<a id="([^"]+)"></a>$', re.MULTILINE)


def _as_sphinx_reads(_app: object, _page: str, source: list[str]) -> None:
    """Leave out the line that leads to the other language, beside every page here; name anchors its way."""
    source[0] = _ANCHOR.sub(r"(\1)=", _OTHER.sub("", source[0]))


def _other_language(_app: object, page: str, _template: str, context: dict, _tree: object) -> None:
    """Tell the template where this page is in the other language, else where its start is."""
    there = page.removesuffix(".fr") if FRENCH else f"{page}.fr"
    if not (HERE / f"{there}.md").exists():
        there = "index" if FRENCH else "index.fr"
    up = "../" * (page.count("/") + FRENCH)
    context["other_language"] = f"{up}{there}.html" if FRENCH else f"{up}fr/{there}.html"


def setup(app: object) -> None:
    """Connect the two."""
    app.connect("source-read", _as_sphinx_reads)
    app.connect("html-page-context", _other_language)
