"""A study as a roster: which arm each learner belongs to, with outcome and covariates."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flipstats.comparison.cells import numeric_columns
from flipstats.comparison.note import Name, Note, note, shown
from flipstats.comparison.outcomes import BASELINE_NAMES, baseline_of, covariate_of, outcome_of, started
from flipstats.comparison.question import Roster
from flipstats.comparison.table import checked_alone, with_a_group
from flipstats.errors import EmptyArmError, NotComputableError, ParameterError
from flipstats.i18n import t
from flipstats.study import Study

CLUSTERS = ("cohort_id", "trainer_id", "site")
ARMS = ("arm", "iteration")


def roster_of_study(
    study: Study,
    *,
    outcome: str,
    arm: str,
    treated: str,
    control: str,
    adjust: Sequence[str],
    cluster: str,
    band: str | None,
    assignment: str,
) -> Roster:
    """Turn a study into a roster of everyone ever enrolled in either arm, those who withdrew included.

    A learner enrolled in several cohorts of one arm belongs to the first; one enrolled in both arms is left
    out and counted. The baseline is taken wherever both arms have a positioning score.

    Raises
    ------
    ParameterError
        An arm, outcome, covariate or cluster that there is not.
    NotComputableError
        Nobody in the two arms has the outcome.
    DesignError
        Groups were drawn, and one arm has none.
    """
    cohorts = _cohorts(study, arm, treated, control, cluster)
    members, both = _members(study, cohorts)
    found, threats, warnings, measure = outcome_of(study, outcome, members)
    if found.is_empty():
        raise NotComputableError(t("compare.no_outcome_data", name=shown(Name("outcome", outcome))))
    members, ungrouped, alone = _placed(members, cohorts, cluster, assignment)
    active = started(study)
    frame = members.join(found, on="learner_id", how="left")
    columns = {
        "treated": frame["treated"],
        "cluster": frame["cluster"],
        "started": frame["learner_id"].is_in(active.implode())
        | (frame["outcome"].is_not_null() & (measure.kind != "binary")),
        "outcome": frame["outcome"],
    }
    covariates, band_values, notes = _covariates(study, members, adjust, band)
    columns["band"] = band_values
    titles = dict(cohorts.select("cluster", "title").rows()) if cluster == "cohort_id" else {}
    return Roster(
        pl.DataFrame(columns | covariates),
        titles={str(key): title for key, title in titles.items() if title},
        left_out=(("both_arms", both),) if both else (),
        ungrouped=ungrouped,
        single=_single(cohorts),
        separate_times=arm != "iteration" and _separate(cohorts),
        threats=(*threats, *_few_trainers(study, cohorts)),
        warnings=(*notes, *warnings),
        alone=alone,
        measure=measure,
    )


def _placed(
    members: pl.DataFrame, cohorts: pl.DataFrame, cluster: str, assignment: str
) -> tuple[pl.DataFrame, tuple[int, int], str | None]:
    """Give each member their group, leave out who has none where groups count; say which arm has none."""
    members = members.join(cohorts.select("cohort_id", "cluster"), on="cohort_id", how="left")
    alone = checked_alone(members["cluster"], members["treated"], cluster, assignment)
    if alone is None and assignment == "random_individual":
        return members, (0, 0), None
    kept, ungrouped = with_a_group(members, alone, cluster)
    return kept, ungrouped, alone


def _cohorts(study: Study, arm: str, treated: str, control: str, cluster: str) -> pl.DataFrame:
    if arm not in ARMS:
        raise ParameterError(t("compare.unknown_cluster", name=arm, known=", ".join(ARMS)))
    if cluster not in CLUSTERS:
        raise ParameterError(t("compare.unknown_cluster", name=cluster, known=", ".join(CLUSTERS)))
    cohorts = study.table("cohorts").with_columns(pl.col(arm).cast(pl.String).alias("_side")).collect()
    known = sorted(cohorts["_side"].drop_nulls().unique().to_list())
    for role, value in (("treated", treated), ("control", control)):
        if value not in known:
            raise EmptyArmError(
                t("compare.no_such_arm", role=role, value=value, known=", ".join(known) or t("compare.none"))
            )
    if treated == control:
        raise ParameterError(t("compare.same_arm", value=treated))
    return cohorts.filter(pl.col("_side").is_in([treated, control])).with_columns(
        (pl.col("_side") == treated).alias("treated"), pl.col(cluster).cast(pl.String).alias("cluster")
    )


def _members(study: Study, cohorts: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return ``learner_id, cohort_id, treated`` in the order of learners, and how many were in both arms."""
    enrolled = (
        study.table("enrolments")
        .collect()
        .join(cohorts.select("cohort_id", "treated", "starts_at"), on="cohort_id")
        .sort("learner_id", "enrolled_at", "starts_at", "cohort_id")
        .group_by("learner_id", maintain_order=True)
        .agg(
            pl.col("cohort_id").first(),
            pl.col("treated").first(),
            (pl.col("treated").n_unique() > 1).alias("both"),
        )
    )
    return enrolled.filter(~pl.col("both")).drop("both"), int(enrolled["both"].sum())


