"""The dictionary of indicators, generated: `docs/indicators.md` and `docs/indicators.fr.md`.

Everything on these pages is taken from the definitions, the thresholds and the catalogue, and which export
makes which indicator computable is derived from what each indicator needs and each reader gives.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from flipstats.conventions import DEFAULTS, unit_of
from flipstats.i18n import LANGUAGES, in_language, number, t
from flipstats.indicators.definition import TEXTS, Definition
from flipstats.metrics import METRICS, statistic_title, title
from flipstats.readers import READERS
from flipstats.readers.gives import GIVES, Gives
from flipstats.schema import LEVELS

# Filled by the sheets and journals beside study.toml and by a list of participants, whatever the export.
BASE = frozenset(
    {"learners", "cohorts", "enrolments", "sessions", "resources", "plan"}
    | {"assessments", "changes", "workload", "sources"}
)
# A rule of completion stands on one of these, as the study declares it.
ONE_OF = {"completion_rate": frozenset({"attempts", "course_completions"})}
ONE_OF_BESIDE = dict.fromkeys(("dropout", "abandonment_after_failure"), ONE_OF["completion_rate"])
# What an indicator, or a part of it, needs to see, where few exports tell it.
TRACES = {
    "offline_share": "downloaded",
    "blocking_points": "items",
    "off_hours_share": "durations",
    "access_failure_rate": "failed_logins",
    "abandonment_after_failure": "failed_logins",
}
TRACES_OF_A_PART = {
    "study_slot_use": "durations",
    "pace": "durations",
    "resource_reach": "share_seen",
    "access_failure_rate": "login_names",
    "abandonment_after_failure": "login_names",
}
SIGNS = {"computable": "●", "partly": "◐", "not": "·"}


def computable_from(spec: Definition, gives: Gives) -> str:
    """Return whether one export makes an indicator computable, with the sheets and a list of participants.

    Returns
    -------
    {"computable", "partly", "not"}
        "partly" where the export gives some of the tables needed and another must give the rest, or where it
        does not tell every level of consultation of every resource.

    Examples
    --------
    >>> computable_from(METRICS["consultation_rate"], GIVES["moodle_log"])
    'partly'
    >>> computable_from(METRICS["start_score"], GIVES["moodle_participants"])
    'not'
    """
    has = BASE | gives.tables | ({"coverage"} if gives.levels else set())
    needed = set(spec.needs) - BASE
    one_of = ONE_OF.get(spec.key)
    if one_of is not None:
        return "computable" if one_of & has else "not"
    if (needed and not needed & has) or TRACES.get(spec.key, "") not in (*gives.traces, ""):
        return "not"
    if TRACES_OF_A_PART.get(spec.key, "") not in (*gives.traces, ""):
        return "partly"
    if spec.key in ONE_OF_BESIDE and not ONE_OF_BESIDE[spec.key] & has:
        return "partly"
    if TRACES.get(spec.key) == "downloaded" and not {*LEVELS} <= {*gives.levels}:
        return "partly"
    at_all = {"opened"} if "coverage" in spec.needs else set()  # without depths: seen or not
    asked = set(spec.depths) & set(LEVELS) or at_all
    levels = not asked or (gives.every_resource and asked <= set(gives.levels))
    return "computable" if needed <= has and levels else "partly"


def indicators_page(lang: str) -> str:
    """Return the page that explains every indicator, in Markdown.

    Examples
    --------
    >>> indicators_page("en").startswith("# The indicators")
    True
    """
    with in_language(lang):
        specs = sorted(METRICS.values(), key=lambda spec: int(spec.number))
        parts = [f"# {t('dictionary.indicators')}", t("dictionary.indicators_intro")]
        parts += [_contents(specs), *(_section(spec) for spec in specs)]
        parts += [f"## {t('dictionary.exports')}", t("dictionary.exports_intro", **SIGNS), _matrix(specs)]
        return "\n\n".join(parts) + "\n"


def _contents(specs: list[Definition]) -> str:
    return "\n".join(f"- {spec.number} [{title(spec.key)}](#{spec.key}) `{spec.key}`" for spec in specs)


def _section(spec: Definition) -> str:
    limits = {name: number(value, _digits(value)) for name, value in asdict(DEFAULTS).items()}
    lines = [f'<a id="{spec.key}"></a>', "", f"## {spec.number}. {title(spec.key)}", ""]
    for name in TEXTS:
        text = t(f"{spec.family}.{spec.key}_{name}", **limits)
        lines += [text if name == "question" else f"**{t(f'dictionary.text_{name}')}** {text}", ""]
    lines += [f"| {t('dictionary.property')} | |", "|---|---|"]
    lines += [f"| {t(f'dictionary.{name}')} | {cell} |" for name, cell in _properties(spec)]
    return "\n".join(lines)


def _digits(value: float) -> int:
    return 0 if float(value).is_integer() else len(str(value).partition(".")[2])


def _properties(spec: Definition) -> list[tuple[str, str]]:
    units = {statistic: title(f"unit_{spec.unit_of(statistic)}") for statistic in spec.statistics}
    statistics = "<br>".join(
        f"`{statistic}`: {statistic_title(statistic)} ({unit})" for statistic, unit in units.items()
    )
    thresholds = "<br>".join(
        f"`{name}` = {number(getattr(DEFAULTS, name), _digits(getattr(DEFAULTS, name)))} {unit_of(name)}"
        for name in spec.thresholds
    )
    nothing = t("dictionary.none")
    return [
        ("call", f"`metrics.{spec.key}(study)`"),
        ("version", str(spec.version)),
        ("statistics", statistics),
        ("direction", t(f"dictionary.direction_{spec.direction}")),
        ("groups", _codes((*spec.groups, "x_…") if "learner_id" in spec.groups else spec.groups)),
        ("depths", _codes(spec.depths) or nothing),
        ("needs", _codes(spec.needs)),
        ("default_thresholds", thresholds or nothing),
        ("source", spec.source),
    ]


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _matrix(specs: list[Definition]) -> str:
    head = "| " + " | ".join([t("dictionary.export"), *(_cell_head(spec, specs) for spec in specs)]) + " |"
    lines = [head, "|---" + "|:-:" * len(specs) + "|"]
    kinds = [(t("dictionary.sheets_alone"), Gives())]
    kinds += [(t(f"readers.format_{name}"), GIVES[name]) for name in READERS]
    for name, gives in kinds:
        cells = [SIGNS[computable_from(spec, gives)] for spec in specs]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _cell_head(spec: Definition, specs: list[Definition]) -> str:
    """Return the number of an indicator, with a letter where several share it."""
    alike = [other.key for other in specs if other.number == spec.number]
    letter = "abcdefgh"[alike.index(spec.key)] if len(alike) > 1 else ""
    return f"[{spec.number}{letter}](#{spec.key})"


def write_pages(folder: Path) -> list[Path]:
    """Write the generated pages into a folder; returns their paths."""
    out = []
    for lang in LANGUAGES:
        path = folder / ("indicators.md" if lang == "en" else f"indicators.{lang}.md")
        path.write_text(indicators_page(lang), encoding="utf-8")
        out.append(path)
    return out


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
