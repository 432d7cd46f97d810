"""A study for whoever puts many questions to it: its tables read once."""

from __future__ import annotations

import polars as pl

from flipstats import schema
from flipstats.study import Study

_MOST = 2_000_000  # rows of events, or of facts; more stay where they lie


def in_memory(study: Study) -> Study:
    """Return a study with its tables in memory, events and facts only where they are not very many.

    Examples
    --------
    >>> study = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]}))
    >>> in_memory(study).table("cohorts").collect().height
    1
    """
    few, facts = _few(study.table("events")), study.stored_facts
    tables = {
        name: study.table(name) if name == "events" and not few else study.table(name).collect().lazy()
        for name in schema.TABLES
    }
    if facts is not None and _few(facts):
        facts = facts.collect().lazy()
    return Study(
        tables,
        study.file,
        stored_facts=facts,
        path=study.path,
        store=study.store,
        provenance=study.provenance,
        role=study.role,
        served=study.served,
        coded=None if study.coded is study else lambda: in_memory(study.coded),
        parts=None if few else study.event_parts,
    )


def _few(rows: pl.LazyFrame) -> bool:
    return rows.select(pl.len()).collect(engine="streaming").item() <= _MOST
