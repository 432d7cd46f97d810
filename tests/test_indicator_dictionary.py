"""The dictionary of indicators equals the code, and the matrix of exports what readers and builds really give."""

from pathlib import Path

import pytest

from flipstats import i18n, indicator_dictionary, metrics
from flipstats.errors import FlipstatsError
from flipstats.indicator_dictionary import computable_from, indicators_page
from flipstats.readers import READERS, Context, read
from flipstats.readers.gives import GIVES, Gives

ROOT = Path(__file__).parent.parent
FORMATS = ROOT.parent / "shared" / "formats"
# What readings carry besides tables of the schema a study takes as they are.
REFERENCES = {"learners", "resources", "meetings", "absences", "sessions"}


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_pages_equal_the_code(lang):
    name = "indicators.md" if lang == "en" else f"indicators.{lang}.md"
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == indicators_page(lang), "run `make docs`"


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_indicator_and_every_export_is_on_the_page(lang):
    page = indicators_page(lang)
    for key in metrics.METRICS:
        assert f'<a id="{key}"></a>' in page
    for name in READERS:
        assert f"| {i18n.t(f'readers.format_{name}', lang)} |" in page
    assert "{" not in page.replace("x_{", "")


def test_every_reader_says_what_it_gives():
    assert set(GIVES) == set(READERS)


def _given(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix not in (".md", ".yaml"):
            try:
                reading = read(file, Context(timezone="Europe/Paris"))
            except FlipstatsError:
                continue  # files there on purpose that are no export of one kind
            found.setdefault(reading.format, set()).update(reading.tables)
    return found


@pytest.mark.parametrize("folder", [ROOT / "data" / "sample" / "exports", FORMATS], ids=["sample", "formats"])
def test_readers_give_what_they_say(folder):
    if not folder.exists():
        pytest.skip(f"{folder.name} is not beside the project")
    found = _given(folder)
    assert len(found) >= 5
    for name, tables in found.items():
        assert tables - REFERENCES <= GIVES[name].tables, name
        if folder == FORMATS and name != "kahoot":  # its polls are in no file there
            assert GIVES[name].tables <= tables, name


def test_more_export_never_makes_less_computable():
    order = ["not", "partly", "computable"]
    for spec in metrics.METRICS.values():
        alone = order.index(computable_from(spec, Gives()))
        everything = order.index(computable_from(spec, GIVES["canonical"]))
        for gives in GIVES.values():
            assert alone <= order.index(computable_from(spec, gives)) <= everything
        assert order[everything] == "computable"


def test_known_cells():
    cell = {
        (key, name): computable_from(metrics.METRICS[key], GIVES[name])
        for key in metrics.METRICS
        for name in READERS
    }
    assert cell["consultation_rate", "moodle_log"] == "partly"
    assert cell["consultation_rate", "xapi"] == "computable"
    assert cell["consultation_rate", "moodle_quiz"] == "not"
    assert cell["start_score", "moodle_quiz"] == "partly"
    assert cell["start_score", "bigbluebutton_json"] == "computable"
    assert cell["completion_rate", "zoom"] == "not"


def test_pages_are_written(tmp_path):
    assert {path.name for path in indicator_dictionary.write_pages(tmp_path)} == {
        "indicators.md",
        "indicators.fr.md",
    }
