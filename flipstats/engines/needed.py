"""Libraries that only some engines need, and what to do where they are missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from flipstats.errors import ParameterError
from flipstats.i18n import t


def needed(module: str, extra: str) -> ModuleType:
    """Import a library of an extra.

    Raises
    ------
    ParameterError
        It is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise ParameterError(t("engines.not_installed", extra=extra)) from None


def first_line(problem: Exception) -> str:
    """Return what a library says of a problem, without the pages below.

    Examples
    --------
    >>> first_line(ValueError("no such table\\n  at line 1"))
    'no such table'
    """
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]
