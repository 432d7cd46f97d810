"""The command line: exit codes, JSON shapes and one clear message, as scripts and people rely on them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flipstats import cli, i18n

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
COLUMNS = ["metric", "statistic", "depth", "value", "low", "high", "level", "n", "numerator", "denominator"]
COLUMNS += ["unknown", "coverage", "unit", "version", "interval", "reason"]


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def once(*arguments):
        monkeypatch.setattr(sys, "argv", ["flipstats", *map(str, arguments)])
        for name in ("FLIPSTATS_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "FLIPSTATS_DEBUG"):
            monkeypatch.delenv(name, raising=False)
        with i18n.in_language("en"):
            code = 0
            try:
                cli.main()
            except SystemExit as stop:
                code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return once


@pytest.fixture(scope="module")
def study(shipped_built, tmp_path_factory):
    return Path(shutil.copytree(shipped_built, tmp_path_factory.mktemp("cli") / "secinc"))


def test_build_prints_its_account(run, tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "s")
    code, out, err = run("build", tmp_path / "s" / "study.toml", "--out", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["study"] == str(tmp_path / "out")
    assert told["report"] is None
    assert told["rows_read"] == told["rows_kept"] + told["rows_merged"] + told["rows_set_aside"]
    code, out, _ = run("build", tmp_path / "s", "--lang", "fr")
    assert code == 0
    assert "Étude construite" in out


def test_read_one_export(run):
    code, out, _ = run("read", SAMPLE / "exports" / "courseid_41_participants.csv", "--json")
    told = json.loads(out)
    assert code == 0
    assert list(told) == [
        "format", "confidence", "tables", "rows_read", "rows_kept", "rows_merged", "rows_set_aside", "set_aside", "warnings",
    ]  # fmt: skip
    assert told["format"] == "moodle_participants"
    assert told["tables"]["learners"] == told["rows_kept"] == told["rows_read"]


def test_read_counts_in_words_one_and_several(run, tmp_path):
    head, first, second, *_ = (
        (SAMPLE / "exports" / "courseid_41_participants.csv").read_text(encoding="utf-8-sig").splitlines()
    )
    file = tmp_path / "courseid_41_participants.csv"
    said = {}
    for n, rows in ((1, [first]), (2, [first, second])):
        file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        for lang in ("en", "fr"):
            said[lang, n] = run("read", file, "--lang", lang)[1].splitlines()[1:3]
    assert said["fr", 1] == [
        "1 enregistrement lu = 1 gardé + 0 fusionné + 0 mis de côté",
        "Donne 1 apprenant",
    ]
    assert said["fr", 2][0] == "2 enregistrements lus = 2 gardés + 0 fusionnés + 0 mis de côté"
    assert said["fr", 2][1] == "Donne 2 apprenants"
    assert said["en", 1] == ["1 record read = 1 kept + 0 merged + 0 set aside", "Gives 1 learner"]


def test_read_writes_tables_without_names(run, tmp_path):
    code, _, _ = run(
        "read",
        SAMPLE / "exports" / "progress.secinc-2023.csv",
        "--timezone",
        "Europe/Paris",
        "--out",
        tmp_path,
    )
    assert code == 0
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.csv"))
    assert "@" not in written
    assert (tmp_path / "events.csv").exists()


def test_a_zone_is_asked_for(run):
    code, out, err = run("read", SAMPLE / "exports" / "progress.secinc-2023.csv")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "--timezone" in err


def test_detect_says_which_system_and_why(run, tmp_path):
    code, out, _ = run("detect", SAMPLE / "exports" / "courseid_41_participants.csv", "--json")
    (told,) = json.loads(out)
    assert (code, told["format"]) == (0, "moodle_participants")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    code, out, _ = run("detect", tmp_path / "x.csv")
    assert code == 1
    assert "not recognised" in out


@pytest.mark.parametrize(
    "key",
    [
        "consultation_rate",
        "prepared_rate",
        "preparation_spread",
        "lead_time",
        "start_score",
        "completion_rate",
    ],
)
def test_metrics_print_rows_with_fixed_names(run, study, key):
    code, out, _ = run("metrics", study, "--metric", key, "--by", "arm,iteration", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert all(list(row) == ["arm", "iteration", *COLUMNS] for row in rows)
    assert {row["arm"] for row in rows} == {"flipped", "conventional"}
    assert all(row["reason"] for row in rows if row["value"] is None)


def test_metrics_in_other_forms(run, study, tmp_path):
    asked = ("metrics", study, "--metric", "consultation_rate", "--depth", "opened", "--by", "session_id")
    code, out, _ = run(*asked, "--format", "csv")
    assert (code, out.splitlines()[0].split(",")[:2]) == (0, ["session_id", "metric"])
    code, out, err = run(*asked, "--format", "parquet")
    assert (code, out, err) == (1, "", "Parquet is not for a terminal; give a file with --out FILE.parquet\n")
    code, _, _ = run(*asked, "--format", "parquet", "--out", tmp_path / "x.parquet")
    assert (code, (tmp_path / "x.parquet").exists()) == (0, True)
    code, out, _ = run(*asked)
    assert code == 0
    assert "consultation_rate" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metric", "consultaton_rate"), "there is no indicator 'consultaton_rate'; did you mean 'consultation_rate'?\n"),
        (("--metric", "prepared_rate", "--by", "chort_id"), "prepared_rate: there is no grouping 'chort_id'; did you mean 'cohort_id'?\n"),
        (("--metric", "prepared_rate", "--format", "xslx"), "'xslx' is not a format; use table, csv, json, parquet\n"),
    ],
)  # fmt: skip
def test_a_wrong_question_gets_one_clear_message(run, study, arguments, message):
    code, out, err = run("metrics", study, *arguments)
    assert (code, out, err) == (1, "", message)


def test_small_cells_are_hidden_from_managers(run, study):
    asked = (
        "metrics",
        study,
        "--metric",
        "prepared_rate",
        "--by",
        "cohort_id",
        "--depth",
        "opened",
        "--format",
        "json",
    )
    research = {row["cohort_id"]: row for row in json.loads(run(*asked)[1]) if row["statistic"] == "all"}
    manager = {
        row["cohort_id"]: row
        for row in json.loads(run(*asked, "--role", "manager")[1])
        if row["statistic"] == "all"
    }
    small = {cohort for cohort, row in research.items() if row["value"] is not None and row["n"] < 5}
    for cohort in small:
        assert manager[cohort]["value"] is None
        assert manager[cohort]["reason"] == "suppressed"


def test_compare_a_study(run, study):
    code, out, _ = run("compare", study, "--outcome", "summative", "--json")
    told = json.loads(out)
    assert code == 0
    assert {"design", "tier", "verdict", "flow", "balance", "effects", "sensitivity", "warnings"} <= set(told)
    assert {"words", "sentence", "threats"} <= set(told["verdict"])
    effect = next(e for e in told["effects"] if e["role"] == "primary")
    assert effect["clusters_treated"] == effect["clusters_control"] == 8
    assert effect["low"] < effect["value"] < effect["high"]


def test_compare_any_table(run, tmp_path):
    rows = [
        f"{arm},{group},{score}"
        for group, arm, score in (
            (g, "TC"[g % 2], 10 + g % 2 + i % 5 + g % 3) for g in range(12) for i in range(8)
        )
    ]
    (tmp_path / "t.csv").write_text("arm,group,score\n" + "\n".join(rows))
    asked = (
        "compare",
        tmp_path / "t.csv",
        "--outcome",
        "score",
        "--arm",
        "arm",
        "--treated",
        "T",
        "--control",
        "C",
    )
    code, out, _ = run(*asked, "--cluster", "group", "--assignment", "random_cluster", "--json")
    assert code == 0
    assert json.loads(out)["effects"][0]["method"] == "cluster_means"
    code, _, err = run(*asked[:3], "scre", *asked[4:])
    assert (code, err) == (1, "the table has no column 'scre'; did you mean 'score'?\n")


def test_check_says_what_is_computable(run, study):
    code, out, _ = run("check", study)
    assert code == 0
    assert "namesake" in out
    told = json.loads(run("check", study, "--json")[1])
    assert {row["metric"] for row in told["computable"]} >= {"consultation_rate", "completion_rate"}


def test_sample_and_init(run, tmp_path):
    code, out, _ = run(
        "sample", tmp_path / "s", "--learners", 48, "--seed", 3, "--truth", tmp_path / "truth.json"
    )
    assert (code, (tmp_path / "truth.json").exists()) == (0, True)
    assert "flipstats build" in out
    (tmp_path / "raw").mkdir()
    shutil.copytree(tmp_path / "s" / "exports", tmp_path / "raw" / "exports")
    code, out, _ = run("init", tmp_path / "raw", "--lang", "fr")
    assert code == 0
    assert "study.toml" in out
    code, _, err = run("init", tmp_path / "raw")
    assert code == 1
    assert "does not overwrite" in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("nonsense",), 2),
        (("metrics", "somewhere"), 2),
        (("check", "/nowhere"), 1),
        (("build", "/nowhere/study.toml"), 1),
        (("read", "/nowhere.csv"), 1),
        (("check", ".", "--lang", "de"), 2),
        (("--help",), 0),
    ],
)
def test_exit_codes(run, arguments, code):
    assert run(*arguments)[0] == code


def test_a_fault_of_ours_is_one_line_and_no_traceback(run, study, monkeypatch):
    from flipstats.build import check

    def broken(_study):
        raise ZeroDivisionError

    monkeypatch.setattr(check, "check_study", broken)
    code, out, err = run("check", study)
    assert (code, out) == (1, "")
    assert err == (
        "this is a fault of flipstats, not of your data (ZeroDivisionError); please report it. FLIPSTATS_DEBUG=1 shows where\n"
    )


def test_the_installed_command_runs():
    done = subprocess.run(
        [sys.executable, "-m", "flipstats.cli", "--help"], capture_output=True, text=True, check=True
    )
    for command in (
        "demo",
        "sample",
        "init",
        "detect",
        "read",
        "build",
        "check",
        "metrics",
        "compare",
        "report",
        "dashboard",
        "lab",
    ):
        assert command in done.stdout


def test_map_writes_a_first_mapping(run, tmp_path):
    sheet, out = tmp_path / "sheet.csv", tmp_path / "mapping.yaml"
    sheet.write_text("E-mail;Date;Présence\nann@x.org;21/03/2024;Présent\n", encoding="utf-8")
    code, printed, err = run("map", sheet)
    assert (code, err) == (0, "")
    assert 'status: {column: "Présence", map: {"Présent": present}}' in printed
    code, told, _ = run("map", sheet, "--out", out)
    assert (code, told) == (0, f"Written: {out}. Correct it, then: flipstats read FILE --mapping {out}\n")
    assert out.read_text(encoding="utf-8") == printed
    code, told, err = run("map", sheet, "--out", out, "--lang", "fr")
    assert (code, told) == (1, "")
    assert err == f"{out} existe déjà et n’est pas écrasé\u202f; nommez un autre fichier, ou déplacez-le\n"
    code, told, _ = run("read", sheet, "--mapping", out, "--json")
    assert (code, json.loads(told)["tables"]["attendance"]) == (0, 1)
    (tmp_path / "words.txt").write_text("nothing here\n")
    code, _, err = run("map", tmp_path / "words.txt")
    assert code == 1
    assert err == (
        "words.txt holds no table: no delimiter gives it two columns or more; export it again as CSV\n"
    )


def test_read_is_told_what_a_file_cannot_say(run, tmp_path):
    report = tmp_path / "report.csv"
    report.write_text(
        "Name,Email,Duration,Time joined,Time exited\nAnn Lee,a@x.org,59 min,9:01 AM,10:00 AM\n"
    )
    code, out, _ = run("read", report, "--timezone", "Europe/Paris", "--day", "2024-03-21", "--json")
    assert (code, json.loads(out)["tables"]) == (0, {"attendance": 1, "learners": 1, "sessions": 1})
    assert run("read", report, "--timezone", "Europe/Paris", "--day", "21/03/2024")[0] == 2
    assert run("read", report, "--date-order", "days")[0] == 2


def test_what_was_asked_by_band_and_cannot_be_shown_is_said(run, tmp_path):
    rows = [f"{k * 7 % 11},{'fc'[k % 2]},{'rare' if k < 4 else 'often'}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["y,arm,band", *rows]))
    arms = ["--arm", "arm", "--treated", "f", "--control", "c", "--assignment", "random_individual"]
    asked_for = ["--outcome", "y", "--by", "band", "--contrast", "rare=1"]
    code, out, _ = run("compare", tmp_path / "t.csv", *arms, *asked_for)
    assert code == 0
    assert "not shown: rare" in out
    assert "The contrast of bands could not be computed" in out
