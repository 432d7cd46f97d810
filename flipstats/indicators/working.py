"""Working time: how much of a spell lies inside a learner's working calendar."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from flipstats.study import Study
from flipstats.studyfile import Calendar

_OWN = "·own"  # the key of the study's own calendar, which learners without a name of one have


def with_working_time(study: Study, spells: pl.DataFrame) -> pl.DataFrame:
    """Add how much of each spell is working time.

    Parameters
    ----------
    spells : DataFrame
        ``calendar`` (a name, or null: the study's own), ``start``, ``end`` (µs).

    Returns
    -------
    DataFrame
        Its rows with ``working`` (µs); null where the calendar has no such name or no known holidays.
    """
    spells = spells.with_columns(pl.col("calendar").fill_null(_OWN))
    if spells.height == 0:
        return spells.with_columns(pl.lit(None, pl.Int64).alias("working"))
    used = set(spells["calendar"].to_list())
    given = {_OWN: study.calendar, **{one.name: one for one in study.file.calendars}}
    first, last = spells.select(pl.col("start").min(), pl.col("end").max()).row(0)
    stretches = pl.concat(
        [_EMPTY]
        + [
            _stretches(name, calendar, study.programme.timezone, first, last)
            for name, calendar in given.items()
            if name in used
        ]
    )
    rows = _passed(_passed(spells, "start", stretches), "end", stretches)
    return rows.with_columns((pl.col("·end") - pl.col("·start")).alias("working")).drop("·start", "·end")


_EMPTY = pl.DataFrame(
    schema={"calendar": pl.String, "from": pl.Int64, "length": pl.Int64, "before": pl.Int64}
)


def _stretches(name: str, calendar: Calendar, zone: str, first: int, last: int) -> pl.DataFrame:
    """Return the working stretches around a span, in order: ``from, length``, time worked ``before``."""
    span = [datetime.fromtimestamp(us // 1_000_000, UTC).date() for us in (first, last)]
    days = [
        span[0] + timedelta(days=n) for n in range(-3, (span[1] - span[0]).days + 3)
    ]  # a zone is at most a day away, and a night's work begins the day before
    free = _holidays(calendar, {day.year for day in days})
    if free is None:
        return _EMPTY
    local = ZoneInfo(calendar.timezone or zone)
    opens, closes = (time.fromisoformat(hour) for hour in calendar.working_hours)
    overnight = timedelta(days=1) if closes <= opens else timedelta(0)
    rows, worked = [(name, _us(days[0] - timedelta(days=1), time(), local), 0, 0)], 0
    for day in days:
        if day.isoweekday() in calendar.working_days and day not in free:
            start, end = _us(day, opens, local), _us(day + overnight, closes, local)
            rows.append((name, start, end - start, worked))
            worked += end - start
    return pl.DataFrame(rows, schema=_EMPTY.schema, orient="row")


def _us(day: datetime, clock: time, zone: ZoneInfo) -> int:
    instant = datetime.combine(day, clock, zone).astimezone(UTC)
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _holidays(calendar: Calendar, years: set[int]) -> set | None:
    """Return the public holidays of a calendar's country; None where they are not known."""
    import holidays  # half a second, for one indicator only

    if calendar.country is None:
        return None
    country, _, part = calendar.country.partition("-")
    try:
        return set(holidays.country_holidays(country, subdiv=part or None, years=years))
    except NotImplementedError:
        return None


def _passed(spells: pl.DataFrame, column: str, stretches: pl.DataFrame) -> pl.DataFrame:
    """Add the working time that had passed at an instant, as ``·<column>``."""
    joined = spells.sort(column).join_asof(
        stretches.sort("from"), left_on=column, right_on="from", by="calendar", check_sortedness=False
    )
    inside = pl.min_horizontal(pl.col(column) - pl.col("from"), "length")
    return joined.with_columns((pl.col("before") + inside).alias("·" + column)).drop(
        "from", "length", "before"
    )
