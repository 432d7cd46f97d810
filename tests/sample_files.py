"""The files of the shipped sample, for the tests of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from zoneinfo import ZoneInfo

SHIPPED = Path(__file__).parents[1] / "data" / "sample"
EXPORTS = SHIPPED / "exports"
PARIS = ZoneInfo("Europe/Paris")
SHEETS = ("cohorts", "sessions", "resources", "assessments", "changes", "workload")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def rows(file: Path, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.read_text(encoding=encoding), newline=""), delimiter=delimiter))


def log(iteration: int) -> list[dict[str, str]]:
    (file,) = EXPORTS.glob(f"logs_SECINC-{2023 + iteration}_*.csv")
    header, *body = rows(file)
    return [dict(zip(header, cells, strict=True)) for cells in body]
