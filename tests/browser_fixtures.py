"""A headless Chromium without a network, for the tests that open reports and pages.

`conftest.py` imports the fixtures, so every test file may ask for them by name.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = os.environ.get("FLIPSTATS_CHROMIUM") or shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESK = 390, 1440


@dataclass
class Watched:
    """A page, and what it asked of the outside or complained of while it was open."""

    page: object
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def scrolls_sideways(self) -> bool:
        """Whether the document is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")

    def figures(self) -> int:
        """How many plotly figures have drawn a trace."""
        return self.page.evaluate(
            "[...document.querySelectorAll('.js-plotly-plot')].filter(p => p.querySelector('.trace')).length"
        )

    def barriers(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA and good practice, a line each."""
        axe = pytest.importorskip(
            "axe_playwright_python.sync_playwright",
            reason="axe-playwright-python is not installed (extra: dev)",
        )
        found = axe.Axe().run(self.page).response["violations"]
        return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}" for one in found]

    def until(self, expression: str, *, seconds: float = 15) -> None:
        """Wait until a JavaScript expression is true; works under a policy that forbids ``eval``."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            if time.monotonic() > end:
                pytest.fail(f"not true within {seconds} s: {expression}")
            self.page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A headless Chromium for the whole session; skipped with a reason where there is none."""
    required = os.environ.get("FLIPSTATS_REQUIRE_BROWSER") == "1"
    if CHROMIUM is None or not Path(CHROMIUM).exists():
        if required:
            pytest.fail("FLIPSTATS_REQUIRE_BROWSER=1, and there is no Chromium on this machine")
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: dev)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: object) -> Callable:
    """Open a page with the network off: only ``file:`` and loopback addresses are answered.

    Use as ``with open_page(url, width=390, dark=True) as watched: ...``.
    """

    @contextmanager
    def opened(
        url: str | None,
        *,
        width: int = DESK,
        height: int = 900,
        dark: bool = False,
        reduced: bool = True,
        **options,
    ) -> Iterator[Watched]:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced else "no-preference",
            **options,
        )
        context.set_default_navigation_timeout(120_000)  # a machine with much else to do
        watched = Watched(context.new_page())

        def route(handler) -> None:
            parts = urlsplit(handler.request.url)
            if parts.scheme in ("file", "data", "blob") or parts.hostname in ("127.0.0.1", "localhost"):
                handler.continue_()
            else:
                watched.outside.append(handler.request.url)
                handler.abort()

        context.route("**/*", route)
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        if url:
            watched.page.goto(url)
        try:
            yield watched
        finally:
            context.close()

    return opened
