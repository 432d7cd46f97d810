"""JupyterLab on a study: the shipped notebooks are copied beside it, for their reader to change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flipstats.dashboard.environment import (
    HOST,
    LANGUAGE_VARIABLE,
    ROLE_VARIABLE,
    STUDY_VARIABLE,
    environment,
    jupyter_path,
    say,
    usable_port,
)
from flipstats.i18n import t
from flipstats.shipped import shipped
from flipstats.study import open_study

FIRST_PORT = 8888
FOLDER = "notebooks"
_MANIFEST = ".flipstats.json"  # name to SHA-256 of what flipstats wrote; any other content is the reader's


@dataclass(frozen=True, slots=True)
class Copied:
    """What `copy_notebooks` did, by notebook name."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def lab(
    study_dir: Path | str,
    *,
    port: int | None = None,
    open_browser: bool = True,
    announce: Callable[[str], None] = say,
) -> None:
    """Start JupyterLab on a study, on this machine, until interrupted.

    Parameters
    ----------
    study_dir : path
        A study folder made by ``flipstats build``.
    port : int, optional
        Port on the loopback address; by default the first free one from 8888 on.
    open_browser : bool
        Open it in the user's browser.
    announce : callable
        Told, in one sentence, where the notebooks are.

    Raises
    ------
    ParameterError
        The port is taken or is not one.
    StudyError
        The folder is not a study.
    """
    study = open_study(study_dir)
    folder = study.path.resolve()
    port = usable_port(port, FIRST_PORT)
    copied = copy_notebooks(folder)
    announce(t("page.lab_notebooks", folder=folder / FOLDER))
    if copied.kept:
        announce(t("page.lab_kept", names=", ".join(copied.kept)))
    variables = {
        STUDY_VARIABLE: str(folder),
        ROLE_VARIABLE: "research",  # whoever runs this has the study itself
        LANGUAGE_VARIABLE: study.programme.language,
        "JUPYTER_PATH": jupyter_path(),
        "JUPYTER_CONFIG_PATH": jupyter_path("JUPYTER_CONFIG_PATH"),
    }
    with environment(variables):
        _run(folder, port, open_browser=open_browser)


def copy_notebooks(study_dir: Path) -> Copied:
    """Copy the shipped notebooks into ``notebooks/`` of a study; one the reader changed is never overwritten.

    A notebook that is still as flipstats wrote it follows a newer flipstats.

    Returns
    -------
    Copied
    """
    target = study_dir / FOLDER
    target.mkdir(exist_ok=True)
    manifest = target / _MANIFEST
    ours = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    written, kept = [], []
    for source in sorted(shipped(FOLDER).glob("*.ipynb")):
        content, copy = source.read_bytes(), target / source.name
        found = _digest(copy.read_bytes()) if copy.exists() else None
        if found == _digest(content):
            ours[source.name] = found
        elif found is None or found == ours.get(source.name):
            _replace(copy, content)
            ours[source.name] = _digest(content)
            written.append(source.name)
        else:
            kept.append(source.name)
    _replace(manifest, json.dumps(ours, indent=1, sort_keys=True).encode())
    return Copied(tuple(written), tuple(kept))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _replace(file: Path, content: bytes) -> None:
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    os.replace(part, file)


def _run(folder: Path, port: int, *, open_browser: bool) -> None:
    from jupyterlab.labapp import LabApp

    settings = {
        "ServerApp.ip": HOST,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "ServerApp.open_browser": open_browser,
        "ServerApp.allow_root": True,  # in a container there is often nobody else
        "ServerApp.log_level": "WARN",
        "LabApp.default_url": f"/lab/tree/{FOLDER}",
        "LabApp.news_url": None,  # no request to fetch news; the question about them is off in labconfig/
        "LabApp.check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
    }
    LabApp.launch_instance(argv=[f"--{name}={value}" for name, value in settings.items()])
