"""The same question to each engine: pairs opened in the window, by cohort and session, with its interval.

Each function takes the folder of raw Parquet files and that of the built study, and returns the same rows.
Each is an honest best effort for its engine, kept readable: events meet their learner's enrolment first,
then the window; what was opened is told apart by numbers of rows, not by texts. Libraries are imported by
`prepare`, before the clock starts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import polars as pl

Z2 = 1.959963984540054**2
KEYS = ["cohort_id", "session_id"]


def wilson(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the rate and Wilson's interval to ``opened`` and ``pairs``."""
    n, p = pl.col("pairs"), pl.col("opened") / pl.col("pairs")
    half = (p * (1 - p) / n + Z2 / (4 * n * n)).sqrt() * Z2**0.5
    return (
        rows.with_columns(
            value=p,
            low=(p + Z2 / (2 * n) - half) / (1 + Z2 / n),
            high=(p + Z2 / (2 * n) + half) / (1 + Z2 / n),
        )
        .select(*KEYS, "opened", "pairs", "value", "low", "high")
        .sort(KEYS)
    )


def flipstats_build(raw: Path, out: Path, *, facts: bool = False) -> None:
    """Turn the raw tables into a stored study: ids coded, events in learner buckets."""
    from flipstats.facts import maker
    from flipstats.study import Study

    def times(name: str, *columns: str) -> pl.LazyFrame:
        utc = pl.from_epoch(pl.col(*columns), "us").dt.replace_time_zone("UTC")
        return pl.scan_parquet(raw / f"{name}.parquet").with_columns(utc)

    tables = {
        "learners": pl.scan_parquet(raw / "learners.parquet").with_columns(tracking=pl.lit("traced")),
        "cohorts": pl.scan_parquet(raw / "cohorts.parquet"),
        "enrolments": times("enrolments", "enrolled_at"),
        "sessions": times("sessions", "starts_at", "ends_at").with_columns(kind=pl.lit("session")),
        "resources": pl.scan_parquet(raw / "resources.parquet").with_columns(traced=pl.lit(value=True)),
        "plan": times("plan", "released_at").with_columns(phase=pl.lit("pre"), mandatory=pl.lit(value=True)),
        "events": times("events", "at").with_columns(verb=pl.lit("viewed")),
    }
    source = {"source_id": ["log"], "file": ["events.parquet"], "sha256": ["0"], "format": ["canonical"]}
    source |= {f"rows_{part}": [0] for part in ("read", "kept", "merged", "set_aside")}
    covered = {"source_id": ["log"], "level": ["opened"], "basis": ["declared"]}
    end = pl.lit(datetime(2026, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")).alias("covers_to")
    tables |= {"sources": pl.DataFrame(source), "coverage": pl.DataFrame(covered).with_columns(end)}
    study = Study.from_frames(programme={"id": "benchmark"}, **tables)
    study.save(out, facts=maker(study) if facts else None)


def flipstats(_raw: Path, built: Path) -> pl.DataFrame:
    """Stage one on the stored study, bucket by bucket; of the facts, what the rates need."""
    from flipstats.facts import collect, facts
    from flipstats.store import Store
    from flipstats.tables import TABLES

    store = Store(built)
    small = {name: store.physical(name).collect().lazy() for name in ("enrolments", "sessions", "plan")}
    counts = pl.concat(
        collect(
            facts(bucket, **small)
            .filter(pl.col("n") > 0)
            .group_by("session_id")
            .agg(pl.len().alias("opened"))
        )
        for bucket in store.buckets()
    )
    opened = counts.group_by("session_id").agg(pl.col("opened").sum())
    sizes = small["enrolments"].group_by("cohort_id").agg(pl.len().alias("learners"))
    due = small["plan"].group_by("session_id").agg(pl.len().alias("due"))
    rows = (
        small["sessions"]
        .select(KEYS)
        .join(sizes, on="cohort_id")
        .join(due, on="session_id")
        .join(opened.lazy(), on="session_id", how="left")
        .select(
            *KEYS,
            pl.col("opened").fill_null(0).cast(pl.Int64),
            (pl.col("learners") * pl.col("due")).cast(pl.Int64).alias("pairs"),
        )
    )
    columns = tuple(column for column in TABLES["sessions"].columns if column.kind == "id")
    return wilson(store.decode(rows, columns).collect())


def duckdb(raw: Path, _built: Path) -> pl.DataFrame:
    """Hand-tuned SQL on the raw Parquet: joins in the order written, distinct on numbers of rows."""
    import duckdb as engine

    with engine.connect() as base:
        base.execute("SET disabled_optimizers = 'join_order'")
        for name in ("enrolments", "sessions", "plan", "events"):
            base.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{raw / (name + '.parquet')}')")
        base.execute(
            """
            CREATE TABLE due AS SELECT row_number() OVER () AS pair, session_id, cohort_id, resource_id,
                released_at, starts_at FROM plan JOIN sessions USING (session_id)
            """
        )
        base.execute("CREATE TABLE people AS SELECT row_number() OVER () AS person, * FROM enrolments")
        found = base.execute(
            """
            WITH seen AS (
                SELECT DISTINCT pair, person
                FROM events
                JOIN people USING (learner_id)
                JOIN due ON due.cohort_id = people.cohort_id AND due.resource_id = events.resource_id
                WHERE events.at >= released_at AND events.at >= enrolled_at AND events.at < starts_at
            ),
            opened AS (SELECT session_id, count(*) AS opened FROM seen JOIN due USING (pair) GROUP BY ALL),
            sizes AS (SELECT cohort_id, count(*) AS learners FROM people GROUP BY ALL)
            SELECT cohort_id, session_id, coalesce(any_value(opened), 0) AS opened,
                   any_value(learners) * count(*) AS pairs
            FROM due JOIN sizes USING (cohort_id) LEFT JOIN opened USING (session_id)
            GROUP BY cohort_id, session_id
            """
        )
        rows = pl.from_arrow(found.to_arrow_table())
    return wilson(rows.with_columns(pl.col("opened", "pairs").cast(pl.Int64)))


def chdb(raw: Path, _built: Path) -> pl.DataFrame:
    """ClickHouse in process: the table on the right of each join is hashed, the events stream by."""
    import chdb as engine

    def file(name: str) -> str:
        return f"file('{raw / (name + '.parquet')}', Parquet)"

    due = f"""(
        SELECT session_id, cohort_id, resource_id, released_at, starts_at, rowNumberInAllBlocks() AS pair
        FROM {file("plan")} AS plan JOIN {file("sessions")} AS sessions USING (session_id)
    )"""
    people = f"(SELECT *, rowNumberInAllBlocks() AS person FROM {file('enrolments')})"
    found = engine.query(
        f"""
        WITH due AS {due},
        met AS (
            SELECT events.resource_id AS resource_id, at, cohort_id, enrolled_at, person
            FROM {file("events")} AS events JOIN {people} AS people ON people.learner_id = events.learner_id
        ),
        opened AS (
            SELECT session_id, count() AS opened FROM (
                SELECT DISTINCT session_id, pair, person
                FROM met JOIN due ON due.cohort_id = met.cohort_id AND due.resource_id = met.resource_id
                WHERE at >= released_at AND at >= enrolled_at AND at < starts_at
            ) GROUP BY session_id
        ),
        sizes AS (SELECT cohort_id, count() AS learners FROM {file("enrolments")} GROUP BY cohort_id),
        needed AS (SELECT cohort_id, session_id, count() AS resources FROM due GROUP BY cohort_id, session_id)
        SELECT needed.cohort_id AS cohort_id, needed.session_id AS session_id,
               toInt64(opened.opened) AS opened, toInt64(learners * resources) AS pairs
        FROM needed JOIN sizes ON sizes.cohort_id = needed.cohort_id
        LEFT JOIN opened ON opened.session_id = needed.session_id
        """,
        "Parquet",
    )
    rows = pl.read_parquet(found.bytes())
    texts = [pl.col(name).cast(pl.String) for name in KEYS]
    return wilson(rows.with_columns(*texts, pl.col("opened").fill_null(0)))


def pandas(raw: Path, _built: Path) -> pl.DataFrame:
    """pandas on texts of Arrow: columns that are not needed go before each join."""
    import pandas as pd

    names = ("enrolments", "sessions", "plan", "events")
    tables = {name: pd.read_parquet(raw / f"{name}.parquet") for name in names}
    due = tables["plan"].merge(tables["sessions"][["session_id", "cohort_id", "starts_at"]], on="session_id")
    people = tables["enrolments"].rename_axis("person").reset_index()
    windows = due[["cohort_id", "resource_id", "released_at", "starts_at"]].rename_axis("pair").reset_index()
    met = tables["events"].merge(people, on="learner_id").drop(columns="learner_id")
    met = met.merge(windows, on=["cohort_id", "resource_id"])
    met = met[
        (met["at"] >= met["released_at"]) & (met["at"] >= met["enrolled_at"]) & (met["at"] < met["starts_at"])
    ]
    seen = met[["pair", "person"]].drop_duplicates()
    opened = due["session_id"].loc[seen["pair"]].value_counts()
    sizes = people.groupby("cohort_id").size()
    rows = due.groupby(KEYS, as_index=False).size()
    rows["pairs"] = rows["size"] * rows["cohort_id"].map(sizes)
    rows["opened"] = rows["session_id"].map(opened).fillna(0).astype("int64")
    counts = pl.from_pandas(rows[[*KEYS, "opened", "pairs"]])
    return wilson(counts.with_columns(pl.col("opened", "pairs").cast(pl.Int64)))


def floor(raw: Path, _built: Path) -> pl.DataFrame:
    """Scan the events, and one group-by: the least any engine can do."""
    return (
        pl.scan_parquet(raw / "events.parquet")
        .group_by("resource_id")
        .agg(pl.col("at").max())
        .collect(engine="streaming")
    )


ENGINES = {"flipstats": flipstats, "duckdb": duckdb, "pandas": pandas, "chdb": chdb, "floor": floor}
LIBRARIES = {"flipstats": "flipstats.facts", "build": "flipstats.facts", "floor": "polars"}


def prepare(name: str) -> None:
    """Import what an engine needs."""
    import_module(LIBRARIES.get(name, name))
