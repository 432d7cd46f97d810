"""The command line: commands, their options and exit codes; no logic.

Exit codes: 0 done, 1 the data or the question is wrong, 2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flipstats import i18n
from flipstats.errors import FlipstatsError
from flipstats.i18n import t

app = typer.Typer(
    name="flipstats",
    help="Does your flipped classroom work, for whom, and what should change next? "
    "Answers from the exports you already have.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Lang = Annotated[str | None, typer.Option("--lang", help="Language of all text: fr or en.", metavar="fr|en")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a machine to read.")]
StudyDir = Annotated[Path, typer.Argument(metavar="DIR", help="A study folder made by build or demo.")]
Order = Literal["day_first", "month_first"]
Role = Annotated[str, typer.Option("--role", metavar="research|manager|trainer", help="Who will look.")]


def main() -> None:
    """Run the command line; one clear message on stderr and exit code 1 for what flipstats refuses."""
    i18n.set_language(i18n.environment_language())
    try:
        app(standalone_mode=True)
    except FlipstatsError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        _fail(t("cli.interrupted"))
    except MemoryError:
        _fail(t("cli.no_memory"))
    except OSError as error:
        _fail(t("cli.os_error", problem=error.strerror or error, file=error.filename or "–"))
    except Exception as error:
        if os.environ.get("FLIPSTATS_DEBUG"):
            raise
        _fail(t("cli.our_fault", kind=type(error).__name__))


def _fail(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(1)


def _language(lang: str | None, otherwise: str | None = None) -> str:
    chosen = lang or otherwise or i18n.language()
    if chosen not in i18n.LANGUAGES:
        raise typer.BadParameter(t("cli.unknown_language", found=chosen), param_hint="--lang")
    i18n.set_language(chosen)
    return chosen


def _print_json(content: Any) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=2, default=str, allow_nan=False))


def _open(folder: Path, lang: str | None = None):
    from flipstats.study import open_study

    if lang:
        _language(lang)
    study = open_study(folder)
    if not lang:
        _language(None, study.programme.language)
    return study


# ------------------------------------------------------------------------------------------------- start


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")] = Path("flipstats-demo"),
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """See what flipstats says: sample exports to a study to a report, in one go."""
    from flipstats.demo import run_demo

    language = _language(lang)
    result = run_demo(out, language, progress=_progress(quiet=as_json))
    if as_json:
        _print_json(result.to_dict())
    else:
        print(result.text())


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    learners: Annotated[int | None, typer.Option(min=40, help="How many learners.")] = None,
    events: Annotated[int | None, typer.Option(min=0, help="About how many log rows.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same files.")] = 1,
    truth: Annotated[Path | None, typer.Option(help="Also write the true values, as JSON.")] = None,
    null: Annotated[
        bool, typer.Option("--null", help="A programme in which flipping changes nothing.")
    ] = False,
    lang: Lang = None,
) -> None:
    """Write a synthetic programme as raw exports, with the true values it was drawn from."""
    from flipstats.sample import write_sample

    language = _language(lang)
    drawn = write_sample(folder, learners=learners, events=events, seed=seed, null=null, language=language)
    if truth is not None:
        truth.write_text(drawn.to_json(), encoding="utf-8")
    print(t("cli.sample_written", folder=folder))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of raw exports.")],
    lang: Lang = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of the times in the exports, e.g. Europe/Paris.")
    ] = None,
) -> None:
    """Look at raw exports, and write study.toml and the four sheets to correct."""
    from flipstats.build.init import init_study

    print(init_study(folder, _language(lang), timezone=timezone))


# ------------------------------------------------------------------------------------------------ exports


@app.command()
def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Export files.")],
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Say which system wrote each file, how sure that is, and why."""
    from flipstats import readers

    _language(lang)
    found = [(file, readers.detect(file)) for file in files]
    if as_json:
        _print_json([{"file": str(file), **one.to_dict()} for file, one in found])
    else:
        for file, one in found:
            print(f"{file}: {one}")
    if any(one.format is None for _, one in found):
        raise typer.Exit(1)


