"""flipstats facts: study folders and foreign tables, on every engine; what it refuses, and what it takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import duckdb
import fact_cases
import polars as pl
import pytest
import studies
from test_cli import run  # noqa: F401 (fixture)

from flipstats import facts
from flipstats.study import open_study

KEYS = list(facts.KEYS)
TABLES = ("events", "enrolments", "sessions", "plan")
ENGINES = ("polars", "pandas", "duckdb")


def rows_of(file) -> list[tuple]:
    return pl.read_parquet(file).select(facts.COLUMNS).sort(KEYS).rows()


def made_by_hand() -> studies.Rows:
    starts = studies.at("2024-03-18 09:00")
    seen = [{"learner_id": who, "resource_id": what, "at": starts.replace(day=day), "seconds": 61.5, "progress": 0.4}
            for who in "ab" for what in ("R1", "R2") for day in (16, 17, 19)]  # fmt: skip
    return studies.small(events=seen)


@pytest.fixture
def folder(tmp_path):
    study = studies.study(made_by_hand())
    study.save(tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def warehouse(tmp_path):
    """Tables as a warehouse has them, of `fact_cases`: instants with a zone."""
    tables = fact_cases.without_local_lateness(fact_cases.all_cases())
    times = ("at", "enrolled_at", "starts_at", "ends_at", "released_at")
    for name, frame in tables.items():
        mine = [pl.from_epoch(c, "us").dt.replace_time_zone("UTC") for c in times if c in frame.columns]
        tables[name] = frame.with_columns(mine)
        tables[name].write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path, tables


def named(folder, suffix="parquet", **others) -> list[str]:
    places = {name: str(folder / f"{name}.{suffix}") for name in TABLES} | others
    return [part for name, place in places.items() for part in (f"--{name}", place)]


@pytest.mark.parametrize("engine", [*ENGINES, "spark"])
def test_a_study_folder_on_each_engine(run, folder, tmp_path, engine, request):  # noqa: F811
    if engine == "spark":
        request.getfixturevalue("spark_session")
    asked = ["--engine", engine, "--out", tmp_path / "f.parquet", "--json"]
    code, out, err = run("facts", folder, *asked)
    assert code == 0, err
    told = json.loads(out)
    expected = facts.of_study(open_study(folder)).select(facts.COLUMNS).collect()
    assert rows_of(tmp_path / "f.parquet") == expected.sort(KEYS).rows()
    assert {k: told[k] for k in ("engine", "rows", "learners", "events", "late", "facts")} == {
        "engine": engine, "rows": 4, "learners": 2, "events": 8, "late": 4, "facts": str(tmp_path / "f.parquet"),
    }  # fmt: skip
    assert pl.read_parquet_schema(tmp_path / "f.parquet") == {**dict.fromkeys(KEYS, pl.String), **facts.TYPES}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.parquet", "study"]


@pytest.mark.parametrize("engine", [*ENGINES, "spark"])
def test_foreign_parquet_on_each_engine_gives_the_rows_of_plain_loops(run, warehouse, engine, request):  # noqa: F811
    folder, _ = warehouse
    if engine == "spark":
        request.getfixturevalue("spark_session")
    code, _, err = run("facts", *named(folder), "--engine", engine, "--out", folder / "f.parquet")
    assert (code, err) == (0, "")
    found = pl.read_parquet(folder / "f.parquet").with_columns(pl.col(facts.TIME_COLUMNS).dt.epoch("us"))
    expected = fact_cases.brute(fact_cases.without_local_lateness(fact_cases.all_cases()))
    assert found.select(*facts.COLUMNS).sort(KEYS).rows() == expected


def test_foreign_csv_and_a_duckdb_database(run, warehouse):  # noqa: F811
    folder, tables = warehouse
    with duckdb.connect(folder / "base.duckdb") as base:
        base.execute("CREATE SCHEMA lms")
        for name, frame in tables.items():
            frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%d %H:%M:%S%.6f%z")
            base.register("given", frame)
            base.execute(f"CREATE TABLE lms.{name} AS SELECT * FROM given")
            base.unregister("given")
    database = [part for name in TABLES for part in (f"--{name}", f"lms.{name}")]
    database += ["--engine", "duckdb", "--database", folder / "base.duckdb"]
    assert run("facts", *named(folder), "--out", folder / "1.parquet")[0] == 0
    assert run("facts", *named(folder, "csv"), "--out", folder / "2.parquet")[::2] == (0, "")
    assert run("facts", *database, "--out", folder / "3.parquet")[::2] == (0, "")
    assert rows_of(folder / "1.parquet") == rows_of(folder / "2.parquet") == rows_of(folder / "3.parquet")


def test_a_table_of_a_spark_catalogue(run, warehouse, spark_session):  # noqa: F811
    folder, tables = warehouse
    for name, frame in tables.items():
        from flipstats.engines import spark

        spark.give(spark_session, frame).createOrReplaceTempView(f"lms_{name}")
    places = [part for name in TABLES for part in (f"--{name}", f"lms_{name}")]
    assert run("facts", *places, "--engine", "spark", "--out", folder / "s.parquet")[::2] == (0, "")
    assert run("facts", *named(folder), "--out", folder / "p.parquet")[0] == 0
    assert rows_of(folder / "s.parquet") == rows_of(folder / "p.parquet")


def test_lateness_ends_by_the_days_of_a_zone(run, tmp_path):  # noqa: F811
    utc = {name: datetime(2024, *when, tzinfo=UTC) for name, when in {
        "starts": (3, 28, 8), "ends": (3, 28, 11), "seen": (4, 4, 10, 30)}.items()}  # fmt: skip
    frames = {
        "events": {"learner_id": ["a"], "resource_id": ["R"], "at": [utc["seen"]], "verb": ["viewed"]},
        "enrolments": {"learner_id": ["a"], "cohort_id": ["A"]},
        "sessions": {"session_id": ["S"], "cohort_id": ["A"], "starts_at": [utc["starts"]], "ends_at": [utc["ends"]]},
        "plan": {"session_id": ["S"], "resource_id": ["R"]},
    }  # fmt: skip
    for name, columns in frames.items():
        pl.DataFrame(columns).write_parquet(tmp_path / f"{name}.parquet")
    for zone, rows in ((["--timezone", "Europe/Paris"], 0), ([], 1)):  # the clocks went forward in between
        code, out, _ = run("facts", *named(tmp_path), *zone, "--json")
        assert (code, json.loads(out)["rows"]) == (0, rows)


def broken(folder, tables, name, change):
    change(tables[name]).write_parquet(folder / f"{name}.parquet")


NAIVE = "give timestamps with a zone, ISO 8601 with an offset, or whole microseconds since 1970 UTC\n"
FAULTS = [
    ("events", lambda f: f.with_columns(pl.col("at").dt.replace_time_zone(None)), "table events: times in 'at' have no zone; " + NAIVE),
    ("sessions", lambda f: f.with_columns(pl.col("ends_at").dt.replace_time_zone(None)), "table sessions: times in 'ends_at' have no zone; " + NAIVE),
    ("events", lambda f: f.drop("verb"), "table events: the column 'verb' is missing; there are learner_id, resource_id, at, seconds, progress\n"),
    ("events", lambda f: f.rename({"learner_id": "learnerid"}), "table events: the column 'learner_id' is missing; is it 'learnerid'? Rename it, e.g. in a view\n"),
    ("sessions", lambda f: f.with_columns(pl.lit("soon").alias("starts_at")), "table sessions: the column 'starts_at' must hold timestamps with a zone, or whole microseconds since 1970 UTC; found String\n"),
    ("enrolments", lambda f: pl.concat([f, f.head(1)]), "table enrolments: the key (learner_id, cohort_id) repeats, e.g. boundaries-a / boundaries-A; each fact would count twice\n"),
    ("events", lambda f: f.with_columns(pl.lit("veiwed").alias("verb")), "table events: 'veiwed' (505 events) is not a verb; did you mean 'viewed'?\n"),
    ("events", lambda f: f.with_columns(pl.when(pl.col("resource_id").is_not_null()).then("at")), "table events: 61 events have no time\n"),
    ("plan", lambda f: f.with_columns(pl.int_range(pl.len()).alias("resource_id")), "resource_id is a number in one of the tables events and plan and a text in the other: they would never meet\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), FAULTS, ids=range(len(FAULTS)))
@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_table_that_would_mislead_is_refused(run, warehouse, engine, name, change, message):  # noqa: F811
    folder, tables = warehouse
    broken(folder, tables, name, change)
    code, out, err = run("facts", *named(folder), "--engine", engine, "--out", folder / "f.parquet")
    assert (code, out, err) == (1, "", message)
    assert not [p for p in folder.iterdir() if "f.parquet" in p.name]


def test_a_csv_without_zones_is_refused(run, warehouse):  # noqa: F811
    folder, tables = warehouse
    for name, frame in tables.items():
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%d %H:%M:%S%.6f")
    code, out, err = run("facts", *named(folder, "csv"))
    assert (code, out, err) == (1, "", "table events: times in 'at' have no zone; " + NAIVE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--events", "e.parquet"], "--enrolments is missing"),
        (["--engine", "polar"], "there is no engine 'polar'"),
        (["--master", "local[2]"], "--master is for --engine spark"),
        (["--database", "x.duckdb"], "--database is for --engine duckdb"),
        (["--timezone", "Paris"], "there is no time zone 'Paris'"),
        (["--take", "x.parquet"], "name its folder"),
    ],
)
def test_wrong_usage_is_told_apart_from_wrong_data(run, folder, arguments, says):  # noqa: F811
    study = [] if arguments[0] in ("--events", "--take") else [folder]
    code, out, err = run("facts", *study, *arguments)
    assert (code, out) == (2, "")
    assert says in " ".join(err.replace("│", " ").split())


def test_tables_that_are_not_there(run, folder, tmp_path):  # noqa: F811
    code, _, err = run("facts", folder, "--events", "lms.events")
    assert (code, err) == (1, "table events: lms.events is not a Parquet or CSV file that is there; a table by its name needs --engine duckdb with --database, or --engine spark\n")  # fmt: skip
    code, _, err = run("facts", folder, "--events", "lms.events", "--engine", "duckdb")
    assert code == 1
    assert err.startswith(
        "table events cannot be opened: Catalog Error: Table with name lms.events does not exist"
    )
    code, _, err = run("facts", tmp_path / "nowhere")
    assert code == 1


def test_facts_made_elsewhere_become_those_of_a_study(run, folder, tmp_path):  # noqa: F811
    """The events lie in a warehouse, the study has none: facts of both give the same answers."""
    whole = open_study(folder)
    whole.table("events").collect().write_parquet(tmp_path / "events.parquet")
    without = studies.study(made_by_hand() | {"events": []})
    without.save(tmp_path / "empty")
    there = ["--events", tmp_path / "events.parquet", "--engine", "duckdb", "--out", tmp_path / "f.parquet"]
    assert run("facts", tmp_path / "empty", *there)[::2] == (0, "")
    code, out, _ = run("facts", tmp_path / "empty", "--take", tmp_path / "f.parquet", "--json")
    assert (code, json.loads(out)["rows"]) == (0, 4)
    asked = ["--metric", "consultation_rate", "--by", "session_id", "--format", "json"]
    taken, known = (json.loads(run("metrics", where, *asked)[1]) for where in (tmp_path / "empty", folder))
    assert taken == known
    assert any(row["value"] for row in taken)
    assert open_study(tmp_path / "empty").facts_from == "f.parquet"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.with_columns(pl.lit("R9").alias("resource_id")), "4 facts are of a session and resource that this study's plan does not have as preparation: the file is of another study, or of an older plan\n"),
        (lambda f: f.with_columns(pl.lit("zoe").alias("learner_id")), "4 facts are of learners who are not enrolled in the session's cohort: the file is of another study, or was made with other pseudonyms\n"),
        (lambda f: pl.concat([f, f]), "4 facts are there more than once for a learner, session and resource\n"),
        (lambda f: f.with_columns(pl.col("last_at").dt.offset_by("9d")), "4 facts have times on the wrong side of the session's start: it was planned for another time when they were made\n"),
        (lambda f: f.with_columns(pl.col("n") - 9), "4 facts hold impossible numbers: counts below zero, more downloads than events, or a share outside 0–1\n"),
        (lambda f: f.drop("n"), "{file} does not hold facts: column 'n' must be Int64, found (empty); make it with flipstats facts … --out\n"),
    ],
)  # fmt: skip
def test_facts_of_another_study_are_not_taken(run, folder, tmp_path, change, message):  # noqa: F811
    file = tmp_path / "f.parquet"
    change(facts.of_study(open_study(folder)).select(facts.COLUMNS).collect()).write_parquet(file)
    code, out, err = run("facts", folder, "--take", file)
    assert (code, out, err) == (1, "", message.format(file=file))
    assert open_study(folder).facts_from is None
