"""xAPI statements: forms of the file, actors, voiding, video, H5P and cmi5."""

from __future__ import annotations

import datetime as dt
import json
from hashlib import sha1
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import SHARED, shared

from flipstats.build.people import who_is_who
from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Reading, detect, read

ADL, VIDEO = "http://adlnet.gov/expapi/verbs/", "https://w3id.org/xapi/video/"
CMI5 = {"category": [{"id": "https://w3id.org/xapi/cmi5/context/categories/cmi5"}]}
ADA = {"mbox": "mailto:Ada@Example.org"}


def said(verb: str, iri: str = "https://x.org/a", at: str = "2024-03-18T08:00:00+01:00", **more) -> dict:
    verb = verb if "/" in verb else ADL + verb
    return {"actor": ADA, "verb": {"id": verb}, "object": {"id": iri}, "timestamp": at} | more


def of(folder: Path, statements: list, form: str = "lines") -> Reading:
    lines = "\n".join(json.dumps(each) for each in statements) + "\n"
    page = json.dumps({"statements": statements, "more": ""})
    file = folder / "x.json"
    file.write_text({"lines": lines, "array": json.dumps(statements), "page": page}[form], encoding="utf-8")
    reading = read(file)
    assert reading.format == "xapi"
    assert reading.account.balanced
    return reading


def events(reading: Reading, *columns: str) -> list[tuple]:
    return reading.tables["events"].select(columns).rows()


def video(verb: str, second: int, segments: str | None = None, **more) -> dict:
    extensions = {VIDEO + "extensions/time": second}
    if segments is not None:
        extensions[VIDEO + "extensions/played-segments"] = segments
    length = {"extensions": {VIDEO + "extensions/length": 100}}
    return said(verb, at=f"2024-03-18T08:00:{second % 60:02d}Z", result={"extensions": extensions},
                context=length) | more  # fmt: skip


class TestReference:
    @shared
    def test_statements(self):
        expected = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["xapi"]
        file = SHARED / "xapi" / "statements.ndjson"
        reading = read(file)
        wanted = expected["statements.ndjson"]
        assert reading.account.balanced
        assert reading.account.read == wanted["statements"]
        assert reading.account.reasons()["voided"] == wanted["voided"]
        assert reading.tables["events"]["person"].n_unique() == wanted["learners"]
        assert reading.tables["attempts"].height == wanted["scores"]
        seconds = reading.tables["events"].filter(pl.col("record") <= 6)["seconds"].sum()
        assert seconds == pytest.approx(312.4)
        assert set(reading.people["kind"]) >= {"id", "email", "mbox_sha1"}
        about_course = reading.tables["events"].filter(pl.col("verb") == "course_completed")
        assert about_course["resource"].to_list() == [None]
        page = read(SHARED / "xapi" / "statements_page1.json")
        assert page.account.kept == expected["statements_page1.json"]["statements"]
        assert [notice.key for notice in page.warnings] == ["readers_events.more_pages"]


@pytest.mark.parametrize("form", ["lines", "array", "page"])
def test_forms_of_a_file_say_the_same(form, tmp_path):
    reading = of(tmp_path, [said("launched"), said("completed", at="2024-03-18T07:30:00Z")], form)
    assert events(reading, "verb", "at") == [
        ("launched", dt.datetime(2024, 3, 18, 7, tzinfo=dt.UTC)),
        ("completed", dt.datetime(2024, 3, 18, 7, 30, tzinfo=dt.UTC)),
    ]
    assert reading.warnings == []


def test_who_can_be_an_actor(tmp_path):
    actors = [
        ADA,
        {"mbox_sha1sum": sha1(b"mailto:ada@example.org", usedforsecurity=False).hexdigest()},
        {"openid": "https://ada.example.org"},
        {"account": {"homePage": "https://m.org/", "name": "7"}, "name": "Ada L"},
        {"objectType": "Group", "member": [ADA]},
        {"objectType": "Group", "mbox": "mailto:all@example.org"},
        {"name": "Ada L"},
        None,
    ]
    reading = of(tmp_path, [said("viewed", id=str(n)) | {"actor": a} for n, a in enumerate(actors)])
    assert [person for person, in events(reading, "person")] == [
        "email:ada@example.org", "mbox_sha1:" + actors[1]["mbox_sha1sum"], "id:https://ada.example.org",
        "id:https://m.org|7", "email:ada@example.org",
    ]  # fmt: skip
    assert reading.account.lines == [(n, "set_aside", "no_person") for n in (6, 7, 8)]
    directory = who_is_who([("one", "xapi", reading.people)])
    digest, mail = ("one", "mbox_sha1:" + actors[1]["mbox_sha1sum"]), ("one", "email:ada@example.org")
    assert directory.of_node[digest] == directory.of_node[mail]
    assert len(directory.people) == 3


def test_voided_and_repeated_statements_do_not_count(tmp_path):
    void = said("voided", id="V") | {"object": {"objectType": "StatementRef", "id": "A"}}
    reading = of(tmp_path, [void, said("failed", id="a"), said("launched", id="b"), said("launched", id="B")])
    assert events(reading, "verb", "record") == [("launched", 3)]
    assert sorted(reading.account.lines) == [
        (1, "set_aside", "voids_another"), (2, "set_aside", "voided"), (4, "merged", "duplicate_record"),
    ]  # fmt: skip


