"""Facts that another machine made become a study's own: stage two then works on them here."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from flipstats import facts
from flipstats.engines.needed import first_line
from flipstats.errors import InputError, SchemaError, StudyError
from flipstats.i18n import t
from flipstats.study import Study, open_study

_PAIR = ["session_id", "resource_id"]


def take(folder: Path | str, file: Path | str) -> int:
    """Put facts into a study, as its new snapshot, in place of those made of its own events.

    Parameters
    ----------
    folder : path
        The study: its roster, sessions, plan and coverage say what the facts are of.
    file : path
        What ``flipstats facts … --out`` wrote on another machine, of the same ids.

    Returns
    -------
    int
        How many facts there are.

    Raises
    ------
    InputError, SchemaError
        The file is not one of facts, or not of this study.
    StudyError
        The study is an export for a role.

    Notes
    -----
    A later `flipstats build` makes facts of the study's own events again; take the file once more after it.
    """
    folder, file = Path(folder), Path(file)
    study = open_study(folder)
    if study.role != "research":
        raise StudyError(t("engines.of_export", role=study.role))
    made = _read(file)
    _check(study, made)
    with file.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    study.save(
        folder, facts=made, provenance={"facts_from": {"file": file.name, "sha256": digest, "at": now}}
    )
    return made.select(pl.len()).collect().item()


def _read(file: Path) -> pl.LazyFrame:
    if not file.is_file():
        raise InputError(t("engines.no_file", table="facts", found=file))
    found = pl.scan_parquet(file)
    try:
        types = found.collect_schema()
    except pl.exceptions.PolarsError as problem:
        raise InputError(t("engines.not_parquet", file=file, problem=first_line(problem))) from None
    wanted = {**dict.fromkeys(facts.KEYS, pl.String), **facts.TYPES}
    wrong = [name for name, dtype in wanted.items() if types.get(name) != dtype]
    if wrong:
        given = types.get(wrong[0], t("engines.empty"))
        raise SchemaError(
            t("engines.no_facts", file=file, column=wrong[0], type=wanted[wrong[0]], found=given)
        )
    return found.select(facts.COLUMNS)


def _check(study: Study, made: pl.LazyFrame) -> None:
    """Hold facts against the study they are to be of: whose they are, of what, and when."""
    plan = study.table("plan").filter(pl.col("phase") == "pre").select(_PAIR)
    cohort = study.table("sessions").select("session_id", "cohort_id", "starts_at")
    roster = study.table("enrolments").select("learner_id", "cohort_id")
    starts = made.join(cohort, on="session_id", how="left")
    late = pl.col("late_first_at") < pl.col("starts_at")
    early = (pl.col("last_at") >= pl.col("starts_at")) | (pl.col("first_at") > pl.col("last_at"))
    counts = [pl.col(name) < 0 for name in ("n", "downloads", "milliseconds", "late_n")]
    measures = pl.any_horizontal(
        *counts, ~pl.col("progress").is_between(0, 1), pl.col("downloads") > pl.col("n")
    )
    rules = {
        "not_planned": made.join(plan, on=_PAIR, how="anti"),
        "not_enrolled": starts.join(roster, on=["learner_id", "cohort_id"], how="anti"),
        "repeated": made.group_by(facts.KEYS).len().filter(pl.col("len") > 1),
        "out_of_window": starts.filter(late.fill_null(value=False) | early.fill_null(value=False)),
        "no_measure": made.filter(measures.fill_null(value=False)),
    }
    for rule, broken in rules.items():
        if n := broken.select(pl.len()).collect(engine="streaming").item():
            raise SchemaError(t(f"engines.{rule}", n=n))
