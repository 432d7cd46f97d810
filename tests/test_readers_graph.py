"""Teams attendance from Microsoft Graph: records alone or in reports, and every record's fate."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flipstats import readers
from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import teams_graph
from flipstats.readers.base import Context, Reading

SHARED = Path(__file__).parents[2] / "shared" / "formats"


def record(
    name: str, email: str | None, *stays: tuple[str, str], role: str = "Attendee", total: int = 0
) -> dict:
    intervals = [
        {"joinDateTime": f"2024-03-21T{a}:00Z", "leaveDateTime": f"2024-03-21T{b}:00Z"} for a, b in stays
    ]
    identity = {"id": "0", "displayName": name}
    return {
        "emailAddress": email, "identity": identity, "role": role, "attendanceIntervals": intervals,
        "totalAttendanceInSeconds": total,
    }  # fmt: skip


RECORDS = [
    record("Tess Trainer", "Tess@x.org", ("07:55", "11:00"), role="Organizer"),
    record("Ann Lee", "ann@x.org", ("08:00", "09:00"), ("08:30", "09:15")),
    record("Bo Chen", None, ("08:00", "08:20"), role="Presenter"),
]
REPORT = {
    "id": "r", "meetingStartDateTime": "2024-03-21T07:50:00Z", "meetingEndDateTime": "2024-03-21T11:10:00Z",
    "attendanceRecords": RECORDS,
}  # fmt: skip


def write(folder: Path, content: object, name: str = "records.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def minutes(reading: Reading) -> dict[str, float]:
    return dict(reading.tables["attendance"].select("person", "minutes").iter_rows())


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.mark.parametrize("content", [{"value": RECORDS}, RECORDS, REPORT, {"value": [REPORT]}, [REPORT]])
def test_envelopes(tmp_path, content):
    reading = readers.read(write(tmp_path, content))
    assert reading.format == "teams_graph"
    assert minutes(reading) == {"mail:tess@x.org": 185, "mail:ann@x.org": 75, "name:bo chen": 20}
    starts, ends = (utc(2024, 3, 21, 7, 50), utc(2024, 3, 21, 11, 10))
    if "attendanceRecords" not in json.dumps(content):
        starts, ends = utc(2024, 3, 21, 7, 55), utc(2024, 3, 21, 11)
    assert reading.tables["meetings"].select("starts_at", "ends_at").rows() == [(starts, ends)]
    assert reading.people.filter(kind="role").rows() == [("mail:tess@x.org", "role", "staff")]
    assert (reading.account.read, reading.account.kept, reading.account.balanced) == (3, 3, True)


def test_one_record_a_line_and_several_reports(tmp_path):
    lines = tmp_path / "lines.json"
    lines.write_text("\n".join([*map(json.dumps, RECORDS), "oops", ""]))
    reading = readers.read(lines)
    assert len(minutes(reading)) == 3
    assert dict(reading.account.reasons()) == {"object_unreadable": 1}
    later = json.loads(json.dumps(REPORT).replace("2024-03-21", "2024-03-28"))
    two = readers.read(write(tmp_path, {"value": [REPORT, later]}))
    assert (two.tables["meetings"].height, two.tables["attendance"].height) == (2, 6)
    assert two.account.balanced


def test_one_person_twice_and_a_stated_total(tmp_path):
    again = record("Ann Lee", "", ("09:10", "09:30"))
    reading = readers.read(write(tmp_path, [*RECORDS, again, record("Cy Dee", "cy@x.org", total=600)]))
    assert minutes(reading)["mail:ann@x.org"] == 90
    assert minutes(reading)["mail:cy@x.org"] == 10
    assert dict(reading.account.reasons("merged")) == {"same_meeting": 1}
    assert reading.account.balanced


def test_records_that_say_nothing_usable(tmp_path):
    odd = [record("", ""), 5, record("Cy Dee", "", total=-1), record("Di Eff", "", ("09:00", "08:00"))]
    account = readers.read(write(tmp_path, [*RECORDS, *RECORDS, *odd])).account
    assert dict(account.reasons()) == {"no_person": 1, "object_unreadable": 1, "no_time": 1}
    assert dict(account.reasons("note")) == {"ends_before_start": 1}
    assert account.balanced


@pytest.mark.parametrize("content", [{"value": []}, {"a": 1}, []])
def test_other_documents(tmp_path, content):
    with pytest.raises(InputError) as raised:
        teams_graph.read(write(tmp_path, content), Context())
    assert str(raised.value) == (
        "records.json is not a Teams attendance report of Microsoft Graph: it holds no attendanceRecords; "
        "ask for attendanceReports/{id}/attendanceRecords"
    )


ODD = st.sampled_from(
    [None, 0, -5, 1e300, "x", True, [], {}, "2024-03-21T08:00:00Z", "2024-03-21T09:00:00", [{}]]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_values_balance_or_are_refused(tmp_path, data):
    content = copy.deepcopy(data.draw(st.sampled_from([REPORT, {"value": [REPORT, REPORT]}, RECORDS])))
    for _ in range(data.draw(st.integers(1, 8))):
        place = content
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            if data.draw(st.booleans()) and isinstance(place[key], dict | list) and place[key]:
                place = place[key]
                continue
            place[key] = copy.deepcopy(data.draw(ODD))
            break
    try:
        reading = teams_graph.read(write(tmp_path, content), Context())
    except FlipstatsError:
        return
    assert reading.account.balanced
    if reading.tables:
        rows = reading.tables["attendance"]
        assert rows["minutes"].min() >= 0
        assert rows.select("meeting", "person").is_unique().all()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
def test_the_sample_gives_the_expected_rows():
    want = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["teams"][
        "graph_attendanceRecords.json"
    ]
    reading = readers.read(SHARED / "teams" / "graph_attendanceRecords.json")
    rows = reading.tables["attendance"]
    staff = reading.people.filter(kind="role")["person"]
    learners = rows.filter(~rows["person"].is_in(staff.implode()))
    assert (rows.height, learners.height) == (want["attendance_rows"], want["learners"])
    assert reading.tables["meetings"].height == want["sessions"]
    assert set(want["seconds"].values()) <= {round(m * 60) for m in learners["minutes"]}
