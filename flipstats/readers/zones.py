"""Local times to UTC: the zone a file does not state, and the nights on which clocks change.

An hour that occurs twice is resolved by the order of the file, or the first is taken and the record is noted;
an hour that does not exist sets the record aside.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from flipstats.errors import InputError, did_you_mean
from flipstats.i18n import t
from flipstats.readers.base import Context
from flipstats.readers.columns import time_order
from flipstats.schema import TIME


@dataclass(frozen=True, slots=True)
class Instants:
    """Local times brought to UTC.

    Attributes
    ----------
    values : Series of Datetime("us", "UTC")
        Null where the local time is null or does not exist.
    missing : Series of Boolean
        The local time falls in the hour that clocks skip in spring.
    assumed : Series of Boolean
        The local time occurs twice, and the file does not show which one is meant.
    """

    values: pl.Series
    missing: pl.Series
    assumed: pl.Series


def zone_of(context: Context, file: str) -> str:
    """Return the IANA zone of the local times of a file.

    Raises
    ------
    InputError
        No zone is given, or there is none of that name.
    """
    if not context.timezone:
        raise InputError(t("readers.zone_missing", file=file))
    try:
        zoneinfo.ZoneInfo(context.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as problem:
        near = did_you_mean(context.timezone, zoneinfo.available_timezones())
        hint = t("readers.zone_nearest", zone=near) if near else t("readers.zone_example")
        raise InputError(t("readers.zone_unknown", zone=context.timezone, hint=hint)) from problem
    return context.timezone


def to_utc(
    local: pl.Series, zone: str, *, who: pl.Series | None = None, what: pl.Series | None = None
) -> Instants:
    """Bring local times of a zone to UTC.

    Parameters
    ----------
    local : Series of Datetime
        Without a zone, in the order of the file.
    who, what : Series, optional
        Where one person does two different things at one local time of the repeated hour, an hour lies
        between them: one person opens one thing at a time. Null says nothing.

    Examples
    --------
    >>> night = pl.Series([dt.datetime(2024, 10, 27, 2, 10), dt.datetime(2024, 10, 27, 2, 40)])
    >>> before, after = dt.datetime(2024, 10, 27, 1, 0), dt.datetime(2024, 10, 27, 4, 0)
    >>> read = to_utc(pl.Series([after, *night, before]), "Europe/Paris")  # 2:40 came first
    >>> [at.hour for at in read.values], read.assumed.any()
    ([3, 1, 0, 23], False)
    """
    plain = _zoned(local, zone, "null")
    odd = plain.is_null() & local.is_not_null()
    never = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(local))
    if not odd.any():
        return Instants(plain, never, never)
    places = odd.arg_true()
    first, second = (_zoned(local.gather(places), zone, which) for which in ("earliest", "latest"))
    missing = never.clone().scatter(places.filter(first.is_null()), True)
    twice = places.filter(first.is_not_null())
    first, second = plain.clone().scatter(places, first), plain.clone().scatter(places, second)
    if twice.is_empty():
        return Instants(plain, missing, never)
    rows = twice.to_list()
    order = time_order(local.filter(~missing))
    values, flags = _resolve(rows, local, first, second, order, who, what)
    return Instants(first.scatter(rows, values), missing, never.clone().scatter(rows, flags))


def _zoned(local: pl.Series, zone: str, ambiguous: str) -> pl.Series:
    there = pl.col("x").dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
    frame = local.rename("x").to_frame().lazy().select(there.dt.convert_time_zone("UTC").cast(TIME))
    return frame.collect(engine="streaming").to_series()


def _resolve(
    rows: list[int],
    local: pl.Series,
    first: pl.Series,
    second: pl.Series,
    order: str | None,
    who: pl.Series | None,
    what: pl.Series | None,
) -> tuple[list[dt.datetime], list[bool]]:
    """Choose the first or the second occurrence of each repeated local time, night by night."""
    chosen: dict[int, tuple[dt.datetime, bool]] = {}
    nights: dict[dt.date, list[int]] = {}
    for row in rows if order != "newest_first" else reversed(rows):
        nights.setdefault(local[row].date(), []).append(row)
    for night in nights.values():
        turns, shown = _turns(night, local, who, what) if order else ([], False)
        at = turns[0] if len(turns) == 1 else len(night)
        for place, row in enumerate(night):
            chosen[row] = (second[row] if place >= at else first[row], not (shown and len(turns) == 1))
    return [chosen[row][0] for row in rows], [chosen[row][1] for row in rows]


def _turns(
    night: list[int], local: pl.Series, who: pl.Series | None, what: pl.Series | None
) -> tuple[list[int], bool]:
    """Return where in a night, oldest first, the clock was set back, and whether the times show it."""
    back = [i for i, (a, b) in enumerate(pairwise(night), 1) if local[b] < local[a]]
    if back or who is None or what is None:
        return back, True
    apart = [
        i
        for i, (a, b) in enumerate(pairwise(night), 1)
        if local[a] == local[b] and who[a] is not None and who[a] == who[b] and what[a] != what[b]
    ]
    return apart[:1] if len(apart) == 1 else [], False
