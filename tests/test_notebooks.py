"""Every notebook on the sample, on the Open University data and on next to nothing, opened as a reader opens it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flipstats.build import build_study
from flipstats.report import notebooks, run_report
from flipstats.study import Study

OULAD = Path(__file__).parents[2] / "shared" / "data" / "oulad"
DRAWN = "[...document.querySelectorAll('.fs-plot')].every(p => p.dataset.drawn || p.dataset.error)"

# One sheet without a session asks which session, and nothing else.
SECTIONS = {("session_brief", "bare"): 1}

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def folders(shipped_built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("studies")
    shutil.copytree(shipped_built, made / "sample")
    Study.from_frames(
        programme={"id": "bare", "timezone": "Europe/Paris"},
        learners=pl.DataFrame({"learner_id": ["a"], "tracking": ["traced"]}),
        cohorts=pl.DataFrame({"cohort_id": ["g"]}),
        enrolments=pl.DataFrame({"learner_id": ["a"], "cohort_id": ["g"]}),
    ).save(made / "bare")
    if OULAD.is_dir():
        (made / "oulad").mkdir()
        (made / "oulad" / "study.toml").write_text(
            '[programme]\nid = "bbb"\ntitle = "BBB-2013J"\ntimezone = "Europe/London"\n\n'
            f'[[sources]]\nfile = "{OULAD.as_posix()}"\nformat = "oulad"\ncohort = "BBB-2013J"\n',
            encoding="utf-8",
        )
        build_study(made / "oulad" / "study.toml")
    return {path.name: path for path in made.iterdir()}


@pytest.mark.parametrize("name", sorted(set(notebooks()) - {"programme_report"}))
@pytest.mark.parametrize(
    ("of", "lang"), [(of, lang) for of in ("sample", "bare", "oulad") for lang in ("en", "fr")]
)
def test_a_notebook_reports_offline_with_every_figure_drawn(
    folders: dict[str, Path], open_page: Callable, tmp_path: Path, name: str, of: str, lang: str
) -> None:
    if of not in folders:
        pytest.skip("the Open University files are not beside this checkout")
    report = run_report(folders[of], notebook=name, lang=lang, out=tmp_path)
    page = report.read_text(encoding="utf-8")
    assert "Traceback" not in page
    assert not re.findall(
        r"\{\w+\}|\b(?:report|metrics|figures)\.[a-z]\w*_\w+",
        re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL),
    )
    for width in (390, 1440):
        with open_page(report.resolve().as_uri(), width=width) as watched:
            watched.until(DRAWN)
            assert watched.outside == watched.errors == []
            figures = watched.page.locator("figure").count()
            assert watched.figures() == figures
            assert watched.page.locator(".fs-plot[data-error]").count() == 0
            assert not watched.scrolls_sideways()
            assert watched.page.locator("main h2").count() >= SECTIONS.get((name, of), 3)
            assert watched.barriers() == []
