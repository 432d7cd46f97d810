"""The four sheets: French and English, commas and semicolons, and messages that name file, line and column."""

import pytest

from flipstats.build.journals import JOURNALS
from flipstats.build.sheets import SHEETS, read_sheet, vocabulary, write_sheet
from flipstats.errors import StudyFileError


def put(folder, sheet, text, encoding="utf-8"):
    (folder / f"{sheet}.csv").write_bytes(text.encode(encoding))
    return folder


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("sheet", [*SHEETS, *JOURNALS])
def test_what_is_written_is_read_back(tmp_path, sheet, lang):
    columns = list(vocabulary()["columns"][sheet])
    rows = [{c: f"v{i}" for i, c in enumerate(columns)}, {columns[0]: "only"}]
    write_sheet(tmp_path, sheet, rows, lang)
    back = read_sheet(tmp_path, sheet)
    assert [{c: r.text(c) for c in columns} for r in back] == [
        {c: row.get(c) for c in columns} for row in rows
    ]


def test_french_headings_and_values_in_an_excel_encoding(tmp_path):
    put(
        tmp_path,
        "resources",
        "Titre;Prépare séance;Obligatoire;Achèvement\nCapsule;2;OUI;Consultation\n",
        "cp1252",
    )
    (row,) = read_sheet(tmp_path, "resources")
    assert (
        row.text("title"),
        row.whole("prepares"),
        row.yes("mandatory", default=False),
        row.choice("completion"),
    ) == (
        "Capsule",
        2,
        True,
        "view",
    )


def test_a_cell_that_looks_like_a_formula_is_disarmed_and_comes_back(tmp_path):
    write_sheet(tmp_path, "resources", [{"title": '=HYPERLINK("http://x")'}], "en")
    assert "'=HYPERLINK" in (tmp_path / "resources.csv").read_text(encoding="utf-8-sig")
    assert read_sheet(tmp_path, "resources")[0].text("title") == '=HYPERLINK("http://x")'


@pytest.mark.parametrize(
    ("sheet", "text", "message"),
    [
        (
            "cohorts", "cohrt,arm\nA,x\n",
            "cohorts.csv: unknown column 'cohrt'; did you mean cohort?",
        ),
        (
            "sessions", "cohort,title\nA,x\n",
            "sessions.csv: the column 'number' is missing; found cohort, title",
        ),
        (
            "cohorts", "cohort,title\nA,x,y\n",
            "cohorts.csv, line 2: more cells than the 2 columns of the header; a cell that holds the separator "
            "must be in double quotes",
        ),
    ],
)  # fmt: skip
def test_a_wrong_sheet_is_explained(tmp_path, sheet, text, message):
    put(tmp_path, sheet, text)
    with pytest.raises(StudyFileError) as refused:
        read_sheet(tmp_path, sheet)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("cell", "ask", "problem"),
    [
        (
            "peut-être",
            lambda row: row.yes("mandatory", default=True),
            "'peut-être' is not a choice; use yes, no",
        ),
        ("x", lambda row: row.whole("mandatory"), "'x' is not a number"),
        ("", lambda row: row.need("mandatory"), "must not be blank"),
        (
            "33/01/2024",
            lambda row: row.moment("mandatory", None),
            "'33/01/2024' is not a day or time; write 2024-03-21 09:00",
        ),
    ],
)
def test_a_wrong_cell_is_explained(tmp_path, cell, ask, problem):
    put(tmp_path, "resources", f"title,mandatory\n\nA,{cell}\n")
    (row,) = read_sheet(tmp_path, "resources")
    with pytest.raises(StudyFileError) as refused:
        ask(row)
    assert str(refused.value) == f"resources.csv, line 3, column mandatory: {problem}"


def test_an_absent_sheet_has_no_rows(tmp_path):
    assert read_sheet(tmp_path, "cohorts") == []
