"""The page `manager` as its viewers meet it: served by Voilà, in a headless Chromium without a network."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import psutil
import pytest
from page_study import GROUPS, TITLES, page_study

from flipstats import display
from flipstats.dashboard.manager import Manager
from flipstats.dashboard.state import Choice
from flipstats.i18n import in_language

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-the-tests"
READY_S = 120
DRAWN = """(turn) => {
  const now = Number(document.getElementById('fs-cells')?.dataset.rev);
  const blocks = [...document.querySelectorAll('.fs-figures > * > [data-key]')];
  return now >= turn && blocks.length === 14 && blocks.every((block) => Number(block.dataset.rev) === now);
}"""
SHOWN = """() => Object.fromEntries([...document.querySelectorAll('.fs-figures > * > [data-key]')].map((block) => {
  const canvas = block.querySelector('.fs-canvas');
  return [block.dataset.key, {
    error: block.dataset.error ?? null,
    data: canvas?.data?.map((trace) => ({ x: trace.x, y: trace.y })),
    caption: block.querySelector('figcaption')?.textContent,
    alt: canvas?.ariaLabel,
    table: [...block.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((c) => c.textContent)),
    text: block.textContent,
  }];
}))"""
CUT = """() => [...document.querySelectorAll('.fs-canvas .main-svg')].filter((svg) =>
  svg.getBoundingClientRect().right > svg.closest('figure').getBoundingClientRect().right + 1).length"""


# ------------------------------------------------------------------------------------------------ fixtures


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _get(url: str, **headers: str):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace"), error.headers


@contextmanager
def _running(code: str, address: str):
    """Run a server in a process of its own until the block ends; it must then end by itself, on SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        end = time.monotonic() + READY_S
        while True:
            if process.poll() is not None:
                pytest.fail(f"the server stopped: {process.stdout.read()}")
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > end:
                    pytest.fail("the server did not start in time")
                time.sleep(0.2)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The study folder that is served."""
    path = tmp_path_factory.mktemp("served") / "study"
    page_study().save(path)
    return path


@pytest.fixture(scope="module")
def expected():
    """What a manager's page shall say: made here, by the same code but in another process."""
    return Manager(page_study(), "manager", "fr")


@pytest.fixture(scope="module")
def served(folder, private_jupyter):
    """The page, served to managers, in French where nobody asks: its process and its address."""
    port = _free_port()
    code = (
        "from flipstats.dashboard.serve import serve; "
        f"serve({str(folder)!r}, role='manager', port={port}, token={TOKEN!r}, viewers=2, open_browser=False)"
    )
    with _running(code, f"http://127.0.0.1:{port}/voila/static/plotly-cartesian.min.js") as process:
        yield process, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def server(served):
    """The address of the page."""
    return served[1]


@pytest.fixture(scope="module")
def server_process(served):
    """The process that serves the page."""
    return served[0]


def _kill_kernel(server: subprocess.Popen, kernel: str) -> None:
    for child in psutil.Process(server.pid).children(recursive=True):
        if any(kernel in word for word in child.cmdline()):
            child.kill()
            return
    pytest.fail("the page's kernel is not among the server's processes")


@pytest.fixture
def visit(server, open_page):
    """Open the page, signed in, and wait until everything is drawn."""

    @contextmanager
    def visited(query: str = "", **options):
        with open_page(f"{server}/?token={TOKEN}&{query}", **options) as watched:
            watched.page.wait_for_function(DRAWN, arg=1, timeout=READY_S * 1000)
            yield watched
            assert watched.errors == []
            assert watched.outside == []

    return visited


def _choose(page, name: str, value: str) -> None:
    page.get_by_role("combobox", name=name).select_option(label=value)


def _numbers(values):
    return None if values is None else [v if isinstance(v, str) else round(float(v), 6) for v in values]


def _check(page, state: Manager, choice: Choice, lang: str) -> None:
    """Everything on the page is what the state says of this choice: what is drawn, told and in the tables."""
    shown = page.evaluate(SHOWN)
    with in_language(lang):
        content = state.content(choice)
        for section in content.sections:
            said = set()
            for block in section.blocks:
                found = shown[block.key]
                assert found["error"] is None, block.key
                if block.picture is None:
                    assert found["text"] == "" if block.missing in said else block.missing in found["text"]
                    said.add(block.missing)
                    continue
                drawn = json.loads(display.spec(block.picture.figure))["data"]
                wanted = [{axis: trace.get(axis) for axis in ("x", "y")} for trace in drawn]
                assert [{a: _numbers(t.get(a)) for a in ("x", "y")} for t in found["data"]] == [
                    {a: _numbers(t[a]) for a in ("x", "y")} for t in wanted
                ], block.key
                assert found["caption"] == block.picture.caption
                assert found["alt"] == block.picture.alt
                assert found["table"] == [list(row) for row in block.picture.table.rows()]
    assert page.locator(".fs-scope").inner_text() == content.scope


