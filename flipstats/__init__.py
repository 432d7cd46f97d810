"""flipstats: does your flipped classroom work, for whom, and what should change next?

>>> import flipstats as fs
>>> fs.Study.__name__, fs.open_study.__name__
('Study', 'open_study')
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version

__version__ = _version("flipstats")
__all__ = ["Study", "cohorts", "diagnostics", "figures", "metrics", "open_study", "themes"]

_FROM = {"Study": "flipstats.study", "open_study": "flipstats.study"}


def __getattr__(name: str) -> object:
    # Loaded on first use, so that the command line and the dashboards' kernels start light.
    if name in _FROM:
        return getattr(import_module(_FROM[name]), name)
    if name in __all__:
        return import_module(f"flipstats.{name}")
    raise AttributeError(f"module 'flipstats' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
