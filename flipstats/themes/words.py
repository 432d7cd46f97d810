"""From comments to word stems: French and English, whichever each comment is in; nothing is downloaded."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

LONGEST = 2000  # characters of a comment that are read: a pasted book says no more than its beginning
_MOST_WORDS = 300
_TAG = re.compile(r"<[^<>]{0,200}>")
_LINK = re.compile(r"https?://\S+|www\.\S+|\S+@\S+")
_WORD = re.compile(r"[^\W\d_]{1,25}(?:-[^\W\d_]{1,25})?")
LANGUAGES = ("en", "fr")
_STEMMERS = {"en": "english", "fr": "french"}


@cache
def _lists() -> dict:
    return tomllib.loads((files("flipstats.themes") / "words.toml").read_text(encoding="utf-8"))


@cache
def stop_words(lang: str) -> frozenset[str]:
    """Return the words of a language that carry no theme, without accents."""
    return frozenset(plain(word) for word in _lists()["stop"][lang].split())


@cache
def _ideas() -> dict[str, str]:
    """Return, by stem, the idea that words of both languages stand for."""
    return {
        stem(form, lang): idea
        for idea, words in _lists()["same"].items()
        for word in words
        for form in (word, word + "s")  # the French stemmer leaves "vidéos" as it is
        for lang in LANGUAGES
    }


@cache
def _stemmer(lang: str):
    import snowballstemmer

    return snowballstemmer.stemmer(_STEMMERS[lang])


@cache
def stem(word: str, lang: str) -> str:
    """Return the stem of a word, without accents.

    Examples
    --------
    >>> stem("exercices", "fr"), stem("exercises", "en"), stem("séances", "fr")
    ('exercic', 'exercis', 'seanc')
    """
    return plain(_stemmer(lang).stemWord(word))


def plain(text: str) -> str:
    """Return a text in small letters without accents.

    Examples
    --------
    >>> plain("Œuvre d’Été")
    'oeuvre d’ete'
    """
    small = text.casefold().replace("œ", "oe").replace("æ", "ae")
    return "".join(c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c))


def words_of(comment: str) -> list[str]:
    """Return the words of a comment, in small letters: no tags, links, addresses, numbers or signs.

    Examples
    --------
    >>> words_of("<b>Trop long</b> !!! voir https://x.test/a 😀 =SUM(A1)")
    ['trop', 'long', 'voir', 'sum']
    """
    text = unicodedata.normalize("NFKC", comment[:LONGEST])
    text = _LINK.sub(" ", _TAG.sub(" ", text)).casefold()
    return [word for word in _WORD.findall(text)[:_MOST_WORDS] if len(word) > 1]


def language_of(words: Sequence[str], usual: str) -> str:
    """Return the language most of the small words are of; the usual one where they do not tell.

    Examples
    --------
    >>> language_of("la video est trop longue".split(), "en"), language_of("video".split(), "en")
    ('fr', 'en')
    """
    bare = [plain(word) for word in words]
    counts = {lang: sum(word in stop_words(lang) for word in bare) for lang in LANGUAGES}
    if counts["en"] == counts["fr"]:
        return usual
    return max(counts, key=counts.__getitem__)


def stems_of(comments: Sequence[str]) -> list[dict[str, str]]:
    """Return for each comment its stems, each with the word that bears it: one word for one idea.

    Examples
    --------
    >>> [sorted(found) for found in stems_of(["La vidéo est trop longue", "The video was too long"])]
    [['long', 'video'], ['long', 'video']]
    """
    split = [words_of(comment) for comment in comments]
    told = [language_of(words, "") for words in split]
    usual = "fr" if told.count("fr") > told.count("en") else "en"
    return [_stems(words, lang or usual) for words, lang in zip(split, told, strict=True)]


def _stems(words: Sequence[str], lang: str) -> dict[str, str]:
    out: dict[str, str] = {}
    stopped = stop_words("en") | stop_words("fr")
    for word in words:
        bare = plain(word)
        if len(bare) > 2 and bare not in stopped:
            root = stem(word, lang)
            out.setdefault(_ideas().get(root, root), word)
    return out
