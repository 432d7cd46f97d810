"""What a report was made of: inputs, versions, thresholds, definitions, parameters, when."""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flipstats import __version__
from flipstats.conventions import DEFAULTS, unit_of
from flipstats.study import Study

LIBRARIES = ("polars", "narwhals", "numpy", "scipy", "statsmodels", "plotly", "papermill", "nbconvert")
_PACKAGE = Path(__file__).parents[1]


def provenance(
    study: Study, *, notebook: Path, parameters: Mapping[str, object], lang: str, made_at: dt.datetime
) -> dict:
    """Return everything needed to say what a report rests on and to make it again.

    Parameters
    ----------
    study : Study
        The study the notebook opened.
    notebook : Path
        The notebook, before it ran.
    parameters : mapping
        What was given to it, checked.
    lang : str
        Language of the report.
    made_at : datetime
        When the run began, with a zone.

    Returns
    -------
    dict
        Plain values: ``report, programme, design, inputs, thresholds, definitions, versions, git, study``.
    """
    programme = study.programme
    return {
        "report": {
            "notebook": notebook.stem,
            "notebook_sha256": hashlib.sha256(notebook.read_bytes()).hexdigest(),
            "parameters": dict(parameters),
            "language": lang,
            "made_at": made_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        },
        "programme": {
            "id": programme.id,
            "title": programme.title,
            "timezone": programme.timezone,
            "as_of": study.as_of.isoformat() if study.as_of else None,
        },
        "design": study.design.model_dump(mode="json"),
        "inputs": study.table("sources").sort("file").collect().select(
            "file", "sha256", "format", "rows_read", "rows_kept", "rows_merged", "rows_set_aside"
        ).to_dicts(),
        "thresholds": thresholds(study),
        "definitions": definitions(),
        "versions": versions(),
        "git": git_commit(),
        "study": dict(study.provenance),
    }  # fmt: skip


def thresholds(study: Study) -> dict[str, dict[str, object]]:
    """Return each threshold in force with its unit and its default."""
    default = asdict(DEFAULTS)
    return {
        name: {"value": value, "unit": unit_of(name), "default": default[name]}
        for name, value in asdict(study.thresholds).items()
    }


def definitions() -> dict[str, str]:
    """Return the version of each indicator's definition."""
    from flipstats import metrics

    return {key: str(about.version) for key, about in sorted(metrics.METRICS.items())}


def versions() -> dict[str, str]:
    """Return the versions of flipstats, Python and the libraries that make numbers and figures."""
    found = {"flipstats": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def git_commit() -> str | None:
    """Return the commit of the checkout flipstats runs from; None for an installed package."""
    root = _PACKAGE.parent
    if not (root / ".git").exists():
        return None
    try:
        said = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None
