"""Answers in words: names of what is in them, and rows as sentences."""

from __future__ import annotations

from dataclasses import asdict

import polars as pl

from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.i18n import in_language, language, listing, number, percent, t

_DIGITS = {"score": 2, "points": 2, "ratio": 2, "correlation": 2, "h": 1, "min": 0}
_SIGNED = ("points", "correlation")


def reason_text(reason: str, lang: str | None = None) -> str:
    """Return the sentence for a ``reason``.

    Examples
    --------
    >>> reason_text("suppressed")
    'too few learners to be shown'
    """
    return t(f"metrics.{reason}", lang)


def title(key: str, lang: str | None = None) -> str:
    """Return the name of an indicator, of a depth or of a unit (``unit_…``).

    Examples
    --------
    >>> title("prepared_rate"), title("opened", "fr")
    ('Learners who came prepared', 'ouvert')
    """
    return t(f"metrics.{key}", lang)


def statistic_title(statistic: str, thresholds: Thresholds = DEFAULTS, lang: str | None = None) -> str:
    """Return the name of a statistic, with the thresholds that bound it.

    Examples
    --------
    >>> statistic_title("share_near"), statistic_title("all_bound_low")
    ('within 5 days', 'all resources, at least')
    """
    for bound in ("bound_low", "bound_high"):
        if statistic.endswith("_" + bound):
            of = statistic_title(statistic.removesuffix("_" + bound), thresholds, lang)
            return t("metrics.stat_of", lang, of=of, bound=t(f"metrics.stat_{bound}", lang))
    limits = {name: f"{value:g}" for name, value in asdict(thresholds).items()}
    return t(f"metrics.stat_{statistic}", lang, **limits)


def say(
    rows: pl.DataFrame, lang: str | None = None, *, thresholds: Thresholds = DEFAULTS, most: int = 12
) -> str:
    """Put an answer into sentences: the value, its interval, who is behind it, what is not known.

    Parameters
    ----------
    rows : DataFrame
        The answer of an indicator, or some rows of it.
    lang : {"en", "fr"}, optional
        The language; by default the one in use.
    thresholds : Thresholds
        Those of the study, which some names speak of.
    most : int
        After so many rows the rest is only counted.

    Returns
    -------
    str
        One line a row; bounds are said with the row they bound, and where no row of a group has a value, for
        one reason, that is said once.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> from flipstats.indicators.consultation import consultation_rate
    >>> for part in say(consultation_rate(study(), depth="opened"), "en").split("; "):
    ...     print(part)
    Preparation consulted, opened: 64.3%, 95% interval 19.3% to 93.1% (Wilson, learners as units)
    9 of 14
    2 unknown, 87.5% known.
    """
    with in_language(lang or language()):
        found = rows.to_dicts()
        groups = rows.columns[: rows.columns.index("metric")]
        bounds = {_key(row, groups): row["value"] for row in found if "bound_" in row["statistic"]}
        plain = [row for row in found if "bound_" not in row["statistic"]]
        lines = list(dict.fromkeys(_line(row, plain, groups, bounds, thresholds) for row in plain))
        rest = [t("say.more", n=len(lines) - most)] if len(lines) > most else []
        return "\n".join([*lines[:most], *rest])


def _line(
    row: dict, plain: list[dict], groups: list[str], bounds: dict[tuple, float], thresholds: Thresholds
) -> str:
    """Return what is said of a row: one line for all of a group without any value, for one reason."""
    beside = {one["reason"] for one in plain if _key(one, groups, "·") == _key(row, groups, "·")}
    if beside == {row["reason"]} and row["reason"] is not None:
        return t("say.absent", name=_name(row, groups, None), reason=reason_text(row["reason"]))
    return _sentence(row, groups, bounds, thresholds)


def _key(row: dict, groups: list[str], statistic: str | None = None) -> tuple:
    return (*(row[name] for name in groups), row["depth"], statistic or row["statistic"])


def _sentence(row: dict, groups: list[str], bounds: dict[tuple, float], thresholds: Thresholds) -> str:
    name = _name(row, groups, thresholds)
    if row["value"] is None:
        return t("say.absent", name=name, reason=reason_text(row["reason"]))
    parts = [t("say.value", name=name, value=_value(row["value"], row["unit"]))]
    if row["low"] is not None:
        ends = {end: _value(row[end], row["unit"]) for end in ("low", "high")}
        how = t(f"figures.interval_{row['interval']}")
        parts.append(t("say.interval", level=percent(row["level"]), how=how, **ends))
    of = {name: number(row[name], 0) for name in ("numerator", "denominator", "unknown", "n")}
    counted = row["numerator"] is not None and row["unit"] == "share"
    behind = [t("say.counts", **of) if counted else t("say.learners", **of)]
    if row["unknown"]:
        behind.append(t("say.unknown", known=percent(row["coverage"], 1), **of))
    text = t("say.joint").join([", ".join(parts), *behind]) + "."
    prefix = "" if row["statistic"] == "rate" else row["statistic"] + "_"
    low, high = (bounds.get(_key(row, groups, f"{prefix}bound_{end}")) for end in ("low", "high"))
    if low is not None and high is not None:
        text += " " + t("say.bounds", low=_value(low, row["unit"]), high=_value(high, row["unit"]))
    return text


def _name(row: dict, groups: list[str], thresholds: Thresholds | None) -> str:
    """Return what a row is about; without thresholds the statistic is left out."""
    parts = [title(row["metric"])]
    parts += [title(row["depth"])] if row["depth"] else []
    if thresholds is not None and row["statistic"] != "rate":
        parts.append(statistic_title(row["statistic"], thresholds))
    where = listing([f"{name} {'–' if row[name] is None else row[name]}" for name in groups])
    return ", ".join(parts) + (f" ({where})" if where else "")


def _value(value: float, unit: str) -> str:
    if unit == "share":
        return percent(value, 1)
    text = number(value, _DIGITS[unit], signed=unit in _SIGNED)
    return t(f"say.in_{unit}", value=text) if unit in ("h", "min") else text
