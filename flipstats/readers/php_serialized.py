"""Values that PHP serialised, read without making anything of them: no object, no reference, no code.

Only null, truth, numbers, texts and arrays are read; bounded in size, number and depth. Anything else is
refused, so a text can do no more than fail.
"""

from __future__ import annotations

import math
import re
from typing import Any

MAX_BYTES = 1 << 20
MAX_VALUES = 10_000
MAX_DEPTH = 20
_INTEGER = re.compile(rb"[+-]?\d{1,19};")
_FLOAT = re.compile(rb"([+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,4})?|-?INF|NAN);")
_LENGTH = re.compile(rb"(\d{1,7}):")


class PhpError(ValueError):
    """A text is not a serialised value, or holds something that is not read."""


def loads(text: str | bytes) -> Any:
    """Return the value of a serialised text: arrays are dicts, infinite numbers None.

    Raises
    ------
    PhpError
        The text is not whole, is larger than any log entry, or holds an object, a reference or a custom form.

    Examples
    --------
    >>> loads('a:2:{s:15:"completionstate";i:1;s:3:"who";N;}')
    {'completionstate': 1, 'who': None}
    >>> loads('O:8:"stdClass":0:{}')
    Traceback (most recent call last):
    flipstats.readers.php_serialized.PhpError: this kind of value is not read
    """
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise PhpError("too large")
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise PhpError("something follows the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.count = data, 0, 0

    def value(self, depth: int) -> Any:
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_VALUES:
            raise PhpError("too many values, or nested too deeply")
        kind = self.data[self.at : self.at + 2]
        self.at += 2
        if kind == b"N;":
            return None
        if kind == b"b:":
            return self._one_of({b"0;": False, b"1;": True})
        if kind == b"i:":
            return int(self._matched(_INTEGER)[:-1])
        if kind == b"d:":
            number = float(self._matched(_FLOAT)[:-1])
            return number if math.isfinite(number) else None
        if kind == b"s:":
            return self._string()
        if kind == b"a:":
            return self._array(depth)
        raise PhpError("this kind of value is not read")

    def _array(self, depth: int) -> dict[Any, Any]:
        size = self._length()
        self._literal(b"{")
        out = {}
        for _ in range(min(size, MAX_VALUES + 1)):
            key = self.value(depth + 1)
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise PhpError("a key that is neither a number nor a text")
            out[key] = self.value(depth + 1)
        self._literal(b"}")
        return out

    def _string(self) -> str:
        size = self._length()
        self._literal(b'"')
        text = self.data[self.at : self.at + size]
        self.at += size
        self._literal(b'";')
        return text.decode("utf-8", "replace")

    def _length(self) -> int:
        return int(self._matched(_LENGTH)[:-1])

    def _matched(self, pattern: re.Pattern[bytes]) -> bytes:
        found = pattern.match(self.data, self.at)
        if found is None:
            raise PhpError("a number that cannot be read")
        self.at = found.end()
        return found.group()

    def _literal(self, wanted: bytes) -> None:
        if self.data[self.at : self.at + len(wanted)] != wanted:
            raise PhpError("a mark is missing")
        self.at += len(wanted)

    def _one_of(self, values: dict[bytes, Any]) -> Any:
        mark = self.data[self.at : self.at + 2]
        self.at += 2
        if mark not in values:
            raise PhpError("neither true nor false")
        return values[mark]
