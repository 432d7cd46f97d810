"""A study whose events stayed on another machine: what facts tell is the same, what they do not is no zero."""

from __future__ import annotations

import polars as pl
import pytest
import worked_class

from flipstats import metrics, schema
from flipstats.engines import make
from flipstats.engines.taking import take
from flipstats.study import Study, open_study

OF_FACTS = ("consultation_rate", "prepared_rate", "preparation_spread", "late_preparation_rate", "lead_time")
OF_EVENTS = (
    "resource_reach", "pace", "study_slot_use", "off_hours_share", "participation_rate", "consolidation_rate",
    "dropout", "autonomy", "access_failure_rate", "abandonment_after_failure",
)  # fmt: skip


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Study:
    folder, class_ = tmp_path_factory.mktemp("bare"), worked_class.study()
    make(study=class_, out=folder / "facts.parquet")
    tables = {name: class_.table(name) for name in schema.TABLES}
    tables["events"] = tables["events"].filter(pl.lit(value=False))
    Study(tables, class_.file, provenance=class_.provenance).save(folder / "study")
    take(folder / "study", folder / "facts.parquet")
    return open_study(folder / "study")


@pytest.mark.parametrize("key", OF_FACTS)
def test_what_facts_tell_is_told(bare, key):
    asked = metrics.compute(worked_class.study(), key, ["session_id"])
    assert metrics.compute(bare, key, ["session_id"]).equals(asked)


@pytest.mark.parametrize("key", OF_EVENTS)
def test_what_only_events_tell_is_not_computable(bare, key):
    for by in ([], ["cohort_id"]):
        assert metrics.compute(worked_class.study(), key, by)["value"].drop_nulls().len() > 0
        rows = metrics.compute(bare, key, by)
        assert set(rows["reason"]) == {"events_elsewhere"}
        assert rows["value"].null_count() == rows.height > 0
        assert not rows["statistic"].str.contains("bound").any()


def test_no_other_indicator_answers_otherwise_without_the_events(bare):
    """But for downloads: without any in the study, its sources may not tell them from looks."""
    changed = set()
    for key in metrics.METRICS:
        here, there = (metrics.compute(one, key) for one in (worked_class.study(), bare))
        numbers = ["value", "low", "high", "coverage"]
        same = here.height == there.height and here["reason"].equals(there["reason"])
        if not same or not ((here[numbers].to_numpy() - there[numbers].to_numpy()) ** 2 < 1e-18).all(
            where=here[numbers].select(pl.all().is_not_null()).to_numpy()
        ):
            changed.add(key)
    assert changed == {*OF_EVENTS, "offline_share"}
