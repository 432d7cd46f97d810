"""Columns of text to times and numbers: one format a column, two readings never guessed."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats import i18n
from flipstats.errors import InputError
from flipstats.readers.base import Context
from flipstats.readers.columns import Steps, TimeColumn, duration_seconds, numbers, parse_times
from flipstats.readers.zones import Clock, to_utc, zone_of

FR_MONTHS = (
    "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
)  # fmt: skip


def times(*cells: str | None, **options):
    return parse_times(pl.Series(list(cells), dtype=pl.String), file="f.csv", column="Time", **options)


def way_of(local: pl.Series, cut: int = 0) -> str | None:
    steps = Steps()
    steps.add(local[:cut])
    steps.add(local[cut:])
    return steps.order


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)


class TestDates:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("18/03/24, 08:00:05", at(2024, 3, 18, 8, 0, 5)),
            ("18/3/24, 8:00", at(2024, 3, 18, 8, 0)),
            ("18 mars 24, 08:00:05", at(2024, 3, 18, 8, 0, 5)),
            ("1 févr. 24, 08:00", at(2024, 2, 1, 8, 0)),
            ("1 AVRIL 24, 08:00", at(2024, 4, 1, 8, 0)),
            ("1er août 2024, 08:00", at(2024, 8, 1, 8, 0)),
            ("21 March 2024  2:05 PM", at(2024, 3, 21, 14, 5)),
            ("21 March 2024  12:05 AM", at(2024, 3, 21, 0, 5)),
            ("21 mars 2024  14:05", at(2024, 3, 21, 14, 5)),
            ("jeudi 21 mars 2024, 12:05", at(2024, 3, 21, 12, 5)),
            ("Thursday, 21 March 2024, 12:05 PM", at(2024, 3, 21, 12, 5)),
            ("March 21, 2024 2:05 PM", at(2024, 3, 21, 14, 5)),
            ("2024-03-18 08:15:00", at(2024, 3, 18, 8, 15)),
            ("2024-03-18", at(2024, 3, 18)),
            ("2024-03-18T08:15:00.5", at(2024, 3, 18, 8, 15, 0, 500_000)),
            ("2024-03-18T08:15:00+02:00", at(2024, 3, 18, 6, 15)),
            ("21.03.2024 09:00", at(2024, 3, 21, 9, 0)),
            ("3/21/2024 2:05:07 PM", at(2024, 3, 21, 14, 5, 7)),
            ("21\u00a0mars\u202f2024 14:05", at(2024, 3, 21, 14, 5)),
        ],
    )
    def test_one_cell_settles_what_it_can(self, cell, expected):
        assert times(cell).values.to_list() == [expected]

    def test_blank_and_dash_are_no_time(self):
        read = times("18/03/24, 08:00", "-", "", None)
        assert read.values.null_count() == 3
        assert not read.unreadable.any()

    def test_every_french_month(self):
        cells = [f"1 {name} 24, 08:00" for name in FR_MONTHS]
        assert [value.month for value in times(*cells).values] == list(range(1, 13))

    def test_one_day_after_the_twelfth_settles_the_whole_column(self):
        read = times("03/04/24, 08:00", "13/04/24, 08:00")
        assert read.values.to_list() == [at(2024, 4, 3, 8, 0), at(2024, 4, 13, 8, 0)]
        assert times("03/04/24, 08:00", "04/13/24, 08:00").values[0] == at(2024, 3, 4, 8, 0)

    def test_both_orders_fit(self):
        with pytest.raises(InputError) as raised:
            times("03/04/24, 08:00", "05/04/24, 08:00")
        assert str(raised.value) == (
            "f.csv, column Time: every date (such as 03/04/24  08:00) can be read day first or month first. "
            'Say which: date_order = "day_first" or "month_first" for this file under [[sources]] in '
            "study.toml (--date-order on the command line), or export a period that holds a day after the "
            "12th."
        )

    def test_both_orders_fit_in_french(self):
        with i18n.in_language("fr"), pytest.raises(InputError) as raised:
            times("03/04/24, 08:00")
        assert "peuvent se lire jour d’abord ou mois d’abord" in str(raised.value)

    def test_the_user_settles_it(self):
        assert times("03/04/24, 08:00", order="day_first").values[0] == at(2024, 4, 3, 8, 0)
        assert times("03/04/24, 08:00", order="month_first").values[0] == at(2024, 3, 4, 8, 0)

    def test_the_user_cannot_force_an_order_that_does_not_fit(self):
        assert times("13/04/24, 08:00", order="month_first").values[0] == at(2024, 4, 13, 8, 0)

    def test_the_same_under_both_orders_is_no_question(self):
        assert times("04/04/24, 08:00").values[0] == at(2024, 4, 4, 8, 0)

    def test_the_export_time_settles_it(self):
        read = times("05/04/24, 08:00", "03/04/24, 08:00", latest=at(2024, 4, 20))
        assert read.values[0] == at(2024, 4, 5, 8, 0)

    def test_only_moodle_s_days_lack_their_zero(self):
        cells = ("8/03/24, 08:00", "09/03/24, 08:00")
        assert times(*cells, bare_day=True).values[0] == at(2024, 3, 8, 8, 0)
        assert times("8/10/24, 08:00", bare_day=True).values[0] == at(2024, 10, 8, 8, 0)
        assert times("03/8/24, 08:00", bare_day=True).values[0] == at(2024, 3, 8, 8, 0)
        with pytest.raises(InputError, match="day first or month first"):
            times(*cells)

    def test_the_order_of_the_file_settles_it(self):
        cells = ("04/02/24, 08:00", "03/05/24, 08:00", "03/04/24, 08:00")
        assert times(*cells, sorted_by_time=True).values[0] == at(2024, 4, 2, 8, 0)

    def test_both_orders_needed(self):
        with pytest.raises(InputError) as raised:
            times("13/04/24, 08:00", "04/14/24, 08:00", "15/04/24, 08:00")
        assert str(raised.value) == (
            "f.csv, column Time: some dates can only be read day first and others only month first. The "
            "file was put together from two exports, or a spreadsheet changed part of it: export it again."
        )

    def test_no_year(self):
        with pytest.raises(InputError) as raised:
            times("18 Mar, 08:00", "19 Mar, 08:00")
        assert str(raised.value) == (
            "f.csv, column Time: the dates (written like 99 xxx, 99:99) have no year, and flipstats does not "
            "guess it. Put the year into the column, or, for a Moodle log, say on which day it was exported: "
            "--day 2012-03-30, or day = 2012-03-30 for this file under [[sources]] in study.toml; years are "
            "then counted back from that day."
        )

    def test_no_day(self):
        with pytest.raises(InputError, match="hold a time of day without its date"):
            times("08:00", "9:15 PM")

    def test_not_dates_and_what_they_say_is_not_shown(self):
        with pytest.raises(InputError) as raised:
            times("Marie Martin", "Zoë Ødegård")
        assert "xxxxx xxxxxx" in str(raised.value)
        assert "Marie" not in str(raised.value)

    def test_a_single_bad_cell_is_told_not_guessed(self):
        read = times("18/03/24, 08:00", "19/03/24, 08:00", "yesterday")
        assert read.unreadable.to_list() == [False, False, True]
        assert read.values[2] is None

    def test_years_out_of_sight_are_unreadable(self):
        read = times("18/03/2024 08:00", "19/03/2024 08:00", "18/03/0024 08:00")
        assert read.unreadable.to_list() == [False, False, True]

    @settings(deadline=None)
    @given(
        st.lists(st.datetimes(at(1991, 1, 1), at(2068, 12, 31)), min_size=1, max_size=30),
        st.sampled_from(["en", "fr"]),
    )
    def test_what_moodle_writes_is_what_is_read(self, moments, language):
        moments = [moment.replace(microsecond=0) for moment in moments]
        cells = [
            f"{m.day}/{m:%m/%y, %H:%M:%S}"
            if language == "en"
            else f"{m.day} {FR_MONTHS[m.month - 1]} {m:%y, %H:%M:%S}"
            for m in moments
        ]
        read = times(*cells, order="day_first").values.to_list()
        settled = language == "fr" or any(m.day > 12 for m in moments)
        assert read == moments or not settled

    @pytest.mark.parametrize("seconds", ["", ":%S"])
    def test_a_long_column_is_read_as_a_short_one(self, seconds):
        start = at(2024, 1, 28, 23, 50, 7)
        moments = [start + dt.timedelta(minutes=7 * n) for n in range(2000)]
        cells = [f"{m.day} {FR_MONTHS[m.month - 1]} {m:%y, %H:%M{seconds}}" for m in moments]
        for odd in (
            "",
            "-",
            "1 mars 24, 24:00",
            "1 mars 24, 1x:00",
            "1 mars 24, 08-00",
            "30 févr. 24, 08:00",
        ):
            long = times(*cells, odd + (":00" if seconds and odd[-1:].isdigit() else ""))
            assert long.values.to_list() == [*(m if seconds else m.replace(second=0) for m in moments), None]
            assert long.unreadable.sum() == (odd not in ("", "-"))

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=25), max_size=12))
    def test_any_text_is_times_or_one_clear_error(self, cells):
        try:
            read = times(*cells)
        except InputError:
            return
        assert len(read.values) == len(cells)


class TestZones:
    night = at(2024, 10, 27, 0, 0)

    def utc(self, *local: dt.datetime, **options):
        return to_utc(pl.Series(list(local), dtype=pl.Datetime("us")), "Europe/Paris", **options)

    def hours(self, *minutes: int) -> list[dt.datetime]:
        return [at(2024, 10, 27, 2, 0) + dt.timedelta(minutes=m) for m in minutes]

    def test_summer_and_winter(self):
        read = self.utc(at(2024, 7, 1, 12, 0), at(2024, 1, 1, 12, 0))
        assert [value.hour for value in read.values] == [10, 11]

    def test_spring_gap_is_missing(self):
        read = self.utc(at(2024, 3, 31, 2, 30), at(2024, 3, 31, 3, 30))
        assert read.missing.to_list() == [True, False]
        assert read.values.to_list()[0] is None

    def test_oldest_first_resolves_the_repeated_hour(self):
        read = self.utc(at(2024, 10, 27, 1, 0), *self.hours(10, 50, 5, 40), at(2024, 10, 27, 4, 0))
        assert [value.hour for value in read.values] == [23, 0, 0, 1, 1, 3]
        assert not read.assumed.any()

    def test_newest_first_resolves_the_repeated_hour(self):
        read = self.utc(at(2024, 10, 27, 4, 0), *self.hours(40, 5, 50, 10), at(2024, 10, 27, 1, 0))
        assert [value.hour for value in read.values] == [3, 1, 1, 0, 0, 23]
        assert not read.assumed.any()

    def test_no_turn_in_the_file_is_flagged_and_the_first_taken(self):
        read = self.utc(at(2024, 10, 27, 1, 0), *self.hours(10, 50), at(2024, 10, 27, 4, 0))
        assert [value.hour for value in read.values] == [23, 0, 0, 3]
        assert read.assumed.to_list() == [False, True, True, False]

    def test_an_unsorted_file_resolves_nothing(self):
        read = self.utc(
            at(2024, 10, 28, 1, 0), *self.hours(10, 5), at(2024, 10, 29, 1, 0), at(2024, 10, 20, 1, 0)
        )
        assert read.assumed.to_list() == [False, True, True, False, False]

    def test_one_person_opens_one_thing_at_a_time(self):
        local = [at(2024, 10, 27, 4, 0), *self.hours(30, 30), at(2024, 10, 26, 1, 0)]
        read = self.utc(*local, who=pl.Series(["a", "b", "b", "a"]), what=pl.Series(["p", "q", "p", "p"]))
        assert [value.hour for value in read.values][1:3] == [1, 0]
        assert read.assumed.to_list() == [False, True, True, False]

    def test_the_caller_s_columns_are_untouched(self):
        local = pl.Series([at(2024, 3, 31, 2, 30), at(2024, 10, 27, 2, 30)])
        first, second = to_utc(local, "Europe/Paris"), to_utc(local, "Europe/Paris")
        assert first.missing.to_list() == second.missing.to_list() == [True, False]
        assert first.assumed.to_list() == [False, True]

    @settings(deadline=None)
    @given(st.lists(st.datetimes(at(2020, 1, 1), at(2030, 1, 1)), max_size=20))
    def test_every_time_has_one_fate(self, moments):
        read = self.utc(*moments)
        assert read.values.is_null().to_list() == read.missing.to_list()
        assert not (read.missing & read.assumed).any()

    def test_the_zone_is_asked_for(self):
        with pytest.raises(InputError) as raised:
            zone_of(Context(), "log.csv")
        assert str(raised.value) == (
            "log.csv holds local times and does not say of which time zone. Give it with --timezone (such as "
            "Europe/Paris), or as timezone for this file in study.toml."
        )

    def test_an_unknown_zone_is_named(self):
        with pytest.raises(InputError) as raised:
            zone_of(Context(timezone="Europe/Pariss"), "log.csv")
        assert str(raised.value) == "There is no time zone 'Europe/Pariss'; did you mean 'Europe/Paris'?"

    def test_order_of_a_file(self):
        day = [at(2024, 3, n) for n in (1, 2, 3)]
        assert way_of(pl.Series(day)) == "oldest_first"
        assert way_of(pl.Series(day[::-1])) == "newest_first"
        assert way_of(pl.Series([day[0], day[2], day[1]])) is None
        assert way_of(pl.Series(day[:1])) is None


def outcome(read):
    """Return what a reading gives, or what its refusal says."""
    try:
        return [times.values.to_list() for times in read()]
    except InputError as problem:
        return str(problem)


class TestPieces:
    """A column, or the times of a file, in pieces are what they are as a whole."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(1, 31), st.integers(1, 31), st.sampled_from(["24", "x", ""])), max_size=12
        ),
        st.integers(0, 12),
        st.booleans(),
    )
    def test_a_column(self, parts, cut, sorted_by_time):
        cells = pl.Series([f"{a}/{b}/{year}" if year else "" for a, b, year in parts], dtype=pl.String)
        said = {"file": "f.csv", "column": "When", "sorted_by_time": sorted_by_time, "bare_day": True}
        pieces = [cells[:cut], cells[cut:]]
        whole = outcome(lambda: [parse_times(cells, **said)])

        def in_pieces():
            column = TimeColumn(pieces, 2, **said)
            return [column.read(piece, n) for n, piece in enumerate(pieces)]

        found = outcome(in_pieces)
        with pytest.MonkeyPatch.context() as patch:  # a column too long to be kept
            patch.setattr("flipstats.readers.columns._KEPT", -1)
            assert outcome(in_pieces) == found
        assert (found if isinstance(found, str) else [[*found[0], *found[1]]]) == whole

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 6 * 60), max_size=15), st.integers(0, 15))
    def test_a_night_on_which_clocks_go_back(self, minutes, cut):
        local = pl.Series(
            [at(2024, 10, 27) + dt.timedelta(minutes=m) for m in minutes], dtype=pl.Datetime("us")
        )
        whole, clock = to_utc(local, "Europe/Paris"), Clock("Europe/Paris")
        rows = pl.Series(range(len(local)), dtype=pl.Int64)
        read = [clock.read(local[cut_], row=rows[cut_]).values for cut_ in (slice(cut), slice(cut, None))]
        settled = clock.settle()
        values = pl.concat(read).scatter(settled["row"], settled["at"])
        assert values.to_list() == whole.values.to_list()
        assert settled.filter("assumed")["row"].to_list() == whole.assumed.arg_true().to_list()
        assert way_of(local, cut) == way_of(local)


