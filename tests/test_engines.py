"""One code of stage one: equal facts on polars, pandas, DuckDB and Spark, and equal to plain loops."""

from __future__ import annotations

import fact_cases
import polars as pl
import pytest
import worked_class
from fact_engines import KEYS, on_polars, physical

from flipstats import facts, metrics
from flipstats.study import Study

COLUMNS = [name for name in facts.COLUMNS if name not in KEYS]
INDICATORS = (
    "consultation_rate",
    "prepared_rate",
    "preparation_spread",
    "lead_time",
    "late_preparation_rate",
)


def in_order(found: pl.DataFrame) -> list[tuple]:
    """Rows in order of their keys, of the types of facts: an empty result of pandas has no types of its own."""
    types = {name: pl.Int64 if dtype == facts.TIME else dtype for name, dtype in facts.TYPES.items()}
    frame = found.select(*KEYS, *COLUMNS).with_columns(pl.col(pl.Float64).fill_nan(None)).cast(types)
    return frame.sort(KEYS).rows()


@pytest.mark.parametrize("ids", ["texts", "numbers", "codes"])
def test_facts_of_every_case_are_those_of_plain_loops(engine, ids):
    tables = fact_cases.all_cases()
    expected = fact_cases.brute(tables)
    assert len(expected) > 80
    if ids == "texts":
        assert in_order(engine(tables)) == expected
    else:
        asked = fact_cases.numbered(tables, pl.UInt32 if ids == "codes" else pl.Int64)
        assert in_order(fact_cases.named(engine(asked), tables)) == expected


def test_without_a_calendar_lateness_ends_after_days_of_24_hours(engine):
    tables = fact_cases.without_local_lateness(fact_cases.all_cases())
    assert in_order(engine(tables)) == fact_cases.brute(tables)


@pytest.mark.parametrize("table", ["events", "enrolments", "sessions", "plan", "all"])
def test_an_empty_table_gives_no_facts(engine, table):
    none, tables = fact_cases.empty(), fact_cases.all_cases()
    tables = none if table == "all" else tables | {table: none[table]}
    assert in_order(engine(tables)) == []


def test_indicators_on_the_facts_of_each_engine_agree(engine):
    busy = worked_class.study()
    tables = physical(busy, coded=False)
    made = [facts.with_instants(run(tables).lazy().select(*KEYS, *COLUMNS)) for run in (on_polars, engine)]
    here, there = (Study(busy._tables, busy.file, stored_facts=one.collect().lazy()) for one in made)
    for name in INDICATORS:
        expected, found = (metrics.compute(one, name, by=["session_id"]) for one in (here, there))
        numbers = [column for column, dtype in expected.schema.items() if dtype == pl.Float64]
        assert expected["value"].is_not_null().any(), name
        assert found.drop(numbers).equals(expected.drop(numbers)), name
        for column in numbers:
            assert ((found[column] - expected[column]).abs().max() or 0) <= 1e-9, (name, column)
            assert found[column].is_null().equals(expected[column].is_null()), (name, column)