@app.command()
def read(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One export.")],
    form: Annotated[str, typer.Option("--format", help="A format's name, or auto.")] = "auto",
    timezone: Annotated[str | None, typer.Option(help="Zone of its times, e.g. Europe/Paris.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="The mapping of an attendance or other sheet.")] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Where its times have no date."),
    ] = None,
    date_order: Annotated[Order | None, typer.Option(help="Where its dates fit both.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the canonical tables.")] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Read one export: canonical tables, and an account of every row."""
    from flipstats.build.one_file import read_one
    from flipstats.readers import Context

    _language(lang)
    context = Context(timezone, mapping=mapping, date_order=date_order, day=day and day.date())
    result = read_one(file, context, form=form, out=out)
    if as_json:
        _print_json(result.to_dict())
    else:
        print(result)


@app.command("map")
def map_sheet(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sheet of your own.")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write instead of printing.")] = None,
    lang: Lang = None,
) -> None:
    """Propose a mapping for a sheet no reader knows, with comments, to correct."""
    from flipstats.readers.first_mapping import write_first_mapping

    _language(lang)
    proposal = write_first_mapping(file)
    if out is None:
        print(proposal, end="")
    elif out.exists():
        _fail(t("cli.map_exists", file=out))
    else:
        out.write_text(proposal, encoding="utf-8")
        print(t("cli.map_written", file=out))


@app.command()
def build(
    study_file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Study folder; by default the study file's.")
    ] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Build a checked study from all its exports, and account for every row."""
    from flipstats.build import build_study
    from flipstats.studyfile import read_study_file

    path = study_file / "study.toml" if study_file.is_dir() else study_file
    _language(lang, read_study_file(path).programme.language)
    built = build_study(path, out, progress=_progress(quiet=as_json))
    if as_json:
        _print_json(built.to_dict())
    else:
        print(built)


@app.command()
def check(folder: StudyDir, lang: Lang = None, as_json: Json = False) -> None:
    """Is this study sound: what is computable, what is missing, what is odd."""
    from flipstats.build.check import check_study

    found = check_study(_open(folder, lang))
    if as_json:
        _print_json(found.to_dict())
    else:
        print(found)


# ----------------------------------------------------------------------------------------------- answers


@app.command()
def metrics(
    folder: StudyDir,
    metric: Annotated[
        str, typer.Option("--metric", metavar="KEY", help="Which indicator, e.g. consultation_rate.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="COL,COL", help="Columns to group by.")] = "",
    depth: Annotated[str | None, typer.Option("--depth", metavar="opened|substantial|completed")] = None,
    form: Annotated[str, typer.Option("--format", metavar="table|csv|json|parquet")] = "table",
    role: Role = "research",
    out: Annotated[Path | None, typer.Option("--out", help="File to write instead of printing.")] = None,
    lang: Lang = None,
) -> None:
    """Compute an indicator, with its interval, its coverage and its reasons."""
    from flipstats.metrics import compute
    from flipstats.tables_out import write_rows

    study = _open(folder, lang)
    columns = [column.strip() for column in by.split(",") if column.strip()]
    rows = compute(study, metric, by=columns, depth=depth, role=role)
    write_rows(rows, form, out)


@app.command()
def compare(
    source: Annotated[Path, typer.Argument(metavar="DIR|TABLE.csv", help="A study folder, or a plain CSV.")],
    outcome: Annotated[str | None, typer.Option(help="Outcome, or a column of the CSV.")] = None,
    arm: Annotated[str | None, typer.Option(help="Column of the CSV that holds the arm.")] = None,
    treated: Annotated[str | None, typer.Option(help="Value of the arm that is the flipped format.")] = None,
    control: Annotated[str | None, typer.Option(help="Value of the arm it is compared with.")] = None,
    adjust: Annotated[str, typer.Option(metavar="X,..", help="Covariates, measured before.")] = "",
    pre: Annotated[str | None, typer.Option(help="The outcome measured before.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Column of the groups.")] = None,
    assignment: Annotated[str | None, typer.Option(help="How arms were assigned.")] = None,
    binary: Annotated[bool, typer.Option("--binary", help="The outcome is yes or no.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="BAND", help="For whom, or: iteration.")] = None,
    method: Annotated[str, typer.Option(metavar="M,..", help="Methods by name, or all.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of what is drawn at random.")] = 1,
    contrast: Annotated[str | None, typer.Option(metavar="BAND=W,..", help="Or: three_levels.")] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan frozen before.")] = None,
    freeze: Annotated[Path | None, typer.Option(help="Write the plan, look at nothing.")] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Compare flipped with conventional: by how much, how sure, and what the design cannot carry."""
    from flipstats import cohorts

    options = {"outcome": outcome, "arm": arm, "treated": treated, "control": control, "pre": pre}
    options |= {"adjust": _names(adjust), "cluster": cluster, "assignment": assignment, "binary": binary}
    options |= {"band": by, "methods": _names(method) or None, "seed": seed, "plan": plan}
    options |= {"freeze": freeze, "contrast": contrast}
    if source.is_dir():
        result = cohorts.compare_study_options(_open(source, lang), **options)
    else:
        _language(lang)
        result = cohorts.compare_csv(source, **options)
    if as_json:
        _print_json(result.to_dict())
    else:
        print(result)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


# ------------------------------------------------------------------------------------------ reports, pages


@app.command()
def report(
    folder: StudyDir,
    notebook: Annotated[str, typer.Option("--notebook", help="Which notebook.")] = "programme_report",
    parameters: Annotated[
        list[str] | None, typer.Option("-p", metavar="name=value", help="A parameter of it.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the report.")] = None,
    each: Annotated[
        str | None, typer.Option("--each", metavar="cohort_id|iteration", help="One report for each.")
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="html|pdf")] = "html",
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write a report: one HTML file that opens offline."""
    from flipstats.report import run_each, run_report

    study = _open(folder, lang)
    given = {}
    for pair in parameters or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(t("cli.not_a_pair", found=pair), param_hint="-p")
        given[name] = value
    options = {"notebook": notebook, "parameters": given, "out": out, "to": to}
    options["lang"] = lang or study.programme.language
    if each is None:
        paths = [run_report(folder, **options)]
    else:
        paths = run_each(folder, each=each, progress=_progress(quiet=as_json), **options)
    if as_json:
        _print_json({"study": str(folder), "report": str(paths[0]), "reports": [str(p) for p in paths]})
    else:
        print("\n".join(t("cli.report_written", file=path) for path in paths))


@app.command()
def dashboard(
    folder: StudyDir,
    page: Annotated[str, typer.Option("--page", help="Which page.")] = "programme",
    role: Role = "manager",
    port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 8866,
    lang: Lang = None,
) -> None:
    """Serve a page on this machine, for a browser."""
    from flipstats.dashboard.serve import serve

    study = _open(folder, lang)
    serve(folder, page=page, role=role, port=port, lang=lang or study.programme.language)


@app.command()
def lab(
    folder: StudyDir, port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 8888
) -> None:
    """Open JupyterLab on this study."""
    from flipstats.dashboard.lab import lab as open_lab

    _open(folder)
    open_lab(folder, port=port)


def _progress(*, quiet: bool):
    """Return a progress callback: a line on a terminal, silence elsewhere."""
    if quiet or not sys.stderr.isatty():
        return None
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), transient=True)
    task = bar.add_task("", total=1)

    def step(name: str, position: int, total: int) -> None:
        if position == 0:
            bar.start()
        bar.update(task, description=name[:40], completed=position, total=total)
        if position + 1 >= total:
            bar.stop()

    return step


if __name__ == "__main__":
    main()
