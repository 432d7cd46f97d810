"""Which system wrote a JSON file: by the names its objects have, as data beside the signatures of headers.

A signature with ``structure = "json"`` has one or more ``[[shapes]]``: ``at`` is where objects lie
(`json_text.at_path`; empty: the document, each element where it is an array, each line where a file has one
record a line), ``keys`` the names each must have, ``equals`` names with the values allowed, and ``sure`` how
certain that makes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flipstats.i18n import t
from flipstats.readers import json_text
from flipstats.readers.records import first_records
from flipstats.readers.signatures import content, signatures
from flipstats.readers.text import Text, normal
from flipstats.readers.workbook import Sheet

_LOOKED_AT = 200  # objects
_LENGTH = r"-|\d\d:\d\d:\d\d"
_DASHBOARD = (".+", "TRUE|FALSE", r"[\d.,]+", _LENGTH, _LENGTH, *[r"\d+"] * 4, r".*\d.*", ".+", _LENGTH)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a file fits a format: from 0 to 1, and why in one sentence."""

    format: str
    confidence: float
    why: str


def json_fits(text: Text) -> list[Fit]:
    """Return every format whose shapes a JSON file has, its best shape counting.

    Raises
    ------
    InputError
        The file is one document that is not whole, or too large to hold.
    """
    values = json_text.first_values(text)
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0][:_LOOKED_AT]
    found = []
    for sign in signatures():
        fits = [fit for shape in content(sign.format).get("shapes", ()) if (fit := _fit(values, shape))]
        if fits:
            confidence, objects = max(fits)
            title = t("readers.format_" + sign.format)
            found.append(Fit(sign.format, confidence, t("readers.why_shape", format=title, n=objects)))
    return found


def _fit(values: list[Any], shape: dict[str, Any]) -> tuple[float, int] | None:
    """Return (confidence, how many objects were looked at); None where fewer than half of them fit."""
    objects = [each for value in values for each in json_text.at_path(value, shape.get("at", ""))]
    objects = objects[:_LOOKED_AT]
    share = sum(_has(each, shape) for each in objects) / len(objects) if objects else 0.0
    return (shape.get("sure", 0.95) * share, len(objects)) if share >= 0.5 else None


def _has(value: Any, shape: dict[str, Any]) -> bool:
    if not isinstance(value, dict) or not all(key in value for key in shape["keys"]):
        return False
    return all(value.get(key) in allowed for key, allowed in shape.get("equals", {}).items())


def rows_fit(head: str) -> Fit | None:
    """Recognise BigBlueButton's dashboard in any language, by what its twelve columns hold."""
    rows = [row for row in first_records(head, ",", _LOOKED_AT)[1:] if len(row) >= len(_DASHBOARD) and row[1]]
    share = sum(all(map(re.fullmatch, _DASHBOARD, row)) for row in rows) / len(rows) if rows else 0.0
    title = t("readers.format_bigbluebutton_csv")
    why = t("readers.why_rows", format=title, n=len(rows))
    return Fit("bigbluebutton_csv", 0.8 * share, why) if share > 0.5 else None


def answers_fit(book: Sequence[Sheet]) -> Fit | None:
    """Recognise Wooclap's results by how answers are judged in its cells, and by its sheet of messages."""
    cells = sum(judged(cell) for sheet in book for row in sheet.rows for cell in row)
    walls = content("wooclap")["sheets"]
    wall = any(normal(sheet.name) in map(normal, walls["wall"]) for sheet in book)
    main = any(normal(sheet.name) in map(normal, walls["main"]) for sheet in book)
    if not (cells >= 2 or (wall and main)):
        return None
    title = t("readers.format_wooclap")
    return Fit(
        "wooclap",
        0.95 if cells and (wall or main) else 0.75,
        t("readers_events.why_answers", format=title, n=cells),
    )


def judged(cell: str) -> bool:
    """Return whether a cell is an answer marked as right or wrong, as Wooclap marks them.

    Examples
    --------
    >>> judged("V - CO2"), judged("X - Water"), judged("V"), judged("/")
    (True, True, False, False)
    """
    return cell.lstrip()[:4] in ("V - ", "X - ")
