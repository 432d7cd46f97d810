"""What stands behind the numbers: sources and their account, thresholds, definitions, and what is missing."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING

import polars as pl

from flipstats import i18n, metrics
from flipstats.conventions import DEFAULTS, unit_of
from flipstats.display.blocks import Html, notice, table
from flipstats.headline import CORE, computable_once
from flipstats.i18n import number, t
from flipstats.schema import LEVELS

if TYPE_CHECKING:
    from flipstats.study import Study

_HASH_SHOWN = 16


def limits(study: Study) -> Html:
    """Show what these data cannot say, each with its reason."""
    missing = [entry for entry in computable_once(study) if entry.status == "not_computable"]
    if not missing:
        return Html(f"<p>{escape(t('report.all_computable'))}</p>")
    by_indicator: dict[tuple[str, str], list[str]] = {}
    for entry in missing:
        depths = by_indicator.setdefault((entry.key, entry.reason or "no_coverage"), [])
        depths.extend([entry.depth] if entry.depth else [])
    frame = pl.DataFrame(
        {
            t("report.column_indicator"): [_at(key, depths) for (key, _), depths in by_indicator.items()],
            t("report.column_why"): [metrics.reason_text(reason) for _, reason in by_indicator],
        }
    )
    return table(frame, t("report.caption_limits"))


def _at(key: str, depths: list[str]) -> str:
    """Name an indicator, with the depths at which it is missing unless it is missing at all of them."""
    name = metrics.title(key)
    if len(depths) in (0, len(LEVELS)):
        return name
    return t("report.at_depth", name=name, depths=i18n.listing([metrics.title(depth) for depth in depths]))


def sources(study: Study) -> Html:
    """Show the account of every source: read = kept + merged + set aside, and why records were set aside."""
    if not study.has("sources"):
        return notice(t("report.no_sources"))
    files = study.table("sources").sort("file").collect()
    zone = study.programme.timezone
    counts = {
        name: [number(n, 0) for n in files[f"rows_{name}"]]
        for name in ("read", "kept", "merged", "set_aside")
    }
    account = pl.DataFrame(
        {
            t("report.column_file"): files["file"],
            t("report.column_format"): files["format"],
            t("report.column_until"): [i18n.date(when, zone) for when in files["covers_to"]],
            **{t(f"report.column_{name}"): values for name, values in counts.items()},
            t("report.column_sha256"): [digest[:_HASH_SHOWN] for digest in files["sha256"]],
        }
    )
    listed = table(account, t("report.caption_sources"), note=t("report.note_sources", n=_HASH_SHOWN))
    sums = {name: number(files[f"rows_{name}"].sum(), 0) for name in ("read", "kept", "merged", "set_aside")}
    summary = t("report.summary_sources", n=files.height, **sums)
    folded = f'<details class="fs-annex"><summary>{escape(t("report.all_files"))}</summary>{listed}</details>'
    said = "".join(f"<li>{escape(str(warning))}</li>" for warning in study.warnings())
    doubts = f"<p>{escape(t('report.readers_say'))}</p><ul>{said}</ul>" if said else ""
    return Html(f"<p>{escape(summary)}</p>{doubts}") + _reasons(study) + folded


def _reasons(study: Study) -> Html:
    lines = (
        study.table("account")
        .group_by("outcome", "reason")
        .agg(pl.len().alias("records"), pl.col("source_id").n_unique().alias("files"))
        .sort("outcome", "records", descending=[False, True])
        .collect()
    )
    if not lines.height:
        return Html()
    frame = pl.DataFrame(
        {
            t("report.column_reason"): [reason_words(reason) for reason in lines["reason"]],
            t("report.column_outcome"): [t(f"report.outcome_{outcome}") for outcome in lines["outcome"]],
            t("report.column_records"): [number(n, 0) for n in lines["records"]],
            t("report.column_in_files"): [number(n, 0) for n in lines["files"]],
        }
    )
    return table(frame, t("report.caption_reasons"), note=t("report.note_reasons"))


def reason_words(reason: str) -> str:
    """Return the words for why a record was set aside, merged or noted."""
    return t(f"reasons.{reason}") if i18n.has(f"reasons.{reason}") else reason


def thresholds(study: Study) -> Html:
    """Show every threshold in force with its unit, folded away; those a study changed are marked."""
    default = asdict(DEFAULTS)
    lines = [
        (f"report.threshold_{name}", value, unit_of(name), value != default[name])
        for name, value in asdict(study.thresholds).items()
    ]
    frame = pl.DataFrame(
        {
            t("report.column_threshold"): [
                t(key) if i18n.has(key) else key.split("_", 1)[1] for key, *_ in lines
            ],
            t("report.column_value"): [_plain(value) for _, value, _, _ in lines],
            t("report.column_unit"): [_unit(unit) for _, _, unit, _ in lines],
            t("report.column_origin"): [
                t("report.origin_study") if changed else t("report.origin_default") for *_, changed in lines
            ],
        }
    )
    changed = sum(changed for *_, changed in lines)
    words = t("report.all_thresholds", n=len(lines), changed=number(changed, 0))
    return Html(
        f'<details class="fs-annex"><summary>{escape(words)}</summary>'
        f"{table(frame, t('report.caption_thresholds'))}</details>"
    )


def _plain(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 2)


def _unit(unit: str) -> str:
    key = "report.unit_" + unit.replace(" ", "_").replace("-", "_")
    return t(key) if i18n.has(key) else unit


def definitions(study: Study) -> Html:
    """Show the indicators the report rests on, what each counts and the version of its definition."""
    frame = pl.DataFrame(
        {
            t("report.column_indicator"): [metrics.title(key) for key in CORE],
            t("report.column_key"): list(CORE),
            t("report.column_meaning"): [
                metrics.dictionary_text(key, "formula", study.thresholds) for key in CORE
            ],
            t("report.column_version"): [str(metrics.definition(key).version) for key in CORE],
        }
    )
    return table(frame, t("report.caption_definitions"))
