"""JSON texts: documents and records a line, what is refused, and values that are none."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.errors import InputError
from flipstats.readers import json_text
from flipstats.readers.text import Text, open_text


def text(folder: Path, content: str | bytes, name: str = "file.json") -> Text:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_text(file)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"a": 1}', "document"),
        ('{\n "a": 1\n}\n', "document"),
        ('[{"a": 1},\n{"b": 2}]', "document"),
        ('{"a": 1}\n{"a": 2}\n', "lines"),
        ('cut": 1}\n{"a": 2}\n{"a": 3}\n', "lines"),
        ('{"a": 1}\n{"a": 2', "lines"),
        ("Name,Score\nA,1\n", None),
        ('Name,"{x}"\nA,1\n', None),
    ],
)
def test_kinds(tmp_path, content, kind):
    assert json_text.kind(text(tmp_path, content)) == kind


def test_documents(tmp_path):
    assert json_text.document(text(tmp_path, b"\xff\xfe" + '{"a": "é"}'.encode("utf-16-le"))) == {"a": "é"}
    assert json_text.document(text(tmp_path, '{"a": NaN, "b": "\\ud800x", "c": "\\ud83d\\ude00"}')) == {
        "a": None, "b": "\ufffdx", "c": "😀",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": [1, 2', "file.json is not a whole JSON document: it was cut, or changed by hand; export it "
         "again"),
        (
            "[" * 100 + "]" * 100,
            "file.json is JSON nested more deeply than any export; it is not one of those flipstats reads",
        ),
        (
            '{"a": ' + "9" * 5000 + "}",
            "file.json holds a number of more digits than any export has; it is not one of those flipstats reads",
        ),
        (
            "[" * 100_000,
            "file.json is JSON nested more deeply than any export; it is not one of those flipstats reads",
        ),
    ],
)  # fmt: skip
def test_refused_documents(tmp_path, content, message):
    with pytest.raises(InputError) as raised:
        json_text.document(text(tmp_path, content))
    assert str(raised.value) == message


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(json_text, "MAX_DOCUMENT", 10)
    with pytest.raises(InputError) as raised:
        json_text.document(text(tmp_path, '{"a": "0123456789"}'))
    assert str(raised.value) == (
        "file.json is one JSON document of more than 0 MB, too large to hold; export a shorter period"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_bad_line_costs_itself(tmp_path, encoding, monkeypatch):
    monkeypatch.setattr(json_text, "MAX_LINE", 200)
    lines = [
        '{"a": "é"}',
        "",
        "oops",
        '{"a": "' + "x" * 300 + '"}',
        "[" * 90 + "]" * 90,
        '{"a": 2}',
        '{"a": 3',
    ]
    found = list(json_text.records(text(tmp_path, "\r\n".join(lines).encode(encoding))))
    assert found == [
        (1, {"a": "é"}, None), (2, None, "not_json"), (3, None, "cell_too_large"),
        (4, None, "nested_too_deeply"), (5, {"a": 2}, None), (6, None, "cut_record"),
    ]  # fmt: skip


def test_a_number_of_thousands_of_digits_costs_its_line(tmp_path):
    lines = '{"a": 1}\n{"a": ' + "9" * 5000 + '}\n{"a": 3}\n'
    found = list(json_text.records(text(tmp_path, lines)))
    assert found == [(1, {"a": 1}, None), (2, None, "number_too_long"), (3, {"a": 3}, None)]


def test_first_values(tmp_path):
    assert json_text.first_values(text(tmp_path, '{"a": 1}\nx\n{"a": 2}\n{"a": 3}'), 3) == [
        {"a": 1},
        {"a": 2},
    ]
    assert json_text.first_values(text(tmp_path, "[1, 2]")) == [[1, 2]]
    assert json_text.first_values(text(tmp_path, "a,b\n1,2")) == []


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-03-21T08:01:10.000Z", dt.datetime(2024, 3, 21, 8, 1, 10)),
        ("2024-03-21T08:01:10.1234567+01:00", dt.datetime(2024, 3, 21, 7, 1, 10, 123456)),
        ("2024-03-21T08:01:10", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2024-02-30T08:01:10Z", None),
        (5, None),
    ],
)
def test_instants(value, moment):
    assert json_text.instant(value) == (moment and moment.replace(tzinfo=dt.UTC))


def test_epochs():
    assert json_text.epoch(1711007702000, 0.001) == dt.datetime(2024, 3, 21, 7, 55, 2, tzinfo=dt.UTC)
    assert [json_text.epoch(v) for v in (0, True, "1711007702", None, 1e300, 10**400, float("inf"))] == [
        None
    ] * 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_values_are_of_their_kind_or_none(value):
    text, number = json_text.string(value), json_text.number(value)
    pl.DataFrame({"text": [text], "number": [number], "at": [json_text.instant(value)]})
    assert json_text.epoch(value) is None or json_text.epoch(value).tzinfo == dt.UTC
    assert isinstance(json_text.at_path(value, "[].a.[]"), list)


@settings(deadline=None)
@given(st.lists(JSON, min_size=1, max_size=8), st.binary(max_size=20))
def test_every_line_has_a_fate(tmp_path_factory, values, junk):
    lines = [json.dumps(value).encode() for value in values]
    junk = junk.replace(b"\n", b"").replace(b"\r", b"").replace(b"\0", b"")
    file = tmp_path_factory.getbasetemp() / "lines.json"
    file.write_bytes(b'{"a": 1}\n' + junk + b"\n" + b"\n".join(lines) + b"\n")
    try:
        found = list(json_text.records(open_text(file)))
    except InputError:
        return
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert all(value is None for _, value, reason in found if reason)
    assert len(found) in (1 + len(values), 2 + len(values))
