"""BigBlueButton's learning dashboard, as JSON of every age and as CSV."""

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
from flipstats.readers import bigbluebutton_csv, bigbluebutton_json
from flipstats.readers.base import Context, Reading

SHARED = Path(__file__).parents[2] / "shared" / "formats" / "bigbluebutton"
PARIS = Context(timezone="Europe/Paris")
NINE = 1_711_008_000_000  # 2024-03-21 08:00 UTC, in ms
MINUTE = 60_000


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def user(key: str, name: str, external: str, *stays: tuple[int, int], **more: object) -> dict:
    sessions = [
        {"registeredOn": NINE + a * MINUTE, "leftOn": NINE + b * MINUTE if b else 0} for a, b in stays
    ]
    entry = {"userKey": key, "extId": external, "name": name, "isModerator": False, "answers": {}}
    return entry | {"intIds": {f"w_{key}": {"intId": f"w_{key}", "sessions": sessions}}} | more


def poll(key: str, minute: int, **more: object) -> dict:
    entry = {"pollId": key, "quiz": False, "question": f"Question  {key}?", "options": ["A", "B"]}
    return entry | {"anonymousAnswers": [], "createdOn": NINE + minute * MINUTE} | more


USERS = [
    user("k0", "Tess Trainer", "2", (-5, 120), isModerator=True, answers={"p1": ["A"]}),
    user("k1", "Ann Lee", "1001", (0, 60), (50, 90), answers={"p1": ["A"], "p3": ["Fine, thanks"]}),
    user("k2", "Bo Chen", "1002", (0, 0), answers={"p1": ["B"], "p2": ["A", "B"]}),
    user("k3", "Bo Chen", "", (100, 120)),
]
POLLS = [
    poll("p1", 10, quiz=True, correctOption="A"), poll("p2", 100, quiz=True, correctOption="B"),
    poll("p3", 20, anonymousAnswers=["", "Bad"]), poll("p4", 30),
]  # fmt: skip
DATA = {
    "intId": "abc-1", "extId": "room-7", "name": "Class 1", "users": {u["userKey"]: u for u in USERS},
    "polls": {p["pollId"]: p for p in POLLS}, "createdOn": NINE - 10 * MINUTE, "endedOn": NINE + 120 * MINUTE,
}  # fmt: skip


def write(folder: Path, data: object, name: str = "learning_dashboard_data.json") -> Path:
    file = folder / name
    file.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return file


def minutes(reading: Reading) -> dict[str, float]:
    return dict(reading.tables["attendance"].select("person", "minutes").iter_rows())


