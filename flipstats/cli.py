"""The command line: commands, their options and exit codes; no logic.

Exit codes: 0 done, 1 the data or the question is wrong, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flipstats import cli_answers, cli_care, cli_facts, cli_ledger, i18n
from flipstats.cli_common import Json, Lang, Order, StudyDir, open_for, print_json, progress_bar, use_language
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


# ------------------------------------------------------------------------------------------------- start


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")] = Path("flipstats-demo"),
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """See what flipstats says: sample exports to a study to a report, in one go."""
    from flipstats.demo import run_demo

    language = use_language(lang)
    result = run_demo(out, language, progress=progress_bar(quiet=as_json))
    if as_json:
        print_json(result.to_dict())
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
    problem: Annotated[
        list[str] | None,
        typer.Option(help="Plant this problem and no other; may be repeated. "),
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="A programme in which nothing is wrong.")] = False,
    lang: Lang = None,
) -> None:
    """Write a synthetic programme as raw exports, with the true values it was drawn from."""
    from flipstats.sample import write_sample

    language = use_language(lang)
    drawn = write_sample(
        folder, learners=learners, events=events, seed=seed, null=null, language=language,
        problems=[] if clean else problem or None,
    )  # fmt: skip
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

    print(init_study(folder, use_language(lang), timezone=timezone))


# ------------------------------------------------------------------------------------------------ exports


@app.command()
def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Export files.")],
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Say which system wrote each file, how sure that is, and why."""
    from flipstats import readers

    use_language(lang)
    found = [(file, readers.detect(file)) for file in files]
    if as_json:
        print_json([{"file": str(file), **one.to_dict()} for file, one in found])
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

    use_language(lang)
    context = Context(timezone, mapping=mapping, date_order=date_order, day=day and day.date())
    result = read_one(file, context, form=form, out=out)
    if as_json:
        print_json(result.to_dict())
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

    use_language(lang)
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
    fresh: Annotated[bool, typer.Option("--fresh", help="Read every export again, changed or not.")] = False,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Build a checked study from all its exports, and account for every row."""
    from flipstats.build import build_study
    from flipstats.studyfile import read_study_file

    path = study_file / "study.toml" if study_file.is_dir() else study_file
    use_language(lang, read_study_file(path).programme.language)
    built = build_study(path, out, progress=progress_bar(quiet=as_json), fresh=fresh)
    if as_json:
        print_json(built.to_dict())
    else:
        print(built)


@app.command()
def check(folder: StudyDir, lang: Lang = None, as_json: Json = False) -> None:
    """Is this study sound: what is computable, what is missing, what is odd."""
    from flipstats.build.check import check_study

    found = check_study(open_for(folder, lang))
    if as_json:
        print_json(found.to_dict())
    else:
        print(found)


for _command in (*cli_facts.COMMANDS, *cli_answers.COMMANDS, *cli_care.COMMANDS):
    app.command()(_command)
for _command, _name in cli_ledger.COMMANDS:
    app.command(_name)(_command)


if __name__ == "__main__":
    main()
