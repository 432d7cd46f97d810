"""Quantiles and tails of the usual distributions, without the second that importing scipy.stats takes."""

from __future__ import annotations


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution.

    Examples
    --------
    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    from scipy.special import ndtri

    return float(ndtri(probability))


def normal_below(x: float) -> float:
    """Return the probability that a standard normal variable is below `x`."""
    from scipy.special import ndtr

    return float(ndtr(x))


def normal_above(x: float) -> float:
    """Return the probability that a standard normal variable is above `x`, exact far in the tail."""
    return normal_below(-x)


def normal_density(x: float) -> float:
    """Return the density of the standard normal distribution; 0 at infinity."""
    from math import exp, pi, sqrt

    return exp(-0.5 * x * x) / sqrt(2 * pi)


def student_quantile(probability: float, df: float) -> float:
    """Return the quantile of Student's t distribution; `df` may be infinite.

    Examples
    --------
    >>> round(student_quantile(0.975, 4), 6), round(student_quantile(0.975, float("inf")), 6)
    (2.776445, 1.959964)
    """
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def student_below(x: float, df: float) -> float:
    """Return the probability that a Student variable is below `x`; `df` may be infinite."""
    from scipy.special import stdtr

    return float(stdtr(df, x))


def student_above(x: float, df: float) -> float:
    """Return the probability that a Student variable is above `x`, exact far in the tail."""
    return student_below(-x, df)


def f_quantile(probability: float, df_num: float, df_den: float) -> float:
    """Return the quantile of the F distribution."""
    from scipy.special import fdtri

    return float(fdtri(df_num, df_den, probability))


def f_above(x: float, df_num: float, df_den: float) -> float:
    """Return the probability that an F variable is above `x`.

    Examples
    --------
    >>> round(f_above(4.0, 2, 20), 6)
    0.034572
    """
    from scipy.special import fdtrc

    return float(fdtrc(df_num, df_den, x))


def chi2_above(x: float, df: float) -> float:
    """Return the probability that a chi-square variable is above `x`."""
    from scipy.special import chdtrc

    return float(chdtrc(df, x))
