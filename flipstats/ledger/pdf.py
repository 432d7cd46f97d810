"""The ledger on paper: totals by learner, the rule, then every line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from unicodedata import normalize
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

from flipstats import i18n
from flipstats.i18n import number, t
from flipstats.ledger.lines import Ledger
from flipstats.ledger.page import columns

_MINUTES = ("announced_min", "measured_min", "counted_once_min", "credited_min")
_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=7, leading=8.5, wordWrap="CJK")
_HEAD = ParagraphStyle("head", parent=_TEXT, fontName="Helvetica-Bold")
_TITLE = ParagraphStyle("title", parent=_HEAD, fontSize=14, leading=18)
_SPACES = str.maketrans({"\u202f": "\u00a0", "\u2011": "-", "\u2212": "-"})  # the font has no others


def write_pdf(made: Ledger, path: Path, people: dict[str, tuple[str, str]] | None = None) -> None:
    """Write the ledger as a PDF, in the language in use."""
    programme = made.study.programme
    zone = programme.timezone
    story = [
        Paragraph(_safe(t("ledger.page_title", title=programme.title or programme.id)), _TITLE),
        Paragraph(_safe(t("ledger.page_about")), _TEXT),
        Spacer(1, 4 * mm),
        *_block("totals", ("learner_id", *_MINUTES), _totals(made, people), (5, 2, 2, 2, 2)),
        *_block("rule", ("parameter", "value"), _rule(made), (3, 5)),
    ]
    names = ("learner_id", "title", *_MINUTES, "reason", "evidence", "first_at", "source_rows")
    lines = [[_shown(n, row, zone, people) for n in names] for row in made.rows.iter_rows(named=True)]
    story += _block("lines", names, lines, (3, 4, 1.6, 1.6, 1.6, 1.6, 2.4, 2.2, 2.2, 4))
    whole = {"pagesize": landscape(A4), "title": t("ledger.page_title", title=programme.id)}
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 12 * mm)
    SimpleDocTemplate(str(path), lang=i18n.language(), **whole, **margins).build(
        story, onFirstPage=_numbered, onLaterPages=_numbered
    )


def _block(key: str, names: tuple[str, ...], rows: list[list[str]], widths: tuple[float, ...]) -> list:
    room = landscape(A4)[0] - 24 * mm
    cells = [[Paragraph(_safe(name), _HEAD) for name in columns(names)]]
    cells += [[Paragraph(_safe(text), _TEXT) for text in row] for row in rows]
    style = [
        ("GRID", (0, 0), (-1, -1), 0.3, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]  # fmt: skip
    share = [room * width / sum(widths) for width in widths]
    heading = Paragraph(_safe(t(f"ledger.heading_{key}")), _HEAD)
    return [heading, LongTable(cells, colWidths=share, repeatRows=1, style=style), Spacer(1, 5 * mm)]


def _totals(made: Ledger, people: dict[str, tuple[str, str]] | None) -> list[list[str]]:
    summed = made.totals()
    rows = [[_called(r["learner_id"], people), *(number(r[m]) for m in _MINUTES)] for r in summed.to_dicts()]
    return [*rows, [t("ledger.everybody"), *(number(float(summed[m].sum())) for m in _MINUTES)]]


def _rule(made: Ledger) -> list[list[str]]:
    shown = made.rule.model_dump(mode="json")
    return [[t(f"ledger.rule_{n}"), "–" if v in (None, "") else str(v)] for n, v in shown.items()]


def _called(learner: str, people: dict[str, tuple[str, str]] | None) -> str:
    return " · ".join(filter(None, [*(people or {}).get(learner, ("", "")), learner]))


def _shown(name: str, row: dict, zone: str, people: dict[str, tuple[str, str]] | None) -> str:
    value = row[name]
    if name == "learner_id":
        return _called(value, people)
    if name == "title":
        return value or row["activity_id"]
    if name == "reason":
        return t(f"ledger.reason_{value}")
    if isinstance(value, datetime):
        return i18n.moment(value, zone)
    return number(value) if isinstance(value, float) else value or "–"


def _safe(text: str) -> str:
    """Return a text as markup; a letter the font lacks stands as its code point, never as a blot.

    Examples
    --------
    >>> _safe("Zoë & \u3055")
    'Zoë &amp; [U+3055]'
    """
    plain = normalize("NFC", str(text)).translate(_SPACES)
    return escape("".join(c if _writable(c) else f"[U+{ord(c):04X}]" for c in plain))


def _writable(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return letter.isprintable() or letter in " \u00a0"


def _numbered(canvas: object, document: object) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(landscape(A4)[0] - 12 * mm, 6 * mm, str(document.page))
