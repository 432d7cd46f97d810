"""How far the rules of a verdict may be moved: they may be made stricter, never looser than it can bear."""

from __future__ import annotations

from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.errors import ParameterError
from flipstats.i18n import t

AT_LEAST = {"min_groups_per_arm": DEFAULTS.min_groups_per_arm, "confidence_level": 0.9}
AT_MOST = {name: getattr(DEFAULTS, name) for name in ("baseline_equivalent_g", "baseline_adjustable_g")}
POSITIVE = ("smallest_effect_g", "smallest_effect_completion")


def check_rules(thresholds: Thresholds, level: float) -> None:
    """Refuse rules under which a verdict would say more than the design can carry.

    Raises
    ------
    ParameterError
        Fewer groups than 3 in an arm, baselines further apart than 0.25, an interval below 90 %, a smallest
        effect of interest that is not above 0.

    Examples
    --------
    >>> from dataclasses import replace
    >>> check_rules(replace(DEFAULTS, min_groups_per_arm=6), 0.95)
    """
    given = {name: getattr(thresholds, name) for name in (*AT_LEAST, *AT_MOST, *POSITIVE)}
    given["confidence_level"] = level
    for name, limit in AT_LEAST.items():
        if given[name] < limit:
            raise ParameterError(
                t("compare.rule_at_least", name=name, found=f"{given[name]:g}", limit=f"{limit:g}")
            )
    for name, limit in AT_MOST.items():
        if given[name] > limit:
            raise ParameterError(
                t("compare.rule_at_most", name=name, found=f"{given[name]:g}", limit=f"{limit:g}")
            )
    for name in POSITIVE:
        if not given[name] > 0:
            raise ParameterError(t("compare.rule_positive", name=name, found=f"{given[name]:g}"))
