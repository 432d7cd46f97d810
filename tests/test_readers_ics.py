"""Calendars: times in their zones, repeated and changed events, and every event's fate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flipstats.build.timetable import calendar_times
from flipstats.errors import InputError
from flipstats.i18n import in_language
from flipstats.readers import calendar_ics
from flipstats.readers.base import Context, Reading

PARIS = Context(timezone="Europe/Paris")
TIMES = ("DTSTART;TZID=Europe/Paris:20240321T090000", "DTEND;TZID=Europe/Paris:20240321T123000")


def event(*lines: str, uid: str = "1") -> list[str]:
    return ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20240101T000000Z", *lines, "END:VEVENT"]


def read(folder: Path, *events: list[str], context: Context = PARIS, newline: str = "\r\n") -> Reading:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *(x for e in events for x in e)]
    file = folder / "plan.ics"
    file.write_bytes((newline.join([*lines, "END:VCALENDAR"]) + newline).encode())
    reading = calendar_ics.read(file, context)
    assert reading.account.balanced
    return reading


def starts(reading: Reading) -> list[str]:
    return [f"{at:%m-%d %H:%M}" for at in reading.tables["sessions"]["starts_at"]]


class TestSessions:
    @pytest.mark.parametrize("newline", ["\r\n", "\n"])
    def test_one_event(self, tmp_path, newline):
        lines = event(
            *TIMES, "SUMMARY:Sécurité incendie\\, séance 1", "LOCATION:Salle 4",
            "CATEGORIES:Groupe A,Présentiel",
            "DESCRIPTION:long", "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "END:VALARM",
        )  # fmt: skip
        reading = read(tmp_path, lines, newline=newline)
        assert reading.tables["sessions"].rows() == [
            (
                "1", "Sécurité incendie, séance 1", dt.datetime(2024, 3, 21, 8, tzinfo=dt.UTC),
                dt.datetime(2024, 3, 21, 11, 30, tzinfo=dt.UTC), "Salle 4", "Groupe A, Présentiel", "long", 1,
            )
        ]  # fmt: skip
        assert (reading.account.read, reading.account.kept) == (1, 1)

    def test_zones_utc_windows_names_and_floating_times(self, tmp_path):
        reading = read(
            tmp_path,
            event("DTSTART:20240321T080000Z", "DURATION:PT2H", uid="a"),
            event("DTSTART;TZID=Romance Standard Time:20240322T090000", "DURATION:PT2H", uid="b"),
            event("DTSTART:20240323T090000", "DTEND:20240323T100000", uid="c"),
            event("DTSTART;TZID=Our/Campus:20240324T090000", "DURATION:PT1H", uid="d"),
        )
        assert starts(reading) == ["03-21 08:00", "03-22 08:00", "03-23 08:00", "03-24 08:00"]
        assert dict(reading.account.reasons("note")) == {"zone_unknown": 1}

    def test_a_zone_described_in_the_file(self, tmp_path):
        zone = [
            "BEGIN:VTIMEZONE", "TZID:Campus", "BEGIN:STANDARD", "DTSTART:19700101T000000",
            "TZOFFSETFROM:+0300", "TZOFFSETTO:+0300", "END:STANDARD", "END:VTIMEZONE",
        ]  # fmt: skip
        reading = read(tmp_path, event("DTSTART;TZID=Campus:20240321T090000", "DURATION:PT1H"), zone)
        assert starts(reading) == ["03-21 06:00"]

    def test_floating_times_need_a_zone(self, tmp_path):
        with pytest.raises(InputError, match=r"^plan\.ics holds local times"):
            read(tmp_path, event("DTSTART:20240323T090000", "DURATION:PT1H"), context=Context())
        assert starts(read(tmp_path, event(*TIMES), context=Context())) == ["03-21 08:00"]


class TestRecurrence:
    def test_the_wall_clock_holds_across_the_clock_change(self, tmp_path):
        reading = read(tmp_path, event(*TIMES, "RRULE:FREQ=WEEKLY;COUNT=3"))
        assert starts(reading) == ["03-21 08:00", "03-28 08:00", "04-04 07:00"]
        ends = reading.tables["sessions"]["ends_at"] - reading.tables["sessions"]["starts_at"]
        assert set(ends) == {dt.timedelta(hours=3, minutes=30)}
        assert (reading.account.read, reading.account.kept) == (1, 1)

    @pytest.mark.parametrize("until", ["20240328T080000Z", "20240328T090000", "20240328"])
    def test_until_includes_its_last_occurrence(self, tmp_path, until):
        reading = read(tmp_path, event(*TIMES, f"RRULE:FREQ=WEEKLY;UNTIL={until}"))
        assert starts(reading) == ["03-21 08:00", "03-28 08:00"]

    def test_excluded_added_moved_and_cancelled_occurrences(self, tmp_path):
        reading = read(
            tmp_path,
            event(
                *TIMES, "RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=Europe/Paris:20240321T090000",
                "RDATE;TZID=Europe/Paris:20240501T090000",
            ),
            event(
                "RECURRENCE-ID;TZID=Europe/Paris:20240328T090000",
                "DTSTART;TZID=Europe/Paris:20240329T140000", "DTEND;TZID=Europe/Paris:20240329T150000",
            ),
            event("RECURRENCE-ID;TZID=Europe/Paris:20240404T090000", *TIMES, "STATUS:CANCELLED"),
        )  # fmt: skip
        assert starts(reading) == ["03-29 13:00", "04-11 07:00", "05-01 07:00"]
        assert dict(reading.account.reasons()) == {"cancelled": 1}

    @pytest.mark.parametrize(
        ("rule", "reason"),
        [
            ("FREQ=WEEKLY", "recurs_without_end"),
            ("FREQ=DAILY;COUNT=1001", "recurs_too_often"),
            ("FREQ=SOMETIMES;COUNT=3", "recurrence_unreadable"),
        ],
    )
    def test_rules_that_cannot_be_listed(self, tmp_path, rule, reason):
        reading = read(tmp_path, event(*TIMES, f"RRULE:{rule}"))
        assert dict(reading.account.reasons()) == {reason: 1}
        assert reading.tables == {}

    def test_exactly_a_thousand_occurrences(self, tmp_path):
        assert len(starts(read(tmp_path, event(*TIMES, "RRULE:FREQ=DAILY;COUNT=1000")))) == 1000

    def test_the_latest_version_of_an_event_counts(self, tmp_path):
        later = event("DTSTART:20240322T080000Z", "DURATION:PT1H", "SEQUENCE:2")
        reading = read(tmp_path, later, event(*TIMES, "SEQUENCE:1"))
        assert starts(reading) == ["03-22 08:00"]
        assert reading.account.lines == [(2, "merged", "superseded")]


class TestSetAside:
    def test_each_with_its_reason(self, tmp_path):
        reading = read(
            tmp_path,
            event("DTSTART;VALUE=DATE:20240321", "DTEND;VALUE=DATE:20240322", uid="a"),
            event("SUMMARY:when?", uid="b"),
            event("DTSTART:soon", "DTEND:later", uid="c"),
            event(TIMES[0], uid="d"),
            event(TIMES[0], "DTEND;TZID=Europe/Paris:20240321T080000", uid="e"),
            event(*TIMES, "STATUS:CANCELLED", uid="f"),
            event(*TIMES, "EXDATE;TZID=Europe/Paris:20240321T090000", uid="g"),
        )
        assert [reason for _, _, reason in sorted(reading.account.lines)] == [
            "all_day", "no_time", "no_time", "no_end", "ends_before_start", "cancelled", "no_occurrence",
        ]  # fmt: skip

    def test_a_file_cut_in_an_event_loses_that_event_only(self, tmp_path):
        file = tmp_path / "plan.ics"
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *event(*TIMES), *event(*TIMES, uid="2")[:4]]
        file.write_text("\n".join(lines), encoding="utf-8")
        reading = calendar_ics.read(file, PARIS)
        assert (reading.account.read, reading.account.kept) == (2, 1)
        assert dict(reading.account.reasons()) == {"cut_record": 1}

    def test_a_broken_event_costs_itself(self, tmp_path):
        reading = read(tmp_path, event("BEGIN:VALARM", *TIMES), event(*TIMES, uid="2"))
        assert len(starts(reading)) == 1
        assert dict(reading.account.reasons()) == {"event_unreadable": 1}

    def test_not_a_calendar(self, tmp_path):
        file = tmp_path / "plan.ics"
        file.write_text("Name,Date\n", encoding="utf-8")
        with pytest.raises(InputError) as raised:
            calendar_ics.read(file, PARIS)
        assert str(raised.value) == (
            "plan.ics is not a calendar: it does not begin with BEGIN:VCALENDAR; "
            "export the timetable as .ics (iCalendar) again"
        )
        with in_language("fr"), pytest.raises(InputError) as raised:
            calendar_ics.read(file, PARIS)
        assert str(raised.value) == (
            "plan.ics n’est pas un agenda\u00a0: il ne commence pas par BEGIN:VCALENDAR\u202f; "
            "exportez de nouveau l’emploi du temps au format .ics (iCalendar)"
        )

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["", "DTSTART:20240321T080000Z", "DTSTART;VALUE=DATE:20240321", TIMES[0]]),
                st.sampled_from(["", "DURATION:PT1H", "DTEND:20240321T090000Z", "DTEND:x"]),
                st.sampled_from(["", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=DAILY", "STATUS:CANCELLED"]),
                st.sampled_from(["", "RECURRENCE-ID:20240321T080000Z"]),
                st.sampled_from("abc"),
            ),
            max_size=8,
        )
    )
    def test_accounts_balance(self, tmp_path, events):
        made = [event(*(x for x in lines if x), uid=uid) for *lines, uid in events]
        reading = read(tmp_path, *made)
        assert reading.account.read == len(events)
        aside = {record for record, outcome, _ in reading.account.lines if outcome != "note"}
        kept = set(reading.tables["sessions"]["record"]) if reading.tables else set()
        assert aside | kept == set(range(1, len(events) + 1))
        assert not aside & kept


def test_a_calendar_gives_the_times_of_the_cohort_it_names_and_of_no_longer_name(tmp_path):
    reading = read(
        tmp_path,
        event(*TIMES, "SUMMARY:Groupe G10\\, séance 1", uid="x-g1-y"),
        event("DTSTART:20240322T080000Z", "DURATION:PT1H", "CATEGORIES:g1", uid="2"),
    )
    sessions = pl.DataFrame(
        {"session_id": ["a", "b", "c"], "cohort_id": ["G1", "G10", "G1"], "sequence": [1, 1, 2]}
    )
    found = calendar_times([SimpleNamespace(reading=reading)], sessions)
    starts_at = dict(found.select("session_id", "·starts").iter_rows())
    assert starts_at == {
        "a": dt.datetime(2024, 3, 22, 8, tzinfo=dt.UTC),
        "b": dt.datetime(2024, 3, 21, 8, tzinfo=dt.UTC),
        "c": None,
    }
