"""Moodle exports in small, as Moodle writes them, for the tests of the readers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "formats"
shared = pytest.mark.skipif(not SHARED.exists(), reason="the reference exports (../shared) are not here")

LOG_EN = (
    "Time", "User full name", "Affected user", "Event context", "Component", "Event name", "Description",
    "Origin", "IP address",
)  # fmt: skip
LOG_FR = (
    "Heure", "Nom complet de l’utilisateur", "Utilisateur concerné", "Contexte de l’événement", "Composant",
    "Nom de l’événement", "Description", "Origine", "Adresse IP",
)  # fmt: skip
LOG_FR_2019 = (
    "Heure", "Nom complet", "Utilisateur touché", "Contexte de l'événement", "Composant",
    "Nom de l'événement", "Description", "Origine", "Adresse IP",
)  # fmt: skip
QUIZ_EN = (
    "Last name", "First name", "Email address", "Status", "Started", "Completed", "Duration", "Grade/10.00",
    "Q. 1 /4.00", "Q. 2 /6.00",
)  # fmt: skip
QUIZ_EN_2022 = (
    "Surname", "First name", "Email address", "State", "Started on", "Completed", "Time taken", "Grade/10.00",
    "Q. 1 /4.00", "Q. 2 /6.00",
)  # fmt: skip
QUIZ_FR = (
    "Nom de famille", "Prénom", "Adresse de courriel", "Statut", "Commencé", "Terminé", "Durée", "Note/10,00",
    "Q. 1 /4,00", "Q. 2 /6,00",
)  # fmt: skip
QUIZ_FR_2022 = (
    "Nom", "Prénom", "Adresse de courriel", "État", "Commencé le", "Terminé", "Temps utilisé", "Note/10,00",
    "Q. 1 /4,00", "Q. 2 /6,00",
)  # fmt: skip


def text_of(rows: Iterable[Sequence[str]], delimiter: str = ",", end: str = "\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return out.getvalue()


def export(
    folder: Path,
    name: str,
    rows: Iterable[Sequence[str]],
    *,
    delimiter: str = ",",
    end: str = "\n",
    encoding: str = "utf-8-sig",
) -> Path:
    file = folder / name
    file.write_bytes(text_of(rows, delimiter, end).encode(encoding))
    return file


def view(time: str, user: int, name: str, cmid: int = 301, context: str = "Page: Extincteurs") -> list[str]:
    said = f"The user with id '{user}' viewed the 'page' activity with course module id '{cmid}'."
    return [time, name, "-", context, "Page", "Course module viewed", said, "web", "192.0.2.1"]


def row(time: str, name: str, said: str, *, affected: str = "-", context: str = "System", event: str = "x"):
    return [time, name, affected, context, "System", event, said, "web", "192.0.2.1"]


def own_warnings(reading) -> list:
    """Return what a reader says of this file, without the general doubt about labels of its format."""
    return [warning for warning in reading.warnings if warning.key != "readers.unconfirmed"]
