"""Stage one: events become one row per learner, session and resource, on any engine.

Written once in Narwhals expressions: polars by default; pandas and DuckDB give the same rows, and Spark is
meant to. Times inside are Int64 microseconds since 1970 UTC and keys are whatever the tables use (coded
integers or strings), because no engine-neutral arithmetic exists for instants, and integers join several
times faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import narwhals as nw
import polars as pl
from narwhals.typing import IntoFrame

from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.errors import SchemaError
from flipstats.i18n import t
from flipstats.schema import COMPLETING_VERBS, OPENING_VERBS, TIME, VERBS
from flipstats.store import FACTS, Store
from flipstats.study import Study

DAY_US = 86_400_000_000
BEFORE_ALL = -(2**53)  # exact as a float too: pandas turns integers with gaps into floats
# A pause shows the content open, whatever was recorded before the window began.
CONSULTING_VERBS = (*OPENING_VERBS, *COMPLETING_VERBS, "paused")
KEYS = ("learner_id", "session_id", "resource_id")
_CODES = (nw.UInt8, nw.UInt16, nw.UInt32)
_SECONDS_LIMIT = 1e9
_SMALL = {
    "enrolments": ("learner_id", "cohort_id", "enrolled_at"),
    "sessions": ("session_id", "cohort_id", "starts_at", "ends_at"),
    "plan": ("session_id", "resource_id", "phase", "released_at"),
}
_TIMES = {
    "events": ("at",),
    "enrolments": ("enrolled_at",),
    "sessions": ("starts_at", "ends_at"),
    "plan": ("released_at",),
}
TIME_COLUMNS = ("first_at", "last_at", "late_first_at")
TYPES = {
    **dict.fromkeys(("n", "downloads"), pl.Int64),
    **dict.fromkeys(("first_at", "last_at"), TIME),
    "milliseconds": pl.Int64,
    "progress": pl.Float64,
    **dict.fromkeys(("completed", "declared"), pl.Boolean),
    "late_n": pl.Int64,
    "late_first_at": TIME,
}
COLUMNS = (*KEYS, *TYPES)
_made: WeakKeyDictionary[Study, pl.LazyFrame] = WeakKeyDictionary()


def facts(
    events: IntoFrame,
    enrolments: IntoFrame,
    sessions: IntoFrame,
    plan: IntoFrame,
    thresholds: Thresholds = DEFAULTS,
) -> IntoFrame:
    """Reduce events to what each learner did with each resource before, and late for, each session.

    Parameters
    ----------
    events, enrolments, sessions, plan : polars, pandas, DuckDB or Spark frame
        The tables of the schema, all of one engine. Ids are integers or strings; times are Int64
        microseconds since 1970 UTC; ``verb`` is a word of `schema.VERBS` or its position there. `sessions`
        may carry ``late_until``, the end of lateness by the local calendar; without it late days are of 24 h.
    thresholds : Thresholds
        ``late_days`` is used.

    Returns
    -------
    frame of the same engine, lazy where the engine is
        One row per learner × session × resource of the session's preparation with an event in
        [max(release, enrolment), end + late days]:
        ``learner_id, session_id, resource_id``; then, up to the start of the session, ``n`` consulting
        events, of them ``downloads``, ``first_at, last_at`` (µs), ``milliseconds`` (sum, null without
        durations),
        ``progress`` (largest, 0–1), ``completed`` and ``declared``; and, from the start on,
        ``late_n`` and ``late_first_at`` (µs).

    Raises
    ------
    SchemaError
        A time is not an integer.

    Notes
    -----
    Events meet the enrolment first: with the plan joined to the enrolments every engine builds
    learners × sessions × resources. On polars collect with `collect`; on DuckDB disable the optimiser
    ``join_order``. Durations are summed as whole milliseconds: sums and quotients of floats differ from
    engine to engine in the last digit.

    Examples
    --------
    >>> hour = 3_600_000_000
    >>> found = facts(
    ...     pl.LazyFrame({"learner_id": [7], "resource_id": [1], "at": [hour], "verb": ["viewed"],
    ...                   "seconds": [90.0], "progress": [0.4]}),
    ...     pl.LazyFrame({"learner_id": [7], "cohort_id": [3], "enrolled_at": [0]}),
    ...     pl.LazyFrame(
    ...         {"session_id": [5], "cohort_id": [3], "starts_at": [2 * hour], "ends_at": [4 * hour]}
    ...     ),
    ...     pl.LazyFrame({"session_id": [5], "resource_id": [1], "phase": ["pre"], "released_at": [0]}),
    ... )
    >>> found.collect().select("learner_id", "session_id", "n", "milliseconds", "progress").row(0)
    (7, 5, 1, 90000, 0.4)
    """
    tables = {
        name: nw.from_native(frame).lazy() if isinstance(frame, pl.DataFrame) else nw.from_native(frame)
        for name, frame in zip(_TIMES, (events, enrolments, sessions, plan), strict=True)
    }
    _check_times(tables)
    windows = _windows(tables["sessions"], tables["plan"], thresholds)
    enrolled = _relevant(tables["events"]).join(_enrolled(tables["enrolments"]), on="learner_id", how="inner")
    joined = _met(enrolled, windows).filter(
        nw.col("at") >= nw.col("enrolled_at"),
        nw.col("at") >= nw.col("released_at"),
        nw.col("at") <= nw.col("late_until"),
        (nw.col("at") < nw.col("starts_at")) | ~_among(("declared",)),
    )
    return _reduced(_marked(joined)).to_native()


def _met(events: nw.LazyFrame, windows: nw.LazyFrame) -> nw.LazyFrame:
    keys = ["cohort_id", "resource_id"]
    types = [frame.collect_schema()[key] for frame in (events, windows) for key in keys]
    if not all(dtype in _CODES for dtype in types):
        return events.join(windows, on=keys, how="inner")
    # Two codes in one number: engines look up one number faster than a row of two.
    both = (nw.col(keys[0]).cast(nw.UInt64) * 2**32 + nw.col(keys[1]).cast(nw.UInt64)).alias("both")
    keyed = windows.with_columns(both).drop(keys)
    return events.with_columns(both).join(keyed, on="both", how="inner")


def _check_times(tables: dict[str, nw.LazyFrame]) -> None:
    for name, columns in _TIMES.items():
        schema = tables[name].collect_schema()
        for column in columns:
            if not (schema[column].is_numeric() or _all_null(schema[column])):
                raise SchemaError(t("metrics.facts_time", table=name, column=column, found=schema[column]))


def _all_null(dtype: nw.dtypes.DType) -> bool:
    return dtype in (nw.Unknown, nw.Object)


def _relevant(events: nw.LazyFrame) -> nw.LazyFrame:
    coded = events.collect_schema()["verb"].is_integer()
    kept = (*CONSULTING_VERBS, "declared")
    verb = nw.col("verb")
    return events.filter(_among(kept) if coded else verb.is_in(list(kept))).select(
        "learner_id",
        "resource_id",
        "at",
        nw.when((nw.col("seconds") >= 0) & (nw.col("seconds") < _SECONDS_LIMIT))
        .then((nw.col("seconds") * 1000 + 0.5).floor())
        .alias("ms"),
        nw.when((nw.col("progress") >= 0) & (nw.col("progress") <= 1))
        .then(nw.col("progress"))
        .alias("progress"),
        verb if coded else _position(verb).alias("verb"),
    )


def _position(verb: nw.Expr) -> nw.Expr:
    """Return one position for each kind of verb: numbers go through joins cheaper than texts."""
    other = _lit(VERBS.index("viewed"))
    for word in ("declared", "downloaded"):
        other = nw.when(verb == word).then(_lit(VERBS.index(word))).otherwise(other)
    completing = verb.is_in(list(COMPLETING_VERBS))
    return nw.when(completing).then(_lit(VERBS.index(COMPLETING_VERBS[0]))).otherwise(other)


def _among(verbs: tuple[str, ...]) -> nw.Expr:
    return nw.col("verb").is_in([VERBS.index(verb) for verb in verbs])


def _lit(value: int) -> nw.Expr:
    return nw.lit(value, nw.Int64)


def _enrolled(enrolments: nw.LazyFrame) -> nw.LazyFrame:
    return enrolments.select(
        "learner_id", "cohort_id", nw.col("enrolled_at").fill_null(BEFORE_ALL).cast(nw.Int64)
    )


def _windows(sessions: nw.LazyFrame, plan: nw.LazyFrame, thresholds: Thresholds) -> nw.LazyFrame:
    late = nw.col("ends_at") + thresholds.late_days * DAY_US
    if "late_until" in sessions.collect_schema().names():
        late = nw.col("late_until")
    times = sessions.select("session_id", "cohort_id", "starts_at", late.alias("late_until"))
    return (
        plan.filter(nw.col("phase") == "pre")
        .select("session_id", "resource_id", nw.col("released_at").fill_null(BEFORE_ALL).cast(nw.Int64))
        .join(times, on="session_id", how="inner")
    )


def _marked(joined: nw.LazyFrame) -> nw.LazyFrame:
    in_time, observed = nw.col("at") < nw.col("starts_at"), ~_among(("declared",))
    used, late = in_time & observed, ~in_time & observed
    return joined.select(
        *KEYS,
        _one(used).alias("n"),
        _one(used & _among(("downloaded",))).alias("downloads"),
        nw.when(used).then(nw.col("at")).alias("first_at"),
        nw.when(used).then(nw.col("at")).alias("last_at"),
        nw.when(used).then(nw.col("ms")).alias("ms"),
        nw.when(used).then(nw.col("progress")).alias("progress"),
        _one(used & _among(COMPLETING_VERBS)).alias("completed"),
        _one(in_time & ~observed).alias("declared"),
        _one(late).alias("late_n"),
        nw.when(late).then(nw.col("at")).alias("late_first_at"),
    )


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(_lit(1)).otherwise(_lit(0))


def _reduced(marked: nw.LazyFrame) -> nw.LazyFrame:
    counts = ("n", "downloads", "completed", "declared", "late_n")
    return (
        marked.group_by(*KEYS)
        .agg(
            *(nw.col(name).sum() for name in (*counts, "ms")),
            nw.col("ms").count().alias("timed"),
            nw.col("first_at").min(),
            nw.col("last_at").max(),
            nw.col("progress").max(),
            nw.col("late_first_at").min(),
        )
        .with_columns(nw.col(*counts).cast(nw.Int64))
        .select(
            *KEYS,
            "n",
            "downloads",
            "first_at",
            "last_at",
            nw.when(nw.col("timed") > 0).then(nw.col("ms").cast(nw.Int64)).alias("milliseconds"),
            "progress",
            (nw.col("completed") > 0).alias("completed"),
            (nw.col("declared") > 0).alias("declared"),
            "late_n",
            "late_first_at",
        )
    )


def collect(native: pl.LazyFrame) -> pl.DataFrame:
    """Collect a polars plan of `facts` as it must be: streaming, joins in the order written.

    Examples
    --------
    >>> collect(pl.LazyFrame({"n": [1]})).height
    1
    """
    return native.collect(engine="streaming", optimizations=pl.QueryOptFlags(join_order=False))


def of_study(study: Study) -> pl.LazyFrame:
    """Return a study's facts: as stored with it, else made now and kept as long as the study lives.

    Returns
    -------
    LazyFrame
        The columns of `facts`, with string ids and UTC times.
    """
    if study.stored_facts is not None:
        return study.stored_facts
    if study not in _made:
        _made[study] = _made_now(study)
    return _made[study]


def _made_now(study: Study) -> pl.LazyFrame:
    if study.store is not None:
        return study.store.decode(pl.concat(_of_buckets(study, study.store)).lazy(), FACTS)
    tables = {
        name: study.table(name).with_columns(pl.col(*columns).dt.epoch("us"))
        for name, columns in _TIMES.items()
    }
    tables["sessions"] = with_late_until(study.table("sessions"), study.programme.timezone, study.thresholds)
    return with_instants(collect(facts(**tables, thresholds=study.thresholds)).lazy()).collect().lazy()


def with_instants(made: pl.LazyFrame) -> pl.LazyFrame:
    """Turn the microseconds of facts into UTC times."""
    return made.with_columns(
        pl.from_epoch(pl.col(*TIME_COLUMNS), "us").dt.replace_time_zone("UTC").cast(TIME)
    )


def maker(study: Study) -> Callable[[Store], Iterator[pl.DataFrame]] | pl.LazyFrame:
    """Return how a study's facts are made from its snapshot as it lies: bucket by bucket, on coded ids.

    Facts that were taken from elsewhere are returned as they are: its events would not give them again.

    Examples
    --------
    >>> study = Study.from_frames(cohorts=pl.DataFrame({"cohort_id": ["A"]}))
    >>> callable(maker(study))
    True
    """
    if study.facts_from is not None and study.stored_facts is not None:
        return study.stored_facts
    return lambda store: _of_buckets(study, store)


def _of_buckets(study: Study, store: Store) -> Iterator[pl.DataFrame]:
    small = {name: frame.collect().lazy() for name, frame in coded(study, store).items()}
    for bucket in store.buckets():
        yield collect(facts(bucket, **small, thresholds=study.thresholds))


def coded(study: Study, store: Store | None = None) -> dict[str, pl.LazyFrame]:
    """Return the small tables of a study as `facts` takes them, in the codes of a snapshot.

    Returns
    -------
    dict of str to LazyFrame
        ``enrolments, sessions, plan``; of a study that was narrowed by `Study.select`, what is left.
    """
    store = store or study.store
    sessions = with_late_until(study.table("sessions"), study.programme.timezone, study.thresholds)
    tables = {"enrolments": study.table("enrolments"), "sessions": sessions, "plan": study.table("plan")}
    return {
        name: store.encode(frame, name).select(*_SMALL[name], *(["late_until"] if name == "sessions" else []))
        for name, frame in tables.items()
    }


def with_late_until(sessions: pl.LazyFrame, zone: str, thresholds: Thresholds) -> pl.LazyFrame:
    """Turn a logical sessions table into what `facts` takes, lateness ending by the local calendar.

    Parameters
    ----------
    sessions : LazyFrame
        With UTC times.
    zone : str
        The programme's IANA zone: a week that holds a clock change is not 168 hours.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> start = datetime(2024, 3, 28, 8, tzinfo=timezone.utc)
    >>> frame = pl.LazyFrame({"starts_at": [start], "ends_at": [start]})
    >>> out = with_late_until(frame, "Europe/Paris", DEFAULTS).collect()
    >>> (out["late_until"][0] - out["ends_at"][0]) / 3_600_000_000
    167.0
    """
    late = local_days(pl.col("ends_at"), thresholds.late_days, zone)
    return sessions.with_columns(late.dt.epoch("us").alias("late_until")).with_columns(
        pl.col("starts_at", "ends_at").dt.epoch("us")
    )


def local_days(instant: pl.Expr, days: float, zone: str) -> pl.Expr:
    """Move UTC instants by local days: the same time on the clock, `days` later (or earlier).

    A time that the clocks skip is read an hour on; one that comes twice is its first occurrence.
    """
    whole, part = divmod(days, 1)  # whole days go by the calendar, parts of a day by the clock
    clock = instant.dt.convert_time_zone(zone).dt.replace_time_zone(None).dt.offset_by(f"{int(whole)}d")
    clock = clock.dt.offset_by(f"{round(part * DAY_US)}us")
    skipped = clock.dt.offset_by("1h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    there = clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(there, skipped).dt.convert_time_zone("UTC")
