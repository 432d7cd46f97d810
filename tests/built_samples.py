"""Sample programmes built once a session, for every test file that only reads them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sample_files import SHIPPED

from flipstats.build import build_study
from flipstats.sample import write_sample


@pytest.fixture(scope="session")
def shipped_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped sample, built; never written to: copy it first."""
    folder = tmp_path_factory.mktemp("shipped") / "secinc"
    shutil.copytree(SHIPPED, folder)
    build_study(folder)
    return folder


@pytest.fixture(scope="session")
def forty_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of forty learners, built; never written to: copy it first."""
    folder = tmp_path_factory.mktemp("forty") / "study"
    write_sample(folder, learners=40)
    build_study(folder)
    return folder
