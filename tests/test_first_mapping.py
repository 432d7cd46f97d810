"""`flipstats map`: a first mapping of sheets no reader knows, which then reads them without a correction."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml
from workbooks import workbook

from flipstats.errors import InputError
from flipstats.readers import Context, read
from flipstats.readers.first_mapping import write_first_mapping
from flipstats.readers.mapping import check_mapping

TITLED = [
    ["FEUILLE D’ÉMARGEMENT", "", "", "", ""], ["Formation : Sécurité", "Formateur : So Be", "", "", ""],
    ["", "", "", "", ""], ["Nom et prénom", "E-mail", "Date", "Présence", "Observations"],
    ["Lee Ann", "ann@x.org", "2024-03-21", "Présent", "ras"], ["Yi Bo", "bo@x.org", "2024-03-21", "Absent", ""],
    ["Total", "", "", "1", ""],
]  # fmt: skip
SHEETS = {
    "digiforma": (
        "Nom;Prénom;Email;Session;Date;Heure début;Heure fin;Demi-journée;Présence;Heures réalisées\n"
        "Lee;Ann;ann@x.org;S1;21/03/2024;09:00;12:30;Matin;Présent;3,5\n"
        "Yi;Bo;bo@x.org;S1;21/03/2024;09:00;12:30;Matin;Absent justifié;0\n",
        "attendance", ["present", "excused"],
    ),
    "digiforma, signed under a title": (
        "Formation : Sécurité;;;;;\n;;;;;\nNom;Prénom;E-mail;Date;Demi-journée;Signature\n"
        "Lee;Ann;ann@x.org;21/03/2024;Matin;A. Lee\nYi;Bo;bo@x.org;21/03/2024;Matin;\nTotal;;;;;1\n",
        "attendance", ["present", "absent"],
    ),
    "sowesign": (
        "Participant,Email,Cours,Date,Début,Fin,Statut,Signé à\n"
        "Ann Lee,ann@x.org,Secu,21/03/2024,09:00,12:30,Signé,21/03/2024 09:02\n"
        "Bo Yi,bo@x.org,Secu,21/03/2024,09:00,12:30,Absent,\n",
        "attendance", ["present", "absent"],
    ),
    "360learning, classroom slots": (
        "First name;Last name;Email;Session;Start date;End date;Has attended;Attendance duration\n"
        "Ann;Lee;ann@x.org;Classe 1;21/03/2024 09:00;21/03/2024 12:00;true;170\n"
        "Bo;Yi;bo@x.org;Classe 1;21/03/2024 09:00;21/03/2024 12:00;false;0\n",
        "attendance", ["present", "absent"],
    ),
    "360learning, courses": (
        "Learner;Email;Course;Progress;Time spent;Score;Completed on\n"
        "Ann Lee;ann@x.org;Sécu;100%;1h 05m;85%;20/03/2024\nBo Yi;bo@x.org;Sécu;40%;12m;;\n",
        "attempts", [0.85, None],
    ),
    "loom": (
        "Video title,Viewer name,Viewer email,Completion rate,First viewed\n"
        'Film 1,Ann,ann@x.org,0.85,"Mar 20, 2024"\nFilm 1,Bo,bo@x.org,1,"Mar 21, 2024"\n',
        "events", [0.85, 1.0],
    ),
    "mentimeter": (
        "Voter,How useful? (1-10),Comments\nVoter 1,4,bien\nVoter 2,5,\n", "feedback", [4.0, None, 5.0],
    ),
    "satisfaction": (
        "Horodatage;Note globale (sur 10);Commentaires\n21/03/2024 12:00;8;bien\n21/03/2024 12:05;9;\n",
        "feedback", [8.0, None, 9.0],
    ),
    "line breaks in the header": (
        '"Nom\nde famille";Prénom;"Date\nde séance";"Présence\n(O/N)"\nLee;Ann;21/03/2024;O\nYi;Bo;21/03/2024;N\n',
        "attendance", ["present", "absent"],
    ),
    "a column for each half-day": (
        "Nom;Prénom;21/03/2024 matin;21/03/2024 après-midi;22/03/2024 matin\nLee;Ann;X;;X\nYi;Bo;abs;X;\n",
        "attendance", ["present", "present", "absent", "present"],
    ),
}  # fmt: skip
TOLD = {"attendance": "status", "attempts": "score", "events": "progress", "feedback": "rating"}


def mapped(folder, file, **told):
    """Read a file by the first mapping of it, uncorrected."""
    made = folder / "mapping.yaml"
    made.write_text(write_first_mapping(file), encoding="utf-8")
    reading = read(file, Context(timezone="Europe/Paris", mapping=made, **told))
    assert reading.account.balanced
    return reading


@pytest.mark.parametrize("name", SHEETS)
def test_reads_as_it_is(tmp_path, name):
    content, table, told = SHEETS[name]
    file = tmp_path / "odd.csv"
    file.write_bytes(content.encode("utf-8" if "\u2019" in content else "cp1252"))
    got = mapped(tmp_path, file).tables[table].sort("record", maintain_order=True)
    assert got[TOLD[table]].to_list() == told


def test_title_rows_of_a_workbook_are_no_header_and_totals_nobody(tmp_path):
    reading = mapped(tmp_path, workbook(tmp_path / "signed.xlsx", TITLED))
    assert reading.tables["attendance"]["status"].to_list() == ["present", "absent"]
    assert reading.tables["meetings"].select("starts_at", "ends_at", "whole_day").rows() == [
        (dt.datetime(2024, 3, 20, 23, tzinfo=dt.UTC), dt.datetime(2024, 3, 21, 23, tzinfo=dt.UTC), True)
    ]  # fmt: skip
    assert dict(reading.account.reasons()) == {"average_row": 1}
    assert "Total" not in reading.people["value"].to_list()


def test_half_days_without_a_date_take_the_day_given(tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text(
        "FEUILLE DE PRÉSENCE\n\nNom et prénom,Matin,Après-midi\nLee Ann,signé,signé\nYi Bo,,signé\n"
    )
    undated = mapped(tmp_path, file)
    assert undated.tables["meetings"]["starts_at"].null_count() == 2
    assert undated.tables["attendance"]["status"].to_list() == ["present", "absent", "present", "present"]
    dated = mapped(tmp_path, file, day=dt.date(2024, 3, 21))
    assert set(dated.tables["meetings"]["starts_at"]) == {dt.datetime(2024, 3, 20, 23, tzinfo=dt.UTC)}


def test_days_without_a_year_take_that_of_the_day_given(tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("Nom,Prénom,21/03 9h,22/03 14h30\nLee,Ann,X,\nYi,Bo,x,X\n")
    starts = mapped(tmp_path, file, day=dt.date(2024, 1, 1)).tables["meetings"]["starts_at"]
    assert starts.to_list() == [
        dt.datetime(2024, 3, 21, 8, tzinfo=dt.UTC), dt.datetime(2024, 3, 22, 13, 30, tzinfo=dt.UTC),
    ]  # fmt: skip


def test_words_nobody_explained_are_noted_and_no_row(tmp_path):
    file, made = tmp_path / "odd.csv", tmp_path / "m.yaml"
    file.write_text("Nom,21/03/2024,22/03/2024\nLee,X,?\nYi,,X\n")
    made.write_text("table: attendance\nlearner: {name: Nom}\nsession: {columns: [21/03/2024, 22/03/2024]}\n"
                    "fields: {status: {map: {X: present}}}\n")  # fmt: skip
    reading = read(file, Context(timezone="Europe/Paris", mapping=made))
    assert reading.tables["attendance"].select("person", "meeting").rows() == [
        ("name:lee", "21/03/2024"), ("name:yi", "22/03/2024"),
    ]  # fmt: skip
    assert dict(reading.account.reasons("note")) == {"unknown_status": 1}


@pytest.mark.parametrize(
    ("session", "status", "message"),
    [
        ("{key: Date, columns: [A]}", "{column: P}", "session: must have key or start"),
        ("{columns: [A]}", "{column: P}", "must have fields.status.column, or session.columns"),
        ("{key: Date}", "{map: {X: present}}", "must have fields.status.column, or session.columns"),
    ],
)
def test_a_session_is_told_in_one_way(session, status, message):
    text = f"table: attendance\nlearner: {{name: N}}\nsession: {session}\nfields: {{status: {status}}}\n"
    with pytest.raises(InputError) as raised:
        check_mapping(yaml.load(text, Loader=yaml.BaseLoader), "m.yaml")
    assert message in str(raised.value)


def test_found_by_fuzzing_a_sheet_no_row_of_which_is_half_as_wide_as_most(tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes(b'a,"b,c;;;;;;;;;;;;;;;;;;;;;\n')
    write_first_mapping(file)
