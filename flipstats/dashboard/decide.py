"""What to decide: the findings of the diagnosis that concern a choice, the surest first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from flipstats import diagnostics, display
from flipstats.dashboard.state import Block, Choice
from flipstats.diagnostics import Diagnosis, Finding
from flipstats.diagnostics.page import remarks
from flipstats.errors import FlipstatsError
from flipstats.i18n import capital, percent, t
from flipstats.study import Study

FIRST = 3  # findings told at length, the surest of a kind each; the others are folded away
_MOST = 12


class Decide:
    """The diagnosis of a study, made once for a role; a choice only picks from it.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Outside research, findings on small groups are left out.
    """

    def __init__(self, study: Study, role: str) -> None:
        try:
            self._found: Diagnosis = diagnostics.diagnose(study, role=role)
        except FlipstatsError:  # an export of an older flipstats lacks some answers: nothing can be told
            self._found = Diagnosis((), (), (), 0, 0, {}, study.thresholds.diagnosis_error)
        about = study.table("cohorts").select("cohort_id", "arm", "iteration").collect()
        self._cohorts = {row["cohort_id"]: row for row in about.iter_rows(named=True)}

    def findings(self, choice: Choice) -> list[Finding]:
        """Return the ranked findings that concern what is chosen."""
        return [finding for finding in self._found.findings if self._concerns(finding, choice)]

    def _concerns(self, finding: Finding, choice: Choice) -> bool:
        """Whether a finding is about a part of what is chosen, or about a whole that holds it."""
        target, cohort = finding.target, choice["cohort"]
        if cohort is None:
            return choice["iteration"] is None or target.iteration in (None, choice.number("iteration"))
        own = self._cohorts[cohort]
        return (
            target.cohort_id in (None, cohort)
            and target.iteration in (None, own["iteration"])
            and target.arm in (None, own["arm"])
        )

    def sentence(self, choice: Choice) -> str:
        """Say how many findings there are, and how sure they are."""
        if choice["cohort"] is None and choice["iteration"] is None:
            return diagnostics.summary(self._found)
        found = self.findings(choice)
        if not self._found.looks:
            return t("diagnostics.nothing_told")
        return t("decide.concern", n=len(found)) if found else t("decide.concern_none")

    def block(self, choice: Choice) -> Block:
        """Return the findings as one block, or what stands in their place."""
        found = self.findings(choice)
        if not found:
            key = "none" if self._found.looks else "nothing"
            return Block("decide", missing=t(f"decide.{key}"), remedy=t(f"decide.remedy_{key}"), wide=True)
        said = remarks(self._found) if not choice.chosen else []
        leads = diagnostics.surest(found, FIRST)
        others = [finding for finding in found if finding not in leads]
        parts = [_listed(leads), _folded(others[:_MOST], len(others) - _MOST), _small(said)]
        return Block("decide", html="".join(parts), wide=True)


def _listed(found: Sequence[Finding]) -> str:
    return f'<ol class="fs-decisions">{"".join(_card(finding) for finding in found)}</ol>'


def _folded(found: Sequence[Finding], left: int) -> str:
    if not found:
        return ""
    more = f"<p>{escape(t('decide.left_out', n=left))}</p>" if left > 0 else ""
    head = escape(t("decide.others", n=len(found)))
    return f'<details class="fs-more"><summary>{head}</summary>{_listed(found)}{more}</details>'


def _card(finding: Finding) -> str:
    """Return a finding: its number big, what it is about, what to do, and what it does not say."""
    n, interval = t("decide.of", n=finding.n), finding.interval.strip("()")
    parts = [
        f'<p class="fs-grade">{escape(finding.grade_word)} · {escape(finding.severity_word)}</p>',
        f'<h3 class="fs-label">{escape(finding.name)}</h3>',
        f'<p class="fs-value">{escape(percent(finding.value))}</p>',
        f'<p class="fs-interval">{escape(interval)} · {escape(n)}</p>',
        f'<p class="fs-sentence">{escape(capital(finding.sentence))}</p>',
        f'<p class="fs-do"><strong>{escape(t("diagnostics.to_do"))}</strong> {escape(finding.advice)}</p>',
        f'<p class="fs-caveat">{escape(t("diagnostics.not_said"))} {escape(finding.caution)} '
        f"<small>{escape(finding.source)}</small></p>",
    ]
    return f'<li class="fs-card" data-grade="{finding.grade}">{"".join(parts)}</li>'


def _small(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return display.Html(
        f'<ul class="fs-remarks">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'
    )
