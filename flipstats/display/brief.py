"""The brief of a session as blocks, for one sheet of paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from flipstats import i18n, metrics
from flipstats.bench.results import expected_sentence, prepared_sentence
from flipstats.display.blocks import Html, heading, notice
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    from flipstats.bench.results import Brief, Part, TakeUp, Unprepared


def who(learner: str) -> Html:
    """Return the mark of a learner: a pseudonym, beside which a report may put a name at export."""
    return Html(f'<span class="fs-who" data-who="{escape(learner)}">{escape(learner)}</span>')


def brief_head(brief: Brief) -> Html:
    """Show which session, whom to expect, how many have prepared and how many have not."""
    if brief.chosen is None:
        return _section(heading("brief.q_none"), notice(metrics.reason_text("no_sessions")))
    when = i18n.moment(brief.starts_at, brief.zone)
    place = t(f"brief.modality_{brief.modality}") if i18n.has(f"brief.modality_{brief.modality}") else ""
    parts = [t(f"brief.chosen_{brief.chosen}", when=when), brief.cohort, brief.title, place]
    lead = f'<p class="fs-answer">{escape(prepared_sentence(brief))}</p>' if brief.silent is None else ""
    where = f"<p>{escape(' · '.join(part for part in parts if part))}</p>"
    silent = _silent(brief) if brief.silent else ""
    number_of = brief.number if brief.number is not None else "–"
    return _section(heading("brief.q_brief", number=number_of), where, lead, _cards(brief), silent)


def _silent(brief: Brief) -> str:
    remedy = f"brief.remedy_{brief.silent}"
    return notice(t(f"brief.silent_{brief.silent}"), remedy=t(remedy) if i18n.has(remedy) else "")


def _cards(brief: Brief) -> str:
    cards = [_card("enrolled", number(brief.enrolled, 0), _after_enrolled(brief))]
    part = brief.prepared
    if brief.silent is None and part.known:
        known = number(part.known, 0)
        said = t("brief.of_known", some=number(part.some, 0), known=known)
        cards.append(_card("prepared", said, t("brief.range", interval=_between(part))))
    if brief.silent is None and (part.known or brief.undone):
        cards.append(_card("unprepared", number(brief.undone, 0), _until(brief)))
    if brief.asked:
        cards.append(_card("asked", number(len(brief.asked) + brief.asked_more, 0), ""))
    return f'<div class="fs-grid">{"".join(cards)}</div>'


def _after_enrolled(brief: Brief) -> str:
    enrolled = t("brief.enrolled", n=brief.enrolled)
    return expected_sentence(brief).removeprefix(enrolled).strip()


def _until(brief: Brief) -> str:
    if brief.told_until is None or brief.told_until >= brief.starts_at:
        return t("brief.until_start")
    when = i18n.moment(brief.told_until, brief.zone)
    return t("brief.until_session" if brief.chosen == "next" else "brief.until", when=when)


def _card(key: str, value: str, below: str) -> str:
    label = escape(t(f"brief.card_{key}"))
    under = f'<p class="fs-sentence">{escape(below)}</p>' if below else ""
    return (
        f'<article class="fs-card" data-key="{key}"><h3 class="fs-label">{label}</h3>'
        f'<p class="fs-value">{escape(value)}</p>{under}</article>'
    )


def unprepared(brief: Brief) -> Html:
    """Show who has something known to be undone, by pseudonym, and how often so before."""
    if brief.silent is not None or brief.chosen is None or not (brief.prepared.known or brief.undone):
        return Html()
    if not brief.unprepared:
        return _section(heading("brief.q_unprepared"), f"<p>{escape(t('brief.nobody'))}</p>")
    owed = len(brief.resources)
    rows = [(who(one.learner_id), _undone(one, owed), _before(one.before)) for one in brief.unprepared]
    table = _table(("learner", "undone", "before"), rows, t("brief.caption_unprepared"), brief.level)
    more = _more("more_learners", brief.unprepared_more)
    return _section(heading("brief.q_unprepared"), table + more)


def _undone(one: Unprepared, owed: int) -> str:
    if len(one.missing) == owed:
        return t("brief.everything")
    return t("brief.numbers", numbers=i18n.listing([str(place) for place in one.missing]))


def _before(part: Part) -> str:
    return _some_of(part) if part.known else "–"


def preparation_done(brief: Brief) -> Html:
    """Show every resource of the preparation, and how many have done it, with the interval."""
    if not brief.resources:
        return Html()
    rows = [
        (f"{place}. {_named(one.title, one.length_min)}", _some_of(one.done), _between(one.done))
        for place, one in enumerate(brief.resources, start=1)
    ]
    caption = t("brief.caption_resources", done=t(f"brief.level_{brief.depth}"))
    table = _table(("resource", "done", "interval"), rows, caption, brief.level, right=(1, 2))
    return _section(heading("brief.q_preparation"), table)


def _named(title: str, minutes: float | None) -> str:
    return title if minutes is None else f"{title} · {t('brief.minutes', n=number(minutes, 0))}"


def blocking_questions(brief: Brief) -> Html:
    """Show the questions most failed, with their intervals; or why nothing is known of questions."""
    if brief.chosen is None:
        return Html()
    head = heading("brief.q_blocking")
    if brief.items_silent is not None:
        return _section(head, f"<p>{escape(_sentence(metrics.reason_text(brief.items_silent)))}</p>")
    if not brief.items:
        return _section(head, f"<p>{escape(t('brief.items_none'))}</p>")
    rows = [
        (
            _question(brief, one.item, one.assessment) + (f" · {t('brief.sure')}" if one.sure else ""),
            _some_of(one.failed),
            _between(one.failed),
        )
        for one in brief.items
    ]
    caption = t("brief.caption_blocking", quiz=brief.items[0].assessment)
    caption = caption if _one_quiz(brief) else t("brief.caption_blocking_all")
    table = _table(("item", "failed", "interval"), rows, caption, brief.level, right=(1, 2))
    return _section(head, table + f'<p class="fs-note">{escape(t("brief.note_blocking"))}</p>')


def _one_quiz(brief: Brief) -> bool:
    return len({one.assessment for one in brief.items}) == 1


def _question(brief: Brief, item: str, assessment: str) -> str:
    key = "brief.item" if _one_quiz(brief) else "brief.item_of"
    return t(key, item=item, assessment=assessment)


def asked_before(brief: Brief) -> Html:
    """Show the questions and misunderstandings handed in before the session, as they were written."""
    if brief.chosen is None:
        return Html()
    if not brief.asked:
        return _section(heading("brief.q_asked"), f"<p>{escape(t('brief.asked_none'))}</p>")
    said = "".join(f"<li>{escape(comment)}</li>" for _, comment in brief.asked)
    return _section(
        heading("brief.q_asked"), f'<ul class="fs-list">{said}</ul>' + _more("asked_more", brief.asked_more)
    )


def take_up(brief: Brief) -> Html:
    """Show what to take up again, surest first, and whether it may be chance."""
    if brief.chosen is None or brief.silent == "not_applicable":
        return Html()
    head = heading("brief.q_take_up")
    if not brief.take_up:
        dark = brief.silent is not None and brief.items_silent is not None
        return _section(head, f"<p>{escape(t('brief.take_up_silent' if dark else 'brief.take_up_none'))}</p>")
    said = "".join(f"<li>{_line(brief, one)}</li>" for one in brief.take_up)
    unsure = "" if any(one.sure for one in brief.take_up) else _note("take_up_unsure")
    return _section(head, f'<ol class="fs-list">{said}</ol>{unsure}')


def _line(brief: Brief, one: TakeUp) -> str:
    what = _question(brief, one.what, one.where) if one.kind == "item" else one.what
    values = {"some": number(one.part.some, 0), "known": number(one.part.known, 0)}
    words = t(f"brief.take_up_{one.kind}", what="\ue000", interval=_between(one.part), **values)
    marked = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(words))
    return marked.replace("\ue000", escape(what))


# ------------------------------------------------------------------------------------------------- parts


def _section(*blocks: str) -> Html:
    return Html(f'<section class="fs-section">{"".join(str(block) for block in blocks)}</section>')


def _note(key: str) -> str:
    return f'<p class="fs-note">{escape(t(f"brief.{key}"))}</p>'


def _more(key: str, n: int) -> str:
    return f'<p class="fs-note">{escape(t(f"brief.{key}", n=n))}</p>' if n else ""


def _some_of(part: Part) -> str:
    return t("brief.of_known", some=number(part.some, 0), known=number(part.known, 0))


def _between(part: Part) -> str:
    if part.low is None:
        return "–"
    return t("figures.between", low=percent(part.low), high=percent(part.high))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str,
    level: float,
    right: Sequence[int] = (),
) -> str:
    """Return a table whose cells are escaped, but for marks that are HTML already."""
    side = [' class="fs-num"' if i in right else "" for i in range(len(names))]
    head = "".join(
        f'<th scope="col"{side[i]}>{escape(t(f"brief.column_{name}", level=percent(level)))}</th>'
        for i, name in enumerate(names)
    )
    body = "".join(
        f"<tr>{''.join(_cell(i, cell, side[i]) for i, cell in enumerate(row))}</tr>" for row in rows
    )
    return (
        '<div class="fs-tabled"><div class="fs-scroll" role="region" tabindex="0" '
        f'aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        "</div></div>"
    )


def _cell(place: int, cell: str, side: str) -> str:
    inside = str(cell) if isinstance(cell, Html) else escape(cell)
    return f'<th scope="row"{side}>{inside}</th>' if place == 0 else f"<td{side}>{inside}</td>"