def _covariates(
    study: Study, members: pl.DataFrame, adjust: Sequence[str], band: str | None
) -> tuple[dict[str, pl.Series], pl.Series, list[Note]]:
    """Return the columns ``x:NAME``, the baseline first, the moderator, and what there is to say of them."""
    baseline, notes = baseline_of(study, members)
    wanted = {name for name in (*adjust, band) if name in BASELINE_NAMES}
    if baseline is None and wanted:
        raise NotComputableError(t("compare.no_baseline", name=sorted(wanted)[0]))
    columns: dict[str, pl.Series] = {}
    values: dict[str, pl.Series] = {}
    if baseline is not None:
        values["baseline"] = members.join(baseline, on="learner_id", how="left")["baseline"]
        columns["x:baseline"], filled = _filled(values["baseline"], members)
        notes += [note("baseline_filled", {"n": filled})] if filled else []
    for name in dict.fromkeys([*adjust, *([band] if band else [])]):
        if name in BASELINE_NAMES:
            continue
        values[name] = members.join(covariate_of(study, name), on="learner_id", how="left")[name]
        if name in adjust:
            columns |= {f"x:{key}": column for key, column in numeric_columns(values[name]).items()}
    if band is None:
        return columns, pl.Series([None] * members.height, dtype=pl.String), notes
    moderator = values["baseline" if band in BASELINE_NAMES else band]
    return columns, moderator.cast(pl.String), notes


def _filled(baseline: pl.Series, members: pl.DataFrame) -> tuple[pl.Series, int]:
    """Put the mean of the group where a baseline is unknown, and count where.

    Who never sat the positioning test is the likeliest to drop out: without them completion would be that of
    other people. The group's own mean leaves the group's baseline as it is.
    """
    mean = pl.col("baseline").mean().over("cohort_id")
    filled = members.with_columns(baseline.alias("baseline")).select(pl.col("baseline").fill_null(mean))
    return filled["baseline"], baseline.null_count() - filled["baseline"].null_count()


def _single(cohorts: pl.DataFrame) -> tuple[str, ...]:
    """What one arm has only one of, unlike the other; an arm with an unknown one is not accused."""
    out = []
    for what, column in (("trainer", "trainer_id"), ("site", "site")):
        arms = [cohorts.filter(pl.col("treated") == side)[column] for side in (True, False)]
        known = [set(arm) for arm in arms if arm.null_count() == 0]
        if len(known) == 2 and known[0] != known[1] and 1 in (len(known[0]), len(known[1])):
            out.append(what)
    return tuple(out)


def _few_trainers(study: Study, cohorts: pl.DataFrame) -> list[Note]:
    """Warn where an arm's trainers are known and fewer than the groups an arm must have."""
    arms = [cohorts.filter(pl.col("treated") == side)["trainer_id"] for side in (True, False)]
    known = [len(set(arm)) for arm in arms if arm.null_count() == 0 and len(arm)]
    few = study.thresholds.min_groups_per_arm
    return [note("threat_few_trainers", {"n": min(known)})] if known and 1 < min(known) < few else []


def _separate(cohorts: pl.DataFrame) -> bool:
    arms = [cohorts.filter(pl.col("treated") == side)["iteration"] for side in (True, False)]
    return all(arm.null_count() == 0 for arm in arms) and not set(arms[0]) & set(arms[1])
