"""The raw files of the Open University data set: found, typed, and every record accounted for.

Records are numbered on through the files, in the order of `Account.files`: courses, assessments, vle,
studentInfo, studentRegistration, studentAssessment, then the click files by name.

J. Kuzilek, M. Hlosta, Z. Zdrahal (2017), Open University Learning Analytics dataset,
Scientific Data 4:170171.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flipstats.errors import InputError, did_you_mean
from flipstats.i18n import listing, t
from flipstats.readers.base import Account

PASSED = ("Pass", "Distinction")
CLICKS = "studentVle"
_COHORT = {"code_module": "text", "code_presentation": "text"}
# Kinds: text and int must be there; text? and int? and number? may be empty; flag is TRUE/FALSE, Y/N or 1/0.
_COLUMNS = {
    "courses": {**_COHORT, "module_presentation_length": "int"},
    "assessments": {**_COHORT, "id_assessment": "int", "assessment_type": "text", "date": "int?"},
    "vle": {"id_site": "int", **_COHORT, "activity_type": "text", "week_from": "int?"},
    "studentInfo": {
        **_COHORT, "id_student": "int", "gender": "text?", "region": "text?", "highest_education": "text?",
        "imd_band": "text?", "age_band": "text?", "num_of_prev_attempts": "int?", "studied_credits": "int?",
        "disability": "flag", "final_result": "text",
    },
    "studentRegistration": {
        **_COHORT, "id_student": "int", "date_registration": "int?", "date_unregistration": "int?",
    },
    "studentAssessment": {
        "id_assessment": "int", "id_student": "int", "date_submitted": "int?", "is_banked": "flag",
        "score": "number?",
    },
}  # fmt: skip
_KEYS = {
    "courses": ("cohort_id",),
    "assessments": ("id_assessment",),
    "vle": ("id_site",),
    "studentInfo": ("cohort_id", "id_student"),
    "studentRegistration": ("cohort_id", "id_student"),
    "studentAssessment": ("id_assessment", "id_student"),
}
_CLICK_COLUMNS = ("code_module", "code_presentation", "id_student", "id_site", "date", "sum_click")
_OPTIONAL = ("studentAssessment",)
_EMPTY = ["", "?"]  # the published CSVs write "?" where later copies leave the cell empty


@dataclass(slots=True)
class Raw:
    """The files of one folder, typed; frames hold ``record`` and ``cohort_id``, only the chosen cohorts."""

    folder: Path
    account: Account = field(default_factory=Account)
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


def looks_like(folder: Path) -> bool:
    """Return whether `folder` holds this data set's files."""
    return folder.is_dir() and all(
        _find(folder, name) is not None for name in _COLUMNS if name not in _OPTIONAL
    )


def read_files(folder: Path, cohorts: tuple[str, ...]) -> Raw:
    """Read every file of `folder`, keeping the presentations in `cohorts` (all of them when empty).

    Raises
    ------
    InputError
        A file is missing or unreadable, lacks a column, or a cohort asked for is not in ``courses``.
    """
    raw = Raw(folder)
    for name in _COLUMNS:
        if (file := _find(folder, name)) is not None:
            raw.frames[name] = _typed(name, file, raw.account)
        elif name in _OPTIONAL:
            raw.absent.append(name)
        else:
            raise InputError(t("readers_more.oulad_file_missing", folder=folder.name, file=f"{name}.csv"))
    _place_scores(raw)
    known = raw.frames["courses"]["cohort_id"].to_list()
    _check_cohorts(cohorts, known)
    clicks = _clicks(folder, raw)
    chosen = list(cohorts or known)
    for name, frame in [*raw.frames.items(), (CLICKS, clicks)]:
        if frame is not None:
            raw.frames[name] = _narrow(name, frame, raw.account, known, chosen)
    _link(raw)
    raw.account.kept = sum(frame.height for frame in raw.frames.values())
    return raw


def _find(folder: Path, name: str) -> Path | None:
    files = (folder / f"{name}{suffix}" for suffix in (".csv", ".parquet"))
    return next((file for file in files if file.is_file()), None)


def _check_cohorts(cohorts: tuple[str, ...], known: list[str]) -> None:
    for cohort in cohorts:
        if cohort not in known:
            near = did_you_mean(cohort, known)
            key = "oulad_cohort_unknown_near" if near else "oulad_cohort_unknown"
            raise InputError(t(f"readers_more.{key}", cohort=cohort, near=near, known=listing(sorted(known))))


def sieve(frame: pl.DataFrame, account: Account, reason: str, keep: pl.Expr) -> pl.DataFrame:
    """Keep the rows where `keep` is true and set the others aside for `reason`."""
    marked = frame.with_columns(keep.fill_null(False).alias("_keep"))
    account.add_many(marked.filter(~pl.col("_keep"))["record"], "set_aside", reason)
    return marked.filter("_keep").drop("_keep")


def _open(file: Path, name: str, columns: tuple[str, ...]) -> pl.LazyFrame:
    try:
        if file.suffix == ".parquet":
            lazy = pl.scan_parquet(file)
        else:
            kinds = dict.fromkeys(columns[2:], pl.Int64) if name == CLICKS else {}
            lazy = pl.scan_csv(
                file, infer_schema=False, schema_overrides=kinds, null_values=_EMPTY, ignore_errors=True
            )
        given = lazy.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(t("readers_more.oulad_unreadable", file=file.name)) from error
    if missing := [column for column in columns if column not in given]:
        raise InputError(
            t("readers_more.oulad_column_missing", file=file.name, n=len(missing), columns=listing(missing))
        )
    return lazy.select(columns)


