"""The site: both languages are built without a warning, are read from disk, and fetch nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="Sphinx is not installed (extra: docs)")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    for lang, folder in (("en", out / "html"), ("fr", out / "html" / "fr")):
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "--keep-going", "-d", str(out / lang)]
        done = subprocess.run(
            [*command, str(ROOT / "docs"), str(folder)],
            env={**os.environ, "SITE_LANGUAGE": lang},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
    return out / "html"


def test_every_page_has_its_sibling_in_the_other_language(site):
    for page in [*site.glob("*.html"), *site.glob("start/*.html"), *site.glob("howto/*.html")]:
        link = re.search(r'fs-language">English · <a href="([^"]+)"', page.read_text(encoding="utf-8"))
        assert link, page.name
        there = (page.parent / link[1]).resolve()
        assert there.exists(), page.name
        assert 'lang="en" hreflang="en"' in there.read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize(
    "page", ["index.html", "gallery.html", "fr/index.fr.html", "fr/start/manager.fr.html"]
)
def test_a_page_opens_from_disk_and_asks_for_nothing(site, open_page, page):
    with open_page((site / page).as_uri()) as watched:
        broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
        watched.page.wait_for_load_state("load")
        assert watched.page.evaluate(broken) == []
        assert (watched.outside, watched.errors) == ([], [])


@pytest.mark.browser
def test_search_answers_without_a_server(site, open_page):
    with open_page((site / "search.html").as_uri() + "?q=retention") as watched:
        watched.until("document.querySelectorAll('#search-results li').length > 0")
        assert watched.outside == []
