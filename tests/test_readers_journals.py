"""Questionnaires and journals read by a mapping: every answer once, every line accounted for."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sheet_cases import read, utc

from flipstats.errors import InputError
from flipstats.readers.first_mapping import write_first_mapping
from flipstats.readers.mapping import check_mapping, parse_yaml

ANSWERS = """
timezone: Europe/Paris
table: feedback
learner: {email: Mail}
fields:
  at: When
  phase: post
  ratings: {columns: [Clear, Useful], scale_max: 5}
  comments: [Comment]
"""
CONTACTS = """
timezone: Europe/Paris
table: contacts
learner: {name: Who}
fields:
  at: Sent
  answered_at: Answered
  kind: {column: What, map: {relance: reminder, question: question}, value: tutoring}
"""
ADAPTED = """
timezone: Europe/Paris
table: adaptations
learner: {email: Mail}
fields: {at: Day, what: Measure, reason: Because}
"""


def test_a_questionnaire_gives_a_row_for_each_answer(tmp_path):
    rows = ["Mail,When,Clear,Useful,Comment",
            "a@x.org,2024-03-21 12:05,5,,=1+1",
            ",2024-03-21 12:06,3,4,",
            "b@x.org,2024-03-21 12:07,,-,",
            "c@x.org,soon,6,x,Non"]  # fmt: skip
    reading = read(tmp_path, ANSWERS, rows)
    feedback = reading.tables["feedback"]
    at = utc(2024, 3, 21, 11, 5)
    assert feedback.select("record", "person", "item", "rating", "scale_max", "comment").rows() == [
        (1, "mail:a@x.org", "Clear", 5.0, 5.0, None),
        (1, "mail:a@x.org", "Comment", None, None, "=1+1"),
        (2, None, "Clear", 3.0, 5.0, None),
        (2, None, "Useful", 4.0, 5.0, None),
        (4, "mail:c@x.org", "Comment", None, None, "Non"),
    ]
    assert feedback["at"].to_list()[0] == at
    assert set(feedback["phase"]) == {"post"}
    account = reading.account
    assert (account.read, account.kept) == (4, 3)
    assert dict(account.reasons()) == {"no_answer": 1}
    assert account.reasons("note")["cell_left_out"] >= 1


def test_an_anonymous_questionnaire_needs_no_learner(tmp_path):
    mapping = ANSWERS.replace("learner: {email: Mail}\n", "")
    reading = read(tmp_path, mapping, ["When,Clear,Useful,Comment", "2024-03-21 12:05,1,2,ok"])
    assert reading.tables["feedback"]["person"].null_count() == 3
    assert reading.people.is_empty()


def test_words_stand_for_ratings(tmp_path):
    mapping = ANSWERS.replace(
        "scale_max: 5", "scale_max: 2, map: {Pas du tout: 0, Plutôt: 1, Tout à fait: 2}"
    )
    rows = ["Mail,When,Clear,Useful,Comment", "a@x.org,2024-03-21 12:05,tout a fait,Peut-être,"]
    reading = read(tmp_path, mapping, rows)
    assert reading.tables["feedback"].select("item", "rating").rows() == [("Clear", 2.0)]
    assert reading.account.reasons("note")["cell_left_out"] == 1


def test_a_journal_of_contacts(tmp_path):
    rows = ["Who,Sent,Answered,What",
            "Ann Lee,2024-03-21 09:00,,Relance",
            "Ann Lee,2024-03-21 10:00,2024-03-21 12:00,question",
            "Bo Chen,2024-03-21 11:00,,",
            "Bo Chen,2024-03-22 11:00,,telegram",
            "Bo Chen,2024-03-22 12:00,2024-03-21 12:00,question",
            ",2024-03-21 11:00,,Relance",
            "Cy Dee,,,Relance"]  # fmt: skip
    reading = read(tmp_path, CONTACTS, rows)
    assert reading.tables["contacts"].select("record", "kind", "at").rows() == [
        (1, "reminder", utc(2024, 3, 21, 8)),
        (2, "question", utc(2024, 3, 21, 9)),
        (3, "tutoring", utc(2024, 3, 21, 10)),
    ]
    assert dict(reading.account.reasons()) == {
        "value_not_mapped": 1, "ends_before_start": 1, "no_person": 1, "no_time": 1,
    }  # fmt: skip


def test_a_journal_of_adaptations(tmp_path):
    rows = ["Mail,Day,Measure,Because", "a@x.org,2024-03-15,One more exercise,test", "b@x.org,2024-03-15,,"]
    reading = read(tmp_path, ADAPTED, rows)
    assert reading.tables["adaptations"].select("person", "what", "reason").rows() == [
        ("mail:a@x.org", "One more exercise", "test")
    ]
    assert dict(reading.account.reasons()) == {"no_answer": 1}


def test_a_questionnaire_without_a_question_is_refused():
    with pytest.raises(InputError, match="needs a question"):
        check_mapping(parse_yaml("table: feedback\nfields: {at: When}", "m.yaml"), "m.yaml")


cell = st.sampled_from(["", "-", "1", "5", "5,5", "9", "x", "=1", "2024-03-21 12:05", "<b>", "é\u202f"])


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(cell, cell, cell, cell, cell), max_size=8))
def test_every_line_has_one_fate_and_every_kept_one_a_row(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("j")
    lines = ["Mail;When;Clear;Useful;Comment", *(";".join(row) for row in rows)]
    mapping = ANSWERS.replace("timezone", 'read: {delimiter: ";"}\ntimezone')
    try:
        reading = read(folder, mapping, lines)
    except InputError:
        return
    account = reading.account
    assert account.read == account.kept + account.count("merged") + account.count("set_aside")
    found = reading.tables.get("feedback", pl.DataFrame(schema={"record": pl.Int64}))
    assert found["record"].n_unique() == account.kept


def test_a_first_mapping_of_a_questionnaire_reads_it(tmp_path):
    rows = ["Horodateur;Clarté;Rythme;Commentaires", "21/03/2024 12:05;4;5;Très bien", "21/03/2024 12:06;2;;"]
    file = tmp_path / "avis.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    text = write_first_mapping(file)
    assert 'columns: ["Clarté", "Rythme"]' in text
    mapping = "\n".join(line for line in text.splitlines() if not line.startswith("learner"))
    reading = read(tmp_path, mapping, rows)
    assert reading.tables["feedback"].height == 4