def _collect(lazy: pl.LazyFrame, file: Path, account: Account) -> pl.DataFrame:
    try:
        frame = lazy.with_row_index("record", account.read + 1).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(t("readers_more.oulad_unreadable", file=file.name)) from error
    account.read += frame.height
    account.files.append((file.name, frame.height))
    return frame


def _cast(column: str, kind: str) -> pl.Expr:
    value = pl.col(column)
    if kind.startswith("text"):
        return value
    if kind == "flag":
        word = value.str.to_lowercase()
        known = pl.when(word.is_in(["true", "y", "1"])).then(True).when(word.is_in(["false", "n", "0"]))
        return known.then(False).otherwise(None).alias(column)
    # A day may be written 19.0 by tools that hold empty numbers as floats.
    decimal = value.cast(pl.Float64, strict=False)
    if kind.startswith("number"):
        return pl.when(decimal.is_finite()).then(decimal).alias(column)
    return pl.when(decimal == decimal.floor()).then(decimal.cast(pl.Int64, strict=False)).alias(column)


def _typed(name: str, file: Path, account: Account) -> pl.DataFrame:
    kinds = _COLUMNS[name]
    cell = pl.col(kinds).cast(pl.String).str.strip_chars()
    clean = _collect(_open(file, name, tuple(kinds)), file, account)
    clean = clean.with_columns(pl.when(~cell.is_in(_EMPTY)).then(cell).name.keep())
    typed = clean.select("record", *(_cast(column, kind) for column, kind in kinds.items()))
    good = [
        typed[column].is_not_null() | (clean[column].is_null() & kind.endswith("?"))
        for column, kind in kinds.items()
    ]
    typed = typed.with_columns(pl.all_horizontal(good).alias("_good"))
    typed = sieve(typed, account, "cell_unreadable", pl.col("_good")).drop("_good")
    if "code_module" in kinds:
        typed = typed.with_columns(cohort_id=pl.concat_str("code_module", "code_presentation", separator="-"))
        typed = sieve(typed, account, "presentation_unreadable", _is_presentation())
    return typed


def _is_presentation() -> pl.Expr:
    return pl.col("code_presentation").str.contains(r"^\d{4}[BJ]$")


def _clicks(folder: Path, raw: Raw) -> pl.DataFrame | None:
    files = sorted(f for f in folder.glob(f"{CLICKS}*") if f.suffix in (".csv", ".parquet"))
    if not files:
        raw.absent.append(CLICKS)
        return None
    parts = []
    for file in files:
        lazy = _open(file, CLICKS, _CLICK_COLUMNS).with_columns(
            pl.col("code_module", "code_presentation").cast(pl.String),
            pl.col(_CLICK_COLUMNS[2:]).cast(pl.Int64, strict=False),
        )
        parts.append(_collect(lazy, file, raw.account))
    whole = pl.all_horizontal(pl.col(_CLICK_COLUMNS).is_not_null())
    clicks = sieve(pl.concat(parts), raw.account, "cell_unreadable", whole)
    names = clicks.select("code_module", "code_presentation").unique()
    names = names.with_columns(cohort_id=pl.concat_str("code_module", "code_presentation", separator="-"))
    return clicks.join(
        names, on=["code_module", "code_presentation"], how="left", maintain_order="left"
    ).drop("code_module", "code_presentation")


def _narrow(
    name: str, frame: pl.DataFrame, account: Account, known: list[str], chosen: list[str]
) -> pl.DataFrame:
    if "cohort_id" in frame.columns:
        frame = sieve(frame, account, "unknown_cohort", pl.col("cohort_id").is_in(known))
        frame = sieve(frame, account, "other_cohort", pl.col("cohort_id").is_in(chosen))
    rest = [column for column in frame.columns if column != "record"]
    frame = sieve(frame, account, "duplicate_record", pl.struct(rest).is_first_distinct())
    if name in _KEYS:
        frame = sieve(frame, account, "repeated_key", pl.struct(_KEYS[name]).is_first_distinct())
    return frame


def _place_scores(raw: Raw) -> None:
    """Give each score the cohort of its assessment: its file names none."""
    if (scores := raw.frames.get("studentAssessment")) is None:
        return
    works = (
        raw.frames["assessments"].select("id_assessment", "cohort_id").unique("id_assessment", keep="first")
    )
    scores = scores.join(works, on="id_assessment", how="left", maintain_order="left")
    raw.frames["studentAssessment"] = sieve(
        scores, raw.account, "unknown_assessment", pl.col("cohort_id").is_not_null()
    )


def _link(raw: Raw) -> None:
    """Set aside what refers to a learner, site or assessment that the folder does not have."""
    frames, account = raw.frames, raw.account
    enrolled = ("cohort_id", "id_student")
    info, works = frames["studentInfo"], frames["assessments"]
    frames["studentRegistration"] = _known(frames["studentRegistration"], account, info, enrolled, "learner")
    if "studentAssessment" in frames:
        scores = _known(frames["studentAssessment"], account, works, ("id_assessment",), "assessment")
        frames["studentAssessment"] = _known(scores, account, info, enrolled, "learner")
    if CLICKS in frames:
        clicks = _known(frames[CLICKS], account, info, enrolled, "learner")
        frames[CLICKS] = _known(clicks, account, frames["vle"], ("cohort_id", "id_site"), "resource")


def _known(
    frame: pl.DataFrame, account: Account, other: pl.DataFrame, key: tuple[str, ...], what: str
) -> pl.DataFrame:
    known = other.select(key).unique().with_columns(_known=pl.lit(True))
    joined = frame.join(known, on=key, how="left", maintain_order="left")
    return sieve(joined, account, f"unknown_{what}", pl.col("_known")).drop("_known")
