"""A comparison as a piece of HTML for a notebook: sentence, cautions, numbers, balance, methods."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from flipstats.comparison.note import Name, shown
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    from flipstats.comparison.result import Comparison, Effect

_SHOWN = ("method", "role", "variant", "value", "interval", "p", "learners", "groups")


def html_of(result: Comparison) -> str:
    """Return the comparison as HTML; every text of the data is escaped."""
    said = [*result.for_whom, *result.verdict.cautions, *result.warnings, tests_sentence(result)]
    if (excluded := result.sensitivity["excludes"]) is not None:
        said.append(excluded["words"])
    effects = _table([t(f"compare.column_{c}") for c in _SHOWN], [_cells(e) for e in result.effects])
    literature = f"<p>{html.escape(result.literature)}</p>" if result.question.is_learning else ""
    methods = html.escape(result.methods_text()).replace("\n", "<br>")
    return (
        f"<p><strong>{html.escape(result.verdict.sentence)}</strong></p>"
        f"{literature}{effects}{_balance(result)}"
        f"<ul>{''.join(f'<li>{html.escape(str(text))}</li>' for text in said)}</ul>"
        f"<details><summary>{html.escape(t('compare.methods_heading'))}</summary><p>{methods}</p></details>"
    )


def tests_sentence(result: Comparison) -> str:
    """Say how many tests were run."""
    return t("compare.text_tests", n=result.sensitivity["tests_run"])


def pair(treated: int | None, control: int | None) -> str:
    """Return the groups of the two arms as text; a dash for an arm without groups.

    Examples
    --------
    >>> pair(6, None), pair(None, None)
    ('6 + –', '–')
    """
    if treated is None and control is None:
        return "–"
    return " + ".join("–" if n is None else str(n) for n in (treated, control))


def _balance(result: Comparison) -> str:
    """The standardised differences of a Love plot, as a table; nothing where nothing was measured before."""
    if not result.balance:
        return ""
    after = list(result.balance[0]["after"])
    names = [t("compare.column_covariate"), t("compare.love_before")]
    names += [t("compare.love_after", method=name) for name in after]
    rows = [
        [str(shown(Name("covariate", row["covariate"])))]
        + [_limit(gap) for gap in (row["g"], *(row["after"][name] for name in after))]
        for row in result.balance
    ]
    return _table(names, rows)


def _table(names: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(effect: Effect) -> list[str]:
    e = effect.estimate
    return [
        e.method,
        t(f"compare.role_{effect.role}"),
        e.variant,
        number(e.value, 3, signed=True),
        t("compare.range", level=percent(e.level), low=_limit(e.low), high=_limit(e.high)),
        number(e.p, 3),
        f"{e.n_treated} + {e.n_control}",
        pair(e.clusters_treated, e.clusters_control),
    ]


def _limit(value: float) -> str:
    return "∞" if value == math.inf else "−∞" if value == -math.inf else number(value, 3, signed=True)
