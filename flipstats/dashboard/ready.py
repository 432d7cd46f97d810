"""The numbers of a page: made once by the server, handed to its kernels, anew for a study built anew.

So a kernel needs neither scipy nor the events, and every viewer of a snapshot sees the same numbers.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from flipstats.dashboard.environment import NUMBERS_VARIABLE, one_of
from flipstats.store import POINTER
from flipstats.study import Study, open_study

if TYPE_CHECKING:
    from flipstats.dashboard.state import State

# The page to the module and the class of its state; the numbers of one are loaded without those of another.
PAGES = {
    "manager": ("flipstats.dashboard.manager", "Manager"),
    "cohort": ("flipstats.dashboard.cohort", "Cohort"),
    "session": ("flipstats.dashboard.session", "session"),
    "evidence": ("flipstats.dashboard.evidence", "Evidence"),
}
_FORMERLY = {"programme": "manager"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The state of a page and what it was made from.

    Attributes
    ----------
    made_from : tuple
        Page, study folder, its current snapshot, role and language.
    state : State
    """

    made_from: tuple[str, ...]
    state: State


def snapshot(study_dir: Path | str) -> str:
    """Return which snapshot of a study folder is current; empty where it is none."""
    pointer = Path(study_dir) / POINTER
    return pointer.read_text(encoding="utf-8") if pointer.is_file() else ""


def page_named(name: str) -> str:
    """Return the page of this name, or of this former name.

    Raises
    ------
    ParameterError
        There is no such page.

    Examples
    --------
    >>> page_named("programme")
    'manager'
    """
    return one_of("page", _FORMERLY.get(name, name), PAGES)


def make(page: str, study: Study, role: str, lang: str | None) -> Numbers:
    """Make the numbers of a page; of a study exported for a role, for no other role."""
    module, state = PAGES[page]
    role = role if study.role == "research" else study.role
    made_from = (page, str(study.path), snapshot(study.path or ""), role, lang or "")
    return Numbers(made_from, getattr(import_module(module), state)(study, role, lang))


def hand_over(numbers: Numbers, folder: Path) -> dict[str, str]:
    """Write the numbers into a private folder, and return the variable by which kernels find them."""
    file = folder / "numbers.pickle"
    file.write_bytes(pickle.dumps(numbers))
    return {NUMBERS_VARIABLE: str(file)}


def numbers_of(page: str, study_dir: str, role: str, lang: str | None) -> Numbers:
    """Return the numbers that were handed over where they are still those of the study, else make them.

    Raises
    ------
    ParameterError
        There is no such page.
    StudyError
        The folder is not a study.
    """
    page = page_named(page)
    handed = os.environ.get(NUMBERS_VARIABLE)
    if handed and Path(handed).is_file():
        found = pickle.loads(Path(handed).read_bytes())  # written by our own server, in its private folder
        if found.made_from == (page, study_dir, snapshot(study_dir), role, lang or ""):
            return found
    return make(page, open_study(study_dir), role, lang)
