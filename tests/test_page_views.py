"""Every page as its viewers meet it: phone and desk, light and dark, each control, both languages, paper.

One server a page, its kernels shared by all the tests of that page. `test_page_browser.py` goes deeper with
the page for managers.
"""

import re
from contextlib import contextmanager

import pytest
from page_study import page_study
from test_page_browser import CUT, READY_S, SHOWN, TOKEN, _free_port, _running

from flipstats.dashboard.ready import make
from flipstats.dashboard.state import Choice
from flipstats.i18n import in_language
from flipstats.study import open_study

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROLES = {"manager": "manager", "cohort": "trainer", "session": "trainer", "evidence": "manager"}
DRAWN = """(turn) => {
  const now = Number(document.getElementById('fs-cells')?.dataset.rev);
  const blocks = [...document.querySelectorAll('.fs-figures > * > [data-key]')];
  return now >= turn && blocks.length && blocks.every((block) => Number(block.dataset.rev) === now);
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return page_study().save(tmp_path_factory.mktemp("views") / "study")


@pytest.fixture(scope="module", params=list(ROLES))
def served(request, folder, private_jupyter):
    """A page on its server, and what it shall say: made by the same code in another process."""
    page, role, port = request.param, ROLES[request.param], _free_port()
    code = (
        "from flipstats.dashboard.serve import serve; "
        f"serve({str(folder)!r}, page={page!r}, role={role!r}, port={port}, token={TOKEN!r}, "
        "viewers=1, open_browser=False)"
    )
    expected = make(page, open_study(folder), role, "fr").state
    with _running(code, f"http://127.0.0.1:{port}/voila/static/plotly-cartesian.min.js"):
        yield page, expected, f"http://127.0.0.1:{port}"


@pytest.fixture
def visit(served, open_page):
    """Open the page, signed in, and wait until everything is drawn."""

    @contextmanager
    def visited(query: str = "", **options):
        with open_page(f"{served[2]}/?token={TOKEN}&{query}", **options) as watched:
            watched.page.wait_for_function(DRAWN, arg=1, timeout=READY_S * 1000)
            yield watched
            assert watched.errors == []
            assert watched.outside == []

    return visited


def _check(page, state, choice: Choice, lang: str) -> None:
    """Each block on the page is of this choice: its words, its table, its state."""
    shown = page.evaluate(SHOWN)
    with in_language(lang):
        content = state.content(choice)
    assert page.locator(".fs-scope").inner_text() == content.scope
    for section in content.sections:
        for block in section.blocks:
            found = shown[block.key]
            assert found["error"] is None, block.key
            if block.picture is None:
                continue
            assert found["caption"] == block.picture.caption, block.key
            assert found["alt"] == block.picture.alt, block.key
            assert found["table"] == [list(row) for row in block.picture.table.rows()], block.key


def _ground(page) -> int:
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", ground)[:3]))


def test_it_fits_and_has_no_barrier_at_any_width_in_both_schemes_and_on_paper(served, visit):
    _, state, _ = served
    with visit("lang=fr", width=390) as watched:
        page = watched.page
        _check(page, state, state.form().settle({}), "fr")
        for part in page.locator(".fs-block details").all():
            part.evaluate("part => { part.open = true }")
        for width, scheme in ((390, "light"), (390, "dark"), (1440, "dark"), (1440, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")
            page.wait_for_function(f"() => ({CUT})() === 0", timeout=60_000)
            assert not watched.scrolls_sideways(), (width, scheme)
            assert (_ground(page) < 150) is (scheme == "dark")
            assert watched.barriers() == [], (width, scheme)
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert _ground(page) == 3 * 255
        assert not page.get_by_role("combobox").first.is_visible()
        cut = page.evaluate(
            "[...document.querySelectorAll('.fs-block > .fs-tabled .fs-scroll')]"
            ".map((part) => part.scrollHeight - part.clientHeight)"
        )
        assert max(cut, default=0) <= 1, "tables are not scrolled on paper"


def test_every_control_is_followed_twenty_times_without_one_stale_block(served, visit):
    _, state, _ = served
    with in_language("en"):
        form = state.form()
    choice, turn = form.settle({c.name: c.options[-1].value for c in form.controls if c.options}), 1
    with visit(choice.query("en")) as watched:
        page = watched.page
        _check(page, state, choice, "en")
        while turn <= 20:
            for control in form.controls:
                offered = form.offered(control.name, choice)
                if len(control.options) < 2 or not offered:
                    continue
                option = offered[turn % len(offered)]
                if option.value == choice[control.name]:
                    option = offered[(turn + 1) % len(offered)]
                if option.value == choice[control.name]:
                    continue
                page.get_by_role("combobox", name=control.label, exact=True).select_option(label=option.label)
                choice = form.settle({**dict(choice.chosen), control.name: option.value})
                turn += 1
                page.wait_for_function(DRAWN, arg=turn, timeout=60_000)
                _check(page, state, choice, "en")
        for name, value in choice.chosen:
            assert f"{name}=" in page.url, (name, value)


def test_a_hostile_link_shows_everything_and_runs_nothing(served, visit):
    _, state, _ = served
    form = state.form()
    hostile = "&".join(f"{c.name}=%3Cscript%3Ealert(1)%3C/script%3E" for c in form.controls)
    with visit(f"{hostile}&lang=fr") as watched:
        _check(watched.page, state, form.settle({}), "fr")
        assert watched.page.locator("script", has_text="alert(1)").count() == 0