def test_each_moment_of_a_video_counts_once_and_for_the_opening_before_it(tmp_path):
    reading = of(
        tmp_path,
        [
            video(VIDEO + "verbs/played", 0),
            video(VIDEO + "verbs/paused", 30, "0[.]30"),
            video(VIDEO + "verbs/played", 31),
            video(VIDEO + "verbs/paused", 50, "0[.]30[,]20[.]"),
            video("terminated", 55, "0[.]30[,]20[.]50[,]x[.]y[,]90[.]9000"),
        ],
    )
    assert events(reading, "verb", "seconds", "progress") == [
        ("played", 30.0, 0.3), ("paused", None, None), ("played", 30.0, 0.6), ("paused", None, None),
        ("other", None, None),
    ]  # fmt: skip
    assert reading.tables["resources"]["length_min"].to_list() == [pytest.approx(100 / 60)]


def test_what_was_played_without_a_beginning_is_an_opening(tmp_path):
    reading = of(tmp_path, [video(VIDEO + "verbs/paused", 30, "0[.]30")])
    assert events(reading, "verb", "seconds") == [("played", 30.0)]


def test_parts_of_an_h5p_activity_complete_nothing(tmp_path):
    part = "https://x.org/a?subContentId=0b1c"
    score = {"score": {"raw": "1", "max": "4"}}
    reading = of(
        tmp_path,
        [
            said("completed", part, result=score, id="1"),
            said("completed", at="2024-03-18T09:00:00Z", result={"score": {"scaled": -0.5}}, id="2"),
            said("answered", at="2024-03-18T10:00:00Z", result={"completion": True}, id="3"),
        ],
    )
    assert events(reading, "verb", "resource") == [
        ("submitted", "iri:https://x.org/a"), ("completed", "iri:https://x.org/a"),
        ("completed", "iri:https://x.org/a"),
    ]  # fmt: skip
    rows = reading.tables["attempts"].select("item_id", "attempt", "score", "raw_score", "maximum").rows()
    assert rows == [("0b1c", 1, 0.25, 1.0, 4.0), (None, 1, 0.0, None, None)]


def test_only_what_cmi5_defines_changes_the_state_of_a_unit(tmp_path):
    unit, other = {"registration": "r"}, {"registration": "q"}
    defined = unit | {"contextActivities": CMI5}
    score = {"score": {"scaled": 0.8}, "duration": "PT10M"}
    reading = of(
        tmp_path,
        [
            said("launched", context=defined, id="1"),
            said("completed", context=unit, result=score, id="2"),
            said("passed", context=defined, result=score, id="3"),
            said("completed", context=defined, result=score, id="4"),
            said("terminated", context=defined, result={"duration": "PT12M"}, id="5"),
            said("completed", context=other, result=score, id="6"),
        ],
    )
    assert events(reading, "verb", "seconds") == [
        ("launched", None), ("other", None), ("passed", None), ("completed", 720.0), ("other", None),
        ("completed", 600.0),
    ]  # fmt: skip
    assert reading.tables["attempts"].select("attempt", "score", "record").rows() == [
        (1, 0.8, 3),
        (2, 0.8, 6),
    ]


def test_keys_are_modules_then_titles_only_one_activity_has(tmp_path):
    def named(iri: str, name: str) -> dict:
        return {"object": {"id": iri, "definition": {"name": {"en-US": name}}}}

    reading = of(
        tmp_path,
        [
            said("viewed") | named("https://m.org/mod/page/view.php?id=12", "A"),
            said("viewed") | named("https://x.org/b", "B"),
            said("viewed", "https://x.org/b"),
            said("viewed") | named("https://x.org/c", "C"),
            said("viewed") | named("https://x.org/d", "C"),
        ],
    )
    keys = ["cm:12", "title:B", "title:B", "iri:https://x.org/c", "iri:https://x.org/d"]
    assert reading.tables["events"]["resource"].to_list() == keys


def test_a_bad_line_costs_itself_only(tmp_path):
    file = tmp_path / "x.ndjson"
    good = json.dumps(said("launched"))
    file.write_text(f'{good}\n{{"actor": \n{json.dumps(said("x", at="yesterday"))}\n{good[:40]}')
    reading = read(file)
    assert detect(file).format == "xapi"
    assert reading.account.lines == [
        (2, "set_aside", "not_json"), (3, "set_aside", "no_time"), (4, "set_aside", "cut_record"),
    ]  # fmt: skip


def test_a_document_without_statements_is_refused(tmp_path):
    file = tmp_path / "x.json"
    file.write_text('{"learners": ["Lovelace"]}')
    with pytest.raises(InputError) as raised:
        read(file, format="xapi")
    assert str(raised.value) == (
        "x.json holds no xAPI statements: neither one a line, nor an array of them, nor a page with "
        "“statements”. Export them again from the learning record store."
    )


ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
    | st.sampled_from(["PT1S", "0[.]5", "9[.]1", "2024-03-18T08:00:00Z", ADL + "completed", "mailto:a@b.c"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["id", "mbox", "score", "raw", "scaled", "duration", "name"]), inner),
    max_leaves=4,
)  # fmt: skip
STATEMENT = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("actor", "id", "object", "timestamp", "verb", "result", "context"), ODD)
)


@settings(deadline=None, max_examples=30)
@given(statements=st.lists(STATEMENT.map(lambda odd: said("played") | odd) | ODD, max_size=5))
def test_any_statements_balance(statements, tmp_path_factory):
    file = tmp_path_factory.mktemp("any") / "x.json"
    file.write_text(json.dumps(statements), encoding="utf-8")
    try:
        reading = read(file, format="xapi")
    except FlipstatsError:
        return
    assert reading.account.balanced
    assert reading.account.read == len(statements)
