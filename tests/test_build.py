"""The sample's raw exports to a study: nobody lost, invented or named, every row accounted for."""

import csv
import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from flipstats import schema
from flipstats.build import build_study
from flipstats.build.init import init_study
from flipstats.build.journals import JOURNALS
from flipstats.build.sheets import SHEETS
from flipstats.errors import FlipstatsError, InputError, StudyFileError
from flipstats.privacy import organisation_key, pseudonym
from flipstats.study import open_study

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    return build_study(folder / "study.toml")


@pytest.fixture(scope="module")
def truth():
    return json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))


def learner_id(folder, email):
    return pseudonym(organisation_key(folder), "email:" + email)


def test_the_sample_holds_raw_exports_and_sheets_only():
    canonical = set(schema.TABLES) - set(SHEETS) - set(JOURNALS)
    assert not [p for p in SAMPLE.rglob("*") if p.suffix == ".parquet" or p.stem in canonical]
    headings = {"learner_id", "resource_id", "session_id", "cohort_id", "source_id"}
    for path in (SAMPLE / "exports").iterdir():
        first = path.read_bytes()[:400].decode("utf-8", "ignore").splitlines()[0]
        assert not headings & set(re.split(r'[,;\t"]', first)), path.name


def test_everybody_is_in_the_study_once_under_a_pseudonym(built, truth):
    ids = {learner_id(built.folder, person["email"]) for person in truth["learners"]}
    assert set(built.study.table("learners").collect()["learner_id"]) == ids
    enrolled = set(built.study.table("enrolments").select("learner_id", "cohort_id").collect().iter_rows())
    assert enrolled == {
        (learner_id(built.folder, person["email"]), cohort)
        for person in truth["learners"]
        for cohort in person["cohorts"]
    }


def test_every_record_is_accounted_for(built):
    for row in built.study.table("sources").collect().iter_rows(named=True):
        assert row["rows_read"] == row["rows_kept"] + row["rows_merged"] + row["rows_set_aside"], row["file"]
    account = built.study.table("account").collect()
    counted = account.group_by("source_id", "outcome").agg(pl.col("record").n_unique().alias("n"))
    for row in built.study.table("sources").collect().iter_rows(named=True):
        for outcome in ("merged", "set_aside"):
            mine = counted.filter((pl.col("source_id") == row["source_id"]) & (pl.col("outcome") == outcome))
            assert (mine["n"].sum() if mine.height else 0) == row[f"rows_{outcome}"], (row["file"], outcome)


def test_kept_and_set_aside_records_do_not_overlap(built):
    gone = built.study.table("account").filter(pl.col("outcome") != "note").collect()
    for name in ("events", "attempts", "attendance"):
        rows = built.study.table(name).select("source_id", "record").collect()
        assert rows.join(gone, on=["source_id", "record"], how="semi").is_empty(), name


def test_nobody_is_named_in_anything_saved(built, truth):
    words = {person["email"] for person in truth["learners"]}
    with (SAMPLE / "exports" / "courseid_41_participants.csv").open(encoding="utf-8-sig") as file:
        words |= {f"{row[0]} {row[1]}" for row in list(csv.reader(file))[1:]}
    saved = [p for p in (built.folder / "snapshots").rglob("*") if p.is_file()] + [built.folder / "CURRENT"]
    texts = [p.read_text(encoding="utf-8") for p in saved if p.suffix != ".parquet"]
    for path in saved:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            texts += [str(v) for c in frame.select(pl.col(pl.String)).columns for v in frame[c].unique()]
    everything = "\n".join(texts).casefold()
    assert not [word for word in words if word.casefold() in everything]
    assert "@exemple-formation.fr" not in everything
    assert "delaunay" not in everything  # a trainer


def test_homonyms_are_settled_by_the_bridge_or_left_unknown(built, truth):
    tracking = dict(built.study.table("learners").select("learner_id", "tracking").collect().iter_rows())
    by_number = {person["number"]: learner_id(built.folder, person["email"]) for person in truth["learners"]}
    for number in truth["planted"]["homonyms_resolvable"]:
        assert tracking[by_number[number]] == "traced"
    for number in truth["planted"]["homonyms_unresolvable"]:
        assert tracking[by_number[number]] == "unlinked"
    assert sum(value == "unlinked" for value in tracking.values()) == 2


def test_staff_and_impersonated_visits_count_nowhere(built):
    reasons = dict(
        built.study.table("account")
        .filter(pl.col("outcome") == "set_aside")
        .group_by("reason")
        .len()
        .collect()
        .iter_rows()
    )
    assert reasons["staff"] > 0
    assert reasons["impersonated"] == 1


def test_ghosts_are_on_the_roster_without_an_event_of_their_own(built, truth):
    by_number = {person["number"]: learner_id(built.folder, person["email"]) for person in truth["learners"]}
    own = built.study.table("events").filter(pl.col("verb") != "enrolled").collect()
    events = set(own["learner_id"].drop_nulls())
    for number in truth["planted"]["ghosts"]:
        assert by_number[number] not in events


def test_the_log_dates_enrolments_and_withdrawals(built, truth):
    rows = built.study.table("enrolments").collect()
    gone = dict(rows.drop_nulls("withdrawn_at").select("learner_id", "withdrawn_at").iter_rows())
    expected = {
        learner_id(built.folder, person["email"]): person["unenrolled_at"]
        for person in truth["learners"]
        if person["unenrolled_at"] is not None
    }
    assert {learner: at.timestamp() for learner, at in gone.items()} == expected