class TestJson:
    def test_minutes_are_those_of_the_union_and_nothing_ends_after_the_meeting(self, tmp_path):
        reading = readers.read(write(tmp_path, DATA))
        assert reading.format == "bigbluebutton_json"
        assert minutes(reading) == {"bbb:2": 125, "bbb:1001": 90, "bbb:1002": 120, "record:4": 20}
        assert reading.tables["meetings"].rows() == [
            ("bbb:abc-1", "Class 1", utc(2024, 3, 21, 7, 50), utc(2024, 3, 21, 10))
        ]
        assert dict(reading.account.reasons("note")) == {"leave_unknown": 1}
        assert dict(reading.account.reasons()) == {"poll_unanswered": 1}
        assert (reading.account.read, reading.account.kept, reading.account.balanced) == (8, 7, True)

    def test_identities(self, tmp_path):
        people = readers.read(write(tmp_path, DATA)).people
        assert people.filter(person="bbb:1001").select("kind", "value").rows() == [
            ("name", "Ann Lee"), ("id", "1001"), ("lms_id", "1001"),
        ]  # fmt: skip
        assert people.filter(person="record:4")["kind"].to_list() == ["name"]
        assert people.filter(kind="role")["person"].to_list() == ["bbb:2"]

    @pytest.mark.parametrize(
        ("external", "known"),
        [("moodle-1001", "1001"), ("1001", "1001"), ("gl-abcdef", None), ("w_x9", None), ("a1b2", None)],
    )
    def test_ids_of_the_lms(self, tmp_path, external, known):
        data = DATA | {"users": {"k": user("k", "Ann Lee", external, (0, 60))}}
        found = readers.read(write(tmp_path, data)).people.filter(kind="lms_id")["value"].to_list()
        assert found == ([known] if known else [])

    def test_quiz_polls_are_scored_over_those_asked_while_there(self, tmp_path):
        rows = readers.read(write(tmp_path, DATA)).tables["attempts"]
        assert rows.select("person", "item_id", "score", "raw_score", "maximum", "missing_reason").rows() == [
            ("bbb:2", None, 0.5, 1, 2, None), ("bbb:2", "1", 1, 1, 1, None),
            ("bbb:2", "2", None, None, 1, "no_attempt"),
            ("bbb:1001", None, 1, 1, 1, None), ("bbb:1001", "1", 1, 1, 1, None),
            ("bbb:1002", None, 0.5, 1, 2, None), ("bbb:1002", "1", 0, 0, 1, None),
            ("bbb:1002", "2", 1, 1, 1, None),
        ]  # fmt: skip
        whole = rows.row(5, named=True)
        assert (whole["started_at"], whole["submitted_at"]) == (
            utc(2024, 3, 21, 8, 10),
            utc(2024, 3, 21, 9, 40),
        )
        assert set(rows["assessment"]) == {"learning_dashboard_data"}

    def test_other_polls_are_opinions_and_anonymous_ones_nobodys(self, tmp_path):
        rows = readers.read(write(tmp_path, DATA)).tables["feedback"]
        assert rows.select("person", "phase", "item", "comment", "at", "record").rows() == [
            ("bbb:1001", "in", "Question p3?", "Fine, thanks", utc(2024, 3, 21, 8, 20), 2),
            (None, "in", "Question p3?", "Bad", utc(2024, 3, 21, 8, 20), 7),
        ]
        assert set(rows["meeting"]) == {"bbb:abc-1"}

    def test_older_servers(self, tmp_path):
        between = copy.deepcopy(DATA)
        for each in between["users"].values():
            each["intIds"] = {
                f"w{i}": one for i, one in enumerate(next(iter(each["intIds"].values()))["sessions"])
            }
            each["answers"] = {key: chosen[-1] for key, chosen in each["answers"].items()}
        oldest = copy.deepcopy(DATA)
        for each in oldest["users"].values():
            each |= next(iter(each.pop("intIds").values()))["sessions"][0]
        now = minutes(readers.read(write(tmp_path, DATA)))
        then = readers.read(write(tmp_path, between))
        assert minutes(then) == now
        assert then.tables["attempts"].filter(person="bbb:1002")["score"].to_list() == [0.5, 0, 1]
        assert minutes(readers.read(write(tmp_path, oldest))) == now | {"bbb:1001": 60}

    def test_a_meeting_that_still_runs(self, tmp_path):
        reading = readers.read(write(tmp_path, DATA | {"endedOn": 0}))
        assert minutes(reading)["bbb:1002"] == 120  # until the last time in the file

    def test_one_person_twice_is_one(self, tmp_path):
        data = DATA | {"users": {"a": USERS[1], "b": user("b", "Ann L.", "1001", (100, 110))}, "polls": {}}
        reading = readers.read(write(tmp_path, data))
        assert minutes(reading) == {"bbb:1001": 100}
        assert dict(reading.account.reasons("merged")) == {"same_meeting": 1}
        assert reading.account.balanced

    def test_records_that_say_nothing_usable(self, tmp_path):
        users = {"a": USERS[1], "b": 5, "c": user("c", "", "", (0, 1)), "d": user("d", "Cy Dee", "9")}
        reading = readers.read(write(tmp_path, DATA | {"users": users, "polls": {"p1": None}}))
        assert dict(reading.account.reasons()) == {"object_unreadable": 2, "no_person": 1, "no_time": 1}
        assert reading.account.balanced

    @pytest.mark.parametrize("data", [[], {"users": {}}, {"users": 5}, 5, "x"])
    def test_other_documents(self, tmp_path, data):
        with pytest.raises(InputError) as raised:
            bigbluebutton_json.read(write(tmp_path, json.dumps(data)), Context())
        assert str(raised.value) == (
            "learning_dashboard_data.json is not a BigBlueButton learning dashboard: it holds no users; "
            "download learning_dashboard_data.json again from the dashboard"
        )

    ODD = st.sampled_from([None, 0, -1, NINE, NINE + MINUTE, 1e300, "x", "A", True, [], {}, [None], {"a": 1}])

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_values_balance_or_are_refused(self, tmp_path, data):
        content = copy.deepcopy(DATA)
        for _ in range(data.draw(st.integers(1, 8))):
            place = content
            while isinstance(place, dict | list) and place:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                key = data.draw(st.sampled_from(keys))
                if data.draw(st.booleans()) and isinstance(place[key], dict | list) and place[key]:
                    place = place[key]
                    continue
                place[key] = copy.deepcopy(data.draw(self.ODD))
                break
        try:
            reading = bigbluebutton_json.read(write(tmp_path, content), Context())
        except FlipstatsError:
            return
        assert reading.account.balanced
        if "attendance" in reading.tables:
            assert reading.tables["attendance"]["minutes"].min() >= 0
        if "attempts" in reading.tables:
            assert reading.tables["attempts"]["score"].drop_nulls().is_between(0, 1).all()


