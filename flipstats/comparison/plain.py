"""A comparison as plain data and back: what an export keeps of one, so that pages speak as they always do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from numbers import Integral, Real

from flipstats.comparison.note import Name, Note, Share, Signed, Word
from flipstats.comparison.question import Question
from flipstats.comparison.result import Comparison, Effect
from flipstats.comparison.verdict import Shown, Verdict
from flipstats.conventions import Thresholds
from flipstats.effects.results import Estimate

_KINDS = {
    kind.__name__: kind
    for kind in (
        Comparison, Effect, Estimate, Name, Note, Question, Share, Shown, Signed, Thresholds, Verdict, Word,
    )
}  # fmt: skip
_MARK = "·"


def plain(value: object) -> object:
    """Return a value of a comparison as JSON knows it, kinds and all; `whole` is its inverse.

    Raises
    ------
    TypeError
        A kind that no comparison is made of.

    Examples
    --------
    >>> whole(plain((Name("arm", "flipped"), {"p": float("inf")})))
    (Name(kind='arm', value='flipped'), {'p': inf})
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if isfinite(value) else {_MARK: "float", "is": str(float(value))}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return {_MARK: "tuple", "is": [plain(item) for item in value]}
    if isinstance(value, Mapping):
        return {_MARK: "dict", "is": [[plain(key), plain(item)] for key, item in value.items()]}
    if is_dataclass(value) and _KINDS.get(type(value).__name__) is type(value):
        return {
            _MARK: type(value).__name__,
            "is": {f.name: plain(getattr(value, f.name)) for f in fields(value)},
        }
    raise TypeError(type(value).__name__)


def whole(value: object) -> object:
    """Return what `plain` was given; only the kinds a comparison is made of can come out."""
    if isinstance(value, list):
        return [whole(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind, held = value[_MARK], value["is"]
    if kind == "float":
        return float(held)
    if kind == "tuple":
        return tuple(whole(item) for item in held)
    if kind == "dict":
        return {whole(key): whole(item) for key, item in held}
    return _KINDS[kind](**{name: whole(item) for name, item in held.items()})
