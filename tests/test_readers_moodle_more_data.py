"""Moodle's log table, its web services, and PHP-serialised values: what data, not reports, give."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import SHARED, export, shared

from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Context, Reading, detect, php_serialized, read
from flipstats.readers.moodle_logstore import other_value

MOODLE = SHARED / "moodle"
PARIS = Context(timezone="Europe/Paris")
LOGSTORE = (
    "id", "eventname", "component", "action", "target", "objecttable", "objectid", "crud", "edulevel",
    "contextid", "contextlevel", "contextinstanceid", "userid", "courseid", "relateduserid", "anonymous",
    "other", "timecreated", "origin", "ip", "realuserid",
)  # fmt: skip
COMPLETION = "\\core\\event\\course_module_completion_updated"
VIEWED = "\\mod_page\\event\\course_module_viewed"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def expected(file: str) -> dict:
    return json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["moodle"][file]


def balanced(reading: Reading) -> Reading:
    account = reading.account
    assert account.read == account.kept + account.count("merged") + account.count("set_aside")
    return reading


def event(name: str = VIEWED, user: object = 1001, **cells: object) -> list[str]:
    given = {
        "eventname": name, "contextlevel": 70, "contextinstanceid": 301, "userid": user,
        "relateduserid": "NULL", "anonymous": 0, "other": "N;", "timecreated": 1710745091,
        "realuserid": "NULL", **cells,
    }  # fmt: skip
    return [str(given.get(column, "")) for column in LOGSTORE]


def table(folder: Path, *rows: list[str], **options) -> Reading:
    file = export(folder, "x.csv", [LOGSTORE, *rows], encoding="utf-8", **options)
    return balanced(read(file, format="moodle_logstore"))


class TestLogstore:
    @shared
    def test_reference(self):
        file = "mdl_logstore_standard_log.csv"
        reading, wanted = balanced(read(MOODLE / file)), expected(file)
        events = reading.tables["events"]
        names = {"viewed": "consulted", "completed": "completed?"}
        assert (reading.account.read, reading.timezone) == (wanted["rows"], "UTC")
        assert Counter(names.get(verb, verb) for verb in events["verb"]) == wanted["verbs"]
        assert events.filter("impersonated")["person"].to_list() == ["moodle:1009"]
        assert reading.people.filter(pl.col("kind") == "username")["value"].to_list() == [
            "jb.legof",
            "jb.legoff",
        ]
        assert events["at"].tail(2).to_list() == [utc(2024, 10, 27, 0, 30), utc(2024, 10, 27, 1, 30)]

    @shared
    def test_it_tells_what_the_log_report_tells(self):
        log = read(MOODLE / "logs_SECINC-2024_20241028-0900_en.csv", PARIS).tables["events"]
        dump = read(MOODLE / "mdl_logstore_standard_log.csv").tables["events"]
        at = pl.col("at").dt.truncate("1m")
        columns = ["person", at, "verb", "impersonated"]
        verb = pl.col("verb").replace("completion_updated", "completed")
        one, other = (frame.select(columns).with_columns(verb) for frame in (log, dump))
        assert sorted(one.rows(), key=str) == sorted(other.rows(), key=str)

    @pytest.mark.parametrize(
        ("state", "verb", "named"),
        [
            (0, "completion_updated", "not_completed"),
            (1, "completed", "completed"),
            (2, "passed", "passed"),
            (3, "failed", "failed"),
        ],
    )
    @pytest.mark.parametrize("php", [True, False])
    def test_states_of_completion(self, tmp_path, state, verb, named, php):
        details = f's:15:"completionstate";i:{state};s:10:"overrideby";N;'
        other = f"a:2:{{{details}}}" if php else json.dumps({"completionstate": state, "overrideby": None})
        reading = table(tmp_path, event(COMPLETION, 2, relateduserid=1001, other=other))
        row = reading.tables["events"].row(0, named=True)
        assert (row["person"], row["resource"], row["verb"], row["state"]) == (
            "moodle:1001",
            "cm:301",
            verb,
            named,
        )

    def test_what_is_not_the_learners_own(self, tmp_path):
        by_staff = json.dumps({"completionstate": 1, "overrideby": 2})
        reading = table(
            tmp_path,
            event(COMPLETION, 2, relateduserid=1001, other=by_staff),
            event("\\mod_feedback\\event\\response_submitted", anonymous=1),
            event(timecreated="soon"),
            event(realuserid=3),
            event(COMPLETION, 1001, relateduserid=1001, other='O:8:"stdClass":0:{}'),
            event("\\core\\event\\user_login_failed", 0, other='{"username": "x\\u0000y", "reason": 3}'),
        )
        assert reading.account.frame().rows() == [
            (1, "set_aside", "override"),
            (2, "set_aside", "anonymous"),
            (3, "set_aside", "no_time"),
            (5, "note", "unknown_state"),
        ]
        events = reading.tables["events"]
        assert events["impersonated"].to_list() == [True, False, False]
        assert events["verb"].to_list() == ["viewed", "completion_updated", "login_failed"]
        assert ("moodle:3", "role", "staff") in reading.people.rows()

    def test_details_that_mysql_escaped(self):
        assert other_value('{\\"username\\": \\"x\\"}') == {"username": "x"}
        assert other_value('a:1:{s:1:\\"k\\";i:1;}') == {"k": 1}

    def test_doubled_backslashes_other_nulls_and_shuffled_columns(self, tmp_path):
        rows = [LOGSTORE, event(VIEWED.replace("\\", "\\\\"), realuserid="\\N", relateduserid="\\N")]
        file = export(tmp_path, "x.csv", [row[::-1] for row in rows], delimiter="\t", encoding="utf-8")
        assert detect(file).format == "moodle_logstore"
        row = balanced(read(file)).tables["events"].row(0, named=True)
        assert (row["verb"], row["resource"], row["impersonated"]) == ("viewed", "cm:301", False)
        assert row["at"] == utc(2024, 3, 18, 6, 58, 11)

    @shared
    def test_companion_tables(self):
        users, modules = read(MOODLE / "mdl_user.csv"), read(MOODLE / "mdl_course_modules_named.csv")
        assert (users.format, modules.format) == ("moodle_users", "moodle_modules")
        assert ("moodle:1001", "username", "aicha.bensalah") in users.people.rows()
        first = modules.tables["resources"].row(0, named=True)
        assert (first["resource"], first["kind"], first["due_at"]) == ("cm:301", "page", utc(2024, 3, 21, 8))

    def test_deleted_accounts_name_nobody(self, tmp_path):
        rows = [
            ("id", "username", "firstname", "lastname", "email", "deleted"),
            ("7", "x", "A", "B", "a@b.c", "1"),
        ]
        reading = balanced(read(export(tmp_path, "x.csv", rows)))
        assert reading.people.is_empty()
        assert reading.account.lines == [(1, "set_aside", "deleted_account")]


class TestWebServices:
    @shared
    def test_enrolled_users(self):
        file = "ws_core_enrol_get_enrolled_users.json"
        reading, wanted = balanced(read(MOODLE / file)), expected(file)
        assert reading.tables["learners"].height == wanted["learners"]
        kinds = reading.people.group_by("kind").agg(pl.col("value").n_unique(), pl.len().alias("n"))
        counted = {kind: (values, n) for kind, values, n in kinds.rows()}
        assert (counted["role"][1], counted["group"][0]) == (wanted["trainers"], wanted["groups"])

    @shared
    def test_completion_states(self):
        file = "ws_core_completion_get_activities_completion_status_user1001.json"
        reading, wanted = balanced(read(MOODLE / file)), expected(file)
        events = reading.tables["events"]
        assert events.height == wanted["completed"]
        assert (events["verb"] == "passed").sum() == wanted["passed"]
        assert events["person"].unique().to_list() == ["moodle:1001"]

    @shared
    def test_grade_items(self):
        file = "ws_gradereport_user_get_grade_items.json"
        reading, wanted = balanced(read(MOODLE / file)), expected(file)
        attempts = reading.tables["attempts"]
        assert (attempts["score"].count(), attempts["score"].null_count()) == (
            wanted["scores"],
            wanted["missing"],
        )
        assert reading.account.reasons() == {"aggregate": 10}
        assert attempts["assessment"].unique().to_list() == ["title:Test de positionnement"]

    def test_an_error_is_refused_with_its_code(self, tmp_path):
        file = tmp_path / "x.json"
        file.write_text('{"exception": "moodle_exception", "errorcode": "invalidtoken", "message": "a@b.c"}')
        with pytest.raises(InputError) as caught:
            read(file)
        assert str(caught.value) == (
            "x.json holds an error of the Moodle web service and no data: invalidtoken. "
            "Ask again with a valid token and the rights of a teacher."
        )

    def test_states_of_nobody_are_refused(self, tmp_path):
        file = tmp_path / "x.json"
        file.write_text('{"statuses": [{"cmid": 1, "state": 1, "timecompleted": 1710746100}]}')
        with pytest.raises(InputError, match=r"x\.json does not say whose completion states it holds"):
            read(file)

    def test_odd_values_are_set_aside(self, tmp_path):
        status = {"cmid": 301, "modname": "page", "state": 1, "timecompleted": 1710746100, "overrideby": None}
        odd = [
            status,
            {**status, "state": 7},
            {**status, "overrideby": 2},
            {**status, "timecompleted": 0},
            {**status, "state": True, "cmid": [1]},
            "x",
        ]
        file = tmp_path / "x.json"
        file.write_text(json.dumps({"userid": 7, "statuses": odd}))
        reading = balanced(read(file, format="moodle_webservice"))
        assert reading.tables["events"].height == 1
        assert [reason for _, _, reason in reading.account.lines] == [
            "unknown_state",
            "override",
            "no_moment",
            "object_unreadable",
            "object_unreadable",
        ]


class TestPhp:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("N;", None),
            ("b:1;", True),
            ("i:-12;", -12),
            ("d:0.5;", 0.5),
            ("d:INF;", None),
            ('s:5:"né";";', 'né";'),
            ('a:1:{i:0;a:1:{s:1:"k";s:3:"né";}}', {0: {"k": "né"}}),
        ],
    )
    def test_values(self, text, value):
        assert php_serialized.loads(text) == value

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "i:1",
            "i:1;i:2;",
            'O:8:"stdClass":1:{s:1:"a";i:1;}',
            'C:11:"ArrayObject":0:{}',
            "a:1:{i:0;R:1;}",
            "a:2:{i:0;r:1;}",
            's:99:"short";',
            's:-1:"";',
            "a:99999999:{",
            "a:9999999:{i:0;i:1;}",
            "b:2;",
            "d:1e99999999;",
            "a:1:{b:1;i:1;}",
            "a:1:{i:0;" * 30 + "N;" + "}" * 30,
            "a:3:{" + "i:0;N;" * 2,
        ],
    )
    def test_what_is_refused(self, text):
        with pytest.raises(php_serialized.PhpError):
            php_serialized.loads(text)

    def test_too_many_values_are_refused(self):
        n = php_serialized.MAX_VALUES
        with pytest.raises(php_serialized.PhpError):
            php_serialized.loads(f"a:{n}:{{" + "".join(f"i:{i};N;" for i in range(n)) + "}")

    @settings(max_examples=50, deadline=None)
    @given(
        value=st.recursive(
            st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(st.characters(codec="utf-8")),
            lambda inner: st.dictionaries(
                st.integers(0, 99) | st.text(st.characters(codec="utf-8")), inner, max_size=4
            ),
            max_leaves=8,
        )
    )
    def test_what_php_writes_is_read_back(self, value):
        assert php_serialized.loads(serialized(value)) == value

    @settings(max_examples=50, deadline=None)
    @given(text=st.text(st.sampled_from('abiNdOs:;{}"0123456789'), max_size=40))
    def test_any_text_is_a_value_or_refused(self, text):
        assert isinstance(other_value(text), dict)


def serialized(value: object) -> bytes:
    """Write a value as PHP's serialize() does."""
    if value is None:
        return b"N;"
    if isinstance(value, bool):
        return b"b:%d;" % value
    if isinstance(value, int):
        return b"i:%d;" % value
    if isinstance(value, str):
        data = value.encode()
        return b's:%d:"%s";' % (len(data), data)
    pairs = b"".join(serialized(key) + serialized(each) for key, each in value.items())
    return b"a:%d:{%s}" % (len(value), pairs)


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10) | st.sampled_from(
    [
        "NULL",
        "\\N",
        "70",
        "301",
        "1001",
        "1710745091",
        COMPLETION,
        VIEWED,
        '{"completionstate": 1}',
        "N;",
        "9" * 30,
    ]
)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=20, max_size=22), max_size=5))
def test_any_log_rows_are_accounted_for(tmp_path_factory, rows):
    reading = table(tmp_path_factory.mktemp("any"), *rows)
    assert "events" not in reading.tables or reading.tables["events"]["verb"].null_count() == 0


KEYS = [
    "id", "fullname", "roles", "shortname", "groups", "statuses", "cmid", "state", "timecompleted",
    "usergrades", "userid", "gradeitems", "itemname", "itemtype", "graderaw", "grademax", "grademin",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(
    value=JSON
    | st.builds(lambda s: {"userid": 1, "statuses": s}, st.lists(JSON, max_size=4))
    | st.builds(lambda s: {"usergrades": [{"userid": 1, "gradeitems": s}]}, st.lists(JSON, max_size=4))
    | st.lists(st.builds(lambda s: {"id": 1, "fullname": "A", "roles": s, "groups": s}, JSON), max_size=3)
)
def test_any_answer_is_accounted_for(tmp_path_factory, value):
    file = tmp_path_factory.mktemp("any") / "x.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    with contextlib.suppress(FlipstatsError):
        balanced(read(file, format="moodle_webservice"))
