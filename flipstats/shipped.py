"""Where the notebooks, dashboards and sample lie: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_IN_CHECKOUT = {"notebooks": "notebooks", "dashboards": "dashboards", "sample": "data/sample"}


def shipped(what: str) -> Path:
    """Return the folder of ``"notebooks"``, ``"dashboards"`` or ``"sample"``.

    Raises
    ------
    FileNotFoundError
        The installation is incomplete.

    Examples
    --------
    >>> shipped("notebooks").name
    'notebooks'
    """
    for place in (_PACKAGE / "_shipped" / what, _PACKAGE.parent / _IN_CHECKOUT[what]):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"flipstats is installed without its {what}; install it again")
