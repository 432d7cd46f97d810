"""Every error flipstats raises on purpose.

A message says which file, argument or table, what rule it breaks, what was found and what to do. It
never carries a learner's name or address: callers pass record numbers and pseudonyms.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FlipstatsError(Exception):
    """The data or the question is wrong; the message, one paragraph, is for the user (exit code 1)."""


class InputError(FlipstatsError):
    """A file cannot be read as the format it is said, or seems, to be."""


class DateOrderError(InputError):
    """Every date of a column can be read day first and month first; the user has to say which."""


class SchemaError(FlipstatsError):
    """A table breaks the schema: missing column, value not allowed, key repeated, reference unknown."""


class StudyFileError(FlipstatsError):
    """`study.toml` or one of the sheets beside it is wrong."""


class StudyError(FlipstatsError):
    """A study folder cannot be opened, or does not hold what is asked of it."""


class NotComputableError(FlipstatsError):
    """What is asked needs a table or a level of evidence that the study does not have."""


class DesignError(FlipstatsError):
    """The declared design cannot carry the comparison that is asked."""


class EmptyArmError(DesignError):
    """An arm has nobody in it."""


class EstimationError(FlipstatsError):
    """A number cannot be estimated from these data (constant outcome, separation, no convergence)."""


class ParameterError(FlipstatsError):
    """A parameter has an unknown name, a wrong type or a value outside its range."""


def did_you_mean(given: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to `given`, or None where nothing is near.

    Examples
    --------
    >>> did_you_mean("cohrot", ["cohort", "session"])
    'cohort'
    """
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return near[0] if near else None
