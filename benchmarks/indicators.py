"""Time of indicators from stored facts, as ratios to the floor: python benchmarks/indicators.py --events N.

The floor is that of `run.py`: scan the events and one group-by. Each measurement is a process of its own that
opens the study, asks once by session (by cohort what has no sessions), and ends; the libraries are there
before the clock starts. The last ones read events too, beside the facts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import engines
from memory import peak_mb
from run import MEASURES

import data

ROUNDS = 3
INDICATORS = (
    "consultation_rate",
    "prepared_rate",
    "preparation_spread",
    "lead_time",
    "late_preparation_rate",
    "preparation_regularity",
    "dropout",
    "resource_reach",
)


def one(name: str, folder: Path) -> dict[str, float]:
    """Do one thing in this process."""
    from flipstats.metrics import METRICS, compute
    from flipstats.study import open_study

    raw, built = folder / "raw", folder / "built"
    if name == "data":
        data.write(raw, int((folder / "events").read_text()))
        engines.flipstats_build(raw, built, facts=True)
        return {}
    import scipy.special  # noqa: F401 (the t law of the intervals)

    begun, worked = time.perf_counter(), time.process_time()
    if name == "floor":
        engines.floor(raw, built)
    else:
        spec = METRICS[name]
        by = next(group for group in ("session_id", "cohort_id") if group in spec.groups)
        rows = compute(open_study(built), name, by=[by], depth="opened" if spec.depths else None)
        if rows["value"].is_null().all():
            raise SystemExit(f"{name}: no value, only {rows['reason'].unique().to_list()}")
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    return {"seconds": seconds, "peak_mb": peak_mb(), "cpu": cpu}


def apart(name: str, folder: Path) -> dict[str, float]:
    """Do one thing in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="flipstats-benchmark-") as made:
        folder = Path(made)
        (folder / "raw").mkdir()
        (folder / "events").write_text(str(given.events))
        apart("data", folder)
        names = ("floor", *INDICATORS)
        runs = {name: [] for name in names}
        for _ in range(given.rounds):
            for name in names:
                runs[name].append(apart(name, folder))
    medians = {
        name: {key: statistics.median(run[key] for run in found) for key in MEASURES}
        for name, found in runs.items()
    }
    floor = medians["floor"]
    for name, run in medians.items():
        ratio, work = run["seconds"] / floor["seconds"], run["cpu"] / floor["cpu"]
        print(
            f"{name:<24} {run['seconds']:7.2f} s {ratio:6.2f} × floor   {run['cpu']:7.2f} s CPU "
            f"{work:6.2f} × floor   {run['peak_mb']:6.0f} MB"
        )


if __name__ == "__main__":
    main()
