"""Every indicator is explained, in both languages, with thresholds that exist."""

from dataclasses import asdict

import pytest

from flipstats import i18n, metrics
from flipstats.conventions import DEFAULTS
from flipstats.indicators.definition import TEXTS

NUMBERS = {str(number) for number in range(1, 34)}


@pytest.mark.parametrize("key", metrics.METRICS)
@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_indicator_is_explained(key, lang):
    spec = metrics.METRICS[key]
    limits = {name: f"{value:g}" for name, value in asdict(DEFAULTS).items()}
    for name in TEXTS:
        text = i18n.t(f"{spec.family}.{key}_{name}", lang, **limits)
        assert text.strip().endswith((".", "?")), (key, name, text)
    assert metrics.title(key, lang)


@pytest.mark.parametrize("key", metrics.METRICS)
def test_every_indicator_says_where_it_comes_from(key):
    spec = metrics.METRICS[key]
    assert spec.number in NUMBERS
    assert spec.source
    assert spec.key == key == spec.function.__name__
