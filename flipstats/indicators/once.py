"""What many questions to one study have in common, made once as long as the study lives."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from weakref import WeakKeyDictionary

import polars as pl

from flipstats.study import Study

_FEW_LEARNERS = 5_000  # what is kept of them are some ten megabytes
_made: WeakKeyDictionary[Study, dict[Hashable, pl.LazyFrame]] = WeakKeyDictionary()


def is_small(study: Study) -> bool:
    """Return whether a study is small enough to keep what was made of it."""
    return (study.n_learners or 0) <= _FEW_LEARNERS


def once(study: Study, what: Hashable, make: Callable[[], pl.LazyFrame]) -> pl.LazyFrame:
    """Return what `make` gives, collected and kept where the study is small.

    Examples
    --------
    >>> study = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]}))
    >>> first = once(study, "x", lambda: pl.LazyFrame({"n": [1]}))
    >>> once(study, "x", lambda: pl.LazyFrame({"n": [2]})).collect().item()
    1
    """
    if not is_small(study):
        return make()
    kept = _made.setdefault(study, {})
    if what not in kept:
        kept[what] = make().collect(engine="streaming").lazy()
    return kept[what]
