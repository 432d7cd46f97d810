"""What no rule may settle waits for a person, whose decisions are applied, remembered and name nobody."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from sample_files import SHIPPED
from test_cli import run  # noqa: F401  the fixture

from flipstats.build import build_study, forget, read_sources
from flipstats.build.people import who_is_who
from flipstats.build.review import apply, decide, read_review
from flipstats.errors import StudyFileError
from flipstats.sample import read_truth, write_sample
from flipstats.studyfile import read_study_file

KEPT = ("sources", "sessions", "resources", "plan", "cohorts")


@pytest.fixture
def folder(shipped_built, tmp_path):
    return Path(shutil.copytree(shipped_built, tmp_path / "secinc"))


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "who_is_who.csv").open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    return list(csv.DictReader(text.splitlines(), delimiter=";" if ";" in text.split("\n")[0] else ","))


def told(folder: Path) -> dict[str, dict]:
    return {record.id: record.to_dict() for record in read_review(folder).records}


def settled(folder: Path) -> dict[str, str]:
    """Who the two homonyms of the log are, from what was drawn: record to pseudonym."""
    from flipstats.privacy import organisation_key, pseudonym

    key, truth = organisation_key(folder), read_truth(SHIPPED / "truth.json")
    of_id = {str(one["moodle_id"]): pseudonym(key, "email:" + one["email"]) for one in truth.learners}
    return {record["record"]: of_id[id_] for id_, record in told(folder).items()}


def test_the_two_homonyms_of_the_sample_wait_with_both_suggestions(folder):
    waiting = read_review(folder).open
    assert len(waiting) == 2
    truth = settled(folder)
    for record in waiting:
        assert record.why == "namesakes"
        assert truth[record.record] in record.suggestion.split("|")
        assert len(set(record.suggested.split(" | "))) == 2  # told apart by their addresses
    assert build_study(folder).to_dict()["people_open"] == 2


def test_decisions_join_the_records_and_survive_every_build(folder):
    before = build_study(folder)
    known = before.study.table("learners").collect()["learner_id"]
    events, read = before.study.table("events").collect(), before.to_dict()["rows_read"]
    truth = settled(folder)
    decide(folder, {"same": [f"{record}={learner}" for record, learner in truth.items()]}, "fr")
    for _ in range(2):
        after = build_study(folder)
        assert after.to_dict()["people_open"] == 0
        assert {record.decision for record in read_review(folder).records} == {"same"}
        learners = after.study.table("learners").collect()
        assert set(learners["learner_id"]) == set(known)
        assert set(learners["tracking"]) == {"traced"}
        found = after.study.table("events").collect()
        gained = found.join(events, on=["source_id", "record"], how="anti")
        assert set(gained["learner_id"].cast(pl.String)) == set(truth.values())
        assert "homonym" not in set(after.study.table("account").collect()["reason"])
        assert after.to_dict()["rows_read"] == read


def test_a_decision_changes_only_what_is_about_its_person(folder):
    before = build_study(folder).study
    (one, other) = settled(folder)
    decide(folder, {"staff": [one], "other": [other]}, "fr")
    after = build_study(folder)
    for name in ("attempts", "attendance", "events", *KEPT[1:]):
        assert after.study.table(name).collect().equals(before.table(name).collect()), name
    reasons = set(after.study.table("account").collect()["reason"])
    assert "homonym" not in reasons
    assert set(after.study.table("learners").collect()["tracking"]) == {"traced"}
    assert after.to_dict()["people_open"] == 0


def test_somebody_missing_from_the_roster_can_be_admitted(folder):
    sheet = next(iter((folder / "exports").glob("Classe virtuelle*")))
    text = sheet.read_text(encoding="utf-16" if sheet.read_bytes()[:2] == b"\xff\xfe" else "utf-8-sig")
    row = next(line for line in text.splitlines() if "@" in line and "\t" in line)
    guest = row.replace(row.split("\t")[0], "Zoé Inconnue", 1)
    mail = next(cell for cell in row.split("\t") if "@" in cell)
    guest = guest.replace(mail, "zoe@ailleurs.example")
    encoding = "utf-16" if sheet.read_bytes()[:2] == b"\xff\xfe" else "utf-8-sig"
    sheet.write_text(text.replace(row, row + "\n" + guest), encoding=encoding, newline="")
    build_study(folder)
    (record,) = (r for r in read_review(folder).open if r.email == "zoe@ailleurs.example")
    assert (record.why, record.name) == ("unknown", "Zoé Inconnue")
    cohort = "2023-01"
    decide(folder, {"learner": [f"{record.record}={cohort}"]}, "fr")
    study = build_study(folder).study
    assert study.table("learners").collect().height == 161
    added = study.table("enrolments").collect().height
    assert added == study.table("enrolments").select("learner_id", "cohort_id").unique().collect().height


def test_an_admitted_learner_needs_a_cohort_that_there_is(folder):
    one = read_review(folder).open[0].record
    decide(folder, {"learner": [f"{one}=2099-99"]}, "fr")
    with pytest.raises(StudyFileError, match=r"who_is_who\.csv, line \d+: .*2099-99"):
        build_study(folder)


def test_decisions_that_cannot_be_are_refused_with_their_line(folder):
    one, other = (record.record for record in read_review(folder).open)
    with pytest.raises(StudyFileError, match="say which"):
        decide(folder, {"same": [one]}, "fr")
    with pytest.raises(StudyFileError, match="two decisions"):
        decide(folder, {"staff": [one], "other": [one]}, "fr")
    with pytest.raises(StudyFileError, match="no record 'R2'"):
        decide(folder, {"staff": ["R2"]}, "fr")
    assert [record.decision for record in read_review(folder).records] == [None, None]
    decide(folder, {"same": [f"{other}=LNOBODY"]}, "fr")
    with pytest.raises(
        StudyFileError, match=r"who_is_who\.csv, line \d+: no learner has the pseudonym 'LNOBODY'"
    ):
        build_study(folder)
    sheet = folder / "who_is_who.csv"
    sheet.write_text(sheet.read_text(encoding="utf-8-sig") + f"{other};;;;;;;;;équipe;\n", encoding="utf-8")
    with pytest.raises(StudyFileError, match="stands on line"):
        build_study(folder)


def test_the_sheet_can_be_decided_in_a_spreadsheet_and_in_french(folder):
    sheet = folder / "who_is_who.csv"
    text = sheet.read_text(encoding="utf-8-sig")
    record = read_review(folder).open[0]
    truth = settled(folder)[record.record]
    rows = [line.split(",") for line in text.splitlines()]
    out = ["fiche;proposition;décision", f"{record.record};{truth};même"]
    assert rows[0][0] == "record"
    sheet.write_bytes("\r\n".join(out).encode("cp1252"))
    build_study(folder)
    review = {one.record: one for one in read_review(folder).records}
    assert review[record.record].decision == "same"
    assert len(review) == 2  # the other one is asked again


def test_nobody_of_the_sheet_is_named_in_the_study_and_the_forgotten_leave_it(folder):
    truth = settled(folder)
    decide(folder, {"same": [f"{record}={learner}" for record, learner in truth.items()]}, "fr")
    build_study(folder)
    names = {line["name"] for line in lines(folder)}
    assert names == {"Thomas Bernard"}
    for path in (folder / "snapshots").rglob("*"):
        if path.is_file():
            assert b"Bernard" not in path.read_bytes(), path
    record, learner = next(iter(truth.items()))
    forget(folder, learner)
    by_record = {line["record"]: line for line in lines(folder)}
    assert by_record[record]["name"] == by_record[record]["id"] == by_record[record]["suggested"] == ""
    study = build_study(folder).study
    assert learner not in set(study.table("learners").collect()["learner_id"])
    assert build_study(folder).to_dict()["people_open"] == 0


def test_a_similar_name_is_suggested_and_two_similar_ones_both(tmp_path):
    from flipstats.build.people import Person
    from flipstats.build.suggest import _nearest

    names = [("aicha ben salah", 0), ("marie martin", 1), ("marie martine", 2)]
    assert _nearest(Person(names={"ben salah aisha"}), names) == ([0], 93)
    assert _nearest(Person(names={"marie martins"}), names) == ([1, 2], 96)
    assert _nearest(Person(names={"john doe"}), names) == ([], None)
    assert _nearest(Person(emails={"aicha.ben.salah@gmail.example"}), names)[0] == [0]


def test_the_command_lists_decides_and_says_what_comes_next(run, folder):  # noqa: F811
    code, out, _ = run("people", folder)
    assert code == 0
    assert "2 people of the exports wait for a decision" in out
    one, other = (record.record for record in read_review(folder).open)
    code, out, _ = run("people", folder, "--staff", one, "--reject", other)
    assert code == 0
    assert "Build again" in out
    code, out, _ = run("people", folder, "--json")
    assert json.loads(out)["open"] == []
    assert [record["decision"] for record in json.loads(out)["decided"]] == ["staff", "other"]
    code, _, err = run("people", folder, "--accept", "R000")
    assert (code, err.count("\n")) == (1, 1)


def _joins(folder: Path) -> tuple[int, int, int]:
    """Return learners whose address and LMS id became one person, all learners, and false joins."""
    truth = read_truth(folder / "truth.json")
    sources = read_sources(folder, read_study_file(folder / "study.toml"))
    directory = who_is_who([(s.source_id, s.reading.format, s.reading.people) for s in sources])
    apply(directory, read_review(folder), b"k" * 32, {s.source_id: s.path.name for s in sources}, [])
    id_of = {one["email"]: f"moodle:id:{one['moodle_id']}" for one in truth.learners}
    known = {mark: email for email, mark in id_of.items()}
    joined = wrong = 0
    for person in directory.people:
        emails = person.emails & id_of.keys()
        of_ids = {known[mark] for mark in person.ids & known.keys()}
        joined += bool(emails) and emails == of_ids
        wrong += len(emails | of_ids) > 1
    return joined, len(truth.learners), wrong


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(11, 19))])
def test_nearly_everybody_joins_without_help_and_nobody_wrongly(tmp_path, seed):
    write_sample(tmp_path / "s", learners=120, seed=seed)
    joined, learners, wrong = _joins(tmp_path / "s")
    assert wrong == 0
    assert joined >= 0.95 * learners