class TestNumbers:
    def read(self, *cells: str, mark: str | None = None):
        return numbers(pl.Series(list(cells), dtype=pl.String), file="f.csv", column="Grade", mark=mark)

    def test_comma_and_dot(self):
        assert self.read("8,50", "10,00", "-", "")[0].to_list() == [8.5, 10.0, None, None]
        assert self.read("8.50", "10.00", "-3.5")[0].to_list() == [8.5, 10.0, -3.5]

    def test_thousands(self):
        assert self.read("1,234.50", "8.50")[0].to_list() == [1234.5, 8.5]
        assert self.read("1 234,50", "1\u202f000,00")[0].to_list() == [1234.5, 1000.0]

    def test_whole_numbers_need_no_mark(self):
        assert self.read("3", "12")[0].to_list() == [3.0, 12.0]

    def test_words_are_odd_not_zero(self):
        values, odd = self.read("8,50", "absent", "NaN", "1e400")
        assert values.to_list() == [8.5, None, None, None]
        assert odd.to_list() == [False, True, True, True]

    def test_both_marks(self):
        with pytest.raises(InputError) as raised:
            self.read("8,50", "7.25")
        assert str(raised.value) == (
            "f.csv, column Grade: some numbers have a decimal comma and others a decimal dot. Bring the "
            "column to one of them."
        )

    def test_a_thousand_or_three_decimals(self):
        with pytest.raises(InputError) as raised:
            self.read("1,234")
        assert str(raised.value) == (
            "f.csv, column Grade: 1,234 can be a thousand and more or a number with three decimals, and no "
            "other value tells. Export with two decimals."
        )
        assert self.read("1,234", mark=",")[0].to_list() == [1.234]

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=12), max_size=10))
    def test_any_text_is_numbers_or_one_clear_error(self, cells):
        try:
            values, odd = self.read(*cells)
        except InputError:
            return
        assert len(values) == len(odd) == len(cells)
        assert not values.is_nan().any()

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("11 mins 23 secs", 683), ("11 min 23 s", 683), ("1 hour 2 mins", 3720), ("1 heure 2 min", 3720),
            ("1 sec", 1), ("1 day 2 hours", 93600), ("1 jour 2 heures", 93600), ("2h 59m 20s", 10760),
            ("1:02:03", 3723), ("2 weeks 1 day", 15 * 86400), ("1 an 2 jours", 367 * 86400), ("-", None),
            ("", None), ("soon", None), ("3 parsecs", None), ("now 3 min", None),
        ],
    )  # fmt: skip
    def test_durations(self, text, seconds):
        assert duration_seconds(text) == seconds
