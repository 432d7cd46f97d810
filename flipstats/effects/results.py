"""What an estimator returns: one effect with its interval, a count, an interval of a share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.effects.distributions import student_above, student_quantile
from flipstats.errors import EstimationError, ParameterError
from flipstats.i18n import number, percent, t

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Estimate:
    """One effect, treated minus control, at full precision.

    Attributes
    ----------
    value, se, low, high : float
        In the unit that `variant` names; `se` may be NaN where the method has none.
    df : float
        Degrees of freedom of the t distribution used; infinite for the normal, NaN where there is none.
    level : float
        Confidence level of `low` and `high`, in (0, 1).
    p : float
        Two-sided; NaN where the method gives none.
    method, variant : str
        A stable method name and which number this is (e.g. ``"raw"``, ``"risk_difference"``).
    n_treated, n_control : int
        Learners analysed.
    clusters_treated, clusters_control : int or None
        Groups analysed; None where the method knows no groups.
    aside : mapping of str to float
        What else the method knows, by name (smallest attainable p, effective sample size, ICC…).
    """

    value: float
    se: float
    df: float
    low: float
    high: float
    level: float
    p: float
    method: str
    variant: str
    n_treated: int
    n_control: int
    clusters_treated: int | None = None
    clusters_control: int | None = None
    aside: Mapping[str, float] = field(default_factory=dict, compare=False)

    def row(self) -> dict[str, object]:
        """Return the fixed columns as a plain dictionary, without `aside`."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "aside"}

    def __str__(self) -> str:
        return t(
            "compare.interval",
            value=number(self.value, 3, signed=True),
            level=percent(self.level),
            low=number(self.low, 3, signed=True),
            high=number(self.high, 3, signed=True),
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its confidence limits."""

    value: float
    low: float
    high: float
    level: float = CONFIDENCE_LEVEL

    def __str__(self) -> str:
        return t(
            "compare.interval",
            value=number(self.value, 3, signed=True),
            level=percent(self.level),
            low=number(self.low, 3, signed=True),
            high=number(self.high, 3, signed=True),
        )


@dataclass(frozen=True, slots=True)
class Count:
    """How many learners have the outcome, out of those who could have it.

    Raises
    ------
    ParameterError
        `met` is negative or larger than `total`.
    """

    met: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.met <= self.total:
            raise ParameterError(t("compare.bad_count", met=self.met, total=self.total))

    @property
    def share(self) -> float:
        """Share who have the outcome, NaN where nobody could."""
        return self.met / self.total if self.total else float("nan")


def check_level(level: float) -> float:
    """Return `level` where it is a confidence level.

    Raises
    ------
    ParameterError
        `level` is not strictly between 0 and 1.
    """
    if not 0 < level < 1:
        raise ParameterError(t("compare.bad_level", level=level))
    return level


def t_estimate(
    value: float,
    se: float,
    df: float,
    *,
    level: float,
    method: str,
    variant: str,
    n_treated: int,
    n_control: int,
    clusters_treated: int | None = None,
    clusters_control: int | None = None,
    aside: Mapping[str, float] = _NOTHING,
) -> Estimate:
    """Return the estimate whose interval and two-sided p come from Student's t with `df` (infinite: normal).

    Raises
    ------
    EstimationError
        `se` is zero, negative or not a number: nothing varies within the arms.

    Examples
    --------
    >>> print(t_estimate(1.0, 0.5, 20, level=0.95, method="m", variant="raw", n_treated=11, n_control=11))
    +1.000, 95% CI −0.043 to +2.043
    """

    check_level(level)
    if not (se > 0 and df > 0):
        raise EstimationError(t("compare.no_variation", method=method))
    half = student_quantile(0.5 + level / 2, df) * se
    p = float(2 * student_above(abs(value) / se, df))
    return Estimate(
        float(value), float(se), float(df), float(value - half), float(value + half), level, p, method,
        variant, n_treated, n_control, clusters_treated, clusters_control, dict(aside),
    )  # fmt: skip
