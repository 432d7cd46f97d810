"""What is found: findings that speak, in order of how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from flipstats.diagnostics.kinds import KINDS
from flipstats.diagnostics.target import Target
from flipstats.i18n import listing, number, percent, t

COLUMNS = {
    "rank": pl.Int64, "grade": pl.String, "kind": pl.String, "target": pl.String, "target_id": pl.String,
    "title": pl.String, "arm": pl.String, "iteration": pl.Int64, "cohort_id": pl.String,
    "sequence": pl.Int64, "metric": pl.String, "statistic": pl.String, "depth": pl.String,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "level": pl.Float64, "n": pl.Int64,
    "numerator": pl.Int64, "denominator": pl.Int64, "unknown": pl.Int64, "coverage": pl.Float64,
    "threshold": pl.Float64, "likely": pl.Float64, "sure": pl.Float64, "severity": pl.Float64,
    "evidence": pl.Float64, "source": pl.String, "sentence": pl.String, "advice": pl.String,
    "caution": pl.String,
}  # fmt: skip
_TOLD = ("metric", "statistic", "depth", "value", "low", "high", "level", "n", "numerator", "denominator",
         "unknown", "coverage")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that goes wrong, or may.

    Attributes
    ----------
    kind : str
        A name of `flipstats.diagnostics.KINDS`.
    grade : {"alarm", "sign", "watch", "below", "too_small"}
        alarm: surely above its threshold, though so many were looked at; sign: above it, taken alone;
        watch: above it, perhaps by chance; below; too_small: the group cannot tell.
    target : Target
        What it is about; `title` calls it by its name.
    threshold : float
        The share above which it counts.
    likely, sure : float
        Lower bounds of the share: taken alone, and with all looks counted.
    severity, evidence : float
        How much of the room between threshold and 1 is filled by the share, and by `sure`: 0 at the
        threshold, 1 where it goes wrong for everybody. Findings are ranked by `evidence`.
    numbers : mapping
        The answer of the indicator: value, low, high, level, n, numerator, denominator, unknown, coverage.
    details : mapping of str to mapping
        Further sentences, by the name of their text, each with its values.
    also : tuple of Target
        Parts of the target that were found too.
    rank : int or None
        1 is the first; None for what is not ranked.
    """

    kind: str
    grade: str
    target: Target
    threshold: float
    likely: float
    sure: float
    severity: float
    evidence: float
    numbers: Mapping[str, object]
    details: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    also: tuple[Target, ...] = ()
    rank: int | None = None
    marks: tuple[float, float] = (0.25, 0.5)

    @property
    def name(self) -> str:
        """What kind of problem it is, in two or three words."""
        return t(f"diagnostics.{self.kind}_name")

    @property
    def title(self) -> str:
        """What it is about."""
        return self.target.title

    @property
    def value(self) -> float:
        """The share of what went wrong."""
        return self.numbers["value"]

    @property
    def n(self) -> int:
        """Learners behind the share."""
        return self.numbers["n"]

    @property
    def interval(self) -> str:
        """The interval of the share, in words."""
        ends = {end: percent(self.numbers[end]) for end in ("low", "high")}
        return t("diagnostics.interval", level=percent(self.numbers["level"]), **ends)

    @property
    def severity_word(self) -> str:
        """The severity on its scale of three."""
        marked, severe = self.marks
        word = "severe" if self.severity >= severe else "marked" if self.severity >= marked else "slight"
        return t(f"diagnostics.severity_{word}")

    @property
    def grade_word(self) -> str:
        """How sure it is, in two or three words."""
        return t(f"diagnostics.grade_{self.grade}")

    @property
    def said(self) -> str:
        """The share that goes wrong, of whom, with its interval."""
        return t(
            f"diagnostics.{self.kind}_says",
            title=self.title,
            share=percent(self.value),
            interval=self.interval,
            n=self.n,
            threshold=percent(self.threshold),
        )

    @property
    def not_known(self) -> str:
        """For how many it is not known; empty where it is known of everybody."""
        coverage = self.numbers["coverage"]
        if coverage is None or coverage >= 1:
            return ""
        return t("diagnostics.unknown", share=percent(1 - coverage))

    @property
    def sentence(self) -> str:
        """What is the matter, with its numbers and what is known of it beside."""
        parts = [self.said]
        for key, values in self.details.items():
            parts.append(t(f"diagnostics.detail_{key}", **{k: _shown(k, v) for k, v in values.items()}))
        if self.also:
            titles = listing([target.title for target in self.also])
            parts.append(t("diagnostics.also", n=len(self.also), titles=titles))
        return " ".join([*parts, self.not_known]).strip()

    @property
    def advice(self) -> str:
        """What to change."""
        return t(f"diagnostics.{self.kind}_advice")

    @property
    def source(self) -> str:
        """Who says so."""
        return t(f"diagnostics.{self.kind}_source")

    @property
    def caution(self) -> str:
        """What cannot be concluded from it."""
        return t(f"diagnostics.{self.kind}_caution")

    def __str__(self) -> str:
        return self.sentence

    def row(self) -> dict[str, object]:
        """Return the fixed columns, in their order."""
        place = self.target
        return {
            "rank": self.rank,
            "grade": self.grade,
            "kind": self.kind,
            "target": place.kind,
            "target_id": place.id,
            "title": self.title,
            "arm": place.arm,
            "iteration": place.iteration,
            "cohort_id": place.cohort_id,
            "sequence": place.sequence,
            **{name: self.numbers[name] for name in _TOLD},
            "threshold": self.threshold,
            "likely": self.likely,
            "sure": self.sure,
            "severity": self.severity,
            "evidence": self.evidence,
            "source": KINDS[self.kind].source,
            "sentence": self.sentence,
            "advice": self.advice,
            "caution": self.caution,
        }


