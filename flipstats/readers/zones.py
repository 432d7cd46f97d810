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
from flipstats.readers.columns import Steps
from flipstats.schema import TIME

_TWICE = {"row": pl.Int64, "local": pl.Datetime("us"), "first": TIME, "second": TIME}
_TWICE |= {"who": pl.String, "what": pl.String}


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
    clock = Clock(zone)
    read = clock.read(local, who=who, what=what)
    settled = clock.settle()
    rows, flags = settled["row"], settled.filter("assumed")["row"]
    return Instants(read.values.scatter(rows, settled["at"]), read.missing, read.assumed.scatter(flags, True))


class Clock:
    """Local times of a zone that come in pieces: hours that occur twice are settled once all are known.

    `read` takes them for their first occurrence; `settle` says which of the two they are.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._steps = Steps()
        self._twice: list[pl.DataFrame] = [pl.DataFrame(schema=_TWICE)]

    def read(
        self,
        local: pl.Series,
        *,
        row: pl.Series | None = None,
        who: pl.Series | None = None,
        what: pl.Series | None = None,
    ) -> Instants:
        """Bring a piece to UTC, ``assumed`` not yet known; `settle` names times by `row`, else by place."""
        values = _zoned(local, self._zone, "null")
        odd = values.is_null() & local.is_not_null()
        never = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(local))
        missing = never
        if odd.any():
            places = odd.arg_true()
            at = local.gather(places)
            first, second = (_zoned(at, self._zone, which) for which in ("earliest", "latest"))
            missing = never.clone().scatter(places.filter(first.is_null()), True)
            values = values.scatter(places, first)
            rows = places.cast(pl.Int64) if row is None else row.gather(places)
            columns = {"row": rows, "local": at, "first": first, "second": second}
            if who is not None and what is not None:
                columns |= {"who": who.gather(places), "what": what.gather(places)}
            self._twice.append(pl.DataFrame(columns, schema_overrides=_TWICE).filter(first.is_not_null()))
        self._steps.add(local.filter(~missing) if odd.any() else local)
        return Instants(values, missing, never)

    def settle(self) -> pl.DataFrame:
        """Return ``row, at, assumed`` of each time that occurs twice."""
        twice = pl.concat(self._twice, how="diagonal")
        asked = len(self._twice) > 1 and twice["who"].null_count() < twice.height
        who, what = (twice["who"], twice["what"]) if asked else (None, None)
        rows = list(range(twice.height))
        values, flags = _resolve(
            rows, twice["local"], twice["first"], twice["second"], self._steps.order, who, what
        )
        return twice.select(
            "row", at=pl.Series(values, dtype=TIME), assumed=pl.Series(flags, dtype=pl.Boolean)
        )


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
