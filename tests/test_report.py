"""Reports: run for real, refused before they run, failing with their cause, opened in a browser."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from page_study import page_study

import flipstats
from flipstats import metrics
from flipstats.errors import FlipstatsError, ParameterError, StudyError
from flipstats.i18n import in_language
from flipstats.report import each, run_each, run_report
from flipstats.report import run as runs
from flipstats.report.export import browser, to_pdf

FIGURES = 8


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_study().save(tmp_path_factory.mktemp("reports") / "study")


@pytest.fixture(scope="session")
def report(folder: Path) -> Path:
    """The French report of the small study; its groups have markup in their names."""
    return run_report(folder, parameters={"depth": "opened"}, out=folder / "out")


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[[str], Path]:
    """Write a notebook of one cell below the parameters."""

    def write(source: str) -> Path:
        parameters = nbformat.v4.new_code_cell(
            'study: str = "."  # study\nlang: str = "en"  # language\nn: int = 1  # n'
        )
        parameters.metadata.tags = ["parameters"]
        made = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(source)])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = tmp_path / "probe.ipynb"
        nbformat.write(made, path)
        return path

    return write


# --------------------------------------------------------------------------------------------- a report


def test_a_report_is_one_file_with_its_provenance_beside_it(report: Path) -> None:
    assert sorted(path.name for path in report.parent.iterdir()) == [
        "programme_report-fr.html",
        "programme_report-fr.json",
    ]
    page = report.read_text(encoding="utf-8")
    assert 1.5e6 < len(page.encode()) < 2.5e6
    assert page.count("<figure") == FIGURES
    for text in (
        "Sécurité &lt;incendie&gt;",
        "Ont-ils préparé",
        "Comment ce rapport a été fait",
        "depth = opened",
    ):
        assert text in page, text
    assert "Traceback" not in page
    assert str(report.parent) not in page, "a report names no folder of the machine that made it"


def test_provenance_says_what_the_numbers_rest_on(report: Path, folder: Path) -> None:
    record = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    assert set(record) == {
        "report", "programme", "design", "inputs", "thresholds", "definitions", "versions", "git", "study",
    }  # fmt: skip
    assert record["report"]["parameters"] == {"depth": "opened"}
    assert record["report"]["language"] == "fr"
    source = runs.find_notebook("programme_report")
    assert record["report"]["notebook_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert record["versions"]["flipstats"] == flipstats.__version__
    assert record["definitions"] == {key: str(d.version) for key, d in sorted(metrics.METRICS.items())}
    assert record["thresholds"]["early_days"] == {"value": 14, "unit": "days", "default": 14}
    assert [set(source) for source in record["inputs"]] == [
        {"file", "sha256", "format", "rows_read", "rows_kept", "rows_merged", "rows_set_aside"}
    ] * len(record["inputs"])


def test_nobody_is_named_in_a_report(report: Path) -> None:
    page = re.sub(r"<script>.*?</script>", "", report.read_text(encoding="utf-8"), flags=re.DOTALL)
    learners = set(page_study().table("learners").collect()["learner_id"])
    assert not learners & set(re.findall(r"\w+", page))


# --------------------------------------------------------------------------------------- refused, failing


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"notebook": "programme_raport"}, "did you mean 'programme_report'?"),
        ({"to": "docx"}, "a report can be written as html, pdf, not as 'docx'"),
        ({"parameters": {"cohorts": "F9"}}, "F9"),
        ({"parameters": {"iterations": "7"}}, "7"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_before_it_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict, message: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr(runs, "_execute", never)
    with pytest.raises(ParameterError) as refused:
        run_report(folder, **arguments)
    assert message in str(refused.value)


def test_no_study_no_report(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        run_report(tmp_path / "nowhere")


def test_a_failing_notebook_gives_its_cause_and_keeps_the_earlier_report(
    folder: Path, notebook: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "probe-en.html").write_text("earlier", encoding="utf-8")
    with pytest.raises(FlipstatsError) as failed:
        run_report(
            folder, notebook=str(notebook("print(n)\n1 / 0")), parameters={"n": "3"}, lang="en", out=out
        )
    kept = out / "probe-en.error.ipynb"
    assert str(failed.value) == (
        "the report was not made: ZeroDivisionError: division by zero\n"
        f"The notebook, as far as it went, is {kept}"
    )
    assert (out / "probe-en.html").read_text(encoding="utf-8") == "earlier"
    outputs = [
        output for cell in nbformat.read(kept, as_version=4).cells for output in cell.get("outputs", [])
    ]
    assert [o.text for o in outputs if o.output_type == "stream"] == ["3\n"]


def test_our_own_refusals_are_told_as_they_are(
    folder: Path, notebook: Callable[[str], Path], tmp_path: Path
) -> None:
    source = "from flipstats.errors import StudyError\nraise StudyError('this is why')"
    with pytest.raises(FlipstatsError) as failed:
        run_report(folder, notebook=str(notebook(source)), lang="en", out=tmp_path / "out")
    assert str(failed.value).startswith("the report was not made: this is why\n")


def test_the_kernel_is_this_python_without_the_readers_settings(
    folder: Path, notebook: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    source = "import os, sys\nprint(sys.executable)\nprint(os.environ['IPYTHONDIR'] != '')\nprint(study)"
    path = run_report(folder, notebook=str(notebook(source)), lang="en", out=tmp_path / "out")
    page = path.read_text(encoding="utf-8")
    import sys

    assert f"<pre>{sys.executable}\nTrue\n{folder.resolve()}\n</pre>" in page
    assert dict(os.environ) == before


def test_one_report_for_each_and_one_failure_does_not_stop_the_others(
    folder: Path, notebook: Callable[[str], Path], tmp_path: Path
) -> None:
    path = notebook("assert iterations != [2]")
    made = nbformat.read(path, as_version=4)
    made.cells[0].source += "\niterations: list[int] = []  # iterations"
    nbformat.write(made, path)
    told = []
    with pytest.raises(FlipstatsError) as failed:
        run_each(
            folder, each="iteration", notebook=str(path), lang="en", out=tmp_path / "out",
            progress=lambda *step: told.append(step),
        )  # fmt: skip
    assert sorted(name for name, _, _ in told) == ["1", "2"]
    assert [step[1:] for step in told] == [(0, 2), (1, 2)]
    assert str(failed.value).startswith(
        "1 report of 2 was not made:\n2: the report was not made: AssertionError"
    )
    assert (tmp_path / "out" / "probe-1-en.html").exists()
    listed = (tmp_path / "out" / "index-probe-en.html").read_text(encoding="utf-8")
    assert 'href="probe-1-en.html"' in listed
    assert "not made" in listed
    assert "AssertionError" in listed


def test_two_ids_that_make_one_file_name_make_two_files() -> None:
    assert each._names(["A B", "a/b", "C"]) == {"A B": "A-B", "a/b": "a-b-2", "C": "C"}


def die(task: dict) -> None:
    os._exit(len(task))


def test_a_report_whose_process_dies_is_tried_again_and_then_named(
    folder: Path, notebook: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(each, "_one", die)
    with pytest.raises(FlipstatsError, match="stopped twice"):
        run_each(folder, each="iteration", notebook=str(notebook("1")), out=tmp_path / "out")


def test_names_of_files_come_from_data_and_stay_in_the_folder() -> None:
    assert runs.file_name("report-../../A B:é-fr") == "report-..-..-A-B-é-fr"
    assert runs.file_name("///") == "report"


def test_a_pdf_without_a_browser_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flipstats.report.export.browser", lambda: None)
    with pytest.raises(FlipstatsError) as refused:
        to_pdf(tmp_path / "r.html", tmp_path / "r.pdf")
    assert str(refused.value) == (
        "a PDF needs the Chromium or Chrome browser on this machine, and there is none. The HTML report is "
        f"{tmp_path / 'r.html'}: print it from any browser"
    )


# -------------------------------------------------------------------------------------------- in a browser


def drawn(watched: object) -> None:
    watched.until(
        "document.querySelectorAll('.fs-plot').length && "
        "[...document.querySelectorAll('.fs-plot')].every(p => p.dataset.drawn || p.dataset.error)"
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_opened_from_disk_without_a_network_every_figure_draws(
    report: Path, open_page: Callable, width: int, dark: bool
) -> None:
    with open_page(report.resolve().as_uri(), width=width, dark=dark) as watched:
        drawn(watched)
        page = watched.page
        assert page.locator(".fs-plot[data-drawn]").count() == FIGURES
        assert page.locator(".fs-plot[data-error]").count() == 0
        assert watched.figures() == FIGURES
        assert watched.outside == []
        assert watched.errors == []
        assert not watched.scrolls_sideways()
        assert watched.barriers() == []
        assert page.get_attribute("html", "lang") == "fr"
        assert page.title().startswith("Sécurité <incendie>")
        marks = page.evaluate("document.querySelectorAll('.fs-plot .point, .fs-plot .points path').length")
        assert marks > 50
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert ink == ("rgb(231, 236, 242)" if dark else "rgb(27, 36, 48)")
        assert page.locator(".fs-plot").first.get_attribute("data-drawn") == ("dark" if dark else "light")


@pytest.mark.browser
def test_a_figure_follows_the_readers_change_of_theme_and_the_keyboard_works(
    report: Path, open_page: Callable
) -> None:
    with open_page(report.resolve().as_uri()) as watched:
        drawn(watched)
        page = watched.page
        page.emulate_media(color_scheme="dark")
        watched.until("document.querySelector('.fs-plot').dataset.drawn === 'dark'")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "fs-skip"
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#content"
        page.locator("details.fs-data summary").first.click()
        assert page.locator("details.fs-data table").first.is_visible()
        with page.expect_download() as saved:
            page.locator(".fs-save").first.click()
        assert saved.value.suggested_filename.endswith(".png")


@pytest.mark.browser
def test_on_paper_figures_are_light_and_fit(report: Path, open_page: Callable) -> None:
    with open_page(report.resolve().as_uri(), dark=True) as watched:
        drawn(watched)
        page = watched.page
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        watched.until("[...document.querySelectorAll('.fs-plot')].every(p => p.dataset.drawn === 'light')")
        widths = page.evaluate(
            "[...document.querySelectorAll('.fs-canvas .main-svg')].map(s => s.clientWidth)"
        )
        assert max(widths) <= 660
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
        assert not page.locator(".fs-toc").is_visible()


@pytest.mark.browser
def test_a_pdf_is_printed_with_its_figures(report: Path, tmp_path: Path, chromium: object) -> None:
    assert browser() is not None
    printed = to_pdf(report, tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 60_000
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 4


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_study_with_almost_nothing_still_reports_why(
    tmp_path: Path, open_page: Callable, lang: str
) -> None:
    import polars as pl

    from flipstats.study import Study

    bare = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]})).save(tmp_path / "bare")
    path = run_report(bare, lang=lang, out=tmp_path / "out")
    with in_language(lang), open_page(path.resolve().as_uri(), width=390) as watched:
        assert watched.outside == watched.errors == []
        assert not watched.scrolls_sideways()
        assert watched.page.locator(".fs-notice").count() >= 5
        assert watched.page.locator("figure").count() == 0
