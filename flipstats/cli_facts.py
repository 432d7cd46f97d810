"""The command of stage one: facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flipstats.cli_common import Json, Lang, open_for, print_json, use_language
from flipstats.i18n import number, t

_TABLE = "Parquet or CSV path, or a name in the engine's catalogue."


def facts(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A study folder; without it, all four tables.")
    ] = None,
    events: Annotated[str | None, typer.Option("--events", metavar="TABLE", help=_TABLE)] = None,
    enrolments: Annotated[str | None, typer.Option("--enrolments", metavar="TABLE", help=_TABLE)] = None,
    sessions: Annotated[str | None, typer.Option("--sessions", metavar="TABLE", help=_TABLE)] = None,
    plan: Annotated[str | None, typer.Option("--plan", metavar="TABLE", help=_TABLE)] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="polars|pandas|duckdb|spark", help="What does the work.")
    ] = "polars",
    master: Annotated[
        str | None, typer.Option("--master", metavar="URL", help="Of Spark: local[4], spark://host:7077, …")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="FILE", help="A DuckDB database with the tables."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Without DIR: zone by whose days lateness ends, e.g. Europe/Paris.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.parquet", help="File to write.")] = None,
    take: Annotated[
        Path | None, typer.Option("--take", metavar="FILE.parquet", help="Put facts made elsewhere into DIR.")
    ] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Run stage one, events to facts of learner, session and resource, on an engine of your choice."""
    named = {"events": events, "enrolments": enrolments, "sessions": sessions, "plan": plan}
    places = {name: where for name, where in named.items() if where is not None}
    use_language(lang)
    if take is not None:
        _take(folder, take, lang, as_json=as_json)
        return
    if folder is None and len(places) < len(named):
        missing = next(name for name in named if name not in places)
        raise typer.BadParameter(t("engines.table_missing", table=missing), param_hint=f"--{missing}")
    _check_usage(engine, master, database, timezone)
    from flipstats import engines

    study = open_for(folder, lang) if folder is not None else None
    options = {"timezone": timezone, "master": master, "database": database, "out": out}
    made = engines.make(engine, study=study, places=places, **options)
    if as_json:
        print_json(made.to_dict())
    else:
        print(made)


def _check_usage(engine: str, master: str | None, database: str | None, timezone: str | None) -> None:
    from flipstats.engines import NAMES

    if engine not in NAMES:
        known = t("engines.unknown", found=engine, known=", ".join(NAMES))
        raise typer.BadParameter(known, param_hint="--engine")
    for option, given, needs in (("--master", master, "spark"), ("--database", database, "duckdb")):
        if given is not None and engine != needs:
            raise typer.BadParameter(t("engines.only_for", option=option, engine=needs), param_hint=option)
    if timezone is not None:
        from zoneinfo import available_timezones

        if timezone not in available_timezones():
            raise typer.BadParameter(t("engines.no_zone", found=timezone), param_hint="--timezone")


def _take(folder: Path | None, file: Path, lang: str | None, *, as_json: bool) -> None:
    if folder is None:
        raise typer.BadParameter(t("engines.take_needs_folder"), param_hint="DIR")
    from flipstats.engines.taking import take

    open_for(folder, lang)
    rows = take(folder, file)
    if as_json:
        print_json({"study": str(folder), "rows": rows, "facts": str(file)})
    else:
        print(t("engines.taken", rows=number(rows, 0), folder=folder))


COMMANDS = (facts,)
