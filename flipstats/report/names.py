"""Names beside pseudonyms, in one written report and nowhere else: joined after the notebook ran."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path

from flipstats.errors import ParameterError
from flipstats.i18n import t
from flipstats.ledger.identities import People
from flipstats.study import Study

NAMED = ("session_brief",)  # the notebooks that may carry names
_LONGEST = 60
_MARK = re.compile(r'<span class="fs-who" data-who="([^"]*)">[^<]*</span>')


def check_names(study: Study, notebook: str, given: Mapping[str, object], out: Path, folder: Path) -> None:
    """Refuse names where they may not be: before anything is opened or run.

    Names are for research, and for a trainer in the trainer's own export, which holds own cohorts only: a
    role switch on the whole study would be no protection.

    Raises
    ------
    ParameterError
        Another notebook, a reader who may not see names, or a place inside the study.
    """
    if notebook not in NAMED:
        raise ParameterError(t("brief.names_only_brief", notebook=notebook))
    if study.role not in ("research", "trainer"):
        raise ParameterError(t("brief.names_not_manager", role=study.role))
    if study.role == "research" and given.get("role", "research") != "research":
        raise ParameterError(t("brief.names_role"))
    inside = folder.resolve()
    if out.resolve() == inside or inside in out.resolve().parents:
        raise ParameterError(t("brief.names_out", folder=folder))


def with_names(page: str, people: People) -> str:
    """Return a page with the name beside each pseudonym that `people` knows.

    Examples
    --------
    >>> with_names('<span class="fs-who" data-who="L1">L1</span>', {"L1": ("Zoë <b>", "z@example.org")})
    '<span class="fs-who" data-who="L1"><strong>Zoë &lt;b&gt;</strong> <small>L1</small></span>'
    """

    def named(mark: re.Match) -> str:
        learner = unescape(mark.group(1))
        name, email = people.get(learner, ("", ""))
        called = " ".join((name or email).split())[:_LONGEST]
        if not called:
            return mark.group(0)
        return (
            f'<span class="fs-who" data-who="{mark.group(1)}"><strong>{escape(called)}</strong> '
            f"<small>{mark.group(1)}</small></span>"
        )

    return _MARK.sub(named, page)
