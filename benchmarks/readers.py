"""Speed of the readers, as ratios to polars merely reading the same file: python benchmarks/readers.py.

Every measurement is a process of its own; flipstats and polars take turns. The rows are counted: a fast
reader that lost one would be of no use.
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

import numpy as np
import polars as pl
from memory import peak_mb

ROUNDS = 3
_HEADER = [
    "Time",
    "User full name",
    "Affected user",
    "Event context",
    "Component",
    "Event name",
    "Description",
]
_HEADER += ["Origin", "IP address"]


def moodle_log(file: Path, rows: int) -> None:
    """Write a log of a course with 2,000 learners and 60 activities, newest first, as Moodle does."""
    draw = np.random.default_rng(1)
    user, module = draw.integers(2, 2002, rows), draw.integers(300, 360, rows)
    seconds = np.sort(draw.integers(0, 180 * 86_400, rows))[::-1]
    frame = pl.DataFrame({"user": user, "module": module, "s": seconds}).with_columns(
        at=pl.datetime(2024, 1, 8) + pl.duration(seconds=pl.col("s"))
    )
    name = pl.format("Ann Lee {}", "user")
    frame.select(
        pl.col("at").dt.strftime("%d/%m/%y, %H:%M:%S").alias("Time"),
        name.alias("User full name"),
        pl.lit("-").alias("Affected user"),
        pl.format("Page: Film {}", "module").alias("Event context"),
        pl.lit("Page").alias("Component"),
        pl.lit("Course module viewed").alias("Event name"),
        pl.format(
            "The user with id '{}' viewed the 'page' activity with course module id '{}'.", "user", "module"
        ).alias("Description"),
        pl.lit("web").alias("Origin"),
        pl.format("10.0.{}.7", pl.col("user") % 250).alias("IP address"),
    ).select(_HEADER).write_csv(file)


def xapi(file: Path, rows: int) -> None:
    """Write as many statements, one a line."""
    draw = np.random.default_rng(2)
    who, what = draw.integers(0, 2000, rows), draw.integers(0, 60, rows)
    verb = "http://adlnet.gov/expapi/verbs/experienced"
    with file.open("w", encoding="utf-8") as lines:
        for user, video in zip(who, what, strict=True):
            statement = {"actor": {"mbox": f"mailto:u{user}@x.org"}, "verb": {"id": verb}}
            statement |= {"object": {"id": f"https://x.org/v/{video}"}, "timestamp": "2024-03-18T08:00:00Z"}
            lines.write(json.dumps(statement) + "\n")


def openedx_log(file: Path, rows: int) -> None:
    """Write as many events of a tracking log: plays and pauses of videos, and pages opened."""
    draw = np.random.default_rng(3)
    who, what, at = (draw.integers(0, n, rows) for n in (2000, 60, 86_400))
    with file.open("w", encoding="utf-8") as lines:
        for n, (user, video, second) in enumerate(zip(who, what, np.sort(at), strict=True)):
            name = ("play_video", "pause_video", "seq_next")[n % 3]
            event = json.dumps({"id": f"video{video}", "currentTime": 30 * (n % 3), "duration": 300})
            told = {"username": f"u{user}", "event_type": name, "name": name, "event_source": "browser"}
            told |= {"event": event, "context": {"user_id": int(user), "course_id": "c", "org_id": "o"}}
            told["time"] = f"2024-03-18T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+00:00"
            lines.write(json.dumps(told) + "\n")


def logstore(file: Path, rows: int) -> None:
    """Write as many rows of the log table, with what PHP serialises."""
    draw = np.random.default_rng(4)
    user, module = draw.integers(2, 2002, rows), draw.integers(300, 360, rows)
    seconds = 1_704_700_000 + np.sort(draw.integers(0, 180 * 86_400, rows))
    done = draw.integers(0, 10, rows) == 0
    state = 'a:1:{s:15:"completionstate";i:1;}'
    pl.DataFrame({"id": np.arange(rows), "user": user, "module": module, "s": seconds, "d": done}).select(
        "id",
        pl.when("d")
        .then(pl.lit("\\core\\event\\course_module_completion_updated"))
        .otherwise(pl.lit("\\mod_page\\event\\course_module_viewed"))
        .alias("eventname"),
        pl.lit(70).alias("contextlevel"),
        pl.col("module").alias("contextinstanceid"),
        pl.col("user").alias("userid"),
        pl.col("user").alias("relateduserid"),
        pl.lit(0).alias("anonymous"),
        pl.when("d").then(pl.lit(state)).otherwise(pl.lit("N;")).alias("other"),
        pl.col("s").alias("timecreated"),
        pl.lit("").alias("realuserid"),
    ).write_csv(file)


# How each is written, and how many rows of it stand for one of the log.
FILES = {
    "moodle_log": ("log.csv", moodle_log, 1.0),
    "moodle_logstore": ("logstore.csv", logstore, 1.0),
    "xapi": ("statements.ndjson", xapi, 0.1),
    "openedx_log": ("tracking.ndjson", openedx_log, 0.1),
}


def one(name: str, engine: str, file: Path) -> dict[str, float]:
    """Read a file once in this process."""
    if engine == "flipstats":
        from flipstats.readers import Context, read

        begun = time.perf_counter()
        rows = read(file, Context(timezone="Europe/Paris"), format=name).account.read
    else:
        begun = time.perf_counter()
        rows = (pl.read_csv if file.suffix == ".csv" else pl.read_ndjson)(file).height
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "peak_mb": peak_mb(), "rows": rows}


def apart(name: str, engine: str, file: Path) -> dict[str, float]:
    """Read a file once in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--engine", engine, "--file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}, {engine} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str, rows: int, folder: Path) -> dict:
    """Let flipstats and polars take turns on one file."""
    file_name, write, share = FILES[name]
    file, rows = folder / file_name, int(rows * share)
    write(file, rows)
    engines = ("flipstats", "polars")
    runs = {engine: [] for engine in engines}
    for _ in range(ROUNDS):
        for engine in engines:
            runs[engine].append(apart(name, engine, file))
    medians = {
        engine: {
            key: round(statistics.median(r[key] for r in runs[engine]), 3) for key in ("seconds", "peak_mb")
        }
        for engine in engines
    }
    ratio = medians["flipstats"]["seconds"] / medians["polars"]["seconds"]
    whole = all(run["rows"] == rows for of in runs.values() for run in of)
    return {"rows": rows, "engines": medians, "ratio": round(ratio, 2), "equal": whole}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    for hidden in ("--one", "--engine", "--file"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.engine, Path(given.file))))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measure(name, given.rows, Path(folder)) for name in FILES}
    for name, told in found.items():
        ours = told["engines"]["flipstats"]
        print(
            f"{name:<15} {told['rows']:>9,} rows  {ours['seconds']:6.2f} s  {ours['peak_mb']:6.0f} MB  "
            f"{told['rows'] / ours['seconds']:>9,.0f} rows/s  "
            f"{told['ratio']:5.2f} × polars' own read  {'every row' if told['equal'] else 'ROWS LOST'}"
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if not all(told["equal"] for told in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