# --------------------------------------------------------------------------------------------- what it shows


@pytest.mark.parametrize("turns", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_every_figure_follows_the_choice_of_cohort_each_time(visit, expected, turns):
    draw = random.Random(5)
    names = [None, *GROUPS]
    with visit() as watched:
        page, last = watched.page, None
        _check(page, expected, Choice(), "fr")
        for turn in range(turns):
            last = draw.choice([name for name in names if name != last])
            _choose(page, "Groupe", "Tous les groupes" if last is None else TITLES[last])
            page.wait_for_function(DRAWN, arg=turn + 2, timeout=30_000)
            _check(page, expected, Choice.of(cohort=last), "fr")
            assert ("cohort=" in page.url) is (last is not None)


def test_a_quick_viewer_ends_on_the_last_choice(visit, expected):
    """Seven choices without waiting for any of them: no figure stays behind on one of the earlier ones."""
    with visit() as watched:
        for name in ("F1", "F3", "C1", "F3", "F1", "C3", "F2"):
            _choose(watched.page, "Groupe", TITLES[name])
        watched.page.wait_for_function(
            f"() => location.search.includes('=F2') && ({DRAWN})(2)", timeout=60_000
        )
        _check(watched.page, expected, Choice.of(cohort="F2"), "fr")


def test_the_iteration_narrows_the_groups_and_every_figure_follows(visit, expected):
    with visit("lang=en") as watched:
        page = watched.page
        _choose(page, "Iteration", "Iteration 2")
        page.wait_for_function(DRAWN, arg=2, timeout=30_000)
        _check(page, expected, Choice.of(iteration=2), "en")
        offered = page.get_by_role("combobox", name="Cohort").locator("option").all_inner_texts()
        names = [" ".join(text.split()) for text in offered]  # the control writes every space as a hard one
        assert names == ["All cohorts", *(TITLES[n] for n in ("C2", "C3", "F2", "F3", "F4"))]
        _choose(page, "Cohort", TITLES["C3"])
        page.wait_for_function(DRAWN, arg=3, timeout=30_000)
        _check(page, expected, Choice.of(cohort="C3", iteration=2), "en")
        assert "cohort=C3&iteration=2" in page.url


def test_a_link_opens_on_its_choice_in_its_language_and_the_other_language_keeps_it(visit, expected):
    with visit("cohort=F2&lang=en") as watched:
        page = watched.page
        _check(page, expected, Choice.of(cohort="F2"), "en")
        assert TOKEN not in page.url, "the secret does not stay in the address"
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.title() == "Sécurité <incendie> – flipstats"
        link = page.get_by_role("link", name="Français")
        assert "cohort=F2" in link.get_attribute("href")
        link.click()
        page.wait_for_function(
            f"() => document.documentElement.lang === 'fr' && ({DRAWN})(1)", timeout=READY_S * 1000
        )
        _check(page, expected, Choice.of(cohort="F2"), "fr")


@pytest.mark.parametrize(
    "query",
    ["cohort=%3Cscript%3Ealert(1)%3C/script%3E&iteration=9%27--&lang=%3Cb%3E&template=lab&theme=dark"],
)
def test_a_hostile_link_shows_everything_and_runs_nothing(visit, expected, query):
    with visit(query) as watched:
        dialogs = []
        watched.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        _check(watched.page, expected, Choice(), "fr")
        assert dialogs == []
        assert watched.page.locator("script", has_text="alert(1)").count() == 0


# --------------------------------------------------------------------------------------------- how it looks


@pytest.mark.parametrize(
    ("width", "dark"), [(390, False), (1440, True), pytest.param(390, True, marks=pytest.mark.slow)]
)
def test_no_width_and_no_colour_scheme_cuts_anything(visit, width, dark):
    with visit("lang=fr", width=width, dark=dark) as watched:
        page = watched.page
        assert not watched.scrolls_sideways()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 150) is dark
        assert page.evaluate(CUT) == 0
        assert watched.barriers() == []
        button = page.get_by_role("button", name="Mode sombre")
        assert button.get_attribute("aria-pressed") == str(dark).lower()
        button.click()
        ink = "() => getComputedStyle(document.querySelector('[data-key=start] .ytick text')).fill"
        wanted = "rgb(90, 102, 117)" if dark else "rgb(165, 176, 190)"
        page.wait_for_function(f"() => ({ink})() === '{wanted}'")


