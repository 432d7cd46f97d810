"""JSON texts to values: one document, or one record a line; bounded, and without a number that is none.

A record of a file with one a line is that line, from 1, blank lines not counted; what cannot be read costs
its line, not the file.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers.records import lines_of
from flipstats.readers.text import Text

MAX_DOCUMENT = 200 << 20  # bytes; a document is held in memory whole
MAX_LINE = 16 << 20  # bytes
_MAX_DEPTH = 60
_LOOKED_AT = 20  # lines that tell one record a line from a document
_YEARS = (1990, 2100)
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # made once: a log has millions of lines
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*([Zz]|[+-]\d{2}:?\d{2})")


def kind(text: Text) -> str | None:
    """Return ``"document"`` or ``"lines"``; None where a text is not JSON, as its first lines show.

    A log whose first line is cut is one with a record a line where two of its first lines are whole objects.
    """
    first = text.head().lstrip()[:1]
    lines = [line for line in islice(_lines(text), _LOOKED_AT) if line and line.strip()]
    whole = [line[0] == "{" and _loads(line)[1] is None for line in lines]
    if first != "[" and len(lines) > 1 and (whole[0] or sum(whole) > 1):
        return "lines"
    return "document" if first in ("{", "[") else None


def document(text: Text) -> Any:
    """Return the one value that a text holds.

    Raises
    ------
    InputError
        The text is not JSON, is cut, is nested too deeply or is too large to hold.
    """
    if text.file.stat().st_size > MAX_DOCUMENT:
        raise InputError(t("readers_json.too_large", file=text.name, megabytes=MAX_DOCUMENT >> 20))
    value, reason = _loads(text.content())
    if reason is not None:
        raise InputError(t(f"readers_json.{reason}", file=text.name))
    return value


def records(text: Text) -> Iterator[tuple[int, Any, str | None]]:
    """Yield (number, value, None) of each line that is not blank, or (number, None, reason).

    Reasons are ``not_json``, ``nested_too_deeply``, ``number_too_long``, ``cell_too_large``; for the last
    line ``cut_record``.
    """
    number = 0
    for line in _lines(text):
        if line is not None and not line.strip():
            continue
        number += 1
        if line is None:
            yield number, None, "cell_too_large"
            continue
        value, reason = _loads(line)
        if reason == "not_json" and not line.endswith("\n"):
            reason = "cut_record"
        yield number, value, reason


def values(text: Text) -> list[Any]:
    """Return what a small file lists: its lines, the elements of its array, else its one value.

    A line that cannot be read gives None, so that it can be counted.

    Raises
    ------
    InputError
        A file that is one document is not whole, or is too large to hold.
    """
    if kind(text) == "lines":
        return [value if reason is None else None for _, value, reason in records(text)]
    data = document(text)
    return list(data) if isinstance(data, list) else [data]


def first_values(text: Text, count: int = 100) -> list[Any]:
    """Return the one document of a text, or the values of its first lines; empty where it is not JSON."""
    form = kind(text)
    if form == "lines":
        return [value for _, value, reason in islice(records(text), count) if reason is None]
    return [document(text)] if form == "document" else []


def at_path(value: Any, path: str) -> list[Any]:
    """Return the values at a path: names joined by dots; ``[]`` is each element of a list or an object.

    Examples
    --------
    >>> at_path({"result": [{"ID": 1}, {"ID": 2}]}, "result.[].ID"), at_path([1, 2], "[]")
    ([1, 2], [1, 2])
    """
    found = [value]
    for step in path.split(".") if path else ():
        inner: list[Any] = []
        for each in found:
            if step == "[]" and isinstance(each, list | dict):
                inner += each.values() if isinstance(each, dict) else each
            elif isinstance(each, dict) and step in each:
                inner.append(each[step])
        found = inner
    return found


def string(value: Any) -> str:
    """Return a text or a whole number as text without blanks around it; anything else is empty."""
    if isinstance(value, str):
        return value.strip()
    return (
        str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63 else ""
    )


def number(value: Any) -> float | None:
    """Return a finite number, None where a value is not one; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None


def instant(value: Any) -> dt.datetime | None:
    """Return the UTC time of an ISO 8601 text that states its zone, between 1990 and 2100; else None.

    Examples
    --------
    >>> instant("2024-03-21T09:00:00.5+01:00").isoformat()
    '2024-03-21T08:00:00.500000+00:00'
    """
    if not isinstance(value, str) or not _ISO.fullmatch(value.strip()):
        return None
    try:  # seconds of more than six decimals, as some servers write them, are cut
        moment = dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.strip()))
        return _in_range(moment.astimezone(dt.UTC))
    except (ValueError, OverflowError):
        return None


def epoch(value: Any, unit: float = 1.0) -> dt.datetime | None:
    """Return the UTC time of a number of units (seconds; 0.001 for milliseconds) since 1970; else None."""
    amount = number(value)
    if amount is None or abs(amount * unit) > 5e9:
        return None
    return _in_range(dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=amount * unit))


def _in_range(moment: dt.datetime) -> dt.datetime | None:
    return moment if _YEARS[0] <= moment.year < _YEARS[1] else None


def _loads(text: str) -> tuple[Any, str | None]:
    """Return (value, None) or (None, why not)."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        return None, "nested_too_deeply"
    except json.JSONDecodeError:
        return None, "not_json"
    except ValueError:  # Python makes no number of so many digits
        return None, "number_too_long"
    if text.count("[") + text.count("{") > _MAX_DEPTH and _too_deep(value):
        return None, "nested_too_deeply"
    return (_clean(value) if _ESCAPED_SURROGATE.search(text) else value), None


def _too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_MAX_DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
    return bool(level)


def _clean(value: Any) -> Any:
    """Replace halves of characters, which no table can hold; called for values of bounded depth."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    return value


def _lines(text: Text) -> Iterator[str | None]:
    """Yield each line with its line end; None for a line too large to look at."""
    if text.encoding != "utf-8" or text.newline != "\n":
        for line in lines_of(text.blocks()):
            yield line if len(line) <= MAX_LINE else None
        return
    with open(text.file, "rb") as stream:
        stream.seek(text.start)
        while line := stream.readline(MAX_LINE + 1):
            if len(line) <= MAX_LINE:
                yield line.decode("utf-8", "ignore").replace("\0", "")
                continue
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE)
            yield None
