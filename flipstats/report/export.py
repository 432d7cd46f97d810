"""An executed notebook as one HTML file that opens offline, and that file on paper."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flipstats import __version__
from flipstats.display import ASSETS, theme_data
from flipstats.errors import FlipstatsError
from flipstats.figures.static import browser
from flipstats.i18n import t

_TEMPLATES = Path(__file__).parents[1] / "templates"
_SECTION = re.compile(r'<h2 id="([\w-]+)">(.*?)</h2>', re.DOTALL)
_PDF_SECONDS = 120
_HEADLESS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--virtual-time-budget=30000",  # milliseconds of the page's own clock: time for every figure to be drawn
)


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands around the outputs of a notebook, in the reader's language.

    Attributes
    ----------
    title, kind, subtitle : str
        The programme's title, which report it is, and one line on what it covers.
    facts : sequence of (str, str)
        How the report was made: names and values.
    lang : str
        Language of the document.
    """

    title: str
    kind: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    lang: str


def to_html(notebook: object, cover: Cover) -> str:
    """Return an executed notebook as one HTML document that fetches nothing.

    Its content security policy allows the two scripts it carries and no other, nor any request: a script in
    a title, were it ever let through, would not run.
    """
    from nbconvert import HTMLExporter, TemplateExporter

    exporter = HTMLExporter(template_name="report", extra_template_basedirs=[str(_TEMPLATES)])
    plotly, draw = (_asset(name) for name in ("plotly-cartesian.min.js", "draw.js"))
    report = {
        "lang": cover.lang,
        "title": cover.title,
        "kind": cover.kind,
        "subtitle": cover.subtitle,
        "facts": list(cover.facts),
        "version": __version__,
        "contents": contents(notebook),
        "layout": layout_of(notebook),
        "words": {name: t(f"report.{name}", cover.lang) for name in ("skip", "contents", "made")},
        "style": _asset("blocks.css") + (_TEMPLATES / "report" / "page.css").read_text(encoding="utf-8"),
        "theme": theme_data(),
        "plotly": plotly,
        "draw": draw,
        "policy": policy(plotly, draw),
    }
    # The HTML exporter would parse the page and write it anew, scripts whose hashes are promised included.
    body, _ = TemplateExporter.from_notebook_node(exporter, notebook, resources={"flipstats": report})
    return body


def layout_of(notebook: object) -> str:
    """Return how a notebook asks to be laid out: ``"sheet"``, one sheet of paper, or ``""``."""
    return notebook.metadata.get("flipstats", {}).get("layout", "")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def policy(*scripts: str) -> str:
    """Return a content security policy under which only `scripts` run and nothing is fetched."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )


def contents(notebook: object) -> list[tuple[str, str]]:
    """Return the sections of an executed notebook: anchor and words, as its headings have them."""
    return [
        (anchor, words)
        for cell in notebook.cells
        if "notebook-only" not in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        for anchor, words in _SECTION.findall(_html_of(output))
    ]


def _html_of(output: Mapping) -> str:
    found = output.get("data", {}).get("text/html", "")
    return "".join(found) if isinstance(found, list) else found


def to_pdf(page: Path, target: Path) -> Path:
    """Print a report to PDF with a headless Chromium, without any network.

    Raises
    ------
    FlipstatsError
        There is no Chromium on this machine, or it could not print.
    """
    program = browser()
    if program is None:
        raise FlipstatsError(t("report.no_browser", file=page))
    command = [program, *_HEADLESS, f"--print-to-pdf={target}", page.resolve().as_uri()]
    target.unlink(missing_ok=True)
    # Root and many containers have no sandbox; the page is ours and may neither fetch nor run anything more.
    for extra in ([], ["--no-sandbox"]):
        try:
            subprocess.run([*command, *extra], capture_output=True, timeout=_PDF_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        if target.exists():
            return target
    raise FlipstatsError(t("report.pdf_failed", browser=Path(program).name, file=page))
