"""The auditor's page: one HTML file that opens offline, every text of the data escaped."""

from __future__ import annotations

from datetime import datetime
from html import escape

from flipstats import i18n
from flipstats.i18n import language, number, t
from flipstats.ledger import facts
from flipstats.ledger.lines import Ledger

_STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--muted:#55606f;--paper:#fff;--line:#dce2e9;--strong:#9aa4b1}
@media(prefers-color-scheme:dark){:root{--ink:#e7ecf2;--muted:#a5b0be;--paper:#0f141a;--line:#2d3743;--strong:#667282}}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;color:var(--ink);
 background:var(--paper);max-width:76rem;margin:0 auto;padding:1.5rem clamp(1rem,3vw,2rem)}
h1{font-size:clamp(1.5rem,3.5vw,2.1rem);line-height:1.15;letter-spacing:-.02em;margin:0 0 .5rem}
h2{font-size:1.25rem;line-height:1.25;margin:2.5rem 0 .6rem}p{max-width:72ch}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;
 min-width:min(100%,30rem)}
caption{text-align:left;font-weight:620;padding:.3rem 0 .5rem}
th,td{border-bottom:1px solid var(--line);padding:.35rem 1rem .35rem 0;text-align:left;vertical-align:top;
 overflow-wrap:break-word;max-width:26rem}
th:last-child,td:last-child{padding-right:0}
td.n{text-align:right;white-space:nowrap}
thead th{color:var(--muted);border-bottom:2px solid var(--strong);vertical-align:bottom}
@page{size:A4 landscape;margin:12mm}
@media print{body{max-width:none;padding:0;font-size:9pt}table{font-size:7pt}.wide{overflow:visible}
 th,td{padding-right:.4rem;overflow-wrap:anywhere}thead{display:table-header-group}tr{break-inside:avoid}}
"""
_MINUTES = ("announced_min", "measured_min", "counted_once_min", "credited_min")


def page(made: Ledger, people: dict[str, tuple[str, str]] | None = None) -> str:
    """Return the page: totals by learner, then what French rules on distance training ask to see, then lines.

    Parameters
    ----------
    people : dict, optional
        Pseudonym to name and address: for a signed export only.
    """
    programme = made.study.programme
    title = t("ledger.page_title", title=programme.title or programme.id)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(t('ledger.page_about'))}</p>",
        _section("totals", _totals(made, people)),
        _section("assistance", _paragraph(made.rule.assistance, "no_assistance"), _assistance(made)),
        _section("durations", _paragraph(made.rule.information, "no_information"), _durations(made)),
        _section("assessments", _assessments(made)),
        _section("reasons", _reasons(made)),
        _section("rule", _rule(made)),
        _section("sources", _sources(made)),
        _section("lines", _lines(made, people)),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="{language()}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _section(key: str, *content: str) -> str:
    heading = escape(t(f"ledger.heading_{key}"))
    return f'<section aria-labelledby="{key}"><h2 id="{key}">{heading}</h2>{"".join(content)}</section>'


def _paragraph(text: str, otherwise: str) -> str:
    return "".join(
        f"<p>{escape(line)}</p>" for line in (text or t(f"ledger.{otherwise}")).split("\n") if line
    )


def table(names: list[str], rows: list[list[object]], caption: str) -> str:
    """Return a table; numbers to the right, every cell escaped."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="n">{escape(number(value, 2))}</td>'
    if isinstance(value, int):
        return f'<td class="n">{escape(number(value, 0))}</td>'
    return f"<td>{escape('–' if value is None else str(value))}</td>"


def columns(names: tuple[str, ...]) -> list[str]:
    """Return the headings of some columns, in the language in use."""
    return [t(f"ledger.column_{name}") for name in names]


def _totals(made: Ledger, people: dict[str, tuple[str, str]] | None) -> str:
    summed = made.totals()
    rows = [[_called(row["learner_id"], people), *(row[m] for m in _MINUTES)] for row in summed.to_dicts()]
    whole = [t("ledger.everybody"), *(round(float(summed[m].sum()), 2) for m in _MINUTES)]
    return table(columns(("learner_id", *_MINUTES)), [*rows, whole], t("ledger.caption_totals"))


def _called(learner: str, people: dict[str, tuple[str, str]] | None) -> str:
    name, email = (people or {}).get(learner, ("", ""))
    return " · ".join(filter(None, [name, email, learner]))


def _assistance(made: Ledger) -> str:
    names = ("kind", "contacts", "learners", "answered", "median_h")
    found = facts.assistance(made)
    if not found.height:
        return f"<p>{escape(t('ledger.no_contacts'))}</p>"
    rows = [[t(f"ledger.contact_{kind}"), *rest] for kind, *rest in found.select(names).iter_rows()]
    return table(columns(names), rows, t("ledger.caption_assistance"))


def _durations(made: Ledger) -> str:
    names = ("kind", "title", "modality", "announced_min", "mean_min", "learners", "measured")
    rows = [
        [t(f"ledger.kind_{kind}"), title, t(f"ledger.modality_{modality or 'unknown'}"), *rest]
        for kind, title, modality, *rest in facts.durations(made).select(names).iter_rows()
    ]
    return table(columns(names), rows, t("ledger.caption_durations"))


def _assessments(made: Ledger) -> str:
    names = ("title", "role", "learners", "passed")
    found = facts.assessments(made)
    if not found.height:
        return f"<p>{escape(t('ledger.no_assessments'))}</p>"
    rows = [
        [title, t(f"ledger.role_{role}"), *rest] for title, role, *rest in found.select(names).iter_rows()
    ]
    return table(
        columns(names), rows, t("ledger.caption_assessments", share=i18n.percent(made.rule.pass_mark))
    )


def _reasons(made: Ledger) -> str:
    names = ("reason", "lines", "announced_min", "credited_min")
    rows = [[t(f"ledger.reason_{r}"), *rest] for r, *rest in facts.by_reason(made).select(names).iter_rows()]
    return table(columns(names), rows, t("ledger.caption_reasons"))


def _rule(made: Ledger) -> str:
    shown = made.rule.model_dump(mode="json", exclude={"assistance", "information"})
    rows = [[t(f"ledger.rule_{name}"), _said(value)] for name, value in shown.items()]
    return table(columns(("parameter", "value")), rows, t("ledger.caption_rule"))


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value in (None, "") else str(value)


def _sources(made: Ledger) -> str:
    names = ("source_id", "file", "format", "sha256")
    found = made.study.table("sources").select(names).sort("source_id").collect()
    return table(columns(names), [list(row) for row in found.iter_rows()], t("ledger.caption_sources"))


def _lines(made: Ledger, people: dict[str, tuple[str, str]] | None) -> str:
    names = ("learner_id", "cohort_id", "kind", "title", *_MINUTES, "reason", "evidence")
    names += ("first_at", "last_at", "source_rows")
    zone = made.study.programme.timezone
    rows = [
        [_shown(name, row[name], zone, people) for name in names] for row in made.rows.iter_rows(named=True)
    ]
    return table(columns(names), rows, t("ledger.caption_lines", zone=zone))


def _shown(name: str, value: object, zone: str, people: dict[str, tuple[str, str]] | None) -> object:
    if name == "learner_id":
        return _called(value, people)
    if name in ("kind", "reason"):
        return t(f"ledger.{name}_{value}")
    return i18n.moment(value, zone) if isinstance(value, datetime) else value
