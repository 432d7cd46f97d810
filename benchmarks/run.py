"""Speed of stage one, as ratios to other engines in one interleaved run: python benchmarks/run.py --events N.

Every measurement is a process of its own, so that peak memory is its own too; the engines take turns, so
that a noisy machine is noisy to all of them. All engines but the floor must give the same rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import engines
import polars as pl
from memory import peak_mb

import data

ROUNDS = 3
MEASURES = ("seconds", "peak_mb", "cpu")
COUNTS, RATES = ["cohort_id", "session_id", "opened", "pairs"], ["value", "low", "high"]


def one(name: str, folder: Path) -> dict[str, float]:
    """Do one thing in this process; its libraries are there before the clock starts."""
    raw, built = folder / "raw", folder / "built"
    if name == "data":
        data.write(raw, int((folder / "events").read_text()))
        return {}
    engines.prepare(name)
    begun, worked = time.perf_counter(), time.process_time()
    found = engines.flipstats_build(raw, built) if name == "build" else engines.ENGINES[name](raw, built)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    if found is not None:
        found.write_parquet(folder / f"{name}.rows")
    return {"seconds": seconds, "peak_mb": peak_mb(), "cpu": cpu}


def apart(name: str, folder: Path) -> dict[str, float]:
    """Do one thing in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def same_rows(folder: Path, names: list[str]) -> bool:
    """Whether all engines gave the same rows: counts exactly, rates and intervals to 1e-12."""
    frames = [pl.read_parquet(folder / f"{name}.rows") for name in names if name != "floor"]
    return all(
        frame.select(COUNTS).equals(frames[0].select(COUNTS))
        and all(((frame[c] - frames[0][c]).abs().max() or 0) <= 1e-12 for c in RATES)
        for frame in frames
    )


def measure(events: int, names: list[str], folder: Path, rounds: int) -> dict:
    """Build once, then let the engines take turns."""
    (folder / "raw").mkdir()
    (folder / "events").write_text(str(events))
    apart("data", folder)
    found = {name: [] for name in names}
    build = apart("build", folder)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            found[name].append(apart(name, folder))
            print(
                f"  turn {turn + 1}: {name} {found[name][-1]['seconds']:.2f} s", file=sys.stderr, flush=True
            )
    found["build"] = [build]
    medians = {
        name: {key: round(statistics.median(run[key] for run in runs), 3) for key in MEASURES}
        for name, runs in found.items()
    }
    return {"events": events, "engines": medians, "equal": same_rows(folder, names)}


def written(result: dict) -> dict:
    """Return what the file holds: wall time and peak memory."""
    kept = {
        name: {key: run[key] for key in ("seconds", "peak_mb")} for name, run in result["engines"].items()
    }
    return {**result, "engines": kept}


def report(result: dict) -> str:
    """Return the table a person reads."""
    runs = result["engines"]
    floor = runs.get("floor", {}).get("seconds")
    load = f", load {os.getloadavg()[0]:.0f}" if hasattr(os, "getloadavg") else ""
    lines = [
        f"{result['events']:,} events · {platform.machine()}, {os.cpu_count()} cores{load}, Python "
        f"{platform.python_version()}, polars {pl.__version__}"
    ]
    worked = runs.get("floor", {}).get("cpu")
    for name, run in runs.items():
        ratio = f"{run['seconds'] / floor:6.2f} × floor" if floor else ""
        of_work = f"{run['cpu'] / worked:6.2f} × floor" if worked else ""
        lines.append(
            f"  {name:<10} {run['seconds']:8.2f} s {ratio}   {run['cpu']:8.2f} s CPU {of_work}   "
            f"{run['peak_mb']:6.0f} MB"
        )
    for other in ("duckdb", "pandas", "chdb"):
        if other in runs and "flipstats" in runs:
            mine, theirs, build = (runs[n]["seconds"] for n in ("flipstats", other, "build"))
            paid = f"; build has paid after {build / (theirs - mine):.0f} questions" if theirs > mine else ""
            lines.append(f"  flipstats / {other}: {mine / theirs:.2f}{paid}")
    lines.append("  same rows from all engines" if result["equal"] else "  ROWS DIFFER")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--engines", metavar="NAME,..", help=f"of {', '.join(engines.ENGINES)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each engine")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.folder)))
        return
    names = chosen(parser, given.engines)
    with tempfile.TemporaryDirectory(prefix="flipstats-benchmark-") as folder:
        result = measure(given.events, names, Path(folder), given.rounds)
    print(report(result))
    if given.json:
        given.json.write_text(json.dumps(written(result), indent=1), encoding="utf-8")
    if not result["equal"]:
        raise SystemExit(1)


def chosen(parser: argparse.ArgumentParser, asked: str | None) -> list[str]:
    """Return the engines to run: those asked for, else all that are installed."""
    names = [name for name in (asked or ",".join(engines.ENGINES)).split(",") if name != "build"]
    if unknown := [name for name in names if name not in engines.ENGINES]:
        parser.error(f"no engine {unknown[0]!r}; the engines are {', '.join(engines.ENGINES)}")
    absent = [n for n in names if n in ("duckdb", "chdb") and importlib.util.find_spec(n) is None]
    if absent and asked:
        parser.error(f"{absent[0]} is not installed; pip install 'flipstats[bench,duckdb]'")
    for name in absent:
        print(f"  {name} is not installed and is left out", file=sys.stderr)
    return [name for name in names if name not in absent]


if __name__ == "__main__":
    main()
