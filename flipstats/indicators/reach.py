"""How far resources reach: who opens them, how much is seen, whether long ones lose: indicator 17."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from flipstats import facts
from flipstats.effects.correlation import spearman
from flipstats.facts import BEFORE_ALL, local_days
from flipstats.indicators.answer import Part, answer
from flipstats.indicators.consultation import NEEDS, ROW_THRESHOLDS
from flipstats.indicators.definition import COHORT_GROUPS, LEARNER_GROUPS, RESOURCE_GROUPS, Definition
from flipstats.indicators.groups import enrolled, groups_among
from flipstats.indicators.looks import LEARNER, PAIR, visits, windows
from flipstats.indicators.question import ALL, Question, ask, roster, sessions
from flipstats.indicators.reasons import SESSIONS, first_missing, reasons_of
from flipstats.indicators.rows import bounds, quantiles, shares
from flipstats.study import Study

RETENTION = {"retention_25": 0.25, "retention_50": 0.5, "retention_75": 0.75, "retention_95": 0.95}
_FLAGS = {"long": "long_resource_min", "too_long": "too_long_resource_min"}
_RELATIONS = {"length_and_reach": "reach", "length_and_seen": "seen"}


def resource_reach(
    study: Study,
    by: Sequence[str] = (),
    *,
    depth: str | None = None,
    role: str = "research",
    level: float | None = None,
) -> pl.DataFrame:
    """How many of those a resource is meant for open it, how much of it they see, and what length does.

    Ask by ``resource_id``. Meant for: the learners on the roster of a session that the plan gives the
    resource, in whatever phase, mandatory or not; each once a cohort. Opened: looked at from release or
    enrolment to 7 days after the session, 14 days where it is for afterwards. A resource that nobody opened
    stays in the table.

    Parameters
    ----------
    study, role, level
        As in `consultation_rate`.
    by : sequence of str
        ``arm, iteration, cohort_id, trainer_id, site, resource_id, learner_id`` and covariates ``x_…``.
    depth : None
        Has no meaning here.

    Returns
    -------
    DataFrame
        As in `consultation_rate`, counting learners × cohorts × resources; ``statistic`` is

        - "reach": opened over known (bounds where less than 80 % are known; unknown as there);
        - "median_seen": of those who opened it, the median of the largest share each has seen, 0–1, bootstrap
          interval; who opened it where the source tells how far learners go, and shows no share, has 0;
        - "retention_25", "retention_50", "retention_75", "retention_95": of the same, those who have seen at
          least that much, and bounds as above;
        - "rewatch": of those who opened it, those who came back on another occasion (10 min without a trace);
        - "length": announced minutes, the median of several; exact, so without interval;
        - "long", "too_long": of the resources with a length, those of more than 10, of more than 15 minutes;
          of one resource 1 or 0; bounds where less than 80 % have a length;
        - "length_and_reach", "length_and_seen": Spearman's correlation of length with reach and with the
          median share seen, over at least 8 resources, Fisher's interval: for resources like these.

        Shares have Wilson's interval, by learner, from 10 cohorts on by cohort.

    Raises
    ------
    ParameterError
        A grouping, role or level that there is not, or a depth.

    References
    ----------
    Edusign (2026), "maximum 10 to 15 minutes… too long… will simply be ignored"; PAIRENNE (2025),
    "idéalement 5 à 10 minutes".

    Examples
    --------
    >>> from flipstats.indicators.example import study
    >>> rows = resource_reach(study(), ["resource_id"]).filter(statistic="reach")
    >>> rows.select("resource_id", "value", "numerator", "denominator", "unknown").rows()[:2]
    [('T1', 0.75, 3, 4, 0), ('T2', 0.6666666666666666, 2, 3, 1)]
    """
    question = ask(study, RESOURCE_REACH, by, depth=depth, role=role, level=level)
    groups, found = _groups(question), _cells(question)
    known, looked, far = pl.col("known"), pl.col("looked"), pl.col("far")
    reach = shares(question, found, "reach", None, yes=looked, of=known, unknown=~known)
    parts = [reach, *bounds(question, found, reach, low=looked, high=looked | ~known, total=known | ~known)]
    parts += _seen(question, found)
    again = looked & pl.col("again")
    rewatch = shares(question, found, "rewatch", None, yes=again, of=looked, unknown=~known, known=known)
    most = {"low": again, "high": again | ~known, "total": looked | ~known}
    nobody = pl.when(pl.col("coverage") > 0).then(pl.lit("nobody_opened")).otherwise(pl.lit("no_coverage"))
    parts += [replace(rewatch, otherwise=nobody), *bounds(question, found, rewatch, **most)]
    resources = found.group_by(list(dict.fromkeys([*question.keys, "resource_id"]))).agg(
        pl.col("length_min").first().alias("length"),
        (looked.sum() / known.sum()).fill_nan(None).alias("reach"),
        pl.col("share").filter(far).median().alias("seen"),
    )
    learners = found.group_by(question.keys).agg(pl.col("learner_id").n_unique().cast(pl.Int64).alias("n"))
    parts += _lengths(question, resources, learners)
    parts += [_relation(question, resources, learners, name) for name in _RELATIONS]
    missing = first_missing(question, (*SESSIONS, ("plan", "no_plan")))
    return answer(question, groups, parts, {None: reasons_of(question, groups, found, missing, None)})


def _groups(question: Question) -> pl.DataFrame:
    """Return the groups: all that the plan gives something, whether anybody opened it or not."""
    study = question.study
    base = roster(study) if question.of_learners else study.table("cohorts")
    if question.of_resources:
        base = base if question.of_learners else sessions(study)
        plan = study.table("plan").select("session_id", "resource_id").unique()
        base = base.join(plan, on="session_id", how="inner")
    return groups_among(question, base)


def _planned(study: Study) -> pl.LazyFrame:
    """Return what the plan gives each session, in whatever phase, with the columns of `requirements`."""
    limits, zone = study.thresholds, study.programme.timezone
    after = local_days(pl.col("ends_at"), limits.consolidation_days, zone).dt.epoch("us")
    times = facts.with_late_until(sessions(study).with_columns(after.alias("after")), zone, limits)
    until = pl.when(pl.col("phase") == "post").then("after").otherwise("late_until")
    released = pl.col("released_at").dt.epoch("us").fill_null(BEFORE_ALL)
    return (
        study.table("plan")
        .join(times.select("session_id", "cohort_id", "starts_at", "late_until", "after"), on="session_id")
        .with_columns(until.alias("until"), released.alias("released"))
        .group_by("session_id", "resource_id")
        .agg(
            pl.col("cohort_id", "starts_at").first(),
            pl.col("until").max().alias("late_until"),
            pl.col("released").min(),
        )
        .with_columns(
            pl.min_horizontal(pl.max_horizontal("starts_at", "released"), "late_until").alias("starts")
        )
        .join(study.table("resources").select("resource_id", "traced", "length_min"), on="resource_id")
        .select(
            "session_id", "resource_id", "cohort_id", "starts", "late_until", "released",
            "traced", "length_min",
        )
    )  # fmt: skip


def _cells(question: Question) -> pl.DataFrame:
    """Return each learner, cohort and resource: ``known, looked, again``; ``far``, of the known ``share``."""
    study = question.study
    within = windows(study, _planned(study))
    told = study.table("events").filter(pl.col("progress").is_not_null()).select("resource_id").unique()
    found = (
        within.group_by(PAIR)
        .agg(pl.col("length_min").first(), pl.col("opened", "timeable").all())
        .join(visits(study, within), on=PAIR, how="left")
        .join(told.with_columns(pl.lit(value=True).alias("told")), on="resource_id", how="left")
        .with_columns(pl.col("again", "offline", "told").fill_null(value=False))
        .with_columns((pl.col("opened") & ~pl.col("offline")).alias("known"))
        .with_columns((pl.col("known") & pl.col("first").is_not_null()).alias("looked"))
        .with_columns((pl.col("looked") & pl.col("timeable") & pl.col("told")).alias("far"))
        .join(enrolled(question), on=LEARNER, how="inner")
        .with_columns(pl.when("far").then(pl.col("seen").fill_null(0.0)).alias("share"))
        .collect()
    )
    return found if question.by else found.with_columns(pl.lit(0).alias(ALL))


def _seen(question: Question, found: pl.DataFrame) -> list[Part]:
    """Return how much those who opened it have seen: the median, and who was still there where."""
    known, far, share = pl.col("known"), pl.col("far"), pl.col("share")
    unknown = ~known | (pl.col("looked") & ~far)
    median, *_ = quantiles(question, found, None, value=share, known=far, unknown=unknown)
    parts = [replace(median, statistic="median_seen", otherwise=pl.lit("no_share_seen"))]
    for name, at in RETENTION.items():
        yes = far & (share >= at).fill_null(value=False)
        part = shares(question, found, name, None, yes=yes, of=far, unknown=unknown)
        parts.append(replace(part, otherwise=pl.lit("no_share_seen")))
        parts += bounds(question, found, part, low=yes, high=yes | unknown, total=far | unknown)
    return parts


def _lengths(question: Question, resources: pl.DataFrame, learners: pl.DataFrame) -> list[Part]:
    """Return the announced length, and which resources are long."""
    length, limits = pl.col("length"), question.study.thresholds
    over = {name: length > getattr(limits, limit) for name, limit in _FLAGS.items()}
    counted = resources.group_by(question.keys).agg(
        length.median().alias("middle"),
        length.count().cast(pl.Int64).alias("denominator"),
        length.null_count().cast(pl.Int64).alias("unknown"),
        *(is_over.sum().cast(pl.Int64).alias(name) for name, is_over in over.items()),
    )
    value = {name: (pl.col(name) / pl.col("denominator")).fill_nan(None) for name in over}
    parts = [
        _about_resources(
            question,
            statistic,
            counted.with_columns(
                made.alias("value"),
                (pl.col(statistic) if statistic in over else pl.lit(None, pl.Int64)).alias("numerator"),
            ),
            learners,
            otherwise="no_lengths",
        )
        for statistic, made in {"length": pl.col("middle"), **value}.items()
    ]
    return [one for part in parts for one in (part, *(_ends(question, part) if part.share else ()))]


def _ends(question: Question, of: Part) -> list[Part]:
    """Return the bounds of a share of resources: none, or all, of those without a length over the limit."""
    weak = of.frame.filter(pl.col("coverage") < question.study.thresholds.coverage_bounds_below)
    total = pl.col("denominator") + pl.col("unknown")
    over = {"low": pl.col("numerator"), "high": pl.col("numerator") + pl.col("unknown")}
    return [
        replace(
            of,
            statistic=f"{of.statistic}_bound_{end}",
            frame=weak.with_columns(
                (count / total).alias("value"), count.alias("numerator"), total.alias("denominator")
            ),
            bounds=of.statistic,
        )
        for end, count in over.items()
    ]


def _relation(question: Question, resources: pl.DataFrame, learners: pl.DataFrame, statistic: str) -> Part:
    """Return the correlation of length with one thing, where enough resources have both."""
    of, limits = _RELATIONS[statistic], question.study.thresholds
    rows = []
    for key, part in resources.group_by(question.keys, maintain_order=True):
        both = part.drop_nulls(["length", of])
        found = None
        if both.height >= limits.relation_resources:
            found = spearman(both["length"].to_numpy(), both[of].to_numpy(), level=question.level)
        known = (found.value, found.low, found.high) if found else (None, None, None)
        rows.append((*key, *known, both.height, part.height - both.height))
    columns = [(name, resources.schema[name]) for name in question.keys]
    columns += [(name, pl.Float64) for name in ("value", "low", "high")]
    columns += [(name, pl.Int64) for name in ("denominator", "unknown")]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    frame = frame.with_columns(pl.lit(None, pl.Int64).alias("numerator"))
    return _about_resources(
        question, statistic, frame, learners, otherwise="few_resources", enough=limits.relation_resources
    )


def _about_resources(
    question: Question,
    statistic: str,
    frame: pl.DataFrame,
    learners: pl.DataFrame,
    *,
    otherwise: str,
    enough: int | None = None,
) -> Part:
    """Return rows that count resources; ``n`` is whom they are meant for, so that small cells stay hidden."""
    low = {"low", "high"} - set(frame.columns)
    known, all_of_them = pl.col("denominator"), pl.col("denominator") + pl.col("unknown")
    done = (
        frame.join(learners, on=question.keys, how="left", nulls_equal=True)
        .with_columns(pl.lit(None, pl.Float64).alias(name) for name in sorted(low))
        .with_columns(
            pl.when(all_of_them > 0).then(known / all_of_them).alias("coverage"),
            pl.when(pl.col("low").is_not_null()).then(pl.lit("fisher_z")).alias("interval"),
        )
        .select(*question.keys, *Part.COLUMNS)
    )
    why = pl.lit(otherwise)
    if enough is not None:
        why = pl.when(pl.col("denominator") < enough).then(why).otherwise(pl.lit("all_alike"))
    return Part(statistic, None, done, share=statistic in _FLAGS, otherwise=why)


RESOURCE_REACH = Definition(
    key="resource_reach",
    version=2,
    unit="share",
    direction="more",
    needs=NEEDS,
    thresholds=(
        "late_days", "consolidation_days", "idle_gap_min", *_FLAGS.values(), "relation_resources",
        *ROW_THRESHOLDS, "bootstrap_draws",
    ),
    statistics=("reach", "median_seen", *RETENTION, "rewatch", "length", *_FLAGS, *_RELATIONS),
    groups=(*COHORT_GROUPS, *RESOURCE_GROUPS, *LEARNER_GROUPS),
    depths=(),
    function=resource_reach,
    number="17",
    source="Edusign (2026); PAIRENNE (2025)",
    of_events=True,
    family="indicators_reach",
    units={"length": "min", **dict.fromkeys(_RELATIONS, "correlation")},
)  # fmt: skip
