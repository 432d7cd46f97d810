"""The demonstration: the sample's raw exports to a study to a report, in one go."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flipstats.build import build_study
from flipstats.errors import ParameterError
from flipstats.headline import Headline, headline
from flipstats.i18n import in_language, t
from flipstats.privacy import KEY_FILE
from flipstats.report import run_report
from flipstats.shipped import shipped

# Beside the truth, what somebody who built a study where the sample lies has left there.
_NOT_COPIED = (
    "truth.json", KEY_FILE, "CURRENT", "snapshots", ".readings", "reports", "notebooks", "who_is_who.csv",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demonstration made."""

    study: Path
    report: Path
    headline: Headline
    lang: str

    def to_dict(self) -> dict:
        """Return what ``flipstats demo --json`` prints."""
        lines = [
            {"key": line.key, "sentence": line.sentence, "caveat": line.caveat}
            for line in self.headline.lines
        ]
        return {"study": str(self.study), "report": str(self.report), "headline": lines}

    def text(self) -> str:
        """Return the headline, where the report lies, and the next command to try."""
        with in_language(self.lang):
            return "\n".join(
                [str(self.headline), "", t("demo.report", file=self.report), t("demo.next", study=self.study)]
            )


def run_demo(out: Path, lang: str, *, progress: Callable[[str, int, int], None] | None = None) -> Demo:
    """Copy the sample's exports to `out`, build the study there and write its report.

    A folder that an earlier demonstration made is brought up to date; any other folder is left alone.

    Raises
    ------
    ParameterError
        `out` holds something that is not a demonstration.
    """
    sample = shipped("sample")
    if out.exists() and any(out.iterdir()) and not (out / "study.toml").exists():
        raise ParameterError(t("demo.not_empty", folder=out))
    shutil.copytree(sample, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    with in_language(lang):
        built = build_study(out / "study.toml", progress=progress)
        report = run_report(out, lang=lang)
        return Demo(out, report, headline(built.study, lang), lang)
