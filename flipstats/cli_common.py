"""What the commands share: their common options, the language, JSON, progress."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flipstats import i18n
from flipstats.i18n import t

if TYPE_CHECKING:
    from collections.abc import Callable

    from flipstats.study import Study

Lang = Annotated[str | None, typer.Option("--lang", help="Language of all text: fr or en.", metavar="fr|en")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a machine to read.")]
StudyDir = Annotated[Path, typer.Argument(metavar="DIR", help="A study folder made by build or demo.")]
Order = Literal["day_first", "month_first"]
Role = Annotated[str, typer.Option("--role", metavar="research|manager|trainer", help="Who will look.")]


def use_language(lang: str | None, otherwise: str | None = None) -> str:
    """Use the language asked for, else `otherwise`, else the environment's; an unknown one is wrong usage."""
    chosen = lang or otherwise or i18n.language()
    if chosen not in i18n.LANGUAGES:
        raise typer.BadParameter(t("cli.unknown_language", found=chosen), param_hint="--lang")
    i18n.set_language(chosen)
    return chosen


def passphrase(variable: str) -> str:
    """Return a passphrase: of the environment, else asked for on the terminal, unseen."""
    return os.environ.get(variable) or typer.prompt(t("ledger.passphrase"), hide_input=True, err=True)


def print_json(content: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(content, ensure_ascii=False, indent=2, default=str, allow_nan=False))


def open_for(folder: Path, lang: str | None = None) -> Study:
    """Open a study and use the language asked for, else the programme's."""
    from flipstats.study import open_study

    if lang:
        use_language(lang)
    study = open_study(folder)
    if not lang:
        use_language(None, study.programme.language)
    return study


def progress_bar(*, quiet: bool) -> Callable[[str, int, int], None] | None:
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
