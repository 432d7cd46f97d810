"""A remark that knows its numbers and is put into words when it is read, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from flipstats.i18n import has, listing, number, percent, t


@dataclass(frozen=True, slots=True)
class Share:
    """A share in 0-1, to be read as a percentage."""

    value: float
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Signed:
    """A number to be read with its sign and so many decimals."""

    value: float
    digits: int = 2


@dataclass(frozen=True, slots=True)
class Word:
    """A key of the catalogue area ``compare``, to be read as its text."""

    key: str


@dataclass(frozen=True, slots=True)
class Name:
    """An outcome, arm or iteration: a word we know (``summative``) is translated, another stays."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Note:
    """A text of the catalogue with its values; ``str()`` gives it in the language in use."""

    key: str
    values: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return t(f"compare.{self.key}", **{name: shown(value) for name, value in self.values})


def note(key: str, values: dict[str, object] | None = None) -> Note:
    """Return a `Note` from a dictionary of values.

    Examples
    --------
    >>> str(note("arm_treated"))
    'treated'
    """
    return Note(key, tuple((values or {}).items()))


def _called(name: Name) -> str:
    key = f"compare.{name.kind}_{name.value}"
    if has(key):
        return t(key)
    if name.kind == "iteration":
        return t("compare.iteration_called", name=name.value)
    indicator, _, statistic = name.value.partition(".")
    if name.kind != "outcome" or not has(f"metrics.{indicator}"):
        return name.value
    words = [t(f"metrics.{indicator}")] + ([t(f"metrics.stat_{statistic}")] if statistic else [])
    return t("compare.quoted", text=", ".join(words))


def shown(value: object) -> object:
    """Put a value into words: shares as percentages, decimals with the reader's mark, lists with "and"."""
    if isinstance(value, Share):
        return percent(value.value, value.digits)
    if isinstance(value, Signed):
        return number(value.value, value.digits, signed=True)
    if isinstance(value, Word):
        return t(f"compare.{value.key}")
    if isinstance(value, Name):
        return _called(value)
    if isinstance(value, float):
        return number(value, 2)
    if isinstance(value, tuple):
        return listing([str(shown(item)) for item in value])
    return value
