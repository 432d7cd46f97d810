"""Speed and memory of a build, as ratios to polars merely reading the same files: python benchmarks/build.py.

A programme of Moodle logs, one a term, is built from nothing, built again with one log longer, and built
again with nothing changed. `--events N` builds N events of canonical tables (Parquet) instead. Every
measurement is a process of its own; the account of every record is checked.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import polars as pl
import readers

import data

ROUNDS = 3
LOGS = 4
_LEARNERS, _MODULES = range(2, 2002), range(300, 360)
_STUDY = '[programme]\nid = "benchmark"\ntimezone = "Europe/Paris"\n'
_SOURCE = '[[sources]]\nfile = "{}"\n'


def sheet(file: Path, rows: list[tuple]) -> None:
    """Write a small CSV file."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def moodle(folder: Path, rows: int) -> None:
    """Write a programme of two cohorts, four sessions each, with `rows` records of logs in `LOGS` files."""
    sheet(
        folder / "cohorts.csv",
        [("cohort", "title", "arm", "starts"), *((c, c, c, "2024-01-01 08:00") for c in "AB")],
    )
    header = ("cohort", "number", "title", "starts", "ends", "modality", "format")
    planned = [(c, n, f"S{n}", f"2024-0{n + 1}-21 09:00", f"2024-0{n + 1}-21 12:00", "room", "flipped_actor")
               for c in "AB" for n in range(1, 5)]  # fmt: skip
    sheet(folder / "sessions.csv", [header, *planned])
    header = ("cmid", "title", "kind", "prepares", "phase", "mandatory", "minutes")
    films = [(m, f"Film {m}", "page", 1 + m % 4, "pre", "yes", "5") for m in _MODULES]
    sheet(folder / "resources.csv", [header, *films])
    sheet(folder / "assessments.csv", [("file", "title", "role", "session", "maximum", "due")])
    header = ("First name", "Last name", "Email address", "Groups")
    sheet(
        folder / "members.csv",
        [header, *(("Ann", f"Lee {n}", f"u{n}@x.org", "AB"[n % 2]) for n in _LEARNERS)],
    )
    for term in range(LOGS):
        readers.moodle_log(folder / f"log{term}.csv", rows // LOGS + term)
    files = ["members.csv", *(f"log{term}.csv" for term in range(LOGS))]
    (folder / "study.toml").write_text(_STUDY + "".join(map(_SOURCE.format, files)), encoding="utf-8")


def canonical(folder: Path, events: int) -> None:
    """Write as many events, and the tables they refer to, as Parquet files of one export."""
    raw = folder / "export"
    raw.mkdir()
    data.write(raw, events)
    for file in sorted(raw.iterdir()):
        frame = pl.scan_parquet(file)
        times = [name for name in frame.collect_schema().names() if name.endswith("at")]
        more = {"events": {"verb": pl.lit("viewed")}, "learners": {"tracking": pl.lit("traced")}}
        more |= {
            "sessions": {"kind": pl.lit("session")},
            "plan": {"phase": pl.lit("pre"), "mandatory": pl.lit(value=True)},
        }
        more |= {"resources": {"traced": pl.lit(value=True)}}
        utc = pl.from_epoch(pl.col(times), "us").dt.replace_time_zone("UTC") if times else []
        frame.with_columns(utc, **more.get(file.stem, {})).sink_parquet(raw / "draft")
        (raw / "draft").replace(file)
    (folder / "study.toml").write_text(_STUDY + _SOURCE.format("export"), encoding="utf-8")


def lengthen(folder: Path) -> None:
    """Add a record to one log: its last line once more."""
    last = folder / f"log{LOGS - 1}.csv"
    with last.open("rb+") as stream:
        stream.seek(-400, 2)
        stream.write(stream.read().rstrip(b"\n").rpartition(b"\n")[2] + b"\n")


def one(what: str, folder: Path) -> dict[str, float]:
    """Build, or let polars read the files, once in this process."""
    begun = time.perf_counter()
    if what == "polars":
        for file in sorted(folder.rglob("*.csv")) + sorted(folder.glob("export/*.parquet")):
            (pl.read_csv if file.suffix == ".csv" else pl.read_parquet)(file)
        told = {}
    else:
        from flipstats.build import build_study

        content = build_study(folder).to_dict()
        told = {name: content[f"rows_{name}"] for name in ("read", "kept", "merged", "set_aside")}
        told["unchanged"] = content["sources_unchanged"]
    seconds, usage = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        **told,
    }


def apart(what: str, folder: Path) -> dict[str, float]:
    """Do one thing in a process of its own."""
    command = [sys.executable, __file__, "--one", what, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(folder: Path, rounds: int, *, logs: bool) -> dict[str, list[dict]]:
    """Let builds and polars take turns."""
    runs: dict[str, list[dict]] = {"polars": [], "first": [], "one changed": [], "unchanged": []}
    for _ in range(rounds):
        runs["polars"].append(apart("polars", folder))
        for left in (".readings", "snapshots"):
            shutil.rmtree(folder / left, ignore_errors=True)
        runs["first"].append(apart("first", folder))
        if logs:
            lengthen(folder)
            runs["one changed"].append(apart("one changed", folder))
        runs["unchanged"].append(apart("unchanged", folder))
    return {what: found for what, found in runs.items() if found}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="records of Moodle logs")
    parser.add_argument("--events", type=int, help="events of canonical tables instead")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path)
    for hidden in ("--one", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, Path(given.folder))))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        canonical(folder, given.events) if given.events else moodle(folder, given.rows)
        runs = measure(folder, given.rounds, logs=not given.events)
    n = runs["first"][0]["read"]
    keys = ("seconds", "cpu", "peak_mb")
    medians = {w: {k: statistics.median(run[k] for run in of) for k in keys} for w, of in runs.items()}
    for what, told in medians.items():
        ratio = told["cpu"] / medians["polars"]["cpu"]
        print(
            f"{what:<12} {n:>12,} records  {told['seconds']:7.1f} s  {told['cpu']:7.1f} CPU s  "
            f"{n / told['seconds']:>11,.0f} a second  {told['peak_mb']:6.0f} MB  {ratio:6.2f} × polars (CPU)"
        )
    built = [run for what, of in runs.items() if what != "polars" for run in of]
    balanced = all(run["read"] == run["kept"] + run["merged"] + run["set_aside"] for run in built)
    print("every record accounted for" if balanced else "THE ACCOUNT DOES NOT BALANCE")
    if given.json:
        given.json.write_text(json.dumps(medians, indent=1), encoding="utf-8")
    if not balanced:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