def test_paper_is_light_and_as_wide_as_paper(visit):
    with visit("lang=fr", width=390, dark=True) as watched:
        page = watched.page
        width = "() => document.querySelector('[data-key=start] .main-svg').getBoundingClientRect().width"
        before = page.evaluate(width)
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(width) == 640, "drawn at once: the printer waits for no promise"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.get_by_role("combobox").first.is_visible()
        page.emulate_media(media="screen")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.wait_for_function(f"() => Math.abs(({width})() - {before}) < 1")


def test_the_page_can_be_read_and_used_without_seeing_it(visit):
    with visit("lang=en") as watched:
        page = watched.page
        assert page.get_by_role("main").count() == 1
        assert page.get_by_role("banner").count() == 1
        assert page.get_by_role("heading", level=1).inner_text() == "Sécurité <incendie>"
        assert page.get_by_role("heading", level=2).count() == 10
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        for name in ("Iteration", "Cohort"):
            assert page.get_by_role("combobox", name=name, exact=True).count() == 1
        figure = page.get_by_role("group", name="Scores at the start of each session")
        assert figure.locator(".fs-canvas[role=img]").get_attribute("aria-label").startswith("Scores at the")
        figure.get_by_text("The numbers as a table").click()
        assert figure.get_by_role("row").count() > 4
        page.get_by_role("combobox", name="Cohort").focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_function(DRAWN, arg=2, timeout=30_000)
        assert page.get_by_role("status").filter(has_text="The page now shows").count() == 1
        assert figure.get_by_role("row").first.is_visible(), "a table that was open stays open"


def test_a_page_whose_kernel_is_gone_says_so(visit, server_process):
    with visit("lang=en") as watched:
        page = watched.page
        page.clock.install()
        kernel = page.evaluate(
            "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
        )
        _kill_kernel(server_process, kernel)
        _choose(page, "Cohort", TITLES["F1"])
        assert not page.get_by_role("alert").filter(has_text="no longer hears").is_visible()
        page.clock.fast_forward(20_000)
        page.get_by_role("alert").filter(has_text="no longer hears").wait_for(state="visible")
        assert page.get_by_role("button", name="Reload the page").is_visible()


# ------------------------------------------------------------------------------------------- who gets in


def test_nobody_gets_in_without_the_token(server):
    for path in ("/", "/?token=wrong", "/voila/render/manager.ipynb"):
        status, text, _ = _get(server + path)
        assert "jupyter-config-data" not in text, (path, status)
    status, _, _ = _get(server + "/", Host="evil.example")
    assert status == 403, "a name that is not this machine's is refused"


def test_nothing_but_the_page_is_served(server, folder):
    signed = {"Authorization": f"token {TOKEN}"}
    for path in (
        "/voila/files/manager.ipynb",
        f"/voila/files{folder}/study.toml",
        "/voila/files/..%2f..%2fflipstats%2fcli.py",
        "/voila/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/etc/passwd",
        f"{folder}/CURRENT",
    ):
        status, text, _ = _get(server + path, **signed)
        assert status >= 400, path
        assert "root:" not in text, path
        assert "Traceback" not in text, path
    assert _get(server + "/api/contents", **signed)[0] >= 400


def test_headers_let_nothing_out_and_the_source_is_not_in_the_page(server):
    status, text, headers = _get(f"{server}/?token={TOKEN}")
    assert status == 200
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "view.prepare" not in text
    assert "LF1" not in text, "no pseudonym"


# --------------------------------------------------------------------------------------------- JupyterLab


def test_jupyterlab_opens_on_the_notebooks_of_the_study(folder, private_jupyter):
    port = _free_port()
    code = f"from flipstats.dashboard.lab import lab; lab({str(folder)!r}, port={port}, open_browser=False)"
    with _environment(JUPYTER_TOKEN=TOKEN), _running(code, f"http://127.0.0.1:{port}/api"):
        signed = {"Authorization": f"token {TOKEN}"}
        status, text, _ = _get(f"http://127.0.0.1:{port}/api/contents/notebooks", **signed)
        assert status == 200
        assert "programme_report.ipynb" in {entry["name"] for entry in json.loads(text)["content"]}
        status, text, _ = _get(f"http://127.0.0.1:{port}/lab", **signed)
        assert status == 200
        settings = json.loads(re.search(r'id="jupyter-config-data" [^>]*>(.*?)</script>', text, re.S)[1])
        assert settings["news"] == {"disabled": True}
        assert settings["disabledExtensions"] == ["@jupyterlab/apputils-extension:announcements"]
        assert _get(f"http://127.0.0.1:{port}/api/contents/notebooks")[0] == 403


@contextmanager
def _environment(**variables: str):
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
