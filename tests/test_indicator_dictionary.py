"""The dictionary of indicators equals the code, and the matrix of exports what readers and builds really give."""

import re
import shutil
from pathlib import Path

import pytest

from flipstats import i18n, indicator_dictionary, metrics
from flipstats.build import build_study
from flipstats.errors import FlipstatsError
from flipstats.indicator_dictionary import computable_from, indicators_page
from flipstats.indicators.definition import Definition
from flipstats.readers import READERS, Context, read
from flipstats.readers.gives import GIVES, Gives
from flipstats.study import Study

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
    """Return the tables of every format read there; "·items" where attempts go item by item."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix not in (".md", ".yaml"):
            try:
                reading = read(file, Context(timezone="Europe/Paris"))
            except FlipstatsError:
                continue  # files there on purpose that are no export of one kind
            found.setdefault(reading.format, set()).update(reading.tables)
            attempts = reading.tables.get("attempts")
            if attempts is not None and attempts["item_id"].count():
                found[reading.format].add("·items")
    return found


@pytest.mark.parametrize("folder", [ROOT / "data" / "sample" / "exports", FORMATS], ids=["sample", "formats"])
def test_readers_give_what_they_say(folder):
    if not folder.exists():
        pytest.skip(f"{folder.name} is not beside the project")
    found = _given(folder)
    assert len(found) >= 5
    for name, tables in found.items():
        assert tables - REFERENCES - {"·items"} <= GIVES[name].tables, name
        assert "·items" not in tables or "items" in GIVES[name].traces, name
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
    assert (
        cell["access_failure_rate", "moodle_log"] == "partly"
    )  # whose failures they are, another list tells
    assert cell["access_failure_rate", "openedx_log"] == "not"
    assert cell["resource_reach", "moodle_log"] == "partly"  # opened, but not how far
    assert cell["resource_reach", "xapi"] == "computable"
    assert cell["dropout", "moodle_log"] == "partly"
    assert cell["trainer_load", "zoom"] == cell["flipped_share", "zoom"] == "computable"  # from the sheets


def test_pages_are_written(tmp_path):
    assert {path.name for path in indicator_dictionary.write_pages(tmp_path)} == {
        "indicators.md",
        "indicators.fr.md",
    }


SAMPLE = ROOT / "data" / "sample"
KINDS = {
    "moodle_log": "logs_SECINC",
    "moodle_completion": "progress",
    "moodle_quiz": r"SECINC-\d{4}-(Quiz|Test|Évaluation)",
    "teams_attendance": "Classe virtuelle",
    "moodle_participants": "courseid",
}


# What the sample gives for after its sessions completes by a look: there this export happens to tell all.
ALL_TOLD_HERE = {("consolidation_rate", "moodle_completion")}
# What the programme of the sample does not have, whatever export tells of it.
NOT_IN_THE_SAMPLE = {"retention", "transfer", "study_slot_use", "participation_rate"}


def _with_only(folder: Path, pattern: str) -> Study:
    """Build the sample with its sheets, its participants and one kind of export."""
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    head, *sources = (folder / "study.toml").read_text(encoding="utf-8").split("[[sources]]")
    kept = [part for part in sources if re.match(rf'\s*file = "exports/({pattern}|courseid)', part)]
    (folder / "study.toml").write_text("[[sources]]".join([head, *kept]), encoding="utf-8")
    return build_study(folder).study


def _rows(of: Study, spec: Definition) -> list[dict]:
    """Return what an indicator says at each of the three levels, without bounds."""
    depths = [depth for depth in spec.depths if depth != "declared"] or [None]
    rows = [metrics.compute(of, spec.key, depth=depth) for depth in depths]
    return [row for part in rows for row in part.iter_rows(named=True) if row["statistic"] in spec.statistics]


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_the_matrix_is_what_builds_give(name, tmp_path):
    built = _with_only(tmp_path, KINDS[name])
    for spec in (one for key, one in metrics.METRICS.items() if key not in NOT_IN_THE_SAMPLE):
        rows, said = _rows(built, spec), computable_from(spec, GIVES[name])
        values = [row["value"] is not None for row in rows]
        if said == "computable":
            assert all(values), spec.key
        elif said == "not":  # what the sheets alone tell, such as a length, may stand beside it
            assert not any(row["value"] is not None for row in rows if row["statistic"] == spec.statistics[0])
        else:
            all_told = all(row["coverage"] == 1 for row in rows)
            assert all_told == ((spec.key, name) in ALL_TOLD_HERE), spec.key
