"""The pages of docs/: every export is on the page of sources, in both languages alike; links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flipstats import i18n
from flipstats.readers import READERS
from flipstats.readers.gives import UNCONFIRMED

ROOT = Path(__file__).parents[1]
PAGES = {"en": "sources.md", "fr": "sources.fr.md"}
LINES = {
    "en": ["Where:", "Gives:", "Does not say:", "Labels:"],
    "fr": ["Où\u00a0:", "Donne\u00a0:", "Ne dit pas\u00a0:", "Libellés\u00a0:"],
}
SURE = {
    "en": {"not confirmed": "not", "confirmed": "seen", "from the system": "system"},
    "fr": {"non confirmés": "not", "confirmés": "seen", "tirés du système": "system"},
}
OWN_LABELS = {"canonical", "sheet"}  # labels of no other system
WRITTEN = sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "ARCHITECTURE.md"])
SITE_FRENCH = [ROOT / "docs/sources.fr.md", ROOT / "docs/index.fr.md", *sorted(ROOT.glob("docs/*/*.fr.md"))]


def without_code(text):
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def page(lang):
    return (ROOT / "docs" / PAGES[lang]).read_text(encoding="utf-8")


def headings(lang):
    """Return the level and the text of each heading, in their order."""
    found = re.findall(r"^(#+) (.+)$", page(lang), flags=re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def plain(text):
    return " ".join(text.replace("\u00a0", " ").split()).casefold()


def sections(lang):
    """Return the text below the heading of each format, by its name, in the order of the page."""
    names = {plain(i18n.t(f"readers.format_{name}", lang=lang)): name for name in READERS}
    parts = re.split(r"^(#+) (.+)$", page(lang), flags=re.MULTILINE)[1:]
    whole = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {names[plain(title)]: text for marks, title, text in whole if marks == "###"}


def sure(lang, text):
    """Return how sure a section says its labels are, in the order it says so."""
    said = text.split(f"**{LINES[lang][-1]}**")[1].replace("\n", " ")
    return [SURE[lang][m] for m in re.findall("|".join(SURE[lang]), " ".join(said.split()))]


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_format_has_one_section_under_its_title(lang):
    assert sorted(sections(lang)) == sorted(READERS)
    assert len([1 for level, _ in headings(lang) if level == 3]) == len(READERS)


def test_both_pages_have_the_same_sections_in_the_same_order():
    assert [level for level, _ in headings("en")] == [level for level, _ in headings("fr")]
    assert list(sections("en")) == list(sections("fr"))


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_section_answers_the_four_questions(lang):
    for name, text in sections(lang).items():
        assert re.findall(r"^- \*\*(.+?)\*\*", text, flags=re.MULTILINE) == LINES[lang], name


def test_both_pages_are_equally_sure_of_labels():
    said = {lang: {name: sure(lang, text) for name, text in sections(lang).items()} for lang in PAGES}
    assert said["en"] == said["fr"]
    assert {name for name, codes in said["en"].items() if not codes} == OWN_LABELS


def test_what_the_page_is_not_sure_of_is_said_when_such_a_file_is_read():
    doubted = {name for name, text in sections("en").items() if "not" in sure("en", text)}
    assert doubted == set(UNCONFIRMED)


def anchor(heading):
    """Return the anchor that a heading gets: lower case, no marks, blanks as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.relative_to(ROOT)))
def test_relative_links_lead_somewhere(file):
    text = without_code(file.read_text(encoding="utf-8"))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, place = target.partition("#")
        other = (file.parent / path) if path else file
        if not other.exists():
            broken.append(target)
        elif place:
            there = other.read_text(encoding="utf-8")
            named = re.findall(r'<a id="([^"]+)">', there)
            named += [anchor(title) for title in re.findall(r"^#+ (.+)$", there, flags=re.MULTILINE)]
            if place not in named:
                broken.append(target)
    assert broken == []


def test_every_page_is_there_in_both_languages():
    pages = {str(file.relative_to(ROOT)) for file in WRITTEN} - {"ARCHITECTURE.md", "docs/worked_class.md"}
    french = {page for page in pages if page.endswith(".fr.md")}
    assert {page.replace(".fr.md", ".md") for page in french} == pages - french


@pytest.mark.parametrize("file", SITE_FRENCH, ids=lambda file: str(file.relative_to(ROOT)))
def test_french_marks_have_spaces_that_do_not_break(file):
    text = without_code(
        re.sub(r"\]\([^)]*\)|^:::.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert re.findall(r".{0,20} [:;?!»](?=\s|\*|$)", text) == []
    colons = re.findall(r".{0,20}[^\u00a0\s](?=:[\s*])", text)
    others = re.findall(r".{0,20}[^\u202f\s](?=[;?](?:\s|$))", text)
    assert (colons, others) == ([], [])
