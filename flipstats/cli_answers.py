"""The commands that answer: metrics, compare, report, dashboard, lab."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flipstats.cli_common import (
    Json,
    Lang,
    Role,
    StudyDir,
    open_for,
    passphrase,
    print_json,
    progress_bar,
    use_language,
)
from flipstats.i18n import t

Port = Annotated[
    int | None, typer.Option("--port", help="Port on this machine; the first free one by default.")
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")]

# ----------------------------------------------------------------------------------------------- answers


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
    from flipstats.metrics import compute, say
    from flipstats.tables_out import write_rows

    study = open_for(folder, lang)
    columns = [column.strip() for column in by.split(",") if column.strip()]
    rows = compute(study, metric, by=columns, depth=depth, role=role)
    write_rows(rows, form, out)
    if form == "table" and out is None:
        print(say(rows, thresholds=study.thresholds))


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
    less: Annotated[bool, typer.Option("--less-is-better", help="Of a CSV: absences, say.")] = False,
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
    options |= {"freeze": freeze, "contrast": contrast, "less_is_better": less}
    if source.is_dir():
        result = cohorts.compare_study_options(open_for(source, lang), **options)
    else:
        use_language(lang)
        result = cohorts.compare_csv(source, **options)
    if as_json:
        print_json(result.to_dict())
    else:
        print(result)
        for warning in getattr(result, "warnings", ()):  # a plan, or iterations put together, have none
            print(f"  • {warning}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


# ------------------------------------------------------------------------------------------ reports, pages


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
    identities: Annotated[
        Path | None, typer.Option("--identities", metavar="FILE", help="Names into the session brief.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Its figures too, as PNG and SVG.")
    ] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write a report: one HTML file that opens offline."""
    from flipstats.report import run_each, run_report

    study = open_for(folder, lang)
    given = {}
    for pair in parameters or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(t("cli.not_a_pair", found=pair), param_hint="-p")
        given[name] = value
    options = {"notebook": notebook, "parameters": given, "out": out, "to": to, "pictures": pictures}
    options["lang"] = lang or study.programme.language
    if identities is not None:
        from flipstats.ledger.identities import PASSPHRASE

        if each is not None:
            raise typer.BadParameter(t("brief.names_each"), param_hint="--identities")
        options |= {"identities": identities, "passphrase": passphrase(PASSPHRASE)}
    if each is None:
        paths = [run_report(folder, **options)]
    else:
        paths = run_each(folder, each=each, progress=progress_bar(quiet=as_json), **options)
    if as_json:
        print_json({"study": str(folder), "report": str(paths[0]), "reports": [str(p) for p in paths]})
    else:
        print("\n".join(t("cli.report_written", file=path) for path in paths))


def dashboard(
    folder: StudyDir,
    page: Annotated[str, typer.Option("--page", help="manager, cohort, session or evidence.")] = "manager",
    role: Role = "manager",
    port: Port = None,
    viewers: Annotated[int, typer.Option("--viewers", help="How many may come at the same moment.")] = 2,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="A secret that a proxy adds to its requests.")
    ] = None,
    base_url: Annotated[str, typer.Option("--base-url", help="The path behind a proxy.")] = "/",
    host_name: Annotated[str | None, typer.Option("--host-name", help="The name behind a proxy.")] = None,
    browser: Browser = True,
    lang: Lang = None,
) -> None:
    """Serve a page on this machine, for a browser."""
    from flipstats.dashboard.serve import serve

    study = open_for(folder, lang)
    options = {"port": port, "viewers": viewers, "open_browser": browser}
    options |= {"token_file": token_file, "base_url": base_url, "host_name": host_name}
    serve(folder, page=page, role=role, lang=lang or study.programme.language, **options)


def lab(folder: StudyDir, port: Port = None, browser: Browser = True) -> None:
    """Open JupyterLab on this study."""
    from flipstats.dashboard.lab import lab as open_lab

    open_for(folder)
    open_lab(folder, port=port, open_browser=browser)


COMMANDS = (metrics, compare, report, dashboard, lab)
