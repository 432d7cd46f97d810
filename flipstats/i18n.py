"""All text a user sees, in French and English, and numbers and dates as the reader writes them.

Catalogues are TOML files, `locale/<language>/<area>.toml`; the key ``"area.name"`` is found in the file
`area.toml`. A text with ``one`` and ``other`` forms is chosen by its value ``n``.
"""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

LANGUAGES = ("en", "fr")
_LOCALE = {"en": Locale.parse("en_GB"), "fr": Locale.parse("fr_FR")}
_language: ContextVar[str] = ContextVar("flipstats_language", default="en")


def language() -> str:
    """Return the language in use, ``"en"`` or ``"fr"``."""
    return _language.get()


def set_language(lang: str) -> None:
    """Use `lang` from here on in this context.

    Raises
    ------
    ValueError
        `lang` is neither ``"en"`` nor ``"fr"``.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {lang!r}")
    _language.set(lang)


@contextmanager
def in_language(lang: str) -> Iterator[None]:
    """Use `lang` inside a ``with`` block."""
    before = language()
    set_language(lang)
    try:
        yield
    finally:
        set_language(before)


def environment_language() -> str:
    """Return the language the user's environment asks for, English where it says nothing we speak."""
    for variable in ("FLIPSTATS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if (value := os.environ.get(variable, "")[:2].lower()) in LANGUAGES:
            return value
    return "en"


@cache
def catalogue(lang: str) -> dict[str, str | dict[str, str]]:
    """Return the whole catalogue of a language: ``"area.name"`` to a text or to its plural forms."""
    found: dict[str, str | dict[str, str]] = {}
    for file in sorted((files("flipstats") / "locale" / lang).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            area = file.name.removesuffix(".toml")
            texts = tomllib.loads(file.read_text(encoding="utf-8"))
            found.update({f"{area}.{name}": text for name, text in texts.items()})
    return found


def t(key: str, /, lang: str | None = None, **values: object) -> str:
    """Return the text of `key`, with `values` put into its ``{placeholders}``.

    Numbers that need the reader's decimal mark are formatted by the caller, with `number` or `percent`.

    Raises
    ------
    KeyError
        The catalogue has no such key, or a placeholder has no value.

    Examples
    --------
    >>> t("core.yes"), t("core.yes", lang="fr")
    ('yes', 'oui')
    """
    lang = lang or language()
    text = catalogue(lang)[key]
    if isinstance(text, dict):
        form = _LOCALE[lang].plural_form(values["n"])
        text = text.get(form, text["other"])
    return text.format(**values)


class Notice(str):
    """A text that remembers its key and values, so that it can be said again in another language.

    Examples
    --------
    >>> said = Notice("core.yes")
    >>> said, said.again("fr")
    ('yes', 'oui')
    """

    key: str
    values: dict[str, object]

    def __new__(cls, key: str, /, **values: object) -> Notice:
        """Say `key` in the language in use; see `t`."""
        said = super().__new__(cls, t(key, **values))
        said.key, said.values = key, values
        return said

    def again(self, lang: str | None = None) -> str:
        """Return the text in `lang`, or in the language now in use."""
        return t(self.key, lang, **self.values)

    def to_dict(self) -> dict[str, object]:
        """Return what `Notice` is made of, for a file; `from_dict` reads it back."""
        return {"key": self.key, "values": self.values}

    @classmethod
    def from_dict(cls, content: dict) -> Notice:
        """Make a notice from what `to_dict` gave."""
        return cls(content["key"], **content["values"])


def has(key: str) -> bool:
    """Return whether the catalogue knows `key`."""
    return key in catalogue("en")


def number(value: float | None, digits: int = 2, lang: str | None = None, *, signed: bool = False) -> str:
    """Format a number with a fixed count of decimals; None is a dash.

    Examples
    --------
    >>> number(1234.5, 1, "en"), number(-0.25, 2, "fr", signed=True)
    ('1,234.5', '−0,25')
    """
    if value is None or value != value:
        return "–"
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    text = format_decimal(abs(value), pattern, locale=_LOCALE[lang or language()])
    negative = value < 0 and any(c in "123456789" for c in text)
    return ("−" if negative else "+" if signed else "") + text


def percent(share: float | None, digits: int = 0, lang: str | None = None, *, signed: bool = False) -> str:
    """Format a share in 0-1 as a percentage, with French spacing where it belongs.

    Examples
    --------
    >>> percent(0.416, 0, "en"), percent(0.416, 1, "fr")
    ('42%', '41,6\\xa0%')
    """
    if share is None or share != share:
        return "–"
    return number(share * 100, digits, lang, signed=signed) + (
        "\xa0%" if (lang or language()) == "fr" else "%"
    )


def date(when: dt.datetime | dt.date | None, zone: str = "UTC", lang: str | None = None) -> str:
    """Format the local day of an instant, e.g. ``21 Mar 2024`` or ``21 mars 2024``."""
    if when is None:
        return "–"
    if isinstance(when, dt.datetime):
        when = when.astimezone(ZoneInfo(zone)).date()
    return format_date(when, "d MMM y", locale=_LOCALE[lang or language()])


def moment(when: dt.datetime | None, zone: str = "UTC", lang: str | None = None) -> str:
    """Format an instant in a zone, e.g. ``21 Mar 2024, 09:00``."""
    if when is None:
        return "–"
    return format_datetime(
        when.astimezone(ZoneInfo(zone)), "d MMM y, HH:mm", locale=_LOCALE[lang or language()]
    )


def clock(when: dt.datetime, zone: str = "UTC", lang: str | None = None) -> str:
    """Format the local time of day of an instant, e.g. ``09:00``."""
    return format_time(when.astimezone(ZoneInfo(zone)), "HH:mm", locale=_LOCALE[lang or language()])


def capital(text: str) -> str:
    """Return a text that begins a sentence with its first letter in upper case, and no other changed.

    Examples
    --------
    >>> capital("question 5 of Quiz A"), capital("")
    ('Question 5 of Quiz A', '')
    """
    return text[:1].upper() + text[1:]


def listing(items: list[str], lang: str | None = None) -> str:
    """Join words as a sentence does: ``a, b and c``."""
    items = [str(item) for item in items]
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " " + t("core.and", lang) + " " + items[-1]
