"""Is a study sound: what is computable, what is missing, what is odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from flipstats import metrics
from flipstats.build.one_file import reason_text
from flipstats.i18n import listing, percent, t

if TYPE_CHECKING:
    from flipstats.study import Study


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check_study` found; ``str()`` is the page a person reads."""

    sources: list[dict]
    set_aside: list[dict]
    computable: list[dict]
    odd: list[str]

    def to_dict(self) -> dict:
        """Return what ``flipstats check --json`` prints."""
        return {
            "sources": self.sources,
            "set_aside": self.set_aside,
            "computable": self.computable,
            "odd": self.odd,
        }

    def __str__(self) -> str:
        lines = [t("check.sources")]
        lines += [t("check.source", **row) for row in self.sources]
        if self.set_aside:
            lines += ["", t("check.set_aside")]
            for row in self.set_aside:
                files = listing(row["files"][:2]) + (" …" if len(row["files"]) > 2 else "")
                lines.append(f"  {row['n']:>7}  {row['reason']} ({files})")
        lines += ["", t("check.computable")]
        for row in self.computable:
            mark = {"computable": "✓", "partly": "~", "not_computable": "–"}[row["status"]]
            lines.append(f"  {mark} {row['title']}" + (f": {row['reason']}" if row["reason"] else ""))
        lines += ["", t("check.odd" if self.odd else "check.nothing_odd")]
        lines += [f"  ! {text}" for text in self.odd]
        return "\n".join(lines)


def check_study(study: Study) -> Checked:
    """Look a study over.

    Returns
    -------
    Checked
        The account of each source, why rows were set aside, which indicators are computable at which level
        and why others are not, and what a person should look at.
    """
    sources = study.table("sources").collect()
    account = study.table("account").filter(pl.col("outcome") == "set_aside").collect()
    reasons = (
        account.join(sources.select("source_id", "file"), on="source_id", how="left", maintain_order="left")
        .group_by("reason")
        .agg(pl.len().alias("n"), pl.col("file").unique(maintain_order=True))
        .sort("n", "reason", descending=[True, False])
    )
    columns = ["file", "format", "rows_read", "rows_kept", "rows_merged", "rows_set_aside"]
    return Checked(
        sources=sources.select(columns).to_dicts(),
        set_aside=[
            {"reason": reason_text(reason), "n": n, "files": files}
            for reason, n, files in reasons.select("reason", "n", "file").iter_rows()
        ],
        computable=[
            {
                "metric": entry.key,
                "title": metrics.title(entry.key)
                + (f" ({t('metrics.' + entry.depth)})" if entry.depth else ""),
                "depth": entry.depth,
                "status": entry.status,
                "reason": metrics.reason_text(entry.reason) if entry.reason else None,
            }
            for entry in metrics.computable(study)
        ],
        odd=oddities(study),
    )


def oddities(study: Study) -> list[str]:
    """Return what a person should look at, one sentence each; empty where nothing is odd."""
    return [*study.warnings(), *_odd(study)]


def _odd(study: Study) -> list[str]:
    sessions = study.table("sessions").filter(pl.col("kind") == "session").collect()
    plan = study.table("plan").collect()
    out = []
    flipped = sessions.filter(pl.col("format").fill_null("").str.starts_with("flipped"))
    bare = flipped.join(plan.filter(pl.col("phase") == "pre"), on="session_id", how="anti")
    if bare.height:
        out.append(t("check.no_plan", n=bare.height, example=bare["session_id"][0]))
    late = plan.join(sessions, on="session_id").filter(
        (pl.col("phase") == "pre") & (pl.col("released_at") >= pl.col("starts_at"))
    )
    if late.height:
        out.append(t("check.released_late", n=late.height, example=late["session_id"][0]))
    enrolments = study.table("enrolments").collect()
    several = enrolments.group_by("learner_id").len().filter(pl.col("len") > 1).height
    if several:
        out.append(t("check.several_cohorts", n=several))
    empty = study.table("cohorts").collect().join(enrolments, on="cohort_id", how="anti")["cohort_id"]
    if len(empty):
        out.append(t("check.empty_cohort", n=len(empty), example=empty[0]))
    learners = study.table("learners").collect()
    untraced = learners.filter(pl.col("tracking") != "traced").height
    if untraced:
        out.append(t("check.untraced", n=untraced, share=percent(untraced / learners.height)))
    return out
