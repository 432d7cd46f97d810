"""Canonical tables: values, rules and references, and messages that name file, column, rule and record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from flipstats import schema
from flipstats.errors import SchemaError
from flipstats.i18n import in_language
from flipstats.readers import canonical
from flipstats.readers.base import Context

FILES = {
    "learners": "learner_id,tracking,x_age,x_site\nA1,traced,31,north\nA2,withdrawn,,south\n",
    "cohorts": "cohort_id,arm,iteration,starts_at\nG1,flipped,1,2024-03-01\n",
    "enrolments": "learner_id,cohort_id,enrolled_at\nA1,G1,2024-03-01T08:00:00Z\nA2,G1,\n",
    "sessions": "session_id,cohort_id,sequence,kind,starts_at,ends_at\n"
    "S1,G1,1,session,2024-03-21 09:00,2024-03-21 12:00:00\n",
    "resources": 'resource_id,title,kind,traced\nR1,"Video, part 1",video,True\nR2,Page,page,no\n',
    "plan": "session_id,resource_id,phase,mandatory\nS1,R1,pre,yes\n",
    "events": "learner_id,resource_id,at,verb,seconds,progress,record,source_id\n"
    "A1,R1,2024-03-20T18:00:00.500+01:00,played,12.5,0.4,77,old\n"
    "A1,R1,2024-03-20T12:05:00-0530,viewed,,,78,old\n"
    ",,2024-03-20T18:05:00Z,login_failed,,,79,old\n",
}
PARIS = Context(timezone="Europe/Paris")


def write(folder: Path, **changes: str | None) -> Path:
    for name, text in (FILES | changes).items():
        if text is not None:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def broken(folder: Path, context: Context = PARIS, **changes: str) -> str:
    with pytest.raises(SchemaError) as raised:
        canonical.read(write(folder, **changes), context)
    return str(raised.value)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


class TestTables:
    def test_all_pass_the_schema_and_every_record_is_kept(self, tmp_path):
        folder = write(tmp_path)
        assert canonical.looks_like(folder)
        reading = canonical.read(folder, PARIS)
        assert (reading.account.read, reading.account.kept, reading.account.balanced) == (12, 12, True)
        tables = {}
        for name, frame in reading.tables.items():
            frame = frame.rename({"person": "learner_id"}, strict=False)
            tables[name] = frame.select(c for c in frame.columns if c != "record")
        assert set(schema.validate(tables)) == set(schema.TABLES)

    def test_values(self, tmp_path):
        tables = canonical.read(write(tmp_path), PARIS).tables
        assert tables["events"].rows() == [
            (10, "A1", "R1", utc(2024, 3, 20, 17, 0, 0, 500_000), "played", 12.5, 0.4),
            (11, "A1", "R1", utc(2024, 3, 20, 17, 35), "viewed", None, None),
            (12, None, None, utc(2024, 3, 20, 18, 5), "login_failed", None, None),
        ]
        assert tables["sessions"].select("starts_at", "ends_at").row(0) == (
            utc(2024, 3, 21, 8), utc(2024, 3, 21, 11),
        )  # fmt: skip
        assert tables["cohorts"]["starts_at"].to_list() == [utc(2024, 2, 29, 23)]
        assert tables["resources"]["traced"].to_list() == [True, False]
        assert tables["learners"].select("x_age", "x_site").rows() == [(31, "north"), (None, "south")]

    def test_identities_are_the_ids_and_records_are_found_again(self, tmp_path):
        reading = canonical.read(write(tmp_path), PARIS)
        assert reading.people.rows() == [("A1", "id", "A1"), ("A2", "id", "A2")]
        assert reading.account.place(11) == ("events.csv", 2)

    def test_parquet_and_semicolons_give_the_same(self, tmp_path):
        expected = canonical.read(write(tmp_path), PARIS).tables
        other = tmp_path / "other"
        other.mkdir()
        for name, frame in expected.items():
            frame = frame.rename({"person": "learner_id"}, strict=False).drop("record")
            if name == "plan":
                frame.write_csv(other / f"{name}.csv", separator=";")
            else:
                frame.write_parquet(other / f"{name}.parquet")
        found = canonical.read(other, Context()).tables
        assert set(found) == set(expected)
        assert all(found[name].select(expected[name].columns).equals(expected[name]) for name in expected)

    def test_lineage_of_the_study_it_came_from_is_set_aside(self, tmp_path):
        folder = write(tmp_path, account="source_id,record,outcome,reason\nold,1,note,x\n")
        reading = canonical.read(folder, PARIS)
        assert dict(reading.account.reasons()) == {"lineage_of_another_study": 1}
        assert "account" not in reading.tables
        assert reading.account.balanced

    def test_a_cut_file_loses_its_last_record_only(self, tmp_path):
        folder = write(tmp_path, plan="session_id,resource_id,phase,mandatory\nS1,R1,pre,yes\nS1,R2")
        account = canonical.read(folder, PARIS).account
        assert dict(account.reasons()) == {"cut_record": 1}
        assert account.balanced

    def test_an_hour_that_occurs_twice_is_noted(self, tmp_path):
        sessions = (
            FILES["sessions"].replace("2024-03-21 09:00", "2024-10-27 02:30").replace("-03-21", "-10-28")
        )
        account = canonical.read(write(tmp_path, sessions=sessions), PARIS).account
        assert dict(account.reasons("note")) == {"repeated_hour": 1}


class TestMessages:
    @pytest.mark.parametrize(
        ("name", "old", "new", "message"),
        [
            ("events", "verb", "verbs", "events.csv: unknown column 'verbs'; did you mean verb?"),
            ("plan", ",phase,", ",mandatory,",
             "plan.csv: the column 'mandatory' stands twice; remove one of them"),
            ("plan", "session_id,resource_id,phase,mandatory\nS1,R1,pre,yes",
             "session_id,resource_id,phase\nS1,R1,pre",
             "plan.csv: the required column 'mandatory' is missing"),
            ("events", "played", "watched",
             f"events.csv, column verb: must be one of {', '.join(schema.VERBS)}; "
             "1 record breaks this (record 1)"),
            ("events", "0.4", "40%",
             "events.csv, column progress: must be a number with a decimal point; "
             "1 record breaks this (record 1)"),
            ("events", "0.4", "1.4",
             "events.csv, column progress: must be at most 1; 1 record breaks this (record 1)"),
            ("events", "2024-03-20T12:05:00-0530", "20/03/2024",
             "events.csv, column at: must be a time such as 2024-03-21T09:00:00Z that exists; "
             "1 record breaks this (record 2)"),
            ("sessions", "2024-03-21 09:00", "2024-03-31 02:30",
             "sessions.csv, column starts_at: must be a time such as 2024-03-21T09:00:00Z that exists; "
             "1 record breaks this (record 1)"),
            ("sessions", "S1,G1,1,", "S1,G1,1.5,",
             "sessions.csv, column sequence: must be a whole number; 1 record breaks this (record 1)"),
            ("resources", "R1,", ",",
             "resources.csv, column resource_id: must not be empty; 1 record breaks this (record 1)"),
            ("resources", "R2,", "R1,",
             "resources.csv, column resource_id: must be different in every record; "
             "1 record breaks this (record 2)"),
            ("resources", "no\n", "maybe\n",
             "resources.csv, column traced: must be true or false; 1 record breaks this (record 2)"),
            ("enrolments", "G1", "G9",
             "enrolments.csv, column cohort_id: must be in the table cohorts; 2 records break this "
             "(first record 1)"),
        ],
    )  # fmt: skip
    def test_whole(self, tmp_path, name, old, new, message):
        assert broken(tmp_path, **{name: FILES[name].replace(old, new)}) == message

    def test_no_zone(self, tmp_path):
        assert broken(tmp_path, Context()) == (
            "cohorts.csv, column starts_at: times have no zone; write them as 2024-03-21T09:00:00Z, or give "
            "their zone with --timezone or as timezone for this folder in study.toml"
        )

    def test_in_french(self, tmp_path):
        with in_language("fr"):
            assert broken(tmp_path, events=FILES["events"].replace("0.4", "1.4")) == (
                "events.csv, colonne progress\u00a0: doit valoir au plus 1\u202f; "
                "1 enregistrement enfreint cette règle (enregistrement 1)"
            )

    def test_twice_none_and_unreadable(self, tmp_path):
        folder = write(tmp_path)
        pl.DataFrame({"x": [1]}).write_parquet(folder / "plan.parquet")
        assert broken(folder) == (
            f"{folder.name} holds the table plan as CSV and as Parquet; keep one of them"
        )
        (folder / "plan.csv").unlink()
        (folder / "plan.parquet").write_bytes(b"PAR1 and no more")
        with pytest.raises(SchemaError) as raised:
            canonical.read(folder, PARIS)
        assert str(raised.value) == "plan.parquet is not a Parquet file, or a damaged one; write it again"
        empty = tmp_path / "empty"
        empty.mkdir()
        assert not canonical.looks_like(empty)
        with pytest.raises(SchemaError, match=r"^empty holds no table; its files must be named"):
            canonical.read(empty, PARIS)

    def test_messages_hold_no_learner(self, tmp_path):
        text = broken(tmp_path, enrolments=FILES["enrolments"].replace("A2,G1", "Zoe Smith,G9"))
        assert "Zoe" not in text


def test_an_apostrophe_that_keeps_a_spreadsheet_from_computing_is_no_text(tmp_path):
    from flipstats.tables_out import guarded

    titles = ["=1+1", "@SUM(A1)", "+33 1", "'quoted'", "plain"]
    frame = pl.DataFrame(
        {"resource_id": ["R1", "R2", "R3", "R4", "R5"], "title": titles, "traced": [True] * 5}
    )
    written = guarded(frame).write_csv()
    assert written.count("'=") == written.count("'@") == written.count("'+") == 1
    resources = canonical.read(write(tmp_path, resources=written, plan=None), PARIS).tables["resources"]
    assert resources["title"].to_list() == titles
