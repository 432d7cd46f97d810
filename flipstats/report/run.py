"""From a study folder to a report: parameters checked, notebook run, page and provenance written."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from flipstats import __version__, i18n
from flipstats.errors import FlipstatsError, ParameterError, did_you_mean
from flipstats.i18n import in_language, number, t
from flipstats.ledger.identities import People, unlock
from flipstats.report.export import Cover, layout_of, to_html, to_pdf
from flipstats.report.kernel import private_kernel
from flipstats.report.names import check_names, with_names
from flipstats.report.parameters import checked, parameters_of
from flipstats.report.pictures import write_pictures
from flipstats.report.provenance import provenance
from flipstats.shipped import shipped
from flipstats.study import Study, open_study

_FORMATS = ("html", "pdf")
_SELECTORS = ("cohorts", "iterations")  # parameters that select from the study


def run_report(
    study_dir: Path | str,
    *,
    notebook: str = "programme_report",
    parameters: Mapping[str, object] | None = None,
    lang: str | None = None,
    out: Path | str | None = None,
    to: str = "html",
    name: str | None = None,
    identities: Path | str | None = None,
    passphrase: str = "",
    pictures: Path | str | None = None,
) -> Path:
    """Run a notebook on a study and write the report, with its provenance beside it as JSON.

    Parameters
    ----------
    study_dir : path
        A study folder.
    notebook : str
        Name of a notebook of flipstats, or the path of one.
    parameters : mapping, optional
        Parameters of the notebook; texts as from a command line are converted.
    lang : {"en", "fr"}, optional
        Language of the report; by default the programme's.
    out : path, optional
        Folder of the report; by default ``reports`` in the study folder.
    to : {"html", "pdf"}
        PDF needs a Chromium on this machine; the HTML file is written too.
    name : str, optional
        Name of the report file, without its suffix; by default the notebook's and the language.
    identities : path, optional
        The organisation's encrypted identities, opened with `passphrase`: names stand beside pseudonyms in
        the written report, nowhere else, and the access is written down. For the brief of a session only.
    pictures : path, optional
        Folder for every figure of the report as PNG and SVG, under the report's name and their number.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    ParameterError
        A parameter's name is unknown, or its value wrong, or names may not be put in: nothing was run.
    FlipstatsError
        The notebook failed; the message gives the cause and where the notebook, as far as it went, lies.

    Notes
    -----
    A run that fails leaves an earlier report of the same name as it was.
    """
    source = find_notebook(notebook)
    if to not in _FORMATS:
        raise ParameterError(t("report.unknown_format", found=to, known=", ".join(_FORMATS)))
    study = open_study(study_dir)
    lang = lang or study.programme.language
    given = checked(parameters or {}, parameters_of(source), source.stem)
    chosen = _selected(study, given)
    folder = Path(out) if out is not None else Path(study_dir) / "reports"
    if identities is not None:
        check_names(study, source.stem, given, folder, Path(study_dir))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{file_name(name or f'{source.stem}-{lang}')}.html"
    people = None if identities is None else unlock(Path(identities), passphrase, target.name)
    began, clock = dt.datetime.now(dt.UTC), time.monotonic()
    with in_language(lang):
        run = {**given, "study": str(Path(study_dir).resolve()), "lang": lang}
        executed = _execute(source, run, target.with_suffix(".error.ipynb"))
        record = provenance(study, notebook=source, parameters=given, lang=lang, made_at=began)
        record["report"]["seconds"] = round(time.monotonic() - clock, 1)
        page = to_html(executed, _cover(chosen, source.stem, record, lang, layout_of(executed), people))
        write_whole(target, page if people is None else with_names(page, people), private=people is not None)
        write_whole(
            target.with_suffix(".json"), json.dumps(record, ensure_ascii=False, indent=2, default=str) + "\n"
        )
        if pictures is not None:
            write_pictures(page, Path(pictures), target.stem)
        if to != "pdf":
            return target
        printed = to_pdf(target, target.with_suffix(".pdf"))
        os.chmod(printed, stat.S_IMODE(target.stat().st_mode))  # names on paper are no more public
        return printed


def notebooks() -> dict[str, Path]:
    """Return the notebooks flipstats ships, by name."""
    return {path.stem: path for path in sorted(shipped("notebooks").glob("*.ipynb"))}


def find_notebook(notebook: str) -> Path:
    """Return the path of a notebook given by its name or its path.

    Raises
    ------
    ParameterError
        There is none; the nearest name is suggested.
    """
    if notebook.endswith(".ipynb") and Path(notebook).is_file():
        return Path(notebook)
    known = notebooks()
    if notebook not in known:
        near = did_you_mean(notebook, known)
        key = "report.unknown_notebook" if near is None else "report.unknown_notebook_near"
        raise ParameterError(t(key, name=notebook, near=near, known=", ".join(known)))
    return known[notebook]


def _selected(study: Study, given: Mapping[str, object]) -> Study:
    """Return what the report will be about; a cohort or iteration there is not is refused here."""
    chosen = {name: given[name] for name in _SELECTORS if given.get(name)}
    return study.select(**chosen) if chosen else study


def _execute(source: Path, parameters: Mapping[str, object], error_notebook: Path) -> object:
    """Run a notebook in a kernel of its own and return it; where it failed, keep it as far as it went."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with tempfile.TemporaryDirectory(prefix="flipstats-") as scratch:
        executed = Path(scratch) / "executed.ipynb"
        try:
            done = papermill.execute_notebook(
                str(source), str(executed), parameters=dict(parameters), kernel_name="python3",
                kernel_manager_class=private_kernel(Path(scratch)), progress_bar=False, log_output=False,
                request_save_on_cell_execute=False, cwd=scratch,
            )  # fmt: skip
        except PapermillExecutionError as error:
            error_notebook.write_bytes(executed.read_bytes())
            raise FlipstatsError(t("report.failed", cause=_cause(error), file=error_notebook)) from None
        except RuntimeError as error:  # the kernel died or never answered
            raise FlipstatsError(t("report.no_kernel", cause=str(error).splitlines()[0])) from error
    error_notebook.unlink(missing_ok=True)
    return done


