"""One export on its own: its canonical tables, and the account of its records."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flipstats import readers
from flipstats.i18n import has, listing, t
from flipstats.privacy import KEY_BYTES, organisation_key, pseudonym
from flipstats.readers.base import Context, Reading
from flipstats.tables_out import guarded

SHOWN = 100


@dataclass(frozen=True, slots=True)
class OneFile:
    """What one export gives; ``str()`` says it, `to_dict` is what ``flipstats read --json`` prints."""

    file: str
    reading: Reading

    def to_dict(self) -> dict:
        """Return format, confidence, row counts by table, the account and the warnings."""
        account = self.reading.account
        lines = account.frame().filter(pl.col("outcome") == "set_aside").head(SHOWN)
        return {
            "format": self.reading.format,
            "confidence": self.reading.confidence,
            "tables": table_counts(self.reading),
            "rows_read": account.read,
            "rows_kept": account.kept,
            "rows_merged": account.count("merged"),
            "rows_set_aside": account.count("set_aside"),
            "set_aside": [
                {"record": record, "reason": reason_text(reason)}
                for record, reason in lines.select("record", "reason").iter_rows()
            ],
            "warnings": self.reading.warnings,
        }

    def __str__(self) -> str:
        content = self.to_dict()
        tables = listing([_counted(name, n) for name, n in content["tables"].items()]) or "–"
        lines = [
            t("read.format", file=self.file, format=content["format"]),
            t(
                "read.account",
                n=content["rows_read"],
                **{k: v for k, v in content.items() if k.startswith("rows_")},
            ),
            t("read.tables", tables=tables),
        ]
        for outcome in ("set_aside", "merged", "note"):
            for reason, n in self.reading.account.reasons(outcome).most_common():
                lines.append(t(f"read.{outcome}", n=n, reason=reason_text(reason)))
        lines += [t("read.warning", text=text) for text in content["warnings"]]
        return "\n".join(lines)


def _counted(table: str, n: int) -> str:
    """Say how many rows a table gets, in words."""
    return t(f"counts.{table}", n=n) if has(f"counts.{table}") else f"{n} {table}"


def table_counts(reading: Reading) -> dict[str, int]:
    """Return how many rows each canonical table gets.

    ``learners`` counts people, staff left out, where the export is not itself a list of them; ``attempts``
    counts attempts, their questions being ``items``; a meeting counts as a session.
    """
    counts = {name: frame.height for name, frame in reading.tables.items()}
    if "meetings" in counts:
        counts["sessions"] = counts.pop("meetings")
    if "attempts" in counts:
        attempts = reading.tables["attempts"]
        whole = attempts.filter(pl.col("item_id").is_null()) if "item_id" in attempts.columns else attempts
        tried = whole.filter(pl.col("missing_reason").ne_missing("no_attempt"))
        counts["attempts"], counts["items"] = tried.height, attempts.height - whole.height
    if "learners" not in counts:
        staff = reading.people.filter((pl.col("kind") == "role") & (pl.col("value") == "staff"))["person"]
        named = [f["person"] for f in reading.tables.values() if "person" in f.columns]
        counts["learners"] = len({p for column in named for p in column.drop_nulls()} - set(staff))
    return {name: n for name, n in sorted(counts.items()) if n}


def read_one(
    file: Path, context: Context | None = None, *, form: str = "auto", out: Path | None = None
) -> OneFile:
    """Read one export; with `out`, write its canonical tables there as CSV, people as pseudonyms.

    The pseudonyms are made with the key in `out`, where there is one, and else with a new key that is thrown
    away: they then say who is the same inside this file, and no more.

    Raises
    ------
    InputError
        The file cannot be read as that format.
    """
    reading = readers.read(file, context or Context(), format=form)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        key = organisation_key(out) if (out / "flipstats.key").exists() else secrets.token_bytes(KEY_BYTES)
        for name, frame in reading.tables.items():
            guarded(_anonymous(frame, reading, key)).write_csv(out / f"{name}.csv")
        guarded(reading.account.frame()).write_csv(out / "account.csv")
    return OneFile(file.name, reading)


def _anonymous(frame: pl.DataFrame, reading: Reading, key: bytes) -> pl.DataFrame:
    if "person" not in frame.columns:
        return frame
    addresses = dict(reading.people.filter(pl.col("kind") == "email").select("person", "value").iter_rows())
    names = {
        person: pseudonym(key, "email:" + addresses[person] if person in addresses else person)
        for person in frame["person"].unique().drop_nulls()
    }
    learner = pl.col("person").replace_strict(names, default=None, return_dtype=pl.String)
    return frame.with_columns(learner.alias("learner_id")).drop("person")


def reason_text(reason: str) -> str:
    """Return why a record was merged, set aside or noted, in words."""
    key = "reasons." + reason
    return t(key) if has(key) else reason
