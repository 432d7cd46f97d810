"""Cells of a table as numbers: outcomes, yes and no, covariates of any type."""

from __future__ import annotations

import polars as pl

from flipstats.comparison.note import Note, note
from flipstats.errors import ParameterError
from flipstats.i18n import listing, t

YES = ("1", "1.0", "true", "yes", "oui", "vrai", "y", "o", "t", "v")
NO = ("0", "0.0", "false", "no", "non", "faux", "n", "f")
_MOST_CATEGORIES = 20
_SHOWN = 3  # cells that cannot be read, in a message
_SPACES = " \t\u00a0\u202f"


def numeric_columns(values: pl.Series) -> dict[str, pl.Series]:
    """Return a covariate as float columns: itself, or one 0/1 column for each category but the most frequent.

    Raises
    ------
    ParameterError
        It is a text with more than 20 different values, or numbers but for some cells, which are shown.

    Examples
    --------
    >>> list(numeric_columns(pl.Series("site", ["Lyon", "Paris", "Lyon"])))
    ['site=Paris']
    """
    name = values.name
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return {name: _finite(values.cast(pl.Float64))}
    text = _text(values)
    strange = _strange(text, text.cast(pl.Float64, strict=False).is_not_null())
    if strange is None and text.null_count() < len(text):
        return {name: _finite(text.cast(pl.Float64))}
    if strange is not None and 2 * strange["n"] < len(text) - text.null_count():
        raise ParameterError(t("compare.covariate_not_numbers", name=name, **strange))
    categories = sorted(text.drop_nulls().unique().to_list())
    if len(categories) > _MOST_CATEGORIES:
        raise ParameterError(t("compare.too_many_categories", name=name, n=len(categories)))
    if len(categories) < 2:
        return {name: text.is_null().replace_strict({True: None, False: 0.0}, return_dtype=pl.Float64)}
    counts = {category: int((text == category).sum()) for category in categories}
    reference = max(categories, key=lambda category: counts[category])  # ties: the first by name
    return {f"{name}={c}": (text == c).cast(pl.Float64) for c in categories if c != reference}


def outcome_numbers(values: pl.Series, *, binary: bool) -> pl.Series:
    """Return an outcome as floats; empty cells and infinite ones are missing.

    Raises
    ------
    ParameterError
        A cell is no number, or neither yes nor no where it should be; it is shown.

    Examples
    --------
    >>> outcome_numbers(pl.Series("passed", ["oui", "Non", None]), binary=True).to_list()
    [1.0, 0.0, None]
    """
    name = values.name
    if values.dtype == pl.Boolean:
        return values.cast(pl.Float64)
    if values.dtype.is_numeric() or values.dtype == pl.Null:
        out = _finite(values.cast(pl.Float64))
    else:
        text = _text(values)
        word = text.str.to_lowercase()
        numbers = text.cast(pl.Float64, strict=False)
        known = word.is_in([*YES, *NO]) if binary else numbers.is_not_null()
        if (strange := _strange(text, known)) is not None:
            key = "outcome_not_yes_no_but" if binary else "outcome_not_numbers"
            raise ParameterError(t(f"compare.{key}", name=name, **strange))
        out = word.is_in(YES).cast(pl.Float64) if binary else _finite(numbers)
    if binary and not out.drop_nulls().is_in([0.0, 1.0]).all():
        raise ParameterError(t("compare.outcome_not_yes_no", name=name))
    return out


def infinite(values: pl.Series) -> Note | None:
    """Return what there is to say of infinite cells: they are taken for missing."""
    n = int(values.is_infinite().sum()) if values.dtype.is_float() else 0
    return note("infinite_missing", {"name": values.name, "n": n}) if n else None


def _text(values: pl.Series) -> pl.Series:
    text = values.cast(pl.String).str.strip_chars(_SPACES)
    return text.set(text == "", None)


def _strange(text: pl.Series, known: pl.Series) -> dict[str, object] | None:
    """Return how many cells are not `known`, and the first of them."""
    bad = text.is_not_null() & ~known.fill_null(value=False)
    if not bad.any():
        return None
    cells = text.filter(bad).unique(maintain_order=True).head(_SHOWN).to_list()
    return {"n": int(bad.sum()), "cells": listing([repr(cell[:30]) for cell in cells])}


def _finite(values: pl.Series) -> pl.Series:
    return values.to_frame().select(pl.when(pl.col(values.name).is_finite()).then(pl.col(values.name)))[
        values.name
    ]
