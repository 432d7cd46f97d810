"""French and English are equal: same keys, same placeholders, no text left behind."""

import ast
import re
import string
from pathlib import Path

import pytest

from flipstats import i18n

PACKAGE = Path(i18n.__file__).parent


def _fields(text: str | dict[str, str]) -> set[str]:
    forms = text.values() if isinstance(text, dict) else [text]
    return {
        re.split(r"[.\[!:]", name)[0]
        for form in forms
        for _, name, _, _ in string.Formatter().parse(form)
        if name
    }


def test_catalogues_have_the_same_keys():
    assert set(i18n.catalogue("en")) == set(i18n.catalogue("fr"))


def test_texts_have_the_same_placeholders():
    english, french = i18n.catalogue("en"), i18n.catalogue("fr")
    different = {key for key in english if _fields(english[key]) != _fields(french[key])}
    assert not different


def test_plural_texts_have_both_forms_in_both_languages():
    for lang in i18n.LANGUAGES:
        for key, text in i18n.catalogue(lang).items():
            if isinstance(text, dict):
                assert {"one", "other"} <= set(text), (lang, key)


def test_french_is_not_english():
    english, french = i18n.catalogue("en"), i18n.catalogue("fr")
    long = [key for key, text in english.items() if isinstance(text, str) and text.count(" ") > 3]
    assert not [key for key in long if english[key] == french[key]]


def test_every_key_in_the_code_is_in_the_catalogue():
    missing = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("t", "text")
            )
            if (
                named
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                key = node.args[0].value
                if "." in key and not i18n.has(key):
                    missing.add(f"{path.name}:{node.lineno} {key}")
    assert not missing


@pytest.mark.parametrize(
    ("value", "digits", "lang", "expected"),
    [
        (1234567.891, 2, "en", "1,234,567.89"),
        (1234567.891, 2, "fr", "1\u202f234\u202f567,89"),
        (-0.004, 2, "en", "0.00"),
        (-0.5, 1, "fr", "−0,5"),
        (None, 1, "fr", "–"),
        (float("nan"), 1, "en", "–"),
    ],
)
def test_numbers(value, digits, lang, expected):
    assert i18n.number(value, digits, lang) == expected


def test_plural_follows_the_language():
    assert i18n.t("build.unlinked", "en", n=1).startswith("1 learner has")
    assert i18n.t("build.unlinked", "en", n=2).startswith("2 learners have")
    assert i18n.t("build.unlinked", "fr", n=1).startswith("1 apprenant a")


def test_unknown_language_is_refused():
    with pytest.raises(ValueError) as refused:
        i18n.set_language("de")
    assert str(refused.value) == "language must be one of en, fr, got 'de'"
