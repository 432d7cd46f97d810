"""Who a row of a Moodle report is about: a person key of that file, and every identity the row gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flipstats.readers.signatures import Match, total_words
from flipstats.readers.text import normal

NOBODY = ("", "-")
Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Who:
    """One row's person: the key, and rows of the people table."""

    person: str
    identities: tuple[Identity, ...]


def who(
    match: Match, cells: Sequence[str], *, name: str | None = None, record: int | None = None
) -> Who | None:
    """Say who a row is about; None where it names nobody, or is a total or an average of the rows.

    Parameters
    ----------
    match : Match
        Which column of the header is what (``id``, ``email``, ``idnumber``, ``username``, ``first_name``,
        ``last_name``, ``groups``).
    name : str, optional
        The full name, where the report has it in one cell.
    record : int, optional
        For reports with one row a person: people known by name only stay apart, row by row.
    """

    def cell(column: str) -> str:
        at = match.at(column)
        return "" if at is None or at >= len(cells) else " ".join(cells[at].split())

    name = " ".join((name or f"{cell('first_name')} {cell('last_name')}").split())
    given = {
        "id": cell("id"),
        "email": cell("email").casefold(),
        "idnumber": cell("idnumber"),
        "username": cell("username"),
        "name": name,
    }
    given = {kind: value for kind, value in given.items() if value not in NOBODY}
    key = person_key(given, record)
    if key is None or (given.keys() <= {"name"} and is_total(match, cells, name)):
        return None
    groups = [part for part in re.split(r"\s*,\s*", cell("groups")) if part not in NOBODY]
    identities = [(key, kind, value) for kind, value in given.items()]
    return Who(key, (*identities, *((key, "group", group) for group in groups)))


def why_nobody(match: Match, cells: Sequence[str], name: str | None = None) -> str:
    """Return why `who` names nobody: ``average_row`` or ``no_person``."""
    return "average_row" if is_total(match, cells, name) else "no_person"


def is_total(match: Match, cells: Sequence[str], name: str | None = None) -> bool:
    """Return whether a row sums up the others: its name, or a part of it, is a word for that alone."""
    places = [match.at("last_name"), match.at("first_name")]
    said = [name or "", *(cells[at] for at in places if at is not None and at < len(cells))]
    return any(normal(each).rstrip(" :") in total_words() for each in said)


def person_key(given: dict[str, str], record: int | None = None) -> str | None:
    """Return the key of a person from the steadiest identity at hand.

    Examples
    --------
    >>> person_key({"email": "a@b.org", "name": "Anna Sø"}), person_key({"name": "Anna Sø"})
    ('mail:a@b.org', 'name:anna sø')
    """
    if "id" in given:
        return "moodle:" + given["id"]
    if "email" in given:
        return "mail:" + given["email"]
    if "idnumber" in given:
        return "idnumber:" + given["idnumber"]
    if "username" in given:
        return "username:" + given["username"].casefold()
    if "name" in given:
        return "name:" + normal(given["name"]) if record is None else f"record:{record}"
    return None