HEADER = (
    "Name,Moderator,Activity Score,Talk time,Webcam Time,Messages,Reactions,Poll Votes,Raise Hands,Join,Left,"
    "Duration"
)
FRENCH = (
    "Nom,Modérateur,Activity Score,Temps de conversation,Temps de partage de caméra,Messages,Réactions,"
    "Votes du sondage,Mains levées,Rejoindre,Quitté,Duration"
)


def row(name: str, joined: str, left: str, length: str, *polls: str, moderator: str = "FALSE") -> str:
    cells = [name, moderator, "7.2", "00:12:34", "-", "5", "2", "1", "3", joined, left, length, *polls]
    return ",".join(f'"{cell}"' for cell in cells)


def anonymous(*polls: str, name: str = "Anonymous") -> str:
    return f'"{name}"' + ',""' * 11 + "".join(f',"{poll}"' for poll in polls)


AT = ("3/21/2024, 09:00:00 AM", "3/21/2024, 10:00:00 AM", "00:50:00")


class TestCsv:
    def test_a_comma_in_the_question_shifts_nothing(self, tmp_path):
        lines = [
            f"{HEADER},Which one, for a fire?", row("Tess Trainer", *AT, "-", moderator="TRUE"),
            row("Ann Lee", *AT, "A"), anonymous("C\r\nB\r\n-"),
        ]  # fmt: skip
        reading = readers.read(write(tmp_path, "\r\n".join(lines), "d.csv"), PARIS)
        assert (reading.format, reading.language) == ("bigbluebutton_csv", "en")
        assert minutes(reading) == {"record:1": 50, "record:2": 50}
        assert reading.tables["feedback"].select("person", "item", "comment", "record").rows() == [
            ("record:2", "Which one, for a fire?", "A", 2), (None, "Which one, for a fire?", "C", 3),
            (None, "Which one, for a fire?", "B", 3),
        ]  # fmt: skip
        assert reading.people.filter(kind="role")["person"].to_list() == ["record:1"]
        assert reading.account.balanced
        assert reading.warnings == [
            "d.csv knows people by name only; learning_dashboard_data.json of the same dashboard has their "
            "identifiers and every interval: prefer it"
        ]

    def test_several_questions(self, tmp_path):
        plain = [f"{HEADER},One?,Two?", row("Ann Lee", *AT, "A", "B"), anonymous("", "")]
        reading = readers.read(write(tmp_path, "\n".join(plain), "d.csv"), PARIS)
        assert reading.tables["feedback"]["item"].to_list() == ["One?", "Two?"]
        assert dict(reading.account.reasons()) == {"anonymous": 1}
        mixed = [f"{HEADER},One, or two?,Three?", *plain[1:]]
        reading = readers.read(write(tmp_path, "\n".join(mixed), "d.csv"), PARIS)
        assert reading.tables["feedback"]["item"].to_list() == ["#1", "#2"]
        assert any("a comma in a poll question" in warning for warning in reading.warnings)

    def test_french_and_older_labels_without_polls(self, tmp_path):
        at = ("15/03/2024 14:00:00", "-", "00:59:00")
        lines = [FRENCH.replace("Réactions", "Emojis"), row("Zoé Petit", *at), anonymous(name="Anonyme")]
        reading = readers.read(write(tmp_path, "\r\n".join(lines), "d.csv"), PARIS)
        assert reading.language == "fr"
        assert reading.tables["meetings"].select("starts_at", "ends_at").rows() == [
            (utc(2024, 3, 15, 13), utc(2024, 3, 15, 13, 59))
        ]
        assert dict(reading.account.reasons("note")) == {"leave_unknown": 1}
        assert reading.account.balanced

    def test_labels_of_another_language(self, tmp_path):
        labels = ",".join(f"Étiquette {i}" for i in range(12))
        content = "\n".join([f"{labels},Eins?,Zwei?", row("Ann Lee", *AT, "A", "-"), anonymous("", "B")])
        reading = readers.read(write(tmp_path, content, "d.csv"), PARIS)
        assert (reading.format, reading.language, reading.confidence) == ("bigbluebutton_csv", None, 0.8)
        assert reading.tables["feedback"].select("person", "item").rows() == [
            ("record:1", "Eins?"), (None, "Zwei?"),
        ]  # fmt: skip

    def test_the_day_in_the_name_settles_the_order(self, tmp_path):
        at = ("3/5/2024, 09:00:00 AM", "3/5/2024, 10:00:00 AM", "01:00:00")
        content = "\n".join([HEADER, row("Ann Lee", *at)])
        with pytest.raises(InputError, match="column join and leave times: every date"):
            readers.read(write(tmp_path, content, "d.csv"), PARIS)
        reading = readers.read(write(tmp_path, content, "LearningDashboard_Class_2024-03-05.csv"), PARIS)
        assert reading.tables["meetings"]["starts_at"].to_list() == [utc(2024, 3, 5, 8)]

    def test_two_of_one_name_are_two(self, tmp_path):
        content = "\n".join([HEADER, row("Ann Lee", *AT), row("Ann Lee", *AT)])
        assert minutes(readers.read(write(tmp_path, content, "d.csv"), PARIS)) == {
            "record:1": 50,
            "record:2": 50,
        }

    def test_nobody_and_other_files(self, tmp_path):
        for rows in ([], [row("Ann Lee", "-", "-", "-")], [row("Ann Lee", "-", "-", "-"), anonymous("A")]):
            reading = readers.read(write(tmp_path, "\n".join([HEADER, *rows]), "d.csv"), PARIS)
            assert (reading.tables, reading.account.read, reading.account.kept) == ({}, len(rows), 0)
            assert reading.account.balanced
            assert reading.warnings[-1] == (
                "d.csv names nobody who was in the meeting; download it again once the meeting has ended"
            )
        with pytest.raises(
            InputError, match=r"^d\.csv is not a BigBlueButton learning dashboard \(CSV\): the"
        ):
            bigbluebutton_csv.read(write(tmp_path, "Name,Score\nA,1\n", "d.csv"), PARIS)

    CELLS = st.sampled_from(
        ["", "Ann Lee", "TRUE", "FALSE", "-", *AT, "9/9/2024, 09:00:00 AM", '""', "=1", "\r\n"]
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.lists(CELLS, min_size=9, max_size=15), max_size=8))
    def test_any_cells_balance_or_are_refused(self, tmp_path, lines):
        rows = [",".join(f'"{cell}"' for cell in cells) for cells in lines]
        content = "\n".join([f"{HEADER},One?", row("Ann Lee", *AT, "A"), *rows])
        try:
            reading = bigbluebutton_csv.read(write(tmp_path, content, "d.csv"), PARIS)
        except FlipstatsError:
            return
        assert reading.account.balanced
        assert reading.tables["attendance"]["minutes"].min() >= 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference samples are not beside this checkout")
class TestReference:
    EXPECTED = (
        json.loads((SHARED.parent / "expected.json").read_text(encoding="utf-8"))["bigbluebutton"]
        if SHARED.is_dir()
        else {}
    )

    @pytest.mark.parametrize("name", sorted(EXPECTED))
    def test_the_samples_give_the_expected_rows(self, name):
        want = self.EXPECTED[name]
        reading = readers.read(SHARED / name, PARIS)
        rows = reading.tables["attendance"]
        staff = reading.people.filter(kind="role")["person"]
        assert rows.filter(~rows["person"].is_in(staff.implode())).height == want["attendance_rows"]
        assert len(staff) == want.get("moderators", 1)
        for person, seconds in want.get("seconds", {}).items():
            assert minutes(reading)[f"bbb:{person}"] * 60 == pytest.approx(seconds)
        if "scores" in want:
            assert reading.tables["attempts"]["item_id"].is_null().sum() == want["scores"]
        feedback = reading.tables["feedback"]
        assert feedback["person"].is_null().sum() == want.get("anonymous_answers", 2)
        assert feedback["person"].is_not_null().sum() == want.get("poll_answers", 0)
        assert reading.account.balanced
