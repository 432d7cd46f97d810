"""The programme report on the sample and on the Open University data, opened as a reader opens it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from flipstats.build import build_study
from flipstats.report import run_report

OULAD = Path(__file__).parents[2] / "shared" / "data" / "oulad"
DRAWN = "[...document.querySelectorAll('.fs-plot')].every(p => p.dataset.drawn || p.dataset.error)"

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def words(page: Path) -> str:
    """What a page says, without its scripts and markup."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_sample_reports_with_every_figure_drawn_offline(
    shipped_built: Path, open_page: Callable, lang: str, tmp_path: Path
) -> None:
    report = run_report(shipped_built, lang=lang, out=tmp_path)
    record = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["inputs"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", source["sha256"]) for source in record["inputs"])
    for source in record["inputs"]:
        kept, merged, aside = (source[f"rows_{name}"] for name in ("kept", "merged", "set_aside"))
        assert source["rows_read"] == kept + merged + aside
    for width in (390, 1440):
        with open_page(report.resolve().as_uri(), width=width) as watched:
            watched.until(DRAWN)
            assert watched.outside == watched.errors == []
            assert watched.figures() == watched.page.locator("figure").count() == 10
            assert not watched.scrolls_sideways()


def test_one_cohort_and_one_iteration_can_be_chosen(shipped_built: Path, tmp_path: Path) -> None:
    whole = words(run_report(shipped_built, lang="en", out=tmp_path, parameters={"iterations": "2"}))
    assert "in 8 groups" in whole
    assert "2023, groupe" not in whole
    assert "iterations = [2]" in whole


@pytest.mark.skipif(not OULAD.is_dir(), reason="the Open University files are not beside this checkout")
def test_the_open_university_reports_and_marks_what_is_not_computable(
    tmp_path: Path, open_page: Callable
) -> None:
    (tmp_path / "study.toml").write_text(
        '[programme]\nid = "bbb"\ntitle = "BBB-2013J"\ntimezone = "Europe/London"\n\n'
        f'[[sources]]\nfile = "{OULAD.as_posix()}"\nformat = "oulad"\ncohort = "BBB-2013J"\n',
        encoding="utf-8",
    )
    build_study(tmp_path / "study.toml")
    report = run_report(tmp_path, lang="en")
    said = words(report)
    assert "2237 learners in 1 group" in said
    assert "no source can tell this level of consultation" in said
    assert "Hatched or absent: unknown, which is not zero." in said
    assert "Not computable. The study has no assessment at the start of a session." in said
    with open_page(report.resolve().as_uri()) as watched:
        watched.until(DRAWN)
        assert watched.outside == watched.errors == []
        assert watched.figures() == 4
        assert watched.page.locator(".fs-plot").first.locator("text=unknown").count() == 2