def test_building_again_gives_the_same_study(built):
    again = build_study(built.folder / "study.toml")
    for name in schema.TABLES:
        before = built.study.table(name).collect() if name == "learners" else None
        if before is not None:
            assert again.study.table(name).collect().equals(before)
    one, other = (open_study(built.folder).table("events").collect(), again.study.table("events").collect())
    assert one.equals(other)


# ------------------------------------------------------------------------------------------ what goes wrong


def broken(tmp_path, change) -> Path:
    shutil.copytree(SAMPLE, tmp_path / "s")
    change(tmp_path / "s")
    return tmp_path / "s" / "study.toml"


def test_half_a_log_loses_one_record_and_says_so(tmp_path):
    log = "exports/logs_SECINC-2024_20241220-0900.csv"

    def cut(folder):
        raw = (folder / log).read_bytes()
        (folder / log).write_bytes(raw[: len(raw) // 2])

    built = build_study(broken(tmp_path, cut))
    row = built.study.table("sources").filter(pl.col("file") == Path(log).name).collect().row(0, named=True)
    account = built.study.table("account").filter(pl.col("source_id") == row["source_id"]).collect()
    assert account.filter(pl.col("reason").is_in(["cut_record", "open_quote"])).height == 1
    assert row["rows_read"] == row["rows_kept"] + row["rows_merged"] + row["rows_set_aside"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (bytes(range(256)) * 40, "is not a text"),
        (b"Heure;Nom;X\na;b;c\n", "not recognised"),
    ],
    ids=["empty", "binary", "wrong"],
)
def test_a_file_that_cannot_be_read_stops_the_build_and_is_named(tmp_path, content, part):
    name = "logs_SECINC-2024_20241220-0900.csv"
    path = broken(tmp_path, lambda folder: (folder / "exports" / name).write_bytes(content))
    with pytest.raises(InputError) as refused:
        build_study(path)
    assert name in str(refused.value)
    assert not (path.parent / "CURRENT").exists()


def test_a_source_that_is_not_there(tmp_path):
    path = broken(tmp_path, lambda folder: (folder / "exports" / "video_SECINC-2024.csv").unlink())
    with pytest.raises(StudyFileError) as refused:
        build_study(path)
    assert str(refused.value) == (
        "study.toml: no file matches the source 'exports/video_SECINC-2024.csv'; check the path, which counts "
        "from the folder of study.toml"
    )


def test_the_same_export_twice_is_refused(tmp_path):
    def copy(folder):
        shutil.copy(folder / "exports/video_SECINC-2024.csv", folder / "exports/again.csv")
        text = (folder / "study.toml").read_text(encoding="utf-8")
        more = '\n[[sources]]\nfile = "exports/again.csv"\nmapping = "mappings/video.yaml"\n'
        (folder / "study.toml").write_text(text + more, encoding="utf-8")

    with pytest.raises(StudyFileError, match=r"has the same content as video_SECINC-2024\.csv; remove one"):
        build_study(broken(tmp_path, copy))


def test_a_session_without_plan_is_not_applicable_and_shown(tmp_path):
    from flipstats import metrics
    from flipstats.build.check import check_study

    def forget(folder):
        text = (folder / "resources.csv").read_text(encoding="utf-8-sig").splitlines()
        kept = [line for line in text if ",4,pre," not in line]
        (folder / "resources.csv").write_text("\n".join(kept), encoding="utf-8")

    built = build_study(broken(tmp_path, forget))
    rows = metrics.consultation_rate(built.study.select(arms=["flipped"]), by=["sequence"], depth="opened")
    fourth = rows.filter((pl.col("sequence") == 4) & (pl.col("statistic") == "rate")).row(0, named=True)
    assert fourth["value"] is None
    assert fourth["reason"] == "not_applicable"
    assert any("8 flipped sessions have nothing to prepare" in text for text in check_study(built.study).odd)


# ---------------------------------------------------------------------------------------------------- init


@pytest.fixture
def raw(tmp_path):
    shutil.copytree(SAMPLE / "exports", tmp_path / "programme")
    return tmp_path / "programme"


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_init_writes_what_the_exports_tell_and_it_builds_once_corrected(raw, lang):
    said = init_study(raw, lang, timezone="Europe/Paris")
    assert "study.toml" in said
    with pytest.raises(StudyFileError):
        init_study(raw, lang)  # it does not overwrite corrections
    text = (raw / "study.toml").read_text(encoding="utf-8")
    assert "sophie.delaunay@exemple-formation.fr" in text  # proposed as staff
    cohorts = (raw / "cohorts.csv").read_text(encoding="utf-8-sig")
    assert "2023-01" in cohorts
    assert "2024-08" in cohorts
    resources = (raw / "resources.csv").read_text(encoding="utf-8-sig")
    assert "310" in resources
    built = build_study(raw / "study.toml")
    assert built.study.table("learners").collect().height >= 160


def test_init_refuses_a_folder_without_exports(tmp_path):
    with pytest.raises(FlipstatsError, match="no export was recognised"):
        init_study(tmp_path, "en")
