"""The wheel, installed in an empty environment, carries all it needs to run the demonstration."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def test_everything_the_program_opens_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    beside = {
        str(path.relative_to(ROOT / folder))
        for folder in ("notebooks", "dashboards", "data/sample")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    }
    shipped = {name.split("/", 3)[3] for name in names if name.startswith("flipstats/_shipped/")}
    assert beside <= shipped
    inside = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "flipstats").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside <= names


@pytest.mark.slow
def test_the_wheel_runs_the_demonstration_in_an_empty_environment(wheel, tmp_path):
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    done = subprocess.run(
        [*install, "--constraint", str(ROOT / "requirements.lock"), str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JUPYTER", "FLIPSTATS"))
    }
    run = subprocess.run(
        [str(python.parent / "flipstats"), "demo", "--out", "d", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    made = json.loads(run.stdout)
    assert (tmp_path / made["report"]).stat().st_size > 500_000
    assert (tmp_path / made["study"] / "CURRENT").exists()
