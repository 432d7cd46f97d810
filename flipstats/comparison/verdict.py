"""The verdict: one of six levels, from the numbers by a fixed table, first line that fits."""

from __future__ import annotations

from dataclasses import dataclass

from flipstats.comparison.note import Name, Note, note
from flipstats.comparison.tier import NO_CLAIM, STRONG
from flipstats.i18n import number, percent, t

NOT_ESTABLISHED = "not_established"
HARM = "harm"
WORKS = "works"
LIKELY = "likely_works"
NO_DIFFERENCE = "no_difference"
UNCLEAR = "unclear"
OF_100 = ("points_of_100", "percentage_points")
AT = 1e-9  # a threshold is reached that is missed by rounding only: 0.35 - 0.30 is 0.05
LEVELS = (NOT_ESTABLISHED, HARM, WORKS, LIKELY, NO_DIFFERENCE, UNCLEAR)


@dataclass(frozen=True, slots=True)
class Judged:
    """The effect on the scale on which it is judged: g, or a difference of shares for completion.

    More is better; `agree` says that every robustness method has the sign of the primary one.
    """

    value: float
    low: float
    high: float
    smallest: float
    agree: bool


def decide(judged: Judged | None, *, tier: str, capped: bool) -> str:
    """Return the level of the verdict.

    Parameters
    ----------
    judged : Judged or None
        None: the design cannot carry an effect.
    tier : str
        One of `flipstats.comparison.tier.TIERS`.
    capped : bool
        An arm that is one trainer or site, or a baseline gap above what adjusting can mend.

    Examples
    --------
    >>> effect = Judged(0.35, 0.10, 0.60, smallest=0.20, agree=True)
    >>> [decide(effect, tier=tier, capped=False) for tier in ("rct_low_attrition", "historical")]
    ['works', 'likely_works']
    """
    if judged is None or capped or tier == NO_CLAIM or judged.value != judged.value:
        return NOT_ESTABLISHED
    if judged.high < 0:
        return HARM
    if judged.low > 0:
        strong = tier in STRONG and judged.value >= judged.smallest - AT and judged.agree
        return WORKS if strong else LIKELY
    if max(-judged.low, judged.high) <= judged.smallest + AT:
        return NO_DIFFERENCE
    return UNCLEAR


def unit_words(unit: str) -> str:
    """Return the words for the unit of an effect.

    Examples
    --------
    >>> unit_words("percentage_points"), unit_words("metric_h")
    ('percentage points', 'hours')
    """
    return t(f"metrics.unit_{unit[7:]}" if unit.startswith("metric_") else f"compare.unit_{unit}")


@dataclass(frozen=True, slots=True)
class Shown:
    """The numbers a sentence tells: effect in its own unit, and g where there is one.

    ``unit`` is ``points`` (of the outcome as it was measured), ``points_of_100``, ``percentage_points`` or
    ``metric_…``, the unit of an indicator.
    """

    value: float
    low: float
    high: float
    level: float
    unit: str
    average: str
    g: tuple[float, float, float] | None = None

    def __str__(self) -> str:
        scale = 100.0 if self.unit in OF_100 else 1.0
        digits = 1 if scale == 100.0 else 2
        value, low, high = (number(scale * x, digits, signed=True) for x in (self.value, self.low, self.high))
        text = t(
            "compare.found",
            value=value,
            unit=unit_words(self.unit),
            average=t(f"compare.{self.average}"),
        )
        limits = t("compare.limits", level=percent(self.level), low=low, high=high)
        if self.low == float("-inf"):
            limits = t("compare.no_limits", level=percent(self.level))
        if self.g is not None:
            g, low, high = (number(x, 2, signed=True) for x in self.g)
            limits += t("compare.found_g", g=g, low=low, high=high)
        return t("compare.found_with", text=text, limits=limits)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said, by whom it is limited, in words of the language in use.

    Attributes
    ----------
    code : str
        One of `LEVELS`.
    tier : str
    outcome, treated, control : Name
    shown : Shown or None
    refused : Note or None
        In place of an effect: what was seen, and what it would take.
    cautions : tuple of Note
        The main threat first.
    """

    code: str
    tier: str
    outcome: Name
    treated: Name
    control: Name
    shown: Shown | None
    refused: Note | None
    cautions: tuple[Note, ...]

    @property
    def words(self) -> str:
        """The level in words."""
        return t(f"compare.verdict_{self.code}")

    @property
    def threats(self) -> tuple[str, ...]:
        """Every threat in words, the main one first."""
        return tuple(str(caution) for caution in self.cautions)

    @property
    def sentence(self) -> str:
        """The verdict with its interval, tier and main threat."""
        what = note(
            "sentence",
            {
                "outcome": self.outcome,
                "treated": self.treated,
                "control": self.control,
                "found": str(self.shown),
            },
        )
        words = self.words[0].upper() + self.words[1:]
        parts = [t("compare.opening", words=words, finding=str(what if self.shown else self.refused))]
        parts.append(t("compare.tier_sentence", tier=t(f"compare.tier_{self.tier}")))
        if self.cautions:
            parts.append(t("compare.threat_sentence", threat=str(self.cautions[0])))
        return " ".join(parts)
