"""Open edX (FUN): tracking log and grade reports."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import SHARED, export, shared

from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Reading, detect, read

VIDEO = "block-v1:O+C+R+type@video+block@v1"
GRADES = "FUN_SECINC_2024_T1_grade_report_2024-10-28-0800.csv"
HEADER = ("Student ID", "Email", "Username", "Grade", "Lab 1: Fire", "Lab (Avg)", "Enrollment Status")


def expected(file: str) -> dict:
    return json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["openedx"][file]


def event(name: str, second: int = 0, data: object = None, *, server: bool = False, **more) -> dict:
    return {
        "event_type": name, "name": name, "event_source": "server" if server else "browser",
        "event": (data or {}) if server else json.dumps(data or {}), "username": "ada", "session": "s",
        "context": {"user_id": 7}, "time": f"2024-03-18T07:{second // 60:02d}:{second % 60:02d}.5+00:00",
    } | more  # fmt: skip


def video(name: str, second: int, **data) -> dict:
    return event(name, second, {"id": "v1", "duration": 100} | data)


def of(folder: Path, events: list) -> Reading:
    file = folder / "tracking.log"
    file.write_text("".join(json.dumps(each) + "\n" for each in events), encoding="utf-8")
    reading = read(file)
    assert reading.format == "openedx_log"
    assert reading.account.balanced
    return reading


def rows(reading: Reading, table: str, *columns: str) -> list[tuple]:
    return reading.tables[table].select(columns).rows()


class TestLog:
    @shared
    def test_reference(self):
        wanted = expected("tracking.log")
        reading = read(SHARED / "openedx" / "tracking.log")
        account = reading.account
        assert account.balanced
        assert account.read == wanted["lines"]
        assert account.read - account.reasons()["not_json"] == wanted["valid"]
        assert account.reasons("merged")["duplicate_record"] == wanted["duplicates"]
        assert account.reasons()["anonymous"] == 1
        verbs = dict(reading.tables["events"]["verb"].value_counts().iter_rows())
        names = wanted["verbs"]
        assert verbs["played"] == names["play"]
        assert verbs["paused"] == names["pause"] + names["stop"]
        assert verbs["other"] == names["seek"] + names["load"]
        assert verbs["submitted"] == names["problem_check(server)=submitted"]
        assert verbs["enrolled"] == names["enrolled"]
        mine = reading.tables["events"].filter(person="edx:1001")
        assert mine["seconds"].sum() == pytest.approx(wanted["watched_seconds_1001"])
        assert reading.tables["attempts"]["score"].to_list() == [pytest.approx(2 / 3), 1.0]

    def test_each_moment_of_a_video_counts_once_and_for_its_play(self, tmp_path):
        reading = of(
            tmp_path,
            [
                video("load_video", 0),
                video("play_video", 1, currentTime=0),
                video("seek_video", 21, old_time=20, new_time=10),
                video("pause_video", 41, currentTime=30),
                video("play_video", 60, currentTime=90),
                video("stop_video", 71, currentTime=250),
                video("pause_video", 80, currentTime=99),
            ],
        )
        assert rows(reading, "events", "verb", "seconds", "progress") == [
            ("other", None, None), ("played", 30.0, 0.3), ("other", None, None), ("paused", None, None),
            ("played", 10.0, 0.4), ("paused", None, None), ("paused", None, None),
        ]  # fmt: skip
        assert rows(reading, "resources", "resource", "kind") == [("block:v1", "video")]

    def test_a_stretch_faster_than_any_player_or_of_another_window_is_not_counted(self, tmp_path):
        reading = of(
            tmp_path,
            [
                video("play_video", 1, currentTime=0),
                video("pause_video", 5, currentTime=95),
                video("play_video", 10, currentTime=0),
                video("pause_video", 20, currentTime=10) | {"session": "other"},
            ],
        )
        assert reading.tables["events"]["seconds"].to_list() == [None] * 4

    def test_scores_are_of_the_server_only(self, tmp_path):
        problem = VIDEO.replace("video", "problem")
        graded = {"problem_id": problem, "weighted_earned": 1, "weighted_possible": 4, "user_id": 8}
        checked = {"problem_id": problem, "grade": 1, "max_grade": 2}
        module = {"context": {"user_id": 7, "module": {"usage_key": problem, "display_name": "Quiz"}}}
        reading = of(
            tmp_path,
            [
                event("problem_check", 1, "input_1=choice_1"),
                event("problem_check", 2, checked, server=True) | module,
                event("edx.grades.problem.submitted", 3, graded | {"user_id": 7}, server=True) | module,
                event("edx.grades.problem.submitted", 4, graded, server=True) | module,
                event("problem_check", 5, checked | {"max_grade": 0}, server=True),
            ],
        )
        columns = ("person", "assessment", "attempt", "score", "raw_score", "maximum")
        assert rows(reading, "attempts", *columns) == [
            ("edx:7", "Quiz", 1, 0.5, 1.0, 2.0), ("edx:8", "Quiz", 1, 0.25, 1.0, 4.0),
        ]  # fmt: skip
        assert reading.account.lines == [(1, "merged", "told_by_server")]

    def test_whom_staff_enrol_is_enrolled_not_staff(self, tmp_path):
        name = "edx.course.enrollment.activated"
        reading = of(tmp_path, [event(name, 1, {"user_id": 9}, server=True)] * 2)
        assert rows(reading, "events", "person", "verb") == [("edx:9", "enrolled")]
        assert reading.account.lines == [(2, "merged", "duplicate_record")]

    def test_pages_completions_and_the_router(self, tmp_path):
        routed = {"name": "edx.video.played", "timestamp": "2024-03-18T08:00:00Z", "data": {"id": "v1"},
                  "context": {"username": "Bob", "user_id": None}}  # fmt: skip
        page, handler = f"/courses/c/jump_to/{VIDEO}", f"/courses/c/xblock/{VIDEO}/handler/save"
        done = "edx.completion.block_completion.changed"
        reading = of(
            tmp_path,
            [
                event(page, 1, server=True),
                event(handler, 2, server=True),
                event("/courses/c/progress", 3, server=True),
                event("seq_next", 4, {"id": "block-v1:O+C+R+type@sequential+block@q"}),
                event(done, 5, {"block_id": VIDEO, "completion": 1.0}, server=True),
                event(done, 6, {"block_id": VIDEO, "completion": 0.5}, server=True),
                routed,
            ],
        )
        assert rows(reading, "events", "verb", "resource", "progress") == [
            ("viewed", "block:v1", None), ("other", "block:v1", None), ("course_viewed", None, None),
            ("viewed", "block:q", None), ("completed", "block:v1", 1.0), ("viewed", "block:v1", 0.5),
            ("played", "block:v1", None),
        ]  # fmt: skip
        assert reading.people.rows()[-1] == ("username:bob", "username", "Bob")

    def test_a_cut_last_line_and_odd_ones_cost_themselves_only(self, tmp_path):
        file = tmp_path / "tracking.log"
        good = json.dumps(event("seq_next"))
        file.write_text(f"{good}\n{json.dumps(event('x', time='?'))}\n[1]\n{good[:60]}", encoding="utf-8")
        account = read(file).account
        assert account.balanced
        assert account.lines == [
            (2, "set_aside", "no_time"), (3, "set_aside", "object_unreadable"),
            (4, "set_aside", "cut_record"),
        ]  # fmt: skip

    def test_what_is_no_log_is_refused(self, tmp_path):
        file = tmp_path / "x.log"
        file.write_text("Lovelace went in\n")
        with pytest.raises(InputError) as raised:
            read(file, format="openedx_log")
        assert str(raised.value) == (
            "x.log is no tracking log of Open edX: neither lines of JSON objects nor an array of them. Take "
            "the log as the platform delivers it."
        )


class TestPacked:
    def test_a_packed_log_is_read_as_it_lies(self, tmp_path):
        file = tmp_path / "tracking.log-20240318.gz"
        file.write_bytes(gzip.compress(json.dumps(event("seq_next")).encode() + b"\n"))
        assert detect(file).format == "openedx_log"
        assert read(file).account.kept == 1

    @pytest.mark.parametrize(
        ("content", "part"),
        [
            (
                gzip.compress(b"\0" * (8 << 20)),
                "unpacks to more than 4 GB, or to more than 200 times its size",
            ),
            (gzip.compress(b"{}" * 1000)[:-9], "cannot be unpacked to its end"),
            (b"\x1f\x8b" + b"?" * 90, "cannot be unpacked to its end"),
        ],
        ids=["bomb", "cut", "not_packed"],
    )
    def test_a_bomb_and_a_cut_archive_are_refused(self, content, part, tmp_path):
        file = tmp_path / "tracking.log.gz"
        file.write_bytes(content)
        for look in (detect, read):
            with pytest.raises(InputError, match=part):
                look(file)


class TestGrades:
    @shared
    def test_reference(self):
        wanted, file = expected(GRADES), SHARED / "openedx" / GRADES
        assert detect(file).format == "openedx_grades"
        reading = read(file)
        attempts = reading.tables["attempts"]
        assert reading.account.balanced
        assert reading.account.kept == attempts["person"].n_unique() == wanted["learners"]
        assert attempts["score"].drop_nulls().len() == wanted["scores"]
        assert attempts.filter(missing_reason="no_attempt").height == wanted["not_attempted"]
        assert reading.account.reasons("note")["unenrolled"] == wanted["unenrolled"]
        assert reading.covers_to == dt.datetime(2024, 10, 28, 8, tzinfo=dt.UTC)
        assert 0.0 in attempts["score"].to_list()
        assert attempts["assessment"].unique().to_list() == ["title:Devoir 1: Test de positionnement"]
        assert set(reading.people.filter(kind="group")["value"]) == {"Groupe A", "Groupe B"}

    def test_missing_is_not_zero(self, tmp_path):
        cells = ("0.0", "Not Attempted", "Not Available", "", "1.5", "?")
        body = [(str(n), "", f"u{n}", "0.0", cell, "0.0", "enrolled") for n, cell in enumerate(cells)]
        reading = read(export(tmp_path, "x.csv", [HEADER, *body, ("", "", "", "1", "1", "1", "enrolled")]))
        assert rows(reading, "attempts", "score", "missing_reason") == [
            (0.0, None), (None, "no_attempt"), (None, "other_group"), (None, "not_graded"),
        ]  # fmt: skip
        assert reading.account.lines == [
            (7, "set_aside", "no_person"), (5, "note", "score_out_of_range"), (6, "note", "no_score"),
        ]  # fmt: skip

    def test_problems_have_points(self, tmp_path):
        header = (
            "Student ID",
            "Email",
            "Username",
            "Enrollment Status",
            "Grade",
            "Q (Earned)",
            "Q (Possible)",
        )
        body = [("1", "a@b.org", "a", "enrolled", "0.5", "1.0", "4.0"),
                ("2", "c@b.org", "c", "unenrolled", "0.0", "Not Attempted", "4.0")]  # fmt: skip
        reading = read(export(tmp_path, "x.csv", [header, *body]))
        assert reading.format == "openedx_grades"
        assert rows(reading, "attempts", "assessment", "score", "raw_score", "maximum", "missing_reason") == [
            ("title:Q", 0.25, 1.0, 4.0, None), ("title:Q", None, None, 4.0, "no_attempt"),
        ]  # fmt: skip

    def test_a_report_without_assignments_says_so(self, tmp_path):
        header = (*HEADER[:4], HEADER[-1])
        reading = read(export(tmp_path, "x.csv", [header, ("1", "", "a", "0.5", "enrolled")]))
        assert [notice.key for notice in reading.warnings] == ["readers_events.no_assignment"]


ODD = st.recursive(
    st.none() | st.floats() | st.integers() | st.text(max_size=4) | st.sampled_from([VIDEO, "seek_video"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "user_id", "grade", "currentTime", "module"]), inner)
    ),
    max_leaves=4,
)
KEYS = ("username", "event_type", "event", "context", "time", "event_source", "session")
EVENT = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, ODD))
NAMES = st.sampled_from(["play_video", "pause_video", "seek_video", "problem_check", "/courses/c/"])


@settings(deadline=None, max_examples=30)
@given(
    events=st.lists(
        st.tuples(NAMES, EVENT).map(lambda p: video(p[0], 1, currentTime=1) | p[1]) | ODD, max_size=5
    )
)
def test_any_events_balance(events, tmp_path_factory):
    file = tmp_path_factory.mktemp("any") / "x.log"
    file.write_text(json.dumps(events), encoding="utf-8")
    try:
        reading = read(file, format="openedx_log")
    except FlipstatsError:
        return
    assert reading.account.balanced
    assert reading.account.read == len(events)


CELLS = st.text(max_size=6) | st.sampled_from(["0.5", "Not Attempted", "1e-3", "unenrolled", "7"])


@settings(deadline=None, max_examples=30)
@given(body=st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=5))
def test_any_grades_balance(body, tmp_path_factory):
    try:
        reading = read(
            export(tmp_path_factory.mktemp("any"), "x.csv", [HEADER, *body]), format="openedx_grades"
        )
    except FlipstatsError:
        return
    assert reading.account.balanced
