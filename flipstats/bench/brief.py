"""The brief of a session: what its trainer should know that morning. Content only, no word of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from flipstats import metrics
from flipstats.bench.prepared import pairs, states
from flipstats.bench.results import Blocking, Brief, Came, Part, TakeUp, ToPrepare, Unprepared
from flipstats.errors import ParameterError, did_you_mean
from flipstats.headline import prepared_depth
from flipstats.i18n import t
from flipstats.intervals import wilson
from flipstats.study import Study

MOST_NAMED = 16  # learners listed; a sheet of paper holds no more
MOST_ITEMS = 5
MOST_ASKED = 4
LONGEST_QUESTION = 180  # characters
LONGEST_TITLE = 48


def brief_of(study: Study, session: str | None = None, *, role: str = "research") -> Brief:
    """Make the brief of a session.

    Parameters
    ----------
    study : Study
        The study, or a selection of cohorts.
    session : str, optional
        Its id; by default the next one after the study speaks until, else the last one, of those that
        something had to be prepared for, where there is any.
    role : {"research", "trainer"}
        Who will read it: a trainer sees no share of fewer learners than the smallest cell among questions.

    Returns
    -------
    Brief

    Raises
    ------
    ParameterError
        No such session, or a reader who may not see single learners.

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> print(str(brief_of(study(), "S1"))[:94])
    Session 1 of G1, 4 Mar 2024, 09:00. 4 learners are enrolled. 2 of 4 have prepared everything (
    """
    role = role if study.role == "research" else study.role
    if role not in ("research", "trainer"):
        raise ParameterError(t("brief.not_for", role=role))
    chosen, row = _choose(study, session)
    if row is None:
        return Brief(None, silent="no_sessions")
    part = study.select(cohorts=[row["cohort_id"]])
    brief = replace(_of_session(part, row), chosen=chosen)
    brief = replace(brief, **_preparation(part, brief), **_blocking(part, brief, role), **_asked(part, brief))
    return replace(brief, take_up=_take_up(part, brief))


def _choose(study: Study, session: str | None) -> tuple[str | None, dict | None]:
    held = study.table("sessions").filter(kind="session").sort("starts_at", "session_id").collect()
    if session:
        found = held.filter(session_id=session)
        if not found.height:
            near = did_you_mean(session, held["session_id"].to_list())
            key = "brief.no_session_near" if near else "brief.no_session"
            raise ParameterError(t(key, session=repr(session), near=repr(near)))
        return "asked", found.row(0, named=True)
    if not held.height:
        return None, None
    owed = study.table("plan").filter(pl.col("phase") == "pre", pl.col("mandatory")).collect()
    prepared = held.join(owed, on="session_id", how="semi", maintain_order="left")
    held = prepared if prepared.height else held
    later = held.filter(pl.col("starts_at") >= study.as_of) if study.as_of else held.clear()
    if later.height:
        return "next", later.row(0, named=True)
    return "last", held.row(-1, named=True)


def _of_session(part: Study, row: dict) -> Brief:
    title = part.table("cohorts").collect()["title"][0]
    starts = pl.lit(row["starts_at"])
    present = part.table("enrolments").filter(
        pl.col("enrolled_at").is_null() | (pl.col("enrolled_at") <= starts),
        pl.col("withdrawn_at").is_null() | (pl.col("withdrawn_at") > starts),
    )
    return Brief(
        None,
        session_id=row["session_id"],
        cohort_id=row["cohort_id"],
        cohort=_cut(title or row["cohort_id"], LONGEST_TITLE),
        number=row["sequence"],
        title=_cut(row["title"] or "", LONGEST_TITLE),
        modality=row["modality"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        zone=part.programme.timezone,
        enrolled=present.select(pl.col("learner_id").n_unique()).collect().item(),
        earlier=_earlier(part, row["starts_at"]),
        level=part.thresholds.confidence_level,
    )


def _earlier(part: Study, before: datetime) -> tuple[Came, ...]:
    """Return who came to each session before; a sheet that says two things of a learner takes the better."""
    came = pl.col("status").is_in(["present", "late"])
    rows = (
        part.table("sessions")
        .filter(pl.col("kind") == "session", pl.col("starts_at") < before)
        .join(part.table("attendance").filter(pl.col("status") != "not_taken"), on="session_id")
        .group_by("sequence", "session_id", "starts_at", "learner_id")
        .agg(came.any())
        .group_by("sequence", "session_id", "starts_at")
        .agg(pl.col("status").sum().alias("came"), pl.len().alias("told"))
        .sort("starts_at")
        .collect()
    )
    return tuple(Came(row["sequence"], row["came"], row["told"]) for row in rows.iter_rows(named=True))


# ------------------------------------------------------------------------------------------- preparation


def _preparation(part: Study, brief: Brief) -> dict[str, object]:
    needed = part.table("plan").filter(
        pl.col("session_id") == brief.session_id, pl.col("phase") == "pre", pl.col("mandatory")
    )
    if not needed.select(pl.len()).collect().item():
        return {"silent": "no_plan" if not part.has("plan") else "not_applicable"}
    depth = prepared_depth(part)
    if depth is None:
        return {"silent": "no_coverage"}
    found = pairs(part, depth)
    mine = found.filter(session_id=brief.session_id)
    until = mine["told"].min()
    if until is None:
        return {"silent": "no_coverage", "depth": depth}
    by_state = states(found)
    here = by_state.filter(session_id=brief.session_id)
    counts = {state: here.filter(state=state).height for state in ("prepared", "part", "none", "unknown")}
    whole = here["whole"].sum()  # who is known in part can only be seen to have something undone
    resources = _resources(part, mine)
    listed = _unprepared(part, by_state, brief, [one.resource_id for one in resources])
    return {
        "depth": depth,
        "told_until": datetime.fromtimestamp(until / 1e6, UTC),
        "counts": counts,
        "prepared": _part(part, counts["prepared"], whole),
        "unprepared": listed[:MOST_NAMED],
        "unprepared_more": max(0, len(listed) - MOST_NAMED),
        "resources": resources,
    }


def _part(study: Study, some: int, known: int) -> Part:
    if not known:
        return Part(0, 0)
    low, high = wilson(some, known, study.thresholds.confidence_level)
    return Part(some, known, float(low), float(high))


def _unprepared(
    part: Study, by_state: pl.DataFrame, brief: Brief, resources: Sequence[str]
) -> tuple[Unprepared, ...]:
    """List who has something undone: nothing done first, then who came unprepared most often before."""
    earlier = part.table("sessions").filter(pl.col("starts_at") < brief.starts_at).select("session_id")
    undone = pl.col("state").is_in(["part", "none"])
    before = (
        by_state.filter(pl.col("state") != "unknown")
        .join(earlier.collect(), on="session_id", how="semi")
        .group_by("learner_id")
        .agg(undone.sum().alias("some"), pl.len().alias("known"))
    )
    rows = (
        by_state.filter(undone, session_id=brief.session_id)
        .join(before, on="learner_id", how="left")
        .with_columns(pl.col("some", "known").fill_null(0))
        .sort(pl.col("state") == "part", -pl.col("some").cast(pl.Int64), "learner_id")
    )
    return tuple(
        Unprepared(
            row["learner_id"],
            row["state"],
            tuple(sorted(resources.index(resource) + 1 for resource in row["missing"])),
            Part(row["some"], row["known"]),
        )
        for row in rows.iter_rows(named=True)
    )


def _resources(part: Study, mine: pl.DataFrame) -> tuple[ToPrepare, ...]:
    counts = (
        mine.group_by("resource_id")
        .agg(pl.col("done").sum(), pl.col("known").sum())
        .join(part.table("resources").collect(), on="resource_id", how="left")
        .sort("resource_id")
    )
    return tuple(
        ToPrepare(
            row["resource_id"],
            _cut(row["title"] or row["resource_id"], LONGEST_TITLE),
            row["kind"],
            row["length_min"],
            _part(part, row["done"], row["known"]),
        )
        for row in counts.iter_rows(named=True)
    )


# ---------------------------------------------------------------------------- questions, what was asked


def _blocking(part: Study, brief: Brief, role: str) -> dict[str, object]:
    tests = part.table("assessments").filter(role="pre_quiz", session_id=brief.session_id).collect()
    if not tests.height:
        return {"items_silent": "no_pre_quiz"}
    rows = metrics.blocking_points(part, ["session_id", "assessment_id", "item_id"], role=role)
    rows = rows.filter(pl.col("session_id") == brief.session_id).join(
        tests.select("assessment_id", pl.coalesce("title", "assessment_id").alias("·test")),
        on="assessment_id",
    )
    rates = rows.filter(pl.col("statistic") == "rate")
    told = rates.filter(pl.col("value").is_not_null(), pl.col("numerator") > 0)
    if not rates["value"].is_not_null().any():
        reasons = rates["reason"].drop_nulls().to_list()
        return {"items_silent": reasons[0] if reasons else "no_item_attempts"}
    flagged = rows.filter(statistic="flagged", value=1).select("assessment_id", "item_id")
    sure = set(flagged.iter_rows())
    items = tuple(
        Blocking(
            _cut(row["·test"], LONGEST_TITLE),
            _cut(row["item_id"], LONGEST_TITLE),
            Part(row["numerator"], row["denominator"], row["low"], row["high"]),
            (row["assessment_id"], row["item_id"]) in sure,
        )
        for row in told.iter_rows(named=True)
    )
    return {"items": items[:MOST_ITEMS]}


def _asked(part: Study, brief: Brief) -> dict[str, object]:
    rows = (
        part.table("feedback")
        .filter(
            pl.col("session_id") == brief.session_id,
            pl.col("phase") == "pre",
            pl.col("comment").str.strip_chars().str.len_chars() > 0,
        )
        .unique(["item", "comment"])
        .sort("at", "item", "comment", nulls_last=True)
        .collect()
    )
    said = [
        (_cut(row["item"] or "", LONGEST_TITLE), _cut(row["comment"], LONGEST_QUESTION))
        for row in rows.iter_rows(named=True)
    ]
    return {"asked": tuple(said[:MOST_ASKED]), "asked_more": max(0, len(said) - MOST_ASKED)}


def _cut(text: str, longest: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def _take_up(part: Study, brief: Brief) -> tuple[TakeUp, ...]:
    """Rank what to take up again by what is sure: the lower end of each interval."""
    limits = part.thresholds
    items = [TakeUp("item", one.item, one.failed, one.sure, one.assessment) for one in brief.items]
    undone = [
        (one, _part(part, one.done.known - one.done.some, one.done.known))
        for one in brief.resources
        if one.done.some < one.done.known
    ]
    resources = [
        TakeUp(
            "resource",
            one.title,
            left,
            left.known >= limits.blocking_attempts and (left.low or 0) > limits.blocking_share,
        )
        for one, left in undone
    ]
    found: Sequence[TakeUp] = sorted([*items, *resources], key=lambda one: -(one.part.low or 0))
    return tuple(found[:MOST_ITEMS])
