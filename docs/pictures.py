"""Make the pictures of the README and of the site, and the gallery, from the sample: `make pictures`.

Every picture is what a user gets: reports and pages of the demo, opened in a headless Chromium. Titles and
captions of the gallery are the figures' own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from flipstats.build import build_study
from flipstats.report import run_report
from flipstats.sample import write_sample

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"
NOTEBOOKS = ("programme_report", "cohort_explorer", "control_comparison", "iteration_review", "session_brief")
PAGES = {"page": "manager"}  # the picture's name, and the page it shows
WIDTH, HEIGHT, FIGURE_WIDTH = 1200, 900, 860
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WORDS = {
    "en": (
        "# Gallery",
        "*[En français](gallery.fr.md)*",
        "Every figure has its interval, its caption, a text for those who cannot see it and its numbers as a "
        "table (left out here). These are drawn from the sample, a synthetic programme, by `make pictures`.",
        {
            "programme_report": "The programme report",
            "cohort_explorer": "The explorer of groups",
            "control_comparison": "The comparison in full",
            "iteration_review": "From one iteration to the next",
            "session_brief": "The brief of a session",
        },
    ),
    "fr": (
        "# Galerie",
        "*[In English](gallery.md)*",
        "Chaque figure a son intervalle, sa légende, un texte pour qui ne la voit pas et ses chiffres en "
        "tableau (omis ici). Elles sont tirées de l’exemple, un programme de synthèse, par `make pictures`.",
        {
            "programme_report": "Le rapport du programme",
            "cohort_explorer": "L’explorateur des groupes",
            "control_comparison": "La comparaison complète",
            "iteration_review": "D’une itération à la suivante",
            "session_brief": "La fiche d’une séance",
        },
    ),
}


def main() -> None:
    """Make all of them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("make pictures needs a Chromium (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        for lang in WORDS:
            study = Path(folder) / lang
            write_sample(study, language=lang)
            build_study(study)
            _pages(browser, study, lang)
            _gallery(browser, study, lang)
        browser.close()


def _named(name: str, lang: str) -> str:
    return f"{name}.png" if lang == "en" else f"{name}-{lang}.png"


@contextmanager
def _opened(browser: Browser, url: str, width: int) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".fs-figure, main")
    if page.query_selector(".fs-figure, .fs-figures"):
        page.wait_for_selector(".js-plotly-plot .main-svg", timeout=120_000)
    page.wait_for_timeout(1500)  # the last figures are drawn one after the other
    yield page
    context.close()


@contextmanager
def _served(study: Path, page: str, lang: str) -> Iterator[str]:
    """Serve a page in a process of its own, and give its address."""
    command = [sys.executable, "-m", "flipstats.cli", "dashboard", str(study), "--page", page]
    command += ["--lang", lang, "--role", "manager", "--viewers", "1", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        said = ""
        while not (address := re.search(r"http://\S+", said)):
            line = server.stdout.readline()
            if not line:
                sys.exit(f"the page was not served: {said}")
            said += line
        try:
            yield address[0]
        finally:
            server.terminate()


def _pages(browser: Browser, study: Path, lang: str) -> None:
    for name, page_name in PAGES.items():
        with (
            _served(study, page_name, lang) as url,
            _opened(browser, url, WIDTH) as page,
        ):
            page.screenshot(path=IMAGES / _named(name, lang))


def _gallery(browser: Browser, study: Path, lang: str) -> None:
    """Write `gallery.md` with the figures of all reports, each kind of figure once."""
    title, other, intro, names = WORDS[lang]
    parts, seen = [title, other, intro], set()
    for notebook in NOTEBOOKS:
        report = run_report(study, notebook=notebook, lang=lang)
        if notebook == "programme_report":
            with _opened(browser, report.as_uri(), WIDTH) as page:
                page.screenshot(path=IMAGES / _named("report", lang))
        with _opened(browser, report.as_uri(), FIGURE_WIDTH) as page:
            drawn = _figures(page, f"gallery/{notebook}-{lang}", seen)
        if drawn:
            parts += [f"## {names[notebook]}", *drawn]
    path = DOCS / ("gallery.md" if lang == "en" else f"gallery.{lang}.md")
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _figures(page: Page, start: str, seen: set[str]) -> list[str]:
    (IMAGES / start).parent.mkdir(parents=True, exist_ok=True)
    found = []
    for figure in page.query_selector_all("figure.fs-figure"):
        title = _text(figure.query_selector("h3").inner_html())
        if title in seen:
            continue
        seen.add(title)
        canvas = figure.query_selector(".fs-canvas")
        file = f"{start}-{len(found) + 1}.png"
        figure.query_selector(".fs-plot").screenshot(path=IMAGES / file)
        alt = canvas.get_attribute("aria-label").replace("[", "(").replace("]", ")")
        caption = _text(figure.query_selector("figcaption").inner_html())
        found.append(f"### {title}\n\n![{alt}](images/{file})\n\n{caption}")
    return found


def _text(html: str) -> str:
    """Return the text of a bit of a page, safe in Markdown."""
    return unescape(re.sub(r"<[^>]+>", "", html)).replace("*", "\\*")


if __name__ == "__main__":
    main()
