"""What to change next: resources, sessions and cohorts ranked by how sure it is that something is wrong.

``diagnose(study)`` holds many shares of the indicators against their thresholds, counts how many it looked
at, and keeps what is still sure; what a group is too small to tell it does not rank.
"""

from __future__ import annotations

from collections.abc import Sequence

from flipstats.diagnostics.kinds import KINDS, TARGETS, Kind
from flipstats.diagnostics.looks import look
from flipstats.diagnostics.page import summary
from flipstats.diagnostics.ranking import graded, ranked, surest
from flipstats.diagnostics.result import COLUMNS, Diagnosis, Finding
from flipstats.diagnostics.target import Target
from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t
from flipstats.metrics import prepared_depth
from flipstats.study import Study

__all__ = [
    "COLUMNS",
    "KINDS",
    "TARGETS",
    "Diagnosis",
    "Finding",
    "Kind",
    "Target",
    "diagnose",
    "summary",
    "surest",
]


def diagnose(
    study: Study,
    *,
    role: str = "research",
    level: float | None = None,
    kinds: Sequence[str] | None = None,
) -> Diagnosis:
    """Find what goes wrong in a programme, and rank it by how sure that is.

    Parameters
    ----------
    study : Study
        The study, or a selection of it.
    role : {"research", "manager", "trainer"}
        Who will read it: small groups are hidden outside research. No finding is about one learner.
    level : float, optional
        Confidence level of the intervals; the study's own without it.
    kinds : sequence of str, optional
        The kinds of problem looked for, of `KINDS`; all without it.

    Returns
    -------
    Diagnosis
        ``findings`` ranked, ``watch`` and ``too_small`` not ranked, ``reasons`` for what cannot be told.

    Raises
    ------
    ParameterError
        A kind, role or level that there is not.

    Notes
    -----
    Each finding is a share of what went wrong (a complement where the indicator counts what went well) held
    against a threshold of the study. Its interval is the indicator's own, which respects learners and groups.
    An *alarm* is a share whose exact lower bound still lies above the threshold when `diagnosis_error`
    (0.05) is shared among everything looked at, so that a programme without a problem raises any alarm at
    most that often. A *sign* is one whose bound lies above it taken alone. Where less is known than
    `coverage_bounds_below`, a sign is the most that is said.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> found = diagnose(study())
    >>> len(found.findings), len(found.too_small) > 0  # five learners cannot tell
    (0, True)
    """
    chosen = [KINDS[name] for name in _known(kinds)]
    looked = look(study, chosen, role=role, level=level, prepared=prepared_depth(study))
    findings = graded(looked.looks, study.thresholds)
    return Diagnosis(
        findings=tuple(ranked(findings)),
        watch=tuple(finding for finding in findings if finding.grade == "watch"),
        too_small=tuple(finding for finding in findings if finding.grade == "too_small"),
        looks=sum(finding.grade != "too_small" for finding in findings),
        hidden=looked.hidden,
        reasons=looked.reasons,
        error=study.thresholds.diagnosis_error,
    )


def _known(kinds: Sequence[str] | None) -> list[str]:
    chosen = list(KINDS) if kinds is None else [kinds] if isinstance(kinds, str) else list(kinds)
    for name in chosen:
        if name not in KINDS:
            near = did_you_mean(name, KINDS)
            key = "diagnostics.kind_unknown_near" if near else "diagnostics.kind_unknown"
            raise ParameterError(t(key, kind=repr(name), near=repr(near), known=", ".join(KINDS)))
    return chosen
