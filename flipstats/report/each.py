"""Many reports of one study, side by side in processes of their own, and the page that lists them."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

import polars as pl

from flipstats import __version__, display, i18n, metrics
from flipstats.display.blocks import Html, notice, section
from flipstats.errors import FlipstatsError, ParameterError
from flipstats.headline import prepared_depth
from flipstats.i18n import in_language, number, percent, t
from flipstats.report.export import Cover, to_html
from flipstats.report.parameters import checked, parameters_of
from flipstats.report.run import file_name, find_notebook, run_report, write_whole
from flipstats.study import Study, open_study

EACH = {"cohort_id": "cohorts", "iteration": "iterations"}
INDEX = "index"


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one report: its file, or why it was not made."""

    value: object
    path: Path | None = None
    cause: str | None = None


def run_each(
    study_dir: Path | str,
    *,
    each: str,
    notebook: str = "programme_report",
    parameters: Mapping[str, object] | None = None,
    lang: str | None = None,
    out: Path | str | None = None,
    to: str = "html",
    pictures: Path | str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write one report for each cohort or each iteration, several at a time, and a page that lists them.

    A report that fails does not stop the others; the list names it with its cause.

    Parameters
    ----------
    each : {"cohort_id", "iteration"}
        What there is one report for.
    workers : int, optional
        How many reports are made at the same time; by default one a processor.
    progress : callable, optional
        Called with a name, a count of reports ended and their total, as they end.
    study_dir, notebook, parameters, lang, out, to, pictures
        As in `run_report`.

    Returns
    -------
    list of Path
        The list of reports first (``index-….html``), then the reports in order.

    Raises
    ------
    ParameterError
        `each` is neither, or a parameter is wrong: nothing was run.
    FlipstatsError
        Some reports failed, after the others and the list were written; each is named with its cause.
    """
    if each not in EACH:
        raise ParameterError(t("report.unknown_each", found=each, known=", ".join(EACH)))
    source = find_notebook(notebook)
    given = checked(parameters or {}, parameters_of(source), source.stem)
    study = open_study(study_dir)
    lang = lang or study.programme.language
    cohorts = study.table("cohorts").collect()
    values = cohorts[each].drop_nulls().unique().sort().to_list()
    folder = Path(out) if out is not None else Path(study_dir) / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    same = {"study_dir": str(study_dir), "notebook": notebook, "lang": lang, "out": str(folder), "to": to}
    same["pictures"] = pictures and str(pictures)
    tasks = {
        value: {**same, "parameters": {**given, EACH[each]: [value]}, "name": f"{source.stem}-{name}-{lang}"}
        for value, name in _names(values).items()
    }
    made = _in_parallel(tasks, workers or os.cpu_count() or 1, progress)
    failed = [one for one in made if one.path is None]
    with in_language(lang):
        listed = folder / f"{file_name(f'{INDEX}-{source.stem}-{lang}')}.html"
        write_whole(
            listed, index_page(study, each, made, source.stem, role=str(given.get("role", "research")))
        )
        if failed:
            causes = "\n".join(f"{one.value}: {one.cause}" for one in failed)
            raise FlipstatsError(t("report.some_failed", n=len(failed), total=len(values), causes=causes))
    return [listed, *(one.path for one in made if one.path is not None)]


def _names(values: list) -> dict[object, str]:
    """Return a file name for each value; two ids that a file system takes as one are numbered."""
    out: dict[object, str] = {}
    for value in values:
        name, n = file_name(str(value)), 1
        while name.casefold() in {taken.casefold() for taken in out.values()}:
            n += 1
            name = f"{file_name(str(value))}-{n}"
        out[value] = name
    return out


def _in_parallel(
    tasks: Mapping[object, dict], workers: int, progress: Callable[[str, int, int], None] | None
) -> list[Made]:
    """Run the tasks; those whose process died are run once more, alone."""
    found: dict[object, Made] = {}
    waiting = dict(tasks)
    for at_once in (min(workers, max(1, len(tasks))), 1):
        for value, ended in _pool(waiting, at_once):
            found[value] = ended
            if progress:
                progress(str(value), len(found) - 1, len(tasks))
        waiting = {value: task for value, task in waiting.items() if value not in found}
    lost = {value: Made(value, cause=t("report.process_died")) for value in waiting}
    return [found.get(value) or lost[value] for value in tasks]


def _pool(tasks: Mapping[object, dict], workers: int) -> Iterator[tuple[object, Made]]:
    if not tasks:
        return
    # A forked process would inherit the threads of polars in the middle of whatever they were doing.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future, object] = {pool.submit(_one, task): value for value, task in tasks.items()}
        for ended in as_completed(running):
            value = running[ended]
            problem = ended.exception()
            if isinstance(problem, BrokenProcessPool):
                continue
            yield value, Made(value, cause=_said(problem)) if problem else Made(value, ended.result())


def _one(task: dict) -> Path:
    """Make one report, in a process of its own."""
    i18n.set_language(task["lang"])
    return run_report(**task)


def _said(problem: BaseException) -> str:
    return str(problem) if isinstance(problem, FlipstatsError) else f"{type(problem).__name__}: {problem}"


# ----------------------------------------------------------------------------------------------- the list


def index_page(study: Study, each: str, made: list[Made], notebook: str, *, role: str) -> str:
    """Return the page that lists the reports, with a few numbers of each and what was not made.

    Parameters
    ----------
    each : {"cohort_id", "iteration"}
    made : list of Made
        In the order of the list.
    notebook : str
        Name of the notebook that was run.
    role : {"research", "manager", "trainer"}
        Who will read it: outside research small groups are hidden.
    """
    import nbformat

    failed = [one for one in made if one.path is None]
    refused = Html("".join(notice(str(one.cause), label=_name(study, each, one.value)) for one in failed))
    blocks = section("report.q_index", _table(study, each, made, role), refused)
    output = nbformat.v4.new_output("display_data", data={"text/html": str(blocks)})
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    now = dt.datetime.now(dt.UTC)
    zone = study.programme.timezone
    facts = [
        (t("report.fact_when"), f"{i18n.moment(now, zone)} ({zone})"),
        (t("report.fact_version"), f"flipstats {__version__}"),
    ]
    title = study.programme.title or study.programme.id
    kind = t(f"report.kind_of_{notebook}") if i18n.has(f"report.kind_of_{notebook}") else notebook
    subtitle = t("report.n_reports", n=len(made) - len(failed))
    return to_html(page, Cover(title, kind, subtitle, facts, i18n.language()))


def _table(study: Study, each: str, made: list[Made], role: str) -> Html:
    columns = {
        "prepared": _values(study, "prepared_rate", each, "all", role, depth=prepared_depth(study)),
        "ready": _values(study, "start_score", each, "mean", role),
        "completed": _values(study, "completion_rate", each, "rate", role),
    }
    arms = {}
    if each == "cohort_id":
        rows = study.table("cohorts").select("cohort_id", "arm").collect()
        arms = {cohort: display.arm_words(arm) for cohort, arm in rows.iter_rows()}
    words = [t("report.column_report"), *([t("report.column_arm")] if arms else [])]
    numbers = [t(f"report.column_{name}") for name in columns]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in words)
    head += "".join(f'<th scope="col" class="fs-num">{escape(name)}</th>' for name in numbers)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{_link(study, each, one)}</th>'
        + (f"<td>{escape(arms[one.value])}</td>" if arms else "")
        + "".join(
            f'<td class="fs-num">{escape(shown.get(one.value, "–"))}</td>' for shown in columns.values()
        )
        + "</tr>"
        for one in made
    )
    return Html(
        f'<div class="fs-tabled"><div class="fs-scroll" role="region" tabindex="0" '
        f'aria-label="{escape(t("report.q_index"))}"><table><caption>{escape(t("report.caption_index"))}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _link(study: Study, each: str, one: Made) -> str:
    name = escape(_name(study, each, one.value))
    if one.path is None:
        return f"{name} – {escape(t('report.not_made'))}"
    return f'<a href="{escape(quote(one.path.name))}">{name}</a>'


def _name(study: Study, each: str, value: object) -> str:
    if each == "iteration":
        return t("report.iteration_n", n=value)
    titles = study.table("cohorts").filter(pl.col("cohort_id") == value).collect()["title"]
    return titles[0] or str(value)


def _values(
    study: Study, key: str, each: str, statistic: str, role: str, depth: str | None = None
) -> dict[object, str]:
    """Return by cohort or iteration a number with its interval, as the reader writes them."""
    rows = metrics.compute(study, key, [each], role=role, depth=depth).filter(
        pl.col("statistic") == statistic, pl.col("value").is_not_null()
    )
    return {row[each]: _with_interval(row) for row in rows.iter_rows(named=True)}


def _with_interval(row: Mapping[str, object]) -> str:
    say = percent if row["unit"] == "share" else number
    if row["low"] is None:
        return say(row["value"])
    between = t("figures.between", low=say(row["low"]), high=say(row["high"]))
    return f"{say(row['value'])} ({between})"
