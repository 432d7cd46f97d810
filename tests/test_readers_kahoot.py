"""Kahoot!'s report workbook: answers one by one, or final scores."""

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

RAW = ("Question Number", "Question", "Answer 1", "Player", "Answer", "Correct / Incorrect", "Score (points)")
FINAL = ("Rank", "Player", "Total Score (points)", "Correct Answers", "Incorrect Answers")
COLUMNS = ("person", "item_id", "score", "missing_reason")


def of(folder: Path, **content) -> Reading:
    file = book(folder / "x.xlsx", content)
    assert detect(file).format == "kahoot"
    reading = read(file)
    assert reading.account.balanced
    return reading


@shared
def test_reference():
    ((name, wanted),) = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["kahoot"].items()
    file = SHARED / "kahoot" / name
    assert detect(file).format == "kahoot"
    reading = read(file)
    items = reading.tables["attempts"].filter(pl.col("item_id").is_not_null())
    whole = reading.tables["attempts"].filter(pl.col("item_id").is_null())
    assert reading.account.balanced
    assert reading.account.read == items.height == wanted["answers"]
    assert whole.height == wanted["players"]
    assert items["item_id"].n_unique() == wanted["questions"]
    assert items["score"].sum() == wanted["correct"]
    assert whole["score"].to_list() == [1.0, 0.5, 0.0]


def test_answers_one_by_one(tmp_path):
    rows = [
        RAW,
        ("1 Quiz", "Fire?", "CO2", "Ada", "CO2", "Correct", 900),
        ("1 Quiz", "Fire?", "CO2", "Bob", "", "Incorrect", 0),
        ("2 Quiz", "Water?", "CO2", "ada", "No", "Incorrect", 0),
        ("3 Poll", "Good?", "", "Bob", "Very", "", 0),
        ("2 Quiz", "Water?", "CO2", "Ada", "No", "Incorrect", 0),
        ("2 Quiz", "Water?", "CO2", "", "No", "Incorrect", 0),
        ("3 Poll", "Good?", "", "Ada", "", "", 0),
    ]
    reading = of(tmp_path, **{"RawReportData Data": rows})
    assert reading.tables["attempts"].select(COLUMNS).rows() == [
        ("name:ada", None, 0.5, None), ("name:bob", None, None, "no_attempt"), ("name:ada", "1", 1.0, None),
        ("name:bob", "1", None, "no_attempt"), ("name:ada", "2", 0.0, None),
    ]  # fmt: skip
    assert reading.tables["feedback"].select("person", "item", "comment").rows() == [
        ("name:bob", "Good?", "Very")
    ]
    assert reading.account.lines == [
        (5, "merged", "duplicate_record"), (6, "set_aside", "no_person"), (7, "set_aside", "no_answer"),
    ]  # fmt: skip


def test_final_scores_below_their_titles(tmp_path):
    rows = [
        ("Fire",), ("Final Scores",), FINAL, (1, "Ada", 900, 3, 1), (2, "Bob", 0, 0, 0), (3, "ada", 1, 1, 1),
        (4, "", 0, 1, 1), (5, "Eve", 0, "?", 1),
    ]  # fmt: skip
    reading = of(tmp_path, **{"Final Scores": rows})
    columns = (*COLUMNS, "raw_score", "maximum")
    assert reading.tables["attempts"].select(columns).rows() == [("name:ada", None, 0.75, None, 3.0, 4.0)]
    assert [reason for _, _, reason in reading.account.lines] == [
        "no_answer", "same_person", "no_person", "answer_unreadable",
    ]  # fmt: skip


def test_another_workbook_is_refused(tmp_path):
    file = book(tmp_path / "x.xlsx", {"Staff": [("Lovelace", "b")]})
    with pytest.raises(InputError) as raised:
        read(file, format="kahoot")
    assert str(raised.value) == (
        "x.xlsx is no report workbook of Kahoot!: no sheet has players with their answers or final scores. "
        "Download the report as a spreadsheet again."
    )


CELLS = st.text(max_size=6).filter(str.isprintable) | st.sampled_from(["1 Quiz", "Correct", "Incorrect", "3"])


@settings(deadline=None, max_examples=30)
@given(header=st.sampled_from([RAW, FINAL]), rows=st.lists(st.lists(CELLS, max_size=8), max_size=5))
def test_any_cells_balance_or_give_one_clear_error(header, rows, tmp_path_factory):
    file = book(tmp_path_factory.mktemp("any") / "x.xlsx", {"A": [header, *rows]})
    try:
        reading = read(file, format="kahoot")
    except FlipstatsError:
        return
    assert reading.account.balanced
