"""The synthetic programme: the same every time, raw exports and nothing else, and its options."""

from __future__ import annotations

import json
import re

import pytest
from sample_files import EXPORTS, SHEETS, SHIPPED, contents

from flipstats import schema
from flipstats.errors import ParameterError
from flipstats.i18n import in_language
from flipstats.sample import Truth, read_truth, write_sample


@pytest.fixture(scope="module")
def told() -> Truth:
    return read_truth(SHIPPED / "truth.json")


# -------------------------------------------------------------------------------------- the same every time


def test_the_shipped_sample_is_what_the_command_writes(tmp_path):
    write_sample(tmp_path)
    made, shipped = contents(tmp_path), contents(SHIPPED)
    assert made.keys() == shipped.keys()
    assert [name for name in made if made[name] != shipped[name]] == []


def test_the_shipped_sample_is_small():
    assert sum(map(len, contents(SHIPPED).values())) <= 2_000_000


def test_another_seed_is_another_programme(tmp_path):
    one = write_sample(tmp_path / "1", learners=48, seed=1)
    two = write_sample(tmp_path / "2", learners=48, seed=2)
    assert one.learners != two.learners
    assert one.comparison == two.comparison


def test_truth_comes_back_as_it_was_told(tmp_path):
    drawn = write_sample(tmp_path, learners=48)
    assert json.loads(drawn.to_json()) == json.loads(read_truth(tmp_path / "truth.json").to_json())


# ---------------------------------------------------------------------------------- raw exports, and no more


def test_no_canonical_table_is_in_the_sample():
    for path in SHIPPED.rglob("*"):
        if path.is_dir():
            continue
        assert path.suffix in {".csv", ".toml", ".yaml", ".json", ".ics", ".md"}, path
        own_sheet = path.parent == SHIPPED and path.stem in SHEETS
        assert own_sheet or path.stem not in schema.TABLES, path
        if path.suffix == ".csv":
            head = path.read_bytes().split(b"\n", 1)[0].replace(b"\0", b"").decode("utf-8", "replace")
            canonical = {c.name for t in schema.TABLES.values() for c in t.columns if c.name.endswith("_id")}
            assert not canonical & set(re.split(r"[,;\t\r]", head)), path


def test_every_export_is_declared_and_every_declared_export_is_there(told):
    declared = re.findall(r'^file = "(exports/.+)"$', (SHIPPED / "study.toml").read_text("utf-8"), re.M)
    named = [path.name for pattern in declared for path in SHIPPED.glob(pattern)]
    assert sorted(named) == sorted(p.name for p in EXPORTS.iterdir()) == told.files
    assert all(list(SHIPPED.glob(pattern)) for pattern in declared)


# ------------------------------------------------------------------------------- options, errors


def test_sheets_in_french(tmp_path):
    write_sample(tmp_path, learners=48, language="fr")
    head = (tmp_path / "sessions.csv").read_text("utf-8-sig").split("\n")[0].strip()
    assert head == "cohorte;numéro;intitulé;début;fin;lieu;format;type;minutes_actives;minutes_remédiation"
    assert "inversé acteur" in (tmp_path / "sessions.csv").read_text("utf-8-sig")


def test_the_smallest_programme_has_every_oddity(tmp_path):
    for seed in range(6):
        drawn = write_sample(tmp_path / str(seed), learners=40, seed=seed)
        assert sum(c["learners"] for c in drawn.cohorts) == 40
        for name in ("homonyms_resolvable", "homonyms_unresolvable", "impersonated", "ghosts", "locked_out"):
            assert drawn.planted[name], name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learners": 12}, "a sample needs at least 40 learners, not 12"),
        ({"seed": -1}, "the seed must be 0 or more, not -1"),
        ({"group_size": 3}, "group_size must be at least 4, not 3"),
        ({"language": "de"}, "language must be one of en, fr, not 'de'"),
        ({"icc": 0.9}, "icc is a share of variance between 0 and 0.5, not 0.9"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, arguments, message):
    with in_language("en"), pytest.raises(ParameterError) as caught:
        write_sample(tmp_path, **arguments)
    assert str(caught.value) == message


def test_fewer_events_than_the_learners_make_are_refused(tmp_path):
    with in_language("en"), pytest.raises(ParameterError) as caught:
        write_sample(tmp_path, learners=48, events=100)
    assert re.fullmatch(
        r"this programme makes \d+ log rows by itself, so events cannot be 100; "
        "ask for more, or leave it out",
        str(caught.value),
    )


def test_a_sample_replaces_the_one_before_and_nothing_else(tmp_path):
    write_sample(tmp_path, learners=120)
    again = write_sample(tmp_path, learners=48)
    assert sorted(p.name for p in (tmp_path / "exports").iterdir()) == again.files
    (tmp_path / "exports" / "mine.csv").write_text("a,b\n", encoding="utf-8")
    with in_language("en"), pytest.raises(ParameterError) as caught:
        write_sample(tmp_path, learners=48)
    place = tmp_path / "exports"
    assert str(caught.value) == f"{place} already holds mine.csv, which no sample wrote; give a new folder"


@pytest.mark.slow
def test_a_large_programme_is_written_in_bounded_time(tmp_path):
    drawn = write_sample(tmp_path, learners=2_000, events=500_000)
    assert sum(n for name, n in drawn.log_rows.items() if name.startswith("logs_SECINC")) == 500_000
    for name, n in drawn.log_rows.items():
        with (tmp_path / "exports" / name).open("rb") as file:
            assert sum(1 for _ in file) == n + 1
