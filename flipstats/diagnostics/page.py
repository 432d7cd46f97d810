"""A diagnosis in words: a few lines for a terminal, a piece of HTML for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from flipstats.i18n import percent, t
from flipstats.metrics import reason_text

if TYPE_CHECKING:
    from flipstats.diagnostics.result import Diagnosis, Finding

_LINES = 10  # findings in the text; the frame has them all
_HEADS = ("rank", "kind", "title", "share", "grade", "severity", "advice")


def summary(diagnosis: Diagnosis) -> str:
    """Say in one sentence how many findings there are and how sure they are."""
    alarms, signs = len(diagnosis.alarms), len(diagnosis.signs)
    if not diagnosis.looks:
        return t("diagnostics.nothing_told")
    key = "summary" if alarms + signs else "summary_none"
    return t(
        f"diagnostics.{key}",
        alarms=t("diagnostics.n_alarms", n=alarms),
        signs=t("diagnostics.n_signs", n=signs),
        looks=t("diagnostics.n_looks", n=diagnosis.looks),
        error=percent(diagnosis.error),
    )


def remarks(diagnosis: Diagnosis) -> list[str]:
    """Return what the ranking leaves out: chance findings, small groups, what cannot be told."""
    said = []
    if diagnosis.watch:
        said.append(t("diagnostics.watched", n=len(diagnosis.watch)))
    if diagnosis.too_small:
        said.append(t("diagnostics.small", n=len(diagnosis.too_small)))
    if diagnosis.hidden:
        said.append(t("diagnostics.hidden", n=diagnosis.hidden))
    for kind, reason in diagnosis.reasons.items():
        name = t(f"diagnostics.{kind}_name")
        said.append(t("diagnostics.untold", kind=name, reason=reason_text(reason)))
    return said


def text_of(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as lines of text."""
    lines = [summary(diagnosis)]
    lines += [
        f"{finding.rank}. {finding.name} ({finding.grade_word}) — {finding.sentence}"
        for finding in diagnosis.findings[:_LINES]
    ]
    return "\n".join([*lines, *remarks(diagnosis)])


def html_of(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as HTML; every text of the data is escaped."""
    body = "".join(_row(finding) for finding in diagnosis.findings)
    heads = "".join(f"<th>{escape(t(f'diagnostics.column_{name}'))}</th>" for name in _HEADS)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    left = "".join(f"<li>{escape(remark)}</li>" for remark in remarks(diagnosis))
    return f"<p><strong>{escape(summary(diagnosis))}</strong></p>{table}<ul>{left}</ul>"


def _row(finding: Finding) -> str:
    cells = (
        str(finding.rank),
        finding.name,
        finding.title,
        f"{percent(finding.value)} {finding.interval}",
        finding.grade_word,
        finding.severity_word,
        f"{finding.advice} {finding.source}",
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
