"""Google Forms: times of Forms and of its sheet, scores, named and anonymous answers."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moodle_exports import SHARED, export, shared

from flipstats.errors import FlipstatsError, InputError
from flipstats.readers import Context, Reading, detect, read

PARIS = Context(timezone="Europe/Paris")
EN = ("Timestamp", "Email Address", "Score", "Useful?", "Comment")
FR = ("Horodateur", "Nom d’utilisateur", "Score", "Utile ?", "Commentaire")
AT = "2024/03/21 2:05:33 PM UTC+1"


def of(folder: Path, *rows, context: Context = PARIS) -> Reading:
    reading = read(export(folder, "x.csv", rows), context, format="google_forms")
    assert reading.account.balanced
    return reading


@shared
@pytest.mark.parametrize(
    "file", ["Ressenti à chaud.csv", "Pre-class quiz (Responses) - Form Responses 1.csv"]
)
def test_reference(file):
    wanted = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))["google_forms"][file]
    found = detect(SHARED / "google_forms" / file)
    assert (found.format, found.language) == ("google_forms", "fr" if file.startswith("R") else "en")
    reading = read(SHARED / "google_forms" / file, PARIS)
    assert reading.account.balanced
    assert reading.account.kept == wanted["responses"]
    attempts = reading.tables["attempts"]
    assert attempts["score"].drop_nulls().len() == wanted["scores"]
    assert attempts["person"].drop_nulls().len() == wanted["identified"]
    first = dt.datetime.fromisoformat(wanted["first_ts_utc"])
    assert reading.tables["feedback"].filter(pl.col("record") == 1)["at"].unique().to_list() == [first]
    assert "Très bien,\nmerci !" in reading.tables["feedback"]["comment"].to_list()


@pytest.mark.parametrize("header", [EN, FR])
@pytest.mark.parametrize(
    ("at", "zone"),
    [
        ("2024/03/21 2:05:33 PM UTC+1", None),
        ("2024/03/21 1:05:33 PM UTC", None),
        ("2024/03/21 1:05:33 PM GMT", None),
        ("2024/03/21 6:35:33 PM UTC+5:30", None),
        ("2024/03/21 9:05:33 AM UTC-4", None),
        ("21/03/2024 14:05:33", "Europe/Paris"),
        ("3/21/2024 14:05:33", "Europe/Paris"),
    ],
)
def test_times_of_forms_and_of_its_sheet(header, at, zone, tmp_path):
    rows = [header, (at, "Ada@Example.org", "7 / 10", "Oui", "")]
    reading = of(tmp_path, *rows, context=Context(timezone=zone))
    when = dt.datetime(2024, 3, 21, 13, 5, 33, tzinfo=dt.UTC)
    columns = ("person", "score", "raw_score", "maximum", "submitted_at")
    assert reading.tables["attempts"].select(columns).rows() == [
        ("mail:ada@example.org", 0.7, 7.0, 10.0, when)
    ]
    assert reading.tables["feedback"].select("item", "comment", "at").rows() == [(header[3], "Oui", when)]


def test_an_order_that_cannot_be_settled_is_asked_for(tmp_path):
    with pytest.raises(InputError, match="date_order"):  # neither French labels nor zeros settle it
        of(tmp_path, FR, ("02/04/2024 09:00:05", "", "", "Oui", ""))
    rows = [EN, ("3/4/2024 9:00:05", "ada@example.org", "7 / 10", "Yes", "")]
    with pytest.raises(InputError) as raised:
        of(tmp_path, *rows)
    assert str(raised.value).startswith("x.csv, column Timestamp: ")
    assert "date_order" in str(raised.value)
    reading = of(tmp_path, *rows, context=Context(timezone="Europe/Paris", date_order="month_first"))
    assert reading.tables["feedback"]["at"][0].month == 3


def test_local_times_need_a_zone(tmp_path):
    with pytest.raises(InputError) as raised:
        of(tmp_path, EN, ("3/21/2024 9:00:05", "", "", "Yes", ""), context=Context())
    assert "--timezone" in str(raised.value)


def test_usernames_anonymous_answers_and_several_attempts(tmp_path):
    late = AT.replace("21", "22")
    reading = of(
        tmp_path,
        FR,
        (late, "ada", "9 / 10", "4", "a"),
        (AT, "ada", "7,5 / 10", "5", ""),
        (AT, "", "1 / 10", "3", ""),
        (AT, "bob", "", "", ""),
        ("?", "bob", "", "2", ""),
    )
    attempts = reading.tables["attempts"].select("person", "attempt", "score")
    assert attempts.rows() == [("username:ada", 2, 0.9), ("username:ada", 1, 0.75), (None, None, 0.1)]
    assert reading.tables["feedback"].filter(item="Utile ?").select("person", "rating").rows() == [
        ("username:ada", 4.0), ("username:ada", 5.0), (None, 3.0),
    ]  # fmt: skip
    assert reading.account.lines == [
        (4, "set_aside", "no_answer"), (5, "set_aside", "no_time"), (3, "note", "anonymous"),
    ]  # fmt: skip


def test_questions_of_one_title_stay_apart_and_a_form_may_have_only_questions(tmp_path):
    header = ("Timestamp", "Why?", "Why?", "What\nnext?")
    file = export(tmp_path, "x.csv", [header, (AT, "a", "b", "c\nd")])
    assert detect(file).format == "google_forms"
    reading = read(file)
    assert reading.tables["feedback"].select("item", "comment").rows() == [
        ("Why? #1", "a"), ("Why? #2", "b"), ("What next?", "c\nd"),
    ]  # fmt: skip
    assert set(reading.tables) == {"feedback"}
    assert reading.people.is_empty()


def test_scores_of_questions_beside_them(tmp_path):
    header = ("Timestamp", "Username", "Total score", "Q", "Q [Score]", "Q [Feedback]", "R", "R [Score]")
    reading = of(tmp_path, header, (AT, "a@x.org", "1.00 / 3", "x", "1.00 / 1", "", "y", "0.00 / 2"))
    columns = ("item_id", "attempt", "score", "raw_score", "maximum")
    assert reading.tables["attempts"].select(columns).rows() == [
        (None, 1, 1 / 3, 1.0, 3.0), ("1", 1, 1.0, 1.0, 1.0), ("2", 1, 0.0, 0.0, 2.0),
    ]  # fmt: skip
    assert reading.tables["feedback"]["item"].to_list() == ["Q", "R"]


@pytest.mark.parametrize("inside", ["Form.csv", "a/../../Form.csv", "C:\\\\Form.csv"])
def test_the_zip_that_forms_gives(inside, tmp_path):
    lines = export(tmp_path, "y.csv", [EN, (AT, "a@x.org", "1 / 2", "x", "")]).read_bytes()
    with zipfile.ZipFile(tmp_path / "Form.csv.zip", "w") as archive:
        archive.writestr(inside, lines)
    assert detect(tmp_path / "Form.csv.zip").format == "google_forms"
    assert read(tmp_path / "Form.csv.zip").tables["attempts"]["assessment"].to_list() == ["Form"]
    assert {path.name for path in tmp_path.rglob("*")} == {"y.csv", "Form.csv.zip"}


def test_a_zip_of_several_files_and_a_bomb_are_refused(tmp_path):
    for name, members in {"two": {"a": b"a", "b": b"b"}, "bomb": {"a.csv": b"0" * (9 << 20)}}.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
    with pytest.raises(InputError, match=r"two\.zip is a zip archive or a spreadsheet"):
        read(tmp_path / "two.zip")
    with pytest.raises(InputError, match=r"bomb\.zip unpacks to more than 4 GB, or to more than 200 times"):
        read(tmp_path / "bomb.zip")


CELLS = st.text(max_size=8) | st.sampled_from([AT, "21/03/2024 14:05:33", "a@b.org", "7 / 10", "3 / 0", "5"])


@settings(deadline=None, max_examples=30)
@given(rows=st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=5))
def test_any_cells_balance_or_give_one_clear_error(rows, tmp_path_factory):
    file = export(tmp_path_factory.mktemp("any"), "x.csv", [FR, *rows])
    try:
        reading = read(file, PARIS, format="google_forms")
    except FlipstatsError:
        return
    assert reading.account.balanced
