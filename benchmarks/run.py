"""Speed of stage one, as ratios to other engines in one interleaved run: python benchmarks/run.py --events N.

Every measurement is a process of its own, so that peak memory is its own too; the engines take turns, so
that a noisy machine is noisy to all of them. All engines but the floor must give the same rows.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import engines
import polars as pl

import data

ROUNDS = 3


def one(name: str, raw: Path, built: Path, rows: Path | None) -> dict[str, float]:
    """Run one engine in this process."""
    begun = time.perf_counter()
    if name == "build":
        engines.flipstats_build(raw, built)
    else:
        found = engines.ENGINES[name](raw, built)
        if rows is not None and name != "floor":
            found.write_parquet(rows)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def apart(name: str, folder: Path) -> dict[str, float]:
    """Run one engine in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def same_rows(folder: Path, names: list[str]) -> bool:
    """Whether all engines gave the same rows."""
    frames = [pl.read_parquet(folder / f"{name}.rows") for name in names if name != "floor"]
    counts = ["cohort_id", "session_id", "opened", "pairs"]
    close = all(
        ((a[c] - b[c]).abs().max() or 0) < 1e-9
        for a in frames[:1]
        for b in frames[1:]
        for c in ("value", "low", "high")
    )
    return close and all(frame.select(counts).equals(frames[0].select(counts)) for frame in frames)


def measure(events: int, names: list[str], folder: Path) -> dict:
    """Build once, then let the engines take turns."""
    raw = folder / "raw"
    raw.mkdir()
    data.write(raw, events)
    found = {name: [] for name in names}
    build = apart("build", folder)
    for _ in range(ROUNDS):
        for name in names:
            found[name].append(apart(name, folder))
    medians = {
        name: {key: round(statistics.median(run[key] for run in runs), 3) for key in ("seconds", "peak_mb")}
        for name, runs in found.items()
    }
    medians["build"] = {key: round(value, 3) for key, value in build.items()}
    return {"events": events, "engines": medians, "equal": same_rows(folder, names)}


def report(result: dict) -> str:
    """Return the table a person reads."""
    floor = result["engines"].get("floor", {}).get("seconds")
    lines = [
        f"{result['events']:,} events · {platform.machine()}, Python {platform.python_version()}, "
        f"polars {pl.__version__}"
    ]
    for name, run in result["engines"].items():
        ratio = f"{run['seconds'] / floor:6.2f} × floor" if floor else ""
        lines.append(f"  {name:<10} {run['seconds']:8.2f} s   {run['peak_mb']:8.0f} MB   {ratio}")
    lines.append("  same rows from all engines" if result["equal"] else "  ROWS DIFFER")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--engines", default=",".join(engines.ENGINES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        folder = given.folder
        print(json.dumps(one(given.one, folder / "raw", folder / "built", folder / f"{given.one}.rows")))
        return
    names = given.engines.split(",")
    if unknown := [name for name in names if name not in engines.ENGINES]:
        parser.error(f"no engine {unknown[0]!r}; the engines are {', '.join(engines.ENGINES)}")
    with tempfile.TemporaryDirectory() as folder:
        result = measure(given.events, names, Path(folder))
    print(report(result))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if not result["equal"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
