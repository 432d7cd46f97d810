"""What scored and unscored answers look like in a reading, whichever system gave them."""

from __future__ import annotations

import polars as pl

from flipstats.schema import TIME

ATTEMPTS = {
    "person": pl.String, "assessment": pl.String, "item_id": pl.String, "attempt": pl.Int64,
    "score": pl.Float64, "raw_score": pl.Float64, "maximum": pl.Float64, "missing_reason": pl.String,
    "started_at": TIME, "submitted_at": TIME, "record": pl.Int64,
}  # fmt: skip
FEEDBACK = {
    "person": pl.String, "item": pl.String, "rating": pl.Float64, "comment": pl.String, "at": TIME,
    "record": pl.Int64,
}  # fmt: skip
