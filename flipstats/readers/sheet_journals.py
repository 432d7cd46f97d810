"""Sheets read by a mapping that are no attendance, score or consultation: questionnaires and journals."""

from __future__ import annotations

import polars as pl

from flipstats import schema
from flipstats.readers.mapping_model import AdaptationsMapping, ContactsMapping, FeedbackMapping, Ratings
from flipstats.readers.sheet_cells import Sheet, meaning
from flipstats.readers.text import normal

_ANSWER = {
    "record": pl.Int64, "person": pl.String, "item": pl.String, "rating": pl.Float64,
    "scale_max": pl.Float64, "comment": pl.String, "at": pl.Datetime("us", "UTC"), "phase": pl.String,
}  # fmt: skip


def feedback(sheet: Sheet, mapping: FeedbackMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    """Return ``feedback``: a row for each answer to each question; a record without any is set aside."""
    fields = mapping.fields
    at = sheet.optional_moments(fields.at)
    ratings = _ratings(sheet, fields.ratings) if fields.ratings else {}
    comments = {column: sheet.text(column, ("", "-")) for column in fields.comments}
    given = pl.DataFrame(
        [s.is_not_null().alias(str(i)) for i, s in enumerate((*ratings.values(), *comments.values()))]
    )
    sheet.fate.aside(~given.select(pl.any_horizontal(pl.all())).to_series(), "no_answer")
    scale = fields.ratings.scale_max if fields.ratings else None
    parts = [pl.DataFrame(schema=_ANSWER)]
    for item, (rating, comment) in _questions(ratings, comments).items():
        columns = {"person": person, "rating": rating, "comment": comment, "at": at}
        answered = sheet.kept({name: values for name, values in columns.items() if values is not None})
        answered = answered.with_columns(
            item=pl.lit(item),
            scale_max=pl.lit(None if rating is None else scale, pl.Float64),
            phase=pl.lit(fields.phase, pl.String),
        )
        value = "rating" if rating is not None else "comment"
        parts.append(answered.drop_nulls(value))
    found = pl.concat(parts, how="diagonal").select(list(_ANSWER))
    return {"feedback": found.sort("record", maintain_order=True)}


def _ratings(sheet: Sheet, told: Ratings) -> dict[str, pl.Series]:
    """Return the ratings of each question; a number off the scale, or a word nobody explains, is left out."""
    known = {normal(word): value for word, value in told.map.items()}
    out = {}
    for column in told.columns:
        if known:
            cells = sheet.text(column, told.missing)
            meant = {cell: known.get(normal(cell)) for cell in cells.drop_nulls().unique()}
            values = cells.replace_strict(meant, default=None, return_dtype=pl.Float64)
            sheet.fate.note(values.is_null() & cells.is_not_null(), "cell_left_out")
        else:
            values = sheet.number(column, told.missing)
        outside = (values < 0) | (values > told.scale_max)
        sheet.fate.note(outside, "cell_left_out")
        out[column] = values.set(outside.fill_null(value=False), None)
    return out


def _questions(
    ratings: dict[str, pl.Series], comments: dict[str, pl.Series]
) -> dict[str, tuple[pl.Series | None, pl.Series | None]]:
    """Return each question by its header, in one line, with its ratings or its words."""
    named = {" ".join(column.split()): (values, None) for column, values in ratings.items()}
    return named | {" ".join(column.split()): (None, words) for column, words in comments.items()}


def contacts(sheet: Sheet, mapping: ContactsMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    """Return ``contacts``: a row for each line of the journal."""
    fields, kind = mapping.fields, mapping.fields.kind
    at = _when(sheet, fields.at)
    answered = sheet.optional_moments(fields.answered_at)
    sheet.fate.aside(answered < at, "ends_before_start")
    kinds = pl.Series([kind.value], dtype=pl.String).new_from_index(0, sheet.frame.height)
    if kind.column is not None:
        cells = sheet.text(kind.column)
        words = kind.map or {word: word for word in schema.TABLES["contacts"].by_name["kind"].allowed}
        found = meaning(cells, words)
        sheet.fate.aside(found.is_null() & cells.is_not_null(), "value_not_mapped")
        kinds = found.fill_null(kind.value)
    return {"contacts": sheet.kept({"person": person, "at": at, "answered_at": answered, "kind": kinds})}


def adaptations(sheet: Sheet, mapping: AdaptationsMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    """Return ``adaptations``: a row for each line of the journal."""
    fields = mapping.fields
    at, what = _when(sheet, fields.at), sheet.text(fields.what)
    sheet.fate.aside(what.is_null(), "no_answer")
    reason = sheet.text(fields.reason) if fields.reason else what.clear(len(what))
    return {"adaptations": sheet.kept({"person": person, "at": at, "reason": reason, "what": what})}


def _when(sheet: Sheet, moment: object) -> pl.Series:
    found = sheet.moments(moment)
    sheet.fate.aside(found.missing, "no_such_time")
    sheet.fate.aside(found.values.is_null(), "no_time")
    sheet.fate.note(found.assumed, "repeated_hour")
    return found.values
