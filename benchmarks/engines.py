"""The same question to each engine: pairs opened in the window, by cohort and session, with its interval.

Each function takes the folder of raw Parquet files and that of the built study, and returns the same rows.
Each is an honest best effort for its engine, kept readable.
"""

from __future__ import annotations

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


def flipstats_build(raw: Path, out: Path) -> None:
    """Turn the raw tables into a stored study: ids coded, events in learner buckets."""
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
    Study.from_frames(programme={"id": "benchmark"}, **tables).save(out)


def flipstats(_raw: Path, built: Path) -> pl.DataFrame:
    """Stage one on the stored study, bucket by bucket, then the rates."""
    from flipstats.facts import collect, facts
    from flipstats.store import Store
    from flipstats.tables import TABLES

    store = Store(built)
    small = {name: store.physical(name).collect().lazy() for name in ("enrolments", "sessions", "plan")}
    counts = pl.concat(
        collect(facts(bucket, **small))
        .filter(pl.col("n") > 0)
        .group_by("session_id")
        .agg(pl.len().alias("opened"))
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
    """Hand-tuned SQL on the raw Parquet: small tables joined first, events met by learner, then by window."""
    import duckdb as engine

    with engine.connect() as base:
        base.execute("SET disabled_optimizers = 'join_order'")
        for name in ("enrolments", "sessions", "plan", "events"):
            base.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{raw / (name + '.parquet')}')")
        found = base.execute(
            """
            WITH due AS (
                SELECT session_id, cohort_id, resource_id, released_at, starts_at
                FROM plan JOIN sessions USING (session_id)
            ),
            opened AS (
                SELECT session_id, count(*) AS opened FROM (
                    SELECT DISTINCT due.session_id, events.learner_id, events.resource_id
                    FROM events
                    JOIN enrolments USING (learner_id)
                    JOIN due ON due.cohort_id = enrolments.cohort_id AND due.resource_id = events.resource_id
                    WHERE events.at >= greatest(due.released_at, enrolments.enrolled_at)
                      AND events.at < due.starts_at
                ) GROUP BY session_id
            ),
            sizes AS (SELECT cohort_id, count(*) AS learners FROM enrolments GROUP BY cohort_id)
            SELECT cohort_id, session_id, coalesce(any_value(opened), 0) AS opened,
                   any_value(learners) * count(*) AS pairs
            FROM due JOIN sizes USING (cohort_id) LEFT JOIN opened USING (session_id)
            GROUP BY cohort_id, session_id
            """
        )
        rows = pl.from_arrow(found.to_arrow_table())
    return wilson(rows.with_columns(pl.col("opened", "pairs").cast(pl.Int64)))


def pandas(raw: Path, _built: Path) -> pl.DataFrame:
    """pandas, with categorical keys so that the joins are on integers."""
    import pandas as pd

    tables = {
        name: pd.read_parquet(raw / f"{name}.parquet")
        for name in ("enrolments", "sessions", "plan", "events")
    }
    due = tables["plan"].merge(tables["sessions"][["session_id", "cohort_id", "starts_at"]], on="session_id")
    events = tables["events"].merge(tables["enrolments"], on="learner_id")
    met = events.merge(due, on=["cohort_id", "resource_id"])
    met = met[
        (met["at"] >= met["released_at"]) & (met["at"] >= met["enrolled_at"]) & (met["at"] < met["starts_at"])
    ]
    opened = met.drop_duplicates(["session_id", "learner_id", "resource_id"]).groupby("session_id").size()
    sizes = tables["enrolments"].groupby("cohort_id").size()
    rows = due.groupby(KEYS, as_index=False).size()
    rows["pairs"] = rows["size"] * rows["cohort_id"].map(sizes)
    rows["opened"] = rows["session_id"].map(opened).fillna(0).astype("int64")
    return wilson(
        pl.from_pandas(rows[[*KEYS, "opened", "pairs"]]).with_columns(
            pl.col("opened", "pairs").cast(pl.Int64)
        )
    )


def floor(raw: Path, _built: Path) -> pl.DataFrame:
    """Scan the events, and one group-by: the least any engine can do."""
    return (
        pl.scan_parquet(raw / "events.parquet")
        .group_by("resource_id")
        .agg(pl.col("at").max())
        .collect(engine="streaming")
    )


ENGINES = {"flipstats": flipstats, "duckdb": duckdb, "pandas": pandas, "floor": floor}
