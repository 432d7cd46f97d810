"""Wooclap's results workbook: columns found by their cells, answers, opinions, messages."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import SHARED, shared
from workbooks import book

from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Reading, detect, read

EN = ("#", "Username", "First name", "Last name", "Email", "Q1", "Q2", "Q3", "Total")
ADA = ("1", "ada", "Ada", "L", "Ada@x.org", "V - CO2", "X - No", "Clear", "1 / 2")
BOB = ("2", "bob", "", "", "bob@x.org", "/", "V - Yes", "/", "1 / 2")


def of(folder: Path, rows: list, name: str = "Main results", **more) -> Reading:
    file = book(folder / "x.xlsx", {name: rows, **more})
    assert detect(file).format == "wooclap"
    reading = read(file)
    assert reading.account.balanced
    return reading


def scores(reading: Reading) -> list[tuple]:
    return reading.tables["attempts"].select("person", "item_id", "score", "missing_reason").rows()


@shared
def test_reference():
    wanted = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["wooclap"]
    ((name, wanted),) = wanted.items()
    reading = read(SHARED / "wooclap" / name)
    assert reading.account.balanced
    attempts, feedback = reading.tables["attempts"], reading.tables["feedback"]
    items = attempts.filter(pl.col("item_id").is_not_null())
    opinions, wall = feedback.filter(pl.col("item") != "Wall"), feedback.filter(item="Wall")
    assert attempts["person"].n_unique() == wanted["participants"]
    assert items["item_id"].n_unique() + opinions["item"].n_unique() == wanted["questions"]
    assert items["score"].drop_nulls().len() + opinions.height == wanted["answers"]
    assert items["score"].sum() == wanted["correct"]
    unanswered = 2 * wanted["participants"] - wanted["answers"]
    assert unanswered == wanted["not_answered"]
    assert wall.height == wanted["messages"]
    assert wall["person"].to_list() == ["mail:aicha.bensalah@exemple-formation.fr"]
    assert reading.account.read == wanted["participants"] + wanted["messages"]


FOUND = [
    ("mail:ada@x.org", None, 0.5, None), ("mail:ada@x.org", "1", 1.0, None),
    ("mail:ada@x.org", "2", 0.0, None),
    ("mail:bob@x.org", None, 0.5, None), ("mail:bob@x.org", "1", None, "no_attempt"),
    ("mail:bob@x.org", "2", 1.0, None),
]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        EN,
        ("N°", "Pseudo", "Prénom", "Nom", "Adresse e-mail", "Q1", "Q2", "Q3", "Score total"),
        ("a", "b", "c", "d", "e", "Q1", "Q2", "Q3", "f"),
    ],
)
def test_columns_are_found_whatever_their_captions(header, tmp_path):
    reading = of(tmp_path, [header, ADA, BOB, ("",) * 9, ("Participants", "2")], name="Any")
    assert scores(reading) == FOUND
    assert reading.tables["feedback"].select("person", "item", "comment").rows() == [
        ("mail:ada@x.org", "Q3", "Clear")
    ]
    assert [notice.key for notice in reading.warnings] == ["readers_events.captions_unconfirmed"]


def test_who_has_no_address(tmp_path):
    rows = [("#", "Username", "Email", "Q1", "Q2")]
    rows += [("1", name, "", "V - a", "b") for name in ("ada", "bob", "bob", "")]
    rows += [("5", "eve", "", "b", "/")]
    wall = [("Username", "Message"), ("Ada", "Hi"), ("Bob", "Ho"), ("Ada", "")]
    reading = of(tmp_path, rows, Wall=wall)
    whole = reading.tables["attempts"].filter(pl.col("item_id").is_null())
    assert whole["person"].to_list() == ["name:ada", "record:2", "record:3", "name:eve"]
    assert reading.tables["feedback"]["person"].to_list() == [
        "name:ada", "record:2", "record:3", None, "name:ada", None,
    ]  # fmt: skip
    assert reading.account.lines == [
        (4, "note", "anonymous"), (7, "note", "anonymous"), (8, "set_aside", "no_answer"),
        (5, "note", "answer_unreadable"),
    ]  # fmt: skip


def test_opinions_only(tmp_path):
    rows = [(*EN[:5], "Q1"), (*ADA[:5], "Good")]
    reading = of(tmp_path, rows, Wall=[("Username", "Message")])
    assert set(reading.tables) == {"feedback"}


def test_another_workbook_is_refused(tmp_path):
    file = book(tmp_path / "x.xlsx", {"Staff": [("Lovelace", "b")]})
    with pytest.raises(InputError) as raised:
        read(file, format="wooclap")
    assert str(raised.value) == (
        "x.xlsx is no results workbook of Wooclap: no sheet has participants and their answers. Export the "
        "results as Excel from the event's reports."
    )


CELLS = st.text(max_size=6).filter(str.isprintable) | st.sampled_from(
    ["V - a", "X - b", "/", "a@b.org", "1 / 2"]
)


@settings(deadline=None, max_examples=30)
@given(rows=st.lists(st.lists(CELLS, max_size=7), max_size=6))
def test_any_cells_balance_or_give_one_clear_error(rows, tmp_path_factory):
    file = book(tmp_path_factory.mktemp("any") / "x.xlsx", {"Main results": rows, "Wall": rows})
    try:
        reading = read(file, format="wooclap")
    except FlipstatsError:
        return
    assert reading.account.balanced