def _shown(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return percent(value) if name == "share" else number(value, 0)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What to change next, the surest first; ``str()`` says it in a few lines.

    Attributes
    ----------
    findings : tuple of Finding
        Alarms and signs, ranked.
    watch : tuple of Finding
        Shares above their threshold that may be so by chance; not ranked.
    too_small : tuple of Finding
        Groups too small to tell; not ranked.
    looks : int
        How many groups were large enough to be looked at.
    hidden : int
        Groups not shown because few learners stand behind them.
    reasons : mapping of str to str
        Kinds of which nothing can be said, and why: a reason of the indicators.
    error : float
        The chance, at most, that a programme without a problem raises any alarm.
    """

    findings: tuple[Finding, ...]
    watch: tuple[Finding, ...]
    too_small: tuple[Finding, ...]
    looks: int
    hidden: int
    reasons: Mapping[str, str]
    error: float

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that are sure although so many were looked at."""
        return tuple(finding for finding in self.findings if finding.grade == "alarm")

    @property
    def signs(self) -> tuple[Finding, ...]:
        """The findings that are sure only if taken alone."""
        return tuple(finding for finding in self.findings if finding.grade == "sign")

    def to_frame(self) -> pl.DataFrame:
        """Return one row a finding, ranked ones first, then what to watch, then what is too small to tell.

        Returns
        -------
        DataFrame
            ``rank, grade, kind, target, target_id, title, arm, iteration, cohort_id, sequence, metric,
            statistic, depth, value, low, high, level, n, numerator, denominator, unknown, coverage,
            threshold, likely, sure, severity, evidence, source, sentence, advice, caution``.
        """
        every = (*self.findings, *self.watch, *self.too_small)
        return pl.DataFrame([finding.row() for finding in every], schema=COLUMNS)

    def __str__(self) -> str:
        from flipstats.diagnostics.page import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from flipstats.diagnostics.page import html_of

        return html_of(self)
