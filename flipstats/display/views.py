"""From a study to the blocks that answer one question: the indicator, its figure, or why there is none."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import polars as pl

from flipstats import figures, metrics
from flipstats.display.blocks import Html, figure, notice
from flipstats.headline import prepared_depth
from flipstats.i18n import catalogue, has, t

if TYPE_CHECKING:
    from flipstats.figures import Picture
    from flipstats.study import Study

BANDS = ("early", "fortnight", "week", "few_days", "last_day", "last_hour")  # as time runs to the session
BEST = "best"


def arm_words(arm: str | None) -> str:
    """Return how people call an arm: a word we know is translated, another stays."""
    key = f"compare.name_{arm}"
    return "–" if arm is None else t(key) if has(key) else arm


def in_arm_words() -> pl.Expr:
    """Return the column ``arm`` as people call it.

    The words are found here and not by `map_elements`: polars may call that in a thread of its own, where
    the language is another.
    """
    known = [key.removeprefix("compare.name_") for key in catalogue("en") if key.startswith("compare.name_")]
    return pl.col("arm").cast(pl.String).replace({arm: arm_words(arm) for arm in known}).fill_null("–")


def depth_of(study: Study, depth: str = BEST) -> str | None:
    """Return the depth to show: the one asked, else the deepest that sources tell, up to *substantial*."""
    if depth != BEST:
        return depth
    return prepared_depth(study)


# ------------------------------------------------------------------------------------------- preparation


def preparation(study: Study, *, depth: str = BEST, role: str = "research") -> Html:
    """Show preparation: session by session, group by group, and how long before.

    Parameters
    ----------
    study : Study
    depth : {"best", "opened", "substantial", "completed"}
        How far learners went; by default the deepest the sources can tell.
    role : {"research", "manager", "trainer"}
        Who will read it: small groups are hidden outside research.
    """
    shown = depth_of(study, depth)
    if shown is None:
        return notice(
            metrics.reason_text("no_coverage"),
            label=t("report.not_computable"),
            remedy=t("report.remedy_trace"),
        )
    views = (prepared_by_session, consulted_heatmap, lead_times)
    return Html("".join(_or_notice(view(study, shown, role)) for view in views))


def prepared_by_session(study: Study, depth: str, role: str = "research") -> Picture | str:
    """Return learners who came prepared, by session, iterations apart where there are several."""
    iterations = study.table("cohorts").collect()["iteration"].drop_nulls().n_unique()
    series = "iteration" if iterations > 1 else "arm"
    rows = metrics.prepared_rate(study, by=[series, "sequence"], depth=depth, role=role)
    if (silent := _nothing(rows, "all")) is not None:
        return silent
    named = {i: t("report.iteration_n", n=i) for i in rows[series].unique() if series == "iteration"}
    words = in_arm_words() if series == "arm" else pl.col(series).replace_strict(named, default=None)
    return figures.preparation_by_session(
        rows.with_columns(words.alias(series)),
        series=series,
        treated=arm_words(study.design.treated) if series == "arm" else None,
        statistic="all",
        measure=t(f"report.measure_prepared_{depth}"),
    )


def consulted_heatmap(study: Study, depth: str, role: str = "research") -> Picture | str:
    """Return how much of the preparation was consulted, by session and group."""
    rows = metrics.consultation_rate(study, by=["cohort_id", "session_id"], depth=depth, role=role)
    if (silent := _nothing(rows, "rate")) is not None:
        return silent
    return figures.preparation_heatmap(
        rows,
        sessions=study.table("sessions").collect(),
        cohorts=_cohorts(study),
        treated=study.design.treated,
        measure=t(f"report.measure_consulted_{depth}"),
    )


def lead_times(study: Study, depth: str, role: str = "research") -> Picture | str:
    """Return how long before the session those who prepared last worked on it."""
    rows = metrics.lead_time(study, depth=depth, role=role)
    if (silent := _nothing(rows, "median")) is not None:
        return silent
    limits = {
        name: f"{value:g}" if isinstance(value, float) else value
        for name, value in asdict(study.thresholds).items()
    }
    shares = {row["statistic"]: row for row in rows.iter_rows(named=True)}
    bands = [
        {
            **shares[f"share_{band}"],
            "band": t(f"metrics.stat_share_{band}", **limits),
            "short": t(f"report.band_{band}", **limits),
        }
        for band in BANDS
    ]
    return figures.lead_time_bands(
        pl.DataFrame(bands, schema_overrides=dict(rows.schema)),
        median_days=shares["median"]["value"] / 24,
        unprepared=shares["share_not_prepared"]["value"],
    )


# ---------------------------------------------------------------------------------------------- readiness


def readiness(study: Study, *, role: str = "research") -> Html:
    """Show scores at the start of sessions, by session and arm, and how many answered."""
    rows = metrics.start_score(study, by=["arm", "sequence"], role=role)
    if (silent := _nothing(rows, "mean")) is not None:
        return Html(_or_notice(silent))
    named = rows.with_columns(in_arm_words())
    picture = figures.start_scores(named, series="arm", treated=arm_words(study.design.treated))
    return figure(picture)


def completion(study: Study, *, role: str = "research") -> Html:
    """Show completion by arm, with its groups."""
    return Html(_or_notice(completion_picture(study, role)))


def completion_picture(study: Study, role: str = "research") -> Picture | str:
    """Return completion by arm and group, or why there is none."""
    arms = metrics.completion_rate(study, by=["arm"], role=role).filter(pl.col("statistic") == "rate")
    if (silent := _nothing(arms, "rate")) is not None:
        return silent
    groups = metrics.completion_rate(study, by=["cohort_id"], role=role).filter(pl.col("statistic") == "rate")
    named = groups.join(_cohorts(study), on="cohort_id", how="left")
    words = in_arm_words()
    return figures.completion_by_arm(
        arms.with_columns(words),
        named.select(words, "value", group=pl.col("title").fill_null(pl.col("cohort_id")), n="denominator"),
        treated=arm_words(study.design.treated),
    )


def _cohorts(study: Study) -> pl.DataFrame:
    return study.table("cohorts").select("cohort_id", "title", "arm", "iteration").collect()


def _nothing(rows: pl.DataFrame, statistic: str) -> str | None:
    """Return the sentence that says why no row of a statistic has a value; None where one has."""
    asked = rows.filter(pl.col("statistic") == statistic)
    if asked["value"].is_not_null().any():
        return None
    reasons = asked["reason"].drop_nulls().unique(maintain_order=True).to_list()
    telling = [reason for reason in reasons if reason != "not_applicable"] or reasons or ["no_coverage"]
    return metrics.reason_text(telling[0])


def _or_notice(shown: Picture | str) -> str:
    return notice(shown, label=t("report.not_computable")) if isinstance(shown, str) else figure(shown)
