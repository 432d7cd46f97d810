"""How far the design reaches: the tier of evidence, computed from what was declared and what was found.

After the ideas of the What Works Clearinghouse, in our own words and never in its name.
"""

from __future__ import annotations

from flipstats.comparison.question import RANDOM, Question, Roster
from flipstats.effects.baseline import baseline_verdict

RCT = "rct_low_attrition"
EQUIVALENT = "equivalent_at_baseline"  # a trial with high attrition, or no trial, whose baselines agree
ADJUSTED = "adjusted_gap"
HISTORICAL = "historical"
NO_CLAIM = "no_causal_claim"
TIERS = (RCT, EQUIVALENT, ADJUSTED, HISTORICAL, NO_CLAIM)
STRONG = (RCT, EQUIVALENT)


def tier_of(
    question: Question, roster: Roster, *, low_attrition: bool, gap: float | None, adjusted: bool
) -> str:
    """Place a comparison in one of `TIERS`.

    Parameters
    ----------
    low_attrition : bool
        Losses within the boundary.
    gap : float or None
        Largest standardised baseline gap, absolute; None where no baseline was measured.
    adjusted : bool
        The primary method takes the baseline into account.

    Examples
    --------
    >>> from flipstats.comparison.question import Question, Roster
    >>> import polars as pl
    >>> asked = Question("score", "score", False, "a", "b", "nonrandom", grouped=False)
    >>> tier_of(asked, Roster(pl.DataFrame()), low_attrition=True, gap=0.1, adjusted=True)
    'adjusted_gap'
    """
    if question.assignment == "none":
        return NO_CLAIM
    if question.assignment in RANDOM and not roster.separate_times and low_attrition:
        return RCT
    if question.assignment == "historical" or roster.separate_times:
        return HISTORICAL
    if gap is None:
        return NO_CLAIM
    place = baseline_verdict(gap if gap != float("inf") else float("nan"), question.thresholds)
    if place == "equivalent":
        return EQUIVALENT
    return ADJUSTED if place == "adjust" and adjusted else NO_CLAIM
