"""How far the data carry: what can be computed, what is known, what a person should look at."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

import polars as pl

from flipstats import i18n, metrics
from flipstats.build.check import oddities
from flipstats.display.blocks import Html, notice, table
from flipstats.i18n import number, percent, t
from flipstats.indicators.cells import DEPTHS

if TYPE_CHECKING:
    from flipstats.study import Study


@lru_cache(maxsize=1)
def _found(study: Study) -> list[metrics.Computable]:
    return metrics.computable(study)


def standing(study: Study) -> Html:
    """Show in a few sentences how far the data carry: records, indicators, things to look at."""
    files = study.table("sources").collect()
    whole, partly, none = counted(study)
    lines = [t("report.quality_indicators", whole=whole, partly=partly, none=none)]
    if files.height:
        sums = {
            name: number(files[f"rows_{name}"].sum(), 0) for name in ("read", "kept", "merged", "set_aside")
        }
        lines.insert(0, t("report.summary_sources", n=files.height, **sums))
    odd = oddities(study)
    lines.append(t("report.quality_odd", n=len(odd)) if odd else t("check.nothing_odd"))
    return Html('<ul class="fs-list">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>")


def counted(study: Study) -> tuple[int, int, int]:
    """Return how many indicators can be computed whole, partly and not at all."""
    found = _found(study)
    whole = {entry.key for entry in found if entry.status == "computable"}
    partly = {entry.key for entry in found if entry.status == "partly"} - whole
    return len(whole), len(partly), len({entry.key for entry in found} - whole - partly)


def computed(study: Study) -> Html:
    """Show for every indicator whether these exports allow it, at which depth, and why not."""
    words = {status: t(f"report.status_{status}") for status in ("computable", "partly", "not_computable")}
    alike: dict[tuple[str, str, str], list[str]] = {}
    for entry in _found(study):
        why = metrics.reason_text(entry.reason) if entry.reason else ""
        depths = alike.setdefault((entry.key, entry.status, why), [])
        depths.extend([metrics.title(entry.depth)] if entry.depth else [])
    lines = [
        (metrics.title(key), i18n.listing(depths) or "–", words[status], why)
        for (key, status, why), depths in alike.items()
    ]
    names = ("indicator", "depth", "status", "why")
    columns = zip(*lines, strict=True)
    frame = pl.DataFrame(
        {t(f"report.column_{name}"): list(of) for name, of in zip(names, columns, strict=True)}
    )
    return table(frame, t("report.caption_computed"), note=t("report.note_computed"))


def known(study: Study, *, role: str = "research") -> Html:
    """Show how much of the preparation of each group is known, at each depth.

    What is not known is neither done nor left undone: a rate rests on what is known only.
    """
    shares = {
        depth: metrics.consultation_rate(study, ["cohort_id"], depth=depth, role=role).filter(
            pl.col("statistic") == "rate"
        )
        for depth in DEPTHS
    }
    first = next(iter(shares.values()))
    if not first["coverage"].is_not_null().any():
        return notice(metrics.reason_text("no_plan"), label=t("report.not_computable"))
    cohorts = (
        study.table("cohorts").select("cohort_id", pl.coalesce("title", "cohort_id").alias("name")).collect()
    )
    named = dict(cohorts.iter_rows())
    rows = [i for i, of in enumerate(first["coverage"]) if of is not None]
    frame = pl.DataFrame(
        {
            t("report.column_group"): [named.get(first["cohort_id"][i], "–") for i in rows],
            **{metrics.title(depth): [_share(of, i) for i in rows] for depth, of in shares.items()},
        }
    )
    return table(frame, t("report.caption_known"), note=t("report.note_known"))


def _share(rows: pl.DataFrame, i: int) -> str:
    return percent(rows["coverage"][i])


def odd(study: Study) -> Html:
    """Show what a person should look at, one notice each."""
    found = oddities(study)
    if not found:
        return Html(f"<p>{escape(t('check.nothing_odd'))}</p>")
    return Html("".join(notice(text) for text in found))
