"""The schema refuses what breaks it, with the table, the column, the rule and what was found."""

import datetime as dt

import polars as pl
import pytest

from flipstats import schema
from flipstats.errors import SchemaError

UTC = dt.UTC


def test_every_reference_points_to_a_key_of_a_table():
    for spec in schema.TABLES.values():
        for column in spec.columns:
            if column.refers_to:
                table, key = column.refers_to.split(".")
                assert key in schema.TABLES[table].key, (spec.name, column.name)


def test_every_column_is_described_in_both_languages():
    from flipstats.i18n import t

    for lang in ("en", "fr"):
        for spec in schema.TABLES.values():
            assert t(f"schema.table_{spec.name}", lang)
            for column in spec.columns:
                assert t(f"schema.column_{column.name}", lang)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"cohort": pl.DataFrame({"cohort_id": ["A"]})},
            "there is no table 'cohort'; did you mean 'cohorts'?",
        ),
        (
            {"cohorts": pl.DataFrame({"cohort_id": ["A"], "armm": ["x"]})},
            "table cohorts: unknown column 'armm'; did you mean 'arm'?",
        ),
        (
            {"learners": pl.DataFrame({"learner_id": ["A"]})},
            "table learners: the required column 'tracking' is missing",
        ),
        (
            {"learners": pl.DataFrame({"learner_id": ["A"], "tracking": ["yes"]})},
            "table learners, column tracking: must be one of traced, withdrawn, unlinked; "
            "1 rows break this, e.g. 'yes'",
        ),
        (
            {"cohorts": pl.DataFrame({"cohort_id": ["A", "A"]})},
            "table cohorts: the key (cohort_id) repeats, e.g. A",
        ),
        (
            {"enrolments": pl.DataFrame({"learner_id": ["L1"], "cohort_id": ["A"]})},
            "table enrolments, column learner_id: 'L1' is not in table learners",
        ),
        (
            {"cohorts": pl.DataFrame({"cohort_id": ["A"], "starts_at": [dt.datetime(2024, 1, 1)]})},
            "table cohorts: times in 'starts_at' have no zone; give UTC times, e.g. with dt.replace_time_zone",
        ),
        (
            {"changes": pl.DataFrame({"iteration": [-1], "what": ["x"]})},
            "table changes, column iteration: must be at least 0; 1 rows break this, e.g. '-1'",
        ),
    ],
)
def test_what_breaks_the_schema_is_refused(tables, message):
    with pytest.raises(SchemaError) as refused:
        schema.validate(tables)
    assert str(refused.value) == message


def test_not_a_number_is_refused():
    feedback = pl.DataFrame({"item": ["q"], "rating": [float("nan")]})
    with pytest.raises(SchemaError, match="column rating: must be a finite number"):
        schema.validate({"feedback": feedback})


def test_times_of_any_zone_become_utc():
    local = pl.DataFrame(
        {"cohort_id": ["A"], "starts_at": [dt.datetime(2024, 7, 1, 9, tzinfo=UTC)]}
    ).with_columns(pl.col("starts_at").dt.convert_time_zone("Europe/Paris"))
    out = schema.validate({"cohorts": local})["cohorts"].collect()
    assert out["starts_at"].to_list() == [dt.datetime(2024, 7, 1, 9, tzinfo=UTC)]
    assert out.schema["starts_at"] == schema.TIME


def test_absent_tables_are_empty_and_typed():
    out = schema.validate({})
    assert set(out) == set(schema.TABLES)
    assert all(frame.collect().height == 0 for frame in out.values())
