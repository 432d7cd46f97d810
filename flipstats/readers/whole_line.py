"""Lines that are a whole record, told at a glance: a log table ends each of its lines with an empty cell."""

from __future__ import annotations

import csv


def is_whole(line: str, delimiter: str, width: int) -> bool:
    """Return whether a line is plainly a record of `width` cells that are not all blank.

    Examples
    --------
    >>> is_whole("7,,\\n", ",", 3), is_whole("7,\\n", ",", 3), is_whole(",,\\n", ",", 3)
    (True, False, False)
    """
    if '"' not in line:
        return line.count(delimiter) == width - 1 and bool(line.strip(delimiter + " \r\n"))
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return False
    return len(cells) == width and any(map(str.strip, cells))
