"""Names stand in the session brief alone: a test that looks for them everywhere else."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader
from studies import at, small, study
from typer.testing import CliRunner

from flipstats import display
from flipstats.bench import brief_of
from flipstats.cli import app
from flipstats.errors import ParameterError
from flipstats.export import export_study
from flipstats.ledger.identities import PASSPHRASE, lock, log_path
from flipstats.report.names import check_names, with_names
from flipstats.study import Study, open_study

WORD = "correct horse battery"
SECRET = ("Zénobie", "Quattrocchi", "Brünnhilde", "Wotanson", "zenobie@example.org", "wotan@example.org")
PEOPLE = {
    "ada": ("Zénobie Quattrocchi", "zenobie@example.org"),
    "bo": ("Brünnhilde <b>Wotanson</b>", "wotan@example.org"),
}


def a_study() -> Study:
    rows = small(
        cohorts=[{"cohort_id": "A", "trainer_id": "TA"}, {"cohort_id": "B", "trainer_id": "TB"}],
        enrolments=[
            {"learner_id": "ada", "enrolled_at": at("2024-03-01 00:00")},
            {"learner_id": "cy", "enrolled_at": at("2024-03-01 00:00")},
            {"learner_id": "bo", "cohort_id": "B", "enrolled_at": at("2024-03-01 00:00")},
            *({"learner_id": f"more{i}", "cohort_id": "B"} for i in range(5)),
        ],
    )
    session = rows["sessions"][0]
    rows["sessions"].append(session | {"session_id": "S2", "cohort_id": "B"})
    rows["plan"].append({"session_id": "S2", "resource_id": "R1"})
    return study(rows)


def holds_a_name(content: bytes) -> list[str]:
    return [
        word
        for word in SECRET
        for coded in (word.encode(), word.encode("utf-16-le"), json.dumps(word)[1:-1].encode())
        if coded in content
    ]


def leaks(folder: Path, *, but: tuple[Path, ...] = ()) -> dict[str, list[str]]:
    """Every file under a folder that holds a name, unpacked where it is a zip."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in but:
            content = path.read_bytes() + path.name.encode()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    content += b"".join(packed.read(name) for name in packed.namelist())
            if names := holds_a_name(content):
                found[str(path.relative_to(folder))] = names
    return found


def test_a_name_stands_beside_its_pseudonym_and_is_escaped() -> None:
    page = display.unprepared(brief_of(a_study(), "S2"))
    named = with_names(page, PEOPLE)
    assert "<strong>Brünnhilde &lt;b&gt;Wotanson&lt;/b&gt;</strong> <small>bo</small>" in named
    assert "Zénobie" not in named
    assert with_names(page, {}) == page
    assert with_names(page, {"bo": ("", "wotan@example.org")}).count("wotan@example.org") == 1
    odd = '<span class="fs-who" data-who="a&quot;b">a&quot;b</span>'
    assert "<strong>N</strong>" in with_names(odd, {'a"b': ("N", "")})


def test_names_are_refused_where_they_may_not_be(tmp_path: Path) -> None:
    whole = a_study()
    inside, outside = tmp_path / "study" / "reports", tmp_path / "out"
    for options, said in (
        (
            (whole, "programme_report", {}, outside),
            "names are put into the session brief only, not into programme_report: add --notebook session_brief",
        ),
        (
            (whole, "session_brief", {"role": "trainer"}, outside),
            "names for a trainer come from the trainer's own study: flipstats export DIR --role trainer --trainer ID "
            "--out OTHER, then the report of OTHER with --identities",
        ),
        (
            (whole, "session_brief", {}, inside),
            f"a report with names does not lie in the study: give --out, a folder outside {tmp_path / 'study'}",
        ),
        (
            (whole, "session_brief", {}, tmp_path / "out" / ".." / "study"),
            f"a report with names does not lie in the study: give --out, a folder outside {tmp_path / 'study'}",
        ),
    ):
        with pytest.raises(ParameterError) as refused:
            check_names(*options, tmp_path / "study")
        assert str(refused.value) == said
    managers = open_study(export_study(whole, "manager", tmp_path / "managers"))
    with pytest.raises(ParameterError, match="exported for the role 'manager'"):
        check_names(managers, "session_brief", {}, outside, tmp_path / "managers")
    check_names(whole, "session_brief", {}, outside, tmp_path / "study")


@pytest.mark.slow
def test_names_are_in_the_brief_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    keep, out = tmp_path / "keep", tmp_path / "out"
    keep.mkdir()
    scratch = Path(tempfile.mkdtemp(prefix="fs-"))  # short: sockets have short names
    request.addfinalizer(lambda: shutil.rmtree(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv(PASSPHRASE, WORD)
    lock(PEOPLE, keep / "who.enc", WORD)
    a_study().save(tmp_path / "whole")
    mine = export_study(open_study(tmp_path / "whole"), "trainer", tmp_path / "mine", trainer="TA")
    command = ["report", str(mine), "--notebook", "session_brief", "--identities", str(keep / "who.enc")]
    command += ["--lang", "en", "--out", str(out)]
    done = CliRunner().invoke(app, [*command, "--to", "pdf"])
    assert done.exit_code == 0, done.output
    page, sheet = out / "session_brief-en.html", out / "session_brief-en.pdf"
    assert "<strong>Zénobie Quattrocchi</strong> <small>ada</small>" in page.read_text(encoding="utf-8")
    assert "Brünnhilde" not in page.read_text(encoding="utf-8"), "of another trainer"
    assert stat.S_IMODE(page.stat().st_mode) == stat.S_IMODE(sheet.stat().st_mode) == 0o600
    printed = PdfReader(sheet)
    assert len(printed.pages) == 1
    assert "Quattrocchi" in printed.pages[0].extract_text()
    assert leaks(tmp_path, but=(page, sheet)) == leaks(scratch) == {}
    assert not holds_a_name(done.output.encode())
    logged = [
        json.loads(line) for line in log_path(keep / "who.enc").read_text(encoding="utf-8").splitlines()
    ]
    assert [(line["what"], line["purpose"]) for line in logged] == [
        ("asked", "session_brief-en.html"), ("opened", "session_brief-en.html")
    ]  # fmt: skip
    page.unlink()
    sheet.unlink()
    failed = CliRunner().invoke(app, [*command, "-p", "session=S9"])
    assert failed.exit_code == 1
    assert leaks(tmp_path) == leaks(scratch) == {}
    monkeypatch.setenv(PASSPHRASE, "wrong horse battery")
    assert CliRunner().invoke(app, command).exit_code == 1
    assert not page.exists()
    assert (
        json.loads(log_path(keep / "who.enc").read_text(encoding="utf-8").splitlines()[-1])["what"]
        == "refused"
    )


def test_names_do_not_go_with_each(tmp_path: Path) -> None:
    a_study().save(tmp_path / "whole")
    done = CliRunner().invoke(
        app,
        ["report", str(tmp_path / "whole"), "--each", "cohort_id", "--identities", "who.enc", "--lang", "en"],
    )
    assert done.exit_code == 2
