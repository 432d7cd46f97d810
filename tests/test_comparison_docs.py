"""The page on comparisons says what the code does, in both languages, in their typography."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flipstats import i18n
from flipstats.comparison.methods import METHODS
from flipstats.comparison.references import REFERENCES
from flipstats.comparison.tier import STRONG, TIERS
from flipstats.comparison.verdict import Judged, decide
from flipstats.conventions import DEFAULTS

ROOT = Path(__file__).parents[1]
PAGES = {"en": "comparisons.md", "fr": "comparisons.fr.md"}
HEADS = {"en": ("| If |", "| Method |"), "fr": ("| Si |", "| Méthode |")}
SMALLEST = DEFAULTS.smallest_effect_g


def effect(value, half, *, agree=True):
    return Judged(value, value - half, value + half, smallest=SMALLEST, agree=agree)


# One example for each line of the printed table, in its order; those that fit a later line only by a hair.
EXAMPLES = [
    [(None, "rct_low_attrition", False), (effect(0.5, 0.1), "no_causal_claim", False),
     (effect(0.5, 0.1), "rct_low_attrition", True), (effect(-0.5, 0.1), "rct_low_attrition", True)],
    [(effect(-0.1, 0.05), tier, False) for tier in TIERS[:-1]],
    [(effect(SMALLEST, 0.1), tier, False) for tier in STRONG],
    [(effect(SMALLEST - 0.01, 0.1), "rct_low_attrition", False), (effect(0.5, 0.1), "historical", False),
     (effect(0.5, 0.1, agree=False), "rct_low_attrition", False), (effect(0.5, 0.1), "adjusted_gap", False)],
    [(effect(0.0, SMALLEST), "rct_low_attrition", False), (effect(0.05, 0.1), "historical", False)],
    [(effect(0.15, 0.2), "rct_low_attrition", False), (effect(-0.1, 0.15), "historical", False)],
]  # fmt: skip


def page(lang):
    return (ROOT / "docs" / PAGES[lang]).read_text(encoding="utf-8")


def rows(lang, head):
    lines = page(lang).split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(head))
    out = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return out
        out.append([cell.strip() for cell in line.strip("|").split("|")])
    return out


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_printed_decision_table_is_the_one_that_decides(lang):
    printed = rows(lang, HEADS[lang][0])
    assert len(printed) == len(EXAMPLES)
    for (_, words), examples in zip(printed, EXAMPLES, strict=True):
        for judged, tier, capped in examples:
            code = decide(judged, tier=tier, capped=capped)
            assert words == i18n.t(f"compare.verdict_{code}", lang=lang)
    said = printed[0][0]
    assert i18n.number(DEFAULTS.baseline_adjustable_g, 2, lang) in said
    assert str(DEFAULTS.min_groups_per_arm) in said
    text = page(lang)
    assert i18n.number(SMALLEST, 2, lang) in text
    assert f"{100 * DEFAULTS.smallest_effect_completion:.0f} points" in text


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_method_is_on_the_page_with_its_model(lang):
    printed = rows(lang, HEADS[lang][1])
    assert [row[0].strip("`") for row in printed] == list(METHODS)
    for name, model, estimand in printed:
        method = name.strip("`")
        assert model.replace("\u00a0", " ") == i18n.t(f"compare.model_{method}", lang=lang).replace(
            "\u00a0", " "
        )
        assert estimand == i18n.t(f"compare.estimand_{METHODS[method].estimand}", lang=lang)
    for references in REFERENCES.values():
        for reference in references:
            assert reference.replace("\u00a0", " ") in page(lang).replace("\u00a0", " ")


def test_french_spaces_do_not_break():
    without_code = re.sub(r"```.*?```|`[^`\n]*`", "", page("fr"), flags=re.S)
    texts = [without_code]
    for text in i18n.catalogue("fr").items():
        if text[0].startswith("compare."):
            texts += text[1].values() if isinstance(text[1], dict) else [text[1]]
    bad = [m.group() for text in texts for m in re.finditer(r".{0,20}(?: [:;?!»](?= |$)|« | %)", text)]
    assert bad == []