def _cause(error: object) -> str:
    """Say in one line why a cell failed: our own messages as they are, others with their kind."""
    message = next((line for line in str(error.evalue).splitlines() if line.strip()), "")
    ours = {kind.__name__ for kind in [FlipstatsError, *_descendants(FlipstatsError)]}
    return message if error.ename in ours else f"{error.ename}: {message}"


def _descendants(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def _cover(
    study: Study, notebook: str, record: Mapping, lang: str, layout: str, people: People | None
) -> Cover:
    made = record["report"]
    zone = study.programme.timezone
    kind = t(f"report.kind_of_{notebook}") if i18n.has(f"report.kind_of_{notebook}") else notebook
    began = dt.datetime.fromisoformat(made["made_at"])
    given = ", ".join(f"{name} = {value}" for name, value in made["parameters"].items())
    learners = study.n_learners
    groups = study.table("cohorts").collect().height
    facts = [
        (t("report.fact_when"), f"{i18n.moment(began, zone)} ({zone})"),
        (t("report.fact_version"), " · ".join(filter(None, [f"flipstats {__version__}", record["git"]]))),
        (t("report.fact_parameters"), given or t("report.fact_defaults")),
        (t("report.fact_inputs"), t("report.fact_files", n=len(record["inputs"]))),
        (t("report.fact_seconds"), t("report.fact_seconds_value", seconds=number(made["seconds"], 0))),
        (t("report.fact_libraries"), _libraries(record["versions"])),
        (t("report.fact_beside"), t("report.fact_beside_value")),
    ]
    if layout == "sheet":  # what was made of what is in the file beside it
        facts = [facts[i] for i in (0, 1, 2, -1)]
    if people is not None:
        facts.append((t("brief.fact_names"), t("brief.names_joined")))
    who = t(
        "report.subtitle", learners=t("report.n_learners", n=learners), groups=t("report.n_groups", n=groups)
    )
    until = t("report.subtitle_until", until=i18n.date(study.as_of, zone)) if study.as_of else ""
    subtitle = " · ".join(part for part in (who, until) if part)
    return Cover(study.programme.title or study.programme.id, kind, subtitle, facts, lang)


def _libraries(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {found}" for name, found in versions.items() if name != "flipstats")


def file_name(name: str) -> str:
    """Return a name any file system takes; cohort ids are data."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-")[:120] or "report"


def write_whole(target: Path, content: str, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one can be read by its owner only."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=target.parent, prefix=".", suffix=".part", delete=False
    ) as part:
        part.write(content)
    os.chmod(part.name, 0o600 if private else 0o644)
    os.replace(part.name, target)
