"""The ledger as files: totals recompute, tampering shows, no formula, no name where none belongs."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import stat
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from studies import study as study_of
from test_export import every_text
from test_ledger import rows_of
from typer.testing import CliRunner

from flipstats import i18n
from flipstats.cli import app
from flipstats.errors import InputError, ParameterError
from flipstats.ledger import Ledger, Rule, export_ledger, ledger
from flipstats.ledger.files import KINDS, harmless, read_totals
from flipstats.ledger.identities import identities_of, lock, log_path, unlock
from flipstats.ledger.signature import PASSPHRASE, make_key, private_key, public_key, signature_path, verify
from flipstats.study import open_study

WORD = "correct horse battery"
PEOPLE = {"ada": ("Ada Łukasiewicz", "ada@example.org"), "bo": ("=cmd()", "bo@example.org")}
EVENTS = [("ada", "V", "paused", 300.0, 0, 3600), ("bo", "W", "viewed", None, 0, 3600)]
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", " =1+1", "\r\n=1")


@pytest.fixture
def made() -> Ledger:
    rows = rows_of(EVENTS, [("ada", "present", None, None)])
    rows["resources"] = [
        {**row, "title": title} for row, title in zip(rows["resources"], FORMULAS[:4], strict=True)
    ]
    return ledger(study_of(rows), Rule(assistance="<script>alert(1)</script>"))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "org.pem")
    return tmp_path / "org.pem"


@pytest.fixture
def identities(tmp_path: Path) -> Path:
    lock(PEOPLE, tmp_path / "who.enc", WORD)
    return tmp_path / "who.enc"


def check(file: Path, key: Path) -> list[str]:
    return verify(file, signature_path(file), public_key(key.with_name(key.name + ".pub")))


# ------------------------------------------------------------------------------------------- signature


@pytest.mark.parametrize("kind", KINDS)
def test_a_ledger_is_sound_until_a_byte_of_it_changes(
    made: Ledger, key: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"hours{kind}"
    assert export_ledger(made, file, key=key) == [file, signature_path(file)]
    assert check(file, key) == []
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert any("changed after" in problem for problem in check(file, key))


def test_one_minute_more_is_found_and_named(made: Ledger, key: Path, tmp_path: Path) -> None:
    file = tmp_path / "hours.csv"
    export_ledger(made, file, key=key)
    lines = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline="")))
    column = lines[0].index("credited_min")
    (row,) = (line for line in lines if line[:1] == ["ada"] and "resource" in line and line[column] == "5.00")
    row[column] = "6.00"
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle, lineterminator="\r\n").writerows(lines)
    problems = check(file, key)
    assert len(problems) == 2
    assert "95.00 signed" in problems[1]
    assert "add up to 96.00" in problems[1]


def test_hash_and_totals_made_again_by_who_has_no_key_are_refused(
    made: Ledger, key: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hours.csv"
    export_ledger(made, file, key=key)
    told = json.loads(signature_path(file).read_text("utf-8"))
    told["statement"]["totals"][0]["credited_min"] = "999.00"
    signature_path(file).write_text(json.dumps(told), encoding="utf-8")
    assert any("not by this key" in problem for problem in check(file, key))
    other = tmp_path / "other.pem"
    make_key(other)
    export_ledger(made, file, key=other)  # signed whole, by somebody else
    assert any("not by this key" in problem for problem in check(file, key))
    assert check(file, other) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"statement": 1, "signature": "%%"}', "\x00"])
def test_a_damaged_signature_says_so(made: Ledger, key: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "hours.csv"
    export_ledger(made, file, key=key)
    signature_path(file).write_text(text, encoding="utf-8")
    assert any("nothing can be said" in problem for problem in check(file, key))
    signature_path(file).unlink()
    assert any("no signature" in problem for problem in check(file, key))


def test_lines_and_learners_taken_out_or_put_in_are_named(made: Ledger, key: Path, tmp_path: Path) -> None:
    file = tmp_path / "hours.csv"
    export_ledger(made, file, key=key)
    lines = file.read_text("utf-8-sig").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("bo")]
    added = next(line for line in lines if line.startswith("ada")).replace("ada", "eve", 1)
    file.write_text("\ufeff" + "".join([*kept, added]), encoding="utf-8", newline="")
    told = " ".join(check(file, key))
    assert "bo was in the signed ledger" in told
    assert "eve was not" in told
    assert "lines were signed" in told


@pytest.mark.parametrize("kind", [".csv", ".xlsx"])
def test_totals_come_out_of_the_file_itself(made: Ledger, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"hours{kind}"
    export_ledger(made, file)
    lines, summed = read_totals(file)
    assert lines == made.rows.height
    assert summed.equals(made.totals())


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", b"a,b\n1,2\n"),
        ("b.xlsx", b"PK no"),
        ("c.csv", b"\xff\xfe"),
        ("d.csv", b""),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name[0]):
            read_totals(tmp_path / name)


def test_keys_are_private_kept_and_never_written_over(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(ParameterError, match="exists"):
        make_key(key)
    with pytest.raises(InputError, match="no private key"):
        private_key(key.with_name(key.name + ".pub"))
    monkeypatch.setenv(PASSPHRASE, "a long passphrase")
    make_key(tmp_path / "locked.pem")
    private_key(tmp_path / "locked.pem")
    monkeypatch.setenv(PASSPHRASE, "another")
    with pytest.raises(InputError, match="passphrase"):
        private_key(tmp_path / "locked.pem")


# ------------------------------------------------------------------------------------------- hostile cells


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    assert harmless(text)[0] == "'"


def test_no_cell_of_any_file_is_a_formula(made: Ledger, key: Path, identities: Path, tmp_path: Path) -> None:
    named = {"key": key, "identities": identities, "passphrase": WORD}
    book, text = tmp_path / "hours.xlsx", tmp_path / "hours.csv"
    export_ledger(made, book, **named)
    export_ledger(made, text, **named)
    with zipfile.ZipFile(book) as parts:
        inside = [parts.read(n).decode() for n in parts.namelist() if n.startswith("xl/worksheets/")]
    assert inside
    assert not [part for part in inside if "<f>" in part or "<f " in part or "hyperlink" in part]
    cells = list(csv.reader(io.StringIO(text.read_text("utf-8-sig"), newline="")))
    sheets = CalamineWorkbook.from_path(str(book))
    for name in sheets.sheet_names:
        cells += sheets.get_sheet_by_name(name).to_python()
    texts = [c for row in cells for c in row if isinstance(c, str) and not re.fullmatch(r"-?[\d.]+", c)]
    assert any(c == "'=cmd()" for c in texts)
    assert not [c for c in texts if c.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_page_runs_no_script_and_asks_for_nothing(made: Ledger, tmp_path: Path) -> None:
    for lang in i18n.LANGUAGES:
        with i18n.in_language(lang):
            export_ledger(made, tmp_path / "hours.html")
        page = (tmp_path / "hours.html").read_text("utf-8")
        assert f'<html lang="{lang}">' in page
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "default-src 'none'" in page
        assert not re.search(r"https?://|src=|url\(|@import", page)
        assert page.count("D.6313-3-1") == 3
        assert not re.search(r"\bledger\.[a-z_]+", page)  # every text is in the catalogue


# -------------------------------------------------------------------------------------------- identities


def test_names_need_a_signature_and_leave_a_line_in_the_log(
    made: Ledger, key: Path, identities: Path, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="signed"):
        export_ledger(made, tmp_path / "hours.csv", identities=identities, passphrase=WORD)
    assert not log_path(identities).exists()
    file = tmp_path / "hours.csv"
    export_ledger(made, file, key=key, identities=identities, passphrase=WORD)
    assert "Ada Łukasiewicz" in file.read_text("utf-8-sig")
    log = [json.loads(line) for line in log_path(identities).read_text("utf-8").splitlines()]
    assert [(line["what"], line["purpose"]) for line in log] == [
        ("asked", "hours.csv"),
        ("opened", "hours.csv"),
    ]
    with pytest.raises(InputError, match="wrong passphrase"):
        unlock(identities, "something else", "spying")
    log = [json.loads(line) for line in log_path(identities).read_text("utf-8").splitlines()]
    assert [line["what"] for line in log] == ["asked", "opened", "asked", "refused"]
    assert all(line["before"] for line in log[1:])


def test_identities_are_not_opened_where_the_access_cannot_be_logged(identities: Path) -> None:
    log_path(identities).mkdir()
    with pytest.raises(InputError):
        unlock(identities, WORD, "hours.csv")


def test_identities_are_unreadable_without_the_passphrase(identities: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(identities.stat().st_mode) == 0o600
    raw = identities.read_text("utf-8")
    assert not [word for word in ("ada", "Ada", "example", "bo@") if word in raw]
    assert unlock(identities, WORD, "test") == PEOPLE
    with pytest.raises(ParameterError, match="at least"):
        lock(PEOPLE, tmp_path / "weak.enc", "short")
    damaged = json.loads(raw)
    damaged["sealed"] = damaged["sealed"][:-8] + "AAAAAAA="
    identities.write_text(json.dumps(damaged), encoding="ascii")
    with pytest.raises(InputError):
        unlock(identities, WORD, "test")


def test_the_pdf_says_the_totals_and_writes_no_name_wrong(
    made: Ledger, key: Path, identities: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hours.pdf"
    export_ledger(made, file, key=key, identities=identities, passphrase=WORD)
    text = "".join(page.extract_text() for page in PdfReader(file).pages)
    assert "95.00" in text
    assert "[U+0141]ukasiewicz" in text.replace("\n", "")
    assert "■" not in text


# --------------------------------------------------------------------------------------- the whole way


@pytest.fixture(scope="module")
def folder(forty_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(forty_built, tmp_path_factory.mktemp("ledger") / "study")


def test_names_are_in_the_signed_export_and_nowhere_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPSTATS_IDENTITIES_PASSPHRASE", WORD)
    run, out = CliRunner(), tmp_path / "out"
    out.mkdir()
    key, who, file = tmp_path / "org.pem", out / "who.enc", out / "hours.csv"
    steps = [
        ["ledger-key", str(key)],
        ["identities", str(folder), "--out", str(who)],
        ["ledger", str(folder), "--out", str(out / "plain.csv")],
        ["ledger", str(folder), "--out", str(file), "--sign", str(key), "--identities", str(who)],
        ["verify", str(file), "--key", f"{key}.pub"],
    ]
    said = [run.invoke(app, step, catch_exceptions=False) for step in steps]
    assert [done.exit_code for done in said] == [0] * 5
    people = identities_of(open_study(folder), folder)
    assert len(people) == 40
    words = {word for name, email in people.values() for word in (name, email) if word}
    assert len(words) > 60
    signed = file.read_text("utf-8-sig")
    assert all(word in signed for word in words)
    file.unlink()
    rest = every_text(out) | every_text(folder / "snapshots") | {done.output for done in said}
    assert not [word for word in words if any(word in text for text in rest)]
    assert os.listdir(out)


def test_verify_fails_with_exit_code_1_and_says_why(folder: Path, tmp_path: Path) -> None:
    key, file = tmp_path / "org.pem", tmp_path / "hours.csv"
    run = CliRunner()
    run.invoke(app, ["ledger-key", str(key)], catch_exceptions=False)
    run.invoke(app, ["ledger", str(folder), "--out", str(file), "--sign", str(key)], catch_exceptions=False)
    file.write_text(file.read_text("utf-8-sig").replace("210.00", "211.00", 1), encoding="utf-8-sig")
    done = run.invoke(app, ["verify", str(file), "--key", f"{key}.pub", "--json"], catch_exceptions=False)
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["sound"] is False
    assert len(told["problems"]) >= 2
