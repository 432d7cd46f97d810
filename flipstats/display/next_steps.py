"""What to change next: the findings in order, each with its numbers, its advice and what it does not say."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from flipstats import diagnostics
from flipstats.diagnostics.page import remarks
from flipstats.display.blocks import Html
from flipstats.headline import diagnosed_once
from flipstats.i18n import t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flipstats.diagnostics import Finding
    from flipstats.study import Study

SHOWN = 10


def next_steps(study: Study, *, role: str = "research", most: int = SHOWN) -> Html:
    """Show what to change next, the surest first.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Who will read it: small groups are hidden outside research.
    most : int
        Findings shown; how many more there are is said.
    """
    found = diagnosed_once(study, role)
    left = len(found.findings) - most
    more = [t("diagnostics.more", n=left)] if left > 0 else []
    return Html(f"{steps(found.findings[:most])}{_listed([*more, *remarks(found)])}")


def steps(findings: Sequence[Finding]) -> Html:
    """Show findings as a numbered list; every text of the data is escaped."""
    if not findings:
        return Html()
    return Html('<ol class="fs-list fs-steps">' + "".join(_step(finding) for finding in findings) + "</ol>")


def _step(finding: Finding) -> str:
    parts = [
        f"<strong>{escape(finding.name)}</strong> ({escape(finding.grade_word)}, "
        f"{escape(finding.severity_word)}) — {escape(finding.sentence)}",
        f"<strong>{escape(t('diagnostics.to_do'))}</strong> {escape(finding.advice)} "
        f"<small>{escape(finding.source)}</small>",
        f"<small>{escape(t('diagnostics.not_said'))} {escape(finding.caution)}</small>",
    ]
    return f'<li value="{finding.rank}">' + "".join(f"<p>{part}</p>" for part in parts) + "</li>"


def _listed(lines: list[str]) -> str:
    return '<ul class="fs-list">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def steps_sentence(study: Study, *, role: str = "research") -> str:
    """Say in one sentence how many findings there are and how sure they are."""
    return diagnostics.summary(diagnosed_once(study, role))
