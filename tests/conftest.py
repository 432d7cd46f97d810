"""Fixtures every test may use."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_fixtures import chromium, open_page  # noqa: F401 (fixtures)
from built_samples import forty_built, shipped_built  # noqa: F401 (fixtures)
from fact_engines import engine, spark_here, spark_session  # noqa: F401 (fixtures)

from flipstats import i18n


@pytest.fixture(scope="session", autouse=True)
def private_jupyter() -> Iterator[Path]:
    """Keep kernels and servers of the tests away from the Jupyter settings of whoever runs them."""
    with (
        tempfile.TemporaryDirectory(prefix="flipstats-jupyter-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            place = Path(folder) / name.lower()
            place.mkdir()
            patch.setenv(name, str(place))
        yield Path(folder)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Start each test in English, whatever the one before it set."""
    with i18n.in_language("en"):
        yield
