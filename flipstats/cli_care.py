"""The commands that take care of people's data: who is who, erasure, retention, what each role may see."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flipstats.cli_common import Json, Lang, StudyDir, open_for, print_json
from flipstats.i18n import t
from flipstats.study import local_moment


def people(
    folder: StudyDir,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="ID[=LEARNER]", help="The record is the learner suggested.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="It is nobody of the roster: stop asking.")
    ] = None,
    staff: Annotated[list[str] | None, typer.Option(metavar="ID", help="It is staff.")] = None,
    learner: Annotated[
        list[str] | None, typer.Option(metavar="ID[=COHORT]", help="It is a learner missing from the roster.")
    ] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """List the people of the exports whom no rule could join, and remember what you decide of them."""
    from flipstats.build import review

    study = open_for(folder, lang)
    given = {"same": accept, "other": reject, "staff": staff, "learner": learner}
    decisions = {name: records for name, records in given.items() if records}
    if decisions:
        found = review.decide(folder, decisions, study.programme.language)
    else:
        found = review.read_review(folder)
    _say(found, as_json=as_json)
    if decisions and not as_json:
        print(t("people.again", file=folder / f"{review.SHEET}.csv", folder=folder))


def forget(
    folder: StudyDir,
    learner: Annotated[str, typer.Argument(metavar="LEARNER", help="Pseudonym, address, id or full name.")],
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Erase one learner for good: now, and whenever the exports are read again."""
    from flipstats.build import forget as erase

    open_for(folder, lang)
    _say(erase(folder, learner), as_json=as_json)


def purge(
    folder: StudyDir,
    before: Annotated[
        datetime, typer.Option("--before", metavar="DATE", formats=["%Y-%m-%d"], help="A day.")
    ],
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Erase the cohorts that ended before a day, with their learners, for good."""
    from flipstats.build import purge as erase

    study = open_for(folder, lang)
    _say(erase(folder, local_moment(before.date(), study.programme)), as_json=as_json)


def export(
    folder: StudyDir,
    role: Annotated[str, typer.Option("--role", metavar="manager|trainer", help="Who will look.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    trainer: Annotated[
        str | None, typer.Option("--trainer", metavar="ID", help="Whose cohorts, for a trainer.")
    ] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write a study that holds only what a role may see: serve that one to them."""
    from flipstats.export import export_study

    made = export_study(open_for(folder, lang), role, out, trainer=trainer)
    if as_json:
        print_json({"study": str(made), "role": role})
    else:
        print(t("export.written", folder=made, role=role))


def _say(done: object, *, as_json: bool) -> None:
    if as_json:
        print_json(done.to_dict())
    else:
        print(done)


COMMANDS = (people, forget, purge, export)
