"""The house stands as ARCHITECTURE.md draws it, and imports go downwards."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flipstats"
LONGEST_FILE = 400


def test_architecture_page_names_every_room_and_no_other():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert page.count("\n") < 75, "one screen"
    named = set(re.findall(r"`(?:flipstats/)?([a-z0-9_]+(?:\.py|/))`", page))
    rooms = {
        p.name if p.suffix else p.name + "/"
        for p in PACKAGE.iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    top = {"notebooks/", "dashboards/", "tests/", "docs/", "benchmarks/", "data/"}
    assert rooms - {"__init__.py"} <= named
    assert {n for n in named if not (PACKAGE / n).exists() and n not in top} == set()


def test_imports_go_downwards():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_the_package_and_the_command_line_start_light():
    code = "import sys, flipstats, flipstats.cli; print([m for m in %r if m in sys.modules])"
    heavy = ["pandas", "scipy", "statsmodels", "plotly", "papermill", "duckdb", "voila", "IPython"]
    done = subprocess.run([sys.executable, "-c", code % heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "dashboards").glob("*.ipynb")]),
    ids=lambda p: p.name,
)
def test_notebooks_are_thin_and_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    lines = [line for cell in code for line in "".join(cell["source"]).splitlines()]
    assert not [line for line in lines if re.match(r"\s*(def|class|for|if|while|with|try|lambda)\b", line)]
    assert not [
        line
        for line in lines
        if re.search(r"\b(for|if)\b .*\b(in|else)\b", line) and not line.lstrip().startswith("#")
    ]


def test_nothing_names_a_path_of_somebodys_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in listed.stdout.split("\0") if name] if listed.returncode == 0 else []
    found = []
    for path in files:
        if (
            path.suffix in {".py", ".md", ".toml", ".yml", ".ipynb", ".css", ".js", ".j2", ".R"}
            and path.exists()
        ):
            text = path.read_text(encoding="utf-8")
            if path.name != "test_architecture.py" and re.search(r"(?<![\w.])/(work|root|home)/\w", text):
                found.append(str(path.relative_to(ROOT)))
    assert found == []
