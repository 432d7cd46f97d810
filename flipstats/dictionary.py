"""The data dictionary, generated from the schema: `docs/tables.md` and `docs/tables.fr.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from flipstats.conventions import DEFAULTS, Thresholds, unit_of
from flipstats.i18n import LANGUAGES, in_language, t
from flipstats.schema import TABLES, Table


def tables_page(lang: str) -> str:
    """Return the page that describes every table and threshold, in Markdown.

    Examples
    --------
    >>> tables_page("en").startswith("# The tables of a study")
    True
    """
    with in_language(lang):
        parts = [f"# {t('dictionary.title')}", t("dictionary.intro")]
        parts += [_table(spec) for spec in TABLES.values()]
        parts.append(f"## {t('dictionary.thresholds')}\n\n" + t("dictionary.thresholds_intro"))
        rows = [
            f"| `{name}` | {getattr(DEFAULTS, name):g} | {unit_of(name)} |"
            for name in Thresholds.__dataclass_fields__
        ]
        names = [t(f"dictionary.{name}") for name in ("name", "default", "unit")]
        head = "| " + " | ".join(names) + " |\n|---|---|---|\n"
        parts.append(head + "\n".join(rows))
        return "\n\n".join(parts) + "\n"


def _table(spec: Table) -> str:
    heads = ("column", "type", "unit", "allowed", "meaning")
    lines = [
        f"## {spec.name}",
        "",
        t(f"schema.table_{spec.name}")
        + (" " + t("dictionary.key", key=", ".join(spec.key)) if spec.key else ""),
        "",
        "| " + " | ".join(t(f"dictionary.{head}") for head in heads) + " |",
        "|---|---|---|---|---|",
    ]
    for column in spec.columns:
        name = f"`{column.name}`" + ("\\*" if column.required else "")
        allowed = f"→ `{column.refers_to}`" if column.refers_to else ", ".join(column.allowed)
        if column.low is not None and column.high is not None:
            allowed = f"{column.low:g}–{column.high:g}"
        cells = [name, column.kind, column.unit or "", allowed, t(f"schema.column_{column.name}")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_pages(folder: Path) -> list[Path]:
    """Write the generated pages into a folder; returns their paths."""
    out = []
    for lang in LANGUAGES:
        path = folder / ("tables.md" if lang == "en" else f"tables.{lang}.md")
        path.write_text(tables_page(lang), encoding="utf-8")
        out.append(path)
    return out


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
